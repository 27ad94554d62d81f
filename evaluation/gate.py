"""The gate before scoring: every submission passes it, and nothing passes it unseen.

A header is checked before any voxel is decompressed. Every problem becomes a finding; a finding
that fails its case makes that case score the declared worst value, and the run goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from evaluation.node_table import NO_TABLE, NodeTable, inspect_node_table, inspect_points
from schema.errors import CohortError, SubmissionError, Unreadable, UnreadableFileError
from schema.finding import Finding
from schema.submission import PositivityPrediction, SubmissionManifest
from schema.terms import TaskId
from tasks.checks.manifest import ManifestInvalid, ManifestUnreadable, TaskFacts, TaskNotOffered
from tasks.checks.positivity_table import (
    ROW_CHECKS,
    TABLE_CHECKS,
    ColumnsWrong,
    TableFacts,
    TableUnreadable,
)
from tasks.cohort import Cohort
from tasks.files import (
    read_header,
    read_table,
    read_toml_model,
)
from tasks.geometry import Geometry
from tasks.inspection import Inspected, inspect_folder, inspect_mask, run_checks
from tasks.layout import MASK_TASKS, SUBMISSION_MANIFEST
from tasks.node_measurement import node_parts_of_task
from tasks.specification import load_tasks
from tasks.tables import complaints, parse_rows

TABLE_BYTES_PER_CASE = 4096
TABLE_BYTES_AT_LEAST = 1 << 16
MANIFEST_BYTES = 1 << 17
"""The longest sound manifest has a sixth of it; hostile TOML takes time that grows faster."""


class InspectedTable(NamedTuple):
    """The rows that passed, by case, and every finding."""

    predictions: dict[str, PositivityPrediction]
    findings: tuple[Finding, ...]


def read_manifest(folder: Path) -> SubmissionManifest:
    """Read `submission.toml`.

    Raises:
        SubmissionError: it is missing or wrong; carries the findings.
    """
    try:
        return read_toml_model(
            folder / SUBMISSION_MANIFEST, SubmissionManifest, limit=MANIFEST_BYTES
        )
    except UnreadableFileError as error:
        found = ManifestUnreadable.findings(str(error), where=SUBMISSION_MANIFEST)
    except ValidationError as error:
        found = ManifestInvalid.findings(complaints(error), where=SUBMISSION_MANIFEST)
    raise SubmissionError(f"{folder}: {SUBMISSION_MANIFEST} cannot be used", findings=found)


class Entry(NamedTuple):
    """What a submission enters of a cohort."""

    manifest: SubmissionManifest
    tasks: tuple[TaskId, ...]
    """Those that the cohort can score, in the kit's order; at least one."""
    findings: tuple[Finding, ...]


def read_entry(folder: Path, *, cohort: Cohort) -> Entry:
    """Read what a submission enters.

    Raises:
        SubmissionError: the manifest cannot be used, or names no task of the cohort.
    """
    manifest, offered = read_manifest(folder), cohort.manifest.tasks
    facts = TaskFacts(entered=manifest.tasks, offered=offered)
    findings = run_checks((TaskNotOffered,), facts, where=SUBMISSION_MANIFEST)
    tasks = tuple(task for task in TaskId if task in manifest.tasks and task in offered)
    if not tasks:
        message = f"{folder}: it enters no task of the cohort"
        raise SubmissionError(message, findings=findings)
    return Entry(manifest, tasks, findings)


def image_grid(cohort: Cohort, *, task: TaskId, case_id: str) -> Geometry:
    """The grid a case's masks must be on: the image's, or where it is absent the reference's.

    Raises:
        CohortError: the cohort holds neither, or no readable geometry.
    """
    try:
        geometry = _header_geometry(cohort.image(case_id))
    except UnreadableFileError as error:
        if error.kind is not Unreadable.MISSING:
            raise CohortError(f"{cohort.image(case_id)}: {error}") from error
        geometry = _reference_geometry(cohort.mask(task, case_id))
    if geometry is None:
        raise CohortError(f"{case_id}: the cohort's own header has no usable orientation")
    return geometry


def _header_geometry(path: Path) -> Geometry | None:
    return read_header(path).geometry


def _reference_geometry(path: Path) -> Geometry | None:
    try:
        return _header_geometry(path)
    except UnreadableFileError as error:
        raise CohortError(f"{path}: {error}") from error


def inspect_table(folder: Path, *, cases: tuple[str, ...]) -> InspectedTable:
    """Check `positivity.csv` and read it; a row that a check fails is left out."""
    where, task = load_tasks()[TaskId.POSITIVITY].output, TaskId.POSITIVITY
    limit = TABLE_BYTES_AT_LEAST + TABLE_BYTES_PER_CASE * len(cases)
    try:
        table = read_table(folder / where, limit=limit)
    except UnreadableFileError as error:
        return InspectedTable(
            {}, run_checks((TableUnreadable,), str(error), where=where, task=task)
        )
    facts = TableFacts(table=table, cases=cases)
    if wrong := run_checks((ColumnsWrong,), facts, where=where, task=task):
        return InspectedTable({}, wrong)
    findings = [*run_checks(TABLE_CHECKS, facts, where=where, task=task)]
    rows = parse_rows(table, PositivityPrediction)
    for row in rows:
        line, case_id = f"{where}:line {row.line}", row.cells["case_id"]
        listed = case_id if case_id in cases else None
        found = run_checks(ROW_CHECKS, row, where=line, task=task, case_id=listed)
        # a line about nobody fails nobody
        findings += found if listed else [_harmless(each) for each in found]
    failed = failures(findings, task=task, cases=cases)
    sound = {row.model.case_id: row.model for row in rows if row.model is not None}
    return InspectedTable(
        {case_id: sound[case_id] for case_id in cases if case_id not in failed},
        tuple(findings),
    )


def _harmless(finding: Finding) -> Finding:
    return finding.model_copy(update={"fails_case": False})


def failures(
    findings: Iterable[Finding], *, task: TaskId, cases: tuple[str, ...]
) -> Mapping[str, tuple[str, ...]]:
    """Codes by failed case; a finding that names no case and fails cases fails every one."""
    codes: dict[str, set[str]] = {}
    for finding in findings:
        if finding.fails_case and finding.task is task:
            for case_id in cases if finding.case_id is None else (finding.case_id,):
                codes.setdefault(case_id, set()).add(finding.code)
    return {case_id: tuple(sorted(codes[case_id])) for case_id in cases if case_id in codes}


def check_submission(folder: Path, *, cohort: Cohort) -> Iterator[tuple[Finding, ...]]:
    """Run the whole gate, a step at a time so that progress can be shown.

    Raises:
        SubmissionError: as `read_entry`.
    """
    entry, cases = read_entry(folder, cohort=cohort), cohort.manifest.cases
    yield entry.findings
    for task in entry.tasks:
        if task not in MASK_TASKS:
            yield inspect_table(folder, cases=cases).findings
            continue
        table = inspect_node_table(folder, cases=cases) if task is TaskId.NODES else NO_TABLE
        yield (*inspect_folder(folder, task=task, cases=cases), *table.findings)
        for case_id in cases:
            image = image_grid(cohort, task=task, case_id=case_id)
            mask = inspect_mask(folder, task=task, case_id=case_id, image=image)
            yield (*mask.findings, *_point_findings(mask, table, image=image, case_id=case_id))


def _point_findings(
    mask: Inspected, table: NodeTable, *, image: Geometry, case_id: str
) -> tuple[Finding, ...]:
    """What is wrong with a case's lines of the node table; nothing where its mask is unusable."""
    lines = table.lines.get(case_id)
    if lines is None or mask.voxels is None:
        return ()
    parts = node_parts_of_task(mask.voxels)
    return inspect_points(lines, parts=parts, geometry=image, case_id=case_id).findings


def steps(folder: Path, *, cohort: Cohort) -> int:
    """How many steps `check_submission` takes.

    Raises:
        SubmissionError: as `check_submission`.
    """
    entered = read_entry(folder, cohort=cohort).tasks
    masks = sum(task in MASK_TASKS for task in entered)
    return 1 + len(entered) + masks * len(cohort.manifest.cases)
