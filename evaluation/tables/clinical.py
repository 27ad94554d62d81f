"""Every clinical table of a result or of a public entry, in a stable order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from evaluation.figures.numerals import counted
from evaluation.sheet import Sheet
from evaluation.tables.cells import AnyTask
from evaluation.tables.cox_models import added_value_sheet, cox_sheet
from evaluation.tables.discrimination import concordance_sheet
from evaluation.tables.nodes import froc_sheet, short_axis_sheet
from evaluation.tables.patients import patients_sheet
from evaluation.tables.probabilities import calibration_sheet, decision_sheet
from evaluation.tables.raters import model_agreement_sheet, reader_agreement_sheet
from evaluation.tables.subgroups import subgroup_sheet
from evaluation.tables.survival import public_survival_sheet, survival_sheet
from schema.entry import PublicTask
from schema.result import Result
from schema.statistics import Statistics, Subgroup
from schema.task import Task
from schema.terms import TaskId


def clinical_sheets(result: Result, *, tasks: Mapping[TaskId, Task]) -> tuple[Sheet, ...]:
    """Every table of a result that has something to say.

    The same result gives the same tables; their ids are stable and name their files.

    Args:
        result: as scored.
        tasks: the definition of every task of the result.

    Raises:
        KeyError: `tasks` lacks a task of the result, or a task lacks a metric of a figure.
    """
    return sheets_of(result.tasks, tasks=tasks)


def sheets_of(scored: Sequence[AnyTask], *, tasks: Mapping[TaskId, Task]) -> tuple[Sheet, ...]:
    """The same of the tasks of a result, or of those of a public entry.

    A table of which the entry holds nothing is left out; a number that it withholds reads
    `withheld`.

    Raises:
        KeyError: as `clinical_sheets`.
    """
    by_task = {each.task: each for each in scored}
    positivity, nodes = by_task.get(TaskId.POSITIVITY), by_task.get(TaskId.NODES)
    found: list[Sheet | None] = []
    if positivity is not None:
        found += _positivity(positivity, tasks[TaskId.POSITIVITY])
    known = [each for each in (positivity, nodes) if each is not None]
    short_axes = [limits for each in known for limits in each.short_axis]
    if short_axes:
        found.append(short_axis_sheet(short_axes, task=tasks[known[0].task]))
    if nodes is not None and nodes.froc is not None:
        found.append(froc_sheet(nodes.froc))
    return tuple(sheet for sheet in found if sheet is not None)


def _positivity(scored: AnyTask, task: Task) -> Iterator[Sheet | None]:
    found = scored.statistics
    if found is not None and found.baseline is not None:
        yield patients_sheet(found.baseline)
    for sheet in _of_every_patient(scored, found, task):
        yield sheet and _with_failures(sheet, scored)


def _of_every_patient(
    scored: AnyTask, found: Statistics | None, task: Task
) -> Iterator[Sheet | None]:
    """The tables in which a patient without an answer counts against the model."""
    if found is not None:
        yield from (cox_sheet(each, task=task) for each in found.cox)
        if found.added_value:
            yield added_value_sheet(found.added_value, task=task)
    yield concordance_sheet(scored, task=task)
    yield from _survival(scored, found, task)
    yield model_agreement_sheet(scored, task=task)
    reader_range = found.reader_range if found else None
    yield reader_agreement_sheet(scored, reader_range=reader_range, task=task)
    if found is not None:
        yield calibration_sheet(found.calibration, scored=scored, task=task)
        yield decision_sheet(found.decision_curve)
    yield subgroup_sheet(_subgroups(scored), task=task)


def _survival(scored: AnyTask, found: Statistics | None, task: Task) -> Iterator[Sheet | None]:
    if found is None:
        for rules in task.outcomes:
            yield public_survival_sheet(scored, rules, task=task)
        return
    for _, groupings in groupby(found.groupings, key=lambda each: each.outcome):
        yield survival_sheet(list(groupings), task=task)


def _subgroups(scored: AnyTask) -> Sequence[Subgroup]:
    if isinstance(scored, PublicTask):
        return scored.subgroups
    return scored.statistics.subgroups if scored.statistics else ()


def _with_failures(sheet: Sheet, scored: AnyTask) -> Sheet:
    failed = scored.coverage.failed
    if not failed:
        return sheet
    note = f"{counted(failed, 'patient')} without a usable answer: counted against the model."
    return replace(sheet, notes=(*sheet.notes, note))
