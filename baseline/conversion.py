"""A cohort folder as nnU-Net v2 raw datasets.

Image and masks of a case are written anew with the voxels as stored and one grid: that of the image
as `tasks.files.read_header` reads it, in qform and sform alike. So nnU-Net's reader has no choice
between two orientations or two spacings, and training sees what prediction will see. The image is
written once and linked into the other datasets.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from baseline.datasets import Variant, dataset_json, encoded, image_name
from baseline.environment import RAW
from baseline.errors import TrainingError, Untrainable
from baseline.folds import Fold, Stratum, stratified_folds
from schema.errors import UnreadableFileError
from schema.terms import NodeClass, Reader, TaskId
from tasks.cohort import Cohort
from tasks.files import (
    canonical_json,
    digest_folder,
    list_folder,
    read_header,
    read_voxels,
    write_nifti,
    write_text,
)
from tasks.geometry import Geometry, Tolerance, differences
from tasks.layout import COHORT_NAMES, mask_name
from tasks.specification import label_map, mask_rules

SPLITS = "splits_final.json"
DATASET = "dataset.json"


def convert(
    cohort: Cohort, *, work: Path, variants: Sequence[Variant], folds: int, seed: int
) -> Iterator[str]:
    """Write raw datasets; yields each case as it is done, `dataset.json` last.

    Args:
        cohort: with its reference standard.
        work: nnU-Net's folder of folders; raw datasets go into `nnUNet_raw`.
        variants: which datasets.
        folds: of the cross-validation.
        seed: of the folds.

    Raises:
        TrainingError: too few cases, masks that are not there, or an unusable volume.
    """
    _refuse_without_reference(cohort, variants)
    splits = stratified_folds(strata_of(cohort), folds=folds, seed=seed)
    for case_id in cohort.manifest.cases:
        _convert_case(cohort, case_id, work=work, variants=variants)
        yield case_id
    origin = {
        "cohort": cohort.manifest.name,
        "cohort_digest": digest_folder(cohort.folder, names=COHORT_NAMES),
        "label_map_version": cohort.manifest.label_map_version,
        "folds_seed": seed,
    }
    for variant in variants:
        folder = work / RAW / variant.dataset_name
        described = dataset_json(variant, cases=sorted(cohort.manifest.cases), origin=origin)
        write_text(folder / SPLITS, canonical_json(_splits(splits)))
        write_text(folder / DATASET, _ordered_json(described))


def _ordered_json(described: dict[str, Any]) -> str:
    """JSON that keeps the order of keys: nnU-Net numbers output channels by the order of labels."""
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"


def _splits(folds: Sequence[Fold]) -> list[dict[str, list[str]]]:
    """The content of nnU-Net's `splits_final.json`."""
    return [{"train": list(fold.train), "val": list(fold.held_out)} for fold in folds]


def _refuse_without_reference(cohort: Cohort, variants: Sequence[Variant]) -> None:
    wanted = {task for variant in variants for task in variant.tasks}
    if missing := sorted(wanted - set(cohort.manifest.tasks)):
        raise TrainingError(
            f"{cohort.folder}: expected masks of {', '.join(sorted(wanted))}, cohort.toml lacks "
            f"{', '.join(missing)} among its tasks; choose another dataset with --dataset",
            kind=Untrainable.NO_REFERENCE,
        )


def strata_of(cohort: Cohort) -> dict[str, Stratum]:
    """Centre and positivity of each patient, as far as the cohort says.

    Positive is what the consensus says, and without a consensus whether the reference has a
    positive node.
    """
    consensus = cohort.readers.get(Reader.CONSENSUS, {})
    found = {}
    for case_id in cohort.manifest.cases:
        row, reading = cohort.clinical.get(case_id), consensus.get(case_id)
        positive = (
            _has_positive_node(cohort, case_id) if reading is None else bool(reading.positive)
        )
        found[case_id] = Stratum(None if row is None else row.centre, positive)
    return found


def _has_positive_node(cohort: Cohort, case_id: str) -> bool | None:
    if TaskId.NODES not in cohort.manifest.tasks:
        return None
    voxels = _voxels(cohort.mask(TaskId.NODES, case_id))
    return bool((voxels == label_map(TaskId.NODES).node_classes[NodeClass.POSITIVE]).any())


def _voxels(path: Path) -> NDArray[Any]:
    try:
        return read_voxels(path, header=read_header(path))
    except UnreadableFileError as error:
        raise _unusable(path, str(error)) from error


def _unusable(path: Path, what: str) -> TrainingError:
    return TrainingError(
        f"{path}: {what}; `lln cohort check` lists everything", kind=Untrainable.UNUSABLE_VOLUME
    )


def _convert_case(cohort: Cohort, case_id: str, *, work: Path, variants: Sequence[Variant]) -> None:
    geometry = _image_geometry(cohort.image(case_id))
    tasks = {task for variant in variants for task in variant.tasks}
    masks = {task: _mask(cohort, task, case_id, grid=geometry) for task in sorted(tasks)}
    images = [
        work / RAW / each.dataset_name / "imagesTr" / image_name(case_id) for each in variants
    ]
    _write_image(cohort.image(case_id), images[0], geometry=geometry)
    for image in images[1:]:
        _link(images[0], image)
    for variant in variants:
        folder = work / RAW / variant.dataset_name
        reference = encoded(variant, [masks[task] for task in variant.tasks])
        write_nifti(folder / "labelsTr" / mask_name(case_id), reference, geometry=geometry)


def _image_geometry(path: Path) -> Geometry:
    try:
        geometry = read_header(path).geometry
    except UnreadableFileError as error:
        raise _unusable(path, str(error)) from error
    if geometry is None:
        raise _unusable(path, "not 3-D, or without a finite orientation")
    return geometry


def _mask(cohort: Cohort, task: TaskId, case_id: str, *, grid: Geometry) -> NDArray[Any]:
    path = cohort.mask(task, case_id)
    voxels = _voxels(path)
    tolerance = mask_rules(task).tolerance
    limits = Tolerance(tolerance.spacing_mm, tolerance.origin_mm, tolerance.direction)
    if found := differences(grid, _image_geometry(path), tolerance=limits):
        words = "; ".join(
            f"{each.name} {each.prediction}, image {each.reference}" for each in found
        )
        raise _unusable(path, f"on another grid than its image: {words}")
    return voxels


def _write_image(source: Path, target: Path, *, geometry: Geometry) -> None:
    voxels = _voxels(source)
    # a file may be of the other byte order, and only the header would know
    write_nifti(target, voxels.astype(voxels.dtype.newbyteorder("=")), geometry=geometry)


def _link(source: Path, target: Path) -> None:
    """A second name for a file, or a copy where the file system has no such thing."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def raw_datasets(work: Path) -> tuple[str, ...]:
    """Names of the raw datasets of a work folder."""
    return tuple(entry.name for entry in list_folder(work / RAW) if not entry.regular)
