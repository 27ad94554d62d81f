"""A curve of a hidden cohort shows years, not patients."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.survival import kaplan_meier
from leaderboard.public_curves import GroupCounts, group_counts, public_curve
from schema.entry import PublicCurve
from schema.result import SurvivalCurve
from schema.terms import NodeClass, Outcome

LEAST = 5
MONTHS = tuple(float(month) for month in range(97))
OPEN = GroupCounts(sizes=True, events=True)
CLOSED = GroupCounts(sizes=False, events=False)


def curve_of(times: list[float], events: list[bool], *, group: str = "positive") -> SurvivalCurve:
    """The scorer's curve of one group."""
    time, event = np.array(times, dtype=np.float64), np.array(events, dtype=bool)
    found = kaplan_meier(time, event, grid_months=MONTHS, level=0.95)
    assert found is not None
    return SurvivalCurve(
        outcome=Outcome.DFS,
        scope="consensus",
        group=NodeClass(group),
        n=len(times),
        events=found.events,
        months=MONTHS,
        survival=found.survival,
        low=found.low,
        high=found.high,
        at_risk=found.at_risk,
    )


def shown(curve: SurvivalCurve, *, counts: GroupCounts = OPEN) -> PublicCurve:
    return public_curve(curve, counts=counts, least=LEAST)


def test_a_year_with_fewer_events_than_the_least_is_left_out() -> None:
    # 40 patients: 4 events in the first year, 3 in the second, 33 followed for 90 months.
    # After one year 4 events: not shown. After two 7: 33/40 = 0.825. No event later: shown.
    found = shown(curve_of([5.5] * 4 + [18.5] * 3 + [90.0] * 33, [True] * 7 + [False] * 33))

    assert found.months == (0.0, 24.0, 36.0, 48.0, 60.0, 72.0, 84.0)
    assert found.survival == (1.0, *[0.825] * 6)
    assert found.at_risk == (40, *[30] * 6)  # 33, to a multiple of 5 below
    assert (found.n, found.events) == (40, 7)


def test_the_curve_ends_where_too_few_are_at_risk() -> None:
    found = shown(curve_of([5.0] * 10 + [13.0] * 20 + [40.0] * 4, [True] * 10 + [False] * 24))

    assert found.months == (0.0, 12.0)


def test_a_last_event_that_is_one_of_few_is_not_shown() -> None:
    found = shown(curve_of([5.0] * 10 + [30.0] + [90.0] * 30, [True] * 11 + [False] * 30))

    assert found.months == (0.0, 12.0, 24.0)


def test_a_group_whose_numbers_are_secret_tells_none() -> None:
    found = shown(curve_of([5.0] * 10 + [90.0] * 30, [True] * 10 + [False] * 30), counts=CLOSED)

    assert (found.n, found.events) == (None, None)
    assert set(found.at_risk) == {None}


def test_rounding_makes_no_fifth_event_of_four() -> None:
    # 9 at risk, 4 events at one month: 9 x (1 - 5/9) is 4.000000000000001 in double precision
    found = shown(curve_of([1.0] * 4 + [12.0] * 5, [True] * 4 + [False] * 5))

    assert found.months == (0.0,)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.floats(0.5, 96.0), st.booleans()), min_size=1, max_size=80))
def test_between_two_years_shown_lie_no_event_or_enough(patients: list[tuple[float, bool]]) -> None:
    times, events = (list(column) for column in zip(*patients, strict=True))

    found = shown(curve_of(times, events))

    steps = zip((-1.0, *found.months), found.months, strict=False)
    for before, after in steps:
        between = sum(event and before < time <= after for time, event in patients)
        assert between == 0 or between >= LEAST
    for month in found.months:
        assert sum(time >= month for time in times) >= LEAST
        assert month % 12 == 0


def test_a_small_number_of_events_hides_those_of_the_other_group() -> None:
    few = curve_of([5.0] * 3 + [90.0] * 30, [True] * 3 + [False] * 30)
    many = curve_of([5.0] * 20 + [90.0] * 60, [True] * 20 + [False] * 60, group="negative")

    counts = group_counts([few, many], cases=113, least=LEAST)

    assert counts == {(Outcome.DFS, "consensus"): GroupCounts(sizes=True, events=False)}


def test_groups_that_lack_a_few_of_the_patients_have_no_numbers() -> None:
    # 113 are followed of 116: who the 3 are would be told by two sums
    few = curve_of([5.0] * 13 + [90.0] * 20, [True] * 13 + [False] * 20)
    many = curve_of([5.0] * 20 + [90.0] * 60, [True] * 20 + [False] * 60, group="negative")

    (counts,) = group_counts([few, many], cases=116, least=LEAST).values()

    assert counts == CLOSED
