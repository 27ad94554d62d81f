"""Results at the edges: findings, an empty submission, one patient, hostile text."""

from __future__ import annotations

from schema.finding import Finding
from schema.result import CaseScore, Result, TaskResult
from schema.submission import SubmissionManifest
from schema.terms import NodeClass, Outcome, TaskId
from tasks.specification import load_tasks
from tests.evaluation.sample_cases import PATIENTS, case_id, dice_case, node
from tests.evaluation.sample_results import (
    DIGEST,
    STATUS_MATRIX,
    curve,
    figure,
    full_coverage,
    missing_figure,
    pair_agreement,
    result,
    scopes_of,
    task_result,
    worst_figure,
)


def findings(*, n: int = 7) -> tuple[Finding, ...]:
    """Missing files, and one remark that fails no case."""
    absent = tuple(
        Finding(
            code="LLN011",
            title="A mask is missing",
            where=f"compartments/{case_id(40 + index)}.nii.gz",
            expected="one mask for each case of the cohort",
            got="no such file",
            fix="Write a mask for every case, an empty one where nothing is found.",
            case_id=case_id(40 + index),
            task=TaskId.COMPARTMENTS,
            fails_case=True,
        )
        for index in range(n)
    )
    remark = Finding(
        code="LLN013",
        title="A file is not asked for",
        where="compartments/notes.txt",
        expected="masks of the cohort's cases only",
        got="notes.txt",
        fix="Remove it.",
        fails_case=False,
    )
    return (*absent, remark)


def empty_submission_result() -> Result:
    """Every case of every task failed."""
    tasks = load_tasks()
    return result(
        *(
            TaskResult(
                task=task_id,
                task_version="1.0.0",
                task_digest=DIGEST,
                coverage=full_coverage(failed=PATIENTS),
                figures=tuple(
                    missing_figure(metric, scope, reason="no case was answered")
                    if metric.worst is None
                    else worst_figure(metric, scope)
                    for metric in task.metrics
                    for scope in scopes_of(metric, task_id)
                ),
                matrices=(STATUS_MATRIX.model_copy(update={"cells": ((0, 61), (419, 0))}),)
                if task_id is TaskId.POSITIVITY
                else (),
            )
            for task_id, task in tasks.items()
        )
    )


def one_patient_result() -> Result:
    """One negative patient, one node on either side: most figures have no value."""
    task = load_tasks()[TaskId.POSITIVITY]
    reason = "no positive patient"
    positivity = TaskResult(
        task=TaskId.POSITIVITY,
        task_version="1.0.0",
        task_digest=DIGEST,
        coverage=full_coverage(n=1),
        figures=(
            figure(task.metric("accuracy"), "all", n=1),
            missing_figure(task.metric("sensitivity"), "all", reason=reason),
            missing_figure(task.metric("auroc"), "all", reason="one class only"),
        ),
        matrices=(STATUS_MATRIX.model_copy(update={"cells": ((0, 0), (0, 1))}),),
        agreement=(pair_agreement("model", "consensus", value=None),),
        survival=(curve(Outcome.DFS, "model", NodeClass.NEGATIVE, n=1, rate=0.0),),
    )
    nodes = task_result(TaskId.NODES, n=1).model_copy(update={"matrices": ()})
    return result(positivity, nodes, n=1)


def one_patient_cases() -> tuple[CaseScore, ...]:
    """One case with one matched node."""
    case = dice_case(TaskId.NODES, 0, {"positive_node": 0.7})
    nodes = {
        "reference_nodes": (node(1, 7.0, matched=1),),
        "prediction_nodes": (node(1, 6.4, matched=1),),
    }
    return (case.model_copy(update=nodes),)


HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</title></style></textarea><script>alert(1)</script>",
    "{{ 7 * 7 }}{% raw %}<!--",
    "]]><b>&lt;i&gt;&#60;u&#62;",
    "\u202egnp.exe\u202c<a href=javascript:alert(1)>x</a>",
)
"""Text that would do harm, or break the page, wherever it came out as written."""


def hostile_result(text: str = "".join(HOSTILE)) -> Result:
    """A submission whose every free text is hostile."""
    harmless = result(task_result(TaskId.POSITIVITY, failed=1))
    submission = SubmissionManifest(
        team="harmless",
        model="harmless",
        tasks=(TaskId.POSITIVITY,),
        url="https://example.org/{{7*7}}?a=1&lt;b=javascript:alert(1)",
    )
    # copied, because the contract itself refuses text that turns the direction of reading
    submission = submission.model_copy(
        update={"team": text[:200], "model": text[:200], "description": text}
    )
    cohort = harmless.cohort.model_copy(update={"name": text[:200]})
    return harmless.model_copy(update={"submission": submission, "cohort": cohort})


def hostile_findings(text: str = "".join(HOSTILE)) -> tuple[Finding, ...]:
    """One finding whose every text is hostile."""
    return (
        Finding(
            code="LLN011",
            title=text,
            where=text,
            expected=text,
            got=text,
            fix=text,
            fails_case=True,
        ),
    )
