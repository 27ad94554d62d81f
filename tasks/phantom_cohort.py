"""Writes a phantom cohort: images, masks, readings and a clinical table, in the cohort layout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from schema.cohort import ClinicalRow, DominantNode
from schema.terms import Split, TaskId
from tasks.files import toml_text, write_models, write_nifti, write_text
from tasks.geometry import Geometry
from tasks.layout import (
    CLINICAL,
    CLINICAL_COLUMNS,
    COHORT_MANIFEST,
    IMAGES,
    READER_COLUMNS,
    READERS,
    mask_name,
)
from tasks.node_measurement import as_dominant_node, dominant_node, measure_nodes_of_task
from tasks.phantom import PROTOCOLS, Centre, PhantomVolumes, draw_geometry, draw_phantom
from tasks.phantom.clinical import draw_clinical
from tasks.phantom.readers import draw_readers
from tasks.specification import label_map, positivity_rules

PREVALENCE = 61 / 480
"""Share of LLN-positive patients in the paper's validation cohort."""


class Patient(NamedTuple):
    """Who is to be drawn."""

    case_id: str
    centre: Centre
    positive: bool
    female: bool
    seed: tuple[int, int]


def write_phantom_cohort(
    *, out: Path, patients: int, seed: int, prevalence: float, jobs: int
) -> Iterator[str]:
    """Write the cohort; yields each case as it is done, the tables last.

    Same arguments, byte-identical files, whatever `jobs` is.

    Args:
        out: folder to write into.
        patients: how many, at least 1.
        seed: of everything drawn.
        prevalence: share of LLN-positive patients, 0 to 1; rounded to whole patients.
        jobs: processes to use.
    """
    rng = np.random.default_rng(seed)
    case_ids = [f"PH-{number:04d}" for number in range(1, patients + 1)]
    centres = [list(Centre)[index % len(Centre)] for index in range(patients)]
    positive = _statuses(patients, prevalence=prevalence, rng=rng)
    names = [_centre_name(centre) for centre in centres]
    clinical = draw_clinical(case_ids=case_ids, centres=names, positive=positive, rng=rng)
    drawn = [
        Patient(
            row.case_id, centres[index], bool(positive[index]), row.sex == "female", (seed, index)
        )
        for index, row in enumerate(clinical)
    ]
    work = (delayed(_write_patient)(patient, out) for patient in drawn)
    consensus = []
    for index, dominant in enumerate(Parallel(n_jobs=jobs, return_as="generator")(work)):
        consensus.append(dominant)
        yield case_ids[index]
    _write_tables(out=out, clinical=clinical, consensus=consensus, rng=rng)


def _centre_name(centre: Centre) -> str:
    return f"Phantom {centre.value}"


def _statuses(patients: int, *, prevalence: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    positive = np.zeros(patients, dtype=bool)
    positive[rng.permutation(patients)[: round(prevalence * patients)]] = True
    return positive


def _write_patient(patient: Patient, out: Path) -> DominantNode:
    """Draw and write one patient; returns the consensus reading, measured on the node mask."""
    # one thread: the last bit of a matrix product depends on how many share it
    with threadpool_limits(limits=1):
        geometry, volumes = _draw(patient)
    for folder, voxels in (
        (IMAGES, volumes.t2),
        (TaskId.COMPARTMENTS.value, volumes.compartments),
        (TaskId.NODES.value, volumes.nodes),
    ):
        write_nifti(out / folder / mask_name(patient.case_id), voxels, geometry=geometry)
    measured = measure_nodes_of_task(
        volumes.nodes, geometry=geometry, compartments=volumes.compartments
    )
    return as_dominant_node(dominant_node(measured.nodes))


def _draw(patient: Patient) -> tuple[Geometry, PhantomVolumes]:
    rng = np.random.default_rng(patient.seed)
    geometry = draw_geometry(PROTOCOLS[patient.centre], rng=rng)
    volumes = draw_phantom(
        geometry=geometry,
        positive=patient.positive,
        compartment_labels=label_map(TaskId.COMPARTMENTS).compartments,
        node_labels=label_map(TaskId.NODES).node_classes,
        threshold_mm=positivity_rules().short_axis_mm,
        rng=rng,
        female=patient.female,
    )
    return geometry, volumes


def _write_tables(
    *,
    out: Path,
    clinical: tuple[ClinicalRow, ...],
    consensus: list[DominantNode],
    rng: np.random.Generator,
) -> None:
    case_ids = [row.case_id for row in clinical]
    readers = draw_readers(
        case_ids=case_ids,
        consensus=consensus,
        threshold_mm=positivity_rules().short_axis_mm,
        rng=rng,
    )
    write_models(out / CLINICAL, clinical, columns=CLINICAL_COLUMNS)
    write_models(out / READERS, readers, columns=READER_COLUMNS)
    manifest = {
        "name": "Phantom cohort",
        "licence": "CC0-1.0",
        "split": Split.PUBLIC.value,
        "label_map_version": label_map(TaskId.COMPARTMENTS).version,
        "centres": sorted({row.centre for row in clinical}),
        "tasks": [task.value for task in TaskId],
        "cases": case_ids,
        "description": "Synthetic; no patient is in it. It shows that the kit works, nothing else.",
    }
    write_text(out / COHORT_MANIFEST, toml_text(manifest))
