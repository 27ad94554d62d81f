"""From figures to ranks: 1 is best, and what cannot be told apart is a tie."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schema.task import Metric
from schema.terms import Direction

Floats = NDArray[np.float64]

EQUAL = 1e-9
"""Numbers this close are the same: no metric means that little, and rounding decides nothing."""


def costs(values: Floats, *, metric: Metric) -> Floats:
    """Figures as costs, smaller is better, along the last axis.

    NaN, a figure without a value, costs what the worst value costs that the metric declares, or the
    worst of the others where that is worse still: it is never before an entry that has a value.
    """
    assert metric.worst is not None, "what is ranked by has a direction and a worst value"
    sign = 1.0 if metric.direction is Direction.LOWER else -1.0
    found = sign * values
    worst = np.fmax.reduce(found, axis=-1, keepdims=True, initial=sign * metric.worst)
    return np.where(np.isnan(found), worst, found)


def min_ranks(costs: Floats) -> NDArray[np.intp]:
    """Ranks along the last axis; equal ones share the smallest: 1 2 2 4."""
    return 1 + _better(costs)


def mid_ranks(costs: Floats) -> Floats:
    """Ranks along the last axis; equal ones share the mean: 1 2.5 2.5 4.

    Every row then has the same sum, so that a tie is worth as much as the places it takes.
    """
    within = (costs[..., None, :] <= costs[..., :, None] + EQUAL).sum(axis=-1)
    middle = (_better(costs) + 1 + within) / 2
    return np.asarray(middle, dtype=np.float64)


def _better(costs: Floats) -> NDArray[np.intp]:
    """How many along the last axis cost less."""
    lower: NDArray[np.intp] = (costs[..., None, :] < costs[..., :, None] - EQUAL).sum(axis=-1)
    return lower
