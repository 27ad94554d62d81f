"""JSON Schemas of the contract, generated from its models."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from schema.board import Board
from schema.cohort import ClinicalRow, CohortManifest, ReaderRow
from schema.entry import Entry
from schema.execution import CaseRun, ExecutionRecord, ExecutionSummary, RunPlan
from schema.finding import Finding
from schema.importing import ImportMapping
from schema.label import LabelMap
from schema.ledger import LedgerLine
from schema.partition import SealManifest, SealNonces, SplitManifest
from schema.published import PublishedNumbers
from schema.result import CaseScore, Result, RunRecord, TaskResult
from schema.standings import Standings
from schema.submission import NodePrediction, PositivityPrediction, SubmissionManifest
from schema.task import Metric, Task

MODELS: tuple[type[BaseModel], ...] = (
    Board,
    CaseRun,
    CaseScore,
    ClinicalRow,
    CohortManifest,
    Entry,
    ExecutionRecord,
    ExecutionSummary,
    Finding,
    ImportMapping,
    LabelMap,
    LedgerLine,
    Metric,
    NodePrediction,
    PositivityPrediction,
    PublishedNumbers,
    ReaderRow,
    Result,
    RunPlan,
    RunRecord,
    SealManifest,
    SealNonces,
    SplitManifest,
    Standings,
    SubmissionManifest,
    Task,
    TaskResult,
)
"""Every model that a file is made of."""


def json_schemas() -> dict[str, dict[str, Any]]:
    """The JSON Schema (draft 2020-12) of each model, by its name."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {model.__name__: {**dialect, **model.model_json_schema()} for model in MODELS}
