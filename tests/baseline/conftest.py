"""A small cohort for training: the phantom's patients, scanned with few and large voxels."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from baseline.campaign import Campaign, campaign
from baseline.conversion import convert
from baseline.datasets import Variant
from baseline.planning import prepare
from baseline.presets import Training, preset
from baseline.schedule import Bounds
from baseline.training import NEVER, Machine, Order
from schema.cohort import ClinicalRow, DominantNode, ReaderRow
from schema.terms import Reader, TaskId
from tasks.cohort import Cohort, read_cohort
from tasks.files import toml_text, write_models, write_nifti, write_text
from tasks.geometry import Geometry, Triple
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
from tasks.specification import label_map, positivity_rules

COARSENING = (4, 4, 2)
"""Voxels of the protocol, along (i, j, k), that make one of the small cohort."""


class SmallPatient(NamedTuple):
    """Who is drawn."""

    case_id: str
    centre: Centre
    positive: bool


SMALL_PATIENTS = tuple(
    SmallPatient(f"SM-{number:02d}", [Centre.A, Centre.B][number % 2], number in {1, 2, 5})
    for number in range(1, 7)
)
"""Six patients of two centres, three of them positive, both statuses in either centre."""


def coarse(geometry: Geometry) -> Geometry:
    """The same box in the patient, in fewer and larger voxels; as oblique as before."""
    size = [voxels // by for voxels, by in zip(geometry.size, COARSENING, strict=True)]
    spacing = [step * by for step, by in zip(geometry.spacing_mm, COARSENING, strict=True)]
    corner = (np.asarray(COARSENING) - 1) / 2 * np.asarray(geometry.spacing_mm)
    origin = np.asarray(geometry.origin_mm) + geometry.direction_matrix @ corner
    return Geometry(
        size=(size[0], size[1], size[2]),
        spacing_mm=triple(spacing),
        origin_mm=triple(origin.tolist()),
        direction=geometry.direction,
    )


def triple(values: Sequence[float]) -> Triple:
    x, y, z = values
    return x, y, z


def draw_small(patient: SmallPatient, *, seed: int) -> tuple[Geometry, PhantomVolumes]:
    rng = np.random.default_rng(seed)
    geometry = coarse(draw_geometry(PROTOCOLS[patient.centre], rng=rng))
    volumes = draw_phantom(
        geometry=geometry,
        positive=patient.positive,
        compartment_labels=label_map(TaskId.COMPARTMENTS).compartments,
        node_labels=label_map(TaskId.NODES).node_classes,
        threshold_mm=positivity_rules().short_axis_mm,
        rng=rng,
        female=False,
    )
    return geometry, volumes


def write_small_patient(folder: Path, patient: SmallPatient, *, seed: int) -> DominantNode:
    """Write image and masks; returns what the node mask says about the patient."""
    geometry, volumes = draw_small(patient, seed=seed)
    name = mask_name(patient.case_id)
    write_nifti(folder / IMAGES / name, volumes.t2, geometry=geometry)
    write_nifti(folder / TaskId.COMPARTMENTS.value / name, volumes.compartments, geometry=geometry)
    write_nifti(folder / TaskId.NODES.value / name, volumes.nodes, geometry=geometry)
    measured = measure_nodes_of_task(
        volumes.nodes, geometry=geometry, compartments=volumes.compartments
    )
    return as_dominant_node(dominant_node(measured.nodes))


def write_small_cohort(folder: Path, patients: Sequence[SmallPatient]) -> None:
    """Write a cohort folder of small phantoms."""
    answers = [
        write_small_patient(folder, patient, seed=seed) for seed, patient in enumerate(patients)
    ]
    centres = [f"Phantom {patient.centre.value}" for patient in patients]
    clinical = [
        ClinicalRow(case_id=patient.case_id, centre=centre)
        for patient, centre in zip(patients, centres, strict=True)
    ]
    readers = [
        ReaderRow(case_id=patient.case_id, reader=Reader.CONSENSUS, **answer.model_dump())
        for patient, answer in zip(patients, answers, strict=True)
    ]
    write_models(folder / CLINICAL, clinical, columns=CLINICAL_COLUMNS)
    write_models(folder / READERS, readers, columns=READER_COLUMNS)
    manifest = {
        "name": "Small phantom",
        "licence": "CC0-1.0",
        "split": "train",
        "label_map_version": label_map(TaskId.COMPARTMENTS).version,
        "centres": sorted(set(centres)),
        "tasks": [task.value for task in TaskId],
        "cases": [patient.case_id for patient in patients],
    }
    write_text(folder / COHORT_MANIFEST, toml_text(manifest))


@pytest.fixture(scope="session")
def small_cohort(tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Six oblique phantoms of about 80 x 80 x 14 voxels. Read it, never write to it."""
    folder = tmp_path_factory.mktemp("small") / "cohort"
    write_small_cohort(folder, SMALL_PATIENTS)
    return read_cohort(folder)


@contextmanager
def no_processes() -> Iterator[None]:
    """A process that is started, by a pool or alone, is a failure."""

    def refuse(_process: object) -> None:
        raise AssertionError("a process was started")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("multiprocessing.process.BaseProcess.start", refuse)
        yield


def tiny_order(work: Path, *, variant: Variant = Variant.JOINT, bounds: Bounds = NEVER) -> Order:
    """The tiny preset on one thread of the processor."""
    return Order(
        work=work,
        variant=variant,
        training=Training(preset="tiny", recipe=preset("tiny"), seed=5),
        machine=Machine(device="cpu", threads=1, workers=0),
        bounds=bounds,
    )


@pytest.fixture(scope="session")
def converted(small_cohort: Cohort, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder with the raw datasets of the small cohort, in three folds."""
    work = tmp_path_factory.mktemp("nnunet")
    list(convert(small_cohort, work=work, variants=list(Variant), folds=3, seed=1))
    return work


@pytest.fixture(scope="session")
def prepared(converted: Path) -> Order:
    """The joint dataset planned and preprocessed for the tiny preset. Copy it to train in it."""
    order = tiny_order(converted)
    with no_processes():
        list(prepare(order.work, variant=order.variant, training=order.training))
    return order


@pytest.fixture(scope="session")
def trained(prepared: Order, tmp_path_factory: pytest.TempPathFactory) -> Order:
    """Fold 0 of the tiny preset trained, its held-out patients answered with probabilities."""
    order = tiny_order(copied(prepared.work, tmp_path_factory.mktemp("trained") / "work"))
    with no_processes():
        list(campaign(order, Campaign(folds=(0,), probabilities=True)))
    return order


def copied(work: Path, target: Path) -> Path:
    """A work folder of its own with the same files, linked; nnU-Net replaces files, or adds."""
    return shutil.copytree(work, target, copy_function=os.link)
