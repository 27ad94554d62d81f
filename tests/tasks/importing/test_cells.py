"""Cells into values: words, numbers, units and dates, by hand and against Python's own calendar."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.importing import ColumnRule, SheetRules
from tasks.importing.cells import CellError, value_of

SHEET = SheetRules(key="ID", unknown=("n/a", "k.A."))
COMMA = SheetRules(key="ID", decimal=",")


def value(raw: str, *, target: str = "age", sheet: SheetRules = SHEET, **rule: Any) -> str | None:
    return value_of(
        ColumnRule.model_validate({"column": "C", **rule}),
        {"C": raw, "D": "second", "S": "2020-02-28"},
        sheet=sheet,
        target=target,
    )


def refused(raw: str, **rule: Any) -> tuple[str, str, str]:
    with pytest.raises(CellError) as error:
        value(raw, **rule)
    return error.value.check.code, error.value.doubt.expected, error.value.doubt.got


@pytest.mark.parametrize(
    ("raw", "rule", "expected"),
    [
        ("63", {}, "63"),
        (" 63.50 ", {}, "63.5"),
        ("63,5", {"sheet": COMMA}, "63.5"),
        ("", {}, None),
        ("N/A", {}, None),
        ("k.a.", {}, None),
        # 913 days / (365.25 / 12 days a month) = 29.9959
        ("913", {"target": "dfs_months", "unit": "days"}, "30"),
        ("2", {"target": "dfs_months", "unit": "years"}, "24"),
        # 26 weeks = 182 days, / 30.4375 = 5.97947
        ("26", {"target": "os_months", "unit": "weeks"}, "5.98"),
        ("0.85", {"target": "short_axis_mm", "unit": "cm"}, "8.5"),
        ("7.25", {"target": "short_axis_mm", "unit": "mm"}, "7.25"),
        ("5.0", {"target": "cea", "cut": {"at_most": 5.0, "low": "n", "high": "h"}}, "n"),
        ("5.01", {"target": "cea", "cut": {"at_most": 5.0, "low": "n", "high": "h"}}, "h"),
        ("Männlich", {"target": "sex", "values": {"MÄNNLICH": "male"}}, "male"),
        ("男", {"target": "sex", "values": {"男": "male"}}, "male"),
        ("", {"target": "pCR", "values": {"": "0", "*": "1"}}, "0"),
        ("yes", {"target": "pCR", "values": {"": "0", "*": "1"}}, "1"),
        ("n/a", {"target": "pCR", "values": {"yes": "1"}}, None),
        ("n/a", {"target": "pCR", "values": {"n/a": "0", "yes": "1"}}, "0"),
        ("unclear", {"target": "pCR", "values": {"unclear": "", "yes": "1"}}, None),
        ("", {"target": "location", "otherwise": "D"}, "second"),
        ("first", {"target": "location", "otherwise": "D"}, "first"),
        # 28 February to 1 March of a leap year is 2 days, 2 / 30.4375 = 0.0657
        ("2020-03-01", {"target": "dfs_months", "start": "S"}, "0.07"),
        ("01.03.2020", {"target": "dfs_months", "start": "S", "date_format": "%d.%m.%Y"}, "0.07"),
        # 55 years with 14 leap days, and a day more: 20,090 / 365.25 = 55.0034
        ("2075-03-01", {"target": "age", "start": "S"}, "55"),
    ],
)
def test_a_cell_is_understood(raw: str, rule: dict[str, Any], expected: str | None) -> None:
    assert value(raw, **rule) == expected


@pytest.mark.parametrize(
    ("raw", "rule", "expected"),
    [
        ("x", {"target": "sex", "values": {"m": "male"}}, ("LLN433", "one of m", "'x'")),
        ("", {"target": "sex", "values": {"m": "male"}}, None),
        ("old", {}, ("LLN434", "a number with '.' as decimal mark", "'old'")),
        ("nan", {}, ("LLN434", "a number with '.' as decimal mark", "'nan'")),
        ("1,234", {}, ("LLN434", "a number with '.' as decimal mark", "'1,234'")),
        ("1.234", {"sheet": COMMA}, ("LLN434", "a number with ',' as decimal mark", "'1.234'")),
        (
            "31.02.2021",
            {"target": "dfs_months", "start": "S", "date_format": "%d.%m.%Y"},
            ("LLN435", "a date as %d.%m.%Y", "'31.02.2021'"),
        ),
        (
            "2020-02-27",
            {"target": "dfs_months", "start": "S"},
            ("LLN436", "a date not before that of the start", "an earlier one"),
        ),
    ],
)
def test_a_cell_that_is_not_understood_is_told(
    raw: str, rule: dict[str, Any], expected: tuple[str, str, str] | None
) -> None:
    if expected is None:
        assert value(raw, **rule) is None
    else:
        assert refused(raw, **rule) == expected


def test_a_constant_needs_no_cell() -> None:
    rule = ColumnRule(constant="North")

    assert value_of(rule, {}, sheet=SHEET, target="centre") == "North"


def test_an_unknown_start_makes_an_unknown_time() -> None:
    rule = ColumnRule(column="C", start="S")
    cells = {"C": "2020-03-01", "S": "n/a"}

    assert value_of(rule, cells, sheet=SHEET, target="dfs_months") is None


@given(start=st.dates(date(1900, 1, 1), date(2100, 1, 1)), days=st.integers(0, 36_000))
def test_months_are_days_by_the_mean_month(start: date, days: int) -> None:
    rule = ColumnRule(column="C", start="S", date_format="%d.%m.%Y")
    cells = {"S": f"{start:%d.%m.%Y}", "C": f"{start + timedelta(days=days):%d.%m.%Y}"}

    months = value_of(rule, cells, sheet=SHEET, target="os_months")

    assert months is not None
    assert abs(float(months) * 30.4375 - days) <= 0.005 * 30.4375 + 1e-9


@given(st.text())
def test_any_text_gives_a_value_or_a_coded_refusal(text: str) -> None:
    for rule in ({}, {"values": {"a": "b"}}, {"start": "S"}, {"unit": "days"}):
        try:
            found = value(text, **rule)
        except CellError as error:
            found = error.check.code
        assert found is None or found.strip()
