"""The one module that reads and writes. Everything it reads is taken to be hostile.

No link is followed, a header is read before any voxel, no more is decompressed than the header's
own (already checked) claim, and every write is atomic: temporary file, fsync, rename.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import os
import stat
import struct
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar, cast

import deflate
import nibabel as nib
import numpy as np
from isal import igzip
from isal.isal_zlib import IsalError
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray
from pydantic import BaseModel

from schema.errors import Unreadable, UnreadableFileError
from tasks.geometry import Geometry
from tasks.tables import Row, Table, table_rows

GZIP_MAGIC = b"\x1f\x8b"
NIFTI_HEADER_BYTES = 348
NIFTI_MAXIMUM_OFFSET = 1 << 20
"""Header extensions may not push the voxels further out than this."""
COMPRESSION_LEVEL = 2
GZIP_HEADER_LIMIT_BYTES = 1 << 16
"""Room for a gzip header with a name and a comment in it."""
TEXT_LIMIT_BYTES = 64 << 20
CELL_CHARACTERS = 1 << 17
"""Of one cell of a table; more is no table of ours."""


Model = TypeVar("Model", bound=BaseModel)

# the library's stub calls its exception class an instance
_DAMAGED = cast("type[Exception]", IsalError)
_REFUSED = cast("type[Exception]", deflate.DeflateError)


class Entry(NamedTuple):
    """One name in a folder."""

    name: str
    regular: bool
    """False for a link, a folder, a device, a socket or a pipe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NiftiHeader:
    """What a NIfTI-1 header says, before anything is believed.

    Attributes:
        shape: the declared dimensions, as many as declared.
        voxel_type: numpy name of the stored type, or `unknown`.
        geometry: the grid; None unless the file is 3-D with a finite, invertible orientation.
        oriented: whether a qform or an sform is set at all.
        form_gap_mm: largest distance between a corner placed by the qform and by the sform; 0 when
            only one is set, None when it is not finite.
        scaled: whether slope and intercept would change the stored values.
        inverted: whether they would turn dark into bright.
        offset: first voxel's position in the file.
        dtype: the stored type with its byte order; None when unknown.
    """

    shape: tuple[int, ...]
    voxel_type: str
    geometry: Geometry | None
    oriented: bool
    form_gap_mm: float | None
    scaled: bool
    inverted: bool
    offset: int
    dtype: np.dtype[Any] | None


def list_folder(folder: Path) -> tuple[Entry, ...]:
    """Names in a folder, sorted, names that begin with a dot left out; empty when absent.

    Raises:
        UnreadableFileError: the folder is a link or no folder.
    """
    try:
        mode = folder.lstat().st_mode
    except FileNotFoundError:
        return ()
    if not stat.S_ISDIR(mode):
        raise UnreadableFileError(
            "a link or file where a folder should be", kind=Unreadable.NOT_REGULAR
        )
    try:
        with os.scandir(folder) as entries:
            found = [
                Entry(entry.name, entry.is_file(follow_symlinks=False))
                for entry in entries
                if not entry.name.startswith(".")
            ]
    except OSError as error:
        raise UnreadableFileError(str(error.strerror), kind=_kind(folder, error)) from error
    return tuple(sorted(found))


def is_folder(path: Path) -> bool:
    """Whether a path is a folder itself, not a link to one."""
    return path.is_dir() and not path.is_symlink()


@contextmanager
def _open(path: Path) -> Iterator[io.BufferedReader]:
    """Open a regular file for reading without following a link."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise UnreadableFileError(str(error.strerror), kind=_kind(path, error)) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UnreadableFileError("not a regular file", kind=Unreadable.NOT_REGULAR)
    with os.fdopen(descriptor, "rb") as file:
        yield file


def _kind(path: Path, error: OSError) -> Unreadable:
    if isinstance(error, FileNotFoundError) and not path.is_symlink():
        return Unreadable.MISSING
    if isinstance(error, PermissionError):
        return Unreadable.DENIED
    return Unreadable.NOT_REGULAR


def read_bytes(path: Path, *, limit: int = TEXT_LIMIT_BYTES) -> bytes:
    """Read a whole small file.

    Raises:
        UnreadableFileError: missing, a link, special, or larger than `limit` bytes.
    """
    with _open(path) as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise UnreadableFileError(f"larger than {limit} bytes", kind=Unreadable.TOO_LARGE)
    return content


def read_text(path: Path, *, limit: int = TEXT_LIMIT_BYTES) -> str:
    """Read UTF-8 text, with or without a byte-order mark.

    Raises:
        UnreadableFileError: as `read_bytes`, or not UTF-8, or with a NUL in it.
    """
    try:
        text = read_bytes(path, limit=limit).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableFileError(
            f"byte {error.start} is not UTF-8", kind=Unreadable.ENCODING
        ) from error
    if "\0" in text:
        raise UnreadableFileError("holds a NUL character", kind=Unreadable.ENCODING)
    return text


def read_toml(path: Path, *, limit: int = TEXT_LIMIT_BYTES) -> dict[str, Any]:
    """Read a TOML file of at most `limit` bytes.

    Raises:
        UnreadableFileError: as `read_text`, or no TOML.
    """
    try:
        return tomllib.loads(read_text(path, limit=limit))
    except (ValueError, RecursionError) as error:
        # a TOMLDecodeError is a ValueError, and so is a number of 5,000 digits
        raise UnreadableFileError(str(error), kind=Unreadable.SYNTAX) from error


def read_toml_model(path: Path, model: type[Model], *, limit: int = TEXT_LIMIT_BYTES) -> Model:
    """Read a TOML file of at most `limit` bytes into its model.

    Raises:
        UnreadableFileError: as `read_toml`, or nested beyond reason.
        pydantic.ValidationError: the content breaks the model's contract.
    """
    try:
        text = json.dumps(read_toml(path, limit=limit), default=str)
    except (ValueError, RecursionError) as error:
        raise UnreadableFileError(str(error), kind=Unreadable.SYNTAX) from error
    return model.model_validate_json(text)


def read_table(path: Path, *, limit: int = TEXT_LIMIT_BYTES) -> Table:
    """Read a comma-separated table with a header line; blank lines are passed over.

    Raises:
        UnreadableFileError: as `read_text`, or no CSV, or without a header.
    """
    reader = csv.reader(io.StringIO(read_text(path, limit=limit), newline=""), strict=True)
    try:
        rows = [Row(reader.line_num, _cells(cells)) for cells in reader if cells]
    except csv.Error as error:
        message = f"line {reader.line_num}: {error}"
        raise UnreadableFileError(message, kind=Unreadable.SYNTAX) from error
    if not rows:
        raise UnreadableFileError("no header line", kind=Unreadable.SYNTAX)
    return Table(tuple(name.strip() for name in rows[0].cells), tuple(rows[1:]))


def _cells(cells: list[str]) -> tuple[str, ...]:
    """One line, no cell endless: the csv module's own limit is anybody's to change."""
    if max(map(len, cells)) > CELL_CHARACTERS:
        raise csv.Error(f"field larger than field limit ({CELL_CHARACTERS})")
    return tuple(cells)


@contextmanager
def _decompressed(path: Path) -> Iterator[io.BufferedIOBase]:
    """Open a gzip file; every way in which gzip can be broken becomes one error."""
    with _open(path) as file:
        if file.peek(2)[:2] not in (GZIP_MAGIC, b""):
            raise UnreadableFileError("no gzip magic", kind=Unreadable.NOT_GZIP)
        try:
            with igzip.GzipFile(fileobj=file, mode="rb") as unzipped:
                yield unzipped
        except EOFError as error:
            message = "the gzip stream ends early"
            raise UnreadableFileError(message, kind=Unreadable.TRUNCATED) from error
        except (_DAMAGED, OverflowError) as error:
            message = "the gzip stream is damaged"
            raise UnreadableFileError(message, kind=Unreadable.CORRUPT) from error
        except igzip.BadGzipFile as error:
            # the magic at the start was right: one that is wrong comes after the stream
            kind = Unreadable.TRAILING if "Not a gzipped" in str(error) else Unreadable.CORRUPT
            raise UnreadableFileError(f"gzip: {error}", kind=kind) from error


def read_header(path: Path) -> NiftiHeader:
    """Read the header of a `.nii.gz` file and no voxel.

    Raises:
        UnreadableFileError: missing, a link, no gzip, truncated, or no single-file NIfTI-1.
    """
    with _decompressed(path) as file:
        content = file.read(NIFTI_HEADER_BYTES)
    if len(content) < NIFTI_HEADER_BYTES:
        raise UnreadableFileError("shorter than a NIfTI header", kind=Unreadable.TRUNCATED)
    if content[344:348] != b"n+1\0":
        raise UnreadableFileError("no single-file NIfTI-1 magic", kind=Unreadable.NOT_NIFTI)
    raw = nib.Nifti1Header(content, check=False)
    if raw["pixdim"][0] == 0:  # the standard reads a handedness of 0 as 1, nibabel does not
        raw["pixdim"][0] = 1
    return _header(raw)


def _header(raw: Any) -> NiftiHeader:  # nibabel ships no types
    dimensions = int(raw["dim"][0])
    shape = tuple(int(size) for size in raw["dim"][1 : 1 + max(0, min(dimensions, 7))])
    dtype = _dtype(raw)
    offset = float(raw["vox_offset"])
    return NiftiHeader(
        shape=shape,
        voxel_type="unknown" if dtype is None else dtype.newbyteorder("=").name,
        geometry=_geometry(raw, shape=shape),
        oriented=bool(raw["qform_code"] > 0 or raw["sform_code"] > 0),
        form_gap_mm=_form_gap_mm(raw, shape=shape),
        scaled=_scaled(raw),
        inverted=_scaled(raw) and float(raw["scl_slope"]) < 0,
        offset=int(offset) if math.isfinite(offset) else -1,
        dtype=dtype,
    )


def _dtype(raw: Any) -> np.dtype[Any] | None:
    try:
        dtype: np.dtype[Any] = raw.get_data_dtype()
    except (KeyError, HeaderDataError):
        return None
    return dtype if dtype.kind in "iuf" else None


def _scaled(raw: Any) -> bool:
    """NIfTI scales when the slope is finite and not 0."""
    slope, intercept = float(raw["scl_slope"]), float(raw["scl_inter"])
    return math.isfinite(slope) and slope != 0 and (slope, intercept) != (1.0, 0.0)


def _affines(raw: Any) -> tuple[NDArray[np.float64], ...]:
    """The sform and the qform, those that are set, sform first as NIfTI readers prefer it."""
    affines = []
    if raw["sform_code"] > 0:
        rows = [raw[name] for name in ("srow_x", "srow_y", "srow_z")]
        with np.errstate(invalid="ignore"):  # a signalling NaN; the result is checked
            affines.append(np.vstack([np.asarray(rows, dtype=np.float64), (0.0, 0.0, 0.0, 1.0)]))
    if raw["qform_code"] > 0:
        try:
            affines.append(np.asarray(raw.get_qform(), dtype=np.float64))
        except (ValueError, HeaderDataError):
            affines.append(np.full((4, 4), np.nan))
    return tuple(affines)


def _geometry(raw: Any, *, shape: tuple[int, ...]) -> Geometry | None:
    affines = _affines(raw)
    if len(shape) != 3 or min(shape) < 1 or not affines:
        return None
    try:
        return Geometry.from_affine(affines[0], size=(shape[0], shape[1], shape[2]))
    except ValueError:
        return None


def _form_gap_mm(raw: Any, *, shape: tuple[int, ...]) -> float | None:
    affines = _affines(raw)
    if not all(np.isfinite(affine).all() for affine in affines):
        return None
    if len(affines) < 2 or len(shape) != 3:
        return 0.0
    corners = np.array(
        [(i, j, k, 1.0) for i in (0, shape[0]) for j in (0, shape[1]) for k in (0, shape[2])]
    )
    return float(np.linalg.norm(corners @ (affines[0] - affines[1]).T, axis=1).max())


def read_voxels(path: Path, *, header: NiftiHeader) -> NDArray[Any]:
    """Read the voxels that a checked header declares, as an array indexed (i, j, k).

    Exactly the declared bytes are decompressed, and one more to see that the file ends there.

    Raises:
        UnreadableFileError: truncated, damaged, longer than declared, or with a type or an offset
            that cannot be read.
    """
    if header.dtype is None or not NIFTI_HEADER_BYTES < header.offset <= NIFTI_MAXIMUM_OFFSET:
        raise UnreadableFileError("voxel type or offset is invalid", kind=Unreadable.NOT_NIFTI)
    size = header.offset + math.prod(header.shape) * header.dtype.itemsize
    content = _inflated_at_once(path, size=size)
    if content is None:
        content = _inflated_in_steps(path, size=size)
    stored: NDArray[np.uint8] = np.frombuffer(content, dtype=np.uint8, offset=header.offset)
    return stored.view(header.dtype).reshape(header.shape, order="F")


def _inflated_at_once(path: Path, *, size: int) -> bytearray | None:
    """A file that is one gzip member of `size` bytes, several times faster than in steps.

    None for any other, sound or not: what is wrong with it, if anything, is for the steps to say.
    """
    with _open(path) as file:
        packed = file.read(size + size // 64 + GZIP_HEADER_LIMIT_BYTES)
        if file.read(1):
            return None
    try:
        content: bytearray = deflate.gzip_decompress(packed, size)
    except _REFUSED:
        return None
    # the member's trailer has to be the end of the file: nothing may follow
    trailer = struct.pack("<II", deflate.crc32(content), size & 0xFFFFFFFF)
    return content if len(content) == size and packed.endswith(trailer) else None


def _inflated_in_steps(path: Path, *, size: int) -> bytearray:
    """The same for any sound gzip file, and one error for each way of being unsound."""
    content = bytearray(size)
    with _decompressed(path) as file:
        _fill(file, memoryview(content))
        if file.read(1):
            raise UnreadableFileError("more bytes than declared", kind=Unreadable.TRAILING)
    return content


def _fill(file: io.BufferedIOBase, buffer: memoryview) -> None:
    position = 0
    while position < len(buffer):
        got = file.readinto(buffer[position:])
        if not got:
            raise UnreadableFileError("fewer voxels than declared", kind=Unreadable.TRUNCATED)
        position += got


def write_nifti(path: Path, voxels: NDArray[Any], *, geometry: Geometry) -> None:
    """Write an array indexed (i, j, k) as `.nii.gz`; same input, same bytes."""
    header = nib.Nifti1Header()
    header.set_data_dtype(voxels.dtype)
    header.set_data_shape(voxels.shape)
    header.set_qform(geometry.affine, code=1)
    header.set_sform(geometry.affine, code=1)
    header.set_xyzt_units("mm")
    header["vox_offset"] = NIFTI_HEADER_BYTES + 4
    content = header.binaryblock + bytes(4) + voxels.tobytes(order="F")
    write_bytes(path, igzip.compress(content, compresslevel=COMPRESSION_LEVEL, mtime=0))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically: it is there whole, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    write_bytes(path, text.encode("utf-8"))


def write_table(path: Path, *, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a comma-separated table with a header line and Unix line ends."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    write_text(path, text.getvalue())


def write_models(path: Path, models: Sequence[BaseModel], *, columns: Sequence[str]) -> None:
    """Write models as a table, a line each, None as an empty cell."""
    write_table(path, columns=columns, rows=table_rows(models, columns=columns))


def canonical_json(data: object) -> str:
    """JSON with sorted keys, two-space indent and a final newline. NaN is refused.

    Floats keep 12 significant digits: the last ones of a matrix product depend on the number of
    threads, and a result must not.

    Raises:
        ValueError: the data hold NaN or infinity.
    """
    text = json.dumps(_rounded(data), sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return text + "\n"


def json_line(data: object) -> str:
    """The same as `canonical_json` on one line, for JSON Lines."""
    text = json.dumps(_rounded(data), sort_keys=True, ensure_ascii=False, allow_nan=False)
    return text + "\n"


def _rounded(data: object) -> object:
    if isinstance(data, float):
        return float(f"{data:.12g}")
    if isinstance(data, dict):
        return {key: _rounded(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_rounded(value) for value in data]
    return data


def toml_text(data: Mapping[str, object]) -> str:
    """A flat table of strings, numbers and lists of strings as TOML."""
    return "".join(f"{key} = {_toml_value(value)}\n" for key, value in data.items())


def _toml_value(value: object) -> str:
    # a JSON string or number is a TOML one, DEL apart, which no model admits
    if isinstance(value, list):
        return "[\n" + "".join(f"  {_toml_value(each)},\n" for each in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def digest_bytes(content: bytes) -> str:
    """SHA-256 of bytes, algorithm first."""
    return "sha256:" + hashlib.sha256(content).hexdigest()


def digest_folder(folder: Path, *, names: Sequence[str]) -> str:
    """SHA-256 over the relative path and content of every regular file, in the order of the paths.

    Links and special files are not opened; hidden names are left out.

    Args:
        folder: where to look.
        names: what belongs to it; anything else at its top is somebody's own and does not count.
    """
    total = hashlib.sha256()
    for path in sorted(_walk(folder, names=names), key=lambda path: path.as_posix()):
        with _open(path) as file:
            inner = hashlib.file_digest(file, "sha256").hexdigest()
        total.update(os.fsencode(path.relative_to(folder)) + f"\0{inner}\n".encode())
    return "sha256:" + total.hexdigest()


def _walk(folder: Path, *, names: Sequence[str]) -> Iterator[Path]:
    """Regular files at the top and in the folders there; neither layout goes deeper."""
    for entry in list_folder(folder):
        path = folder / entry.name
        if entry.name in names and entry.regular:
            yield path
        elif entry.name in names and is_folder(path):
            yield from (path / inner.name for inner in list_folder(path) if inner.regular)


__all__ = [
    "Entry",
    "NiftiHeader",
    "Row",
    "Table",
    "canonical_json",
    "digest_bytes",
    "digest_folder",
    "is_folder",
    "json_line",
    "list_folder",
    "read_bytes",
    "read_header",
    "read_table",
    "read_text",
    "read_toml",
    "read_toml_model",
    "read_voxels",
    "toml_text",
    "write_bytes",
    "write_models",
    "write_nifti",
    "write_table",
    "write_text",
]
