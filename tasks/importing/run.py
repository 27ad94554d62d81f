"""Every study of an import, then the tables and, last of all, the manifest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from joblib import Parallel, delayed
from pydantic import BaseModel

from schema.cohort import ClinicalRow, CohortManifest, ReaderRow
from schema.errors import FolderError
from schema.finding import Finding
from schema.terms import Reader, TaskId
from tasks.files import toml_text, write_models, write_text
from tasks.importing.case import CaseOutcome, import_case, jobs_of
from tasks.importing.plan import CasePlan, ImportPlan
from tasks.importing.state import forget_others
from tasks.layout import (
    CLINICAL,
    CLINICAL_COLUMNS,
    COHORT_MANIFEST,
    READER_COLUMNS,
    READERS,
)
from tasks.specification import label_map


def import_cases(plan: ImportPlan, *, out: Path, work: Path, jobs: int) -> Iterator[CaseOutcome]:
    """Import each case of a plan, in its order; any number of jobs gives the same bytes.

    Args:
        plan: as `plan_import` makes it.
        out: the cohort folder.
        work: the folder of records, opened with `tasks.importing.state.opened`.
        jobs: processes to use; each holds one case at a time.
    """
    forget_others(work, out=out, kept=[case.case_id for case in plan.cases])
    work_to_do = (delayed(import_case)(job) for job in jobs_of(plan, out=out, work=work))
    yield from Parallel(n_jobs=jobs, return_as="generator")(work_to_do)


def findings_of(plan: ImportPlan, outcomes: Sequence[CaseOutcome]) -> tuple[Finding, ...]:
    """Everything doubtful, what belongs to no case first."""
    return (*plan.findings, *(each for outcome in outcomes for each in outcome.record.findings))


def write_cohort(plan: ImportPlan, outcomes: Sequence[CaseOutcome], *, out: Path) -> int:
    """Write tables and manifest of the cases that were imported; returns how many there are.

    Raises:
        FolderError: none was.
    """
    names = [outcome.record.case_id for outcome in outcomes if outcome.record.imported]
    if not names:
        findings = findings_of(plan, outcomes)
        raise FolderError("no study is sound: no cohort was written", findings=findings)
    cases = [case for case in plan.cases if case.case_id in set(names)]
    clinical = [row for case in cases for row in _clinical(case)]
    readers = [row for case in cases for row in _readers(case)]
    _write_or_remove(out / CLINICAL, clinical, columns=CLINICAL_COLUMNS)
    _write_or_remove(out / READERS, readers, columns=READER_COLUMNS)
    write_text(out / COHORT_MANIFEST, toml_text(_manifest(plan, names=names, clinical=clinical)))
    return len(names)


def _write_or_remove(path: Path, rows: Sequence[BaseModel], *, columns: Sequence[str]) -> None:
    if rows:
        write_models(path, rows, columns=columns)
    else:
        path.unlink(missing_ok=True)


def _clinical(case: CasePlan) -> list[ClinicalRow]:
    return [] if case.rows is None or case.rows.clinical is None else [case.rows.clinical]


def _readers(case: CasePlan) -> list[ReaderRow]:
    rows = () if case.rows is None else case.rows.readers
    order = list(Reader)
    return sorted(rows, key=lambda row: order.index(row.reader))


def _manifest(
    plan: ImportPlan, *, names: Sequence[str], clinical: Sequence[ClinicalRow]
) -> dict[str, object]:
    """What the mapping says of the cohort, with its cases; checked by its contract."""
    stated = plan.mapping.cohort
    centres = {row.centre for row in clinical}
    if stated.centre is not None:
        centres = {stated.centre}
    manifest: dict[str, object] = {
        "name": stated.name,
        "licence": stated.licence,
        "split": stated.split.value,
        "label_map_version": label_map(TaskId.COMPARTMENTS).version,
        "centres": sorted(centres),
        "tasks": [task.value for task in TaskId if task in stated.tasks],
        "cases": list(names),
        "description": stated.description,
    }
    CohortManifest.model_validate(manifest, strict=False)
    return manifest
