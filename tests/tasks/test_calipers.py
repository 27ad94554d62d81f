"""Outline, opposite corners and short axis against a slow hull and every pair of its corners."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from tasks.calipers import VOXEL, greatest_short_axis_mm, opposite_corners, outline

SLICES = arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12)))
SPACINGS = st.tuples(*[st.floats(0.3, 3.0)] * 2)


def slow_outline(inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Corners in voxels by SciPy: the four widened points of every voxel."""
    outsets = 0.25 * np.array([(-1, 0), (1, 0), (0, -1), (0, 1)])
    points = (np.argwhere(inside)[:, None] + outsets).reshape(-1, 2)
    corners: NDArray[np.float64] = points[ConvexHull(points).vertices]
    return corners


def slow_short_axis_mm(inside: NDArray[np.bool_], spacing_mm: tuple[float, float]) -> float:
    corners = slow_outline(inside) * spacing_mm
    offsets = corners[:, None] - corners[None]
    lengths = np.linalg.norm(offsets, axis=2)
    longest = offsets[lengths >= lengths.max() * (1 - 1e-9)]
    normals = longest[:, ::-1] * (-1.0, 1.0) / lengths.max()
    return float(np.ptp(corners @ normals.T, axis=0).min())


def short_axis_mm(inside: NDArray[Any], spacing_mm: tuple[float, float] = (1.0, 1.0)) -> float:
    return float(greatest_short_axis_mm(np.ascontiguousarray(inside[None]), *spacing_mm))


def test_one_voxel_is_a_diamond_of_half_a_voxel() -> None:
    # corners a quarter voxel up, down, left and right of the centre
    inside = np.ones((1, 1), dtype=bool)

    assert sorted(outline(inside).tolist()) == [[-1, 0], [0, -1], [0, 1], [1, 0]]
    assert short_axis_mm(inside) == pytest.approx(0.5)


def test_a_row_of_voxels_is_half_a_voxel_wide() -> None:
    # four voxels: 3 + 1/2 long, 1/2 across, in steps of 2 mm by 0.5 mm
    assert short_axis_mm(np.ones((1, 4), dtype=bool)) == pytest.approx(0.5)
    assert short_axis_mm(np.ones((4, 1), dtype=bool), (2.0, 0.5)) == pytest.approx(0.25)


def test_a_rectangle_is_measured_across_its_diagonal() -> None:
    # 5 x 3 voxels. The longest diameters run between the flat corners (4, -1/4) and (0, 2 + 1/4)
    # and their mirror images: offset (4, 2.5) against (4.5, 2): 22.25 against 24.25, so the pair
    # ((-1/4, 0), (4 + 1/4, 2)) is longest. Across it the farthest corners are (0, 2 + 1/4) and
    # (4, -1/4): |4.5 * 2.5 + 2 * 4| / sqrt(24.25) = 19.25 / 4.924 = 3.909
    inside = np.ones((5, 3), dtype=bool)

    assert short_axis_mm(inside) == pytest.approx(19.25 / math.sqrt(24.25))


def test_of_equally_long_diameters_the_smallest_width_counts() -> None:
    # a right-angled triangle of 4 x 4 voxels without its far corner has two like diameters
    inside = np.tril(np.ones((4, 4), dtype=bool))

    assert short_axis_mm(inside) == pytest.approx(slow_short_axis_mm(inside, (1.0, 1.0)))


def test_the_slice_with_the_greatest_short_axis_counts_and_empty_ones_do_not() -> None:
    slices = np.zeros((4, 6, 6), dtype=bool)
    slices[1, :2, :2] = slices[2, 1:5, 1:5] = True

    assert greatest_short_axis_mm(slices, 1.0, 1.0) == short_axis_mm(slices[2])
    assert greatest_short_axis_mm(slices[:1], 1.0, 1.0) == 0.0
    assert outline(slices[0]).shape == (0, 2)


@settings(max_examples=300)
@given(SLICES)
def test_the_outline_is_the_convex_hull(inside: NDArray[np.bool_]) -> None:
    if inside.any():
        assert {tuple(corner) for corner in (outline(inside) / VOXEL).tolist()} == {
            tuple(corner) for corner in slow_outline(inside).tolist()
        }


@settings(max_examples=300)
@given(SLICES, SPACINGS)
def test_the_short_axis_is_that_of_every_pair_of_corners(
    inside: NDArray[np.bool_], spacing_mm: tuple[float, float]
) -> None:
    if inside.any():
        expected = slow_short_axis_mm(inside, spacing_mm)
        assert short_axis_mm(inside, spacing_mm) == pytest.approx(expected, rel=1e-9)


@settings(max_examples=200)
@given(SLICES)
def test_opposite_corners_can_be_held_between_parallel_lines(inside: NDArray[np.bool_]) -> None:
    if not inside.any():
        return
    corners = outline(inside)
    found = {tuple(sorted(pair)) for pair in opposite_corners(corners).tolist()}
    for first, second in found:
        assert held(corners, first, second)
    for first in range(len(corners)):
        for second in range(first):
            assert held(corners, first, second) is ((second, first) in found)


def held(corners: NDArray[np.int64], first: int, second: int) -> bool:
    """Whether some direction has one corner at its least and the other at its most.

    The directions in which a corner is extreme run from one of its sides' normals to the next; two
    such wedges, one turned round, meet when a bounding normal of either lies in the other.
    """
    one, two = wedge(corners, first), [-normal for normal in wedge(corners, second)]
    return any(within(each, two) for each in one) or any(within(each, one) for each in two)


def wedge(corners: NDArray[np.int64], at: int) -> list[NDArray[np.int64]]:
    """Outward normals of the sides before and after a corner, counter-clockwise."""
    before = corners[at] - corners[at - 1]
    after = corners[(at + 1) % len(corners)] - corners[at]
    return [np.array((side[1], -side[0])) for side in (before, after)]


def within(direction: NDArray[np.int64], sides: list[NDArray[np.int64]]) -> bool:
    def cross(a: NDArray[np.int64], b: NDArray[np.int64]) -> int:
        return int(a[0] * b[1] - a[1] * b[0])

    start, stop = sides
    return (
        cross(start, direction) >= 0
        and cross(direction, stop) >= 0
        and int(direction @ (start + stop)) > 0
    )
