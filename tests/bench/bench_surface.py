"""HD95, Hausdorff distance, average distance and surface Dice of six labels, in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
import pytest
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from evaluation.overlap import label_pairs
from evaluation.surface import (
    SurfacePair,
    average_distance_mm,
    hausdorff_mm,
    label_surfaces,
    surface_dice,
)
from schema.terms import TaskId
from tasks.specification import label_map
from tests.bench.contestants import (
    KIT,
    MEDPY,
    MONAI,
    SIMPLEITK,
    SURFACE,
    SURFACE_DISTANCE,
    installed,
    timed,
)
from tests.bench.peer_arrays import (
    SLICES_FIRST_MM,
    as_image,
    as_one_hot,
    as_tensor,
    prepared,
    slices_first,
)
from tests.bench.volumes import SPACING_MM, Masks, Pair, Size, size_name

VALUES = label_map(TaskId.COMPARTMENTS).values
TOLERANCE_MM = 2.0

Figures = NDArray[np.float64]
"""Rows are labels, columns the figures a contestant has."""
Run = Callable[[], Figures]


def this_scorer(masks: Pair) -> Run:
    def run() -> Figures:
        pairs = label_pairs(*masks, values=VALUES)
        return np.array(
            [
                _four_figures(
                    label_surfaces(*masks, pairs=pairs, value=value, spacing_mm=SPACING_MM)
                )
                for value in VALUES
            ]
        )

    return run


def _four_figures(pair: SurfacePair | None) -> tuple[float, float, float, float]:
    assert pair is not None, "every label is on both sides"
    return (
        hausdorff_mm(pair, percent=95),
        hausdorff_mm(pair, percent=100),
        average_distance_mm(pair),
        surface_dice(pair, tolerance_mm=TOLERANCE_MM),
    )


def surface_distance(masks: Pair) -> Run:
    """The reference implementation; it gives two averages, which their areas make one."""
    import surface_distance as peer

    arrays = [slices_first(mask) for mask in masks]

    def of_label(value: int) -> tuple[float, ...]:
        found = peer.compute_surface_distances(
            *(array == value for array in arrays), spacing_mm=SLICES_FIRST_MM
        )
        averages = peer.compute_average_surface_distance(found)
        areas = [found[f"surfel_areas_{side}"].sum() for side in ("gt", "pred")]
        return (
            peer.compute_robust_hausdorff(found, 95),
            peer.compute_robust_hausdorff(found, 100),
            float(np.average(averages, weights=areas)),
            peer.compute_surface_dice_at_tolerance(found, TOLERANCE_MM),
        )

    return lambda: np.array([of_label(value) for value in VALUES])


def monai(masks: Pair) -> Run:
    from monai.metrics.hausdorff_distance import compute_hausdorff_distance
    from monai.metrics.surface_dice import compute_surface_dice
    from monai.metrics.surface_distance import compute_average_surface_distance

    reference, prediction = (as_tensor(mask) for mask in masks)
    tolerances = [TOLERANCE_MM] * len(VALUES)

    def run() -> Figures:
        both = {"y": as_one_hot(reference), "y_pred": as_one_hot(prediction)}
        grid = {"spacing": SLICES_FIRST_MM}
        figures = (
            compute_hausdorff_distance(**both, **grid, percentile=95),
            compute_hausdorff_distance(**both, **grid, percentile=100),
            compute_average_surface_distance(**both, **grid, symmetric=True),
            compute_surface_dice(**both, **grid, class_thresholds=tolerances),
        )
        return np.array([figure.numpy()[0] for figure in figures]).T

    return run


def medpy(masks: Pair) -> Run:
    """It has no surface Dice."""
    from medpy.metric import binary

    reference, prediction = (slices_first(mask) for mask in masks)

    def run() -> Figures:
        return np.array(
            [
                [
                    figure(prediction == value, reference == value, voxelspacing=SLICES_FIRST_MM)
                    for figure in (binary.hd95, binary.hd, binary.assd)
                ]
                for value in VALUES
            ]
        )

    return run


def simpleitk(masks: Pair) -> Run:
    """It has neither HD95 nor surface Dice."""
    import SimpleITK as sitk  # noqa: N813 - its own documentation's name

    reference, prediction = (as_image(mask) for mask in masks)

    def of_label(value: int) -> tuple[float, float]:
        measures = sitk.HausdorffDistanceImageFilter()
        measures.Execute(reference == value, prediction == value)
        return measures.GetHausdorffDistance(), measures.GetAverageHausdorffDistance()

    return lambda: np.array([of_label(value) for value in VALUES])


PREPARE: Mapping[str, Callable[[Pair], Run]] = MappingProxyType(
    {
        KIT: this_scorer,
        SURFACE_DISTANCE: surface_distance,
        MONAI: monai,
        MEDPY: medpy,
        SIMPLEITK: simpleitk,
    }
)


@pytest.mark.parametrize("name", installed(SURFACE))
def bench_surface(benchmark: BenchmarkFixture, masks: Masks, size: Size, name: str) -> None:
    run = prepared(PREPARE[name], masks.compartments)
    got = timed(benchmark, run, group=SURFACE, size=size_name(size), name=name)

    assert np.isfinite(got).all()
    if name == SURFACE_DISTANCE:
        np.testing.assert_allclose(got, this_scorer(masks.compartments)(), atol=1e-6, rtol=0)
