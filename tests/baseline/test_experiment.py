"""The record of a training: complete, canonical, readable; held-out patients compared with care."""

from __future__ import annotations

import io
import json
import subprocess
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from baseline.curves import draw_curves
from baseline.datasets import Variant, channel_names, joint_code, segmentation
from baseline.experiment import CURVES, as_markdown, commit_of
from baseline.held_out import compare
from baseline.record import CaseAnswer, Curves, Experiment, LabelOverlap, mean_dice
from baseline.training import Order
from schema.terms import TaskId
from tasks.cohort import Cohort
from tasks.files import canonical_json, digest_folder, read_header, read_voxels
from tasks.layout import COHORT_NAMES, mask_name
from tasks.specification import label_map


@pytest.fixture(scope="module")
def experiment(trained: Order) -> Experiment:
    text = (trained.model_folder / "experiment.json").read_text(encoding="utf-8")
    return Experiment.model_validate_json(text)


def test_the_record_is_canonical_json(trained: Order, experiment: Experiment) -> None:
    text = (trained.model_folder / "experiment.json").read_text(encoding="utf-8")

    assert canonical_json(experiment.model_dump(mode="json")) == text


def test_the_record_says_what_was_trained_on_what(
    experiment: Experiment, trained: Order, small_cohort: Cohort
) -> None:
    assert experiment.training == trained.training
    assert experiment.cohort_digest == digest_folder(small_cohort.folder, names=COHORT_NAMES)
    assert experiment.labels == channel_names(Variant.JOINT)
    assert experiment.patch_size == (8, 32, 32)
    assert experiment.features == (4, 8, 16)
    assert experiment.architecture.endswith("PlainConvUNet")
    assert experiment.versions["nnunetv2"] == "2.8.1"
    assert experiment.threads == 1
    assert experiment.host.device == "cpu"


def test_the_record_says_how_it_went(experiment: Experiment) -> None:
    (fold,) = experiment.folds
    curves = fold.curves

    assert (fold.train_cases, fold.held_out_cases) == (4, 2)
    assert (fold.epochs, fold.iterations) == (4, 24)
    lengths = {len(values) for values in (curves.train_loss, curves.validation_loss)}
    assert lengths == {len(curves.pseudo_dice)} == {len(curves.learning_rate)} == {4}
    assert {len(each) for each in curves.pseudo_dice} == {8}
    assert fold.images_per_second == pytest.approx(4 * 6 * 2 / fold.seconds)
    assert fold.peak_gpu_bytes is None


def test_held_out_patients_are_those_of_the_fold_and_compared_voxel_by_voxel(
    experiment: Experiment, trained: Order, small_cohort: Cohort
) -> None:
    splits = json.loads(
        (trained.work / "nnUNet_raw/Dataset803_LLNJoint/splits_final.json").read_text()
    )
    answers = experiment.folds[0].held_out
    assert answers is not None
    assert [answer.case_id for answer in answers] == splits[0]["val"]
    for answer in answers:
        path = trained.fold_folder(0) / "validation" / mask_name(answer.case_id)
        code = read_voxels(path, header=read_header(path))
        masks = dict(zip(Variant.JOINT.tasks, joint_code().decode(code), strict=True))
        overlaps = {each.label: each for each in answer.labels}
        for task in Variant.JOINT.tasks:
            source = small_cohort.mask(task, answer.case_id)
            reference = read_voxels(source, header=read_header(source))
            for label in label_map(task).labels:
                wanted, got = reference == label.value, masks[task] == label.value
                assert overlaps[label.name] == LabelOverlap(
                    label=label.name,
                    reference_voxels=int(wanted.sum()),
                    answer_voxels=int(got.sum()),
                    common_voxels=int((wanted & got).sum()),
                )


def test_an_answer_lies_on_the_oblique_grid_of_its_image(
    experiment: Experiment, trained: Order, small_cohort: Cohort
) -> None:
    for answer in experiment.folds[0].held_out or ():
        found = read_header(trained.fold_folder(0) / "validation" / mask_name(answer.case_id))
        image = read_header(small_cohort.image(answer.case_id))
        assert found.geometry is not None
        assert image.geometry is not None
        assert found.geometry.size == image.geometry.size
        np.testing.assert_allclose(found.geometry.affine, image.geometry.affine, atol=1e-4)


def test_kept_probabilities_are_those_the_answer_was_made_of(
    experiment: Experiment, trained: Order
) -> None:
    for answer in experiment.folds[0].held_out or ():
        folder = trained.fold_folder(0) / "validation"
        with np.load(folder / f"{answer.case_id}.npz") as kept:
            probabilities = kept["probabilities"].astype(np.float32)
        path = folder / mask_name(answer.case_id)
        header = read_header(path)
        assert header.geometry is not None
        code = read_voxels(path, header=header)

        assert probabilities.shape == (8, *header.geometry.size[::-1])
        assert 0.0 <= probabilities.min() < probabilities.max() <= 1.0
        # canonical order, slices first; the phantom is stored towards left and posterior
        again = segmentation(Variant.JOINT, probabilities)[:, ::-1, ::-1].transpose(2, 1, 0)
        sure = np.abs(probabilities - 0.5).min() > 1e-3
        assert (again == code).mean() > (1.0 - 1e-9 if sure else 0.99)
        assert (folder / f"{answer.case_id}.pkl").is_file()


def test_the_curves_are_a_picture_with_something_in_it(trained: Order) -> None:
    content = (trained.fold_folder(0) / CURVES).read_bytes()
    picture = matplotlib.image.imread(io.BytesIO(content), format="png")

    assert picture.shape[:2] == (990, 880)
    assert len(np.unique(picture[..., :3].reshape(-1, 3), axis=0)) > 50


def test_curves_with_gaps_and_of_one_epoch_can_be_drawn() -> None:
    curves = Curves(
        train_loss=(0.2,),
        validation_loss=(None,),
        pseudo_dice=((0.5, None),),
        learning_rate=(0.01,),
        epoch_seconds=(1.0,),
    )

    assert draw_curves(curves, title="one", labels=("a", "b")).startswith(b"\x89PNG")
    assert draw_curves(curves, title="one", labels=("a", "b")) == draw_curves(
        curves, title="one", labels=("a", "b")
    )


def test_the_record_can_be_read(experiment: Experiment) -> None:
    text = as_markdown(experiment)

    assert "# Dataset803_LLNJoint, preset `tiny`" in text
    assert "| 0 | 4 / 2 | 4 of 4 | epochs |" in text
    assert "no medical device" in text
    for label in experiment.labels:
        assert f"| {label} |" in text


def overlap(reference: int, answer: int, common: int) -> LabelOverlap:
    return LabelOverlap(
        label="x", reference_voxels=reference, answer_voxels=answer, common_voxels=common
    )


def test_dice_of_two_empty_masks_is_no_number_and_leaves_the_mean() -> None:
    assert overlap(0, 0, 0).dice is None
    assert overlap(3, 0, 0).dice == overlap(0, 3, 0).dice == 0.0
    assert overlap(4, 6, 3).dice == pytest.approx(0.6)  # 2 * 3 / 10

    answers = [
        CaseAnswer(case_id=name, labels=(each,))
        for name, each in (
            ("a", overlap(4, 6, 3)),
            ("b", overlap(0, 0, 0)),
            ("c", overlap(1, 0, 0)),
        )
    ]
    assert mean_dice(answers, label="x") == pytest.approx(0.3)
    assert mean_dice(answers[1:2], label="x") is None


def test_a_node_over_a_compartment_takes_nothing_from_it() -> None:
    compartments = np.array([1, 1, 0, 2], dtype=np.uint8)
    nodes = np.array([0, 2, 0, 0], dtype=np.uint8)
    code = joint_code().encode(compartments, nodes)
    answer = compare("a", variant=Variant.JOINT, reference=code, answer=code)
    first = label_map(TaskId.COMPARTMENTS).labels[0].name
    counts = {each.label: each.common_voxels for each in answer.labels}

    assert counts[first] == 2
    assert sum(counts.values()) == 4


def test_the_commit_is_the_one_git_says(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=a", "-c", "user.email=a@b")
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    git("init", "--quiet")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "--quiet", "--message", "one")
    clean = commit_of(tmp_path)
    (tmp_path / "file").write_text("two")

    assert clean.commit == git("rev-parse", "HEAD").strip()
    assert clean.modified is False
    assert commit_of(tmp_path).modified is True


def test_without_a_repository_the_record_says_why_there_is_no_commit(tmp_path: Path) -> None:
    found = commit_of(tmp_path)

    assert found.commit is None
    assert found.reason is not None
    assert "not a git repository" in found.reason


def test_without_git_the_record_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert commit_of(tmp_path).reason == "git is not installed"
