"""Every volume and table of a cohort.

Masks keep the rules of a submission's masks; then image, masks and tables have to agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from joblib import Parallel, delayed
from numpy.typing import NDArray

from schema.finding import Finding
from schema.terms import Reader, TaskId
from tasks.case_reading import Image, Masks, drawn_masks, measured, read_image, read_masks
from tasks.checks.cohort import ImageUnusable
from tasks.checks.plausibility import (
    CENTRE_CHECKS,
    COMPARTMENT_CHECKS,
    CONSENSUS_CHECKS,
    NODE_CHECKS,
    OTHER_COHORT_CHECKS,
    DeathWithoutEvent,
    ImageBlank,
    ImageTwice,
)
from tasks.cohort import Cohort
from tasks.cohort_facts import (
    centre_facts,
    compartment_facts,
    image_digest,
    image_facts,
    images_twice,
    node_facts,
    shared_with,
)
from tasks.geometry import Geometry
from tasks.inspection import inspect_folder, run_checks
from tasks.layout import CLINICAL, IMAGES, MASK_TASKS, READERS, mask_name
from tasks.overview import strip
from tasks.specification import label_map, node_rules, positivity_rules


class Examined(NamedTuple):
    """What looking at one case found."""

    case_id: str
    findings: tuple[Finding, ...]
    image_digest: str | None
    """None when the image cannot be read or shows nothing."""
    picture: bytes | None
    """A PNG strip, when it was asked for and the image can be read."""


def check_volumes(cohort: Cohort) -> Iterator[tuple[Finding, ...]]:
    """Check the names in the mask folders, then image and masks of each case, a case at a time."""
    yield from check_folders(cohort)
    for each in examine_cases(cohort):
        yield each.findings


def check_folders(cohort: Cohort) -> Iterator[tuple[Finding, ...]]:
    """Check the names in each mask folder."""
    for task in mask_tasks(cohort):
        yield inspect_folder(cohort.folder, task=task, cases=cohort.manifest.cases)


def mask_tasks(cohort: Cohort) -> tuple[TaskId, ...]:
    """The mask tasks that the cohort holds a reference for."""
    return tuple(task for task in MASK_TASKS if task in cohort.manifest.tasks)


def examine_cases(cohort: Cohort, *, pictures: bool = False, jobs: int = 1) -> Iterator[Examined]:
    """Image and masks of each case, in the order of the manifest; none without a mask task.

    Args:
        cohort: whose manifest and tables are sound.
        pictures: whether to draw a strip of each.
        jobs: processes to use; any number gives the same.
    """
    if mask_tasks(cohort):
        work = (
            delayed(_examine_case)(cohort, case_id, picture=pictures)
            for case_id in cohort.manifest.cases
        )
        yield from Parallel(n_jobs=jobs, return_as="generator")(work)


def _examine_case(cohort: Cohort, case_id: str, *, picture: bool) -> Examined:
    where = f"{IMAGES}/{mask_name(case_id)}"
    image = read_image(cohort.image(case_id))
    if not isinstance(image, Image):
        unusable = tuple(ImageUnusable.findings(image, where=where, case_id=case_id))
        return Examined(case_id, unusable, None, None)
    masks = read_masks(
        cohort.folder, case_id=case_id, image=image.geometry, tasks=mask_tasks(cohort)
    )
    blank = tuple(ImageBlank.findings(image_facts(image.voxels), where=where, case_id=case_id))
    agreement = tuple(_agreement(cohort, case_id, masks=masks, geometry=image.geometry))
    placing = masks.by_task.get(TaskId.COMPARTMENTS)
    shown = drawn_masks(masks, geometry=image.geometry, placing=placing) if picture else None
    return Examined(
        case_id=case_id,
        findings=(*masks.findings, *blank, *agreement),
        image_digest=None if blank else image_digest(image.voxels, geometry=image.geometry),
        picture=None if shown is None else strip(image, shown),
    )


def _agreement(
    cohort: Cohort, case_id: str, *, masks: Masks, geometry: Geometry
) -> Iterator[Finding]:
    """Whether the masks and the consensus of a case say the same."""
    compartments = masks.by_task.get(TaskId.COMPARTMENTS)
    if compartments is not None:
        yield from _of_compartments(compartments, geometry=geometry, case_id=case_id)
        yield from _of_nodes(
            cohort, case_id, masks=masks, compartments=compartments, geometry=geometry
        )


def _of_compartments(
    mask: NDArray[Any], *, geometry: Geometry, case_id: str
) -> tuple[Finding, ...]:
    task = TaskId.COMPARTMENTS
    facts = compartment_facts(mask, geometry=geometry, labels=label_map(task).labels)
    where = f"{task.value}/{mask_name(case_id)}"
    return run_checks(COMPARTMENT_CHECKS, facts, where=where, task=task, case_id=case_id)


def _of_nodes(
    cohort: Cohort,
    case_id: str,
    *,
    masks: Masks,
    compartments: NDArray[Any],
    geometry: Geometry,
) -> Iterator[Finding]:
    node_map = measured(masks, geometry=geometry, placing=compartments)
    if node_map is None:
        return
    facts = node_facts(
        node_map,
        consensus=cohort.readers.get(Reader.CONSENSUS, {}).get(case_id),
        threshold_mm=positivity_rules().short_axis_mm,
        reach_mm=node_rules().reach_mm,
    )
    of_mask = f"{TaskId.NODES.value}/{mask_name(case_id)}"
    of_table = f"{READERS}:{case_id}/{Reader.CONSENSUS.value}"
    yield from run_checks(NODE_CHECKS, facts, where=of_mask, task=TaskId.NODES, case_id=case_id)
    yield from run_checks(
        CONSENSUS_CHECKS, facts, where=of_table, task=TaskId.POSITIVITY, case_id=case_id
    )


def check_tables(cohort: Cohort) -> Iterator[Finding]:
    """Survival and centres: what the tables say beyond the contract of their lines."""
    for case_id, row in cohort.clinical.items():
        yield from DeathWithoutEvent.findings(row, where=f"{CLINICAL}:{case_id}", case_id=case_id)
    centres = centre_facts(
        centres=cohort.manifest.centres,
        clinical=cohort.clinical,
        consensus=cohort.readers.get(Reader.CONSENSUS),
    )
    for facts in centres:
        yield from run_checks(CENTRE_CHECKS, facts, where=f"{CLINICAL}:{facts.name}")


def check_images(digests: Mapping[str, str]) -> Iterator[Finding]:
    """Images that stand for two cases."""
    for facts in images_twice(digests):
        yield from ImageTwice.findings(facts, where=IMAGES)


def digest_images(cohort: Cohort, *, jobs: int = 1) -> Iterator[tuple[str, str | None]]:
    """Every case of a cohort and the digest of its image, None when it cannot be read.

    Nothing for a cohort without a mask task: it needs no image.
    """
    if not mask_tasks(cohort):
        return
    work = (delayed(_digest)(cohort, case_id) for case_id in cohort.manifest.cases)
    digests = Parallel(n_jobs=jobs, return_as="generator")(work)
    yield from zip(cohort.manifest.cases, digests, strict=True)


def _digest(cohort: Cohort, case_id: str) -> str | None:
    image = read_image(cohort.image(case_id))
    if not isinstance(image, Image):
        return None
    return image_digest(image.voxels, geometry=image.geometry)


def check_against(
    cohort: Cohort,
    *,
    digests: Mapping[str, str],
    other: Cohort,
    other_digests: Mapping[str, str | None],
) -> Iterator[Finding]:
    """Patients that are in another cohort too.

    Args:
        cohort: this one.
        digests: of its images, by case.
        other: the other one, its manifest alone.
        other_digests: of its images; one that cannot be read is a finding.
    """
    for case_id, digest in other_digests.items():
        if digest is None:
            where = str(other.image(case_id))
            yield from ImageUnusable.findings("an image that cannot be read", where=where)
    facts = shared_with(
        digests,
        cases=cohort.manifest.cases,
        other=f"{other.folder} ({other.manifest.split.value})",
        other_digests={case: digest for case, digest in other_digests.items() if digest},
        other_cases=other.manifest.cases,
    )
    yield from run_checks(OTHER_COHORT_CHECKS, facts, where=IMAGES)
