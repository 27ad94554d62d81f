"""The outline of a label on one slice: closed loops along the edges of its voxels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Loop = NDArray[np.float64]
"""Corners of a closed line as (row, column), shape (corners, 2); voxel centres are whole."""

Point = tuple[int, int]


def outlines(inside: NDArray[np.bool_], *, inset: float = 0.0) -> tuple[Loop, ...]:
    """Every outer and inner edge of a shape, one closed loop each.

    Where two voxels meet at a corner alone, each has its own loop.

    Args:
        inside: the shape, (rows, columns).
        inset: voxels by which the loops keep within the shape, below one half, so that the loops of
            two labels that touch do not cover each other.
    """
    return tuple(_drawn(loop, inset=inset) for loop in _loops(inside))


def _loops(inside: NDArray[np.bool_]) -> Iterator[list[Point]]:
    """Follow the edges with the shape on the right hand."""
    leaving = _edges(inside)
    while leaving:
        start = next(iter(leaving))
        loop, here, came = [start], start, (0, 0)
        while True:
            here, came = _step(leaving, here, came=came)
            if here == start:
                break
            loop.append(here)
        yield loop


def _edges(inside: NDArray[np.bool_]) -> dict[Point, list[Point]]:
    """Edges between inside and outside as steps from corner to corner, by their starts.

    Corner (r, c) is the upper left one of voxel (r, c).
    """
    wide = np.pad(inside, 1).astype(np.int8)
    leaving: dict[Point, list[Point]] = {}

    def add(steps: NDArray[Any], *, sign: int, begin: Point, step: Point) -> None:
        for row, column in np.argwhere(steps == sign).tolist():
            leaving.setdefault((row + begin[0], column + begin[1]), []).append(step)

    across, down = np.diff(wide, axis=1)[1:-1], np.diff(wide, axis=0)[:, 1:-1]
    add(across, sign=1, begin=(1, 0), step=(-1, 0))  # left side, upwards
    add(across, sign=-1, begin=(0, 0), step=(1, 0))  # right side, downwards
    add(down, sign=1, begin=(0, 0), step=(0, 1))  # upper side, rightwards
    add(down, sign=-1, begin=(0, 1), step=(0, -1))  # lower side, leftwards
    return leaving


def _step(leaving: dict[Point, list[Point]], here: Point, *, came: Point) -> tuple[Point, Point]:
    """Take the next edge: at a corner where two voxels meet, the one that turns to the right."""
    steps = leaving[here]
    to_the_right = (came[1], -came[0])
    step = to_the_right if to_the_right in steps else steps[0]
    steps.remove(step)
    if not steps:
        del leaving[here]
    return (here[0] + step[0], here[1] + step[1]), step


def _drawn(loop: list[Point], *, inset: float) -> Loop:
    """Corners where the line turns, moved inwards, as places of the grid."""
    points = np.asarray(loop, dtype=np.int64)
    before, after = points - np.roll(points, 1, axis=0), np.roll(points, -1, axis=0) - points
    turns = (before != after).any(axis=1)
    # a quarter turn to the right of a step leads into the shape: (row, column) to (column, -row)
    inwards = np.stack([before[:, 1] + after[:, 1], -before[:, 0] - after[:, 0]], axis=1)
    corners: Loop = (points + inset * inwards - 0.5)[turns]
    return corners
