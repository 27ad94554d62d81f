"""DICOM SEG files, written with highdicom: placed by the positions of their frames or refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pytest
from highdicom.seg import (
    SegmentAlgorithmTypeValues,
    Segmentation,
    SegmentationTypeValues,
    SegmentDescription,
)
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.sr.codedict import codes

from schema.errors import UnreadableFileError
from schema.terms import TaskId
from tasks.cohort import read_cohort
from tasks.dicom.quiet import quiet
from tasks.dicom.segmentation import read_segmentation, segment_pixels, segmentation_study
from tasks.files import read_header, read_voxels
from tasks.importing.mask_files import mask_labels
from tasks.specification import label_map
from tests.tasks.dicom.dicom_writer import write_enhanced, write_series
from tests.tasks.importing.hospital import (
    Hospital,
    compartments,
    key_of,
    nodes,
    series_of,
    study_of,
)

BINARY, FRACTIONAL = SegmentationTypeValues.BINARY, SegmentationTypeValues.FRACTIONAL


def describe(number: int, label: str) -> SegmentDescription:
    return SegmentDescription(
        segment_number=number,
        segment_label=label,
        segmented_property_category=codes.SCT.AnatomicalStructure,
        segmented_property_type=codes.SCT.LymphNode,
        algorithm_type=SegmentAlgorithmTypeValues.MANUAL,
    )


def write_seg(
    path: Path,
    masks: list[NDArray[Any]],
    names: list[str],
    *,
    sources: Path,
    kind: SegmentationTypeValues = BINARY,
    order: slice = slice(None),
    change: Callable[[Any], object] = lambda _: None,
) -> None:
    """Masks indexed (i, j, k), one segment each, on the frames of the files in a folder."""
    with quiet():
        files = sorted(sources.iterdir())
        images = [dcmread(file) for file in files]
        images.sort(key=lambda each: int(each.InstanceNumber))
        stacked = np.stack(masks, axis=-1).transpose(2, 1, 0, 3)
        pixels = stacked if kind is BINARY else stacked.astype(np.float32) * 0.5
        made = Segmentation(
            source_images=images[order] if len(images) > 1 else images,
            pixel_array=pixels[order],
            segmentation_type=kind,
            segment_descriptions=[describe(n, name) for n, name in enumerate(names, start=1)],
            series_instance_uid=highdicom.UID(),
            series_number=100,
            sop_instance_uid=highdicom.UID(),
            instance_number=1,
            manufacturer="Test",
            manufacturer_model_name="Test",
            software_versions="1",
            device_serial_number="0",
        )
        change(made)
        path.parent.mkdir(parents=True, exist_ok=True)
        made.save_as(path)


def segments() -> tuple[list[NDArray[np.uint8]], list[str]]:
    labels = label_map(TaskId.COMPARTMENTS).labels
    masks = [(compartments() == label.value).astype(np.uint8) for label in labels]
    return masks, [label.title for label in labels]


@pytest.fixture
def hospital(tmp_path: Path) -> Hospital:
    """Its compartments are DICOM SEG files named by nothing, its labels are titles."""
    made = Hospital(tmp_path).admit(1)
    (made.masks / key_of(1) / "compartments.nii.gz").unlink()
    labels = label_map(TaskId.COMPARTMENTS).labels
    text = made.mapping.read_text(encoding="utf-8").replace(
        '"{key}/compartments*"', '"**/*.dcm"\nby = "name"'
    )
    for label in labels:
        text = text.replace(
            f'"{label.value}" = ["{label.name}"]', f'"{label.title}" = ["{label.name}"]'
        )
    made.mapping.write_text(text, encoding="utf-8")
    return made


def sources(hospital: Hospital) -> Path:
    return hospital.dicom / "export1" / "st1" / "t2"


def outlined(hospital: Hospital) -> NDArray[Any]:
    cohort = read_cohort(hospital.out)
    (case_id,) = cohort.manifest.cases
    path = cohort.mask(TaskId.COMPARTMENTS, case_id)
    return read_voxels(path, header=read_header(path))


@pytest.mark.parametrize("order", [slice(None), slice(None, None, -1)], ids=["up", "down"])
def test_frames_are_placed_by_their_positions(hospital: Hospital, order: slice) -> None:
    masks, names = segments()
    seg = hospital.masks / "anything" / "7f3a.dcm"
    write_seg(seg, masks, names, sources=sources(hospital), order=order)

    assert hospital.found() == []
    assert np.array_equal(outlined(hospital), compartments())


def test_a_seg_of_an_enhanced_file_is_placed_the_same(hospital: Hospital) -> None:
    masks, names = segments()
    shutil.rmtree(hospital.dicom)

    def complete(dataset: Any) -> None:
        dataset.DimensionOrganizationSequence = []
        dataset.InstanceNumber = 1

    write_enhanced(hospital.dicom / "e" / "one.dcm", series_of(1), change=complete)
    write_seg(hospital.masks / "x.dcm", masks, names, sources=hospital.dicom / "e")

    assert hospital.found() == []
    assert np.array_equal(outlined(hospital), compartments())


def test_a_name_may_tell_a_seg_s_study_like_any_other_mask_s(hospital: Hospital) -> None:
    masks, names = segments()
    write_seg(hospital.masks / key_of(1) / "seg", masks, names, sources=sources(hospital))
    hospital.edit('"**/*.dcm"', '"{key}/seg"')

    assert hospital.found() == []
    assert np.array_equal(outlined(hospital), compartments())


def test_a_segment_may_be_mapped_by_its_number(hospital: Hospital) -> None:
    masks, _ = segments()
    names = [f"Segment {number}" for number in range(1, 7)]
    write_seg(hospital.masks / "x.dcm", masks, names, sources=sources(hospital))
    hospital.edit('"**/*.dcm"\nby = "name"', '"**/*.dcm"')
    text = hospital.mapping.read_text(encoding="utf-8")
    for label in label_map(TaskId.COMPARTMENTS).labels:
        text = text.replace(f'"{label.title}" =', f'"{label.value}" =')
    hospital.mapping.write_text(text, encoding="utf-8")

    assert hospital.found() == []
    assert np.array_equal(outlined(hospital), compartments())


def test_two_segments_on_one_voxel_are_told(hospital: Hospital) -> None:
    masks, names = segments()
    masks[1] = masks[0] | masks[1]  # 11 x 29 x 3 voxels of label 1 are of label 2 as well
    write_seg(hospital.masks / "x.dcm", masks, names, sources=sources(hospital))

    ran = hospital.run("--json")

    assert ran.exit_code == 2
    assert "LLN426" in ran.stderr
    report = (hospital.work / "findings.csv").read_text(encoding="utf-8")
    count = int(np.count_nonzero(compartments() == 1))
    assert f"external_iliac_inguinal_left on {count} voxels of another" in report


def report(hospital: Hospital) -> list[str]:
    assert hospital.run().exit_code == 2
    return (hospital.work / "findings.csv").read_text(encoding="utf-8").splitlines()[1:]


def test_a_fractional_seg_is_refused(hospital: Hospital) -> None:
    masks, names = segments()
    write_seg(hospital.masks / "x.dcm", masks, names, sources=sources(hospital), kind=FRACTIONAL)

    (line,) = report(hospital)
    assert ",LLN427," in line
    assert "BINARY,FRACTIONAL" in line


def test_a_seg_in_another_frame_of_reference_is_refused(hospital: Hospital) -> None:
    masks, names = segments()

    def move(seg: Any) -> None:
        seg.FrameOfReferenceUID = "1.2.3.4"

    write_seg(hospital.masks / "x.dcm", masks, names, sources=sources(hospital), change=move)

    (line,) = report(hospital)
    assert ",LLN424," in line
    assert f"{study_of(1)}.0,1.2.3.4" in line


def test_a_frame_between_two_slices_is_refused_with_the_difference(hospital: Hospital) -> None:
    masks, names = segments()

    def shift(seg: Any) -> None:
        place = seg.PerFrameFunctionalGroupsSequence[3].PlanePositionSequence[0]
        x, y, z = (float(value) for value in place.ImagePositionPatient)
        place.ImagePositionPatient = [x, y, z + 1.0]

    write_seg(hospital.masks / "x.dcm", masks, names, sources=sources(hospital), change=shift)

    (line,) = report(hospital)
    assert ",LLN424," in line
    assert "frame 4: origin" in line


def test_a_segment_without_a_meaning_is_told_by_its_name(hospital: Hospital) -> None:
    masks, names = segments()
    names[2] = "Tumour"
    write_seg(hospital.masks / "x.dcm", masks, names, sources=sources(hospital))

    (line,) = report(hospital)
    count = int(np.count_nonzero(compartments() == 3))
    assert ",LLN425," in line
    assert f"'Tumour' on {count} voxels" in line


def test_an_image_is_no_segmentation(tmp_path: Path) -> None:
    write_series(tmp_path / "a", series_of(1))
    path = tmp_path / "a" / "IM0000"

    assert segmentation_study(path) is None
    with pytest.raises(UnreadableFileError, match="no segmentation"):
        read_segmentation(path)


def test_a_damaged_seg_is_one_error_whatever_is_damaged(hospital: Hospital) -> None:
    masks, names = segments()
    path = hospital.masks / "x.dcm"
    write_seg(path, masks, names, sources=sources(hospital))
    content = path.read_bytes()
    rng = np.random.default_rng(7)
    for _ in range(60):
        damaged = bytearray(content)
        for at in rng.integers(132, 6000, 8).tolist():
            damaged[at] = int(rng.integers(256))
        path.write_bytes(damaged[: int(rng.integers(200, len(content)))])
        said = ""
        try:
            header = read_segmentation(path)
            for _, frames in segment_pixels(path, header):
                assert all(pixels.dtype.kind == "u" for _, pixels in frames)
        except UnreadableFileError as error:
            said = str(error)
        assert "CANARY" not in said


def test_segments_and_their_names_are_seen_without_an_image(hospital: Hospital) -> None:
    masks, names = segments()
    write_seg(hospital.masks / "x.dcm", masks, names, sources=sources(hospital))

    known, present = mask_labels(hospital.masks / "x.dcm")

    assert present == (1, 2, 3, 4, 5, 6)
    assert list(known.values()) == names


def test_nodes_of_a_seg_and_compartments_of_a_file_go_together(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path).admit(2)
    (hospital.masks / key_of(2) / "nodes.nrrd").unlink()
    masks = [(nodes() == value).astype(np.uint8) for value in (1, 2)]
    folder = hospital.dicom / "export0" / "st2" / "t2"
    write_seg(hospital.masks / key_of(2) / "nodes.dcm", masks, ["neg", "pos"], sources=folder)

    assert hospital.found() == []
    cohort = read_cohort(hospital.out)
    path = cohort.mask(TaskId.NODES, cohort.manifest.cases[0])
    assert np.array_equal(read_voxels(path, header=read_header(path)), nodes())
