"""Figures by weights of patients: what the scorer says, on the cohort and on every resample."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from evaluation.run import Scored, evaluate
from leaderboard.ranking.resampling import patient_weights
from leaderboard.ranking.scores import POOLED, Areas, Ratios, key_scores
from schema.result import CaseScore
from schema.task import Resampling, Task
from schema.terms import TaskId
from tasks.cohort import Cohort
from tasks.files import read_text, write_text
from tasks.specification import load_tasks
from tests.leaderboard.ranking.boards import Floats, judged, outlined

TASKS = load_tasks()
RULES = TASKS[TaskId.NODES].resampling


@pytest.fixture
def scored(cohort: Cohort, submission_folder: Path) -> list[Scored]:
    """The perfect submission, and one with wrong answers and a failed case of each task."""
    perfect = evaluate(cohort, submission_folder)
    spoilt = shutil.copytree(submission_folder, submission_folder.with_name("spoilt"))
    (spoilt / "nodes" / "North_01.nii.gz").unlink()
    shutil.copy(spoilt / "nodes" / "South_02.nii.gz", spoilt / "nodes" / "South_01.nii.gz")
    shutil.copy(
        spoilt / "compartments" / "North_01.nii.gz", spoilt / "compartments" / "North_02.nii.gz"
    )
    (spoilt / "compartments" / "South_02.nii.gz").unlink()
    lines = read_text(spoilt / "positivity.csv").splitlines()
    kept = [line.replace("North_02,0.1,0", "North_02,0.95,1") for line in lines[:-1]]
    write_text(spoilt / "positivity.csv", "\n".join(kept) + "\n")
    return [perfect, evaluate(cohort, spoilt)]


def cases_of(scored: Scored, task: TaskId) -> list[CaseScore]:
    return [case for case in scored.cases if case.task is task]


def computable() -> Iterator[tuple[Task, str, str]]:
    """Every figure that may be a key."""
    for task in TASKS.values():
        named = {*task.ranking.ranked_figures, *task.ranking.compared_figures}
        scopes = {
            "detection_sensitivity": "positive",
            "detection_precision": "negative",
            "detection_f1": "negative",
            "aggregate_dice": "positive_node",
            "class_accuracy": "matched",
            "short_axis_error_mm": "matched",
        }
        ids = {metric.id for metric in task.metrics}
        named |= {(name, scopes.get(name, "all")) for name in POOLED if name in ids}
        named |= {(name, "macro") for name in ("dice", "iou", "nsd") if name in ids}
        yield from ((task, *figure) for figure in sorted(named))


def test_every_key_is_the_scorer_s_figure(scored: list[Scored]) -> None:
    seen = 0
    for task, metric, scope in computable():
        scores = key_scores(
            [cases_of(each, task.id) for each in scored], metric=metric, scope=scope
        )
        for each, value in zip(scored, scores.figures(np.ones((1, 4)))[0], strict=True):
            expected = each.result.task(task.id).figure(metric, scope).value
            assert (None if np.isnan(value) else float(value)) == pytest.approx(
                expected, abs=1e-12
            ), (metric, scope)
            seen += expected is not None
    assert seen > 30


def test_the_resamples_are_the_scorer_s(scored: list[Scored], cohort: Cohort) -> None:
    cases = cohort.manifest.cases
    centres = [cohort.clinical[case].centre for case in cases]
    weights = patient_weights(cases, centres=centres, rules=RULES)

    scores = key_scores([cases_of(scored[1], TaskId.COMPARTMENTS)], metric="dice", scope="macro")
    drawn = scores.figures(weights[1:])[:, 0]

    interval = scored[1].result.task(TaskId.COMPARTMENTS).figure("dice", "macro").interval
    assert interval is not None
    assert np.quantile(drawn, [0.025, 0.975]) == pytest.approx([interval.low, interval.high])


def test_every_centre_keeps_its_size_and_the_order_of_the_manifest_changes_no_draw() -> None:
    cases, centres = ["b", "a", "d", "c"], ["North", "South", "South", "North"]
    rules = Resampling(resamples=100, seed=3, level=0.95)
    weights = patient_weights(cases, centres=centres, rules=rules)
    turned = patient_weights(cases[::-1], centres=centres[::-1], rules=rules)

    assert (weights[0] == 1).all()
    assert (weights[:, [0, 3]].sum(axis=1) == 2).all()
    assert (weights[:, [1, 2]].sum(axis=1) == 2).all()
    assert (weights == turned[:, ::-1]).all()
    with pytest.raises(ValueError, match="1 centres for 4 cases"):
        patient_weights(cases, centres=["North"], rules=rules)


@given(st.data())
def test_an_area_by_weights_is_that_of_the_patients_repeated(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 9))
    positive: NDArray[np.bool_] = data.draw(hnp.arrays(np.bool_, size))
    tenths = st.integers(0, 5).map(lambda step: step / 5)
    probability: Floats = data.draw(hnp.arrays(np.float64, (size, 2), elements=tenths))
    weights = data.draw(hnp.arrays(np.int64, (3, size), elements=st.integers(0, 3)))

    found = Areas(positive=positive, probability=probability).figures(weights.astype(float))

    for row, weight in enumerate(weights):
        truth = np.repeat(positive, weight)
        for entry in range(2):
            if truth.all() or not truth.any():
                assert np.isnan(found[row, entry])
            else:
                repeated = np.repeat(probability[:, entry], weight)
                assert found[row, entry] == pytest.approx(roc_auc_score(truth, repeated))


def test_a_failed_case_has_the_most_wrong_probability() -> None:
    cases = judged([1, 0, 0], [None, None, 0], [0.7, 0.2, 0.4])

    scores = key_scores([cases], metric="auroc", scope="all")

    assert isinstance(scores, Areas)
    assert scores.probability[:, 0].tolist() == [0.0, 1.0, 0.4]


def test_what_no_score_holds_cannot_be_ranked_by() -> None:
    with pytest.raises(ValueError, match=r"kappa \(consensus\) cannot be ranked by"):
        key_scores([judged([1], [1], [0.9])], metric="kappa", scope="consensus")
    with pytest.raises(ValueError, match=r"dice \(any\) cannot be ranked by"):
        key_scores([outlined([0.5], [0.5])], metric="dice", scope="any")


def test_a_patient_without_a_value_says_why() -> None:
    scores = key_scores([outlined([0.5, None], [0.5, 0.5])], metric="dice", scope="macro")

    assert isinstance(scores, Ratios)
    assert scores.right_nothing is not None
    assert scores.right_nothing.tolist() == [[False], [True]]
    values = scores.by_patient()
    assert values is not None
    assert np.isnan(values).tolist() == [[False], [True]]
