"""The ledger: lines that seal each other, and what they say about every entry. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from leaderboard.names import team_key
from schema.entry import Kind
from schema.errors import UsageError
from schema.ledger import ATTEMPTS, ENTERING, Event, LedgerLine
from tasks.checks.base import Problem
from tasks.files import digest_bytes, json_line
from tasks.tables import complaints

BEGINNING = digest_bytes(b"")
"""What the first line names as the line before."""


class State(StrEnum):
    """Where an entry stands by the ledger."""

    LISTED = "listed"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"
    DISQUALIFIED = "disqualified"


AFTER: Mapping[Event, State] = MappingProxyType(
    {
        Event.LISTED: State.LISTED,
        Event.RESCORED: State.LISTED,
        Event.REINSTATED: State.LISTED,
        Event.FAILED: State.FAILED,
        Event.WITHDRAWN: State.WITHDRAWN,
        Event.DISQUALIFIED: State.DISQUALIFIED,
    }
)
BEFORE: Mapping[Event, frozenset[State | None]] = MappingProxyType(
    {
        Event.LISTED: frozenset({None}),
        Event.RESCORED: frozenset({None}),
        Event.FAILED: frozenset({None}),
        Event.WITHDRAWN: frozenset({State.LISTED}),
        Event.DISQUALIFIED: frozenset({State.LISTED, State.WITHDRAWN}),
        Event.REINSTATED: frozenset({State.WITHDRAWN, State.DISQUALIFIED}),
    }
)
"""States in which each event may happen; None: the id is new."""


def line_text(line: LedgerLine) -> str:
    """A line as it stands in the file, with its newline."""
    return json_line(line.model_dump(mode="json"))


def seal(content: Mapping[str, Any]) -> str:
    """The digest of a line's content without its digest."""
    return digest_bytes(json_line({k: v for k, v in content.items() if k != "digest"}).encode())


def next_line(
    lines: Sequence[LedgerLine],
    *,
    at: datetime,
    event: Event,
    entry: str,
    kind: Kind,
    team: str,
    **more: Any,
) -> LedgerLine:
    """The line that follows, sealed; `more` are the other fields of `schema.ledger.LedgerLine`.

    Its time is never before that of the line it follows: a clock may be wrong, the order is not.

    Raises:
        UsageError: a field breaks the contract.
    """
    try:
        unsealed = LedgerLine(
            number=len(lines) + 1,
            previous=lines[-1].digest if lines else BEGINNING,
            at_utc=max([at, *(line.at_utc for line in lines[-1:])]),
            event=event,
            entry=entry,
            kind=kind,
            team=team,
            digest=BEGINNING,
            **more,
        )
    except ValidationError as error:
        said = "; ".join(f"{each.field}: {each.message}" for each in complaints(error))
        raise UsageError(f"the ledger cannot say that: {said}") from error
    return unsealed.model_copy(update={"digest": seal(unsealed.model_dump(mode="json"))})


def chain_problems(lines: Sequence[LedgerLine], texts: Sequence[str]) -> Iterator[Problem]:
    """Every break: a line that is not its digest's, not in its place, or cannot follow.

    Args:
        lines: as parsed.
        texts: as they stand in the file, with their newlines.
    """
    for index, (line, text) in enumerate(zip(lines, texts, strict=True)):
        where = f"line {index + 1}"
        previous = lines[index - 1].digest if index else BEGINNING
        if seal(json.loads(text)) != line.digest or line_text(line) != text:
            yield Problem(line.digest, seal(json.loads(text)), where=where)
        if (line.number, line.previous) != (index + 1, previous):
            yield Problem(f"line {index + 1} after {previous}", f"line {line.number}", where=where)
    for before, after in pairwise(lines):
        if after.at_utc < before.at_utc:
            where = f"line {after.number}"
            yield Problem(f"not before {before.at_utc}", str(after.at_utc), where=where)
    yield from _impossible_events(lines)


def _impossible_events(lines: Sequence[LedgerLine]) -> Iterator[Problem]:
    for index, line in enumerate(lines):
        state = states(lines[:index]).get(line.entry)
        if state not in BEFORE[line.event]:
            expected = " or ".join(sorted(each or "a new id" for each in BEFORE[line.event]))
            yield Problem(
                expected, f"{line.event} of {line.entry}: {state}", where=f"line {index + 1}"
            )


def states(lines: Sequence[LedgerLine]) -> dict[str, State]:
    """Where every entry stands: the last event decides."""
    return {line.entry: AFTER[line.event] for line in lines}


def entered(lines: Sequence[LedgerLine]) -> dict[str, LedgerLine]:
    """The line that put each entry on the board."""
    return {line.entry: line for line in lines if line.event in ENTERING}


def last_reason(lines: Sequence[LedgerLine], entry: str) -> str:
    """The reason of the last decision on an entry."""
    return next((line.reason or "" for line in reversed(lines) if line.entry == entry), "")


def attempts_of(lines: Sequence[LedgerLine], team: str) -> int:
    """How many attempts a team has used: all that were listed, all that failed.

    What was withdrawn or disqualified since stays counted.
    """
    return sum(line.event in ATTEMPTS and team_key(line.team) == team_key(team) for line in lines)
