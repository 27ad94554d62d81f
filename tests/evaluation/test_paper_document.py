"""The paper's numbers beside the kit's: the committed page, and every verdict on it."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from evaluation.commands import paper
from evaluation.paper_document import WORDS, paper_document, row
from evaluation.paper_results import paper_results, published_numbers
from evaluation.published_numbers import (
    decimals,
    located,
    reproduces,
    reproduces_interval,
    reproduces_p,
)
from evaluation.tables.clinical import sheets_of
from schema.published import Judgement, PublishedNumber
from schema.result import TaskResult
from tasks.specification import load_tasks

ROOT = Path(__file__).parents[2]
PUBLISHED = published_numbers()
NUMBERS = PUBLISHED.numbers
WITH_A_KITS = [each for each in NUMBERS if each.kit is not None]
DIGITS = {0: 0.5, 1: 0.05, 2: 0.005, 3: 0.0006, 4: 0.0001}
"""Half of the last printed digit, and a little for what lies between."""
LARGEST = {
    "cox": 0.05,
    "ratio": 0.05,
    "survival": 0.005,
    "count": 0.0,
    "size": 0.0,
    "patients": 0.0,
}
"""Tolerance of each kind of number at most; any other has its printed digits."""


@pytest.fixture(scope="module")
def results() -> dict[str, TaskResult]:
    return paper_results()


def judgements() -> list[tuple[str, Judgement]]:
    parts = [(each.id, part) for each in NUMBERS for part in (each, each.interval, each.p)]
    return [(name, part) for name, part in parts if part is not None]


def test_the_committed_page_is_what_the_command_writes(tmp_path: Path) -> None:
    page = tmp_path / "paper.md"

    ran = CliRunner().invoke(paper, ["--out", str(page)])

    assert ran.exit_code == 0, ran.output
    assert page.read_bytes() == (ROOT / "docs" / "paper.md").read_bytes(), "run `make docs`"


@pytest.mark.parametrize("number", WITH_A_KITS, ids=lambda number: number.id)
def test_every_verdict_is_what_the_scorer_finds(
    results: dict[str, TaskResult], number: PublishedNumber
) -> None:
    assert number.kit is not None
    found = located(results[number.cohort], number.kit)

    assert reproduces(number, found) == (number.verdict == "reproduced"), found
    if number.interval is not None:
        same = number.interval.verdict == "reproduced"
        assert reproduces_interval(number, found) == same, found
    if number.p is not None:
        assert reproduces_p(number, found) == (number.p.verdict == "reproduced"), found


@pytest.mark.parametrize("number", WITH_A_KITS, ids=lambda number: number.id)
def test_nothing_is_reproduced_beyond_the_tolerance_of_its_kind(
    results: dict[str, TaskResult], number: PublishedNumber
) -> None:
    assert number.kit is not None
    value = located(results[number.cohort], number.kit).value
    assert value is not None
    if number.verdict != "reproduced" or number.printed.startswith("<"):
        return
    if number.tolerance is None:  # joint strata: the paper's interval
        assert number.id.startswith("supplement_")
        assert number.low is not None
        assert number.high is not None
        assert number.low <= value <= number.high
        return
    per_cent = "%" in number.printed or number.printed.startswith("(")
    of_digits = DIGITS[decimals(number.printed) + 2 * per_cent]
    largest = LARGEST.get(number.kit.split(".", maxsplit=1)[0], of_digits)
    assert number.tolerance <= largest + 1e-5
    assert abs(value - number.value) <= number.tolerance


def test_every_inconsistency_states_its_arithmetic() -> None:
    inconsistent = [(name, each) for name, each in judgements() if each.verdict == "inconsistent"]

    assert len(inconsistent) > 40
    for name, each in inconsistent:
        assert len(re.findall(r"\d", each.why)) >= 2, name


def test_a_number_that_the_kit_does_not_have_says_so() -> None:
    for each in NUMBERS:
        if each.kit is None:
            assert each.verdict != "reproduced"
            assert each.why


def test_every_number_has_a_line_and_the_summary_counts_them(
    results: dict[str, TaskResult],
) -> None:
    page = paper_document(PUBLISHED, results)

    counts = Counter(each.verdict for each in NUMBERS)
    cells = (*(counts[verdict] for verdict in WORDS), len(NUMBERS))
    assert f"| numbers | {' | '.join(map(str, cells))} |" in page
    for each in NUMBERS:
        cells_of = row(each, results)
        assert f"| {' | '.join(cells_of)} |" in page
        assert each.printed in cells_of.paper
    lines = [line for line in page.splitlines() if line.endswith("|")]
    assert {line.count("|") for line in lines} <= {3, 6, 7}


def test_the_page_names_tables_that_an_evaluation_writes(results: dict[str, TaskResult]) -> None:
    page = paper_document(PUBLISHED, results)
    sheets = sheets_of((results["replica"],), tasks=load_tasks())

    named = set(re.findall(r"`tables/([a-z0-9-]+)\.csv`", page))
    assert len(named) == 7
    assert named <= {each.id for each in sheets}


def test_age_of_both_groups_together_is_that_of_the_patients(
    results: dict[str, TaskResult],
) -> None:
    with (ROOT / "tasks" / "replica" / "clinical.csv").open(encoding="utf-8") as table:
        ages = np.array([float(each["age"]) for each in csv.DictReader(table)])

    replica = results["replica"]
    assert located(replica, "mean.age.all").value == pytest.approx(ages.mean())
    assert located(replica, "deviation.age.all").value == pytest.approx(ages.std(ddof=1))


def test_shares_complements_and_p_values_by_hand(results: dict[str, TaskResult]) -> None:
    replica, counts = results["replica"], results["paper"]

    # 226 of the 388 negative patients of known CEA, not of 390; 273 + 62 men of 480
    assert located(replica, "share.cea.0.0").value == pytest.approx(226 / 388)
    assert located(replica, "share.sex.0.all").value == pytest.approx(335 / 480)
    missed = located(counts, "complement.sensitivity.all")
    found = located(counts, "figure.sensitivity.all")
    assert missed.value == pytest.approx(16 / 61)
    assert found.low is not None
    assert missed.high == pytest.approx(1 - found.low)
    assert located(counts, "patients.specificity.all").value == 419
    beside = located(replica, "ratio.os.region.0").p_value
    assert located(replica, "p.ratio.os.region.0").value == beside
    assert located(replica, "test.dfs.model").value == located(replica, "p.ratio.dfs.model.0").value


def number_with(**changes: object) -> PublishedNumber:
    sex = next(each for each in NUMBERS if each.id == "table2_dfs_univariable_sex")
    return sex.model_copy(update=changes)


def test_a_printed_bound_is_met_from_below_only(results: dict[str, TaskResult]) -> None:
    found = located(results["replica"], "cox.dfs.univariable.sex")  # 0.60 (0.37 to 0.98), p 0.0412

    assert reproduces_p(number_with(p_printed="<0.05", p_value=0.05), found)
    assert not reproduces_p(number_with(p_printed="<0.04", p_value=0.04), found)
    assert reproduces_p(number_with(p_printed="0.04", p_value=0.04), found)
    assert not reproduces_p(number_with(p_printed="0.06", p_value=0.06), found)
    assert reproduces(number_with(printed="<0.7", value=0.7), found)
    assert not reproduces(number_with(printed="<0.6", value=0.5), found)
    assert not reproduces_interval(number_with(low=0.34), found)
    assert not reproduces(number_with(), found._replace(value=None))
    assert not reproduces_p(number_with(), found._replace(p_value=None))
