"""The template learns, answers sealed off, passes the gate and beats a trivial answer."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from nibabel.orientations import axcodes2ornt, io_orientation, ornt_transform
from numpy.typing import NDArray

from evaluation.run import evaluate
from evaluation.scaffold import scaffold_submission
from schema.submission import PositivityPrediction
from schema.terms import TaskId
from tasks.cohort import read_cohort
from tasks.files import read_table
from tasks.layout import NODE_TABLE, mask_name
from tasks.tables import parse_rows
from tests.containers import base_image, require_engine, run, run_sealed, template_image

__all__ = ["base_image", "template_image"]
pytestmark = pytest.mark.docker

IMAGE = "lln-test-template"
MASKS = (TaskId.COMPARTMENTS.value, TaskId.NODES.value)
LLN = Path(sys.executable).parent / "lln"


def open_folder(path: Path) -> Path:
    """A folder that the container's user may write to."""
    path.mkdir()
    path.chmod(0o777)
    return path


@pytest.fixture(scope="module")
def model(
    template_image: str, training_cohort: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Weights, learned in the container as `make train` does."""
    out = open_folder(tmp_path_factory.mktemp("weights") / "model")
    done = run_sealed(
        template_image,
        "/opt/lln-template/train.py",
        mounts={training_cohort: "/cohort:ro", out: "/model"},
        options=["--entrypoint=python"],
    )
    assert done.returncode == 0, done.stderr
    return out


@pytest.fixture(scope="module")
def answer(
    model: Path, base_image: str, phantom_cohort: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """What a scaffolded submission with its weights baked in answers under `make check`."""
    folder = tmp_path_factory.mktemp("scaffolded") / "mine"
    scaffold_submission(IMAGE, out=folder)
    shutil.copytree(model, folder / "model")
    flags = (f"BASE_IMAGE={base_image}", "DOCKER_BUILD_FLAGS=--network=host", f"LLN={LLN}")
    printed = run("make", "check", f"COHORT={phantom_cohort}", *flags, folder=folder)
    assert printed.endswith("no findings\n")
    yield folder / "out" / "answer"
    require_engine().images.remove(IMAGE, force=True)


def test_it_finds_compartments_and_nodes_of_patients_it_has_not_seen(
    answer: Path, phantom_cohort: Path
) -> None:
    scored = evaluate(read_cohort(phantom_cohort), answer, jobs=2)
    of = {each.task: each for each in scored.result.tasks}

    # answering nothing scores 0 in both; the template's README says what more patients give
    assert scored.findings == ()
    assert (of[TaskId.COMPARTMENTS].figure("dice", "macro").value or 0) > 0.75
    assert (of[TaskId.NODES].figure("detection_f1", "any").value or 0) > 0.5
    assert of[TaskId.COMPARTMENTS].figure("side_swap", "all").value == 0
    # a line for every node of its masks, and for no other
    assert (of[TaskId.NODES].figure("froc", "any").value or 0) > 0.5


@pytest.fixture(scope="module")
def odd_answer(
    template_image: str,
    model: Path,
    phantom_cohort: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Answers for a patient stored as usual, the same stored otherwise, and a blank image."""
    folder = tmp_path_factory.mktemp("odd")
    images, out = folder / "t2w", open_folder(folder / "output")
    images.mkdir()
    usual = nib.load(phantom_cohort / "t2w" / mask_name("PH-0001"))
    nib.save(usual, images / mask_name("usual"))
    nib.save(stored_otherwise(usual), images / mask_name("otherwise"))
    blank = np.zeros(usual.shape, dtype=np.int16)
    nib.save(nib.Nifti1Image(blank, usual.affine), images / mask_name("blank"))
    done = run_sealed(
        template_image,
        mounts={images: "/input/t2w:ro", model: "/model:ro", out: "/output"},
    )
    assert done.returncode == 0, done.stderr
    return out


def stored_otherwise(image: Any) -> Any:
    """The same voxels at the same places, axes permuted and two of them reversed."""
    wanted = axcodes2ornt(("A", "S", "R"))
    return image.as_reoriented(ornt_transform(io_orientation(image.affine), wanted))


def in_patient_space(path: Path) -> NDArray[np.uint8]:
    return np.asarray(nib.as_closest_canonical(nib.load(path)).dataobj)


def rows(answer: Path) -> dict[str, PositivityPrediction]:
    table = read_table(answer / "positivity.csv", limit=1 << 16)
    parsed = [row.model for row in parse_rows(table, PositivityPrediction)]
    return {row.case_id: row for row in parsed if row is not None}


@pytest.mark.parametrize("task", MASKS)
def test_the_order_of_the_axes_in_the_file_does_not_matter(odd_answer: Path, task: str) -> None:
    usual, otherwise = (
        in_patient_space(odd_answer / task / mask_name(name)) for name in ("usual", "otherwise")
    )

    assert usual.any() or task == TaskId.NODES.value
    # a header keeps places in single precision: a voxel on the fence may fall on the other side
    assert (usual != otherwise).sum() <= 1e-3 * (usual > 0).sum()


def test_the_patient_s_line_does_not_depend_on_it_either(odd_answer: Path) -> None:
    usual, otherwise = rows(odd_answer)["usual"], rows(odd_answer)["otherwise"]

    assert otherwise.model_dump(exclude={"case_id", "probability"}) == usual.model_dump(
        exclude={"case_id", "probability"}
    )
    assert otherwise.probability == pytest.approx(usual.probability, abs=0.01)


def test_a_blank_image_gets_a_valid_empty_answer(odd_answer: Path) -> None:
    row = rows(odd_answer)["blank"]

    assert (row.positive, row.region, row.side, row.short_axis_mm) == (0, None, None, None)
    for task in MASKS:
        assert not in_patient_space(odd_answer / task / mask_name("blank")).any()
    assert "blank" not in {row.cells[0] for row in read_table(odd_answer / NODE_TABLE).rows}


def test_without_weights_it_says_how_to_get_them(template_image: str) -> None:
    done = run_sealed(template_image, mounts={})

    assert done.returncode == 2
    assert "make train" in done.stderr
    assert "Traceback" not in done.stderr
