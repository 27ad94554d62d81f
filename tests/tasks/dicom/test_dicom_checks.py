from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.data import get_testdata_file
from pydicom.uid import MPEG2MPML, ExplicitVRLittleEndian, JPEG2000Lossless, MRImageStorage

from schema.errors import FolderError
from schema.finding import Finding
from tasks.checks import COHORT_CHECKS, SUBMISSION_CHECKS
from tasks.dicom.checks import dicom_checks
from tasks.dicom.headers import read_frames
from tasks.dicom.tree import ReadingLimits
from tasks.dicom.volume import read_t2_volume
from tests.tasks.dicom.dicom_writer import (
    T2,
    Change,
    Series,
    decimals,
    grid,
    header_of,
    save,
    set_pixels,
    slice_of,
    write_enhanced,
    write_series,
)

UID = T2.uid


def refused(folder: Path, **arguments: Any) -> tuple[Finding, ...]:
    """The findings of a stack that is named, so that no rule of the choice stands before them."""
    with pytest.raises(FolderError) as error:
        read_t2_volume(folder, series=UID, **arguments)
    return tuple(each for each in error.value.findings if each.code != "LLN307")


def codes(findings: tuple[Finding, ...]) -> list[str]:
    return [each.code for each in findings]


def only(*slices: int, then: Change) -> Change:
    """A change of these slices."""
    return lambda dataset, k: then(dataset, k) if k in slices else None


def tags(**values: Any) -> Change:
    def change(dataset: Any, _k: int) -> None:
        for name, value in values.items():
            setattr(dataset, name, value)

    return change


def without(*names: str) -> Change:
    def change(dataset: Any, _k: int) -> None:
        for name in names:
            delattr(dataset, name)

    return change


def moved(*, along: float = 0.0, aside: float = 0.0) -> Change:
    """The slice lies elsewhere, along the normal and along its rows (mm)."""
    axes = T2.geometry.direction_matrix

    def move(dataset: Any, _k: int) -> None:
        place = np.asarray(dataset.ImagePositionPatient, dtype=float)
        dataset.ImagePositionPatient = decimals(*(place + along * axes[:, 2] + aside * axes[:, 0]))

    return move


def sheared(dataset: Any, k: int) -> None:
    moved(aside=0.02 * k)(dataset, k)


def stacked_twice(dataset: Any, k: int) -> None:
    """The upper half with a gap of its own, 4.5 instead of 4 mm."""
    moved(along=0.5 * max(0, k - 11))(dataset, k)


def of_other_size(dataset: Any, _k: int) -> None:
    set_pixels(dataset, np.zeros((80, 80), dtype=np.uint16))


def coloured(dataset: Any, k: int) -> None:
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, "RGB"
    dataset.PlanarConfiguration = 0
    dataset.PixelData = T2.stored()[k].repeat(3).tobytes()


@pytest.mark.parametrize(
    ("change", "code", "got"),
    [
        (only(3, 4, then=tags(PatientID="CANARY2")), "LLN310", "2 patients"),
        (only(3, then=without("ImagePositionPatient")), "LLN312", "no position in 1 of 16 slices"),
        (
            only(3, 9, then=without("ImageOrientationPatient")),
            "LLN312",
            "no orientation in 2 of 16 slices",
        ),
        (without("PixelSpacing"), "LLN312", "no pixel spacing in 16 of 16 slices"),
        (only(0, then=tags(PixelSpacing=[0, 1])), "LLN312", "no pixel spacing in 1 of 16 slices"),
        (only(15, then=of_other_size), "LLN313", "1 that differ in size"),
        (
            only(0, 15, then=tags(PixelSpacing=[0.9, 0.9])),
            "LLN313",
            "2 that differ in pixel spacing",
        ),
        (
            only(15, then=tags(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])),
            "LLN313",
            "1 that differ in orientation",
        ),
        (
            only(*range(8), then=tags(FrameOfReferenceUID=f"{UID}.77")),
            "LLN314",
            "2 frames of reference",
        ),
        (
            tags(ImageOrientationPatient=[1, 0, 0, 0.1, 0.995, 0]),
            "LLN315",
            None,
        ),
        (sheared, "LLN316", "0.30 mm"),
        (only(5, then=moved(aside=0.2)), "LLN316", "0.20 mm"),
        (only(5, then=moved(along=0.3)), "LLN320", "2 of 15 gaps differ: 4.30, 3.70 mm"),
        (stacked_twice, "LLN320", "4 of 15 gaps differ: 4.50, 4.50, 4.50, 4.50 mm"),
        (only(2, then=coloured), "LLN330", "colour in 1 of 16 slices"),
        (tags(PhotometricInterpretation="MONOCHROME1"), "LLN331", "MONOCHROME1 in 16 of 16 slices"),
        (tags(HighBit=11), "LLN332", "16 bits, 16 stored, high bit 11 in 16 of 16 slices"),
        (only(1, then=tags(BitsStored=17)), "LLN332", "16 bits, 17 stored, high bit 15 in 1 of 16"),
        (
            only(1, then=tags(RescaleSlope=0, RescaleIntercept=0)),
            "LLN333",
            "another one in 1 of 16 slices",
        ),
    ],
)
def test_each_fault_is_found(tmp_path: Path, change: Change, code: str, got: str | None) -> None:
    write_series(tmp_path, replace(T2, change=change))

    findings = refused(tmp_path)

    assert code in codes(findings)
    finding = next(each for each in findings if each.code == code)
    assert finding.fails_case
    assert got is None or finding.got.startswith(got)


def test_nothing_is_found_in_a_sound_series(tmp_path: Path) -> None:
    write_series(tmp_path)

    assert read_t2_volume(tmp_path, series=UID).findings == ()


@pytest.mark.parametrize(
    ("missing", "got"), [((7,), "8.00 mm: 1 slice"), ((7, 8), "12.00 mm: 2 s")]
)
def test_a_missing_slice_is_named_by_the_one_before_it(
    tmp_path: Path, missing: tuple[int, ...], got: str
) -> None:
    for k, path in enumerate(write_series(tmp_path)):
        if k in missing:
            path.unlink()

    (finding,) = refused(tmp_path)

    assert finding.code == "LLN319"
    assert finding.where == "IM0006"
    assert finding.expected == "4.00 mm to the next slice"
    assert finding.got.startswith(got)


def test_two_slices_at_one_place_with_different_pixels_are_refused(tmp_path: Path) -> None:
    write_series(tmp_path)
    double = slice_of(T2, 5, number=99)
    set_pixels(double, T2.stored()[6])
    double.SOPInstanceUID = f"{UID}.99"
    save(double, tmp_path / "double")

    (finding,) = refused(tmp_path)

    assert finding.code == "LLN317"
    assert finding.got == "2 slices, with different pixels"
    assert finding.where == "double"


@pytest.mark.parametrize("compressed", [None, JPEG2000Lossless])
def test_a_copy_of_a_slice_is_left_aside_with_a_note(tmp_path: Path, compressed: Any) -> None:
    write_series(tmp_path / "a")
    write_series(tmp_path / "b" / "again", replace(T2, compressed=compressed))

    volume = read_t2_volume(tmp_path, series=UID)

    assert np.array_equal(volume.voxels, T2.stored().transpose(2, 1, 0))
    assert [(each.code, each.fails_case) for each in volume.findings] == [("LLN318", False)]
    assert volume.findings[0].got == "16 places with copies"
    assert {each.where[:2] for each in volume.slices} == {"a/"}


def test_equal_pixels_that_are_rescaled_differently_are_no_copies(tmp_path: Path) -> None:
    write_series(tmp_path / "a")
    write_series(tmp_path / "b", T2.with_tags(RescaleSlope=2, RescaleIntercept=0))

    assert set(codes(refused(tmp_path))) == {"LLN317"}


def test_one_slice_is_no_volume(tmp_path: Path) -> None:
    write_series(tmp_path, replace(T2, geometry=grid(size=(168, 164, 1))))

    assert codes(refused(tmp_path)) == ["LLN321"]


def test_a_multi_frame_file_without_functional_groups_is_refused(tmp_path: Path) -> None:
    dataset = header_of(T2, f"{UID}.1", MRImageStorage)
    dataset.NumberOfFrames = 16
    set_pixels(dataset, T2.stored())
    save(dataset, tmp_path / "file")

    found = {each.code: each for each in refused(tmp_path)}

    assert found["LLN311"].got == "16 frames, 0 described"


def test_an_enhanced_file_that_describes_fewer_frames_than_it_holds_is_refused(
    tmp_path: Path,
) -> None:
    def cut(dataset: Any) -> None:
        dataset.PerFrameFunctionalGroupsSequence = dataset.PerFrameFunctionalGroupsSequence[:15]

    write_enhanced(tmp_path / "file", change=cut)

    assert codes(refused(tmp_path)) == ["LLN311"]


def test_a_frame_of_an_enhanced_file_is_named_by_its_number(tmp_path: Path) -> None:
    def lose(dataset: Any) -> None:
        del dataset.PerFrameFunctionalGroupsSequence[4].PlanePositionSequence

    write_enhanced(tmp_path / "file", change=lose)

    (finding,) = refused(tmp_path)

    assert (finding.code, finding.where) == ("LLN312", "file:frame 5")


def test_more_pixels_than_the_limit_are_refused_before_they_are_read(tmp_path: Path) -> None:
    # Rows and Columns claim 65,535 each: 16 slices of 8 GiB, in files of 55 kB
    write_series(tmp_path, replace(T2, change=tags(Rows=65535, Columns=65535)))

    (finding,) = refused(tmp_path)

    assert finding.code == "LLN334"
    assert finding.got == f"{65535 * 65535 * 2 * 16} bytes"


def test_the_limit_of_pixels_can_be_set(tmp_path: Path) -> None:
    write_series(tmp_path)
    size = 168 * 164 * 2 * 16

    assert codes(refused(tmp_path, reading_limits=ReadingLimits(stack_bytes=size - 1))) == [
        "LLN334"
    ]
    limits = ReadingLimits(stack_bytes=size)
    assert read_t2_volume(tmp_path, reading_limits=limits).voxels.nbytes == size


@pytest.mark.parametrize(("syntax", "words"), [(MPEG2MPML, "MPEG2"), ("1.2.3.4", "unknown syntax")])
def test_a_syntax_without_a_decoder_is_refused(tmp_path: Path, syntax: Any, words: str) -> None:
    for path in write_series(tmp_path):
        content = path.read_bytes()
        uid = str(syntax).encode()
        old = str(ExplicitVRLittleEndian).encode()
        # same length, so that the group's length stays true
        uid += bytes(len(old) + 1 - len(uid)) if len(uid) <= len(old) + 1 else b""
        at = content.index(b"\x02\x00\x10\x00UI")
        length = int.from_bytes(content[at + 6 : at + 8], "little")
        new = uid[:length] if len(uid) <= length else uid + b"\0" * (len(uid) % 2)
        path.write_bytes(
            content[: at + 6] + len(new).to_bytes(2, "little") + new + content[at + 8 + length :]
        )

    (finding,) = refused(tmp_path)

    assert finding.code == "LLN335"
    assert words in finding.got


def test_lossy_compression_is_a_note(tmp_path: Path) -> None:
    write_series(tmp_path, replace(T2, change=tags(LossyImageCompression="01")))

    volume = read_t2_volume(tmp_path)

    assert [(each.code, each.fails_case) for each in volume.findings] == [("LLN336", False)]
    assert volume.findings[0].got == "lossy in 16 of 16 slices"


def test_a_syntax_without_a_lossless_mode_is_lossy_whatever_is_stated() -> None:
    sample = get_testdata_file("JPGExtended.dcm", download=False)
    assert isinstance(sample, str)

    (frame,) = read_frames(Path(sample), where="file")

    assert frame.instance.lossy


def test_a_name_spelt_in_two_ways_is_one_patient(tmp_path: Path) -> None:
    respelt = only(3, 4, then=tags(PatientName="canary ^ CANARY1^^"))
    write_series(tmp_path, replace(T2, change=respelt))

    assert read_t2_volume(tmp_path).findings == ()


def test_two_patients_of_one_number_are_told_apart(tmp_path: Path) -> None:
    write_series(tmp_path, replace(T2, change=only(3, 4, then=tags(PatientName="CANARY^Other"))))

    assert codes(refused(tmp_path)) == ["LLN310"]


def test_all_faults_of_a_stack_are_told_at_once(tmp_path: Path) -> None:
    changes: tuple[Change, ...] = (
        only(1, then=tags(PatientID="CANARY2")),
        only(2, then=tags(FrameOfReferenceUID=f"{UID}.77")),
        only(5, then=moved(aside=0.2, along=0.3)),
        only(9, then=tags(PhotometricInterpretation="MONOCHROME1")),
        only(15, then=of_other_size),
    )

    def all_of_them(dataset: Any, k: int) -> None:
        for change in changes:
            change(dataset, k)

    paths = write_series(tmp_path, replace(T2, change=all_of_them))
    paths[12].unlink()

    assert codes(refused(tmp_path)) == [
        "LLN310",
        "LLN313",
        "LLN314",
        "LLN316",
        "LLN319",
        "LLN320",
        "LLN331",
    ]


def test_what_breaks_a_rule_and_what_breaks_a_stack_are_told_apart(tmp_path: Path) -> None:
    series: Series = replace(T2, change=only(5, then=moved(along=0.3))).with_tags(EchoTime=20)
    write_series(tmp_path, series)

    with pytest.raises(FolderError) as chosen:
        read_t2_volume(tmp_path)

    assert codes(chosen.value.findings) == ["LLN303"]
    assert codes(refused(tmp_path)) == ["LLN320"]


def test_a_damaged_file_beside_the_stack_is_told_with_it(tmp_path: Path) -> None:
    paths = write_series(tmp_path)
    paths[0].write_bytes(paths[0].read_bytes()[:500])

    volume = read_t2_volume(tmp_path)

    assert [(each.code, each.where) for each in volume.findings] == [("LLN300", "IM0000")]


def test_codes_are_unique_in_order_and_explained() -> None:
    found = [check.code for check in dicom_checks()]
    others = {check.code for check in (*SUBMISSION_CHECKS, *COHORT_CHECKS)}
    titles = [check.title() for check in dicom_checks()]

    assert found == sorted(set(found))
    assert all("LLN300" <= code <= "LLN399" for code in found)
    assert others.isdisjoint(found)
    assert all(titles)
    assert all(check.fix() for check in dicom_checks())
    assert len(set(titles)) == len(found)
