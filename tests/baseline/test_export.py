from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result

from baseline.checkpoints import CheckpointError
from baseline.conversion import SPLITS
from baseline.datasets import OURS, Variant, dataset_json
from baseline.environment import RAW, RESULTS
from baseline.export import SMALLEST_NODE_ML, smallest_node_ml
from baseline.images import read_image
from baseline.model_folder import CARD, Part, read_model
from baseline.node_calls import compartment_names, node_names
from baseline.predict_commands import export as export_verb
from baseline.prediction import Predictor
from baseline.presets import Training, preset
from baseline.record import (
    CaseAnswer,
    Commit,
    Curves,
    Experiment,
    FoldRecord,
    Host,
    LabelOverlap,
)
from baseline.schedule import Ending
from baseline.training_output import read_training_output
from schema.errors import UsageError
from schema.terms import TaskId
from tasks.cohort import Cohort
from tasks.files import canonical_json, read_header, read_voxels, write_nifti, write_text
from tasks.node_measurement import measure_nodes_of_task
from tasks.terminal import Verbs
from tests.baseline.coded_cohorts import encode_images
from tests.baseline.tiny_models import hand_set_part

CASES = ("North_01", "North_02", "South_01", "South_02")
HELD_OUT = [["North_01", "North_02"], ["South_01", "South_02"]]
"""A positive and a negative patient in each of two folds."""
SILENT = -60.0
"""Added to every logit: nothing is found."""


@click.group(cls=Verbs)
def verbs() -> None:
    """As the front door: errors of the kit become a message and an exit code."""


verbs.add_command(export_verb, "export")


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(verbs, ["export", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def write_training(
    work: Path,
    variant: Variant = Variant.JOINT,
    *,
    shifts: Mapping[int, float],
    held_out: Sequence[Sequence[str]] = HELD_OUT,
) -> Path:
    """What nnU-Net leaves behind, around hand-set weights; returns the dataset's folder."""
    part = hand_set_part(variant, shifts=shifts, resampled=False)
    part.plans[OURS] = {"preset": "tiny", "seed": 7}
    place = work / RESULTS / variant.dataset_name / "nnUNetTrainerLLN__tiny__3d_fullres"
    described = dataset_json(variant, cases=CASES, origin={"cohort": "Tiny", "folds_seed": 3})
    write_text(place / "dataset.json", json.dumps(described))
    write_text(place / "plans.json", json.dumps(part.plans))
    for fold in part.weights:
        (place / f"fold_{fold}").mkdir()
        torch.save(checkpoint(part, fold), place / f"fold_{fold}" / "checkpoint_final.pth")
    everyone = {case for cases in held_out for case in cases}
    splits = [{"train": sorted(everyone - {*out}), "val": list(out)} for out in held_out]
    write_text(work / RAW / variant.dataset_name / SPLITS, canonical_json(splits))
    return place.parent


def checkpoint(part: Part, fold: int) -> dict[str, Any]:
    """The keys and the kinds of value of nnU-Net's `save_checkpoint`."""
    return {
        "network_weights": part.weights[fold],
        "optimizer_state": {"state": {0: {"momentum_buffer": torch.zeros(999)}}},
        "grad_scaler_state": None,
        "logging": {"train_losses": [np.float64(-0.25), np.float32(0.5)], "ema": [0.1]},
        "_best_ema": np.float64(0.5),
        "current_epoch": 4,
        "init_args": {
            "plans": part.plans,
            "configuration": "3d_fullres",
            "fold": fold,
            "dataset_json": part.dataset,
            "device": torch.device("cpu"),
        },
        "trainer_name": "nnUNetTrainerLLN",
        "inference_allowed_mirroring_axes": None,
    }


def experiment() -> Experiment:
    """A record with two held-out patients, one label found and one in nobody."""
    told = Training(preset="tiny", recipe=preset("tiny"), seed=7)
    digest = "sha256:" + "0" * 64
    curves = Curves(
        train_loss=(), validation_loss=(), pseudo_dice=(), learning_rate=(), epoch_seconds=()
    )
    found = [
        CaseAnswer(case_id=case_id, labels=(overlap("obturator_left", *voxels), NOWHERE))
        for case_id, voxels in zip(CASES, [(10, 5, 6), (4, 0, 0)], strict=False)
    ]
    fold = FoldRecord(
        fold=0,
        train_cases=2,
        held_out_cases=2,
        epochs=4,
        ending=Ending.EPOCHS,
        iterations=24,
        images_per_second=None,
        peak_gpu_bytes=None,
        curves=curves,
        held_out=tuple(found),
    )
    host = Host(system="Linux", processor="any", processors=2, device="cpu", python="3.11.7")
    return Experiment(
        variant=Variant.JOINT,
        dataset=Variant.JOINT.dataset_name,
        cohort="Tiny",
        cohort_digest=digest,
        splits_digest=digest,
        plans_digest=digest,
        training=told,
        spacing_mm=(4.0, 1.5, 1.5),
        patch_size=(8, 16, 16),
        batch_size=2,
        architecture="somewhere.PlainConvUNet",
        features=(4, 8),
        strides=((1, 1, 1), (2, 2, 2)),
        labels=("obturator_left", "positive_node"),
        commit=Commit(commit="ab" * 20, modified=True),
        versions={},
        host=host,
        threads=2,
        folds=(fold,),
    )


def overlap(label: str, reference: int, answer: int, common: int) -> LabelOverlap:
    return LabelOverlap(
        label=label, reference_voxels=reference, answer_voxels=answer, common_voxels=common
    )


NOWHERE = overlap("positive_node", 0, 0, 0)


@pytest.fixture
def coded(cohort_folder: Path) -> Path:
    return encode_images(cohort_folder)


def test_a_training_becomes_a_model_folder(coded: Path, tmp_path: Path) -> None:
    trained = write_training(tmp_path / "work", shifts={0: 0.0, 1: 0.5})
    out = tmp_path / "model"

    result = run(trained, "--cohort", coded, "--out", out, "--device", "cpu")

    assert result.exit_code == 0, result.output
    model = read_model(out)
    assert model.manifest.model_dump(exclude={"files", "labels"}) == {
        "name": "baseline-nnunet",
        "version": "0.1.0",
        "kind": "joint",
        "preset": "tiny",
        "trainer": "nnUNetTrainerLLN",
        "licence": "Apache-2.0",
        "nnunet": "2.8.1",
        "folds": (0, 1),
    }
    assert sorted(path.relative_to(out).as_posix() for path in out.rglob("*.*")) == [
        "MODEL_CARD.md",
        "calibration.json",
        "joint/dataset.json",
        "joint/fold_0.pth",
        "joint/fold_1.pth",
        "joint/plans.json",
        "model.toml",
    ]


def test_weights_alone_leave_the_training(coded: Path, tmp_path: Path) -> None:
    trained = write_training(tmp_path / "work", shifts={0: 0.0, 1: 0.5})

    run(trained, "--cohort", coded, "--out", tmp_path / "model", "--device", "cpu")

    slim = torch.load(tmp_path / "model" / "joint" / "fold_1.pth", weights_only=True)
    assert list(slim) == ["network_weights"]
    for path in (tmp_path / "model").rglob("*.*"):
        # no patient's name travels with a model
        assert not any(case.encode() in path.read_bytes() for case in CASES), path


def test_exporting_twice_gives_the_same_bytes(coded: Path, tmp_path: Path) -> None:
    trained = write_training(tmp_path / "work", shifts={0: 0.0, 1: 0.5})

    for name in ("first", "again"):
        run(trained, "--cohort", coded, "--out", tmp_path / name, "--device", "cpu")

    for path in (tmp_path / "first").rglob("*.*"):
        again = tmp_path / "again" / path.relative_to(tmp_path / "first")
        assert path.read_bytes() == again.read_bytes(), path


def test_every_case_is_predicted_by_the_fold_that_held_it_out(coded: Path, tmp_path: Path) -> None:
    # the networks of fold 1 find nothing: of the two positive patients the one of fold 1 is missed
    trained = write_training(tmp_path / "work", shifts={0: 0.0, 1: SILENT})

    run(trained, "--cohort", coded, "--out", tmp_path / "model", "--device", "cpu")

    found = read_model(tmp_path / "model").calibration.out_of_fold
    assert found is not None
    assert (found.true_positive, found.false_negative) == (1, 1)
    assert (found.true_negative, found.false_positive) == (2, 0)


def test_a_pair_is_calibrated_by_the_same_fold_of_both(coded: Path, tmp_path: Path) -> None:
    trained = [
        write_training(tmp_path / "work", variant, shifts={0: 0.0, 1: 0.0})
        for variant in (Variant.COMPARTMENTS, Variant.NODES)
    ]

    result = run(*trained, "--cohort", coded, "--out", tmp_path / "model", "--device", "cpu")

    assert result.exit_code == 0, result.output
    model = read_model(tmp_path / "model")
    assert model.manifest.kind == "pair"
    assert set(model.parts) == {"compartments", "nodes"}
    assert model.calibration.out_of_fold is not None
    assert model.calibration.out_of_fold.true_positive == 2


@pytest.mark.parametrize("alone", [Variant.COMPARTMENTS, Variant.NODES])
def test_beside_a_training_of_one_mask_a_joint_one_answers_for_the_other(
    coded: Path, tmp_path: Path, alone: Variant
) -> None:
    # the joint networks find nothing: what is found of the mask is found by its own network alone
    mute = write_training(tmp_path / "work", shifts={0: SILENT, 1: SILENT})
    able = write_training(tmp_path / "work", alone, shifts={0: 0.0, 1: 0.0})

    result = run(mute, able, "--cohort", coded, "--out", tmp_path / "model", "--device", "cpu")

    assert result.exit_code == 0, result.output
    model = read_model(tmp_path / "model")
    assert model.manifest.kind == "pair"
    assert model.manifest.labels == (*compartment_names(), *node_names())
    image = read_image(next((coded / "t2w").iterdir()))
    found = Predictor.of(model, device="cpu").findings(image)
    assert bool(found.compartments.any()) is (alone is Variant.COMPARTMENTS)
    assert bool(found.nodes.any()) is (alone is Variant.NODES)


def test_without_a_cohort_nothing_is_fitted_and_it_says_so(tmp_path: Path) -> None:
    trained = write_training(tmp_path / "work", shifts={0: 0.0})

    run(trained, "--out", tmp_path / "model", "--licence", "CC-BY-4.0")

    model = read_model(tmp_path / "model")
    assert model.calibration.method == "node_probability"
    assert model.calibration.reason == "no cohort was given at export"
    assert model.calibration.out_of_fold is None
    assert model.calibration.minimum_node_ml == SMALLEST_NODE_ML
    card = (tmp_path / "model" / CARD).read_text()
    assert "No figures of the call: score it with `lln evaluate`" in card
    assert "licence of the weights: CC-BY-4.0" in card


def test_the_card_says_what_it_is_for_and_what_it_learned_from(coded: Path, tmp_path: Path) -> None:
    trained = write_training(tmp_path / "work", shifts={0: 0.0, 1: 0.0})
    (place,) = trained.iterdir()
    write_text(place / "experiment.json", experiment().model_dump_json())

    run(trained, "--cohort", coded, "--out", tmp_path / "model", "--device", "cpu")

    card = (tmp_path / "model" / CARD).read_text()
    for heading in ("Intended use", "Not intended", "Data", "Training", "Performance", "Limits"):
        assert f"## {heading}\n" in card
    assert "not a medical device" in card
    assert "- cohort: Tiny\n" in card
    assert "- joint: fold 0 4 epochs, fold 1 4 epochs\n" in card
    assert f"- joint: code {'ab' * 20}, with changes; trained on cpu\n" in card
    assert "- joint: loss 0.7 Dice + 0.3 cross-entropy\n" in card
    # 2 x 6 / (10 + 5) and 2 x 0 / (4 + 0)
    assert "- obturator_left: Dice 0.400, mean over 2 held-out patients of single folds\n" in card
    assert "- positive_node: Dice undefined, mean" in card
    assert not any(case in card for case in CASES)
    assert "sensitivity 2/2, specificity 2/2" in card
    assert "fewer than 5 of either kind" in card


def test_the_smallest_node_is_half_of_what_few_reference_nodes_stay_below(cohort: Cohort) -> None:
    volumes = []
    for case_id in cohort.manifest.cases:
        nodes, compartments = (
            read_voxels(cohort.mask(task, case_id), header=read_header(cohort.mask(task, case_id)))
            for task in (TaskId.NODES, TaskId.COMPARTMENTS)
        )
        geometry = read_header(cohort.image(case_id)).geometry
        assert geometry is not None
        measured = measure_nodes_of_task(nodes, geometry=geometry, compartments=compartments)
        volumes += [node.volume_ml for node in measured.nodes]

    assert len(volumes) == 6
    # numpy's percentile by hand: a quarter of the way from the smallest to the second of six
    first, second = sorted(volumes)[:2]
    expected = 0.5 * (first + 0.25 * (second - first))
    assert smallest_node_ml(cohort) == pytest.approx(expected, abs=1e-4)


def test_a_cohort_without_nodes_leaves_the_constant(cohort: Cohort) -> None:
    for case_id in cohort.manifest.cases:
        path = cohort.mask(TaskId.NODES, case_id)
        header = read_header(path)
        assert header.geometry is not None
        write_nifti(path, read_voxels(path, header=header) * 0, geometry=header.geometry)

    assert smallest_node_ml(cohort) == SMALLEST_NODE_ML


def refused(*arguments: object) -> str:
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    return " ".join(result.stderr.split())


def test_another_cohort_than_the_training_s_is_refused(coded: Path, tmp_path: Path) -> None:
    held_out = [["Elsewhere_1"], ["Elsewhere_2"]]
    trained = write_training(tmp_path / "work", shifts={0: 0.0, 1: 0.0}, held_out=held_out)

    said = refused(trained, "--cohort", coded, "--out", tmp_path / "model")

    assert "held-out cases that it does not list: Elsewhere_1, Elsewhere_2" in said
    assert not (tmp_path / "model").exists()


def test_a_pair_split_differently_is_refused(coded: Path, tmp_path: Path) -> None:
    first = write_training(tmp_path / "work", Variant.COMPARTMENTS, shifts={0: 0.0, 1: 0.0})
    second = write_training(
        tmp_path / "work", Variant.NODES, shifts={0: 0.0, 1: 0.0}, held_out=HELD_OUT[::-1]
    )

    said = refused(first, second, "--cohort", coded, "--out", tmp_path / "model")

    assert "split differently: no case is unseen by both" in said


def test_half_a_pair_is_refused(tmp_path: Path) -> None:
    trained = write_training(tmp_path / "work", Variant.NODES, shifts={0: 0.0})

    assert "expected one joint training" in refused(trained, "--out", tmp_path / "model")


def test_a_pair_of_different_folds_is_refused(tmp_path: Path) -> None:
    first = write_training(tmp_path / "work", Variant.COMPARTMENTS, shifts={0: 0.0})
    second = write_training(tmp_path / "work", Variant.NODES, shifts={0: 0.0, 1: 0.0})

    assert "the same folds" in refused(first, second, "--out", tmp_path / "model")


@pytest.mark.parametrize("folds", ["2", "0,2"])
def test_a_fold_that_was_not_trained_is_refused(folds: str, tmp_path: Path) -> None:
    trained = write_training(tmp_path / "work", shifts={0: 0.0, 1: 0.0})

    said = refused(trained, "--folds", folds, "--out", tmp_path / "model")

    assert "found it of folds [0, 1]" in said


def test_without_splits_it_says_where_it_looked(coded: Path, tmp_path: Path) -> None:
    trained = write_training(tmp_path / "work", shifts={0: 0.0, 1: 0.0})
    (tmp_path / "work" / RAW / Variant.JOINT.dataset_name / SPLITS).unlink()

    said = refused(trained, "--cohort", coded, "--out", tmp_path / "model")

    assert "name it with --splits" in said


def test_a_checkpoint_that_runs_a_program_is_refused(tmp_path: Path) -> None:
    trained = write_training(tmp_path / "work", shifts={0: 0.0})
    (path,) = trained.rglob("checkpoint_final.pth")
    torch.save({"network_weights": {}, "extra": Path("/tmp")}, path)  # noqa: S108 - not a folder

    with pytest.raises(CheckpointError, match="not loaded, it holds more than weights"):
        read_training_output(trained, checkpoint="checkpoint_final.pth", folds=None)


def test_labels_of_another_task_are_refused(tmp_path: Path) -> None:
    trained = write_training(tmp_path / "work", Variant.NODES, shifts={0: 0.0})
    (path,) = trained.rglob("dataset.json")
    described = json.loads(path.read_text())
    described["labels"] = {"background": 0, "tumour": 1, "vessel": 2}
    path.write_text(json.dumps(described))

    with pytest.raises(UsageError, match="got tumour, vessel"):
        read_training_output(trained, checkpoint="checkpoint_final.pth", folds=None)


def test_two_trainings_in_one_folder_have_to_be_told_apart(tmp_path: Path) -> None:
    trained = write_training(tmp_path / "work", shifts={0: 0.0})
    (trained / "other__plans__3d_fullres").mkdir()
    (trained / "other__plans__3d_fullres" / "plans.json").write_text("{}")

    with pytest.raises(UsageError, match="expected one training"):
        read_training_output(trained, checkpoint="checkpoint_final.pth", folds=None)


def test_a_full_folder_is_left_alone(tmp_path: Path) -> None:
    trained = write_training(tmp_path / "work", shifts={0: 0.0})
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "mine").write_text("")

    assert "is not empty" in refused(trained, "--out", tmp_path / "model")
