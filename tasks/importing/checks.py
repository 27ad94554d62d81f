"""Checks of an import: its mapping, its studies, masks and spreadsheet. Codes from LLN400.

What the choice of a series and the reading of a stack find has the codes from LLN300.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tasks.checks.base import Check, Problem

SHOWN = 10
"""Names in one message; the rest is counted."""


class Doubt(NamedTuple):
    """What was expected and what was found, for checks whose facts are no more than that."""

    expected: str
    got: str


class DoubtCheck(Check[Doubt]):
    """A check that finds what it is told: the facts are the problem."""

    @staticmethod
    def find(facts: Doubt) -> Iterator[Problem]:
        """The doubt itself."""
        yield Problem(facts.expected, facts.got)


def shown(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


class MappingUnreadable(DoubtCheck):
    """The mapping is missing or no TOML.

    `lln cohort propose-mapping` writes a first one.
    """

    code = "LLN400"


class MappingInvalid(Check[Sequence[tuple[str, str]]]):
    """The mapping breaks its contract.

    Correct the field named here; schema/json/ImportMapping.json lists every field.
    """

    code = "LLN401"

    @staticmethod
    def find(facts: Sequence[tuple[str, str]]) -> Iterator[Problem]:
        """The facts are (field, complaint)."""
        for field, complaint in facts:
            yield Problem("a field as the schema says", complaint, where=field)


class MappingUndecided(Check[Sequence[str]]):
    """The mapping leaves something open.

    Replace the "?" by what is meant; the comment above it says what was seen.
    """

    code = "LLN402"

    @staticmethod
    def find(facts: Sequence[str]) -> Iterator[Problem]:
        """The facts are the fields that hold a question mark."""
        for field in facts:
            yield Problem("a decision", '"?"', where=field)


class MappingUnfit(DoubtCheck):
    """The mapping does not fit the task files or the spreadsheet.

    Correct the field named here: a label, a unit, a regular expression or the name of a column.
    """

    code = "LLN403"


class SpreadsheetUnreadable(DoubtCheck):
    """The spreadsheet cannot be read.

    Give a CSV file in the encoding and with the separator that [table] says, or an XLSX file that a
    spreadsheet program has saved; remove its password.
    """

    code = "LLN404"


class StudyWithoutKey(DoubtCheck):
    """A study has no key.

    Take another way to match under [cases], or correct its pattern.
    """

    code = "LLN410"


class KeySeveralStudies(DoubtCheck):
    """Several studies have one key.

    A patient examined twice, for example before and after treatment. Say which one under
    [decisions."KEY"]: study = "UID".
    """

    code = "LLN411"


class CaseIdUnusable(DoubtCheck):
    """A study's case id cannot be used.

    Letters, digits, - and _, at most 64, each once, upper and lower case alike: change
    cases.pattern, or let cases.case_ids number the cases.
    """

    code = "LLN412"


class DecisionUnknown(DoubtCheck):
    """A decision is about something that is not there.

    Correct the key or the UID, or remove the decision.
    """

    code = "LLN413"
    fails_case = False


class LeftOut(DoubtCheck):
    """A study was left out because the mapping says so.

    Nothing needs to be done.
    """

    code = "LLN414"
    fails_case = False


class MaskMissing(DoubtCheck):
    """A study has no mask file where the mapping expects one.

    Add the file, correct the pattern, or set absent = "empty" where no file means that nothing was
    outlined.
    """

    code = "LLN420"


class MaskSeveral(DoubtCheck):
    """A study has several mask files where one is expected.

    Make the pattern narrower, or move the files that do not count out of the folder.
    """

    code = "LLN421"


class MaskUnclaimed(DoubtCheck):
    """A mask file belongs to no study.

    It was left aside. Is its study missing, or is the pattern too narrow?
    """

    code = "LLN422"
    fails_case = False


class MaskUnreadable(DoubtCheck):
    """A mask file cannot be read.

    Save it again as NIfTI (.nii.gz, .nii), NRRD (.nrrd) or MetaImage (.mha) in one file, or as
    binary DICOM SEG, with its orientation and one integer label a voxel.
    """

    code = "LLN423"


class MaskElsewhere(DoubtCheck):
    """A mask lies on another grid than the image.

    Nothing is resampled. Outline on the series that is named here, or export the mask with that
    series as reference geometry; in 3D Slicer without cropping to the minimum extent. If it was
    outlined on another series, name that one under [decisions."KEY"]: series = "UID".
    """

    code = "LLN424"


class MaskLabelUnknown(DoubtCheck):
    """A mask holds a label that the mapping does not know.

    Say under [[masks]] labels what it means; [] when it counts as background.
    """

    code = "LLN425"


class MaskLabelsOverlap(DoubtCheck):
    """Two labels of one task lie on the same voxels.

    Correct the outlines: a voxel has one compartment, and one class of node.
    """

    code = "LLN426"


class SegmentationNotBinary(DoubtCheck):
    """A DICOM SEG is not binary.

    Export it as BINARY: where to cut probabilities or percentages is a decision of whoever made
    them.
    """

    code = "LLN427"


class MaskShared(DoubtCheck):
    """A mask file fits several studies.

    Make the pattern narrower, so that each file names one key.
    """

    code = "LLN428"


class RowMissing(DoubtCheck):
    """A study has no line in the spreadsheet.

    Add the line, or correct the column or the pattern of the key under [table].
    """

    code = "LLN430"


class RowTwice(DoubtCheck):
    """A key has several lines in the spreadsheet.

    Keep one line for each.
    """

    code = "LLN431"


class RowUnclaimed(DoubtCheck):
    """A line of the spreadsheet belongs to no study.

    It was left aside. Is its study missing, or is its key written differently?
    """

    code = "LLN432"
    fails_case = False


class CellUnknown(DoubtCheck):
    """A cell holds a word that the mapping does not know.

    Add it to the values of that column, or to table.unknown when it means that nothing is known.
    """

    code = "LLN433"


class CellNoNumber(DoubtCheck):
    """A cell holds no number where one is expected.

    Correct the cell, or table.decimal; add it to table.unknown when it means that nothing is known.
    """

    code = "LLN434"


class CellNoDate(DoubtCheck):
    """A cell holds no date of the format that the mapping says.

    Correct the cell or date_format, for example "%d.%m.%Y".
    """

    code = "LLN435"


class DatesReversed(DoubtCheck):
    """A time ends before it begins.

    Correct one of the two dates.
    """

    code = "LLN436"


class LineRefused(Check[Sequence[tuple[str, str, str | None]]]):
    """A line of the spreadsheet gives a case values that its contract refuses.

    Correct the line; schema/json/ClinicalRow.json and ReaderRow.json say what may be there.
    """

    code = "LLN437"

    @staticmethod
    def find(facts: Sequence[tuple[str, str, str | None]]) -> Iterator[Problem]:
        """The facts are (field, complaint, value); no field for a rule across fields."""
        for field, complaint, value in facts:
            got = "nothing" if value is None else repr(value[:80])
            yield Problem(complaint, got if field else "this line", where=field)


IMPORT_CHECKS: tuple[type[Check[Any]], ...] = (
    MappingUnreadable,
    MappingInvalid,
    MappingUndecided,
    MappingUnfit,
    SpreadsheetUnreadable,
    StudyWithoutKey,
    KeySeveralStudies,
    CaseIdUnusable,
    DecisionUnknown,
    LeftOut,
    MaskMissing,
    MaskSeveral,
    MaskUnclaimed,
    MaskUnreadable,
    MaskElsewhere,
    MaskLabelUnknown,
    MaskLabelsOverlap,
    SegmentationNotBinary,
    MaskShared,
    RowMissing,
    RowTwice,
    RowUnclaimed,
    CellUnknown,
    CellNoNumber,
    CellNoDate,
    DatesReversed,
    LineRefused,
)
"""In the order of their codes."""
