"""From two folders to a result: reads, calls the pure scorers, writes. The scorer's only edge."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation import (
    clinical_statistics,
    compartments,
    nodes,
    positivity,
    prognosis,
    rater_figures,
)
from evaluation.gate import (
    InspectedTable,
    failures,
    inspect_table,
    read_entry,
)
from evaluation.intervals import Estimate, no_estimate, resample_weights
from evaluation.mask_cases import score_masks
from evaluation.methods_paragraph import methods_text
from evaluation.node_table import NO_TABLE, NodeTable, inspect_node_table
from evaluation.report import render_report
from evaluation.sheet_formats import FOLDER, sheet_files
from evaluation.tables.clinical import clinical_sheets
from schema.finding import Finding
from schema.result import (
    CaseScore,
    CohortSummary,
    Coverage,
    Provenance,
    Result,
    RunRecord,
    TaskResult,
)
from schema.statistics import LimitsOfAgreement
from schema.submission import SubmissionManifest
from schema.terms import Reader, Status, TaskId
from tasks.checks.node_table import ALL_NODE_TABLE_CHECKS
from tasks.cohort import Cohort
from tasks.files import (
    canonical_json,
    digest_bytes,
    digest_folder,
    json_line,
    write_text,
)
from tasks.inspection import inspect_folder
from tasks.layout import COHORT_NAMES, MASK_TASKS, NODE_TABLE, SUBMISSION_NAMES
from tasks.specification import load_tasks, task_digest

KIT = "lln-challenge-kit"
LIBRARIES = (
    "connected-components-3d",
    "deflate",
    "isal",
    "lifelines",
    "nibabel",
    "numba",
    "numpy",
    "pandas",
    "pydantic",
    "scipy",
)
NO_PROBABILITIES = f"the submission gives no probabilities of nodes: it has no {NODE_TABLE}"
RESULT, CASES, REPORT, RUN = "result.json", "cases.jsonl", "report.html", "run.json"
TABLES, METHODS = FOLDER, "methods.txt"


class Scored(NamedTuple):
    """Everything one evaluation gives."""

    result: Result
    cases: tuple[CaseScore, ...]
    findings: tuple[Finding, ...]


def evaluate(
    cohort: Cohort,
    submission: Path,
    *,
    jobs: int = 1,
    on_case: Callable[[], None] = lambda: None,
) -> Scored:
    """Score a submission on a cohort.

    Args:
        cohort: with its reference standard.
        submission: a folder with `submission.toml` and the answers.
        jobs: processes for the cases; any number gives the same result.
        on_case: called after each case, for a progress bar.

    Raises:
        SubmissionError: the submission's manifest cannot be used.
        CohortError: the reference standard cannot be read.
    """
    manifest, entered, tasks = read_entry(submission, cohort=cohort)
    names = _folder_findings(submission, cohort=cohort, tasks=entered)
    of_nodes, table = _tables(submission, cohort=cohort, tasks=entered)
    masks = score_masks(
        cohort,
        submission,
        tasks=entered,
        names=names,
        table=of_nodes,
        jobs=jobs,
        on_case=on_case,
    )
    findings = (
        *tasks,
        *names,
        *of_nodes.findings,
        *(each for case in masks for each in case.findings),
        *table.findings,
    )
    weights, no_froc = _weights(cohort), _why_no_froc(of_nodes, findings=findings)
    cases = [score for case in masks for score in case.scores]
    results = [
        _mask_result(task, cohort=cohort, cases=cases, weights=weights, no_froc=no_froc)
        for task in entered
        if task in MASK_TASKS
    ]
    if TaskId.POSITIVITY in entered:
        patients, result = _positivity_result(cohort, table, weights=weights)
        cases += patients
        results.append(result)
    return Scored(
        result=_result(cohort, submission, manifest=manifest, tasks=results),
        cases=tuple(sorted(cases, key=lambda score: (score.case_id, score.task.value))),
        findings=tuple(sorted(findings, key=_finding_order)),
    )


def steps(submission: Path, *, cohort: Cohort) -> int:
    """How often `evaluate` calls `on_case`.

    Raises:
        SubmissionError: as `evaluate`.
    """
    entered = read_entry(submission, cohort=cohort).tasks
    return len(cohort.manifest.cases) if set(MASK_TASKS) & set(entered) else 0


def _tables(
    submission: Path, *, cohort: Cohort, tasks: Sequence[TaskId]
) -> tuple[NodeTable, InspectedTable]:
    """Both tables, checked; empty ones for tasks that are not entered."""
    cases, of_nodes, of_patients = cohort.manifest.cases, NO_TABLE, InspectedTable({}, ())
    if TaskId.NODES in tasks:
        of_nodes = inspect_node_table(submission, cases=cases)
    if TaskId.POSITIVITY in tasks:
        of_patients = inspect_table(submission, cases=cases)
    return of_nodes, of_patients


def _finding_order(finding: Finding) -> tuple[str, str, str]:
    return finding.code, finding.case_id or "", finding.where


def _folder_findings(
    submission: Path, *, cohort: Cohort, tasks: Sequence[TaskId]
) -> tuple[Finding, ...]:
    return tuple(
        finding
        for task in tasks
        if task in MASK_TASKS
        for finding in inspect_folder(submission, task=task, cases=cohort.manifest.cases)
    )


def _weights(cohort: Cohort) -> NDArray[np.int32]:
    """Patient resamples within centres, shape (resamples, cases), columns in the manifest's order.

    They are drawn in the order of the case ids, so that the order of the manifest changes no draw,
    and from the task files' seed, so that every task and every entrant meets the same ones.
    """
    rules, cases = load_tasks()[TaskId.COMPARTMENTS].resampling, cohort.manifest.cases
    by_id = np.argsort(cases)
    clinical = (cohort.clinical.get(cases[index]) for index in by_id)
    strata = np.unique([row.centre if row else "" for row in clinical], return_inverse=True)[1]
    rng = np.random.default_rng(rules.seed)
    weights = np.empty((rules.resamples, len(cases)), dtype=np.int32)
    weights[:, by_id] = resample_weights(strata=strata, resamples=rules.resamples, rng=rng)
    return weights


def _mask_result(
    task_id: TaskId,
    *,
    cohort: Cohort,
    cases: Sequence[CaseScore],
    weights: NDArray[np.int32],
    no_froc: Estimate | None,
) -> TaskResult:
    task = load_tasks()[task_id]
    mine = [case for case in cases if case.task is task_id]
    assert [case.case_id for case in mine] == list(cohort.manifest.cases), "one score a case"
    is_nodes = task_id is TaskId.NODES
    summarise = nodes.summarise if is_nodes else compartments.summarise
    result = TaskResult(
        task=task_id,
        task_version=task.version,
        task_digest=task_digest(task_id),
        coverage=coverage(mine),
        figures=summarise(mine, task=task, weights=weights),
    )
    if not is_nodes:
        return result
    figure, curve = nodes.froc(mine, task=task, weights=weights, absent=no_froc)
    return result.model_copy(
        update={
            "figures": (*result.figures, figure),
            "matrices": (nodes.class_matrix(mine),),
            "short_axis": (_matched_short_axis(mine, level=task.resampling.level),),
            "froc": curve,
        }
    )


def _why_no_froc(table: NodeTable, *, findings: Sequence[Finding]) -> Estimate | None:
    """Why the FROC cannot be computed; None when every predicted node has its probability."""
    if not table.given:
        return no_estimate(NO_PROBABILITIES, n=0, status=Status.NOT_APPLICABLE)
    of_table = {check.code for check in ALL_NODE_TABLE_CHECKS}
    broken = sorted({each.code for each in findings} & of_table)
    if not broken:
        return None
    reason = f"{NODE_TABLE} does not pass the gate: {', '.join(broken)}"
    return no_estimate(reason, n=0, status=Status.INVALID)


def _matched_short_axis(cases: Sequence[CaseScore], *, level: float) -> LimitsOfAgreement:
    pairs = [
        (reference.short_axis_mm, prediction.short_axis_mm)
        for case in cases
        for reference, prediction in nodes.matched_pairs(case)
    ]
    return clinical_statistics.short_axis_limits(pairs, scope=nodes.MATCHED, level=level)


def coverage(cases: Sequence[CaseScore]) -> Coverage:
    """How many cases were answered, and the failures by code."""
    failed = [case for case in cases if case.status == "failed"]
    codes = Counter(code for case in failed for code in case.codes)
    return Coverage(
        cases=len(cases),
        scored=len(cases) - len(failed),
        failed=len(failed),
        failures=dict(sorted(codes.items())),
    )


def _positivity_result(
    cohort: Cohort, table: InspectedTable, *, weights: NDArray[np.int32]
) -> tuple[tuple[CaseScore, ...], TaskResult]:
    task = load_tasks()[TaskId.POSITIVITY]
    answers = _answers(cohort, table)
    cases = positivity.score_cases(answers)
    result = TaskResult(
        task=task.id,
        task_version=task.version,
        task_digest=task_digest(task.id),
        coverage=coverage(cases),
        figures=(
            *positivity.figures(answers, task=task, weights=weights),
            *rater_figures.figures(answers, task=task, weights=weights),
            *prognosis.figures(answers, task=task, weights=weights),
        ),
        matrices=positivity.confusion_matrices(answers, task=task),
        agreement=positivity.pairwise_agreement(answers, level=task.resampling.level),
        survival=prognosis.survival_curves(answers, task=task),
        statistics=clinical_statistics.statistics(answers, task=task, weights=weights),
        short_axis=(clinical_statistics.dominant_short_axis(answers, level=task.resampling.level),),
    )
    return cases, result


def _answers(cohort: Cohort, table: InspectedTable) -> positivity.Answers:
    cases = cohort.manifest.cases
    codes = failures(table.findings, task=TaskId.POSITIVITY, cases=cases)
    return positivity.Answers(
        case_ids=cases,
        reference=tuple(cohort.readers[Reader.CONSENSUS][case_id] for case_id in cases),
        prediction=tuple(table.predictions.get(case_id) for case_id in cases),
        codes=tuple(codes.get(case_id, ()) for case_id in cases),
        readers={
            reader: tuple(rows.get(case_id) for case_id in cases)
            for reader, rows in cohort.readers.items()
            if reader is not Reader.CONSENSUS
        },
        clinical=tuple(cohort.clinical.get(case_id) for case_id in cases),
    )


def _result(
    cohort: Cohort,
    submission: Path,
    *,
    manifest: SubmissionManifest,
    tasks: Sequence[TaskResult],
) -> Result:
    rules = load_tasks()[TaskId.COMPARTMENTS].resampling
    digest = digest_folder(cohort.folder, names=COHORT_NAMES)
    return Result(
        submission=manifest,
        cohort=CohortSummary(
            name=cohort.manifest.name,
            split=cohort.manifest.split,
            cases=len(cohort.manifest.cases),
            centres=len(cohort.manifest.centres),
            label_map_version=cohort.manifest.label_map_version,
            digest=digest,
        ),
        provenance=Provenance(
            kit_version=version(KIT),
            libraries={name: version(name) for name in LIBRARIES},
            seed=rules.seed,
            resamples=rules.resamples,
            cohort_digest=digest,
            submission_digest=digest_folder(submission, names=SUBMISSION_NAMES),
            image_digest=manifest.image,
        ),
        tasks=tuple(tasks),
    )


def write_evaluation(scored: Scored, *, out: Path, started: datetime, seconds: float) -> None:
    """Write `result.json`, `cases.jsonl`, `report.html`, `run.json`, tables and methods.

    The tables go to `tables/*.csv` and `*.tex`, which replace those of an earlier run, and the
    methods to `methods.txt`. All but `run.json`, which holds the time and the machine, depends on
    nothing but its input.
    """
    text = canonical_json(scored.result.model_dump(mode="json"))
    lines = (json_line(case.model_dump(mode="json")) for case in scored.cases)
    page = render_report(
        scored.result, tasks=load_tasks(), cases=scored.cases, findings=scored.findings
    )
    record = RunRecord(
        started_utc=started,
        seconds=round(seconds, 3),
        platform=platform.platform(),
        python=platform.python_version(),
        result_digest=digest_bytes(text.encode()),
        provenance=scored.result.provenance,
        findings=scored.findings,
    )
    write_text(out / RESULT, text)
    write_text(out / CASES, "".join(lines))
    write_text(out / REPORT, page)
    _write_tables(scored.result, out=out)
    write_text(out / RUN, canonical_json(record.model_dump(mode="json")))


def _write_tables(result: Result, *, out: Path) -> None:
    """The clinical tables and the methods; a table that the result no longer has is removed."""
    sheets = clinical_sheets(result, tasks=load_tasks())
    files = {path: text for sheet in sheets for path, text in sheet_files(sheet).items()}
    for suffix in ("csv", "tex"):
        for path in (out / TABLES).glob(f"*.{suffix}"):
            path.unlink()
    for name, text in files.items():
        write_text(out / name, text)
    write_text(out / METHODS, methods_text(result, tasks=load_tasks()))
