"""Cohorts and results to put on a board: drawn patients, scored by the real scorer."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.run import RESULT, evaluate, write_evaluation
from schema.cohort import ClinicalRow, ReaderRow
from schema.submission import PositivityPrediction
from schema.terms import Reader, Region, Side, Split, TaskId
from tasks.cohort import Cohort, read_cohort
from tasks.files import toml_text, write_models, write_text
from tasks.layout import (
    CLINICAL,
    CLINICAL_COLUMNS,
    COHORT_MANIFEST,
    POSITIVITY_COLUMNS,
    READER_COLUMNS,
    READERS,
    SUBMISSION_MANIFEST,
)
from tasks.specification import label_map

CENTRES = ("North", "South")
STARTED = datetime(2026, 1, 1, tzinfo=UTC)
NODE = {"region": Region.OB, "side": Side.LEFT, "short_axis_mm": 8.5}


def case_ids(patients: int) -> tuple[str, ...]:
    return tuple(f"case_{number:04d}" for number in range(patients))


def write_cohort(
    folder: Path, *, split: Split, patients: int = 120, positives: int = 30, seed: int = 1
) -> Cohort:
    """A cohort of the positivity task alone: no image, drawn follow-up, three readers."""
    rng, cases = np.random.default_rng(seed), case_ids(patients)
    positive = np.zeros(patients, dtype=bool)
    positive[rng.permutation(patients)[:positives]] = True
    rows = [
        ReaderRow(case_id=case, reader=reader, **answer(rng, is_positive=call))
        for case, truth in zip(cases, positive, strict=True)
        for reader in Reader
        for call in [truth if reader is Reader.CONSENSUS else truth != (rng.random() < 0.15)]
    ]
    write_models(folder / READERS, rows, columns=READER_COLUMNS)
    clinical = [
        followed(rng, case, is_positive=truth) for case, truth in zip(cases, positive, strict=True)
    ]
    write_models(folder / CLINICAL, clinical, columns=CLINICAL_COLUMNS)
    manifest = {
        "name": "Drawn",
        "licence": "CC0-1.0",
        "split": split.value,
        "label_map_version": label_map(TaskId.COMPARTMENTS).version,
        "centres": list(CENTRES),
        "tasks": [TaskId.POSITIVITY.value],
        "cases": list(cases),
    }
    write_text(folder / COHORT_MANIFEST, toml_text(manifest))
    return read_cohort(folder)


def answer(rng: np.random.Generator, *, is_positive: bool) -> dict[str, Any]:
    """Status and, of a positive patient, a dominant node."""
    if not is_positive:
        return {"positive": 0}
    return {
        "positive": 1,
        "region": list(Region)[rng.choice(3, p=(0.15, 0.6, 0.25))],
        "side": Side.LEFT,
        "short_axis_mm": float(np.round(rng.uniform(5.0, 12.0), 1)),
    }


def followed(rng: np.random.Generator, case: str, *, is_positive: bool) -> ClinicalRow:
    """Follow-up whose hazard is three times as high in positive patients."""
    time, censored = rng.exponential(60 if is_positive else 180), rng.uniform(20, 90)
    months, event = float(np.round(min(time, censored), 1)), int(time <= censored)
    return ClinicalRow(
        case_id=case,
        centre=CENTRES[int(case[-1]) % 2],
        age=float(rng.integers(35, 85)),
        sex="female" if rng.random() < 0.5 else "male",
        mrT="T3",
        dfs_months=months,
        dfs_event=event,
        os_months=months,
        os_event=event,
    )


def write_answers(
    folder: Path,
    cohort: Cohort,
    *,
    team: str,
    model: str = "Model",
    missed: int = 8,
    spurious: int = 12,
    seed: int = 1,
) -> Path:
    """A submission with so many false negatives and false positives."""
    rng = np.random.default_rng(seed)
    consensus = cohort.readers[Reader.CONSENSUS]
    cases = cohort.manifest.cases
    truth = np.array([bool(consensus[case].positive) for case in cases])
    calls = truth.copy()
    calls[rng.permutation(np.flatnonzero(truth))[:missed]] = False
    calls[rng.permutation(np.flatnonzero(~truth))[:spurious]] = True
    rows = [
        PositivityPrediction(
            case_id=case,
            probability=float(np.round(np.clip(0.3 + 0.4 * call + rng.normal(0, 0.1), 0, 1), 3)),
            **(
                answer(rng, is_positive=call)
                if not (call and is_true)
                else {"positive": 1, **{name: getattr(consensus[case], name) for name in NODE}}
            ),
        )
        for case, call, is_true in zip(cases, calls, truth, strict=True)
    ]
    write_models(folder / "positivity.csv", rows, columns=POSITIVITY_COLUMNS)
    manifest = {"team": team, "model": model, "tasks": [TaskId.POSITIVITY.value]}
    write_text(folder / SUBMISSION_MANIFEST, toml_text(manifest))
    return folder


def write_result(folder: Path, cohort: Cohort, submission: Path) -> Path:
    """`result.json` and what lies beside it, by the real scorer."""
    scored = evaluate(cohort, submission)
    write_evaluation(scored, out=folder, started=STARTED, seconds=1.0)
    return folder / RESULT
