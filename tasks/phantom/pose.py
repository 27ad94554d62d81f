"""How the template pelvis lies in patient space: size, turn, shift, and a smooth warp."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.phantom.lattice import Corners, Floats

WAVE_MM = 2.0
"""Greatest amplitude of each wave of the smooth warp."""
WAVES = 2


class Pose(NamedTuple):
    """How the template lies in patient space: size, turn, shift, and a smooth warp.

    Attributes:
        scale: (3,), patient millimetres per template millimetre along x, y, z.
        turn_rad: turn about z, from x towards y.
        shift_mm: (3,), where the template's origin lies in LPS.
        amplitude_mm: (3, waves), of the warp of each coordinate.
        frequency: (3, waves, 3), wave vectors in rad/mm.
        phase: (3, waves), rad.
    """

    scale: NDArray[np.float64]
    turn_rad: float
    shift_mm: NDArray[np.float64]
    amplitude_mm: NDArray[np.float64]
    frequency: NDArray[np.float64]
    phase: NDArray[np.float64]

    @property
    def matrix(self) -> NDArray[np.float64]:
        """(3, 3), template to patient, without shift and warp."""
        c, s = np.cos(self.turn_rad), np.sin(self.turn_rad)
        return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]) * self.scale

    def to_template(self, x: Floats, y: Floats, z: Floats) -> tuple[Floats, Floats, Floats]:
        """Template coordinates of LPS points, all arrays of one shape, in mm."""
        dx, dy, dz = (
            value - np.float32(shift) for value, shift in zip((x, y, z), self.shift_mm, strict=True)
        )
        rigid = [
            np.float32(a) * dx + np.float32(b) * dy + np.float32(c) * dz
            for a, b, c in np.linalg.inv(self.matrix)
        ]
        warped = [
            value + self._wave(axis, rigid=(rigid[0], rigid[1], rigid[2]))
            for axis, value in enumerate(rigid)
        ]
        return warped[0], warped[1], warped[2]

    def _wave(self, axis: int, *, rigid: tuple[Floats, Floats, Floats]) -> Floats:
        x, y, z = rigid
        total = np.zeros_like(x)
        for amplitude, (a, b, c), phase in zip(
            self.amplitude_mm[axis], self.frequency[axis], self.phase[axis], strict=True
        ):
            angle = np.float32(a) * x + np.float32(b) * y + np.float32(c) * z + np.float32(phase)
            total += np.float32(amplitude) * np.sin(angle)
        return total

    def to_patient(self, corners_mm: Corners) -> Corners:
        """The LPS box that holds a template box, the warp included."""
        low, high = corners_mm
        warp = self.amplitude_mm.sum(axis=1)
        box = np.array(list(itertools.product(*zip(low - warp, high + warp, strict=True))))
        points = box @ self.matrix.T + self.shift_mm
        return points.min(axis=0), points.max(axis=0)


def draw_pose(rng: np.random.Generator) -> Pose:
    """A patient's size, position on the table, and warp."""
    size = rng.uniform(0.96, 1.05)
    wavelength_mm = rng.uniform(50.0, 130.0, size=(3, WAVES, 1))
    heading = rng.normal(size=(3, WAVES, 3))
    heading /= np.linalg.norm(heading, axis=2, keepdims=True)
    return Pose(
        scale=size * rng.uniform(0.975, 1.025, size=3),
        turn_rad=float(np.deg2rad(rng.uniform(-3.0, 3.0))),
        shift_mm=rng.uniform(-2.0, 2.0, size=3),
        amplitude_mm=rng.uniform(0.4, WAVE_MM, size=(3, WAVES)),
        frequency=2.0 * np.pi * heading / wavelength_mm,
        phase=rng.uniform(0.0, 2.0 * np.pi, size=(3, WAVES)),
    )
