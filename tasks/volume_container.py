"""What a `.nii.gz` file holds beside its voxels: gzip's own fields, NIfTI's texts, spare bytes."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import NamedTuple

from schema.errors import Unreadable, UnreadableFileError
from tasks.files import GZIP_MAGIC, NIFTI_HEADER_BYTES, read_bytes

LIMIT_BYTES = 4 << 30
TEXTS = {
    "data_type": (4, 14),
    "db_name": (14, 32),
    "descrip": (148, 228),
    "aux_file": (228, 252),
    "intent_name": (328, 344),
}
"""Text fields of a NIfTI-1 header: first byte, and the one after the last."""
FLAGS = {8: "a file name", 16: "a comment", 4: "an extra field"}
"""Of a gzip header (RFC 1952), beside its time."""
ECODES = {2: "DICOM", 4: "AFNI", 6: "comment", 40: "MATLAB", 44: "MRS"}


class Container(NamedTuple):
    """What was seen.

    Attributes:
        gzip: names of the gzip fields that say something.
        texts: names of the header fields that hold text.
        extensions: kinds of the header extensions.
        spare: where bytes stand that are no header and no voxel.
        content: all of it, not compressed.
    """

    gzip: tuple[str, ...]
    texts: tuple[str, ...]
    extensions: tuple[str, ...]
    spare: tuple[str, ...]
    content: bytes


def look_into(path: Path) -> Container:
    """Look into a volume.

    Raises:
        UnreadableFileError: no gzip file, damaged, too large, or no NIfTI-1.
    """
    packed = read_bytes(path, limit=LIMIT_BYTES)
    if packed[:2] != GZIP_MAGIC:
        raise UnreadableFileError("no gzip magic", kind=Unreadable.NOT_GZIP)
    fields: set[str] = set()
    parts: list[bytes] = []
    while packed[:2] == GZIP_MAGIC:
        fields |= _gzip_fields(packed)
        part, packed = _member(packed, room=LIMIT_BYTES - sum(map(len, parts)))
        parts.append(part)
    content = b"".join(parts)
    if len(content) < NIFTI_HEADER_BYTES or content[344:348] != b"n+1\0":
        raise UnreadableFileError("no single-file NIfTI-1", kind=Unreadable.NOT_NIFTI)
    order = "<" if struct.unpack_from("<i", content)[0] == NIFTI_HEADER_BYTES else ">"
    offset, end = _voxels(content, order=order)
    extensions, free = _extensions(content, order=order, offset=offset)
    spare = {
        "before the voxels": any(content[free:offset]),
        "after the voxels": len(content) > end,
        "after the gzip stream": bool(packed),
    }
    return Container(
        gzip=tuple(sorted(fields)),
        texts=tuple(name for name, (a, b) in TEXTS.items() if content[a:b].strip(b"\0 ")),
        extensions=extensions,
        spare=tuple(name for name, seen in spare.items() if seen),
        content=content,
    )


def _gzip_fields(packed: bytes) -> set[str]:
    flags, time = struct.unpack_from("<xxxBI", packed.ljust(8, b"\0"))
    return {name for bit, name in FLAGS.items() if flags & bit} | ({"a time"} if time else set())


def _member(packed: bytes, *, room: int) -> tuple[bytes, bytes]:
    """One gzip member, and what follows it."""
    stream = zlib.decompressobj(wbits=31)
    try:
        content = stream.decompress(packed, room)
    except zlib.error as error:
        message = "the gzip stream is damaged"
        raise UnreadableFileError(message, kind=Unreadable.CORRUPT) from error
    if not stream.eof:
        kind = Unreadable.TOO_LARGE if stream.unconsumed_tail else Unreadable.TRUNCATED
        raise UnreadableFileError("the gzip stream does not end", kind=kind)
    return content, stream.unused_data


def _voxels(content: bytes, *, order: str) -> tuple[int, int]:
    """Where the voxels begin and end, as the header says."""
    sizes = struct.unpack_from(f"{order}8h", content, 40)
    bits = struct.unpack_from(f"{order}h", content, 72)[0]
    offset = struct.unpack_from(f"{order}f", content, 108)[0]
    begin = int(offset) if 0 <= offset < len(content) else NIFTI_HEADER_BYTES + 4
    count = 1
    for size in sizes[1 : 1 + max(0, min(sizes[0], 7))]:
        count *= max(0, size)
    return begin, begin + count * max(0, bits) // 8


def _extensions(content: bytes, *, order: str, offset: int) -> tuple[tuple[str, ...], int]:
    """Kinds of the extensions, and the first byte after them."""
    place, kinds = NIFTI_HEADER_BYTES + 4, []
    if not content[NIFTI_HEADER_BYTES : NIFTI_HEADER_BYTES + 1].strip(b"\0"):
        return (), NIFTI_HEADER_BYTES
    while place + 8 <= offset:
        size, code = struct.unpack_from(f"{order}2i", content, place)
        if size < 8 or place + size > offset:
            break
        kinds.append(ECODES.get(code, f"code {code}"))
        place += size
    return tuple(kinds) or ("not readable",), place
