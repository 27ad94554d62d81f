"""All that follows from the columns of the keys: tests, ranks by every scheme, on every resample.

What it takes are arrays, so that the board of real entries and one that is simulated before a
challenge opens go through the same lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from leaderboard.ranking.letters import letters
from leaderboard.ranking.pair_tests import (
    Pairs,
    Tested,
    all_pairs,
    compare,
    holm,
    swaps_for,
)
from leaderboard.ranking.ranks import costs, min_ranks
from leaderboard.ranking.schemes import Ballot, aggregates, ballot
from leaderboard.ranking.scores import Key
from leaderboard.ranking.stability import tested_ranks
from schema.task import Ranking, Scheme

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ranks = NDArray[np.intp]


class Comparison(NamedTuple):
    """Every pair of entries on one key.

    Attributes:
        key: the columns.
        figures: of the entries in each row, shape (rows, entries).
        tested: p values on the cohort, shape (pairs,).
        p_holm: the same, adjusted.
        differences: first minus second in each row, shape (rows, pairs).
    """

    key: Key
    figures: Floats
    tested: Tested
    p_holm: Floats
    differences: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedBoard:
    """A board on the cohort (row 0) and on every resample (the other rows).

    Attributes:
        pairs: indices of the two entries of each pair.
        comparisons: of each key, then of each figure that is compared only.
        aggregates: what each scheme sorts by, shape (rows, entries).
        ranks: by each scheme, shape (rows, entries).
        letters: of each entry, by the primary key.
        tested_ranks: best and worst rank by the primary key that the tests leave open.
        swaps: random swaps of a permutation test.
    """

    pairs: Pairs
    comparisons: tuple[Comparison, ...]
    aggregates: dict[Scheme, Floats]
    ranks: dict[Scheme, Ranks]
    letters: tuple[str, ...]
    tested_ranks: tuple[tuple[int, int], ...]
    swaps: int


def rank_board(
    keys: Sequence[Key],
    compared: Sequence[Key],
    *,
    ranking: Ranking,
    weights: Floats,
    seed: int,
) -> RankedBoard:
    """Rank the entries by every scheme, on the cohort and on every resample.

    Args:
        keys: the columns of each ranking key, the primary one first; one entry or more.
        compared: of the figures that pairs are compared by as well.
        ranking: the schemes and alpha.
        weights: of the patients, shape (1 + resamples, patients), the first row all ones.
        seed: of the random swaps.
    """
    ballots = [ballot(key, weights=weights) for key in (*keys, *compared)]
    entries = ballots[0].figures.shape[1]
    pairs = all_pairs(entries)
    swaps = swaps_for(len(pairs.first), alpha=ranking.alpha)
    comparisons = tuple(
        _compared(each, pairs=pairs, swaps=swaps, rng=np.random.default_rng([seed, number]))
        for number, each in enumerate(ballots)
    )
    sorted_by = {
        scheme: _beaten(comparisons[: len(keys)], pairs=pairs, alpha=ranking.alpha)
        if scheme is Scheme.TEST_THEN_RANK
        else aggregates(scheme, ballots[: len(keys)], weights=weights)
        for scheme in ranking.schemes
    }
    better = _better_pairs(comparisons[0], pairs=pairs, alpha=ranking.alpha)
    ranks = {scheme: min_ranks(each) for scheme, each in sorted_by.items()}
    return RankedBoard(
        pairs=pairs,
        comparisons=comparisons,
        aggregates=sorted_by,
        ranks=ranks,
        letters=_letters(ranks[ranking.scheme][0], different=better),
        tested_ranks=tested_ranks(entries, better=better),
        swaps=swaps,
    )


def _compared(each: Ballot, *, pairs: Pairs, swaps: int, rng: np.random.Generator) -> Comparison:
    tested = compare(each.key, pairs=pairs, swaps=swaps, rng=rng)
    differences = each.figures[:, pairs.first] - each.figures[:, pairs.second]
    return Comparison(each.key, each.figures, tested, holm(tested.p_value), differences)


def _is_first_better(each: Comparison, *, pairs: Pairs) -> Bools:
    """Which of two costs less in each row, shape (rows, pairs)."""
    cost = costs(each.figures, metric=each.key.metric)
    return np.asarray(cost[:, pairs.first] < cost[:, pairs.second])


def _better_pairs(each: Comparison, *, pairs: Pairs, alpha: float) -> list[tuple[int, int]]:
    """The significant pairs as (better, worse)."""
    is_first = _is_first_better(each, pairs=pairs)[0]
    found = zip(pairs.first, pairs.second, is_first, each.p_holm, strict=True)
    return [
        (int(first), int(second)) if first_is_better else (int(second), int(first))
        for first, second, first_is_better, p_holm in found
        if p_holm <= alpha
    ]


def _letters(ranks: Ranks, *, different: Sequence[tuple[int, int]]) -> tuple[str, ...]:
    """Letters of the entries, given out in the order of their ranks."""
    order = np.argsort(ranks, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    by_rank = letters(order.size, different=[(place[one], place[two]) for one, two in different])
    return tuple(by_rank[each] for each in place)


# --- test, then rank --------------------------------------------------------------------------


def _beaten(comparisons: Sequence[Comparison], *, pairs: Pairs, alpha: float) -> Floats:
    """Minus the share of the other entries that each beats significantly, mean over keys."""
    wins = [_wins(each, pairs=pairs, alpha=alpha) for each in comparisons]
    return -np.asarray(np.mean(wins, axis=0), dtype=np.float64)


def _wins(each: Comparison, *, pairs: Pairs, alpha: float) -> Floats:
    """Share of the others that are significantly worse, shape (rows, entries)."""
    significant = np.vstack([each.p_holm <= alpha, _significant_draws(each.differences, alpha)])
    is_first = _is_first_better(each, pairs=pairs)
    entries = each.figures.shape[1]
    numbers = np.arange(entries)
    first = (pairs.first[:, None] == numbers).astype(np.float64)
    second = (pairs.second[:, None] == numbers).astype(np.float64)
    won = (significant & is_first) @ first + (significant & ~is_first) @ second
    return np.asarray(won / max(1, entries - 1))


def _significant_draws(differences: Floats, alpha: float) -> Bools:
    """Significant pairs of each resample, shape (resamples, pairs), by a test that is cheap.

    To repeat every test in every resample would cost a thousand times the board. A resample's
    difference is divided by its spread over the resamples and judged as normal, with Holm; without
    a value it counts as none.
    """
    draws = np.nan_to_num(differences[1:], nan=0.0)
    if not draws.size:
        return np.zeros(draws.shape, dtype=np.bool_)
    spread = np.broadcast_to(draws.std(axis=0), draws.shape)
    sure = np.where(draws == 0, 0.0, np.inf)
    far = np.divide(np.abs(draws), spread, out=sure, where=spread > 0)
    order = np.argsort(-far, axis=1, kind="stable")
    limits = -ndtri(alpha / 2 / np.arange(draws.shape[1], 0, -1))
    rejected = np.logical_and.accumulate(np.take_along_axis(far, order, axis=1) >= limits, axis=1)
    significant = np.empty_like(rejected)
    np.put_along_axis(significant, order, rejected, axis=1)
    return significant
