"""The phantom's image, compartments and nodes."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import cc3d
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from schema.terms import NodeClass, Region, Side
from tasks.geometry import Geometry
from tasks.node_measurement import measure_nodes
from tasks.phantom.acquisition import PROTOCOLS, Centre, Protocol, draw_geometry
from tasks.phantom.image import PhantomVolumes, draw_phantom
from tasks.phantom.lattice import lattice_over
from tasks.phantom.lymph_nodes import (
    LARGEST_MM,
    SMALLEST_MM,
    classify,
    draw_outline,
    plan_nodes,
    short_axis_of,
)
from tasks.phantom.tubes import Knot, Sweep

THRESHOLD_MM = 7.0
# deliberately not the task's own values: the code must take them from the mapping
COMPARTMENTS = dict(zip(itertools.product(Region, Side), (9, 4, 12, 3, 7, 21), strict=True))
NODES = {NodeClass.NEGATIVE: 5, NodeClass.POSITIVE: 8}
CAVITY = Protocol(size=(96, 96, 16), spacing_mm=(2.0, 2.0, 6.0))
WIDE = Protocol(size=(96, 96, 12), spacing_mm=(4.0, 4.0, 6.0))


class Case(NamedTuple):
    geometry: Geometry
    volumes: PhantomVolumes
    positive: bool


def draw(seed: int, *, protocol: Protocol = CAVITY, positive: bool, female: bool = False) -> Case:
    rng = np.random.default_rng(seed)
    geometry = draw_geometry(protocol, rng=rng)
    return Case(
        geometry, draw_on(geometry, positive=positive, rng=rng, female=female), positive=positive
    )


def draw_on(
    geometry: Geometry, *, positive: bool, rng: np.random.Generator, female: bool = False
) -> PhantomVolumes:
    return draw_phantom(
        geometry=geometry,
        positive=positive,
        compartment_labels=COMPARTMENTS,
        node_labels=NODES,
        threshold_mm=THRESHOLD_MM,
        rng=rng,
        female=female,
    )


@pytest.fixture(scope="module")
def coarse() -> list[Case]:
    return [draw(seed, positive=seed % 2 == 0, female=seed % 3 == 0) for seed in range(8)]


@pytest.fixture(scope="module")
def full() -> list[Case]:
    return [
        draw(100, protocol=PROTOCOLS[Centre.A], positive=True),
        draw(101, protocol=PROTOCOLS[Centre.B], positive=True, female=True),
        draw(102, protocol=PROTOCOLS[Centre.B], positive=False),
    ]


def positions_mm(geometry: Geometry, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    affine = geometry.lps_affine
    return np.asarray(np.argwhere(mask) @ affine[:3, :3].T + affine[:3, 3])


def voxel_of(geometry: Geometry, point_mm: tuple[float, float, float]) -> tuple[int, int, int]:
    index = np.linalg.solve(geometry.lps_affine, np.array([*point_mm, 1.0]))[:3]
    i, j, k = (int(value) for value in np.rint(index))
    return i, j, k


# --- acquisition -------------------------------------------------------------------------------


@pytest.mark.parametrize("centre", Centre)
@pytest.mark.parametrize("seed", range(5))
def test_the_stack_is_orthonormal_right_handed_and_tilted_by_5_to_15_degrees(
    centre: Centre, seed: int
) -> None:
    geometry = draw_geometry(PROTOCOLS[centre], rng=np.random.default_rng(seed))
    matrix = geometry.direction_matrix
    np.testing.assert_allclose(matrix.T @ matrix, np.eye(3), atol=1e-14)
    assert np.linalg.det(matrix) == pytest.approx(1.0)
    # rotations about y and z of at most 5 degrees each leave cos(tilt) at cos(15) cos(5) or above
    assert np.cos(np.deg2rad(15)) * np.cos(np.deg2rad(5)) <= matrix[2, 2] <= np.cos(np.deg2rad(5))
    # the anterior edge is the cranial one: going to posterior, j goes down
    assert matrix[2, 1] < 0


@pytest.mark.parametrize("seed", range(5))
def test_the_stack_is_centred_on_the_pelvis_within_its_jitter(seed: int) -> None:
    geometry = draw_geometry(PROTOCOLS[Centre.A], rng=np.random.default_rng(seed))
    middle = (np.array(geometry.size) - 1) / 2
    centre = geometry.lps_affine @ np.array([*middle, 1.0])
    assert np.abs(centre[:3]).max() <= 4.0
    assert np.abs(centre[:3]).max() > 0.0


# --- shapes ------------------------------------------------------------------------------------


def test_distance_from_a_round_tube_is_the_distance_from_its_circle() -> None:
    sweep = Sweep.of((Knot(-20, 30, 0, 10, 10), Knot(20, 30, 0, 10, 10)))
    # x = 30 is the axis: 10 deep. 35: 5 deep. 45: 5 out. At z = 26, 6 above the end.
    x = np.array([30, 35, 45, 30], dtype=np.float32)
    z = np.array([0, 0, 0, 26], dtype=np.float32)
    distance = sweep.signed_distance(x=x, y=np.zeros_like(x), z=z)
    np.testing.assert_allclose(distance, [-10, -5, 5, 6], atol=0.02)


def test_distance_from_an_ellipse_is_right_on_its_turned_axes() -> None:
    # semi-axes 12 and 4, turned by 90 degrees: 12 along y, 4 along x
    sweep = Sweep.of((Knot(-9, 0, 0, 12, 4, 90), Knot(9, 0, 0, 12, 4, 90)))
    x = np.array([4, 0, 5, 0], dtype=np.float32)
    y = np.array([0, 12, 0, 13], dtype=np.float32)
    distance = sweep.signed_distance(x=x, y=y, z=np.zeros_like(x))
    # on the surface, on the surface, then 1 mm out: F (F - 1) / |grad F| = 1.25 * 0.25 / (1.25/4)
    # = 1 for F = 5/4; (13/12) (1/12) / (13/144) = 1 for F = 13/12
    np.testing.assert_allclose(distance, [0, 0, 1, 1], atol=0.02)


def test_a_tube_lies_within_its_bounds() -> None:
    sweep = Sweep.of((Knot(-9, 3, 2, 12, 4, 30, 0.01), Knot(9, 5, -4, 9, 6, -40, -0.01)))
    low, high = sweep.bounds(margin_mm=0.0)
    axes = [np.arange(-30, 30, dtype=np.float32)] * 3
    grid = np.meshgrid(*axes, indexing="ij")
    inside = sweep.signed_distance(x=grid[0], y=grid[1], z=grid[2]) < 0
    points = np.stack([axis[inside] for axis in grid], axis=1)
    assert len(points) > 500
    assert (points >= low - 1e-3).all()
    assert (points <= high + 1e-3).all()


@given(
    size=st.tuples(st.integers(5, 40), st.integers(5, 40), st.integers(3, 9)),
    spacing_mm=st.floats(0.3, 3.0),
    seed=st.integers(0, 99),
)
@settings(max_examples=25, deadline=None)
def test_interpolation_of_the_lattice_reproduces_the_coordinates_of_every_voxel(
    size: tuple[int, int, int], spacing_mm: float, seed: int
) -> None:
    protocol = Protocol(size=size, spacing_mm=(spacing_mm, 2 * spacing_mm, 4.0))
    geometry = draw_geometry(protocol, rng=np.random.default_rng(seed))
    lattice = lattice_over(geometry)
    expected = positions_mm(geometry, np.ones(size, dtype=bool))
    for axis, field in enumerate(lattice.coordinates()):
        values = lattice.to_file_order(lattice.refine(field, lattice.whole()))
        np.testing.assert_allclose(values.ravel(), expected[:, axis], atol=1e-3)


# --- compartments ------------------------------------------------------------------------------


def test_every_compartment_is_there_in_one_piece(coarse: list[Case]) -> None:
    for case in coarse:
        for label in COMPARTMENTS.values():
            mask = case.volumes.compartments == label
            assert mask.any()
            assert cc3d.connected_components(mask, connectivity=26, return_N=True)[1] == 1
        assert set(np.unique(case.volumes.compartments)) == {0, *COMPARTMENTS.values()}


def test_compartments_have_a_plausible_volume_and_span_most_slices(full: list[Case]) -> None:
    for case in full:
        for label in COMPARTMENTS.values():
            mask = case.volumes.compartments == label
            assert 8.0 < mask.sum() * case.geometry.voxel_ml < 70.0
            assert mask.any(axis=(0, 1)).mean() > 0.6


def test_the_right_is_the_patients_and_chains_run_from_front_to_back(coarse: list[Case]) -> None:
    for case in coarse:
        centroid = {
            key: positions_mm(case.geometry, case.volumes.compartments == label).mean(axis=0)
            for key, label in COMPARTMENTS.items()
        }
        for region in Region:
            assert centroid[region, Side.RIGHT][0] < -20 < 20 < centroid[region, Side.LEFT][0]
        for side in Side:
            anterior, middle, posterior = (centroid[region, side][1] for region in Region)
            assert anterior + 8 < middle < posterior - 8  # Region runs EI, OB, II


def test_no_patient_is_symmetric(coarse: list[Case]) -> None:
    for case in coarse:
        for region in Region:
            right, left = (
                np.count_nonzero(case.volumes.compartments == COMPARTMENTS[region, side])
                for side in (Side.RIGHT, Side.LEFT)
            )
            assert right != left
            assert 0.6 < right / left < 1.6


@pytest.mark.parametrize(
    ("order", "flips"),
    [
        ([0, 1, 2], (True, True, False)),  # as a NIfTI writer with RAS axes would store it
        ([0, 1, 2], (False, False, True)),
        ([2, 0, 1], (False, True, True)),
        ([1, 2, 0], (True, False, False)),
    ],
)
def test_axis_order_and_direction_of_the_file_change_nothing_in_the_patient(
    coarse: list[Case], order: list[int], flips: tuple[bool, bool, bool]
) -> None:
    case = coarse[4]
    rng = np.random.default_rng(4)
    draw_geometry(CAVITY, rng=rng)  # as `draw` did
    other = draw_on(reordered(case.geometry, order=order, flips=flips), positive=True, rng=rng)
    assert other.t2.shape == tuple(case.geometry.size[axis] for axis in order)
    for name in ("compartments", "nodes"):
        back = restored(getattr(other, name), order=order, flips=flips)
        np.testing.assert_array_equal(back, getattr(case.volumes, name))
    for one, two in zip(case.volumes.planted, other.planted, strict=True):
        np.testing.assert_allclose(one.centre_mm, two.centre_mm, atol=1e-6)
        assert one[2:] == two[2:]


def reordered(geometry: Geometry, *, order: list[int], flips: tuple[bool, bool, bool]) -> Geometry:
    """The same voxels stored with some axes reversed, then all permuted."""
    affine = geometry.lps_affine
    last = [size - 1 if flip else 0 for size, flip in zip(geometry.size, flips, strict=True)]
    origin = (affine @ np.array([*last, 1.0]))[:3]
    signs = np.where(flips, -1.0, 1.0)
    matrix = (geometry.direction_matrix * signs)[:, order]
    a, b, c, d, e, f, g, h, m = matrix.ravel().tolist()
    i, j, k = order
    return Geometry(
        size=(geometry.size[i], geometry.size[j], geometry.size[k]),
        spacing_mm=(geometry.spacing_mm[i], geometry.spacing_mm[j], geometry.spacing_mm[k]),
        origin_mm=(float(origin[0]), float(origin[1]), float(origin[2])),
        direction=(a, b, c, d, e, f, g, h, m),
    )


def restored(
    volume: NDArray[np.uint8], *, order: list[int], flips: tuple[bool, bool, bool]
) -> NDArray[np.uint8]:
    back = np.transpose(volume, np.argsort(order))
    return np.asarray(np.flip(back, axis=tuple(np.flatnonzero(flips).tolist())))


# --- nodes -------------------------------------------------------------------------------------


def test_a_patient_is_positive_exactly_when_asked(coarse: list[Case], full: list[Case]) -> None:
    for case in coarse + full:
        classes = [node.node_class for node in case.volumes.planted]
        assert (NodeClass.POSITIVE in classes) == case.positive
        assert (case.volumes.nodes == NODES[NodeClass.POSITIVE]).any() == case.positive
        assert (2 if case.positive else 0) <= len(classes) <= 12


def test_every_class_follows_the_rule_and_no_size_is_near_the_threshold(full: list[Case]) -> None:
    for node in (node for case in full for node in case.volumes.planted):
        large = node.short_axis_mm >= THRESHOLD_MM
        both = node.irregular and node.heterogeneous
        assert (node.node_class is NodeClass.POSITIVE) == (large or both)
        assert abs(node.short_axis_mm - THRESHOLD_MM) >= 1.0
        assert SMALLEST_MM <= node.short_axis_mm <= LARGEST_MM


def test_every_planted_node_is_one_component_of_its_class(
    coarse: list[Case], full: list[Case]
) -> None:
    planted = 0
    for case in coarse + full:
        mask = case.volumes.nodes
        parts, count = cc3d.connected_components(mask > 0, connectivity=26, return_N=True)
        assert count == len(case.volumes.planted)
        planted += count
        found = set()
        for node in case.volumes.planted:
            part = parts[voxel_of(case.geometry, node.centre_mm)]
            assert set(np.unique(mask[parts == part])) == {NODES[node.node_class]}
            found.add(int(part))
        assert len(found) == count
    assert planted >= 25


def test_every_node_lies_within_its_compartment_which_stays_filled(
    coarse: list[Case], full: list[Case]
) -> None:
    for case in coarse + full:
        parts = cc3d.connected_components(case.volumes.nodes > 0, connectivity=26)
        for node in case.volumes.planted:
            part = parts == parts[voxel_of(case.geometry, node.centre_mm)]
            label = COMPARTMENTS[node.region, node.side]
            assert (case.volumes.compartments[part] == label).mean() >= 0.9
            assert (node.centre_mm[0] < 0) == (node.side is Side.RIGHT)


def test_measuring_the_mask_finds_the_planted_size_region_and_class(full: list[Case]) -> None:
    for case in full:
        found = measure_nodes(
            case.volumes.nodes,
            geometry=case.geometry,
            compartments=case.volumes.compartments,
            node_labels=NODES,
            compartment_labels=COMPARTMENTS,
            connectivity=26,
            reach_mm=5.0,
        )
        for planted in case.volumes.planted:
            node = found.nodes[found.numbers[voxel_of(case.geometry, planted.centre_mm)] - 1]
            assert node.short_axis_mm == pytest.approx(planted.short_axis_mm, abs=0.8)
            assert (node.short_axis_mm >= THRESHOLD_MM) == (planted.short_axis_mm >= THRESHOLD_MM)
            assert node.place == (planted.region, planted.side)
            assert node.node_class is planted.node_class


def test_a_large_smooth_node_has_the_volume_of_its_ellipsoid(full: list[Case]) -> None:
    checked = 0
    for case in full:
        parts = cc3d.connected_components(case.volumes.nodes > 0, connectivity=26)
        for node in case.volumes.planted:
            if node.irregular or node.short_axis_mm < 5.0:
                continue
            part = parts == parts[voxel_of(case.geometry, node.centre_mm)]
            expected_ml = 4 / 3 * np.pi * np.prod(node.semi_axes_mm) / 1000
            # at least three slices of 3.6 mm: a quarter covers the sampling along the normal
            assert part.sum() * case.geometry.voxel_ml == pytest.approx(expected_ml, rel=0.25)
            checked += 1
    assert checked >= 3


def test_nodes_are_darker_than_fat_and_heterogeneous_ones_vary_more(full: list[Case]) -> None:
    spread: dict[bool, list[float]] = {True: [], False: []}
    for case in full:
        t2, fat = case.volumes.t2, np.median(case.volumes.t2[case.volumes.compartments > 0])
        parts = cc3d.connected_components(case.volumes.nodes > 0, connectivity=26)
        for number, box in enumerate(find_objects(parts), start=1):
            values = t2[box][parts[box] == number]
            assert np.median(values) < 0.85 * fat
            node = next(
                node
                for node in case.volumes.planted
                if parts[voxel_of(case.geometry, node.centre_mm)] == number
            )
            spread[node.heterogeneous].append(float(values.std() / values.mean()))
    assert spread[True]
    assert np.median(spread[True]) > 1.5 * np.median(spread[False])


def test_plans_of_many_patients_keep_to_the_stated_shares() -> None:
    rng = np.random.default_rng(0)
    sick = [plan_nodes(positive=True, threshold_mm=THRESHOLD_MM, rng=rng) for _ in range(250)]
    well = [plan_nodes(positive=False, threshold_mm=THRESHOLD_MM, rng=rng) for _ in range(250)]
    positive = [n for nodes in sick for n in nodes if n.node_class is NodeClass.POSITIVE]
    by_size = np.mean([n.short_axis_mm >= THRESHOLD_MM for n in positive])
    # two thirds of some 450: a standard error of 0.022
    assert by_size == pytest.approx(2 / 3, abs=0.07)
    assert {len(nodes) for nodes in sick} <= set(range(2, 13))
    assert {len(nodes) for nodes in well} == set(range(9))
    assert all(n.node_class is NodeClass.NEGATIVE for nodes in well for n in nodes)
    assert max(n.outline.long_mm / n.outline.short_mm for n in positive) <= 1.8


@pytest.mark.parametrize(
    ("short_axis_mm", "irregular", "heterogeneous", "expected"),
    [
        (7.0, False, False, NodeClass.POSITIVE),
        (6.99, True, True, NodeClass.POSITIVE),
        (6.99, True, False, NodeClass.NEGATIVE),
        (6.99, False, True, NodeClass.NEGATIVE),
    ],
)
def test_class_needs_the_threshold_or_both_features(
    short_axis_mm: float,
    irregular: bool,  # noqa: FBT001
    heterogeneous: bool,  # noqa: FBT001
    expected: NodeClass,
) -> None:
    found = classify(
        short_axis_mm, threshold_mm=7.0, irregular=irregular, heterogeneous=heterogeneous
    )
    assert found is expected


@given(short_axis_mm=st.floats(3.0, 15.0), seed=st.integers(0, 999))
@settings(max_examples=20, deadline=None)
def test_an_irregular_outline_has_the_planned_short_axis_and_departs_by_a_quarter_at_most(
    short_axis_mm: float, seed: int
) -> None:
    outline = draw_outline(short_axis_mm, irregular=True, rng=np.random.default_rng(seed))
    assert short_axis_of(outline) == pytest.approx(short_axis_mm)
    radius = outline.radius(np.linspace(0, 2 * np.pi, 400))
    assert 0.02 < np.abs(radius - 1).max() <= 0.25
    # independent: a denser outline's longest diameter as a complex number, and the extent across it
    points = outline.points(500) @ np.array([1.0, 1.0j])
    spans = points[:, None] - points
    longest = spans.ravel()[np.abs(spans).argmax()]
    width = np.ptp((points * np.conj(longest) / np.abs(longest)).imag)
    assert width == pytest.approx(short_axis_mm, rel=0.09)


# --- image -------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_patient_and_another_seed_another() -> None:
    one, two, other = (draw(seed, positive=True) for seed in (8, 8, 9))
    for name in ("t2", "compartments", "nodes"):
        np.testing.assert_array_equal(getattr(one.volumes, name), getattr(two.volumes, name))
        assert (getattr(one.volumes, name) != getattr(other.volumes, name)).any()
    assert one.volumes.planted == two.volumes.planted


def test_types_and_sizes_are_those_stated(coarse: list[Case]) -> None:
    for case in coarse:
        t2, compartments, nodes, _ = case.volumes
        assert [str(each.dtype) for each in case.volumes[:3]] == ["int16", "uint8", "uint8"]
        assert t2.shape == compartments.shape == nodes.shape == case.geometry.size
        assert t2.min() >= 0
        assert 800 < t2.max() <= 1600


def test_urine_is_brighter_than_fat_than_muscle_than_air() -> None:
    for seed in range(2):
        case = draw(seed, protocol=WIDE, positive=False)
        points = positions_mm(case.geometry, np.ones(case.geometry.size, dtype=bool))

        def signal(
            centre: tuple[float, float, float],
            radius_mm: float,
            case: Case = case,
            points: NDArray[np.float64] = points,
        ) -> float:
            near = np.linalg.norm(points - centre, axis=1) < radius_mm
            return float(np.median(case.volumes.t2.ravel()[near]))

        urine = signal((0, -38, -12), 8)
        fat = float(np.median(case.volumes.t2[case.volumes.compartments > 0]))
        muscle = signal((-68, 58, -15), 8), signal((68, 58, -15), 8)
        air = signal((180, -180, 0), 40)
        assert urine > 1.3 * fat
        assert fat > 2 * max(muscle)
        assert min(muscle) > 3 * air


def test_noise_in_air_is_rayleigh_like() -> None:
    case = draw(1, protocol=WIDE, positive=False)
    points = positions_mm(case.geometry, np.ones(case.geometry.size, dtype=bool))
    air = case.volumes.t2.ravel()[np.linalg.norm(points[:, :2], axis=1) > 205]
    assert air.size > 1000
    # Rayleigh: mean / standard deviation = sqrt(pi / (4 - pi)) = 1.913; normal noise about 0 has 0
    assert air.mean() / air.std() == pytest.approx(1.913, abs=0.15)


def test_a_female_patient_has_a_uterus() -> None:
    geometry = draw_geometry(CAVITY, rng=np.random.default_rng(3))
    male, female = (
        draw_on(geometry, positive=False, rng=np.random.default_rng(5), female=flag)
        for flag in (False, True)
    )
    points = positions_mm(geometry, np.ones(geometry.size, dtype=bool))
    # the myometrium's left flank, where a male patient has fat
    flank = np.linalg.norm(points - (20.0, -15.0, 12.0), axis=1) < 4.0
    signal = {
        name: np.median(each.t2.ravel()[flank])
        for name, each in zip("mf", (male, female), strict=True)
    }
    assert signal["f"] < 0.8 * signal["m"]


def test_a_stack_beside_the_pelvis_holds_no_positive_node() -> None:
    geometry = Geometry(
        size=(16, 16, 8),
        spacing_mm=(2.0, 2.0, 4.0),
        origin_mm=(900.0, 0.0, 0.0),
        direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    )
    empty = draw_on(geometry, positive=False, rng=np.random.default_rng(0))
    assert not empty.compartments.any()
    assert empty.planted == ()
    with pytest.raises(ValueError, match="no positive node fits"):
        draw_on(geometry, positive=True, rng=np.random.default_rng(0))


@pytest.mark.parametrize("threshold_mm", [3.0, 5.5, 14.0])
def test_a_threshold_without_room_for_both_classes_is_refused(threshold_mm: float) -> None:
    with pytest.raises(ValueError, match=r"between 5\.5 and 14"):
        plan_nodes(positive=True, threshold_mm=threshold_mm, rng=np.random.default_rng(0))
