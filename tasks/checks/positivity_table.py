"""Checks of `positivity.csv`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from schema.submission import PositivityPrediction
from tasks.checks.base import Check, Problem
from tasks.layout import POSITIVITY_COLUMNS
from tasks.tables import Parsed, Table, rows_by_column


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFacts:
    """A positivity table as text and the cases of the manifest."""

    table: Table
    cases: tuple[str, ...]


class TableUnreadable(Check[str]):
    """positivity.csv is missing or cannot be read.

    Write a comma-separated UTF-8 text file with a header line.
    """

    code = "LLN050"

    @staticmethod
    def find(facts: str) -> Iterator[Problem]:
        """The facts are the reader's complaint."""
        yield Problem("a UTF-8 comma-separated table", facts)


class ColumnsWrong(Check[TableFacts]):
    """positivity.csv has other columns than the task asks for.

    Write exactly these columns, once each, in any order.
    """

    code = "LLN051"

    @staticmethod
    def find(facts: TableFacts) -> Iterator[Problem]:
        """Any column missing, extra or twice."""
        if sorted(facts.table.columns) != sorted(POSITIVITY_COLUMNS):
            got = ", ".join(column[:40] for column in facts.table.columns[:20])
            yield Problem(", ".join(POSITIVITY_COLUMNS), got, where="line 1")


class RowWidth(Check[TableFacts]):
    """A line has more or fewer cells than the header.

    Quote a cell that holds a comma, and leave a cell empty rather than out.
    """

    code = "LLN052"
    fails_case = False

    @staticmethod
    def find(facts: TableFacts) -> Iterator[Problem]:
        """Every such line; its case, if any, counts as missing."""
        width = len(facts.table.columns)
        for row in facts.table.rows:
            if len(row.cells) != width:
                yield Problem(f"{width} cells", f"{len(row.cells)} cells", where=f"line {row.line}")


class CaseUnknown(Check[TableFacts]):
    """A line names a case that is not in the cohort.

    Remove the line, or correct the case_id; letters must match in upper and lower case.
    """

    code = "LLN053"
    fails_case = False

    @staticmethod
    def find(facts: TableFacts) -> Iterator[Problem]:
        """Every such line."""
        listed = set(facts.cases)
        for line, cells in rows_by_column(facts.table):
            if cells["case_id"] not in listed:
                yield Problem("a listed case", repr(cells["case_id"][:80]), where=f"line {line}")


class CaseTwice(Check[TableFacts]):
    """A case has more than one line.

    Keep one line for each case: the scorer does not choose between two answers.
    """

    code = "LLN054"

    @staticmethod
    def find(facts: TableFacts) -> Iterator[Problem]:
        """Each repeated case once, with the number of its lines."""
        listed = set(facts.cases)
        counts = Counter(cells["case_id"] for _, cells in rows_by_column(facts.table))
        for case_id, count in counts.items():
            if count > 1 and case_id in listed:
                yield Problem("1 line", f"{count} lines", where=case_id, case_id=case_id)


class CaseWithoutRow(Check[TableFacts]):
    """A case has no line.

    Write one line for every case of the cohort, the negative ones too.
    """

    code = "LLN055"

    @staticmethod
    def find(facts: TableFacts) -> Iterator[Problem]:
        """Every listed case that no line names."""
        named = {cells["case_id"] for _, cells in rows_by_column(facts.table)}
        for case_id in facts.cases:
            if case_id not in named:
                yield Problem("1 line", "no line", where=case_id, case_id=case_id)


RowFacts = Parsed[PositivityPrediction]


class ProbabilityOutside(Check[RowFacts]):
    """A probability is not a number from 0 to 1.

    Write a probability, not a logit or a percentage; a missing one is not 0.
    """

    code = "LLN056"

    @staticmethod
    def find(facts: RowFacts) -> Iterator[Problem]:
        """The cell, when its model complains of it."""
        if any(each.field == "probability" for each in facts.complaints):
            yield Problem("0 to 1", repr(facts.cells["probability"][:80]), where="probability")


class NodeOfNegative(Check[RowFacts]):
    """A region, side or short axis is given for a negative patient.

    Leave region, side and short_axis_mm empty where positive is 0.
    """

    code = "LLN057"

    @staticmethod
    def find(facts: RowFacts) -> Iterator[Problem]:
        """The filled cells of a line that says 0."""
        filled = [name for name in ("region", "side", "short_axis_mm") if facts.cells[name]]
        across = any(not each.field for each in facts.complaints)
        if across or (facts.cells["positive"] == "0" and filled):
            yield Problem("empty cells", "filled: " + ", ".join(filled))


class FieldInvalid(Check[RowFacts]):
    """A cell breaks its contract.

    positive is 0 or 1; region is EI, OB or II; side is right or left; short_axis_mm is a number of
    millimetres above 0.
    """

    code = "LLN058"

    @staticmethod
    def find(facts: RowFacts) -> Iterator[Problem]:
        """Every complaint that no other check owns."""
        for field, message in facts.complaints:
            if field not in ("", "probability", "case_id"):
                yield Problem(message, repr(facts.cells[field][:80]), where=field)


TABLE_CHECKS: tuple[type[Check[TableFacts]], ...] = (
    RowWidth,
    CaseUnknown,
    CaseTwice,
    CaseWithoutRow,
)
ROW_CHECKS: tuple[type[Check[RowFacts]], ...] = (ProbabilityOutside, NodeOfNegative, FieldInvalid)
