"""What a cell of a table says: a value with its interval, a p value, a count, or why there is none.

Units stand in the heads of the columns. A cell in which no number is expected holds a dash.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from evaluation.figures import numerals
from evaluation.figures.captions import capital
from evaluation.figures.numerals import DASH, SPACE, SUFFIX, Style, bare, span
from schema.entry import PublicFigure, PublicTask
from schema.figure import Figure, Interval
from schema.result import TaskResult
from schema.task import Metric, OutcomeRules, Task, Unit
from schema.terms import Outcome, Status

AnyTask = TaskResult | PublicTask
"""One task as scored, or what the public may know of it."""
AnyFigure = Figure | PublicFigure

WITHHELD = "withheld"
MONTHS_A_YEAR = 12
RATIO = Style(Unit.RATIO, 2)
SHARE = Style(Unit.FRACTION, 1)
LENGTH = Style(Unit.MILLIMETRE, 2)
INDEX = Style(Unit.ONE, 3)


class Told(Protocol):
    """A value with a status and an interval, or the reason for none."""

    @property
    def value(self) -> float | None:
        """None where there is none."""

    @property
    def status(self) -> Status:
        """Why there is a value, or none."""

    @property
    def reason(self) -> str | None:
        """The same in words."""

    @property
    def interval(self) -> Interval | None:
        """None where there is none."""


def estimate(found: Told | None, style: Style) -> str:
    """`2.70 (1.75–4.15)`, or why there is no value; a dash where nothing was asked."""
    if found is None:
        return DASH
    if found.value is None:
        return without_value(found.status, found.reason)
    shown = bare(found.value, style)
    if found.interval is None:
        return f"{shown} (no interval)"
    return f"{shown} ({limits(found.interval, style)})"


def interval_notes(found: Iterable[Told | None]) -> Iterator[str]:
    """Why values have no interval: a note for each reason, in the order of the values."""
    reasons = (
        getattr(each, "interval_reason", None)
        for each in found
        if each is not None and each.interval is None
    )
    for reason in dict.fromkeys(filter(None, reasons)):
        yield f"No interval: {reason}."


def without_value(status: Status, reason: str | None) -> str:
    """What stands in place of a number."""
    if status is Status.WITHHELD:
        return WITHHELD
    return f"not computable ({reason or status.value.replace('_', ' ')})"


def limits(interval: Interval, style: Style) -> str:
    """Both limits, without the unit's sign."""
    return span(interval, style).removesuffix(SUFFIX[style.unit])


def p_cell(value: float | None) -> str:
    """`0.012` or `<0.001`; a dash where there is no test."""
    if value is None:
        return DASH
    return numerals.p_value(value).removeprefix("p ").removeprefix("= ").replace("< ", "<")


def p_of(found: Told | None) -> str:
    """A figure whose value is a p value."""
    if found is None or found.value is not None:
        return p_cell(found.value if found else None)
    return without_value(found.status, found.reason)


def count(number: int | None) -> str:
    """A number of patients; None is one that the public may not know."""
    return WITHHELD if number is None else str(number)


def style_of(metric: Metric) -> Style:
    """How the task file wants a metric written."""
    return Style(metric.unit, metric.decimals)


def with_unit(title: str, unit: Unit) -> str:
    """Head of a column: `Accuracy, %`."""
    sign = SUFFIX[unit].strip()
    return f"{title}, {sign}" if sign else title


def interval_words(task: Task) -> str:
    """`95 % CI`, at the level of the task file."""
    return f"{100 * task.resampling.level:g}{SPACE}%{SPACE}CI"


def figures_of(scored: AnyTask) -> dict[tuple[str, str], AnyFigure]:
    """Every figure by metric and scope."""
    return {(each.metric, each.scope): each for each in scored.figures}


def outcome_rules(task: Task, outcome: Outcome) -> OutcomeRules:
    """What the task file says of an outcome."""
    return next(rules for rules in task.outcomes if rules.outcome is outcome)


def short_name(outcome: Outcome) -> str:
    """`DFS` or `OS`."""
    return outcome.value.upper()


def horizon(months: float) -> str:
    """`3-year`, or `18-month` where it is not a number of years."""
    years = months / MONTHS_A_YEAR
    return f"{years:g}-year" if years == int(years) else f"{months:g}-month"


def horizon_end(months: float) -> str:
    """`3 years`, or `18 months`."""
    number, _, unit = horizon(months).partition("-")
    return numerals.counted(int(number), unit) if number.isdigit() else f"{number} {unit}s"


def sentence(words: str) -> str:
    """The words as a sentence; a name such as mrN keeps its first letter."""
    first = words.split(" ", maxsplit=1)[0]
    return f"{capital(words) if first.islower() else words}."


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)
