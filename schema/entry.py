"""`results/<id>.json`: what the public may know of one entry.

An allow-list: what has no field here stays with the organiser.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

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
from schema.result import CohortSummary, Coverage, Interval, PairAgreement, Provenance
from schema.submission import SubmissionManifest, Url
from schema.terms import NodeClass, Outcome, Status, TaskId


class Kind(StrEnum):
    """What an entry is. Submissions and baselines are ranked, the others are shown beside them."""

    SUBMISSION = "submission"
    BASELINE = "baseline"
    CONTROL = "control"
    """Oracle, empty, always negative: the ends of the scale."""
    HUMAN = "human"
    PAPER = "paper"


class PublicFigure(Frozen):
    """A figure over the cohort, as `schema.result.Figure`; withheld ones have no value and no n."""

    metric: Slug
    scope: Slug
    value: float | None
    status: Status
    reason: str | None = None
    interval: Interval | None = None
    interval_reason: str | None = None
    n: Count | None
    p_value: Probability | None = None


class PublicMatrix(Frozen):
    """A confusion matrix; None is a withheld cell."""

    id: Slug
    title: Line
    rows: Annotated[tuple[Line, ...], Field(min_length=1)]
    columns: Annotated[tuple[Line, ...], Field(min_length=1)]
    cells: tuple[tuple[Count | None, ...], ...]


class PublicCurve(Frozen):
    """A Kaplan-Meier curve, ended where fewer than the least publishable count are at risk."""

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


class PublicTask(Frozen):
    """What is shown of one task."""

    task: TaskId
    task_version: Version
    task_digest: Digest
    coverage: Coverage
    figures: tuple[PublicFigure, ...]
    matrices: tuple[PublicMatrix, ...] = ()
    agreement: tuple[PairAgreement, ...] = ()
    survival: tuple[PublicCurve, ...] = ()


class Resources(Frozen):
    """What the organiser's run of the container took."""

    seconds_per_case: Annotated[float, Field(ge=0)]
    """Median over the cases."""
    seconds_per_case_most: Annotated[float, Field(ge=0)]
    peak_memory_mib: Annotated[float, Field(ge=0)] | None
    gpu_memory_mib: Annotated[float, Field(ge=0)] | None
    gpu: Line | None


class Entry(Frozen):
    """One entry: adding an entrant to a board is adding this file."""

    schema_version: Version = "1.0.0"
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
    """Of the private `result.json`, so that its owner can prove it is the same."""
    cases_digest: Digest | None
    """Of the private `cases.jsonl`; None when there is none, and then no rank interval."""
    resources: Resources | None = None
    tasks: tuple[PublicTask, ...]
    reporting: dict[Slug, Prose] = Field(default_factory=dict)
    """Answers to reporting checklists by item id, as the entrant gave them."""
    notes: tuple[Line, ...] = ()
    """What the organiser wants a reader to know."""
