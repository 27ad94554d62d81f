"""The whole way by the front door: a real training becomes a model, answers, and a score."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from baseline.training import Order
from lln import main
from schema.result import Result as Scored
from schema.terms import TaskId
from tasks.cohort import Cohort
from tasks.files import read_header
from tasks.layout import MASK_TASKS, mask_name


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(main, [str(each) for each in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture(scope="module")
def answers(
    trained: Order, small_cohort: Cohort, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """A model folder of one tiny fold, and its answers to every patient."""
    folder = tmp_path_factory.mktemp("whole")
    model, out, cohort = folder / "model", folder / "answers", small_cohort.folder
    exported = run(
        *("baseline", "export", trained.model_folder, "--cohort", cohort, "--out", model),
        *("--folds", "0"),
    )
    assert exported.exit_code == 0, exported.output
    predicted = run("baseline", "predict", "--model", model, "--images", cohort, "--out", out)
    assert predicted.exit_code == 0, predicted.output
    return model, out


def test_answers_pass_the_gate(answers: tuple[Path, Path], small_cohort: Cohort) -> None:
    checked = run("submission", "check", answers[1], "--cohort", small_cohort.folder, "--json")
    assert json.loads(checked.stdout) == {"findings": []}
    assert checked.exit_code == 0


def test_answers_lie_on_the_oblique_grid_of_their_image(
    answers: tuple[Path, Path], small_cohort: Cohort
) -> None:
    for case_id in small_cohort.manifest.cases:
        image = read_header(small_cohort.image(case_id)).geometry
        assert image is not None
        assert not np.allclose(image.direction_matrix, np.round(image.direction_matrix))
        for task in MASK_TASKS:
            mask = read_header(answers[1] / task.value / mask_name(case_id)).geometry
            assert mask is not None
            assert np.allclose(mask.affine, image.affine, rtol=0, atol=1e-4)


def test_answers_are_scored(
    answers: tuple[Path, Path], small_cohort: Cohort, tmp_path: Path
) -> None:
    scored = run(
        *("evaluate", "--cohort", small_cohort.folder, "--submission", answers[1]),
        *("--out", tmp_path, "--jobs", 1),
    )
    assert scored.exit_code == 0, scored.output
    result = Scored.model_validate_json((tmp_path / "result.json").read_text())
    assert {each.task for each in result.tasks} == set(TaskId)
    assert all(each.coverage.scored == len(small_cohort.manifest.cases) for each in result.tasks)
    assert result.submission.model.startswith("baseline-nnunet")


def test_the_model_says_what_it_is(answers: tuple[Path, Path]) -> None:
    card = (answers[0] / "MODEL_CARD.md").read_text()
    assert "tiny" in card
    assert "medical device" in card
