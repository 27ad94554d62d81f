"""A volume as radiologists look at it, whatever the order in which its axes are stored.

Slices from the head down, rows from the front to the back, columns from the patient's right to the
left: the patient's right is on the picture's left. Axes are exchanged and turned round, nothing is
resampled: an oblique stack keeps its own slices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tasks.geometry import Geometry

_HEAD_TO_FOOT_FRONT_TO_BACK_RIGHT_TO_LEFT = ((2, -1.0), (1, 1.0), (0, 1.0))
"""The coordinate of LPS space along which slices, rows and columns run, and its sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Orientation:
    """How a stored array becomes slices, rows and columns.

    Attributes:
        axes: the stored axis of slices, of rows, of columns.
        turned: for each, whether it is read from its end.
        size: number of slices, rows and columns.
        spacing_mm: between slices, between rows, between columns.
    """

    axes: tuple[int, int, int]
    turned: tuple[bool, bool, bool]
    size: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]

    @classmethod
    def of(cls, geometry: Geometry) -> Self:
        """Of a grid: each axis goes to the direction of the body that it is nearest to."""
        direction = geometry.direction_matrix
        slices = geometry.slice_axis
        one, other = (axis for axis in range(3) if axis != slices)
        straight = abs(direction[1, one]) + abs(direction[0, other])
        crossed = abs(direction[1, other]) + abs(direction[0, one])
        axes = (slices, one, other) if straight > crossed else (slices, other, one)
        wanted = zip(axes, _HEAD_TO_FOOT_FRONT_TO_BACK_RIGHT_TO_LEFT, strict=True)
        down, back, left = (bool(direction[lps, axis] * sign < 0) for axis, (lps, sign) in wanted)
        return cls(
            axes=axes,
            turned=(down, back, left),
            size=(geometry.size[axes[0]], geometry.size[axes[1]], geometry.size[axes[2]]),
            spacing_mm=(
                geometry.spacing_mm[axes[0]],
                geometry.spacing_mm[axes[1]],
                geometry.spacing_mm[axes[2]],
            ),
        )

    def stack(self, voxels: NDArray[Any]) -> NDArray[Any]:
        """A stored array (i, j, k) as (slice, row, column): a view, no copy."""
        steps = tuple(slice(None, None, -1 if turned else 1) for turned in self.turned)
        return np.transpose(voxels, self.axes)[steps]

    def place(self, voxel: NDArray[np.float64]) -> NDArray[np.float64]:
        """A place (i, j, k), voxel centres whole, as (slice, row, column)."""
        last = np.asarray(self.size) - 1
        moved = np.asarray(voxel, dtype=np.float64)[list(self.axes)]
        return np.where(self.turned, last - moved, moved)

    def stored_slice(self, position: int) -> int:
        """Index along the stored slice axis of the slice at a position from the head."""
        return self.size[0] - 1 - position if self.turned[0] else position
