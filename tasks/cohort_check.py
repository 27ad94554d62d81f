"""Every volume of a cohort, by the rules that a submission's masks must keep."""

from __future__ import annotations

from collections.abc import Iterator

from schema.errors import UnreadableFileError
from schema.finding import Finding
from schema.terms import TaskId
from tasks.checks.cohort import ImageUnusable
from tasks.cohort import Cohort
from tasks.files import read_header, read_voxels
from tasks.geometry import Geometry
from tasks.inspection import inspect_folder, inspect_mask
from tasks.layout import IMAGES, MASK_TASKS, mask_name
from tasks.specification import mask_rules


def check_volumes(cohort: Cohort) -> Iterator[tuple[Finding, ...]]:
    """Check the names in the mask folders, then image and masks of each case, a case at a time."""
    cases = cohort.manifest.cases
    wanted = [task for task in MASK_TASKS if task in cohort.manifest.tasks]
    for task in wanted:
        yield inspect_folder(cohort.folder, task=task, cases=cases)
    if wanted:
        for case_id in cases:
            yield tuple(_check_case(cohort, case_id, tasks=wanted))


def _check_case(cohort: Cohort, case_id: str, *, tasks: list[TaskId]) -> Iterator[Finding]:
    where = f"{IMAGES}/{mask_name(case_id)}"
    grid = _grid(cohort, case_id)
    if not isinstance(grid, Geometry):
        yield from ImageUnusable.findings(grid, where=where, case_id=case_id)
        return
    for task in tasks:
        yield from inspect_mask(cohort.folder, task=task, case_id=case_id, image=grid).findings


def _grid(cohort: Cohort, case_id: str) -> Geometry | str:
    """The image's grid, or what is wrong with the image."""
    try:
        header = read_header(cohort.image(case_id))
        if header.geometry is not None:
            read_voxels(cohort.image(case_id), header=header)
    except UnreadableFileError as error:
        return str(error)
    gap, limit = header.form_gap_mm, mask_rules(TaskId.COMPARTMENTS).tolerance.form_gap_mm
    if gap is not None and gap > limit:
        return f"its qform and sform place a corner {gap:.4g} mm apart"
    return header.geometry or "not 3-D, or without a finite orientation"
