"""Agreement of two measurements: bias and limits of agreement."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from evaluation.intervals import Estimate, Interval, no_estimate, z_score

Floats = NDArray[np.float64]
LEAST = 3
"""Pairs, for a spread to be told."""


class LimitsOfAgreement(NamedTuple):
    """Bias, and the limits within which 95 % (the level) of the differences lie."""

    bias: Estimate
    lower: Estimate
    upper: Estimate


def limits_of_agreement(
    reference: Floats, prediction: Floats, *, level: float
) -> LimitsOfAgreement:
    """Mean of prediction less reference, and that mean ± z standard deviations.

    Intervals by the t distribution; the standard error of a limit is sd sqrt(1/n + z²/(2(n - 1))).
    Fewer than three pairs: undefined. Source: Bland and Altman, Lancet 1986 and Stat Methods Med
    Res 1999.
    """
    differences = prediction - reference
    n = differences.size
    if n < LEAST:
        missing = no_estimate(f"{n} pairs, fewer than {LEAST}", n=n)
        return LimitsOfAgreement(missing, missing, missing)
    z, quantile = z_score(level), float(t.ppf((1 + level) / 2, n - 1))
    mean, spread = float(differences.mean()), float(differences.std(ddof=1))
    of_mean = spread / math.sqrt(n)
    of_limit = spread * math.sqrt(1 / n + z * z / (2 * (n - 1)))

    def estimate(value: float, error: float) -> Estimate:
        half = quantile * error
        return Estimate(value, Interval(value - half, value + half, level, "asymptotic"), n)

    return LimitsOfAgreement(
        estimate(mean, of_mean),
        estimate(mean - z * spread, of_limit),
        estimate(mean + z * spread, of_limit),
    )
