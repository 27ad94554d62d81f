"""The contract: frozen models of every file that crosses a border of the kit."""

from schema.cohort import ClinicalRow, CohortManifest, ReaderRow
from schema.execution import CaseRun, ExecutionRecord, ExecutionSummary, RunPlan
from schema.finding import Finding
from schema.label import Label, LabelMap
from schema.result import CaseScore, Result, RunRecord, TaskResult
from schema.submission import PositivityPrediction, SubmissionManifest
from schema.task import Metric, Task

__all__ = [
    "CaseRun",
    "CaseScore",
    "ClinicalRow",
    "CohortManifest",
    "ExecutionRecord",
    "ExecutionSummary",
    "Finding",
    "Label",
    "LabelMap",
    "Metric",
    "PositivityPrediction",
    "ReaderRow",
    "Result",
    "RunPlan",
    "RunRecord",
    "SubmissionManifest",
    "Task",
    "TaskResult",
]
