"""How sure ranks are: their spread over resamples, and Kendall's tau-b of whole rankings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.intervals import UNDEFINED_DRAWS_ALLOWED, divide

Floats = NDArray[np.float64]
Ranks = NDArray[np.intp]


def rank_intervals(drawn: Ranks, *, level: float) -> Ranks:
    """Percentile interval of the ranks (resamples, entries), shape (2, entries).

    Its ends are ranks that occurred, not means of two.
    """
    ends = [(1 - level) / 2, (1 + level) / 2]
    return np.quantile(drawn, ends, axis=0, method="inverted_cdf").astype(np.intp)


def first_shares(drawn: Ranks) -> Floats:
    """Share of the resamples in which each entry is first, shape (entries,).

    Those who are first together share that resample equally, so that the shares sum to 1.
    """
    first = drawn == 1
    return np.asarray((first / first.sum(axis=1, keepdims=True)).mean(axis=0))


def rank_shares(drawn: Ranks) -> Floats:
    """Share of the resamples at each rank, shape (entries, ranks), from rank 1."""
    places = np.arange(1, drawn.shape[1] + 1)
    return np.asarray((drawn[:, :, None] == places).mean(axis=0))


def tau_b(ranks: NDArray[Any], drawn: NDArray[Any]) -> Floats:
    """Kendall's tau-b between one ranking (entries,) and each of many, shape (rankings,).

    (concordant - discordant) / sqrt(pairs untied in one x pairs untied in the other). NaN where
    one ranking is all ties. Source: Kendall, Biometrika 1945.

    Args:
        ranks: shape (entries,).
        drawn: shape (rankings, entries).
    """
    first, second = np.triu_indices(ranks.size, k=1)
    one = np.sign(ranks[first] - ranks[second]).astype(np.float64)
    many = np.sign(drawn[:, first] - drawn[:, second]).astype(np.float64)
    untied = np.abs(one).sum() * np.abs(many).sum(axis=1)
    return divide(many @ one, np.sqrt(untied))


def tau_interval(taus: Floats, *, level: float) -> tuple[float, float, float] | None:
    """Low, median and high of tau over resamples; None if it is undefined in too many."""
    defined = taus[~np.isnan(taus)]
    if not defined.size or taus.size - defined.size > UNDEFINED_DRAWS_ALLOWED * taus.size:
        return None
    low, middle, high = np.quantile(defined, [(1 - level) / 2, 0.5, (1 + level) / 2])
    return float(low), float(middle), float(high)


def tested_ranks(entries: int, *, better: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """The ranks that significant pairs leave open to each entry, as (best, worst).

    After everybody who is significantly better, before everybody who is significantly worse.
    Since Holm holds over all pairs, all these sets are right together at the tests' alpha. Idea:
    Klein et al., J R Stat Soc C 2020; Mogstad et al., Rev Econ Stud 2024.

    Args:
        entries: how many.
        better: pairs of (better, worse).
    """
    above, below = [0] * entries, [0] * entries
    for winner, loser in better:
        above[loser] += 1
        below[winner] += 1
    return tuple((1 + up, entries - down) for up, down in zip(above, below, strict=True))
