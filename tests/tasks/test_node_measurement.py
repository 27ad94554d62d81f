from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from schema.cohort import DominantNode
from schema.terms import NodeClass, Region, Side, TaskId
from tasks.geometry import RAS_TO_LPS, Geometry
from tasks.node_measurement import (
    Node,
    NodeMap,
    Place,
    as_dominant_node,
    dominant_node,
    measure_nodes,
    measure_nodes_of_task,
    place_of,
    short_axis_mm,
)
from tasks.specification import label_map

NEGATIVE, POSITIVE = 1, 2
COMPARTMENTS = label_map(TaskId.COMPARTMENTS).compartments
GRIDS_MM = ((0.6, 0.6, 3.0), (0.8, 0.8, 3.6))
SIGNED_PERMUTATIONS = [
    (order, signs)
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]
Spacing = tuple[float, float, float]


def geometry(spacing_mm: Spacing, *, order: Sequence[int] = (0, 1, 2)) -> Geometry:
    """Axes along x, y and z (or in another order), origin in the isocentre."""
    lps = np.eye(4)
    lps[:3, :3] = (np.eye(3) * spacing_mm)[:, list(order)]
    return Geometry.from_affine(RAS_TO_LPS @ lps, size=(1, 1, 1))


def ellipse(
    short_mm: float,
    long_mm: float,
    *,
    spacing_mm: Spacing,
    degrees: float,
    centre_voxels: tuple[float, float],
) -> NDArray[np.bool_]:
    """Voxels of one slice whose centres lie inside; the centre is off the grid by a fraction."""
    half = math.ceil(long_mm / 2 / spacing_mm[0]) + 2
    steps = np.arange(-half, half + 1)
    x, y = np.meshgrid(
        (steps - centre_voxels[0]) * spacing_mm[0],
        (steps - centre_voxels[1]) * spacing_mm[1],
        indexing="ij",
    )
    angle = math.radians(degrees)
    along = x * math.cos(angle) + y * math.sin(angle)
    across = y * math.cos(angle) - x * math.sin(angle)
    inside: NDArray[np.bool_] = (along * 2 / long_mm) ** 2 + (across * 2 / short_mm) ** 2 <= 1
    return inside[:, :, None]


def random_ellipse_errors_mm(
    spacing_mm: Spacing, *, count: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Measured minus true short axis of ellipses of 3 to 15 mm, up to 2.5 times as long."""
    errors = []
    for short_mm in rng.uniform(3, 15, count):
        inside = ellipse(
            short_mm,
            short_mm * rng.uniform(1, 2.5),
            spacing_mm=spacing_mm,
            degrees=rng.uniform(0, 180),
            centre_voxels=(rng.uniform(-0.5, 0.5), rng.uniform(-0.5, 0.5)),
        )
        errors.append(short_axis_mm(inside, geometry=geometry(spacing_mm)) - short_mm)
    return np.array(errors)


def ellipsoid_error_mm(spacing_mm: Spacing, *, rng: np.random.Generator) -> float:
    """Measured minus true short axis of one ellipsoid in any position.

    With x' A x = 1 split into the slice's coordinates u and z, A = [[P, b], [b', c]], the section
    at height z is an ellipse with matrix P / (1 - (c - b' P^-1 b) z^2): the nearer to the centre,
    the larger, always of one form. Its short axis is 2 / sqrt of the greatest eigenvalue.
    """
    semi_axes = rng.uniform(2.5, 7.5, 3)
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    matrix = turn @ np.diag(semi_axes**-2.0) @ turn.T
    half = np.ceil(semi_axes.max() / np.asarray(spacing_mm)).astype(int) + 1
    centre = rng.uniform(-0.5, 0.5, 3)
    axes = [
        (np.arange(-n, n + 1) - c) * mm for n, c, mm in zip(half, centre, spacing_mm, strict=True)
    ]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    inside = np.einsum("...i,ij,...j", points, matrix, points) <= 1
    in_plane, tilt = matrix[:2, :2], matrix[:2, 2]
    along_z = matrix[2, 2] - tilt @ np.linalg.solve(in_plane, tilt)
    section = np.max(1 - along_z * axes[2] ** 2)
    true_mm = 2 * math.sqrt(section / np.linalg.eigvalsh(in_plane)[-1])
    return short_axis_mm(inside, geometry=geometry(spacing_mm)) - true_mm


def nodes_of(
    mask: NDArray[Any],
    *,
    compartments: NDArray[Any] | None = None,
    spacing_mm: Spacing = (1.0, 1.0, 1.0),
    connectivity: int = 26,
) -> tuple[Node, ...]:
    return measure_nodes(
        mask,
        geometry=geometry(spacing_mm),
        compartments=np.zeros_like(mask) if compartments is None else compartments,
        node_labels={NodeClass.NEGATIVE: NEGATIVE, NodeClass.POSITIVE: POSITIVE},
        compartment_labels=COMPARTMENTS,
        connectivity=connectivity,
        reach_mm=5.0,
    ).nodes


def place(
    node: Sequence[tuple[int, int, int]],
    compartments: NDArray[Any],
    *,
    spacing_mm: Spacing = (1.0, 1.0, 1.0),
    reach_mm: float = 5.0,
) -> Place:
    """Where a node of these voxels lies, through the box that just holds it."""
    where = np.array(node)
    low, high = where.min(axis=0), where.max(axis=0) + 1
    inside = np.zeros(high - low, dtype=bool)
    inside[tuple((where - low).T)] = True
    box = (slice(low[0], high[0]), slice(low[1], high[1]), slice(low[2], high[2]))
    return place_of(
        inside,
        box=box,
        compartments=compartments,
        labels=COMPARTMENTS,
        spacing_mm=spacing_mm,
        reach_mm=reach_mm,
    )


def node(node_class: NodeClass, short_mm: float, *, where: Place | None = None) -> Node:
    return Node(
        number=1,
        node_class=node_class,
        short_axis_mm=short_mm,
        volume_ml=0.1,
        voxels=5,
        place=where or Place(Region.OB, Side.LEFT),
    )


# --- short axis ---------------------------------------------------------------------------------


def test_an_empty_mask_has_no_short_axis() -> None:
    assert short_axis_mm(np.zeros((3, 4, 5), dtype=bool), geometry=geometry((0.6, 0.6, 3.0))) == 0.0


def test_one_voxel_is_half_a_voxel_wide() -> None:
    # the outline is a diamond with tips a quarter of a voxel out: 0.5 * 0.6 from tip to tip
    one = np.ones((1, 1, 1), dtype=bool)
    assert math.isclose(short_axis_mm(one, geometry=geometry((0.6, 0.6, 3.0))), 0.3)


@pytest.mark.parametrize("shape", [(5, 1, 1), (1, 5, 1)])
def test_a_line_is_half_a_voxel_wide(shape: tuple[int, int, int]) -> None:
    # longest from tip to tip (4.5 voxels), across it 2 * a quarter of a voxel: 0.5 * 0.6
    line = np.ones(shape, dtype=bool)
    assert math.isclose(short_axis_mm(line, geometry=geometry((0.6, 0.6, 3.0))), 0.3)


def test_a_square_of_nine_voxels_by_hand() -> None:
    # Corners of the outline at 1 mm: (-0.25, 0), (0, -0.25), (2, -0.25), (2.25, 0), (2.25, 2),
    # (2, 2.25), (0, 2.25), (-0.25, 2). Longest: (-0.25, 0) to (2.25, 2), length sqrt(10.25) = L.
    # Across it, along (-2, 2.5) / L: (0, 2.25) gives 5.625 / L, (2, -0.25) -4.625 / L, in all
    # 10.25 / L = sqrt(10.25). The mirrored longest ones give the same.
    square = np.ones((3, 3, 1), dtype=bool)
    got = short_axis_mm(square, geometry=geometry((1.0, 1.0, 3.0)))
    assert math.isclose(got, math.sqrt(10.25), rel_tol=1e-12)


def test_of_equally_long_diameters_the_one_across_which_the_node_is_thinner_counts() -> None:
    # Corners at 1 mm: (-0.25, 3), (2, 0.75), (2.25, 1), (2.25, 2), (2, 2.25), (0, 3.25). Two pairs
    # are sqrt(10.25) = L apart: (-0.25, 3) and (2.25, 1), across which (2, 2.5) / L goes from
    # 5.875 / L to 9.625 / L, so 3.75 / L; and (0, 3.25) and (2, 0.75), across which (2.5, 2) / L
    # goes from 5.375 / L to 9.625 / L, so 4.25 / L.
    inside = np.zeros((3, 4, 1), dtype=bool)
    inside[0, 3] = inside[2, 1] = inside[2, 2] = True
    got = short_axis_mm(inside, geometry=geometry((1.0, 1.0, 3.0)))
    assert math.isclose(got, 3.75 / math.sqrt(10.25), rel_tol=1e-12)


def test_the_slice_with_the_greatest_width_counts_not_the_one_with_the_greatest_length() -> None:
    inside = np.zeros((9, 9, 2), dtype=bool)
    inside[:, 4, 0] = True  # 9 long, 1 wide
    inside[3:6, 3:6, 1] = True  # the square above
    got = short_axis_mm(inside, geometry=geometry((1.0, 1.0, 3.0)))
    assert math.isclose(got, math.sqrt(10.25), rel_tol=1e-12)


def test_the_extent_across_slices_never_counts() -> None:
    column = np.ones((1, 1, 30), dtype=bool)
    assert math.isclose(short_axis_mm(column, geometry=geometry((0.6, 0.6, 3.0))), 0.3)


def test_a_hole_or_a_dent_does_not_make_a_node_thinner() -> None:
    ring = np.ones((5, 5, 1), dtype=bool)
    full = short_axis_mm(ring, geometry=geometry((1.0, 1.0, 3.0)))
    ring[1:4, 1:5] = False
    ring[0, 4] = ring[4, 4] = True
    assert math.isclose(short_axis_mm(ring, geometry=geometry((1.0, 1.0, 3.0))), full)


@pytest.mark.parametrize("spacing_mm", GRIDS_MM)
def test_ellipses_are_measured_without_bias(spacing_mm: Spacing) -> None:
    errors = random_ellipse_errors_mm(spacing_mm, count=600, rng=np.random.default_rng(20251111))
    assert abs(errors.mean()) < 0.15
    assert errors.std() < 0.2
    assert np.quantile(np.abs(errors), 0.99) < 0.8 * spacing_mm[0]


@pytest.mark.parametrize("spacing_mm", GRIDS_MM)
def test_ellipsoids_at_any_rotation_are_measured_without_bias(spacing_mm: Spacing) -> None:
    rng = np.random.default_rng(7)
    errors = np.array([ellipsoid_error_mm(spacing_mm, rng=rng) for _ in range(150)])
    assert abs(errors.mean()) < 0.15
    assert np.abs(errors).max() < spacing_mm[0]


@settings(max_examples=60, derandomize=True)
@given(
    spacing_mm=st.sampled_from(GRIDS_MM),
    short_mm=st.floats(3, 15),
    ratio=st.floats(1, 2.5),
    degrees=st.floats(0, 180),
    centre_voxels=st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)),
)
@example(
    spacing_mm=(0.8, 0.8, 3.6), short_mm=3.11, ratio=1.41, degrees=0.0, centre_voxels=(0.5, 0.0)
)
@example(
    spacing_mm=(0.6, 0.6, 3.0), short_mm=5.86, ratio=1.13, degrees=0.0, centre_voxels=(0.47, 0.0)
)
def test_a_single_error_stays_below_one_and_a_half_in_plane_voxels(
    spacing_mm: Spacing,
    short_mm: float,
    ratio: float,
    degrees: float,
    centre_voxels: tuple[float, float],
) -> None:
    inside = ellipse(
        short_mm,
        short_mm * ratio,
        spacing_mm=spacing_mm,
        degrees=degrees,
        centre_voxels=centre_voxels,
    )
    error = short_axis_mm(inside, geometry=geometry(spacing_mm)) - short_mm
    assert abs(error) < 1.5 * spacing_mm[0]


@settings(max_examples=40)
@given(arrays(np.bool_, (4, 5, 3)), st.sampled_from(SIGNED_PERMUTATIONS))
def test_short_axis_does_not_depend_on_how_the_array_is_stored(
    inside: NDArray[np.bool_], stored: tuple[tuple[int, ...], tuple[int, ...]]
) -> None:
    order, signs = stored
    other = inside[:: signs[0], :: signs[1], :: signs[2]].transpose(order)
    spacing_mm = (0.6, 0.7, 3.0)
    expected = short_axis_mm(inside, geometry=geometry(spacing_mm))
    got = short_axis_mm(other, geometry=geometry(spacing_mm, order=order))
    assert math.isclose(got, expected, rel_tol=1e-9)


@settings(max_examples=40)
@given(arrays(np.bool_, (5, 5, 2)), st.integers(0, 3), st.integers(0, 3))
def test_short_axis_does_not_depend_on_where_in_its_box_a_node_lies(
    inside: NDArray[np.bool_], before: int, after: int
) -> None:
    grid = geometry((0.6, 0.6, 3.0))
    moved = np.pad(inside, ((before, after), (after, before), (1, 0)))
    expected = short_axis_mm(inside, geometry=grid)
    assert math.isclose(short_axis_mm(moved, geometry=grid), expected, rel_tol=1e-9)


# --- which voxels are one node ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "joined"),
    [((1, 0, 0), (6, 18, 26)), ((1, 1, 0), (18, 26)), ((1, 1, 1), (26,)), ((2, 0, 0), ())],
)
def test_voxels_join_by_face_edge_or_corner_as_asked(
    step: tuple[int, int, int], joined: tuple[int, ...]
) -> None:
    mask = np.zeros((4, 4, 4), dtype=np.uint8)
    mask[1, 1, 1] = mask[1 + step[0], 1 + step[1], 1 + step[2]] = NEGATIVE
    for connectivity in (6, 18, 26):
        expected = 1 if connectivity in joined else 2
        assert len(nodes_of(mask, connectivity=connectivity)) == expected


def test_task_file_joins_voxels_that_touch_at_a_corner() -> None:
    mask = np.zeros((4, 4, 4), dtype=np.uint8)
    mask[1, 1, 1] = mask[2, 2, 2] = POSITIVE
    found = measure_nodes_of_task(
        mask, geometry=geometry((1.0, 1.0, 1.0)), compartments=np.zeros_like(mask)
    )
    assert [each.voxels for each in found.nodes] == [2]


def test_touching_nodes_of_two_classes_are_two_nodes() -> None:
    mask = np.zeros((4, 1, 1), dtype=np.uint8)
    mask[:, 0, 0] = (NEGATIVE, NEGATIVE, POSITIVE, 0)
    found = nodes_of(mask)
    assert {(each.node_class, each.voxels) for each in found} == {
        (NodeClass.NEGATIVE, 2),
        (NodeClass.POSITIVE, 1),
    }


def test_one_class_split_by_the_other_is_two_nodes_of_it() -> None:
    mask = np.zeros((3, 1, 1), dtype=np.uint8)
    mask[:, 0, 0] = (NEGATIVE, POSITIVE, NEGATIVE)
    classes = sorted(each.node_class.value for each in nodes_of(mask))
    assert classes == ["negative", "negative", "positive"]


def test_a_mask_without_nodes_has_none() -> None:
    mask = np.zeros((3, 4, 5), dtype=np.uint8)
    found = measure_nodes_of_task(
        mask, geometry=geometry((1.0, 1.0, 1.0)), compartments=np.ones_like(mask)
    )
    assert found.nodes == ()
    assert found.numbers.shape == mask.shape
    assert not found.numbers.any()


def test_values_that_are_no_node_label_are_background() -> None:
    mask = np.zeros((3, 3, 3), dtype=np.uint8)
    mask[0, 0, 0], mask[2, 2, 2] = 7, POSITIVE
    assert [each.node_class for each in nodes_of(mask)] == [NodeClass.POSITIVE]


def test_nodes_are_numbered_as_their_first_voxels_are_stored_in_a_file() -> None:
    # a file runs along i first, then j, then k
    mask = np.zeros((5, 3, 3), dtype=np.uint8)
    mask[2, 0, 2], mask[0, 2, 0], mask[4, 0, 0], mask[3, 2, 0] = (
        NEGATIVE,
        NEGATIVE,
        POSITIVE,
        POSITIVE,
    )
    for stored in (mask, np.asfortranarray(mask)):
        numbers = measure_nodes_of_task(
            stored, geometry=geometry((1.0, 1.0, 1.0)), compartments=np.zeros_like(mask)
        ).numbers
        where = (numbers[4, 0, 0], numbers[0, 2, 0], numbers[3, 2, 0], numbers[2, 0, 2])
        assert where == (1, 2, 3, 4)


@settings(max_examples=50)
@given(arrays(np.uint8, (4, 3, 3), elements=st.integers(0, 2)))
def test_numbers_and_nodes_tell_the_same_story(mask: NDArray[Any]) -> None:
    found: NodeMap = measure_nodes_of_task(
        mask, geometry=geometry((1.0, 1.0, 2.0)), compartments=np.zeros_like(mask)
    )
    np.testing.assert_array_equal(found.numbers > 0, mask > 0)
    assert [each.number for each in found.nodes] == list(range(1, len(found.nodes) + 1))
    for each in found.nodes:
        values = mask[found.numbers == each.number]
        assert each.voxels == values.size
        assert set(values) == {POSITIVE if each.node_class is NodeClass.POSITIVE else NEGATIVE}
        assert math.isclose(each.volume_ml, values.size * 0.002)
        assert each.short_axis_mm > 0


@pytest.mark.parametrize(
    "stored", ["int8", "uint16", "int16", "uint32", "int32", ">u2", ">i2", ">u4", ">i4"]
)
def test_every_type_and_byte_order_that_a_mask_may_have_is_measured_alike(stored: str) -> None:
    mask = np.zeros((4, 4, 3), dtype=np.uint8)
    mask[0, 0, 0], mask[2:, 2:, 1] = POSITIVE, NEGATIVE
    compartments = np.full(mask.shape, 3, dtype=np.uint8)
    expected = nodes_of(mask, compartments=compartments)
    got = nodes_of(mask.astype(stored), compartments=compartments.astype(stored))
    assert got == expected
    assert len(got) == 2


def test_memory_order_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    mask = rng.choice(3, size=(7, 6, 5), p=[0.8, 0.1, 0.1]).astype(np.uint8)
    compartments = rng.integers(0, 7, mask.shape).astype(np.uint8)
    expected = nodes_of(mask, compartments=compartments)
    assert len(expected) > 3
    got = nodes_of(np.asfortranarray(mask), compartments=np.asfortranarray(compartments))
    assert got == expected


def test_volume_by_hand() -> None:
    # 5 voxels of 0.6 * 0.6 * 3.0 = 1.08 mm3: 5.4 mm3
    mask = np.zeros((5, 1, 1), dtype=np.uint8)
    mask[:] = POSITIVE
    (found,) = nodes_of(mask, spacing_mm=(0.6, 0.6, 3.0))
    assert math.isclose(found.volume_ml, 0.0054, rel_tol=1e-12)
    assert found.voxels == 5


@pytest.mark.parametrize(("order", "signs"), SIGNED_PERMUTATIONS)
def test_measurements_do_not_depend_on_how_the_arrays_are_stored(
    order: tuple[int, ...], signs: tuple[int, ...]
) -> None:
    mask = np.zeros((9, 8, 5), dtype=np.uint8)
    mask[1:5, 1:3, 1], mask[6:8, 5:8, 2:4], mask[8, 0, 4] = NEGATIVE, POSITIVE, POSITIVE
    compartments = np.zeros_like(mask)
    compartments[:5, :4], compartments[6:, 5:], compartments[8, 2, 4] = 3, 6, 1
    spacing_mm = (0.6, 0.7, 3.0)

    def measured(
        given: NDArray[Any], under: NDArray[Any], grid: Geometry
    ) -> list[tuple[str, str, str, int, float, float]]:
        found = measure_nodes_of_task(given, geometry=grid, compartments=under)
        return sorted(
            (
                each.node_class.value,
                str(each.place.region),
                str(each.place.side),
                each.voxels,
                round(each.short_axis_mm, 9),
                round(each.volume_ml, 12),
            )
            for each in found.nodes
        )

    flip = tuple(slice(None, None, sign) for sign in signs)
    expected = measured(mask, compartments, geometry(spacing_mm))
    got = measured(
        mask[flip].transpose(order),
        compartments[flip].transpose(order),
        geometry(spacing_mm, order=order),
    )
    assert got == expected
    assert [each[:4] for each in expected] == [
        ("negative", "OB", "right", 8),
        ("positive", "EI", "right", 1),
        ("positive", "II", "left", 12),
    ]


# --- where a node lies --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("under", "expected"),
    [
        ((3, 3, 1, 1, 3), Place(Region.OB, Side.RIGHT)),
        ((0, 0, 0, 0, 6), Place(Region.II, Side.LEFT)),
        ((4, 4, 1, 1, 0), Place(Region.EI, Side.RIGHT)),
        ((6, 5, 0, 0, 0), Place(Region.II, Side.RIGHT)),
        ((2, 1, 3, 4, 5), Place(Region.EI, Side.RIGHT)),
        ((0, 2, 2, 3, 0), Place(Region.EI, Side.LEFT)),
    ],
    ids=["most voxels", "one is enough", "tie", "tie of sides", "tie of all", "background apart"],
)
def test_a_node_belongs_where_most_of_it_lies_and_a_tie_to_the_smaller_label(
    under: tuple[int, ...], expected: Place
) -> None:
    compartments = np.array(under, dtype=np.uint8).reshape(5, 1, 1)
    assert place([(i, 0, 0) for i in range(5)], compartments) == expected


def test_only_the_nodes_own_voxels_count_not_its_box() -> None:
    compartments = np.full((3, 3, 1), 1, dtype=np.uint8)
    compartments[0, 0, 0] = compartments[1, 1, 0] = compartments[2, 2, 0] = 4
    diagonal = [(0, 0, 0), (1, 1, 0), (2, 2, 0)]
    assert place(diagonal, compartments) == Place(Region.OB, Side.LEFT)


@pytest.mark.parametrize(
    ("step", "within"),
    [
        ((5, 0, 0), True),  # 5 * 1 mm: exactly the reach
        ((6, 0, 0), False),  # 6 mm
        ((0, 2, 0), True),  # 2 * 2 mm
        ((0, 3, 0), False),  # 6 mm
        ((0, 0, 2), True),  # 2 * 2.5 mm: exactly the reach
        ((0, 0, 3), False),  # 7.5 mm
        ((3, 2, 0), True),  # sqrt(9 + 16) = 5
        ((4, 2, 0), False),  # sqrt(16 + 16) = 5.66
        ((4, 1, 1), False),  # sqrt(16 + 4 + 6.25) = 5.12
        ((3, 1, 1), True),  # sqrt(9 + 4 + 6.25) = 4.39
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_node_outside_every_compartment_belongs_to_one_within_reach(
    step: tuple[int, int, int], sign: int, *, within: bool
) -> None:
    start = np.array((7, 4, 4))
    compartments = np.zeros((15, 9, 9), dtype=np.uint8)
    compartments[tuple(start + sign * np.array(step))] = 5
    expected = Place(Region.II, Side.RIGHT) if within else Place("outside", None)
    assert place([(7, 4, 4)], compartments, spacing_mm=(1.0, 2.0, 2.5)) == expected


def test_the_nearest_compartment_is_nearest_in_millimetres_not_in_voxels() -> None:
    compartments = np.zeros((9, 3, 5), dtype=np.uint8)
    compartments[5, 1, 2] = 1  # 4 voxels along i: 4 * 0.6 = 2.4 mm
    compartments[1, 1, 3] = 6  # 1 voxel along k: 3.0 mm
    assert place([(1, 1, 2)], compartments, spacing_mm=(0.6, 0.6, 3.0)).region == Region.EI
    assert place([(1, 1, 2)], compartments, spacing_mm=(0.8, 0.6, 3.0)).region == Region.II


def test_the_distance_is_from_the_nearest_voxel_of_the_node() -> None:
    compartments = np.zeros((20, 1, 1), dtype=np.uint8)
    compartments[14] = 4
    far = [(i, 0, 0) for i in range(9)]  # the last one is 6 voxels away
    assert place(far, compartments).region == "outside"
    near = [(i, 0, 0) for i in range(10)]
    assert place(near, compartments) == Place(Region.OB, Side.LEFT)


@pytest.mark.parametrize("corner", [(0, 0, 0), (5, 4, 3)])
def test_a_node_in_the_corner_of_the_grid_is_placed_too(corner: tuple[int, int, int]) -> None:
    compartments = np.zeros((6, 5, 4), dtype=np.uint8)
    assert place([corner], compartments) == Place("outside", None)
    compartments[2, 2, 2] = 2
    assert place([corner], compartments) == Place(Region.EI, Side.LEFT)


@pytest.mark.parametrize("leftwards", [True, False])
def test_right_and_left_are_the_patients_whichever_way_the_array_runs(*, leftwards: bool) -> None:
    """Compartments laid out in millimetres: x below 0 is the patient's right in LPS."""
    lps = np.diag([2.0 if leftwards else -2.0, 2.0, 4.0, 1.0])
    lps[0, 3] = -20.0 if leftwards else 20.0
    grid = Geometry.from_affine(RAS_TO_LPS @ lps, size=(21, 3, 3))
    x_mm = grid.lps_affine[0, 0] * np.arange(21) + grid.origin_mm[0]
    compartments = np.zeros((21, 3, 3), dtype=np.uint8)
    compartments[x_mm < -4], compartments[x_mm > 4] = 3, 4
    mask = np.zeros_like(compartments)
    mask[x_mm == -12, 1, 1] = POSITIVE
    (found,) = measure_nodes_of_task(mask, geometry=grid, compartments=compartments).nodes
    assert found.place == Place(Region.OB, Side.RIGHT)


# --- the dominant node --------------------------------------------------------------------------


def test_the_dominant_node_is_the_largest_positive_one() -> None:
    small, large = node(NodeClass.POSITIVE, 6.0), node(NodeClass.POSITIVE, 8.0)
    larger_negative = node(NodeClass.NEGATIVE, 12.0)
    assert dominant_node([small, larger_negative, large]) is large


def test_of_equally_large_nodes_the_first_is_dominant() -> None:
    first, second = node(NodeClass.POSITIVE, 8.0), node(NodeClass.POSITIVE, 8.0)
    assert dominant_node([first, second]) is first


def test_without_a_positive_node_there_is_no_dominant_one() -> None:
    assert dominant_node([]) is None
    assert dominant_node([node(NodeClass.NEGATIVE, 12.0)]) is None


def test_a_patient_is_described_by_the_dominant_node_to_a_tenth_of_a_millimetre() -> None:
    assert as_dominant_node(None) == DominantNode(positive=0)
    found = as_dominant_node(node(NodeClass.POSITIVE, 7.349))
    assert found == DominantNode(positive=1, region=Region.OB, side=Side.LEFT, short_axis_mm=7.3)
    outside = as_dominant_node(node(NodeClass.POSITIVE, 7.25001, where=Place("outside", None)))
    assert outside == DominantNode(positive=1, short_axis_mm=7.3)
