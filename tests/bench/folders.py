"""Cohort and submission folders to time with, written by the kit's own writers."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from evaluation.gate import inspect_table
from schema.cohort import DominantNode
from schema.submission import PositivityPrediction
from schema.terms import Reader, TaskId
from tasks.cohort import read_cohort
from tasks.files import toml_text, write_models, write_nifti, write_text
from tasks.geometry import RAS_TO_LPS, Geometry
from tasks.layout import (
    CLINICAL,
    CLINICAL_COLUMNS,
    COHORT_MANIFEST,
    IMAGES,
    MASK_TASKS,
    POSITIVITY_COLUMNS,
    READER_COLUMNS,
    READERS,
    SUBMISSION_MANIFEST,
    mask_name,
)
from tasks.node_measurement import as_dominant_node, dominant_node, measure_nodes_of_task
from tasks.phantom.clinical import draw_clinical
from tasks.phantom.readers import draw_readers
from tasks.phantom_cohort import PREVALENCE, write_phantom_cohort
from tasks.simulated_submission import write_simulated_submission
from tasks.specification import label_map, load_tasks, positivity_rules
from tests.bench.volumes import SPACING_MM, Masks, Size, draw_masks

CENTRES = ("North", "South")
SEED = 1
PAPER_POINT = {"sensitivity": 45 / 61, "specificity": 375 / 419}


class Folders(NamedTuple):
    """A cohort and a submission to it."""

    cohort: Path
    submission: Path


class Answer(NamedTuple):
    """What the reference and the model say about one patient."""

    reference: DominantNode
    model: PositivityPrediction


def case_id(index: int) -> str:
    """The name of a case."""
    return f"case_{index + 1:04d}"


def folders_in(folder: Path) -> Folders:
    """Where both go."""
    return Folders(folder / "cohort", folder / "submission")


def write_ellipsoids(folder: Path, *, size: Size, patients: int) -> Folders:
    """Write a cohort of ellipsoids and a submission to it."""
    both, geometry = folders_in(folder), _grid(size)
    answers = []
    for index in range(patients):
        masks = draw_masks(size, seed=SEED + index)
        _write_case(both, case_id(index), masks=masks, geometry=geometry)
        answers.append(_answer(case_id(index), masks=masks, geometry=geometry))
    _write_tables(both, answers)
    return both


def _grid(size: Size) -> Geometry:
    return Geometry.from_affine(RAS_TO_LPS @ np.diag([*SPACING_MM, 1.0]), size=size)


def _write_case(both: Folders, case: str, *, masks: Masks, geometry: Geometry) -> None:
    """Write the image, of which only the header is looked at, and the four masks."""
    image = np.zeros(geometry.size, dtype=np.int16, order="F")
    write_nifti(both.cohort / IMAGES / mask_name(case), image, geometry=geometry)
    for task, pair in zip(MASK_TASKS, masks, strict=True):
        for folder, mask in zip(both, pair, strict=True):
            write_nifti(folder / task.value / mask_name(case), mask, geometry=geometry)


def _answer(case: str, *, masks: Masks, geometry: Geometry) -> Answer:
    places = masks.compartments.reference
    reference, prediction = (
        as_dominant_node(
            dominant_node(measure_nodes_of_task(mask, geometry=geometry, compartments=places).nodes)
        )
        for mask in masks.nodes
    )
    model = PositivityPrediction(case_id=case, probability=0.7, **prediction.model_dump())
    return Answer(reference, model)


def _write_tables(both: Folders, answers: Sequence[Answer]) -> None:
    """Write everything that is no volume."""
    cases = [answer.model.case_id for answer in answers]
    _write_cohort_tables(both.cohort, cases, consensus=[answer.reference for answer in answers])
    output = load_tasks()[TaskId.POSITIVITY].output
    models = [answer.model for answer in answers]
    write_models(both.submission / output, models, columns=POSITIVITY_COLUMNS)
    manifest = {"team": "Kit", "model": "Benchmark", "tasks": [task.value for task in TaskId]}
    write_text(both.submission / SUBMISSION_MANIFEST, toml_text(manifest))


def _write_cohort_tables(
    folder: Path, cases: Sequence[str], *, consensus: Sequence[DominantNode]
) -> None:
    rng = np.random.default_rng(SEED)
    clinical = draw_clinical(
        case_ids=cases,
        centres=[CENTRES[index % len(CENTRES)] for index in range(len(cases))],
        positive=np.array([bool(answer.positive) for answer in consensus]),
        rng=rng,
    )
    threshold_mm = positivity_rules().short_axis_mm
    readers = draw_readers(case_ids=cases, consensus=consensus, threshold_mm=threshold_mm, rng=rng)
    write_models(folder / CLINICAL, clinical, columns=CLINICAL_COLUMNS)
    write_models(folder / READERS, readers, columns=READER_COLUMNS)
    manifest = {
        "name": "Benchmark",
        "licence": "CC0-1.0",
        "split": "public",
        "label_map_version": label_map(TaskId.COMPARTMENTS).version,
        "centres": list(CENTRES[: len(cases)]),
        "tasks": [task.value for task in TaskId],
        "cases": list(cases),
    }
    write_text(folder / COHORT_MANIFEST, toml_text(manifest))


def write_phantoms(folder: Path, *, patients: int) -> Folders:
    """Write a phantom cohort and a simulated submission to it."""
    both, jobs = folders_in(folder), os.cpu_count() or 1
    drawn = write_phantom_cohort(
        out=both.cohort, patients=patients, seed=SEED, prevalence=PREVALENCE, jobs=jobs
    )
    assert len(list(drawn)) == patients
    found = read_cohort(both.cohort)
    answered = write_simulated_submission(
        found, out=both.submission, seed=SEED, jobs=jobs, **PAPER_POINT
    )
    assert len(list(answered)) == patients
    return both


def grown(few: Folders, folder: Path, *, patients: int) -> Folders:
    """The same patients over and over under new names, until there are so many."""
    both, cohort = folders_in(folder), read_cohort(few.cohort)
    cases = cohort.manifest.cases
    consensus = cohort.readers[Reader.CONSENSUS]
    models = inspect_table(few.submission, cases=cases).predictions
    answers = []
    for index in range(patients):
        old, new = cases[index % len(cases)], case_id(index)
        _link_case(few, both, old=old, new=new)
        model = models[old].model_copy(update={"case_id": new})
        reference = DominantNode(
            **consensus[old].model_dump(include=set(DominantNode.model_fields))
        )
        answers.append(Answer(reference, model))
    _write_tables(both, answers)
    return both


def _link_case(few: Folders, both: Folders, *, old: str, new: str) -> None:
    """Hard links: the kit refuses symbolic ones."""
    tasks = [task.value for task in MASK_TASKS]
    for source, target, names in zip(few, both, ([IMAGES, *tasks], tasks), strict=True):
        for name in names:
            (target / name).mkdir(parents=True, exist_ok=True)
            os.link(source / name / mask_name(old), target / name / mask_name(new))


class Crowds:
    """Cohorts that repeat a few patients, each written when it is first asked for."""

    def __init__(self, few: Folders, folder: Path) -> None:
        self._few, self._folder = few, folder
        self._written: dict[int, Folders] = {}
        self.digests: dict[int, set[str]] = {}

    def of(self, patients: int) -> Folders:
        if patients not in self._written:
            folder = self._folder / str(patients)
            self._written[patients] = grown(self._few, folder, patients=patients)
        return self._written[patients]
