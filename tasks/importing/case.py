"""One study: its series chosen, its image and masks written, and all of it remembered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray

from schema.errors import FolderError
from schema.finding import Finding
from schema.terms import TaskId
from tasks.dicom.tree import DicomTree
from tasks.dicom.volume import Chosen, DicomVolume, choose_t2, convert
from tasks.files import canonical_json, digest_bytes, write_nifti
from tasks.importing.mask_files import Place
from tasks.importing.masks import Masks, read_masks
from tasks.importing.plan import CasePlan, ImportPlan
from tasks.importing.state import (
    CaseRecord,
    digest_of,
    is_done,
    read_record,
    remove_outputs,
    write_record,
)
from tasks.layout import IMAGES, MASK_TASKS, mask_name

METHOD = 1
"""Of importing: a higher number does everything again."""


class CaseJob(NamedTuple):
    """What one process needs to import one case.

    Attributes:
        plan: of the case.
        tree: of the DICOM folder, without frames.
        masks: folder of masks.
        tasks: those of the cohort that have masks.
        out: the cohort folder.
        work: the folder of records.
    """

    plan: CasePlan
    tree: DicomTree
    masks: Path | None
    tasks: tuple[TaskId, ...]
    out: Path
    work: Path


class CaseOutcome(NamedTuple):
    """A record, and whether it was there already."""

    record: CaseRecord
    resumed: bool


def jobs_of(plan: ImportPlan, *, out: Path, work: Path) -> Iterator[CaseJob]:
    """A job for each case of a plan, in its order."""
    tasks = tuple(task for task in MASK_TASKS if task in plan.mapping.cohort.tasks)
    for case in plan.cases:
        yield CaseJob(case, plan.tree, plan.sources.masks, tasks, out, work)


def import_case(job: CaseJob) -> CaseOutcome:
    """Import one case, or say why not; nothing is done when it was done before."""
    case = job.plan
    try:
        chosen = choose_t2(case.study.stacks, tree=job.tree, series=case.series)
    except FolderError as error:
        chosen, refused = None, error.findings
    else:
        refused = ()
    inputs = _inputs(job, chosen=chosen)
    record = read_record(job.work, case.case_id)
    if record is not None and is_done(record, inputs=inputs, out=job.out):
        return CaseOutcome(record, resumed=True)
    findings = [*case.findings, *_of_case(refused, case.case_id)]
    record = _record(job, chosen=chosen, findings=findings, inputs=inputs)
    write_record(job.work, record)
    return CaseOutcome(record, resumed=False)


def _of_case(findings: Iterable[Finding], case_id: str) -> list[Finding]:
    return [finding.model_copy(update={"case_id": case_id}) for finding in findings]


def _inputs(job: CaseJob, *, chosen: Chosen | None) -> str:
    """Digest of everything that a case's files and findings depend on."""
    case = job.plan
    rows = None if case.rows is None else [row.model_dump(mode="json") for row in _models(case)]
    stacks = case.study.stacks if chosen is None else chosen.series
    frames = [] if chosen is None else chosen.stack.frames
    files = sorted({frame.instance.where for frame in frames})
    masks = [] if job.masks is None else [(job.masks / each.where, each) for each in case.masks]
    facts = {
        "method": METHOD,
        "case_id": case.case_id,
        "tasks": [task.value for task in job.tasks],
        "series": None if chosen is None else [chosen.reason, *_notes(chosen)],
        "stacks": [[stack.name, len(stack.frames)] for stack in stacks],
        "others": sum(len(stack.frames) for stack in case.study.stacks),
        "files": [[name, digest_of(job.tree.folder / name)] for name in files],
        "masks": [
            [each.where, each.source.model_dump(mode="json"), digest_of(path)]
            for path, each in masks
        ],
        "rows": rows,
        "findings": [finding.model_dump(mode="json") for finding in case.findings],
    }
    return digest_bytes(canonical_json(facts).encode())


def _models(case: CasePlan) -> list[Any]:
    assert case.rows is not None
    clinical = [] if case.rows.clinical is None else [case.rows.clinical]
    return [*clinical, *case.rows.readers]


def _notes(chosen: Chosen) -> list[str]:
    return [f"{each.code} {each.where} {each.got}" for each in chosen.findings]


def _record(
    job: CaseJob, *, chosen: Chosen | None, findings: list[Finding], inputs: str
) -> CaseRecord:
    """Read everything, all problems at once; write only what is sound."""
    case_id, volume, masks = job.plan.case_id, None, None
    if chosen is not None:
        try:
            volume = convert(chosen, tree=job.tree)
        except FolderError as error:
            findings += _of_case(error.findings, case_id)
    if volume is not None and chosen is not None:
        findings += _of_case(volume.findings, case_id)
        masks = _masks(job, volume=volume, chosen=chosen)
        findings += masks.findings
    outputs: dict[str, str] = {}
    sound = not any(finding.fails_case for finding in findings)
    if sound and volume is not None and masks is not None:
        outputs = _write(job, volume=volume, masks=masks.voxels)
    else:
        remove_outputs(job.out, case_id)
    return CaseRecord(
        case_id=case_id,
        inputs=inputs,
        imported=bool(outputs),
        series="" if chosen is None else chosen.reason,
        turned=() if masks is None else masks.turned,
        findings=tuple(findings),
        outputs=outputs,
    )


def _masks(job: CaseJob, *, volume: DicomVolume, chosen: Chosen) -> Masks:
    place = Place(volume.geometry, chosen.stack.instance.frame_of_reference_uid, chosen.stack.name)
    inputs = job.plan.masks
    folder = job.masks or job.tree.folder
    return read_masks(inputs, folder=folder, place=place, tasks=job.tasks, case_id=job.plan.case_id)


def _write(
    job: CaseJob, *, volume: DicomVolume, masks: Mapping[TaskId, NDArray[Any]]
) -> dict[str, str]:
    """Write image and masks; their digests by path."""
    name = mask_name(job.plan.case_id)
    arrays = {f"{IMAGES}/{name}": volume.voxels}
    arrays |= {f"{task.value}/{name}": voxels for task, voxels in masks.items()}
    outputs: dict[str, str] = {}
    for where, voxels in arrays.items():
        write_nifti(job.out / where, voxels, geometry=volume.geometry)
        digest = digest_of(job.out / where)
        assert digest is not None
        outputs[where] = digest
    return outputs
