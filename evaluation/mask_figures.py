"""Figures of a mask that every mask task shares: overlap and surface, by label and over them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.case_values import case_value, mean_figure, mean_score
from evaluation.overlap import (
    LabelPairs,
    Overlap,
    Score,
    dice,
    iou,
    overlap,
    when_empty,
)
from evaluation.surface import (
    SurfacePair,
    average_distance_mm,
    hausdorff_mm,
    label_surfaces,
    surface_dice,
)
from schema.label import LabelMap
from schema.result import CaseScore, CaseValue, Figure
from schema.task import EmptyPolicy, Task
from schema.terms import Status

MACRO = "macro"
SURFACE_FIGURES = ("hd95_mm", "hd_mm", "assd_mm", "nsd")
MASK_FIGURES = ("dice", "iou", *SURFACE_FIGURES)
"""Per-case figures that a mask task may ask for."""


def mask_figures(task: Task) -> tuple[str, ...]:
    """Those that the task asks for: distances mean little for a class that is missed as a whole."""
    asked = {metric.id for metric in task.metrics}
    return tuple(metric for metric in MASK_FIGURES if metric in asked)


def surface_figures(task: Task) -> tuple[str, ...]:
    """The surface figures among them."""
    return tuple(metric for metric in mask_figures(task) if metric in SURFACE_FIGURES)


def labels(task: Task) -> LabelMap:
    """The label map of a mask task."""
    assert task.label_map is not None, "only mask tasks are scored here"
    return task.label_map


def overlap_scopes(task: Task) -> tuple[str, ...]:
    """Scopes of the overlap metrics: every label, and the mean over them."""
    return (*(label.name for label in labels(task).labels), MACRO)


def overlap_values(pairs: LabelPairs, *, task: Task) -> list[CaseValue]:
    """Dice and IoU of every label, and their mean over the labels that have one."""
    values = []
    for metric, function in (("dice", dice), ("iou", iou)):
        empty = _empty_policy(task, metric)
        scores: dict[str, Score] = {
            label.name: function(overlap(pairs, value=label.value), empty=empty)
            for label in labels(task).labels
        }
        scores[MACRO] = mean_score(scores.values())
        values += [case_value(metric, scope, score) for scope, score in scores.items()]
    return values


def surface_values(
    reference: NDArray[Any],
    prediction: NDArray[Any],
    *,
    pairs: LabelPairs,
    spacing_mm: Sequence[float],
    task: Task,
) -> list[CaseValue]:
    """Surface figures of every label, and their mean over the labels that have one."""
    by_label = {
        label.name: _surface_scores(
            label_surfaces(
                reference, prediction, pairs=pairs, value=label.value, spacing_mm=spacing_mm
            ),
            counts=overlap(pairs, value=label.value),
            task=task,
        )
        for label in labels(task).labels
    }
    values = []
    for metric in surface_figures(task):
        scores = {name: each[metric] for name, each in by_label.items()}
        scores[MACRO] = mean_score(scores.values())
        values += [case_value(metric, scope, score) for scope, score in scores.items()]
    return values


def _surface_scores(pair: SurfacePair | None, *, counts: Overlap, task: Task) -> dict[str, Score]:
    assert task.mask is not None, "only mask tasks are scored here"
    asked = surface_figures(task)
    if pair is None:
        return {name: when_empty(counts, empty=_empty_policy(task, name)) for name in asked}
    tolerance_mm = task.mask.surface_tolerance_mm
    figures: dict[str, Callable[[SurfacePair], float]] = {
        "hd95_mm": partial(hausdorff_mm, percent=95),
        "hd_mm": partial(hausdorff_mm, percent=100),
        "assd_mm": average_distance_mm,
        "nsd": partial(surface_dice, tolerance_mm=tolerance_mm),
    }
    return {name: Score(figures[name](pair), Status.OK, None) for name in asked}


def _empty_policy(task: Task, metric: str) -> EmptyPolicy:
    empty = task.metric(metric).empty
    assert empty is not None, f"{metric} needs an [metrics.empty] table"
    return empty


def overlap_figures(
    cases: Sequence[CaseScore], *, task: Task, weights: NDArray[np.int32]
) -> tuple[Figure, ...]:
    """Means of the overlap and surface figures of every label and over them, for either task."""
    level = task.resampling.level
    return tuple(
        mean_figure(cases, metric=metric, scope=scope, weights=weights, level=level)
        for metric in mask_figures(task)
        for scope in overlap_scopes(task)
    )
