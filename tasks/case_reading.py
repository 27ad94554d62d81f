"""Reading one case: its image, and the masks of a cohort or of a submission.

Whatever is read passes the checks of `tasks.inspection`: a submission is hostile, and a cohort may
be broken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schema.errors import UnreadableFileError
from schema.finding import Finding
from schema.terms import TaskId
from tasks.files import read_header, read_voxels
from tasks.geometry import Geometry
from tasks.inspection import inspect_folder, inspect_mask
from tasks.layout import MASK_TASKS
from tasks.node_measurement import NodeMap, measure_nodes_of_task
from tasks.pictures.orientation import Orientation
from tasks.pictures.scene import Drawn, drawn
from tasks.specification import mask_rules


class Image(NamedTuple):
    """The image of a case, indexed (i, j, k), and its grid."""

    voxels: NDArray[Any]
    geometry: Geometry


@dataclass(frozen=True, slots=True, kw_only=True)
class Masks:
    """The masks of one case that could be read, and what is wrong with the others.

    Attributes:
        by_task: label arrays indexed (i, j, k), on the image's grid.
        findings: of this case.
    """

    by_task: Mapping[TaskId, NDArray[Any]]
    findings: tuple[Finding, ...] = ()


def read_image(path: Path) -> Image | str:
    """An image, or what is wrong with it."""
    try:
        header = read_header(path)
        voxels = None if header.geometry is None else read_voxels(path, header=header)
    except UnreadableFileError as error:
        return str(error)
    gap, limit = header.form_gap_mm, mask_rules(TaskId.COMPARTMENTS).tolerance.form_gap_mm
    if gap is not None and gap > limit:
        return f"its qform and sform place a corner {gap:.4g} mm apart"
    if header.geometry is None or voxels is None:
        return "not 3-D, or without a finite orientation"
    return Image(voxels, header.geometry)


def read_masks(
    folder: Path, *, case_id: str, image: Geometry, tasks: tuple[TaskId, ...] = MASK_TASKS
) -> Masks:
    """The masks of a case; the names in the folders are not looked at (`inspect_folder`)."""
    by_task: dict[TaskId, NDArray[Any]] = {}
    findings: list[Finding] = []
    for task in tasks:
        inspected = inspect_mask(folder, task=task, case_id=case_id, image=image)
        findings += inspected.findings
        if inspected.voxels is not None:
            by_task[task] = inspected.voxels
    return Masks(by_task=by_task, findings=tuple(findings))


def findings_of_names(folder: Path, *, case_id: str) -> tuple[Finding, ...]:
    """What is wrong with a case's file names: missing, or no regular file.

    A task whose folder is not there was not entered; that is no finding.
    """
    found = [
        finding
        for task in MASK_TASKS
        if (folder / task.value).exists() or (folder / task.value).is_symlink()
        for finding in inspect_folder(folder, task=task, cases=(case_id,))
    ]
    # whatever is not this case's is another case's, and none of this one's business
    return tuple(each for each in found if each.case_id == case_id or each.where in set(MASK_TASKS))


def measured(masks: Masks, *, geometry: Geometry, placing: NDArray[Any] | None) -> NodeMap | None:
    """The nodes of a set of masks, placed by the given compartments; None without a node mask."""
    nodes = masks.by_task.get(TaskId.NODES)
    if nodes is None:
        return None
    compartments = np.zeros(nodes.shape, dtype=np.uint8) if placing is None else placing
    return measure_nodes_of_task(nodes, geometry=geometry, compartments=compartments)


def drawn_masks(masks: Masks, *, geometry: Geometry, placing: NDArray[Any] | None) -> Drawn:
    """A set of masks as slices, with the measurement of every node."""
    return drawn(
        orientation=Orientation.of(geometry),
        geometry=geometry,
        compartments=masks.by_task.get(TaskId.COMPARTMENTS),
        nodes=masks.by_task.get(TaskId.NODES),
        node_map=measured(masks, geometry=geometry, placing=placing),
        placed=placing is not None,
    )
