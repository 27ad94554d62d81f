"""The verbs: convert and train."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from baseline.errors import TrainingError
from baseline.train_commands import convert, train
from baseline.training import Order
from schema.errors import UsageError
from tasks.cohort import Cohort
from tests.baseline.conftest import copied


def run_train(work: Path, *arguments: str) -> Result:
    options = ["--work", str(work), "--preset", "tiny", "--seed", "5", "--device", "cpu"]
    return CliRunner().invoke(train, [*options, "--threads", "1", *arguments])


def test_convert_writes_what_is_asked_for_and_says_where(
    small_cohort: Cohort, tmp_path: Path
) -> None:
    options = ["--cohort", str(small_cohort.folder), "--work", str(tmp_path), "--folds", "2"]
    done = CliRunner().invoke(convert, [*options, "--dataset", "nodes", "--dataset", "joint"])

    assert done.exit_code == 0, done.output
    folders = [
        tmp_path / "nnUNet_raw" / name for name in ("Dataset802_LLNNodes", "Dataset803_LLNJoint")
    ]
    assert done.stdout.splitlines() == [str(folder) for folder in folders]
    for folder in folders:
        assert len(json.loads((folder / "splits_final.json").read_text())) == 2
        assert len(list((folder / "imagesTr").iterdir())) == 6


def test_train_does_one_fold_and_says_where(prepared: Order, tmp_path: Path) -> None:
    work = copied(prepared.work, tmp_path / "work")
    done = run_train(work, "--fold", "1", "--epochs", "1", "--iterations", "1", "--no-validate")

    assert done.exit_code == 0, done.output
    model = Path(done.stdout.strip())
    assert model.name == "nnUNetTrainerLLN__LLNPlans_tiny__3d_fullres"
    assert (model / "fold_1" / "checkpoint_final.pth").is_file()
    assert not (model / "fold_0").exists()
    record = json.loads((model / "experiment.json").read_text())
    assert record["folds"][0]["epochs"] == 1
    assert record["folds"][0]["held_out"] is None
    assert "fold 1: 1 epochs, ended by epochs" in done.stderr


def test_what_excludes_each_other_is_refused(prepared: Order) -> None:
    done = run_train(prepared.work, "--resume", "--restart")

    assert isinstance(done.exception, UsageError)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("--fold", "7"), "expected 0 to 2"), (("--resume", "--fold", "0"), "no checkpoint")],
)
def test_what_cannot_be_done_is_said_before_it_is_tried(
    prepared: Order, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    done = run_train(copied(prepared.work, tmp_path / "work"), *arguments)

    assert isinstance(done.exception, TrainingError)
    assert words in str(done.exception)
