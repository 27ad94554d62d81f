"""Nodes by a place within them: there and back, on oblique and turned grids, and off the grid."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK
from hypothesis import given
from hypothesis import strategies as st

from tasks.geometry import RAS_TO_LPS, Geometry
from tasks.node_measurement import measure_nodes_of_task, node_parts_of_task
from tasks.node_points import inner_points_mm, node_predictions, nodes_at
from tests.conftest import PATIENTS, _grid, _nodes

SIZE = (12, 10, 6)
# i to the patient's right, 2 mm; j to anterior, 1.5 mm; k to superior, 4 mm
GRID = Geometry.from_affine(
    RAS_TO_LPS @ np.array([(-2, 0, 0, 50), (0, -1.5, 0, 20), (0, 0, 4, -8), (0, 0, 0, 1.0)]),
    size=SIZE,
)


def mask_of(*voxels: tuple[int, int, int], label: int = 1) -> np.ndarray:
    mask = np.zeros(SIZE, dtype=np.uint8)
    for voxel in voxels:
        mask[voxel] = label
    return mask


def test_a_place_by_hand() -> None:
    mask = mask_of((3, 4, 2), (4, 4, 2), (5, 4, 2)) + mask_of((9, 1, 5), label=2)
    parts = node_parts_of_task(mask)

    got = inner_points_mm(parts, geometry=GRID)

    # x = 50 - 2 i, y = 20 - 1.5 j, z = -8 + 4 k, in the middle of the row of three voxels
    np.testing.assert_allclose(got, [(42, 14, 0), (32, 18.5, 12)])


def test_the_place_of_a_bent_node_is_within_it() -> None:
    # a horseshoe, whose centre of mass is in no voxel of it
    arms = [(2, j, 2) for j in range(2, 8)] + [(8, j, 2) for j in range(2, 8)]
    mask = mask_of(*arms, *((i, 2, 2) for i in range(2, 9)))
    parts = node_parts_of_task(mask)

    (place,) = inner_points_mm(parts, geometry=GRID)

    assert nodes_at([tuple(place)], parts=parts, geometry=GRID).tolist() == [1]


def test_every_node_is_found_by_its_own_place_on_every_grid() -> None:
    for patient in PATIENTS:
        mask, geometry = _nodes(patient.nodes), _grid(patient.centre)
        parts = node_parts_of_task(mask)
        count = int(parts.part.max(initial=0))
        certain = dict.fromkeys(range(1, count + 1), 1.0)
        said = node_predictions(patient.case_id, parts, probabilities=certain, geometry=geometry)
        places = [(each.x_mm, each.y_mm, each.z_mm) for each in said]

        got = nodes_at(places, parts=parts, geometry=geometry)

        assert got.tolist() == list(range(1, count + 1))


def test_places_are_those_of_an_independent_library() -> None:
    mask, geometry = _nodes(PATIENTS[2].nodes), _grid("South")
    image = SimpleITK.GetImageFromArray(mask.transpose())
    image.SetSpacing(geometry.spacing_mm)
    image.SetOrigin(geometry.origin_mm)
    image.SetDirection(geometry.direction)
    parts = node_parts_of_task(mask)

    for place in inner_points_mm(parts, geometry=geometry):
        voxel = image.TransformPhysicalPointToIndex(place.tolist())
        assert image.GetPixel(voxel) > 0


def test_numbers_are_those_of_the_measured_nodes() -> None:
    mask, geometry = _nodes(PATIENTS[2].nodes), _grid("South")
    measured = measure_nodes_of_task(mask, geometry=geometry, compartments=np.zeros_like(mask))

    box, part = node_parts_of_task(mask)

    assert box == measured.box
    np.testing.assert_array_equal(part, measured.part)


@given(
    voxel=st.tuples(st.integers(0, 11), st.integers(0, 9), st.integers(0, 5)),
    shift=st.tuples(*[st.floats(-0.49, 0.49)] * 3),
)
def test_a_place_belongs_to_the_nearest_voxel_centre(
    voxel: tuple[int, int, int], shift: tuple[float, float, float]
) -> None:
    parts = node_parts_of_task(mask_of(voxel))
    i, j, k = np.add(voxel, shift)
    place = (50 - 2 * i, 20 - 1.5 * j, -8 + 4 * k)

    assert nodes_at([place], parts=parts, geometry=GRID).tolist() == [1]


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("steps", [-0.51, 0.51, 40.0, -4000.0])
def test_a_place_beside_the_node_or_outside_the_image_is_in_none(axis: int, steps: float) -> None:
    parts = node_parts_of_task(mask_of((0, 0, 0), (11, 9, 5)))
    voxel = np.zeros(3)
    voxel[axis] += steps
    place = tuple((GRID.lps_affine @ (*voxel, 1.0))[:3])

    assert nodes_at([place], parts=parts, geometry=GRID).tolist() == [0]


def test_without_nodes_there_are_no_places() -> None:
    parts = node_parts_of_task(mask_of())

    assert inner_points_mm(parts, geometry=GRID).shape == (0, 3)
    assert nodes_at([(50.0, 20.0, -8.0)], parts=parts, geometry=GRID).tolist() == [0]
    assert nodes_at([], parts=parts, geometry=GRID).shape == (0,)
