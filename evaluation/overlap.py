"""Overlap of two label masks: one pass over the voxels, everything else from the counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schema.task import EmptyPolicy
from schema.terms import Status
from tasks.label_pass import Box, label_pass


class LabelPairs(NamedTuple):
    """How often each pair of values occurs, and where each value lies.

    `counts[r, p]` voxels are r in the reference and p in the prediction. Row and column 0 are the
    background, row and column n the n-th of `values`; `boxes[n - 1]` holds it on both sides.
    """

    counts: NDArray[np.int64]
    values: tuple[int, ...]
    boxes: tuple[Box, ...] = ()

    def box(self, value: int) -> Box:
        """The box that holds a value on both sides; empty where neither side has it."""
        return self.boxes[self.values.index(value)]


class Overlap(NamedTuple):
    """Voxel counts of one label."""

    intersection: int
    reference: int
    prediction: int


class Score(NamedTuple):
    """A per-case value, or a status and the reason why there is none."""

    value: float | None
    status: Status
    reason: str | None


def label_pairs(
    reference: NDArray[Any], prediction: NDArray[Any], *, values: Sequence[int]
) -> LabelPairs:
    """Count the pairs of values in one pass.

    Args:
        reference: labels, integers, up to three axes.
        prediction: labels, same shape.
        values: the foreground labels, at most 254, each from 1 to 255.

    Raises:
        ValueError: the shapes differ, or a mask holds a value that is no label.
    """
    counts, boxes = label_pass(reference, prediction, values=values)
    return LabelPairs(counts, tuple(values), boxes)


def overlap(pairs: LabelPairs, *, value: int) -> Overlap:
    """Counts of one label."""
    index = pairs.values.index(value) + 1
    return Overlap(
        intersection=int(pairs.counts[index, index]),
        reference=int(pairs.counts[index].sum()),
        prediction=int(pairs.counts[:, index].sum()),
    )


def foreground(pairs: LabelPairs) -> Overlap:
    """Counts of all labels taken as one."""
    return Overlap(
        intersection=int(pairs.counts[1:, 1:].sum()),
        reference=int(pairs.counts[1:].sum()),
        prediction=int(pairs.counts[:, 1:].sum()),
    )


def dice(counts: Overlap, *, empty: EmptyPolicy) -> Score:
    """2|R∩P| / (|R|+|P|), 0 to 1, higher is better; empty masks by the task's table."""
    total = counts.reference + counts.prediction
    return _unless_empty(counts, empty=empty, numerator=2 * counts.intersection, denominator=total)


def iou(counts: Overlap, *, empty: EmptyPolicy) -> Score:
    """|R∩P| / |R∪P|, 0 to 1, higher is better; empty masks by the task's table."""
    union = counts.reference + counts.prediction - counts.intersection
    return _unless_empty(counts, empty=empty, numerator=counts.intersection, denominator=union)


def _unless_empty(
    counts: Overlap, *, empty: EmptyPolicy, numerator: int, denominator: int
) -> Score:
    if counts.reference and counts.prediction:
        return Score(numerator / denominator, Status.OK, None)
    return when_empty(counts, empty=empty)


def when_empty(counts: Overlap, *, empty: EmptyPolicy) -> Score:
    """What a figure is when a mask is empty: the task file's table, the same for every figure.

    Raises:
        ValueError: neither mask is empty.
    """
    if counts.reference and counts.prediction:
        raise ValueError("neither mask is empty")
    if counts.reference:
        outcome, reason = empty.prediction_empty, "prediction empty"
    elif counts.prediction:
        outcome, reason = empty.reference_empty, "reference empty"
    else:
        outcome, reason = empty.both_empty, "reference and prediction empty"
    return Score(outcome.value, outcome.status, None if outcome.status is Status.OK else reason)


def is_side_swapped(pairs: LabelPairs, *, partners: Sequence[tuple[int, int]]) -> bool:
    """Whether exchanging right and left in the prediction would raise the voxels that agree.

    Args:
        pairs: of the compartments.
        partners: values of each compartment's (right, left).
    """
    index = {value: position for position, value in enumerate(pairs.values, start=1)}
    rights = [index[right] for right, _ in partners]
    lefts = [index[left] for _, left in partners]
    straight = pairs.counts[rights, rights].sum() + pairs.counts[lefts, lefts].sum()
    crossed = pairs.counts[rights, lefts].sum() + pairs.counts[lefts, rights].sum()
    return bool(crossed > straight)
