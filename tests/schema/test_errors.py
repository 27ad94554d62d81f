"""The tree of errors is the one that the module draws."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator

import pytest

from schema import errors
from schema.errors import (
    CohortError,
    FolderError,
    LLNError,
    SubmissionError,
    Unreadable,
    UnreadableFileError,
)

BRANCH = re.compile(r"^(?P<indent>[ |]*?)(?:\|--|`--) (?P<name>\w+) +\S")
INDENT = 4
ROOT_INDENT = 4


def drawn() -> set[tuple[str, str]]:
    """(class, parent) of every branch of the picture."""
    edges, parents = set(), {0: LLNError.__name__}
    for line in (errors.__doc__ or "").splitlines():
        if match := BRANCH.match(line):
            depth = (len(match["indent"]) - ROOT_INDENT) // INDENT + 1
            edges.add((match["name"], parents[depth - 1]))
            parents[depth] = match["name"]
    return edges


def defined(parent: type[Exception] = LLNError) -> Iterator[tuple[str, str]]:
    for child in parent.__subclasses__():
        if child.__module__ == errors.__name__:  # another room's may be loaded too
            yield child.__name__, parent.__name__
        yield from defined(child)


def test_the_tree_drawn_is_the_tree_defined() -> None:
    assert drawn() == set(defined())
    assert re.search(
        rf"^ {{{ROOT_INDENT}}}{LLNError.__name__} ", errors.__doc__ or "", re.MULTILINE
    )


def test_every_exception_of_the_module_belongs_to_the_tree() -> None:
    exceptions = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, Exception)
    }

    assert exceptions == {LLNError.__name__} | {child for child, _ in defined()}


def test_the_tree_stays_in_its_module() -> None:
    assert LLNError.__bases__ == (Exception,)
    assert {getattr(errors, child).__module__ for child, _ in defined()} == {errors.__name__}


def test_the_module_imports_the_standard_library_only() -> None:
    imported = set()
    for node in ast.walk(ast.parse(inspect.getsource(errors))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").split(".")[0])

    assert imported
    assert imported <= sys.stdlib_module_names


@pytest.mark.parametrize("error", [FolderError, CohortError, SubmissionError])
def test_a_folder_error_carries_its_findings(error: type[FolderError]) -> None:
    raised = error("out/cohort: 2 findings", findings=["first", "second"])

    assert str(raised) == "out/cohort: 2 findings"
    assert raised.findings == ("first", "second")
    assert error("out/cohort").findings == ()


@pytest.mark.parametrize("kind", Unreadable)
def test_an_unreadable_file_tells_how(kind: Unreadable) -> None:
    raised = UnreadableFileError("nodes/North_001.nii.gz", kind=kind)

    assert raised.kind is kind
    assert str(raised) == "nodes/North_001.nii.gz"
