"""`ledger.jsonl`: every attempt and every decision, one line each, each line sealed by the next."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Self

from pydantic import AwareDatetime, Field, model_validator

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


ENTERING = (Event.LISTED, Event.RESCORED)
"""Events that put an entry file on the board."""
ATTEMPTS = (Event.LISTED, Event.FAILED)
"""Events that use up one of a team's attempts."""


class LedgerLine(Frozen):
    """One line. `digest` is the SHA-256 of the line as it stands in the file without `digest`."""

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

    @model_validator(mode="after")
    def _in_utc(self) -> Self:
        if self.at_utc.utcoffset() != timedelta(0):
            raise ValueError("at_utc must be in UTC, with an offset of zero")
        return self

    @model_validator(mode="after")
    def _says_what_its_event_needs(self) -> Self:
        of_entry = (self.entry_digest, self.result_digest, self.kit_version, self.cohort_digest)
        if self.event in ENTERING and (None in of_entry or not self.tasks):
            raise ValueError("an entry needs tasks and its digests, kit_version and cohort_digest")
        if self.event not in ENTERING and self.entry_digest is not None:
            raise ValueError("only an entry has an entry_digest")
        if self.event not in ENTERING and self.reason is None:
            raise ValueError("a failure or a decision needs a reason")
        return self
