"""The replica of the paper's cohort, scored once a test module's process, and its report."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from evaluation.report import render_report
from evaluation.run import Scored, evaluate
from schema.result import TaskResult
from schema.statistics import Statistics, SurvivalGrouping
from schema.task import OutcomeRules, Task
from schema.terms import Outcome, TaskId
from tasks.cohort import read_cohort
from tasks.specification import load_tasks

FOLDER = Path(__file__).parents[2] / "tasks" / "replica"


@cache
def scored() -> Scored:
    """480 patients, every answer given, both outcomes followed."""
    return evaluate(read_cohort(FOLDER), FOLDER / "submission")


@cache
def html() -> str:
    """Its report."""
    found = scored()
    return render_report(
        found.result, tasks=load_tasks(), cases=found.cases, findings=found.findings
    )


def task() -> Task:
    """The positivity task."""
    return load_tasks()[TaskId.POSITIVITY]


def task_result() -> TaskResult:
    """Its only task."""
    return scored().result.task(TaskId.POSITIVITY)


def statistics() -> Statistics:
    """The clinical statistics."""
    found = task_result().statistics
    assert found is not None
    return found


def rules(outcome: Outcome) -> OutcomeRules:
    """Title and horizon of an outcome."""
    return next(each for each in task().outcomes if each.outcome is outcome)


def grouping(name: str, outcome: Outcome) -> SurvivalGrouping:
    """One split of the patients."""
    return next(g for g in statistics().groupings if (g.id, g.outcome) == (name, outcome))
