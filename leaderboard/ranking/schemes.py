"""The ranking schemes: from the columns of each key to one number an entry, smaller is better.

Every function takes rows of weights of the patients and gives a row an entry's number for each, so
that the board and its resamples come out of the same lines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from evaluation.intervals import divide
from leaderboard.ranking.ranks import costs, mid_ranks
from leaderboard.ranking.scores import Key, Ratios
from schema.task import Scheme

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


class Centre(Protocol):
    """`weighted_means` or `weighted_medians`."""

    def __call__(self, values: Floats, *, weights: Floats, defined: Bools) -> Floats:
        """Centre of each column for each row of weights."""
        ...


class Ballot(NamedTuple):
    """One key as the schemes read it.

    Attributes:
        key: the columns.
        figures: for each row of weights, shape (rows, entries); NaN where undefined.
    """

    key: Key
    figures: Floats


def ballot(key: Key, *, weights: Floats) -> Ballot:
    """A key with its figures for each row of weights (rows, patients)."""
    return Ballot(key, key.scores.figures(weights))


def aggregates(scheme: Scheme, ballots: Sequence[Ballot], *, weights: Floats) -> Floats:
    """What a scheme sorts by, shape (rows, entries); smaller is better.

    Args:
        scheme: any but `test_then_rank`, which needs the tests of pairs.
        ballots: of each key, the primary one first.
        weights: of the patients, shape (rows, patients).
    """
    if scheme is Scheme.PRIMARY_KEY:
        return costs(ballots[0].figures, metric=ballots[0].key.metric)
    of_key: dict[Scheme, Callable[[Ballot], Floats]] = {
        Scheme.RANK_THEN_MEAN: lambda each: _ranked_by_patient(each, weights, weighted_means),
        Scheme.RANK_THEN_MEDIAN: lambda each: _ranked_by_patient(each, weights, weighted_medians),
        Scheme.MEAN_THEN_RANK: _ranked_by_figure,
        Scheme.MEDIAN_THEN_RANK: lambda each: _ranked_by_median(each, weights),
    }
    mean = np.mean([of_key[scheme](each) for each in ballots], axis=0)
    return np.asarray(mean, dtype=np.float64)


def _ranked_by_figure(each: Ballot) -> Floats:
    return mid_ranks(costs(each.figures, metric=each.key.metric))


def _ranked_by_patient(each: Ballot, weights: Floats, centre: Centre) -> Floats:
    """Centre of the ranks over patients; of a pooled figure the rank in each row.

    A patient who has no value in any entry tells nothing and is left out. Without any other
    patient all are equal.
    """
    ranks = patient_ranks(each.key)
    if ranks is None:
        return _ranked_by_figure(each)
    told = ~np.isnan(ranks)
    found = centre(np.where(told, ranks, 0.0), weights=weights, defined=told)
    return np.where(np.isnan(found), (ranks.shape[1] + 1) / 2, found)


def patient_ranks(key: Key) -> Floats | None:
    """Ranks of the entries within each patient, shape (patients, entries); ties share the mean.

    Who has no value because there was nothing to find and nothing was found, is first: the others
    found what is not there. Who has none for another reason is last. NaN in a patient in whom no
    entry has a value. None for a key that no single patient has.
    """
    values = key.scores.by_patient()
    if values is None:
        return None
    assert isinstance(key.scores, Ratios)
    right = key.scores.right_nothing
    assert right is not None, "what a patient has, he may rightly have none of"
    ranks = mid_ranks(np.where(right, -np.inf, costs(values, metric=key.metric)))
    ranks[np.isnan(values).all(axis=1)] = np.nan
    return ranks


def _ranked_by_median(each: Ballot, weights: Floats) -> Floats:
    values = each.key.scores.by_patient()
    if values is None:
        return _ranked_by_figure(each)
    medians = weighted_medians(values, weights=weights, defined=~np.isnan(values))
    return mid_ranks(costs(medians, metric=each.key.metric))


def weighted_means(values: Floats, *, weights: Floats, defined: Bools) -> Floats:
    """Mean of each column for each row of weights, NaN without any weight.

    Args:
        values: shape (patients, entries).
        weights: shape (rows, patients).
        defined: which values count, shape (patients, entries).
    """
    return divide(weights @ np.where(defined, values, 0.0), weights @ defined.astype(np.float64))


def weighted_medians(values: Floats, *, weights: Floats, defined: Bools) -> Floats:
    """Median of each column for each row of whole weights, NaN without any weight.

    Of an even number of patients it is the mean of the two in the middle. Arguments as
    `weighted_means`.
    """
    by_patient = np.ascontiguousarray(weights.T.astype(np.int32))
    columns = zip(values.T, defined.T, strict=True)
    medians = [_medians(each[told], weights=by_patient[told]) for each, told in columns]
    return np.array(medians).reshape(-1, len(weights)).T


def _medians(values: Floats, *, weights: NDArray[np.int32]) -> Floats:
    """Median of one column for each column of weights (patients, rows)."""
    if not values.size:
        return np.full(weights.shape[1], np.nan)
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order], axis=0, dtype=np.int32)
    total, last = reached[-1], values.size - 1
    low = np.minimum((2 * reached < total).sum(axis=0), last)
    high = np.minimum((2 * reached <= total).sum(axis=0), last)
    middle = (values[order][low] + values[order][high]) / 2
    return np.where(total > 0, middle, np.nan)
