"""`import.toml`: what a hospital's folders, masks and spreadsheet mean in the kit's words."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from schema.base import Frozen, Line, Slug, Text
from schema.terms import Reader, Split, TaskId

ClinicalName = Literal[
    "centre",
    "age",
    "sex",
    "cea",
    "location",
    "mrT",
    "mrN",
    "mrTD",
    "mrCRM",
    "mrEMVI",
    "pCR",
    "dfs_months",
    "dfs_event",
    "os_months",
    "os_event",
]
ReaderName = Literal["positive", "region", "side", "short_axis_mm"]
Unit = Literal["days", "weeks", "months", "years", "mm", "cm"]

Uid = Annotated[str, StringConstraints(pattern=r"^[0-9.]{1,64}(#[1-9][0-9]*)?$")]
"""A DICOM UID; of a series with several stacks `UID#2` is the second."""


class ImportedCohort(Frozen):
    """What `cohort.toml` will say, its cases apart."""

    name: Line
    licence: Line
    split: Split
    tasks: Annotated[tuple[TaskId, ...], Field(min_length=1)]
    """Every imported case has a reference standard for each of them."""
    centre: Line | None = None
    """Of every patient; None when a column of the table tells it."""
    description: Text = ""

    @model_validator(mode="after")
    def _tasks_make_a_cohort(self) -> Self:
        if len(set(self.tasks)) != len(self.tasks):
            raise ValueError("tasks must not repeat")
        if TaskId.NODES in self.tasks and TaskId.COMPARTMENTS not in self.tasks:
            raise ValueError("nodes are placed by the compartments: tasks needs compartments too")
        return self


class CaseRules(Frozen):
    """How a study gets its key, the word by which masks and the table know it, and its case id."""

    match: Literal["patient-id", "accession-number", "study-uid", "folder"]
    """`folder` is the first one below the folder of DICOM files."""
    pattern: Line = "(.+)"
    """A regular expression for the whole text; its first group is the key."""
    case_ids: Literal["numbered", "salted", "from-study"] = "numbered"
    """`from-study` takes the key itself, which may tell who the patient is."""


class MaskSource(Frozen):
    """One mask file of a study and what its labels mean.

    A study may have several: one for compartments and one for nodes, or one for each label.
    """

    file: Line
    """Path below the folder of masks: `{key}` stands for the study's key, `*` for any part of a
    name, `**/` for any folders. Without `{key}` it names DICOM SEG files, which tell their study.
    """
    by: Literal["value", "name"] = "value"
    """Whether `labels` lists voxel values (segment numbers), or names of segments."""
    labels: dict[Line, tuple[Slug, ...]]
    """From the file's labels to names of the task files; `[]` counts as background."""
    absent: Literal["refuse", "empty"] = "refuse"
    """What a study without this file is: doubtful, or one in which nothing was outlined."""


class SheetRules(Frozen):
    """How the spreadsheet is written, and the column that holds the key."""

    key: Line
    pattern: Line = "(.+)"
    """As for the studies."""
    sheet: Line | None = None
    """Of an XLSX file with several."""
    header: Annotated[int, Field(ge=1)] = 1
    """The line with the names of the columns."""
    separator: Literal[",", ";", "\t", "|"] = ","
    decimal: Literal[".", ","] = "."
    encoding: Literal["utf-8", "cp1252", "gb18030", "utf-16"] = "utf-8"
    unknown: tuple[str, ...] = ()
    """Cells that say that nothing is known, beside empty ones."""
    negative_nodes: Literal["refuse", "drop"] = "refuse"
    """What to do with the region, side and size that a reader gave a negative patient."""


class Cut(Frozen):
    """A number as one of two categories."""

    at_most: float
    low: Line
    """The category of a number up to `at_most`."""
    high: Line


class ColumnRule(Frozen):
    """Where the value of one column of the kit comes from.

    A column as it stands, or by `values`, `cut`, `unit`, or as the time between two dates; or one
    constant for all.
    """

    column: Line | None = None
    otherwise: Line | None = None
    """The column that counts where the first is empty."""
    constant: Line | None = None
    values: dict[str, str] = Field(default_factory=dict)
    """Cell to the kit's value, upper and lower case alike; "" is an empty cell, "*" any other. An
    empty value means unknown."""
    cut: Cut | None = None
    unit: Unit | None = None
    start: Line | None = None
    """The column with the date at which the time begins; `column` is the date at which it ends."""
    date_format: Line = "%Y-%m-%d"
    """As Python's strptime has it. ISO dates are always understood."""

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.column is None) == (self.constant is None):
            raise ValueError("give either a column or a constant")
        ways = (self.values, self.cut, self.unit, self.start)
        given = sum(bool(each) for each in ways)
        if given > 1:
            raise ValueError("give at most one of values, cut, unit and start")
        if self.constant is not None and (given or self.otherwise is not None):
            raise ValueError("a constant takes nothing else")
        return self


class Decision(Frozen):
    """What somebody who looked decided about one key."""

    study: Uid | None = None
    """The study to take where the key has several."""
    series: Uid | None = None
    """The series to take, whatever the rules of the choice say."""
    leave_out: bool = False


class ImportMapping(Frozen):
    """`import.toml`: every decision that turns studies, masks and a table into a cohort."""

    cohort: ImportedCohort
    cases: CaseRules
    masks: tuple[MaskSource, ...] = ()
    table: SheetRules | None = None
    clinical: dict[ClinicalName, ColumnRule] = Field(default_factory=dict)
    readers: dict[Reader, dict[ReaderName, ColumnRule]] = Field(default_factory=dict)
    decisions: dict[Line, Decision] = Field(default_factory=dict)
    """By key."""

    @model_validator(mode="after")
    def _columns_have_a_table(self) -> Self:
        if (self.clinical or self.readers) and self.table is None:
            raise ValueError("clinical and readers need a [table]")
        return self

    @model_validator(mode="after")
    def _one_origin_of_the_centre(self) -> Self:
        if (self.cohort.centre is None) == ("centre" not in self.clinical):
            raise ValueError("give either cohort.centre or clinical.centre")
        return self

    @model_validator(mode="after")
    def _every_reader_says_positive(self) -> Self:
        if any("positive" not in rules for rules in self.readers.values()):
            raise ValueError("every reader needs a rule for positive")
        if TaskId.POSITIVITY in self.cohort.tasks and Reader.CONSENSUS not in self.readers:
            raise ValueError("the task positivity needs readers.consensus")
        return self
