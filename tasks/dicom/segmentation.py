"""DICOM Segmentation objects (SEG), read with pydicom: binary segments and where their frames lie.

Taken as hostile as any other DICOM file: see `headers` and `pixels`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import UID, SegmentationStorage

from schema.errors import Unreadable, UnreadableFileError
from tasks.dicom.frames import Frame
from tasks.dicom.headers import has_mark, open_regular, read_frames
from tasks.dicom.pixels import decoded
from tasks.dicom.quiet import quiet

LABEL_MAP_STORAGE = UID("1.2.840.10008.5.1.4.1.1.66.7")
SEGMENTATIONS = frozenset((SegmentationStorage, LABEL_MAP_STORAGE))
BINARY = "BINARY"
SEGMENTS_LIMIT = 1_000
FRAMES_LIMIT = 200_000
HEADER = (
    "SpecificCharacterSet",
    "SOPClassUID",
    "StudyInstanceUID",
    "FrameOfReferenceUID",
    "SegmentationType",
    "SegmentSequence",
)
GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")


class SegmentFrame(NamedTuple):
    """One frame, and the segment it shows."""

    segment: int
    frame: Frame


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentationHeader:
    """What a SEG file says, no pixel read.

    Attributes:
        study_uid: of the study it belongs to.
        frame_of_reference_uid: of the space in which its frames lie.
        kind: BINARY, FRACTIONAL or LABELMAP.
        names: Segment Label by segment number.
        frames: in the order of the file; empty unless it is binary.
    """

    study_uid: str
    frame_of_reference_uid: str
    kind: str
    names: dict[int, str] = field(repr=False)
    frames: tuple[SegmentFrame, ...] = field(repr=False)


def is_dicom(path: Path) -> bool:
    """Whether a file has the mark of DICOM; False when it cannot be opened."""
    try:
        return has_mark(path)
    except UnreadableFileError:
        return False


def segmentation_study(path: Path) -> str | None:
    """Study Instance UID of a SEG file; None for any other file."""
    try:
        with open_regular(path) as file, quiet():
            tags = [tag_for_keyword(name) or 0 for name in ("SOPClassUID", "StudyInstanceUID")]
            dataset = dcmread(file, stop_before_pixels=True, specific_tags=tags)
            found = dataset.get("SOPClassUID") in SEGMENTATIONS
            return str(dataset.get("StudyInstanceUID") or "") or None if found else None
    except Exception:  # noqa: BLE001 - what cannot be read is no SEG
        return None


def read_segmentation(path: Path) -> SegmentationHeader:
    """Read the header of a SEG file.

    Raises:
        UnreadableFileError: no DICOM file, no SEG, or a header that is damaged.
    """
    if not has_mark(path):
        raise UnreadableFileError("no DICOM file: no mark at byte 128", kind=Unreadable.SYNTAX)
    try:
        return _header(path)
    except UnreadableFileError:
        raise
    except Exception as error:  # noqa: BLE001 - pydicom raises a dozen kinds over damage
        # the error's own text may hold values of the file
        message = f"its header is damaged ({type(error).__name__})"
        raise UnreadableFileError(message, kind=Unreadable.CORRUPT) from None


def _header(path: Path) -> SegmentationHeader:
    with open_regular(path) as file, quiet():
        tags = [tag_for_keyword(name) or 0 for name in (*HEADER, *GROUPS)]
        dataset = dcmread(file, stop_before_pixels=True, specific_tags=tags)
        if dataset.get("SOPClassUID") not in SEGMENTATIONS:
            raise UnreadableFileError("DICOM, but no segmentation", kind=Unreadable.SYNTAX)
        label_map = dataset.SOPClassUID == LABEL_MAP_STORAGE
        kind = "LABELMAP" if label_map else str(dataset.get("SegmentationType") or "").upper()
        items = list(dataset.get("SegmentSequence") or ())[: SEGMENTS_LIMIT + 1]
        names = {int(item.SegmentNumber): str(item.get("SegmentLabel") or "") for item in items}
        numbers = _segments(dataset) if kind == BINARY else []
    frames = read_frames(path, where=path.name) if kind == BINARY else ()
    if len(names) > SEGMENTS_LIMIT or len(frames) > FRAMES_LIMIT:
        raise UnreadableFileError("more segments or frames than read", kind=Unreadable.TOO_LARGE)
    if len(numbers) != len(frames):
        raise UnreadableFileError("frames that name no segment", kind=Unreadable.CORRUPT)
    return SegmentationHeader(
        study_uid=str(dataset.get("StudyInstanceUID") or ""),
        frame_of_reference_uid=str(dataset.get("FrameOfReferenceUID") or ""),
        kind=kind,
        names=names,
        frames=tuple(SegmentFrame(numbers[each.index], each) for each in frames),
    )


def _segments(dataset: Dataset) -> list[int]:
    """The number of each frame's segment; the shared groups say it where there is only one."""
    shared, frames = (list(dataset.get(name) or ()) for name in GROUPS)
    common = [number for group in shared[:1] if (number := _segment(group)) is not None]
    numbers = [_segment(group) for group in frames]
    return [
        number if number is not None else common[0]
        for number in numbers
        if number is not None or common
    ]


def _segment(group: Dataset) -> int | None:
    items = list(group.get("SegmentIdentificationSequence") or ())
    return int(items[0].ReferencedSegmentNumber) if items else None


def segment_pixels(
    path: Path, header: SegmentationHeader
) -> Iterator[tuple[int, list[tuple[Frame, NDArray[Any]]]]]:
    """Segment by segment: its number, and each of its frames with pixels 0 and 1, (rows, columns).

    Raises:
        UnreadableFileError: as `tasks.dicom.pixels.decoded`.
    """
    ordered = sorted(header.frames, key=lambda each: each.segment)
    for segment, group in groupby(ordered, key=lambda each: each.segment):
        frames = [each.frame for each in group]
        yield segment, list(zip(frames, decoded(path.parent, frames), strict=True))
