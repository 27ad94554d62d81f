"""Masks as a DICOM Segmentation object (SEG) that points to the series they were made from.

Right for a PACS or a viewer: one binary segment for each label of the task files, in their colours,
with SNOMED CT codes, on the frames of the source. The patient's and the study's elements are copied
from the source, as the standard wants: the file belongs to that patient's study and tells so.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import highdicom
import numpy as np
from highdicom.color import CIELabColor
from highdicom.seg import SegmentAlgorithmTypeValues, Segmentation, SegmentDescription
from highdicom.sr import CodedConcept
from numpy.typing import NDArray

from schema.errors import UsageError
from schema.label import Label
from schema.terms import NodeClass, Region, Side, TaskId
from tasks.dicom.quiet import quiet
from tasks.dicom.volume import DicomVolume
from tasks.files import digest_bytes, write_bytes
from tasks.layout import MASK_TASKS
from tasks.specification import label_map

MAKER = "LLN challenge kit"
SERIES_DESCRIPTION = "LLN segmentation, research use only"
SERIES_NUMBER = 9000
"""Of the new series; the number of the source series, below 1000, is added."""
NO_DATE, NO_TIME = "19700101", "000000"
"""Of a source without any date: Content Date and Time may not be empty."""

TYPE_2 = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
)
"""Elements that must be there and may be empty; de-identification removes some."""
DATE, TIME = re.compile(r"\d{8}"), re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?")
WELL_FORMED = {
    "PatientBirthDate": DATE,
    "StudyDate": DATE,
    "StudyTime": TIME,
    "PatientSex": re.compile("[FMO]"),
}
"""Elements that highdicom refuses in any other form; they are left empty then."""


class Concept(NamedTuple):
    """A code. Its item is made anew each time, since highdicom keeps and changes what it gets."""

    value: str
    meaning: str
    scheme: str = "SCT"

    @property
    def item(self) -> Any:
        """As an item of a code sequence."""
        return CodedConcept(self.value, self.scheme, self.meaning)


ANATOMY = Concept("91723000", "Anatomical Structure")
LYMPH_NODE = Concept("59441001", "Lymph node")
STATIONS: dict[Region, tuple[Concept, ...]] = {
    Region.EI: (
        Concept("65349008", "External iliac lymph node"),
        Concept("8928004", "Inguinal lymph node"),
    ),
    Region.OB: (Concept("36086000", "Obturator lymph node"),),
    Region.II: (Concept("69255009", "Hypogastric lymph node"),),
}
"""Internal iliac is hypogastric in SNOMED CT. The first is the segment's property type."""
SIDES = {Side.RIGHT: Concept("24028007", "Right"), Side.LEFT: Concept("7771000", "Left")}
CLASSES = {
    NodeClass.NEGATIVE: Concept("260385009", "Negative"),
    NodeClass.POSITIVE: Concept("10828004", "Positive"),
}
LEARNED = Concept("123110", "Artificial Intelligence", "DCM")


class Algorithm(NamedTuple):
    """What made the masks."""

    name: str
    version: str


class Segment(NamedTuple):
    """One segment of the object and how many voxels it marks."""

    number: int
    label: Label
    voxels: int


class WrittenSegmentation(NamedTuple):
    """What was written.

    Attributes:
        sop_instance_uid: of the object.
        series_uid: of its series.
        segments: one for each label, empty ones too.
    """

    sop_instance_uid: str
    series_uid: str
    segments: tuple[Segment, ...]

    @property
    def empty(self) -> bool:
        """Whether nothing is marked at all."""
        return not any(segment.voxels for segment in self.segments)


def write_segmentation(
    path: Path,
    *,
    volume: DicomVolume,
    masks: Mapping[TaskId, NDArray[Any]],
    algorithm: Algorithm,
    salt: str = "",
    created: datetime | None = None,
) -> WrittenSegmentation:
    """Write masks as one binary DICOM SEG file.

    Every label of the given tasks is described as a segment, whether it marks a voxel or not;
    frames without a voxel are left out. Where nothing is marked at all the standard wants frames
    all the same: then every segment has every frame, all zero, and says that it was looked for and
    not found.

    Same source, masks, algorithm, salt and time, same bytes: UIDs are derived from these (2.25 and
    a name-based UUID), and without `created` the content is dated as the source is.

    Args:
        path: the file to write.
        volume: what the masks were made from.
        masks: by task, indexed (i, j, k) on the volume's grid, values of the task's label map.
        algorithm: what made them.
        salt: mixed into the UIDs, to keep results of two purposes apart.
        created: Content Date and Time; also mixed into the UIDs.

    Raises:
        UsageError: no mask, a mask on another grid, or a value that is no label of its task.
        UnreadableFileError: a source file can no longer be read.
    """
    labels = [label for task in _tasks(masks) for label in label_map(task).labels]
    marked = _marked(volume, masks=masks)
    uids = _Uids(volume=volume, marked=marked, entropy=f"{algorithm}\0{salt}\0{created}")
    with quiet():
        sources = [_complete(each) for each in volume.source_datasets()]
        descriptions = [
            _description(label, number=number, algorithm=algorithm, uids=uids)
            for number, label in enumerate(labels, start=1)
        ]
        content = _encoded(
            _segmentation(
                sources,
                volume=volume,
                marked=marked,
                descriptions=descriptions,
                algorithm=algorithm,
                uids=uids,
                created=created,
            ),
            uids=uids,
        )
    write_bytes(path, content)
    counts = np.count_nonzero(marked, axis=(0, 1, 2)).tolist()
    segments = tuple(
        Segment(number, label, count)
        for number, (label, count) in enumerate(zip(labels, counts, strict=True), start=1)
    )
    return WrittenSegmentation(uids.instance, uids.series, segments)


class _Uids:
    """UIDs that follow from what is written."""

    def __init__(self, *, volume: DicomVolume, marked: NDArray[np.uint8], entropy: str) -> None:
        sources = "\0".join(f"{each.sop_instance_uid}:{each.frame}" for each in volume.slices)
        self._about = f"{volume.series_uid}\0{sources}\0{entropy}"
        self._content = digest_bytes(np.packbits(marked).tobytes())
        self.series = self.of("series")
        self.instance = self.of("instance", self._content)
        self.dimensions = self.of("dimensions", self._content)

    def of(self, *purpose: str) -> str:
        """A UID for a purpose: the same for the same purpose."""
        name = "\0".join((MAKER, self._about, *purpose))
        return f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, name).int}"


def _tasks(masks: Mapping[TaskId, NDArray[Any]]) -> list[TaskId]:
    """The tasks that have a mask, in the kit's order.

    Raises:
        UsageError: there is none.
    """
    tasks = [task for task in MASK_TASKS if task in masks]
    if not tasks:
        names = " or ".join(task.value for task in MASK_TASKS)
        raise UsageError(f"DICOM SEG: expected a mask of {names}, got none")
    return tasks


def _marked(volume: DicomVolume, *, masks: Mapping[TaskId, NDArray[Any]]) -> NDArray[np.uint8]:
    """Zeros and ones indexed (slice, row, column, segment).

    Raises:
        UsageError: a mask on another grid, or an unknown value; all problems at once.
    """
    problems = [each for task in _tasks(masks) for each in _problems(volume, task, masks[task])]
    if problems:
        raise UsageError("\n".join(problems))
    segments = [masks[task] == value for task in _tasks(masks) for value in label_map(task).values]
    return np.stack(segments, axis=-1).transpose(2, 1, 0, 3).astype(np.uint8)


def _problems(volume: DicomVolume, task: TaskId, mask: NDArray[Any]) -> Iterator[str]:
    if mask.shape != volume.geometry.size:
        yield (
            f"DICOM SEG, mask of {task.value}: expected shape {volume.geometry.size}, "
            f"got {mask.shape}; resample it to the source's grid with nearest neighbour"
        )
    unknown = sorted(set(np.unique(mask).tolist()) - {0, *label_map(task).values})
    if unknown:
        yield (
            f"DICOM SEG, mask of {task.value}: expected 0 and {label_map(task).values}, "
            f"got also {unknown[:10]}"
        )


def _complete(source: Any) -> Any:
    """A source header, in memory only, with the elements that every object must have.

    Raises:
        UsageError: it has no frame of reference, so that nothing can be placed in it.
    """
    if not source.get("FrameOfReferenceUID"):
        raise UsageError("DICOM SEG: expected a Frame of Reference UID in the source, got none")
    for name in TYPE_2:
        if source.get(name) is None:
            setattr(source, name, "")
    for name, pattern in WELL_FORMED.items():
        if not pattern.fullmatch(str(source.get(name) or "")):
            setattr(source, name, "")
    return source


def _description(label: Label, *, number: int, algorithm: Algorithm, uids: _Uids) -> Any:
    stations = () if label.region is None else STATIONS[label.region]
    description = SegmentDescription(
        segment_number=number,
        segment_label=label.title,
        segmented_property_category=ANATOMY.item,
        segmented_property_type=(*stations, LYMPH_NODE)[0].item,
        algorithm_type=SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=_identification(algorithm),
        tracking_uid=uids.of("tracking", label.name),
        tracking_id=label.name,
        primary_anatomic_structures=[each.item for each in stations] or None,
        display_color=CIELabColor.from_string(label.colour),
    )
    modifier = SIDES[label.side] if label.side is not None else _class(label)
    kind = description.SegmentedPropertyTypeCodeSequence[0]
    kind.SegmentedPropertyTypeModifierCodeSequence = [modifier.item]
    return description


def _class(label: Label) -> Concept:
    assert label.node_class is not None
    return CLASSES[label.node_class]


def _identification(algorithm: Algorithm) -> Any:
    return highdicom.AlgorithmIdentificationSequence(
        name=algorithm.name, family=LEARNED.item, version=algorithm.version, source=MAKER
    )


def _segmentation(
    sources: Sequence[Any],
    *,
    volume: DicomVolume,
    marked: NDArray[np.uint8],
    descriptions: Sequence[Any],
    algorithm: Algorithm,
    uids: _Uids,
    created: datetime | None,
) -> Any:
    main, further = _as_highdicom_wants(sources)
    date, time = _date_and_time(main[0], created=created)
    segmentation = Segmentation(
        source_images=main,
        further_source_images=further or None,
        pixel_array=_hd_volume(marked, volume=volume, source=main[0]),
        segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=descriptions,
        series_instance_uid=uids.series,
        series_number=SERIES_NUMBER + int(main[0].get("SeriesNumber") or 0) % 1000,
        sop_instance_uid=uids.instance,
        instance_number=1,
        manufacturer=MAKER,
        manufacturer_model_name=algorithm.name,
        software_versions=algorithm.version,
        device_serial_number="0",
        content_label="LLN",
        content_description=SERIES_DESCRIPTION,
        series_description=SERIES_DESCRIPTION,
        content_date=date,
        content_time=time,
        omit_empty_frames=bool(marked.any()),
    )
    _date(segmentation, date=date, time=time)
    return segmentation


def _date(segmentation: Any, *, date: str, time: str) -> None:
    """Put the content's time where highdicom has put the clock's."""
    segmentation.InstanceCreationDate, segmentation.InstanceCreationTime = date, time
    # of the equipment named last: highdicom itself
    segmentation.ContributingEquipmentSequence[-1].ContributionDateTime = f"{date}{time}"


def _as_highdicom_wants(sources: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Single frames together; of several multi-frame files the first, and the rest beside it."""
    multi_frame = "NumberOfFrames" in sources[0] and int(sources[0].NumberOfFrames) > 1
    cut = 1 if multi_frame else len(sources)
    return list(sources[:cut]), list(sources[cut:])


def _hd_volume(marked: NDArray[np.uint8], *, volume: DicomVolume, source: Any) -> Any:
    """The array with its place; highdicom counts axes as (slice, row, column)."""
    return highdicom.Volume(
        array=marked,
        affine=volume.geometry.lps_affine[:, [2, 1, 0, 3]],
        coordinate_system=highdicom.CoordinateSystemNames.PATIENT,
        frame_of_reference_uid=source.FrameOfReferenceUID,
        channels={"SegmentNumber": list(range(1, marked.shape[-1] + 1))},
    )


def _date_and_time(source: Any, *, created: datetime | None) -> tuple[str, str]:
    """Of the content: the time given, or the first that the source states."""
    if created is not None:
        return f"{created:%Y%m%d}", f"{created:%H%M%S.%f}"
    for kind in ("Content", "Acquisition", "Series", "Study"):
        date, time = (str(source.get(f"{kind}{part}") or "") for part in ("Date", "Time"))
        with suppress(ValueError):
            datetime.strptime(f"{date} {(time or NO_TIME)[:6]}", "%Y%m%d %H%M%S")  # noqa: DTZ007 - DICOM's dates have no zone
            return date, time or NO_TIME
    return NO_DATE, NO_TIME


def _encoded(segmentation: Any, *, uids: _Uids) -> bytes:
    """The file's bytes, with the one UID that highdicom draws at random replaced."""
    for each in (*segmentation.DimensionOrganizationSequence, *segmentation.DimensionIndexSequence):
        each.DimensionOrganizationUID = uids.dimensions
    with BytesIO() as file:
        segmentation.save_as(file, enforce_file_format=True)
        return file.getvalue()
