"""Training folds with the kit's trainer, found by nnU-Net's own search; bounded, resumed.

The folder of results is nnU-Net's:
`nnUNet_results/<dataset>/nnUNetTrainerLLN__<plans>__3d_fullres/fold_<k>/checkpoint_final.pth`, with
`plans.json` and `dataset.json` above the folds.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import torch
from nnunetv2.utilities.find_class_by_name import recursive_find_python_class

from baseline.checkpoints import read_training_checkpoint
from baseline.datasets import CONFIGURATION, Variant
from baseline.environment import PREPROCESSED, RESULTS, TRAINERS, surroundings, variables
from baseline.errors import TrainingError, Untrainable
from baseline.planning import plans_name, read_plans
from baseline.presets import Training
from baseline.schedule import Bounds
from tasks.files import read_text

TRAINER = "nnUNetTrainerLLN"
NEVER = Bounds()
FINAL, LATEST, BEST = (f"checkpoint_{name}.pth" for name in ("final", "latest", "best"))


class Start(StrEnum):
    """What to do with a training that is there."""

    FRESH = "fresh"
    """There must be none."""
    RESUME = "resume"
    """Go on; folds of which there is none are begun."""
    RESTART = "restart"
    """Remove it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a training may use.

    Attributes:
        device: `cpu` or `cuda`.
        threads: of torch on the processor.
        workers: processes that augment; 0 for none, which alone is deterministic.
    """

    device: str
    threads: int
    workers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be trained.

    Attributes:
        work: nnU-Net's folder of folders, with a prepared dataset in it.
        variant: which dataset.
        training: seed and recipe; the same as it was prepared with.
        machine: what may be used.
        bounds: when to stop early.
    """

    work: Path
    variant: Variant
    training: Training
    machine: Machine
    bounds: Bounds = NEVER

    @property
    def model_folder(self) -> Path:
        """Where the folds go."""
        name = f"{TRAINER}__{plans_name(self.training)}__{CONFIGURATION}"
        return self.work.resolve() / RESULTS / self.variant.dataset_name / name

    def fold_folder(self, fold: int) -> Path:
        """Where one fold goes."""
        return self.model_folder / f"fold_{fold}"


def find_trainer() -> Any:
    """The kit's trainer, by nnU-Net's own search in the folder that `nnUNet_extTrainer` names.

    nnU-Net would first import every trainer it ships, with all that those depend on.
    """
    return recursive_find_python_class(
        str(TRAINERS),
        TRAINER,
        None,
        base_folder=str(TRAINERS),
        cleanup_imports_from_base_folder=True,
    )


def splits(work: Path, *, variant: Variant) -> list[dict[str, list[str]]]:
    """The folds of a prepared dataset."""
    path = work / PREPROCESSED / variant.dataset_name / "splits_final.json"
    found: list[dict[str, list[str]]] = json.loads(read_text(path))
    return found


def refuse_unknown_folds(order: Order, folds: Sequence[int]) -> None:
    """Stop before anything is trained when a fold does not exist.

    Raises:
        TrainingError: some fold is beyond the splits.
    """
    there = len(splits(order.work, variant=order.variant))
    if unknown := [fold for fold in folds if not 0 <= fold < there]:
        raise TrainingError(
            f"--fold {', '.join(map(str, unknown))}: expected 0 to {there - 1}",
            kind=Untrainable.NO_FOLD,
        )


def refuse_other_plan(order: Order, folds: Sequence[int]) -> None:
    """Stop when the model's other folds were trained by another plan: they make one ensemble.

    Raises:
        TrainingError: they were.
    """
    path = order.model_folder / "plans.json"
    others = [
        folder.name
        for folder in sorted(order.model_folder.glob("fold_*"))
        if folder not in {order.fold_folder(fold) for fold in folds}
    ]
    if not path.is_file() or not others:
        return
    plans = read_plans(order.work, variant=order.variant, training=order.training)
    if json.loads(read_text(path)) != plans:
        raise TrainingError(
            f"{order.model_folder}: {', '.join(others)} were trained with another plan, seed or "
            f"number of epochs; train all folds alike, or use another --work",
            kind=Untrainable.OTHER_PLAN,
        )


def refuse_what_is_there(order: Order, folds: Sequence[int], *, start: Start) -> None:
    """Stop before anything is trained when what the folders hold and what is asked do not agree.

    Raises:
        TrainingError: a training is in the way, or there is none to go on from.
    """
    for folder in map(order.fold_folder, folds):
        there = _furthest(folder) is not None
        if there and start is Start.FRESH:
            raise TrainingError(
                f"{folder} holds a training; go on with --resume, or start again with --restart",
                kind=Untrainable.IN_THE_WAY,
            )
        if not there and start is Start.RESUME and len(folds) == 1:
            raise TrainingError(
                f"{folder} holds no checkpoint; train without --resume",
                kind=Untrainable.NO_CHECKPOINT,
            )


def train_fold(order: Order, fold: int, *, start: Start) -> Any:
    """Train one fold; returns the trainer when it is done or a bound is met.

    Must run within `settings`.

    Args:
        order: what and how.
        fold: which.
        start: anew, or from the checkpoint that has come furthest, if there is one.
    """
    folder = order.fold_folder(fold)
    if start is not Start.RESUME:
        shutil.rmtree(folder, ignore_errors=True)
    checkpoint = _furthest(folder)
    trainer = _trainer(order, fold, resume=checkpoint is not None)
    if checkpoint is not None:
        trainer.load_checkpoint(str(checkpoint))
    if trainer.current_epoch < trainer.num_epochs:
        trainer.run_training()
    return trainer


def _furthest(folder: Path) -> Path | None:
    """The checkpoint with the most epochs; of two alike, the more final one."""
    there = [folder / name for name in (FINAL, LATEST, BEST) if (folder / name).is_file()]
    return max(there, key=_epochs_of, default=None)


def _epochs_of(checkpoint: Path) -> int:
    return read_training_checkpoint(checkpoint.read_bytes(), where=str(checkpoint)).epoch


def _trainer(order: Order, fold: int, *, resume: bool) -> Any:
    folder = order.work / PREPROCESSED / order.variant.dataset_name
    plans = read_plans(order.work, variant=order.variant, training=order.training)
    dataset = json.loads(read_text(folder / "dataset.json"))
    told = plans | {"continue_training": resume}
    trainer = find_trainer()(told, CONFIGURATION, fold, dataset, torch.device(order.machine.device))
    trainer.bounds = order.bounds
    return trainer


@contextlib.contextmanager
def settings(order: Order) -> Iterator[None]:
    """nnU-Net's environment, torch's threads and determinism; its prints go to the error stream."""
    machine = order.machine
    values = variables(
        order.work,
        workers=machine.workers,
        compiled=order.training.recipe.schedule.compiled,
    )
    threads = torch.get_num_threads()
    before = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    torch.set_num_threads(machine.threads)
    exact = machine.workers == 0
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = exact, not exact
    try:
        with surroundings(values), contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        torch.set_num_threads(threads)
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = before
