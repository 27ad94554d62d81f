"""Controls: the ends of the scale, scored by the real scorer."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from evaluation.run import evaluate
from schema.errors import CohortError
from schema.result import Result
from schema.terms import Reader, TaskId
from tasks.cohort import Cohort, read_cohort
from tasks.control_submission import Control, answered_tasks, write_control_submission
from tasks.files import read_text, write_text
from tasks.layout import READERS


def scored(cohort: Cohort, control: Control, *, out: Path) -> Result:
    assert list(write_control_submission(cohort, control=control, out=out)) == list(
        cohort.manifest.cases
    )
    found = evaluate(cohort, out)
    assert not found.findings, "a control passes the gate"
    return found.result


def value(result: Result, task: TaskId, metric: str, scope: str) -> float | None:
    return result.task(task).figure(metric, scope).value


def test_the_oracle_reaches_the_top_of_every_scale(cohort: Cohort, tmp_path: Path) -> None:
    result = scored(cohort, Control.ORACLE, out=tmp_path / "oracle")
    assert value(result, TaskId.COMPARTMENTS, "dice", "macro") == 1.0
    assert value(result, TaskId.NODES, "detection_f1", "any") == 1.0
    assert value(result, TaskId.NODES, "froc", "any") == 1.0
    assert value(result, TaskId.POSITIVITY, "balanced_accuracy", "all") == 1.0
    assert value(result, TaskId.POSITIVITY, "auroc", "all") == 1.0


def test_empty_masks_reach_the_bottom(cohort: Cohort, tmp_path: Path) -> None:
    result = scored(cohort, Control.EMPTY, out=tmp_path / "empty")
    assert value(result, TaskId.COMPARTMENTS, "dice", "macro") == 0.0
    assert value(result, TaskId.NODES, "detection_sensitivity", "any") == 0.0
    assert value(result, TaskId.NODES, "froc", "any") == 0.0
    assert value(result, TaskId.POSITIVITY, "auroc", "all") == 0.5


def test_always_negative_is_worth_the_prevalence(cohort: Cohort, tmp_path: Path) -> None:
    result = scored(cohort, Control.ALWAYS_NEGATIVE, out=tmp_path / "negative")
    consensus = cohort.readers[Reader.CONSENSUS].values()
    negative = sum(not row.positive for row in consensus) / len(consensus)
    assert value(result, TaskId.POSITIVITY, "accuracy", "all") == negative
    assert value(result, TaskId.POSITIVITY, "sensitivity", "all") == 0.0
    assert [each.task for each in result.tasks] == [TaskId.POSITIVITY]


def test_a_reader_agrees_with_itself(cohort: Cohort, tmp_path: Path) -> None:
    result = scored(cohort, Control.R1, out=tmp_path / "reader")
    assert value(result, TaskId.POSITIVITY, "kappa", "r1") == 1.0
    assert result.submission.model == "Reader R1"


def test_a_reader_who_left_a_case_out_is_no_row(cohort_folder: Path, tmp_path: Path) -> None:
    lines = read_text(cohort_folder / READERS).splitlines(keepends=True)
    dropped = next(line for line in lines if ",R2," in line)
    write_text(cohort_folder / READERS, "".join(line for line in lines if line != dropped))
    with pytest.raises(CohortError, match="R2 did not read 1 of 4 cases"):
        list(
            write_control_submission(
                read_cohort(cohort_folder), control=Control.R2, out=tmp_path / "out"
            )
        )


def test_a_reader_answers_no_task_of_a_cohort_of_masks(cohort: Cohort) -> None:
    masks = cohort.manifest.model_copy(update={"tasks": (TaskId.COMPARTMENTS, TaskId.NODES)})
    with pytest.raises(CohortError, match="R3 answers no task"):
        answered_tasks(replace(cohort, manifest=masks), control=Control.R3)
