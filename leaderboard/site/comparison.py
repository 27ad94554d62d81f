"""Two entries side by side: what the page's script chooses from, and what it shows without one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from evaluation.figures.captions import ARROWS, scope_title
from leaderboard.site.cells import cell_of, difference_text
from leaderboard.site.inputs import Leaderboard, figure_of, task_of
from leaderboard.site.stability import pair_verdict, pair_words
from schema.entry import Entry
from schema.standings import PairTest
from schema.task import Task
from schema.terms import TaskId

TESTS = {
    "permutation": "paired permutation test",
    "mcnemar": "McNemar's test",
    "delong": "DeLong's test",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PairRow:
    """One paired test in words; the first entry is the one that the row is about."""

    first: str
    second: str
    metric: str
    difference: str
    interval: str
    p: str
    verdict: str
    test: str


def pair_row(test: PairTest, task: Task, *, of: str | None = None) -> PairRow:
    """A test, turned so that it is about the entry `of`."""
    metric = task.metric(test.metric)
    first, second, turned = test.first, test.second, test
    if of == test.second:
        turned = test.model_copy(
            update={
                "difference": None if test.difference is None else -test.difference,
                "interval": test.interval
                and test.interval.model_copy(
                    update={"low": -test.interval.high, "high": -test.interval.low}
                ),
            }
        )
        first, second = second, first
    difference, interval = difference_text(turned.difference, metric, interval=turned.interval)
    return PairRow(
        first=first,
        second=second,
        metric=_label(task, (test.metric, test.scope)),
        difference=difference,
        interval=interval,
        p=pair_words(test),
        verdict=pair_verdict(test, alpha=task.ranking.alpha),
        test=TESTS[test.test] + (", exact" if test.exact else ""),
    )


def pairs_of(found: Leaderboard, task_id: TaskId, entry: str) -> tuple[PairRow, ...]:
    """Every test of one entry, opponents in the order of the board."""
    standings = found.standings.get(task_id)
    order = {each.entry: index for index, each in enumerate(found.ranked(task_id))}
    tests = [
        each
        for each in (standings.pairs if standings else ())
        if entry in {each.first, each.second}
    ]
    rows = [pair_row(each, found.tasks[task_id], of=entry) for each in tests]
    return tuple(sorted(rows, key=lambda row: order.get(row.second, len(order))))


def neighbours(found: Leaderboard, task_id: TaskId) -> tuple[PairRow, ...]:
    """The tests of entries that stand next to each other on the board."""
    standings = found.standings.get(task_id)
    if standings is None:
        return ()
    by_pair: dict[frozenset[str], list[PairTest]] = {}
    for each in standings.pairs:
        by_pair.setdefault(frozenset((each.first, each.second)), []).append(each)
    ids = [each.entry for each in found.ranked(task_id)]
    return tuple(
        pair_row(test, found.tasks[task_id], of=upper)
        for upper, lower in pairwise(ids)
        for test in by_pair.get(frozenset((upper, lower)), ())
    )


def comparison_data(found: Leaderboard) -> dict[str, Any]:
    """Everything the script shows, as text: it computes nothing and formats nothing."""
    return {
        "entries": [[each, found.name(each)] for each in _best_first(found)],
        "tasks": [_task_data(found, task_id) for task_id in found.task_order],
    }


def _best_first(found: Leaderboard) -> list[str]:
    """Entries by their rank on the first board, the others after them."""
    ranked = [each.entry for each in found.ranked(found.task_order[0])]
    return [*ranked, *(each.id for each in found.entries if each.id not in ranked)]


def _task_data(found: Leaderboard, task_id: TaskId) -> dict[str, Any]:
    keys = _figure_keys(found, task_id)
    standings = found.standings.get(task_id)
    return {
        "title": found.tasks[task_id].title,
        "rows": ["Rank", *(_label(found.tasks[task_id], key) for key in keys)],
        "cells": {
            entry.id: _cells(found, entry, task_id, keys)
            for entry in found.entries
            if task_of(entry, task_id) is not None
        },
        "pairs": [
            _pair_data(pair_row(each, found.tasks[task_id]))
            for each in (standings.pairs if standings else ())
        ],
    }


def _figure_keys(found: Leaderboard, task_id: TaskId) -> tuple[tuple[str, str], ...]:
    """Every figure that any entry has, in the order of the task file."""
    named: dict[tuple[str, str], None] = {}
    for entry in found.entries:
        public = task_of(entry, task_id)
        named.update({(each.metric, each.scope): None for each in public.figures} if public else {})
    order = [metric.id for metric in found.tasks[task_id].metrics]
    return tuple(sorted(named, key=lambda key: order.index(key[0])))


def _label(task: Task, key: tuple[str, str]) -> str:
    metric = task.metric(key[0])
    arrow = ARROWS[metric.direction][0]
    return f"{metric.title}{' ' + arrow if arrow else ''}, {scope_title(key[1], task)}"


def _cells(
    found: Leaderboard, entry: Entry, task_id: TaskId, keys: tuple[tuple[str, str], ...]
) -> list[list[str]]:
    standing = found.standing(task_id, entry.id)
    rank = "" if standing is None or standing.rank is None else f"{standing.rank:g}"
    return [[rank or "not ranked", ""], *_figure_cells(found, entry, task_id, keys)]


def _figure_cells(
    found: Leaderboard, entry: Entry, task_id: TaskId, keys: tuple[tuple[str, str], ...]
) -> Iterator[list[str]]:
    for key in keys:
        cell = cell_of(figure_of(entry, task_id, key), found.tasks[task_id].metric(key[0]))
        yield [cell.text, cell.interval or cell.reason]


def _pair_data(row: PairRow) -> list[str]:
    return [row.first, row.second, row.metric, row.difference, row.interval, row.p, row.verdict]
