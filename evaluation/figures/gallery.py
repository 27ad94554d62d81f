"""Every figure of a task, in the order in which they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from evaluation.figures.agreement import heat_map
from evaluation.figures.captions import called, region_titles, swatches
from evaluation.figures.confusion import confusion
from evaluation.figures.distribution import dice_distribution
from evaluation.figures.node_lengths import node_lengths
from evaluation.figures.node_pairs import pair_differences, pair_scatter
from evaluation.figures.node_sizes import size_histogram
from evaluation.figures.numerals import p_value, quote
from evaluation.figures.plot import Absent, Plot
from evaluation.figures.survival import Panel, kaplan_meier
from schema.result import CaseScore, Figure, Matrix, SurvivalCurve, TaskResult
from schema.task import OutcomeRules, Task
from schema.terms import NodeClass, Outcome, TaskId

Figures = Iterator[Plot | Absent]


def gallery(
    result: TaskResult, *, tasks: Mapping[TaskId, Task], cases: Sequence[CaseScore]
) -> tuple[Plot | Absent, ...]:
    """Draw what the result holds: matrices, agreement, survival, and distributions over cases.

    Args:
        result: of one task.
        tasks: every task; regions take their colours from the compartments, the threshold of the
            short axis comes from the positivity task.
        cases: of this task only.
    """
    return (
        *_matrices(result, tasks),
        *_agreement(result),
        *_survival(result, tasks[result.task]),
        *_distributions(result.task, tasks, cases),
    )


def _matrices(result: TaskResult, tasks: Mapping[TaskId, Task]) -> Figures:
    for matrix in result.matrices:
        yield confusion(
            matrix,
            identity=f"{result.task}-matrix-{matrix.id}",
            unit="node" if result.task is TaskId.NODES else "patient",
            swatches=swatches(tasks, of=result.task),
            note=_regions_in_words(matrix, tasks),
        )


def _regions_in_words(matrix: Matrix, tasks: Mapping[TaskId, Task]) -> str:
    compartments = tasks.get(TaskId.COMPARTMENTS)
    if compartments is None or compartments.label_map is None:
        return ""
    titles = region_titles(compartments.label_map)
    words = [f"{region}: {title.lower()}" for region, title in titles.items()]
    return f"{', '.join(words)}." if titles.keys() & set(matrix.rows) else ""


def _agreement(result: TaskResult) -> Figures:
    if result.agreement:
        yield heat_map(result.agreement, identity=f"{result.task}-agreement")


def _survival(result: TaskResult, task: Task) -> Figures:
    rules = {each.outcome: each for each in task.outcomes}
    panels: dict[tuple[Outcome, str], list[SurvivalCurve]] = {}
    for curve in result.survival:
        panels.setdefault((curve.outcome, curve.scope), []).append(curve)
    for (outcome, scope), curves in panels.items():
        yield _panel(result, task, rules[outcome], scope, curves)


def _panel(
    result: TaskResult,
    task: Task,
    rules: OutcomeRules,
    scope: str,
    curves: Sequence[SurvivalCurve],
) -> Plot:
    return kaplan_meier(
        Panel(
            identity=f"{result.task}-survival-{rules.outcome}-{scope}",
            rules=rules,
            curves=curves,
            caption=f"{_hazard_ratio(result, task, rules, scope)}"
            f"{_at_horizon(result, task, rules, scope)}"
            "The band is the 95 % confidence interval of the curve.",
        )
    )


def _find(result: TaskResult, metric: str, scope: str) -> Figure | None:
    named = (each for each in result.figures if (each.metric, each.scope) == (metric, scope))
    return next(named, None)


def _hazard_ratio(result: TaskResult, task: Task, rules: OutcomeRules, scope: str) -> str:
    figure = _find(result, f"{rules.outcome}_hazard_ratio", scope)
    if figure is None:
        return ""
    said = quote(figure, task.metric(figure.metric))
    p = "" if figure.p_value is None else f", {p_value(figure.p_value)}"
    return f"Hazard ratio of positive against negative: {said}{p}. "


def _at_horizon(result: TaskResult, task: Task, rules: OutcomeRules, scope: str) -> str:
    found = [
        (group, figure)
        for group in NodeClass
        if (figure := _find(result, f"{rules.outcome}_at_horizon", f"{scope}_{group.value}"))
    ]
    if not found:
        return ""
    words = "; ".join(
        f"{called(group)} {quote(figure, task.metric(figure.metric))}" for group, figure in found
    )
    return f"At {rules.horizon_months:g} months: {words}. "


def _distributions(
    task_id: TaskId, tasks: Mapping[TaskId, Task], cases: Sequence[CaseScore]
) -> Figures:
    label_map = tasks[task_id].label_map
    if label_map is None:
        return
    if not cases:
        yield Absent(title="Distributions over patients", reason="no per-case scores were given")
        return
    yield dice_distribution(cases, label_map, identity=f"{task_id}-dice")
    if task_id is TaskId.NODES:
        yield from _nodes(tasks, cases)


def _nodes(tasks: Mapping[TaskId, Task], cases: Sequence[CaseScore]) -> Figures:
    lengths, threshold_mm = node_lengths(cases), _threshold_mm(tasks)
    colours = _class_colours(tasks)
    yield size_histogram(lengths, identity="nodes-sizes", threshold_mm=threshold_mm)
    yield pair_scatter(lengths, identity="nodes-pairs", threshold_mm=threshold_mm, colours=colours)
    yield pair_differences(lengths, identity="nodes-differences", colours=colours)


def _class_colours(tasks: Mapping[TaskId, Task]) -> dict[NodeClass, str]:
    label_map = tasks[TaskId.NODES].label_map
    assert label_map is not None, "nodes are labels of a mask"
    return {
        label.node_class: label.colour for label in label_map.labels if label.node_class is not None
    }


def _threshold_mm(tasks: Mapping[TaskId, Task]) -> float | None:
    task = tasks.get(TaskId.POSITIVITY)
    return task.positivity.short_axis_mm if task and task.positivity else None
