"""The contract: frozen models of every file that crosses a border of the kit."""

from schema.board import Board
from schema.cohort import ClinicalRow, CohortManifest, ReaderRow
from schema.entry import Entry
from schema.execution import CaseRun, ExecutionRecord, ExecutionSummary, RunPlan
from schema.finding import Finding
from schema.label import Label, LabelMap
from schema.ledger import LedgerLine
from schema.published import PublishedNumbers
from schema.result import CaseScore, Result, RunRecord, TaskResult
from schema.standings import Standings
from schema.submission import PositivityPrediction, SubmissionManifest
from schema.task import Metric, Task

__all__ = [
    "Board",
    "CaseRun",
    "CaseScore",
    "ClinicalRow",
    "CohortManifest",
    "Entry",
    "ExecutionRecord",
    "ExecutionSummary",
    "Finding",
    "Label",
    "LabelMap",
    "LedgerLine",
    "Metric",
    "PositivityPrediction",
    "PublishedNumbers",
    "ReaderRow",
    "Result",
    "RunPlan",
    "RunRecord",
    "Standings",
    "SubmissionManifest",
    "Task",
    "TaskResult",
]
