"""How figures of a hidden cohort are rounded before they are shown."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from schema.result import Interval
from schema.task import Metric, Unit

COARSER = (0.005, 0.01, 0.02, 0.05)
"""Steps tried in turn where the digits that are shown would give a withheld count away."""
SLACK = 1e-9


def shown_step(metric: Metric) -> float:
    """The step of the digits that a reader is shown: per cent for a fraction."""
    digits = metric.decimals + (2 if metric.unit is Unit.FRACTION else 0)
    return float(f"1e-{digits}")


def rounded(value: float, *, step: float) -> float:
    """The nearest multiple of a step."""
    return float(f"{round(value / step) * step:.9g}")


def rounded_interval(interval: Interval | None, *, step: float) -> Interval | None:
    """Both bounds as multiples of a step."""
    if interval is None:
        return None
    low, high = (rounded(bound, step=step) for bound in (interval.low, interval.high))
    return interval.model_copy(update={"low": low, "high": high})


def rounded_p(p_value: float) -> float:
    """A p value with two digits."""
    return float(f"{p_value:.2g}")


def two_digits(value: float) -> float:
    """A measurement with two digits."""
    return float(f"{value:.2g}")


def hiding_step(
    value: float,
    *,
    finest: float,
    possible: NDArray[np.float64],
    counts: NDArray[np.int64],
    least: int,
) -> float:
    """The finest step at which a figure leaves every count behind it `least` values, else two.

    Args:
        value: the figure.
        finest: the step to begin with.
        possible: the figure's value for every table it might be of, shape (tables,).
        counts: the counts to be hidden in each of these tables, shape (tables, counts).
        least: how many values each count should keep.

    Returns:
        The coarsest step when none leaves two.
    """
    steps = (finest, *(step for step in COARSER if step > finest))
    left = {step: _values_left(value, step, possible=possible, counts=counts) for step in steps}
    enough = (step for wanted in (least, 2) for step in steps if left[step] >= wanted)
    return next(enough, steps[-1])


def _values_left(
    value: float, step: float, *, possible: NDArray[np.float64], counts: NDArray[np.int64]
) -> int:
    """How many values the count keeps that is told best by the rounded figure."""
    agrees = np.abs(possible - rounded(value, step=step)) <= step / 2 + SLACK
    return min(len(np.unique(column)) for column in counts[agrees].T)
