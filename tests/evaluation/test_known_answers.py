"""Cases whose answer is a fact, many of them from the test suites of other tools.

Every number is derived by hand beside its test, under this kit's definitions. Where another tool
would answer differently, the comment gives its answer and the reason.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import SimpleITK
from numpy.typing import NDArray
from sksurv.metrics import concordance_index_censored

from evaluation.agreement import cohen_kappa
from evaluation.classification import PROPORTIONS, Counts, auroc, counts, table_statistic
from evaluation.concordance import concordance
from evaluation.matching import Match, match_nodes
from evaluation.overlap import Overlap, dice, foreground, iou, label_pairs, overlap
from evaluation.surface import (
    SurfacePair,
    average_distance_mm,
    hausdorff_mm,
    surface_dice,
    surface_pair,
)
from evaluation.survival import hazard_ratio, kaplan_meier, log_rank
from schema.task import EmptyOutcome, EmptyPolicy
from schema.terms import Status

Mask = NDArray[Any]
Triple = tuple[float, float, float]
Cells = dict[tuple[int, int], int]

UNIT: Triple = (1.0, 1.0, 1.0)
THICK: Triple = (0.6, 0.6, 3.0)
LEVEL = 0.95
NOTHING = EmptyPolicy(
    both_empty=EmptyOutcome(status=Status.NOT_APPLICABLE),
    prediction_empty=EmptyOutcome(value=0.0),
    reference_empty=EmptyOutcome(value=0.0),
)


# --- helpers --------------------------------------------------------------------------------------


def box(*sides: tuple[int, int], shape: tuple[int, ...]) -> Mask:
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(slice(*side) for side in sides)] = True
    return mask


def voxels(*places: tuple[int, int, int], shape: tuple[int, int, int]) -> Mask:
    mask = np.zeros(shape, dtype=bool)
    for place in places:
        mask[place] = True
    return mask


def measured(reference: Mask, prediction: Mask, spacing_mm: Triple = UNIT) -> SurfacePair:
    pair = surface_pair(reference, prediction, spacing_mm=spacing_mm)
    assert pair is not None
    return pair


def figures(pair: SurfacePair, *, tolerance_mm: float = 1.0) -> tuple[float, ...]:
    """HD, HD95, ASSD and NSD."""
    return (
        hausdorff_mm(pair, percent=100),
        hausdorff_mm(pair, percent=95),
        average_distance_mm(pair),
        surface_dice(pair, tolerance_mm=tolerance_mm),
    )


def corner_mm2(spacing_mm: Triple) -> float:
    """A corner is cut by the triangle (a/2, 0, 0), (0, b/2, 0), (0, 0, c/2)."""
    a, b, c = spacing_mm
    return math.sqrt((a * b) ** 2 + (b * c) ** 2 + (c * a) ** 2) / 8


def edge_mm2(spacing_mm: Triple, *, axis: int) -> float:
    """An edge along an axis is cut by a strip, half a cell's diagonal wide and one cell long."""
    b, c = (spacing_mm[other] for other in range(3) if other != axis)
    return spacing_mm[axis] * math.hypot(b, c) / 2


def box_mm2(size: tuple[int, int, int], spacing_mm: Triple) -> float:
    """Surface of a solid box of so many voxels: its faces, twelve edges and eight corners."""
    i, j, k = (length - 1 for length in size)
    a, b, c = spacing_mm
    faces = 2 * (i * j * a * b + j * k * b * c + k * i * c * a)
    edges = 4 * sum(cells * edge_mm2(spacing_mm, axis=axis) for axis, cells in enumerate((i, j, k)))
    return faces + edges + 8 * corner_mm2(spacing_mm)


def scores(reference: Mask, prediction: Mask, *, value: int = 1) -> tuple[float, float]:
    """Dice and IoU of one label."""
    values = tuple(range(1, max(value, int(reference.max()), int(prediction.max())) + 1))
    found = overlap(label_pairs(reference, prediction, values=values), value=value)
    both = dice(found, empty=NOTHING).value, iou(found, empty=NOTHING).value
    assert both[0] is not None
    assert both[1] is not None
    return both[0], both[1]


def lay_out(common: Cells) -> tuple[Mask, Mask]:
    """Two masks of node numbers in which (reference, prediction) occurs as often as given."""
    pairs = [pair for pair, times in common.items() for _ in range(times)]
    reference, prediction = np.array(pairs, dtype=np.uint32).T
    return reference, prediction


def matched(reference: Mask, prediction: Mask, *, minimum_iou: float = 0.1) -> tuple[Match, ...]:
    return match_nodes(
        reference,
        prediction,
        reference_count=int(reference.max()),
        prediction_count=int(prediction.max()),
        minimum_iou=minimum_iou,
    )


def each_once(size: int) -> NDArray[np.int32]:
    return np.ones((1, size), dtype=np.int32)


# --- surfaces: single voxels ----------------------------------------------------------------------


@pytest.mark.parametrize("apart", [1, 2, 3, 7])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("spacing_mm", [UNIT, THICK, (3.0, 2.0, 1.0)])
def test_two_single_voxels_some_steps_apart(apart: int, axis: int, spacing_mm: Triple) -> None:
    # The surface of a voxel at n is in the cells n and n + 1 of the axis, half of its area in
    # each. The nearer cells are (apart - 1) steps from the other voxel's, the farther ones apart.
    # surface-distance asks this of (3, 2, 1) mm and two steps of 1 mm: 2, 2, 1.5 and 0.5.
    # MONAI, medpy and MetricsReloaded take the voxel itself as its surface: their average is
    # `apart` steps, half a step more than ours; their Hausdorff distance is the same.
    first, second = [4, 4, 4], [4, 4, 4]
    second[axis] += apart
    reference, prediction = np.zeros((12, 12, 12), dtype=bool), np.zeros((12, 12, 12), dtype=bool)
    reference[tuple(first)], prediction[tuple(second)] = True, True
    step = spacing_mm[axis]
    pair = measured(reference, prediction, spacing_mm)

    nearer = (apart - 1) * step
    expected = (apart * step, apart * step, nearer + step / 2, 0.5)
    assert figures(pair, tolerance_mm=nearer + step / 2) == pytest.approx(expected)
    assert surface_dice(pair, tolerance_mm=apart * step + 1e-9) == pytest.approx(1)
    if apart > 1:
        assert surface_dice(pair, tolerance_mm=nearer - 1e-3) == 0


@pytest.mark.parametrize(("step", "average"), [(1.0, 0.5), (2.0, 1.0)])
def test_the_two_voxels_of_an_array_of_two(step: float, average: float) -> None:
    # medpy's own test: its average distance of (1, 0) and (0, 1) is one step, ours half of one
    # (four cells are shared, four are a step away)
    reference = np.array([[[True, False]]])
    pair = measured(reference, ~reference, (1.0, 1.0, step))

    assert average_distance_mm(pair) == pytest.approx(average)
    assert hausdorff_mm(pair, percent=100) == step


def test_an_array_of_one_voxel() -> None:
    # all eight corners of one voxel: 8 * sqrt(3) / 8 mm², nothing away from itself
    voxel = np.ones((1, 1, 1), dtype=bool)
    pair = measured(voxel, voxel)

    assert pair.reference.areas_mm2.sum() == pytest.approx(math.sqrt(3))
    assert figures(pair, tolerance_mm=0.0) == (0, 0, 0, 1)


@pytest.mark.parametrize("spacing_mm", [UNIT, THICK])
def test_two_voxels_that_touch_at_a_corner(spacing_mm: Triple) -> None:
    # Cells {0, 1}³ and {1, 2}³: a cell is away from the other voxel's by one step along each axis
    # on which it is at 0. All eight corners have the same area.
    a, b, c = spacing_mm
    away = [
        math.sqrt((i * a) ** 2 + (j * b) ** 2 + (k * c) ** 2)
        for i in (0, 1)
        for j in (0, 1)
        for k in (0, 1)
    ]
    pair = measured(
        voxels((0, 0, 0), shape=(2, 2, 2)), voxels((1, 1, 1), shape=(2, 2, 2)), spacing_mm
    )

    assert sorted(pair.reference.distances_mm.tolist()) == pytest.approx(sorted(away))
    assert hausdorff_mm(pair, percent=100) == pytest.approx(max(away))
    assert average_distance_mm(pair) == pytest.approx(sum(away) / 8)
    # 7 of 8 within the second farthest: 87.5 %
    assert hausdorff_mm(pair, percent=87) == pytest.approx(sorted(away)[-2])
    assert hausdorff_mm(pair, percent=88) == pytest.approx(max(away))
    assert hausdorff_mm(pair, percent=95) == pytest.approx(max(away))


@pytest.mark.parametrize("other", [(1, 1, 0), (1, 0, 1), (0, 1, 1), (1, 1, 1)])
def test_a_mask_of_two_diagonal_voxels_has_twice_the_surface_of_one(
    other: tuple[int, int, int],
) -> None:
    # Marching cubes cut each of two corners off that share no edge of their cell: nothing is lost
    # or joined where they touch, so 16 corners of sqrt(3) / 8 mm².
    both = voxels((0, 0, 0), other, shape=(2, 2, 2))
    pair = measured(both, voxels((0, 0, 0), shape=(2, 2, 2)))

    assert pair.reference.areas_mm2.sum() == pytest.approx(2 * math.sqrt(3))
    assert pair.prediction.areas_mm2.sum() == pytest.approx(math.sqrt(3))


# --- surfaces: boxes and slabs --------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1, 1), (2, 1, 1), (1, 4, 3), (5, 4, 3)])
@pytest.mark.parametrize("spacing_mm", [UNIT, THICK, (2.0, 1.0, 0.5)])
def test_the_surface_of_a_box_is_its_faces_edges_and_corners(
    size: tuple[int, int, int], spacing_mm: Triple
) -> None:
    whole = np.ones(size, dtype=bool)  # it touches every border of its array
    inside = np.pad(whole, 2)

    for mask in (whole, inside):
        pair = measured(mask, mask, spacing_mm)
        assert pair.reference.areas_mm2.sum() == pytest.approx(box_mm2(size, spacing_mm))


def test_a_slab_at_the_border_that_grows_by_one_slice() -> None:
    # surface-distance and MONAI: rows 0 to 50 against 0 to 51 of 100 x 100 x 100, (2, 1, 1) mm.
    # Reference to prediction: only the 99 x 99 inner cells of its last layer are away, by the
    # smaller of 2 mm (the next layer) and the way to the rim, where the prediction has its sides:
    # 99² - 97² = 392 cells by 1 mm, 97² = 9409 by 2 mm, 1 mm² each.
    # Prediction to reference: its whole last layer is 2 mm away: 99² inner cells, 2 * 99 along
    # each of two axes, 4 corners.
    spacing_mm = (2.0, 1.0, 1.0)
    reference = box((0, 50), (0, 100), (0, 100), shape=(100, 100, 100))
    prediction = box((0, 51), (0, 100), (0, 100), shape=(100, 100, 100))
    layer = 9801 + 4 * 99 * edge_mm2(spacing_mm, axis=1) + 4 * corner_mm2(spacing_mm)
    in_reference = box_mm2((50, 100, 100), spacing_mm)
    in_prediction = box_mm2((51, 100, 100), spacing_mm)
    total = in_reference + in_prediction
    pair = measured(reference, prediction, spacing_mm)

    assert hausdorff_mm(pair, percent=100) == hausdorff_mm(pair, percent=95) == 2
    one_way = (392 * 1 + 9409 * 2) / in_reference
    other_way = layer * 2 / in_prediction
    assert (one_way, other_way) == pytest.approx((0.322, 0.339), abs=5e-4)  # theirs, two numbers
    assert average_distance_mm(pair) == pytest.approx((392 + 9409 * 2 + layer * 2) / total)
    assert surface_dice(pair, tolerance_mm=1.0) == pytest.approx(1 - (9409 + layer) / total)
    assert surface_dice(pair, tolerance_mm=1.0) == pytest.approx(0.836145, abs=1e-6)  # MONAI's
    assert scores(reference.astype(np.uint8), prediction.astype(np.uint8)) == (100 / 101, 50 / 51)


def test_a_box_shifted_by_one_thick_slice() -> None:
    # 4 x 4 x 4 voxels of 0.6 x 0.6 x 3.0 mm, one slice on. Of each box the layer turned away from
    # the other is 3 mm away: 9 inner cells, 3 along each of 4 edges, 4 corners. Of the opposite
    # layer the 9 inner cells (0.36 mm²) lie in the other box, whose sides are nearest: 8 of them
    # one step of 0.6 mm away, the middle one two. All the rest is in common.
    edges = 6 * (edge_mm2(THICK, axis=0) + edge_mm2(THICK, axis=1))
    outer = 9 * 0.36 + edges + 4 * corner_mm2(THICK)
    inner = 0.36 * (8 * 0.6 + 1 * 1.2)
    area = box_mm2((4, 4, 4), THICK)
    first = box((0, 4), (0, 4), (0, 4), shape=(4, 4, 5))
    pair = measured(first, np.roll(first, 1, axis=2), THICK)

    assert figures(pair, tolerance_mm=0.7) == pytest.approx(
        (3.0, 3.0, (3 * outer + inner) / area, 1 - (outer + 0.36) / area)
    )
    assert outer / area > 0.05  # so that HD95 is the shift as well


def test_a_slab_cut_ten_slices_short() -> None:
    # MONAI (smaller here): columns 20 to 80 against 30 to 80. Off by more than nothing are the
    # reference's 19 x 10 inner cells of its near end, the prediction's whole near end and its
    # sides up to there: nine layers of 2 * 19 + 2 * 10 cells and four edges.
    # All of it is at most 10 away, and the middle of the near ends is exactly that. MONAI counts
    # voxels of the eroded border and would say 1 - (220 + 162 + 360 + 162) / 7028 at tolerance 0.
    reference = box((0, 20), (0, 11), (30, 80), shape=(20, 11, 80))
    prediction = box((0, 20), (0, 11), (20, 80), shape=(20, 11, 80))
    end = 190 + 58 * math.sqrt(0.5) + 4 * math.sqrt(3) / 8
    sides = 9 * (58 + 4 * math.sqrt(0.5))
    total = box_mm2((20, 11, 50), UNIT) + box_mm2((20, 11, 60), UNIT)
    pair = measured(reference, prediction)

    assert surface_dice(pair, tolerance_mm=0.0) == pytest.approx(1 - (190 + end + sides) / total)
    assert surface_dice(pair, tolerance_mm=9.999) < 1
    assert surface_dice(pair, tolerance_mm=10.0) == pytest.approx(1)
    assert hausdorff_mm(pair, percent=100) == 10


@pytest.mark.parametrize(
    ("shift", "expected"),
    [((1, 0, 0), 1.0), ((1, -1, 0), math.sqrt(2)), ((1, 1, 1), math.sqrt(3)), ((0, 0, 3), 3.0)],
)
def test_the_hausdorff_distance_of_a_shifted_cube_is_the_shift(
    shift: tuple[int, int, int], expected: float
) -> None:
    # No element is farther than the shift, and the corner that leads is just that far. MONAI's
    # per-component test has the first two: their mean is its 1.2071.
    cube = box((5, 10), (5, 10), (5, 10), shape=(15, 15, 15))
    pair = measured(cube, np.roll(cube, shift, axis=(0, 1, 2)))

    assert hausdorff_mm(pair, percent=100) == pytest.approx(expected)


def test_the_hausdorff_distance_of_a_ball_shifted_along_an_axis_is_the_shift() -> None:
    # MONAI: radius 33, one voxel on. The first layer of the ball is one step from any layer of the
    # other; no element is farther than the shift.
    i, j, k = np.ogrid[:72, :72, :72]
    first, second = (
        (i - centre) ** 2 + (j - 35) ** 2 + (k - 35) ** 2 <= 33**2 for centre in (35, 36)
    )
    pair = measured(first, second)

    assert hausdorff_mm(pair, percent=100) == 1
    assert surface_dice(pair, tolerance_mm=1.0) == pytest.approx(1)


def test_a_far_speck_in_one_slice() -> None:
    # MetricsReloaded: a square of 3 x 3 on both sides, a lone pixel at (1, 1) in the reference,
    # here one slice thick. The pixel's cells (1, 1), (1, 2), (2, 1), (2, 2), two layers each, look
    # for the square's first cell (9, 9): sqrt(128) = 11.31 (its HD too), twice sqrt(113), sqrt(98).
    # Area of the square: 8 of faces, 16 strips, 8 corners; of the pixel 8 corners. Beyond sqrt(98)
    # lie 6 corners, 5.7 %; beyond sqrt(113) 2 corners, 1.9 %: HD95 is sqrt(113) = 10.63.
    # Theirs is 6.79: it interpolates between the ninth and tenth of ten border pixels.
    square = box((9, 12), (9, 12), (0, 1), shape=(14, 14, 1))
    reference = square | voxels((1, 1, 0), shape=(14, 14, 1))
    corner = math.sqrt(3) / 8
    area = box_mm2((3, 3, 1), UNIT) + 8 * corner
    assert area == pytest.approx(8 + 16 * math.sqrt(0.5) + 16 * corner)
    assert 2 * corner / area < 0.05 < 6 * corner / area
    pair = measured(reference, square)

    assert hausdorff_mm(pair, percent=100) == pytest.approx(math.sqrt(128))
    assert hausdorff_mm(pair, percent=95) == pytest.approx(math.sqrt(113))
    away = 2 * corner * (math.sqrt(128) + 2 * math.sqrt(113) + math.sqrt(98))
    total = area + box_mm2((3, 3, 1), UNIT)
    assert average_distance_mm(pair) == pytest.approx(away / total)


def test_a_square_with_four_arms() -> None:
    # MetricsReloaded: 5 x 5 against the same with arms two pixels long: 25 and 33 pixels, all 25 in
    # common. One slice: all the square's cells hold surface on both sides, an arm's end is two
    # cells off.
    reference = box((3, 8), (3, 8), (0, 1), shape=(11, 11, 1))
    prediction = reference.copy()
    prediction[5, 1:10], prediction[1:10, 5] = True, True
    pair = measured(reference, prediction)

    assert pair.reference.distances_mm.max() == 0
    assert hausdorff_mm(pair, percent=100) == 2
    assert surface_dice(pair, tolerance_mm=2.0) == pytest.approx(1)
    assert surface_dice(pair, tolerance_mm=1.999) < 1
    assert scores(reference.astype(int), prediction.astype(int)) == (50 / 58, 25 / 33)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_two_squares_in_a_single_slice_wherever_that_slice_lies(axis: int) -> None:
    # surface-distance, two dimensions: 2 x 2 pixels against 3 x 2, 2 x 1 mm, here 1 mm thick.
    # The extra row of the prediction is 2 mm away: 2 layers of 2 corners and 1 strip. In two
    # dimensions the reference's last row is 1 mm away too; here the flat sides cover it.
    reference = np.expand_dims(box((1, 3), (1, 3), shape=(6, 6)), axis)
    prediction = np.expand_dims(box((1, 4), (1, 3), shape=(6, 6)), axis)
    in_plane = [2.0, 1.0]
    in_plane.insert(axis, 1.0)
    corner = math.sqrt(4 + 1 + 4) / 8
    strip = 1.0 * math.hypot(2, 1) / 2
    row = 4 * corner + 2 * strip
    # faces, strips along the 2 mm axis, strips along the 1 mm axis, corners
    in_reference = 2 * 2 + 4 * math.sqrt(2) + 4 * strip + 8 * corner
    in_prediction = 2 * 4 + 8 * math.sqrt(2) + 4 * strip + 8 * corner
    total = in_reference + in_prediction
    pair = measured(reference, prediction, (in_plane[0], in_plane[1], in_plane[2]))

    assert figures(pair) == pytest.approx((2, 2, 2 * row / total, 1 - row / total))


# --- surfaces: against whole masks ----------------------------------------------------------------


def whole_mask_distance(reference: Mask, prediction: Mask, spacing_mm: Triple) -> float:
    """SimpleITK's Hausdorff distance: between all voxels of the masks, not their surfaces."""
    images = []
    for mask in (reference, prediction):
        image = SimpleITK.GetImageFromArray(mask.transpose().astype(np.uint8))
        image.SetSpacing(spacing_mm)
        images.append(image)
    oracle = SimpleITK.HausdorffDistanceImageFilter()
    oracle.Execute(*images)
    return float(oracle.GetHausdorffDistance())


@pytest.mark.parametrize("spacing_mm", [UNIT, (0.5, 0.5, 0.5), THICK])
def test_two_cubes_of_different_size(spacing_mm: Triple) -> None:
    # ITK: voxels 10 to 29 against 20 to 34. The corner (10, 10, 10) is ten steps from (20, 20, 20)
    # along every axis; the other way it is five. Its average of 4.5 is over whole masks.
    first = box((10, 30), (10, 30), (10, 30), shape=(50, 50, 50))
    second = box((20, 35), (20, 35), (20, 35), shape=(50, 50, 50))
    expected = 10 * math.sqrt(sum(step**2 for step in spacing_mm))
    pair = measured(first, second, spacing_mm)

    assert hausdorff_mm(pair, percent=100) == pytest.approx(expected)
    assert whole_mask_distance(first, second, spacing_mm) == pytest.approx(expected, rel=1e-5)


def test_a_hollow_has_a_surface_of_its_own() -> None:
    # A cube of 7 with its middle voxel missing: that voxel's cells, 3 and 4 of 0 to 7, are three
    # steps from the outer surface. Between whole masks the hollow is one step from the cube.
    solid = np.ones((7, 7, 7), dtype=bool)
    hollow = solid.copy()
    hollow[3, 3, 3] = False
    pair = measured(solid, hollow)

    area = box_mm2((7, 7, 7), UNIT)
    assert hausdorff_mm(pair, percent=100) == 3
    assert pair.prediction.areas_mm2.sum() == pytest.approx(area + math.sqrt(3))
    assert average_distance_mm(pair) == pytest.approx(3 * math.sqrt(3) / (2 * area + math.sqrt(3)))
    assert whole_mask_distance(solid, hollow, UNIT) == pytest.approx(1)


# --- surfaces: percentiles and tolerances ---------------------------------------------------------


def row_of_voxels(count: int) -> Mask:
    """Single voxels three apart, so that each has its own eight cells, all of the same area."""
    row = np.zeros((1, 1, 3 * count), dtype=bool)
    row[0, 0, ::3] = True
    return row


@pytest.mark.parametrize(
    ("count", "expected"), [(16, 2.0), (19, 2.0), (20, 0.0), (21, 0.0), (25, 0.0)]
)
def test_the_percentile_is_the_least_distance_that_holds_so_much_area(
    count: int, expected: float
) -> None:
    # The last voxel of the row is missing. (count - 1) / count of the area is 0 away; of the rest
    # one half 2 (the cells next to the row), one half 3. 15/16 = 93.75 % and 18/19 = 94.7 % are
    # too little for 95 %; 19/20 is just enough, whatever a sum of areas rounds to (it takes
    # surface-distance to 2), as are 20/21 = 95.2 % and 24/25. Nothing is interpolated: numpy's
    # percentile, which MONAI, medpy and MetricsReloaded use, knows values in between.
    reference = row_of_voxels(count)
    prediction = reference.copy()
    prediction[0, 0, 3 * (count - 1)] = False
    pair = measured(reference, prediction)

    assert hausdorff_mm(pair, percent=95) == expected
    assert hausdorff_mm(pair, percent=100) == 3
    assert average_distance_mm(pair) == pytest.approx(2.5 / (2 * count - 1))


@pytest.mark.parametrize("spacing_mm", [UNIT, THICK, (0.7, 0.7, 4.4), (2.0, 2.0, 2.0)])
@pytest.mark.parametrize(
    ("count", "missing", "percent"), [(2, 1, 50), (10, 1, 90), (4, 1, 75), (20, 1, 95), (60, 3, 95)]
)
def test_a_share_of_exactly_the_percentile_is_enough(
    count: int, missing: int, percent: int, spacing_mm: Triple
) -> None:
    reference = row_of_voxels(count)
    prediction = reference.copy()
    prediction[0, 0, 3 * (count - missing) :] = False

    pair = measured(reference, prediction, spacing_mm)
    assert hausdorff_mm(pair, percent=percent) == 0
    assert hausdorff_mm(pair, percent=percent + 1) >= 2 * spacing_mm[2]


def test_a_share_of_exactly_the_percentile_is_enough_among_784_000_elements() -> None:
    # every other voxel along each axis is a node of its own; of 20 layers the last is missing
    reference = np.zeros((140, 140, 40), dtype=bool)
    reference[::2, ::2, ::2] = True
    prediction = reference.copy()
    prediction[:, :, -2] = False

    for spacing_mm in (UNIT, (0.7, 0.7, 4.4)):
        pair = measured(reference, prediction, spacing_mm)
        assert pair.reference.areas_mm2.size == 784_000
        assert hausdorff_mm(pair, percent=95) == 0
        assert hausdorff_mm(pair, percent=96) > 0


def test_the_percentile_is_taken_in_each_direction() -> None:
    # 4 of 12 voxels are missing: 8/12 of the reference is 0 away, the prediction all of it.
    # medpy and panoptica pool both directions: of their 20 voxels 16 are 0 away, so 70 % is 0.
    reference = row_of_voxels(12)
    prediction = reference.copy()
    prediction[0, 0, -12:] = False
    pair = measured(reference, prediction)

    # the first voxel missing is 2 and 3 away, half of 1/12 each: 8.5/12 = 70.8 % within 2
    assert hausdorff_mm(pair, percent=66) == 0
    assert hausdorff_mm(pair, percent=70) == 2
    # the last one is 3 * 3 farther: 11 and 12
    assert hausdorff_mm(pair, percent=100) == 12


IN_A_HEADER = [(float(np.float32(0.4)), 5), (float(np.float32(2 / 3)), 3), (2.00003, 1)]


@pytest.mark.parametrize(
    ("step", "steps"), [(1.0, 2), (2.0, 1), (0.5, 4), (0.25, 8), (0.4, 5), *IN_A_HEADER]
)
def test_a_distance_equal_to_the_tolerance_is_within_it(step: float, steps: int) -> None:
    # the far cells of two voxels are 2 mm apart, the tolerance of the tasks, as exactly as a
    # header's single precision can say
    reference = np.zeros((1, 1, steps + 1), dtype=bool)
    reference[0, 0, 0] = True
    pair = measured(reference, reference[:, :, ::-1], (1.0, 1.0, step))

    assert surface_dice(pair, tolerance_mm=2.0) == pytest.approx(1)
    assert surface_dice(pair, tolerance_mm=2.0 - 1e-3) == pytest.approx(0.5)


def test_a_mask_against_itself_is_perfect_whatever_the_tolerance() -> None:
    rng = np.random.default_rng(7)
    mask = rng.random((9, 8, 5)) < 0.4

    assert figures(measured(mask, mask.copy(), THICK), tolerance_mm=0.0) == (0, 0, 0, 1)


# --- surfaces: what must not matter ---------------------------------------------------------------


def reversed_twice(mask: Mask) -> Mask:
    return np.ascontiguousarray(mask[::-1, :, ::-1])[::-1, :, ::-1]


def strided(mask: Mask) -> Mask:
    return np.repeat(np.repeat(mask, 2, axis=0), 3, axis=2)[::2, :, ::3]


def turned(mask: Mask) -> Mask:
    return np.ascontiguousarray(mask.transpose(2, 0, 1)).transpose(1, 2, 0)


LAYOUTS: dict[str, Callable[[Mask], Mask]] = {
    "fortran": np.asfortranarray,
    "negative strides": reversed_twice,
    "every other voxel": strided,
    "transposed": turned,
    "read only": lambda mask: np.frombuffer(mask.tobytes(), dtype=mask.dtype).reshape(mask.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS.keys())
@pytest.mark.parametrize("kind", [np.bool_, np.uint8, np.int32, np.int64])
def test_memory_layout_and_type_of_a_mask_change_nothing(
    layout: Callable[[Mask], Mask], kind: type[np.generic]
) -> None:
    rng = np.random.default_rng(3)
    first, second = rng.random((7, 6, 5)) < 0.3, rng.random((7, 6, 5)) < 0.3
    expected = figures(measured(first, second, THICK))

    got = figures(measured(layout(first.astype(kind)), layout(second.astype(kind)), THICK))
    assert got == expected
    given = layout(first.astype(kind)), layout(second.astype(kind))
    found = overlap(label_pairs(*given, values=(1,)), value=1)
    assert found == Overlap(int((first & second).sum()), int(first.sum()), int(second.sum()))


@pytest.mark.parametrize("spacing_mm", [UNIT, THICK])
def test_room_around_a_mask_changes_nothing(spacing_mm: Triple) -> None:
    rng = np.random.default_rng(11)
    first, second = rng.random((5, 6, 4)) < 0.5, rng.random((5, 6, 4)) < 0.5
    first[0, 0, 0] = second[-1, -1, -1] = True
    room = ((0, 3), (4, 0), (2, 2))

    roomy = measured(np.pad(first, room), np.pad(second, room), spacing_mm)
    assert figures(roomy) == figures(measured(first, second, spacing_mm))


@pytest.mark.parametrize("shape", [(6, 5, 1), (6, 1, 5), (1, 6, 5), (1, 1, 6), (6, 1, 1)])
def test_an_array_that_is_one_voxel_thick(shape: tuple[int, int, int]) -> None:
    # all of it against its last voxel: the first cell is (length) steps from the last voxel's
    # first cell along each axis, that is size - 1
    everything = np.ones(shape, dtype=bool)
    last = np.zeros(shape, dtype=bool)
    last[-1, -1, -1] = True
    expected = math.sqrt(sum(((size - 1) * mm) ** 2 for size, mm in zip(shape, THICK, strict=True)))
    pair = measured(everything, last, THICK)

    assert hausdorff_mm(pair, percent=100) == pytest.approx(expected)
    assert pair.reference.areas_mm2.sum() == pytest.approx(box_mm2(shape, THICK))


@pytest.mark.parametrize("shape", [(4, 4, 4), (1, 1, 1), (0, 4, 4)])
def test_an_empty_mask_has_no_distance_and_never_a_nan_or_an_infinity(
    shape: tuple[int, int, int],
) -> None:
    # surface-distance gives NaN or infinity, MONAI infinity (NaN for both), medpy raises,
    # MetricsReloaded 0 for both
    none, full = np.zeros(shape, dtype=bool), np.ones(shape, dtype=bool)

    for reference, prediction in ((none, none), (full, none), (none, full)):
        assert surface_pair(reference, prediction, spacing_mm=THICK) is None


# --- overlap --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shift", "common"),
    [((5, 0, 0), 500), ((5, 5, 0), 250), ((5, 5, 5), 125), ((0, 0, 9), 100), ((10, 0, 0), 0)],
)
def test_shifted_cubes_overlap_by_their_common_block(
    shift: tuple[int, int, int], common: int
) -> None:
    # 1000 voxels each; Dice common / 1000, IoU common / (2000 - common)
    cube = np.zeros((20, 20, 20), dtype=np.uint8)
    cube[:10, :10, :10] = 1

    expected = (common / 1000, common / (2000 - common))
    assert scores(cube, np.roll(cube, shift, axis=(0, 1, 2))) == expected


@pytest.mark.parametrize(
    ("reference", "prediction", "common", "expected"),
    [
        (3, 2, 2, (4 / 5, 2 / 3)),  # MONAI, case 1
        (2, 2, 1, (1 / 2, 1 / 3)),  # MONAI, case 2
        (2, 1, 1, (2 / 3, 1 / 2)),
        (1, 2, 0, (0.0, 0.0)),
        (125, 125, 64, (0.512, 64 / 186)),  # MONAI: cubes of 5, one voxel on along all axes
        (30, 120, 20, (4 / 15, 2 / 13)),  # MetricsReloaded, one class
        (4, 10, 4, (4 / 7, 2 / 5)),  # panoptica, prediction too large
        (264, 254, 190, (380 / 518, 190 / 328)),  # panoptica, golden values
        (750, 750, 485, (485 / 750, 485 / 1015)),  # the same, by region
        (200, 150, 150, (6 / 7, 3 / 4)),
        (1, 1, 1, (1.0, 1.0)),
    ],
)
def test_dice_and_iou_of_known_counts(
    reference: int, prediction: int, common: int, expected: tuple[float, float]
) -> None:
    # Dice 2c / (r + p), IoU c / (r + p - c)
    masks = lay_out({(1, 1): common, (1, 0): reference - common, (0, 1): prediction - common})
    assert scores(*masks) == expected


def test_every_class_of_a_table_of_three() -> None:
    # evalutils: rows 5 2 1, 1 2 1 and 1 0 4. Row and column sums 8, 4, 5 and 7, 4, 6:
    # Dice 10/15, 4/8, 8/11; IoU 5/10, 2/6, 4/7
    cells = [[5, 2, 1], [1, 2, 1], [1, 0, 4]]
    masks = lay_out({(r + 1, p + 1): cells[r][p] for r in range(3) for p in range(3)})

    assert [scores(*masks, value=value) for value in (1, 2, 3)] == [
        (10 / 15, 5 / 10),
        (4 / 8, 2 / 6),
        (8 / 11, 4 / 7),
    ]


def test_two_classes_of_which_one_lies_beside_the_other() -> None:
    # MetricsReloaded, multi-class: class 1 has 40 and 120 voxels, 20 in common: 40/160; class 2 has
    # 30 and 120, 20 in common: 40/150. As one: 70 and 240 voxels, 50 in common: 100/310
    reference, prediction = np.zeros((10, 10, 10), np.int16), np.zeros((10, 10, 10), np.int16)
    reference[4:5, 3:10], prediction[4:8, 2:8] = 1, 1
    reference[4:5, 3:6], prediction[4:8, 2:5] = 2, 2

    assert scores(reference, prediction, value=1)[0] == 0.25
    assert scores(reference, prediction, value=2)[0] == 4 / 15
    pairs = label_pairs(reference, prediction, values=(1, 2))
    assert foreground(pairs) == Overlap(intersection=50, reference=70, prediction=240)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int32, np.int64, np.uint64])
def test_the_largest_label_is_counted_in_any_integer_type(kind: type[np.integer]) -> None:
    reference = np.array([255, 255, 0, 1], dtype=kind)
    prediction = np.array([255, 0, 255, 1], dtype=kind)
    pairs = label_pairs(reference, prediction, values=(1, 255))

    assert overlap(pairs, value=255) == Overlap(intersection=1, reference=2, prediction=2)
    assert overlap(pairs, value=1) == Overlap(intersection=1, reference=1, prediction=1)


@pytest.mark.parametrize("score", [dice, iou])
def test_empty_masks(score: Callable[..., Any]) -> None:
    # nnU-Net: NaN for both empty, 0 for one. MONAI: NaN whenever the reference is empty, so that a
    # false alarm is left out of its mean. medpy: Dice 0 for both. MetricsReloaded: 1 for both.
    both = score(Overlap(0, 0, 0), empty=NOTHING)
    assert (both.value, both.status) == (None, Status.NOT_APPLICABLE)
    assert score(Overlap(0, 0, 4), empty=NOTHING).value == 0
    assert score(Overlap(0, 4, 0), empty=NOTHING).value == 0


# --- matching -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("common", "expected"),
    [
        # PI-CAI, which asks for an IoU of 0.1 as well; one lesion against one candidate
        ({(1, 0): 9, (0, 1): 9}, []),
        ({(1, 1): 2, (1, 0): 2, (0, 1): 2}, [(1, 1, 2 / 6)]),
        ({(1, 1): 1, (1, 0): 12, (0, 1): 12}, []),  # 1/25
        # one lesion, two candidates: 9/41, and 3/47 which is too little
        ({(1, 1): 9, (1, 2): 3, (1, 0): 13, (0, 1): 16, (0, 2): 22}, [(1, 1, 9 / 41)]),
        # 3/9 and 2/7: the second is spurious here, PI-CAI forgives it
        ({(1, 1): 3, (1, 2): 2, (1, 0): 1, (0, 1): 3, (0, 2): 1}, [(1, 1, 3 / 9)]),
        # two lesions, one candidate: 5/11 and 1/11
        ({(1, 1): 5, (2, 1): 1, (1, 0): 3, (2, 0): 3, (0, 1): 2}, [(1, 1, 5 / 11)]),
    ],
)
def test_lesions_and_candidates(common: Cells, expected: list[tuple[int, int, float]]) -> None:
    assert [tuple(each) for each in matched(*lay_out(common))] == expected


def test_a_candidate_that_joins_two_lesions_finds_one() -> None:
    # PI-CAI: 2/6 with either; one is found, one missed
    found = matched(*lay_out({(1, 1): 2, (2, 1): 2, (1, 0): 2, (2, 0): 2}))
    assert [each.iou for each in found] == [2 / 6]


@pytest.mark.parametrize(
    ("minimum_iou", "pairs", "quality"),
    [(0.3, [(1, 1), (3, 2), (4, 4)], 0.6), (0.5, [(4, 4)], 1.0)],
)
def test_instances_of_a_small_picture(
    minimum_iou: float, pairs: list[tuple[int, int]], quality: float
) -> None:
    # MONAI, panoptic quality. IoU: (1, 1) 2/5, (2, 1) 1/3, (1, 2) 1/6, (3, 2) 2/5, (4, 4) 1.
    # Node 2 of the reference would pair with 1 too, but 2/5 is more than 1/3. Recognition
    # 3 / (3 + 1/2 + 1/2) = 0.75, segmentation (0.4 + 0.4 + 1) / 3 = 0.6; at 0.5 it is 1 of 4.
    reference = np.array([[1, 1, 2, 1], [0, 0, 0, 0], [1, 3, 0, 0], [4, 3, 3, 3]])
    prediction = np.array([[0, 1, 1, 1], [0, 0, 0, 0], [2, 0, 3, 3], [4, 2, 2, 0]])
    found = matched(reference, prediction, minimum_iou=minimum_iou)

    assert [(each.reference, each.prediction) for each in found] == pairs
    assert np.mean([each.iou for each in found]) == pytest.approx(quality)


def test_one_perfect_instance_one_short_one_one_missed_and_one_spurious() -> None:
    # panoptica's golden case: IoU 1 and 90/100, 64 pixels missed, 64 spurious
    reference, prediction = np.zeros((50, 50), np.uint16), np.zeros((50, 50), np.uint16)
    reference[5:15, 5:15], prediction[5:15, 5:15] = 1, 1
    reference[20:30, 20:30], prediction[21:30, 20:30] = 2, 2
    reference[40:48, 5:13], prediction[40:48, 40:48] = 3, 3

    assert matched(reference, prediction) == (Match(1, 1, 1.0), Match(2, 2, 0.9))


# --- patients -------------------------------------------------------------------------------------


def table(tp: int, fn: int, fp: int, tn: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    reference = np.repeat([True, True, False, False], [tp, fn, fp, tn])
    prediction = np.repeat([True, False, True, False], [tp, fn, fp, tn])
    return reference, prediction


@pytest.mark.parametrize(
    ("cells", "metric", "expected"),
    [
        # MetricsReloaded, after the figures of the Pitfalls paper
        ((45, 5, 10, 40), "ppv", 45 / 55),
        ((45, 5, 10, 40), "npv", 40 / 45),
        ((45, 5, 10, 40), "sensitivity", 0.9),
        ((45, 5, 10, 40), "specificity", 0.8),
        ((81, 9, 2, 8), "ppv", 81 / 83),
        ((30, 0, 75, 0), "accuracy", 30 / 105),
        ((20, 15, 60, 10), "accuracy", 30 / 105),
        ((40, 30, 1, 0), "sensitivity", 40 / 70),
        # half of 1499/1999 and of 1/1
        ((1499, 500, 0, 1), "balanced_accuracy", 3498 / 3998),
        # 1499 / sqrt(1499 * 1999 * 1 * 501) = sqrt(1499 / (1999 * 501))
        ((1499, 500, 0, 1), "mcc", math.sqrt(1499 / (1999 * 501))),
        # scikit-learn's examples: (0 - 1) / sqrt(3 * 3 * 1 * 1); (1/2 + 3/4) / 2
        ((2, 1, 1, 0), "mcc", -1 / 3),
        ((1, 1, 1, 3), "balanced_accuracy", 0.625),
        ((1, 1, 1, 3), "f1", 0.5),
    ],
)
def test_figures_of_known_two_by_two_tables(
    cells: tuple[int, int, int, int], metric: str, expected: float
) -> None:
    reference, prediction = table(*cells)
    assert counts(reference, prediction) == Counts(*cells)
    if metric in PROPORTIONS:
        got = PROPORTIONS[metric](Counts(*cells), level=LEVEL)
    else:
        weights = each_once(reference.size)
        got = table_statistic(metric, reference, prediction, weights=weights, level=LEVEL)
    assert got.value == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(
    ("reference", "probability", "expected"),
    [
        ([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], 0.75),  # scikit-learn: 3 of 4 pairs
        ([0, 1, 0, 1], [0.5, 0.5, 0.2, 0.83], 0.875),  # MONAI: 3 pairs and one tie of 4
        ([0, 1], [0.0, 1.0], 1.0),
        ([0, 1], [1.0, 0.0], 0.0),
        ([0, 1], [0.5, 0.5], 0.5),
        ([0, 0, 1, 1, 1], [0.2, 0.2, 0.2, 0.1, 0.3], 0.5),  # 2 wins, 2 ties of 6
    ],
)
def test_areas_under_known_curves(
    reference: list[int], probability: list[float], expected: float
) -> None:
    got = auroc(
        np.array(reference, dtype=bool),
        np.array(probability),
        weights=each_once(len(reference)),
        level=LEVEL,
    )
    assert got.value == pytest.approx(expected, abs=1e-15)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        # scikit-learn's guide: po 4/6; margins 2, 1, 3 and 3, 0, 3: pe (6 + 9) / 36; 9/21
        ([2, 0, 2, 2, 0, 1], [0, 0, 2, 2, 0, 2], 3 / 7),
        # Artstein and Poesio: rows 20 20 and 10 50: po 0.7, pe 0.4 * 0.3 + 0.6 * 0.7 = 0.54
        ([0] * 40 + [1] * 60, [0] * 20 + [1] * 20 + [0] * 10 + [1] * 50, 0.16 / 0.46),
        # po 0.46 + 0.32 + 0.1, pe 0.46 * 0.52 + 0.44 * 0.32 + 0.1 * 0.16 = 0.396
        ([0] * 46 + [1] * 44 + [2] * 10, [0] * 52 + [1] * 32 + [2] * 16, 0.484 / 0.604),
        # MetricsReloaded: po 0.75, pe (1999 * 1499 + 1 * 501) / 2000² = 0.7492505
        ([1] * 1999 + [0], [1] * 1499 + [0] * 501, 0.0007495 / 0.2507495),
        ([0, 1], [1, 0], -1.0),
    ],
)
def test_known_kappas(first: list[int], second: list[int], expected: float) -> None:
    got = cohen_kappa(np.array(first), np.array(second), level=LEVEL)
    assert got.estimate.value == pytest.approx(expected, abs=1e-12)


# --- survival -------------------------------------------------------------------------------------

TIMES = [1, 5, 6, 11, 34, 45, 46, 50]
WITH_TIES = [1, 5, 6, 11, 11, 34, 45, 45, 50]
RISKS = [5, 8, 11, 19, 34, 12, 3, 9, 12]


def c_index(times: list[int], events: list[int], risks: list[float]) -> float:
    got = concordance(
        np.array(times, dtype=float),
        np.array(events, dtype=bool),
        np.array(risks, dtype=float),
        failed=np.zeros(len(times), dtype=bool),
        weights=each_once(len(times)),
        level=LEVEL,
    )
    assert got.value is not None
    return got.value


def peer_c_index(times: list[int], events: list[int], risks: list[float]) -> float:
    return float(concordance_index_censored(np.array(events, dtype=bool), times, risks)[0])


@pytest.mark.parametrize(
    ("times", "events", "risks", "expected"),
    [
        # scikit-survival: every one of 28 pairs in order, and none
        (TIMES, [1] * 8, [8, 7, 6, 5, 4, 3, 2, 1], 1.0),
        (TIMES, [1] * 8, [1, 2, 3, 4, 5, 6, 7, 8], 0.0),
        # events at 5 (1 of 6 later patients has the lower risk), 6 (2 of 5) and 45 (0 of 2)
        (TIMES, [0, 1, 1, 0, 0, 1, 0, 0], [5, 8, 11, 34, 12, 3, 9, 12], 3 / 13),
        # 5 of 6, 2 of 5, at 34 2 and a tie of 3, at 45 0 of 2
        (TIMES, [0, 1, 1, 0, 1, 1, 0, 0], [5, 15, 11, 34, 12, 3, 9, 12], 9.5 / 16),
        # 1 of 7, 2 of 6, at 11 5 of 5 with the one censored then, at 45 0 of 2
        (WITH_TIES, [0, 1, 1, 0, 1, 0, 1, 0, 0], RISKS, 8 / 20),
        # without the event at 11
        (WITH_TIES, [0, 1, 1, 0, 0, 0, 1, 0, 0], RISKS, 3 / 15),
        # two events at 11 do not compare: 1 of 7, 3 of 4 and 4 of 4, 0 of 2
        (WITH_TIES, [0, 1, 0, 1, 1, 0, 1, 0, 0], RISKS, 9 / 17),
        # at 1 8 of 11; at 13 3 of 4 and, with a tie, 0 of 4; at 34 0 of 2; at 45 1 of 1
        (
            [34, 11, 11, 5, 1, 89, 13, 45, 7, 13, 9, 13],
            [1, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 1],
            [1, 19, 13, 13, 15, 14, 19, 23, 11, 10, 11, 1],
            12.5 / 22,
        ),
        # lifelines: two events at one time do not compare (it takes predicted times, not risks)
        ([1, 1, 2], [1, 1, 1], [-1, -2, -3], 1.0),
    ],
)
def test_known_concordances(
    times: list[int], events: list[int], risks: list[float], expected: float
) -> None:
    assert c_index(times, events, risks) == pytest.approx(expected, abs=1e-15)
    assert peer_c_index(times, events, risks) == pytest.approx(expected, abs=1e-12)


def test_risks_that_differ_by_little_differ() -> None:
    # the tie at 34 above, parted by 9e-9: 10 of 16. scikit-survival has 9.5, a tie within 1e-8
    events, risks = [0, 1, 1, 0, 1, 1, 0, 0], [5, 15, 11, 34, 12 + 4.5e-9, 3, 9, 12 - 4.5e-9]

    assert c_index(TIMES, events, risks) == 10 / 16
    assert peer_c_index(TIMES, events, risks) == pytest.approx(9.5 / 16)


REMISSION = (
    np.array([6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35.0]),
    np.array([0, 1, 1, 1, 1, 0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0], dtype=bool),
)
PLACEBO = np.array([1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23.0])
"""Weeks in remission under 6-mercaptopurine and placebo: Freireich et al., Blood 1963."""


def test_the_remission_curve_of_freireich() -> None:
    # 18/21 at 6, * 16/17 at 7, * 14/15 at 10, * 11/12 at 13, * 10/11 at 16, * 6/7 at 22, * 5/6
    steps = [18 / 21, 16 / 17, 14 / 15, 11 / 12, 10 / 11, 6 / 7, 5 / 6]
    curve = kaplan_meier(*REMISSION, grid_months=[5, 6, 7, 10, 13, 16, 22, 23, 35], level=LEVEL)

    assert curve is not None
    products = np.cumprod(steps)
    assert curve.survival == pytest.approx([1, *products, products[-1]])
    assert curve.at_risk == (21, 21, 17, 15, 12, 11, 7, 6, 1)


def test_the_hazard_ratio_and_log_rank_of_freireich() -> None:
    # textbooks: log hazard ratio of placebo 1.5721 with Efron's ties, log-rank chi² 16.793
    times = np.concatenate([REMISSION[0], PLACEBO])
    event = np.concatenate([REMISSION[1], np.ones(21, dtype=bool)])
    group = np.repeat([False, True], 21)

    ratio = hazard_ratio(times, event, group, minimum_events=1, level=LEVEL).estimate.value
    assert ratio is not None
    assert math.log(ratio) == pytest.approx(1.5721, abs=5e-5)
    # chi² with one degree of freedom: p = erfc(sqrt(chi² / 2))
    p_value = log_rank(times, event, group).value
    assert p_value == pytest.approx(math.erfc(math.sqrt(16.793 / 2)), rel=1e-3)
