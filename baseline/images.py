"""Reading a T2-weighted volume for the networks: checked first, and in the order they know."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from baseline.orientation import Orientation
from schema.errors import LLNError, UsageError
from schema.terms import TaskId
from tasks.files import is_folder, list_folder, read_header, read_voxels
from tasks.geometry import Geometry, Triple
from tasks.layout import IMAGES, mask_name
from tasks.specification import mask_rules

SUFFIX = mask_name("")
MOST_VOXELS = 1 << 27
"""512 slices of 512 x 512: more is no pelvic MRI, and would not fit the memory of a container."""


class ImageError(LLNError):
    """A volume cannot be answered; the message says what was expected and what was found."""


class Image(NamedTuple):
    """A T2-weighted volume.

    Attributes:
        geometry: the grid of its file.
        orientation: how the file's order of axes and the canonical one relate.
        voxels: intensities up to a scale and a constant, (i, j, k) in the file's order.
    """

    geometry: Geometry
    orientation: Orientation
    voxels: NDArray[np.float32]

    @property
    def canonical(self) -> NDArray[np.float32]:
        """Intensities in the canonical order, see `Orientation.canonical`."""
        return self.orientation.canonical(self.voxels)

    @property
    def canonical_spacing_mm(self) -> Triple:
        """Spacing along the axes of `canonical`."""
        return self.orientation.canonical_spacing_mm(self.geometry)


def volumes_in(folder: Path) -> dict[str, Path]:
    """Volumes by case: `<case>.nii.gz` in a folder, or in its `t2w` where it has one.

    Raises:
        UsageError: there is none.
        UnreadableFileError: the folder is none.
    """
    inner = folder / IMAGES
    place = inner if is_folder(inner) else folder
    found = {
        entry.name.removesuffix(SUFFIX): place / entry.name
        for entry in list_folder(place)
        if entry.name.endswith(SUFFIX)
    }
    if not found:
        raise UsageError(
            f"{folder}: expected volumes <case>{SUFFIX}, here or in {IMAGES}/; got none"
        )
    return found


def read_image(path: Path) -> Image:
    """Read a volume.

    The networks see intensities relative to their mean and spread over the volume: of slope and
    intercept of the header only the slope's sign tells there, so that it alone is applied.

    Raises:
        UnreadableFileError: it is no sound `.nii.gz` file.
        ImageError: it is no 3-D volume with one finite orientation, it is too large, or it holds
            one value everywhere or a value that is not finite.
    """
    header = read_header(path)
    geometry = header.geometry
    if geometry is None:
        raise ImageError(
            f"expected three dimensions and a qform or sform with finite axes that span space, "
            f"got shape {header.shape}, oriented: {header.oriented}"
        )
    limit_mm = mask_rules(TaskId.COMPARTMENTS).tolerance.form_gap_mm
    if header.form_gap_mm is None or header.form_gap_mm > limit_mm:
        gap = "no number" if header.form_gap_mm is None else f"{header.form_gap_mm:.4g} mm"
        raise ImageError(f"qform and sform disagree: expected at most {limit_mm:g} mm, got {gap}")
    _refuse_large(geometry)
    voxels = read_voxels(path, header=header)
    intensities = -voxels.astype(np.float32) if header.inverted else voxels
    return image_of(intensities, geometry=geometry)


def image_of(voxels: NDArray[Any], *, geometry: Geometry) -> Image:
    """Voxels with their place as an image.

    Args:
        voxels: intensities, shape (i, j, k).
        geometry: their grid.

    Raises:
        ImageError: it is too large, or holds one value everywhere or one that is not finite.
    """
    _refuse_large(geometry)
    intensities = voxels.astype(np.float32)
    _refuse_without_content(intensities)
    return Image(geometry, Orientation.of(geometry), intensities)


def _refuse_large(geometry: Geometry) -> None:
    if geometry.voxels > MOST_VOXELS:
        raise ImageError(f"expected at most {MOST_VOXELS} voxels, got {geometry.voxels}")


def _refuse_without_content(voxels: NDArray[np.float32]) -> None:
    low, high = float(voxels.min()), float(voxels.max())
    if not np.isfinite([low, high]).all():
        raise ImageError("expected finite intensities, got NaN or infinity")
    if low == high:
        raise ImageError(f"expected an image, got {low:g} in every voxel")
