"""The six lymph node compartments: the fat around each chain of vessels, and what bounds it.

A point belongs to the chain whose surface it lies deepest in, so that the three compartments of a
side meet half-way between their vessels and never overlap. Muscle, bone, the mesorectum and the
pelvic organs end them.
"""

from __future__ import annotations

from collections.abc import Mapping

import cc3d
import numpy as np
from numpy.typing import NDArray

from schema.terms import Region, Side
from tasks.phantom.canvas import Canvas
from tasks.phantom.lattice import Window
from tasks.phantom.structure import SIGNS
from tasks.phantom.tubes import Sweep

GAP_MM = 0.6
"""Least distance from muscle, bone and organs."""


def draw_compartments(
    canvas: Canvas, *, labels: Mapping[tuple[Region, Side], int]
) -> NDArray[np.uint8]:
    """Label map in (slice, row, column) order; 0 outside every compartment.

    Every compartment is one 26-connected component: its largest, whatever the organs cut off.
    """
    volume = np.zeros(canvas.lattice.shape, dtype=np.uint8)
    for side in Side:
        sweeps = [Sweep.of(canvas.patient.paths[region, side]) for region in Region]
        window = _common_window(canvas, sweeps, sign=SIGNS[side])
        if window is not None:
            found = _whole(_regions(canvas, sweeps, sign=SIGNS[side], window=window))
            values = np.array([0, *(labels[region, side] for region in Region)], dtype=np.uint8)
            volume[window.voxels] += values[found]
    return volume


def _common_window(canvas: Canvas, sweeps: list[Sweep], *, sign: int) -> Window | None:
    boxes = [sweep.bounds(margin_mm=2.0) for sweep in sweeps]
    low = np.min([box[0] for box in boxes], axis=0)
    high = np.max([box[1] for box in boxes], axis=0)
    if sign < 0:
        low[0], high[0] = -high[0], -low[0]
    return canvas.lattice.window(canvas.patient.pose.to_patient((low, high)))


def _regions(
    canvas: Canvas, sweeps: list[Sweep], *, sign: int, window: Window
) -> NDArray[np.uint8]:
    """Per voxel of the window 0, or one more than the position of its region in `Region`."""
    room = canvas.lattice.refine(canvas.clearance[window.lattice], window) > GAP_MM
    regions = np.zeros(room.shape, dtype=np.uint8)
    deepest = np.zeros(room.shape, dtype=np.float32)
    for number, sweep in enumerate(sweeps, start=1):
        field = canvas.distance(sweep, side=sign, window=window)
        depth = canvas.lattice.refine(field, window)
        regions[room & (depth < deepest)] = number
        np.minimum(deepest, depth, out=deepest)
    return regions


def _whole(regions: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The regions without the pieces that organs cut off from each."""
    pieces, count = cc3d.connected_components(regions, connectivity=26, return_N=True)
    sizes = np.bincount(pieces.ravel(), minlength=count + 1)
    kinds = np.zeros(count + 1, dtype=np.uint8)
    kinds[pieces] = regions
    keep = np.zeros(count + 1, dtype=np.uint8)
    for kind in range(1, len(Region) + 1):
        own = np.flatnonzero(kinds == kind)
        if own.size:
            keep[own[np.argmax(sizes[own])]] = kind
    return np.asarray(keep[pieces])
