"""The drawn measurement is the measurement: its end points are the short axis apart."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tasks.geometry import Geometry
from tasks.node_measurement import NodeAxes, measure_nodes_of_task, node_axes, short_axis_mm

GRID = Geometry.from_affine(np.diag([-0.5, -0.8, 4.0, 1.0]), size=(40, 30, 6))


def axes_of(mask: NDArray[np.uint8], *, geometry: Geometry = GRID) -> NodeAxes:
    node_map = measure_nodes_of_task(
        mask, geometry=geometry, compartments=np.ones(mask.shape, dtype=np.uint8)
    )
    (node,) = node_map.nodes
    axes = node_axes(node_map, node, geometry=geometry)
    assert axes.short_axis_mm == node.short_axis_mm
    return axes


def mm(
    start: NDArray[np.float64], end: NDArray[np.float64], geometry: Geometry
) -> NDArray[np.float64]:
    return (end - start) * geometry.spacing_mm


def test_a_row_of_voxels_is_measured_along_and_across_itself() -> None:
    # outline of 5 x 1 voxels of 0.5 mm by 0.8 mm: (±2.25, 0), (±2, ±0.25) voxels from its centre
    mask = np.zeros(GRID.size, dtype=np.uint8)
    mask[10:15, 7, 3] = 2
    axes = axes_of(mask)

    assert axes.slice_index == 3
    assert sorted([axes.longest.start.tolist(), axes.longest.end.tolist()]) == [
        [9.75, 7.0, 3.0],
        [14.25, 7.0, 3.0],
    ]
    assert axes.longest_mm == pytest.approx(4.5 * 0.5)
    assert axes.short_axis_mm == pytest.approx(0.5 * 0.8)
    ends = sorted([axes.short.start.tolist(), axes.short.end.tolist()], key=lambda end: end[1])
    assert [end[1] for end in ends] == pytest.approx([6.75, 7.25])
    assert [end[0] for end in ends] == pytest.approx([ends[0][0]] * 2)
    assert 10 <= ends[0][0] <= 14


@given(st.integers(0, 2**32 - 1))
def test_the_ends_are_the_short_axis_apart_and_square_to_the_longest_diameter(seed: int) -> None:
    rng = np.random.default_rng(seed)
    centre, radii = rng.uniform((12, 10, 2), (28, 20, 4)), rng.uniform((3, 2, 0.6), (11, 8, 2))
    places = np.indices(GRID.size).reshape(3, -1).T
    inside = (((places - centre) / radii) ** 2).sum(axis=1) <= 1
    mask = inside.reshape(GRID.size).astype(np.uint8)
    mask[tuple(np.rint(centre).astype(int))] = 1
    # the added centre may touch nothing
    assume(len(measure_nodes_of_task(mask, geometry=GRID, compartments=mask).nodes) == 1)
    axes = axes_of(mask)
    longest, short = (mm(*line, GRID) for line in (axes.longest, axes.short))

    assert np.linalg.norm(short) == pytest.approx(short_axis_mm(mask > 0, geometry=GRID))
    assert np.linalg.norm(longest) == pytest.approx(axes.longest_mm)
    assert longest @ short == pytest.approx(0, abs=1e-9)
    assert axes.longest_mm >= axes.short_axis_mm - 1e-9
    for end in (*axes.longest, *axes.short):
        assert end[GRID.slice_axis] == axes.slice_index


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_another_order_of_the_axes_moves_the_ends_with_the_voxels(
    order: tuple[int, int, int],
) -> None:
    mask = np.zeros(GRID.size, dtype=np.uint8)
    mask[10:22, 7:12, 2], mask[13:18, 6:13, 3] = 1, 1
    size = (GRID.size[order[0]], GRID.size[order[1]], GRID.size[order[2]])
    other = Geometry.from_affine(GRID.affine[:, [*order, 3]], size=size)
    here, there = axes_of(mask), axes_of(np.transpose(mask, order), geometry=other)

    assert there.short_axis_mm == pytest.approx(here.short_axis_mm)
    assert there.slice_index == here.slice_index
    assert np.linalg.norm(mm(*there.short, other)) == pytest.approx(here.short_axis_mm)
    assert np.linalg.norm(mm(*there.longest, other)) == pytest.approx(here.longest_mm)
