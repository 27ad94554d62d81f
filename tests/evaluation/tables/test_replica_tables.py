"""The tables of the replica say what the paper's tables say, cell by cell; and files hold them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evaluation.run import METHODS, TABLES, Scored, write_evaluation
from evaluation.sheet import Sheet
from evaluation.sheet_formats import csv_text
from evaluation.tables.clinical import clinical_sheets, sheets_of
from leaderboard.projection import public_tasks
from schema.published import PublishedNumber, PublishedNumbers
from schema.result import Result
from schema.terms import Split, TaskId
from tasks.files import read_toml_model
from tasks.specification import load_tasks
from tests.evaluation.tables.conftest import REPLICA
from tests.evaluation.tables.plain_cells import plain, plain_rows

NUMBERS = read_toml_model(REPLICA / "published.toml", PublishedNumbers).numbers
TABLE_2 = [each for each in NUMBERS if (each.kit or "").startswith("cox.")]
SURVIVAL = [each for each in NUMBERS if re.match(r"survival\.\w+\.model\.", each.kit or "")]
COUNTS = [each for each in NUMBERS if re.match(r"(size|count\.\w+\.\d)\.\d$", each.kit or "")]
"""Of one group: the table has no column of both."""
IDS = (
    "table-1-patients",
    "table-2-dfs",
    "table-2-os",
    "added-value",
    "concordance",
    "survival-dfs",
    "survival-os",
    "agreement-model",
    "agreement-readers",
    "calibration",
    "decision-curve",
    "subgroups",
    "short-axis",
)
CELL = re.compile(r"(-?[\d.]+) \((-?[\d.]+)(?:--| to )(-?[\d.]+)\)")


@pytest.fixture(scope="module")
def sheets(replica: Scored) -> dict[str, Sheet]:
    found = clinical_sheets(replica.result, tasks=load_tasks())
    return {sheet.id: sheet for sheet in found}


def numbers_of(cell: str) -> tuple[float, ...]:
    """Value and limits of a cell."""
    found = CELL.fullmatch(cell)
    assert found, cell
    return tuple(map(float, found.groups()))


def test_every_table_is_there_in_order(sheets: dict[str, Sheet]) -> None:
    assert tuple(sheets) == IDS


def covariate_row(sheet: Sheet, covariate: str) -> tuple[str, ...]:
    """The row of a covariate by its id."""
    rules = load_tasks()[TaskId.POSITIVITY].clinical
    assert rules is not None
    titles = {each.id: each.title for each in rules.covariates}
    title = {"model_status": "LLN status, model", **titles}[covariate]
    return next(row for row in plain_rows(sheet) if row[0].startswith(f"{title}: "))


@pytest.mark.parametrize("number", TABLE_2, ids=lambda number: number.id)
def test_a_hazard_ratio_of_the_papers_table_2_stands_in_the_kits(
    sheets: dict[str, Sheet], number: PublishedNumber
) -> None:
    _, outcome, model, covariate = (number.kit or "").split(".")
    row = covariate_row(sheets[f"table-2-{outcome}"], covariate)
    column = {"univariable": 2, "multivariable": 5}[model]

    value, low, high = numbers_of(row[column])

    # the cell is rounded to two decimals
    is_near = abs(value - number.value) <= (number.tolerance or 0) + 0.005
    assert is_near == (number.verdict == "reproduced"), (row[column], number.printed)
    assert low < value < high


@pytest.mark.parametrize("number", SURVIVAL, ids=lambda number: number.id)
def test_survival_at_a_horizon_stands_in_the_table(
    sheets: dict[str, Sheet], number: PublishedNumber
) -> None:
    _, outcome, _, group, month = (number.kit or "").split(".")
    rows = plain_rows(sheets[f"survival-{outcome}"])
    row = rows[1 + int(group)]
    column = 4 + ("36", "60").index(month)

    value = numbers_of(row[column])[0]

    is_near = abs(value / 100 - number.value) <= (number.tolerance or 0) + 0.0005
    assert is_near == (number.verdict == "reproduced")


@pytest.mark.parametrize("number", COUNTS, ids=lambda number: number.id)
def test_a_count_of_the_papers_table_1_stands_in_the_kits(
    replica: Scored, sheets: dict[str, Sheet], number: PublishedNumber
) -> None:
    kind, *rest = (number.kit or "").split(".")
    sheet = sheets["table-1-patients"]
    if kind == "size":
        shown = plain(sheet.columns[1 + int(rest[0])]).partition("n = ")[2].rstrip(")")
    else:
        covariate, level, group = rest
        shown = level_row(replica.result, sheet, covariate, int(level))[1 + int(group)]

    is_same = float(shown.partition(" ")[0]) == number.value
    assert is_same == (number.verdict == "reproduced")


def level_row(result: Result, sheet: Sheet, covariate: str, level: int) -> tuple[str, ...]:
    """The row of a category in Table 1, by its place."""
    statistics = result.task(TaskId.POSITIVITY).statistics
    assert statistics is not None
    assert statistics.baseline is not None
    title = next(row.title for row in statistics.baseline.rows if row.covariate == covariate)
    rows = plain_rows(sheet)
    start = next(place for place, row in enumerate(rows) if row[0].startswith(f"{title}, n"))
    return rows[start + 1 + level]


def test_the_papers_own_row_is_written_as_a_journal_would(sheets: dict[str, Sheet]) -> None:
    row = covariate_row(sheets["table-2-dfs"], "model_status")

    assert row == (
        "LLN status, model: Positive against Negative",
        "480 (99)",
        "2.70 (1.75--4.15)",
        "<0.001",
        "0.516",
        "2.16 (1.39--3.37)",
        "0.001",
        "0.921",
    )


def test_every_csv_is_read_back_with_unique_columns_and_rows(sheets: dict[str, Sheet]) -> None:
    for sheet in sheets.values():
        head, *lines = list(csv.reader(csv_text(sheet).splitlines()))
        assert len(set(head)) == len(head), sheet.id
        assert {len(line) for line in lines} == {len(head)}, sheet.id
        assert len({tuple(line) for line in lines}) == len(lines), sheet.id


def test_a_cell_is_empty_only_in_a_heading_or_beside_the_name_of_a_characteristic(
    sheets: dict[str, Sheet],
) -> None:
    for sheet in sheets.values():
        if sheet.id == "table-1-patients":
            continue
        for row in sheet.rows:
            assert row.heading or all(row.cells), (sheet.id, row)


def words_of(found: dict[str, Sheet]) -> Iterator[str]:
    for sheet in found.values():
        yield from (cell for row in sheet.rows for cell in row.cells)
        yield from (*sheet.columns, *sheet.notes, sheet.title)


def test_no_word_is_what_a_computer_says_of_nothing(sheets: dict[str, Sheet]) -> None:
    pattern = re.compile(r"\b(nan|inf|None|null|True|False)\b")

    assert [word for word in words_of(sheets) if pattern.search(word)] == []


def test_a_public_entry_of_a_public_cohort_has_the_same_tables(replica: Scored) -> None:
    tasks = load_tasks()
    entry = public_tasks(replica.result.tasks, tasks=tasks, split=Split.PUBLIC, least=5)

    assert sheets_of(entry, tasks=tasks) == clinical_sheets(replica.result, tasks=tasks)


def test_a_public_entry_of_a_hidden_cohort_has_those_that_may_be_shown(replica: Scored) -> None:
    tasks = load_tasks()
    entry = public_tasks(replica.result.tasks, tasks=tasks, split=Split.HIDDEN, least=5)

    found = {sheet.id: sheet for sheet in sheets_of(entry, tasks=tasks)}

    shown = [
        "concordance",
        "survival-dfs",
        "survival-os",
        "agreement-model",
        "agreement-readers",
        "subgroups",
    ]
    assert list(found) == shown
    for row in (row for sheet in found.values() for row in sheet.rows):
        assert row.heading or all(row.cells), row
    assert "withheld" in [cell for row in found["agreement-readers"].rows for cell in row.cells]
    cells = [cell for row in plain_rows(found["survival-dfs"]) for cell in row]
    assert "1 (reference)" in cells
    assert "LLN status, consensus" in cells


def test_the_tables_and_the_methods_are_written_beside_the_report(
    replica: Scored, tmp_path: Path
) -> None:
    write_evaluation(replica, out=tmp_path, started=datetime.now(UTC), seconds=1.0)
    (tmp_path / TABLES / "froc.csv").write_text("of an earlier run")
    (tmp_path / TABLES / "notes.md").write_text("somebody's own")
    first = {path: path.read_bytes() for path in (tmp_path / TABLES).glob("table*")}
    write_evaluation(replica, out=tmp_path, started=datetime.now(UTC), seconds=2.0)

    names = {path.name for path in (tmp_path / TABLES).iterdir()}
    assert names == {f"{each}.{kind}" for each in IDS for kind in ("csv", "tex")} | {"notes.md"}
    assert first
    assert all(path.read_bytes() == content for path, content in first.items())
    assert (tmp_path / METHODS).read_text(encoding="utf-8").startswith("The model nnU-Net, replica")
