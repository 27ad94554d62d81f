"""From the text of a table to models, complaint by complaint. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

WORDS = {
    "string_pattern_mismatch": "characters or a form that the contract does not allow here",
}
"""Complaints in plain words where the model's own are a regular expression."""

Model = TypeVar("Model", bound=BaseModel)


class Row(NamedTuple):
    """One line of a table; `line` counts from 1, the header included."""

    line: int
    cells: tuple[str, ...]


class Table(NamedTuple):
    """A table as text: nothing is interpreted yet."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]


class Complaint(NamedTuple):
    """One field of one line that its model refuses; the field is empty for a rule across fields."""

    field: str
    message: str


class Parsed(NamedTuple, Generic[Model]):
    """One line: its number, its cells, and either a model or complaints."""

    line: int
    cells: Mapping[str, str]
    model: Model | None
    complaints: tuple[Complaint, ...]


def rows_by_column(table: Table) -> Iterator[tuple[int, dict[str, str]]]:
    """Lines of the right width as (line number, stripped cells by column)."""
    for row in table.rows:
        if len(row.cells) == len(table.columns):
            cells = (cell.strip() for cell in row.cells)
            yield row.line, dict(zip(table.columns, cells, strict=True))


def parse_rows(table: Table, model: type[Model]) -> tuple[Parsed[Model], ...]:
    """Every line of the right width, validated; an empty cell is a missing value."""
    return tuple(_parse(line, cells, model) for line, cells in rows_by_column(table))


def _parse(line: int, cells: dict[str, str], model: type[Model]) -> Parsed[Model]:
    try:
        given = {name: cell for name, cell in cells.items() if cell}
        return Parsed(line, cells, model.model_validate_strings(given), ())
    except ValidationError as error:
        return Parsed(line, cells, None, complaints(error))


def complaints(error: ValidationError) -> tuple[Complaint, ...]:
    """What a model refused, field by field."""
    return tuple(
        Complaint(".".join(map(str, each["loc"])), WORDS.get(each["type"], each["msg"]))
        for each in error.errors(include_url=False, include_context=False, include_input=False)
    )


def table_rows(models: Sequence[BaseModel], *, columns: Sequence[str]) -> list[list[str]]:
    """Models as lines of text, the inverse of `parse_rows`: None is an empty cell."""
    return [[_cell(getattr(model, column)) for column in columns] for model in models]


def _cell(value: object) -> str:
    if value is None:
        return ""
    return str(value.value) if isinstance(value, Enum) else str(value)
