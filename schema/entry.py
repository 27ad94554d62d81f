"""`results/<id>.json`: what the public may know of one entry.

An allow-list: what has no field here stays with the organiser.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schema.base import (
    Count,
    Digest,
    EntryId,
    Frozen,
    Line,
    Months,
    Probability,
    Prose,
    Slug,
    Version,
)
from schema.figure import Interval, Valued
from schema.result import ROUNDING, CohortSummary, Coverage, Provenance
from schema.statistics import Froc, LimitsOfAgreement, Statistics, Subgroup
from schema.submission import SubmissionManifest, Url
from schema.terms import NodeClass, Outcome, Split, Status, TaskId

ENTRY_SCHEMA_VERSION = "1.0.0"


class Kind(StrEnum):
    """What an entry is. Submissions and baselines are ranked, the others are shown beside them."""

    SUBMISSION = "submission"
    BASELINE = "baseline"
    CONTROL = "control"
    """Oracle, empty, always negative: the ends of the scale."""
    HUMAN = "human"
    PAPER = "paper"


class PublicValue(Valued):
    """A value that may be shown, or none and why; one that is withheld takes its n with it."""

    interval: Interval | None = None
    n: Count | None
    """None where the count is withheld."""

    @model_validator(mode="after")
    def _withheld_whole(self) -> Self:
        if self.value is None and self.interval is not None:
            raise ValueError("without a value no interval")
        if self.status is Status.WITHHELD and self.n is not None:
            raise ValueError("what is withheld has no n")
        return self


class PublicFigure(PublicValue):
    """A figure over the cohort, as `schema.result.Figure`; withheld ones have no value and no n."""

    metric: Slug
    scope: Slug
    interval_reason: str | None = None
    p_value: Probability | None = None
    rounded_to: Annotated[float, Field(gt=0)] | None = None
    """Value and interval are multiples of this; None when they are as computed."""

    @model_validator(mode="after")
    def _interval_is_of_a_value(self) -> Self:
        of_value = (self.interval_reason, self.p_value, self.rounded_to)
        if self.value is None and any(each is not None for each in of_value):
            raise ValueError("without a value no interval_reason, p_value or rounded_to")
        if self.interval is not None and self.interval_reason is not None:
            raise ValueError("either an interval or an interval_reason, not both")
        return self


class PublicMatrix(Frozen):
    """A confusion matrix, reference in rows, prediction in columns; None is a withheld cell."""

    id: Slug
    title: Line
    rows: Annotated[tuple[Line, ...], Field(min_length=1)]
    columns: Annotated[tuple[Line, ...], Field(min_length=1)]
    cells: tuple[tuple[Count | None, ...], ...]

    @model_validator(mode="after")
    def _rectangular(self) -> Self:
        if len(set(self.rows)) != len(self.rows):
            raise ValueError("row labels must not repeat")
        if len(set(self.columns)) != len(self.columns):
            raise ValueError("column labels must not repeat")
        if len(self.cells) != len(self.rows) or any(
            len(row) != len(self.columns) for row in self.cells
        ):
            raise ValueError("cells must have one row per row label and one cell per column label")
        return self


class PublicAgreement(PublicValue):
    """Cohen's kappa of two raters, as `schema.result.PairAgreement`."""

    first: Line
    second: Line
    words: str | None = None
    """Landis and Koch's word for the value."""

    @model_validator(mode="after")
    def _words_are_of_a_value(self) -> Self:
        if self.value is None and self.words is not None:
            raise ValueError("without a value no words")
        return self


class PublicCurve(Frozen):
    """A Kaplan-Meier curve.

    On a hidden cohort only at months between which enough events lie, and it ends where fewer than
    the least count are at risk; numbers at risk are then rounded to multiples of that count.
    """

    outcome: Outcome
    scope: Slug
    group: NodeClass
    n: Count | None
    events: Count | None
    months: tuple[Months, ...]
    survival: tuple[Probability, ...]
    low: tuple[Probability, ...]
    high: tuple[Probability, ...]
    at_risk: tuple[Count | None, ...]

    @model_validator(mode="after")
    def _possible(self) -> Self:
        columns = (self.months, self.survival, self.low, self.high, self.at_risk)
        if len({len(column) for column in columns}) != 1:
            raise ValueError("every column of a curve has the same length")
        if self.n is not None and self.events is not None and self.events > self.n:
            raise ValueError("events must not outnumber the patients")
        if any(later <= earlier for earlier, later in pairwise(self.months)):
            raise ValueError("months must ascend")
        bands = zip(self.low, self.survival, self.high, strict=True)
        if any(low > at + ROUNDING or at > high + ROUNDING for low, at, high in bands):
            raise ValueError("survival must be from low to high")
        return self


class PublicTask(Frozen):
    """What is shown of one task."""

    task: TaskId
    task_version: Version
    task_digest: Digest
    coverage: Coverage
    figures: tuple[PublicFigure, ...]
    matrices: tuple[PublicMatrix, ...] = ()
    agreement: tuple[PublicAgreement, ...] = ()
    survival: tuple[PublicCurve, ...] = ()
    subgroups: tuple[Subgroup, ...] = ()
    """On a hidden cohort only those of a dimension all of whose tables may be shown."""
    statistics: Statistics | None = None
    """The other clinical tables, `subgroups` left out; never of a hidden cohort."""
    short_axis: tuple[LimitsOfAgreement, ...] = ()
    """Never of a hidden cohort: the limits follow a single largest error."""
    froc: Froc | None = None
    """Never of a hidden cohort: its steps are single nodes."""

    @model_validator(mode="after")
    def _figures_are_unique(self) -> Self:
        if len({(each.metric, each.scope) for each in self.figures}) != len(self.figures):
            raise ValueError("figures must not repeat a metric and scope")
        return self

    def figure(self, metric: str, scope: str) -> PublicFigure:
        """The figure of that metric and scope.

        Raises:
            KeyError: there is none.
        """
        for figure in self.figures:
            if (figure.metric, figure.scope) == (metric, scope):
                return figure
        raise KeyError((metric, scope))

    def counts(self) -> Iterator[int | None]:
        """Every count of patients or nodes that it gives, coverage apart; None where withheld."""
        yield from (each.n for each in (*self.figures, *self.agreement))
        for matrix in self.matrices:
            for row in matrix.cells:
                yield from row
        for curve in self.survival:
            yield from (curve.n, curve.events, *curve.at_risk)
        for group in self.subgroups:
            yield from (group.n, group.positives, group.n - group.positives)


class Resources(Frozen):
    """What the organiser's run of the container took."""

    seconds_per_case: Annotated[float, Field(ge=0)]
    """Median over the cases."""
    seconds_per_case_most: Annotated[float, Field(ge=0)]
    peak_memory_mib: Annotated[float, Field(ge=0)] | None
    """Most of any case; None when it was not measured. On a hidden cohort, to two digits."""
    gpu_memory_mib: Annotated[float, Field(ge=0)] | None
    gpu: Line | None

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.seconds_per_case > self.seconds_per_case_most:
            raise ValueError("the median cannot be above the most")
        return self


class Entry(Frozen):
    """One entry: adding an entrant to a board is adding this file."""

    schema_version: Version = ENTRY_SCHEMA_VERSION
    id: EntryId
    kind: Kind
    submitted: date
    attempt: Annotated[int, Field(ge=1)]
    """Which of the team's attempts this is."""
    run_by: Literal["organiser", "entrant"]
    """Who ran the model: an organiser-run entry is verified, another one self-reported."""
    manifest: SubmissionManifest
    paper: Url | None = None
    cohort: CohortSummary
    provenance: Provenance
    result_digest: Digest
    """Of the private `result.json`, so that its owner can prove it is the same.

    On a hidden cohort of 32 secret bytes and the file: else whoever knows nearly all of its content
    could try out the rest.
    """
    cases_digest: Digest | None
    """Of the private `cases.jsonl`, in the same way; None when there is none, and then no rank."""
    suppress_below: Annotated[int, Field(ge=2)] | None
    """Counts from 1 to below this are withheld; None where nothing is: the cohort is public."""
    resources: Resources | None = None
    tasks: tuple[PublicTask, ...]
    reporting: Annotated[
        dict[Slug, Prose], Field(json_schema_extra={"additionalProperties": False})
    ] = Field(default_factory=dict)
    """Answers to reporting checklists by item id, as the entrant gave them."""
    notes: tuple[Line, ...] = ()
    """What the organiser wants a reader to know."""

    @model_validator(mode="after")
    def _tasks_are_those_entered(self) -> Self:
        scored = [each.task for each in self.tasks]
        if len(set(scored)) != len(scored):
            raise ValueError("tasks must not repeat")
        if not set(scored) <= set(self.manifest.tasks):
            raise ValueError("tasks must be among those that the submission enters")
        return self

    @model_validator(mode="after")
    def _of_one_cohort(self) -> Self:
        if any(each.coverage.cases != self.cohort.cases for each in self.tasks):
            raise ValueError("every task must cover the cohort's cases")
        if self.cohort.digest != self.provenance.cohort_digest:
            raise ValueError("cohort and provenance must give the same digest of the cohort")
        return self

    @model_validator(mode="after")
    def _nothing_small_of_a_hidden_cohort(self) -> Self:
        if (self.cohort.split is Split.HIDDEN) != (self.suppress_below is not None):
            raise ValueError("an entry of a hidden cohort has suppress_below, another one has none")
        least = self.suppress_below or 0
        if any(0 < (count or 0) < least for task in self.tasks for count in task.counts()):
            raise ValueError("a count from 1 to below suppress_below must be withheld")
        if self.cohort.split is Split.HIDDEN and any(
            task.statistics or task.short_axis or task.froc for task in self.tasks
        ):
            raise ValueError("statistics, short_axis and froc of a hidden cohort stay private")
        return self

    def task(self, task_id: TaskId) -> PublicTask:
        """What is shown of one task.

        Raises:
            KeyError: the entry is not on that board.
        """
        for task in self.tasks:
            if task.task is task_id:
                return task
        raise KeyError(task_id)
