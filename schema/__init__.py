"""The contract: frozen models of every file that crosses a border of the kit."""

from schema.cohort import ClinicalRow, CohortManifest, ReaderRow
from schema.finding import Finding
from schema.label import Label, LabelMap
from schema.result import CaseScore, Result, RunRecord, TaskResult
from schema.submission import PositivityPrediction, SubmissionManifest
from schema.task import Metric, Task

__all__ = [
    "CaseScore",
    "ClinicalRow",
    "CohortManifest",
    "Finding",
    "Label",
    "LabelMap",
    "Metric",
    "PositivityPrediction",
    "ReaderRow",
    "Result",
    "RunRecord",
    "SubmissionManifest",
    "Task",
    "TaskResult",
]
