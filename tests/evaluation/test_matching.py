from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from evaluation.matching import Match, match_nodes, pairwise_iou

Cells = dict[tuple[int, int], int]


def lay_out(common: Cells) -> tuple[NDArray[Any], NDArray[Any]]:
    """Two masks in which (r, p) occurs as often as the cell says."""
    pairs = [pair for pair, times in common.items() for _ in range(times)]
    reference, prediction = np.array(pairs, dtype=np.uint32).T
    return reference, prediction


def match(
    reference: NDArray[Any], prediction: NDArray[Any], *, minimum_iou: float = 0.1
) -> tuple[Match, ...]:
    return match_nodes(
        reference,
        prediction,
        reference_count=int(reference.max(initial=0)),
        prediction_count=int(prediction.max(initial=0)),
        minimum_iou=minimum_iou,
    )


def pairs_of(matches: tuple[Match, ...]) -> list[tuple[int, int]]:
    return [(each.reference, each.prediction) for each in matches]


def best_by_trying_all(shares: NDArray[np.float64], *, minimum_iou: float) -> tuple[int, float]:
    """Most pairs, and the largest summed IoU among the ways to have that many."""
    rows, columns = shares.shape
    # a column beyond the last one means: not matched
    slots = [*range(columns), *[columns] * rows]
    best = (0, 0.0)
    for chosen in set(itertools.permutations(slots, rows)):
        taken = [shares[row, column] for row, column in enumerate(chosen) if column < columns]
        if all(share >= minimum_iou for share in taken):
            best = max(best, (len(taken), float(sum(taken))))
    return best


def test_iou_of_every_pair_by_hand() -> None:
    # node sizes: reference 5 and 2, prediction 4, 1 and 3
    reference, prediction = lay_out(
        {(1, 1): 3, (1, 2): 1, (1, 0): 1, (2, 3): 2, (0, 1): 1, (0, 3): 1}
    )
    shares = pairwise_iou(reference, prediction, reference_count=2, prediction_count=3)
    # of node 1: 3 of 5 + 4 - 3 voxels and 1 of 5 + 1 - 1; of node 2: 2 of 2 + 3 - 2
    assert shares.tolist() == [[3 / 6, 1 / 5, 0.0], [0.0, 0.0, 2 / 3]]
    assert match(reference, prediction) == (Match(1, 1, 3 / 6), Match(2, 3, 2 / 3))


def test_the_largest_sum_wins_where_taking_the_best_pair_first_does_not() -> None:
    # Sizes: r1 = 8 + 5, r2 = 5 + 1, p1 = 8 + 5, p2 = 5 + 1. IoU: (1, 1) 8 / 18 = 0.444,
    # (1, 2) and (2, 1) 5 / 14 = 0.357, (2, 2) 1 / 11 = 0.091. Best first: 0.444 + 0.091 = 0.535;
    # crosswise 0.714.
    reference, prediction = lay_out({(1, 1): 8, (1, 2): 5, (2, 1): 5, (2, 2): 1})
    found = match(reference, prediction, minimum_iou=0.05)
    assert found == (Match(1, 2, 5 / 14), Match(2, 1, 5 / 14))


def test_two_poor_pairs_beat_one_good_pair() -> None:
    # Sizes: r1 = 9 + 2, r2 = 2, p1 = 9 + 2, p2 = 2. IoU: (1, 1) 9 / 13 = 0.69, crosswise 2 / 11
    # each, 0.36 in all; (2, 2) do not touch, so (1, 1) would be the only pair.
    reference, prediction = lay_out({(1, 1): 9, (1, 2): 2, (2, 1): 2})
    assert match(reference, prediction) == (Match(1, 2, 2 / 11), Match(2, 1, 2 / 11))


def test_without_a_second_pair_the_good_one_is_kept() -> None:
    reference, prediction = lay_out({(1, 1): 9, (1, 2): 2})
    assert match(reference, prediction) == (Match(1, 1, 9 / 11),)


@pytest.mark.parametrize(("outside", "expected"), [(8, 1), (9, 1), (10, 0)])
def test_an_overlap_at_the_minimum_is_a_pair_and_one_below_it_is_none(
    outside: int, expected: int
) -> None:
    # one voxel in common and `outside` more in the prediction: IoU 1/9, 1/10 (the minimum), 1/11
    reference, prediction = lay_out({(1, 1): 1, (0, 1): outside})
    assert len(match(reference, prediction, minimum_iou=0.1)) == expected


def test_a_forbidden_pair_is_never_taken_to_make_another_possible() -> None:
    # (2, 2) has IoU 1 / 41 and is too small; (1, 1) has 10 / 12
    reference, prediction = lay_out({(1, 1): 10, (1, 0): 1, (0, 1): 1, (2, 2): 1, (0, 2): 40})
    assert pairs_of(match(reference, prediction)) == [(1, 1)]


@pytest.mark.parametrize(("reference_count", "prediction_count"), [(0, 0), (0, 2), (2, 0)])
def test_a_side_without_nodes_gives_no_pair(reference_count: int, prediction_count: int) -> None:
    reference = np.arange(12, dtype=np.uint32).reshape(3, 4) % (reference_count + 1)
    prediction = np.arange(12, dtype=np.uint32).reshape(3, 4) % (prediction_count + 1)
    assert match(reference, prediction) == ()
    shares = pairwise_iou(
        reference,
        prediction,
        reference_count=reference_count,
        prediction_count=prediction_count,
    )
    assert shares.shape == (reference_count, prediction_count)


def test_masks_without_a_voxel_have_no_pair() -> None:
    empty = np.zeros((0, 2, 2), dtype=np.uint32)
    assert match(empty, empty) == ()


def test_shapes_must_agree() -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        match(np.zeros((2, 3), np.uint32), np.zeros((3, 2), np.uint32))


def test_pairs_come_in_the_order_of_the_reference() -> None:
    reference, prediction = lay_out({(1, 3): 2, (2, 1): 2, (3, 2): 2})
    assert pairs_of(match(reference, prediction)) == [(1, 3), (2, 1), (3, 2)]


def numbered(highest: int = 5) -> st.SearchStrategy[NDArray[Any]]:
    return arrays(np.uint32, 40, elements=st.integers(0, highest))


@settings(max_examples=50)
@given(numbered(), numbered(), st.sampled_from([0.01, 0.1, 0.15, 0.3]))
def test_no_other_assignment_has_more_pairs_or_a_larger_sum(
    reference: NDArray[Any], prediction: NDArray[Any], minimum_iou: float
) -> None:
    shares = pairwise_iou(reference, prediction, reference_count=5, prediction_count=5)
    found = match_nodes(
        reference, prediction, reference_count=5, prediction_count=5, minimum_iou=minimum_iou
    )
    pairs, total = best_by_trying_all(shares, minimum_iou=minimum_iou)
    assert len(found) == pairs
    assert abs(sum(each.iou for each in found) - total) < 1e-9


@settings(max_examples=50)
@given(numbered(8), numbered(8))
@example(np.zeros(40, np.uint32), np.ones(40, np.uint32))
def test_every_node_is_matched_once_or_not_at_all_and_every_pair_overlaps(
    reference: NDArray[Any], prediction: NDArray[Any]
) -> None:
    found = match_nodes(
        reference, prediction, reference_count=8, prediction_count=8, minimum_iou=0.1
    )
    assert len({each.reference for each in found}) == len(found)
    assert len({each.prediction for each in found}) == len(found)
    for each in found:
        mine, theirs = reference == each.reference, prediction == each.prediction
        share = (mine & theirs).sum() / (mine | theirs).sum()
        assert each.iou == share
        assert share >= 0.1
    # matched + missed = all, and matched + spurious = all
    missed = set(range(1, 9)) - {each.reference for each in found}
    spurious = set(range(1, 9)) - {each.prediction for each in found}
    assert len(found) + len(missed) == len(found) + len(spurious) == 8


@settings(max_examples=50)
@given(numbered(), numbered())
def test_exchanging_the_two_sides_keeps_the_number_of_pairs_and_their_sum(
    reference: NDArray[Any], prediction: NDArray[Any]
) -> None:
    there, back = match(reference, prediction), match(prediction, reference)
    assert len(there) == len(back)
    assert abs(sum(each.iou for each in there) - sum(each.iou for each in back)) < 1e-9


@settings(max_examples=50)
@given(numbered(), st.permutations(range(1, 6)))
def test_the_same_nodes_under_other_numbers_are_found_again(
    reference: NDArray[Any], order: list[int]
) -> None:
    prediction = np.array([0, *order], dtype=np.uint32)[reference]
    found = match_nodes(
        reference, prediction, reference_count=5, prediction_count=5, minimum_iou=0.1
    )
    present = sorted(set(reference.tolist()) - {0})
    assert found == tuple(Match(number, order[number - 1], 1.0) for number in present)
