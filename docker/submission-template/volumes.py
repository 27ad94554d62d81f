"""Reading an image into patient space, and writing a mask back onto the image's own grid.

Inside this model every array is indexed (x, y, z) with x towards the patient's left, y to
posterior and z to superior, whatever the order in the file: a flipped or permuted file gives the
same answer. Physical space is LPS in millimetres.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import nibabel as nib
import numpy as np
from nibabel.orientations import apply_orientation, axcodes2ornt, io_orientation, ornt_transform
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])
LPS_ORDER = axcodes2ornt(("L", "P", "S"))
"""Of the axes; nibabel names the end towards which an axis runs."""

Floats = NDArray[np.float32]
Points = NDArray[np.float64]


class Volume(NamedTuple):
    """An array in (x, y, z) order and where it lies.

    Attributes:
        voxels: shape (x, y, z).
        affine: (4, 4), from indices to LPS mm.
    """

    voxels: NDArray[Any]
    affine: NDArray[np.float64]

    @property
    def spacing_mm(self) -> NDArray[np.float64]:
        """Distance between neighbours along (x, y, z)."""
        return np.asarray(np.linalg.norm(self.affine[:3, :3], axis=0))

    @property
    def centre_mm(self) -> Points:
        """The middle of the stack."""
        middle = (np.array(self.voxels.shape) - 1.0) / 2.0
        return np.asarray(self.affine[:3, :3] @ middle + self.affine[:3, 3])

    def coarser(self, step_mm: float) -> Volume:
        """Blocks of voxels averaged so that the new ones measure about `step_mm` or more."""
        block = np.maximum(1, np.rint(step_mm / self.spacing_mm)).astype(int)
        size = np.array(self.voxels.shape) // block
        kept = self.voxels[tuple(slice(edge) for edge in size * block)].astype(np.float32)
        split = [number for pair in zip(size, block, strict=True) for number in pair]
        affine = self.affine @ np.diag([*block, 1.0])
        affine[:3, 3] = self.affine[:3, :3] @ ((block - 1) / 2.0) + self.affine[:3, 3]
        return Volume(kept.reshape(split).mean(axis=(1, 3, 5)), affine)

    def at(self, points_mm: Points, *, outside: float = np.nan) -> Floats:
        """Linear interpolation at LPS points, shape (3, ...)."""
        inverse = np.linalg.inv(self.affine)
        index = np.tensordot(inverse[:3, :3], points_mm, axes=1)
        index += inverse[:3, 3].reshape(3, *[1] * (points_mm.ndim - 1))
        values = map_coordinates(
            self.voxels.astype(np.float32, copy=False), index, order=1, cval=outside
        )
        return np.asarray(values, dtype=np.float32)

    def points_mm(self) -> Points:
        """Where every voxel lies, shape (3, x, y, z)."""
        index = np.indices(self.voxels.shape, dtype=np.float64)
        shift = self.affine[:3, 3].reshape(3, 1, 1, 1)
        return np.asarray(np.tensordot(self.affine[:3, :3], index, axes=1) + shift)


def read(path: Path) -> Volume:
    """Read a NIfTI file in (x, y, z) order.

    Raises:
        ValueError: it is no single three-dimensional volume.
    """
    image = nib.load(path)
    if len(image.shape) != 3:
        raise ValueError(f"{path.name}: expected three dimensions, got {len(image.shape)}")
    change = ornt_transform(io_orientation(image.affine), LPS_ORDER)
    voxels = apply_orientation(np.asanyarray(image.dataobj), change)
    affine = image.affine @ nib.orientations.inv_ornt_aff(change, image.shape)
    return Volume(np.ascontiguousarray(voxels), RAS_TO_LPS @ affine)


def write_like(image_path: Path, mask: NDArray[np.uint8], *, out: Path) -> None:
    """Write a mask, in (x, y, z) order, with the header and the axis order of an image."""
    image = nib.load(image_path)
    change = ornt_transform(LPS_ORDER, io_orientation(image.affine))
    header = image.header.copy()
    header.set_data_dtype(np.uint8)
    header.set_slope_inter(1.0, 0.0)
    out.parent.mkdir(parents=True, exist_ok=True)
    voxels = np.ascontiguousarray(apply_orientation(mask, change))
    nib.save(nib.Nifti1Image(voxels, None, header), out)
