"""Folds of a cross-validation: by patient, stratified, seeded. Pure, no files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from baseline.errors import TrainingError, Untrainable

FOLDS = 5
"""The paper's: 80 % to train, 20 % held out."""


class Stratum(NamedTuple):
    """What is to be spread evenly; None where it is unknown."""

    centre: str | None
    positive: bool | None


class Fold(NamedTuple):
    """Case identifiers of one fold, both sorted; every case is in one of the two."""

    train: tuple[str, ...]
    held_out: tuple[str, ...]


def stratified_folds(
    strata: Mapping[str, Stratum], *, folds: int = FOLDS, seed: int
) -> tuple[Fold, ...]:
    """Split patients so that each is held out exactly once.

    The cases of each stratum are shuffled and dealt one by one to the folds, and the next stratum
    goes on where the last one ended. So the folds differ by at most one case in size, and by at
    most one in every stratum.

    Args:
        strata: of each patient. The kit has one image a patient.
        folds: how many.
        seed: of the shuffling.

    Raises:
        TrainingError: fewer patients than folds, or fewer than two folds.
    """
    if folds < 2 or len(strata) < folds:
        raise TrainingError(
            f"{folds} folds of {len(strata)} patients: expected at least 2 folds and as many "
            f"patients as folds; give more patients, or fewer folds with --folds",
            kind=Untrainable.TOO_FEW_CASES,
        )
    held_out: list[list[str]] = [[] for _ in range(folds)]
    for position, case_id in enumerate(_dealt(strata, seed=seed)):
        held_out[position % folds].append(case_id)
    everyone = set(strata)
    return tuple(Fold(tuple(sorted(everyone - {*out})), tuple(sorted(out))) for out in held_out)


def _dealt(strata: Mapping[str, Stratum], *, seed: int) -> list[str]:
    """Every case, stratum after stratum, shuffled within each."""
    rng = np.random.default_rng(seed)
    groups: dict[Stratum, list[str]] = {}
    for case_id in sorted(strata):
        groups.setdefault(strata[case_id], []).append(case_id)
    # None has no order among names: the text of a stratum has
    return [
        groups[stratum][place]
        for stratum in sorted(groups, key=repr)
        for place in rng.permutation(len(groups[stratum]))
    ]
