from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import nibabel as nib
import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray

import lln
from baseline.__main__ import main
from baseline.datasets import Variant, joint_code
from baseline.images import volumes_in
from baseline.model_folder import read_model
from baseline.predict_commands import predict as predict_verb
from baseline.prediction import Predictor, predict
from schema.errors import UsageError
from schema.submission import PositivityPrediction
from schema.terms import TaskId
from tasks.cohort import read_cohort
from tasks.files import read_header, read_table, read_voxels, write_nifti
from tasks.geometry import Geometry
from tasks.inspection import inspect_folder, inspect_mask
from tasks.layout import MASK_TASKS, mask_name
from tasks.tables import parse_rows
from tasks.terminal import Verbs
from tests.baseline.coded_cohorts import encode_images
from tests.baseline.tiny_models import hand_set_part, random_part, write_tiny_model
from tests.baseline.turned_volumes import TURNS, oblique_grid

ROOT = Path(__file__).parents[2]
ADDED = ("compartments", "nodes", "nodes.csv", "positivity.csv")


@click.group(cls=Verbs)
def verbs() -> None:
    """As the front door: errors of the kit become a message and an exit code."""


verbs.add_command(predict_verb, "predict")


def run(arguments: Sequence[object], *, of: click.Command = verbs) -> Result:
    result = CliRunner().invoke(of, [str(each) for each in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reads the joint code of an image, in two folds."""
    part = hand_set_part(Variant.JOINT, shifts={0: 0.0, 1: 0.5}, resampled=False)
    return write_tiny_model(tmp_path_factory.mktemp("joint") / "model", {"joint": part})


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same from a network for each mask."""
    parts = {
        variant.value: hand_set_part(variant, resampled=False)
        for variant in (Variant.COMPARTMENTS, Variant.NODES)
    }
    return write_tiny_model(tmp_path_factory.mktemp("pair") / "model", parts)


@pytest.fixture
def coded(cohort_folder: Path) -> Path:
    return encode_images(cohort_folder)


def voxels_of(path: Path) -> NDArray[Any]:
    return read_voxels(path, header=read_header(path))


def geometry_of(path: Path) -> Geometry:
    found = read_header(path).geometry
    assert found is not None
    return found


def rows_of(out: Path) -> dict[str, PositivityPrediction]:
    parsed = parse_rows(read_table(out / "positivity.csv"), PositivityPrediction)
    return {each.model.case_id: each.model for each in parsed if each.model is not None}


def figure(result: Any, metric: str, scope: str) -> Any:
    """A figure of result.json by its metric and scope, wherever it stands."""
    if isinstance(result, dict):
        if result.get("metric") == metric and result.get("scope") == scope:
            return result["value"]
        result = list(result.values())
    if isinstance(result, list):
        for each in result:
            if (found := figure(each, metric, scope)) is not None:
                return found
    return None


@pytest.mark.parametrize("kind", ["model", "pair"])
def test_answers_pass_the_gate_and_score_what_they_should(
    kind: str, coded: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    out, scored = tmp_path / "answers", tmp_path / "result"

    answered = run(
        ["predict", "--model", request.getfixturevalue(kind), "--images", coded, "--out", out]
    )
    evaluated = run(
        ["evaluate", "--cohort", coded, "--submission", out, "--out", scored, "--jobs", 1],
        of=lln.main,
    )

    assert answered.exit_code == 0, answered.output
    assert evaluated.exit_code == 0, evaluated.output  # no finding
    result = json.loads((scored / "result.json").read_text())
    assert figure(result, "dice", "macro") == pytest.approx(1.0)
    assert figure(result, "side_swap", "all") == 0.0
    # six reference nodes; two touch each other, and touching nodes are answered as one:
    # five are found, nothing spurious, F1 = 2 x 5 / (6 + 5)
    assert figure(result, "detection_f1", "any") == pytest.approx(10 / 11)
    # every line of nodes.csv speaks of a node of the masks, and no alarm comes before any of them
    assert figure(result, "froc", "any") == pytest.approx(5 / 6)
    assert figure(result, "balanced_accuracy", "all") == 1.0
    assert figure(result, "region_accuracy", "both_positive") == 1.0


def test_masks_lie_where_their_image_does_to_a_ten_thousandth_mm(
    model: Path, coded: Path, tmp_path: Path
) -> None:
    run(["predict", "--model", model, "--images", coded, "--out", tmp_path / "out"])

    cohort = read_cohort(coded)
    for case_id in cohort.manifest.cases:
        image = nib.load(cohort.image(case_id))
        assert not np.allclose(image.affine[:3, :3], np.diag(np.diag(image.affine[:3, :3])))
        for task in MASK_TASKS:
            mask = nib.load(tmp_path / "out" / task.value / mask_name(case_id))
            assert mask.shape == image.shape
            assert mask.get_data_dtype() == np.uint8
            np.testing.assert_allclose(mask.affine, image.affine, atol=1e-4, rtol=0)
            for form in ("qform", "sform"):
                affine, code = getattr(mask, f"get_{form}")(coded=True)
                expected, expected_code = getattr(image, f"get_{form}")(coded=True)
                assert code == expected_code == 1
                np.testing.assert_allclose(affine, expected, atol=1e-4, rtol=0)
            found = inspect_mask(
                tmp_path / "out",
                task=task,
                case_id=case_id,
                image=geometry_of(cohort.image(case_id)),
            )
            assert found.findings == ()
    for task in MASK_TASKS:
        assert inspect_folder(tmp_path / "out", task=task, cases=cohort.manifest.cases) == ()


def test_an_image_with_only_a_qform_far_from_the_axes_keeps_its_grid(
    model: Path, tmp_path: Path
) -> None:
    grid = oblique_grid(size=(20, 18, 7), spacing_mm=(1.5, 1.6, 4.0), degrees=(31.0, -17.0, 200.0))
    image = nib.Nifti1Image(np.arange(20 * 18 * 7, dtype=np.int16).reshape(20, 18, 7) % 21, None)
    image.set_qform(grid.affine, code=2)
    image.set_sform(None, code=0)
    (tmp_path / "in").mkdir()
    nib.save(image, tmp_path / "in" / "tilted.nii.gz")

    result = run(
        ["predict", "--model", model, "--images", tmp_path / "in", "--out", tmp_path / "o"]
    )

    assert result.exit_code == 0, result.output
    mask = nib.load(tmp_path / "o" / "nodes" / "tilted.nii.gz")
    stored = nib.load(tmp_path / "in" / "tilted.nii.gz")
    np.testing.assert_allclose(mask.affine, stored.affine, atol=1e-4, rtol=0)


def test_however_a_volume_is_stored_the_answer_is_the_same_in_the_patient(tmp_path: Path) -> None:
    # random weights: the answer means nothing, but depends on the order of every axis
    part = random_part(Variant.JOINT, spacing_mm=(3.5, 1.4, 1.7), patch=(12, 24, 24))
    folder = write_tiny_model(tmp_path / "model", {"joint": part})
    grid = oblique_grid(size=(18, 16, 6), spacing_mm=(1.5, 1.6, 4.0), degrees=(12.0, -9.0, 15.0))
    voxels = np.random.default_rng(4).integers(0, 900, grid.size).astype(np.int16)
    for number, turn in enumerate(TURNS[::5]):
        path = tmp_path / "in" / f"turn-{number}.nii.gz"
        write_nifti(path, turn.turned(voxels), geometry=turn.grid(grid))

    result = run(
        ["predict", "--model", folder, "--images", tmp_path / "in", "--out", tmp_path / "o"]
    )

    assert result.exit_code == 0, result.output
    rows = list(rows_of(tmp_path / "o").values())
    assert len(rows) == 10
    masks = {
        task: [
            turn.back(voxels_of(tmp_path / "o" / task.value / f"turn-{number}.nii.gz"))
            for number, turn in enumerate(TURNS[::5])
        ]
        for task in MASK_TASKS
    }
    for found in masks.values():
        assert found[0].any()
        assert all(np.array_equal(each, found[0]) for each in found)
    for row in rows:
        assert row.model_dump(exclude={"case_id"}) == rows[0].model_dump(exclude={"case_id"})


@pytest.fixture
def one_broken(coded: Path) -> Path:
    path = read_cohort(coded).image("North_02")
    path.write_bytes(path.read_bytes()[:-40])
    return coded


def test_a_broken_volume_is_named_and_the_others_are_answered(
    model: Path, one_broken: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    result = run(["predict", "--model", model, "--images", one_broken, "--out", out, "--json"])

    assert result.exit_code == 1
    assert "not answered: North_02" in result.stderr
    assert str(one_broken / "t2w" / "North_02.nii.gz") in result.stderr.replace("\n", "")
    cases = {each["case_id"]: each["failure"] for each in json.loads(result.stdout)["cases"]}
    assert [case_id for case_id, failure in cases.items() if failure] == ["North_02"]
    answered = {"North_01", "South_01", "South_02"}
    assert set(rows_of(out)) == answered
    for task in MASK_TASKS:
        # no half-written file either, hidden or not
        assert {path.name for path in (out / task.value).iterdir()} == set(map(mask_name, answered))


def test_an_unforeseen_error_of_one_case_is_its_own(
    model: Path, coded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor = Predictor.of(read_model(model), device="cpu")
    answer = predictor.answer

    def fail(case_id: str, image: Any) -> Any:
        if case_id == "South_01":
            raise MemoryError("no room")
        return answer(case_id, image)

    monkeypatch.setattr(predictor, "answer", fail)
    outcomes = list(predict(volumes_in(coded), predictor=predictor, out=tmp_path / "out"))

    failures = {each.case_id: each.failure for each in outcomes if each.failure}
    assert list(failures) == ["South_01"]
    assert "MemoryError: no room" in failures["South_01"]
    assert set(rows_of(tmp_path / "out")) == {"North_01", "North_02", "South_02"}


def test_nothing_found_is_an_answer(model: Path, tmp_path: Path) -> None:
    grid = oblique_grid(size=(20, 18, 7), spacing_mm=(1.5, 1.5, 4.0), degrees=(3.0, 2.0, 1.0))
    voxels = np.zeros(grid.size, dtype=np.int16)
    voxels[4:12, 4:12, 2:5] = -1  # below every code: no label
    write_nifti(tmp_path / "in" / "nobody.nii.gz", voxels, geometry=grid)

    result = run(
        ["predict", "--model", model, "--images", tmp_path / "in", "--out", tmp_path / "o"]
    )

    assert result.exit_code == 0
    for task in MASK_TASKS:
        assert not voxels_of(tmp_path / "o" / task.value / "nobody.nii.gz").any()
    text = (tmp_path / "o" / "positivity.csv").read_text()
    assert text == ("case_id,probability,positive,region,side,short_axis_mm\nnobody,0.01,0,,,\n")
    assert (tmp_path / "o" / "nodes.csv").read_text() == "case_id,x_mm,y_mm,z_mm,probability\n"


def test_networks_are_read_once_for_all_cases(model: Path, coded: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(model, tmp_path / "model")
    predictor = Predictor.of(read_model(copied), device="cpu")
    shutil.rmtree(copied)

    outcomes = list(predict(volumes_in(coded), predictor=predictor, out=tmp_path / "out"))

    assert [each.failure for each in outcomes] == [None] * 4


def test_what_is_answered_is_on_disk_before_the_next_case(
    model: Path, coded: Path, tmp_path: Path
) -> None:
    predictor = Predictor.of(read_model(model), device="cpu")
    running = predict(volumes_in(coded), predictor=predictor, out=tmp_path / "out")

    first = next(running)

    assert list(rows_of(tmp_path / "out")) == [first.case_id]
    assert (tmp_path / "out" / "nodes" / mask_name(first.case_id)).exists()


def test_one_fold_alone_can_be_asked(coded: Path, tmp_path: Path) -> None:
    # fold 1 says nothing anywhere, fold 0 what is there: their mean stays below one half
    part = hand_set_part(Variant.JOINT, shifts={0: 0.0, 1: -40.0}, resampled=False)
    folder = write_tiny_model(tmp_path / "model", {"joint": part})
    image = coded / "t2w" / "North_01.nii.gz"
    (tmp_path / "in").mkdir()
    shutil.copy(image, tmp_path / "in")
    found = {}
    for folds in ("0", "1", "0,1"):
        out = tmp_path / f"out-{folds}"
        images = tmp_path / "in"
        run(["predict", "--model", folder, "--folds", folds, "--images", images, "--out", out])
        found[folds] = voxels_of(out / "compartments" / "North_01.nii.gz")

    expected, _ = joint_code().decode(voxels_of(image))
    np.testing.assert_array_equal(found["0"], expected)
    assert not found["1"].any()
    assert not found["0,1"].any()


@pytest.mark.parametrize("content", [[], ["notes.txt", "scan.nii"]])
def test_a_folder_without_volumes_is_refused(content: list[str], tmp_path: Path) -> None:
    for name in content:
        (tmp_path / name).write_bytes(b"")

    with pytest.raises(UsageError, match=r"expected volumes <case>.nii.gz"):
        volumes_in(tmp_path)


def test_a_name_that_cannot_name_a_case_fails_alone(
    model: Path, coded: Path, tmp_path: Path
) -> None:
    shutil.copy(coded / "t2w" / "North_01.nii.gz", coded / "t2w" / "a case.nii.gz")

    result = run(["predict", "--model", model, "--images", coded, "--out", tmp_path / "out"])

    assert result.exit_code == 1
    assert "expected a case name" in result.stderr
    assert len(rows_of(tmp_path / "out")) == 4


def entrypoint(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning", "-m", "baseline", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_the_container_s_entrypoint_answers_what_it_can(
    model: Path, one_broken: Path, tmp_path: Path
) -> None:
    out = tmp_path / "output"
    out.mkdir()

    ran = entrypoint(
        "--input", one_broken, "--output", out, "--model", model, "--device", "cpu", LLN_CPUS="1"
    )

    assert ran.returncode == 1, ran.stderr
    assert ran.stdout == ""
    assert "3 of 4 cases answered" in ran.stderr
    # nothing but answers: the sandbox fails a container for any other name
    assert sorted(path.name for path in out.iterdir()) == sorted(ADDED)
    assert set(rows_of(out)) == {"North_01", "South_01", "South_02"}
    for task in (TaskId.COMPARTMENTS, TaskId.NODES):
        assert len(list((out / task.value).iterdir())) == 3


def test_without_a_model_the_entrypoint_runs_nothing(
    coded: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["--input", str(coded), "--output", str(tmp_path / "o"), "--model", str(tmp_path)])

    assert code == 2
    assert "nothing was run: " in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
