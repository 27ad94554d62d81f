"""Pixels of DICOM files, decoded with pydicom and the decoders that are installed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.datadict import tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.utils import iter_pixels
from pydicom.uid import UID, RLELossless

from schema.errors import Unreadable, UnreadableFileError
from tasks.dicom.codestream import claim_of, is_whole
from tasks.dicom.frames import Frame, PixelFormat
from tasks.dicom.headers import open_regular
from tasks.dicom.quiet import quiet

ELEMENTS = (
    "Rows",
    "Columns",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "PlanarConfiguration",
    "NumberOfFrames",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelData",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
)
READ = [tag_for_keyword(name) or 0 for name in ELEMENTS]
EXPANSION = 2
"""No encoder makes a frame larger than this many times its size; a run-length bomb is."""
SLACK_BYTES = 1 << 16


def missing_decoder(transfer_syntax: str) -> str | None:
    """What is missing to decode a transfer syntax, in words; None when it can be decoded."""
    uid = UID(transfer_syntax)
    shown = uid.name if uid.is_transfer_syntax and not uid.is_private else "an unknown syntax"
    try:
        decoder = get_decoder(uid)
    except NotImplementedError:
        return f"{shown}, for which there is no decoder"
    if decoder.is_available:
        return None
    return f"{shown}, which needs {' or '.join(decoder.missing_dependencies)}"


def decoded(folder: Path, frames: Sequence[Frame]) -> list[NDArray[Any]]:
    """The stored values of frames of one file, in the order given, each of shape (rows, columns).

    pydicom clears bits that do not count and gives signed values their sign; nothing is rescaled.

    Raises:
        UnreadableFileError: the pixels are missing, fewer than declared, damaged, or the codestream
            claims another size than the header.
    """
    instance = frames[0].instance
    with open_regular(folder / instance.where) as file, quiet():
        try:
            dataset = dcmread(file, specific_tags=list(READ))
            _check_codestreams(dataset, pixels=instance.pixels, count=instance.frame_count)
            indices = [frame.index for frame in frames]
            arrays = iter_pixels(dataset, indices=indices, raw=True)
            return [_of_shape(array, pixels=instance.pixels) for array in arrays]
        except UnreadableFileError:
            raise
        except Exception as error:  # noqa: BLE001 - decoders raise whatever they like
            # nothing but pixel elements was read: the text can hold no other value
            message = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
            raise UnreadableFileError(message, kind=Unreadable.CORRUPT) from None


def _check_codestreams(dataset: Dataset, *, pixels: PixelFormat, count: int) -> None:
    """Refuse a compressed frame that would unfold to more than the header says."""
    if "PixelData" not in dataset:
        raise UnreadableFileError("no pixel data", kind=Unreadable.TRUNCATED)
    if not dataset.file_meta.TransferSyntaxUID.is_encapsulated:
        return
    largest = EXPANSION * pixels.frame_bytes + SLACK_BYTES
    for frame in generate_frames(dataset.PixelData, number_of_frames=count):
        if len(frame) > largest:
            message = f"a compressed frame of more than {largest} bytes"
            raise UnreadableFileError(message, kind=Unreadable.TOO_LARGE)
        if dataset.file_meta.TransferSyntaxUID != RLELossless:
            _check_codestream(frame, pixels=pixels)


def _check_codestream(frame: bytes, *, pixels: PixelFormat) -> None:
    claim = claim_of(frame)
    if claim is None:
        raise UnreadableFileError("no codestream that states its size", kind=Unreadable.CORRUPT)
    if claim != (pixels.rows, pixels.columns, pixels.samples):
        message = f"its codestream claims {claim.rows} x {claim.columns} x {claim.components}"
        raise UnreadableFileError(message, kind=Unreadable.CORRUPT)
    if not is_whole(frame):
        raise UnreadableFileError("its codestream ends early", kind=Unreadable.TRUNCATED)


def _of_shape(array: NDArray[Any], *, pixels: PixelFormat) -> NDArray[Any]:
    if array.shape != (pixels.rows, pixels.columns) or array.dtype.kind not in "iu":
        raise UnreadableFileError("another shape or type than declared", kind=Unreadable.CORRUPT)
    return array
