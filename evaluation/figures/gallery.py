"""Every figure of a task, in the order in which they are read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from evaluation.figures.agreement import heat_map
from evaluation.figures.calibration import calibration_plot
from evaluation.figures.captions import region_titles, swatches
from evaluation.figures.confusion import confusion
from evaluation.figures.decision import decision_plot
from evaluation.figures.distribution import dice_distribution
from evaluation.figures.froc import froc_curve
from evaluation.figures.limits import limits_chart
from evaluation.figures.node_lengths import node_lengths
from evaluation.figures.node_pairs import pair_differences, pair_scatter
from evaluation.figures.node_sizes import size_histogram
from evaluation.figures.plot import Absent, Plot
from evaluation.figures.roc import roc_curve
from evaluation.figures.status import status_counts
from schema.result import CaseScore, Matrix, TaskResult
from schema.statistics import Statistics
from schema.task import Task
from schema.terms import NodeClass, TaskId

Figures = Iterator[Plot | Absent]


def gallery(
    result: TaskResult, *, tasks: Mapping[TaskId, Task], cases: Sequence[CaseScore]
) -> tuple[Plot | Absent, ...]:
    """Draw what the result holds: matrices, agreement, probabilities, distributions over cases.

    Prognosis and subgroups are drawn in `evaluation.figures.clinical`.

    Args:
        result: of one task.
        tasks: every task; regions take their colours from the compartments, the threshold of the
            short axis comes from the positivity task.
        cases: of this task only.
    """
    return (
        *_matrices(result, tasks),
        *_agreement(result),
        *_probability(result, result.statistics, cases),
        *_distributions(result.task, tasks, cases),
        *_lengths_and_alarms(result),
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


def _probability(
    result: TaskResult, statistics: Statistics | None, cases: Sequence[CaseScore]
) -> Figures:
    """What the probabilities of the patients are worth."""
    if result.task is not TaskId.POSITIVITY:
        return
    area = next((each for each in result.figures if each.metric == "auroc"), None)
    counts = status_counts(result.matrices)
    yield roc_curve(cases, area=area, counts=counts, identity=f"{result.task}-roc")
    if statistics is not None:
        identity = f"{result.task}-calibration"
        yield calibration_plot(statistics.calibration, result.figures, identity=identity)
        yield decision_plot(statistics.decision_curve, identity=f"{result.task}-decision")


def _lengths_and_alarms(result: TaskResult) -> Figures:
    if result.short_axis:
        yield limits_chart(result.short_axis, identity=f"{result.task}-limits")
    if result.froc is not None:
        yield froc_curve(result.froc, identity=f"{result.task}-froc")


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
