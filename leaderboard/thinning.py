"""Kaplan-Meier curves of a public cohort without the months in which nothing happens. Pure.

A curve is scored month by month, and most months repeat the one before. Kept are whole years, the
horizons, both ends, every month in which survival or its interval of any curve changes, and those
at which a group begins to have nobody at risk. A step function drawn from them is the same one;
numbers at risk are told at the kept months only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress
from typing import Protocol, TypeVar

from schema.result import SurvivalCurve
from schema.statistics import GroupSurvival, Statistics, SurvivalGrouping

YEAR_MONTHS = 12
Value = TypeVar("Value")


class Steps(Protocol):
    """The columns of a curve."""

    @property
    def survival(self) -> Sequence[float]:
        """At each month; none for a group of nobody."""

    @property
    def low(self) -> Sequence[float]:
        """Of the interval."""

    @property
    def high(self) -> Sequence[float]:
        """Of the interval."""

    @property
    def at_risk(self) -> Sequence[int]:
        """At each month."""


def thinned(statistics: Statistics) -> Statistics:
    """The same statistics, every grouping on the months that its groups need."""
    groupings = tuple(map(thinned_grouping, statistics.groupings))
    return statistics.model_copy(update={"groupings": groupings})


def thinned_grouping(grouping: SurvivalGrouping) -> SurvivalGrouping:
    """The groups share their months, so that numbers at risk stand below each other."""
    kept = months_kept(grouping.months, grouping.groups, horizons=grouping.horizons_months)
    return grouping.model_copy(
        update={
            "months": _at(grouping.months, kept),
            "groups": tuple(_group(each, kept) for each in grouping.groups),
        }
    )


def _group(group: GroupSurvival, kept: Sequence[bool]) -> GroupSurvival:
    columns = ("survival", "low", "high", "at_risk")
    return group.model_copy(update={name: _at(getattr(group, name), kept) for name in columns})


def thinned_curve(curve: SurvivalCurve, *, horizons: Iterable[float]) -> SurvivalCurve:
    """A curve on the months that it needs.

    Args:
        curve: month by month.
        horizons: months at which survival is quoted.
    """
    kept = months_kept(curve.months, [curve], horizons=horizons)
    columns = ("months", "survival", "low", "high", "at_risk")
    return curve.model_copy(update={name: _at(getattr(curve, name), kept) for name in columns})


def months_kept(
    months: Sequence[float], curves: Iterable[Steps], *, horizons: Iterable[float]
) -> tuple[bool, ...]:
    """Which months a step function through all curves needs, one flag a month."""
    shown, last = {0.0, *horizons}, len(months) - 1
    drawn = [each for each in curves if each.survival]
    return tuple(
        index in {0, last}
        or month in shown
        or month % YEAR_MONTHS == 0
        or any(_changes(each, index) for each in drawn)
        for index, month in enumerate(months)
    )


def _changes(curve: Steps, index: int) -> bool:
    columns = (curve.survival, curve.low, curve.high, [count > 0 for count in curve.at_risk])
    return any(column[index] != column[index - 1] for column in columns)


def _at(column: Sequence[Value], kept: Sequence[bool]) -> tuple[Value, ...]:
    """The values at the kept months; those of a group of nobody are none."""
    return tuple(compress(column, kept))
