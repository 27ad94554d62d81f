"""A logistic rule: from what is measured to a probability. Learned by Newton steps, plain NumPy."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RIDGE = 0.5
"""Pull of every weight towards 0, in examples: few positives must not give certainty."""
ROUNDS = 30
FURTHEST = 4.0
"""Standard deviations at which a measurement is cut: nothing learned reaches further."""

Values = NDArray[np.float64]


class Rule(NamedTuple):
    """`probability = logistic(weights . [1, x, x^2])` of standardised measurements x.

    Attributes:
        mean: of each measurement in training.
        spread: standard deviation of each.
        weights: (1 + 2 n,).
    """

    mean: Values
    spread: Values
    weights: Values

    def probability(self, measurements: Values) -> Values:
        """Of every row, shape (rows, n)."""
        logit = self.columns(measurements) @ self.weights
        return np.asarray(1.0 / (1.0 + np.exp(-logit)))

    def columns(self, measurements: Values) -> Values:
        """Standardised, with a constant and the squares: what the weights multiply."""
        x = np.clip((measurements - self.mean) / self.spread, -FURTHEST, FURTHEST)
        return np.concatenate([np.ones((len(x), 1)), x, x**2], axis=1)


def learn(measurements: Values, answers: NDArray[np.bool_]) -> Rule:
    """The rule of training examples, shape (rows, n) and (rows,)."""
    mean, spread = measurements.mean(axis=0), measurements.std(axis=0) + 1e-6
    rule = Rule(mean, spread, np.zeros(1 + 2 * measurements.shape[1]))
    columns = rule.columns(measurements)
    pull = np.diag([1e-3] + [RIDGE] * (columns.shape[1] - 1))
    for _ in range(ROUNDS):
        chance = rule.probability(measurements)
        slope = columns.T @ (answers - chance) - pull @ rule.weights
        bend = (columns.T * np.maximum(chance * (1.0 - chance), 1e-4)) @ columns + pull
        rule = rule._replace(weights=rule.weights + np.linalg.solve(bend, slope))
    return rule
