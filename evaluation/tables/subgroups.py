"""The model in some of the patients: the numbers of the forest plot."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from evaluation.figures.numerals import DASH
from evaluation.sheet import Row, Sheet
from evaluation.tables.cells import (
    estimate,
    interval_notes,
    interval_words,
    style_of,
    with_unit,
)
from schema.statistics import Subgroup
from schema.task import Task

Key = tuple[str, str]


def subgroup_sheet(groups: Sequence[Subgroup], *, task: Task) -> Sheet | None:
    """Figures of every subgroup; None where there is none."""
    keys = tuple(dict.fromkeys((each.metric, each.scope) for g in groups for each in g.figures))
    if not groups:
        return None
    metrics = [task.metric(metric) for metric, _ in keys]
    return Sheet(
        id="subgroups",
        title=f"Subgroups ({interval_words(task)})",
        columns=(
            "Subgroup",
            "Patients",
            "Positive by consensus",
            *(with_unit(metric.title, metric.unit) for metric in metrics),
        ),
        rows=tuple(_rows(groups, keys, task)),
        notes=tuple(_notes(groups, keys)),
    )


def _rows(groups: Sequence[Subgroup], keys: Sequence[Key], task: Task) -> Iterator[Row]:
    for title, members in groupby(groups, key=lambda group: group.title):
        yield Row(cells=(title, "", "", *("" for _ in keys)), heading=True)
        yield from (_row(each, keys, task) for each in members)


def _row(group: Subgroup, keys: Sequence[Key], task: Task) -> Row:
    figures = {(each.metric, each.scope): each for each in group.figures}
    values = (estimate(figures.get(key), style_of(task.metric(key[0]))) for key in keys)
    return Row(cells=(group.level, str(group.n), str(group.positives), *values), indented=True)


def _notes(groups: Sequence[Subgroup], keys: Sequence[Key]) -> Iterator[str]:
    yield from interval_notes(f for each in groups for f in each.figures)
    yield "Described, not tested: a difference between subgroups of this size is easily chance."
    if any({(f.metric, f.scope) for f in each.figures} != set(keys) for each in groups):
        yield f"{DASH}: not told of this subgroup."
