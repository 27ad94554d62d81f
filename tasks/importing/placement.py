"""A mask's grid turned onto the image's: axes exchanged, reversed, never resampled. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schema.task import GridTolerance
from schema.terms import TaskId
from tasks.geometry import Difference, Geometry, Nine, Tolerance, differences
from tasks.specification import mask_rules

Array = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """How a stored array becomes one on another grid.

    Attributes:
        order: stored axis that becomes axis i, j, k.
        reversed_axes: whether each of these runs the other way.
    """

    order: tuple[int, int, int]
    reversed_axes: tuple[bool, bool, bool]

    @property
    def is_none(self) -> bool:
        """Whether the array stays as it is."""
        return self.order == (0, 1, 2) and not any(self.reversed_axes)

    def apply(self, stored: Array) -> Array:
        """The array in the new order: a view."""
        steps = tuple(slice(None, None, -1 if each else 1) for each in self.reversed_axes)
        turned: Array = stored.transpose(self.order)[steps]
        return turned

    def geometry(self, stored: Geometry) -> Geometry:
        """The grid of the turned array: the same voxels at the same places."""
        affine, size = stored.lps_affine, stored.size
        corner = [size[axis] - 1 if self.reversed_axes[n] else 0 for n, axis in _pairs(self.order)]
        first = [0.0, 0.0, 0.0, 1.0]
        for (_, axis), index in zip(_pairs(self.order), corner, strict=True):
            first[axis] = float(index)
        origin = affine @ first
        signs = np.where(self.reversed_axes, -1.0, 1.0)
        direction = stored.direction_matrix[:, self.order] * signs
        i, j, k = self.order
        return Geometry(
            size=(size[i], size[j], size[k]),
            spacing_mm=(stored.spacing_mm[i], stored.spacing_mm[j], stored.spacing_mm[k]),
            origin_mm=(float(origin[0]), float(origin[1]), float(origin[2])),
            direction=nine(direction),
        )


def _pairs(order: tuple[int, int, int]) -> list[tuple[int, int]]:
    return list(enumerate(order))


def nine(matrix: NDArray[np.float64]) -> Nine:
    """A (3, 3) matrix of directions as a geometry has it."""
    a, b, c, d, e, f, g, h, i = (float(value) for value in matrix.ravel())
    return a, b, c, d, e, f, g, h, i


class Placement(NamedTuple):
    """The turn that brings a mask nearest to an image, and in what the two still differ."""

    turn: Turn
    differences: tuple[Difference, ...]


def placed_on(image: Geometry, mask: Geometry) -> Placement:
    """How to lay a mask onto an image; without differences the two grids are one.

    Each axis of the image gets the axis of the mask that runs nearest to it, either way round. What
    differs then, beyond the tolerance of the task files, is no matter of order.
    """
    cosines = image.direction_matrix.T @ mask.direction_matrix
    order = tuple(int(axis) for axis in np.argmax(np.abs(cosines), axis=1))
    if sorted(order) != [0, 1, 2]:
        order = (0, 1, 2)  # oblique by 45 degrees: the directions differ anyway
    backwards = tuple(bool(cosines[row, axis] < 0) for row, axis in enumerate(order))
    turn = Turn(
        order=(order[0], order[1], order[2]),
        reversed_axes=(backwards[0], backwards[1], backwards[2]),
    )
    found = differences(image, turn.geometry(mask), tolerance=grid_tolerance())
    return Placement(turn, found)


def grid_tolerance() -> Tolerance:
    """How far two grids may differ and be one; the strictest of the mask tasks."""
    rules: list[GridTolerance] = [
        mask_rules(task).tolerance for task in (TaskId.COMPARTMENTS, TaskId.NODES)
    ]
    return Tolerance(
        min(each.spacing_mm for each in rules),
        min(each.origin_mm for each in rules),
        min(each.direction for each in rules),
    )
