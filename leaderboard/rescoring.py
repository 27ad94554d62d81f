"""A new board by the present evaluator: kept predictions scored again, the old board untouched."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from evaluation.run import RESULT, evaluate, write_evaluation
from leaderboard import private_folder
from leaderboard.board_folder import Contents, read_contents
from leaderboard.bundle import Request
from leaderboard.filing import add, decide
from leaderboard.ledger import State, last_reason, states
from leaderboard.new_board import start
from schema.entry import Entry
from schema.errors import FolderError, LLNError, UsageError
from schema.ledger import Event
from tasks.cohort import Cohort
from tasks.files import digest_folder
from tasks.layout import COHORT_NAMES, SUBMISSION_NAMES

DECISIONS = {State.WITHDRAWN: Event.WITHDRAWN, State.DISQUALIFIED: Event.DISQUALIFIED}


class Place(NamedTuple):
    """A board: what is public of it and what is not."""

    results: Path
    private: Path


class Outcome(NamedTuple):
    """What became of one entry; `problem` is None when it is on the new board."""

    entry: str
    problem: str | None


def rescore(
    old: Place,
    new: Place,
    *,
    cohort: Cohort,
    jobs: int,
    now: datetime,
    on_entry: Callable[[], None] = lambda: None,
) -> tuple[Outcome, ...]:
    """Score the kept predictions of every entry again, onto a new board.

    Attempts are not counted again; who was withdrawn or disqualified stays so, for the same reason.
    An entry without predictions, or with others than were scored, is told and not carried over.

    Raises:
        UsageError: a folder cannot be used, or the new one is not empty.
        FolderError: the old board cannot be read, or the cohort is another one.
    """
    contents = read_contents(old.results)
    if digest_folder(cohort.folder, names=COHORT_NAMES) != contents.board.cohort_digest:
        raise UsageError(f"{cohort.folder} is not the board's cohort")
    if new.results.exists() and any(new.results.iterdir()):
        raise UsageError(f"{new.results} is not empty: a new board needs a new folder")
    rules = contents.board.model_dump(exclude={"cohort_name", "cohort_digest", "kit_version"})
    start(cohort, results=new.results, private=new.private, **rules)
    outcomes = []
    for entry_id in _in_order(contents):
        entry = contents.entries[entry_id]
        outcomes.append(_again(entry, contents, old, new, cohort=cohort, jobs=jobs, now=now))
        on_entry()
    return tuple(outcomes)


def _in_order(contents: Contents) -> list[str]:
    """Entries in the order in which they came onto the board."""
    numbers = {line.entry: line.number for line in reversed(contents.ledger)}
    return sorted(contents.entries, key=lambda each: numbers.get(each, 0))


def _again(
    entry: Entry,
    contents: Contents,
    old: Place,
    new: Place,
    *,
    cohort: Cohort,
    jobs: int,
    now: datetime,
) -> Outcome:
    try:
        predictions = _predictions(entry, old.private)
        with tempfile.TemporaryDirectory() as scratch:
            out, clock = Path(scratch), time.perf_counter()
            scored = evaluate(cohort, predictions, jobs=jobs)
            seconds = time.perf_counter() - clock
            write_evaluation(scored, out=out, started=datetime.now(UTC), seconds=seconds)
            request = _request(entry, out / RESULT, predictions=predictions, private=old.private)
            add(request, results=new.results, private=new.private, now=now, event=Event.RESCORED)
    except LLNError as error:
        return Outcome(entry.id, str(error))
    _repeat_decision(entry, contents, new, now=now)
    return Outcome(entry.id, None)


def _predictions(entry: Entry, private: Path) -> Path:
    """The folder that was scored.

    Raises:
        FolderError: it is not kept, or has changed.
    """
    folder = private_folder.predictions_of(private, entry.id)
    if folder is None:
        raise FolderError("no predictions are kept")
    if digest_folder(folder, names=SUBMISSION_NAMES) != entry.provenance.submission_digest:
        raise FolderError(f"{folder} is not what was scored")
    return folder


def _request(entry: Entry, result: Path, *, predictions: Path, private: Path) -> Request:
    execution = private / entry.id / private_folder.EXECUTION
    return Request(
        result=result,
        kind=entry.kind,
        run_by=entry.run_by,
        submitted=entry.submitted,
        entry_id=entry.id,
        execution=execution if execution.exists() else None,
        answers=dict(entry.reporting),
        predictions=predictions,
        paper=entry.paper,
        notes=entry.notes,
    )


def _repeat_decision(entry: Entry, contents: Contents, new: Place, *, now: datetime) -> None:
    state = states(contents.ledger).get(entry.id)
    event = DECISIONS.get(state) if state else None
    if event is not None:
        reason = last_reason(contents.ledger, entry.id)
        decide(event, entry.id, results=new.results, reason=reason, now=now)
