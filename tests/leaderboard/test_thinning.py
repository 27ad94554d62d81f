"""A thinned curve is the same step function on fewer months."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.cox_tables import Patients
from evaluation.groupings import grouping, status_split
from evaluation.prognosis import GRID_MONTHS
from leaderboard.thinning import months_kept, thinned_curve, thinned_grouping
from schema.statistics import GroupSurvival, SurvivalGrouping
from schema.terms import Outcome
from tests.leaderboard.test_public_curves import curve_of

HORIZONS = (36.0, 50.0)
PEOPLE = st.lists(
    st.tuples(st.floats(0.5, 120.0), st.booleans(), st.booleans()), min_size=1, max_size=60
)


def split(people: list[tuple[float, bool, bool]]) -> SurvivalGrouping:
    """The scorer's grouping by status."""
    times, events, positive = (np.array(column) for column in zip(*people, strict=True))
    return grouping(
        Patients(times.astype(np.float64), events),
        status_split("model", "LLN status, model", positive),
        outcome=Outcome.DFS,
        months=GRID_MONTHS,
        horizons_months=HORIZONS,
        level=0.95,
    )


def held(months: tuple[float, ...], column: tuple[float, ...], month: float) -> float:
    """Value of a step function at a month: that of the last kept month before it."""
    return column[bisect_right(months, month) - 1]


def test_months_of_a_curve_worked_out_by_hand() -> None:
    # ten patients: one event at 5.5 (seen at month 6), censored at 20, the rest followed to 100
    curve = curve_of([5.5, 20.0, *[100.0] * 8], [True, False, *[False] * 8])

    found = thinned_curve(curve, horizons=[36.0])

    assert found.months == (0.0, 6.0, 12.0, 24.0, 36.0, 48.0, 60.0, 72.0, 84.0, 96.0)
    assert found.survival == (1.0, *[0.9] * 9)
    assert found.at_risk == (10, 9, 9, 8, 8, 8, 8, 8, 8, 8)


def test_a_horizon_between_years_and_the_month_after_the_last_patient_are_kept() -> None:
    curve = curve_of([7.2, 7.2], [False, False])

    found = thinned_curve(curve, horizons=[50.0])

    assert {8.0, 50.0} <= set(found.months)
    assert found.at_risk[found.months.index(8.0)] == 0


@settings(max_examples=60, deadline=None)
@given(PEOPLE)
def test_no_step_of_any_group_is_lost(people: list[tuple[float, bool, bool]]) -> None:
    whole = split(people)
    thin = thinned_grouping(whole)

    SurvivalGrouping.model_validate(thin.model_dump())
    for before, after in zip(whole.groups, thin.groups, strict=True):
        for index, month in enumerate(whole.months if before.n else ()):
            for name in ("survival", "low", "high"):
                assert (
                    held(thin.months, getattr(after, name), month) == getattr(before, name)[index]
                )
        assert followed(whole, before) == followed(thin, after)


def followed(of: SurvivalGrouping, group: GroupSurvival) -> float | None:
    """The first month at which nobody is at risk: where the curve ends."""
    ends = (month for month, n in zip(of.months, group.at_risk, strict=False) if n == 0)
    return next(ends, None)


@settings(max_examples=60, deadline=None)
@given(PEOPLE)
def test_only_months_that_say_something_are_kept(people: list[tuple[float, bool, bool]]) -> None:
    whole = split(people)
    kept = months_kept(whole.months, whole.groups, horizons=HORIZONS)

    for (_, before), (index, after) in pairwise(enumerate(whole.months)):
        told = any(
            getattr(group, name)[index - 1] != getattr(group, name)[index]
            for group in whole.groups
            if group.n
            for name in ("survival", "low", "high")
        )
        ended = any(
            group.n and group.at_risk[index] == 0 < group.at_risk[index - 1]
            for group in whole.groups
        )
        marked = after % 12 == 0 or after in HORIZONS or after == whole.months[-1]
        assert before < after
        assert kept[index] == bool(told or ended or marked)
