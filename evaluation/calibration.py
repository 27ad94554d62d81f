"""Whether a probability means what it says: Brier score, logistic recalibration, binned curve.

And what acting on it is worth: the decision curve.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from evaluation.intervals import (
    Estimate,
    Interval,
    no_estimate,
    proportion,
    ratio_of_sums,
    z_score,
)
from schema.terms import Status

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Weights = NDArray[np.int32]

EDGE = 1e-3
"""Probabilities of 0 and 1 have no logit: all are cut to within this of them."""
ITERATIONS = 100
LONGEST_STEP = 1.0
FAR = 30.0


class Recalibration(NamedTuple):
    """Logistic recalibration: slope on the logit, and intercept with the slope held at 1."""

    slope: Estimate
    intercept: Estimate


class Bin(NamedTuple):
    """Patients of neighbouring probabilities: their mean, and the share that is positive."""

    mean_probability: float
    observed: Estimate


class NetBenefit(NamedTuple):
    """At a threshold: acting on the model's probability, and acting on everybody."""

    threshold: float
    model: float
    treat_all: float


def brier(reference: Bools, probability: Floats, *, weights: Weights, level: float) -> Estimate:
    """Mean of (probability - reference)^2; 0 is perfect. Source: Brier 1950."""
    errors = (probability - reference) ** 2
    return ratio_of_sums(errors, np.ones_like(errors), weights=weights, level=level)


def recalibration(reference: Bools, probability: Floats, *, level: float) -> Recalibration:
    """Slope and calibration in the large of the logit of the probability, Wald intervals.

    logit P = a + b logit p. A slope below 1: too extreme. An intercept below 0 (with b = 1): too
    high. Probabilities are cut at 0.001 and 0.999. One class only, or one probability only:
    undefined; perfectly separated classes have no finite slope. Source: Cox, Biometrika 1958.
    """
    size = reference.size
    if reference.all() or not reference.any():
        missing = no_estimate("patients of one class only", n=size)
        return Recalibration(missing, missing)
    odds = np.asarray(logit(np.clip(probability, EDGE, 1 - EDGE)), dtype=np.float64)
    ones = np.ones((size, 1))
    intercept = _logistic(ones, reference, offset=odds, level=level)
    if np.ptp(odds) == 0:
        return Recalibration(no_estimate("one probability for every patient", n=size), intercept)
    both = np.column_stack([odds, ones])
    return Recalibration(_logistic(both, reference, offset=np.zeros(size), level=level), intercept)


def _logistic(columns: Floats, reference: Bools, *, offset: Floats, level: float) -> Estimate:
    """The first coefficient of a logistic regression by Newton's method."""
    size, coefficients = reference.size, np.zeros(columns.shape[1])
    for _ in range(ITERATIONS):
        chance = expit(offset + columns @ coefficients)
        information = (columns * (chance * (1 - chance))[:, None]).T @ columns
        if np.linalg.cond(information) > 1e12:
            break
        step = np.linalg.solve(information, columns.T @ (reference - chance))
        # where most chances are near 0 or 1 a whole step leads past the maximum
        coefficients = coefficients + np.clip(step, -LONGEST_STEP, LONGEST_STEP)
        if np.abs(step).max() < 1e-10:
            error = math.sqrt(float(np.linalg.inv(information)[0, 0]))
            value, half = float(coefficients[0]), z_score(level) * error
            return Estimate(value, Interval(value - half, value + half, level, "wald"), size)
        if np.abs(coefficients).max() > FAR:
            break
    reason = "the probability separates the classes: the likelihood has no finite maximum"
    return no_estimate(reason, n=size, status=Status.SEPARATED)


def calibration_bins(
    reference: Bools, probability: Floats, *, bins: int, level: float
) -> tuple[Bin, ...]:
    """Patients in bins of about equal size by their probability; equal ones stay together.

    The observed share has Wilson's interval.
    """
    if not reference.size:
        return ()
    cuts = np.unique(np.quantile(probability, np.linspace(0, 1, bins + 1)[1:-1]))
    codes = np.searchsorted(cuts, probability, side="left")
    return tuple(
        Bin(
            mean_probability=float(probability[members].mean()),
            observed=proportion(
                successes=int(reference[members].sum()), trials=int(members.sum()), level=level
            ),
        )
        for members in (codes == code for code in np.unique(codes))
    )


def decision_curve(
    reference: Bools, probability: Floats, *, thresholds: Sequence[float]
) -> tuple[NetBenefit, ...]:
    """Net benefit at each threshold t: TP/n - FP/n t/(1-t), with p >= t called positive.

    Treating nobody has a net benefit of 0. Source: Vickers and Elkin, Med Decis Making 2006.
    """
    size = reference.size
    if not size:
        return ()
    prevalence = float(reference.mean())
    curve = []
    for threshold in thresholds:
        called, odds = probability >= threshold, threshold / (1 - threshold)
        true, false = int((called & reference).sum()), int((called & ~reference).sum())
        everybody = prevalence - (1 - prevalence) * odds
        curve.append(NetBenefit(threshold, true / size - false / size * odds, everybody))
    return tuple(curve)
