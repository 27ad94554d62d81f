"""Nothing that tells who the patient is gets into a de-identified file, and the image stays.

Canaries stand in every attribute that pydicom's dictionary knows, in items of sequences, in private
attributes, in the file meta information and in the preamble; every byte of the output is searched.
"""

from __future__ import annotations

import json
import stat
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from pydicom import dcmread
from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import dictionary_VR, keyword_for_tag
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.tag import Tag
from pydicom.uid import (
    JPEG2000Lossless,
    MRImageStorage,
    RLELossless,
    SecondaryCaptureImageStorage,
)

from tasks.deidentify_commands import deidentify
from tasks.dicom import retained
from tasks.dicom.action_table import Action, action_of
from tasks.dicom.headers import read_frames
from tasks.dicom.volume import read_t2_volume
from tasks.dicom.words import WORDS, words_in
from tests.tasks.dicom.dicom_writer import (
    CANARY,
    T2,
    header_of,
    save,
    set_pixels,
    write_enhanced,
    write_series,
)

BIRTH, ROOT_UID, NUMBER = "19510203", "1.2.999.77", 424242
TEXT = {"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"}
BYTES = {"OB", "OW", "UN", "OD", "OF", "OL", "OV", "OB or OW"}
STRUCTURE = {"Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"}
STRUCTURE |= {"SamplesPerPixel", "PhotometricInterpretation", "SOPClassUID", "NumberOfFrames"}
SIGNS = (CANARY, CANARY.lower(), BIRTH, ROOT_UID, "20190304", "1.2.826.0.1.3680043.10.9999")


def canary(tag: int) -> tuple[str, Any] | None:
    """A value for an attribute that would tell who the patient is."""
    vr = dictionary_VR(tag).split(" or ")[0]
    if vr in TEXT:
        return vr, CANARY
    if vr in BYTES:
        return vr, (CANARY + "  ").encode() * 2
    if vr == "UI":
        return vr, f"{ROOT_UID}.{tag}"
    moments = {"DA": BIRTH, "DT": f"{BIRTH}101112", "TM": "101112", "AS": "099Y"}
    if vr in moments:
        return vr, moments[vr]
    return (vr, str(NUMBER)) if vr in {"DS", "IS"} else None


def with_canaries(dataset: Dataset, *, nested: bool = True) -> None:
    """Fill every attribute of the dictionary that says nothing about how pixels are stored."""
    for tag in DicomDictionary:
        keyword = keyword_for_tag(tag)
        group = tag >> 16
        if group in {0x0000, 0x0002, 0x0004, 0x0006, 0x7FE0, 0xFFFE} or keyword in STRUCTURE:
            continue
        if tag & 0xFFFF == 0 or keyword in {"SpecificCharacterSet", "ImagePositionPatient"}:
            continue
        if (value := canary(tag)) is not None:
            dataset.add_new(tag, *value)
        elif nested and dictionary_VR(tag) == "SQ":
            inner = Dataset()
            inner.PatientName = inner.TextValue = inner.CodeMeaning = CANARY
            inner.StudyDate, inner.ReferencedSOPInstanceUID = BIRTH, f"{ROOT_UID}.1"
            dataset.add_new(tag, "SQ", Items([inner]))
    dataset.add_new(0x60003000, "OW", CANARY.encode())
    dataset.add_new(0x60004000, "LT", CANARY)
    block = dataset.private_block(0x0029, CANARY, create=True)
    block.add_new(0x10, "LO", CANARY)


def spoilt(dataset: Any, k: int) -> None:
    """Canaries everywhere, and the patient's own id kept, so that files belong together."""
    patient, instance = dataset.PatientID, dataset.SOPInstanceUID
    with_canaries(dataset)
    dataset.PatientID, dataset.SOPInstanceUID = patient, instance
    dataset.BurnedInAnnotation = dataset.RecognizableVisualFeatures = "NO"
    del dataset.IssuerOfPatientID
    dataset.preamble = (CANARY.encode() * 30)[:128]
    dataset.file_meta.SourceApplicationEntityTitle = CANARY
    dataset.file_meta.ImplementationVersionName = CANARY
    assert k >= 0


@pytest.fixture(autouse=True)
def _values_that_pydicom_warns_of() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def run(source: Path, *more: str, out: str = "out") -> Result:
    root = source.parent
    where = ["--dicom", str(source), "--out", str(root / out), "--key", str(root / "key.json")]
    return CliRunner().invoke(deidentify, [*where, "--json", *more])


def codes(result: Result) -> list[str]:
    return [each["code"] for each in json.loads(result.stdout)["findings"]]


def every_byte(folder: Path) -> bytes:
    """Names and contents of all files below a folder."""
    paths = sorted(folder.rglob("*"))
    names = "\n".join(str(path.relative_to(folder)) for path in paths).encode()
    return names + b"".join(path.read_bytes() for path in paths if path.is_file())


def signs_in(content: bytes) -> list[str]:
    return [
        sign for sign in SIGNS if sign.encode() in content or sign.encode("utf-16-le") in content
    ]


def test_a_canary_in_every_attribute_is_in_no_byte_of_the_output(tmp_path: Path) -> None:
    source = tmp_path / "in"
    write_series(source / CANARY, replace(T2, change=spoilt), names=f"{CANARY}{{:03d}}".format)
    assert {CANARY, BIRTH, ROOT_UID} <= set(signs_in(every_byte(source)))

    result = run(source)

    assert codes(result) == []
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == T2.geometry.size[2]
    assert signs_in(every_byte(tmp_path / "out")) == []


def test_numbers_outside_of_the_list_are_gone(tmp_path: Path) -> None:
    write_series(tmp_path / "in", replace(T2, change=spoilt))

    run(tmp_path / "in")

    for path in (tmp_path / "out").rglob("*.dcm"):
        holding = {e.keyword for e in dcmread(path).iterall() if str(NUMBER) in str(e.value)}
        assert holding <= retained.NUMBERS


@pytest.mark.parametrize("compressed", [None, RLELossless, JPEG2000Lossless])
def test_the_image_and_its_place_stay_as_they_were(tmp_path: Path, compressed: Any) -> None:
    write_series(tmp_path / "in", replace(T2, compressed=compressed))
    before = read_t2_volume(tmp_path / "in")

    run(tmp_path / "in")
    after = read_t2_volume(tmp_path / "out")

    assert np.array_equal(before.voxels, after.voxels)
    assert before.geometry == after.geometry


def test_an_enhanced_file_loses_its_patient_and_keeps_its_image(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write_enhanced(tmp_path / "in" / "file", change=nest)
    before = read_t2_volume(tmp_path / "in")

    run(tmp_path / "in")

    after = read_t2_volume(tmp_path / "out")
    assert np.array_equal(before.voxels, after.voxels)
    assert before.geometry == after.geometry
    assert signs_in(every_byte(tmp_path / "out")) == []


def nest(dataset: Dataset) -> None:
    for group in (
        *dataset.PerFrameFunctionalGroupsSequence,
        *dataset.SharedFunctionalGroupsSequence,
    ):
        group.PatientName = group.FrameComments = CANARY
        group.FrameAcquisitionDateTime = f"{BIRTH}101112"


def test_the_library_s_own_functions_leave_what_is_nested() -> None:
    """Why only its table is used."""
    inner, outer = Dataset(), Dataset()
    inner.PatientName = CANARY
    outer.SharedFunctionalGroupsSequence = Items([inner])

    # by its name: the package ships no types
    import_module("dicomanonymizer.simpledicomanonymizer").anonymize_dataset(outer)

    assert outer.SharedFunctionalGroupsSequence[0].PatientName == CANARY


def test_stacks_stay_apart(tmp_path: Path) -> None:
    def two(dataset: Dataset) -> None:
        for k, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            group.FrameContentSequence[0].StackID = f"{CANARY}{k % 2}"

    (tmp_path / "in").mkdir()
    write_enhanced(tmp_path / "in" / "file", change=two)

    run(tmp_path / "in")

    (path,) = (tmp_path / "out").rglob("*.dcm")
    assert len({frame.stack_id for frame in read_frames(path, where="")}) == 2
    assert signs_in(every_byte(tmp_path / "out")) == []


def only(folder: Path) -> Dataset:
    return dcmread(min(folder.rglob("*.dcm")))


@pytest.mark.parametrize(
    ("dates", "option", "says"),
    [
        ("remove", None, "REMOVED"),
        ("shift", "113107", "MODIFIED"),
        ("keep", "113106", "UNMODIFIED"),
    ],
)
def test_a_file_says_how_it_was_made(
    tmp_path: Path, dates: str, option: str | None, says: str
) -> None:
    write_series(tmp_path / "in")

    run(tmp_path / "in", "--dates", dates)
    made = only(tmp_path / "out")

    given = [item.CodeValue for item in made.DeidentificationMethodCodeSequence]
    assert given == [code for code in ("113100", "113105", option) if code]
    assert made.PatientIdentityRemoved == "YES"
    assert made.LongitudinalTemporalInformationModified == says
    assert made.PatientID == made.PatientName
    assert made.PatientBirthDate == ""


def test_a_shift_keeps_the_days_between_two_studies_of_a_patient(tmp_path: Path) -> None:
    for number, date in ((1, "20190304"), (2, "20190403")):
        named = replace(T2, study=f"{T2.study}.{number}")
        write_series(tmp_path / "in" / str(number), named.with_tags(StudyDate=date))

    run(tmp_path / "in", "--dates", "shift")

    found = {dcmread(path).StudyDate for path in (tmp_path / "out").rglob("*.dcm")}
    first, second = sorted(np.datetime64(f"{d[:4]}-{d[4:6]}-{d[6:]}") for d in found)
    assert second - first == np.timedelta64(30, "D")
    assert "20190304" not in found


def test_same_key_same_bytes_and_another_key_other_ids(tmp_path: Path) -> None:
    write_series(tmp_path / "in")

    run(tmp_path / "in", out="one")
    run(tmp_path / "in", out="two")
    (tmp_path / "key.json").unlink()
    run(tmp_path / "in", out="three")

    assert every_byte(tmp_path / "one") == every_byte(tmp_path / "two")
    assert only(tmp_path / "three").PatientID != only(tmp_path / "one").PatientID
    assert only(tmp_path / "three").StudyInstanceUID != only(tmp_path / "one").StudyInstanceUID


def burned(dataset: Any, _k: int) -> None:
    dataset.BurnedInAnnotation = "YES"


def nameless(dataset: Any, _k: int) -> None:
    dataset.PatientID = ""


def captured(dataset: Any, _k: int) -> None:
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage


def issued_twice(dataset: Any, k: int) -> None:
    dataset.IssuerOfPatientID = f"hospital {k % 2}"


@pytest.mark.parametrize(
    ("change", "code"),
    [(burned, "LLN540"), (captured, "LLN541"), (nameless, "LLN543"), (issued_twice, "LLN544")],
)
def test_what_cannot_be_cleaned_is_left_out_and_told(
    tmp_path: Path, change: Callable[[Any, int], None], code: str
) -> None:
    write_series(tmp_path / "in", replace(T2, change=change))

    result = run(tmp_path / "in")

    assert result.exit_code == 1
    assert set(codes(result)) == {code}
    assert list((tmp_path / "out").rglob("*.dcm")) == []


def test_images_that_somebody_looked_at_are_written(tmp_path: Path) -> None:
    write_series(tmp_path / "in", replace(T2, change=burned))

    assert codes(run(tmp_path / "in", "--pixels-looked-at")) == []
    assert "BurnedInAnnotation" not in only(tmp_path / "out")
    assert "113101" not in str(only(tmp_path / "out").DeidentificationMethodCodeSequence)


def test_bytes_after_the_pixels_are_not_copied(tmp_path: Path) -> None:
    def longer(dataset: Any, _k: int) -> None:
        dataset.PixelData += CANARY.encode()
        dataset.add_new(0xFFFCFFFC, "OB", CANARY.encode())

    write_series(tmp_path / "in", replace(T2, change=longer))

    run(tmp_path / "in")

    assert signs_in(every_byte(tmp_path / "out")) == []


def test_spare_bits_of_a_pixel_are_cleared(tmp_path: Path) -> None:
    dataset = header_of(T2, f"{T2.uid}.1", MRImageStorage)
    values = np.arange(168 * 164, dtype=np.uint16).reshape(164, 168) % 4096
    set_pixels(dataset, values | np.uint16(0xF000), bits=12)
    (tmp_path / "in").mkdir()
    save(dataset, tmp_path / "in" / "file")

    run(tmp_path / "in")

    assert np.array_equal(np.frombuffer(only(tmp_path / "out").PixelData, "<u2"), values.ravel())


def test_the_key_tells_who_is_who_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    write_series(tmp_path / "in")

    run(tmp_path / "in", "--report", str(tmp_path / "report.md"))

    key = json.loads((tmp_path / "key.json").read_text(encoding="utf-8"))
    assert key["patients"][only(tmp_path / "out").PatientID]["patient_id"] == T2.patient
    assert stat.S_IMODE((tmp_path / "key.json").stat().st_mode) == 0o600
    report = (tmp_path / "report.md").read_bytes()
    assert signs_in(report) == []
    assert key["salt"].encode() not in report


@pytest.mark.parametrize("inside", ["out/key.json", "out/deeper/key.json"])
def test_a_key_inside_of_the_output_is_refused(tmp_path: Path, inside: str) -> None:
    write_series(tmp_path / "in")
    options = ["--dicom", str(tmp_path / "in"), "--out", str(tmp_path / "out")]

    result = CliRunner().invoke(deidentify, [*options, "--key", str(tmp_path / inside)])

    assert "may not lie inside" in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_what_is_kept_contradicts_the_table_only_where_an_option_says_so() -> None:
    named = {*retained.NUMBERS, *retained.TERMS, *retained.CODES, *retained.UIDS}
    named |= {*retained.POINTERS, *retained.FIXED, *retained.SEQUENCES}
    listed = {name for name in named if action_of(Tag(name)) is not None}

    assert listed == {"ReferencedImageSequence", "SourceImageSequence"}
    assert {action_of(Tag(name)) for name in listed} == {Action.X_Z_U}
    assert all(action_of(Tag(name)) for name in retained.DESCRIPTIONS | retained.DATES)


def test_a_cleaned_description_means_what_it_meant() -> None:
    for word in WORDS:
        assert words_in(retained.known_words(retained.spellings()[word.shown])) == (word,)
    assert retained.known_words(f"t2_tse_tra {CANARY} Jane") == "T2"


def test_segmentation_of_a_series_still_points_to_it(tmp_path: Path) -> None:
    from baseline.segmentation_object import Algorithm, write_segmentation  # noqa: PLC0415

    write_series(tmp_path / "in" / "mr")
    volume = read_t2_volume(tmp_path / "in" / "mr")
    mask = np.zeros(volume.geometry.size, dtype=np.uint8)
    mask[40:60, 40:60, 4:8] = 1
    write_one(write_segmentation, Algorithm, tmp_path / "in" / "seg.dcm", volume, mask)

    assert codes(run(tmp_path / "in")) == []

    made = [dcmread(path) for path in (tmp_path / "out").rglob("*.dcm")]
    (seg,) = [each for each in made if each.Modality == "SEG"]
    images = {each.SOPInstanceUID for each in made if each.Modality == "MR"}
    pointed = {e.value for e in seg.iterall() if e.keyword == "ReferencedSOPInstanceUID"}
    assert pointed
    assert pointed <= images
    assert signs_in(every_byte(tmp_path / "out")) == []


def write_one(write: Any, algorithm: Any, path: Path, volume: Any, mask: Any) -> None:
    from schema.terms import TaskId  # noqa: PLC0415

    write(
        path,
        volume=volume,
        masks={TaskId.COMPARTMENTS: mask, TaskId.NODES: np.zeros_like(mask)},
        algorithm=algorithm("x", "1"),
    )
