"""One value of the kit from one line of a spreadsheet. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime
from typing import Final

from schema.importing import ColumnRule, Cut, SheetRules
from tasks.importing.checks import (
    CellNoDate,
    CellNoNumber,
    CellUnknown,
    DatesReversed,
    Doubt,
    DoubtCheck,
    shown,
)
from tasks.importing.mapping import DAYS, LENGTHS, NUMBERS

ANY: Final = "*"
ISO: Final = "%Y-%m-%d"
SHOWN_CHARACTERS = 40


class CellError(Exception):
    """A cell that cannot be understood: by which check, in which column."""

    def __init__(self, check: type[DoubtCheck], doubt: Doubt, *, column: str) -> None:
        super().__init__(doubt.got)
        self.check, self.doubt, self.column = check, doubt, column


def value_of(
    rule: ColumnRule, cells: Mapping[str, str], *, sheet: SheetRules, target: str
) -> str | None:
    """The value for a column of the kit, as text of a cohort's table; None when unknown.

    Args:
        rule: how to get it.
        cells: the line, by the spreadsheet's columns.
        sheet: which cells say that nothing is known, and which mark is the decimal one.
        target: the kit's column; `tasks.importing.mapping.NUMBERS` says which are numbers.

    Raises:
        CellError: a word that is not mapped, no number, no date, or an end before the start.
    """
    if rule.column is None:
        return rule.constant
    column, raw = _cell(rule, cells, sheet=sheet)
    if rule.values:
        return _word(rule.values, raw, column=column, sheet=sheet)
    if not _says_nothing(raw, sheet=sheet):
        return _known(rule, cells, raw=raw, column=column, sheet=sheet, target=target)
    return None


def _known(
    rule: ColumnRule,
    cells: Mapping[str, str],
    *,
    raw: str,
    column: str,
    sheet: SheetRules,
    target: str,
) -> str | None:
    """The value of a cell that is not empty, by whatever its rule does with it."""
    if rule.start is not None:
        return _time(rule, cells, end=raw, column=column, sheet=sheet, target=target)
    if rule.cut is not None:
        return _category(rule.cut, _number(raw, column=column, sheet=sheet))
    if target in NUMBERS:
        return _measure(rule, _number(raw, column=column, sheet=sheet), target=target)
    return raw


def _cell(rule: ColumnRule, cells: Mapping[str, str], *, sheet: SheetRules) -> tuple[str, str]:
    """The column that counts and its text."""
    assert rule.column is not None
    raw = cells[rule.column].strip()
    if rule.otherwise is not None and _says_nothing(raw, sheet=sheet):
        return rule.otherwise, cells[rule.otherwise].strip()
    return rule.column, raw


def _says_nothing(raw: str, *, sheet: SheetRules) -> bool:
    return not raw or raw.casefold() in {word.strip().casefold() for word in sheet.unknown}


def _word(values: Mapping[str, str], raw: str, *, column: str, sheet: SheetRules) -> str | None:
    """By the words of the mapping; they come before the words for nothing known."""
    known = {word.strip().casefold(): value for word, value in values.items()}
    if raw.casefold() in known:
        return known[raw.casefold()] or None
    if _says_nothing(raw, sheet=sheet):
        return known.get("") or None
    if ANY in known:
        return known[ANY] or None
    raise CellError(CellUnknown, Doubt("one of " + shown(list(values)), _got(raw)), column=column)


def _got(raw: str) -> str:
    return repr(raw[:SHOWN_CHARACTERS])


def _number(raw: str, *, column: str, sheet: SheetRules) -> float:
    """A number without any mark for thousands, which could be a decimal one."""
    other = "," if sheet.decimal == "." else "."
    number = math.nan
    if other not in raw:
        with suppress(ValueError):
            number = float(raw.replace(sheet.decimal, "."))
    if not math.isfinite(number):
        expected = f"a number with {sheet.decimal!r} as decimal mark"
        raise CellError(CellNoNumber, Doubt(expected, _got(raw)), column=column)
    return number


def _category(cut: Cut, number: float) -> str:
    return cut.low if number <= cut.at_most else cut.high


def _measure(rule: ColumnRule, number: float, *, target: str) -> str:
    """In the kit's unit; a converted time has two decimals."""
    kind = NUMBERS[target]
    if rule.unit is None or rule.unit == kind:
        return f"{number:.12g}"
    table = LENGTHS if kind in LENGTHS else DAYS
    converted = number * table[rule.unit] / table[kind]
    return f"{converted if kind in LENGTHS else round(converted, 2):.12g}"


def _time(
    rule: ColumnRule,
    cells: Mapping[str, str],
    *,
    end: str,
    column: str,
    sheet: SheetRules,
    target: str,
) -> str | None:
    """From one date to another, in the kit's unit with two decimals; None without a start."""
    assert rule.start is not None
    start = cells[rule.start].strip()
    if _says_nothing(start, sheet=sheet):
        return None
    begins = _date(start, rule=rule, column=rule.start)
    ends = _date(end, rule=rule, column=column)
    if ends < begins:
        doubt = Doubt("a date not before that of the start", "an earlier one")
        raise CellError(DatesReversed, doubt, column=column)
    return f"{round((ends - begins).days / DAYS[NUMBERS[target]], 2):.12g}"


def _date(raw: str, *, rule: ColumnRule, column: str) -> date:
    for form in (ISO, rule.date_format):
        try:
            return datetime.strptime(raw, form).date()  # noqa: DTZ007 - days, not instants
        except ValueError:
            continue
    doubt = Doubt(f"a date as {rule.date_format}", _got(raw))
    raise CellError(CellNoDate, doubt, column=column)
