"""One body stored in other orders of axes: plain matrix arithmetic, nothing of the baseline's."""

from __future__ import annotations

from itertools import permutations, product
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from tasks.geometry import Geometry

Scalar = TypeVar("Scalar", bound=np.generic)


class Turn(NamedTuple):
    """Which stored axis comes where, and which of them run the other way."""

    order: tuple[int, ...]
    reversed_axes: tuple[bool, ...]

    def turned(self, voxels: NDArray[Scalar]) -> NDArray[Scalar]:
        """An array in the new order."""
        for axis in np.flatnonzero(self.reversed_axes):
            voxels = np.flip(voxels, int(axis))
        return np.ascontiguousarray(np.transpose(voxels, self.order))

    def back(self, voxels: NDArray[Scalar]) -> NDArray[Scalar]:
        """An array in the old order."""
        voxels = np.transpose(voxels, np.argsort(self.order))
        for axis in np.flatnonzero(self.reversed_axes):
            voxels = np.flip(voxels, int(axis))
        return np.ascontiguousarray(voxels)

    def grid(self, geometry: Geometry) -> Geometry:
        """The grid in the new order: every voxel stays where it is in the patient."""
        to_old = np.zeros((4, 4))
        to_old[3, 3] = 1.0
        for new, old in enumerate(self.order):
            flipped = self.reversed_axes[old]
            to_old[old, new] = -1.0 if flipped else 1.0
            to_old[old, 3] = geometry.size[old] - 1 if flipped else 0.0
        i, j, k = (geometry.size[old] for old in self.order)
        return Geometry.from_affine(geometry.affine @ to_old, size=(i, j, k))


TURNS = tuple(
    Turn(order, flips)
    for order in permutations(range(3))
    for flips in product((False, True), repeat=3)
)
"""All 48."""


def oblique_grid(
    *,
    size: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    degrees: tuple[float, float, float],
    origin_mm: tuple[float, float, float] = (-31.7, 18.4, -102.3),
) -> Geometry:
    """An axial grid (axes to right, anterior, superior), turned about the three axes in order."""
    affine: NDArray[Any] = np.eye(4)
    for axis, angle in enumerate(np.deg2rad(degrees)):
        turn = np.eye(3)
        a, b = [each for each in range(3) if each != axis]
        turn[a, a] = turn[b, b] = np.cos(angle)
        turn[a, b], turn[b, a] = -np.sin(angle), np.sin(angle)
        affine[:3, :3] = turn @ affine[:3, :3]
    affine[:3, :3] *= spacing_mm
    affine[:3, 3] = origin_mm
    return Geometry.from_affine(affine, size=size)
