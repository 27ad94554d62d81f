"""The contract: frozen models of every file that crosses a border of the kit."""

from schema.board import Board
from schema.cohort import ClinicalRow, CohortManifest, ReaderRow
from schema.entry import Entry
from schema.execution import CaseRun, ExecutionRecord, ExecutionSummary, RunPlan
from schema.finding import Finding
from schema.importing import ImportMapping
from schema.label import Label, LabelMap
from schema.ledger import LedgerLine
from schema.partition import SealManifest, SealNonces, SplitManifest
from schema.published import PublishedNumbers
from schema.result import CaseScore, Result, RunRecord, TaskResult
from schema.standings import Standings
from schema.submission import NodePrediction, PositivityPrediction, SubmissionManifest
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
    "ImportMapping",
    "Label",
    "LabelMap",
    "LedgerLine",
    "Metric",
    "NodePrediction",
    "PositivityPrediction",
    "PublishedNumbers",
    "ReaderRow",
    "Result",
    "RunPlan",
    "RunRecord",
    "SealManifest",
    "SealNonces",
    "SplitManifest",
    "Standings",
    "SubmissionManifest",
    "Task",
    "TaskResult",
]
