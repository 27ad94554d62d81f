from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import FileDataset

from tasks.dicom.series import Stack, stacks_of
from tasks.dicom.tree import read_tree
from tasks.dicom.volume import read_t2_volume
from tests.tasks.dicom.dicom_writer import (
    T2,
    Change,
    Series,
    grid,
    item,
    values_of,
    write_enhanced,
    write_series,
)


def stacks(folder: Path) -> tuple[Stack, ...]:
    return stacks_of(read_tree(folder).frames)


def sizes(folder: Path) -> list[int]:
    return [len(each.frames) for each in stacks(folder)]


def twice(folder: Path, *, second: dict[str, Any], series: Series = T2) -> None:
    """Two stacks of one series at the same places."""
    other = replace(series, values=values_of(series.geometry, seed=2)).with_tags(**second)

    def rename(dataset: Any, k: int) -> None:
        dataset.SOPInstanceUID = f"{series.uid}.5{k:03d}"

    write_series(folder, series, names="A{:02d}".format)
    write_series(folder, replace(other, change=rename), names="B{:02d}".format)


@pytest.mark.parametrize(
    "second",
    [
        {"EchoTime": 20},
        {"ImageType": ["ORIGINAL", "PRIMARY", "P", "ND"]},
        {"DiffusionBValue": 800.0},
        {"TemporalPositionIdentifier": 2},
        {"AcquisitionNumber": 2},
    ],
    ids=lambda second: next(iter(second)),
)
def test_what_is_no_volume_together_is_parted(tmp_path: Path, second: dict[str, Any]) -> None:
    twice(tmp_path, second=second)

    found = stacks(tmp_path)

    assert [len(each.frames) for each in found] == [16, 16]
    assert [each.name for each in found] == [f"{T2.uid}#1", f"{T2.uid}#2"]


def test_the_t2_echo_of_a_series_of_two_echoes_is_chosen(tmp_path: Path) -> None:
    twice(tmp_path, second={"EchoTime": 20})

    volume = read_t2_volume(tmp_path)

    assert np.array_equal(volume.voxels, values_of(T2.geometry).transpose(2, 1, 0))
    assert volume.refused[0].reasons == ("It is T2-weighted: no, echo time 20 ms",)


def test_interleaved_halves_numbered_as_two_acquisitions_stay_together(tmp_path: Path) -> None:
    def interleave(dataset: Any, k: int) -> None:
        dataset.AcquisitionNumber = 1 + k % 2

    write_series(tmp_path, replace(T2, change=interleave))

    assert sizes(tmp_path) == [16]
    assert read_t2_volume(tmp_path).findings == ()


def test_places_that_repeat_within_an_acquisition_stay_together(tmp_path: Path) -> None:
    # three stacks at the same places, of which two share their number: parting explains nothing
    for part, number in enumerate((1, 1, 2)):
        series = replace(T2, change=numbered(part)).with_tags(AcquisitionNumber=number)
        write_series(tmp_path, series, names=f"{part}_{{:02d}}".format)

    assert sizes(tmp_path) == [48]


def numbered(part: int) -> Change:
    def change(dataset: Any, k: int) -> None:
        dataset.SOPInstanceUID = f"{T2.uid}.{part + 1}{k:03d}"

    return change


def test_a_localiser_of_three_orientations_is_three_stacks(tmp_path: Path) -> None:
    for number, degrees in enumerate([(0.0, 0.0, 0.0), (0.0, 0.0, 90.0), (0.0, 90.0, 0.0)]):
        series = replace(T2, geometry=grid(degrees=degrees, size=(168, 164, 3)))
        write_series(tmp_path, series, names=f"{number}{{}}".format)

    assert sizes(tmp_path) == [3, 3, 3]


def test_rounded_cosines_do_not_part_a_stack(tmp_path: Path) -> None:
    def jitter(dataset: Any, k: int) -> None:
        first, *rest = dataset.ImageOrientationPatient
        dataset.ImageOrientationPatient = [round(float(first) + (-1) ** k * 4e-6, 6), *rest]

    write_series(tmp_path, replace(T2, change=jitter))

    assert sizes(tmp_path) == [16]


def test_series_of_one_uid_in_two_studies_are_two(tmp_path: Path) -> None:
    write_series(tmp_path / "a")

    def other_study(dataset: Any, _k: int) -> None:
        dataset.StudyInstanceUID = f"{T2.study}.99"

    write_series(tmp_path / "b", replace(T2, change=other_study))

    assert sizes(tmp_path) == [16, 16]


def test_two_echoes_in_one_enhanced_file_are_parted(tmp_path: Path) -> None:
    def second_echo(dataset: FileDataset) -> None:
        for frame in dataset.PerFrameFunctionalGroupsSequence[8:]:
            frame.MREchoSequence = item(EffectiveEchoTime=20.0)

    write_enhanced(tmp_path / "file", order=[*range(8), *range(8)], change=second_echo)

    found = stacks(tmp_path)

    assert [len(each.frames) for each in found] == [8, 8]
    assert [each.first.echo_time_ms for each in found] == [98.0, 20.0]


def test_time_points_of_an_enhanced_file_are_parted(tmp_path: Path) -> None:
    def second_time(dataset: FileDataset) -> None:
        for index, frame in enumerate(dataset.PerFrameFunctionalGroupsSequence):
            frame.FrameContentSequence[0].TemporalPositionIndex = 1 + index // 8

    write_enhanced(tmp_path / "file", order=[*range(8), *range(8)], change=second_time)

    assert sizes(tmp_path) == [8, 8]
