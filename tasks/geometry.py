"""Where a voxel grid lies in the patient. Pure arithmetic, no files.

Physical space is LPS (x to the patient's Left, y Posterior, z Superior) in millimetres. Arrays are
indexed (i, j, k) as in NIfTI; column 0 of the direction matrix is the unit vector of axis i.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""NIfTI affines are RAS; this product, either way round, gives LPS."""

SMALLEST_VOLUME = 0.1
"""Of the box that the three unit axes span: 1 for right angles, 0 for axes in one plane."""

Triple = tuple[float, float, float]
Nine = tuple[float, float, float, float, float, float, float, float, float]


class Tolerance(NamedTuple):
    """How far any component of two grids may differ for them to be one grid."""

    spacing_mm: float
    origin_mm: float
    direction: float


class Difference(NamedTuple):
    """One property in which two grids differ, both values in words."""

    name: str
    reference: str
    prediction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Geometry:
    """A voxel grid in patient space.

    Attributes:
        size: voxels along (i, j, k).
        spacing_mm: distance between voxel centres along (i, j, k).
        origin_mm: LPS position of the centre of voxel (0, 0, 0).
        direction: 3x3 matrix, row-major; columns are the LPS unit vectors of the axes i, j, k.
    """

    size: tuple[int, int, int]
    spacing_mm: Triple
    origin_mm: Triple
    direction: Nine

    @classmethod
    def from_affine(cls, affine: NDArray[np.float64], *, size: tuple[int, int, int]) -> Self:
        """Read a NIfTI (RAS) affine, shape (4, 4).

        Raises:
            ValueError: the affine is not finite, or its axes do not span space.
        """
        if not np.isfinite(affine).all():
            raise ValueError("affine has a non-finite number")
        lps = RAS_TO_LPS @ np.asarray(affine, dtype=np.float64)
        spacing = np.linalg.norm(lps[:3, :3], axis=0)
        if (spacing <= 0).any():
            raise ValueError("affine has an axis of zero length")
        cosines = lps[:3, :3] / spacing
        if abs(np.linalg.det(cosines)) < SMALLEST_VOLUME:
            raise ValueError("the axes of the affine do not span space")
        direction = cosines.ravel().tolist()
        return cls(
            size=size,
            spacing_mm=_triple(spacing),
            origin_mm=_triple(lps[:3, 3]),
            direction=tuple(direction),
        )

    @property
    def direction_matrix(self) -> NDArray[np.float64]:
        """The direction cosines, shape (3, 3)."""
        return np.asarray(self.direction, dtype=np.float64).reshape(3, 3)

    @property
    def lps_affine(self) -> NDArray[np.float64]:
        """The (4, 4) matrix that takes (i, j, k, 1) to LPS millimetres."""
        affine = np.eye(4)
        affine[:3, :3] = self.direction_matrix * np.asarray(self.spacing_mm)
        affine[:3, 3] = self.origin_mm
        return affine

    @property
    def affine(self) -> NDArray[np.float64]:
        """The (4, 4) NIfTI (RAS) affine."""
        return RAS_TO_LPS @ self.lps_affine

    @property
    def slice_axis(self) -> int:
        """The array axis that steps from axial slice to axial slice.

        It is the axis whose direction is nearest to superior-inferior, so that an oblique axial
        stack keeps its own slices and a stack stored in another axis order is still read right.
        """
        return int(np.argmax(np.abs(self.direction_matrix[2])))

    @property
    def voxel_ml(self) -> float:
        """Volume of one voxel in millilitres."""
        return math.prod(self.spacing_mm) / 1000.0

    @property
    def voxels(self) -> int:
        """Number of voxels."""
        return math.prod(self.size)


def _triple(values: NDArray[np.float64]) -> Triple:
    x, y, z = (float(value) for value in values)
    return x, y, z


def differences(
    reference: Geometry, prediction: Geometry, *, tolerance: Tolerance
) -> tuple[Difference, ...]:
    """Every property in which a prediction's grid departs from the reference's."""
    pairs = (
        ("shape", reference.size, prediction.size, 0.0),
        ("spacing", reference.spacing_mm, prediction.spacing_mm, tolerance.spacing_mm),
        ("origin", reference.origin_mm, prediction.origin_mm, tolerance.origin_mm),
        ("direction", reference.direction, prediction.direction, tolerance.direction),
    )
    return tuple(
        Difference(name, _words(expected), _words(got))
        for name, expected, got, limit in pairs
        if not _close(expected, got, limit=limit)
    )


def _close(
    expected: tuple[float, ...] | tuple[int, ...],
    got: tuple[float, ...] | tuple[int, ...],
    *,
    limit: float,
) -> bool:
    return all(abs(a - b) <= limit for a, b in zip(expected, got, strict=True))


def _words(values: tuple[float, ...] | tuple[int, ...]) -> str:
    return "(" + ", ".join(f"{value:.6g}" for value in values) + ")"
