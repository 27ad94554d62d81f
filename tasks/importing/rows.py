"""The lines of clinical.csv and readers.csv of one case, from its line of the spreadsheet. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from schema.cohort import ClinicalRow, DominantNode, ReaderRow
from schema.finding import Finding
from schema.importing import ColumnRule, ImportMapping, SheetRules
from schema.terms import Reader
from tasks.importing.cells import CellError, value_of
from tasks.importing.checks import LineRefused
from tasks.tables import Row, Table, complaints, rows_by_column

Model = TypeVar("Model", bound=BaseModel)
NODE = frozenset(DominantNode.model_fields) - {"positive"}
"""What a negative patient has none of."""
NEGATIVE = "0"


class Line(NamedTuple):
    """One line of the spreadsheet: its number and its cells by column."""

    number: int
    cells: Mapping[str, str]


class CaseRows(NamedTuple):
    """What the tables of the cohort say of one case; clinical is None where nothing is mapped."""

    clinical: ClinicalRow | None
    readers: tuple[ReaderRow, ...]
    findings: tuple[Finding, ...]


def lines_by_key(
    table: Table, *, key_of: Callable[[str], str | None], column: str
) -> dict[str, list[Line]]:
    """Lines by their key; those without one have the key ""."""
    lines: dict[str, list[Line]] = {}
    for number, cells in rows_by_column(_named(table)):
        lines.setdefault(key_of(cells[column]) or "", []).append(Line(number, cells))
    return lines


def _named(table: Table) -> Table:
    """The table without columns that have no name."""
    kept = [index for index, name in enumerate(table.columns) if name]
    rows = (Row(row.line, tuple(row.cells[index] for index in kept)) for row in table.rows)
    return Table(tuple(table.columns[index] for index in kept), tuple(rows))


def case_rows(line: Line, *, case_id: str, mapping: ImportMapping, where: str) -> CaseRows:
    """The rows of a case.

    Args:
        line: of the spreadsheet.
        case_id: of the case.
        mapping: with a table.
        where: name of the spreadsheet, for findings.
    """
    made = _Maker(line, case_id=case_id, mapping=mapping, where=where)
    clinical = made.clinical() if mapping.clinical or mapping.cohort.centre else None
    readers = tuple(made.readers())
    return CaseRows(clinical, readers, tuple(made.findings))


class _Maker:
    """Collects what is wrong with one line while its rows are made."""

    def __init__(self, line: Line, *, case_id: str, mapping: ImportMapping, where: str) -> None:
        assert mapping.table is not None
        self._line, self._case_id, self._mapping = line, case_id, mapping
        self._sheet: SheetRules = mapping.table
        self._where = f"{where}:line {line.number}"
        self.findings: list[Finding] = []

    def clinical(self) -> ClinicalRow | None:
        given = {"case_id": self._case_id}
        if self._mapping.cohort.centre is not None:
            given["centre"] = self._mapping.cohort.centre
        values = self._values(self._mapping.clinical.items())
        return None if values is None else self._model(ClinicalRow, given | values, within="")

    def readers(self) -> Iterator[ReaderRow]:
        for reader, rules in self._mapping.readers.items():
            values = self._values(rules.items())
            if values is None:
                continue
            if values.get("positive") == NEGATIVE and self._sheet.negative_nodes == "drop":
                values = {name: value for name, value in values.items() if name not in NODE}
            if not values and reader is not Reader.CONSENSUS:
                continue  # this reader did not read this case
            given = {"case_id": self._case_id, "reader": reader.value}
            row = self._model(ReaderRow, given | values, within=reader.value)
            if row is not None:
                yield row

    def _values(self, rules: Iterable[tuple[str, ColumnRule]]) -> dict[str, str] | None:
        """Known values by the kit's columns; None when a cell is no value, which is a finding."""
        values: dict[str, str] = {}
        sound = True
        for target, rule in rules:
            try:
                value = value_of(rule, self._line.cells, sheet=self._sheet, target=target)
            except CellError as error:
                where = f"{self._where}:{error.column}"
                found = error.check.findings(error.doubt, where=where, case_id=self._case_id)
                # one cell may be used for several columns, and is told once
                self.findings += [each for each in found if each not in self.findings]
                sound = False
                continue
            if value is not None:
                values[target] = value
        return values if sound else None

    def _model(self, model: type[Model], values: Mapping[str, str], *, within: str) -> Model | None:
        """A row; None with findings when its contract refuses the values."""
        try:
            return model.model_validate_strings(dict(values))
        except ValidationError as error:
            where = f"{self._where}:{within}".rstrip(":")
            facts = [
                (each.field, each.message, values.get(each.field)) for each in complaints(error)
            ]
            self.findings += LineRefused.findings(facts, where=where, case_id=self._case_id)
            return None
