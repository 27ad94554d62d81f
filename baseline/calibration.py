"""From the nodes of a patient to the probability that the patient is LLN-positive. Pure.

Platt's method (Platt 1999): a logistic curve over two features of the node likeliest to be
positive, fitted to patients whom the network had not seen. The decision threshold is chosen on the
same patients and frozen. Both rules are stated here, before any data are looked at:

- **features**: `suspicion`, the log odds of that node being positive, its probability held between
  1 % and 99 %; `size`, its short axis over the task's threshold, minus 1, at most 2. Without any
  node they take their lowest values, log odds of 1 % and -1.
- **curve**: maximum likelihood with a ridge penalty on the two weights (half their squared length,
  as in scikit-learn at C = 1; the intercept is free) and no weight below 0, so that a more
  suspicious or a larger node never lowers the probability. The penalty keeps the curve finite where
  the patients can be separated; where there are hundreds it is not felt.
- **threshold**: greatest Youden index (sensitivity + specificity - 1), halfway between two
  probabilities that occur; of equal ones the nearest to one half.
- **fewer than five patients of either kind**: no curve is fitted. The probability is that of the
  node itself, and the threshold one half.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from baseline.node_calls import NodeCall, most_suspicious
from schema.base import Count, Frozen, Line, Probability
from tasks.specification import positivity_rules

LEAST_OF_EITHER = 5
"""Patients of each kind below which nothing is fitted."""
LEAST_PROBABILITY = 0.01
LARGEST_SIZE = 2.0
DECIMALS = 6
"""Of a probability, so that the table and the threshold compare the same everywhere."""
HALF = 0.5

Weight = Annotated[float, Field(ge=0.0)]


class Features(NamedTuple):
    """What the curve sees of a patient."""

    suspicion: float
    size: float


class OutOfFold(Frozen):
    """How the frozen rule did on the patients that it was fitted to, unseen by the networks.

    The curve and the threshold have seen them, so these figures are a little flattering.
    """

    true_positive: Count
    false_positive: Count
    false_negative: Count
    true_negative: Count
    brier: Probability
    """Mean squared difference between probability and status."""


class Calibration(Frozen):
    """`calibration.json`: everything that is decided after training and frozen at export."""

    version: Literal[1] = 1
    method: Literal["logistic", "node_probability"]
    reason: Line
    """What was fitted to, or why nothing was."""
    intercept: float
    suspicion: Weight
    size: Weight
    threshold: Annotated[float, Field(gt=0.0, lt=1.0)]
    """A patient at or above it is positive."""
    threshold_rule: Literal["youden", "half"]
    separable: bool = False
    """Whether the curve tells all the patients apart that it was fitted to."""
    minimum_node_ml: Annotated[float, Field(ge=0.0)]
    """Smaller predicted nodes are dropped."""
    out_of_fold: OutOfFold | None = None

    @model_validator(mode="after")
    def _fitted_says_to_what(self) -> Self:
        if (self.method == "logistic") != (self.threshold_rule == "youden"):
            raise ValueError("a fitted curve has a Youden threshold, no curve one half")
        return self

    def probability(self, features: Features) -> float:
        """Probability of a patient being positive, rounded."""
        score = self.suspicion * features.suspicion + self.size * features.size
        return round(float(expit(self.intercept + score)), DECIMALS)

    def is_positive(self, probability: float) -> bool:
        """The frozen decision."""
        return probability >= self.threshold


def features_of(calls: Sequence[NodeCall]) -> Features:
    """The features of a patient's nodes; see the module."""
    call = most_suspicious(calls)
    probability = 0.0 if call is None else call.positive_probability
    short_axis_mm = 0.0 if call is None else call.node.short_axis_mm
    held = min(max(probability, LEAST_PROBABILITY), 1 - LEAST_PROBABILITY)
    size = short_axis_mm / positivity_rules().short_axis_mm - 1
    return Features(float(np.log(held / (1 - held))), min(size, LARGEST_SIZE))


def uncalibrated(*, reason: str, minimum_node_ml: float) -> Calibration:
    """The rule without a curve: the probability of the likeliest node, positive from one half."""
    return Calibration(
        method="node_probability",
        reason=reason,
        intercept=0.0,
        suspicion=1.0,
        size=0.0,
        threshold=HALF,
        threshold_rule="half",
        minimum_node_ml=minimum_node_ml,
    )


def calibrate(
    features: Sequence[Features], positive: Sequence[bool], *, minimum_node_ml: float
) -> Calibration:
    """Fit the curve, choose the threshold and freeze both.

    Args:
        features: of each patient, from networks that had not seen the patient.
        positive: the reference standard of each.
        minimum_node_ml: the limit under which the features were found.
    """
    status = np.asarray(positive, dtype=bool)
    kinds = f"{status.sum()} positive and {(~status).sum()} negative patients"
    if min(status.sum(), (~status).sum()) < LEAST_OF_EITHER:
        reason = f"{kinds} out of fold: fewer than {LEAST_OF_EITHER} of either kind fit no curve"
        rule = uncalibrated(reason=reason, minimum_node_ml=minimum_node_ml)
    else:
        rule = _fitted(features, status, reason=kinds, minimum_node_ml=minimum_node_ml)
    if not status.size:
        return rule
    probabilities = np.array([rule.probability(each) for each in features])
    return rule.model_copy(update={"out_of_fold": _performance(rule, probabilities, status)})


def _fitted(
    features: Sequence[Features],
    status: NDArray[np.bool_],
    *,
    reason: str,
    minimum_node_ml: float,
) -> Calibration:
    intercept, suspicion, size = fit_logistic(np.asarray(features, dtype=np.float64), status)
    rule = Calibration(
        method="logistic",
        reason=f"{reason} out of fold",
        intercept=intercept,
        suspicion=suspicion,
        size=size,
        threshold=HALF,
        threshold_rule="youden",
        minimum_node_ml=minimum_node_ml,
    )
    probabilities = np.array([rule.probability(each) for each in features])
    separable = probabilities[status].min() > probabilities[~status].max()
    threshold = youden_threshold(probabilities, status)
    return rule.model_copy(update={"threshold": threshold, "separable": bool(separable)})


def fit_logistic(
    features: NDArray[np.float64], status: NDArray[np.bool_]
) -> tuple[float, float, float]:
    """Intercept and two weights, none below 0, of the penalised logistic curve.

    Args:
        features: shape (patients, 2).
        status: whether each patient is positive; both kinds occur.
    """
    sign = np.where(status, 1.0, -1.0)
    design = np.column_stack([np.ones(len(features)), features])
    penalised = np.array([0.0, 1.0, 1.0])

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margin = sign * (design @ weights)
        slope = -(sign * expit(-margin)) @ design + penalised * weights
        value = -log_expit(margin).sum() + 0.5 * (penalised * weights**2).sum()
        return float(value), slope

    found = minimize(
        loss,
        np.zeros(3),
        jac=True,
        method="L-BFGS-B",
        bounds=[(None, None), (0.0, None), (0.0, None)],
        options={"ftol": 1e-14, "gtol": 1e-10, "maxiter": 1000},
    )
    intercept, suspicion, size = (float(weight) for weight in found.x)
    return intercept, suspicion, size


def youden_threshold(probabilities: NDArray[np.float64], status: NDArray[np.bool_]) -> float:
    """The threshold with the greatest Youden index; one half where all are equally likely."""
    values = np.unique(probabilities)
    if len(values) < 2:
        return HALF
    middles = (values[:-1] + values[1:]) / 2
    called = probabilities[:, None] >= middles
    index = called[status].mean(axis=0) - called[~status].mean(axis=0)
    best = middles[index >= index.max() - 1e-12]
    return float(min(best, key=lambda each: abs(each - HALF)))


def _performance(
    rule: Calibration, probabilities: NDArray[np.float64], status: NDArray[np.bool_]
) -> OutOfFold:
    called = probabilities >= rule.threshold
    return OutOfFold(
        true_positive=int((called & status).sum()),
        false_positive=int((called & ~status).sum()),
        false_negative=int((~called & status).sum()),
        true_negative=int((~called & ~status).sum()),
        brier=round(float(((probabilities - status) ** 2).mean()), DECIMALS),
    )
