"""The paper's validation cohort as far as its numbers determine it: 480 statuses and calls.

The published accuracy 87.50 %, "sensitivity 89.50 %" and "specificity 73.77 %" of 480 patients have
exactly one solution in whole patients, the counts below; with LLN-positive as the positive class
the paper's two names are swapped. No patient is behind a row: only the four counts are real.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from schema.cohort import ReaderRow
from schema.submission import PositivityPrediction
from schema.terms import Reader, Split, TaskId
from tasks.files import toml_text, write_models, write_text
from tasks.layout import (
    COHORT_MANIFEST,
    POSITIVITY_COLUMNS,
    READER_COLUMNS,
    READERS,
    SUBMISSION_MANIFEST,
)
from tasks.specification import label_map, load_tasks

DOI = "https://doi.org/10.3389/fonc.2025.1681939"


class Cell(NamedTuple):
    """Patients of one cell of the 2x2 table."""

    reference: int
    prediction: int
    patients: int


TABLE = (Cell(1, 1, 45), Cell(1, 0, 16), Cell(0, 1, 44), Cell(0, 0, 375))
"""TP, FN, FP, TN; the only whole numbers that give the three published percentages."""


def patients() -> Iterator[tuple[str, int, int]]:
    """Case, reference status and model's call of each of the 480."""
    number = 0
    for cell in TABLE:
        for _ in range(cell.patients):
            number += 1
            yield f"PAPER-{number:03d}", cell.reference, cell.prediction


def write_paper(*, out: Path) -> None:
    """Write the cohort into a folder and the model's calls into `submission/` below it."""
    rows = list(patients())
    consensus = [
        ReaderRow(case_id=case_id, reader=Reader.CONSENSUS, positive=reference)
        for case_id, reference, _ in rows
    ]
    calls = [
        PositivityPrediction(case_id=case_id, probability=float(call), positive=call)
        for case_id, _, call in rows
    ]
    cases = [case_id for case_id, _, _ in rows]
    write_models(out / READERS, consensus, columns=READER_COLUMNS)
    write_text(out / COHORT_MANIFEST, toml_text(_cohort(cases)))
    folder = out / "submission"
    output = load_tasks()[TaskId.POSITIVITY].output
    write_models(folder / output, calls, columns=POSITIVITY_COLUMNS)
    write_text(folder / SUBMISSION_MANIFEST, toml_text(_submission()))


def _cohort(cases: list[str]) -> dict[str, object]:
    return {
        "name": "Paper, validation cohort",
        "licence": "CC0-1.0",
        "split": Split.PUBLIC.value,
        "label_map_version": label_map(TaskId.COMPARTMENTS).version,
        "centres": ["SYSU6 and YNCH"],
        "tasks": [TaskId.POSITIVITY.value],
        "cases": cases,
        "description": "Status counts of the published 480 patients; no other column is known.",
    }


def _submission() -> dict[str, object]:
    return {
        "team": "Qiao et al. 2025",
        "model": "nnU-Net, as published",
        "tasks": [TaskId.POSITIVITY.value],
        "description": "Calls with the published counts; the probability is the call itself.",
        "url": DOI,
    }
