"""Functions stay short, and a bare True says nothing at the place of the call."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("schema", "tasks", "evaluation", "baseline", "leaderboard")
LONGEST, MEDIAN = 50, 8

Def = ast.FunctionDef | ast.AsyncFunctionDef


class Function(NamedTuple):
    """A function and where it is."""

    where: str
    node: Def
    lines: tuple[str, ...]
    """Of its whole file."""


def files() -> tuple[Path, ...]:
    return (ROOT / "lln.py", *(path for room in ROOMS for path in (ROOT / room).rglob("*.py")))


def functions_of(text: str, *, name: str) -> Iterator[Function]:
    lines = tuple(text.splitlines())
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, Def):
            yield Function(f"{name}:{node.lineno} {node.name}", node, lines)


@cache
def functions() -> tuple[Function, ...]:
    return tuple(
        function
        for path in files()
        for function in functions_of(
            path.read_text(encoding="utf-8"), name=path.relative_to(ROOT).as_posix()
        )
    )


def docstring_lines(node: ast.AST) -> Iterator[int]:
    """Lines of every docstring in the function, those of functions inside it too."""
    for each in ast.walk(node):
        if isinstance(each, Def | ast.ClassDef) and ast.get_docstring(each) is not None:
            yield from range(each.body[0].lineno, (each.body[0].end_lineno or 0) + 1)


def code_lines(function: Function) -> int:
    """Lines from `def` to the end that hold code: no docstring, no comment, no blank line."""
    described = set(docstring_lines(function.node))
    within = range(function.node.lineno, (function.node.end_lineno or 0) + 1)
    lines = (function.lines[number - 1].strip() for number in within if number not in described)
    return sum(bool(line) and not line.startswith("#") for line in lines)


def positional_booleans(node: Def) -> list[str]:
    """Parameters that take a bare True: annotated `bool`, or with True or False as default."""
    parameters = [*node.args.posonlyargs, *node.args.args]
    defaults = [None] * (len(parameters) - len(node.args.defaults)) + [*node.args.defaults]
    return [
        parameter.arg
        for parameter, default in zip(parameters, defaults, strict=True)
        if mentions_bool(parameter.annotation)
        or (isinstance(default, ast.Constant) and isinstance(default.value, bool))
    ]


def mentions_bool(annotation: ast.expr | None) -> bool:
    """`bool` or a union with it; not a container of booleans."""
    if isinstance(annotation, ast.BinOp):
        return mentions_bool(annotation.left) or mentions_bool(annotation.right)
    return isinstance(annotation, ast.Name) and annotation.id == "bool"


def only(text: str) -> Function:
    (found,) = functions_of(text, name="text")
    return found


def test_no_function_is_longer_than_a_page() -> None:
    lengths = {function.where: code_lines(function) for function in functions()}

    assert {where: length for where, length in lengths.items() if length > LONGEST} == {}


def test_half_of_the_functions_are_short() -> None:
    lengths = [code_lines(function) for function in functions()]

    assert len(lengths) > 100
    assert statistics.median(lengths) <= MEDIAN


def test_no_parameter_is_a_positional_boolean() -> None:
    found = {
        function.where: positional_booleans(function.node)
        for function in functions()
        if "commands.py" not in function.where  # click passes its flags by name
    }

    assert {where: names for where, names in found.items() if names} == {}


def test_only_code_is_counted() -> None:
    text = 'def f(x):\n    """One\n\n    two."""\n\n    # why\n    y = x\n    return y\n'

    assert code_lines(only(text)) == 3  # def, y, return


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        ("a, flag: bool", ["flag"]),
        ("flag=False", ["flag"]),
        ("a, flag: bool | None = None", ["flag"]),
        ("flag=True, /", ["flag"]),
        ("a, *, flag: bool = False", []),
        ("mask: NDArray[np.bool_], n=1", []),
    ],
)
def test_a_positional_boolean_is_recognised(signature: str, expected: list[str]) -> None:
    assert positional_booleans(only(f"def f({signature}):\n    pass\n").node) == expected
