"""Looking at a folder of masks and at one mask: the same for a cohort and for a submission.

A header is checked before any voxel is decompressed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from schema.errors import UnreadableFileError
from schema.finding import Finding
from schema.terms import TaskId
from tasks.checks.base import Check, Facts, Problem
from tasks.checks.masks import (
    FOLDER_CHECKS,
    HEADER_CHECKS,
    READ_CHECKS,
    VOXEL_CHECKS,
    FileNotRegular,
    FolderFacts,
    HeaderFacts,
    VoxelFacts,
)
from tasks.files import is_folder, list_folder, read_header, read_voxels
from tasks.geometry import Geometry
from tasks.layout import mask_name
from tasks.specification import label_map, mask_rules


class Inspected(NamedTuple):
    """A mask that passed, or the findings for which it did not."""

    voxels: NDArray[Any] | None
    findings: tuple[Finding, ...]


def inspect_folder(folder: Path, *, task: TaskId, cases: tuple[str, ...]) -> tuple[Finding, ...]:
    """Check the names in a task's folder against the manifest's cases."""
    try:
        entries = list_folder(folder / task.value)
    except UnreadableFileError as error:
        problem = Problem("a folder", str(error))
        return (FileNotRegular.finding(problem, where=task.value, task=task),)
    names = {mask_name(case): case for case in cases}
    facts = FolderFacts(folder=task.value, entries=entries, names=names)
    return run_checks(FOLDER_CHECKS, facts, where="", task=task)


def inspect_mask(folder: Path, *, task: TaskId, case_id: str, image: Geometry) -> Inspected:
    """Check one mask and read it: header first, voxels only when there are as many as there should.

    A file that is missing, not regular or behind a linked folder gives no voxels and no finding:
    `inspect_folder` has it.
    """
    where = f"{task.value}/{mask_name(case_id)}"
    findings: list[Finding] = []
    if not is_folder(folder / task.value):
        return Inspected(None, ())
    try:
        header = read_header(folder / where)
        facts = HeaderFacts(header=header, image=image, rules=mask_rules(task))
        findings += run_checks(HEADER_CHECKS, facts, where=where, task=task, case_id=case_id)
        if header.shape != image.size or header.dtype is None:
            return Inspected(None, tuple(findings))
        voxels = read_voxels(folder / where, header=header)
    except UnreadableFileError as error:
        findings += _unread(error, where=where, task=task, case_id=case_id)
        return Inspected(None, tuple(findings))
    labels = VoxelFacts(voxels=voxels, labels=label_map(task).values)
    findings += run_checks(VOXEL_CHECKS, labels, where=where, task=task, case_id=case_id)
    return Inspected(None if findings else voxels, tuple(findings))


def run_checks(
    checks: Iterable[type[Check[Facts]]],
    facts: Facts,
    *,
    where: str,
    task: TaskId | None = None,
    case_id: str | None = None,
) -> tuple[Finding, ...]:
    """Every finding of some checks over the same facts."""
    return tuple(
        finding
        for check in checks
        for finding in check.findings(facts, where=where, task=task, case_id=case_id)
    )


def _unread(
    error: UnreadableFileError, *, where: str, task: TaskId, case_id: str
) -> Iterator[Finding]:
    for check in READ_CHECKS:
        if check.kind is error.kind:
            yield from check.findings(str(error), where=where, task=task, case_id=case_id)
