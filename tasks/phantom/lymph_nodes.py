"""Which lateral lymph nodes a patient has: class, size, shape and features, not yet the place.

A node is an ellipsoid with one axis along the slice normal. An irregular one has the outline
rho(theta) = 1 + sum of a few harmonics in place of the unit circle, scaled so that its short axis
(the caliper width perpendicular to the longest in-plane diameter) is the planned one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schema.terms import NodeClass, Region, Side

SMALLEST_MM = 3.0
LARGEST_MM = 15.0
BAND_MM = 1.0
"""No planned short axis lies nearer to the threshold than this, on either side."""
SUSPECT_MM = 4.5
"""Smallest node whose border and signal can be judged."""
ASPECT = (1.0, 1.8)
ROUGHNESS = (0.15, 0.25)
"""Greatest departure of an irregular outline from its ellipse, as a fraction of the radius."""
HARMONICS = (3, 4, 5, 6)
OUTLINE_POINTS = 120
NEARLY = 0.94
STEADY = 0.08
"""The widths across all diameters of at least `NEARLY` of the longest agree to this share, so that
a measurement on voxels, which may pick another of them, finds the same short axis."""
REDRAWS = 40

POSITIVE_COUNT = (2, 12)
NEGATIVE_COUNT = (1, 8)
BARE_SHARE = 0.2
"""Share of negative patients without any node."""
LARGE_SHARE = 2 / 3
"""Share of positive nodes that are positive by size."""
REGION_SHARES = {Region.EI: 0.25, Region.OB: 0.42, Region.II: 0.33}


class Outline(NamedTuple):
    """The in-plane shape of a node: an ellipse, perhaps made irregular.

    Attributes:
        long_mm: semi-axis of the ellipse along its long axis.
        short_mm: semi-axis across it.
        weights: amplitude of each harmonic; all zero when smooth.
        phases: phase of each harmonic, rad.
    """

    long_mm: float
    short_mm: float
    weights: tuple[float, ...]
    phases: tuple[float, ...]

    def radius(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """The factor on the ellipse's radius at each angle in the ellipse's own coordinates."""
        rho = np.ones_like(theta)
        for order, weight, phase in zip(HARMONICS, self.weights, self.phases, strict=True):
            rho += weight * np.cos(order * theta + phase)
        return rho

    def points(self, count: int) -> NDArray[np.float64]:
        """Points of the outline about its centre, shape (count, 2), mm along long and short."""
        theta = np.linspace(0.0, 2.0 * np.pi, count, endpoint=False)
        ellipse = np.stack([self.long_mm * np.cos(theta), self.short_mm * np.sin(theta)], axis=1)
        return np.asarray(ellipse * self.radius(theta)[:, None])


class NodePlan(NamedTuple):
    """A node to plant.

    Attributes:
        region: compartment it should lie in.
        side: the patient's side.
        node_class: by the rule, from its size and features.
        short_axis_mm: whole short axis in the slice plane.
        outline: its shape in the slice plane.
        half_height_ratio: semi-axis along the slice normal over half the short axis.
        irregular: whether its border is irregular.
        heterogeneous: whether its signal is.
    """

    region: Region
    side: Side
    node_class: NodeClass
    short_axis_mm: float
    outline: Outline
    half_height_ratio: float
    irregular: bool
    heterogeneous: bool


class PlantedNode(NamedTuple):
    """A node as drawn: the truth that a measurement should find.

    Attributes:
        centre_mm: LPS; it lies on the plane of a slice.
        semi_axes_mm: of its ellipsoid: in-plane long, in-plane short, along the slice normal.
        short_axis_mm: analytic caliper width perpendicular to the longest in-plane diameter.
        region: compartment that holds it.
        side: the patient's side.
        node_class: see `classify`.
        irregular: whether its border is irregular.
        heterogeneous: whether its signal is.
    """

    centre_mm: tuple[float, float, float]
    semi_axes_mm: tuple[float, float, float]
    short_axis_mm: float
    region: Region
    side: Side
    node_class: NodeClass
    irregular: bool
    heterogeneous: bool


def classify(
    short_axis_mm: float, *, threshold_mm: float, irregular: bool, heterogeneous: bool
) -> NodeClass:
    """Positive at or above the threshold, or below it with both malignant features."""
    suspicious = short_axis_mm >= threshold_mm or (irregular and heterogeneous)
    return NodeClass.POSITIVE if suspicious else NodeClass.NEGATIVE


def plan_nodes(
    *, positive: bool, threshold_mm: float, rng: np.random.Generator
) -> tuple[NodePlan, ...]:
    """The nodes of one patient, positive ones first and each class from large to small.

    Args:
        positive: whether at least one node is positive.
        threshold_mm: short axis from which a node is positive.
        rng: source of chance.

    Raises:
        ValueError: the threshold leaves no room for nodes on both sides of it.
    """
    if not SUSPECT_MM + BAND_MM < threshold_mm < LARGEST_MM - BAND_MM:
        raise ValueError(f"threshold_mm must lie between 5.5 and 14, got {threshold_mm:g}")
    total = _draw_count(positive=positive, rng=rng)
    malignant = min(total, int(rng.geometric(0.55))) if positive else 0
    plans = [_draw_positive(threshold_mm=threshold_mm, rng=rng) for _ in range(malignant)]
    plans += [_draw_negative(threshold_mm=threshold_mm, rng=rng) for _ in range(total - malignant)]
    return tuple(
        sorted(plans, key=lambda p: (p.node_class is NodeClass.NEGATIVE, -p.short_axis_mm))
    )


def _draw_count(*, positive: bool, rng: np.random.Generator) -> int:
    if not positive and rng.random() < BARE_SHARE:
        return 0
    low, high = POSITIVE_COUNT if positive else NEGATIVE_COUNT
    # few nodes are commoner than many
    return low + int((high - low + 1) * rng.beta(1.2, 2.4))


def _draw_positive(*, threshold_mm: float, rng: np.random.Generator) -> NodePlan:
    if rng.random() < LARGE_SHARE:
        least = threshold_mm + BAND_MM
        short = least + (LARGEST_MM - least) * rng.beta(1.0, 2.2)
        irregular, heterogeneous = rng.random(2) < 0.5
    else:
        short = rng.uniform(SUSPECT_MM, threshold_mm - BAND_MM)
        irregular = heterogeneous = True
    return _draw_plan(
        NodeClass.POSITIVE,
        short_axis_mm=short,
        irregular=bool(irregular),
        heterogeneous=bool(heterogeneous),
        rng=rng,
    )


def _draw_negative(*, threshold_mm: float, rng: np.random.Generator) -> NodePlan:
    short = rng.uniform(SMALLEST_MM, threshold_mm - BAND_MM)
    feature = rng.random() if short >= SUSPECT_MM else 1.0
    return _draw_plan(
        NodeClass.NEGATIVE,
        short_axis_mm=short,
        irregular=feature < 0.15,
        heterogeneous=0.15 <= feature < 0.3,
        rng=rng,
    )


def _draw_plan(
    node_class: NodeClass,
    *,
    short_axis_mm: float,
    irregular: bool,
    heterogeneous: bool,
    rng: np.random.Generator,
) -> NodePlan:
    regions = list(REGION_SHARES)
    return NodePlan(
        region=regions[int(rng.choice(len(regions), p=list(REGION_SHARES.values())))],
        side=list(Side)[int(rng.integers(2))],
        node_class=node_class,
        short_axis_mm=float(short_axis_mm),
        outline=draw_outline(float(short_axis_mm), irregular=irregular, rng=rng),
        half_height_ratio=float(rng.uniform(1.0, 1.4)),
        irregular=irregular,
        heterogeneous=heterogeneous,
    )


def draw_outline(short_axis_mm: float, *, irregular: bool, rng: np.random.Generator) -> Outline:
    """An outline of that short axis, of random aspect, irregular or not."""
    aspect = ASPECT[0] + (ASPECT[1] - ASPECT[0]) * rng.beta(1.5, 2.0)
    smooth = (0.0,) * len(HARMONICS)
    outline = Outline(float(aspect), 1.0, smooth, smooth)
    if irregular:
        outline = _roughened(outline, rng=rng)
    return scaled_to(outline, short_axis_mm)


def _roughened(smooth: Outline, *, rng: np.random.Generator) -> Outline:
    """An irregular outline with one clear longest diameter, or the last one tried."""
    outline = smooth
    for _ in range(REDRAWS):
        weights = rng.dirichlet(np.ones(len(HARMONICS))) * rng.uniform(*ROUGHNESS)
        phases = rng.uniform(0.0, 2.0 * np.pi, size=len(HARMONICS))
        outline = smooth._replace(weights=tuple(weights), phases=tuple(phases))
        widths = _widths(outline, share=NEARLY)
        if widths.max() <= (1.0 + STEADY) * widths.min():
            break
    return outline


def scaled_to(outline: Outline, short_axis_mm: float) -> Outline:
    """The outline made larger or smaller so that its short axis is the one wanted."""
    factor = short_axis_mm / short_axis_of(outline)
    return outline._replace(long_mm=outline.long_mm * factor, short_mm=outline.short_mm * factor)


def short_axis_of(outline: Outline) -> float:
    """Caliper width perpendicular to the longest diameter, mm, to within 0.1 %."""
    if not any(outline.weights):
        return 2.0 * outline.short_mm
    return float(_widths(outline, share=1.0).min())


def _widths(outline: Outline, *, share: float) -> NDArray[np.float64]:
    """Caliper widths across every diameter of at least that share of the longest, mm."""
    points = outline.points(OUTLINE_POINTS)
    offsets = (points[:, None] - points[None]).reshape(-1, 2)
    lengths = np.hypot(offsets[:, 0], offsets[:, 1])
    normals = offsets[lengths >= share * lengths.max()][:, ::-1] * (-1.0, 1.0)
    normals /= np.hypot(normals[:, :1], normals[:, 1:])
    return np.asarray(np.ptp(points @ normals.T, axis=0))
