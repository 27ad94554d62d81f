"""Single-file NIfTI-1 (.nii.gz): the format of the kit's neutral contract.

Positions are RAS in the file and LPS outside this module.
"""

from __future__ import annotations

import gzip
import io
import math
import struct
import zlib

from images import (
    VOXEL_TYPES,
    Grid,
    Image,
    ImageError,
    Triple,
    VoxelType,
    checked,
    little_endian,
    triple,
)

HEADER_BYTES, VOXELS_AT = 348, 352
OFFSET_LIMIT = 1 << 20
"""Header extensions may not push the voxels further out than this."""
MAGIC = b"n+1\0"
SCANNER, MILLIMETRES = 1, 2
LPS = (-1.0, -1.0, 1.0)
"""Sign of each component between RAS and LPS, either way round."""

DIM, DATATYPE, PIXDIM, SCALE, UNITS = 40, 70, 76, 108, 123
FORMS, QUATERNION, SROW, MAGIC_AT = 252, 256, 280, 344
"""Positions in the header."""


def written(image: Image) -> bytes:
    """A compressed file; same image, same bytes.

    Only the sform is set: beside it, a qform would be less exact (its quaternion is in single
    precision and its first component is derived), and some readers would prefer it.
    """
    header = bytearray(VOXELS_AT)
    grid, voxel_type = image.grid, image.voxel_type
    struct.pack_into("<i", header, 0, HEADER_BYTES)
    struct.pack_into("<8h", header, DIM, 3, *grid.size, 1, 1, 1, 1)
    struct.pack_into("<2h", header, DATATYPE, voxel_type.nifti, 8 * voxel_type.itemsize)
    struct.pack_into("<8f", header, PIXDIM, 1.0, *grid.spacing_mm, 0.0, 0.0, 0.0, 0.0)
    struct.pack_into("<3f", header, SCALE, VOXELS_AT, 1.0, 0.0)
    struct.pack_into("<b", header, UNITS, MILLIMETRES)
    struct.pack_into("<2h", header, FORMS, 0, SCANNER)
    struct.pack_into("<12f", header, SROW, *_rows(grid))
    struct.pack_into("<4s", header, MAGIC_AT, MAGIC)
    return gzip.compress(bytes(header) + image.voxels, compresslevel=1, mtime=0)


def _rows(grid: Grid) -> list[float]:
    """The sform, row by row."""
    columns = (*grid.steps(), grid.origin_mm)
    return [LPS[axis] * column[axis] for axis in range(3) for column in columns]


def read(content: bytes) -> Image:
    """Read a file; labels and images that are scaled on reading are refused.

    Raises:
        ImageError: it is no complete three-dimensional image, or it is scaled.
    """
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            return _read(file)
    except (EOFError, OSError, zlib.error) as error:
        raise ImageError("the gzip stream is damaged") from error


def _read(file: gzip.GzipFile) -> Image:
    header = file.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES or header[MAGIC_AT:] != MAGIC:
        raise ImageError("the file is no single-file NIfTI-1")
    order = "<" if struct.unpack_from("<i", header)[0] == HEADER_BYTES else ">"
    grid, voxel_type = _grid(header, order=order), _voxel_type(header, order=order)
    size = checked(grid, voxel_type=voxel_type)
    file.read(_voxels_at(header, order=order) - HEADER_BYTES)
    voxels = file.read(size)
    if len(voxels) < size:
        raise ImageError("the file ends before the last voxel")
    big = order == ">"
    return Image(grid, voxel_type, little_endian(voxels, voxel_type=voxel_type, big=big))


def _voxels_at(header: bytes, *, order: str) -> int:
    offset, slope, intercept = struct.unpack_from(f"{order}3f", header, SCALE)
    # the standard scales when the slope is finite and not 0
    if math.isfinite(slope) and slope != 0 and (slope, intercept) != (1.0, 0.0):
        raise ImageError("the values are scaled by a slope or an intercept")
    if not VOXELS_AT <= offset <= OFFSET_LIMIT:
        raise ImageError("the position of the voxels is not believable")
    return int(offset)


def _voxel_type(header: bytes, *, order: str) -> VoxelType:
    (code,) = struct.unpack_from(f"{order}h", header, DATATYPE)
    for voxel_type in VOXEL_TYPES:
        if voxel_type.nifti == code:
            return voxel_type
    raise ImageError("the type of the voxels is not supported")


def _grid(header: bytes, *, order: str) -> Grid:
    dimensions, i, j, k, *_ = struct.unpack_from(f"{order}8h", header, DIM)
    qform, sform = struct.unpack_from(f"{order}2h", header, FORMS)
    if dimensions != 3:
        raise ImageError("the image is not three-dimensional")
    if sform > 0:
        columns = _sform(header, order=order)
    elif qform > 0:
        columns = _qform(header, order=order)
    else:
        raise ImageError("the header places the image nowhere")
    *steps, origin = (_lps(column) for column in columns)
    spacing = triple(math.hypot(*step) for step in steps)
    if min(spacing) == 0:
        raise ImageError("an axis has no length")
    x, y, z = (_scaled(step, 1 / length) for step, length in zip(steps, spacing, strict=True))
    return Grid((i, j, k), spacing, origin, (x, y, z))


def _lps(column: Triple) -> Triple:
    return triple(map(float.__mul__, LPS, column))


def _scaled(axis: Triple, factor: float) -> Triple:
    return triple(component * factor for component in axis)


def _sform(header: bytes, *, order: str) -> list[Triple]:
    """The steps along i, j and k, and the origin."""
    rows = struct.unpack_from(f"{order}12f", header, SROW)
    return [triple(rows[column::4]) for column in range(4)]


def _qform(header: bytes, *, order: str) -> list[Triple]:
    """The same from a quaternion, the spacing and the handedness."""
    b, c, d, *origin = struct.unpack_from(f"{order}6f", header, QUATERNION)
    handedness, *spacing = struct.unpack_from(f"{order}4f", header, PIXDIM)
    a = math.sqrt(max(0.0, 1.0 - b * b - c * c - d * d))
    axes = (
        (a * a + b * b - c * c - d * d, 2 * (b * c + a * d), 2 * (b * d - a * c)),
        (2 * (b * c - a * d), a * a + c * c - b * b - d * d, 2 * (c * d + a * b)),
        (2 * (b * d + a * c), 2 * (c * d - a * b), a * a + d * d - b * b - c * c),
    )
    lengths = (*spacing[:2], -spacing[2] if handedness < 0 else spacing[2])
    steps = [_scaled(axis, length) for axis, length in zip(axes, lengths, strict=True)]
    return [*steps, triple(origin)]
