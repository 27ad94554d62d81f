"""The slices of a stack in order along their normal, and the grid that they make."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.dicom.frames import Frame
from tasks.dicom.series import SAME_PLACE_MM, Stack
from tasks.geometry import Geometry, Nine

SQUARE_TOLERANCE = 1e-3
"""How far the two axes of a slice may be from unit length and from a right angle."""
EVEN_TOLERANCE = 0.01
"""How far a gap between slices may differ from the usual one, as a share of it."""
SHEAR_TOLERANCE_MM = 0.1
"""How far a slice may lie beside the line along the normal."""


class Placed(NamedTuple):
    """One place along the normal and the frames that lie there, usually one."""

    offset_mm: float
    frames: tuple[Frame, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangement:
    """A stack put in order.

    Attributes:
        places: ascending along the normal, which is row x column: a right-handed grid.
        axes: orthonormal LPS unit vectors of i, j and k as columns, shape (3, 3).
        squareness: how far the stated axes of a slice are from orthonormal.
        beside_mm: how far each place lies beside the line along the normal, shape (places,).
        spacing_mm: between columns (i) and between rows (j).
    """

    places: tuple[Placed, ...]
    axes: NDArray[np.float64]
    squareness: float
    beside_mm: NDArray[np.float64]
    spacing_mm: tuple[float, float]

    @property
    def gaps_mm(self) -> NDArray[np.float64]:
        """From each place to the next, shape (places - 1,)."""
        return np.diff([place.offset_mm for place in self.places])

    @property
    def usual_gap_mm(self) -> float:
        """The median gap; 0 for a single place."""
        return float(np.median(self.gaps_mm)) if len(self.places) > 1 else 0.0

    @property
    def frames(self) -> tuple[Frame, ...]:
        """One frame for each place: the first of those that lie there."""
        return tuple(place.frames[0] for place in self.places)

    def geometry(self) -> Geometry:
        """The grid, indexed (i, j, k): columns, rows, slices. The gaps must be even."""
        pixels, first = self.frames[0].instance.pixels, self.frames[0].position_mm
        assert first is not None
        between_columns, between_rows = self.spacing_mm
        return Geometry(
            size=(pixels.columns, pixels.rows, len(self.places)),
            spacing_mm=(between_columns, between_rows, float(np.mean(self.gaps_mm))),
            origin_mm=first,
            direction=_nine(self.axes),
        )


def arrange(stack: Stack) -> Arrangement | None:
    """Put the frames of a stack in order; None when one lacks its place, axes or pixel spacing."""
    placed = [
        (frame, frame.position_mm, frame.orientation, frame.spacing_mm) for frame in stack.frames
    ]
    axes = None if stack.first.orientation is None else _axes(stack)
    if axes is None or any(None in each for each in placed):
        return None
    spacing = stack.first.spacing_mm
    assert spacing is not None
    positions = np.asarray([position for _, position, _, _ in placed], dtype=np.float64)
    offsets = positions @ axes[:, 2]
    order = np.lexsort((np.arange(len(offsets)), offsets))
    places = _places(stack.frames, positions=positions, offsets=offsets, order=order)
    firsts = np.asarray([place.frames[0].position_mm for place in places])
    return Arrangement(
        places=places,
        axes=axes,
        squareness=_squareness(stack),
        beside_mm=_beside_mm(firsts, normal=axes[:, 2]),
        spacing_mm=(spacing[1], spacing[0]),
    )


def _places(
    frames: tuple[Frame, ...],
    *,
    positions: NDArray[np.float64],
    offsets: NDArray[np.float64],
    order: NDArray[np.intp],
) -> tuple[Placed, ...]:
    """Frames that lie at one place together; within it in the order of their files."""
    groups: list[list[int]] = []
    for index in order.tolist():
        apart = np.linalg.norm(positions[index] - positions[groups[-1][0]]) if groups else np.inf
        if apart <= SAME_PLACE_MM:
            groups[-1].append(index)
        else:
            groups.append([index])
    return tuple(
        Placed(float(offsets[group[0]]), tuple(frames[each] for each in sorted(group)))
        for group in groups
    )


def _stated(stack: Stack) -> NDArray[np.float64]:
    """The row and column vectors of the first slice and their product, as columns."""
    along_row, along_column = np.asarray(stack.first.orientation, dtype=np.float64).reshape(2, 3)
    return np.column_stack((along_row, along_column, np.cross(along_row, along_column)))


def _axes(stack: Stack) -> NDArray[np.float64] | None:
    """The nearest orthonormal axes: cosines are written with few digits."""
    stated = _stated(stack)
    if not np.linalg.norm(stated[:, 2]) > 0:
        return None
    left, _, right = np.linalg.svd(stated)
    axes: NDArray[np.float64] = left @ right
    return axes


def _squareness(stack: Stack) -> float:
    stated = _stated(stack)[:, :2]
    return float(np.abs(stated.T @ stated - np.eye(2)).max())


def _beside_mm(
    positions: NDArray[np.float64], *, normal: NDArray[np.float64]
) -> NDArray[np.float64]:
    steps = positions - positions[0]
    beside: NDArray[np.float64] = np.linalg.norm(steps - np.outer(steps @ normal, normal), axis=1)
    return beside


def _nine(matrix: NDArray[np.float64]) -> Nine:
    a, b, c, d, e, f, g, h, i = (float(value) for value in matrix.ravel())
    return a, b, c, d, e, f, g, h, i
