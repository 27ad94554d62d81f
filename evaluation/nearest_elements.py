"""The distance from every element of one surface to the nearest element of another, exactly.

Two surfaces that are worth comparing lie close together. So each element looks outward, row by row,
and stops where nothing nearer can be: a few rows for most. Where surfaces lie so far apart that
this would take longer than a distance transform of the whole box, SciPy's does it: the time is
linear in the box whatever is predicted, and the distances are the same.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from tasks.compiled import compiled

Codes = NDArray[np.uint8]
Floats = NDArray[np.float64]
Spacing = tuple[float, float, float]

ROWS_PER_CELL = 32
"""Rows looked at for each cell of the box before the distance transform takes over."""
_ALL_OUTSIDE, _ALL_INSIDE = 0, 255


class Elements(NamedTuple):
    """The elements of one surface in the order of storage, each array of shape (elements,)."""

    codes: Codes
    distances_mm: Floats
    """To the nearest element of the other surface."""


def nearest_elements(own: Codes, other: Codes, *, spacing_mm: Spacing) -> Elements:
    """Find the elements of a surface and how far each is from the other.

    Args:
        own: codes of the cells, shape (k, j, i), C order; a cell holds an element unless its code
            is 0 or 255.
        other: the same for the other surface, which has at least one element.
        spacing_mm: distance between cells along (k, j, i).
    """
    codes, squares = np.empty(own.size, dtype=np.uint8), np.empty(own.size, dtype=np.float64)
    step_k, step_j, step_i = spacing_mm
    used, rows = _squares_along_rows(other, step_i)
    steps, allowed = (step_k, step_j), ROWS_PER_CELL * own.size
    elements = _search(own, used, rows, steps, allowed, codes, squares)
    if elements < 0:
        return _transformed(own, other, spacing_mm=spacing_mm)
    return Elements(codes[:elements], np.sqrt(squares[:elements]))


def _transformed(own: Codes, other: Codes, *, spacing_mm: Spacing) -> Elements:
    """The same by a distance transform of the whole box."""
    to_other = distance_transform_edt(~_held(other), sampling=spacing_mm)
    held = _held(own)
    return Elements(own[held], to_other[held])


def _held(codes: Codes) -> NDArray[np.bool_]:
    """Where the elements are."""
    held: NDArray[np.bool_] = (codes != _ALL_OUTSIDE) & (codes != _ALL_INSIDE)
    return held


@compiled
def _squares_along_rows(codes: Codes, step: float) -> tuple[NDArray[np.bool_], Floats]:
    """Which rows hold an element; in those, the square of the distance to it along the row."""
    used = np.zeros(codes.shape[:2], dtype=np.bool_)
    squares = np.empty(codes.shape, dtype=np.float64)
    for k in range(codes.shape[0]):
        for j in range(codes.shape[1]):
            used[k, j] = _is_used(codes[k, j])
            if used[k, j]:
                _squares_along_row(codes[k, j], step, squares[k, j])
    return used, squares


@compiled
def _is_used(row: Codes) -> bool:
    """Whether a row holds an element; no branch, so that many cells are looked at together."""
    most = np.uint8(0)
    for code in row:
        most = max(most, np.uint8(min(code, np.uint8(_ALL_INSIDE - code))))
    return bool(most)


@compiled
def _squares_along_row(codes: Codes, step: float, squares: Floats) -> None:
    cells_since = np.inf
    for i in range(codes.size):
        cells_since = 0.0 if _holds_element(codes[i]) else cells_since + 1.0
        squares[i] = cells_since
    cells_to = np.inf
    for i in range(codes.size - 1, -1, -1):
        cells_to = 0.0 if squares[i] == 0.0 else cells_to + 1.0
        distance = min(squares[i], cells_to) * step
        squares[i] = distance * distance


@compiled
def _holds_element(code: np.uint8) -> bool:
    return code not in (_ALL_OUTSIDE, _ALL_INSIDE)


@compiled
def _search(
    own: Codes,
    used: NDArray[np.bool_],
    rows: Floats,
    steps: tuple[float, float],
    allowed: int,
    codes: Codes,
    squares: Floats,
) -> int:
    """Fill codes and squared distances; how many there are, or -1 when it took too many rows."""
    elements = looked_at = 0
    for k in range(own.shape[0]):
        for j in range(own.shape[1]):
            if not _is_used(own[k, j]):
                continue
            for i in range(own.shape[2]):
                if _holds_element(own[k, j, i]):
                    codes[elements] = own[k, j, i]
                    squares[elements], more = _nearest_square(used, rows, k, j, i, steps)
                    elements += 1
                    looked_at += more
        if looked_at > allowed:
            return -1
    return elements


@compiled
def _nearest_square(
    used: NDArray[np.bool_], rows: Floats, k: int, j: int, i: int, steps: tuple[float, float]
) -> tuple[float, int]:
    """Square of the distance from one cell, from its own slice outward; and rows looked at."""
    step_k, step_j = steps
    best, looked_at = _nearest_in_slice(used[k], rows[k], j, i, step_j, 0.0, np.inf)
    for away in range(1, max(k + 1, rows.shape[0] - k)):
        least = (away * step_k) ** 2
        if least >= best:
            break
        for other in (k - away, k + away):
            if 0 <= other < rows.shape[0]:
                best, more = _nearest_in_slice(used[other], rows[other], j, i, step_j, least, best)
                looked_at += more
    return best, looked_at


@compiled
def _nearest_in_slice(
    used: NDArray[np.bool_],
    rows: Floats,
    j: int,
    i: int,
    step: float,
    least: float,
    best: float,
) -> tuple[float, int]:
    """The smaller of `best` and what a slice offers, `least` being the square of its distance."""
    if used[j]:
        best = min(best, rows[j, i] + least)
    looked_at = 1
    for away in range(1, max(j + 1, rows.shape[0] - j)):
        square = least + (away * step) ** 2
        if square >= best:
            break
        if j >= away and used[j - away]:
            best = min(best, rows[j - away, i] + square)
        if j + away < rows.shape[0] and used[j + away]:
            best = min(best, rows[j + away, i] + square)
        looked_at += 2
    return best, looked_at
