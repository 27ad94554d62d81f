"""Distances between surfaces, by hand and against the reference implementation."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from evaluation.surface import (
    SurfacePair,
    average_distance_mm,
    hausdorff_mm,
    surface_dice,
    surface_pair,
)
from evaluation.surface_elements import element_areas_mm2

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it reaches for names that scipy has moved
    import surface_distance as peer

SPACINGS = st.tuples(*[st.floats(0.3, 5.0)] * 3)
SHAPES = st.tuples(*[st.integers(1, 6)] * 3)


def box(*corners: tuple[int, int], shape: tuple[int, int, int] = (12, 12, 12)) -> NDArray[Any]:
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(slice(*corner) for corner in corners)] = True
    return mask


def measured(
    reference: NDArray[Any],
    prediction: NDArray[Any],
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> SurfacePair:
    pair = surface_pair(reference, prediction, spacing_mm=spacing_mm)
    assert pair is not None
    return pair


@st.composite
def two_masks(draw: st.DrawFn) -> tuple[NDArray[Any], NDArray[Any]]:
    shape = draw(SHAPES)
    first, second = (draw(arrays(np.bool_, shape)) for _ in range(2))
    first.flat[draw(st.integers(0, first.size - 1))] = True
    second.flat[draw(st.integers(0, second.size - 1))] = True
    return first, second


# --- areas ----------------------------------------------------------------------------------------


def test_a_plane_through_a_cell_has_the_area_of_its_face() -> None:
    # codes 0b00001111 (i = 0 inside): a plane across i, j by k; and the two other axes
    areas = element_areas_mm2((2.0, 3.0, 5.0))

    assert areas[0b00001111] == pytest.approx(15)
    assert areas[0b00110011] == pytest.approx(10)
    assert areas[0b01010101] == pytest.approx(6)


def test_one_corner_is_cut_off_by_a_triangle() -> None:
    # its corners are (1/2, 0, 0), (0, 1/2, 0), (0, 0, 1/2): sides sqrt(1/2), area sqrt(3)/8
    areas = element_areas_mm2((1.0, 1.0, 1.0))

    for bit in range(8):
        assert areas[1 << bit] == pytest.approx(math.sqrt(3) / 8)


def test_a_mask_and_its_background_have_the_same_area() -> None:
    areas = element_areas_mm2((0.7, 1.1, 3.0))

    assert areas[0] == areas[255] == 0
    assert (areas[1:255] > 0).all()
    few = [code for code in range(256) if code.bit_count() != 4]
    np.testing.assert_allclose(areas[few], areas[::-1][few])


def test_the_areas_are_those_of_the_reference_implementation() -> None:
    for spacing_mm in ((0.6, 0.6, 3.0), (1.0, 2.0, 0.5)):
        theirs = peer.lookup_tables.create_table_neighbour_code_to_surface_area(spacing_mm)
        kernel = peer.lookup_tables.ENCODE_NEIGHBOURHOOD_3D_KERNEL.ravel()
        codes = [
            sum(int(kernel[bit]) for bit in range(8) if code >> bit & 1) for code in range(256)
        ]
        np.testing.assert_allclose(element_areas_mm2(spacing_mm), theirs[codes], atol=1e-12)


# --- distances ------------------------------------------------------------------------------------


def test_identical_masks_are_no_distance_apart() -> None:
    pair = measured(box((2, 6), (2, 6), (2, 6)), box((2, 6), (2, 6), (2, 6)), (0.6, 0.6, 3.0))

    assert hausdorff_mm(pair, percent=100) == average_distance_mm(pair) == 0
    assert surface_dice(pair, tolerance_mm=0.0) == 1


def test_one_voxel_against_one_voxel_by_hand() -> None:
    # two voxels three apart along i, spacing 2 mm: each surface is eight cells at the voxel's own
    # corners; a cell finds its like 6 mm away, and the near ones find the near ones 4 mm away.
    # the cells of a voxel at i are at i and i + 1: distances are 4 mm (inner) and 6 mm (outer)
    pair = measured(
        box((3, 4), (5, 6), (5, 6)), box((6, 7), (5, 6), (5, 6)), spacing_mm=(2.0, 1.0, 1.0)
    )

    assert sorted(set(pair.reference.distances_mm.tolist())) == [4.0, 6.0]
    assert hausdorff_mm(pair, percent=100) == 6
    assert average_distance_mm(pair) == pytest.approx(5)
    assert surface_dice(pair, tolerance_mm=4.0) == pytest.approx(0.5)
    assert surface_dice(pair, tolerance_mm=3.9) == 0


def test_a_slab_shifted_across_its_plane_is_that_far_away() -> None:
    # one slice thick and as wide as the grid, four slices of 3 mm apart: but for the far faces
    reference, prediction = box((0, 12), (0, 12), (2, 3)), box((0, 12), (0, 12), (6, 7))
    pair = measured(reference, prediction, spacing_mm=(0.6, 0.6, 3.0))

    assert hausdorff_mm(pair, percent=100) == pytest.approx(12)
    assert set(np.round(pair.reference.distances_mm, 9).tolist()) == {9.0, 12.0}


@pytest.mark.parametrize("empty", ["reference", "prediction", "both"])
def test_an_empty_mask_has_no_surface(empty: str) -> None:
    full, none = box((2, 4), (2, 4), (2, 4)), np.zeros((12, 12, 12), dtype=bool)
    reference = none if empty in ("reference", "both") else full
    prediction = none if empty in ("prediction", "both") else full

    assert surface_pair(reference, prediction, spacing_mm=(1.0, 1.0, 1.0)) is None


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        surface_pair(np.ones((2, 2, 2)), np.ones((2, 2, 3)), spacing_mm=(1.0, 1.0, 1.0))


@pytest.mark.parametrize(
    "spacing_mm", [(1.0, 1.0), (1.0, 1.0, 0.0), (1.0, -1.0, 1.0), (math.nan, 1.0, 1.0)]
)
def test_a_spacing_that_is_none_is_refused(spacing_mm: tuple[float, ...]) -> None:
    mask = box((2, 4), (2, 4), (2, 4))
    with pytest.raises(ValueError, match=r"three axes|above 0"):
        surface_pair(mask, mask, spacing_mm=spacing_mm)


def test_masks_of_two_axes_have_no_surface_in_space() -> None:
    with pytest.raises(ValueError, match="three axes"):
        surface_pair(np.ones((2, 2), bool), np.ones((2, 2), bool), spacing_mm=(1.0, 1.0, 1.0))


@pytest.mark.filterwarnings("ignore:Please import:DeprecationWarning")  # of the peer, not ours
@settings(max_examples=80, deadline=None)
@given(two_masks(), SPACINGS, st.floats(0.0, 6.0))
def test_every_figure_is_that_of_the_reference_implementation(
    masks: tuple[NDArray[Any], NDArray[Any]],
    spacing_mm: tuple[float, float, float],
    tolerance_mm: float,
) -> None:
    pair, theirs = measured(*masks, spacing_mm), peer.compute_surface_distances(*masks, spacing_mm)

    for percent in (50, 95, 100):
        # where just that share of the area is reached, rounding may push the peer to the next one
        expected = peer.compute_robust_hausdorff(theirs, percent * (1 - 1e-9))
        assert hausdorff_mm(pair, percent=percent) == pytest.approx(expected, abs=1e-9)
    areas = (theirs["surfel_areas_gt"].sum(), theirs["surfel_areas_pred"].sum())
    averages = peer.compute_average_surface_distance(theirs)
    assert average_distance_mm(pair) == pytest.approx(np.average(averages, weights=areas), abs=1e-9)
    expected = peer.compute_surface_dice_at_tolerance(theirs, tolerance_mm)
    assert surface_dice(pair, tolerance_mm=tolerance_mm) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(two_masks(), SPACINGS)
def test_the_figures_know_no_side_and_no_place(
    masks: tuple[NDArray[Any], NDArray[Any]], spacing_mm: tuple[float, float, float]
) -> None:
    first, second = masks
    pair, turned = measured(first, second, spacing_mm), measured(second, first, spacing_mm)
    moved = measured(np.pad(first, 3), np.pad(second, 3), spacing_mm)

    for other in (turned, moved):
        assert hausdorff_mm(other, percent=95) == pytest.approx(hausdorff_mm(pair, percent=95))
        assert average_distance_mm(other) == pytest.approx(average_distance_mm(pair))
        assert surface_dice(other, tolerance_mm=1.0) == pytest.approx(
            surface_dice(pair, tolerance_mm=1.0)
        )
    assert 0 <= surface_dice(pair, tolerance_mm=1.0) <= 1 + 1e-12
    assert hausdorff_mm(pair, percent=95) <= hausdorff_mm(pair, percent=100)
