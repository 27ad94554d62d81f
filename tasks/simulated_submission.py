"""Writes the simulated submission of `tasks.simulation` for a cohort."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed

from schema.cohort import DominantNode
from schema.errors import CohortError
from schema.submission import NodePrediction, PositivityPrediction
from schema.terms import Reader, TaskId
from tasks.cohort import Cohort
from tasks.files import (
    NiftiHeader,
    read_header,
    read_voxels,
    toml_text,
    write_models,
    write_nifti,
    write_text,
)
from tasks.geometry import Geometry
from tasks.layout import (
    MASK_TASKS,
    NODE_COLUMNS,
    NODE_TABLE,
    POSITIVITY_COLUMNS,
    SUBMISSION_MANIFEST,
    mask_name,
)
from tasks.node_points import node_predictions
from tasks.simulation import call_probability, patient_calls, simulate_masks
from tasks.specification import load_tasks


class Rows(NamedTuple):
    """What the tables say of one case."""

    patient: PositivityPrediction
    nodes: list[NodePrediction]


def write_simulated_submission(
    cohort: Cohort,
    *,
    out: Path,
    sensitivity: float,
    specificity: float,
    seed: int,
    jobs: int,
) -> Iterator[str]:
    """Write a submission for every task of the cohort; yields each case as it is done.

    Same cohort, seed and operating point: byte-identical files, whatever `jobs` is.

    Raises:
        CohortError: the cohort has no consensus reading to set an operating point by.
    """
    cases, consensus = cohort.manifest.cases, cohort.readers.get(Reader.CONSENSUS)
    if consensus is None:
        raise CohortError(f"{cohort.folder}: no consensus readings, so no operating point")
    reference = np.array([bool(consensus[case_id].positive) for case_id in cases])
    rng = np.random.default_rng(seed)
    calls = patient_calls(reference, sensitivity=sensitivity, specificity=specificity, rng=rng)
    work = (
        delayed(_simulate_case)(cohort, case_id, out=out, called=bool(called), seed=(seed, index))
        for index, (case_id, called) in enumerate(zip(cases, calls, strict=True))
    )
    rows = []
    for row in Parallel(n_jobs=jobs, return_as="generator")(work):
        rows.append(row)
        yield row.patient.case_id
    _write_tables_and_manifest(cohort, rows, out=out)


def _write_tables_and_manifest(cohort: Cohort, rows: list[Rows], *, out: Path) -> None:
    output = load_tasks()[TaskId.POSITIVITY].output
    write_models(out / output, [row.patient for row in rows], columns=POSITIVITY_COLUMNS)
    if _draws(cohort):
        of_nodes = [node for row in rows for node in row.nodes]
        write_models(out / NODE_TABLE, of_nodes, columns=NODE_COLUMNS)
    manifest = {
        "team": "Kit",
        "model": "Simulated submission",
        "tasks": [task.value for task in cohort.manifest.tasks],
        "description": "Made from the reference standard with set errors; it is no model.",
    }
    write_text(out / SUBMISSION_MANIFEST, toml_text(manifest))


def _simulate_case(
    cohort: Cohort, case_id: str, *, out: Path, called: bool, seed: tuple[int, int]
) -> Rows:
    rng = np.random.default_rng(seed)
    consensus = cohort.readers[Reader.CONSENSUS][case_id]
    probability = call_probability(called=called, positive=bool(consensus.positive), rng=rng)
    of_nodes: list[NodePrediction] = []
    if _draws(cohort):
        dominant, of_nodes = _simulate_and_write(cohort, case_id, out=out, called=called, rng=rng)
    else:
        same = called and consensus.positive
        dominant = consensus if same else DominantNode(positive=int(called))
    patient = PositivityPrediction(
        case_id=case_id,
        probability=probability,
        positive=dominant.positive,
        region=dominant.region,
        side=dominant.side,
        short_axis_mm=dominant.short_axis_mm,
    )
    return Rows(patient, of_nodes)


def _draws(cohort: Cohort) -> bool:
    """Whether there are masks to be made from."""
    return set(MASK_TASKS) <= set(cohort.manifest.tasks)


def _simulate_and_write(
    cohort: Cohort, case_id: str, *, out: Path, called: bool, rng: np.random.Generator
) -> tuple[DominantNode, list[NodePrediction]]:
    headers = {task: read_header(cohort.mask(task, case_id)) for task in MASK_TASKS}
    voxels = {
        task: read_voxels(cohort.mask(task, case_id), header=header)
        for task, header in headers.items()
    }
    geometry = _geometry(headers[TaskId.COMPARTMENTS], case_id=case_id)
    answer = simulate_masks(
        compartments=voxels[TaskId.COMPARTMENTS],
        nodes=voxels[TaskId.NODES],
        geometry=geometry,
        called=called,
        rng=rng,
    )
    for task, mask in zip(MASK_TASKS, (answer.compartments, answer.nodes), strict=True):
        write_nifti(out / task.value / mask_name(case_id), mask, geometry=geometry)
    of_nodes = node_predictions(
        case_id, answer.measured.parts, probabilities=answer.probabilities, geometry=geometry
    )
    return answer.dominant, of_nodes


def _geometry(header: NiftiHeader, *, case_id: str) -> Geometry:
    if header.geometry is None:
        raise CohortError(f"{case_id}: the reference mask has no usable orientation")
    return header.geometry
