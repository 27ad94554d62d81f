"""A score and its interval as a small picture on a scale that a whole board shares."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup

from evaluation.figures.axes import Scale, round_step
from evaluation.figures.svg import element, line
from schema.entry import PublicFigure
from schema.task import Metric

WIDTH, HEIGHT, EDGE = 120.0, 14.0, 4.0


def shared_scale(figures: Iterable[PublicFigure | None], metric: Metric) -> Scale | None:
    """A scale that holds every value and interval, with round ends within the metric's range.

    None when no figure has a value.
    """
    ends = [end for figure in figures if figure for end in _ends(figure)]
    if not ends:
        return None
    low, high = min(ends), max(ends)
    step = round_step(max(high - low, 1e-6), most=4)
    low, high = step * (low // step), step * -(-high // step)
    if metric.minimum is not None:
        low = max(low, metric.minimum)
    if metric.maximum is not None:
        high = min(high, metric.maximum)
    if high - low <= 0:
        low, high = low - step, high + step
    return Scale(low=low, high=high, start=EDGE, end=WIDTH - EDGE)


def _ends(figure: PublicFigure) -> tuple[float, ...]:
    if figure.value is None:
        return ()
    if figure.interval is None:
        return (figure.value,)
    return (figure.value, figure.interval.low, figure.interval.high)


def score_bar(figure: PublicFigure | None, x: Scale | None, *, best: float | None) -> Markup:
    """Draw a value as a tick on its interval, and the first entry's value as a thin line.

    It repeats the numbers beside it and is hidden from screen readers; nothing without a value.
    """
    if figure is None or figure.value is None or x is None:
        return Markup("")
    middle = HEIGHT / 2
    shapes = [line(x1=EDGE, y1=middle, x2=WIDTH - EDGE, y2=middle, css="grid")]
    if best is not None:
        shapes.append(line(x1=x(best), y1=0, x2=x(best), y2=HEIGHT, css="best"))
    if figure.interval is not None:
        low, high = (
            min(max(end, x.low), x.high) for end in (figure.interval.low, figure.interval.high)
        )
        shapes.append(line(x1=x(low), y1=middle, x2=x(high), y2=middle, css="interval"))
    value = x(figure.value)
    shapes.append(line(x1=value, y1=2, x2=value, y2=HEIGHT - 2, css="point"))
    return element(
        "svg",
        *shapes,
        class_="bar",
        viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}",
        aria_hidden="true",
    )
