"""The rows of the table of figures: one group a metric, one row a scope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from evaluation.figures.captions import ARROWS, INTERVALS, capital, scope_title
from evaluation.figures.numerals import Quote, p_value, quote
from evaluation.figures.whisker import whisker
from schema.result import Figure, TaskResult
from schema.task import Metric, Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure.

    Attributes:
        scope: what it is of, in words.
        quote: value and interval as text, or the reason why there is none.
        method: how the interval was made; empty when there is none.
        p_value: as text; empty when there is none.
        n: observations it rests on.
        whisker: value and interval as a picture, or nothing.
        ranked: whether the board is ordered by it.
    """

    scope: str
    quote: Quote
    method: str
    p_value: str
    n: int
    whisker: Markup
    ranked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRows:
    """Every figure of one metric.

    Attributes:
        metric: its definition.
        anchor: of the definition within the page.
        arrow: which way is better; empty when neither is.
        direction: the same in words.
        rows: one a scope.
    """

    metric: Metric
    anchor: str
    arrow: str
    direction: str
    rows: tuple[Row, ...]


def headline(result: TaskResult, task: Task) -> tuple[MetricRows, ...]:
    """Every figure of a task: metrics in the order of the task file, scopes in the result's.

    Raises:
        KeyError: a figure names a metric that the task file does not define.
    """
    by_metric: dict[str, list[Figure]] = {}
    for figure in result.figures:
        by_metric.setdefault(task.metric(figure.metric).id, []).append(figure)
    return tuple(
        _group(metric, by_metric[metric.id], task)
        for metric in task.metrics
        if metric.id in by_metric
    )


def _group(metric: Metric, figures: Sequence[Figure], task: Task) -> MetricRows:
    arrow, direction = ARROWS[metric.direction]
    return MetricRows(
        metric=metric,
        anchor=definition_anchor(task, metric),
        arrow=arrow,
        direction=direction,
        rows=tuple(_row(figure, metric, task) for figure in figures),
    )


def definition_anchor(task: Task, metric: Metric) -> str:
    """Where the page defines a metric."""
    return f"define-{task.id}-{metric.id}"


def _row(figure: Figure, metric: Metric, task: Task) -> Row:
    ranking = zip(task.ranking.keys, task.ranking.scopes, strict=True)
    return Row(
        scope=capital(scope_title(figure.scope, task)),
        quote=quote(figure, metric),
        method=INTERVALS[figure.interval.method] if figure.interval else "",
        p_value="" if figure.p_value is None else p_value(figure.p_value),
        n=figure.n,
        whisker=whisker(figure, metric),
        ranked=(figure.metric, figure.scope) in ranking,
    )
