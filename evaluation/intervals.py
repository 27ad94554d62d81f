"""Estimates and their 95 % intervals: Wilson for proportions, resampled patients for the rest.

The bootstrap is vectorised: a resample is a row of multiplicities, and a statistic that is made of
sums over patients needs one matrix product for all resamples.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from schema.terms import Status

UNDEFINED_DRAWS_ALLOWED = 0.05
"""Largest share of resamples without a value that still leaves an interval."""
BLOCK_CELLS = 1 << 16
"""Weights that are multiplied at once: 512 kB as floats, within a core's cache."""


class Interval(NamedTuple):
    """A confidence interval; `method` is wilson, bootstrap, asymptotic or wald."""

    low: float
    high: float
    level: float
    method: str


class Estimate(NamedTuple):
    """A value with its interval, or neither and the reason.

    Attributes:
        value: None exactly when `status` is not OK.
        interval: None when there is no value, or when `interval_reason` says why.
        n: observations it rests on.
        status: why there is a value or none.
        reason: in words, when there is no value.
        interval_reason: in words, when there is a value without an interval.
    """

    value: float | None
    interval: Interval | None
    n: int
    status: Status = Status.OK
    reason: str | None = None
    interval_reason: str | None = None


def no_estimate(reason: str, *, n: int, status: Status = Status.UNDEFINED) -> Estimate:
    """An estimate that does not exist, and why."""
    return Estimate(None, None, n, status, reason)


def wilson(*, successes: int, trials: int, level: float) -> Interval | None:
    """Wilson's score interval of a proportion; None without a trial.

    (p + z²/2n ± z sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n). Source: Wilson, J Am Stat Assoc 1927.

    Raises:
        ValueError: fewer than 0 or more than `trials` successes.
    """
    if not 0 <= successes <= trials:
        raise ValueError(f"{successes} successes in {trials} trials")
    if trials == 0:
        return None
    z = z_score(level)
    share, weight = successes / trials, z * z / trials
    middle = share + weight / 2
    half = z * math.sqrt(share * (1 - share) / trials + weight / (4 * trials))
    # at 0 and at all successes the bound is exact; rounding must not push it past the value
    low = 0.0 if successes == 0 else (middle - half) / (1 + weight)
    high = 1.0 if successes == trials else (middle + half) / (1 + weight)
    return Interval(low, high, level, "wilson")


def z_score(level: float) -> float:
    """Two-sided quantile of the normal distribution: 1.96 for 0.95."""
    return float(ndtri((1 + level) / 2))


def proportion(*, successes: int, trials: int, level: float, what: str = "observation") -> Estimate:
    """Share of successes with Wilson's interval; undefined without a trial."""
    if trials == 0:
        return no_estimate(f"no {what}", n=0)
    interval = wilson(successes=successes, trials=trials, level=level)
    return Estimate(successes / trials, interval, trials)


def resample_weights(
    *, strata: NDArray[np.integer], resamples: int, rng: np.random.Generator
) -> NDArray[np.int32]:
    """Multiplicity of each patient in each resample, shape (resamples, patients).

    Patients are drawn with replacement within their stratum, so that every stratum keeps its size.

    Args:
        strata: a code per patient, shape (patients,); all equal for a plain bootstrap.
        resamples: number of rows.
        rng: source of the draws.
    """
    weights = np.zeros((resamples, strata.size), dtype=np.int32)
    for code in np.unique(strata):
        members = np.flatnonzero(strata == code)
        shares = np.full(members.size, 1.0 / members.size)
        weights[:, members] = rng.multinomial(members.size, shares, size=resamples)
    return weights


def percentile_interval(
    draws: NDArray[np.float64], *, level: float
) -> tuple[Interval | None, str | None]:
    """Percentile interval of bootstrap draws, or None and the reason.

    Args:
        draws: one value per resample; NaN marks a resample in which the statistic is undefined.
        level: of the interval.
    """
    defined = draws[np.isfinite(draws)]
    undefined = draws.size - defined.size
    if undefined > UNDEFINED_DRAWS_ALLOWED * draws.size:
        return None, f"undefined in {100 * undefined / draws.size:.0f} % of the resamples"
    low, high = np.quantile(defined, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level, "bootstrap"), None


def bootstrapped(value: float, draws: NDArray[np.float64], *, n: int, level: float) -> Estimate:
    """A value with the percentile interval of its draws."""
    interval, reason = percentile_interval(draws, level=level)
    return Estimate(value, interval, n, interval_reason=reason)


def ratio_of_sums(
    numerator: NDArray[np.float64],
    denominator: NDArray[np.float64],
    *,
    weights: NDArray[np.int32],
    level: float,
    n: int | None = None,
) -> Estimate:
    """Sum of one column over the sum of another, patients resampled.

    A mean over patients has value times defined over defined; a pooled share has hits over trials.

    Args:
        numerator: shape (patients,).
        denominator: shape (patients,), not negative.
        weights: resamples, shape (resamples, patients).
        level: of the interval.
        n: observations; by default the denominator's sum, rounded.

    Returns:
        Undefined when the denominators sum to 0.
    """
    total = float(denominator.sum())
    count = round(total) if n is None else n
    if total <= 0:
        return no_estimate("nothing to divide by: no observation", n=count)
    sums = _weighted_sums(weights, np.column_stack([numerator, denominator]))
    draws = divide(sums[:, 0], sums[:, 1])
    return bootstrapped(float(numerator.sum()) / total, draws, n=count, level=level)


def _weighted_sums(weights: NDArray[np.int32], columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of (patients, columns) in each resample, shape (resamples, columns).

    In blocks of resamples, because NumPy first copies whole numbers to floats: twice as fast on
    5,000 patients, and without 80 MB beside the weights.
    """
    rows = max(1, BLOCK_CELLS // len(columns))
    blocks = [weights[start : start + rows] @ columns for start in range(0, len(weights), rows)]
    return np.concatenate(blocks)


def divide(numerator: NDArray[np.float64], denominator: NDArray[np.float64]) -> NDArray[np.float64]:
    """Element-wise quotient, NaN (an undefined draw) where the denominator is 0."""
    shape = np.broadcast_shapes(numerator.shape, denominator.shape)
    quotient = np.full(shape, np.nan)
    np.divide(numerator, denominator, out=quotient, where=denominator != 0)
    return quotient
