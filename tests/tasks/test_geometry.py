from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from tasks.geometry import RAS_TO_LPS, Geometry, Tolerance, differences

STRAIGHT = Geometry(
    size=(4, 5, 6),
    spacing_mm=(0.5, 0.75, 3.0),
    origin_mm=(10.0, -20.0, 30.0),
    direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
)
# powers of two: sums and differences below are exact
TOLERANCE = Tolerance(spacing_mm=2.0**-6, origin_mm=2.0**-4, direction=2.0**-8)
SIGNED_PERMUTATIONS = [
    (order, signs)
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1.0, -1.0), repeat=3)
]


def grid(matrix: NDArray[np.float64]) -> Geometry:
    """Unit spacing, direction cosines as given."""
    affine = np.eye(4)
    affine[:3, :3] = matrix
    return Geometry.from_affine(RAS_TO_LPS @ affine, size=(2, 3, 4))


def affines() -> st.SearchStrategy[NDArray[np.float64]]:
    """Right- and left-handed orthogonal grids anywhere within a metre."""

    def build(
        angles: tuple[float, float, float],
        spacing: tuple[float, float, float],
        origin: tuple[float, float, float],
        *,
        mirrored: bool,
    ) -> NDArray[np.float64]:
        affine = np.eye(4)
        rotation = Rotation.from_euler("zyx", angles, degrees=True).as_matrix()
        affine[:3, :3] = rotation * ((-1.0 if mirrored else 1.0, 1.0, 1.0)) * spacing
        affine[:3, 3] = origin
        return affine

    def three(low: float, high: float) -> st.SearchStrategy[tuple[float, float, float]]:
        number = st.floats(low, high, allow_nan=False)
        return st.tuples(number, number, number)

    return st.builds(
        build, three(-180, 180), three(0.1, 10), three(-1000, 1000), mirrored=st.booleans()
    )


def test_a_nifti_affine_is_read_as_lps_with_x_and_y_turned_round() -> None:
    # RAS: i steps 0.5 mm to the left (-R), j 0.75 mm to posterior (-A), k 3 mm up. In LPS these
    # are +x, +y, +z, so the directions are the identity; the origin changes sign in x and y.
    affine = np.array(
        [(-0.5, 0.0, 0.0, -10.0), (0.0, -0.75, 0.0, 20.0), (0.0, 0.0, 3.0, 30.0), (0, 0, 0, 1)]
    )
    assert Geometry.from_affine(affine, size=(4, 5, 6)) == STRAIGHT


def test_columns_of_the_direction_matrix_are_the_axes() -> None:
    # RAS: i goes 2 mm up, j 3 mm to the right, k 4 mm anterior. In LPS i = +z, j = -x, k = -y.
    affine = np.array(
        [(0.0, 3.0, 0.0, 1.0), (0.0, 0.0, 4.0, 2.0), (2.0, 0.0, 0.0, 3.0), (0, 0, 0, 1)]
    )
    geometry = Geometry.from_affine(affine, size=(1, 1, 1))
    assert geometry.spacing_mm == (2.0, 3.0, 4.0)
    assert geometry.origin_mm == (-1.0, -2.0, 3.0)
    assert geometry.direction == (0.0, -1.0, 0.0, 0.0, 0.0, -1.0, 1.0, 0.0, 0.0)


def test_lps_affine_places_a_voxel_where_hand_arithmetic_does() -> None:
    # 10 + 2 * 0.5 = 11; -20 + 4 * 0.75 = -17; 30 + 1 * 3 = 33
    assert (STRAIGHT.lps_affine @ (2, 4, 1, 1)).tolist() == [11.0, -17.0, 33.0, 1.0]
    assert (STRAIGHT.affine @ (2, 4, 1, 1)).tolist() == [-11.0, 17.0, 33.0, 1.0]


def test_volume_and_number_of_voxels_by_hand() -> None:
    # 0.5 * 0.75 * 3 = 1.125 mm3; 4 * 5 * 6 = 120
    assert math.isclose(STRAIGHT.voxel_ml, 0.001125, rel_tol=1e-15)
    assert STRAIGHT.voxels == 120


@given(affines())
def test_an_affine_survives_the_way_there_and_back(affine: NDArray[np.float64]) -> None:
    geometry = Geometry.from_affine(affine, size=(3, 4, 5))
    np.testing.assert_allclose(geometry.affine, affine, rtol=0, atol=1e-11)
    again = Geometry.from_affine(geometry.affine, size=geometry.size)
    np.testing.assert_allclose(again.direction, geometry.direction, rtol=0, atol=1e-14)
    np.testing.assert_allclose(again.spacing_mm, geometry.spacing_mm, rtol=1e-14)
    assert again.origin_mm == geometry.origin_mm
    assert again.size == (3, 4, 5)


@given(affines())
def test_directions_are_unit_vectors(affine: NDArray[np.float64]) -> None:
    lengths = np.linalg.norm(Geometry.from_affine(affine, size=(1, 1, 1)).direction_matrix, axis=0)
    np.testing.assert_allclose(lengths, 1.0, atol=1e-14)


@settings(max_examples=30)
@given(affines(), st.tuples(*[st.integers(0, 300)] * 3))
def test_positions_agree_with_simpleitk(
    affine: NDArray[np.float64], index: tuple[int, int, int]
) -> None:
    geometry = Geometry.from_affine(affine, size=(1, 1, 1))
    image = SimpleITK.Image([1, 1, 1], SimpleITK.sitkUInt8)
    image.SetSpacing(geometry.spacing_mm)
    image.SetOrigin(geometry.origin_mm)
    image.SetDirection(geometry.direction)
    expected = image.TransformIndexToPhysicalPoint(index)
    np.testing.assert_allclose((geometry.lps_affine @ (*index, 1))[:3], expected, atol=1e-8)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [(0, 0), (1, 2), (2, 3)])
def test_a_non_finite_affine_is_refused(value: float, place: tuple[int, int]) -> None:
    affine = np.eye(4)
    affine[place] = value
    with pytest.raises(ValueError, match="non-finite"):
        Geometry.from_affine(affine, size=(1, 1, 1))


@pytest.mark.parametrize("column", [0, 1, 2])
def test_an_axis_of_length_zero_is_refused(column: int) -> None:
    affine = np.eye(4)
    affine[:3, column] = 0.0
    with pytest.raises(ValueError, match="zero"):
        Geometry.from_affine(affine, size=(1, 1, 1))


@pytest.mark.parametrize(("order", "signs"), SIGNED_PERMUTATIONS)
def test_slice_axis_is_the_one_that_runs_up_or_down_in_any_storage_order(
    order: tuple[int, ...], signs: tuple[float, ...]
) -> None:
    # columns of the identity in another order and with other signs; z (row 2) is where `order` is 2
    matrix = np.eye(3)[:, list(order)] * signs
    assert grid(matrix).slice_axis == order.index(2)


@pytest.mark.parametrize("about", ["x", "y"])
@pytest.mark.parametrize(("degrees", "kept"), [(-44, True), (30, True), (44, True), (46, False)])
def test_an_oblique_axial_stack_keeps_its_slices_up_to_45_degrees(
    about: str, degrees: float, *, kept: bool
) -> None:
    tilted = Rotation.from_euler(about, degrees, degrees=True).as_matrix()
    assert (grid(tilted).slice_axis == 2) is kept


def test_a_turn_within_the_slice_never_changes_the_slice_axis() -> None:
    for degrees in range(0, 360, 15):
        turned = Rotation.from_euler("z", degrees, degrees=True).as_matrix()
        assert grid(turned).slice_axis == 2
        assert grid(turned[:, [2, 0, 1]]).slice_axis == 0


def test_equal_grids_have_no_difference() -> None:
    assert differences(STRAIGHT, STRAIGHT, tolerance=TOLERANCE) == ()
    assert differences(STRAIGHT, STRAIGHT, tolerance=Tolerance(0.0, 0.0, 0.0)) == ()


@pytest.mark.parametrize("component", [0, 1, 2])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("name", "field", "limit"),
    [
        ("spacing", "spacing_mm", TOLERANCE.spacing_mm),
        ("origin", "origin_mm", TOLERANCE.origin_mm),
    ],
)
def test_millimetres_may_differ_by_exactly_the_limit_and_no_more(
    name: str, field: str, limit: float, sign: int, component: int
) -> None:
    def moved(by: float) -> tuple[str, ...]:
        values = list(getattr(STRAIGHT, field))
        values[component] += sign * by
        other = replace(STRAIGHT, **{field: tuple(values)})
        return tuple(each.name for each in differences(STRAIGHT, other, tolerance=TOLERANCE))

    assert moved(limit) == ()
    # 2**-40 is far below the limit and far above the rounding of numbers near 32
    assert moved(limit + 2.0**-40) == (name,)


@pytest.mark.parametrize("component", range(9))
def test_a_direction_cosine_may_differ_by_exactly_the_limit_and_no_more(component: int) -> None:
    def moved(by: float) -> tuple[str, ...]:
        a, b, c, d, e, f, g, h, i = STRAIGHT.direction + by * np.eye(9)[component]
        other = replace(STRAIGHT, direction=(a, b, c, d, e, f, g, h, i))
        return tuple(each.name for each in differences(STRAIGHT, other, tolerance=TOLERANCE))

    assert moved(TOLERANCE.direction) == ()
    assert moved(TOLERANCE.direction + 2.0**-40) == ("direction",)


@pytest.mark.parametrize("component", [0, 1, 2])
def test_a_shape_differs_by_a_single_voxel(component: int) -> None:
    size = list(STRAIGHT.size)
    size[component] += 1
    a, b, c = size
    found = differences(STRAIGHT, replace(STRAIGHT, size=(a, b, c)), tolerance=TOLERANCE)
    assert [(each.name, each.reference) for each in found] == [("shape", "(4, 5, 6)")]
    assert found[0].prediction == f"({a}, {b}, {c})"


def test_every_difference_is_told_in_order_with_both_values_in_words() -> None:
    other = Geometry(
        size=(4, 5, 7),
        spacing_mm=(0.5, 0.75, 3.3),
        origin_mm=(10.0, -20.125, 30.0),
        direction=(-1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    )
    found = differences(STRAIGHT, other, tolerance=TOLERANCE)
    assert [tuple(each) for each in found] == [
        ("shape", "(4, 5, 6)", "(4, 5, 7)"),
        ("spacing", "(0.5, 0.75, 3)", "(0.5, 0.75, 3.3)"),
        ("origin", "(10, -20, 30)", "(10, -20.125, 30)"),
        ("direction", "(1, 0, 0, 0, 1, 0, 0, 0, 1)", "(-1, 0, 0, 0, 1, 0, 0, 0, 1)"),
    ]


def test_a_value_that_is_not_finite_is_a_difference() -> None:
    for value in (math.nan, math.inf):
        other = replace(STRAIGHT, origin_mm=(value, -20.0, 30.0))
        found = differences(STRAIGHT, other, tolerance=TOLERANCE)
        assert [each.name for each in found] == ["origin"]
