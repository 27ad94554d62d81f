"""What a room shows is what it means to show, and it is described."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import pytest

import evaluation
import schema
import schema.export
import tasks
from schema.label import Label

Def = ast.FunctionDef | ast.AsyncFunctionDef
ENTRYPOINT = "evaluation.__main__"


class Public(NamedTuple):
    """A public name of a module and where its docstring should be."""

    name: str
    node: ast.Module | ast.ClassDef | Def


def module_names() -> Iterator[str]:
    yield "lln"
    for room in (schema, tasks, evaluation):
        yield room.__name__
        found = pkgutil.walk_packages(room.__path__, prefix=f"{room.__name__}.")
        yield from (module.name for module in found)


NAMES = tuple(module_names())


def public(node: ast.Module | ast.ClassDef, *, inside: str) -> Iterator[Public]:
    yield Public(inside, node)
    for child in node.body:
        if isinstance(child, ast.ClassDef) and not child.name.startswith("_"):
            yield from public(child, inside=f"{inside}.{child.name}")
        elif isinstance(child, Def) and not child.name.startswith("_"):
            yield Public(f"{inside}.{child.name}", child)


def test_schema_shows_exactly_what_it_lists() -> None:
    visible = [
        name
        for name, value in vars(schema).items()
        if not name.startswith("_") and not isinstance(value, ModuleType)
    ]

    assert sorted(visible) == list(schema.__all__)
    assert list(schema.__all__) == sorted(set(schema.__all__))


def test_schema_shows_every_model_that_a_file_is_made_of() -> None:
    shown = {getattr(schema, name) for name in schema.__all__}

    assert shown == {*schema.export.MODELS, Label}


@pytest.mark.parametrize("name", schema.__all__)
def test_what_schema_shows_has_its_own_docstring(name: str) -> None:
    assert inspect.cleandoc(vars(getattr(schema, name))["__doc__"] or "")


@pytest.mark.parametrize("name", [name for name in NAMES if name != ENTRYPOINT])
def test_what_a_module_lists_is_there(name: str) -> None:
    module = importlib.import_module(name)
    listed = getattr(module, "__all__", [])

    assert [each for each in listed if not hasattr(module, each)] == []
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_has_a_docstring(name: str) -> None:
    found = importlib.util.find_spec(name)
    assert found is not None
    assert found.origin is not None
    tree = ast.parse(Path(found.origin).read_text(encoding="utf-8"))

    assert [
        each.name for each in public(tree, inside=name) if not ast.get_docstring(each.node)
    ] == []
