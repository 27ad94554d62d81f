from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset
from pydicom.pixels.utils import pixel_array

from baseline.segmentation_object import Algorithm, WrittenSegmentation, write_segmentation
from schema.errors import UsageError
from schema.label import Label
from schema.terms import NodeClass, Region, Side, TaskId
from tasks.dicom.volume import DicomVolume, read_t2_volume
from tasks.specification import label_map
from tests.tasks.dicom.dicom_writer import T2, Series, grid, item, write_enhanced, write_series

ALGORITHM = Algorithm("baseline-nnunet", "1.2.0")
PLACE_MM = 1e-4
LABELS: tuple[Label, ...] = (
    *label_map(TaskId.COMPARTMENTS).labels,
    *label_map(TaskId.NODES).labels,
)

Masks = dict[TaskId, NDArray[Any]]


def box(mask: NDArray[Any], corner: tuple[int, int, int], *, label: int) -> None:
    i, j, k = corner
    mask[i : i + 9, j : j + 7, k : k + 3] = label


def masks_of(volume: DicomVolume) -> Masks:
    """A box for each compartment, and nodes that lie within and outside of them."""
    compartments = np.zeros(volume.geometry.size, dtype=np.uint8)
    nodes = np.zeros_like(compartments)
    for label in label_map(TaskId.COMPARTMENTS).values:
        box(compartments, (12 * label, 10 * label, 2 * label), label=label)
    box(nodes, (14, 13, 3), label=1)
    box(nodes, (100, 20, 9), label=2)
    return {TaskId.COMPARTMENTS: compartments, TaskId.NODES: nodes}


def expected_of(masks: Masks) -> NDArray[np.bool_]:
    """Indexed (i, j, k, segment): every label of the given tasks, in their order."""
    return np.stack(
        [masks[task] == value for task in masks for value in label_map(task).values], axis=-1
    )


def read_back(path: Path, *, volume: DicomVolume) -> NDArray[np.bool_]:
    """Every segment, indexed (i, j, k, segment), as highdicom places it on the source's grid.

    highdicom leaves empty slices at the ends away and counts against row x column; it flips, crops
    and pads to the grid that is asked for, and refuses where that would take resampling.
    """
    geometry = volume.geometry
    grid_of_source = highdicom.VolumeGeometry(
        affine=geometry.lps_affine[:, [2, 1, 0, 3]],
        spatial_shape=geometry.size[::-1],
        coordinate_system="PATIENT",
        frame_of_reference_uid=f"{T2.study}.0",
    )
    found = highdicom.seg.segread(path).get_volume(combine_segments=False)
    placed = found.match_geometry(grid_of_source, tol=PLACE_MM)
    return np.asarray(placed.array.transpose(2, 1, 0, 3), dtype=bool)


def by_hand(path: Path, *, volume: DicomVolume, segments: int) -> NDArray[np.bool_]:
    """The same by pydicom alone, frame by frame, each put where its position says."""
    dataset = dcmread(path)
    frames = pixel_array(dataset)
    found = np.zeros((*volume.geometry.size, segments), dtype=bool)
    to_voxels = np.linalg.inv(volume.geometry.lps_affine)
    for frame, groups in zip(frames, dataset.PerFrameFunctionalGroupsSequence, strict=True):
        place = groups.PlanePositionSequence[0].ImagePositionPatient
        voxel = to_voxels @ (*map(float, place), 1.0)
        number = groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        assert voxel[:2] == pytest.approx((0, 0), abs=1e-6)
        assert voxel[2] == pytest.approx(round(voxel[2]), abs=1e-6)
        found[..., round(voxel[2]), number - 1] = frame.T.astype(bool)
    return found


def written(
    path: Path, volume: DicomVolume, masks: Masks | None = None, **options: Any
) -> WrittenSegmentation:
    return write_segmentation(
        path,
        volume=volume,
        masks=masks_of(volume) if masks is None else masks,
        algorithm=ALGORITHM,
        **options,
    )


@pytest.fixture
def volume(tmp_path: Path) -> DicomVolume:
    write_series(tmp_path / "source", order=[*range(7, -1, -1), *range(8, 16)])
    return read_t2_volume(tmp_path / "source")


SHUFFLED = np.random.default_rng(3).permutation(16).tolist()


def single(folder: Path, **options: Any) -> DicomVolume:
    write_series(folder, **options)
    return read_t2_volume(folder)


def enhanced(folder: Path, **options: Any) -> DicomVolume:
    write_enhanced(folder / "file", **options)
    return read_t2_volume(folder)


@pytest.mark.parametrize("order", [None, SHUFFLED], ids=["in order", "shuffled"])
@pytest.mark.parametrize("source", [single, enhanced])
def test_masks_come_back_voxel_for_voxel_in_their_place(
    tmp_path: Path, source: Callable[..., DicomVolume], order: list[int] | None
) -> None:
    volume = source(tmp_path / "source", order=order)
    masks = masks_of(volume)

    written(tmp_path / "seg.dcm", volume, masks)

    found = read_back(tmp_path / "seg.dcm", volume=volume)
    assert np.array_equal(found, expected_of(masks))
    by_pydicom = by_hand(tmp_path / "seg.dcm", volume=volume, segments=8)
    assert np.array_equal(by_pydicom, expected_of(masks))


def test_frames_point_to_the_slices_they_were_drawn_on(tmp_path: Path, volume: DicomVolume) -> None:
    written(tmp_path / "seg.dcm", volume)

    dataset = dcmread(tmp_path / "seg.dcm")

    places = {each.SOPInstanceUID: each.ImagePositionPatient for each in volume.source_datasets()}
    for groups in dataset.PerFrameFunctionalGroupsSequence:
        (source,) = groups.DerivationImageSequence[0].SourceImageSequence
        place = groups.PlanePositionSequence[0].ImagePositionPatient
        assert place == pytest.approx(places[source.ReferencedSOPInstanceUID], abs=PLACE_MM)
    (series,) = dataset.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == volume.series_uid
    assert {each.ReferencedSOPInstanceUID for each in series.ReferencedInstanceSequence} == set(
        places
    )
    assert dataset.FrameOfReferenceUID == f"{T2.study}.0"
    assert dataset.StudyInstanceUID == T2.study


def test_frames_point_to_frames_of_a_multi_frame_source(tmp_path: Path) -> None:
    order = np.random.default_rng(5).permutation(16).tolist()
    volume = enhanced(tmp_path / "source", order=order)
    masks = masks_of(volume)
    written(tmp_path / "seg.dcm", volume, masks)

    dataset = dcmread(tmp_path / "seg.dcm")

    places = [
        each.PlanePositionSequence[0].ImagePositionPatient
        for each in volume.source_datasets()[0].PerFrameFunctionalGroupsSequence
    ]
    for groups in dataset.PerFrameFunctionalGroupsSequence:
        (source,) = groups.DerivationImageSequence[0].SourceImageSequence
        place = groups.PlanePositionSequence[0].ImagePositionPatient
        assert place == pytest.approx(places[source.ReferencedFrameNumber - 1], abs=PLACE_MM)


def test_one_echo_of_a_multi_frame_source_of_two_is_enough(tmp_path: Path) -> None:
    def second_echo(dataset: FileDataset) -> None:
        for frame in dataset.PerFrameFunctionalGroupsSequence[16:]:
            frame.MREchoSequence = item(EffectiveEchoTime=20.0)

    volume = enhanced(
        tmp_path / "source", order=[*range(16), *range(15, -1, -1)], change=second_echo
    )
    masks = masks_of(volume)

    written(tmp_path / "seg.dcm", volume, masks)

    found = read_back(tmp_path / "seg.dcm", volume=volume)
    assert np.array_equal(found, expected_of(masks))


def test_a_series_of_two_multi_frame_files_is_a_source_too(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "source" / "one", order=range(8))
    write_enhanced(
        tmp_path / "source" / "two",
        order=range(8, 16),
        change=lambda dataset: setattr(dataset, "SOPInstanceUID", f"{T2.uid}.901"),
    )
    volume = read_t2_volume(tmp_path / "source")
    masks = masks_of(volume)

    written(tmp_path / "seg.dcm", volume, masks)

    found = read_back(tmp_path / "seg.dcm", volume=volume)
    assert np.array_equal(found, expected_of(masks))


CODES = {
    Region.EI: "65349008",
    Region.OB: "36086000",
    Region.II: "69255009",
    Side.RIGHT: ("24028007", "Right"),
    Side.LEFT: ("7771000", "Left"),
    NodeClass.NEGATIVE: ("260385009", "Negative"),
    NodeClass.POSITIVE: ("10828004", "Positive"),
}


@pytest.mark.parametrize("number", range(8))
def test_each_segment_is_named_coded_and_coloured_as_its_label(
    tmp_path: Path, volume: DicomVolume, number: int
) -> None:
    written(tmp_path / "seg.dcm", volume)
    segments = dcmread(tmp_path / "seg.dcm").SegmentSequence
    segment, label = segments[number], LABELS[number]

    (kind,) = segment.SegmentedPropertyTypeCodeSequence
    (modifier,) = kind.SegmentedPropertyTypeModifierCodeSequence
    meaning = label.side if label.side is not None else label.node_class
    assert len(segments) == len(LABELS)
    assert segment.SegmentNumber == number + 1
    assert segment.SegmentLabel == label.title
    assert kind.CodeValue == ("59441001" if label.region is None else CODES[label.region])
    assert meaning is not None
    assert (modifier.CodeValue, modifier.CodeMeaning) == CODES[meaning]
    assert {kind.CodingSchemeDesignator, modifier.CodingSchemeDesignator} == {"SCT"}
    assert segment.SegmentedPropertyCategoryCodeSequence[0].CodeValue == "91723000"
    assert segment.SegmentAlgorithmType == "AUTOMATIC"
    assert segment.SegmentAlgorithmName == ALGORITHM.name
    identification = segment.SegmentationAlgorithmIdentificationSequence[0]
    assert identification.AlgorithmVersion == ALGORITHM.version
    assert segment.TrackingID == label.name
    colour = highdicom.color.CIELabColor.from_dicom_value(segment.RecommendedDisplayCIELabValue)
    wanted = [int(label.colour[at : at + 2], 16) for at in (1, 3, 5)]
    assert colour.to_rgb(clip=True) == pytest.approx(wanted, abs=1)


def test_external_iliac_segments_name_the_inguinal_nodes_too(
    tmp_path: Path, volume: DicomVolume
) -> None:
    written(tmp_path / "seg.dcm", volume)

    first = dcmread(tmp_path / "seg.dcm").SegmentSequence[0]

    structures = [each.CodeValue for each in first.PrimaryAnatomicStructureSequence]
    assert structures == ["65349008", "8928004"]


def test_the_cielab_of_one_colour_is_the_published_one() -> None:
    # sRGB red is L* 53.24, a* 80.09, b* 67.20 under D65; DICOM scales L* by 65535/100 and a*, b*
    # by 65535/255 from -128
    value = highdicom.color.CIELabColor.from_string("#ff0000").value

    assert value == pytest.approx((34891, 53479, 50166), abs=40)


def test_segments_overlap_where_a_node_lies_in_its_compartment(
    tmp_path: Path, volume: DicomVolume
) -> None:
    masks = masks_of(volume)
    written(tmp_path / "both.dcm", volume, masks)
    alone = {TaskId.COMPARTMENTS: masks[TaskId.COMPARTMENTS]}
    written(tmp_path / "one.dcm", volume, alone)

    assert dcmread(tmp_path / "both.dcm").SegmentsOverlap == "YES"
    assert dcmread(tmp_path / "one.dcm").SegmentsOverlap == "NO"


def test_one_task_alone_has_its_own_segments(tmp_path: Path, volume: DicomVolume) -> None:
    nodes = {TaskId.NODES: masks_of(volume)[TaskId.NODES]}

    result = written(tmp_path / "seg.dcm", volume, nodes)

    assert [each.label.name for each in result.segments] == ["negative_node", "positive_node"]
    assert [each.voxels for each in result.segments] == [9 * 7 * 3] * 2
    assert np.array_equal(read_back(tmp_path / "seg.dcm", volume=volume), expected_of(nodes))


def test_frames_without_a_voxel_are_left_out(tmp_path: Path, volume: DicomVolume) -> None:
    written(tmp_path / "seg.dcm", volume)

    # eight boxes of three slices each
    assert dcmread(tmp_path / "seg.dcm").NumberOfFrames == 8 * 3


def test_a_label_that_marks_nothing_is_described_without_a_frame(
    tmp_path: Path, volume: DicomVolume
) -> None:
    masks = masks_of(volume)
    masks[TaskId.NODES][masks[TaskId.NODES] == 2] = 0

    result = written(tmp_path / "seg.dcm", volume, masks)

    assert not result.empty
    assert result.segments[7].voxels == 0
    assert len(dcmread(tmp_path / "seg.dcm").SegmentSequence) == 8
    assert np.array_equal(read_back(tmp_path / "seg.dcm", volume=volume), expected_of(masks))


def test_an_empty_answer_has_every_frame_of_every_segment_all_zero(
    tmp_path: Path, volume: DicomVolume
) -> None:
    masks = {task: np.zeros_like(mask) for task, mask in masks_of(volume).items()}

    result = written(tmp_path / "seg.dcm", volume, masks)

    assert result.empty
    found = read_back(tmp_path / "seg.dcm", volume=volume)
    assert found.shape == (*volume.geometry.size, 8)
    assert not found.any()
    assert dcmread(tmp_path / "seg.dcm").NumberOfFrames == 8 * 16


def test_the_same_input_gives_the_same_bytes(tmp_path: Path, volume: DicomVolume) -> None:
    one, two = tmp_path / "one.dcm", tmp_path / "two.dcm"

    assert written(one, volume) == written(two, volume)
    assert one.read_bytes() == two.read_bytes()


def test_without_a_time_the_content_is_dated_as_its_source(
    tmp_path: Path, volume: DicomVolume
) -> None:
    written(tmp_path / "seg.dcm", volume)

    dataset = dcmread(tmp_path / "seg.dcm")

    assert (dataset.ContentDate, dataset.ContentTime) == ("20190304", "101530")


@pytest.mark.parametrize(
    "options",
    [{"salt": "b"}, {"created": datetime(2026, 2, 3, 4, 5, 6)}],  # noqa: DTZ001 - DICOM's have no zone
)
def test_another_salt_or_time_gives_other_uids(
    tmp_path: Path, volume: DicomVolume, options: dict[str, Any]
) -> None:
    plain = written(tmp_path / "plain.dcm", volume)
    other = written(tmp_path / "other.dcm", volume, **options)

    assert plain.sop_instance_uid != other.sop_instance_uid
    assert plain.series_uid != other.series_uid


def test_a_time_that_is_given_is_the_content_s(tmp_path: Path, volume: DicomVolume) -> None:
    created = datetime(2026, 2, 3, 4, 5, 6)  # noqa: DTZ001 - DICOM's have no zone
    written(tmp_path / "seg.dcm", volume, created=created)

    dataset = dcmread(tmp_path / "seg.dcm")

    assert (dataset.ContentDate, dataset.ContentTime) == ("20260203", "040506.000000")


def test_other_masks_on_the_same_source_are_another_instance_of_the_series(
    tmp_path: Path, volume: DicomVolume
) -> None:
    masks = masks_of(volume)
    first = written(tmp_path / "first.dcm", volume, masks)
    masks[TaskId.NODES][0, 0, 0] = 1
    second = written(tmp_path / "second.dcm", volume, masks)

    assert first.series_uid == second.series_uid
    assert first.sop_instance_uid != second.sop_instance_uid


def test_uids_are_valid_and_each_is_another(tmp_path: Path, volume: DicomVolume) -> None:
    written(tmp_path / "seg.dcm", volume)
    dataset = dcmread(tmp_path / "seg.dcm")

    uids = [
        dataset.SOPInstanceUID,
        dataset.SeriesInstanceUID,
        dataset.DimensionOrganizationSequence[0].DimensionOrganizationUID,
        *[each.TrackingUID for each in dataset.SegmentSequence],
    ]
    assert len(set(uids)) == 11
    assert all(each.is_valid and each.startswith("2.25.") for each in uids)
    indexed = {each.DimensionOrganizationUID for each in dataset.DimensionIndexSequence}
    assert indexed == {uids[2]}


def stripped(dataset: Dataset, _k: int) -> None:
    """As de-identification may leave it."""
    for name in ("AccessionNumber", "StudyID", "PatientName", "ContentDate", "ContentTime"):
        delattr(dataset, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.PatientSex, dataset.PatientBirthDate = "unknown", "about 1950"
        dataset.StudyDate, dataset.StudyTime = "in spring", "at noon"


def test_a_de_identified_source_gives_a_sound_file(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_series(tmp_path / "source", replace(T2, change=stripped))
    volume = read_t2_volume(tmp_path / "source")
    caplog.clear()

    written(tmp_path / "seg.dcm", volume)

    assert np.array_equal(
        read_back(tmp_path / "seg.dcm", volume=volume), expected_of(masks_of(volume))
    )
    assert dcmread(tmp_path / "seg.dcm").ContentDate == "19700101"
    assert caplog.text == ""


def test_the_file_belongs_to_the_patient_and_nothing_is_logged_of_it(
    tmp_path: Path, volume: DicomVolume, caplog: pytest.LogCaptureFixture
) -> None:
    result = written(tmp_path / "seg.dcm", volume)

    dataset = dcmread(tmp_path / "seg.dcm")
    assert dataset.PatientID == T2.patient
    assert "CANARY" not in caplog.text + repr(result)


def test_values_that_break_the_standard_are_copied_and_not_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    # an accession number of more than 16 characters, and a name without a caret
    def spoil(dataset: Dataset, _k: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset.AccessionNumber, dataset.PatientName = "CANARY" * 4, "CANARY"

    write_series(tmp_path / "source", replace(T2, change=spoil))
    volume = read_t2_volume(tmp_path / "source")
    caplog.clear()

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        written(tmp_path / "seg.dcm", volume)

    assert caplog.text == ""
    assert warned == []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = dcmread(tmp_path / "seg.dcm")
        assert (dataset.AccessionNumber, dataset.PatientName) == ("CANARY" * 4, "CANARY")


def test_a_source_without_a_frame_of_reference_is_refused(tmp_path: Path) -> None:
    series: Series = replace(T2, change=lambda dataset, _k: delattr(dataset, "FrameOfReferenceUID"))
    write_series(tmp_path / "source", series)

    with pytest.raises(UsageError, match="Frame of Reference"):
        written(tmp_path / "seg.dcm", read_t2_volume(tmp_path / "source"))
    assert not (tmp_path / "seg.dcm").exists()


def test_wrong_masks_are_refused_all_at_once(tmp_path: Path, volume: DicomVolume) -> None:
    masks = masks_of(volume)
    masks[TaskId.COMPARTMENTS] = masks[TaskId.COMPARTMENTS][:-1]
    masks[TaskId.NODES][0, 0, 0] = 3

    with pytest.raises(UsageError) as refused:
        written(tmp_path / "seg.dcm", volume, masks)

    first, second = str(refused.value).splitlines()
    assert "(168, 164, 16), got (167, 164, 16)" in first
    assert "expected 0 and (1, 2), got also [3]" in second


def test_no_mask_is_refused(tmp_path: Path, volume: DicomVolume) -> None:
    with pytest.raises(UsageError, match="got none"):
        written(tmp_path / "seg.dcm", volume, {})


def test_right_stays_right_through_dicom_and_back(tmp_path: Path) -> None:
    # i runs to the patient's right and slices are numbered from above: the mask of the right
    # obturator compartment lies at negative x, LPS, in the file as in the volume
    geometry = grid(degrees=(180.0, 0.0, 0.0), origin_mm=(80.0, 70.0, -30.0))
    write_series(tmp_path / "source", replace(T2, geometry=geometry), order=range(15, -1, -1))
    volume = read_t2_volume(tmp_path / "source")
    right = label_map(TaskId.COMPARTMENTS).compartments[Region.OB, Side.RIGHT]
    mask = np.zeros(volume.geometry.size, dtype=np.uint8)
    mask[120:140, 60:80, 4:9] = right  # x from 80 - 140 * 0.9375 = -51 to 80 - 120 * 0.9375 = -32

    written(tmp_path / "seg.dcm", volume, {TaskId.COMPARTMENTS: mask})

    i, j, k, segments = np.nonzero(read_back(tmp_path / "seg.dcm", volume=volume))
    x = (geometry.lps_affine @ np.stack((i, j, k, np.ones_like(i))))[0]
    dataset = dcmread(tmp_path / "seg.dcm")
    (number,) = set(segments.tolist())
    segment = dataset.SegmentSequence[number]
    kind = segment.SegmentedPropertyTypeCodeSequence[0]
    assert (x.min(), x.max()) == pytest.approx((80 - 139 * 0.9375, 80 - 120 * 0.9375))
    assert segment.SegmentLabel == "Obturator, right"
    assert kind.SegmentedPropertyTypeModifierCodeSequence[0].CodeMeaning == "Right"
