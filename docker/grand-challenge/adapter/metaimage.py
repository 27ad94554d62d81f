"""MetaImage (.mha): the format in which the platform hands images over and takes them back.

Plain text, one `Key = value` a line, `ElementDataFile = LOCAL` last, then the voxels, which may be
compressed by zlib. Positions are LPS; `TransformMatrix` lists the unit vectors of i, j and k.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping

from images import VOXEL_TYPES, Grid, Image, ImageError, VoxelType, checked, little_endian, triple

HEADER_LIMIT = 1 << 16
LAST = b"ElementDataFile"
ANY_WRAPPER = zlib.MAX_WBITS | 32
"""zlib or gzip, as the format's own reader takes either."""
SYNONYMS = {
    "Origin": "Offset",
    "Position": "Offset",
    "Orientation": "TransformMatrix",
    "Rotation": "TransformMatrix",
    "ElementByteOrderMSB": "BinaryDataByteOrderMSB",
}


def read(content: bytes) -> Image:
    """Read a file.

    Raises:
        ImageError: it is no complete three-dimensional image of single numbers in one file.
    """
    header, start = _header(content)
    _refuse_what_is_no_volume(header)
    grid, voxel_type = _grid(header), _voxel_type(header)
    size = checked(grid, voxel_type=voxel_type)
    voxels = content[start:]
    if _flag(header, "CompressedData"):
        voxels = _inflated(voxels, size=size)
    if len(voxels) < size:
        raise ImageError("the file ends before the last voxel")
    big = _flag(header, "BinaryDataByteOrderMSB")
    return Image(grid, voxel_type, little_endian(voxels[:size], voxel_type=voxel_type, big=big))


def _header(content: bytes) -> tuple[dict[str, str], int]:
    """The fields under their usual names, and where the voxels begin."""
    header: dict[str, str] = {}
    start = 0
    while not header.get(LAST.decode()):
        end = content.find(b"\n", start, HEADER_LIMIT)
        if end < 0:
            raise ImageError("the file has no MetaImage header")
        key, _, value = content[start:end].decode("latin-1").partition("=")
        header[SYNONYMS.get(key.strip(), key.strip())] = value.strip()
        start = end + 1
    return header, start


def _refuse_what_is_no_volume(header: Mapping[str, str]) -> None:
    if header["ElementDataFile"] != "LOCAL":
        raise ImageError("the voxels lie in another file")
    if header.get("NDims") != "3" or header.get("ElementNumberOfChannels", "1") != "1":
        raise ImageError("the image is not three-dimensional with one number a voxel")
    if not _flag(header, "BinaryData", default="True"):
        raise ImageError("the voxels are written as text")


def _flag(header: Mapping[str, str], name: str, *, default: str = "False") -> bool:
    return header.get(name, default)[:1] in {"T", "t", "1"}


def _grid(header: Mapping[str, str]) -> Grid:
    matrix = header.get("TransformMatrix", "1 0 0 0 1 0 0 0 1").split()
    spacing = header.get("ElementSpacing", header.get("ElementSize", "1 1 1"))
    i, j, k = (int(number) for number in triple(header.get("DimSize", "").split()))
    return Grid(
        size=(i, j, k),
        spacing_mm=triple(spacing.split()),
        origin_mm=triple(header.get("Offset", "0 0 0").split()),
        axes=(triple(matrix[:3]), triple(matrix[3:6]), triple(matrix[6:])),
    )


def _voxel_type(header: Mapping[str, str]) -> VoxelType:
    for voxel_type in VOXEL_TYPES:
        if voxel_type.met == header.get("ElementType"):
            return voxel_type
    raise ImageError("the type of the voxels is not supported")


def _inflated(packed: bytes, *, size: int) -> bytes:
    """So many bytes and not one more, whatever the stream would grow to."""
    try:
        return zlib.decompressobj(ANY_WRAPPER).decompress(packed, size)
    except zlib.error as error:
        raise ImageError("the compressed voxels are damaged") from error


def written(image: Image) -> bytes:
    """A compressed file; same image, same bytes."""
    packed = zlib.compress(image.voxels, 6)
    fields = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "True",
        "CompressedDataSize": str(len(packed)),
        "TransformMatrix": _words(sum(image.grid.axes, ())),
        "Offset": _words(image.grid.origin_mm),
        "CenterOfRotation": "0 0 0",
        "ElementSpacing": _words(image.grid.spacing_mm),
        "DimSize": _words(image.grid.size),
        "ElementType": image.voxel_type.met,
        "ElementDataFile": "LOCAL",
    }
    header = "".join(f"{key} = {value}\n" for key, value in fields.items())
    return header.encode("ascii") + packed


def _words(values: tuple[float, ...]) -> str:
    # repr is the shortest text that reads back as the same number
    return " ".join(map(repr, values))
