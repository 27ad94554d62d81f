"""A table as report, spreadsheet and manuscript show it: words in cells, nothing computed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A line of a table.

    Attributes:
        cells: one text a column; empty where there is nothing to say.
        heading: the line names the group of the lines below it and fills its first cell only.
        indented: the line belongs to the heading above it.
    """

    cells: tuple[str, ...]
    heading: bool = False
    indented: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table with its words.

    Attributes:
        id: name of its files and its anchor, lower case with hyphens: `table-1-patients`.
        title: one line, above it.
        columns: head of each column, unit included.
        rows: in reading order; every row has one cell a column.
        notes: footnotes: definitions, tests, what could not be computed and why.
    """

    id: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a row that does not fit its columns."""
        for row in self.rows:
            if len(row.cells) != len(self.columns):
                raise ValueError(f"{self.id}: a row does not fit the columns")
