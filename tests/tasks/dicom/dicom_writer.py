"""DICOM series written with pydicom, tag by tag: what a scanner sends, and what may go wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    UID,
    EnhancedMRImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
)
from pydicom.valuerep import format_number_as_ds

from tasks.geometry import RAS_TO_LPS, Geometry

ROOT = "1.2.826.0.1.3680043.10.9999"
CANARY = "CANARY"
"""In every value that tells who the patient is."""

Change = Callable[[Dataset, int], object]
"""Gets the dataset of a slice and its number."""


def grid(
    *,
    size: tuple[int, int, int] = (168, 164, 16),
    spacing_mm: tuple[float, float, float] = (0.9375, 0.95, 4.0),
    degrees: tuple[float, float, float] = (4.0, -3.0, 12.0),
    origin_mm: tuple[float, float, float] = (-101.25, -88.5, 33.125),
) -> Geometry:
    """An oblique axial grid: turned about z, y and x by so many degrees."""
    about_z, about_y, about_x = np.deg2rad(degrees)

    def turn(axis: int, angle: float) -> NDArray[np.float64]:
        one, two = [each for each in range(3) if each != axis]
        matrix = np.eye(3)
        matrix[one, one] = matrix[two, two] = np.cos(angle)
        matrix[one, two], matrix[two, one] = -np.sin(angle), np.sin(angle)
        return matrix

    lps = np.eye(4)
    lps[:3, :3] = turn(2, about_z) @ turn(1, about_y) @ turn(0, about_x) * spacing_mm
    lps[:3, 3] = origin_mm
    return Geometry.from_affine(RAS_TO_LPS @ lps, size=size)


def values_of(geometry: Geometry, *, seed: int = 1, top: int = 4000) -> NDArray[np.uint16]:
    """Values that differ from voxel to voxel, indexed (slice, row, column)."""
    i, j, k = geometry.size
    return np.random.default_rng(seed).integers(0, top, (k, j, i)).astype(np.uint16)


@dataclass(frozen=True, kw_only=True)
class Series:
    """A T2 series as a scanner writes it; `change` edits each slice before it is saved."""

    geometry: Geometry = field(default_factory=grid)
    values: NDArray[Any] | None = None
    number: int = 5
    study: str = f"{ROOT}.1"
    patient: str = f"{CANARY}1"
    tags: dict[str, Any] = field(default_factory=dict)
    change: Change | None = None
    syntax: UID = ExplicitVRLittleEndian
    compressed: UID | None = None

    @property
    def uid(self) -> str:
        return f"{self.study}.{self.number}"

    def stored(self) -> NDArray[Any]:
        return values_of(self.geometry) if self.values is None else self.values

    def with_tags(self, **tags: Any) -> Series:
        return replace(self, tags={**self.tags, **tags})


T2 = Series(
    tags={"SeriesDescription": f"t2_tse_tra {CANARY}", "EchoTime": 98, "RepetitionTime": 4500}
)


def write_series(
    folder: Path,
    series: Series = T2,
    *,
    order: Sequence[int] | None = None,
    names: Callable[[int], str] = "IM{:04d}".format,
) -> list[Path]:
    """Write one file for each slice.

    Args:
        folder: where to.
        series: what.
        order: slice k gets the instance number and the file name of its place in this order.
        names: file name of a place.
    """
    places = [int(k) for k in (range(series.geometry.size[2]) if order is None else order)]
    paths = []
    for number, k in enumerate(places):
        path = folder / names(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        dataset = slice_of(series, k, number=number)
        if series.change is not None:
            series.change(dataset, k)
        save(dataset, path, compressed=series.compressed)
        paths.append(path)
    return paths


def save(dataset: FileDataset, path: Path, *, compressed: UID | None = None) -> None:
    if compressed is not None:
        dataset.compress(compressed, generate_instance_uid=False)
    dataset.save_as(path, enforce_file_format=True)


def slice_of(series: Series, k: int, *, number: int) -> FileDataset:
    dataset = header_of(series, f"{series.uid}.{k + 1}", MRImageStorage)
    geometry, stored = series.geometry, series.stored()
    place = geometry.lps_affine @ (0, 0, k, 1)
    direction = geometry.direction_matrix
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
    dataset.ScanningSequence, dataset.SequenceVariant = "SE", "SK"
    dataset.ScanOptions, dataset.MRAcquisitionType = "", "2D"
    dataset.EchoTrainLength, dataset.AcquisitionNumber = 16, 1
    dataset.InstanceNumber = number + 1
    dataset.ImagePositionPatient = decimals(*place[:3])
    dataset.ImageOrientationPatient = decimals(*direction[:, 0], *direction[:, 1])
    dataset.PixelSpacing = decimals(geometry.spacing_mm[1], geometry.spacing_mm[0])
    dataset.SliceThickness = 3.0  # not the distance between slices
    set_pixels(dataset, stored[k])
    for name, value in series.tags.items():
        setattr(dataset, name, value)
    return dataset


def header_of(series: Series, instance: str, kind: UID) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = kind, UID(instance)
    meta.TransferSyntaxUID = series.syntax
    implicit, big = series.syntax == ImplicitVRLittleEndian, series.syntax == ExplicitVRBigEndian
    dataset = FileDataset(
        "",
        {},
        file_meta=meta,
        preamble=bytes(128),
        is_implicit_VR=implicit,
        is_little_endian=not big,
    )
    dataset.SOPClassUID, dataset.SOPInstanceUID = kind, instance
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = series.study, series.uid
    dataset.FrameOfReferenceUID = f"{series.study}.0"
    dataset.Modality, dataset.SeriesNumber = "MR", series.number
    dataset.PatientID, dataset.PatientName = series.patient, f"{CANARY}^{series.patient}"
    dataset.PatientBirthDate, dataset.PatientSex = "19510203", "F"
    dataset.AccessionNumber, dataset.StudyID = f"{CANARY}7", f"{CANARY}8"
    dataset.InstitutionName = f"{CANARY} hospital"
    dataset.StudyDate, dataset.StudyTime = "20190304", "101112"
    dataset.ContentDate, dataset.ContentTime = "20190304", "101530"
    dataset.ReferringPhysicianName = f"{CANARY}^Doctor"
    dataset.Manufacturer, dataset.PositionReferenceIndicator = "SIEMENS", ""
    return dataset


def set_pixels(dataset: Dataset, array: NDArray[Any], *, bits: int | None = None) -> None:
    """Pixel elements of one slice (rows, columns) or of many (frames, rows, columns)."""
    dataset.Rows, dataset.Columns = array.shape[-2:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = array.dtype.itemsize * 8
    dataset.BitsStored = dataset.BitsAllocated if bits is None else bits
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(array.dtype.kind == "i")
    little = dataset.file_meta.TransferSyntaxUID != ExplicitVRBigEndian
    dataset.PixelData = array.astype(array.dtype.newbyteorder("<" if little else ">")).tobytes()
    dataset["PixelData"].VR = "OW" if array.dtype.itemsize > 1 else "OB"


def write_enhanced(
    path: Path,
    series: Series = T2,
    *,
    order: Sequence[int] | None = None,
    change: Callable[[FileDataset], object] | None = None,
) -> Path:
    """Write one enhanced MR file whose frames are the slices, in an order."""
    places = [int(k) for k in (range(series.geometry.size[2]) if order is None else order)]
    dataset = header_of(series, f"{series.uid}.900", EnhancedMRImageStorage)
    stored = series.stored()
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "T2", "NONE"]
    dataset.InstanceNumber, dataset.NumberOfFrames = 1, len(places)
    dataset.EchoPulseSequence, dataset.MRAcquisitionType = "SPIN", "2D"
    dataset.EchoPlanarPulseSequence, dataset.SpectrallySelectedSuppression = "NO", "NONE"
    dataset.SeriesDescription = series.tags["SeriesDescription"]
    dataset.SharedFunctionalGroupsSequence = Items([shared_groups(series)])
    dataset.PerFrameFunctionalGroupsSequence = Items([groups_of(series, k) for k in places])
    set_pixels(dataset, stored[places])
    if change is not None:
        change(dataset)
    path.parent.mkdir(parents=True, exist_ok=True)
    save(dataset, path, compressed=series.compressed)
    return path


def decimals(*values: float) -> list[str]:
    """Numbers as DICOM writes them: at most 16 characters."""
    return [format_number_as_ds(float(value)) for value in values]


def item(**elements: Any) -> Items:
    dataset = Dataset()
    for name, value in elements.items():
        setattr(dataset, name, value)
    return Items([dataset])


def shared_groups(series: Series) -> Dataset:
    geometry, groups = series.geometry, Dataset()
    direction = geometry.direction_matrix
    axes = decimals(*direction[:, 0], *direction[:, 1])
    spacing = decimals(geometry.spacing_mm[1], geometry.spacing_mm[0])
    groups.PixelMeasuresSequence = item(PixelSpacing=spacing, SliceThickness=3.0)
    groups.PlaneOrientationSequence = item(ImageOrientationPatient=axes)
    groups.MRTimingAndRelatedParametersSequence = item(
        RepetitionTime=series.tags["RepetitionTime"], EchoTrainLength=16
    )
    groups.MREchoSequence = item(EffectiveEchoTime=float(series.tags["EchoTime"]))
    return groups


def groups_of(series: Series, k: int) -> Dataset:
    groups = Dataset()
    place = decimals(*(series.geometry.lps_affine @ (0, 0, k, 1))[:3])
    groups.FrameContentSequence = item(
        StackID="1", InStackPositionNumber=k + 1, DimensionIndexValues=[1, k + 1]
    )
    groups.PlanePositionSequence = item(ImagePositionPatient=place)
    groups.MRImageFrameTypeSequence = item(FrameType=["ORIGINAL", "PRIMARY", "T2", "NONE"])
    slope = series.tags.get("RescaleSlope", 1)
    groups.PixelValueTransformationSequence = item(
        RescaleSlope=slope,
        RescaleIntercept=series.tags.get("RescaleIntercept", 0),
        RescaleType="US",
    )
    return groups
