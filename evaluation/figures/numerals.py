"""Numbers as a reader sees them: units, decimals, intervals, and no value in words."""

from __future__ import annotations

from typing import NamedTuple

from schema.figure import Estimated
from schema.result import Figure, Interval, PairAgreement
from schema.task import IntervalMethod, Metric, Unit

P_VALUES = ("log_rank", "mcnemar")
"""How the metrics end that are p values themselves."""
SPACE = "\u00a0"
"""Keeps a number and its unit on one line."""
DASH = "\u2013"
MINUS = "\u2212"
"""The true minus sign."""
SUFFIX = {
    Unit.FRACTION: SPACE + "%",
    Unit.ONE: "",
    Unit.MILLIMETRE: SPACE + "mm",
    Unit.RATIO: "",
}


class Style(NamedTuple):
    """How a value is written."""

    unit: Unit
    decimals: int


PERCENT = Style(Unit.FRACTION, 1)
RATIO = Style(Unit.RATIO, 2)
SHARE_OF_ONE = Style(Unit.ONE, 2)
SMALL_SHARE = Style(Unit.ONE, 3)
LENGTH = Style(Unit.MILLIMETRE, 2)


class Quote(NamedTuple):
    """A figure as text: its value and interval, or the reason why there is none.

    Attributes:
        value: with its unit; None when the figure cannot be computed.
        reason: why it cannot; empty otherwise.
        interval: such as `61.6–83.2 %`, or why there is none.
        level: such as `95 % CI`; empty when there is no interval.
    """

    value: str | None
    reason: str
    interval: str
    level: str = ""

    @property
    def around(self) -> str:
        """The interval with its level, or why there is none."""
        return f"{self.level} {self.interval}".strip()

    def __str__(self) -> str:
        if self.value is None:
            return f"not computable ({self.reason})"
        return f"{self.value} ({self.around})"


def decimal(value: float, decimals: int) -> str:
    """Fixed decimals with a true minus sign and no negative zero."""
    shown = f"{value:.{decimals}f}"
    if float(shown) == 0:
        return shown.removeprefix("-")
    return shown.replace("-", MINUS)


def percent(share: float, decimals: int = 1) -> str:
    """A fraction as a percentage."""
    return f"{decimal(100 * share, decimals)}{SPACE}%"


def counted(count: int, noun: str) -> str:
    """`1 patient`, `2 patients`: a count with a noun that takes an s."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def share_of(part: int, whole: int, decimals: int = 1) -> str:
    """`part / whole` as a percentage; a dash when `whole` is 0."""
    return percent(part / whole, decimals) if whole else DASH


def bare(value: float, style: Style) -> str:
    """A value in the unit shown, without the unit's sign."""
    return decimal(100 * value if style.unit is Unit.FRACTION else value, style.decimals)


def span(interval: Interval, style: Style) -> str:
    """`low–high` with the unit once; `to` instead of the dash beside a minus sign."""
    low, high = bare(interval.low, style), bare(interval.high, style)
    joint = " to " if MINUS in low + high else DASH
    return f"{low}{joint}{high}{SUFFIX[style.unit]}"


def level(interval: Interval) -> str:
    """`95 % CI`."""
    return f"{interval.level * 100:g}{SPACE}%{SPACE}CI"


def quote(figure: Figure, metric: Metric, *, most_decimals: int = 6) -> Quote:
    """A figure as text.

    Args:
        figure: the figure.
        metric: its definition, for the unit and the decimals.
        most_decimals: fewer than the metric asks for, in running text.
    """
    style = Style(metric.unit, min(metric.decimals, most_decimals))
    missing = f"no interval: {figure.interval_reason}" if figure.interval_reason else "no interval"
    if metric.interval is IntervalMethod.NONE:
        missing = DASH
    found = _quoted(figure, figure.interval, style, missing=missing)
    if figure.value is None:
        return found
    return found._replace(value=value_words(figure.value, metric, style))


def value_words(value: float, metric: Metric, style: Style) -> str:
    """A value with its unit; a p value that would read 0 is below the last of its decimals."""
    shown = bare(value, style)
    if metric.id.endswith(P_VALUES) and float(shown) == 0:
        return f"< {bare(10.0**-style.decimals, style)}"
    return shown + SUFFIX[style.unit]


def quote_estimate(found: Estimated | Figure, style: Style) -> Quote:
    """An estimate as text."""
    missing = (
        "no interval" if not found.interval_reason else f"no interval: {found.interval_reason}"
    )
    return _quoted(found, found.interval, style, missing=missing)


def quote_kappa(pair: PairAgreement, *, decimals: int = 2) -> Quote:
    """Two raters' agreement as text."""
    return _quoted(pair, pair.interval, Style(Unit.ONE, decimals), missing="no interval")


def _quoted(
    valued: Figure | PairAgreement | Estimated,
    interval: Interval | None,
    style: Style,
    *,
    missing: str,
) -> Quote:
    if valued.value is None:
        return Quote(None, valued.reason or "no reason given", "")
    shown = bare(valued.value, style) + SUFFIX[style.unit]
    if interval is None:
        return Quote(shown, "", missing)
    return Quote(shown, "", span(interval, style), level(interval))


def p_value(value: float) -> str:
    """`p = 0.012`, or `p < 0.001`."""
    return "p < 0.001" if value < 0.0005 else f"p = {value:.3f}"
