"""Agreement beyond Cohen's kappa: weighted, of many raters, robust to prevalence, and its tests."""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from evaluation.intervals import (
    Estimate,
    Interval,
    bootstrapped,
    divide,
    no_estimate,
    z_score,
)

Bools = NDArray[np.bool_]
Codes = NDArray[np.intp]
Floats = NDArray[np.float64]
Weights = NDArray[np.int32]

SAME = "every case is in the same category"
NO_CASE = "no case that all rated"


def weighted_kappa(first: Codes, second: Codes, *, categories: int, level: float) -> Estimate:
    """Cohen's kappa with linear weights 1 - |i - j| / (k - 1), for ordered categories.

    Interval: the non-null standard error of Fleiss, Cohen and Everitt 1969, cut at -1 and 1.
    No case, or all in one category: undefined. Source: Cohen, Psychol Bull 1968.

    Args:
        first: codes 0 to k - 1, shape (cases,).
        second: the same of the other rater.
        categories: k, at least 2.
        level: of the interval.
    """
    if not first.size:
        return no_estimate(NO_CASE, n=0)
    pairs = np.bincount(first * categories + second, minlength=categories**2)
    shares = pairs.reshape(categories, categories) / first.size
    places = np.arange(categories)
    weights = 1 - np.abs(places[:, None] - places[None]) / (categories - 1)
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    observed, chance = float((weights * shares).sum()), float(rows @ weights @ columns)
    if math.isclose(chance, 1.0):
        return no_estimate(SAME, n=first.size)
    value = (observed - chance) / (1 - chance)
    margins = (weights @ columns)[:, None] + (rows @ weights)[None]
    spread = float((shares * (weights - margins * (1 - value)) ** 2).sum())
    variance = max(0.0, spread - (value - chance * (1 - value)) ** 2) / first.size
    return _asymptotic(value, math.sqrt(variance) / (1 - chance), n=first.size, level=level)


def _asymptotic(value: float, error: float, *, n: int, level: float) -> Estimate:
    half = z_score(level) * error
    interval = Interval(max(-1.0, value - half), min(1.0, value + half), level, "asymptotic")
    return Estimate(value, interval, n)


def fleiss_kappa(ratings: Codes, *, categories: int, weights: Weights, level: float) -> Estimate:
    """Agreement of several raters beyond chance, chance from the pooled shares.

    Interval: patients resampled. No case, one rater, or all in one category: undefined.
    Source: Fleiss, Psychol Bull 1971.

    Args:
        ratings: codes 0 to categories - 1, shape (cases, raters).
        categories: how many there are.
        weights: resamples of the cases, shape (resamples, cases).
        level: of the interval.
    """
    cases, raters = ratings.shape
    if not cases or raters < 2:
        return no_estimate(NO_CASE if not cases else "one rater only", n=cases)
    counts = (ratings[:, :, None] == np.arange(categories)).sum(axis=1).astype(np.float64)
    agreeing = ((counts**2).sum(axis=1) - raters) / (raters * (raters - 1))
    value = _fleiss(np.ones((1, cases)), counts / raters, agreeing)[0]
    if not math.isfinite(value):
        return no_estimate(SAME, n=cases)
    draws = _fleiss(weights.astype(np.float64), counts / raters, agreeing)
    return bootstrapped(float(value), draws, n=cases, level=level)


def _fleiss(weights: Floats, shares: Floats, agreeing: Floats) -> Floats:
    total = weights.sum(axis=1)
    observed = divide(weights @ agreeing, total)
    chance = (divide(weights @ shares, total[:, None]) ** 2).sum(axis=1)
    certain = np.isclose(chance, 1.0)
    return divide(observed - chance, np.where(certain, 0.0, 1 - chance))


def gwet_ac1(first: Bools, second: Bools, *, level: float) -> Estimate:
    """Gwet's AC1 of two raters and two categories: (pa - pe) / (1 - pe), pe = 2 q (1 - q).

    q is the mean share of positive ratings. Unlike kappa it does not fall when one category is
    rare. The interval has the variance conditional on the raters: Gwet, Br J Math Stat Psychol
    2008, equation 37. No case: undefined.
    """
    size = first.size
    if not size:
        return no_estimate(NO_CASE, n=0)
    share = (first.astype(np.float64) + second) / 2
    prevalence = float(share.mean())
    chance = 2 * prevalence * (1 - prevalence)
    agreeing = (first == second).astype(np.float64)
    value = (float(agreeing.mean()) - chance) / (1 - chance)
    own = (agreeing - chance) / (1 - chance)
    by_case = share * (1 - prevalence) + (1 - share) * prevalence
    linear = own - 2 * (1 - value) * (by_case - chance) / (1 - chance)
    if size < 2:
        return Estimate(value, None, size, interval_reason="one case: the variance is not known")
    variance = float(((linear - value) ** 2).sum()) / (size * (size - 1))
    return _asymptotic(value, math.sqrt(variance), n=size, level=level)


def mcnemar(first: Bools, second: Bools) -> Estimate:
    """Exact p value that both raters call as many positive; it has no interval.

    Twice the smaller binomial tail of the discordant cases. No discordant case: 1.
    No case: undefined. Source: McNemar, Psychometrika 1947.
    """
    if not first.size:
        return no_estimate(NO_CASE, n=0)
    only_first, only_second = int((first & ~second).sum()), int((~first & second).sum())
    discordant = only_first + only_second
    p_value = float(binomtest(only_first, discordant).pvalue) if discordant else 1.0
    return Estimate(p_value, None, first.size, interval_reason="a p value has no interval")


class ReaderRange(NamedTuple):
    """The model among the readers: kappas of every two readers, and of the model with each.

    Attributes:
        lowest: of the readers' pairs, None without two readers.
        highest: the same.
        model: mean kappa of the model with the readers.
        difference: `model` less the readers' mean, patients resampled.
    """

    lowest: float | None
    highest: float | None
    model: float | None
    difference: Estimate

    @property
    def verdict(self) -> Literal["below", "inside", "above"] | None:
        """Where the model lies to the readers' range; None without one."""
        if self.lowest is None or self.highest is None or self.model is None:
            return None
        if self.model < self.lowest:
            return "below"
        return "above" if self.model > self.highest else "inside"


def reader_range(readers: Bools, model: Bools, *, weights: Weights, level: float) -> ReaderRange:
    """Whether the model agrees with readers as they agree with each other.

    Args:
        readers: calls of the cases that all read, shape (readers, cases).
        model: shape (readers, cases): the model's call, against each reader.
        weights: resamples of these cases.
        level: of the interval.
    """
    count, cases = readers.shape
    if count < 2 or not cases:
        missing = no_estimate("fewer than two readers who read the same cases", n=cases)
        return ReaderRange(None, None, None, missing)
    pairs = [(a, b) for a in range(count) for b in range(a + 1, count)]
    whole = np.ones((1, cases), dtype=np.int32)

    def kappas(rows: Weights) -> tuple[Floats, Floats]:
        drawn = rows.astype(np.float64)
        own = [_kappas(drawn, readers[a], readers[b]) for a, b in pairs]
        other = [_kappas(drawn, readers[a], model[a]) for a in range(count)]
        return np.array(own), np.array(other)

    own, other = kappas(whole)
    if not (np.isfinite(own).all() and np.isfinite(other).all()):
        return ReaderRange(None, None, None, no_estimate(SAME, n=cases))
    drawn_own, drawn_other = kappas(weights)
    value = float(other.mean() - own.mean())
    draws = drawn_other.mean(axis=0) - drawn_own.mean(axis=0)
    difference = bootstrapped(value, draws, n=cases, level=level)
    return ReaderRange(float(own.min()), float(own.max()), float(other.mean()), difference)


def _kappas(weights: Floats, first: Bools, second: Bools) -> Floats:
    """Cohen's kappa of two raters in each row of multiplicities."""
    total = weights.sum(axis=1)
    same = divide(weights @ (first == second), total)
    one, other = divide(weights @ first, total), divide(weights @ second, total)
    chance = one * other + (1 - one) * (1 - other)
    return divide(same - chance, 1 - chance)


def codes_rated_by_both(first: list[int | None], second: list[int | None]) -> tuple[Codes, Codes]:
    """Codes of the cases that both rated."""
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    columns = np.array(pairs, dtype=np.intp).reshape(-1, 2)
    return columns[:, 0], columns[:, 1]
