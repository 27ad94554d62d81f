"""A result's number by a locator: what stands beside a published one.

    figure.METRIC.SCOPE
    cox.OUTCOME.univariable.COVARIATE        cox.OUTCOME.multivariable.COVARIATE
    ratio.OUTCOME.GROUPING.COMPARISON        survival.OUTCOME.GROUPING.GROUP.MONTH
    count.COVARIATE.LEVEL.GROUP              share.COVARIATE.LEVEL.GROUP
    mean.COVARIATE.GROUP                     deviation.COVARIATE.GROUP
    difference.COVARIATE                     size.GROUP
    cell.MATRIX.ROW.COLUMN                   patients.METRIC.SCOPE
    complement.METRIC.SCOPE                  test.OUTCOME.GROUPING
    p.LOCATOR

Groups, levels, comparisons, rows and columns are counted from 0; `all` for a group of the baseline
table is both together. `difference` is the p value of the baseline table, `test` that of the
log-rank test of all groups, `p` that which goes with another number. `patients` is how many a
figure rests on, `complement` is 1 less a figure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from scipy.stats import norm

from schema.figure import Estimated, Figure
from schema.published import PublishedNumber
from schema.result import TaskResult
from schema.statistics import BaselineRow, BaselineTable, Spread, Statistics, SurvivalGrouping

BOTH = "all"
"""Both groups of the baseline table together."""
BOUND_TOLERANCE = 0.05
"""A bound of an interval is reproduced within this share of it."""
Z_TOLERANCE = 0.1
"""A p value that rounds to another is reproduced within so many standard errors."""


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
    """Whether the kit's number is the published one: below its bound, or within its tolerance.

    A number with neither is reproduced if its own interval holds the kit's.
    """
    if found.value is None:
        return False
    if number.printed.startswith("<"):
        return found.value < number.value
    if number.tolerance is not None:
        return abs(found.value - number.value) <= number.tolerance
    return (
        number.low is not None
        and number.high is not None
        and number.low <= found.value <= number.high
    )


def reproduces_interval(number: PublishedNumber, found: Located) -> bool:
    """Whether both bounds are the kit's to `BOUND_TOLERANCE` of them."""
    pairs = ((number.low, found.low), (number.high, found.high))
    return all(
        printed and own and abs(math.log(own / printed)) <= BOUND_TOLERANCE
        for printed, own in pairs
    )


def reproduces_p(number: PublishedNumber, found: Located) -> bool:
    """Whether the kit's p is below the printed bound, rounds to it, or is as far in the normal."""
    if found.p_value is None or number.p_value is None or number.p_printed is None:
        return False
    if number.p_printed.startswith("<"):
        return found.p_value < number.p_value
    if f"{found.p_value:.{decimals(number.p_printed)}f}" == number.p_printed:
        return True
    z_values = norm.isf([found.p_value / 2, number.p_value / 2])
    return bool(abs(z_values[0] - z_values[1]) <= Z_TOLERANCE)


def decimals(printed: str) -> int:
    """Digits after the point of the first number in a text."""
    _, point, after = printed.partition(".")
    digits = len(after) - len(after.lstrip("0123456789"))
    return digits if point else 0


def _estimated(found: Estimated | Figure, p_value: float | None = None) -> Located:
    interval = found.interval
    if interval is None:
        return Located(found.value, p_value=p_value)
    return Located(found.value, interval.low, interval.high, p_value)


def _figure(result: TaskResult, rest: list[str]) -> Located:
    metric, scope = rest
    found = result.figure(metric, scope)
    return _estimated(found, found.p_value)


def _patients(result: TaskResult, rest: list[str]) -> Located:
    metric, scope = rest
    return Located(float(result.figure(metric, scope).n))


def _complement(result: TaskResult, rest: list[str]) -> Located:
    value, low, high, _ = _figure(result, rest)
    return Located(_from_one(value), _from_one(high), _from_one(low))


def _from_one(value: float | None) -> float | None:
    return None if value is None else 1 - value


def _p(result: TaskResult, rest: list[str]) -> Located:
    return Located(located(result, ".".join(rest)).p_value)


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


def _test(result: TaskResult, rest: list[str]) -> Located:
    outcome, grouping = rest
    return Located(_grouping(result, outcome, grouping).p_value)


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


def _of_group(counts: Sequence[int], group: str) -> int:
    return sum(counts) if group == BOTH else counts[int(group)]


def _count(result: TaskResult, rest: list[str]) -> Located:
    covariate, level, group = rest
    return Located(float(_of_group(_row(result, covariate).counts[int(level)], group)))


def _share(result: TaskResult, rest: list[str]) -> Located:
    """Of the patients in whom the covariate is known."""
    covariate, level, group = rest
    counts = [_of_group(each, group) for each in _row(result, covariate).counts]
    return Located(counts[int(level)] / sum(counts))


def _mean(result: TaskResult, rest: list[str]) -> Located:
    covariate, group = rest
    spreads = _row(result, covariate).spreads
    return Located(_pooled(spreads).mean if group == BOTH else spreads[int(group)].mean)


def _deviation(result: TaskResult, rest: list[str]) -> Located:
    covariate, group = rest
    spreads = _row(result, covariate).spreads
    if group == BOTH:
        return Located(_pooled(spreads).standard_deviation)
    return Located(spreads[int(group)].standard_deviation)


class _Pooled(NamedTuple):
    mean: float
    standard_deviation: float


def _pooled(spreads: Sequence[Spread]) -> _Pooled:
    """Mean and standard deviation of all from those of the groups: within and between."""
    total = sum(each.n for each in spreads)
    mean = sum(each.n * (each.mean or 0) for each in spreads) / total
    squares = sum(
        (each.n - 1) * (each.standard_deviation or 0) ** 2 + each.n * ((each.mean or 0) - mean) ** 2
        for each in spreads
    )
    return _Pooled(mean, math.sqrt(squares / (total - 1)))


def _difference(result: TaskResult, rest: list[str]) -> Located:
    (covariate,) = rest
    return Located(_row(result, covariate).p_value)


def _size(result: TaskResult, rest: list[str]) -> Located:
    (group,) = rest
    return Located(float(_of_group(_baseline(result).sizes, group)))


def _cell(result: TaskResult, rest: list[str]) -> Located:
    matrix, row, column = rest
    found = next(each for each in result.matrices if each.id == matrix)
    return Located(float(found.cells[int(row)][int(column)]))


LOCATORS: dict[str, Callable[[TaskResult, list[str]], Located]] = {
    "figure": _figure,
    "cox": _cox,
    "ratio": _ratio,
    "survival": _survival,
    "test": _test,
    "count": _count,
    "share": _share,
    "mean": _mean,
    "deviation": _deviation,
    "difference": _difference,
    "size": _size,
    "cell": _cell,
    "patients": _patients,
    "complement": _complement,
    "p": _p,
}
"""Reader of each kind of locator."""
