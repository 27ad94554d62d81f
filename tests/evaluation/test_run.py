"""From two folders to a result, on a tiny cohort with known answers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from evaluation import __main__ as entrypoint
from evaluation.run import (
    CASES,
    METHODS,
    REPORT,
    RESULT,
    RUN,
    TABLES,
    Scored,
    evaluate,
    write_evaluation,
)
from schema.errors import CohortError, SubmissionError
from schema.result import Figure, Result
from schema.task import Task
from schema.terms import Direction, Status, TaskId
from tasks.cohort import read_cohort
from tasks.files import (
    canonical_json,
    read_header,
    read_toml,
    read_voxels,
    toml_text,
    write_nifti,
    write_text,
)
from tasks.layout import COHORT_MANIFEST, SUBMISSION_MANIFEST, mask_name
from tasks.specification import label_map, load_tasks

FIRST, WITHOUT_NODES = "North_01", "North_02"


def score(cohort: Path, submission: Path) -> Scored:
    return evaluate(read_cohort(cohort), submission)


def edit_mask(path: Path, change: Callable[[np.ndarray], np.ndarray]) -> None:
    header = read_header(path)
    assert header.geometry is not None
    mask = change(read_voxels(path, header=header).copy())
    write_nifti(path, mask.astype(np.uint8), geometry=header.geometry)


def shift(folder: Path, task: TaskId) -> None:
    for path in (folder / task.value).iterdir():
        edit_mask(path, lambda mask: np.roll(mask, 1, axis=0))


def edit_lines(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    lines = path.read_text().splitlines()
    path.write_text("\n".join(change(lines)) + "\n")


def every_figure(result: Result) -> list[tuple[Task, Figure]]:
    return [(load_tasks()[task.task], figure) for task in result.tasks for figure in task.figures]


def value(scored: Scored, task: TaskId, metric: str, scope: str) -> float:
    got = scored.result.task(task).figure(metric, scope).value
    assert got is not None
    return got


def test_a_perfect_submission_reaches_the_best_value_of_every_ranked_direction(
    cohort_folder: Path, submission_folder: Path
) -> None:
    scored = score(cohort_folder, submission_folder)

    assert scored.findings == ()
    for task, figure in every_figure(scored.result):
        metric = task.metric(figure.metric)
        # survival is not what the reference says, and a sound probability stays short of 0 and 1
        if figure.value is None or "c_index" in figure.metric or figure.metric == "brier":
            continue
        if metric.direction is Direction.HIGHER:
            assert figure.value == pytest.approx(metric.maximum), figure
        if metric.direction is Direction.LOWER:
            assert figure.value == pytest.approx(metric.minimum), figure


def test_figures_of_every_declared_metric_are_there_and_of_no_other(
    cohort_folder: Path, submission_folder: Path
) -> None:
    scored = score(cohort_folder, submission_folder)

    for task in TaskId:
        got = {figure.metric for figure in scored.result.task(task).figures}
        assert got == {metric.id for metric in load_tasks()[task].metrics}


def test_identical_beats_shifted_for_every_metric_in_its_declared_direction(
    cohort_folder: Path, submission_folder: Path
) -> None:
    perfect = score(cohort_folder, submission_folder).result
    shift(submission_folder, TaskId.COMPARTMENTS)
    shift(submission_folder, TaskId.NODES)
    edit_lines(submission_folder / "positivity.csv", _wrong_first_two)
    worse = score(cohort_folder, submission_folder).result

    compared = 0
    for task, figure in every_figure(perfect):
        metric, other = task.metric(figure.metric), worse.task(task.id)
        shifted = other.figure(figure.metric, figure.scope).value
        if figure.value is None or shifted is None or figure.scope == "consensus":
            continue
        if metric.direction is Direction.HIGHER:
            assert shifted <= figure.value, figure
            compared += shifted < figure.value
        if metric.direction is Direction.LOWER:
            assert shifted >= figure.value, figure
            compared += shifted > figure.value
    assert compared > 20


def _wrong_first_two(lines: list[str]) -> list[str]:
    header, *rows = lines
    names = header.split(",")
    first = dict(zip(names, rows[0].split(","), strict=True))
    second = dict(zip(names, rows[1].split(","), strict=True))
    assert (first["positive"], second["positive"]) == ("1", "0")
    wrong = [f"{first['case_id']},0.2,0,,,", f"{second['case_id']},0.8,1,OB,left,9.0"]
    return [header, *wrong, *rows[2:]]


def test_a_left_right_swap_scores_no_overlap_and_is_told_apart(
    cohort_folder: Path, submission_folder: Path
) -> None:
    values = label_map(TaskId.COMPARTMENTS).compartments
    other: dict[int, int] = {}
    for (region, side), here in values.items():
        other[here] = next(v for (r, s), v in values.items() if r is region and s is not side)
    table = np.array([0, *(other[value] for value in sorted(other))])
    for path in (submission_folder / TaskId.COMPARTMENTS.value).iterdir():
        edit_mask(path, lambda mask: table[mask])

    scored = score(cohort_folder, submission_folder)

    assert scored.findings == ()
    assert value(scored, TaskId.COMPARTMENTS, "dice", "macro") == 0
    assert value(scored, TaskId.COMPARTMENTS, "iou", "macro") == 0
    assert value(scored, TaskId.COMPARTMENTS, "side_swap", "all") == 1


def test_the_order_of_the_cases_changes_nothing(
    cohort_folder: Path, submission_folder: Path
) -> None:
    shift(submission_folder, TaskId.NODES)
    before = score(cohort_folder, submission_folder).result
    manifest = read_toml(cohort_folder / COHORT_MANIFEST)
    write_text(
        cohort_folder / COHORT_MANIFEST,
        toml_text({**manifest, "cases": list(reversed(manifest["cases"]))}),
    )
    after = score(cohort_folder, submission_folder).result

    first, second = (
        canonical_json([task.model_dump(mode="json") for task in result.tasks])
        for result in (before, after)
    )
    assert first == second


def test_every_matrix_reconciles_with_its_whole(
    cohort_folder: Path, submission_folder: Path
) -> None:
    shift(submission_folder, TaskId.NODES)
    edit_lines(submission_folder / "positivity.csv", _wrong_first_two)
    scored = score(cohort_folder, submission_folder)

    for matrix in scored.result.task(TaskId.POSITIVITY).matrices:
        assert matrix.total == len(read_cohort(cohort_folder).manifest.cases)
    nodes = scored.result.task(TaskId.NODES).matrices[0]
    cases = [case for case in scored.cases if case.task is TaskId.NODES]
    reference = sum(len(case.reference_nodes) for case in cases)
    spurious = sum(node.matched is None for case in cases for node in case.prediction_nodes)
    assert nodes.total == reference + spurious


def test_a_missing_mask_is_a_failed_case_with_the_worst_value_and_the_run_goes_on(
    cohort_folder: Path, submission_folder: Path
) -> None:
    (submission_folder / TaskId.COMPARTMENTS.value / mask_name(FIRST)).unlink()

    scored = score(cohort_folder, submission_folder)
    task = scored.result.task(TaskId.COMPARTMENTS)

    assert (task.coverage.cases, task.coverage.failed) == (4, 1)
    assert task.coverage.failures == {"LLN010": 1}
    assert value(scored, TaskId.COMPARTMENTS, "dice", "macro") == pytest.approx(3 / 4)
    assert task.figure("dice", "macro").n == 4
    failed = [case for case in scored.cases if case.status == "failed"]
    assert [(case.case_id, case.task, case.codes) for case in failed] == [
        (FIRST, TaskId.COMPARTMENTS, ("LLN010",))
    ]


def test_failing_a_case_with_nodes_never_raises_a_detection_figure(
    cohort_folder: Path, submission_folder: Path
) -> None:
    before = score(cohort_folder, submission_folder)
    (submission_folder / TaskId.NODES.value / mask_name(FIRST)).write_bytes(b"no gzip")
    after = score(cohort_folder, submission_folder)

    for metric in ("detection_sensitivity", "detection_precision", "detection_f1"):
        assert value(after, TaskId.NODES, metric, "any") < value(
            before, TaskId.NODES, metric, "any"
        )
    assert value(after, TaskId.NODES, "aggregate_dice", "any") < 1
    # 6 reference nodes, 2 of them in the failed case, which adds one spurious node of each class
    assert value(after, TaskId.NODES, "detection_sensitivity", "any") == pytest.approx(4 / 6)
    assert value(after, TaskId.NODES, "detection_precision", "any") == pytest.approx(4 / 6)


def test_failing_a_case_without_nodes_lowers_the_precision(
    cohort_folder: Path, submission_folder: Path
) -> None:
    (submission_folder / TaskId.NODES.value / mask_name(WITHOUT_NODES)).unlink()

    scored = score(cohort_folder, submission_folder)

    assert value(scored, TaskId.NODES, "detection_precision", "any") == pytest.approx(6 / 8)


def test_a_row_that_is_left_out_counts_as_the_wrong_answer_everywhere(
    cohort_folder: Path, submission_folder: Path
) -> None:
    before = score(cohort_folder, submission_folder)
    edit_lines(submission_folder / "positivity.csv", lambda lines: [lines[0], *lines[2:]])
    after = score(cohort_folder, submission_folder)
    result = after.result.task(TaskId.POSITIVITY)

    assert result.coverage.failures == {"LLN055": 1}
    assert value(after, TaskId.POSITIVITY, "accuracy", "all") == pytest.approx(3 / 4)
    assert value(after, TaskId.POSITIVITY, "sensitivity", "all") == pytest.approx(1 / 2)
    for metric, scope in (("auroc", "all"), ("kappa", "r1"), ("dfs_c_index", "probability")):
        lower, higher = (value(each, TaskId.POSITIVITY, metric, scope) for each in (after, before))
        assert lower < higher, metric
    assert result.matrices[0].cells == ((1, 1), (0, 2))


def test_a_submission_without_any_answer_is_scored_with_the_worst_value_of_everything(
    cohort_folder: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    manifest = {"team": "T", "model": "M", "tasks": [task.value for task in TaskId]}
    write_text(empty / SUBMISSION_MANIFEST, toml_text(manifest))

    scored = score(cohort_folder, empty)

    for task, figure in every_figure(scored.result):
        metric = task.metric(figure.metric)
        if metric.direction is Direction.NONE or figure.scope == "consensus":
            continue
        if figure.metric in ("mcc", "kappa", "balanced_accuracy") or figure.value is None:
            continue
        if figure.metric == "average_precision":  # its least value depends on the prevalence
            continue
        assert figure.value == metric.worst, figure
    assert all(task.coverage.scored == 0 for task in scored.result.tasks)
    assert {case.status for case in scored.cases} == {"failed"}


def test_only_the_entered_tasks_are_scored(cohort_folder: Path, submission_folder: Path) -> None:
    manifest = {"team": "T", "model": "M", "tasks": ["positivity"]}
    write_text(submission_folder / SUBMISSION_MANIFEST, toml_text(manifest))
    shutil.rmtree(submission_folder / TaskId.NODES.value)

    scored = score(cohort_folder, submission_folder)

    assert [task.task for task in scored.result.tasks] == [TaskId.POSITIVITY]
    assert scored.findings == ()


def test_the_same_input_gives_the_same_bytes_whatever_the_number_of_jobs(
    cohort_folder: Path, submission_folder: Path, tmp_path: Path
) -> None:
    shift(submission_folder, TaskId.NODES)
    for name, jobs in (("one", 1), ("two", 2)):
        scored = evaluate(read_cohort(cohort_folder), submission_folder, jobs=jobs)
        started = datetime(2026, 1, jobs, tzinfo=UTC)
        write_evaluation(scored, out=tmp_path / name, started=started, seconds=jobs)

    tables = (path.relative_to(tmp_path / "one") for path in (tmp_path / "one" / TABLES).iterdir())
    for file in (*map(Path, (RESULT, CASES, REPORT, METHODS)), *tables):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    assert (tmp_path / "one" / RUN).read_bytes() != (tmp_path / "two" / RUN).read_bytes()


def test_the_result_is_strict_json_that_its_own_model_reads(
    cohort_folder: Path, submission_folder: Path, tmp_path: Path
) -> None:
    scored = score(cohort_folder, submission_folder)
    write_evaluation(scored, out=tmp_path / "out", started=datetime.now(UTC), seconds=1.0)
    text = (tmp_path / "out" / RESULT).read_text()

    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} in a result"))
    again = Result.model_validate_json(text)

    assert again.task(TaskId.NODES).matrices == scored.result.task(TaskId.NODES).matrices
    assert FIRST not in text, "a result names no case"


def test_the_digests_follow_the_content(cohort_folder: Path, submission_folder: Path) -> None:
    before = score(cohort_folder, submission_folder).result.provenance
    edit_lines(
        submission_folder / "positivity.csv",
        lambda lines: [line.replace("0.9", "0.8") for line in lines],
    )
    (cohort_folder / "notes.txt").write_text("somebody's own")
    after = score(cohort_folder, submission_folder).result.provenance

    assert after.submission_digest != before.submission_digest
    assert after.cohort_digest == before.cohort_digest


def test_a_figure_without_a_value_says_why(cohort_folder: Path, submission_folder: Path) -> None:
    result = score(cohort_folder, submission_folder).result.task(TaskId.POSITIVITY)
    ratio = result.figure("dfs_hazard_ratio", "model")

    assert (ratio.value, ratio.status) == (None, Status.TOO_FEW)
    assert ratio.reason == "2 events, fewer than 5"


def test_a_cohort_without_follow_up_says_so(cohort_folder: Path, submission_folder: Path) -> None:
    (cohort_folder / "clinical.csv").unlink()

    result = score(cohort_folder, submission_folder).result.task(TaskId.POSITIVITY)

    for metric in ("dfs_c_index", "os_c_index"):
        figure = result.figure(metric, "status")
        assert figure.status is Status.NOT_APPLICABLE
        assert figure.reason == "the cohort records no follow-up for this outcome"
    assert result.survival == ()


def test_a_broken_reference_stops_the_run(cohort_folder: Path, submission_folder: Path) -> None:
    edit_mask(cohort_folder / TaskId.NODES.value / mask_name(FIRST), lambda mask: mask + 9)

    with pytest.raises(CohortError) as caught:
        score(cohort_folder, submission_folder)

    assert {finding.code for finding in caught.value.findings} == {"LLN041"}


def test_a_submission_without_a_manifest_cannot_be_scored(
    cohort_folder: Path, submission_folder: Path
) -> None:
    (submission_folder / SUBMISSION_MANIFEST).unlink()

    with pytest.raises(SubmissionError) as caught:
        score(cohort_folder, submission_folder)

    assert [finding.code for finding in caught.value.findings] == ["LLN001"]


@pytest.mark.parametrize(
    ("damage", "code", "exit_code"),
    [
        (None, None, 0),
        ("nodes", "LLN010", 1),
        (SUBMISSION_MANIFEST, "LLN001", 1),
        ("../cohort/cohort.toml", "LLN100", 2),
    ],
)
def test_the_container_entrypoint_prints_json_and_tells_by_its_exit_code(
    cohort_folder: Path,
    submission_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    damage: str | None,
    code: str | None,
    exit_code: int,
) -> None:
    if damage == "nodes":
        (submission_folder / "nodes" / mask_name(FIRST)).unlink()
    elif damage is not None:
        (submission_folder / damage).unlink()

    got = entrypoint.main(
        [
            *("--cohort", str(cohort_folder)),
            *("--submission", str(submission_folder)),
            *("--out", str(tmp_path / "result")),
        ]
    )

    printed = json.loads(capsys.readouterr().out)
    assert got == exit_code
    assert {finding["code"] for finding in printed["findings"]} == ({code} if code else set())
    assert (tmp_path / "result" / RESULT).exists() == ("result" in printed)
