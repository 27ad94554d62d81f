"""Headers of DICOM files, read with pydicom: what they say and no pixel.

A file is taken to be hostile: links are not followed, no read asks for more than the file holds,
and whatever pydicom makes of damage becomes one error without a value of the file in it.
"""

from __future__ import annotations

import hashlib
import io
import math
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from pydicom import dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset, read_preamble
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    EnhancedMRImageStorage,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLSNearLossless,
    LegacyConvertedEnhancedMRImageStorage,
    MediaStorageDirectoryStorage,
    MRImageStorage,
)

from schema.errors import Unreadable, UnreadableFileError
from tasks.dicom.frames import Frame, Instance, PixelFormat, Six
from tasks.dicom.quiet import quiet
from tasks.geometry import Triple

MARK_AT = 128
MARK = b"DICM"
MR_IMAGES = frozenset(
    (MRImageStorage, EnhancedMRImageStorage, LegacyConvertedEnhancedMRImageStorage)
)
LOSSY_SYNTAXES = frozenset((JPEGBaseline8Bit, JPEGExtended12Bit, JPEGLSNearLossless))
UID_TEXT = re.compile(r"[0-9.]{1,64}")

GROUPS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
OF_FILE = (
    "SpecificCharacterSet",
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "Modality",
    "PatientID",
    "IssuerOfPatientID",
    "PatientName",
    "SeriesDescription",
    "ProtocolName",
    "SequenceName",
    "PulseSequenceName",
    "NumberOfFrames",
    "LossyImageCompression",
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
)
OF_FRAME = (
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceThickness",
    "RescaleSlope",
    "RescaleIntercept",
    "ImageType",
    "FrameType",
    "ScanningSequence",
    "ScanOptions",
    "EchoPulseSequence",
    "EchoPlanarPulseSequence",
    "InversionRecovery",
    "SpectrallySelectedSuppression",
    "EchoTime",
    "EffectiveEchoTime",
    "RepetitionTime",
    "DiffusionBValue",
    "ContrastBolusAgent",
    "ContrastBolusAgentSequence",
    "TemporalPositionIdentifier",
    "TemporalPositionIndex",
    "AcquisitionNumber",
    "FrameAcquisitionNumber",
    "StackID",
)
FREE_TEXT = ("SeriesDescription", "ProtocolName", "SequenceName", "PulseSequenceName")
READ = [tag_for_keyword(name) or 0 for name in (*GROUPS, *OF_FILE, *OF_FRAME)]


class _Bounded(io.BufferedReader):
    """A file that never reads more than is left of it: a length in a header is only a claim."""

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(0, os.fstat(self.fileno()).st_size - self.tell())
        return super().read(left if size is None or size < 0 else min(size, left))


@contextmanager
def open_regular(path: Path) -> Iterator[io.BufferedReader]:
    """Open a regular file without following a link.

    Raises:
        UnreadableFileError: missing, denied, a link or a special file.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        denied = isinstance(error, PermissionError)
        kind = Unreadable.DENIED if denied else Unreadable.NOT_REGULAR
        raise UnreadableFileError(str(error.strerror), kind=kind) from error
    with _Bounded(io.FileIO(descriptor)) as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UnreadableFileError("not a regular file", kind=Unreadable.NOT_REGULAR)
        yield file


def has_mark(path: Path) -> bool:
    """Whether a file has the mark of a DICOM file.

    Raises:
        UnreadableFileError: as `open_regular`.
    """
    with open_regular(path) as file:
        return file.read(MARK_AT + len(MARK))[MARK_AT:] == MARK


def read_frames(path: Path, *, where: str) -> tuple[Frame, ...]:
    """Every frame of a DICOM file with the mark; none when it holds no image.

    Args:
        path: the file.
        where: its path below the folder, for messages.

    Raises:
        UnreadableFileError: no file, a directory (DICOMDIR), a deflated or a damaged one.
    """
    with open_regular(path) as file:
        try:
            with quiet():
                return _frames(file, where=where)
        except UnreadableFileError:
            raise
        except Exception as error:  # noqa: BLE001 - pydicom raises a dozen kinds over damage
            # the error's own text may hold values of the file
            message = f"its header is damaged ({type(error).__name__})"
            raise UnreadableFileError(message, kind=Unreadable.CORRUPT) from None


def read_sources(folder: Path, names: Sequence[str]) -> list[Dataset]:
    """Whole headers without pixels, in the order of the names below a folder.

    Raises:
        UnreadableFileError: one of them can no longer be read.
    """
    found: list[Dataset] = []
    for name in names:
        with open_regular(folder / name) as file, quiet():
            found.append(dcmread(file, stop_before_pixels=True))
    return found


def _frames(file: io.BufferedReader, *, where: str) -> tuple[Frame, ...]:
    meta = _file_meta(file)
    if meta.get("MediaStorageSOPClassUID") == MediaStorageDirectoryStorage:
        raise UnreadableFileError("a DICOM directory", kind=Unreadable.SYNTAX)
    if meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        # nothing bounds what pydicom would inflate
        raise UnreadableFileError("deflated, which is not read", kind=Unreadable.TOO_LARGE)
    file.seek(0)
    header = dcmread(file, stop_before_pixels=True, specific_tags=list(READ))
    values = _flat([header])
    if not _whole(values.get("Rows")) or not _whole(values.get("Columns")):
        if meta.get("MediaStorageSOPClassUID") in {None, *MR_IMAGES}:
            raise UnreadableFileError("an image cut or damaged", kind=Unreadable.TRUNCATED)
        return ()
    shared, frames = (_items(header, name) for name in GROUPS)
    size = os.fstat(file.fileno()).st_size
    described = len(frames) if frames else None
    instance = _instance(values, where=where, meta=meta, size=size, described=described)
    if not frames:
        return (_frame(values, instance=instance, index=0),)
    common = values | _of_groups(shared[:1])
    return tuple(
        _frame(common | _of_groups([group]), instance=instance, index=index)
        for index, group in enumerate(frames)
    )


def _file_meta(file: io.BufferedReader) -> Dataset:
    """Group 2, which says how the rest is written; always explicit little endian."""
    read_preamble(file, force=False)
    return read_dataset(
        file,
        is_implicit_VR=False,
        is_little_endian=True,
        stop_when=lambda tag, _vr, _length: tag.group != 2,
    )


def _items(dataset: Dataset, name: str) -> Sequence[Dataset]:
    return tuple(_value(dataset, name) or ())


def _of_groups(groups: Sequence[Dataset]) -> dict[str, Any]:
    """Elements of every macro of functional groups; a macro is a sequence of one item."""
    macros = [element.value for group in groups for element in group if element.VR == "SQ"]
    return _flat([macro[0] for macro in macros if len(macro)])


def _flat(datasets: Sequence[Dataset]) -> dict[str, Any]:
    """The elements that are wanted, by keyword; those without a value left out."""
    found = {}
    for dataset in datasets:
        for name in (*OF_FILE, *OF_FRAME):
            value = _value(dataset, name)
            if value is not None and value != "":
                found[name] = value
    return found


def _value(dataset: Dataset, name: str) -> Any:
    """A value, or None: an element is converted when it is asked for, and that may fail."""
    try:
        return dataset.get(name)
    except Exception:  # noqa: BLE001 - a value that cannot be read is one that is not stated
        return None


def _instance(
    values: Mapping[str, Any], *, where: str, meta: Dataset, size: int, described: int | None
) -> Instance:
    identity = [_text(values.get(name)) for name in ("PatientID", "IssuerOfPatientID")]
    return Instance(
        where=where,
        study_uid=_uid(values.get("StudyInstanceUID")),
        series_uid=_uid(values.get("SeriesInstanceUID")),
        sop_instance_uid=_uid(values.get("SOPInstanceUID")),
        frame_of_reference_uid=_uid(values.get("FrameOfReferenceUID")),
        transfer_syntax=_text(meta.get("TransferSyntaxUID")),
        modality=_text(values.get("Modality")).upper(),
        patient=_digest([*identity, _spelt_plainly(values.get("PatientName"))]),
        text=" ".join(_text(values.get(name)) for name in FREE_TEXT).lower(),
        pixels=_pixel_format(values),
        frame_count=1 if (count := _whole(values.get("NumberOfFrames"))) is None else count,
        grouped_frames=described,
        lossy=_lossy(values, meta=meta),
        file_bytes=size,
    )


def _lossy(values: Mapping[str, Any], *, meta: Dataset) -> bool:
    """As stated, or by a transfer syntax that has no lossless mode."""
    stated = _text(values.get("LossyImageCompression")) == "01"
    return stated or meta.get("TransferSyntaxUID") in LOSSY_SYNTAXES


def _spelt_plainly(name: Any) -> str:
    """Letters and digits alone, in lower case: one name is spelt in more ways than one."""
    return re.sub(r"[\W_]+", "", _text(name).casefold())


def _digest(words: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(words).encode("utf-8", "surrogateescape")).hexdigest()


def _pixel_format(values: Mapping[str, Any]) -> PixelFormat:
    def whole(name: str) -> int:
        return _whole(values.get(name)) or 0

    return PixelFormat(
        rows=whole("Rows"),
        columns=whole("Columns"),
        samples=whole("SamplesPerPixel"),
        photometric=_text(values.get("PhotometricInterpretation")).upper(),
        bits_allocated=whole("BitsAllocated"),
        bits_stored=whole("BitsStored"),
        high_bit=whole("HighBit"),
        signed=whole("PixelRepresentation") == 1,
    )


def _frame(values: Mapping[str, Any], *, instance: Instance, index: int) -> Frame:
    number = {name: _number(values.get(name)) for name in OF_FRAME}
    return Frame(
        instance=instance,
        index=index,
        position_mm=_position(values.get("ImagePositionPatient")),
        orientation=_orientation(values.get("ImageOrientationPatient")),
        spacing_mm=_spacing(values.get("PixelSpacing")),
        thickness_mm=number["SliceThickness"],
        slope=number["RescaleSlope"] if "RescaleSlope" in values else 1.0,
        intercept=number["RescaleIntercept"] if "RescaleIntercept" in values else 0.0,
        image_type=_words(values.get("FrameType") or values.get("ImageType")),
        sequence=_sequence(values),
        echo_time_ms=_first(number, ("EffectiveEchoTime", "EchoTime")),
        repetition_time_ms=number["RepetitionTime"],
        b_value=number["DiffusionBValue"],
        fat_suppressed=_fat_suppressed(values),
        contrast=bool(values.get("ContrastBolusAgent") or values.get("ContrastBolusAgentSequence")),
        temporal=_whole(
            values.get("TemporalPositionIndex", values.get("TemporalPositionIdentifier"))
        ),
        acquisition=_whole(values.get("FrameAcquisitionNumber", values.get("AcquisitionNumber"))),
        stack_id=_text(values.get("StackID")),
    )


def _first(numbers: Mapping[str, float | None], names: tuple[str, ...]) -> float | None:
    return next((numbers[name] for name in names if numbers[name] is not None), None)


def _sequence(values: Mapping[str, Any]) -> frozenset[str]:
    """Scanning Sequence, or what an enhanced file says in its place."""
    found = set(_words(values.get("ScanningSequence")))
    echo = _text(values.get("EchoPulseSequence")).upper()
    found |= {"SPIN": {"SE"}, "GRADIENT": {"GR"}, "BOTH": {"SE", "GR"}}.get(echo, set())
    for name, word in (("EchoPlanarPulseSequence", "EP"), ("InversionRecovery", "IR")):
        if _text(values.get(name)).upper() == "YES":
            found.add(word)
    return frozenset(found)


def _fat_suppressed(values: Mapping[str, Any]) -> bool:
    """By Scan Options FS, or by the spectral suppression of an enhanced file."""
    spectral = _text(values.get("SpectrallySelectedSuppression")).upper()
    return "FS" in _words(values.get("ScanOptions")) or spectral.startswith("FAT")


def _position(value: Any) -> Triple | None:
    numbers = _numbers(value, count=3)
    return None if numbers is None else (numbers[0], numbers[1], numbers[2])


def _orientation(value: Any) -> Six | None:
    numbers = _numbers(value, count=6)
    if numbers is None:
        return None
    a, b, c, d, e, f = numbers
    return a, b, c, d, e, f


def _spacing(value: Any) -> tuple[float, float] | None:
    numbers = _numbers(value, count=2)
    if numbers is None or min(numbers) <= 0:
        return None
    return numbers[0], numbers[1]


def _numbers(value: Any, *, count: Literal[2, 3, 6]) -> list[float] | None:
    """So many finite numbers, or None."""
    if value is None or isinstance(value, str) or not hasattr(value, "__len__"):
        return None
    found = [_number(each) for each in value]
    numbers = [each for each in found if each is not None]
    return numbers if len(found) == len(numbers) == count else None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _whole(value: Any) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _uid(value: Any) -> str:
    """A UID, which may be shown; of anything else in its place only a digest."""
    text = _text(value)
    if not text or UID_TEXT.fullmatch(text):
        return text or "none"
    return f"invalid-{_digest([text])[:8]}"


def _words(value: Any) -> tuple[str, ...]:
    """One or more values as upper-case words."""
    if value is None:
        return ()
    values = [value] if isinstance(value, str) else list(value)
    return tuple(str(each).strip().upper() for each in values)
