"""Distances between two surfaces, weighted by area: Hausdorff, average, and surface Dice.

The surface runs between voxel centres, one element in each cell of eight neighbours
(`evaluation.surface_elements`). The distance of an element is that from its cell to the nearest
cell which holds an element of the other surface, in patient millimetres. One kernel computes both
directions; every figure is a cheap reduction of it. Definition: Nikolov et al., J Med Internet Res
2021 (surface Dice); Maier-Hein et al., Metrics Reloaded, Nat Methods 2024.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from evaluation.surface_elements import element_areas_mm2

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Surface:
    """The elements of one surface.

    Attributes:
        distances_mm: to the other surface, ascending, shape (elements,).
        areas_mm2: in the same order.
    """

    distances_mm: Floats
    areas_mm2: Floats

    def percentile_mm(self, percent: float) -> float:
        """Least distance within which at least `percent` of the area lies."""
        share = np.cumsum(self.areas_mm2) / self.areas_mm2.sum()
        at = np.searchsorted(share, percent / 100.0)
        return float(self.distances_mm[min(int(at), self.distances_mm.size - 1)])


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
        ValueError: the shapes differ.
    """
    if reference.shape != prediction.shape:
        raise ValueError(f"shapes differ: {reference.shape} and {prediction.shape}")
    if not reference.any() or not prediction.any():
        return None
    box = _bounding_box(reference | prediction)
    areas = element_areas_mm2(spacing_mm)
    own, other = (areas[_codes(mask[box])] for mask in (reference, prediction))
    return SurfacePair(
        reference=_surface(own, other, spacing_mm=spacing_mm),
        prediction=_surface(other, own, spacing_mm=spacing_mm),
    )


def _bounding_box(mask: NDArray[np.bool_]) -> tuple[slice, ...]:
    """The smallest box that holds a mask that is not empty."""
    axes = range(mask.ndim)
    box = []
    for axis in axes:
        used = np.flatnonzero(mask.any(axis=tuple(other for other in axes if other != axis)))
        box.append(slice(int(used[0]), int(used[-1]) + 1))
    return tuple(box)


def _codes(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Code of every cell, one more along each axis than the mask: outside it is background."""
    padded = np.pad(mask, 1).astype(np.uint8)
    i, j, k = (size - 1 for size in padded.shape)
    codes = np.zeros((i, j, k), dtype=np.uint8)
    for bit, (a, b, c) in enumerate(product((0, 1), repeat=3)):
        codes |= padded[a : a + i, b : b + j, c : c + k] << np.uint8(bit)
    return codes


def _surface(own: Floats, other: Floats, *, spacing_mm: Sequence[float]) -> Surface:
    """Elements of the first of two area maps with their distances to the second."""
    to_other = distance_transform_edt(other == 0, sampling=spacing_mm)
    elements = own > 0
    distances, areas = to_other[elements], own[elements]
    order = np.argsort(distances, kind="stable")
    return Surface(distances_mm=distances[order], areas_mm2=areas[order])


def hausdorff_mm(pair: SurfacePair, *, percent: float) -> float:
    """Larger of the two directions' percentiles: HD for 100, HD95 for 95; lower is better."""
    return max(pair.reference.percentile_mm(percent), pair.prediction.percentile_mm(percent))


def average_distance_mm(pair: SurfacePair) -> float:
    """ASSD: distances of both surfaces, averaged over their area together; lower is better."""
    moments = (each.distances_mm @ each.areas_mm2 for each in (pair.reference, pair.prediction))
    return float(sum(moments) / _area_mm2(pair))


def surface_dice(pair: SurfacePair, *, tolerance_mm: float) -> float:
    """NSD: share of the area of both surfaces within the tolerance of the other, 0 to 1."""
    within = (
        each.areas_mm2[each.distances_mm <= tolerance_mm].sum()
        for each in (pair.reference, pair.prediction)
    )
    return float(sum(within) / _area_mm2(pair))


def _area_mm2(pair: SurfacePair) -> float:
    return float(pair.reference.areas_mm2.sum() + pair.prediction.areas_mm2.sum())
