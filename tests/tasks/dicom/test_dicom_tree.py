from __future__ import annotations

import os
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from schema.errors import FolderError, Unreadable, UnreadableFileError
from tasks.dicom.headers import open_regular
from tasks.dicom.series import stacks_of
from tasks.dicom.tree import ReadingLimits, read_tree
from tests.tasks.dicom.dicom_writer import T2, slice_of, write_series

SAMPLES = Path(pydicom.__file__).parent / "data" / "test_files"


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """A sound slice, named `one` in a folder of its own."""
    folder = tmp_path / "tree"
    folder.mkdir()
    slice_of(T2, 0, number=0).save_as(folder / "one", enforce_file_format=True)
    return folder / "one"


def reasons(folder: Path) -> dict[str, str]:
    return {each.where: each.reason for each in read_tree(folder).skipped}


def test_files_of_any_name_in_any_depth_are_read(tmp_path: Path) -> None:
    write_series(tmp_path, names=lambda k: f"a/{k % 3}/deep er/{k}{'.dcm' if k % 2 else ''}")

    tree = read_tree(tmp_path)

    assert len(tree.frames) == 16
    assert {each.instance.where for each in tree.frames} >= {"a/0/deep er/0", "a/1/deep er/1.dcm"}
    assert tree.skipped == ()


def test_frames_come_in_the_order_of_their_paths(tmp_path: Path) -> None:
    write_series(tmp_path, names=lambda k: f"{(k * 7) % 16:02d}")

    names = [each.instance.where for each in read_tree(tmp_path).frames]

    assert names == sorted(names)


def test_what_is_no_image_is_listed_with_the_reason(one: Path) -> None:
    (one.parent / "notes.txt").write_text("no DICOM")
    (one.parent / "empty").touch()
    (one.parent / "DICOMDIR").write_bytes(one.read_bytes())

    assert reasons(one.parent) == {
        "DICOMDIR": "a DICOM directory",
        "empty": "no DICOM file: no mark at byte 128",
        "notes.txt": "no DICOM file: no mark at byte 128",
    }


def test_a_directory_is_known_by_its_class_too(one: Path) -> None:
    directory = (SAMPLES / "dicomdirtests" / "DICOMDIR").read_bytes()
    (one.parent / "index.dcm").write_bytes(directory)

    assert reasons(one.parent) == {"index.dcm": "a DICOM directory"}


def test_no_link_is_followed(one: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "two").write_bytes(one.read_bytes())
    (one.parent / "file").symlink_to(tmp_path / "elsewhere" / "two")
    (one.parent / "folder").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (one.parent / "round").symlink_to(one.parent, target_is_directory=True)

    tree = read_tree(one.parent)

    assert [each.instance.where for each in tree.frames] == ["one"]
    assert {each.reason for each in tree.skipped} == {"a link or a special file"}


def test_a_file_that_has_become_a_link_is_not_opened(one: Path) -> None:
    (one.parent / "link").symlink_to(one)

    with pytest.raises(UnreadableFileError) as refused, open_regular(one.parent / "link"):
        pass

    assert refused.value.kind is Unreadable.NOT_REGULAR


@pytest.mark.usefixtures("no_blocking")
def test_a_pipe_does_not_hold_the_reading_up(one: Path) -> None:
    os.mkfifo(one.parent / "pipe")

    assert reasons(one.parent) == {"pipe": "a link or a special file"}


def test_hidden_files_are_passed_over(one: Path) -> None:
    (one.parent / "._one").write_bytes(one.read_bytes())

    assert len(read_tree(one.parent).frames) == 1


def test_a_damaged_dicom_file_is_a_finding_that_stops_nothing(one: Path) -> None:
    content = bytearray(one.read_bytes())
    # an element after the file meta: a value representation that does not exist
    at = content.index(b"\x08\x00\x08\x00CS")
    content[at + 4 : at + 6] = b"\xff\xff"
    (one.parent / "broken").write_bytes(content)

    tree = read_tree(one.parent)

    assert [each.instance.where for each in tree.frames] == ["one"]
    assert [(each.code, each.where, each.fails_case) for each in tree.findings] == [
        ("LLN300", "broken", False)
    ]


@pytest.mark.parametrize("size", [131, 132, 140, 200, 400, 600])
def test_a_file_cut_anywhere_stops_nothing(one: Path, size: int) -> None:
    (one.parent / "cut").write_bytes(one.read_bytes()[:size])

    tree = read_tree(one.parent)

    assert [each.instance.where for each in tree.frames] == ["one"]
    assert [each.where for each in tree.skipped] == ["cut"]
    assert {each.code for each in tree.findings} == (set() if size < 132 else {"LLN300"})


def test_a_length_that_is_only_a_claim_asks_for_no_memory(one: Path) -> None:
    # Series Description says that it is 4 GB long: read(4 GB) would make room for it at once
    content = bytearray(one.read_bytes())
    at = content.index(b"\x08\x00\x3e\x10LO")
    content[at : at + 8] = b"\x08\x00\x3e\x10UT\0\0"
    content[at + 8 : at + 12] = struct.pack("<I", 0xFFFF_FFF0)
    (one.parent / "long").write_bytes(content)

    tracemalloc.start()
    tree = read_tree(one.parent)
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert most_bytes < 100 << 20
    assert "one" in {each.instance.where for each in tree.frames}
    assert len(tree.frames) + len(tree.skipped) == 2


def test_a_deflated_file_is_never_inflated(one: Path) -> None:
    # zeros, a thousand times smaller when deflated: pydicom would inflate them all
    dataset = slice_of(T2, 0, number=0)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(1 << 6)) + packer.flush()
    head = (one.parent / "one").read_bytes()[:132]
    meta = pydicom.filebase.DicomBytesIO()
    pydicom.filewriter.write_file_meta_info(meta, dataset.file_meta)
    (one.parent / "bomb").write_bytes(head + meta.getvalue() + bomb)

    tree = read_tree(one.parent)

    assert [(each.code, each.got) for each in tree.findings] == [
        ("LLN300", "deflated, which is not read")
    ]


def test_a_file_above_the_limit_is_a_finding(one: Path) -> None:
    tree = read_tree(one.parent, limits=ReadingLimits(file_bytes=1000))

    assert [(each.code, each.got) for each in tree.findings] == [
        ("LLN300", "larger than 1000 bytes")
    ]


@pytest.mark.parametrize("limits", [ReadingLimits(files=15), ReadingLimits(depth=2)])
def test_a_tree_above_the_limits_is_refused(tmp_path: Path, limits: ReadingLimits) -> None:
    write_series(tmp_path, names="a/b/c/{:02d}".format)

    with pytest.raises(FolderError, match="too large") as refused:
        read_tree(tmp_path, limits=limits)

    assert [each.code for each in refused.value.findings] == ["LLN301"]


@pytest.mark.parametrize("name", ["missing", "one/one"])
def test_what_is_no_folder_is_refused(one: Path, name: str) -> None:
    with pytest.raises(FolderError, match="no folder"):
        read_tree(one.parent / name)


def test_every_sample_of_pydicom_is_an_image_or_listed() -> None:
    # more than a hundred files, a third of them broken on purpose
    files = [each.relative_to(SAMPLES).as_posix() for each in SAMPLES.rglob("*") if each.is_file()]

    tree = read_tree(SAMPLES)

    read = {each.instance.where for each in tree.frames}
    listed = {each.where for each in tree.skipped}
    assert len(files) > 100
    assert read | listed == set(files)
    assert read & listed == set()
    assert {"MR_small.dcm", "CT_small.dcm", "MR_small_bigendian.dcm"} <= read


def test_a_real_media_of_three_patients_is_sorted_into_its_series() -> None:
    # counted with pydicom's own DICOMDIR of the same folder: 3 CR, 4 CT and 3 MR series
    tree = read_tree(SAMPLES / "dicomdirtests")

    series = {(each.instance.modality, each.instance.series_uid) for each in stacks_of(tree.frames)}
    directory = pydicom.dcmread(SAMPLES / "dicomdirtests" / "DICOMDIR")
    records = list(directory.DirectoryRecordSequence)
    expected = {
        (each.Modality, each.SeriesInstanceUID)
        for each in records
        if each.DirectoryRecordType == "SERIES"
    }
    assert series == expected
    assert len(tree.frames) == sum(each.DirectoryRecordType == "IMAGE" for each in records)
    assert np.isfinite([frame.position_mm for frame in tree.frames if frame.position_mm]).all()
