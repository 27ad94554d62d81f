from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from schema.errors import FolderError
from schema.finding import Finding
from tasks.dicom.codestream import Claim, claim_of
from tasks.dicom.headers import read_frames
from tasks.dicom.pixels import decoded, missing_decoder
from tasks.dicom.volume import read_t2_volume
from tests.tasks.dicom.dicom_writer import T2, set_pixels, write_enhanced, write_series

SYNTAXES = [RLELossless, JPEGLSLossless, JPEG2000Lossless]
SMOOTH = np.add.outer(np.arange(16) * 40, np.add.outer(np.arange(164), np.arange(168)) * 3)
"""Values that compress as images do, indexed (slice, row, column), up to 1,599."""


def sample(name: str) -> Path:
    path = get_testdata_file(name, download=False)
    assert isinstance(path, str)
    return Path(path)


def stored(path: Path) -> NDArray[Any]:
    (frame,) = read_frames(path, where=path.name)
    (array,) = decoded(path.parent, [frame])
    return np.asarray(array)


def by_simpleitk(path: Path) -> NDArray[Any]:
    array: NDArray[Any] = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(path)))[0]
    return array


def jpeg_lossless(array: NDArray[np.uint16], *, scratch: Path) -> bytes:
    """One frame, encoded by the library inside SimpleITK: pydicom has no encoder for it."""
    writer = SimpleITK.ImageFileWriter()
    writer.SetImageIO("GDCMImageIO")
    writer.SetUseCompression(True)
    writer.SetCompressor("JPEG")
    writer.SetFileName(str(scratch))
    writer.Execute(SimpleITK.GetImageFromArray(array[np.newaxis]))
    dataset = dcmread(scratch)
    assert dataset.file_meta.TransferSyntaxUID == JPEGLosslessSV1
    (frame,) = generate_frames(dataset.PixelData, number_of_frames=1)
    return frame


def refused(folder: Path) -> tuple[Finding, ...]:
    with pytest.raises(FolderError) as error:
        read_t2_volume(folder)
    return error.value.findings


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda each: each.name)
@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
def test_lossless_compression_changes_no_value(tmp_path: Path, syntax: Any, dtype: type) -> None:
    values = (SMOOTH - (800 if dtype is np.int16 else 0)).astype(dtype)
    write_series(tmp_path, replace(T2, values=values, compressed=syntax))

    volume = read_t2_volume(tmp_path)

    assert volume.voxels.dtype == dtype
    assert np.array_equal(volume.voxels, values.transpose(2, 1, 0))


def test_a_codestream_hidden_behind_other_bytes_is_not_decoded(tmp_path: Path) -> None:
    # a decoder may search for the codestream further than its size was looked for
    paths = write_series(
        tmp_path, replace(T2, values=SMOOTH.astype(np.uint16), compressed=JPEG2000Lossless)
    )
    after_compression(lambda frame: bytes(2000) + frame)(paths[4])

    (finding,) = refused(tmp_path)

    assert finding.got == "no codestream that states its size"


def test_lossless_jpeg_of_another_encoder_changes_no_value(tmp_path: Path) -> None:
    values = SMOOTH.astype(np.uint16)

    def compress(dataset: Any, k: int) -> None:
        dataset.PixelData = encapsulate(
            [jpeg_lossless(values[k], scratch=tmp_path / "scratch.dcm")]
        )
        dataset["PixelData"].is_undefined_length = True
        dataset.file_meta.TransferSyntaxUID = JPEGLosslessSV1

    write_series(tmp_path / "series", replace(T2, values=values, change=compress))

    volume = read_t2_volume(tmp_path / "series")

    assert np.array_equal(volume.voxels, values.transpose(2, 1, 0))


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda each: each.name)
def test_frames_of_a_compressed_enhanced_file_are_read_in_any_order(
    tmp_path: Path, syntax: Any
) -> None:
    values = SMOOTH.astype(np.uint16)
    order = [5, 0, 15, 3, 1, 2, 4, 14, 13, 12, 6, 7, 8, 11, 10, 9]
    write_enhanced(tmp_path / "file", replace(T2, values=values, compressed=syntax), order=order)

    volume = read_t2_volume(tmp_path)

    assert np.array_equal(volume.voxels, values.transpose(2, 1, 0))


@pytest.mark.parametrize(
    "name",
    [
        "MR_small_RLE.dcm",
        "MR_small_implicit.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_expb.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "MR_small_padded.dcm",
    ],
)
def test_the_same_sample_of_pydicom_in_any_syntax_has_the_same_values(name: str) -> None:
    plain = stored(sample("MR_small.dcm"))

    assert np.array_equal(plain, by_simpleitk(sample("MR_small.dcm")))
    assert np.array_equal(stored(sample(name)), plain)
    assert plain.max() > 1000


@pytest.mark.parametrize(
    "name", ["693_J2KI.dcm", "JPEG2000.dcm", "JPGExtended.dcm", "J2K_pixelrep_mismatch.dcm"]
)
def test_samples_of_other_encoders_are_as_pydicom_reads_them(name: str) -> None:
    assert np.array_equal(stored(sample(name)), dcmread(sample(name)).pixel_array)


def test_a_sample_cut_in_its_pixels_is_refused_by_name(tmp_path: Path) -> None:
    paths = write_series(tmp_path)
    paths[3].write_bytes(paths[3].read_bytes()[:-1000])
    paths[9].write_bytes(paths[9].read_bytes()[:-30000])

    found = refused(tmp_path)

    assert [(each.code, each.where) for each in found] == [
        ("LLN337", "IM0003"),
        ("LLN337", "IM0009"),
    ]


def test_a_slice_without_pixels_is_refused(tmp_path: Path) -> None:
    def lose(dataset: Any, k: int) -> None:
        if k == 2:
            del dataset.PixelData

    write_series(tmp_path, replace(T2, change=lose))

    (finding,) = refused(tmp_path)

    assert (finding.code, finding.where, finding.got) == ("LLN337", "IM0002", "no pixel data")


def after_compression(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        dataset = dcmread(path)
        (frame,) = generate_frames(dataset.PixelData, number_of_frames=1)
        dataset.PixelData = encapsulate([change(frame)])
        dataset.save_as(path)

    return apply


def claims_more(frame: bytes) -> bytes:
    """The codestream's own size set to 60,000 x 60,000: 7 GB for a decoder that believes it."""
    content = bytearray(frame)
    if frame.startswith(b"\xff\xd8"):
        at = content.index(b"\xff\xf7") + 5
        content[at : at + 4] = struct.pack(">2H", 60000, 60000)
    else:
        at = content.index(b"\xff\x4f\xff\x51") + 8
        content[at : at + 8] = struct.pack(">2I", 60000, 60000)
    return bytes(content)


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless], ids=lambda each: each.name)
def test_a_codestream_that_claims_another_size_is_not_decoded(tmp_path: Path, syntax: Any) -> None:
    paths = write_series(tmp_path, replace(T2, values=SMOOTH.astype(np.uint16), compressed=syntax))
    after_compression(claims_more)(paths[4])

    (finding,) = refused(tmp_path)

    assert (finding.code, finding.where) == ("LLN337", "IM0004")
    assert finding.got == "its codestream claims 60000 x 60000 x 1"


def test_a_run_length_bomb_is_not_unfolded(tmp_path: Path) -> None:
    # every two bytes of a run become 128: 8 MB of runs would become half a gigabyte
    paths = write_series(
        tmp_path, replace(T2, values=SMOOTH.astype(np.uint16), compressed=RLELossless)
    )
    after_compression(lambda frame: frame[:64] + b"\x81\x00" * (4 << 20))(paths[4])

    (finding,) = refused(tmp_path)

    assert finding.code == "LLN337"
    assert finding.got.startswith("a compressed frame of more than ")


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda each: each.name)
def test_a_codestream_that_was_cut_is_refused(tmp_path: Path, syntax: Any) -> None:
    # some decoders fill the rest with zeros and say nothing
    paths = write_series(tmp_path, replace(T2, values=SMOOTH.astype(np.uint16), compressed=syntax))
    after_compression(lambda frame: frame[: len(frame) * 3 // 4])(paths[4])

    (finding,) = refused(tmp_path)

    assert (finding.code, finding.where) == ("LLN337", "IM0004")


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda each: each.name)
def test_rubbish_for_a_codestream_is_refused(tmp_path: Path, syntax: Any) -> None:
    paths = write_series(tmp_path, replace(T2, values=SMOOTH.astype(np.uint16), compressed=syntax))
    after_compression(lambda frame: bytes(len(frame)))(paths[4])

    assert [(each.code, each.where) for each in refused(tmp_path)] == [("LLN337", "IM0004")]


@pytest.mark.parametrize(
    "name",
    ["693_J2KI.dcm", "JPGExtended.dcm", "MR_small_jpeg_ls_lossless.dcm", "SC_rgb_jpeg_gdcm.dcm"],
)
def test_the_claim_of_real_codestreams_is_the_size_of_their_header(name: str) -> None:
    dataset = dcmread(sample(name))
    (frame,) = generate_frames(dataset.PixelData, number_of_frames=1)

    assert claim_of(frame) == Claim(dataset.Rows, dataset.Columns, dataset.SamplesPerPixel)


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xff\xd8",
        b"\xff\xd8\xff",
        b"\xff\xd8\xff\xc0\0\x0b\x08",
        b"\xff\xd8\0\0\0\0",
        b"\xff\x4f\xff\x51\0\0",
    ],
)
def test_a_codestream_cut_before_its_size_claims_nothing(frame: bytes) -> None:
    assert claim_of(frame) is None


def test_fill_bytes_and_lone_markers_do_not_hide_the_size() -> None:
    # SOI, a fill byte, RST0 (alone), APP0 of 4 bytes, SOF3: 16 bits, 5 rows, 7 columns, grey
    frame = b"\xff\xd8\xff\xff\xd0\xff\xe0\0\x04xx\xff\xc3\0\x0b\x10\0\x05\0\x07\x01"

    assert claim_of(frame) == Claim(5, 7, 1)


def test_the_size_of_a_jpeg_2000_image_is_less_its_offset_on_the_grid() -> None:
    # SIZ: length, profile, grid of 30 x 20 (columns first), image from (10, 5), tiles, 3 components
    sizes = struct.pack(">2H8IH", 47, 0, 30, 20, 10, 5, 30, 20, 0, 0, 3)

    assert claim_of(b"\xff\x4f\xff\x51" + sizes) == Claim(15, 20, 3)


def test_every_decoder_that_the_extra_promises_is_there() -> None:
    names = (
        "RLELossless",
        "JPEGLosslessSV1",
        "JPEGLossless",
        "JPEGExtended12Bit",
        "JPEGLSLossless",
    )
    more = ("JPEG2000Lossless", "JPEG2000", "HTJ2KLossless", "ExplicitVRLittleEndian")

    assert {
        name: missing_decoder(getattr(pydicom.uid, name)) for name in (*names, *more)
    } == dict.fromkeys((*names, *more))


def test_slices_of_two_widths_are_held_by_the_wider_type(tmp_path: Path) -> None:
    def narrow(dataset: Any, k: int) -> None:
        if k < 3:
            set_pixels(dataset, (SMOOTH[k] % 256).astype(np.uint8))

    write_series(tmp_path, replace(T2, values=SMOOTH.astype(np.uint16), change=narrow))

    volume = read_t2_volume(tmp_path)

    assert volume.voxels.dtype == np.uint16
    assert np.array_equal(volume.voxels[..., 1], SMOOTH[1].T % 256)
    assert np.array_equal(volume.voxels[..., 9], SMOOTH[9].T)
