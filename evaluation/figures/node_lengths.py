"""Short axes of the nodes of a cohort, and what their charts share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from evaluation.figures.axes import Frame, round_step
from evaluation.figures.numerals import SPACE
from evaluation.figures.svg import line, text
from schema.result import CaseScore
from schema.terms import NodeClass

LIMITS_SD = 1.96
"""Half width of the limits of agreement in standard deviations (Bland and Altman 1986)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """Short axes in mm.

    Attributes:
        reference: of every reference node.
        prediction: of every predicted node.
        pairs: reference and prediction of every matched pair, shape (pairs, 2).
        positive: which pairs are positive in the reference, shape (pairs,).
    """

    reference: NDArray[np.float64]
    prediction: NDArray[np.float64]
    pairs: NDArray[np.float64]
    positive: NDArray[np.bool_]

    def of_class(self, node_class: NodeClass) -> NDArray[np.float64]:
        """The pairs whose reference node is of that class."""
        chosen = self.positive if node_class is NodeClass.POSITIVE else ~self.positive
        return np.compress(chosen, self.pairs, axis=0)


class Limits(NamedTuple):
    """Bland and Altman's bias and limits of agreement, in mm."""

    low: float
    bias: float
    high: float


def node_lengths(cases: Sequence[CaseScore]) -> Lengths:
    """Collect the nodes of every case; empty arrays where there are none."""
    pairs = [
        (node.short_axis_mm, partner.short_axis_mm, node.node_class is NodeClass.POSITIVE)
        for case in cases
        for node in case.reference_nodes
        for partner in case.prediction_nodes
        if node.matched == partner.node
    ]
    return Lengths(
        reference=np.array([n.short_axis_mm for c in cases for n in c.reference_nodes], float),
        prediction=np.array([n.short_axis_mm for c in cases for n in c.prediction_nodes], float),
        pairs=np.array([pair[:2] for pair in pairs], float).reshape(-1, 2),
        positive=np.array([pair[2] for pair in pairs], dtype=np.bool_),
    )


def limits_of_agreement(differences_mm: NDArray[np.float64]) -> Limits | None:
    """Bias and its 1.96 standard deviations; None with fewer than two pairs."""
    if differences_mm.size < 2:
        return None
    bias, half = float(differences_mm.mean()), LIMITS_SD * float(differences_mm.std(ddof=1))
    return Limits(bias - half, bias, bias + half)


def rounded_up(value: float) -> float:
    """The next round value at or above a positive one."""
    step = round_step(value)
    return math.ceil(value / step - 1e-9) * step


def upright(frame: Frame, at: float | None) -> list[Markup]:
    """The threshold as a line across the x axis; nothing outside the chart."""
    if at is None or not frame.x.low <= at <= frame.x.high:
        return []
    x = frame.x(at)
    return [
        line(x1=x, y1=frame.y.start, x2=x, y2=frame.y.end, css="threshold"),
        text(f"{at:g}{SPACE}mm", x=x + 5, y=frame.y.end + 11, css="small halo"),
    ]


def threshold_words(threshold_mm: float | None) -> str:
    """What the dashed line is."""
    if threshold_mm is None:
        return ""
    return f" Dashed: the positivity threshold of {threshold_mm:g}{SPACE}mm."
