"""Studies of a DICOM folder answered as cases: volumes, masks, and DICOM SEG where it is wanted."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from baseline.dicom_input import DicomCase
from baseline.images import Image, ImageError, image_of
from baseline.prediction import Answer, Case, masks_of
from baseline.segmentation_object import Algorithm, write_segmentation
from tasks.dicom.volume import DicomVolume
from tasks.files import write_nifti
from tasks.layout import IMAGES, mask_name

SEGMENTATIONS = "dicom-seg"


def case_of(study: DicomCase, *, out: Path, algorithm: Algorithm | None) -> Case:
    """A study as a case.

    Beside the masks it writes the volume that was converted, `t2w/<case>.nii.gz`, so that an
    answer can be looked at, and `dicom-seg/<case>.dcm`.

    Args:
        study: as `baseline.dicom_input.dicom_cases` reads it.
        out: where the answers go.
        algorithm: what a DICOM SEG says that it was made by; None for no DICOM SEG.
    """
    keep = partial(_keep, study, out=out, algorithm=algorithm)
    return Case(study.case_id, study.case_id, partial(_image, study), keep)


def notes_of(study: DicomCase) -> Iterator[str]:
    """What to tell of a study's series: which was taken and why, and what was odd about it."""
    if study.volume is not None:
        yield f"{study.case_id}: {study.volume.reason}"
        for finding in study.findings:
            yield f"{study.case_id}: {finding.code} {finding.title}: {finding.got}"


def _image(study: DicomCase) -> Image:
    volume = _volume(study)
    return image_of(volume.voxels, geometry=volume.geometry)


def _volume(study: DicomCase) -> DicomVolume:
    if study.volume is None:
        findings = (f"{each.code} {each.title}: {each.got}; {each.fix}" for each in study.findings)
        raise ImageError("no volume was read. " + " | ".join(findings))
    return study.volume


def _keep(study: DicomCase, answer: Answer, *, out: Path, algorithm: Algorithm | None) -> None:
    volume = _volume(study)
    write_nifti(out / IMAGES / mask_name(study.case_id), volume.voxels, geometry=volume.geometry)
    if algorithm is not None:
        write_segmentation(
            out / SEGMENTATIONS / f"{study.case_id}.dcm",
            volume=volume,
            masks=masks_of(answer),
            algorithm=algorithm,
        )
