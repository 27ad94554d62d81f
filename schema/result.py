"""What scoring gives back: the public aggregate, the private cases, the record of the run."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from schema.base import (
    CaseId,
    Count,
    Digest,
    FindingCode,
    Frozen,
    Line,
    Months,
    Probability,
    Slug,
    Version,
)
from schema.figure import Figure, Interval, Valued
from schema.finding import Finding
from schema.statistics import Froc, LimitsOfAgreement, Statistics
from schema.submission import SubmissionManifest
from schema.terms import NodeClass, Outcome, Region, Side, Split, TaskId

__all__ = [
    "RESULT_SCHEMA_VERSION",
    "ROUNDING",
    "CaseScore",
    "CaseValue",
    "CohortSummary",
    "Coverage",
    "Figure",
    "Interval",
    "Matrix",
    "NodeScore",
    "PairAgreement",
    "Provenance",
    "Result",
    "RunRecord",
    "SurvivalCurve",
    "TaskResult",
    "Valued",
]

RESULT_SCHEMA_VERSION = "1.0.0"
ROUNDING = 1e-9
"""How far rounding may push a bound of a survival curve past its value."""


class Matrix(Frozen):
    """A confusion matrix: reference in rows, prediction in columns, margins explicit."""

    id: Slug
    title: Line
    rows: Annotated[tuple[Line, ...], Field(min_length=1)]
    columns: Annotated[tuple[Line, ...], Field(min_length=1)]
    cells: tuple[tuple[Count, ...], ...]

    @model_validator(mode="after")
    def _labels_are_unique(self) -> Self:
        if len(set(self.rows)) != len(self.rows):
            raise ValueError("row labels must not repeat")
        if len(set(self.columns)) != len(self.columns):
            raise ValueError("column labels must not repeat")
        return self

    @model_validator(mode="after")
    def _rectangular(self) -> Self:
        if len(self.cells) != len(self.rows) or any(
            len(row) != len(self.columns) for row in self.cells
        ):
            raise ValueError("cells must have one row per row label and one cell per column label")
        return self

    @property
    def total(self) -> int:
        """Sum of every cell: the number of patients or nodes that were sorted."""
        return sum(map(sum, self.cells))


class PairAgreement(Valued):
    """Cohen's kappa of two raters."""

    first: Line
    second: Line
    interval: Interval | None = None
    words: str | None = None
    """Landis and Koch's word for the value."""
    n: Count

    @model_validator(mode="after")
    def _interval_is_of_a_value(self) -> Self:
        if self.value is None and not (self.interval is None and self.words is None):
            raise ValueError("without a value no interval and no words")
        return self


class SurvivalCurve(Frozen):
    """A Kaplan-Meier curve on a grid of months."""

    outcome: Outcome
    scope: Slug
    """Whose answer splits the patients: `model` or `consensus`."""
    group: NodeClass
    n: Count
    events: Count
    months: tuple[Months, ...]
    survival: tuple[Probability, ...]
    low: tuple[Probability, ...]
    high: tuple[Probability, ...]
    at_risk: tuple[Count, ...]

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        lengths = {
            len(column)
            for column in (self.months, self.survival, self.low, self.high, self.at_risk)
        }
        if len(lengths) != 1:
            raise ValueError("every column of a curve has the same length")
        return self

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.events > self.n:
            raise ValueError("events must not outnumber the patients")
        if any(later <= earlier for earlier, later in pairwise(self.months)):
            raise ValueError("months must ascend")
        bands = zip(self.low, self.survival, self.high, strict=True)
        if any(low > at + ROUNDING or at > high + ROUNDING for low, at, high in bands):
            raise ValueError("survival must be from low to high")
        return self


class Coverage(Frozen):
    """How many of the manifest's cases were answered, and why the others were not."""

    cases: Count
    scored: Count
    failed: Count
    failures: Annotated[
        dict[FindingCode, Annotated[int, Field(ge=1)]],
        Field(json_schema_extra={"additionalProperties": False}),
    ]
    """Failed cases by code, every one under at least one; with two codes it counts under both."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.scored + self.failed != self.cases:
            raise ValueError("scored and failed must add up to the manifest's cases")
        return self

    @model_validator(mode="after")
    def _failures_are_those_of_the_failed(self) -> Self:
        if max(self.failures.values(), default=0) > self.failed:
            raise ValueError("no code can fail more cases than failed")
        if sum(self.failures.values()) < self.failed:
            raise ValueError("every failed case needs a code in failures")
        return self


class TaskResult(Frozen):
    """Everything scored for one task."""

    task: TaskId
    task_version: Version
    task_digest: Digest
    coverage: Coverage
    figures: tuple[Figure, ...]
    matrices: tuple[Matrix, ...] = ()
    agreement: tuple[PairAgreement, ...] = ()
    survival: tuple[SurvivalCurve, ...] = ()
    statistics: Statistics | None = None
    """Tables of the clinical report, of the positivity task."""
    short_axis: tuple[LimitsOfAgreement, ...] = ()
    """Short axes of matched nodes, of the nodes task; of dominant nodes, of the positivity task."""
    froc: Froc | None = None
    """Of the nodes task."""

    @model_validator(mode="after")
    def _figures_are_unique(self) -> Self:
        if len({(each.metric, each.scope) for each in self.figures}) != len(self.figures):
            raise ValueError("figures must not repeat a metric and scope")
        return self

    def figure(self, metric: str, scope: str) -> Figure:
        """The figure of that metric and scope.

        Raises:
            KeyError: there is none.
        """
        for figure in self.figures:
            if (figure.metric, figure.scope) == (metric, scope):
                return figure
        raise KeyError((metric, scope))


class CohortSummary(Frozen):
    """Which cohort was scored; no case is named."""

    name: Line
    split: Split
    cases: Count
    centres: Count
    label_map_version: Version
    digest: Digest


class Provenance(Frozen):
    """What determines the bytes of a result. Same provenance, same bytes; so it holds no time."""

    kit_version: Version
    libraries: dict[str, str]
    """Version of each library that computes."""
    seed: Count
    resamples: Count
    cohort_digest: Digest
    submission_digest: Digest
    image_digest: Digest | None = None


class Result(Frozen):
    """`result.json`: one submission scored on one cohort. Aggregates only."""

    schema_version: Version = RESULT_SCHEMA_VERSION
    submission: SubmissionManifest
    cohort: CohortSummary
    provenance: Provenance
    tasks: tuple[TaskResult, ...]

    @model_validator(mode="after")
    def _tasks_are_those_entered(self) -> Self:
        scored = [each.task for each in self.tasks]
        if len(set(scored)) != len(scored):
            raise ValueError("tasks must not repeat")
        if not set(scored) <= set(self.submission.tasks):
            raise ValueError("tasks must be among those that the submission enters")
        return self

    @model_validator(mode="after")
    def _of_one_cohort(self) -> Self:
        if any(each.coverage.cases != self.cohort.cases for each in self.tasks):
            raise ValueError("every task must cover the cohort's cases")
        if self.cohort.digest != self.provenance.cohort_digest:
            raise ValueError("cohort and provenance must give the same digest of the cohort")
        return self

    def task(self, task_id: TaskId) -> TaskResult:
        """The result of one task.

        Raises:
            KeyError: the task was not scored.
        """
        for task in self.tasks:
            if task.task is task_id:
                return task
        raise KeyError(task_id)


class RunRecord(Frozen):
    """`run.json`: when, where and how long. Kept apart so that `result.json` is reproducible."""

    started_utc: AwareDatetime
    seconds: Annotated[float, Field(ge=0)]
    platform: Line
    python: Line
    result_digest: Digest
    provenance: Provenance
    findings: tuple[Finding, ...] = ()

    @model_validator(mode="after")
    def _in_utc(self) -> Self:
        if self.started_utc.utcoffset() != timedelta(0):
            raise ValueError("started_utc must be in UTC, with an offset of zero")
        return self


class CaseValue(Valued):
    """One figure of one case."""

    metric: Slug
    scope: Slug


class NodeScore(Frozen):
    """One node as measured, and what it was matched with."""

    node: Annotated[int, Field(ge=1)]
    """Number of the component within its case, from 1."""
    node_class: NodeClass
    short_axis_mm: Annotated[float, Field(gt=0)]
    volume_ml: Annotated[float, Field(gt=0)]
    region: Region | Literal["outside"]
    side: Side | None
    matched: Annotated[int, Field(ge=1)] | None
    """Number of its partner on the other side, None when missed or spurious."""
    iou: Probability | None
    probability: Probability | None = None
    """Of a predicted node, from `nodes.csv`: of being a lymph node, of either class."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.region == "outside") != (self.side is None):
            raise ValueError("a node has a side exactly when it has a region")
        if (self.matched is None) != (self.iou is None):
            raise ValueError("matched and iou go together")
        return self


class CaseScore(Frozen):
    """One line of `cases.jsonl`: private, for the organiser and the entrant's own data only."""

    case_id: CaseId
    task: TaskId
    status: Literal["scored", "failed"]
    codes: tuple[FindingCode, ...] = ()
    values: tuple[CaseValue, ...] = ()
    reference_nodes: tuple[NodeScore, ...] = ()
    prediction_nodes: tuple[NodeScore, ...] = ()

    @model_validator(mode="after")
    def _failed_by_a_code(self) -> Self:
        if (self.status == "failed") != bool(self.codes):
            raise ValueError("a failed case has codes, a scored one has none")
        return self

    @model_validator(mode="after")
    def _reference_is_certain(self) -> Self:
        if any(node.probability is not None for node in self.reference_nodes):
            raise ValueError("a reference node has no probability")
        return self
