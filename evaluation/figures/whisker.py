"""A value and its interval as a small picture beside the number."""

from __future__ import annotations

from markupsafe import Markup

from evaluation.figures.axes import Scale
from evaluation.figures.svg import element, line
from schema.result import Figure
from schema.task import IntervalMethod, Metric

WIDTH, HEIGHT, EDGE = 132.0, 18.0, 6.0


def whisker(figure: Figure, metric: Metric) -> Markup:
    """Draw the interval on the metric's own range; nothing when an end is open or there is none.

    The picture repeats the numbers of its row and is hidden from screen readers.
    """
    if figure.value is None or metric.minimum is None or metric.maximum is None:
        return Markup("")
    if metric.interval is IntervalMethod.NONE:
        return Markup("")
    x = Scale(low=metric.minimum, high=metric.maximum, start=EDGE, end=WIDTH - EDGE)
    y = HEIGHT / 2
    return element(
        "svg",
        line(x1=EDGE, y1=y, x2=WIDTH - EDGE, y2=y, css="grid"),
        *(line(x1=x(at), y1=y - 4, x2=x(at), y2=y + 4, css="grid") for at in _marks(metric)),
        *_interval(figure, x, y),
        line(x1=x(figure.value), y1=y - 6, x2=x(figure.value), y2=y + 6, css="point"),
        class_="whisker-picture",
        viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}",
        aria_hidden="true",
    )


def _marks(metric: Metric) -> tuple[float, ...]:
    """Both ends of the range and its middle."""
    assert metric.minimum is not None, "only bounded metrics are drawn"
    assert metric.maximum is not None, "only bounded metrics are drawn"
    return (metric.minimum, (metric.minimum + metric.maximum) / 2, metric.maximum)


def _interval(figure: Figure, x: Scale, y: float) -> list[Markup]:
    if figure.interval is None:
        return []
    low, high = (
        min(max(end, x.low), x.high) for end in (figure.interval.low, figure.interval.high)
    )
    return [line(x1=x(low), y1=y, x2=x(high), y2=y, css="interval")]
