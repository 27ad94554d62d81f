"""What a site is made of, in an order that does not depend on how it was read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from evaluation.report import READING_ORDER
from schema.board import Board
from schema.entry import Entry, PublicFigure, PublicTask
from schema.ledger import Event, LedgerLine
from schema.standings import Standing, Standings
from schema.task import Task
from schema.terms import TaskId

DECISIONS = (Event.WITHDRAWN, Event.DISQUALIFIED, Event.REINSTATED)
OUT = (Event.WITHDRAWN, Event.DISQUALIFIED)


@dataclass(frozen=True, kw_only=True)
class Leaderboard:
    """Everything that the pages show; the same content gives the same bytes.

    Attributes:
        board: what the leaderboard is of.
        entries: by id.
        standings: by task; a task without any has no board yet.
        ledger: by number.
        tasks: the definition of every task.
    """

    board: Board
    entries: tuple[Entry, ...]
    standings: Mapping[TaskId, Standings]
    ledger: tuple[LedgerLine, ...]
    tasks: Mapping[TaskId, Task]

    @classmethod
    def of(
        cls,
        *,
        board: Board,
        entries: Iterable[Entry],
        standings: Iterable[Standings],
        ledger: Iterable[LedgerLine],
        tasks: Mapping[TaskId, Task],
    ) -> Leaderboard:
        """Put the parts in order, whatever order they come in."""
        return cls(
            board=board,
            entries=tuple(sorted(entries, key=lambda each: each.id)),
            standings={each.task: each for each in sorted(standings, key=lambda each: each.task)},
            ledger=tuple(sorted(ledger, key=lambda each: each.number)),
            tasks=tasks,
        )

    @property
    def task_order(self) -> tuple[TaskId, ...]:
        """The tasks in the order in which a clinician asks."""
        return tuple(each for each in READING_ORDER if each in self.tasks)

    @cached_property
    def by_id(self) -> dict[str, Entry]:
        """Entries by id."""
        return {each.id: each for each in self.entries}

    @cached_property
    def decisions(self) -> dict[str, LedgerLine]:
        """The last decision on an entry that is out: withdrawn or disqualified."""
        last = {each.entry: each for each in self.ledger if each.event in DECISIONS}
        return {entry: line for entry, line in last.items() if line.event in OUT}

    def standing(self, task: TaskId, entry: str) -> Standing | None:
        """Where an entry stands on the board of a task; None when it is on none."""
        found = self.standings.get(task)
        rows = found.standings if found else ()
        return next((each for each in rows if each.entry == entry), None)

    def ranked(self, task: TaskId) -> tuple[Standing, ...]:
        """The ranked standings of a task, first one first."""
        found = self.standings.get(task)
        ranked = [each for each in (found.standings if found else ()) if each.rank is not None]
        return tuple(sorted(ranked, key=lambda each: (each.rank or 0.0, each.entry)))

    def name(self, entry: str) -> str:
        """What an entry is called where there is little room."""
        known = self.by_id.get(entry)
        return f"{known.manifest.team}: {known.manifest.model}" if known else entry


def task_of(entry: Entry, task: TaskId) -> PublicTask | None:
    """What an entry says of one task; None when it did not enter it."""
    return next((each for each in entry.tasks if each.task is task), None)


def figure_of(entry: Entry, task: TaskId, key: tuple[str, str]) -> PublicFigure | None:
    """One figure of an entry, by metric and scope; None when it has none of that name."""
    found = task_of(entry, task)
    figures: Sequence[PublicFigure] = found.figures if found else ()
    return next((each for each in figures if (each.metric, each.scope) == key), None)


def keys_of(task: Task) -> tuple[tuple[str, str], ...]:
    """What the board of a task is ordered by: metric and scope, the primary one first."""
    return task.ranking.ranked_figures
