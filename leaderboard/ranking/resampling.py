"""The patients of each resample: the same for every entry, and the same as the scorer's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evaluation.intervals import resample_weights
from schema.task import Resampling

Floats = NDArray[np.float64]


def patient_weights(
    case_ids: Sequence[str], *, centres: Sequence[str] | None, rules: Resampling
) -> Floats:
    """Weight of each patient, shape (1 + resamples, cases), columns in the order of `case_ids`.

    The first row is the cohort itself, every weight one. The others are drawn with replacement
    within centres, in the order of the case ids, so that the manifest's order changes no draw.

    Args:
        case_ids: of the manifest.
        centres: of each case, `""` where unknown; None for a cohort without centres.
        rules: number of resamples and seed.

    Raises:
        ValueError: not one centre for each case.
    """
    names = [""] * len(case_ids) if centres is None else list(centres)
    if len(names) != len(case_ids):
        raise ValueError(f"{len(names)} centres for {len(case_ids)} cases")
    by_id = np.argsort(case_ids)
    strata = np.unique([names[index] for index in by_id], return_inverse=True)[1]
    rng = np.random.default_rng(rules.seed)
    weights = np.ones((1 + rules.resamples, len(case_ids)))
    weights[1:, by_id] = resample_weights(strata=strata, resamples=rules.resamples, rng=rng)
    return weights
