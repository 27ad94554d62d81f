from __future__ import annotations

import gzip
import hashlib
import json
import math
import os
import socket
import struct
import tomllib
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from schema.errors import Unreadable, UnreadableFileError
from schema.terms import TaskId
from tasks.files import (
    canonical_json,
    digest_bytes,
    digest_folder,
    json_line,
    list_folder,
    read_bytes,
    read_header,
    read_table,
    read_text,
    read_toml,
    read_voxels,
    toml_text,
    write_bytes,
    write_nifti,
    write_table,
    write_text,
)
from tasks.geometry import RAS_TO_LPS, Geometry, Tolerance, differences
from tasks.inspection import inspect_mask
from tasks.specification import mask_rules
from tasks.tables import Row

SIZE = (5, 4, 3)
Edit = Callable[[Path, Callable[[bytearray], object]], None]
# hypothesis runs a test many times in one folder; every example writes its file anew
SAME_FOLDER = [HealthCheck.function_scoped_fixture]

# Where the NIfTI-1 standard puts each field of the header, in bytes.
DIM, DATATYPE, PIXDIM, VOX_OFFSET, SLOPE, QFORM_CODE, SFORM_CODE = 40, 70, 76, 108, 112, 252, 254
QUATERNION, SROW, MAGIC = 256, 280, 344


def grid(
    *,
    angles: tuple[float, float, float] = (10.0, -20.0, 30.0),
    spacing_mm: tuple[float, float, float] = (0.625, 0.75, 3.5),
    origin_mm: tuple[float, float, float] = (-31.5, 12.25, 200.0),
    mirrored: bool = False,
) -> Geometry:
    lps = np.eye(4)
    turn = Rotation.from_euler("zyx", angles, degrees=True).as_matrix()
    lps[:3, :3] = turn * spacing_mm * ((-1.0 if mirrored else 1.0), 1.0, 1.0)
    lps[:3, 3] = origin_mm
    return Geometry.from_affine(RAS_TO_LPS @ lps, size=SIZE)


def voxels(stored: str = "uint8") -> NDArray[Any]:
    """Every voxel of its own value, so that no two axes can be exchanged unseen."""
    return np.arange(math.prod(SIZE)).reshape(SIZE).astype(stored)


def written(folder: Path, *, stored: str = "uint8", geometry: Geometry | None = None) -> Path:
    path = folder / "mask.nii.gz"
    write_nifti(path, voxels(stored), geometry=geometry or grid())
    return path


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The bytes of a sound mask, for tests that damage it many times over."""
    return written(tmp_path_factory.mktemp("sound")).read_bytes()


def read(path: Path) -> NDArray[Any]:
    return read_voxels(path, header=read_header(path))


def kind_of(call: Callable[[], object]) -> Unreadable:
    with pytest.raises(UnreadableFileError) as caught:
        call()
    return caught.value.kind


def put(content: bytearray, offset: int, form: str, *values: float | bytes) -> None:
    struct.pack_into(form, content, offset, *values)


def simpleitk_image(geometry: Geometry, *, stored: str) -> Any:
    """The voxels above as an image of the other library; its arrays run z, y, x."""
    image = SimpleITK.GetImageFromArray(voxels(stored).transpose())
    image.SetSpacing(geometry.spacing_mm)
    image.SetOrigin(geometry.origin_mm)
    image.SetDirection(geometry.direction)
    return image


def assert_same_grid(got: Geometry | None, expected: Geometry) -> None:
    """Any voxel of a 512 x 512 x 64 image lies in one place, to a ten thousandth of a millimetre.

    The header holds 4-byte floats, so half a metre away the last digit is worth 3e-5 mm.
    """
    assert got is not None
    corner = np.array((5, 4, 3, 1))
    assert np.abs((got.affine - expected.affine) @ corner).max() < 1e-4
    np.testing.assert_allclose(got.spacing_mm, expected.spacing_mm, rtol=0, atol=1e-6)
    np.testing.assert_allclose(got.direction, expected.direction, rtol=0, atol=1e-6)


GRIDS = [
    grid(),
    grid(angles=(0.0, 0.0, 0.0)),
    grid(mirrored=True),
    grid(angles=(90.0, 0.0, 90.0)),
    grid(angles=(-170.0, 85.0, 3.0), spacing_mm=(0.3, 0.3, 6.6)),
    grid(angles=(0.05, -0.08, 0.02)),
]
"""The last one is nearly straight: the hardest for a qform, whose quaternion is then near 180
degrees in NIfTI's frame and kept in single precision; the sform does not suffer."""
QFORM_COSINE = 2e-3
"""How far single precision can move a cosine of the qform."""


# --- NIfTI, ours and others' --------------------------------------------------------------------


@pytest.mark.parametrize("geometry", GRIDS)
@pytest.mark.parametrize("stored", ["uint8", "int16", "uint16", "int32", "float32"])
def test_simpleitk_reads_what_we_write(tmp_path: Path, geometry: Geometry, stored: str) -> None:
    image = SimpleITK.ReadImage(str(written(tmp_path, stored=stored, geometry=geometry)))
    array = SimpleITK.GetArrayFromImage(image).transpose()
    assert array.dtype == np.dtype(stored)
    np.testing.assert_array_equal(array, voxels())
    np.testing.assert_allclose(image.GetSpacing(), geometry.spacing_mm, atol=1e-6)
    np.testing.assert_allclose(image.GetOrigin(), geometry.origin_mm, atol=1e-4)
    np.testing.assert_allclose(image.GetDirection(), geometry.direction, atol=1e-6)


@pytest.mark.parametrize("geometry", GRIDS)
def test_nibabel_reads_what_we_write(tmp_path: Path, geometry: Geometry) -> None:
    image = nibabel.load(written(tmp_path, geometry=geometry))
    np.testing.assert_array_equal(np.asarray(image.dataobj), voxels())
    np.testing.assert_allclose(image.affine, geometry.affine, atol=1e-4)
    np.testing.assert_allclose(image.get_qform(), geometry.affine, atol=QFORM_COSINE)
    assert (int(image.header["qform_code"]), int(image.header["sform_code"])) == (1, 1)
    assert image.header.get_xyzt_units()[0] == "mm"


@pytest.mark.parametrize("geometry", GRIDS)
@pytest.mark.parametrize("stored", ["uint8", "int16"])
def test_we_read_what_simpleitk_writes(tmp_path: Path, geometry: Geometry, stored: str) -> None:
    path = tmp_path / "mask.nii.gz"
    SimpleITK.WriteImage(simpleitk_image(geometry, stored=stored), str(path))
    header = read_header(path)
    assert (header.shape, header.voxel_type, header.oriented) == (SIZE, stored, True)
    assert not header.scaled
    assert header.form_gap_mm is not None
    assert header.form_gap_mm < QFORM_COSINE * np.linalg.norm(np.multiply(SIZE, (1, 1, 7)))
    assert_same_grid(header.geometry, geometry)
    np.testing.assert_array_equal(read(path), voxels())


@pytest.mark.parametrize("geometry", GRIDS)
@pytest.mark.parametrize("endianness", ["<", ">"])
@pytest.mark.parametrize("stored", ["u1", "i2"])
def test_we_read_what_nibabel_writes_in_either_byte_order(
    tmp_path: Path, geometry: Geometry, endianness: str, stored: str
) -> None:
    path = tmp_path / "mask.nii.gz"
    header = nibabel.Nifti1Header(endianness=endianness)
    header.set_data_dtype(stored)
    nibabel.save(nibabel.Nifti1Image(voxels(stored), geometry.affine, header), path)
    got = read_header(path)
    assert got.dtype == np.dtype(endianness + stored)
    assert (got.shape, got.voxel_type, got.scaled) == (SIZE, np.dtype(stored).name, False)
    assert_same_grid(got.geometry, geometry)
    np.testing.assert_array_equal(read(path), voxels())


def test_a_header_extension_is_passed_over(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(voxels(), grid().affine)
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"x" * 5000))
    nibabel.save(image, tmp_path / "mask.nii.gz")
    assert read_header(tmp_path / "mask.nii.gz").offset > 5000
    np.testing.assert_array_equal(read(tmp_path / "mask.nii.gz"), voxels())


def test_the_same_mask_gives_the_same_bytes_whatever_its_memory_order(tmp_path: Path) -> None:
    first = written(tmp_path / "a").read_bytes()
    write_nifti(tmp_path / "b.nii.gz", np.asfortranarray(voxels()), geometry=grid())
    assert (tmp_path / "b.nii.gz").read_bytes() == first


@pytest.mark.parametrize(("codes", "first"), [((1, 0), "q"), ((0, 1), "s"), ((2, 3), "s")])
def test_the_sform_counts_before_the_qform(
    tmp_path: Path, codes: tuple[int, int], first: str
) -> None:
    by_qform, by_sform = grid().affine, grid(angles=(0.0, 0.0, 90.0)).affine
    image = nibabel.Nifti1Image(voxels(), None)
    image.set_qform(by_qform, code=codes[0])
    image.set_sform(by_sform, code=codes[1])
    nibabel.save(image, tmp_path / "mask.nii.gz")
    header = read_header(tmp_path / "mask.nii.gz")
    assert header.oriented
    assert header.geometry is not None
    expected = by_qform if first == "q" else by_sform
    np.testing.assert_allclose(header.geometry.affine, expected, atol=1e-4)


def test_the_gap_between_the_forms_is_that_of_the_farthest_corner(tmp_path: Path) -> None:
    # Spacing along i 1 mm by the qform and 1.5 mm by the sform, origin the same: the far corner of
    # 5 voxels is 5 * 0.5 = 2.5 mm off, wherever it is along the other two axes.
    image = nibabel.Nifti1Image(voxels(), None)
    image.set_qform(np.diag([1.0, 1.0, 1.0, 1.0]), code=1)
    image.set_sform(np.diag([1.5, 1.0, 1.0, 1.0]), code=1)
    nibabel.save(image, tmp_path / "mask.nii.gz")
    assert read_header(tmp_path / "mask.nii.gz").form_gap_mm == pytest.approx(2.5)


@settings(max_examples=30, suppress_health_check=SAME_FOLDER)
@given(angles=st.tuples(*[st.floats(-0.5, 0.5)] * 3), mirrored=st.booleans())
def test_a_nearly_straight_stack_is_one_grid_by_either_form(
    tmp_path: Path, edit_gzip: Edit, angles: tuple[float, float, float], *, mirrored: bool
) -> None:
    path = written(tmp_path, geometry=grid(angles=angles, mirrored=mirrored))
    edit_gzip(path, lambda content: put(content, DIM, "<4h", 3, 384, 384, 32))
    both = read_header(path)
    edit_gzip(path, lambda content: put(content, SFORM_CODE, "<h", 0))
    qform_alone = read_header(path)
    limits = mask_rules(TaskId.NODES).tolerance
    assert both.form_gap_mm is not None
    assert both.form_gap_mm < limits.form_gap_mm
    assert both.geometry is not None
    assert qform_alone.geometry is not None
    tolerance = Tolerance(limits.spacing_mm, limits.origin_mm, limits.direction)
    assert differences(both.geometry, qform_alone.geometry, tolerance=tolerance) == ()


def test_without_a_form_there_is_no_geometry(tmp_path: Path, edit_gzip: Edit) -> None:
    path = written(tmp_path)
    edit_gzip(path, lambda content: put(content, QFORM_CODE, "<hh", 0, 0))
    header = read_header(path)
    assert (header.oriented, header.geometry, header.form_gap_mm) == (False, None, 0.0)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_form_that_is_not_finite_gives_no_geometry_and_no_gap(
    tmp_path: Path, edit_gzip: Edit, value: float
) -> None:
    path = written(tmp_path)
    edit_gzip(path, lambda content: put(content, SROW, "<f", value))
    header = read_header(path)
    assert (header.oriented, header.geometry, header.form_gap_mm) == (True, None, None)


def test_an_impossible_quaternion_gives_no_gap(tmp_path: Path, edit_gzip: Edit) -> None:
    path = written(tmp_path)
    edit_gzip(path, lambda content: put(content, QUATERNION, "<fff", 1.0, 1.0, 1.0))
    assert read_header(path).form_gap_mm is None


def test_a_handedness_of_0_counts_as_1_as_the_standard_says(
    tmp_path: Path, edit_gzip: Edit
) -> None:
    path = written(tmp_path)
    before = read_header(path)
    edit_gzip(path, lambda content: put(content, PIXDIM, "<f", 0.0))
    image = SimpleITK.ReadImage(str(path))
    np.testing.assert_allclose(image.GetDirection(), grid().direction, atol=1e-6)
    assert read_header(path) == before


def test_axes_that_do_not_span_space_are_no_geometry(tmp_path: Path, edit_gzip: Edit) -> None:
    path = written(tmp_path)
    flat = (1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0)  # i and j run the same way
    edit_gzip(path, lambda content: put(content, SROW, "<12f", *flat))
    edit_gzip(path, lambda content: put(content, QFORM_CODE, "<h", 0))
    assert read_header(path).geometry is None


@pytest.mark.parametrize(
    ("slope", "intercept", "scaled"),
    [
        (1.0, 0.0, False),
        (0.0, 5.0, False),
        (math.nan, 0.0, False),
        (math.inf, 0.0, False),
        (2.0, 0.0, True),
        (1.0, -1.0, True),
        (-1.0, 0.0, True),
    ],
)
def test_a_scale_counts_when_it_would_change_a_value(
    tmp_path: Path, edit_gzip: Edit, slope: float, intercept: float, *, scaled: bool
) -> None:
    path = written(tmp_path)
    edit_gzip(path, lambda content: put(content, SLOPE, "<ff", slope, intercept))
    assert read_header(path).scaled is scaled


@pytest.mark.parametrize(("code", "name"), [(32, "unknown"), (128, "unknown"), (77, "unknown")])
def test_complex_colour_and_made_up_types_are_unknown_and_never_read(
    tmp_path: Path, edit_gzip: Edit, code: int, name: str
) -> None:
    path = written(tmp_path)
    edit_gzip(path, lambda content: put(content, DATATYPE, "<h", code))
    assert read_header(path).voxel_type == name
    assert kind_of(lambda: read(path)) is Unreadable.NOT_NIFTI


@pytest.mark.parametrize("dimensions", [0, 2, 4, 7])
def test_as_many_dimensions_are_told_as_are_declared(
    tmp_path: Path, edit_gzip: Edit, dimensions: int
) -> None:
    path = written(tmp_path)
    edit_gzip(path, lambda content: put(content, DIM, "<8h", dimensions, 5, 4, 3, 1, 1, 1, 1))
    header = read_header(path)
    assert header.shape == (5, 4, 3, 1, 1, 1, 1)[:dimensions]
    assert header.geometry is None


# --- broken files -------------------------------------------------------------------------------


def test_a_missing_file_is_missing(tmp_path: Path) -> None:
    for call in (read_header, read_bytes, read_text, read_toml, read_table):
        assert kind_of(lambda call=call: call(tmp_path / "none")) is Unreadable.MISSING  # type: ignore[misc]


def special(folder: Path, name: str) -> Path:
    """Something that is no regular file."""
    path, target = folder / name, folder / "target"
    write_bytes(target, b"a,b\n1,2\n")
    make: dict[str, Callable[[], object]] = {
        "link": lambda: path.symlink_to(target),
        "dangling link": lambda: path.symlink_to(folder / "nowhere"),
        "circular link": lambda: path.symlink_to(path),
        "pipe": lambda: os.mkfifo(path),
        "folder": path.mkdir,
        "socket": lambda: bound_socket(path),
    }
    if name.startswith("/dev"):
        return Path(name)
    make[name]()
    return path


def bound_socket(path: Path) -> None:
    """A socket's address may only be about a hundred characters long, hence the way there."""
    before = Path.cwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(path.name)
    finally:
        os.chdir(before)


@pytest.mark.usefixtures("no_blocking")
@pytest.mark.parametrize(
    "name",
    [
        "link",
        "dangling link",
        "circular link",
        "pipe",
        "folder",
        "socket",
        "/dev/zero",
        "/dev/null",
    ],
)
def test_only_a_regular_file_is_opened(tmp_path: Path, name: str) -> None:
    path = special(tmp_path, name)
    for call in (read_header, read_bytes, read_text, read_toml, read_table):
        assert kind_of(lambda call=call: call(path)) is Unreadable.NOT_REGULAR  # type: ignore[misc]


def test_a_file_that_may_not_be_opened_is_denied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path)

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    assert kind_of(lambda: read_header(path)) is Unreadable.DENIED
    assert kind_of(lambda: read_text(path)) is Unreadable.DENIED


def test_a_folder_that_may_not_be_listed_is_an_unreadable_file_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> Iterator[os.DirEntry[str]]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "scandir", refuse)
    assert kind_of(lambda: list_folder(tmp_path)) is Unreadable.DENIED


def damaged(path: Path, name: str) -> None:
    """Break a sound mask in one way."""
    raw = path.read_bytes()
    plain = gzip.decompress(raw)
    changed = {
        "empty file": b"",
        "uncompressed": plain,
        "text": b"not a mask",
        "zip": b"PK\x03\x04" + raw,
        "half": raw[: len(raw) // 2],
        "no trailer": raw[:-8],
        "half a trailer": raw[:-3],
        "wrong checksum": raw[:-8] + bytes([raw[-8] ^ 1]) + raw[-7:],
        "wrong length": raw[:-1] + bytes([raw[-1] ^ 1]),
        "damaged stream": raw[:20] + bytes([raw[20] ^ 0xFF, raw[21] ^ 0xFF]) + raw[22:],
        "nothing compressed": gzip.compress(b""),
        "half a header": gzip.compress(plain[:200]),
        "no magic": gzip.compress(plain[:344] + bytes(4) + plain[348:]),
        "header and image apart": gzip.compress(plain[:344] + b"ni1\0" + plain[348:]),
        "NIfTI-2": gzip.compress(struct.pack("<i", 540) + b"n+2\0\r\n\x1a\n" + bytes(600)),
        "random": gzip.compress(np.random.default_rng(0).bytes(5000)),
        "a voxel less": gzip.compress(plain[:-1]),
        "a voxel more": gzip.compress(plain + b"\0"),
        "a second stream": raw + gzip.compress(b"\0"),
        "junk after the stream": raw + b"\x01" * 64,
    }
    path.write_bytes(changed[name])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("empty file", Unreadable.TRUNCATED),
        ("uncompressed", Unreadable.NOT_GZIP),
        ("text", Unreadable.NOT_GZIP),
        ("zip", Unreadable.NOT_GZIP),
        ("half", Unreadable.TRUNCATED),
        ("no trailer", Unreadable.TRUNCATED),
        ("half a trailer", Unreadable.TRUNCATED),
        ("wrong checksum", Unreadable.CORRUPT),
        ("wrong length", Unreadable.CORRUPT),
        ("damaged stream", Unreadable.CORRUPT),
        ("nothing compressed", Unreadable.TRUNCATED),
        ("half a header", Unreadable.TRUNCATED),
        ("no magic", Unreadable.NOT_NIFTI),
        ("header and image apart", Unreadable.NOT_NIFTI),
        ("NIfTI-2", Unreadable.NOT_NIFTI),
        ("random", Unreadable.NOT_NIFTI),
        ("a voxel less", Unreadable.TRUNCATED),
        ("a voxel more", Unreadable.TRAILING),
        ("a second stream", Unreadable.TRAILING),
        ("junk after the stream", Unreadable.TRAILING),
    ],
)
def test_a_damaged_mask_is_told_by_its_damage(tmp_path: Path, name: str, kind: Unreadable) -> None:
    path = written(tmp_path)
    damaged(path, name)
    assert kind_of(lambda: read(path)) is kind


@pytest.mark.parametrize("flag", [0x04, 0x08, 0x10], ids=["extra", "name", "comment"])
def test_an_endless_field_in_the_gzip_header_is_an_unreadable_file_error(
    tmp_path: Path, flag: int
) -> None:
    path = tmp_path / "mask.nii.gz"
    path.write_bytes(b"\x1f\x8b\x08" + bytes([flag]) + bytes(6) + b"\xff" * 2**20)
    assert kind_of(lambda: read_header(path)) in (Unreadable.CORRUPT, Unreadable.TRUNCATED)


@pytest.mark.parametrize("offset", [-1.0, 0.0, 348.0, 2.0**21, 1e30, math.nan, math.inf])
def test_an_offset_outside_reason_is_refused(
    tmp_path: Path, edit_gzip: Edit, offset: float
) -> None:
    path = written(tmp_path)
    edit_gzip(path, lambda content: put(content, VOX_OFFSET, "<f", offset))
    assert kind_of(lambda: read(path)) is Unreadable.NOT_NIFTI


def test_an_offset_beyond_the_end_is_truncated(tmp_path: Path, edit_gzip: Edit) -> None:
    path = written(tmp_path)
    edit_gzip(path, lambda content: put(content, VOX_OFFSET, "<f", 2.0**20))
    assert kind_of(lambda: read(path)) is Unreadable.TRUNCATED


@settings(max_examples=100, suppress_health_check=SAME_FOLDER)
@given(share=st.floats(0, 1, exclude_max=True))
@example(share=0.0)
def test_a_mask_cut_anywhere_is_an_unreadable_file_error(
    tmp_path: Path, sound: bytes, share: float
) -> None:
    path = tmp_path / "mask.nii.gz"
    path.write_bytes(sound[: int(share * len(sound))])
    # a single byte does not even say that it is gzip
    expected = Unreadable.NOT_GZIP if path.stat().st_size == 1 else Unreadable.TRUNCATED
    assert kind_of(lambda: read(path)) is expected


def read_if_small(path: Path) -> None:
    header = read_header(path)
    if (
        math.prod(max(0, size) for size in header.shape) <= 1000
        and min(header.shape, default=0) > 0
    ):
        read_voxels(path, header=header)


@settings(max_examples=100, suppress_health_check=SAME_FOLDER)
@given(content=st.binary(max_size=600), compressed=st.booleans(), headed=st.booleans())
def test_random_bytes_are_an_unreadable_file_error_or_a_header(
    tmp_path: Path, content: bytes, *, compressed: bool, headed: bool
) -> None:
    path = tmp_path / "mask.nii.gz"
    if headed:
        content = content[:344].ljust(344, b"\0") + b"n+1\0" + content[344:]
    path.write_bytes(gzip.compress(content, 1) if compressed else content)
    with suppress(UnreadableFileError):
        read_if_small(path)


@settings(max_examples=100, suppress_health_check=SAME_FOLDER)
@given(places=st.lists(st.tuples(st.floats(0, 0.999), st.integers(1, 255)), min_size=1, max_size=4))
def test_flipped_bytes_in_the_stream_never_raise_anything_else(
    tmp_path: Path, sound: bytes, places: list[tuple[float, int]]
) -> None:
    path = tmp_path / "mask.nii.gz"
    raw = bytearray(sound)
    for share, mask in places:
        raw[int(share * len(raw))] ^= mask
    path.write_bytes(raw)
    with suppress(UnreadableFileError):
        read_if_small(path)


@settings(max_examples=100, suppress_health_check=SAME_FOLDER)
@given(
    places=st.lists(st.tuples(st.integers(40, 343), st.binary(min_size=1, max_size=16)), max_size=6)
)
@example(places=[(SROW, struct.pack("<f", math.inf))])
@example(places=[(SROW + 20, bytes.fromhex("010080ff"))])  # a signalling NaN
@example(places=[(PIXDIM + 4, struct.pack("<f", math.inf))])
def test_flipped_bytes_in_the_header_never_raise_anything_else(
    tmp_path: Path, sound: bytes, places: list[tuple[int, bytes]]
) -> None:
    content = bytearray(gzip.decompress(sound))
    for offset, new in places:
        content[offset : min(344, offset + len(new))] = new[: 344 - offset]
    path = tmp_path / "mask.nii.gz"
    path.write_bytes(gzip.compress(bytes(content), compresslevel=1))
    with suppress(UnreadableFileError):
        read_if_small(path)


# --- files that would fill the memory -----------------------------------------------------------


@contextmanager
def peak_below(mebibytes: float) -> Iterator[None]:
    """Fail when more memory than this is held at any moment."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < mebibytes * 2**20


def bomb(path: Path, *, shape: tuple[int, int, int], mebibytes: int) -> None:
    """A mask whose header claims `shape` and whose stream holds so many zeros."""
    write_nifti(path, np.zeros((1, 1, 1), np.uint8), geometry=grid())
    header = bytearray(gzip.decompress(path.read_bytes())[:352])
    put(header, DIM, "<4h", 3, *shape)
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(header)
        for _ in range(mebibytes):
            file.write(bytes(2**20))


def test_the_memory_check_sees_a_stream_that_is_read_whole(tmp_path: Path) -> None:
    bomb(tmp_path / "mask.nii.gz", shape=SIZE, mebibytes=10)
    with pytest.raises(AssertionError), peak_below(8):
        gzip.decompress((tmp_path / "mask.nii.gz").read_bytes())


def test_a_stream_far_longer_than_declared_is_refused_without_reading_it(tmp_path: Path) -> None:
    path = tmp_path / "compartments" / "case.nii.gz"
    bomb(path, shape=SIZE, mebibytes=200)
    with peak_below(8):
        assert kind_of(lambda: read(path)) is Unreadable.TRAILING
        seen = inspect_mask(tmp_path, task=TaskId.COMPARTMENTS, case_id="case", image=grid())
    assert seen.voxels is None
    assert [each.code for each in seen.findings if each.code == "LLN024"] == ["LLN024"]


def test_no_more_is_asked_of_the_stream_than_the_header_declares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mask.nii.gz"
    bomb(path, shape=SIZE, mebibytes=2)
    header, given = read_header(path), []
    opened = gzip.GzipFile

    class Counting(opened):  # type: ignore[misc, valid-type]
        def read(self, size: int | None = -1) -> bytes:
            content: bytes = super().read(size)
            given.append(len(content))
            return content

        def readinto(self, buffer: Any) -> int:
            content = self.read(len(buffer))
            buffer[: len(content)] = content
            return len(content)

    monkeypatch.setattr("tasks.files.igzip.GzipFile", Counting)
    assert kind_of(lambda: read_voxels(path, header=header)) is Unreadable.TRAILING
    # offset, voxels, and one byte to see that more follows
    assert sum(given) == 352 + math.prod(SIZE) + 1


@pytest.mark.parametrize("shape", [(32767, 32767, 2), (2048, 1024, 1024), (32767, 32767, 32767)])
def test_a_header_that_claims_billions_of_voxels_is_never_decompressed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int, int]
) -> None:
    bomb(tmp_path / "nodes" / "case.nii.gz", shape=shape, mebibytes=1)

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("voxels were read")

    monkeypatch.setattr("tasks.inspection.read_voxels", forbidden)
    with peak_below(8):
        seen = inspect_mask(tmp_path, task=TaskId.NODES, case_id="case", image=grid())
    assert seen.voxels is None
    assert "LLN031" in {each.code for each in seen.findings}


def test_a_header_is_read_without_the_voxels_behind_it(tmp_path: Path) -> None:
    bomb(tmp_path / "mask.nii.gz", shape=SIZE, mebibytes=50)
    with peak_below(4):
        assert read_header(tmp_path / "mask.nii.gz").shape == SIZE


# --- text and tables ----------------------------------------------------------------------------


def test_a_file_at_the_limit_is_read_and_one_byte_more_is_not(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a", b"x" * 10)
    assert read_bytes(tmp_path / "a", limit=10) == b"x" * 10
    for call in (read_bytes, read_text, read_table):
        assert kind_of(lambda call=call: call(tmp_path / "a", limit=9)) is Unreadable.TOO_LARGE  # type: ignore[misc]


def test_text_loses_its_byte_order_mark(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a", b"\xef\xbb\xbfn\xc3\xa9")
    assert read_text(tmp_path / "a") == "né"


@pytest.mark.parametrize("content", [b"a,b\n\xff,1\n", b"a\0b\n", "é,a\n".encode("latin-1")])
def test_text_that_is_no_utf8_or_holds_a_nul_is_refused(tmp_path: Path, content: bytes) -> None:
    write_bytes(tmp_path / "a", content)
    assert kind_of(lambda: read_text(tmp_path / "a")) is Unreadable.ENCODING
    assert kind_of(lambda: read_table(tmp_path / "a")) is Unreadable.ENCODING


def test_the_offending_byte_is_named(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a", b"abc\xff")
    with pytest.raises(UnreadableFileError, match="byte 3 is not UTF-8"):
        read_text(tmp_path / "a")


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\r\n1,2\r\n3,4\r\n",
        b"a,b\n1,2\n3,4",
        b"\xef\xbb\xbfa,b\n1,2\n3,4\n",
        b" a ,b\n1,2\n3,4\n",
        b'"a","b"\n"1","2"\n3,4\n',
        b"a,b\r1,2\r3,4\r",
    ],
    ids=["windows", "no last line end", "byte-order mark", "blanks", "quotes", "old mac"],
)
def test_a_table_is_read_in_every_usual_form(tmp_path: Path, content: bytes) -> None:
    write_bytes(tmp_path / "a.csv", content)
    table = read_table(tmp_path / "a.csv")
    assert table.columns == ("a", "b")
    assert table.rows == (Row(2, ("1", "2")), Row(3, ("3", "4")))


def test_lines_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    # line 1 header, 2 blank, 3 and 4 one row with a line end in its cell, 5 too wide, 6 too narrow
    write_text(tmp_path / "a.csv", 'a,b\n\n"x\ny",2\n3,4,5\n6\n')
    rows = read_table(tmp_path / "a.csv").rows
    assert [row.cells for row in rows] == [("x\ny", "2"), ("3", "4", "5"), ("6",)]
    assert [row.line for row in rows[1:]] == [5, 6]
    assert rows[0].line in (3, 4)


@pytest.mark.parametrize(
    "content",
    ["", "\n\n", '"a', 'a,b\n1,"2', 'a,b\n"1"2,3\n', "a\n" + "x" * 200_000],
    ids=["empty", "blank", "open quote", "open quote below", "text after quote", "endless cell"],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: str) -> None:
    write_text(tmp_path / "a.csv", content)
    assert kind_of(lambda: read_table(tmp_path / "a.csv")) is Unreadable.SYNTAX


@settings(max_examples=50, suppress_health_check=SAME_FOLDER)
@given(
    rows=st.lists(
        st.lists(
            st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=8),
            min_size=2,
            max_size=2,
        ),
        max_size=5,
    )
)
@example(rows=[["a\n\nb", '"'], ["", ""], [",", "\n"], [" ", "\ufeff"]])
def test_every_cell_survives_writing_and_reading(tmp_path: Path, rows: list[list[str]]) -> None:
    write_table(tmp_path / "a.csv", columns=("x", "y"), rows=rows)
    table = read_table(tmp_path / "a.csv")
    assert table.columns == ("x", "y")
    assert [list(row.cells) for row in table.rows] == rows


@settings(suppress_health_check=SAME_FOLDER)
@given(content=st.binary(max_size=300))
def test_random_bytes_are_a_table_or_an_unreadable_file_error(
    tmp_path: Path, content: bytes
) -> None:
    write_bytes(tmp_path / "a.csv", content)
    with suppress(UnreadableFileError):
        read_table(tmp_path / "a.csv")
    with suppress(UnreadableFileError):
        read_toml(tmp_path / "a.csv")


@pytest.mark.parametrize(
    "content",
    [
        "a = ",
        "a = 1\na = 2\n",
        "a = " + "[" * 5000 + "]" * 5000,
        "a = " + "{b = " * 2000 + "1" + "}" * 2000,
        "a = " + "1" * 5000,
    ],
    ids=["no value", "twice", "deep list", "deep table", "endless number"],
)
def test_hostile_toml_is_no_toml_and_never_another_error(tmp_path: Path, content: str) -> None:
    write_text(tmp_path / "a.toml", content)
    assert kind_of(lambda: read_toml(tmp_path / "a.toml")) is Unreadable.SYNTAX


def test_what_is_no_toml_is_refused(tmp_path: Path) -> None:
    write_text(tmp_path / "a.toml", "team = Lyon\n")
    assert kind_of(lambda: read_toml(tmp_path / "a.toml")) is Unreadable.SYNTAX


# no surrogate, which is no text, and no DEL, which no model admits
LINES = st.text(st.characters(codec="utf-8", exclude_characters="\x7f"), max_size=30)


@given(
    text=LINES,
    texts=st.lists(LINES, max_size=4),
    count=st.integers(-(2**63), 2**63 - 1),
    number=st.floats(allow_nan=False, allow_infinity=False),
)
@example(
    text='"""\\"\n[x]\n\\u0000 = \'\'\' # \b\t\f\r\x1b\x00\u2028\x85', texts=[], count=0, number=0.1
)
@example(text="", texts=['", "', "]"], count=-1, number=1e300)
def test_toml_text_survives_hostile_strings(
    text: str, texts: list[str], count: int, number: float
) -> None:
    data = {"text": text, "texts": texts, "count": count, "number": number}
    assert tomllib.loads(toml_text(data)) == data


# --- writing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace"])
def test_a_write_that_fails_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "result.json"
    write_text(path, "old")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(step, fail)
        with pytest.raises(OSError, match="No space"):
            write_text(path, "new")
        with pytest.raises(OSError, match="No space"):
            write_text(tmp_path / "other.json", "new")
    assert path.read_text(encoding="utf-8") == "old"
    assert [entry.name for entry in list_folder(tmp_path)] == ["result.json"]
    write_text(path, "new")
    assert path.read_text(encoding="utf-8") == "new"


def test_text_that_cannot_be_encoded_leaves_the_old_file(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "a", "new \ud800")
    assert (tmp_path / "a").read_text(encoding="utf-8") == "old"


def test_the_new_file_is_whole_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    synced, replaced = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        calls.append(f"sync {os.fstat(descriptor).st_size} bytes")
        synced(descriptor)

    def replace(source: Path, target: Path) -> Path:
        calls.append(f"rename {source.read_bytes()!r}")
        return replaced(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    write_bytes(tmp_path / "a", b"12345")
    assert calls == ["sync 5 bytes", "rename b'12345'"]


def test_writing_over_a_link_replaces_the_link_and_not_its_target(tmp_path: Path) -> None:
    write_text(tmp_path / "target", "old")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_text(tmp_path / "link", "new")
    assert not (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_text(encoding="utf-8") == "old"


def test_folders_are_made_on_the_way(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b" / "c", "x")
    assert (tmp_path / "a" / "b" / "c").read_text(encoding="utf-8") == "x"


def test_canonical_json_by_hand() -> None:
    data = {"b": [1.0, 0.1 + 0.2, 1 / 3], "a": {"é": True, "c": None}}
    assert canonical_json(data) == (
        '{\n  "a": {\n    "c": null,\n    "é": true\n  },\n'
        '  "b": [\n    1.0,\n    0.3,\n    0.333333333333\n  ]\n}\n'
    )
    assert json_line(data) == '{"a": {"c": null, "é": true}, "b": [1.0, 0.3, 0.333333333333]}\n'


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float64("nan")])
@pytest.mark.parametrize("write", [canonical_json, json_line])
def test_json_refuses_what_is_no_number(write: Callable[[object], str], value: float) -> None:
    for data in (value, [value], {"a": {"b": [0.5, (value,)]}}):
        with pytest.raises(ValueError, match="not JSON compliant"):
            write(data)


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(1.7976931348623157e308)
@example(5e-324)
def test_floats_keep_twelve_digits_and_no_more(number: float) -> None:
    kept = json.loads(canonical_json(number))
    assert math.isclose(kept, number, rel_tol=5.1e-12, abs_tol=5e-324)
    assert canonical_json(kept) == canonical_json(number)
    assert kept == float(f"{kept:.11e}")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | LINES,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LINES, inner, max_size=3),
        max_leaves=10,
    )
)
def test_json_says_what_it_was_given_in_one_order(data: object) -> None:
    assert json.loads(canonical_json(data)) == data
    assert json.loads(json_line(data)) == data
    assert json_line(data).count("\n") == 1
    again = json.loads(canonical_json(data), object_pairs_hook=lambda pairs: dict(pairs[::-1]))
    assert canonical_json(again) == canonical_json(data)


# --- folders ------------------------------------------------------------------------------------


def small_folder(folder: Path) -> Path:
    for name, text in (("a.txt", "A"), ("m/b.txt", "B"), ("m/c.txt", "")):
        write_text(folder / name, text)
    return folder


def digest(folder: Path) -> str:
    return digest_folder(folder, names=("a.txt", "m", "new"))


def test_a_folders_digest_by_hand(tmp_path: Path) -> None:
    def one(name: str, text: bytes) -> bytes:
        return name.encode() + b"\0" + hashlib.sha256(text).hexdigest().encode() + b"\n"

    lines = one("a.txt", b"A") + one("m/b.txt", b"B") + one("m/c.txt", b"")
    expected = "sha256:" + hashlib.sha256(lines).hexdigest()
    assert digest(small_folder(tmp_path / "x")) == expected
    assert digest_bytes(lines) == expected


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: write_text(folder / "a.txt", "a"),
        lambda folder: write_text(folder / "a.txt", "A "),
        lambda folder: (folder / "a.txt").unlink(),
        lambda folder: (folder / "m" / "b.txt").rename(folder / "m" / "b2.txt"),
        lambda folder: (folder / "m" / "b.txt").rename(folder / "new"),
        lambda folder: write_text(folder / "m" / "new.txt", ""),
        lambda folder: write_text(folder / "m" / "a\nb", ""),
    ],
    ids=["content", "longer", "removed", "renamed", "moved", "added", "line end in a name"],
)
def test_a_folders_digest_changes_with_content_and_names(
    tmp_path: Path, change: Callable[[Path], object]
) -> None:
    folder = small_folder(tmp_path / "x")
    before = digest(folder)
    change(folder)
    assert digest(folder) != before


def test_a_folders_digest_does_not_depend_on_what_else_lies_beside(tmp_path: Path) -> None:
    folder = small_folder(tmp_path / "x")
    before = digest(folder)
    write_text(folder / "notes.txt", "x")
    write_text(folder / "old" / "a.txt", "x")
    assert digest(folder) == before
    assert digest(small_folder(tmp_path / "elsewhere" / "y")) == before


@pytest.mark.usefixtures("no_blocking")
def test_a_folders_digest_does_not_see_links_pipes_or_hidden_names(tmp_path: Path) -> None:
    folder = small_folder(tmp_path / "x")
    before = digest(folder)
    write_text(tmp_path / "outside" / "secret.txt", "secret")
    (folder / "m" / "file").symlink_to(tmp_path / "outside" / "secret.txt")
    (folder / "m" / "folder").symlink_to(tmp_path / "outside")
    (folder / "m" / "loop").symlink_to(folder)
    os.mkfifo(folder / "m" / "pipe")
    write_text(folder / "m" / ".hidden", "x")
    assert digest(folder) == before


def test_a_name_that_is_no_utf8_has_a_digest_too(tmp_path: Path) -> None:
    folder = small_folder(tmp_path / "x")
    before = digest(folder)
    Path(os.fsdecode(os.fsencode(folder / "m") + b"/\xff.nii.gz")).write_bytes(b"x")
    assert digest(folder) != before


def test_folders_deeper_than_any_layout_are_not_entered(tmp_path: Path) -> None:
    """Else folders in folders, a thousand deep, would end in a recursion error."""
    folder = small_folder(tmp_path / "x")
    before = digest(folder)
    write_text(folder / "m" / "deep" / "c.txt", "x")
    assert digest(folder) == before


def test_a_listing_tells_regular_files_and_leaves_hidden_names_out(tmp_path: Path) -> None:
    folder = small_folder(tmp_path / "x")
    (folder / "link").symlink_to(folder / "a.txt")
    os.mkfifo(folder / "pipe")
    write_text(folder / ".DS_Store", "x")
    assert [tuple(entry) for entry in list_folder(folder)] == [
        ("a.txt", True),
        ("link", False),
        ("m", False),
        ("pipe", False),
    ]


def test_an_absent_folder_is_empty_and_a_file_or_a_link_is_no_folder(tmp_path: Path) -> None:
    assert list_folder(tmp_path / "none") == ()
    write_text(tmp_path / "file", "x")
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("file", "link"):
        assert kind_of(lambda name=name: list_folder(tmp_path / name)) is Unreadable.NOT_REGULAR  # type: ignore[misc]
