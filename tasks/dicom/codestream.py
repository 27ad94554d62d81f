"""What a compressed frame says of its own size, read before any decoder sees it.

A decoder makes room for what the codestream claims, not for what the DICOM header claims: a frame
of a few hundred bytes may claim gigabytes.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

JPEG_START = b"\xff\xd8"
JPEG2000_START = b"\xff\x4f\xff\x51"
JPEG2000_WITHIN = 1024
"""A JP2 box may lie before the codestream, against the standard."""
FRAME_MARKERS = frozenset(
    (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0), 0xF7)
)
"""Start of frame: JPEG of any process, and JPEG-LS (0xF7)."""
ALONE = frozenset((0x01, *range(0xD0, 0xDA)))
"""Markers without a segment."""


class Claim(NamedTuple):
    """Rows, columns and components that a codestream claims."""

    rows: int
    columns: int
    components: int


END = b"\xff\xd9"
"""End of image of JPEG and JPEG-LS, end of codestream of JPEG 2000."""
PADDING_BYTES = 16
"""The end is looked for within the last ones: encoders pad with 0 or with 0xFF."""


def is_whole(frame: bytes) -> bool:
    """Whether a codestream has its end. Decoders fill up one that was cut, and say nothing."""
    return END in frame[-PADDING_BYTES:]


def claim_of(frame: bytes) -> Claim | None:
    """What a JPEG, JPEG-LS or JPEG 2000 codestream claims; None when it is none of these."""
    if frame.startswith(JPEG_START):
        return _jpeg(frame)
    start = frame.find(JPEG2000_START, 0, JPEG2000_WITHIN)
    return None if start < 0 else _jpeg2000(frame[start:])


def _jpeg(frame: bytes) -> Claim | None:
    position = len(JPEG_START)
    while position + 4 <= len(frame):
        if frame[position] != 0xFF:
            return None
        marker = frame[position + 1]
        if marker == 0xFF or marker in ALONE:  # fill bytes, and markers without a length
            position += 1 if marker == 0xFF else 2
        elif marker in FRAME_MARKERS:
            return _start_of_frame(frame[position + 4 :])
        else:
            position += 2 + max(2, int.from_bytes(frame[position + 2 : position + 4], "big"))
    return None


def _start_of_frame(body: bytes) -> Claim | None:
    if len(body) < 6:
        return None
    _, rows, columns, components = struct.unpack_from(">BHHB", body)
    return Claim(rows, columns, components)


def _jpeg2000(codestream: bytes) -> Claim | None:
    """SIZ: size of the reference grid, less the image's offset on it."""
    if len(codestream) < 42:
        return None
    x, y, x_offset, y_offset = struct.unpack_from(">4I", codestream, 8)
    (components,) = struct.unpack_from(">H", codestream, 40)
    return Claim(y - y_offset, x - x_offset, components)
