"""Table 1 of a few patients, every cell by hand."""

from __future__ import annotations

from evaluation.tables.patients import patients_sheet, used_tests
from schema.statistics import BaselineRow, BaselineTable, Spread
from tests.evaluation.tables.plain_cells import plain_rows

AGE = BaselineRow(
    covariate="age",
    title="Age",
    spreads=(
        # 50, 60, 61, 62.5: mean 58.375
        Spread(
            n=4,
            mean=58.375,
            standard_deviation=5.6771,
            median=60.5,
            low_quartile=57.5,
            high_quartile=61.375,
        ),
        Spread(
            n=1,
            mean=-2.0,
            standard_deviation=None,
            median=-2.0,
            low_quartile=-2.0,
            high_quartile=-2.0,
        ),
    ),
    missing=(0, 1),
    p_value=None,
    test="fewer than two values in a group",
    standardised_difference=None,
)
SEX = BaselineRow(
    covariate="sex",
    title="Sex",
    levels=("Male", "Female"),
    counts=((3, 0), (1, 0)),
    missing=(0, 2),
    p_value=0.0001,
    test="Fisher's exact",
    standardised_difference=-0.456,
)
TABLE = BaselineTable(
    groups=("LLN negative", "LLN positive"), sizes=(4, 2), left_out=1, rows=(AGE, SEX)
)


def test_every_cell_of_a_small_table() -> None:
    sheet = patients_sheet(TABLE)

    assert sheet.columns == (
        "Characteristic",
        "LLN negative (n = 4)",
        "LLN positive (n = 2)",
        "p",
        "Test",
        "Standardised difference",
    )
    assert plain_rows(sheet) == [
        ("Age", "", "", "--", "fewer than two values in a group", "--"),
        ("Mean (standard deviation)", "58.4 (5.7)", "-2.0 (one value)", "", "", ""),
        ("Median (quartiles)", "60.5 (57.5--61.4)", "-2.0 (-2.0 to -2.0)", "", "", ""),
        ("Not known", "0", "1", "", "", ""),
        ("Sex, n (%)", "", "", "<0.001", "Fisher's exact", "-0.46"),
        ("Male", "3 (75.0)", "0 (nobody known)", "", "", ""),
        ("Female", "1 (25.0)", "0 (nobody known)", "", "", ""),
        ("Not known", "0", "2", "", "", ""),
    ]
    assert [row.indented for row in sheet.rows] == [
        False,
        True,
        True,
        True,
        False,
        True,
        True,
        True,
    ]


def test_notes_name_the_tests_that_gave_a_p_value_and_no_other() -> None:
    notes = " ".join(patients_sheet(TABLE).notes)

    assert used_tests(TABLE) == ("Fisher's exact",)
    assert "Fisher's exact test where an expected count is below 5." in notes
    assert not any(other in notes for other in ("Student", "Mann", "Pearson"))
    assert notes.startswith("1 patient without a usable answer")
    assert "the column of the test says why" in notes


def test_a_group_of_nobody_has_no_number() -> None:
    nobody = Spread(
        n=0,
        mean=None,
        standard_deviation=None,
        median=None,
        low_quartile=None,
        high_quartile=None,
    )
    row = AGE.model_copy(update={"spreads": (AGE.spreads[0], nobody)})

    rows = patients_sheet(TABLE.model_copy(update={"rows": (row,)})).rows

    assert [each.cells[2] for each in rows[1:3]] == ["nobody known", "nobody known"]
