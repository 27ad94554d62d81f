"""Scoring of the compartments: overlap, surfaces and left/right swaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.case_values import failed_case, figure, measured
from evaluation.intervals import proportion
from evaluation.mask_figures import (
    labels,
    mask_figures,
    overlap_figures,
    overlap_scopes,
    overlap_values,
    surface_values,
)
from evaluation.overlap import is_side_swapped, label_pairs
from schema.label import LabelMap
from schema.result import CaseScore, Figure
from schema.task import Task
from schema.terms import Side

ALL = "all"


def score_case(
    *,
    case_id: str,
    reference: NDArray[Any],
    prediction: NDArray[Any],
    spacing_mm: Sequence[float],
    task: Task,
) -> CaseScore:
    """Score one case.

    Args:
        case_id: the case.
        reference: compartment labels, shape (i, j, k), integers.
        prediction: the same, on the same grid.
        spacing_mm: of the grid.
        task: the compartments task.
    """
    pairs = label_pairs(reference, prediction, values=labels(task).values)
    swapped = is_side_swapped(pairs, partners=_partners(labels(task)))
    return CaseScore(
        case_id=case_id,
        task=task.id,
        status="scored",
        values=(
            *overlap_values(pairs, task=task),
            *surface_values(reference, prediction, pairs=pairs, spacing_mm=spacing_mm, task=task),
            measured("side_swap", ALL, float(swapped)),
        ),
    )


def _partners(label_map: LabelMap) -> list[tuple[int, int]]:
    """Values of (right, left) of each region."""
    values = label_map.compartments
    return [
        (values[region, Side.RIGHT], values[region, Side.LEFT])
        for region, side in values
        if side is Side.RIGHT
    ]


def score_failed_case(*, case_id: str, codes: Sequence[str], task: Task) -> CaseScore:
    """A case without a valid prediction."""
    scopes = overlap_scopes(task)
    per_case = {**dict.fromkeys(mask_figures(task), scopes), "side_swap": (ALL,)}
    return failed_case(case_id=case_id, task=task, codes=codes, scopes=per_case)


def summarise(
    cases: Sequence[CaseScore], *, task: Task, weights: NDArray[np.int32]
) -> tuple[Figure, ...]:
    """The figures of the cohort.

    Args:
        cases: every case of the manifest, in its order.
        task: the compartments task.
        weights: patient resamples, shape (resamples, cases).
    """
    swaps = sum(
        value.value == 1.0 for case in cases for value in case.values if value.metric == "side_swap"
    )
    share = proportion(successes=swaps, trials=len(cases), level=task.resampling.level)
    return (*overlap_figures(cases, task=task, weights=weights), figure("side_swap", ALL, share))
