"""JSON Schemas of the contract, generated from its models."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from schema.cohort import ClinicalRow, CohortManifest, ReaderRow
from schema.execution import CaseRun, ExecutionRecord, ExecutionSummary, RunPlan
from schema.finding import Finding
from schema.label import LabelMap
from schema.result import CaseScore, Result, RunRecord, TaskResult
from schema.submission import PositivityPrediction, SubmissionManifest
from schema.task import Metric, Task

MODELS: tuple[type[BaseModel], ...] = (
    CaseRun,
    CaseScore,
    ClinicalRow,
    CohortManifest,
    ExecutionRecord,
    ExecutionSummary,
    Finding,
    LabelMap,
    Metric,
    PositivityPrediction,
    ReaderRow,
    Result,
    RunPlan,
    RunRecord,
    SubmissionManifest,
    Task,
    TaskResult,
)
"""Every model that a file is made of."""


def json_schemas() -> dict[str, dict[str, Any]]:
    """The JSON Schema (draft 2020-12) of each model, by its name."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {model.__name__: {**dialect, **model.model_json_schema()} for model in MODELS}
