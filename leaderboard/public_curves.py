"""Kaplan-Meier curves of a hidden cohort: at whole years, with enough events between them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from leaderboard.rounding import rounded
from leaderboard.suppression import is_small
from schema.entry import PublicCurve
from schema.result import SurvivalCurve
from schema.terms import NodeClass, Outcome

YEAR_MONTHS = 12
STEP = 0.001
"""Of a survival probability."""
ROUNDING = 1e-6
"""Of a number of events that is computed from probabilities: 4.0000000001 events are four."""
Group = tuple[Outcome, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCounts:
    """What may be said of the two curves of one outcome and scope.

    Attributes:
        sizes: whether how many patients are in either group may be shown.
        events: whether how many of them had the event may be shown.
    """

    sizes: bool
    events: bool


def group_counts(
    curves: Sequence[SurvivalCurve], *, cases: int, least: int
) -> Mapping[Group, GroupCounts]:
    """What may be said of each outcome and scope: all of it, or neither group's number."""
    groups: dict[Group, list[SurvivalCurve]] = {}
    for curve in curves:
        groups.setdefault((curve.outcome, curve.scope), []).append(curve)
    return {group: _counts(pair, cases=cases, least=least) for group, pair in groups.items()}


def _counts(pair: Sequence[SurvivalCurve], *, cases: int, least: int) -> GroupCounts:
    unknown = cases - sum(curve.n for curve in pair)
    sizes = (*(curve.n for curve in pair), unknown)
    cells = [count for curve in pair for count in (curve.events, curve.n - curve.events)]
    shown = not any(is_small(count, least=least) for count in sizes)
    return GroupCounts(
        sizes=shown, events=shown and not any(is_small(count, least=least) for count in cells)
    )


def public_curve(curve: SurvivalCurve, *, counts: GroupCounts, least: int) -> PublicCurve:
    """A curve at those whole years between which nobody's event can be made out.

    Args:
        curve: month by month.
        counts: what may be said of its group.
        least: events between two years that are shown are none or at least as many; the curve ends
            where fewer patients are at risk.
    """
    kept = list(_years(curve, least=least))
    return PublicCurve(
        outcome=curve.outcome,
        scope=curve.scope,
        group=NodeClass(curve.group),
        n=curve.n if counts.sizes else None,
        events=curve.events if counts.events else None,
        months=tuple(curve.months[i] for i in kept),
        survival=tuple(rounded(curve.survival[i], step=STEP) for i in kept),
        low=tuple(rounded(curve.low[i], step=STEP) for i in kept),
        high=tuple(rounded(curve.high[i], step=STEP) for i in kept),
        at_risk=tuple(_at_risk(curve.at_risk[i], counts=counts, least=least) for i in kept),
    )


def _at_risk(count: int, *, counts: GroupCounts, least: int) -> int | None:
    return count - count % least if counts.sizes else None


def _years(curve: SurvivalCurve, *, least: int) -> Iterator[int]:
    """Indices of the months that are kept."""
    since = 0
    for index, (month, events) in enumerate(zip(curve.months, _fewest_events(curve), strict=True)):
        since += events
        if month % YEAR_MONTHS:
            continue
        if curve.at_risk[index] < least:
            return
        if not is_small(since, least=least):
            yield index
            since = 0


def _fewest_events(curve: SurvivalCurve) -> Iterator[int]:
    """A lower bound of the events from each month to the one before.

    Whoever fails in it is among at least those at risk at its end, or is the last one of all.
    """
    survival = pairwise((1.0, *curve.survival))
    for (before, after), at_risk in zip(survival, curve.at_risk, strict=True):
        if math.isclose(before, after, abs_tol=1e-12):
            yield 0
        else:
            yield max(1, math.ceil(at_risk * (1 - after / before) - ROUNDING))
