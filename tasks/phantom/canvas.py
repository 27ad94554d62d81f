"""What anatomy is drawn on: signal per voxel, and room for the compartments per lattice point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from tasks.phantom.lattice import Floats, Lattice, Window
from tasks.phantom.patient import Patient
from tasks.phantom.structure import Layer, Role, Structure
from tasks.phantom.tissue import LOOKS, Tissue
from tasks.phantom.tubes import Sweep

FAR_MM = 6.0
"""Distances from organs are kept up to here."""
EDGE_MM = 0.9
"""Width of the blur between two tissues."""
BLOCK_VOXELS = 60_000
SEPTUM_WIDTH = 0.13
"""Of the septa in fat, in standard deviations of the field they follow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvas:
    """The stack while it is drawn; its arrays are filled in place by this package only.

    Attributes:
        lattice: the stack.
        patient: who is drawn.
        points: template x, y, z of every lattice point.
        signal: float32 per voxel, before coil and noise.
        grain: float32 per voxel, random with mean 0 and variance about 1, smooth over millimetres.
        web: float32 per voxel, 1 amid thin septa, 0 away from them.
        clearance: mm from the nearest organ per lattice point, negative within it, `FAR_MM` at
            most.
        vessels: bool per voxel.
    """

    lattice: Lattice
    patient: Patient
    points: tuple[Floats, Floats, Floats]
    signal: Floats
    grain: Floats
    web: Floats
    clearance: Floats
    vessels: NDArray[np.bool_]

    @classmethod
    def blank(cls, lattice: Lattice, *, patient: Patient, rng: np.random.Generator) -> Self:
        """Nothing but air."""
        air = LOOKS[Tissue.AIR].signal
        return cls(
            lattice=lattice,
            patient=patient,
            points=patient.pose.to_template(*lattice.coordinates()),
            signal=np.full(lattice.shape, air, dtype=np.float32),
            grain=_grain(lattice, rng=rng),
            web=_web(lattice, rng=rng),
            clearance=np.full(lattice.points, FAR_MM, dtype=np.float32),
            vessels=np.zeros(lattice.shape, dtype=bool),
        )

    def window(self, sweep: Sweep, *, side: int, margin_mm: float) -> Window | None:
        """Where in the stack a tube lies, with a margin around it; None when outside."""
        low, high = sweep.bounds(margin_mm=margin_mm)
        if side < 0:
            low[0], high[0] = -high[0], -low[0]
        return self.lattice.window(self.patient.pose.to_patient((low, high)))

    def distance(self, sweep: Sweep, *, side: int, window: Window) -> Floats:
        """Signed distance from a tube at a window's lattice points, mm."""
        x, y, z = (point[window.lattice] for point in self.points)
        return sweep.signed_distance(x=x * np.float32(side), y=y, z=z)

    def draw(self, structure: Structure) -> None:
        """Draw one structure over what is there, and take its room from the compartments."""
        organ = structure.role is Role.ORGAN
        sweep = Sweep.of(structure.tube)
        window = self.window(sweep, side=structure.side, margin_mm=FAR_MM if organ else 1)
        if window is None:
            return
        field = self.distance(sweep, side=structure.side, window=window)
        if organ:
            room = self.clearance[window.lattice]
            np.minimum(room, field, out=room)
        depth = self.lattice.refine(field, window)
        if structure.role is Role.VESSEL:
            self.vessels[window.voxels] |= depth < 0
        for layer in structure.layers:
            self._fill(layer, depth=depth, window=window)

    def _fill(self, layer: Layer, *, depth: Floats, window: Window) -> None:
        look = LOOKS[layer.tissue]
        mean = np.float32(look.signal * self.patient.gains[layer.tissue])
        grain, web = mean * np.float32(look.grain), mean * np.float32(look.web)
        start = np.float32(0.5 - layer.depth_mm / EDGE_MM)
        under = self.signal[window.voxels]
        # a few slices at a time, so that the temporaries stay in the processor's cache
        step = max(1, BLOCK_VOXELS // max(1, under[0].size))
        for first in range(0, len(under), step):
            block = slice(first, first + step)
            cover = np.clip(start - depth[block] * np.float32(1 / EDGE_MM), 0, 1)
            target = self.grain[window.voxels][block] * grain + mean
            if web:
                target += self.web[window.voxels][block] * web
            under[block] += cover * (target - under[block])


def _grain(lattice: Lattice, *, rng: np.random.Generator) -> Floats:
    noise = rng.standard_normal(lattice.points, dtype=np.float32)
    return lattice.refine(noise, lattice.whole())


def _web(lattice: Lattice, *, rng: np.random.Generator) -> Floats:
    """Septa: thin sheets along the zero level of a smooth random field."""
    noise = rng.standard_normal(lattice.points, dtype=np.float32)
    smooth = gaussian_filter(noise, sigma=(0.8, 2.2, 2.2), mode="nearest")
    level = lattice.refine(smooth / (np.float32(SEPTUM_WIDTH) * smooth.std()), lattice.whole())
    np.multiply(level, level, out=level)
    return np.asarray(np.maximum(np.float32(1) - level, np.float32(0)))
