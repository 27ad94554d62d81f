"""One pass over two label masks: how often each pair of labels occurs, and where each label lies.

Both masks are read once, in the order in which they are stored. Background is passed eight voxels
at a time, and a run of one pair of labels along a row is counted as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.compiled import compiled

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]
Ints = NDArray[np.int64]
Box = tuple[slice, slice, slice]

_UNKNOWN = 255
_WORD = 8
"""Bytes compared at once."""


class LabelPass(NamedTuple):
    """What one pass finds.

    Attributes:
        counts: `counts[r, p]` voxels are r in the first mask and p in the second; row and column 0
            are the background, n the n-th of the values. Shape (values + 1, values + 1).
        boxes: the box that holds the n-th value in both masks, `boxes[n - 1]`; an empty one where
            neither mask has it.
    """

    counts: Ints
    boxes: tuple[Box, ...]


def label_pass(first: NDArray[Any], second: NDArray[Any], *, values: Sequence[int]) -> LabelPass:
    """Count the pairs of two masks and box every label.

    Args:
        first: labels, integers, up to three axes.
        second: labels, same shape.
        values: the foreground labels, at most 254, each from 1 to 255.

    Raises:
        ValueError: the shapes differ or have more axes, a mask holds a value that is no label, or
            the values are not such.
    """
    if first.shape != second.shape:
        raise ValueError(f"shapes differ: {first.shape} and {second.shape}")
    if len({*values} - {0}) != len(values) or len(values) >= _UNKNOWN:
        raise ValueError(f"at most 254 different labels from 1 to 255 are needed, not {values}")
    positions = np.full(256, _UNKNOWN, dtype=np.uint8)
    positions[[0, *values]] = range(len(values) + 1)
    return _passed(first, second, positions=positions, labels=len(values))


def foreground_box(mask: NDArray[Any]) -> Box:
    """The smallest box that holds every value other than 0; an empty box where there is none.

    Args:
        mask: labels from 0 to 255, integers, up to three axes.
    """
    positions = np.minimum(np.arange(256), 1).astype(np.uint8)
    return _passed(mask, mask, positions=positions, labels=1).boxes[0]


def joined(boxes: Sequence[Box]) -> Box:
    """The smallest box that holds all of them; empty ones do not count."""
    used = [box for box in boxes if all(side.start < side.stop for side in box)]
    if not used:
        return (slice(0, 0), slice(0, 0), slice(0, 0))
    i, j, k = (
        slice(min(side.start for side in sides), max(side.stop for side in sides))
        for sides in zip(*used, strict=True)
    )
    return i, j, k


def _passed(
    first: NDArray[Any], second: NDArray[Any], *, positions: Bytes, labels: int
) -> LabelPass:
    if first.ndim > 3:
        raise ValueError(f"a mask has at most three axes, not shape {first.shape}")
    size = (*first.shape, 1, 1)
    counts = np.zeros((labels + 1, labels + 1), dtype=np.int64)
    bounds = np.zeros((labels + 1, 3, 2), dtype=np.int64)
    bounds[:, :, 0] = max(1, first.size)
    if not _scan(_stored(first), _stored(second), positions, size[0], size[1], counts, bounds):
        raise ValueError("a mask holds a value that is no label")
    bounds[bounds[:, 0, 1] == 0] = 0
    return LabelPass(counts, tuple(_box(each) for each in bounds[1:].tolist()))


def _box(bounds: list[list[int]]) -> Box:
    i, j, k = (slice(start, stop) for start, stop in bounds)
    return i, j, k


def _stored(mask: NDArray[Any]) -> Bytes:
    """The voxels in a row, the first axis fastest, one byte each, where words begin."""
    if mask.dtype.kind not in "biu":
        raise ValueError("a mask holds integers")
    flat = mask.ravel(order="F")
    if flat.dtype not in (np.bool_, np.uint8) and not _fits(flat):
        raise ValueError("a mask holds a value that is no label")
    stored = flat.view(np.uint8) if flat.dtype == np.bool_ else flat.astype(np.uint8, copy=False)
    return stored if stored.ctypes.data % _WORD == 0 else stored.copy()


def _fits(flat: NDArray[Any]) -> bool:
    """Whether every value is a byte."""
    return not flat.size or 0 <= int(flat.min()) <= int(flat.max()) <= _UNKNOWN


@compiled
def _scan(
    first: Bytes,
    second: Bytes,
    positions: Bytes,
    size_i: int,
    size_j: int,
    counts: Ints,
    bounds: Ints,
) -> bool:
    """Fill counts and bounds; False at a value that has no position."""
    size = first.size
    whole = size // _WORD * _WORD
    first_words, second_words = first[:whole].view(np.uint64), second[:whole].view(np.uint64)
    at = start = j = k = 0  # a voxel, and its row's first voxel, its row and its slice
    while at < size:
        row, column = positions[first[at]], positions[second[at]]
        if _UNKNOWN in (row, column):
            return False
        if row or column:
            end = _end_of_run(first, second, at, start + size_i)
        else:
            end = _end_of_background(first, second, first_words, second_words, at)
        counts[row, column] += end - at
        if row:
            _widen(bounds[row], at - start, end - start, j, k)
        if column:
            _widen(bounds[column], at - start, end - start, j, k)
        at = end
        while at >= start + size_i:
            start, j = start + size_i, j + 1
            if j == size_j:
                j, k = 0, k + 1
    return True


@compiled
def _end_of_background(
    first: Bytes, second: Bytes, first_words: Words, second_words: Words, at: int
) -> int:
    """First position from `at` on where either mask is not 0, or the end."""
    while at < first.size and first[at] == 0 and second[at] == 0:
        at += 1
        if at % _WORD == 0:
            word = at // _WORD
            while word < first_words.size and first_words[word] | second_words[word] == 0:
                word += 1
            at = word * _WORD
    return at


@compiled
def _end_of_run(first: Bytes, second: Bytes, at: int, stop: int) -> int:
    """First position from `at` on, at most `stop`, where either mask changes."""
    one, two = first[at], second[at]
    for end in range(at + 1, stop):
        if first[end] != one or second[end] != two:
            return end
    return stop


@compiled
def _widen(bounds: Ints, start: int, stop: int, j: int, k: int) -> None:
    """Grow a box by voxels start to stop of row j of slice k."""
    bounds[0, 0], bounds[0, 1] = min(bounds[0, 0], start), max(bounds[0, 1], stop)
    bounds[1, 0], bounds[1, 1] = min(bounds[1, 0], j), max(bounds[1, 1], j + 1)
    bounds[2, 0], bounds[2, 1] = min(bounds[2, 0], k), max(bounds[2, 1], k + 1)
