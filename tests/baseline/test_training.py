"""Training: loss falls, a resumed training is one that never stopped, bounds hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from baseline import training
from baseline.campaign import Campaign, campaign
from baseline.checkpoints import CheckpointError
from baseline.datasets import Variant
from baseline.errors import TrainingError, Untrainable
from baseline.experiment import FOLD
from baseline.presets import Changes
from baseline.record import FoldRecord
from baseline.schedule import Bounds, Ending
from baseline.training import Order, Start, find_trainer
from tests.baseline.conftest import copied, tiny_order

ITERATIONS = 6


def checkpoint(order: Order, name: str = "checkpoint_final.pth") -> dict[str, Any]:
    path = order.fold_folder(0) / name
    found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=False)
    return found


def record(order: Order) -> FoldRecord:
    return FoldRecord.model_validate_json((order.fold_folder(0) / FOLD).read_text())


def train(order: Order, *, start: Start = Start.FRESH, folds: tuple[int, ...] = (0,)) -> list[str]:
    return list(campaign(order, Campaign(folds=folds, start=start, validate=False)))


def same(one: Any, other: Any) -> bool:
    """Whether two nested states are equal bit by bit."""
    if isinstance(one, torch.Tensor):
        return bool(torch.equal(one, other))
    if isinstance(one, dict):
        alike = [same(each, other.get(key)) for key, each in one.items()]
        return len(one) == len(other) and all(alike)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def assert_same_training(one: Order, other: Order) -> None:
    first, second = checkpoint(one), checkpoint(other)
    assert first["current_epoch"] == second["current_epoch"] == 4
    assert same(first["network_weights"], second["network_weights"])
    assert same(first["optimizer_state"], second["optimizer_state"])
    for name in ("train_losses", "val_losses", "lrs"):
        assert first["logging"][name] == second["logging"][name]


@pytest.fixture
def order(prepared: Order, tmp_path: Path) -> Order:
    """A prepared dataset of this test's own."""
    return tiny_order(copied(prepared.work, tmp_path / "work"))


def bounded(order: Order, bounds: Bounds) -> Order:
    return tiny_order(order.work, bounds=bounds)


def test_the_loss_goes_down(trained: Order) -> None:
    losses = record(trained).curves.train_loss

    assert len(losses) == 4
    assert None not in losses
    assert np.all(np.diff(np.array(losses, dtype=float)) < 0)


def test_results_lie_where_nnunet_puts_them(trained: Order) -> None:
    folder = trained.work / "nnUNet_results" / "Dataset803_LLNJoint"
    model = folder / "nnUNetTrainerLLN__LLNPlans_tiny__3d_fullres"
    content = checkpoint(trained)

    assert trained.model_folder == model.resolve()
    assert {"plans.json", "dataset.json", "fold_0"} <= {path.name for path in model.iterdir()}
    assert json.loads((model / "dataset.json").read_text())["lln"]["variant"] == "joint"
    assert content["trainer_name"] == "nnUNetTrainerLLN"
    assert content["inference_allowed_mirroring_axes"] is None
    assert not list(model.rglob("*.part"))
    assert not (model / "fold_0" / "checkpoint_latest.pth").exists()


def test_a_training_that_paused_goes_on_as_if_it_had_not(trained: Order, order: Order) -> None:
    train(bounded(order, Bounds(pause_after=2)))

    assert record(order).ending is Ending.PAUSED
    assert checkpoint(order, "checkpoint_latest.pth")["current_epoch"] == 2
    assert not (order.fold_folder(0) / "checkpoint_final.pth").exists()

    train(order, start=Start.RESUME)

    assert record(order).ending is Ending.EPOCHS
    assert_same_training(order, trained)


def test_a_training_that_was_killed_within_an_epoch_goes_on_as_if_it_had_not(
    trained: Order, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(find_trainer()):  # type: ignore[misc]
        steps = 0

        def train_step(self, batch: Any) -> Any:
            type(self).steps += 1
            if type(self).steps == 2 * ITERATIONS + 3:  # the third step of the third epoch
                raise KeyboardInterrupt
            return super().train_step(batch)

    Killed.__name__ = training.TRAINER
    with monkeypatch.context() as patch:
        patch.setattr(training, "find_trainer", lambda: Killed)
        with pytest.raises(KeyboardInterrupt):
            train(order)
    train(order, start=Start.RESUME)

    assert_same_training(order, trained)


def test_a_finished_training_is_left_as_it_is(trained: Order) -> None:
    before = (trained.fold_folder(0) / "checkpoint_final.pth").stat().st_mtime_ns
    answers = record(trained).held_out
    lines = train(trained, start=Start.RESUME)

    assert lines[-1] == "fold 0: 4 epochs, ended by epochs"
    assert (trained.fold_folder(0) / "checkpoint_final.pth").stat().st_mtime_ns == before
    assert answers is not None
    assert record(trained).held_out == answers


def test_a_bound_in_time_ends_a_training_with_a_final_checkpoint(order: Order) -> None:
    train(bounded(order, Bounds(seconds=1e-3)))
    rates = record(order).curves.learning_rate

    assert record(order).ending is Ending.TIME
    assert record(order).epochs == checkpoint(order)["current_epoch"] == 1
    assert rates == (0.003,)


def test_another_seed_makes_other_weights(trained: Order, order: Order) -> None:
    other = order.training.model_copy(update={"seed": 6})
    changed = Order(work=order.work, variant=order.variant, training=other, machine=order.machine)
    train(changed)

    assert not same(checkpoint(changed)["network_weights"], checkpoint(trained)["network_weights"])


def test_a_checkpoint_of_another_plan_is_refused(order: Order) -> None:
    train(bounded(order, Bounds(pause_after=1)))
    longer = order.training.model_copy(
        update={"recipe": Changes(epochs=9).applied(order.training.recipe)}
    )
    changed = Order(work=order.work, variant=order.variant, training=longer, machine=order.machine)

    with pytest.raises(TrainingError, match="another plan, seed or dataset") as error:
        train(changed, start=Start.RESUME)
    assert error.value.kind is Untrainable.OTHER_PLAN


class Program:
    """What a pickle may hold: a call of anything, run when it is read."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.mark,))


def test_a_checkpoint_that_holds_a_program_is_refused_unrun(order: Order, tmp_path: Path) -> None:
    order.fold_folder(0).mkdir(parents=True)
    path = order.fold_folder(0) / "checkpoint_latest.pth"
    torch.save({"current_epoch": 1, "network_weights": Program(tmp_path / "ran")}, path)

    with pytest.raises(CheckpointError, match="it holds more than weights"):
        train(order, start=Start.RESUME)
    assert not (tmp_path / "ran").exists()


def test_folds_of_one_model_are_trained_alike(trained: Order, tmp_path: Path) -> None:
    other = trained.training.model_copy(update={"seed": 6})
    changed = Order(
        work=copied(trained.work, tmp_path / "work"),
        variant=Variant.JOINT,
        training=other,
        machine=trained.machine,
    )

    with pytest.raises(TrainingError, match="fold_0 were trained with another plan") as error:
        train(changed, folds=(1,))
    assert error.value.kind is Untrainable.OTHER_PLAN


def test_a_training_is_neither_overwritten_nor_made_up(trained: Order, order: Order) -> None:
    with pytest.raises(TrainingError, match="--resume, or start again with --restart") as there:
        train(trained)
    with pytest.raises(TrainingError, match="no checkpoint") as absent:
        train(order, start=Start.RESUME)

    assert there.value.kind is Untrainable.IN_THE_WAY
    assert absent.value.kind is Untrainable.NO_CHECKPOINT


def test_a_fold_that_does_not_exist_is_refused_before_anything_is_trained(order: Order) -> None:
    with pytest.raises(TrainingError, match="--fold 3: expected 0 to 2") as error:
        train(order, folds=(0, 3))

    assert error.value.kind is Untrainable.NO_FOLD
    assert not order.model_folder.exists()
