from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from evaluation.overlap import (
    LabelPairs,
    Overlap,
    dice,
    foreground,
    iou,
    is_side_swapped,
    label_pairs,
    overlap,
    when_empty,
)
from schema.task import EmptyOutcome, EmptyPolicy
from schema.terms import Status, TaskId
from tasks.specification import label_map, load_tasks

VALUES = (1, 2, 3, 4, 5, 6)
PARTNERS = ((1, 2), (3, 4), (5, 6))
POLICY = EmptyPolicy(
    both_empty=EmptyOutcome(status=Status.NOT_APPLICABLE),
    prediction_empty=EmptyOutcome(value=0.0),
    reference_empty=EmptyOutcome(value=0.25),
)
"""The last value is none that a formula could give, so that a mix-up shows."""

# Row by row; 0 is background. Label 1: 4 in the reference, 3 in the prediction, 2 in common.
# Label 2: 2, 3 and 1. Label 3: only in the reference. Label 4: only in the prediction.
REFERENCE = np.array([(1, 1, 1, 1), (2, 2, 0, 3), (0, 0, 0, 0)], dtype=np.uint8)
PREDICTION = np.array([(1, 1, 2, 0), (2, 4, 2, 0), (1, 0, 0, 0)], dtype=np.uint8)


def masks(shape: tuple[int, ...] = (4, 3, 2)) -> st.SearchStrategy[NDArray[Any]]:
    return arrays(np.uint8, shape, elements=st.integers(0, 6))


def value(counts: Overlap) -> tuple[float, float]:
    """Dice and IoU of masks that are not empty."""
    scores = dice(counts, empty=POLICY), iou(counts, empty=POLICY)
    assert [(each.status, each.reason) for each in scores] == [(Status.OK, None)] * 2
    assert scores[0].value is not None
    assert scores[1].value is not None
    return scores[0].value, scores[1].value


def test_counts_by_hand() -> None:
    pairs = label_pairs(REFERENCE, PREDICTION, values=VALUES)
    assert pairs.values == VALUES
    # rows: reference 0 to 3; columns: prediction 0, 1, 2, 4 (read off the arrays above)
    assert pairs.counts[:4, [0, 1, 2, 4]].tolist() == [
        [3, 1, 1, 0],
        [1, 2, 1, 0],
        [0, 0, 1, 1],
        [1, 0, 0, 0],
    ]
    assert pairs.counts.sum() == REFERENCE.size
    assert overlap(pairs, value=1) == Overlap(intersection=2, reference=4, prediction=3)
    assert overlap(pairs, value=2) == Overlap(intersection=1, reference=2, prediction=3)
    assert overlap(pairs, value=3) == Overlap(intersection=0, reference=1, prediction=0)
    assert overlap(pairs, value=4) == Overlap(intersection=0, reference=0, prediction=1)
    # all labels as one: 7 voxels in the reference, 7 in the prediction, 5 in both
    assert foreground(pairs) == Overlap(intersection=5, reference=7, prediction=7)


def test_dice_and_iou_by_hand() -> None:
    # Dice 2 * 2 / (4 + 3) = 4/7; IoU 2 / (4 + 3 - 2) = 2/5
    assert value(Overlap(intersection=2, reference=4, prediction=3)) == (4 / 7, 2 / 5)


@pytest.mark.parametrize(
    ("counts", "expected", "status", "reason"),
    [
        (Overlap(1, 1, 1), 1.0, Status.OK, None),
        (Overlap(0, 3, 0), 0.0, Status.OK, None),
        (Overlap(0, 0, 3), 0.25, Status.OK, None),
        (Overlap(0, 0, 0), None, Status.NOT_APPLICABLE, "reference and prediction empty"),
    ],
)
def test_the_table_of_empties_rules_each_of_the_four_combinations(
    counts: Overlap, expected: float | None, status: Status, reason: str | None
) -> None:
    for score in (dice(counts, empty=POLICY), iou(counts, empty=POLICY)):
        assert (score.value, score.status, score.reason) == (expected, status, reason)


def test_every_empty_combination_may_have_no_value_and_says_which_it_was() -> None:
    undefined = EmptyOutcome(status=Status.UNDEFINED)
    policy = EmptyPolicy(
        both_empty=undefined, prediction_empty=undefined, reference_empty=undefined
    )
    reasons = {
        Overlap(0, 0, 0): "reference and prediction empty",
        Overlap(0, 2, 0): "prediction empty",
        Overlap(0, 0, 2): "reference empty",
    }
    for counts, reason in reasons.items():
        assert tuple(dice(counts, empty=policy)) == (None, Status.UNDEFINED, reason)
        assert tuple(iou(counts, empty=policy)) == (None, Status.UNDEFINED, reason)


@pytest.mark.parametrize("task", [TaskId.COMPARTMENTS, TaskId.NODES])
@pytest.mark.parametrize("metric", ["dice", "iou"])
def test_task_files_leave_two_empty_masks_out_and_give_one_empty_mask_nothing(
    task: TaskId, metric: str
) -> None:
    empty = load_tasks()[task].metric(metric).empty
    assert empty is not None
    score = dice if metric == "dice" else iou
    assert score(Overlap(0, 0, 0), empty=empty).status is Status.NOT_APPLICABLE
    assert score(Overlap(0, 5, 0), empty=empty).value == 0.0
    assert score(Overlap(0, 0, 5), empty=empty).value == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_dice_and_iou_agree_with_simpleitk(seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference = rng.choice(7, size=(13, 11, 7), p=[0.4, *[0.1] * 6]).astype(np.uint8)
    prediction = np.where(rng.random(reference.shape) < 0.6, reference, rng.integers(0, 7))
    prediction = prediction.astype(np.uint8)
    oracle = SimpleITK.LabelOverlapMeasuresImageFilter()
    oracle.Execute(SimpleITK.GetImageFromArray(reference), SimpleITK.GetImageFromArray(prediction))
    pairs = label_pairs(reference, prediction, values=VALUES)
    for label in VALUES:
        got = value(overlap(pairs, value=label))
        assert abs(got[0] - oracle.GetDiceCoefficient(label)) < 1e-12
        assert abs(got[1] - oracle.GetJaccardCoefficient(label)) < 1e-12


@settings(max_examples=50)
@given(masks(), masks())
def test_memory_order_byte_order_and_type_of_either_mask_change_nothing(
    reference: NDArray[Any], prediction: NDArray[Any]
) -> None:
    expected = label_pairs(reference, prediction, values=VALUES).counts
    variants = (
        np.asfortranarray(prediction),
        prediction.astype(np.int8),
        prediction.astype(">i2"),
        np.asfortranarray(prediction.astype(">u4")),
        np.repeat(prediction, 2, axis=1)[:, ::2],
    )
    for variant in variants:
        np.testing.assert_array_equal(
            label_pairs(np.asfortranarray(reference), variant, values=VALUES).counts, expected
        )


@settings(max_examples=50)
@given(masks(), masks())
def test_counts_are_those_of_a_voxel_by_voxel_comparison(
    reference: NDArray[Any], prediction: NDArray[Any]
) -> None:
    pairs = label_pairs(reference, prediction, values=VALUES)
    for label in VALUES:
        in_reference, in_prediction = reference == label, prediction == label
        assert overlap(pairs, value=label) == Overlap(
            intersection=int((in_reference & in_prediction).sum()),
            reference=int(in_reference.sum()),
            prediction=int(in_prediction.sum()),
        )


@settings(max_examples=50)
@given(masks(), masks())
def test_dice_and_iou_are_symmetric_bounded_and_tied_to_each_other(
    reference: NDArray[Any], prediction: NDArray[Any]
) -> None:
    pairs = label_pairs(reference, prediction, values=VALUES)
    back = label_pairs(prediction, reference, values=VALUES)
    np.testing.assert_array_equal(pairs.counts, back.counts.T)
    for label in VALUES:
        counts = overlap(pairs, value=label)
        if counts.reference and counts.prediction:
            d, i = value(counts)
            assert (d, i) == value(overlap(back, value=label))
            assert 0.0 <= i <= d <= 1.0
            # IoU = Dice / (2 - Dice) for one pair of masks
            assert abs(i - d / (2 - d)) < 1e-15


@settings(max_examples=50)
@given(masks())
def test_identical_masks_score_one(mask: NDArray[Any]) -> None:
    pairs = label_pairs(mask, mask.copy(), values=VALUES)
    for label in set(VALUES) & set(mask.ravel().tolist()):
        assert value(overlap(pairs, value=label)) == (1.0, 1.0)


@settings(max_examples=50)
@given(masks(), masks())
def test_disjoint_masks_score_zero(first: NDArray[Any], second: NDArray[Any]) -> None:
    disjoint = np.where(first == second, 0, second).astype(np.uint8)
    pairs = label_pairs(first, disjoint, values=VALUES)
    for label in VALUES:
        counts = overlap(pairs, value=label)
        assert counts.intersection == 0
        if counts.reference and counts.prediction:
            assert value(counts) == (0.0, 0.0)


@pytest.mark.parametrize("bad", [-1, 7, 255, 256, 70_000])
@pytest.mark.parametrize("side", ["reference", "prediction"])
def test_a_value_that_is_no_label_is_refused_on_either_side(bad: int, side: str) -> None:
    sound, wrong = np.zeros((2, 2), dtype=np.int32), np.zeros((2, 2), dtype=np.int32)
    wrong[1, 0] = bad
    given = (wrong, sound) if side == "reference" else (sound, wrong)
    with pytest.raises(ValueError, match="no label"):
        label_pairs(*given, values=VALUES)


def test_shapes_must_agree_even_when_the_sizes_do() -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        label_pairs(np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.uint8), values=VALUES)


def test_masks_without_a_voxel_have_no_counts() -> None:
    empty = np.zeros((0, 3, 4), dtype=np.uint8)
    assert label_pairs(empty, empty, values=VALUES).counts.sum() == 0


def test_254_labels_up_to_255_are_told_apart() -> None:
    values = tuple(range(2, 256))
    reference = np.array(values, dtype=np.uint8)
    pairs = label_pairs(reference, reference[::-1], values=values)
    # position n holds value n + 2 in the reference and 255 - n in the prediction
    assert pairs.counts[1:, 1:][::-1].tolist() == np.eye(254, dtype=int).tolist()
    assert label_pairs(reference, reference, values=values).counts.trace() == 254


def swapped(mask: NDArray[Any]) -> NDArray[Any]:
    """Right for left and left for right."""
    exchanged: NDArray[Any] = np.array([0, 2, 1, 4, 3, 6, 5], dtype=np.uint8)[mask]
    return exchanged


def test_a_right_and_left_swap_scores_nothing_and_is_told_from_a_poor_outline() -> None:
    reference = np.repeat(np.array([0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6], dtype=np.uint8), 10)
    pairs = label_pairs(reference, swapped(reference), values=VALUES)
    assert [value(overlap(pairs, value=label)) for label in VALUES] == [(0.0, 0.0)] * 6
    # as one foreground the swap is invisible: that is what the flag is for
    assert value(foreground(pairs)) == (1.0, 1.0)
    assert is_side_swapped(pairs, partners=PARTNERS)
    poor = np.roll(reference, 9)  # a tenth of each compartment is met
    assert not is_side_swapped(label_pairs(reference, poor, values=VALUES), partners=PARTNERS)


@pytest.mark.parametrize(
    ("straight", "crossed", "expected"), [(5, 4, False), (5, 5, False), (5, 6, True), (0, 0, False)]
)
def test_a_swap_must_raise_the_agreement_to_count(
    straight: int, crossed: int, *, expected: bool
) -> None:
    counts = np.zeros((7, 7), dtype=np.int64)
    counts[1, 1], counts[6, 6] = straight, 2
    counts[2, 1], counts[5, 6] = crossed, 2
    assert is_side_swapped(LabelPairs(counts, VALUES), partners=PARTNERS) is expected


def test_a_voxel_in_another_region_on_the_other_side_is_no_swap() -> None:
    # obturator left called external iliac right, and the other way round
    counts = np.zeros((7, 7), dtype=np.int64)
    counts[4, 1] = counts[1, 4] = 100
    assert not is_side_swapped(LabelPairs(counts, VALUES), partners=PARTNERS)


@settings(max_examples=50)
@given(masks())
def test_swapping_the_prediction_turns_the_flag_of_any_mask_with_a_side(mask: NDArray[Any]) -> None:
    straight = label_pairs(mask, mask, values=VALUES)
    crossed = label_pairs(mask, swapped(mask), values=VALUES)
    assert not is_side_swapped(straight, partners=PARTNERS)
    assert is_side_swapped(crossed, partners=PARTNERS) is bool(mask.any())


def test_partners_here_are_those_of_the_task_file() -> None:
    found = label_map(TaskId.COMPARTMENTS).compartments
    pairs = {
        (value, found[region, type(side)("left")])
        for (region, side), value in found.items()
        if side == "right"
    }
    assert pairs == set(PARTNERS)


def test_every_figure_of_a_mask_takes_its_value_for_empty_masks_from_its_own_table() -> None:
    counts = {"both_empty": (0, 0), "prediction_empty": (5, 0), "reference_empty": (0, 5)}
    for task_id in (TaskId.COMPARTMENTS, TaskId.NODES):
        for metric in load_tasks()[task_id].metrics:
            if metric.empty is None:
                continue
            for name, (reference, prediction) in counts.items():
                got = when_empty(Overlap(0, reference, prediction), empty=metric.empty)
                outcome = getattr(metric.empty, name)
                assert (got.value, got.status) == (outcome.value, outcome.status)
                assert (got.reason is None) == (outcome.status is Status.OK)
            assert metric.empty.prediction_empty.value == metric.worst
            with pytest.raises(ValueError, match="neither mask is empty"):
                when_empty(Overlap(1, 5, 5), empty=metric.empty)


def test_the_box_of_a_label_holds_it_on_both_sides() -> None:
    reference, prediction = np.zeros((9, 9, 9), dtype=np.uint8), np.zeros((9, 9, 9), dtype=np.int16)
    reference[1:3, 2:4, 5], prediction[2:6, 0, 5:8] = 1, 1
    reference[8, 8, 8] = 2
    pairs = label_pairs(reference, prediction, values=(1, 2, 3))

    assert pairs.box(1) == (slice(1, 6), slice(0, 4), slice(5, 8))
    assert pairs.box(2) == (slice(8, 9),) * 3
    assert reference[pairs.box(3)].size == 0
