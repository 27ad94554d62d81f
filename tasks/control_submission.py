"""Submissions that are no model: the ends of the scale, and the cohort's own readers.

A board shows them beside the models, so that a score can be read against what it could be.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import numpy as np

from schema.cohort import DominantNode
from schema.errors import CohortError
from schema.submission import NodePrediction, PositivityPrediction
from schema.terms import Reader, TaskId
from tasks.cohort import Cohort
from tasks.files import (
    read_header,
    read_voxels,
    toml_text,
    write_models,
    write_nifti,
    write_text,
)
from tasks.layout import (
    MASK_TASKS,
    NODE_COLUMNS,
    NODE_TABLE,
    POSITIVITY_COLUMNS,
    SUBMISSION_MANIFEST,
    mask_name,
)
from tasks.node_measurement import node_parts_of_task
from tasks.node_points import node_predictions
from tasks.specification import load_tasks

NEGATIVE = DominantNode(positive=0)


class Control(StrEnum):
    """Who answers."""

    ORACLE = "oracle"
    """The reference standard itself, in every task."""
    EMPTY = "empty"
    """Masks without a voxel; no patient is called."""
    ALWAYS_NEGATIVE = "always-negative"
    """Calls no patient: what the prevalence alone is worth."""
    R1 = "R1"
    R2 = "R2"
    R3 = "R3"


TITLES = {
    Control.ORACLE: "Reference standard",
    Control.EMPTY: "Empty masks",
    Control.ALWAYS_NEGATIVE: "Always negative",
}
READERS = {Control.R1: Reader.R1, Control.R2: Reader.R2, Control.R3: Reader.R3}


def write_control_submission(cohort: Cohort, *, control: Control, out: Path) -> Iterator[str]:
    """Write the answers of a control; yields each case as it is done, the manifest last.

    A reader and the oracle have no probability: their 0 or 1 stands for it, as does the oracle's 1
    for that of a node.

    Raises:
        CohortError: the cohort has no such reader, one who left a case out, or no task to answer.
    """
    tasks = answered_tasks(cohort, control=control)
    rows = _rows(cohort, control=control) if TaskId.POSITIVITY in tasks else []
    of_nodes: list[NodePrediction] = []
    for case_id in cohort.manifest.cases:
        for task in tasks:
            if task in MASK_TASKS:
                of_nodes += _write_mask(cohort, task, case_id, control=control, out=out)
        yield case_id
    if TaskId.NODES in tasks:
        write_models(out / NODE_TABLE, of_nodes, columns=NODE_COLUMNS)
    if rows:
        output = load_tasks()[TaskId.POSITIVITY].output
        write_models(out / output, rows, columns=POSITIVITY_COLUMNS)
    write_text(out / SUBMISSION_MANIFEST, toml_text(_manifest(control, tasks=tasks)))


def answered_tasks(cohort: Cohort, *, control: Control) -> tuple[TaskId, ...]:
    """The tasks that a control answers, among the cohort's.

    Raises:
        CohortError: there is none.
    """
    every = (TaskId.POSITIVITY,)
    answered = tuple(TaskId) if control in {Control.ORACLE, Control.EMPTY} else every
    tasks = tuple(task for task in answered if task in cohort.manifest.tasks)
    if not tasks:
        raise CohortError(f"{cohort.folder}: {control.value} answers no task of this cohort")
    return tasks


def _manifest(control: Control, *, tasks: tuple[TaskId, ...]) -> dict[str, object]:
    reader = control in READERS
    return {
        "team": "Readers" if reader else "Controls",
        "model": f"Reader {control.value}" if reader else TITLES[control],
        "tasks": [task.value for task in tasks],
        "description": "A reader of the cohort." if reader else "A control; it is no model.",
    }


def _rows(cohort: Cohort, *, control: Control) -> list[PositivityPrediction]:
    answers = _answers(cohort, control=control)
    return [_row(case_id, answers[case_id]) for case_id in cohort.manifest.cases]


def _answers(cohort: Cohort, *, control: Control) -> dict[str, DominantNode]:
    cases = cohort.manifest.cases
    if control in {Control.EMPTY, Control.ALWAYS_NEGATIVE}:
        return dict.fromkeys(cases, NEGATIVE)
    reader = READERS.get(control, Reader.CONSENSUS)
    read = cohort.readers.get(reader, {})
    if missing := [case_id for case_id in cases if case_id not in read]:
        raise CohortError(
            f"{cohort.folder}: {reader.value} did not read {len(missing)} of {len(cases)} cases; "
            "a row on a board needs all of them"
        )
    return dict(read)


def _row(case_id: str, answer: DominantNode) -> PositivityPrediction:
    return PositivityPrediction(
        case_id=case_id,
        probability=float(answer.positive),
        positive=answer.positive,
        region=answer.region,
        side=answer.side,
        short_axis_mm=answer.short_axis_mm,
    )


def _write_mask(
    cohort: Cohort, task: TaskId, case_id: str, *, control: Control, out: Path
) -> list[NodePrediction]:
    """Write one mask; returns the lines of its nodes, none for a mask of compartments."""
    path = cohort.mask(task, case_id)
    header = read_header(path)
    if header.geometry is None:
        raise CohortError(f"{case_id}: the reference mask has no usable orientation")
    voxels = read_voxels(path, header=header)
    answer = voxels if control is Control.ORACLE else np.zeros_like(voxels)
    write_nifti(out / task.value / mask_name(case_id), answer, geometry=header.geometry)
    if task is not TaskId.NODES:
        return []
    parts = node_parts_of_task(answer)
    certain = dict.fromkeys(range(1, int(parts.part.max(initial=0)) + 1), 1.0)
    return node_predictions(case_id, parts, probabilities=certain, geometry=header.geometry)
