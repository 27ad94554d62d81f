"""Probabilities of nodes through the whole scorer: by hand, faults, failures, hostile tables."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from evaluation.gate import check_submission
from evaluation.node_table import inspect_node_table
from evaluation.run import Scored, _weights, evaluate
from schema.result import TaskResult
from schema.submission import NodePrediction
from schema.terms import Status, TaskId
from tasks.checks.node_table import LINES_PER_CASE, most_bytes
from tasks.cohort import Cohort, read_cohort
from tasks.files import canonical_json, read_header, read_voxels, write_models, write_nifti
from tasks.geometry import Geometry
from tasks.layout import NODE_COLUMNS, NODE_TABLE, mask_name
from tasks.node_measurement import node_parts_of_task
from tasks.node_points import node_predictions
from tests.evaluation.test_froc import RATES, by_loops, detections

CASES = ("North_01", "North_02", "South_01", "South_02")
PROBABILITIES = {
    "North_01": (0.9, 0.6),
    "North_02": (0.8, 0.4),
    "South_01": (0.9, 0.4, 0.2),
    "South_02": (),
}


def mask_of(folder: Path, case_id: str) -> tuple[NDArray[np.uint8], Geometry]:
    path = folder / TaskId.NODES.value / mask_name(case_id)
    header = read_header(path)
    assert header.geometry is not None
    return read_voxels(path, header=header), header.geometry


def redraw(folder: Path, case_id: str, mask: NDArray[np.uint8]) -> None:
    geometry = mask_of(folder, case_id)[1]
    write_nifti(folder / TaskId.NODES.value / mask_name(case_id), mask, geometry=geometry)


def lines_of(folder: Path, case_id: str, probabilities: Sequence[float]) -> list[NodePrediction]:
    mask, geometry = mask_of(folder, case_id)
    by_number = dict(enumerate(probabilities, start=1))
    parts = node_parts_of_task(mask)
    return node_predictions(case_id, parts, probabilities=by_number, geometry=geometry)


@pytest.fixture
def answered(submission_folder: Path) -> Path:
    """Five of six nodes found, two invented in the patient without any, each with a probability."""
    invented = np.zeros_like(mask_of(submission_folder, "North_02")[0])
    invented[4, 4, 2], invented[16, 4, 2] = 1, 2
    redraw(submission_folder, "North_02", invented)
    redraw(submission_folder, "South_02", np.zeros_like(invented))
    rows = [row for each in CASES for row in lines_of(submission_folder, each, PROBABILITIES[each])]
    write_models(submission_folder / NODE_TABLE, rows, columns=NODE_COLUMNS)
    return submission_folder


def of_nodes(scored: Scored) -> TaskResult:
    return scored.result.task(TaskId.NODES)


def edit(folder: Path, change: Callable[[list[str]], list[str]]) -> None:
    """Change the lines of the table; the first is the header."""
    path = folder / NODE_TABLE
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")


def test_by_hand(cohort: Cohort, answered: Path) -> None:
    scored = evaluate(cohort, answered)
    result = of_nodes(scored)
    figure, curve = result.figure("froc", "any"), result.froc

    # six reference nodes, four patients. From .9: 2 found, no alarm. From .8: 1 alarm, 1/4 a
    # patient. From .6: 3 found. From .4: 4 found, 2 alarms, 1/2 a patient. From .2: 5 found.
    assert scored.findings == ()
    assert curve is not None
    assert curve.false_positives_per_case == RATES
    assert curve.sensitivity == pytest.approx((2 / 6, 3 / 6, 5 / 6, 5 / 6, 5 / 6, 5 / 6, 5 / 6))
    assert curve.value == figure.value == pytest.approx(5 / 7)
    assert (curve.status, curve.reason) == (Status.OK, None)
    assert figure.n == 6
    assert curve.sensitivity[-1] == pytest.approx(
        result.figure("detection_sensitivity", "any").value
    )


def test_its_interval_is_that_of_the_definition_in_the_runs_own_resamples(
    cohort: Cohort, answered: Path
) -> None:
    hits = [(0, 0.9), (0, 0.6), (2, 0.9), (2, 0.4), (2, 0.2)]
    alarms = [(1, 0.8), (1, 0.4)]
    nodes = [(*each, True) for each in hits] + [(*each, False) for each in alarms]
    found = detections(nodes, reference=(2, 0, 3, 1))
    draws = [np.mean(by_loops(found, row)) for row in _weights(cohort)]

    interval = of_nodes(evaluate(cohort, answered)).figure("froc", "any").interval

    assert interval is not None
    assert interval.method == "bootstrap"
    assert [interval.low, interval.high] == pytest.approx(np.quantile(draws, [0.025, 0.975]))


def test_each_predicted_node_of_cases_jsonl_has_its_probability(
    cohort: Cohort, answered: Path
) -> None:
    cases = [case for case in evaluate(cohort, answered).cases if case.task is TaskId.NODES]

    got = {case.case_id: tuple(n.probability for n in case.prediction_nodes) for case in cases}
    assert got == PROBABILITIES


def test_the_order_of_the_lines_and_columns_and_the_number_of_processes_change_nothing(
    cohort: Cohort, answered: Path
) -> None:
    before = of_nodes(evaluate(cohort, answered))
    rng = np.random.default_rng(5)

    def shuffle(lines: list[str]) -> list[str]:
        cells = [line.split(",")[::-1] for line in lines]
        header, *rows = (",".join(row) for row in cells)
        return [header, *(rows[index] for index in rng.permutation(len(rows)))]

    edit(answered, shuffle)
    after = of_nodes(evaluate(cohort, answered, jobs=2))

    assert canonical_json(after.model_dump(mode="json")) == canonical_json(
        before.model_dump(mode="json")
    )


def test_a_place_anywhere_in_the_node_will_do(cohort: Cohort, answered: Path) -> None:
    before = of_nodes(evaluate(cohort, answered)).froc
    mask, geometry = mask_of(answered, "South_01")
    parts = node_parts_of_task(mask)
    largest = int(np.bincount(parts.part.ravel())[1:].argmax()) + 1
    corner = np.argwhere(parts.part == largest)[-1] + [side.start for side in parts.box]
    x, y, z = (geometry.lps_affine @ (*(corner + 0.4), 1.0))[:3]
    kept = lines_of(answered, "South_01", PROBABILITIES["South_01"])
    moved = kept[largest - 1].model_copy(
        update={"x_mm": float(x), "y_mm": float(y), "z_mm": float(z)}
    )
    others = [
        row
        for case_id in CASES
        for row in lines_of(answered, case_id, PROBABILITIES[case_id])
        if row != kept[largest - 1]
    ]
    write_models(answered / NODE_TABLE, [*others, moved], columns=NODE_COLUMNS)

    scored = evaluate(cohort, answered)

    assert scored.findings == ()
    assert of_nodes(scored).froc == before


def test_a_failed_case_adds_false_alarms_at_every_threshold_and_never_helps(
    cohort: Cohort, answered: Path
) -> None:
    (answered / TaskId.NODES.value / mask_name("North_02")).unlink()

    scored = evaluate(cohort, answered)

    # one alarm of each class at probability 1: 1/2 a patient before anything is found; the lines of
    # the failed case speak of no mask, and are let be
    assert [each.code for each in scored.findings] == ["LLN010"]
    curve = of_nodes(scored).froc
    assert curve is not None
    assert curve.sensitivity == pytest.approx((0, 0, *[5 / 6] * 5))
    assert curve.value == pytest.approx(25 / 42)


def test_a_failed_case_with_nodes_has_all_of_them_missed(cohort: Cohort, answered: Path) -> None:
    (answered / TaskId.NODES.value / mask_name("South_01")).write_bytes(b"no gzip")

    curve = of_nodes(evaluate(cohort, answered)).froc

    # two alarms at 1, then .9 found, .8 alarm, .6 found, .4 alarm: 2 of 6 with 3 alarms, 3/4
    assert curve is not None
    assert curve.sensitivity == pytest.approx((0, 0, 1 / 6, *[2 / 6] * 4))


def test_without_a_table_there_is_no_froc_and_it_is_said_why(
    cohort: Cohort, submission_folder: Path
) -> None:
    scored = evaluate(cohort, submission_folder)
    result = of_nodes(scored)

    assert scored.findings == ()
    assert result.froc is not None
    assert (result.froc.value, result.froc.status) == (None, Status.NOT_APPLICABLE)
    assert result.froc.reason is not None
    assert "no probabilities" in result.froc.reason
    assert result.froc.reason == result.figure("froc", "any").reason
    assert result.froc.sensitivity == ()


def test_a_table_of_a_task_that_is_not_entered_is_not_looked_at(
    cohort: Cohort, answered: Path
) -> None:
    (answered / "submission.toml").write_text(
        'team = "T"\nmodel = "M"\ntasks = ["compartments"]\n', encoding="utf-8"
    )
    (answered / NODE_TABLE).write_bytes(b"\xff")

    assert evaluate(cohort, answered).findings == ()


def drop(lines: list[str]) -> list[str]:
    return lines[:-1]


def repeat(lines: list[str]) -> list[str]:
    return [*lines, lines[-1]]


def percentages(lines: list[str]) -> list[str]:
    return [*lines[:-1], lines[-1].rpartition(",")[0] + ",90"]


def nifti_world(lines: list[str]) -> list[str]:
    """The sign that NIfTI's world (RAS) gives x and y."""
    rows = [line.split(",") for line in lines[1:]]
    return [lines[0], *(f"{c},{-float(x)},{-float(y)},{z},{p}" for c, x, y, z, p in rows)]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (drop, "LLN069"),
        (repeat, "LLN068"),
        (percentages, "LLN065"),
        (nifti_world, "LLN067, LLN069"),
        (lambda lines: [lines[0]], "LLN069"),
        (lambda lines: [lines[0].upper(), *lines[1:]], "LLN061"),
        (lambda lines: [*lines, "Nobody,0,0,0,0.5"], "LLN064"),
    ],
)
def test_a_faulty_table_leaves_the_froc_uncomputed_and_every_other_figure_as_it_is(
    cohort: Cohort, answered: Path, change: Callable[[list[str]], list[str]], code: str
) -> None:
    sound = of_nodes(evaluate(cohort, answered))
    edit(answered, change)

    scored = evaluate(cohort, answered)
    result = of_nodes(scored)

    assert result.froc is not None
    assert (result.froc.value, result.froc.status) == (None, Status.INVALID)
    assert result.froc.reason == f"nodes.csv does not pass the gate: {code}"
    assert result.coverage.failed == 0
    figures = [[f for f in each.figures if f.metric != "froc"] for each in (sound, result)]
    assert figures[0] == figures[1]
    assert (result.matrices, result.short_axis) == (sound.matrices, sound.short_axis)
    assert not any(each.fails_case for each in scored.findings)


def test_the_gate_alone_finds_what_the_scorer_finds(cohort: Cohort, answered: Path) -> None:
    edit(answered, lambda lines: [*nifti_world(lines), "Nobody,0,0,0,0.5"])

    alone = [each for step in check_submission(answered, cohort=cohort) for each in step]
    by_code = sorted(alone, key=lambda each: (each.code, each.case_id or "", each.where))

    assert tuple(by_code) == evaluate(cohort, answered).findings


def test_many_faults_of_one_kind_in_a_case_are_one_finding(cohort: Cohort, answered: Path) -> None:
    mask = np.zeros_like(mask_of(answered, "North_02")[0])
    mask[::2, ::2, ::2] = 1  # no two voxels touch: 12 x 10 x 4 nodes
    redraw(answered, "North_02", mask)
    away = [f"North_02,900,900,{number},0.5" for number in range(30)]
    edit(answered, lambda lines: [*(each for each in lines if "North_02" not in each), *away])

    findings = evaluate(cohort, answered).findings

    outside, left = findings
    assert (outside.code, outside.got) == (
        "LLN067",
        "(900.0, 900.0, 0.0) in none and 29 more lines",
    )
    assert left.code == "LLN069"
    assert left.got.endswith("and 477 more nodes")
    assert left.got.count("(") == 3


def test_a_case_with_a_broken_line_is_told_of_that_line_alone(answered: Path) -> None:
    edit(answered, lambda lines: [*lines[:-3], lines[-3] + "1e", *lines[-2:]])

    table = inspect_node_table(answered, cases=CASES)

    assert [(each.code, each.case_id) for each in table.findings] == [("LLN065", "South_01")]
    assert sorted(table.lines) == ["North_01", "North_02", "South_02"]


@pytest.mark.parametrize("cell", ["nan", "inf", "-inf", "1e6", "", "1,5", "12 mm"])
def test_a_place_is_a_finite_number_within_ten_metres(answered: Path, cell: str) -> None:
    edit(answered, lambda lines: [*lines, f'South_02,"{cell}",0,0,0.5'])

    (finding,) = inspect_node_table(answered, cases=CASES).findings

    assert (finding.code, finding.where, finding.got) == (
        "LLN066",
        "nodes.csv:line 9:x_mm",
        repr(cell),
    )


@pytest.mark.parametrize("cell", ["nan", "inf", "-0.01", "1.01", "", "0.5.1"])
def test_a_probability_is_a_finite_number_from_0_to_1(answered: Path, cell: str) -> None:
    edit(answered, lambda lines: [*lines, f"South_02,0,0,0,{cell}"])

    (finding,) = inspect_node_table(answered, cases=CASES).findings

    assert (finding.code, finding.got) == ("LLN065", repr(cell))


@pytest.mark.usefixtures("no_blocking")
@pytest.mark.parametrize("kind", ["folder", "pipe", "link", "dangling link"])
def test_a_table_that_is_no_file_is_one_finding(cohort: Cohort, answered: Path, kind: str) -> None:
    path = answered / NODE_TABLE
    kept = path.rename(answered / "kept")
    make: dict[str, Callable[[], object]] = {
        "folder": path.mkdir,
        "pipe": lambda: os.mkfifo(path),
        "link": lambda: path.symlink_to(kept),
        "dangling link": lambda: path.symlink_to("nowhere"),
    }
    make[kind]()

    assert [each.code for each in evaluate(cohort, answered).findings] == ["LLN060"]


def test_a_table_is_read_up_to_a_number_of_bytes_and_lines(answered: Path) -> None:
    most = most_bytes(cases=len(CASES))
    (answered / NODE_TABLE).write_bytes(b"x" * (most + 1))
    (finding,) = inspect_node_table(answered, cases=CASES).findings
    assert finding.got == f"larger than {most} bytes"

    lines = [",".join(NODE_COLUMNS), *["Nobody,,,,"] * (LINES_PER_CASE * len(CASES) + 1)]
    (answered / NODE_TABLE).write_text("\n".join(lines))
    (finding,) = inspect_node_table(answered, cases=CASES).findings
    assert (finding.code, finding.got) == ("LLN062", f"{len(lines) - 1} lines")


def test_the_table_is_part_of_what_was_handed_in(cohort_folder: Path, answered: Path) -> None:
    cohort = read_cohort(cohort_folder)
    first = evaluate(cohort, answered).result.provenance.submission_digest
    edit(answered, lambda lines: [*lines[:-1], lines[-1].replace("0.2", "0.3")])

    assert evaluate(cohort, answered).result.provenance.submission_digest != first
