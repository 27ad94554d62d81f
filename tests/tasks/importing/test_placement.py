"""A turned mask is laid back voxel by voxel; every other difference is told."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its own example's name
from hypothesis import given
from hypothesis import strategies as st

from tasks.geometry import Geometry
from tasks.importing.placement import Turn, placed_on
from tests.tasks.dicom.dicom_writer import grid
from tests.tasks.importing.hospital import image_of

IMAGE = grid(size=(5, 6, 7))
TURNS = [
    Turn(order=(i, j, k), reversed_axes=(a, b, c))
    for i, j, k in permutations(range(3))
    for a, b, c in product((False, True), repeat=3)
]


def place(geometry: Geometry, index: tuple[float, ...]) -> np.ndarray:
    return (geometry.lps_affine @ (*index, 1.0))[:3]


@pytest.mark.parametrize("turn", TURNS, ids=str)
def test_each_of_the_48_orders_of_axes_is_laid_back(turn: Turn) -> None:
    array = np.arange(5 * 6 * 7).reshape(IMAGE.size)
    turned, geometry = turn.apply(array), turn.geometry(IMAGE)

    placement = placed_on(IMAGE, geometry)

    assert placement.differences == ()
    assert np.array_equal(placement.turn.apply(turned), array)


@pytest.mark.parametrize("turn", TURNS, ids=str)
def test_a_turned_grid_has_every_voxel_where_it_was(turn: Turn) -> None:
    array = np.arange(5 * 6 * 7).reshape(IMAGE.size)
    turned, geometry = turn.apply(array), turn.geometry(IMAGE)

    assert turned.shape == geometry.size
    for index in ((0, 0, 0), (4, 0, 6), (1, 5, 2), (3, 2, 4)):
        (there,) = np.argwhere(turned == array[index]).tolist()
        assert np.allclose(place(geometry, tuple(there)), place(IMAGE, index), atol=1e-9)


def test_a_turn_is_simpleitk_s() -> None:
    array = np.arange(5 * 6 * 7, dtype=np.uint16).reshape(IMAGE.size)
    image = sitk.Flip(sitk.PermuteAxes(image_of(array, IMAGE), [2, 0, 1]), [True, False, True])
    geometry = Geometry(
        size=image.GetSize(),
        spacing_mm=image.GetSpacing(),
        origin_mm=image.GetOrigin(),
        direction=image.GetDirection(),
    )

    placement = placed_on(IMAGE, geometry)

    assert placement.differences == ()
    read = sitk.GetArrayFromImage(image).transpose(2, 1, 0)
    assert np.array_equal(placement.turn.apply(read), array)


def test_a_turn_to_the_canonical_order_is_nibabel_s() -> None:
    array = np.arange(5 * 6 * 7, dtype=np.int16).reshape(IMAGE.size)
    canonical = nib.as_closest_canonical(nib.Nifti1Image(array, IMAGE.affine))
    geometry = Geometry.from_affine(canonical.affine, size=canonical.shape)

    placement = placed_on(IMAGE, geometry)

    assert placement.differences == ()
    assert np.array_equal(placement.turn.apply(np.asarray(canonical.dataobj)), array)


@given(
    turn=st.sampled_from(TURNS),
    shift=st.tuples(*[st.floats(-40, 40)] * 3).filter(lambda each: max(map(abs, each)) > 0.02),
)
def test_a_mask_that_lies_elsewhere_is_never_laid_down(
    turn: Turn, shift: tuple[float, float, float]
) -> None:
    x, y, z = (a + b for a, b in zip(IMAGE.origin_mm, shift, strict=True))
    moved = turn.geometry(replace(IMAGE, origin_mm=(x, y, z)))

    assert [each.name for each in placed_on(IMAGE, moved).differences] == ["origin"]


@given(st.tuples(*[st.floats(-180, 180)] * 3))
def test_a_rotated_grid_is_laid_down_only_if_it_is_the_same(
    degrees: tuple[float, float, float],
) -> None:
    straight = grid(size=(5, 5, 5), spacing_mm=(1, 1, 1), degrees=(0, 0, 0), origin_mm=(-2, -2, -2))
    middle = np.asarray((2.0, 2.0, 2.0))
    turned = grid(size=(5, 5, 5), spacing_mm=(1, 1, 1), degrees=degrees)
    origin = -turned.direction_matrix @ middle  # about the centre of the cube
    rotated = replace(turned, origin_mm=(float(origin[0]), float(origin[1]), float(origin[2])))

    placement = placed_on(straight, rotated)

    # laid down: then each voxel is within the tolerance of where the image has it
    if not placement.differences:
        laid = placement.turn.geometry(rotated)
        for index in product((0, 4), repeat=3):
            assert np.abs(place(laid, index) - place(straight, index)).max() < 0.05
