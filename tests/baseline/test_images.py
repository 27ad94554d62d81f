from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from baseline.images import ImageError, read_image
from schema.errors import UnreadableFileError
from tasks.files import write_nifti
from tests.baseline.turned_volumes import oblique_grid

GRID = oblique_grid(size=(4, 5, 3), spacing_mm=(0.6, 0.7, 3.0), degrees=(4.0, -3.0, 8.0))
VOXELS = np.arange(60, dtype=np.int16).reshape(4, 5, 3)

EditGzip = Callable[[Path, Callable[[bytearray], object]], None]


def written(folder: Path, voxels: NDArray[Any] = VOXELS) -> Path:
    path = folder / "case.nii.gz"
    write_nifti(path, voxels, geometry=GRID)
    return path


def test_intensities_are_read_as_stored(tmp_path: Path) -> None:
    image = read_image(written(tmp_path))

    np.testing.assert_array_equal(image.voxels, VOXELS)
    assert image.voxels.dtype == np.float32


@pytest.mark.parametrize(
    ("slope", "intercept", "sign"),
    [(2.0, -7.0, 1), (-1.0, 60.0, -1), (0.0, 5.0, 1), (float("nan"), 0.0, 1)],
)
def test_only_the_sign_of_a_slope_tells(
    slope: float, intercept: float, sign: int, tmp_path: Path, edit_gzip: EditGzip
) -> None:
    path = written(tmp_path)
    # scl_slope and scl_inter; a slope of 0 or no number means none
    edit_gzip(path, lambda content: struct.pack_into("<2f", content, 112, slope, intercept))

    np.testing.assert_array_equal(read_image(path).voxels, sign * VOXELS.astype(np.float32))


@pytest.mark.parametrize("name", ["nan", "inf"])
def test_an_intensity_that_is_no_number_is_refused(name: str, tmp_path: Path) -> None:
    voxels = VOXELS.astype(np.float32)
    voxels[1, 2, 1] = float(name)

    with pytest.raises(ImageError, match="expected finite intensities"):
        read_image(written(tmp_path, voxels))


def test_a_blank_volume_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="expected an image, got 7 in every voxel"):
        read_image(written(tmp_path, np.full_like(VOXELS, 7)))


def test_a_volume_without_an_orientation_is_refused(tmp_path: Path, edit_gzip: EditGzip) -> None:
    path = written(tmp_path)
    # qform_code and sform_code
    edit_gzip(path, lambda content: content.__setitem__(slice(252, 256), bytes(4)))

    with pytest.raises(ImageError, match="oriented: False"):
        read_image(path)


def test_two_orientations_that_disagree_are_refused(tmp_path: Path, edit_gzip: EditGzip) -> None:
    path = written(tmp_path)
    # the first number of srow_x is the sform's own
    edit_gzip(path, lambda content: struct.pack_into("<f", content, 280, -5.0))

    with pytest.raises(ImageError, match="qform and sform disagree: expected at most 1 mm"):
        read_image(path)


def test_a_series_of_volumes_is_refused(tmp_path: Path, edit_gzip: EditGzip) -> None:
    path = written(tmp_path)
    edit_gzip(path, lambda content: struct.pack_into("<5h", content, 40, 4, 4, 5, 3, 2))

    with pytest.raises(ImageError, match=r"expected three dimensions .* shape \(4, 5, 3, 2\)"):
        read_image(path)


def test_a_claim_of_a_billion_voxels_is_refused_unread(tmp_path: Path, edit_gzip: EditGzip) -> None:
    path = written(tmp_path)
    edit_gzip(path, lambda content: struct.pack_into("<4h", content, 40, 3, 1000, 1000, 1000))

    with pytest.raises(ImageError, match="expected at most 134217728 voxels, got 1000000000"):
        read_image(path)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_bytes(path.read_bytes()[:200])

    with pytest.raises(UnreadableFileError):
        read_image(path)
