"""The committed cohort of the paper's counts, and what the kit makes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from evaluation.run import evaluate
from schema.result import TaskResult
from schema.terms import TaskId
from tasks.cohort import read_cohort
from tasks.paper_cohort import TABLE, write_paper

PAPER = Path(__file__).parents[2] / "tasks" / "paper"


@pytest.fixture(scope="module")
def result() -> TaskResult:
    scored = evaluate(read_cohort(PAPER), PAPER / "submission")
    assert scored.findings == ()
    return scored.result.task(TaskId.POSITIVITY)


def test_the_committed_files_are_what_the_generator_writes(tmp_path: Path) -> None:
    write_paper(out=tmp_path)

    committed = {path.relative_to(PAPER) for path in PAPER.rglob("*") if path.is_file()}
    assert committed == {path.relative_to(tmp_path) for path in tmp_path.rglob("*.*")}
    for path in committed:
        assert (PAPER / path).read_bytes() == (tmp_path / path).read_bytes()


def test_the_three_published_percentages_have_one_solution_in_whole_patients() -> None:
    solutions = [
        (tp, fn, fp, 480 - tp - fn - fp)
        for positives in range(1, 480)
        for tp in [round(0.7377 * positives)]
        for fn in [positives - tp]
        for fp in [480 - positives - round(0.8950 * (480 - positives))]
        if f"{100 * tp / positives:.2f}" == "73.77"
        and f"{100 * (480 - positives - fp) / (480 - positives):.2f}" == "89.50"
        and f"{100 * (480 - fn - fp) / 480:.2f}" == "87.50"
    ]
    swapped = [
        (positives, tp)
        for positives in range(1, 480)
        for tp in [round(0.8950 * positives)]
        for tn in [round(0.7377 * (480 - positives))]
        if f"{100 * tp / positives:.2f}" == "89.50"
        and f"{100 * tn / (480 - positives):.2f}" == "73.77"
        and f"{100 * (tp + tn) / 480:.2f}" == "87.50"
        and positives < 240
    ]

    assert solutions == [tuple(cell.patients for cell in TABLE)]
    assert swapped == [], "as printed, with the positive class LLN-positive, nothing fits"


@pytest.mark.parametrize(
    ("metric", "scope", "percent"),
    [
        ("accuracy", "all", "87.50"),  # 420 / 480
        ("sensitivity", "all", "73.77"),  # 45 / 61, printed in the paper as the specificity
        ("specificity", "all", "89.50"),  # 375 / 419, printed in the paper as the sensitivity
        ("ppv", "all", "50.56"),  # 45 / 89
        ("npv", "all", "95.91"),  # 375 / 391
        ("balanced_accuracy", "all", "81.63"),
    ],
)
def test_proportions_of_the_paper(
    result: TaskResult, metric: str, scope: str, percent: str
) -> None:
    got = result.figure(metric, scope).value

    assert got is not None
    assert f"{100 * got:.2f}" == percent


def test_kappa_of_the_paper(result: TaskResult) -> None:
    kappa = result.figure("kappa", "consensus")

    assert kappa.value == pytest.approx(0.529, abs=5e-4)
    assert kappa.interval is not None
    assert kappa.interval.low == pytest.approx(0.426, abs=5e-3)
    assert kappa.interval.high == pytest.approx(0.632, abs=5e-3)


def test_matrices_of_the_paper(result: TaskResult) -> None:
    status, region, size = result.matrices

    assert status.cells == ((45, 16), (44, 375))
    # nothing is known of region and size: every positive is unstated, and the totals still agree
    assert region.rows[-2:] == ("unstated", "spurious")
    for matrix in (region, size):
        assert matrix.total == 480
        assert [row[-2:] for row in matrix.cells[-2:]] == [(45, 16), (44, 375)]
    assert result.figure("region_accuracy", "both_positive").value is None
