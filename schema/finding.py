"""What a check found: one clear coded message per problem."""

from __future__ import annotations

from schema.base import CaseId, FindingCode, Frozen
from schema.terms import TaskId


class Finding(Frozen):
    """One problem: what, where, expected, got, how to fix."""

    code: FindingCode
    title: str
    where: str
    """Path below the folder, with the line for a table."""
    expected: str
    got: str
    fix: str
    case_id: CaseId | None = None
    task: TaskId | None = None
    fails_case: bool
    """True when the case is scored with the declared worst value because of it."""
