"""Checks of a cohort's manifest and tables, codes from LLN100.

Masks of a cohort pass the same checks as masks of a submission (`tasks.checks.masks`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tasks.checks.base import Check, Problem
from tasks.tables import Parsed, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortTableFacts:
    """A table of a cohort, parsed."""

    table: Table
    parsed: tuple[Parsed[Any], ...]
    columns: tuple[str, ...]
    """What the table should hold."""
    key: tuple[str, ...]
    """Columns that together name a line once."""
    cases: tuple[str, ...]
    required: frozenset[tuple[str, ...]]
    """Keys that must be there."""


class CohortManifestUnreadable(Check[str]):
    """cohort.toml is missing or no TOML.

    Point to a folder that holds cohort.toml; `lln cohort phantom --out DIR` writes an example.
    """

    code = "LLN100"

    @staticmethod
    def find(facts: str) -> Iterator[Problem]:
        """The facts are the reader's complaint."""
        yield Problem("a TOML file", facts)


class CohortManifestInvalid(Check[tuple[tuple[str, str], ...]]):
    """cohort.toml breaks its contract.

    Correct the field named here; schema/json/CohortManifest.json lists every field.
    """

    code = "LLN101"

    @staticmethod
    def find(facts: tuple[tuple[str, str], ...]) -> Iterator[Problem]:
        """The facts are (field, complaint)."""
        for field, complaint in facts:
            yield Problem("a field as the schema says", complaint, where=field)


class LabelMapDiffers(Check[tuple[str, str]]):
    """The cohort was annotated under another label map than the kit's.

    Use the kit's release that carries that label map, or convert the masks and set
    label_map_version.
    """

    code = "LLN102"

    @staticmethod
    def find(facts: tuple[str, str]) -> Iterator[Problem]:
        """The facts are the kit's version and the cohort's."""
        if facts[0] != facts[1]:
            yield Problem(facts[0], facts[1], where="label_map_version")


class CohortTableUnreadable(Check[str]):
    """A table of the cohort is missing or cannot be read.

    Write a comma-separated UTF-8 text file with a header line.
    """

    code = "LLN103"

    @staticmethod
    def find(facts: str) -> Iterator[Problem]:
        """The facts are the reader's complaint."""
        yield Problem("a UTF-8 comma-separated table", facts)


class CohortColumnsWrong(Check[CohortTableFacts]):
    """A table of the cohort has other columns than its contract.

    Write exactly these columns, once each, in any order; leave unknown cells empty.
    """

    code = "LLN104"

    @staticmethod
    def find(facts: CohortTableFacts) -> Iterator[Problem]:
        """Any column missing, extra or twice."""
        if sorted(facts.table.columns) != sorted(facts.columns):
            yield Problem(", ".join(facts.columns), ", ".join(facts.table.columns), where="line 1")


class CohortRowInvalid(Check[CohortTableFacts]):
    """A line of the cohort breaks its contract.

    Correct the cell; the models in schema/json/ say what each column may hold.
    """

    code = "LLN105"

    @staticmethod
    def find(facts: CohortTableFacts) -> Iterator[Problem]:
        """Every complaint of every line, and lines of another width than the header."""
        width = len(facts.table.columns)
        for row in facts.table.rows:
            if len(row.cells) != width:
                yield Problem(f"{width} cells", f"{len(row.cells)} cells", where=f"line {row.line}")
        for parsed in facts.parsed:
            for field, message in parsed.complaints:
                got = repr(parsed.cells.get(field, "")[:80]) if field else "this line"
                yield Problem(message, got, where=f"line {parsed.line}:{field}".rstrip(":"))


class CohortCaseUnknown(Check[CohortTableFacts]):
    """A line of the cohort names a case that the manifest does not list.

    Remove the line, or list the case in cohort.toml.
    """

    code = "LLN106"

    @staticmethod
    def find(facts: CohortTableFacts) -> Iterator[Problem]:
        """Every such line."""
        for parsed in facts.parsed:
            case_id = parsed.cells.get("case_id", "")
            if case_id not in facts.cases:
                yield Problem("a listed case", repr(case_id[:80]), where=f"line {parsed.line}")


class CohortRowTwice(Check[CohortTableFacts]):
    """A case has more lines than it should.

    Keep one line for each case, in readers.csv for each case and reader.
    """

    code = "LLN107"

    @staticmethod
    def find(facts: CohortTableFacts) -> Iterator[Problem]:
        """Each repeated key once."""
        for key, count in Counter(keys(facts)).items():
            if count > 1:
                yield Problem("1 line", f"{count} lines", where="/".join(key))


class CohortRowMissing(Check[CohortTableFacts]):
    """A listed case has no line.

    Add the line; readers.csv needs a consensus line for every case.
    """

    code = "LLN108"

    @staticmethod
    def find(facts: CohortTableFacts) -> Iterator[Problem]:
        """Every required key that no line has."""
        for key in sorted(facts.required - set(keys(facts))):
            yield Problem("1 line", "no line", where="/".join(key))


class CentreUnknown(Check[tuple[tuple[str, ...], tuple[str, ...]]]):
    """A patient comes from a centre that the manifest does not list.

    List the centre in cohort.toml, or correct the cell.
    """

    code = "LLN109"

    @staticmethod
    def find(facts: tuple[tuple[str, ...], tuple[str, ...]]) -> Iterator[Problem]:
        """The facts are the manifest's centres and the table's."""
        for centre in sorted(set(facts[1]) - set(facts[0])):
            yield Problem(", ".join(facts[0]), repr(centre[:80]), where="centre")


class ImageUnusable(Check[str]):
    """An image of the cohort cannot be used.

    Write the T2-weighted image as a 3-D `.nii.gz` with a qform or an sform that agree.
    """

    code = "LLN110"

    @staticmethod
    def find(facts: str) -> Iterator[Problem]:
        """The facts are the complaint."""
        yield Problem("a 3-D image with an orientation", facts)


def keys(facts: CohortTableFacts) -> list[tuple[str, ...]]:
    """The key of every line that has one."""
    return [
        tuple(parsed.cells[column] for column in facts.key)
        for parsed in facts.parsed
        if all(column in parsed.cells for column in facts.key)
    ]


COHORT_TABLE_CHECKS: tuple[type[Check[CohortTableFacts]], ...] = (
    CohortRowInvalid,
    CohortCaseUnknown,
    CohortRowTwice,
    CohortRowMissing,
)
COHORT_CHECKS: tuple[type[Check[Any]], ...] = (
    CohortManifestUnreadable,
    CohortManifestInvalid,
    LabelMapDiffers,
    CohortTableUnreadable,
    CohortColumnsWrong,
    *COHORT_TABLE_CHECKS,
    CentreUnknown,
    ImageUnusable,
)
