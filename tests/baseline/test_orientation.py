from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from nnunetv2.imageio.nibabel_reader_writer import NibabelIOWithReorient

from baseline.images import read_image
from baseline.orientation import Orientation
from tasks.files import write_nifti
from tasks.geometry import Geometry
from tests.baseline.turned_volumes import TURNS, Turn, oblique_grid

SIZE = (5, 6, 4)
VOXELS = np.random.default_rng(1).integers(1, 900, SIZE).astype(np.int16)
ANGLES = st.tuples(*[st.floats(-180, 180)] * 3)


def test_an_axial_stack_becomes_slices_of_rows_towards_anterior() -> None:
    # i to the right, j to anterior, k to superior: canonical is (k, j, i), nothing reversed
    grid = oblique_grid(size=SIZE, spacing_mm=(0.6, 0.7, 3.0), degrees=(4.0, -3.0, 8.0))
    orientation = Orientation.of(grid)

    np.testing.assert_array_equal(orientation.canonical(VOXELS), VOXELS.transpose(2, 1, 0))
    assert orientation.canonical_spacing_mm(grid) == pytest.approx((3.0, 0.7, 0.6))


def test_a_sagittal_stack_from_left_to_right_is_turned_by_hand_the_same() -> None:
    # i to posterior, j to inferior, k (slices) to the right, as a scanner stores a sagittal series
    turn = Turn(order=(1, 2, 0), reversed_axes=(False, True, True))
    grid = oblique_grid(size=SIZE, spacing_mm=(3.0, 0.7, 0.6), degrees=(0.0, 0.0, 0.0))
    stored = turn.turned(VOXELS)
    orientation = Orientation.of(turn.grid(grid))

    # superior is -j, anterior -i, right k
    by_hand = stored[::-1, ::-1, :].transpose(1, 0, 2)
    np.testing.assert_array_equal(orientation.canonical(stored), by_hand)


@pytest.mark.parametrize("turn", TURNS)
def test_nnunet_s_own_reader_sees_the_same_array_and_spacing(turn: Turn, tmp_path: Path) -> None:
    grid = oblique_grid(size=SIZE, spacing_mm=(0.6, 0.7, 3.0), degrees=(21.0, -14.0, 33.0))
    write_nifti(tmp_path / "case.nii.gz", turn.turned(VOXELS), geometry=turn.grid(grid))

    expected, properties = NibabelIOWithReorient().read_images([str(tmp_path / "case.nii.gz")])
    image = read_image(tmp_path / "case.nii.gz")

    np.testing.assert_array_equal(image.canonical, expected[0])
    assert image.canonical_spacing_mm == pytest.approx(properties["spacing"], abs=1e-6)


@given(turn=st.sampled_from(TURNS), degrees=ANGLES)
def test_the_way_back_is_the_way_there(turn: Turn, degrees: tuple[float, float, float]) -> None:
    grid = turn.grid(oblique_grid(size=SIZE, spacing_mm=(0.6, 0.7, 3.0), degrees=degrees))
    stored, orientation = turn.turned(VOXELS), Orientation.of(grid)

    np.testing.assert_array_equal(orientation.stored(orientation.canonical(stored)), stored)


def halfway(grid: Geometry) -> bool:
    """Whether an axis is as near to one direction of the body as to another: any will do."""
    near = np.sort(np.abs(grid.direction_matrix), axis=0)
    far = np.sort(np.abs(grid.direction_matrix), axis=1)
    return bool((near[2] - near[1]).min() < 1e-6 or (far[:, 2] - far[:, 1]).min() < 1e-6)


@given(turn=st.sampled_from(TURNS), degrees=ANGLES)
def test_how_a_body_is_stored_does_not_matter(
    turn: Turn, degrees: tuple[float, float, float]
) -> None:
    grid = oblique_grid(size=SIZE, spacing_mm=(0.6, 0.7, 3.0), degrees=degrees)
    assume(not halfway(grid))
    seen = Orientation.of(grid).canonical(VOXELS)

    turned = Orientation.of(turn.grid(grid)).canonical(turn.turned(VOXELS))

    np.testing.assert_array_equal(turned, seen)
