"""A three-dimensional image and where its voxels lie, as both file formats here mean it."""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Iterable
from typing import NamedTuple

Triple = tuple[float, float, float]

SPACING_MM, ORIGIN_MM, DIRECTION = 1e-3, 1e-2, 2e-3
"""How far two grids may differ and be one grid, as in the kit's task files."""
LIMIT_BYTES = 2 << 30
"""Of the voxels of one image; a header that claims more is not believed."""


class ImageError(Exception):
    """A file that is not the image it should be; the message names no file."""


class VoxelType(NamedTuple):
    """One number type: its MetaImage name, its NIfTI code and its `array` type code."""

    met: str
    nifti: int
    typecode: str

    @property
    def itemsize(self) -> int:
        """Bytes a voxel."""
        return array(self.typecode).itemsize

    @property
    def is_whole(self) -> bool:
        """Whether it holds whole numbers only."""
        return self.typecode not in "fd"


UINT8 = VoxelType("MET_UCHAR", 2, "B")
VOXEL_TYPES = (
    UINT8,
    VoxelType("MET_CHAR", 256, "b"),
    VoxelType("MET_USHORT", 512, "H"),
    VoxelType("MET_SHORT", 4, "h"),
    VoxelType("MET_UINT", 768, "I"),
    VoxelType("MET_INT", 8, "i"),
    VoxelType("MET_FLOAT", 16, "f"),
    VoxelType("MET_DOUBLE", 64, "d"),
)


class Grid(NamedTuple):
    """A voxel grid in patient space: LPS, millimetres.

    Attributes:
        size: voxels along (i, j, k).
        spacing_mm: distance between voxel centres along (i, j, k).
        origin_mm: centre of voxel (0, 0, 0).
        axes: the unit vectors along i, j and k.
    """

    size: tuple[int, int, int]
    spacing_mm: Triple
    origin_mm: Triple
    axes: tuple[Triple, Triple, Triple]

    @property
    def voxels(self) -> int:
        """Number of voxels."""
        return math.prod(self.size)

    def steps(self) -> tuple[Triple, Triple, Triple]:
        """From one voxel to the next along i, j and k, in mm."""
        i, j, k = (
            triple(component * spacing for component in axis)
            for axis, spacing in zip(self.axes, self.spacing_mm, strict=True)
        )
        return i, j, k


class Image(NamedTuple):
    """A grid and its voxels: little-endian, i fastest, as both formats store them."""

    grid: Grid
    voxel_type: VoxelType
    voxels: bytes


def triple(values: Iterable[float | str]) -> Triple:
    """Three finite numbers, from numbers or from words.

    Raises:
        ImageError: more, fewer, or not finite.
    """
    try:
        x, y, z = map(float, values)
    except ValueError as error:
        raise ImageError("three numbers of the header are not three numbers") from error
    if not all(map(math.isfinite, (x, y, z))):
        raise ImageError("a number of the header is not finite")
    return x, y, z


def checked(grid: Grid, *, voxel_type: VoxelType) -> int:
    """Bytes of the voxels of a believable grid.

    Raises:
        ImageError: empty, too large, flat, or with axes that are not at right angles.
    """
    size = grid.voxels * voxel_type.itemsize
    if min(grid.size) < 1 or size > LIMIT_BYTES:
        raise ImageError("the size of the image is not believable")
    if min(grid.spacing_mm) <= 0 or not _square(grid.axes):
        raise ImageError("the axes of the image are not at right angles, or of no length")
    return size


def _square(axes: tuple[Triple, Triple, Triple]) -> bool:
    """Whether axes are unit vectors at right angles, rounding of headers allowed for."""
    return all(
        abs(sum(map(float.__mul__, a, b)) - (a is b)) <= DIRECTION for a in axes for b in axes
    )


def difference(wanted: Grid, found: Grid) -> str | None:
    """The first property in which two grids differ, None when they are one grid."""
    pairs = (
        ("size", wanted.size, found.size, 0.0),
        ("spacing", wanted.spacing_mm, found.spacing_mm, SPACING_MM),
        ("origin", wanted.origin_mm, found.origin_mm, ORIGIN_MM),
        ("direction", sum(wanted.axes, ()), sum(found.axes, ()), DIRECTION),
    )
    for name, expected, got, limit in pairs:
        if any(abs(a - b) > limit for a, b in zip(expected, got, strict=True)):
            return name
    return None


def little_endian(voxels: bytes, *, voxel_type: VoxelType, big: bool) -> bytes:
    """Voxels in little-endian order."""
    if not big or voxel_type.itemsize == 1:
        return voxels
    numbers_ = array(voxel_type.typecode, voxels)
    numbers_.byteswap()
    return numbers_.tobytes()


def as_uint8(image: Image) -> bytes:
    """The voxels of an image of whole numbers, one byte each.

    Raises:
        ImageError: not whole numbers, or one below 0 or above 255.
    """
    if not image.voxel_type.is_whole:
        raise ImageError("labels have to be stored as whole numbers")
    if image.voxel_type == UINT8:
        return image.voxels
    values = array(image.voxel_type.typecode, image.voxels)
    if sys.byteorder == "big":
        values.byteswap()
    try:
        # of the numbers: given the array itself, `bytes` would copy its memory
        return bytes(iter(values))
    except ValueError as error:
        raise ImageError("a label is below 0 or above 255") from error
