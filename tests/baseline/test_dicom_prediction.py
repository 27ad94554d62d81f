"""From a DICOM folder to masks, rows and DICOM SEG, by networks whose answer is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray
from pydicom import dcmread

from baseline.datasets import Variant, joint_code
from baseline.dicom_input import case_id_of
from baseline.predict_commands import predict
from schema.errors import UsageError
from schema.terms import TaskId
from tasks.files import read_header, read_table, read_voxels
from tasks.specification import label_map
from tests.baseline.tiny_models import hand_set_part, write_tiny_model
from tests.tasks.dicom.dicom_writer import CANARY, T2, Series, write_series

STUDY = "1.2.3.1"
CASE = case_id_of(STUDY)


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(predict, [str(each) for each in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    part = hand_set_part(Variant.JOINT, resampled=False)
    return write_tiny_model(tmp_path_factory.mktemp("joint") / "model", {"joint": part})


@pytest.fixture(scope="module")
def masks() -> dict[TaskId, NDArray[Any]]:
    """Two compartments and a positive node in one of them, indexed (i, j, k)."""
    compartments = np.zeros(T2.geometry.size, dtype=np.uint8)
    compartments[20:60, 50:90, 4:10] = 3
    compartments[100:140, 50:90, 4:10] = 4
    nodes = np.zeros_like(compartments)
    nodes[30:42, 60:72, 5:8] = 2
    return {TaskId.COMPARTMENTS: compartments, TaskId.NODES: nodes}


@pytest.fixture(scope="module")
def source(masks: dict[TaskId, NDArray[Any]]) -> Series:
    code = joint_code().encode(masks[TaskId.COMPARTMENTS], masks[TaskId.NODES])
    return replace(T2, study=STUDY, values=code.transpose(2, 1, 0).astype(np.uint16))


@pytest.fixture
def answers(tmp_path: Path, model: Path, source: Series) -> tuple[Path, Result]:
    write_series(tmp_path / "in" / "deep", source, order=range(15, -1, -1))
    out = tmp_path / "out"
    return out, run("--model", model, "--dicom", tmp_path / "in", "--seg", "--out", out)


def test_masks_lie_where_the_slices_lie(
    answers: tuple[Path, Result], masks: dict[TaskId, NDArray[Any]]
) -> None:
    out, result = answers
    assert result.exit_code == 0
    for task, mask in masks.items():
        header = read_header(out / task.value / f"{CASE}.nii.gz")
        assert header.geometry is not None
        assert np.allclose(header.geometry.affine, T2.geometry.affine, atol=1e-4)
        found = read_voxels(out / task.value / f"{CASE}.nii.gz", header=header)
        assert np.array_equal(found, mask)
    rows = read_table(out / "positivity.csv").rows
    assert [row.cells[0] for row in rows] == [CASE]
    assert rows[0].cells[2] == "1"


def test_the_segmentation_object_holds_the_same_voxels(
    answers: tuple[Path, Result], masks: dict[TaskId, NDArray[Any]]
) -> None:
    out, _ = answers
    found = highdicom.seg.segread(out / "dicom-seg" / f"{CASE}.dcm")
    labels = [(task, label) for task in masks for label in label_map(task).labels]
    volume = found.get_volume(combine_segments=False)
    # highdicom indexes (slice, row, column, segment), k against its own order of slices
    for number, (task, label) in enumerate(labels):
        marked = int((masks[task] == label.value).sum())
        assert int(volume.array[..., number].sum()) == marked, label.name
    assert dcmread(out / "dicom-seg" / f"{CASE}.dcm").StudyInstanceUID == STUDY


def test_it_says_which_series_it_took_and_tells_no_patient(answers: tuple[Path, Result]) -> None:
    _, result = answers
    assert f"{STUDY}.5" in result.stderr
    assert CANARY not in result.output


def test_the_converted_volume_gives_the_same_answer(
    answers: tuple[Path, Result], model: Path, tmp_path: Path
) -> None:
    out, _ = answers
    again = tmp_path / "again"
    assert run("--model", model, "--images", out, "--out", again).exit_code == 0
    for name in ("compartments", "nodes"):
        one, other = (folder / name / f"{CASE}.nii.gz" for folder in (out, again))
        before, after = (read_voxels(path, header=read_header(path)) for path in (one, other))
        assert np.array_equal(before, after)


def test_a_study_without_a_t2_series_is_named_and_left_out(
    tmp_path: Path, model: Path, source: Series
) -> None:
    write_series(tmp_path / "in" / "a", source)
    other = replace(T2, study="1.2.3.2").with_tags(SeriesDescription="t1_vibe", EchoTime=3)
    write_series(tmp_path / "in" / "b", other)
    out = tmp_path / "out"
    result = run("--model", model, "--dicom", tmp_path / "in", "--out", out)
    assert result.exit_code == 1
    assert f"not answered: {case_id_of('1.2.3.2')}" in result.stderr
    assert [row.cells[0] for row in read_table(out / "positivity.csv").rows] == [CASE]
    assert not (out / "dicom-seg").exists()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], "either --images or --dicom"),
        (["--images", "a", "--dicom", "b"], "either --images or --dicom"),
        (["--images", "a", "--seg"], "go with --dicom"),
        (["--images", "a", "--series", "1.2"], "go with --dicom"),
    ],
)
def test_an_unclear_source_is_refused(
    given: list[str], expected: str, model: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=expected):
        run("--model", model, "--out", tmp_path / "out", *given)
