"""A cohort folder's files: manifest, clinical table, readers' table."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schema.base import CaseId, Frozen, Line, Millimetres, Months, Text, Version
from schema.terms import Reader, Region, Side, Split, TaskId

Bit = Annotated[int, Field(ge=0, le=1)]
"""0 for no, 1 for yes."""


class CohortManifest(Frozen):
    """`cohort.toml`: names the cohort and lists its cases.

    The list fixes every denominator: a case that is listed and not answered is a failure.
    """

    name: Line
    licence: Line
    split: Split
    label_map_version: Version
    centres: Annotated[tuple[Line, ...], Field(min_length=1)]
    tasks: Annotated[tuple[TaskId, ...], Field(min_length=1)]
    """The tasks this cohort holds a reference standard for."""
    cases: Annotated[tuple[CaseId, ...], Field(min_length=1)]
    description: Text = ""

    @model_validator(mode="after")
    def _unique(self) -> Self:
        for name in ("centres", "tasks", "cases"):
            values = getattr(self, name)
            if len(set(values)) != len(values):
                raise ValueError(f"{name} must not repeat")
        folded = {case.casefold() for case in self.cases}
        if len(folded) != len(self.cases):
            raise ValueError("cases must differ by more than upper and lower case")
        return self

    @model_validator(mode="after")
    def _nodes_come_with_compartments(self) -> Self:
        if TaskId.NODES in self.tasks and TaskId.COMPARTMENTS not in self.tasks:
            raise ValueError("nodes are placed by the compartments: tasks needs compartments too")
        return self


class ClinicalRow(Frozen):
    """One patient of `clinical.csv`; None where a value is unknown.

    Times run from the MRI. Overall survival cannot end before disease-free survival does.
    """

    case_id: CaseId
    centre: Line
    age: Annotated[float, Field(ge=0, le=120)] | None = None
    """Years at MRI."""
    sex: Literal["male", "female"] | None = None
    cea: Literal["normal", "abnormal"] | None = None
    """Carcinoembryonic antigen; normal is 0 to 5 ng/mL."""
    location: Literal["low", "middle", "high", "middle_high"] | None = None
    mrT: Literal["T1", "T2", "T3", "T4", "T1-T3"] | None = None
    mrN: Literal["N0", "N1", "N2", "N0-N1"] | None = None
    mrTD: Bit | None = None
    """Tumour deposits."""
    mrCRM: Bit | None = None
    """Circumferential resection margin involved: 1 mm or less."""
    mrEMVI: Bit | None = None
    """Extramural vascular invasion."""
    pCR: Bit | None = None
    """Pathological complete response; known only after treatment."""
    dfs_months: Months | None = None
    dfs_event: Bit | None = None
    os_months: Months | None = None
    os_event: Bit | None = None

    @model_validator(mode="after")
    def _times_come_with_events(self) -> Self:
        for outcome in ("dfs", "os"):
            time, event = getattr(self, f"{outcome}_months"), getattr(self, f"{outcome}_event")
            if (time is None) != (event is None):
                raise ValueError(f"{outcome}_months and {outcome}_event go together")
        return self

    @model_validator(mode="after")
    def _death_is_not_before_recurrence(self) -> Self:
        times = (self.dfs_months, self.os_months)
        if times[0] is not None and times[1] is not None and times[1] < times[0]:
            raise ValueError("os_months is before dfs_months")
        return self


class DominantNode(Frozen):
    """The largest positive node of a patient; all empty when the patient is negative."""

    positive: Bit
    region: Region | None = None
    side: Side | None = None
    short_axis_mm: Millimetres | None = None

    @model_validator(mode="after")
    def _negative_has_no_node(self) -> Self:
        node = (self.region, self.side, self.short_axis_mm)
        if not self.positive and any(value is not None for value in node):
            raise ValueError("a negative patient has no region, side or short_axis_mm")
        return self


class ReaderRow(DominantNode):
    """One reader's answer for one case, a row of `readers.csv`."""

    case_id: CaseId
    reader: Reader
