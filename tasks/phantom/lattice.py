"""A coarse lattice over the stack, and the way from its smooth fields to every voxel.

Anatomy is smooth, so its signed distance fields are computed on a lattice a few millimetres apart
and interpolated: the same contours at a fraction of the cost. Inside this package arrays are
indexed (slice, row, column) whatever the file's own order; `to_file_order` turns them back.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from tasks.geometry import Geometry

LATTICE_MM = 2.4
"""Wanted distance between lattice points in the slice plane; slices are never skipped."""

Scalar = TypeVar("Scalar", bound=np.generic)
Floats = NDArray[np.float32]
Corners = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Least and greatest physical coordinate of a box, each of shape (3,), in mm."""


class Window(NamedTuple):
    """A box of the stack: lattice points, and the voxels whose values they determine."""

    lattice: tuple[slice, slice, slice]
    voxels: tuple[slice, slice, slice]


class _Axis(NamedTuple):
    """Lattice points along one in-plane axis, symmetric about the middle of its voxels.

    Attributes:
        start: position of the first point, in voxels; it lies before the first voxel.
        stride: voxels from point to point.
        weights: (voxels, points), float32, every row of sum one.
    """

    start: float
    stride: int
    weights: Floats

    def positions(self) -> NDArray[np.float64]:
        """Where the points lie, in voxels."""
        points = np.arange(self.weights.shape[1], dtype=np.float64)
        return np.asarray(self.start + points * self.stride, dtype=np.float64)

    def points(self, voxels: slice) -> slice:
        """The points that determine some voxels: two on either side of each."""
        first = math.floor((voxels.start - self.start) / self.stride) - 1
        last = math.floor((voxels.stop - 1 - self.start) / self.stride) + 2
        return slice(first, min(last + 1, self.weights.shape[1]))


@dataclass(frozen=True, slots=True)
class Lattice:
    """The stack in slice-first order.

    Attributes:
        shape: voxels along (slice, row, column).
        affine: (3, 4) matrix from (slice, row, column, 1) to LPS mm.
        inverse: (3, 4) matrix from (x, y, z, 1) back to (slice, row, column).
        axes: the lattice along rows and columns; along slices every voxel is a point.
        order: the file axis that each of (slice, row, column) is.
    """

    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    inverse: NDArray[np.float64]
    axes: tuple[_Axis, _Axis]
    order: tuple[int, int, int]

    @property
    def step_mm(self) -> NDArray[np.float64]:
        """Voxel spacing along (slice, row, column), shape (3,)."""
        return np.asarray(np.linalg.norm(self.affine[:, :3], axis=0))

    @property
    def points(self) -> tuple[int, int, int]:
        """Lattice points along (slice, row, column)."""
        return self.shape[0], self.axes[0].weights.shape[1], self.axes[1].weights.shape[1]

    def coordinates(self) -> tuple[Floats, Floats, Floats]:
        """LPS x, y and z of every lattice point, each of shape `points`, in mm."""
        slices = np.arange(self.shape[0], dtype=np.float64)[:, None, None]
        rows = self.axes[0].positions()[None, :, None]
        columns = self.axes[1].positions()[None, None, :]
        x, y, z = (
            (a * slices + b * rows + c * columns + d).astype(np.float32)
            for a, b, c, d in self.affine
        )
        return x, y, z

    def to_physical(self, index: NDArray[np.float64]) -> NDArray[np.float64]:
        """LPS mm, shape (..., 3), of (slice, row, column) positions, shape (..., 3)."""
        return np.asarray(index @ self.affine[:, :3].T + self.affine[:, 3])

    def to_index(self, point_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """(slice, row, column) positions, not rounded, of LPS points, both of shape (..., 3)."""
        return np.asarray(point_mm @ self.inverse[:, :3].T + self.inverse[:, 3])

    def whole(self) -> Window:
        """The window that is the whole stack."""
        return self._window(np.zeros(3, dtype=int), np.asarray(self.shape))

    def window(self, corners_mm: Corners) -> Window | None:
        """The smallest window that holds a physical box; None when the stack misses the box."""
        index = self.to_index(np.array(list(itertools.product(*zip(*corners_mm, strict=True)))))
        low = np.maximum(np.floor(index.min(axis=0)).astype(int), 0)
        high = np.minimum(np.ceil(index.max(axis=0)).astype(int) + 1, self.shape)
        return None if (low >= high).any() else self._window(low, high)

    def _window(self, low: NDArray[np.int_], high: NDArray[np.int_]) -> Window:
        slices, rows, columns = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        lattice = (slices, self.axes[0].points(rows), self.axes[1].points(columns))
        return Window(lattice, (slices, rows, columns))

    def refine(self, field: Floats, window: Window) -> Floats:
        """Interpolate a window's lattice values, shape of `window.lattice`, to its voxels."""
        rows = self.axes[0].weights[window.voxels[1], window.lattice[1]]
        columns = self.axes[1].weights[window.voxels[2], window.lattice[2]]
        return np.asarray(rows @ (field @ columns.T), dtype=np.float32)

    def to_file_order(self, volume: NDArray[Scalar]) -> NDArray[Scalar]:
        """A (slice, row, column) volume in the file's own axis order, contiguous."""
        return np.ascontiguousarray(np.transpose(volume, np.argsort(self.order)))


def lattice_over(geometry: Geometry) -> Lattice:
    """The lattice of a stack."""
    first = geometry.slice_axis
    rows, columns = (axis for axis in range(3) if axis != first)
    order = (first, rows, columns)
    affine = geometry.lps_affine[:3, [*order, 3]]
    shape = (geometry.size[first], geometry.size[rows], geometry.size[columns])
    return Lattice(
        shape=shape,
        affine=affine,
        inverse=np.linalg.inv(np.vstack([affine, [0.0, 0.0, 0.0, 1.0]]))[:3],
        axes=(
            _axis(shape[1], spacing_mm=geometry.spacing_mm[rows]),
            _axis(shape[2], spacing_mm=geometry.spacing_mm[columns]),
        ),
        order=order,
    )


def _axis(voxels: int, *, spacing_mm: float) -> _Axis:
    """The lattice along an axis, with a point beyond either end for the interpolation."""
    stride = max(1, round(LATTICE_MM / spacing_mm))
    points = math.ceil((voxels - 1) / stride) + 3
    # symmetric, so that an axis stored the other way round has the same points
    start = (voxels - 1 - (points - 1) * stride) / 2
    return _Axis(start, stride, _weights((np.arange(voxels) - start) / stride, points=points))


def _weights(positions: NDArray[np.float64], *, points: int) -> Floats:
    """Catmull-Rom weights, (positions, points), of positions counted in lattice points."""
    base = np.floor(positions).astype(int)
    t = positions - base
    taps = np.stack(
        [
            (-(t**3) + 2 * t**2 - t) / 2,
            (3 * t**3 - 5 * t**2 + 2) / 2,
            (-3 * t**3 + 4 * t**2 + t) / 2,
            (t**3 - t**2) / 2,
        ],
        axis=1,
    )
    # a position on a point gives the last tap no weight, so one column to spare is enough
    matrix = np.zeros((len(positions), points + 1))
    np.put_along_axis(matrix, base[:, None] + np.arange(-1, 3), taps, axis=1)
    return matrix[:, :points].astype(np.float32)
