"""`ledger.jsonl`: every attempt and every decision, one line each, each line sealed by the next."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from schema.base import Digest, EntryId, Frozen, Line, Prose, Version
from schema.entry import Kind
from schema.terms import TaskId


class Event(StrEnum):
    """What happened to an entry."""

    LISTED = "listed"
    """Scored and put on the boards; one attempt."""
    FAILED = "failed"
    """An attempt that gave nothing to list; it counts all the same."""
    RESCORED = "rescored"
    """The same predictions by another evaluator; no attempt."""
    WITHDRAWN = "withdrawn"
    DISQUALIFIED = "disqualified"
    REINSTATED = "reinstated"


class LedgerLine(Frozen):
    """One line. `digest` is the SHA-256 of the line's canonical JSON without `digest`."""

    number: Annotated[int, Field(ge=1)]
    previous: Digest
    """Digest of the line before; of the first line, that of no bytes."""
    at_utc: AwareDatetime
    event: Event
    entry: EntryId
    kind: Kind
    team: Line
    tasks: tuple[TaskId, ...] = ()
    kit_version: Version | None = None
    cohort_digest: Digest | None = None
    entry_digest: Digest | None = None
    """Of the public entry file."""
    result_digest: Digest | None = None
    cases_digest: Digest | None = None
    image_digest: Digest | None = None
    reason: Prose | None = None
    """Required of a failure, a withdrawal, a disqualification and a reinstatement."""
    digest: Digest
