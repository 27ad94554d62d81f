from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from schema.errors import FolderError
from tasks.dicom.volume import DicomVolume, read_t2_volume
from tests.tasks.dicom.dicom_writer import (
    T2,
    Series,
    grid,
    set_pixels,
    values_of,
    write_enhanced,
    write_series,
)

PLACE_MM = 1e-4


def by_simpleitk(folder: Path) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Values indexed (i, j, k) and the LPS affine, as ITK reads the folder's series."""
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return SimpleITK.GetArrayFromImage(image).transpose(2, 1, 0), affine


def corners_apart_mm(volume: DicomVolume, affine: NDArray[np.float64]) -> float:
    """The largest distance between a corner of the volume's grid and of another affine's."""
    i, j, k = volume.geometry.size
    corners = np.array([(a, b, c, 1) for a in (0, i) for b in (0, j) for c in (0, k)])
    return float(np.abs(corners @ (volume.geometry.lps_affine - affine).T).max())


def in_place(series: Series) -> NDArray[Any]:
    """The values of a series, indexed (i, j, k)."""
    return series.stored().transpose(2, 1, 0)


def test_an_oblique_stack_comes_back_with_its_place_and_its_values(tmp_path: Path) -> None:
    write_series(tmp_path)

    volume = read_t2_volume(tmp_path)

    assert np.array_equal(volume.voxels, in_place(T2))
    assert volume.voxels.dtype == np.uint16
    assert corners_apart_mm(volume, T2.geometry.lps_affine) < PLACE_MM
    assert volume.series_uid == T2.uid
    assert volume.findings == ()


@settings(max_examples=12)
@given(
    degrees=st.tuples(*[st.floats(-18, 18, allow_nan=False)] * 3),
    origin_mm=st.tuples(*[st.floats(-400, 400, allow_nan=False)] * 3),
    step_mm=st.floats(0.9, 5.9),
    order=st.permutations(range(16)),
)
def test_any_order_of_files_gives_the_volume_that_simpleitk_reads(
    degrees: tuple[float, float, float],
    origin_mm: tuple[float, float, float],
    step_mm: float,
    order: list[int],
) -> None:
    geometry = grid(degrees=degrees, origin_mm=origin_mm, spacing_mm=(0.9375, 0.95, step_mm))
    series = replace(T2, geometry=geometry)
    with TemporaryDirectory() as folder:
        write_series(Path(folder), series, order=order)

        volume = read_t2_volume(Path(folder))
        values, affine = by_simpleitk(Path(folder))

    assert np.array_equal(volume.voxels, values)
    assert np.array_equal(volume.voxels, in_place(series))
    assert corners_apart_mm(volume, affine) < PLACE_MM
    assert corners_apart_mm(volume, geometry.lps_affine) < PLACE_MM


def test_numbering_from_below_and_from_above_give_the_same_volume(tmp_path: Path) -> None:
    write_series(tmp_path / "up")
    write_series(tmp_path / "down", order=range(15, -1, -1))

    up, down = read_t2_volume(tmp_path / "up"), read_t2_volume(tmp_path / "down")

    assert np.array_equal(up.voxels, down.voxels)
    assert up.geometry == down.geometry


def test_rows_that_run_to_the_patients_right_keep_right_and_left_apart(tmp_path: Path) -> None:
    # turned by half a circle about z: i runs to the right, j to the front; one bright voxel marks
    # a place in the patient
    geometry = grid(degrees=(180.0, 0.0, 0.0), origin_mm=(80.0, 70.0, -30.0))
    values = np.zeros((16, 164, 168), dtype=np.uint16)
    values[3, 20, 10] = 1000
    write_series(tmp_path, replace(T2, geometry=geometry, values=values))

    volume = read_t2_volume(tmp_path)
    (voxel,) = np.argwhere(volume.voxels)

    # 80 - 10 * 0.9375 = 70.625 to the left; 70 - 20 * 0.95 = 51 behind; -30 + 3 * 4 = -18
    place = volume.geometry.lps_affine @ (*voxel, 1)
    assert place[:3] == pytest.approx((70.625, 51.0, -18.0), abs=PLACE_MM)


def test_the_grid_is_right_handed_whatever_the_stack(tmp_path: Path) -> None:
    # j runs to the front while i runs to the left: row x column points down
    geometry = grid(degrees=(0.0, 0.0, 180.0))
    write_series(tmp_path, replace(T2, geometry=geometry))

    volume = read_t2_volume(tmp_path)

    assert np.linalg.det(volume.geometry.direction_matrix) == pytest.approx(1.0)
    assert volume.geometry.direction_matrix[:, 2] == pytest.approx((0, 0, -1))
    assert np.array_equal(volume.voxels, by_simpleitk(tmp_path)[0])


@pytest.mark.parametrize("order", [None, [7, 3, 15, 0, 1, 2, 14, 13, 4, 5, 6, 8, 9, 10, 11, 12]])
def test_an_enhanced_file_and_single_frames_of_the_same_are_the_same(
    tmp_path: Path, order: list[int] | None
) -> None:
    write_series(tmp_path / "single")
    write_enhanced(tmp_path / "enhanced" / "any name", order=order)

    single, enhanced = (read_t2_volume(tmp_path / each) for each in ("single", "enhanced"))

    assert np.array_equal(single.voxels, enhanced.voxels)
    assert single.geometry == enhanced.geometry
    assert [each.frame for each in enhanced.slices] == list(np.argsort(order or range(16)))


def test_frames_of_two_enhanced_files_of_one_series_make_one_volume(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "one", order=range(0, 16, 2))
    write_enhanced(
        tmp_path / "two",
        order=range(1, 16, 2),
        change=lambda dataset: setattr(dataset, "SOPInstanceUID", f"{T2.uid}.901"),
    )

    volume = read_t2_volume(tmp_path)

    assert np.array_equal(volume.voxels, in_place(T2))
    assert [each.where for each in volume.slices[:3]] == ["one", "two", "one"]


def test_rescaled_values_are_those_of_simpleitk(tmp_path: Path) -> None:
    series = T2.with_tags(RescaleSlope=2.5, RescaleIntercept=-100)
    write_series(tmp_path, series)

    volume = read_t2_volume(tmp_path)

    assert volume.voxels.dtype == np.float32
    assert np.array_equal(volume.voxels, in_place(series) * 2.5 - 100)
    assert np.array_equal(volume.voxels, by_simpleitk(tmp_path)[0])


def test_each_slice_is_rescaled_by_its_own_numbers(tmp_path: Path) -> None:
    def scale(dataset: Any, k: int) -> None:
        dataset.RescaleSlope, dataset.RescaleIntercept = 1 + k, 0

    write_series(tmp_path, replace(T2, change=scale))

    volume = read_t2_volume(tmp_path)

    factors = 1.0 + np.arange(16)
    assert np.array_equal(volume.voxels, in_place(T2) * factors)


def test_a_rescaling_that_changes_nothing_leaves_the_stored_type(tmp_path: Path) -> None:
    write_series(tmp_path, T2.with_tags(RescaleSlope=1, RescaleIntercept=0))

    assert read_t2_volume(tmp_path).voxels.dtype == np.uint16


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32])
def test_signed_and_unsigned_values_of_any_width_come_back(tmp_path: Path, dtype: type) -> None:
    low, high = max(-30000, np.iinfo(dtype).min), min(40000, np.iinfo(dtype).max)
    drawn = np.random.default_rng(3).integers(low, high, (16, 164, 168))
    series = replace(T2, values=drawn.astype(dtype))
    write_series(tmp_path, series)

    volume = read_t2_volume(tmp_path)

    assert volume.voxels.dtype == dtype
    assert np.array_equal(volume.voxels, in_place(series))


@pytest.mark.parametrize("signed", [False, True])
def test_bits_above_the_stored_ones_do_not_count(tmp_path: Path, *, signed: bool) -> None:
    # 12 bits stored in 16, with an overlay's bits in the upper four, as old scanners sent them
    low = -2048 if signed else 0
    wanted = np.random.default_rng(4).integers(low, low + 4096, (16, 164, 168)).astype(np.int16)
    written = (wanted.astype(np.uint16) & 0x0FFF) | 0xA000

    def pack(dataset: Any, k: int) -> None:
        set_pixels(dataset, written[k], bits=12)
        dataset.PixelRepresentation = int(signed)

    write_series(tmp_path, replace(T2, change=pack))

    assert np.array_equal(read_t2_volume(tmp_path).voxels, wanted.transpose(2, 1, 0))


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_other_byte_orders_and_implicit_types_are_read(tmp_path: Path, syntax: Any) -> None:
    write_series(tmp_path, replace(T2, syntax=syntax))

    volume = read_t2_volume(tmp_path)

    assert np.array_equal(volume.voxels, in_place(T2))
    assert volume.voxels.dtype.isnative


def test_axes_with_few_digits_are_made_orthonormal(tmp_path: Path) -> None:
    def cut(dataset: Any, _k: int) -> None:
        dataset.ImageOrientationPatient = [
            round(each, 4) for each in dataset.ImageOrientationPatient
        ]

    write_series(tmp_path, replace(T2, change=cut))

    matrix = read_t2_volume(tmp_path).geometry.direction_matrix

    assert np.abs(matrix.T @ matrix - np.eye(3)).max() < 1e-12
    assert np.abs(matrix - T2.geometry.direction_matrix).max() < 1e-4


def test_voxels_are_in_the_memory_order_of_a_nifti_file(tmp_path: Path) -> None:
    write_series(tmp_path)

    assert read_t2_volume(tmp_path).voxels.flags.f_contiguous


def test_the_sources_are_read_when_they_are_asked_for(tmp_path: Path) -> None:
    write_series(tmp_path, order=range(15, -1, -1))
    volume = read_t2_volume(tmp_path)

    sources = volume.source_datasets()

    assert [each.SOPInstanceUID for each in sources] == [f"{T2.uid}.{k + 1}" for k in range(16)]
    assert [each.sop_instance_uid for each in volume.slices] == [
        f"{T2.uid}.{k + 1}" for k in range(16)
    ]
    assert not any("PixelData" in each for each in sources)


def test_pydicoms_own_slices_make_the_volume_that_simpleitk_reads(tmp_path: Path) -> None:
    # MR_small.dcm at sixteen places: real elements of a real scanner, all but the place
    sample = get_testdata_file("MR_small.dcm", download=False)
    assert isinstance(sample, str)
    uid = dcmread(sample).SeriesInstanceUID
    for k in range(16):
        dataset = dcmread(sample)
        x, y, z = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [x, y, z + 0.8 * k]
        dataset.SOPInstanceUID = f"{dataset.SOPInstanceUID}{k:02d}"
        dataset.save_as(tmp_path / f"{k}.dcm")

    with pytest.raises(FolderError) as refused:
        read_t2_volume(tmp_path)
    volume = read_t2_volume(tmp_path, series=uid)

    values, affine = by_simpleitk(tmp_path)
    assert [each.code for each in refused.value.findings] == ["LLN303"]
    assert {each.code for each in volume.findings} == {"LLN307"}
    assert np.array_equal(volume.voxels, values)
    assert corners_apart_mm(volume, affine) < PLACE_MM


def test_values_of_two_series_are_never_mixed(tmp_path: Path) -> None:
    other = replace(T2, number=6, values=values_of(T2.geometry, seed=9)).with_tags(
        SeriesDescription="t1_tse_tra", EchoTime=11
    )
    write_series(tmp_path, names="A{:02d}".format)
    write_series(tmp_path, other, names="B{:02d}".format)

    volume = read_t2_volume(tmp_path)

    assert np.array_equal(volume.voxels, in_place(T2))
    assert [each.reasons for each in volume.refused] == [
        ("It is T2-weighted: no, a word for T1 in a name",)
    ]
