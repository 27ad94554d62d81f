"""Every table of an entry's page as a file: CSV, JSON and LaTeX of the same rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from evaluation.figures.captions import CALLERS, called, capital
from evaluation.figures.numerals import DASH, bare, decimal
from evaluation.sheet import Row, Sheet
from evaluation.sheet_formats import csv_text, latex_text
from evaluation.tables.cells import (
    RATIO,
    SHARE,
    count,
    estimate,
    interval_words,
    outcome_rules,
    p_cell,
)
from evaluation.tables.clinical import sheets_of
from leaderboard.site.checklists import Answer, Checklist, checklists
from leaderboard.site.curves import matrix_table, unit_of
from leaderboard.site.inputs import Leaderboard, task_of
from schema.entry import Entry, PublicCurve, PublicMatrix, PublicTask
from schema.statistics import GroupComparison, Subgroup, SurvivalGrouping
from schema.task import Task
from schema.terms import Outcome, TaskId
from tasks.files import canonical_json

FOLDER = "data/tables"
YEAR_MONTHS = 12
SUBGROUPS = "subgroups"
BEHIND_FIGURES = ("matrix-", "curves-")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A table that a reader may take away.

    Attributes:
        sheet: its words.
        name: its stable name within the task.
        stem: where its files are, without their endings.
    """

    sheet: Sheet
    name: str
    stem: str

    @property
    def repeats_figures(self) -> bool:
        """Whether the page shows its numbers behind the figures already."""
        return self.name.startswith(BEHIND_FIGURES)

    def files(self) -> dict[str, str]:
        """CSV, JSON and LaTeX, by path."""
        return {
            f"{self.stem}.csv": csv_text(self.sheet),
            f"{self.stem}.json": json_text(self.sheet),
            f"{self.stem}.tex": latex_text(self.sheet),
        }


def json_text(sheet: Sheet) -> str:
    """The words of a table: columns, rows with what they stand under, notes."""
    return canonical_json(
        {
            "title": _plain(sheet.title),
            "columns": list(map(_plain, sheet.columns)),
            "rows": list(_rows(sheet)),
            "notes": list(map(_plain, sheet.notes)),
        }
    )


def _plain(text: str) -> str:
    """As in CSV: an unseen sign, a space that does not break too, is a space."""
    return "".join(each if each.isprintable() else " " for each in text)


def _rows(sheet: Sheet) -> Iterator[dict[str, object]]:
    group = ""
    for row in sheet.rows:
        if not row.indented:
            group = row.cells[0]
        if not row.heading:
            yield {
                "under": _plain(group) if row.indented else None,
                "cells": list(map(_plain, row.cells)),
            }


def entry_sheets(found: Leaderboard, entry: Entry) -> Iterator[Offered]:
    """Every table of one entry, checklists too; its figures are a file of their own."""
    for task_id in found.task_order:
        if task_of(entry, task_id) is not None:
            yield from task_sheets(found, entry, task_id)
    for each in checklists(found, entry):
        yield checklist_sheet(each, entry)


def task_sheets(found: Leaderboard, entry: Entry, task_id: TaskId) -> tuple[Offered, ...]:
    """The tables of one task of one entry."""
    public, task = task_of(entry, task_id), found.tasks[task_id]
    assert public is not None, "asked only for tasks that were entered"
    sheets = (
        *(matrix_sheet(each, task_id) for each in public.matrices),
        *(_with_tests(each, public, task) for each in sheets_of([public], tasks=found.tasks)),
        *(log_rank_sheet(each, task) for each in _by_outcome(public)),
        *curve_sheets(public, task),
    )
    return tuple(
        Offered(sheet=each, name=each.id, stem=f"{FOLDER}/{entry.id}/{task_id}-{each.id}")
        for each in sheets
    )


def _with_tests(sheet: Sheet, public: PublicTask, task: Task) -> Sheet:
    """The table of subgroups with a column for the p values of each figure; others as they are."""
    figures = [figure for group in public.subgroups for figure in group.figures]
    tested = [(each.metric, each.scope) for each in figures if each.p_value is not None]
    if sheet.id != SUBGROUPS or not tested:
        return sheet
    keys, groups = list(dict.fromkeys(tested)), iter(public.subgroups)
    rows = (
        Row(cells=(*row.cells, *("" for _ in keys)), heading=True)
        if row.heading
        else Row(cells=(*row.cells, *_p_cells(next(groups), keys)), indented=row.indented)
        for row in sheet.rows
    )
    columns = (f"{task.metric(metric).title}: p" for metric, _ in keys)
    return replace(sheet, columns=(*sheet.columns, *columns), rows=tuple(rows))


def _p_cells(group: Subgroup, keys: Sequence[tuple[str, str]]) -> Iterator[str]:
    found = {(each.metric, each.scope): each.p_value for each in group.figures}
    yield from (p_cell(found.get(key)) for key in keys)


def matrix_sheet(matrix: PublicMatrix, task_id: TaskId) -> Sheet:
    """The counts of a matrix."""
    table = matrix_table(matrix)
    return Sheet(
        id=f"matrix-{matrix.id.replace('_', '-')}",
        title=matrix.title,
        columns=table.headers,
        rows=tuple(Row(cells=cells) for cells in table.rows),
        notes=(f"Counts of {unit_of(task_id)}s, reference in rows, prediction in columns.",),
    )


def _by_outcome(public: PublicTask) -> Iterator[Sequence[SurvivalGrouping]]:
    groupings = public.statistics.groupings if public.statistics else ()
    compared = (each for each in groupings if each.comparisons)
    for _, same in groupby(compared, key=lambda each: each.outcome):
        yield list(same)


def log_rank_sheet(groupings: Sequence[SurvivalGrouping], task: Task) -> Sheet:
    """Observed and expected events of every two groups that are compared.

    Args:
        groupings: of one outcome, at least one, each with a comparison.
        task: names the outcome and the level of the intervals.
    """
    outcome = groupings[0].outcome
    return Sheet(
        id=f"log-rank-{outcome.value}",
        title=f"{outcome_rules(task, outcome).title}: groups compared (log-rank)",
        columns=(
            "First group against second",
            "Patients",
            "Events of the first, observed (expected)",
            "Events of the second, observed (expected)",
            f"Hazard ratio ({interval_words(task)})",
            "p",
        ),
        rows=tuple(row for each in groupings for row in _compared(each)),
        notes=("Hazard ratio (O1/E1)/(O2/E2); above 1 the first group fares worse.",),
    )


def _compared(grouping: SurvivalGrouping) -> Iterator[Row]:
    yield Row(cells=(grouping.title, "", "", "", "", ""), heading=True)
    yield from map(_comparison, grouping.comparisons)


def _comparison(found: GroupComparison) -> Row:
    events = zip(found.observed, found.expected, strict=True)
    return Row(
        cells=(
            f"{found.first} against {found.second}",
            str(found.n),
            *(f"{observed} ({decimal(expected, 1)})" for observed, expected in events),
            estimate(found, RATIO),
            p_cell(found.p_value),
        ),
        indented=True,
    )


def curve_sheets(public: PublicTask, task: Task) -> Iterator[Sheet]:
    """Survival of every curve at whole years and at the horizon, a table an outcome."""
    for rules in task.outcomes:
        rows = tuple(_curve_rows(public, rules.outcome, horizon=rules.horizon_months))
        if rows:
            yield Sheet(
                id=f"curves-{rules.outcome.value}",
                title=f"{rules.title}: the curves at whole years",
                columns=("Group", "Month", "At risk", "Survival, %", interval_words(task)),
                rows=rows,
                notes=(f"{DASH}: nobody is at risk any more.",),
            )


def _curve_rows(public: PublicTask, outcome: Outcome, *, horizon: float) -> Iterator[Row]:
    groupings = public.statistics.groupings if public.statistics else ()
    for each in groupings:
        if each.outcome is outcome:
            yield _split(each.title)
            for group in each.groups:
                months = each.months if group.n else ()
                columns = (group.survival, group.low, group.high, group.at_risk)
                yield from _points(group.label, months, columns, horizon=horizon)
    curves = [] if groupings else [each for each in public.survival if each.outcome is outcome]
    for scope, same in groupby(curves, key=lambda each: each.scope):
        yield _split(capital(CALLERS.get(scope, scope)))
        for curve in same:
            yield from _public_points(curve, horizon=horizon)


def _split(title: str) -> Row:
    return Row(cells=(title, "", "", "", ""), heading=True)


def _public_points(curve: PublicCurve, *, horizon: float) -> Iterator[Row]:
    columns = (curve.survival, curve.low, curve.high, curve.at_risk)
    yield from _points(called(curve.group), curve.months, columns, horizon=horizon)


def _points(
    label: str,
    months: Sequence[float],
    columns: tuple[Sequence[float], Sequence[float], Sequence[float], Sequence[int | None]],
    *,
    horizon: float,
) -> Iterator[Row]:
    for month, survival, low, high, at_risk in zip(months, *columns, strict=True):
        if month % YEAR_MONTHS and month != horizon:
            continue
        known = (bare(survival, SHARE), f"{bare(low, SHARE)}{DASH}{bare(high, SHARE)}")
        cells = (DASH, DASH) if at_risk == 0 else known
        yield Row(cells=(label, f"{month:g}", count(at_risk), *cells), indented=True)


def checklist_sheet(found: Checklist, entry: Entry) -> Offered:
    """A reporting guideline, answered for one entry."""
    guideline = found.guideline
    sheet = Sheet(
        id=f"checklist-{guideline.id}",
        title=f"{guideline.title} ({guideline.version}): {found.summary}",
        columns=("Item", "Section", "What is asked, paraphrased", "Answered by", "Answer"),
        rows=tuple(map(_answer, found.answers)),
        notes=(f"{guideline.citation} doi:{guideline.doi}", guideline.terms, guideline.compared),
    )
    return Offered(sheet=sheet, name=sheet.id, stem=f"{FOLDER}/{entry.id}/{sheet.id}")


def _answer(found: Answer) -> Row:
    item = found.item
    return Row(cells=(item.number, item.section, item.text, found.by, found.words))
