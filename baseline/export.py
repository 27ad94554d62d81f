"""From trainings to a model folder: weights without what only training needs, and frozen rules."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from baseline.calibration import Calibration, Features, calibrate, features_of, uncalibrated
from baseline.checkpoints import slim_checkpoint
from baseline.conversion import strata_of
from baseline.images import read_image
from baseline.model_card import Card, model_card
from baseline.model_folder import (
    CALIBRATION,
    DATASET,
    PLANS,
    Model,
    json_bytes,
    manifest_of,
    read_model,
    weights_name,
    write_model,
)
from baseline.networks import Recipe
from baseline.node_calls import names_of_part
from baseline.prediction import Predictor
from baseline.training_output import TrainingOutput, held_out, kind_of
from schema.errors import UsageError
from schema.terms import TaskId
from tasks.cohort import Cohort
from tasks.files import read_header, read_voxels
from tasks.node_measurement import measure_nodes_of_task

SMALLEST_NODE_ML = 0.014
"""A ball of 3 mm: the limit where no reference nodes are at hand."""
SMALLEST_SHARE, SMALL_PERCENTILE = 0.5, 5.0
"""Else half of the volume that 5 % of the reference nodes stay below."""

Step = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """What people call the model."""

    name: str
    version: str
    licence: str


class Unseen(NamedTuple):
    """A case and the fold whose networks have not seen it."""

    fold: int
    case_id: str


def export_model(
    trainings: Sequence[TrainingOutput],
    *,
    calibration: Calibration,
    naming: Naming,
    out: Path,
) -> Model:
    """Write a model folder and read it back.

    Args:
        trainings: in their roles: one joint, or one for compartments and one for nodes.
        calibration: see `calibrated`.
        naming: for the manifest and the card.
        out: a new or empty folder.

    Raises:
        UsageError: the trainings make no model.
        ModelError: names that the manifest does not take.
    """
    kind = kind_of(trainings)
    files = {CALIBRATION: json_bytes(calibration.model_dump(mode="json"))}
    for training in trainings:
        files |= _part_files(training)
    manifest = manifest_of(files, facts=_facts(trainings, kind=kind, naming=naming))
    card = model_card(
        Card(
            manifest=manifest,
            calibration=calibration,
            origin=trainings[0].origin,
            epochs={each.name: each.epochs for each in trainings},
            records=tuple(each.record for each in trainings if each.record is not None),
        )
    )
    write_model(out, manifest, files=files, card=card)
    return read_model(out)


def _part_files(training: TrainingOutput) -> Iterator[tuple[str, bytes]]:
    """Plans, labels and weights by path. The order of labels is that of channels: it is kept."""
    part = training.part
    for name, content in ((PLANS, part.plans), (DATASET, part.dataset)):
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        yield f"{training.name}/{name}", text.encode()
    for fold, weights in part.weights.items():
        yield f"{training.name}/{weights_name(fold)}", slim_checkpoint(weights)


def _facts(trainings: Sequence[TrainingOutput], *, kind: str, naming: Naming) -> dict[str, Any]:
    labels = [name for each in trainings for name in _channel_names(each)]
    return {
        "name": naming.name,
        "version": naming.version,
        "kind": kind,
        "preset": ", ".join(sorted({each.preset for each in trainings})),
        "trainer": ", ".join(sorted({each.trainer for each in trainings})),
        "licence": naming.licence,
        "nnunet": installed("nnunetv2"),
        "folds": list(trainings[0].part.weights),
        "labels": labels,
    }


def _channel_names(training: TrainingOutput) -> list[str]:
    answered = names_of_part(training.name)
    recipe = Recipe(plans=training.part.plans, dataset=training.part.dataset)
    return [name for name in recipe.channels if name in answered]


def unseen_cases(
    trainings: Sequence[TrainingOutput], *, cohort: Cohort, splits: Path | None
) -> tuple[Unseen, ...]:
    """Every case with the fold that held it out.

    Raises:
        UsageError: the trainings were split differently, or a case is not in the cohort.
    """
    by_fold = [held_out(each, splits=splits) for each in trainings]
    if any(each != by_fold[0] for each in by_fold):
        raise UsageError("the trainings were split differently: no case is unseen by both")
    found = tuple(Unseen(fold, case_id) for fold, cases in by_fold[0].items() for case_id in cases)
    if strange := sorted({each.case_id for each in found} - set(cohort.manifest.cases)):
        raise UsageError(
            f"{cohort.folder}: expected the cohort of the training; held-out cases that it does "
            f"not list: {', '.join(strange[:5])}"
        )
    return found


def calibrated(
    trainings: Sequence[TrainingOutput],
    *,
    cohort: Cohort,
    unseen: Sequence[Unseen],
    device: str,
    on_case: Step = lambda: None,
) -> Calibration:
    """Predict every case by the networks that have not seen it, and freeze the rules on that.

    Args:
        trainings: the networks.
        cohort: with its reference standard.
        unseen: see `unseen_cases`.
        device: `cpu` or `cuda`.
        on_case: called after each case.
    """
    minimum_node_ml = smallest_node_ml(cohort)
    strata = strata_of(cohort)
    features, positive = [], []
    for case_id, found in _out_of_fold(
        trainings, cohort=cohort, unseen=unseen, minimum_node_ml=minimum_node_ml, device=device
    ):
        on_case()
        status = strata[case_id].positive
        if status is not None:  # the cohort does not say
            features.append(found)
            positive.append(status)
    return calibrate(features, positive, minimum_node_ml=minimum_node_ml)


def _out_of_fold(
    trainings: Sequence[TrainingOutput],
    *,
    cohort: Cohort,
    unseen: Sequence[Unseen],
    minimum_node_ml: float,
    device: str,
) -> Iterator[tuple[str, Features]]:
    """Features of every case, by the networks of the one fold that held it out."""
    rules = uncalibrated(reason="not fitted yet", minimum_node_ml=minimum_node_ml)
    for fold in sorted({each.fold for each in unseen}):
        alone = {
            each.name: each.part._replace(weights={fold: each.part.weights[fold]})
            for each in trainings
        }
        predictor = Predictor(alone, calibration=rules, device=device)
        for case_id in (each.case_id for each in unseen if each.fold == fold):
            image = read_image(cohort.image(case_id))
            yield case_id, features_of(predictor.findings(image).calls)


def smallest_node_ml(cohort: Cohort) -> float:
    """The volume below which a predicted node is dropped, from the reference nodes."""
    volumes = [volume for case_id in cohort.manifest.cases for volume in _node_ml(cohort, case_id)]
    if not volumes:
        return SMALLEST_NODE_ML
    return round(SMALLEST_SHARE * float(np.percentile(volumes, SMALL_PERCENTILE)), 4)


def _node_ml(cohort: Cohort, case_id: str) -> Iterator[float]:
    if not {TaskId.COMPARTMENTS, TaskId.NODES} <= set(cohort.manifest.tasks):
        return
    paths = [cohort.mask(task, case_id) for task in (TaskId.NODES, TaskId.COMPARTMENTS)]
    headers = [read_header(path) for path in paths]
    nodes, compartments = (
        read_voxels(path, header=header) for path, header in zip(paths, headers, strict=True)
    )
    geometry = headers[0].geometry
    if geometry is not None:
        found = measure_nodes_of_task(nodes, geometry=geometry, compartments=compartments)
        yield from (node.volume_ml for node in found.nodes)
