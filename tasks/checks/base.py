"""What a check is: a stable code, a docstring that is its help, a pure function.

The first line of the docstring is the title, the rest says how to mend it, so that help cannot
drift from code. A check gets parsed facts and yields problems; it opens no file.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, Generic, NamedTuple, TypeVar

from schema.finding import Finding
from schema.terms import TaskId


class Problem(NamedTuple):
    """What one check found wrong."""

    expected: str
    got: str
    where: str = ""
    """Only when it is narrower than the file: a line of a table, a field of a manifest."""
    case_id: str | None = None
    """Only when the file does not tell it."""


Facts = TypeVar("Facts")


class Check(ABC, Generic[Facts]):
    """A rule with a code and a docstring that is its help."""

    code: ClassVar[str]
    fails_case: ClassVar[bool] = True
    """Whether the case it names is scored with the worst value."""
    note: ClassVar[bool] = False
    """Whether it is only worth a look: a sound cohort may have it."""

    @classmethod
    def title(cls) -> str:
        """First line of the docstring, without the full stop."""
        return inspect.cleandoc(cls.__doc__ or "").partition("\n")[0].rstrip(".")

    @classmethod
    def fix(cls) -> str:
        """How to mend it: the rest of the docstring, as one paragraph."""
        return " ".join(inspect.cleandoc(cls.__doc__ or "").partition("\n")[2].split())

    @staticmethod
    @abstractmethod
    def find(facts: Facts) -> Iterator[Problem]:
        """Yield every problem; nothing when the rule is kept."""

    @classmethod
    def findings(
        cls, facts: Facts, *, where: str, task: TaskId | None = None, case_id: str | None = None
    ) -> list[Finding]:
        """Every problem as a finding; `where` is the path below the folder."""
        return [
            cls.finding(problem, where=where, task=task, case_id=case_id)
            for problem in cls.find(facts)
        ]

    @classmethod
    def finding(
        cls, problem: Problem, *, where: str, task: TaskId | None = None, case_id: str | None = None
    ) -> Finding:
        """A problem as a finding at `where`, the path below the folder."""
        return Finding(
            code=cls.code,
            title=cls.title(),
            where=_printable(":".join(filter(None, (where, problem.where)))),
            expected=problem.expected,
            got=problem.got,
            fix=cls.fix(),
            case_id=problem.case_id or case_id,
            task=task,
            fails_case=cls.fails_case,
        )


def _printable(name: str) -> str:
    """A path as text that can be written: bytes that are no UTF-8 as escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
