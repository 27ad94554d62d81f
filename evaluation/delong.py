"""AUROC with DeLong's interval, and average precision."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from evaluation.intervals import (
    Estimate,
    Interval,
    bootstrapped,
    divide,
    no_estimate,
    z_score,
)

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Weights = NDArray[np.int32]

ONE_CLASS = "patients of one class only"


def placements(reference: Bools, probability: Floats) -> tuple[Floats, Floats]:
    """For each positive the share of negatives below it, for each negative of positives above.

    Ties count one half. Source: Sun and Xu, IEEE Signal Process Lett 2014 (by midranks).
    """
    positive, negative = probability[reference], probability[~reference]
    together = rankdata(np.concatenate([positive, negative]))
    m, n = positive.size, negative.size
    below = (together[:m] - rankdata(positive)) / n
    above = 1 - (together[m:] - rankdata(negative)) / m
    return np.asarray(below, dtype=np.float64), np.asarray(above, dtype=np.float64)


def auroc_delong(reference: Bools, probability: Floats, *, level: float) -> Estimate:
    """Area under the ROC curve with the interval of DeLong et al., Biometrics 1988.

    Variance: that of the positives' placements over their number plus that of the negatives'.
    Cut at 0 and 1. One class only: undefined; a class of one patient: no interval.
    """
    if reference.all() or not reference.any():
        return no_estimate(ONE_CLASS, n=reference.size)
    below, above = placements(reference, probability)
    value = float(below.mean())
    if min(below.size, above.size) < 2:
        reason = "one patient of a class: the variance is not known"
        return Estimate(value, None, reference.size, interval_reason=reason)
    variance = below.var(ddof=1) / below.size + above.var(ddof=1) / above.size
    half = z_score(level) * math.sqrt(float(variance))
    interval = Interval(max(0.0, value - half), min(1.0, value + half), level, "asymptotic")
    return Estimate(value, interval, reference.size)


def average_precision(
    reference: Bools, probability: Floats, *, weights: Weights, level: float
) -> Estimate:
    """Sum over falling thresholds of (rise in recall) x precision; equal probabilities at once.

    Source: scikit-learn's definition, without interpolation. One class only: undefined.
    """
    if reference.all() or not reference.any():
        return no_estimate(ONE_CLASS, n=reference.size)
    order = np.argsort(-probability, kind="stable")
    sorted_probability = probability[order]
    starts = np.flatnonzero(np.concatenate([[True], np.diff(sorted_probability) != 0]))
    whole = np.ones((1, reference.size), dtype=np.int32)
    value, draws = (
        _precision_of(rows[:, order], reference[order], starts=starts) for rows in (whole, weights)
    )
    return bootstrapped(float(value[0]), draws, n=reference.size, level=level)


def _precision_of(weights: Weights, reference: Bools, *, starts: NDArray[np.intp]) -> Floats:
    """Average precision of each row of multiplicities, patients from the highest probability."""
    found = np.add.reduceat(weights * reference, starts, axis=1).astype(np.float64)
    called = np.add.reduceat(weights, starts, axis=1).astype(np.float64).cumsum(axis=1)
    precision = np.divide(found.cumsum(axis=1), called, out=np.zeros_like(called), where=called > 0)
    return divide((found * precision).sum(axis=1), found.sum(axis=1))
