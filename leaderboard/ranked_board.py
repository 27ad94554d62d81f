"""From a board's entries and their private cases to its standings."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType

from evaluation.run import KIT
from leaderboard import private_folder
from leaderboard.board_folder import (
    STANDINGS,
    Contents,
    alone,
    commit,
    entries_digest,
    model_text,
    read_contents,
)
from leaderboard.ledger import State, states
from leaderboard.public_standings import public_standings
from leaderboard.ranking.contender import Contender
from leaderboard.ranking.standings import Origin, standings
from schema.entry import Entry
from schema.errors import FolderError, UsageError
from schema.result import CaseScore, Result
from schema.standings import Standings
from schema.task import Task
from schema.terms import Split, TaskId
from tasks.specification import load_tasks, task_digest

OUT: Mapping[State, str] = MappingProxyType(
    {
        State.WITHDRAWN: "withdrawn",
        State.DISQUALIFIED: "disqualified",
    }
)
"""Why an entry is not ranked, by its state; the reason itself is in the ledger."""
OTHER_COHORT = "scored on another cohort"


def rank(*, results: Path, private: Path) -> tuple[Standings, ...]:
    """Compute the standings of every task that an entry is on, and write them.

    Raises:
        UsageError: the folder is no board, or is of another evaluator.
        FolderError: a private file cannot be read.
    """
    private_folder.refuse_inside(private, results=results)
    with alone(results):
        contents = read_contents(results)
        made = tuple(standings_of(contents, private=private).values())
        files = {f"{STANDINGS}/{each.task.value}.json": model_text(each) for each in made}
        commit(results, files)
    return made


def standings_of(contents: Contents, *, private: Path) -> dict[TaskId, Standings]:
    """The standings of every task that an entry is on, as they are public.

    Raises:
        UsageError: the board is of another evaluator.
        FolderError: a private file cannot be read, or is not that of its entry.
    """
    if contents.board.kit_version != version(KIT):
        raise UsageError(
            f"the board is of evaluator {contents.board.kit_version}, this is {version(KIT)}: "
            "rank with that release, or move on with `lln leaderboard rescore`"
        )
    kept = {each: _Kept.read(private, contents.entries[each]) for each in sorted(contents.entries)}
    return {
        task_id: _of_task(task, contents, kept, private=private)
        for task_id, task in load_tasks().items()
        if any(each.task is task_id for entry in contents.entries.values() for each in entry.tasks)
    }


class _Kept:
    """An entry's private scores."""

    def __init__(self, result: Result | None, cases: tuple[CaseScore, ...] | None) -> None:
        self.result = result
        self.cases = cases

    @classmethod
    def read(cls, private: Path, entry: Entry) -> _Kept:
        """Result and cases; without cases the public figures are all there is."""
        if entry.cases_digest is None:
            return cls(None, None)
        path = private / entry.id / private_folder.CASES
        return cls(private_folder.kept_result(private, entry.id), private_folder.read_cases(path))


def _of_task(
    task: Task, contents: Contents, kept: Mapping[str, _Kept], *, private: Path
) -> Standings:
    now = states(contents.ledger)
    contenders = [
        _contender(entry, task.id, kept[entry.id], contents=contents, state=now.get(entry.id))
        for entry in contents.entries.values()
        if any(each.task is task.id for each in entry.tasks)
    ]
    manifest = next((each.cases for each in contenders if each.cases is not None), ())
    try:
        found = standings(
            task=task,
            contenders=contenders,
            centres=private_folder.centres_of(private, [case.case_id for case in manifest]),
            origin=Origin(
                task_digest=task_digest(task.id),
                kit_version=contents.board.kit_version,
                cohort_digest=contents.board.cohort_digest,
                entries_digest=entries_digest(contents, task.id),
            ),
        )
    except ValueError as error:
        raise FolderError(f"{task.id}: {error}") from error
    return public_standings(found, entries=contents.entries, task=task, split=split_of(contents))


def split_of(contents: Contents) -> Split:
    """The split of the board's cohort; hidden until an entry says otherwise."""
    cohort = contents.board.cohort_digest
    found = {
        each.cohort.split for each in contents.entries.values() if each.cohort.digest == cohort
    }
    return found.pop() if len(found) == 1 else Split.HIDDEN


def _contender(
    entry: Entry, task_id: TaskId, kept: _Kept, *, contents: Contents, state: State | None
) -> Contender:
    is_here = entry.cohort.digest == contents.board.cohort_digest
    mine = [case for case in kept.cases or () if case.task is task_id]
    exact = entry.task(task_id) if kept.result is None else kept.result.task(task_id)
    return Contender(
        id=entry.id,
        kind=entry.kind,
        coverage=entry.task(task_id).coverage,
        cases=tuple(mine) if mine and is_here else None,
        figures={(each.metric, each.scope): each.value for each in exact.figures},
        excluded=OUT.get(state) if is_here and state else OTHER_COHORT if not is_here else None,
    )
