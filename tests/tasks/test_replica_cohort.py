"""The committed replica, and which of the paper's numbers the kit finds in it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from evaluation.published_numbers import located, reproduces
from evaluation.run import evaluate
from schema.published import PublishedNumber, PublishedNumbers
from schema.result import TaskResult
from schema.terms import Reader, TaskId
from tasks.cohort import Cohort, read_cohort
from tasks.files import read_toml_model
from tasks.replica_cohort import write_replica

REPLICA = Path(__file__).parents[2] / "tasks" / "replica"
INPUTS = {Path("constructed.csv"), Path("published.toml")}
"""What is in the folder and not written by the completion."""
NUMBERS = read_toml_model(REPLICA / "published.toml", PublishedNumbers).numbers
OF_THE_RESULT = [each for each in NUMBERS if each.kit is not None and each.cohort == "replica"]


@pytest.fixture(scope="module")
def cohort() -> Cohort:
    return read_cohort(REPLICA)


@pytest.fixture(scope="module")
def result(cohort: Cohort) -> TaskResult:
    scored = evaluate(cohort, REPLICA / "submission")
    assert scored.findings == ()
    return scored.result.task(TaskId.POSITIVITY)


def numbers(*beginnings: str) -> list[PublishedNumber]:
    return [each for each in OF_THE_RESULT if each.id.startswith(beginnings)]


def test_the_committed_files_are_what_the_completion_writes(tmp_path: Path) -> None:
    write_replica(out=tmp_path)

    committed = {path.relative_to(REPLICA) for path in REPLICA.rglob("*") if path.is_file()}
    assert committed - INPUTS == {path.relative_to(tmp_path) for path in tmp_path.rglob("*.*")}
    for path in committed - INPUTS:
        assert (REPLICA / path).read_bytes() == (tmp_path / path).read_bytes()


@pytest.mark.parametrize("number", OF_THE_RESULT, ids=lambda number: number.id)
def test_verdict_of_every_published_number(result: TaskResult, number: PublishedNumber) -> None:
    assert number.kit is not None
    found = located(result, number.kit)

    assert reproduces(number, found) == (number.verdict == "reproduced"), found


def test_every_hazard_ratio_of_table_2_is_within_a_twentieth() -> None:
    # 10 covariates alone for either outcome, 6 together for DFS and 5 for OS
    table = numbers("table2")

    assert len(table) == 31
    assert {each.verdict for each in table} == {"reproduced"}
    assert {each.tolerance for each in table} == {0.05}


def test_survival_at_the_horizons_is_within_half_a_point() -> None:
    survival = numbers("survival")

    assert len(survival) == 4
    assert {each.verdict for each in survival} == {"reproduced"}
    assert {each.tolerance for each in survival} == {0.005}


def test_joint_strata_lie_within_the_papers_intervals() -> None:
    strata = numbers("supplement")

    assert {each.kit for each in strata} == {
        f"ratio.{outcome}.joint_{covariate}.0"
        for outcome in ("dfs", "os")
        for covariate in ("mr_td", "mr_crm", "mr_emvi")
    }
    for each in strata:
        assert (each.verdict, each.tolerance) == ("reproduced", None)
        assert each.low is not None


def test_intervals_of_table_2_are_the_printed_ones_where_these_are_sound(
    result: TaskResult,
) -> None:
    doubtful = {
        each.id
        for each in numbers("table2")
        if each.interval is None or each.interval.verdict != "reproduced"
    }
    compared = 0
    for number in numbers("table2"):
        if number.id in doubtful:
            continue
        assert number.kit is not None
        found = located(result, number.kit)
        # in logarithms, because the upper bounds of ratios of 5 move most
        ours, printed = (
            np.log(np.array([each.low, each.high], dtype=float)) for each in (found, number)
        )
        assert ours == pytest.approx(printed, abs=0.07), number.id
        compared += 1
    assert compared == 28


def test_a_consensus_is_what_all_readers_say_where_they_agree(cohort: Cohort) -> None:
    rows = [
        [cohort.readers[reader][case].positive for reader in Reader]
        for case in cohort.manifest.cases
    ]
    readers = Counter((sum(row[:3]), row[3]) for row in rows)

    assert (0, 1) not in readers
    assert (3, 0) not in readers
    assert sum(readers.values()) == 480


def test_margins_of_the_clinical_table(cohort: Cohort) -> None:
    rows = list(cohort.clinical.values())

    assert sum(row.dfs_event or 0 for row in rows) == 99
    assert sum(row.os_event or 0 for row in rows) == 44
    assert Counter(row.cea for row in rows) == {"normal": 273, "abnormal": 205, None: 2}
    assert Counter(row.sex for row in rows) == {"male": 335, "female": 145}
    assert all(row.age is not None and 18 <= row.age <= 95 for row in rows)


def test_matrices_of_region_and_size_have_the_papers_percentages(result: TaskResult) -> None:
    _, region, size = result.matrices
    stated = np.array(region.cells)[:3, :3]
    others = stated[1:, 1:].sum()

    # 44 patients with a region on both sides, 34 right; 16 of 20 outside the internal iliac
    assert (stated.sum(), np.trace(stated)) == (44, 34)
    assert (others, stated[1:].sum()) == (16, 20)
    large = np.array(size.cells)[:2, :2]
    assert large.tolist() == [[15, 9], [2, 18]]


def test_a_locator_of_nothing_is_refused(result: TaskResult) -> None:
    for wrong in ("figure.accuracy", "cox.dfs.univariable.stage", "mood.bad", "survival.os.model"):
        with pytest.raises(LookupError, match="no number"):
            located(result, wrong)
