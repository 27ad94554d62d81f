"""Which predicted node is which reference node."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment


class Match(NamedTuple):
    """One pair: numbers of the two nodes, from 1, and their intersection over union."""

    reference: int
    prediction: int
    iou: float


def match_nodes(
    reference: NDArray[Any],
    prediction: NDArray[Any],
    *,
    reference_count: int,
    prediction_count: int,
    minimum_iou: float,
) -> tuple[Match, ...]:
    """Pair nodes one to one: as many pairs as possible, and of those ways the largest summed IoU.

    Args:
        reference: node numbers, 0 for background, integers, any shape.
        prediction: node numbers, same shape.
        reference_count: number of reference nodes.
        prediction_count: number of predicted nodes.
        minimum_iou: a pair overlaps at least this much, above 0.

    Returns:
        The pairs, in the order of the reference's numbers; empty when either side has no node.

    Raises:
        ValueError: the shapes differ.
    """
    if reference.shape != prediction.shape:
        raise ValueError(f"shapes differ: {reference.shape} and {prediction.shape}")
    overlaps = pairwise_iou(
        reference,
        prediction,
        reference_count=reference_count,
        prediction_count=prediction_count,
    )
    allowed = overlaps >= minimum_iou
    # A sum of IoU is below the smaller count, so one pair more always outweighs any overlap.
    gain = np.where(allowed, overlaps + reference_count + prediction_count, 0.0)
    rows, columns = linear_sum_assignment(gain, maximize=True)
    matches = tuple(
        Match(int(row) + 1, int(column) + 1, float(overlaps[row, column]))
        for row, column in zip(rows, columns, strict=True)
        if allowed[row, column]
    )
    assert len({match.prediction for match in matches}) == len(matches)
    return matches


def pairwise_iou(
    reference: NDArray[Any],
    prediction: NDArray[Any],
    *,
    reference_count: int,
    prediction_count: int,
) -> NDArray[np.float64]:
    """IoU of every reference node with every predicted one, shape (reference, prediction)."""
    both = (reference > 0) & (prediction > 0)
    shape = (reference_count + 1, prediction_count + 1)
    pairs = np.ravel_multi_index((reference[both].astype(int), prediction[both].astype(int)), shape)
    common = np.bincount(pairs, minlength=shape[0] * shape[1]).reshape(shape)[1:, 1:]
    in_reference = _sizes(reference, count=reference_count)[:, None]
    in_prediction = _sizes(prediction, count=prediction_count)[None]
    union = in_reference + in_prediction - common
    shares: NDArray[np.float64] = common / np.maximum(union, 1)
    return shares


def _sizes(numbers: NDArray[Any], *, count: int) -> NDArray[np.int64]:
    """Voxels of each node, in the order of their numbers."""
    return np.bincount(numbers[numbers > 0].astype(int), minlength=count + 1)[1:].astype(np.int64)
