"""A sheet's cells as a keyboard writes them: `--` is a dash, `-` a minus, a space any space."""

from __future__ import annotations

from evaluation.figures.numerals import DASH, MINUS, SPACE
from evaluation.sheet import Sheet


def plain(text: str) -> str:
    """The text without the signs that look alike."""
    return text.replace(DASH, "--").replace(MINUS, "-").replace(SPACE, " ")


def plain_rows(sheet: Sheet | None) -> list[tuple[str, ...]]:
    """Every row, heading or not; fails without a sheet."""
    assert sheet is not None
    return [tuple(map(plain, row.cells)) for row in sheet.rows]
