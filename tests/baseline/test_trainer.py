"""The trainer: found from outside nnU-Net, the paper's loss, nothing mirrored, turns bounded."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from batchgeneratorsv2.transforms.noise.gaussian_blur import GaussianBlurTransform
from batchgeneratorsv2.transforms.spatial.mirroring import MirrorTransform
from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

from baseline import training
from baseline.augmentation import adapt, members, shift_in_voxels
from baseline.datasets import Variant
from baseline.planning import prepare
from baseline.presets import preset
from baseline.randomness import begin, epoch_seeds
from baseline.training import Order, find_trainer, settings
from tests.baseline.conftest import copied, tiny_order


@pytest.fixture(scope="module")
def trainer(prepared: Order, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Ready to train fold 0 of the joint dataset."""
    order = tiny_order(copied(prepared.work, tmp_path_factory.mktemp("trainer") / "work"))
    with settings(order):
        made = training._trainer(order, 0, resume=False)
        made.initialize()
        yield made


@pytest.fixture(scope="module")
def transforms(trainer: Any) -> Any:
    return trainer.get_dataloaders()[0].data_loader.transforms


def test_nnunet_finds_the_trainer_in_the_folder_it_is_told_of() -> None:
    found = find_trainer()

    assert found.__name__ == "nnUNetTrainerLLN"
    assert issubclass(found, nnUNetTrainer)
    assert "nnunetv2" not in found.__module__


def test_the_joint_loss_is_seven_tenths_dice_and_three_tenths_cross_entropy(trainer: Any) -> None:
    # Two voxels, eight labels, every logit 0, so every probability 1/2. Label 0 fills both voxels:
    # Dice 2 * (1/2 + 1/2) / (2 + 1) = 2/3; the seven others are empty and answered with 1 in all:
    # Dice 0. The mean is 1/12. Binary cross-entropy of 1/2 is ln 2 everywhere.
    target = torch.zeros(1, 8, 1, 1, 2)
    target[:, 0] = 1.0
    loss = float(trainer.loss.loss(torch.zeros(1, 8, 1, 1, 2), target))

    assert loss == pytest.approx(-0.7 / 12 + 0.3 * math.log(2), abs=1e-4)


def test_the_loss_of_exclusive_labels_has_the_same_weights(converted: Path, tmp_path: Path) -> None:
    # Two voxels of class 1, every logit 0: probabilities 1/3. Dice of class 1 is
    # 2 * 2/3 / (2 + 2/3) = 1/2, of class 2 it is 0, background does not count: mean 1/4.
    # Cross-entropy is ln 3.
    order = tiny_order(copied(converted, tmp_path / "work"), variant=Variant.NODES)
    list(prepare(order.work, variant=order.variant, training=order.training))
    with settings(order):
        made = training._trainer(order, 0, resume=False)
        made.initialize()
    loss = float(made.loss.loss(torch.zeros(1, 3, 1, 1, 2), torch.ones(1, 1, 1, 1, 2)))

    assert loss == pytest.approx(-0.7 / 4 + 0.3 * math.log(3), abs=1e-4)


def test_deep_supervision_keeps_the_weights_of_the_loss(trainer: Any) -> None:
    assert sum(trainer.loss.weight_factors) == pytest.approx(1.0)


def test_nothing_mirrors_in_training_or_prediction(trainer: Any, transforms: Any) -> None:
    kinds = {type(each) for each in members(transforms)}

    assert MirrorTransform not in kinds
    assert {SpatialTransform, GaussianBlurTransform} <= kinds
    assert trainer.inference_allowed_mirroring_axes is None


def test_a_transform_that_mirrors_is_refused() -> None:
    mirrored = nnUNetTrainer.get_training_transforms((8, 32, 32), (-0.1, 0.1), None, (0,), False)

    with pytest.raises(ValueError, match="nothing may be mirrored"):
        adapt(mirrored, loaded=(8, 32, 32), shift=(0, 1, 1))


def test_the_patients_right_stays_right_of_left_under_augmentation(
    trainer: Any, transforms: Any
) -> None:
    # label 1 (right) to the right of label 2 (left), label 3 in front of label 4
    loaded = trainer._loaded_patch
    image = torch.zeros(1, *loaded)
    mask = torch.zeros(1, *loaded, dtype=torch.int16)
    middle, third = [int(each) // 2 for each in loaded], [int(each) // 6 for each in loaded]
    for label, (row, column) in {1: (0, 1), 2: (0, -1), 3: (1, 0), 4: (-1, 0)}.items():
        y, x = middle[1] + row * third[1], middle[2] + column * third[2]
        mask[0, :, y - 2 : y + 3, x - 2 : x + 3] = label
    begin(epoch_seeds(1, fold=0, epoch=0))
    seen = 0
    for _ in range(60):
        found = transforms(image=image.clone(), segmentation=mask.clone())["segmentation"][0]
        places = [np.argwhere(each.numpy()) for each in found[:4]]
        if min(map(len, places)) == 0:
            continue
        right, left, front, back = (place.mean(axis=0) for place in places)
        seen += 1
        assert right[2] > left[2]
        assert front[1] > back[1]
    assert seen > 40


def test_turns_stay_within_thirty_degrees(transforms: Any) -> None:
    (spatial,) = (each for each in members(transforms) if isinstance(each, SpatialTransform))

    assert spatial.rotation == pytest.approx((-math.pi / 6, math.pi / 6))
    assert spatial.scaling == (0.7, 1.4)
    assert spatial.p_rotation == spatial.p_scaling == 0.2


def test_patches_are_moved_within_the_slice_by_up_to_ten_millimetres(
    trainer: Any, transforms: Any
) -> None:
    (spatial,) = (each for each in members(transforms) if isinstance(each, SpatialTransform))
    spacing = trainer.configuration_manager.spacing
    loaded = tuple(int(each) for each in trainer._loaded_patch[1:])
    begin(epoch_seeds(1, fold=0, epoch=0))
    image = torch.zeros(1, *loaded)
    centres = [spatial.get_parameters(image=image)["center_location_in_pixels"] for _ in range(300)]
    moves_mm = (np.array(centres) - np.array(loaded) / 2) * np.array(spacing[1:])

    reach = round(10 / spacing[1]) * spacing[1]
    assert np.abs(moves_mm).max() <= reach + 1e-9
    assert np.abs(moves_mm).max(axis=0).min() > 0.9 * reach


def test_a_shift_is_whole_voxels_and_none_across_slices() -> None:
    assert shift_in_voxels(10.0, spacing_mm=(3.0, 0.6, 0.8)) == (0, 17, 12)
    assert shift_in_voxels(0.0, spacing_mm=(3.0, 0.6, 0.6)) == (0, 0, 0)


def test_the_blur_is_not_chosen_by_the_clock(transforms: Any) -> None:
    (blur,) = (each for each in members(transforms) if isinstance(each, GaussianBlurTransform))

    assert blur.benchmark is False


def test_every_epoch_of_every_fold_has_seeds_of_its_own() -> None:
    moments = [(fold, epoch) for fold in range(3) for epoch in (None, 0, 1, 2)]
    seeds = {epoch_seeds(1, fold=fold, epoch=epoch) for fold, epoch in moments}

    assert len(seeds) == len(moments)
    assert epoch_seeds(1, fold=0, epoch=0) == epoch_seeds(1, fold=0, epoch=0)
    assert epoch_seeds(1, fold=0, epoch=0) != epoch_seeds(2, fold=0, epoch=0)


def test_a_seed_sets_what_python_numpy_and_torch_draw() -> None:
    def draws() -> tuple[float, float, float]:
        begin(epoch_seeds(8, fold=1, epoch=3))
        python = random.random()  # noqa: S311 - no secret
        numpy = float(np.random.rand())  # noqa: NPY002 - the generator that nnU-Net draws from
        return python, numpy, float(torch.rand(1))

    assert draws() == draws()


def test_the_rate_of_each_epoch_is_the_schedules(trainer: Any) -> None:
    rates = []
    for epoch in range(4):
        trainer.lr_scheduler.step(epoch)
        rates.append(trainer.optimizer.param_groups[0]["lr"])

    assert rates == pytest.approx([0.003 * (1 - epoch / 4) ** 0.9 for epoch in range(4)])
    assert all(late < early for early, late in pairwise(rates))


def test_a_short_preset_uses_adamw(trainer: Any) -> None:
    assert isinstance(trainer.optimizer, torch.optim.AdamW)


def test_the_papers_optimiser_is_nnunets(prepared: Order, tmp_path: Path) -> None:
    order = tiny_order(copied(prepared.work, tmp_path / "work"))
    recipe = order.training.recipe.model_copy(update={"schedule": preset("paper").schedule})
    told = order.training.model_copy(update={"recipe": recipe})
    assert list(prepare(order.work, variant=order.variant, training=told)) == []
    with settings(replace(order, training=told)):
        made = training._trainer(replace(order, training=told), 0, resume=False)
        made.initialize()
    (group,) = made.optimizer.param_groups

    assert isinstance(made.optimizer, torch.optim.SGD)
    assert (group["momentum"], group["nesterov"], group["weight_decay"]) == (0.99, True, 3e-5)
    assert group["lr"] == 0.01
