"""Counts and boxes of one pass against NumPy's own, in every layout."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from tasks.label_pass import Box, foreground_box, joined, label_pass

EMPTY = (slice(0, 0),) * 3
VALUES = (1, 3, 255)


@st.composite
def masks(draw: st.DrawFn) -> tuple[NDArray[Any], NDArray[Any]]:
    """Two masks with long runs of background, of up to three axes, whose rows begin anywhere."""
    shape = draw(st.lists(st.integers(1, 40), min_size=1, max_size=3).map(tuple))
    voxel = st.sampled_from([0, *VALUES])
    first, second = (
        draw(arrays(np.uint8, shape, elements=voxel, fill=st.just(0))) for _ in range(2)
    )
    return first, second


def box_of(inside: NDArray[np.bool_]) -> Box:
    """By the places of the voxels."""
    places = np.argwhere(inside.reshape((*inside.shape, 1, 1)[:3]))
    if not places.size:
        return EMPTY
    i, j, k = (slice(int(a), int(b) + 1) for a, b in zip(places.min(0), places.max(0), strict=True))
    return i, j, k


@settings(max_examples=300)
@given(masks())
def test_pairs_are_counted_and_labels_boxed(pair: tuple[NDArray[Any], NDArray[Any]]) -> None:
    first, second = pair
    found = label_pass(first, second, values=VALUES)

    for row, one in enumerate((0, *VALUES)):
        for column, two in enumerate((0, *VALUES)):
            assert found.counts[row, column] == np.count_nonzero((first == one) & (second == two))
    for value, box in zip(VALUES, found.boxes, strict=True):
        assert box == box_of((first == value) | (second == value))
    assert foreground_box(first) == box_of(first != 0)


@settings(max_examples=50)
@given(masks(), st.integers(0, 9))
def test_where_the_voxels_begin_in_memory_changes_nothing(
    pair: tuple[NDArray[Any], NDArray[Any]], offset: int
) -> None:
    first, second = pair
    buffer = bytes(offset) + second.tobytes(order="F")
    moved = np.frombuffer(buffer, dtype=np.uint8, offset=offset).reshape(second.shape, order="F")

    assert label_pass(first, moved, values=VALUES).boxes == label_pass(*pair, values=VALUES).boxes


def test_a_run_ends_with_its_row() -> None:
    # one label from the third voxel of the first row to the second voxel of the next
    mask = np.zeros((4, 2, 1), dtype=np.uint8)
    mask[2:, 0, 0] = mask[:2, 1, 0] = 1

    assert foreground_box(mask) == (slice(0, 4), slice(0, 2), slice(0, 1))


@pytest.mark.parametrize("values", [(1, 1), (0, 1), (*range(1, 256),)])
def test_values_that_are_no_labels_are_refused(values: tuple[int, ...]) -> None:
    mask = np.zeros((2, 2), dtype=np.uint8)
    with pytest.raises(ValueError, match="different labels"):
        label_pass(mask, mask, values=values)


@pytest.mark.parametrize("mask", [np.zeros((2, 2)), np.zeros((2, 2, 2, 2), dtype=np.uint8)])
def test_a_mask_holds_integers_on_up_to_three_axes(mask: NDArray[Any]) -> None:
    with pytest.raises(ValueError, match=r"holds integers|three axes"):
        label_pass(mask, mask, values=VALUES)


def test_boxes_are_joined_and_empty_ones_do_not_count() -> None:
    one, other = (slice(1, 3), slice(4, 5), slice(0, 9)), (slice(2, 7), slice(0, 1), slice(3, 4))

    assert joined((one, EMPTY, other)) == (slice(1, 7), slice(0, 5), slice(0, 9))
    assert joined((EMPTY, EMPTY)) == EMPTY
