"""A result's number by a locator: what stands beside a published one.

    figure.METRIC.SCOPE
    cox.OUTCOME.univariable.COVARIATE        cox.OUTCOME.multivariable.COVARIATE
    ratio.OUTCOME.GROUPING.COMPARISON        survival.OUTCOME.GROUPING.GROUP.MONTH
    count.COVARIATE.LEVEL.GROUP              mean.COVARIATE.GROUP
    deviation.COVARIATE.GROUP                difference.COVARIATE
    size.GROUP                               cell.MATRIX.ROW.COLUMN

Groups, levels, comparisons, rows and columns are counted from 0. `difference` is the p value of the
baseline table.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from schema.figure import Estimated, Figure
from schema.published import PublishedNumber
from schema.result import TaskResult
from schema.statistics import BaselineRow, BaselineTable, Statistics, SurvivalGrouping


class Located(NamedTuple):
    """A number of a result with what goes with it."""

    value: float | None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None


def located(result: TaskResult, locator: str) -> Located:
    """The number that a locator names.

    Raises:
        LookupError: the result holds no such number.
    """
    kind, *rest = locator.split(".")
    try:
        return LOCATORS[kind](result, rest)
    except (KeyError, IndexError, ValueError, StopIteration) as error:
        raise LookupError(f"no number {locator!r} in the result of {result.task.value}") from error


def reproduces(number: PublishedNumber, found: Located) -> bool:
    """Whether the kit's number is the published one, within its tolerance or its interval."""
    if found.value is None:
        return False
    if number.tolerance is not None:
        return abs(found.value - number.value) <= number.tolerance
    return (
        number.low is not None
        and number.high is not None
        and number.low <= found.value <= number.high
    )


def _estimated(found: Estimated | Figure, p_value: float | None = None) -> Located:
    interval = found.interval
    if interval is None:
        return Located(found.value, p_value=p_value)
    return Located(found.value, interval.low, interval.high, p_value)


def _figure(result: TaskResult, rest: list[str]) -> Located:
    metric, scope = rest
    found = result.figure(metric, scope)
    return _estimated(found, found.p_value)


def _statistics(result: TaskResult) -> Statistics:
    if result.statistics is None:
        raise KeyError("statistics")
    return result.statistics


def _cox(result: TaskResult, rest: list[str]) -> Located:
    outcome, kind, covariate = rest
    table = next(each for each in _statistics(result).cox if each.outcome.value == outcome)
    rows = {"univariable": table.univariable, "multivariable": table.multivariable}[kind]
    row = next(each for each in rows if each.covariate == covariate)
    return _estimated(row, row.p_value)


def _grouping(result: TaskResult, outcome: str, grouping: str) -> SurvivalGrouping:
    return next(
        each
        for each in _statistics(result).groupings
        if (each.outcome.value, each.id) == (outcome, grouping)
    )


def _ratio(result: TaskResult, rest: list[str]) -> Located:
    outcome, grouping, comparison = rest
    found = _grouping(result, outcome, grouping).comparisons[int(comparison)]
    return _estimated(found, found.p_value)


def _survival(result: TaskResult, rest: list[str]) -> Located:
    outcome, grouping, group, month = rest
    found = _grouping(result, outcome, grouping)
    place = found.horizons_months.index(float(month))
    return _estimated(found.groups[int(group)].at_horizons[place])


def _baseline(result: TaskResult) -> BaselineTable:
    table = _statistics(result).baseline
    if table is None:
        raise KeyError("baseline")
    return table


def _row(result: TaskResult, covariate: str) -> BaselineRow:
    return next(each for each in _baseline(result).rows if each.covariate == covariate)


def _count(result: TaskResult, rest: list[str]) -> Located:
    covariate, level, group = rest
    return Located(float(_row(result, covariate).counts[int(level)][int(group)]))


def _mean(result: TaskResult, rest: list[str]) -> Located:
    covariate, group = rest
    return Located(_row(result, covariate).spreads[int(group)].mean)


def _deviation(result: TaskResult, rest: list[str]) -> Located:
    covariate, group = rest
    return Located(_row(result, covariate).spreads[int(group)].standard_deviation)


def _difference(result: TaskResult, rest: list[str]) -> Located:
    (covariate,) = rest
    return Located(_row(result, covariate).p_value)


def _size(result: TaskResult, rest: list[str]) -> Located:
    (group,) = rest
    return Located(float(_baseline(result).sizes[int(group)]))


def _cell(result: TaskResult, rest: list[str]) -> Located:
    matrix, row, column = rest
    found = next(each for each in result.matrices if each.id == matrix)
    return Located(float(found.cells[int(row)][int(column)]))


LOCATORS: dict[str, Callable[[TaskResult, list[str]], Located]] = {
    "figure": _figure,
    "cox": _cox,
    "ratio": _ratio,
    "survival": _survival,
    "count": _count,
    "mean": _mean,
    "deviation": _deviation,
    "difference": _difference,
    "size": _size,
    "cell": _cell,
}
"""Reader of each kind of locator."""
