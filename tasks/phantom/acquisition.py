"""How each centre acquires its axial T2 stack: the grid, and how it is tilted in each patient."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.geometry import Geometry, Nine, Triple

TILT_DEG = (5.0, 15.0)
"""Range of the tilt about the left-right axis, anterior edge up: perpendicular to the rectum."""
WOBBLE_DEG = 2.0
"""Standard deviation of the turn about each of the two other axes."""
WOBBLE_LIMIT_DEG = 5.0
JITTER_MM = 4.0
"""How far off the pelvis' centre the stack's centre may lie, along each axis."""


class Centre(StrEnum):
    """A hospital of the made-up cohort."""

    A = "A"
    B = "B"


class Protocol(NamedTuple):
    """What one centre's scanner is set to.

    Attributes:
        size: voxels along (i, j, k).
        spacing_mm: distance between voxel centres along (i, j, k).
    """

    size: tuple[int, int, int]
    spacing_mm: Triple


PROTOCOLS = {
    Centre.A: Protocol(size=(320, 320, 28), spacing_mm=(0.6, 0.6, 3.0)),
    Centre.B: Protocol(size=(256, 256, 32), spacing_mm=(0.8, 0.8, 3.6)),
}
"""A high-resolution stack of the pelvic cavity, and a somewhat coarser and longer one."""


def draw_geometry(protocol: Protocol, *, rng: np.random.Generator) -> Geometry:
    """One patient's grid: a slightly oblique axial stack about the pelvis' centre.

    The pelvis' centre is LPS (0, 0, 0). Axis i runs to the patient's left, j to posterior and k to
    superior, each but for the tilt. The direction cosines are orthonormal to float64 rounding.
    """
    direction = _draw_direction(rng)
    middle = (np.asarray(protocol.size, dtype=np.float64) - 1.0) / 2.0
    jitter = rng.uniform(-JITTER_MM, JITTER_MM, size=3)
    origin = jitter - direction @ (middle * np.asarray(protocol.spacing_mm))
    return Geometry(
        size=protocol.size,
        spacing_mm=protocol.spacing_mm,
        origin_mm=_triple(origin),
        direction=_nine(direction),
    )


def _draw_direction(rng: np.random.Generator) -> NDArray[np.float64]:
    tilt = -np.deg2rad(rng.uniform(*TILT_DEG))
    wobble = np.clip(rng.normal(0.0, WOBBLE_DEG, size=2), -WOBBLE_LIMIT_DEG, WOBBLE_LIMIT_DEG)
    yaw, roll = np.deg2rad(wobble)
    return _rotation(2, yaw) @ _rotation(1, roll) @ _rotation(0, tilt)


def _rotation(axis: int, angle: float) -> NDArray[np.float64]:
    """Right-handed rotation about one coordinate axis, shape (3, 3), angle in radians."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[second, first] = np.sin(angle)
    matrix[first, second] = -np.sin(angle)
    return matrix


def _triple(values: NDArray[np.float64]) -> Triple:
    x, y, z = (float(value) for value in values)
    return x, y, z


def _nine(matrix: NDArray[np.float64]) -> Nine:
    a, b, c, d, e, f, g, h, i = (float(value) for value in matrix.ravel())
    return a, b, c, d, e, f, g, h, i
