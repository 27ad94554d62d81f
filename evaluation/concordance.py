"""Harrell's C: whether the higher risk came first, over the comparable pairs of patients.

Pairs are counted in O(patients log patients) for each resample, in whole numbers: patients leave
from the last time to the first, and a Fenwick tree holds those already seen by the rank of their
risk. Times are in months, an event is True, a higher risk means an earlier event.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.intervals import Estimate, bootstrapped, divide, no_estimate
from tasks.compiled import compiled

Bools = NDArray[np.bool_]
Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
Weights = NDArray[np.int32]


def concordance(
    time_months: Floats,
    event: Bools,
    risk: Floats,
    *,
    failed: Bools,
    weights: Weights,
    level: float,
) -> Estimate:
    """Harrell's C: share of comparable pairs in which the earlier event had the higher risk.

    A pair is comparable when the earlier time is an event, or when the times are equal and exactly
    one is an event (the other outlived it). Equal risks count one half. 0.5 is chance, 1 perfect.
    Every comparable pair with a failed patient counts 0, so that no answer never beats a wrong
    one. No comparable pair: undefined. Source: Harrell et al., JAMA 1982.

    The interval resamples patients exactly: a resample with multiplicities w has
    sum(w_i w_j c_ij) / sum(w_i w_j p_ij), with p the comparable and c the concordant pairs. A
    patient drawn twice makes no pair with himself: his two copies have equal times, and both the
    event or neither.

    Without a failed patient the value is that of lifelines 0.30 and scikit-survival 0.28, which
    treat equal times alike. They differ elsewhere: scikit-survival takes risks within 1e-8 of each
    other for equal, here as in lifelines only equal risks are; and where no pair is comparable,
    lifelines raises ZeroDivisionError, scikit-survival raises or divides by 0.

    Args:
        time_months: shape (patients,), never NaN.
        event: shape (patients,).
        risk: shape (patients,), NaN only where failed; only the order counts.
        failed: patients without a valid answer, shape (patients,).
        weights: resamples, shape (resamples, patients), not negative.
        level: of the interval.
    """
    size = time_months.size
    undefined = no_estimate("no comparable pair of patients", n=size)
    if not event.any():  # a cohort without follow-up need not wait for machine code
        return undefined
    walk = _backwards(time_months, event, risk, failed=failed)
    (won,), (comparable,) = _count_pairs(np.ones((1, size), dtype=np.int32), *walk)
    if not comparable:
        return undefined
    # rows side by side, the only layout that is compiled; resamples are drawn like that
    draws = _shares(*_count_pairs(np.ascontiguousarray(weights), *walk))
    return bootstrapped(float(won / (2 * comparable)), draws, n=size, level=level)


def concordance_draws(
    time_months: Floats, event: Bools, risks: Floats, *, weights: Weights
) -> Floats:
    """Harrell's C of each resample under a risk of its own, NaN where it has none.

    Args:
        time_months: shape (patients,).
        event: shape (patients,).
        risks: shape (resamples, patients); a row with NaN has no C.
        weights: shape (resamples, patients).

    Returns:
        Shape (resamples,).
    """
    walk = _backwards(time_months, event, risks[0], failed=np.zeros_like(event))
    ordered = np.ascontiguousarray(risks[:, walk.order])
    drawn = np.ascontiguousarray(weights[:, walk.order])
    won, comparable = _count_pairs_of_rows(drawn, _row_ranks(ordered), walk.starts, walk.is_event)
    values = _shares(won, comparable)
    values[~np.isfinite(risks).all(axis=1)] = np.nan
    return values


def _row_ranks(risks: Floats) -> NDArray[np.intp]:
    """Place of each risk among the distinct ones of its row, from 1."""
    order = np.argsort(risks, axis=1, kind="stable")
    rising = np.take_along_axis(risks, order, axis=1)
    steps = np.ones_like(order)
    steps[:, 1:] = rising[:, 1:] > rising[:, :-1]
    ranks = np.empty_like(order)
    np.put_along_axis(ranks, order, np.cumsum(steps, axis=1), axis=1)
    return ranks


def _shares(won: Counts, comparable: Counts) -> Floats:
    """C from twice the concordant pairs and the comparable pairs, NaN where there is none."""
    return divide(won.astype(np.float64), (2 * comparable).astype(np.float64))


class _Walk(NamedTuple):
    """The patients from the last time to the first; at equal times the censored come first.

    So whoever comes before an event outlived it, save others with an event at the same time: a run
    of equal time and equal event is looked at as one.

    Attributes:
        order: the patients, shape (patients,).
        rank: of their risks, in that order, from 1; 0 for a failed patient. Shape (patients,).
        starts: of the runs in that order, and the number of patients, shape (runs + 1,).
        is_event: of the runs, shape (runs,).
    """

    order: NDArray[np.intp]
    rank: NDArray[np.intp]
    starts: NDArray[np.intp]
    is_event: Bools


def _backwards(time_months: Floats, event: Bools, risk: Floats, *, failed: Bools) -> _Walk:
    """The walk over one patient or more."""
    order = np.lexsort((event, -time_months))
    times, events = time_months[order], event[order]
    changes = (times[1:] != times[:-1]) | (events[1:] != events[:-1])
    first = np.flatnonzero(np.concatenate([[True], changes]))
    starts = np.append(first, order.size)
    return _Walk(order, _ranks(risk, failed=failed)[order], starts, events[first])


def _ranks(risk: Floats, *, failed: Bools) -> NDArray[np.intp]:
    """Place of each risk among the distinct ones, from 1; 0 for a failed patient."""
    ranks = np.zeros(risk.size, dtype=np.intp)
    ranks[~failed] = np.unique(risk[~failed], return_inverse=True)[1] + 1
    return ranks


@compiled
def _count_pairs(
    weights: Weights,
    order: NDArray[np.intp],
    rank: NDArray[np.intp],
    starts: NDArray[np.intp],
    is_event: Bools,
) -> tuple[Counts, Counts]:
    """Twice the concordant pairs, and the comparable pairs, each of shape (resamples,)."""
    won = np.zeros(len(weights), dtype=np.int64)
    comparable = np.zeros(len(weights), dtype=np.int64)
    distinct = rank.max()
    for row in range(len(weights)):
        drawn = weights[row][order].astype(np.int64)
        won[row], comparable[row] = _count_pairs_of(drawn, rank, starts, is_event, distinct)
    return won, comparable


@compiled
def _count_pairs_of_rows(
    drawn: Weights, ranks: NDArray[np.intp], starts: NDArray[np.intp], is_event: Bools
) -> tuple[Counts, Counts]:
    """As `_count_pairs`, with ranks of their own and the patients in the order of the walk."""
    won = np.zeros(len(drawn), dtype=np.int64)
    comparable = np.zeros(len(drawn), dtype=np.int64)
    for row in range(len(drawn)):
        rank, counts = ranks[row], drawn[row].astype(np.int64)
        won[row], comparable[row] = _count_pairs_of(counts, rank, starts, is_event, rank.max())
    return won, comparable


@compiled
def _count_pairs_of(
    drawn: Counts,
    rank: NDArray[np.intp],
    starts: NDArray[np.intp],
    is_event: Bools,
    distinct: int,
) -> tuple[int, int]:
    """As `_count_pairs`, of one resample; `drawn` is in the order of the walk."""
    tree = np.zeros(distinct + 1, dtype=np.int64)
    won, comparable, outlived = 0, 0, 0
    for run in range(is_event.size):
        members = range(starts[run], starts[run + 1])
        if is_event[run]:
            for place in members:
                lower, lower_or_equal = _below(tree, rank[place] - 1), _below(tree, rank[place])
                won += drawn[place] * (lower + lower_or_equal)
                comparable += drawn[place] * outlived
        for place in members:
            outlived += drawn[place]
            _add(tree, rank[place], drawn[place])
    return won, comparable


@compiled
def _below(tree: Counts, rank: int) -> int:
    """Weight of the ranks from 1 to this one; 0 for a failed patient's."""
    total, node = 0, rank
    while node > 0:
        total += tree[node]
        node -= node & -node
    return total


@compiled
def _add(tree: Counts, rank: int, weight: int) -> None:
    """Put a weight at a rank; a failed patient, of rank 0, has no place in the tree."""
    node = rank
    while 0 < node < tree.size:
        tree[node] += weight
        node += node & -node
