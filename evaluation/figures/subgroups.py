"""Forest plots of the subgroups: one a figure, everybody first, then each level of each split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from evaluation.figures.axes import percent_ticks, plain_ticks
from evaluation.figures.captions import scope_title
from evaluation.figures.forest import Forest, ForestAxis, ForestLine, forest, ratio_axis
from evaluation.figures.numerals import RATIO, Style
from evaluation.figures.plot import Absent, Plot
from schema.result import Figure
from schema.statistics import Subgroup
from schema.task import Metric, Task, Unit

Key = tuple[str, str]
CHANCE = 0.5
DESCRIBED = (
    "Described, not tested: a difference between subgroups of this size is easily chance. "
    "The diamond is everybody."
)


def subgroup_forests(
    groups: Sequence[Subgroup], task: Task, *, everybody: Sequence[Figure], prefix: str
) -> tuple[Plot | Absent, ...]:
    """Draw every figure that the subgroups have.

    Args:
        groups: in reading order; levels of one split stand together.
        task: defines the metrics.
        everybody: figures of the whole cohort.
        prefix: begins every identity.
    """
    keys = list(dict.fromkeys((f.metric, f.scope) for group in groups for f in group.figures))
    whole = {(figure.metric, figure.scope): figure for figure in everybody}
    return tuple(
        _forest(groups, task.metric(key[0]), key, whole, prefix=prefix, task=task) for key in keys
    )


def _forest(
    groups: Sequence[Subgroup],
    metric: Metric,
    key: Key,
    whole: Mapping[Key, Figure],
    *,
    prefix: str,
    task: Task,
) -> Plot | Absent:
    lines = tuple(_lines(groups, key, whole))
    scope = "" if key[1] == "all" else f", {scope_title(key[1], task)}"
    ratio = metric.unit is Unit.RATIO
    return forest(
        Forest(
            identity=f"{prefix}-{key[0]}-{key[1]}",
            title=f"{metric.title}{scope}, by subgroup",
            caption=DESCRIBED,
            lines=lines,
            axis=ratio_axis([each.found for each in lines], title=f"{metric.title}, log scale")
            if ratio
            else _bounded_axis(metric),
            style=RATIO if ratio else Style(metric.unit, 1 if metric.unit is Unit.FRACTION else 2),
        )
    )


def _bounded_axis(metric: Metric) -> ForestAxis:
    """An axis from 0 to 1; that of an area under a curve marks chance."""
    fraction = metric.unit is Unit.FRACTION
    return ForestAxis(
        low=0.0,
        high=1.0,
        ticks=percent_ticks() if fraction else plain_ticks(0.0, 1.0),
        title=f"{metric.title} (%)" if fraction else metric.title,
        null=None if fraction else CHANCE,
    )


def _lines(
    groups: Sequence[Subgroup], key: Key, whole: Mapping[Key, Figure]
) -> Iterator[ForestLine]:
    if key in whole:
        everybody = whole[key]
        yield ForestLine(
            name="All patients", label="All patients", found=everybody, n=everybody.n, mark="whole"
        )
    before = ""
    for group in groups:
        figure = next((f for f in group.figures if (f.metric, f.scope) == key), None)
        if figure is not None:
            yield ForestLine(
                name=f"{group.title}: {group.level}",
                label=group.level,
                heading="" if group.title == before else group.title,
                found=figure,
                n=figure.n,
            )
            before = group.title
