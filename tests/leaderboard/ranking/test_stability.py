"""Rank intervals, chances and Kendall's tau over resamples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy.stats import kendalltau

from leaderboard.ranking import stability
from leaderboard.ranking.stability import (
    first_shares,
    rank_intervals,
    rank_shares,
    tau_b,
    tau_interval,
)

LEVEL = 0.95
DRAWN = np.array([[1, 2, 3], [1, 2, 3], [1, 1, 3], [2, 1, 3]])
"""Ranks of three entries in four resamples; in the third two are first."""


def test_a_shared_first_place_is_shared() -> None:
    assert first_shares(DRAWN).tolist() == [2.5 / 4, 1.5 / 4, 0.0]


def test_shares_are_of_the_ranks_as_they_are() -> None:
    assert rank_shares(DRAWN).tolist() == [[0.75, 0.25, 0], [0.5, 0.5, 0], [0, 0, 1]]


def test_the_ends_of_a_rank_interval_are_ranks_that_occurred() -> None:
    drawn = np.repeat([[1], [2], [7]], [30, 960, 10], axis=0)  # 3 % first, 1 % seventh

    assert rank_intervals(drawn, level=LEVEL).T.tolist() == [[1, 2]]


@given(st.data())
def test_tau_is_that_of_scipy(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 7))
    ranks = st.integers(1, size)
    one: NDArray[np.int64] = data.draw(hnp.arrays(np.int64, size, elements=ranks))
    many: NDArray[np.int64] = data.draw(hnp.arrays(np.int64, (4, size), elements=ranks))

    found = tau_b(one, many)

    expected = [kendalltau(one, each).statistic for each in many]
    assert found == pytest.approx(np.array(expected), nan_ok=True)


def test_tau_of_all_ties_does_not_exist() -> None:
    taus = tau_b(np.array([1, 1]), np.array([[1, 2], [2, 1]]))

    assert np.isnan(taus).all()
    assert tau_interval(taus, level=LEVEL) is None
    assert tau_b(np.array([1]), np.array([[1], [1]])).shape == (2,)


def test_the_interval_of_tau_leaves_out_few_resamples_without_one() -> None:
    taus = np.concatenate([np.ones(96), [np.nan] * 4])

    assert tau_interval(taus, level=LEVEL) == (1.0, 1.0, 1.0)
    assert tau_interval(np.concatenate([taus, [np.nan] * 2]), level=LEVEL) is None


def test_tests_leave_the_ranks_between_the_better_and_the_worse() -> None:
    # 0 beats 2 and 3, 1 beats 3
    assert stability.tested_ranks(4, better=[(0, 2), (0, 3), (1, 3)]) == (
        (1, 2),
        (1, 3),
        (2, 4),
        (3, 4),
    )
