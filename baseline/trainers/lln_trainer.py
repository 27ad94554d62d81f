"""The trainer that plans files and checkpoints of the kit name."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nnunetv2.training.data_augmentation.compute_initial_patch_size import get_patch_size
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from baseline import augmentation, randomness, schedule
from baseline.checkpoints import read_plain
from baseline.datasets import OURS
from baseline.errors import TrainingError, Untrainable
from baseline.presets import Training

SCALES = (0.85, 1.25)
"""What nnU-Net makes room for when it loads a patch that is scaled afterwards."""
ALL_CASES = 1 << 16
"""Number that stands for nnU-Net's fold `all` in seeds."""
LATEST = "checkpoint_latest.pth"


class Enough(Exception):  # noqa: N818 - no error: it leaves nnU-Net's loop over epochs
    """Raised before an epoch that is not to begin."""


class FallingRate:
    """nnU-Net's scheduler interface for a rate that is a function of the epoch."""

    def __init__(self, optimiser: Any, rate: Callable[[int], float]) -> None:
        self._optimiser, self._rate = optimiser, rate

    def step(self, epoch: int) -> None:
        """Set the rate of an epoch."""
        for group in self._optimiser.param_groups:
            group["lr"] = self._rate(epoch)


class nnUNetTrainerLLN(nnUNetTrainer):  # type: ignore[misc]  # noqa: N801 - nnU-Net's way of naming
    """nnU-Net's trainer without mirroring, with the paper's loss, reproducible and bounded.

    All it is told stands in the plans file under the key `lln` (`baseline.presets.Training`).
    `bounds` may be set before the training begins; `ending` says afterwards why it stopped.
    """

    def __init__(
        self,
        plans: dict[str, Any],
        configuration: str,
        fold: int,
        dataset_json: dict[str, Any],
        device: torch.device = torch.device("cuda"),  # noqa: B008 - nnU-Net reads this signature
    ) -> None:
        super().__init__(plans, configuration, fold, dataset_json, device)
        self.told = Training.model_validate_json(json.dumps(plans[OURS]))
        self.bounds = schedule.Bounds()
        self.ending = schedule.Ending.EPOCHS
        self._begun_at = 0
        told = self.told.recipe.schedule
        self.num_epochs = told.epochs
        self.num_iterations_per_epoch = told.iterations
        self.num_val_iterations_per_epoch = told.validation_iterations
        self.initial_lr = told.learning_rate
        self.save_every = told.checkpoint_every
        # of a batch of one, nnU-Net's rounding would never aim at a label
        self.probabilistic_oversampling = self.configuration_manager.batch_size == 1
        self.logger.plot_progress_png = _no_picture

    @property
    def spent_seconds(self) -> float:
        """Duration of all finished epochs, those of earlier calls included."""
        begun = self.logger.get_value("epoch_start_timestamps", step=None)
        ended = self.logger.get_value("epoch_end_timestamps", step=None)
        return sum(float(end - start) for start, end in zip(begun, ended, strict=False))

    def _begin(self, epoch: int | None) -> None:
        fold = ALL_CASES if self.fold == "all" else int(self.fold)
        randomness.begin(randomness.epoch_seeds(self.told.seed, fold=fold, epoch=epoch))

    def initialize(self) -> None:
        """Build network, optimiser and loss; the weights follow from seed and fold."""
        self._begin(None)
        super().initialize()

    def configure_optimizers(self) -> tuple[Any, Any]:
        """nnU-Net's optimiser, or AdamW where the preset says so, with the kit's schedule."""
        optimiser, _ = super().configure_optimizers()
        if self.told.recipe.schedule.optimiser == "adamw":
            optimiser = torch.optim.AdamW(self.network.parameters(), lr=self.initial_lr)
        return optimiser, FallingRate(optimiser, self._rate)

    def _rate(self, epoch: int) -> float:
        share = schedule.progress(
            epoch=epoch,
            epochs=self.num_epochs,
            spent_seconds=self.spent_seconds,
            bounds=self.bounds,
        )
        return schedule.learning_rate(self.initial_lr, progress=share)

    def _build_loss(self) -> Any:
        """nnU-Net's Dice and cross-entropy (binary for regions) with the preset's weights."""
        loss = super()._build_loss()
        both = loss.loss if self.enable_deep_supervision else loss
        both.weight_dice = self.told.recipe.loss.dice
        both.weight_ce = self.told.recipe.loss.cross_entropy
        return loss

    def configure_rotation_dummyDA_mirroring_and_inital_patch_size(self) -> Any:  # noqa: N802
        """nnU-Net's, with bounded turns and no axis to mirror, in training or prediction."""
        _, flat, _, _ = super().configure_rotation_dummyDA_mirroring_and_inital_patch_size()
        self.inference_allowed_mirroring_axes = None
        patch = self.configuration_manager.patch_size
        reach = np.deg2rad(self.told.recipe.augmentation.rotation_degrees)
        turn = (-reach, reach)
        loaded = get_patch_size(patch, turn, turn, turn, SCALES)
        if flat:  # slices are turned one by one
            loaded[0] = patch[0]
        self._loaded_patch = loaded
        return turn, flat, loaded, None

    def get_training_transforms(self, *args: Any, **kwargs: Any) -> Any:
        """nnU-Net's transforms, adapted; `baseline.augmentation` says how."""
        composed = nnUNetTrainer.get_training_transforms(*args, **kwargs)
        flat = args[4]
        shift = augmentation.shift_in_voxels(
            self.told.recipe.augmentation.translation_mm,
            spacing_mm=self.configuration_manager.spacing,
        )
        first = 1 if flat else 0
        augmentation.adapt(composed, loaded=self._loaded_patch[first:], shift=shift[first:])
        return composed

    def plot_network_architecture(self) -> None:
        """Nothing: nnU-Net's picture needs a library that no longer works."""

    def run_training(self) -> None:
        """nnU-Net's loop over epochs, until it is done or a bound is met."""
        self._begun_at = self.current_epoch
        try:
            super().run_training()
        except Enough:
            if self.ending is schedule.Ending.TIME:
                self.on_train_end()
            else:
                self._save_latest()

    def on_epoch_start(self) -> None:
        """Leave before an epoch that is not to begin; else seed it."""
        ending = schedule.ending_before(
            epoch=self.current_epoch,
            begun_at=self._begun_at,
            spent_seconds=self.spent_seconds,
            bounds=self.bounds,
        )
        if ending is not None:
            self.ending = ending
            raise Enough
        self._begin(self.current_epoch)
        super().on_epoch_start()

    def on_validation_epoch_end(self, val_outputs: list[dict[str, Any]]) -> None:
        """nnU-Net's; a label that is in no patch and in no answer has no Dice, and no warning."""
        with np.errstate(invalid="ignore"), warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", message="Mean of empty slice", category=RuntimeWarning
            )
            super().on_validation_epoch_end(val_outputs)

    def _save_latest(self) -> None:
        # nnU-Net counts an epoch at its end, and adds one when it saves
        self.current_epoch -= 1
        self.save_checkpoint(str(Path(self.output_folder) / LATEST))
        self.current_epoch += 1

    def save_checkpoint(self, filename: str) -> None:
        """Write a checkpoint whole or not at all."""
        partial = Path(f"{filename}.part")
        super().save_checkpoint(str(partial))
        if partial.exists():
            partial.replace(filename)

    def load_checkpoint(self, filename_or_checkpoint: Any) -> None:
        """Go on from a checkpoint of the same training.

        Raises:
            TrainingError: it belongs to another plan, seed or dataset.
            CheckpointError: it holds more than weights and numbers.
        """
        path = Path(filename_or_checkpoint)
        # nnU-Net reads it as a program next; only what holds none gets that far
        checkpoint = read_plain(path.read_bytes(), where=str(path))
        names = ("plans", "dataset_json")
        if any(self.my_init_kwargs[name] != checkpoint["init_args"][name] for name in names):
            raise TrainingError(
                f"{filename_or_checkpoint} was made with another plan, seed or dataset; train with "
                f"the same preset, seed and epochs, or start again with --restart",
                kind=Untrainable.OTHER_PLAN,
            )
        super().load_checkpoint(filename_or_checkpoint)


def _no_picture(_folder: str) -> None:
    """In place of nnU-Net's picture of 30 by 54 inches an epoch; `baseline.curves` draws."""
