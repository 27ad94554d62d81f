"""Paired tests of every two entries on one key, adjusted for being many.

The same patients were put to both entries, so under the null hypothesis their answers could be
exchanged in any patient. That is what every test here asks, in the form that fits the figure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import binom, rankdata

from leaderboard.ranking.scores import Areas, Key, Part, Ratios

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Test = Literal["permutation", "mcnemar", "delong"]

LEAST_SWAPS = 9_999
SWAPS_BEYOND_HOLM = 4
"""How much finer random swaps can tell than the smallest p that Holm asks for."""
EXACT_PATIENTS = 12
"""Up to so many patients who differ, all 4,096 swaps are looked at."""
BLOCK_CELLS = 1 << 17
"""Differences worked on at once: a megabyte, within a core's cache."""
ROUNDING = 1e-12


class Pairs(NamedTuple):
    """Every two of the entries, the first with the smaller index; shape (pairs,) each."""

    first: NDArray[np.intp]
    second: NDArray[np.intp]


class Tested(NamedTuple):
    """A p value a pair, and whether it is exact; shape (pairs,) each."""

    p_value: Floats
    exact: Bools


def all_pairs(entries: int) -> Pairs:
    """The pairs of so many entries, in order."""
    return Pairs(*np.triu_indices(entries, k=1))


def swaps_for(pairs: int, *, alpha: float) -> int:
    """How many random swaps: enough that Holm's smallest limit, alpha over pairs, is in reach."""
    return max(LEAST_SWAPS, math.ceil(SWAPS_BEYOND_HOLM * pairs / alpha) - 1)


def kind_of_test(key: Key) -> Test:
    """The test that fits a key: DeLong for areas, McNemar for the accuracy, else swaps."""
    if isinstance(key.scores, Areas):
        return "delong"
    return "mcnemar" if key.metric.id == "accuracy" else "permutation"


def compare(key: Key, *, pairs: Pairs, swaps: int, rng: np.random.Generator) -> Tested:
    """Two-sided p value of every pair on one key; 1 where one of them has no figure.

    Args:
        key: the columns of the entries.
        pairs: of them.
        swaps: random swaps where not all can be looked at.
        rng: source of these.
    """
    if isinstance(key.scores, Areas):
        tested = delong_test(key.scores, pairs=pairs)
    elif (calls := _calls(key.scores)) is not None:
        tested = calls_test(*calls, pairs=pairs)
    else:
        tested = swap_test(key.scores, pairs=pairs, swaps=swaps, rng=rng)
    figures = key.scores.figures(np.ones((1, _patients(key))))[0]
    absent = np.isnan(figures[pairs.first]) | np.isnan(figures[pairs.second])
    return Tested(np.where(absent, 1.0, tested.p_value), tested.exact | absent)


def _patients(key: Key) -> int:
    scores = key.scores
    return len(scores.positive if isinstance(scores, Areas) else scores.parts[0].numerator)


# --- right or wrong: McNemar and its kin ------------------------------------------------------


def _calls(scores: Ratios) -> tuple[Sequence[NDArray[np.int64]], Sequence[int]] | None:
    """Right answers of each part and its number of patients, if the figure is made of such.

    Accuracy, sensitivity and the balanced accuracy are: each patient is in one part, for every
    entry alike, and is answered rightly or wrongly.
    """
    belongs = [part.denominator for part in scores.parts]
    is_alike = all((each == each[:, :1]).all() for each in belongs)
    is_call = all(np.isin(column, (0.0, 1.0)).all() for part in scores.parts for column in part)
    if not (is_alike and is_call and (np.sum(belongs, axis=0) <= 1).all()):
        return None
    if any(((part.numerator > part.denominator).any()) for part in scores.parts):
        return None
    right = [part.numerator.astype(np.int64) for part in scores.parts]
    return right, [int(each[:, 0].sum()) for each in belongs]


def calls_test(
    right: Sequence[NDArray[np.int64]], patients: Sequence[int], *, pairs: Pairs
) -> Tested:
    """Exact test over all swaps of two entries' answers, for the mean of shares of right answers.

    Only patients in whom the two differ count. Of n such in a part, a swap leaves a number right
    for the first that is binomial(n, 1/2), so the statistic's distribution is that of the parts'
    binomials together, in whole numbers. With one part this is McNemar's exact test (McNemar,
    Psychometrika 1947).

    Args:
        right: of each part 0 or 1, shape (patients, entries).
        patients: of each part.
        pairs: of the entries.
    """
    scale = [math.prod(patients) // each if each else 0 for each in patients]
    p_values = [
        _exact_p([each[:, first] - each[:, second] for each in right], scale=scale)
        for first, second in zip(*pairs, strict=True)
    ]
    return Tested(np.array(p_values, dtype=np.float64), np.ones(len(p_values), dtype=np.bool_))


def _exact_p(differences: Sequence[NDArray[np.int64]], *, scale: Sequence[int]) -> float:
    """Chance of a scaled sum as far from 0, over all signs of the differences (-1, 0, 1)."""
    found, sums, chances = 0, np.zeros(1, dtype=np.int64), np.ones(1)
    for each, factor in zip(differences, scale, strict=True):
        differ = int(np.count_nonzero(each))
        found += factor * int(each.sum())
        ways = np.arange(differ + 1)
        sums = np.add.outer(sums, factor * (2 * ways - differ)).ravel()
        chances = np.multiply.outer(chances, binom.pmf(ways, differ, 0.5)).ravel()
    return min(1.0, float(chances[np.abs(sums) >= abs(found)].sum()))


# --- means and pooled shares: swaps -----------------------------------------------------------


def swap_test(scores: Ratios, *, pairs: Pairs, swaps: int, rng: np.random.Generator) -> Tested:
    """Permutation test of a difference of figures: both entries' answers swapped within patients.

    With few patients in whom two entries differ all swaps are counted. Otherwise p is (b + 1) /
    (swaps + 1), b of the random swaps being at least as far from 0 as what was found (Phipson and
    Smyth, Stat Appl Genet Mol Biol 2010). All pairs meet the same random swaps.

    Args:
        scores: of every entry.
        pairs: of the entries.
        swaps: number of random swaps.
        rng: source of these.
    """
    columns = [column for part in scores.parts for column in part]
    differ = np.any([each[:, pairs.first] != each[:, pairs.second] for each in columns], axis=0)
    exact = np.count_nonzero(differ, axis=0) <= EXACT_PATIENTS
    p_values = np.empty(len(pairs.first))
    for at in np.flatnonzero(exact):
        only = np.flatnonzero(differ[:, at])
        p_values[at] = _p_over_all_swaps(scores, _some(pairs, at), only=only)
    if not exact.all():
        rest = _some(pairs, ~exact)
        p_values[~exact] = _p_over_random_swaps(scores, rest, swaps=swaps, rng=rng)
    return Tested(p_values, exact)


def _some(pairs: Pairs, at: Bools | np.intp) -> Pairs:
    return Pairs(np.atleast_1d(pairs.first[at]), np.atleast_1d(pairs.second[at]))


def _p_over_all_swaps(scores: Ratios, pair: Pairs, *, only: NDArray[np.intp]) -> float:
    patients = len(scores.parts[0].numerator)
    swapped = np.zeros((patients, 2**only.size))
    swapped[only] = np.array(list(product((0.0, 1.0), repeat=only.size))).T
    return float(_as_far(scores, pair, swapped=swapped).mean())


def _p_over_random_swaps(
    scores: Ratios, pairs: Pairs, *, swaps: int, rng: np.random.Generator
) -> Floats:
    patients = len(scores.parts[0].numerator)
    block = max(1, BLOCK_CELLS // max(patients, len(pairs.first)))
    hits = np.zeros(len(pairs.first))
    for start in range(0, swaps, block):
        size = (patients, min(block, swaps - start))
        swapped = rng.integers(2, size=size, dtype=np.int8).astype(np.float64)
        hits += _as_far(scores, pairs, swapped=swapped).sum(axis=1)
    return (hits + 1) / (swaps + 1)


def _as_far(scores: Ratios, pairs: Pairs, *, swapped: Floats) -> Bools:
    """Whether a difference after a swap is as far from 0 as what was found.

    An undefined one counts as that far.

    Args:
        scores: of every entry.
        pairs: of the entries.
        swapped: 1 where a patient's answers are exchanged, shape (patients, swaps).

    Returns:
        Shape (pairs, swaps).
    """
    untouched = np.zeros((len(swapped), 1))
    found = _differences(scores, pairs, swapped=untouched)
    drawn = _differences(scores, pairs, swapped=swapped)
    return ~(np.abs(drawn) < np.abs(found) - ROUNDING)


def _differences(scores: Ratios, pairs: Pairs, *, swapped: Floats) -> Floats:
    """First minus second after each swap, shape (pairs, swaps)."""
    of_parts = [_difference_of(part, pairs, swapped=swapped) for part in scores.parts]
    return np.asarray(np.mean(of_parts, axis=0) if len(of_parts) > 1 else of_parts[0])


def _difference_of(part: Part, pairs: Pairs, *, swapped: Floats) -> Floats:
    first_above, second_above = _sums(part.numerator, pairs, swapped=swapped)
    first_below, second_below = _sums(part.denominator, pairs, swapped=swapped)
    with np.errstate(divide="ignore", invalid="ignore"):  # 0 / 0 is undefined: NaN
        first_above /= first_below
        second_above /= second_below
    first_above -= second_above
    return first_above


def _sums(column: Floats, pairs: Pairs, *, swapped: Floats) -> tuple[Floats, Floats]:
    """Sums of both entries after each swap, shape (pairs, swaps)."""
    total, exchanged = column.sum(axis=0)[:, None], column.T @ swapped
    moved = exchanged[pairs.second] - exchanged[pairs.first]
    return total[pairs.first] + moved, total[pairs.second] - moved


# --- areas: DeLong ----------------------------------------------------------------------------


def delong_test(scores: Areas, *, pairs: Pairs) -> Tested:
    """DeLong's test of two correlated areas, from midranks.

    z is the difference over its standard error, p two-sided from the normal distribution. Where
    the error is 0 and the areas differ, they differ by as much in every patient: then p is that
    of the sign test over the rarer class, 2 / 2^n. With fewer than two patients of a class there
    is no error to know, and p is 1. Sources: DeLong et al., Biometrics 1988; Sun and Xu, IEEE
    Signal Process Lett 2014.

    Args:
        scores: of every entry.
        pairs: of the entries.
    """
    rarer = min(int(scores.positive.sum()), int((~scores.positive).sum()))
    if rarer < 2:
        return Tested(np.ones(len(pairs.first)), np.zeros(len(pairs.first), dtype=np.bool_))
    areas, covariance = delong_covariance(scores)
    difference = areas[pairs.first] - areas[pairs.second]
    own = np.diag(covariance)
    shared = covariance[pairs.first, pairs.second]
    variance = own[pairs.first] + own[pairs.second] - 2 * shared
    constant = variance <= ROUNDING**2
    error = np.sqrt(np.where(constant, 1.0, variance))
    limit = np.where(np.abs(difference) <= ROUNDING, 1.0, min(1.0, 2.0 ** (1 - rarer)))
    p_values = np.where(constant, limit, 2 * ndtr(-np.abs(difference) / error))
    return Tested(p_values, constant)


def delong_covariance(scores: Areas) -> tuple[Floats, Floats]:
    """Areas, shape (entries,), and their covariance, shape (entries, entries).

    Each positive patient's share of negatives below him, and each negative's of positives above,
    vary over the patients of their class, of whom there are two or more.
    """
    positive, negative = scores.probability[scores.positive], scores.probability[~scores.positive]
    ranks = rankdata(scores.probability, axis=0)
    below = (ranks[scores.positive] - rankdata(positive, axis=0)) / len(negative)
    above = 1 - (ranks[~scores.positive] - rankdata(negative, axis=0)) / len(positive)
    covariance = _covariance(below) / len(positive) + _covariance(above) / len(negative)
    return below.mean(axis=0), covariance


def _covariance(values: Floats) -> Floats:
    """Sample covariance of the columns of (patients, entries)."""
    centred = values - values.mean(axis=0)
    return np.asarray(centred.T @ centred / (len(values) - 1))


# --- many pairs -------------------------------------------------------------------------------


def holm(p_values: Floats) -> Floats:
    """P values adjusted for their number by Holm's step-down. Source: Holm, Scand J Stat 1979."""
    order = np.argsort(p_values, kind="stable")
    steps = p_values[order] * np.arange(p_values.size, 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
