"""Free-response ROC: nodes found against false alarms a patient, by a falling threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

OPERATING_POINTS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""False alarms a patient at which sensitivities are averaged. Source: LUNA16, Setio et al. 2017."""


class FrocCurve(NamedTuple):
    """Operating points, from no call to every call, each of shape (thresholds + 1,)."""

    false_positives_per_case: tuple[float, ...]
    sensitivity: tuple[float, ...]


def froc(probability: Floats, hit: Bools, *, reference_nodes: int, cases: int) -> FrocCurve | None:
    """Sensitivity against false alarms a case at every threshold; equal probabilities at once.

    None without a reference node or a case.

    Args:
        probability: of each predicted node, shape (nodes,).
        hit: whether it is matched to a reference node, one to one.
        reference_nodes: how many there are to be found.
        cases: patients.
    """
    if not reference_nodes or not cases:
        return None
    order = np.argsort(-probability, kind="stable")
    falls = np.flatnonzero(np.diff(probability[order])) if probability.size else np.array([], int)
    ends = np.append(falls, probability.size - 1) if probability.size else falls
    found, false = np.cumsum(hit[order])[ends], np.cumsum(~hit[order])[ends]
    return FrocCurve(
        (0.0, *(float(count) / cases for count in false)),
        (0.0, *(float(count) / reference_nodes for count in found)),
    )


def sensitivity_at(curve: FrocCurve, *, points: Sequence[float] = OPERATING_POINTS) -> float:
    """Mean sensitivity at these false alarms a case: the highest reached without more of them."""
    rates, found = np.array(curve.false_positives_per_case), np.array(curve.sensitivity)
    return float(np.mean([found[rates <= point].max() for point in points]))
