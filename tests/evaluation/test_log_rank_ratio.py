"""Events observed and expected, the log-rank ratio and follow-up: R, lifelines and the paper."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter
from lifelines.datasets import load_lung
from lifelines.statistics import multivariate_logrank_test
from numpy.typing import NDArray

from evaluation.log_rank_ratio import (
    EventCounts,
    event_counts,
    log_rank_p,
    log_rank_ratio,
    median_follow_up,
)
from schema.terms import Status


def lung() -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_]]:
    table = load_lung()
    time = table["time"].to_numpy(dtype=float)
    return time, table["status"].to_numpy(dtype=bool), table["sex"].to_numpy() == 1


def test_counts_and_p_value_of_lung_are_rs() -> None:
    # survdiff(Surv(time, status) ~ sex, lung): 112 and 53 observed, 91.6 and 73.4 expected,
    # chi-square 10.3, p 0.0013
    time, event, male = lung()

    counts = event_counts(time, event, male)

    assert counts.observed == (112, 53)
    assert counts.expected == pytest.approx((91.6, 73.4), abs=0.05)
    assert log_rank_p(time, event, male.astype(np.intp)) == pytest.approx(0.0013, abs=5e-5)


def test_ratio_by_hand() -> None:
    # inside at 1 and 3, outside at 2, one outside censored at 4: expected 2/4 + 1/3 + 1/2 = 4/3
    time, event = np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, True, True, False])
    group = np.array([True, False, True, False])

    counts = event_counts(time, event, group)

    assert counts.observed == (2, 1)
    assert counts.expected == pytest.approx((4 / 3, 5 / 3))
    found = log_rank_ratio(counts, n=4, level=0.95)
    assert found.value == pytest.approx((2 / (4 / 3)) / (1 / (5 / 3)))
    assert found.interval is not None
    half = 1.959964 * (3 / 4 + 3 / 5) ** 0.5
    assert np.log(found.interval[:2]) == pytest.approx(
        (np.log(2.5) - half, np.log(2.5) + half), abs=1e-6
    )


@pytest.mark.parametrize(
    ("counts", "printed"),
    [
        (EventCounts((30, 69), (13.87, 85.13)), (2.668, 1.513, 4.707)),  # Figure 3A
        (EventCounts((14, 30), (6.16, 37.84)), (2.869, 1.224, 6.723)),  # Figure 3B
        (EventCounts((19, 10), (16.02, 12.98)), (1.539, 0.7401, 3.200)),  # Figure 4C
        (EventCounts((20, 9), (12.79, 16.21)), (2.815, 1.352, 5.859)),  # Figure 4G
    ],
)
def test_the_papers_ratios_are_of_this_formula(
    counts: EventCounts, printed: tuple[float, float, float]
) -> None:
    found = log_rank_ratio(counts, n=480, level=0.95)

    assert found.interval is not None
    assert (found.value, *found.interval[:2]) == pytest.approx(printed, rel=2e-3)


def test_a_group_without_an_event_has_no_ratio() -> None:
    found = log_rank_ratio(EventCounts((0, 3), (1.0, 2.0)), n=9, level=0.95)

    assert (found.value, found.status) == (None, Status.SEPARATED)
    assert found.reason == "no event in the first group"


@st.composite
def groups(draw: st.DrawFn) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.intp]]:
    row = st.tuples(st.integers(1, 9), st.booleans(), st.integers(0, 2))
    table = np.array(draw(st.lists(row, min_size=4, max_size=25)))
    return table[:, 0].astype(float), table[:, 1].astype(bool), table[:, 2].astype(np.intp)


@given(groups())
@settings(deadline=None, max_examples=60)
def test_p_value_is_lifelines_where_every_group_is_at_risk_at_an_event(
    patients: tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.intp]],
) -> None:
    time, event, codes = patients
    found = log_rank_p(time, event, codes)
    first = time[event].min(initial=np.inf)
    if len({*codes[time >= first]}) < len({*codes}) or found is None or len({*codes}) < 2:
        return

    expected = multivariate_logrank_test(time, codes, event).p_value

    assert found == pytest.approx(expected, abs=1e-6)


@given(groups(), st.floats(0.1, 30))
@settings(deadline=None, max_examples=40)
def test_unit_of_time_changes_no_count_and_exchanged_groups_exchange_them(
    patients: tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.intp]], scale: float
) -> None:
    time, event, codes = patients
    counts = event_counts(time, event, codes == 0)
    scaled = event_counts(time * scale, event, codes == 0)
    exchanged = event_counts(time, event, codes != 0)

    assert scaled.observed == counts.observed
    assert scaled.expected == pytest.approx(counts.expected)
    assert exchanged.observed == counts.observed[::-1]
    assert exchanged.expected == pytest.approx(counts.expected[::-1])
    first, second = (log_rank_ratio(each, n=9, level=0.95).value for each in (counts, exchanged))
    if first is not None and second is not None:
        assert second == pytest.approx(1 / first)


def test_nothing_to_test_has_no_p_value() -> None:
    time, event = np.array([1.0, 2.0]), np.array([True, True])

    assert log_rank_p(time, event, np.zeros(2, dtype=np.intp)) is None
    assert log_rank_p(time, ~event, np.arange(2)) is None


def test_median_follow_up_is_the_reverse_kaplan_meier_median() -> None:
    time, event, _ = lung()

    expected = KaplanMeierFitter().fit(time, ~event).median_survival_time_

    assert median_follow_up(time, event) == expected
    assert median_follow_up(np.array([1.0, 2.0]), np.array([True, True])) is None
    # one of two censored at 2: half remain, so 2 is the median
    assert median_follow_up(np.array([2.0, 3.0]), np.array([False, True])) == 2
