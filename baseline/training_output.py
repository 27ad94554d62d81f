"""Reading what nnU-Net leaves behind after a training: plans, labels, a checkpoint of each fold."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from baseline.checkpoints import CheckpointError, read_training_checkpoint
from baseline.conversion import SPLITS
from baseline.datasets import CONFIGURATION, OURS
from baseline.environment import PREPROCESSED, RAW
from baseline.model_folder import DATASET, JOINT, PAIR, PARTS, PLANS, Part, read_whole
from baseline.networks import Ensemble, Recipe
from baseline.node_calls import names_of_part
from baseline.record import Experiment
from schema.errors import UsageError
from tasks.files import list_folder, read_text
from tasks.tables import complaints

if TYPE_CHECKING:
    from torch import Tensor

RECORD = "experiment.json"
FOLD = re.compile(r"fold_(\d{1,2})")
CASES = "dataset"
"""nnU-Net's list of the training cases; names of patients do not travel with a model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingOutput:
    """One training: a dataset, a plan, some folds.

    Attributes:
        folder: `nnUNet_results/DatasetNNN_X/<Trainer>__<Plans>__3d_fullres`.
        name: folder of a model that its networks belong to: joint, compartments or nodes.
        part: plans, labels and weights.
        trainer: name of its class.
        epochs: trained, of each fold.
        record: of the experiment, where the training wrote one.
    """

    folder: Path
    name: str
    part: Part
    trainer: str
    epochs: Mapping[int, int]
    record: Experiment | None = None

    @property
    def preset(self) -> str:
        """The preset it was trained with, where the plans say; else the name of the plans."""
        ours = self.part.plans.get(OURS, {})
        return str(_first(ours, "preset") or self.part.plans.get("plans_name", "unknown"))

    @property
    def origin(self) -> Mapping[str, Any]:
        """What the conversion noted about the cohort."""
        noted = self.part.dataset.get(OURS, {})
        return noted if isinstance(noted, dict) else {}


def _first(data: Any, key: str) -> Any:
    """The first value under a key, at any depth of nested tables."""
    if not isinstance(data, dict):
        return None
    if key in data:
        return data[key]
    return next((found for each in data.values() if (found := _first(each, key))), None)


def read_training_output(
    folder: Path, *, checkpoint: str, folds: Sequence[int] | None
) -> TrainingOutput:
    """Read a training and check that its networks can be built.

    Args:
        folder: of the training, or of its dataset where it holds one training only.
        checkpoint: file name of the checkpoint of each fold.
        folds: those wanted; all that have the checkpoint when None.

    Raises:
        UsageError: no training, no such fold, or labels of no known kind.
        CheckpointError: a checkpoint cannot be used.
        NetworkError: plans and weights do not fit.
    """
    place = _training_folder(folder)
    plans, dataset = (_json(place / name) for name in (PLANS, DATASET))
    found = _checkpoints(place, checkpoint=checkpoint, folds=folds)
    weights: dict[int, dict[str, Tensor]] = {}
    epochs, trainers = {}, set()
    for fold, path in found.items():
        trained = read_training_checkpoint(read_whole(path), where=str(path))
        if trained.configuration not in {CONFIGURATION, "None"}:
            raise CheckpointError(f"{path}: expected {CONFIGURATION}, got {trained.configuration}")
        weights[fold], epochs[fold] = trained.weights, trained.epoch
        trainers.add(trained.trainer)
    kept = {key: value for key, value in dataset.items() if key != CASES}
    part = Part(plans, kept, weights)
    recipe = Recipe(plans=plans, dataset=kept)
    Ensemble(recipe, weights=list(weights.values()), device="cpu")
    return TrainingOutput(
        folder=place,
        name=_part_name(recipe, where=place),
        part=part,
        trainer=", ".join(sorted(trainers)),
        epochs=epochs,
        record=_record(place / RECORD),
    )


def _record(path: Path) -> Experiment | None:
    if not path.exists():
        return None
    try:
        return Experiment.model_validate_json(read_text(path))
    except ValidationError as error:
        said = "; ".join(": ".join(each) for each in complaints(error))
        raise UsageError(f"{path}: no record of an experiment of this release: {said}") from error


def _training_folder(folder: Path) -> Path:
    if (folder / PLANS).exists():
        return folder
    inside = [folder / entry.name for entry in list_folder(folder) if not entry.regular]
    found = [each for each in inside if (each / PLANS).exists()]
    if len(found) != 1:
        names = ", ".join(each.name for each in found) or "none"
        raise UsageError(
            f"{folder}: expected one training, a folder with {PLANS} and fold_0/; found: {names}"
        )
    return found[0]


def _json(path: Path) -> dict[str, Any]:
    loaded = json.loads(read_text(path))
    if not isinstance(loaded, dict):
        raise UsageError(f"{path}: expected a JSON object")
    return loaded


def _checkpoints(folder: Path, *, checkpoint: str, folds: Sequence[int] | None) -> dict[int, Path]:
    there = {
        int(match[1]): folder / entry.name / checkpoint
        for entry in list_folder(folder)
        if (match := FOLD.fullmatch(entry.name)) and (folder / entry.name / checkpoint).exists()
    }
    wanted = sorted(there) if folds is None else sorted(set(folds))
    if not wanted or not set(wanted) <= set(there):
        raise UsageError(
            f"{folder}: expected {checkpoint} of folds {wanted or 'any'}, "
            f"found it of folds {sorted(there)}; train the rest, or name folds with --folds"
        )
    return {fold: there[fold] for fold in wanted}


def _part_name(recipe: Recipe, *, where: Path) -> str:
    """Which labels the networks tell apart: those of both tasks, or of one."""
    channels = set(recipe.channels)
    for name in (JOINT, *PARTS[PAIR]):
        if channels == set(names_of_part(name)):
            return name
    raise UsageError(
        f"{where}: expected the labels of compartments, of nodes, or of both, as in the task "
        f"files; got {', '.join(sorted(channels))}"
    )


def read_trainings(
    folders: Sequence[Path], *, checkpoint: str, folds: Sequence[int] | None
) -> tuple[TrainingOutput, ...]:
    """Trainings in the order of a model's folders, whatever order they were named in.

    Beside a training of one mask a joint one answers for the other mask alone.

    Raises:
        UsageError, CheckpointError, NetworkError: as `read_training_output`.
    """
    read = [read_training_output(each, checkpoint=checkpoint, folds=folds) for each in folders]
    rest = sorted(set(PARTS[PAIR]) - {each.name for each in read})
    mixed = len(read) == len(PARTS[PAIR]) and len(rest) == 1
    named = [replace(each, name=rest[0]) if mixed and each.name == JOINT else each for each in read]
    return tuple(sorted(named, key=lambda each: each.name))


def kind_of(trainings: Sequence[TrainingOutput]) -> str:
    """Joint or pair.

    Raises:
        UsageError: the trainings make neither, or their folds differ.
    """
    names = sorted(each.name for each in trainings)
    kind = next((kind for kind in (JOINT, PAIR) if sorted(PARTS[kind]) == names), None)
    if kind is None:
        raise UsageError(
            "expected one joint training, or one for compartments and one for nodes, of which one "
            "may be joint; got " + ", ".join(names)
        )
    if len({tuple(each.part.weights) for each in trainings}) > 1:
        folds = "; ".join(f"{each.name}: {list(each.part.weights)}" for each in trainings)
        raise UsageError(f"expected the same folds of both trainings, got {folds}")
    return kind


def held_out(training: TrainingOutput, *, splits: Path | None) -> dict[int, tuple[str, ...]]:
    """Cases that each fold's network has not seen, by nnU-Net's `splits_final.json`.

    Args:
        training: whose folds.
        splits: the file; looked for beside `nnUNet_results` when None.

    Raises:
        UsageError: no file, or it lacks a fold.
    """
    path = splits or _splits_beside(training.folder)
    listed = json.loads(read_text(path))
    folds = tuple(training.part.weights)
    if not isinstance(listed, list) or max(folds) >= len(listed):
        raise UsageError(f"{path}: expected a split for each of folds {list(folds)}")
    return {fold: tuple(listed[fold]["val"]) for fold in folds}


def _splits_beside(folder: Path) -> Path:
    dataset = folder.parent.name
    work = folder.parent.parent.parent
    looked = [work / each / dataset / SPLITS for each in (PREPROCESSED, RAW)]
    for path in looked:
        if path.exists():
            return path
    raise UsageError(f"expected {SPLITS} at {' or '.join(map(str, looked))}; name it with --splits")
