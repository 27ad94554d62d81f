"""What a container run leaves behind: a private record, and a summary that may be shown."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from schema.base import CaseId, Count, Digest, Frozen, Line, Version
from schema.task import Limits
from schema.terms import TaskId

EXECUTION_SCHEMA_VERSION = "1.0.0"


class FailureCode(StrEnum):
    """Why a case has no answer. All that an entrant is told."""

    MODEL_EXIT = "model_exit"
    """The model ended with an exit code other than 0, or could not be started."""
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    OUTPUT_QUOTA = "output_quota"
    """More bytes or more entries in /output than allowed."""
    CONTRACT_BREACH = "contract_breach"
    """It ended well, and an answer is absent, misnamed, a link, or not of this case."""
    INFRASTRUCTURE = "infrastructure"
    """The engine or the host failed, twice. Not the entrant's fault, and run again next time."""


class Mode(StrEnum):
    """How many cases a container is given."""

    CASE = "case"
    """One container a case."""
    BATCH = "batch"
    """One container for all cases, after a first case on its own."""


class RunPlan(Frozen):
    """Everything that decides what a run answers; the digest of it is the run's key."""

    contract: Version
    image: Digest
    inputs: Digest
    """Of the cohort's case ids and images, and of nothing else in it."""
    weights: Digest | None = None
    """Of the folder mounted at /model, if one is."""
    tasks: Annotated[tuple[TaskId, ...], Field(min_length=1)]
    limits: Limits
    """Over the tasks entered, the largest of each."""
    mode: Mode
    gpus: Count
    """Given to the container; 0 where the engine has none."""


class EngineHost(Frozen):
    """The machine that ran the containers."""

    platform: Line
    engine: Line
    """Name and version."""
    cpus: Annotated[int, Field(gt=0)]
    memory_mib: Annotated[int, Field(gt=0)]
    gpu: Line | None = None


class CaseRun(Frozen):
    """One case: answered, or failed by one code. Private."""

    case_id: CaseId
    status: Literal["ok", "failed"]
    code: FailureCode | None = None
    detail: Line | None = None
    """For the organiser only: what the code was given for."""
    attempts: Annotated[int, Field(ge=1)]
    seconds: Annotated[float, Field(ge=0)]
    """Wall clock of its container, which in batch mode it shares with other cases."""
    peak_memory_mib: Annotated[float, Field(ge=0)] | None
    """None when the container ended before the engine gave a reading."""
    gpu_memory_mib: Annotated[float, Field(ge=0)] | None
    gpu_memory_reason: Line | None
    """Why GPU memory was not measured."""
    outputs: dict[TaskId, Digest]
    """Digest of each answer by task, as it was taken out."""
    node_table: Digest | None = None
    """Digest of its lines of `nodes.csv`, if that table was written."""

    @model_validator(mode="after")
    def _failed_by_a_code(self) -> Self:
        if (self.status == "failed") != (self.code is not None):
            raise ValueError("a failed case has a code, an answered one has none")
        if (self.status == "failed") == bool(self.outputs):
            raise ValueError("an answered case has outputs, a failed one has none")
        if self.status == "failed" and self.node_table is not None:
            raise ValueError("a failed case has no node_table")
        return self

    @model_validator(mode="after")
    def _measured_or_explained(self) -> Self:
        if (self.gpu_memory_mib is None) != (self.gpu_memory_reason is not None):
            raise ValueError("give either gpu_memory_mib, or a gpu_memory_reason")
        return self


class ExecutionSummary(Frozen):
    """What may be shown of a run: how many cases failed by which code, and no case by name."""

    schema_version: Version = EXECUTION_SCHEMA_VERSION
    image: Digest
    mode: Mode
    cases: Annotated[int, Field(ge=1)]
    ok: Count
    not_run: Count
    failures: dict[FailureCode, Annotated[int, Field(ge=1)]]

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.ok + self.not_run + sum(self.failures.values()) != self.cases:
            raise ValueError("ok, not_run and failures must add up to cases")
        return self


class ExecutionRecord(Frozen):
    """`execution.json`: what was run where, within which limits, and how each case went. Private.

    A resumed run keeps the cases that are done, so that only `started_utc` and `host` are those of
    the last command.
    """

    schema_version: Version = EXECUTION_SCHEMA_VERSION
    key: Digest
    """Of the plan: the same plan continues the same run."""
    plan: RunPlan
    host: EngineHost
    started_utc: AwareDatetime
    cohort_cases: Annotated[int, Field(ge=1)]
    cases: tuple[CaseRun, ...]
    """In the cohort's order; fewer than `cohort_cases` when the run was stopped."""

    @model_validator(mode="after")
    def _in_utc(self) -> Self:
        if self.started_utc.utcoffset() != timedelta(0):
            raise ValueError("started_utc must be in UTC, with an offset of zero")
        return self

    @model_validator(mode="after")
    def _cases_are_of_the_cohort(self) -> Self:
        if len({each.case_id for each in self.cases}) != len(self.cases):
            raise ValueError("cases must not repeat")
        if len(self.cases) > self.cohort_cases:
            raise ValueError("there are more cases than cohort_cases")
        return self

    def summary(self) -> ExecutionSummary:
        """What an entrant may be told."""
        failures = Counter(each.code for each in self.cases if each.code is not None)
        return ExecutionSummary(
            image=self.plan.image,
            mode=self.plan.mode,
            cases=self.cohort_cases,
            ok=sum(each.status == "ok" for each in self.cases),
            not_run=self.cohort_cases - len(self.cases),
            failures=dict(sorted(failures.items())),
        )
