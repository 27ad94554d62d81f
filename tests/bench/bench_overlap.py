"""Dice and IoU of six labels, from two label arrays in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from evaluation.overlap import dice, iou, label_pairs, overlap
from schema.task import EmptyPolicy
from schema.terms import TaskId
from tasks.specification import label_map, load_tasks
from tests.bench.contestants import (
    KIT,
    MONAI,
    NNUNET,
    NNUNET_AS_READ,
    OVERLAP,
    SIMPLEITK,
    installed,
    timed,
)
from tests.bench.peer_arrays import as_image, as_one_hot, as_tensor, prepared, slices_first
from tests.bench.volumes import Masks, Pair, Size, size_name

VALUES = label_map(TaskId.COMPARTMENTS).values

Figures = NDArray[np.float64]
"""Dice and IoU of every label, shape (2, labels)."""
Run = Callable[[], Figures]


def this_scorer(masks: Pair) -> Run:
    def run() -> Figures:
        pairs = label_pairs(*masks, values=VALUES)
        counts = [overlap(pairs, value=value) for value in VALUES]
        return np.array(
            [
                [figure(each, empty=empty_policy(name)).value for each in counts]
                for name, figure in (("dice", dice), ("iou", iou))
            ]
        )

    return run


def empty_policy(metric: str) -> EmptyPolicy:
    found = load_tasks()[TaskId.COMPARTMENTS].metric(metric).empty
    assert found is not None, "the task says what an empty mask scores"
    return found


def nnunet(masks: Pair) -> Run:
    return _nnunet([slices_first(mask) for mask in masks])


def nnunet_as_read(masks: Pair) -> Run:
    """Its reader gives single-precision floats with a channel in front."""
    return _nnunet([slices_first(mask)[None].astype(np.float32) for mask in masks])


def _nnunet(arrays: list[NDArray[Any]]) -> Run:
    """As its `compute_metrics`, which cannot be called without files."""
    from nnunetv2.evaluation.evaluate_predictions import (
        compute_tp_fp_fn_tn,
        region_or_label_to_mask,
    )

    def of_label(value: int) -> tuple[float, float]:
        reference, prediction = (region_or_label_to_mask(array, value) for array in arrays)
        tp, fp, fn, _ = compute_tp_fp_fn_tn(reference, prediction, None)
        return 2 * tp / (2 * tp + fp + fn), tp / (tp + fp + fn)

    return lambda: np.array([of_label(value) for value in VALUES]).T


def monai(masks: Pair) -> Run:
    from monai.metrics.meandice import compute_dice
    from monai.metrics.meaniou import compute_iou

    reference, prediction = (as_tensor(mask) for mask in masks)

    def run() -> Figures:
        y, y_pred = as_one_hot(reference), as_one_hot(prediction)
        figures = (
            compute(y_pred, y, include_background=False) for compute in (compute_dice, compute_iou)
        )
        return np.array([each.numpy()[0] for each in figures])

    return run


def simpleitk(masks: Pair) -> Run:
    import SimpleITK as sitk  # noqa: N813 - its own documentation's name

    reference, prediction = (as_image(mask) for mask in masks)

    def run() -> Figures:
        measures = sitk.LabelOverlapMeasuresImageFilter()
        measures.Execute(reference, prediction)
        return np.array(
            [
                [figure(value) for value in VALUES]
                for figure in (measures.GetDiceCoefficient, measures.GetJaccardCoefficient)
            ]
        )

    return run


PREPARE: Mapping[str, Callable[[Pair], Run]] = MappingProxyType(
    {
        KIT: this_scorer,
        NNUNET: nnunet,
        NNUNET_AS_READ: nnunet_as_read,
        MONAI: monai,
        SIMPLEITK: simpleitk,
    }
)


@pytest.mark.parametrize("name", installed(OVERLAP))
def bench_overlap(benchmark: BenchmarkFixture, masks: Masks, size: Size, name: str) -> None:
    run = prepared(PREPARE[name], masks.compartments)
    got = timed(benchmark, run, group=OVERLAP, size=size_name(size), name=name)

    np.testing.assert_allclose(got, this_scorer(masks.compartments)(), atol=1e-6)
