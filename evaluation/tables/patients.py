"""Table 1: the patients by the model's status."""

from __future__ import annotations

from collections.abc import Iterator

from evaluation.baseline_table import LARGE, LEAST_EXPECTED, NORMAL_P
from evaluation.figures.numerals import DASH, MINUS, Style, bare, counted, decimal
from evaluation.sheet import Row, Sheet
from evaluation.tables.cells import p_cell
from schema.statistics import BaselineRow, BaselineTable, Spread
from schema.task import Unit

MEASURED = Style(Unit.ONE, 1)
SHARE = Style(Unit.FRACTION, 1)
TESTS = {
    "Student's t": (
        f"Student's t test where each group has at least {LARGE} values or Shapiro-Wilk "
        f"p ≥ {NORMAL_P:g}"
    ),
    "Mann-Whitney": (
        f"Mann-Whitney test where a group of fewer than {LARGE} values has Shapiro-Wilk "
        f"p < {NORMAL_P:g}, or too few or equal values to tell"
    ),
    "Pearson's chi-square": "Pearson's chi-square test without continuity correction",
    "Fisher's exact": f"Fisher's exact test where an expected count is below {LEAST_EXPECTED:g}",
}
"""When each test of the baseline table is used."""


def used_tests(table: BaselineTable) -> tuple[str, ...]:
    """Names of the tests that gave a p value, in the order of the rule."""
    used = {row.test for row in table.rows if row.p_value is not None}
    return tuple(name for name in TESTS if name in used)


def patients_sheet(table: BaselineTable) -> Sheet:
    """Counts and distributions in both groups, with test and standardised difference."""
    groups = zip(table.groups, table.sizes, strict=True)
    return Sheet(
        id="table-1-patients",
        title="Table 1. Patients by the model's call",
        columns=(
            "Characteristic",
            *(f"{group} (n = {size})" for group, size in groups),
            "p",
            "Test",
            "Standardised difference",
        ),
        rows=tuple(line for row in table.rows for line in _lines(row)),
        notes=tuple(_notes(table)),
    )


def _notes(table: BaselineTable) -> Iterator[str]:
    if table.left_out:
        without = counted(table.left_out, "patient")
        yield f"{without} without a usable answer of the model: in neither group."
    yield "Percentages are of the patients in whom the characteristic is known."
    for name in used_tests(table):
        yield f"{TESTS[name]}."
    if any(row.p_value is None for row in table.rows):
        yield "Where there is no p value, the column of the test says why."
    yield (
        "Standardised difference: positive less negative, of the means, or of the shares of the "
        "last category, over the root of the mean of both variances (Austin, Stat Med 2009)."
    )


def _lines(row: BaselineRow) -> Iterator[Row]:
    what = ", n (%)" if row.levels else ""
    difference = row.standardised_difference
    yield Row(
        cells=(
            row.title + what,
            *("" for _ in row.missing),
            p_cell(row.p_value),
            row.test,
            DASH if difference is None else decimal(difference, 2),
        )
    )
    known = [sum(column) for column in zip(*row.counts, strict=True)]
    for level, counts in zip(row.levels, row.counts, strict=True):
        yield _line(level, [_share(part, of) for part, of in zip(counts, known, strict=True)])
    if row.spreads:
        yield _line("Mean (standard deviation)", map(_mean, row.spreads))
        yield _line("Median (quartiles)", map(_median, row.spreads))
    if any(row.missing):
        yield _line("Not known", map(str, row.missing))


def _line(title: str, cells: Iterator[str] | list[str] | map[str]) -> Row:
    return Row(cells=(title, *cells, "", "", ""), indented=True)


def _share(part: int, whole: int) -> str:
    return f"{part} ({bare(part / whole, SHARE)})" if whole else "0 (nobody known)"


def _mean(found: Spread) -> str:
    if found.mean is None:
        return "nobody known"
    spread = found.standard_deviation
    deviation = "one value" if spread is None else bare(spread, MEASURED)
    return f"{bare(found.mean, MEASURED)} ({deviation})"


def _median(found: Spread) -> str:
    quartiles = (found.low_quartile, found.high_quartile)
    if found.median is None or None in quartiles:
        return "nobody known"
    low, high = (bare(each, MEASURED) for each in quartiles if each is not None)
    joint = " to " if MINUS in low + high else DASH
    return f"{bare(found.median, MEASURED)} ({low}{joint}{high})"
