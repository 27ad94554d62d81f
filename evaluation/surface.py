"""Distances between two surfaces, weighted by area: Hausdorff, average, and surface Dice.

The surface runs between voxel centres, one element in each cell of eight neighbours
(`evaluation.surface_elements`). The distance of an element is that from its cell to the nearest
cell which holds an element of the other surface, in patient millimetres. One kernel computes both
directions; every figure is a cheap reduction of it. Definition: Nikolov et al., J Med Internet Res
2021 (surface Dice); Maier-Hein et al., Metrics Reloaded, Nat Methods 2024.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.nearest_elements import nearest_elements
from evaluation.overlap import LabelPairs, label_pairs, overlap
from evaluation.surface_elements import cell_codes, element_areas_mm2

Floats = NDArray[np.float64]


SHARE_SLACK = 1e-9
"""Share of an area that rounding may take from a sum without a percentile moving on."""
TOLERANCE_SLACK_MM = 1e-4
"""A header keeps spacing in single precision: five steps of 0.4 mm are 2.0000000298 mm there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """The elements of one surface.

    Attributes:
        distances_mm: to the other surface, shape (elements,).
        areas_mm2: in the same order.
    """

    distances_mm: Floats
    areas_mm2: Floats

    def percentile_mm(self, percent: float) -> float:
        """Least distance within which at least `percent` of the area lies."""
        if percent >= 100:
            return float(self.distances_mm.max())
        order = np.argsort(self.distances_mm)
        area = np.cumsum(self.areas_mm2[order])
        wanted = percent / 100.0 * area[-1] * (1 - SHARE_SLACK)
        return float(self.distances_mm[order[np.searchsorted(area, wanted)]])


@dataclass(frozen=True, slots=True, kw_only=True)
class SurfacePair:
    """The reference's surface and the prediction's, each with its distances to the other."""

    reference: Surface
    prediction: Surface


def surface_pair(
    reference: NDArray[Any], prediction: NDArray[Any], *, spacing_mm: Sequence[float]
) -> SurfacePair | None:
    """Measure two masks against each other; None when either is empty.

    Args:
        reference: inside or not, shape (i, j, k), bool.
        prediction: the same, on the same grid.
        spacing_mm: distance between voxel centres along (i, j, k).

    Raises:
        ValueError: the shapes differ or have not three axes, or the spacing is no spacing.
    """
    pairs = label_pairs(reference, prediction, values=(1,))
    return label_surfaces(reference, prediction, pairs=pairs, value=1, spacing_mm=spacing_mm)


def label_surfaces(
    reference: NDArray[Any],
    prediction: NDArray[Any],
    *,
    pairs: LabelPairs,
    value: int,
    spacing_mm: Sequence[float],
) -> SurfacePair | None:
    """Measure one label of two masks; None when either side has none. Only its box is looked at.

    Args:
        reference: labels, shape (i, j, k), integers.
        prediction: the same, on the same grid.
        pairs: of the two masks.
        value: the label.
        spacing_mm: distance between voxel centres along (i, j, k).

    Raises:
        ValueError: the masks have not three axes, or the spacing is no spacing.
    """
    _refuse_unless_spatial(reference, spacing_mm=spacing_mm)
    counts, box = overlap(pairs, value=value), pairs.box(value)
    if not counts.reference or not counts.prediction:
        return None
    areas = element_areas_mm2(spacing_mm)
    own, other = (_codes(mask[box] == value) for mask in (reference, prediction))
    return SurfacePair(
        reference=_surface(own, other, areas=areas, spacing_mm=spacing_mm),
        prediction=_surface(other, own, areas=areas, spacing_mm=spacing_mm),
    )


def _refuse_unless_spatial(mask: NDArray[Any], *, spacing_mm: Sequence[float]) -> None:
    if mask.ndim != 3 or len(spacing_mm) != 3:
        raise ValueError(f"three axes are needed: shape {mask.shape}, spacing {tuple(spacing_mm)}")
    if not all(0 < step < math.inf for step in spacing_mm):
        raise ValueError(f"spacing is finite and above 0, not {tuple(spacing_mm)}")


def _codes(inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Codes of the cells, axes (k, j, i): masks are stored with i fastest."""
    return cell_codes(inside.T)


def _surface(
    own: NDArray[np.uint8],
    other: NDArray[np.uint8],
    *,
    areas: Floats,
    spacing_mm: Sequence[float],
) -> Surface:
    """Elements of the first surface with their distances to the second."""
    i, j, k = (float(step) for step in spacing_mm)
    elements = nearest_elements(own, other, spacing_mm=(k, j, i))
    return Surface(distances_mm=elements.distances_mm, areas_mm2=areas[elements.codes])


def hausdorff_mm(pair: SurfacePair, *, percent: float) -> float:
    """Larger of the two directions' percentiles: HD for 100, HD95 for 95; lower is better."""
    return max(pair.reference.percentile_mm(percent), pair.prediction.percentile_mm(percent))


def average_distance_mm(pair: SurfacePair) -> float:
    """ASSD: distances of both surfaces, averaged over their area together; lower is better."""
    # no dot product: how BLAS adds depends on the number of its threads
    moments = (
        (each.distances_mm * each.areas_mm2).sum() for each in (pair.reference, pair.prediction)
    )
    return float(sum(moments) / _area_mm2(pair))


def surface_dice(pair: SurfacePair, *, tolerance_mm: float) -> float:
    """NSD: share of the area of both surfaces within the tolerance of the other, 0 to 1."""
    within = (
        each.areas_mm2[each.distances_mm <= tolerance_mm + TOLERANCE_SLACK_MM].sum()
        for each in (pair.reference, pair.prediction)
    )
    return float(sum(within) / _area_mm2(pair))


def _area_mm2(pair: SurfacePair) -> float:
    return float(pair.reference.areas_mm2.sum() + pair.prediction.areas_mm2.sum())
