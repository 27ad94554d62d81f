"""Ranks, centres and schemes, worked out by hand and held against other libraries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import rankdata

from leaderboard.ranking.ranks import costs, mid_ranks, min_ranks
from leaderboard.ranking.schemes import (
    aggregates,
    ballot,
    patient_ranks,
    weighted_means,
    weighted_medians,
)
from schema.task import Scheme
from tests.leaderboard.ranking.boards import COMPARTMENTS, Floats, mean_key, pooled_key

NAN = np.nan
TENTHS = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 6), st.integers(1, 6)),
    elements=st.integers(0, 10).map(lambda tenths: tenths / 10),
)


def ranks_by(scheme: Scheme, *values: Floats) -> list[int]:
    """Ranks of the entries on the whole cohort; each key is (patients, entries)."""
    weights = np.ones((1, len(values[0])))
    ballots = [ballot(mean_key(each), weights=weights) for each in values]
    found: list[int] = min_ranks(aggregates(scheme, ballots, weights=weights))[0].tolist()
    return found


@given(TENTHS)
def test_ranks_are_those_of_scipy(values: Floats) -> None:
    assert min_ranks(values).tolist() == rankdata(values, method="min", axis=1).tolist()
    assert mid_ranks(values).tolist() == rankdata(values, method="average", axis=1).tolist()


def test_rounding_makes_no_rank() -> None:
    assert min_ranks(np.array([0.1 + 0.2, 0.3, 0.4])).tolist() == [1, 1, 3]


@pytest.mark.parametrize(("metric", "best_first"), [("dice", [1, 2, 3]), ("hd95_mm", [2, 1, 3])])
def test_a_figure_without_a_value_is_last_whatever_the_direction(
    metric: str, best_first: list[int]
) -> None:
    values = np.array([0.9, 0.1, NAN])

    assert min_ranks(costs(values, metric=COMPARTMENTS.metric(metric))).tolist() == best_first


def test_a_figure_without_a_value_is_last_even_beyond_the_worst_value_that_is_declared() -> None:
    values = np.array([[350.0, NAN, 10.0], [NAN, NAN, NAN]])  # the declared worst is 300 mm

    ranks = min_ranks(costs(values, metric=COMPARTMENTS.metric("hd95_mm")))

    assert ranks.tolist() == [[2, 2, 1], [1, 1, 1]]


def test_the_schemes_may_disagree() -> None:
    # a wins two of three patients by little and loses one by much.
    # by patient: ranks of a 1 1 2, of b 2 2 1: means 4/3 and 5/3, medians 1 and 2: a before b.
    # means: a (.81 + .81 + .30) / 3 = .64, b (.80 + .80 + .60) / 3 = .733: b before a.
    # medians: a .81, b .80: a before b.
    values = np.array([[0.81, 0.80], [0.81, 0.80], [0.30, 0.60]])

    assert ranks_by(Scheme.RANK_THEN_MEAN, values) == [1, 2]
    assert ranks_by(Scheme.RANK_THEN_MEDIAN, values) == [1, 2]
    assert ranks_by(Scheme.MEAN_THEN_RANK, values) == [2, 1]
    assert ranks_by(Scheme.MEDIAN_THEN_RANK, values) == [1, 2]
    assert ranks_by(Scheme.PRIMARY_KEY, values) == [2, 1]


def test_ties_within_a_patient_share_the_mean_rank() -> None:
    # patient 1: a = b > c: 1.5 1.5 3; patient 2: b > a = c: 2.5 1 2.5.
    # means: a 2, b 1.25, c 2.75
    values = np.array([[0.9, 0.9, 0.1], [0.5, 0.6, 0.5]])
    key = mean_key(values)
    weights = np.ones((1, 2))

    assert patient_ranks(key).tolist() == [[1.5, 1.5, 3], [2.5, 1, 2.5]]  # type: ignore[union-attr]
    aggregate = aggregates(Scheme.RANK_THEN_MEAN, [ballot(key, weights=weights)], weights=weights)
    assert aggregate.tolist() == [[2.0, 1.25, 2.75]]


def test_keys_weigh_the_same() -> None:
    # key 1: a before b in both patients; key 2: b before a in both: 1.5 each, shared first place
    first, second = np.array([[0.9, 0.1], [0.9, 0.1]]), np.array([[0.5, 0.51], [0.5, 0.51]])

    assert ranks_by(Scheme.RANK_THEN_MEAN, first, second) == [1, 1]
    assert ranks_by(Scheme.RANK_THEN_MEAN, first) == [1, 2]
    assert ranks_by(Scheme.PRIMARY_KEY, first, second) == [1, 2]


def test_a_pooled_key_is_ranked_once_over_the_cohort() -> None:
    # a: 2 / 4 + ..., pooled (2 + 0) / (4 + 2) = 1/3; b (0 + 2) / (2 + 2) = 1/2: b first
    key = pooled_key(np.array([[2.0, 0.0], [0.0, 2.0]]), np.array([[4.0, 2.0], [2.0, 2.0]]))
    weights = np.array([[1.0, 1.0], [2.0, 0.0]])  # second row: the first patient twice: a 1/2, b 0

    ranks = aggregates(Scheme.RANK_THEN_MEAN, [ballot(key, weights=weights)], weights=weights)

    assert ranks.tolist() == [[2, 1], [1, 2]]


def test_who_rightly_found_nothing_is_before_who_found_what_is_not_there() -> None:
    # patient 1: nothing there; a drew nothing (no value), b something (0). Patient 2: nobody drew.
    values = np.array([[NAN, 0.0], [NAN, NAN], [0.5, 0.6]])

    ranks = patient_ranks(mean_key(values))

    assert ranks is not None
    assert ranks[[0, 2]].tolist() == [[1, 2], [2, 1]]
    assert np.isnan(ranks[1]).all()
    # the silent patient tells nothing: means 1.5 and 1.5 over the other two
    assert ranks_by(Scheme.RANK_THEN_MEAN, values) == [1, 1]


def test_without_any_value_all_are_equal() -> None:
    values = np.full((3, 2), NAN)

    for scheme in set(Scheme) - {Scheme.TEST_THEN_RANK}:
        assert ranks_by(scheme, values) == [1, 1]


@given(TENTHS)
def test_a_monotone_change_of_the_figure_moves_no_rank_within_patients(values: Floats) -> None:
    for scheme in (Scheme.RANK_THEN_MEAN, Scheme.RANK_THEN_MEDIAN):
        assert ranks_by(scheme, values) == ranks_by(scheme, values**3 / 2)


@given(values=TENTHS, data=st.data())
def test_weighted_centres_are_those_of_the_patients_repeated(
    values: Floats, data: st.DataObject
) -> None:
    weights = data.draw(hnp.arrays(np.int64, (3, len(values)), elements=st.integers(0, 4)))
    defined = data.draw(hnp.arrays(np.bool_, values.shape))
    means = weighted_means(values, weights=weights.astype(float), defined=defined)
    medians = weighted_medians(values, weights=weights.astype(float), defined=defined)

    for row, weight in enumerate(weights):
        for entry in range(values.shape[1]):
            repeated = np.repeat(values[:, entry], weight * defined[:, entry])
            if not repeated.size:
                assert np.isnan(means[row, entry])
                assert np.isnan(medians[row, entry])
                continue
            assert means[row, entry] == pytest.approx(repeated.mean())
            assert medians[row, entry] == pytest.approx(np.median(repeated))
