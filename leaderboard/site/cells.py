"""Figures of an entry as a reader sees them: value, interval, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

from evaluation.figures.numerals import Style, bare, level, span, value_words
from evaluation.figures.numerals import p_value as p_words
from schema.entry import PublicFigure
from schema.result import Figure, Interval
from schema.task import IntervalMethod, Metric, Unit
from schema.terms import Status

WITHHELD = "withheld"
NO_VALUE = "no value"
NOT_GIVEN = "not given"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One figure in a table.

    Attributes:
        text: the value with its unit, or a word for its absence.
        reason: why there is none; empty when there is one.
        interval: as text, without its level; empty when there is none.
        sort: what a column is sorted by; None sorts last, whichever the direction.
    """

    text: str
    reason: str = ""
    interval: str = ""
    sort: float | None = None


def cell_of(figure: PublicFigure | None, metric: Metric) -> Cell:
    """A figure with the decimals of its task."""
    if figure is None:
        return Cell(text=NOT_GIVEN, reason="the entry has no such figure")
    if figure.value is None:
        word = WITHHELD if figure.status is Status.WITHHELD else NO_VALUE
        return Cell(text=word, reason=figure.reason or "no reason given")
    style = style_of(figure, metric)
    return Cell(
        text=value_words(figure.value, metric, style),
        interval=span(figure.interval, style) if figure.interval else "",
        sort=figure.value,
    )


def interval_words(figure: PublicFigure, metric: Metric) -> str:
    """The interval with its level, or why there is none; empty where none is meant."""
    if figure.value is None:
        return ""
    if figure.interval is None:
        if metric.interval is IntervalMethod.NONE:
            return ""
        return f"no interval: {figure.interval_reason or 'no reason given'}"
    return f"{level(figure.interval)} {span(figure.interval, style_of(figure, metric))}"


def style_of(figure: PublicFigure, metric: Metric) -> Style:
    """The decimals of the task, or those that are left after rounding for the public."""
    if figure.rounded_to is None:
        return Style(metric.unit, metric.decimals)
    step = figure.rounded_to * (100 if metric.unit is Unit.FRACTION else 1)
    left = next(digits for digits in range(10) if digits == 9 or _is_whole(step * 10**digits))
    return Style(metric.unit, min(metric.decimals, left))


def _is_whole(value: float) -> bool:
    return abs(value - round(value)) < 1e-6 and round(value) > 0


def difference_text(
    value: float | None, metric: Metric, *, interval: Interval | None
) -> tuple[str, str]:
    """A difference of two figures, signed, and its interval; percentage points for fractions."""
    if value is None:
        return NO_VALUE, ""
    style = Style(metric.unit, metric.decimals)
    sign = "+" if value > 0 and float(f"{bare(value, style)}".replace("\u2212", "-")) > 0 else ""
    shown = f"{sign}{bare(value, style)}"
    if interval is None:
        return shown, ""
    return shown, f"{bare(interval.low, style)} to {bare(interval.high, style)}"


def p_text(value: float | None) -> str:
    """A p value; empty when there is none."""
    return "" if value is None else p_words(value)


def for_whisker(figure: PublicFigure) -> Figure:
    """The same for the small picture beside a number, which draws value and interval alone."""
    return Figure.model_construct(
        **{name: getattr(figure, name) for name in ("metric", "scope", "value", "status")},
        interval=figure.interval,
        n=0,
    )
