"""A spreadsheet as a table of text: CSV in any usual dialect, or XLSX. Both are taken as hostile.

Numbers of an XLSX file come with the decimal mark that the mapping says, dates as ISO dates, so
that both kinds of file are read alike afterwards.
"""

from __future__ import annotations

import csv
import io
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, NamedTuple

from schema.errors import Unreadable, UnreadableFileError
from schema.importing import SheetRules
from tasks.files import read_bytes
from tasks.tables import Row, Table

XLSX = ".xlsx"


class SheetLimits(NamedTuple):
    """How much of a spreadsheet is read at most."""

    file_bytes: int = 64 << 20
    unzipped_bytes: int = 512 << 20
    parts: int = 10_000
    lines: int = 100_000
    columns: int = 2_000
    cell_characters: int = 1 << 15


SHEET_LIMITS = SheetLimits()


def read_sheet(path: Path, *, rules: SheetRules, limits: SheetLimits = SHEET_LIMITS) -> Table:
    """Read a spreadsheet; lines keep the numbers that a spreadsheet program shows.

    Raises:
        UnreadableFileError: no such file, no such sheet, another encoding, a column twice, or more
            than the limits allow.
    """
    content = read_bytes(path, limit=limits.file_bytes)
    if path.suffix.lower() == XLSX:
        lines = list(_xlsx(content, rules=rules, limits=limits))
    else:
        lines = list(_csv(content, rules=rules, limits=limits))
    return _table(lines, header=rules.header)


def sheet_names(path: Path, *, limits: SheetLimits = SHEET_LIMITS) -> tuple[str, ...]:
    """Sheets of an XLSX file, in its order.

    Raises:
        UnreadableFileError: as `read_sheet`.
    """
    book = _book(read_bytes(path, limit=limits.file_bytes), limits=limits)
    return tuple(book.sheetnames)


def _table(lines: Sequence[Row], *, header: int) -> Table:
    found = next((row for row in lines if row.line == header), None)
    if found is None:
        raise UnreadableFileError(f"no header in line {header}", kind=Unreadable.SYNTAX)
    columns = tuple(cell.strip() for cell in found.cells)
    width = max((number for number, name in enumerate(columns, start=1) if name), default=0)
    columns = columns[:width]
    named = [name for name in columns if name]
    if twice := sorted({name for name in named if named.count(name) > 1}):
        message = f"columns that are there twice: {', '.join(twice)}"
        raise UnreadableFileError(message, kind=Unreadable.SYNTAX)
    rows = (Row(row.line, _padded(row.cells, width=width)) for row in lines if row.line > header)
    return Table(columns, tuple(row for row in rows if any(cell.strip() for cell in row.cells)))


def _padded(cells: tuple[str, ...], *, width: int) -> tuple[str, ...]:
    """A spreadsheet program leaves empty cells at the end of a line away."""
    return (cells + ("",) * width)[:width]


def _csv(content: bytes, *, rules: SheetRules, limits: SheetLimits) -> Iterator[Row]:
    encoding = "utf-8-sig" if rules.encoding == "utf-8" else rules.encoding
    try:
        text = content.decode(encoding)
    except UnicodeError as error:
        message = f"not {rules.encoding}: see table.encoding"
        raise UnreadableFileError(message, kind=Unreadable.ENCODING) from error
    if "\0" in text:
        raise UnreadableFileError("holds a NUL character", kind=Unreadable.ENCODING)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=rules.separator, strict=True)
    line = 1
    try:
        for cells in reader:
            yield Row(line, _bounded(cells, line=line, limits=limits))
            line = reader.line_num + 1
    except csv.Error as error:
        message = f"line {reader.line_num}: {error}"
        raise UnreadableFileError(message, kind=Unreadable.SYNTAX) from error


def _bounded(cells: Sequence[str], *, line: int, limits: SheetLimits) -> tuple[str, ...]:
    """One line, neither endless nor too far down."""
    longest = max(map(len, cells), default=0)
    if len(cells) > limits.columns or line > limits.lines or longest > limits.cell_characters:
        message = (
            f"line {line}: more than {limits.lines} lines, {limits.columns} columns or "
            f"{limits.cell_characters} characters in a cell"
        )
        raise UnreadableFileError(message, kind=Unreadable.TOO_LARGE)
    return tuple(cells)


def _xlsx(content: bytes, *, rules: SheetRules, limits: SheetLimits) -> Iterator[Row]:
    book = _book(content, limits=limits)
    if rules.sheet is None and len(book.sheetnames) != 1:
        message = f"several sheets: name one as table.sheet, of {', '.join(book.sheetnames)}"
        raise UnreadableFileError(message, kind=Unreadable.SYNTAX)
    name = rules.sheet or book.sheetnames[0]
    if name not in book.sheetnames:
        message = f"no sheet {name!r}, but {', '.join(book.sheetnames)}"
        raise UnreadableFileError(message, kind=Unreadable.SYNTAX)
    sheet = book[name]
    if not hasattr(sheet, "iter_rows"):
        raise UnreadableFileError(f"sheet {name!r} holds no cells", kind=Unreadable.SYNTAX)
    try:
        with _without_warnings():
            sheet.reset_dimensions()  # what the file claims of its size is only a claim
            rows = sheet.iter_rows(max_row=limits.lines + 1, max_col=limits.columns + 1)
            for line, cells in enumerate(rows, start=1):
                texts = [_text(cell.value, decimal=rules.decimal) for cell in cells]
                yield Row(line, _bounded(_without_tail(texts), line=line, limits=limits))
    except UnreadableFileError:
        raise
    except Exception as error:
        # openpyxl raises whatever damage makes of it
        raise _damaged(error) from error


def _without_tail(texts: list[str]) -> list[str]:
    """A line without the empty cells at its end."""
    while texts and not texts[-1]:
        texts.pop()
    return texts


def _book(content: bytes, *, limits: SheetLimits) -> Any:
    """An XLSX file, opened for reading line by line; what it unfolds to is looked at first."""
    try:
        from openpyxl import load_workbook  # noqa: PLC0415 - an extra: only XLSX needs it
    except ImportError as error:
        message = "XLSX needs openpyxl: pip install 'lln-challenge-kit[import]', or save as CSV"
        raise UnreadableFileError(message, kind=Unreadable.SYNTAX) from error
    try:
        _refuse_large(content, limits=limits)
        with _without_warnings():
            return load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except UnreadableFileError:
        raise
    except Exception as error:
        # openpyxl raises whatever damage makes of it
        raise _damaged(error) from error


def _refuse_large(content: bytes, *, limits: SheetLimits) -> None:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = archive.infolist()
    if len(parts) > limits.parts or sum(part.file_size for part in parts) > limits.unzipped_bytes:
        message = f"unfolds to more than {limits.unzipped_bytes} bytes or {limits.parts} parts"
        raise UnreadableFileError(message, kind=Unreadable.TOO_LARGE)


def _without_warnings() -> warnings.catch_warnings[None]:
    """Styles and validations that openpyxl does not know are of no concern."""
    return warnings.catch_warnings(action="ignore")


def _damaged(error: Exception) -> UnreadableFileError:
    message = f"no XLSX file, or a damaged one ({type(error).__name__})"
    return UnreadableFileError(message, kind=Unreadable.CORRUPT)


def _text(value: object, *, decimal: str) -> str:
    """A cell as it would stand in a CSV file."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime | date):
        return value.strftime("%Y-%m-%d")
    if isinstance(value, float):
        text = str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        return text.replace(".", decimal)
    return str(value).strip()
