"""One DICOM file without its patient: PS3.15 Basic Profile and more, recursively.

The new file is built from nothing, attribute by attribute. What `retained` lists is kept, whatever
the action table replaces or empties is replaced or emptied, all else is left behind: private
attributes, free text, people, places, overlays, the preamble. Pixels are decoded and written plain,
since a compressed stream has comments of its own.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.datadict import dictionary_has_tag, dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.pixels.utils import pack_bits
from pydicom.sequence import Sequence as Items
from pydicom.sr.codedict import codes
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID, ExplicitVRLittleEndian

from schema.errors import Unreadable, UnreadableFileError
from tasks.dicom import retained
from tasks.dicom.action_table import EDITION, Action, action_of
from tasks.dicom.headers import MR_IMAGES, open_regular, read_frames
from tasks.dicom.pixels import decoded
from tasks.dicom.quiet import quiet
from tasks.dicom.segmentation import SEGMENTATIONS
from tasks.layout import MASK_TASKS
from tasks.pseudonyms import date_shift_days, keyed_digest, pseudonym
from tasks.specification import label_map

Dates = Literal["remove", "shift", "keep"]
WRITTEN_KINDS = MR_IMAGES | SEGMENTATIONS
NESTED = 16
"""Items within items; deeper ones are left behind."""
METHOD = f"PS3.15 Table E.1-1 {EDITION}, allow-list"
NO_DATE, NO_TIME, NO_TEXT = "19000101", "000000", "REMOVED"

BASIC = ("113100", "Basic Application Confidentiality Profile")
CLEANED = ("113105", "Clean Descriptors Option")
FULL_DATES = ("113106", "Retain Longitudinal Temporal Information Full Dates Option")
MODIFIED_DATES = ("113107", "Retain Longitudinal Temporal Information Modified Dates Option")
OPTIONS: dict[Dates, tuple[tuple[str, str], ...]] = {
    "remove": (BASIC, CLEANED),
    "shift": (BASIC, CLEANED, MODIFIED_DATES),
    "keep": (BASIC, CLEANED, FULL_DATES),
}
TEMPORAL = {"remove": "REMOVED", "shift": "MODIFIED", "keep": "UNMODIFIED"}
NUMERIC = frozenset(("DS", "IS", "FD", "FL", "SL", "SS", "UL", "US"))
EMPTYING = frozenset((Action.Z, Action.Z_D, Action.X_Z, Action.X_Z_D))
REQUIRED = frozenset(("ContentDate", "ContentTime"))
"""May not be empty in the objects that are written: a dummy stands there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file as it was read; nothing of it is shown.

    Attributes:
        patient_id: blanks around it removed; empty when there is none.
        issuer: who gave that id.
        also: other texts that tell who the patient is.
        burned_in: whether the file says that something is written into its pixels.
        kind: SOP Class UID.
    """

    dataset: Dataset = field(repr=False)
    pixels: NDArray[Any] | None = field(repr=False)
    patient_id: str = field(repr=False)
    issuer: str = field(repr=False)
    also: frozenset[str] = field(repr=False)
    burned_in: bool
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleaned:
    """A de-identified file.

    Attributes:
        content: all of its bytes.
        name: path below the output, from the new case id and UIDs.
        counts: how many attributes were kept, replaced, emptied, removed.
    """

    content: bytes = field(repr=False)
    name: str
    counts: Counter[str]


def read_source(path: Path, *, where: str) -> Source:
    """Read a whole file of a kind that is written; the pixels of any other are not read.

    Raises:
        UnreadableFileError: no image that can be read and decoded.
    """
    frames = read_frames(path, where=path.name)
    try:
        with open_regular(path) as file, quiet():
            dataset = dcmread(file, stop_before_pixels=True)
            kind = str(dataset.get("SOPClassUID") or "")
            facts = {name: _text(dataset, name) for name in ("PatientID", "IssuerOfPatientID")}
            also = frozenset(_identifying(dataset))
            burned_in = any(
                _text(dataset, name).upper() == "YES"
                for name in ("BurnedInAnnotation", "RecognizableVisualFeatures")
            )
    except UnreadableFileError:
        raise
    except Exception as error:  # noqa: BLE001 - pydicom raises a dozen kinds over damage
        # the error's own text may hold values of the file
        message = f"{where}: cannot be read ({type(error).__name__})"
        raise UnreadableFileError(message, kind=Unreadable.CORRUPT) from None
    known = kind in WRITTEN_KINDS and bool(frames)
    return Source(
        dataset=dataset,
        pixels=np.stack(decoded(path.parent, frames)) if known else None,
        patient_id=facts["PatientID"],
        issuer=facts["IssuerOfPatientID"],
        also=also,
        burned_in=burned_in,
        kind=kind,
    )


def patient_of(path: Path) -> tuple[str, str]:
    """Patient ID and its issuer as a file says them; empty when it cannot be read."""
    try:
        with open_regular(path) as file, quiet():
            dataset = dcmread(file, specific_tags=["PatientID", "IssuerOfPatientID"])
    except Exception:  # noqa: BLE001 - what cannot be read is told of when it is to be cleaned
        return "", ""
    return _text(dataset, "PatientID"), _text(dataset, "IssuerOfPatientID")


def _identifying(dataset: Dataset) -> Iterator[str]:
    """Texts by which the key file will know the patient, at the top of the file."""
    for name in ("PatientName", "AccessionNumber", "OtherPatientIDs", "StudyInstanceUID"):
        text = _text(dataset, name)
        if text:
            yield text


def _text(dataset: Dataset, name: str) -> str:
    try:
        return str(dataset.get(name) or "").strip()
    except Exception:  # noqa: BLE001 - a value that cannot be read is one that is not stated
        return ""


def new_uid(uid: str, *, salt: bytes) -> str:
    """The UID that stands for another: below 2.25, from a keyed digest (UUID version 8)."""
    digest = bytearray(keyed_digest(uid.strip(), salt=salt)[:16])
    digest[6], digest[8] = digest[6] & 0x0F | 0x80, digest[8] & 0x3F | 0x80
    return f"2.25.{uuid.UUID(bytes=bytes(digest)).int}"


def deidentified(source: Source, *, salt: bytes, dates: Dates) -> Cleaned:
    """A file without its patient: same source, salt and option, same bytes.

    Args:
        source: with a patient id and pixels.
        salt: of the key.
        dates: what becomes of the four dates of a study.
    """
    assert source.patient_id
    assert source.pixels is not None
    cleaner = _Cleaner(source.patient_id, salt=salt, dates=dates)
    with quiet():
        result = cleaner.dataset(source.dataset, depth=0)
        case_id = pseudonym(source.patient_id, salt=salt)
        _identify(result, case_id=case_id, dates=dates)
        _set_pixels(result, source.pixels)
        content = _written(result)
    place = (str(result.get(name, "")) for name in ("StudyInstanceUID", "SeriesInstanceUID"))
    study, series = (_short(uid) for uid in place)
    name = f"{case_id}/study-{study}/series-{series}/{_short(str(result.SOPInstanceUID))}.dcm"
    return Cleaned(content=content, name=name, counts=cleaner.counts)


def _short(uid: str) -> str:
    """Twelve hexadecimal digits of a new UID, which is a digest already."""
    return f"{int(uid.rpartition('.')[2] or 0):032x}"[-12:]


class _Cleaner:
    """Walks one file; counts what becomes of its attributes."""

    def __init__(self, patient_id: str, *, salt: bytes, dates: Dates) -> None:
        self._salt, self._dates = salt, dates
        self._back = timedelta(days=date_shift_days(patient_id, salt=salt))
        self.counts: Counter[str] = Counter()

    def dataset(self, source: Dataset, *, depth: int) -> Dataset:
        """The attributes of one level that are kept, replaced or emptied."""
        result = Dataset()
        for tag in sorted(source.keys()):
            try:
                made = self._element(source, tag, depth=depth)
            except Exception:  # noqa: BLE001 - what cannot be understood is left behind
                made = None
            if made is None:
                self.counts["removed"] += 1
            else:
                result.add(made)
        return result

    def _element(self, source: Dataset, tag: BaseTag, *, depth: int) -> DataElement | None:
        if tag.is_private or not dictionary_has_tag(tag) or tag.group in {0x0002, 0x7FE0}:
            return None
        keyword, vr = keyword_for_tag(tag), dictionary_VR(tag)
        value = source[tag].value
        if vr == "SQ" and keyword in retained.SEQUENCES | retained.CODES:
            return self._sequence(tag, keyword, value, depth=depth)
        if (kept := self._kept(keyword, vr, value)) is not None:
            self.counts["kept"] += 1
            return DataElement(tag, vr, kept)
        return self._by_table(tag, keyword, vr, value)

    def _sequence(
        self, tag: BaseTag, keyword: str, items: Any, *, depth: int
    ) -> DataElement | None:
        if depth >= NESTED:
            return None
        if keyword in retained.CODES:
            found = [code for item in items or () if (code := _public_code(item)) is not None]
        else:
            found = [self.dataset(item, depth=depth + 1) for item in items or ()]
        self.counts["kept"] += 1
        return DataElement(tag, "SQ", Items(found))

    def _kept(self, keyword: str, vr: str, value: Any) -> Any:
        """What stays of a value; None when nothing does."""
        if keyword in retained.DATES | retained.TIMES:
            return self._moment(keyword, str(value).strip())
        if keyword in retained.NUMBERS and vr in NUMERIC:
            return _numbers(value)
        if keyword == "StackID":
            # text by which stacks are told apart: another text, the same for the same stack
            return keyed_digest(str(value).strip(), salt=self._salt).hex()[:8]
        rules = (rule for names, rule in KEPT if keyword in names)
        return next((rule(keyword, value) for rule in rules), None)

    def _moment(self, keyword: str, value: str) -> str | None:
        if keyword in retained.DATES and retained.DATE.fullmatch(value):
            if self._dates == "keep":
                return value
            if self._dates == "shift":
                there = datetime.strptime(value, "%Y%m%d").replace(tzinfo=UTC)
                return (there - self._back).strftime("%Y%m%d")
        if keyword in retained.TIMES and retained.TIME.fullmatch(value) and self._dates == "keep":
            return value
        return None

    def _by_table(self, tag: BaseTag, keyword: str, vr: str, value: Any) -> DataElement | None:
        action = action_of(tag)
        if action is Action.U and vr == "UI":
            self.counts["replaced"] += 1
            return DataElement(tag, vr, self._uids(value))
        if action in EMPTYING and vr != "SQ":
            self.counts["emptied"] += 1
            return DataElement(tag, vr, _dummy(vr) if keyword in REQUIRED else _nothing(vr))
        if action is Action.D and vr in {"LO", "SH", "PN", "DA", "DT", "TM", "CS"}:
            self.counts["replaced"] += 1
            return DataElement(tag, vr, _dummy(vr))
        return None

    def _uids(self, value: Any) -> list[str]:
        values = [value] if isinstance(value, str) else list(value)
        return [
            str(uid) if _is_registered(uid) else new_uid(str(uid), salt=self._salt)
            for uid in values
        ]


def _numbers(value: Any) -> Any:
    """Numbers as they are written; None when one of them is none."""
    several = not isinstance(value, str) and hasattr(value, "__len__")
    values = list(value) if several else [value]
    # a decimal keeps its own digits: a grid must not move by rounding
    texts = [str(getattr(each, "original_string", each)).strip() for each in values]
    if not texts or not all(retained.DECIMAL.fullmatch(text) for text in texts):
        return None
    numbers = [
        text if hasattr(each, "original_string") else each
        for each, text in zip(values, texts, strict=True)
    ]
    return numbers if several else numbers[0]


def _is_registered(uid: object) -> bool:
    """Whether the standard gives this UID a name: it tells of no patient."""
    return UID(str(uid)).name != str(uid)


def _terms(keyword: str, value: Any) -> list[str] | None:
    values = [value] if isinstance(value, str) else list(value or ())
    words = (str(each).strip().upper() for each in values)
    return [word for word in words if word in retained.TERMS[keyword]] or None


def _registered(_keyword: str, value: Any) -> str | None:
    return str(value) if _is_registered(value) else None


def _pointer(_keyword: str, value: Any) -> Any:
    return value if dictionary_has_tag(Tag(value)) else None


def _fixed(keyword: str, _value: Any) -> str:
    return retained.FIXED[keyword]


def _description(_keyword: str, value: Any) -> str | None:
    return retained.known_words(str(value)) or None


def _vendor(_keyword: str, value: Any) -> str | None:
    return retained.vendor_of(str(value)) or None


def _segment_label(_keyword: str, value: Any) -> str:
    """A segment's name when it is one of the task files', else a word that says nothing."""
    return str(value).strip() if str(value).strip() in _label_names() else "Segment"


@cache
def _label_names() -> frozenset[str]:
    labels = [label for task in MASK_TASKS for label in label_map(task).labels]
    return frozenset(name for label in labels for name in (label.name, label.title))


KEPT: tuple[tuple[Collection[str], Callable[[str, Any], Any]], ...] = (
    (retained.TERMS, _terms),
    (retained.UIDS, _registered),
    (retained.POINTERS, _pointer),
    (retained.FIXED, _fixed),
    (retained.DESCRIPTIONS, _description),
    ({"Manufacturer"}, _vendor),
    ({"SegmentLabel"}, _segment_label),
)
"""Attributes and what stays of their values."""


def _public_code(item: Dataset) -> Dataset | None:
    """A code that a public dictionary holds, with that dictionary's words."""
    scheme, value = str(item.CodingSchemeDesignator).strip(), str(item.CodeValue).strip()
    meaning = _meanings(scheme).get(value)
    if meaning is None:
        return None
    made = Dataset()
    made.CodeValue, made.CodingSchemeDesignator, made.CodeMeaning = value, scheme, meaning[:64]
    return made


@cache
def _meanings(scheme: str) -> dict[str, str]:
    if scheme not in codes.schemes():
        return {}
    concepts = getattr(codes, scheme).concepts
    return {code.value: code.meaning for code in concepts.values()}


def _nothing(vr: str) -> Any:
    return None if vr in NUMERIC else ""


def _dummy(vr: str) -> str:
    return {"DA": NO_DATE, "TM": NO_TIME, "DT": NO_DATE + NO_TIME}.get(vr, NO_TEXT)


def _identify(dataset: Dataset, *, case_id: str, dates: Dates) -> None:
    """Say whose it is by the new id, and that and how it was de-identified."""
    dataset.PatientID = dataset.PatientName = case_id
    for name in ("PatientBirthDate", "PatientSex"):
        setattr(dataset, name, "")
    dataset.PatientIdentityRemoved = "YES"
    dataset.DeidentificationMethod = METHOD
    dataset.DeidentificationMethodCodeSequence = Items(map(_code, OPTIONS[dates]))
    dataset.LongitudinalTemporalInformationModified = TEMPORAL[dates]


def _code(option: tuple[str, str]) -> Dataset:
    made = Dataset()
    made.CodeValue, made.CodeMeaning = option
    made.CodingSchemeDesignator = "DCM"
    return made


def _set_pixels(dataset: Dataset, frames: NDArray[Any]) -> None:
    """Pixels as the header declares them: no spare bit and no byte that a frame does not need."""
    if int(dataset.BitsAllocated) == 1:
        dataset.PixelData = pack_bits(frames.astype(np.uint8).reshape(-1), pad=True)
        dataset["PixelData"].VR = "OB"
        return
    little = np.ascontiguousarray(frames).astype(frames.dtype.newbyteorder("<")).tobytes()
    dataset.BitsAllocated = frames.dtype.itemsize * 8
    dataset.PixelData = little + b"\0" * (len(little) % 2)
    dataset["PixelData"].VR = "OW" if frames.dtype.itemsize > 1 else "OB"


def _written(dataset: Dataset) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(dataset.SOPClassUID)
    meta.MediaStorageSOPInstanceUID = UID(dataset.SOPInstanceUID)
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = FileDataset("", dataset, file_meta=meta, preamble=bytes(128))
    buffer = BytesIO()
    made.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
