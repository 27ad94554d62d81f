"""Checks of a folder of masks, of one mask's header and of its voxels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from schema.errors import Unreadable
from schema.task import MaskRules
from tasks.checks.base import Check, Problem
from tasks.files import Entry, NiftiHeader
from tasks.geometry import Geometry, Tolerance, differences


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderFacts:
    """A task's folder: the names in it and the names the cohort's manifest calls for."""

    folder: str
    entries: tuple[Entry, ...]
    names: dict[str, str]
    """File name to case id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderFacts:
    """A mask's header and the grid of the image it belongs to."""

    header: NiftiHeader
    image: Geometry
    rules: MaskRules


@dataclass(frozen=True, slots=True, kw_only=True)
class VoxelFacts:
    """A mask's voxels and the values it may hold."""

    voxels: NDArray[Any]
    labels: tuple[int, ...]
    """Foreground values; 0 is always allowed."""


class CaseMissing(Check[FolderFacts]):
    """A case has no prediction file.

    Write one mask for every case of the cohort, an all-zero one when nothing was found.
    """

    code = "LLN010"

    @staticmethod
    def find(facts: FolderFacts) -> Iterator[Problem]:
        """Every name that is called for and is not there."""
        there = {entry.name for entry in facts.entries}
        for name, case_id in facts.names.items():
            if name not in there:
                where = f"{facts.folder}/{name}"
                yield Problem("a file", "no file", where=where, case_id=case_id)


class FileExtra(Check[FolderFacts]):
    """A file belongs to no case of the cohort.

    Remove or rename it; a mask is named after its case, `<case_id>.nii.gz`.
    """

    code = "LLN011"
    fails_case = False

    @staticmethod
    def find(facts: FolderFacts) -> Iterator[Problem]:
        """Every name that is there and is not called for."""
        for entry in facts.entries:
            if entry.name not in facts.names:
                where = f"{facts.folder}/{entry.name}"
                yield Problem("<case_id>.nii.gz of a listed case", "another name", where=where)


class FileNotRegular(Check[FolderFacts]):
    """A link, folder, device or pipe stands where a file should.

    Copy the content into a regular file: links are never followed.
    """

    code = "LLN012"

    @staticmethod
    def find(facts: FolderFacts) -> Iterator[Problem]:
        """Every called-for name that is no regular file."""
        for entry in facts.entries:
            if entry.name in facts.names and not entry.regular:
                where, case_id = f"{facts.folder}/{entry.name}", facts.names[entry.name]
                yield Problem("a regular file", "something else", where=where, case_id=case_id)


class ReadCheck(Check[str]):
    """A file that could not be read; `kind` says which failures are this check's."""

    kind: ClassVar[Unreadable]
    expected: ClassVar[str] = "a complete .nii.gz file"

    @staticmethod
    def find(facts: str) -> Iterator[Problem]:
        """The facts are the reader's complaint."""
        yield Problem(ReadCheck.expected, facts)


class FileDenied(ReadCheck):
    """A file may not be opened.

    Give the file read permission (chmod a+r).
    """

    code = "LLN013"
    kind = Unreadable.DENIED


class NotGzip(ReadCheck):
    """A file is not gzip-compressed.

    Save as `.nii.gz`; renaming a `.nii` does not compress it.
    """

    code = "LLN020"
    kind = Unreadable.NOT_GZIP


class GzipTruncated(ReadCheck):
    """A gzip stream ends early, or holds fewer voxels than its header declares.

    Write the file again: the disk was full or the writer was stopped.
    """

    code = "LLN021"
    kind = Unreadable.TRUNCATED


class GzipDamaged(ReadCheck):
    """A gzip stream is damaged.

    Copy or write the file again: its checksum does not match its content.
    """

    code = "LLN022"
    kind = Unreadable.CORRUPT


class NotNifti(ReadCheck):
    """A file is no single-file NIfTI-1 image.

    Save with SimpleITK.WriteImage or nibabel.save as `.nii.gz`; NIfTI-2 and .hdr/.img pairs are
    not read.
    """

    code = "LLN023"
    kind = Unreadable.NOT_NIFTI


class FileTooLong(ReadCheck):
    """A file holds more bytes than its header declares.

    Write the file again; nothing may follow the voxels.
    """

    code = "LLN024"
    kind = Unreadable.TRAILING


class NotThreeD(Check[HeaderFacts]):
    """A mask is not three-dimensional.

    Save one label per voxel as a 3-D image; drop the channel or time axis (numpy.squeeze, or
    argmax over the classes).
    """

    code = "LLN030"

    @staticmethod
    def holds(shape: tuple[int, ...]) -> bool:
        """Three dimensions of at least one voxel."""
        return len(shape) == 3 and min(shape) >= 1

    @staticmethod
    def find(facts: HeaderFacts) -> Iterator[Problem]:
        """Other than three positive dimensions."""
        shape = facts.header.shape
        if not NotThreeD.holds(shape):
            yield Problem("3 dimensions of at least 1 voxel", f"shape {_words(shape)}")


class TooManyVoxels(Check[HeaderFacts]):
    """A header claims more voxels than the image has.

    Write the mask on the grid of its image. The file was not decompressed.
    """

    code = "LLN031"

    @staticmethod
    def find(facts: HeaderFacts) -> Iterator[Problem]:
        """More voxels than the image."""
        if _voxels(facts.header.shape) > facts.image.voxels:
            expected = f"{facts.image.voxels} voxels, shape {_words(facts.image.size)}"
            shape = facts.header.shape
            yield Problem(expected, f"{_voxels(shape)} voxels, shape {_words(shape)}")


class GridCheck(Check[HeaderFacts]):
    """One property of the grid; `name` says which."""

    name: ClassVar[str]

    @classmethod
    def problems(cls, facts: HeaderFacts) -> Iterator[Problem]:
        """The difference in that property, exactly."""
        grid, limits = facts.header.geometry, facts.rules.tolerance
        if grid is None or grid.voxels > facts.image.voxels:
            return
        tolerance = Tolerance(limits.spacing_mm, limits.origin_mm, limits.direction)
        for difference in differences(facts.image, grid, tolerance=tolerance):
            if difference.name == cls.name:
                yield Problem(difference.reference, difference.prediction)


class ShapeDiffers(GridCheck):
    """A mask has another shape than its image.

    Resample the mask onto the image's grid with nearest neighbour before saving; check the order of
    the axes (SimpleITK arrays are z, y, x).
    """

    code = "LLN032"
    name = "shape"

    @staticmethod
    def find(facts: HeaderFacts) -> Iterator[Problem]:
        """Number of voxels along each axis."""
        yield from ShapeDiffers.problems(facts)


class SpacingDiffers(GridCheck):
    """A mask has another voxel spacing than its image (mm).

    Copy the image's geometry: mask.CopyInformation(image) in SimpleITK, the image's affine in
    nibabel.
    """

    code = "LLN033"
    name = "spacing"

    @staticmethod
    def find(facts: HeaderFacts) -> Iterator[Problem]:
        """Millimetres along each axis."""
        yield from SpacingDiffers.problems(facts)


class OriginDiffers(GridCheck):
    """A mask has another origin than its image (LPS, mm).

    Copy the image's geometry: mask.CopyInformation(image) in SimpleITK, the image's affine in
    nibabel.
    """

    code = "LLN034"
    name = "origin"

    @staticmethod
    def find(facts: HeaderFacts) -> Iterator[Problem]:
        """Position of the first voxel."""
        yield from OriginDiffers.problems(facts)


class DirectionDiffers(GridCheck):
    """A mask has other axis directions than its image (LPS, rows of the matrix).

    Copy the image's geometry. A sign that differs means that the mask is mirrored or that an axis
    was flipped: right and left would be exchanged.
    """

    code = "LLN035"
    name = "direction"

    @staticmethod
    def find(facts: HeaderFacts) -> Iterator[Problem]:
        """Direction cosines."""
        yield from DirectionDiffers.problems(facts)


class NoOrientation(Check[HeaderFacts]):
    """A header has no usable orientation.

    Set the qform or the sform with a code above 0 and finite, non-zero axes; copying the image's
    geometry does both.
    """

    code = "LLN036"

    @staticmethod
    def find(facts: HeaderFacts) -> Iterator[Problem]:
        """Neither form set, or numbers that are no orientation."""
        if not facts.header.oriented:
            yield Problem("a qform or an sform", "qform_code 0 and sform_code 0")
        elif facts.header.form_gap_mm is None:
            yield Problem("finite orientation", "NaN, infinity or an impossible quaternion")
        elif facts.header.geometry is None and NotThreeD.holds(facts.header.shape):
            yield Problem("three non-zero axes", "an axis of length 0")


class FormsDisagree(Check[HeaderFacts]):
    """The qform and the sform of a header place the voxels differently.

    Write both from one affine, or clear one (code 0): readers disagree about which counts.
    """

    code = "LLN037"

    @staticmethod
    def find(facts: HeaderFacts) -> Iterator[Problem]:
        """Largest distance between corners, as each places them."""
        gap, limit = facts.header.form_gap_mm, facts.rules.tolerance.form_gap_mm
        if gap is not None and gap > limit:
            yield Problem(f"corners within {limit:g} mm", f"corners up to {gap:.4g} mm apart")


class VoxelTypeWrong(Check[HeaderFacts]):
    """A mask is stored in a type that is not for labels.

    Cast to 8-bit integers before saving: mask.astype(numpy.uint8), or
    SimpleITK.Cast(mask, SimpleITK.sitkUInt8).
    """

    code = "LLN038"

    @staticmethod
    def find(facts: HeaderFacts) -> Iterator[Problem]:
        """A type outside the task file's list."""
        if facts.header.voxel_type not in facts.rules.voxel_types:
            yield Problem("one of " + ", ".join(facts.rules.voxel_types), facts.header.voxel_type)


class Scaled(Check[HeaderFacts]):
    """A header scales the stored values.

    Set scl_slope to 1 and scl_inter to 0: labels are stored as they are.
    """

    code = "LLN039"

    @staticmethod
    def find(facts: HeaderFacts) -> Iterator[Problem]:
        """Slope and intercept other than 1 and 0."""
        if facts.header.scaled:
            yield Problem("slope 1, intercept 0", "another slope or intercept")


class NotFinite(Check[VoxelFacts]):
    """A mask holds NaN or infinity.

    Save labels, not probabilities or logits, as 8-bit integers.
    """

    code = "LLN040"

    @staticmethod
    def find(facts: VoxelFacts) -> Iterator[Problem]:
        """How many voxels are not finite; only floating types can be."""
        if facts.voxels.dtype.kind == "f":
            bad = facts.voxels.size - int(np.count_nonzero(np.isfinite(facts.voxels)))
            if bad:
                yield Problem("finite values", f"{bad} voxels that are not finite")


class LabelUnknown(Check[VoxelFacts]):
    """A mask holds a value that is no label of the task.

    Map the model's classes to the values of the task file; 0 is background.
    """

    code = "LLN041"

    @staticmethod
    def find(facts: VoxelFacts) -> Iterator[Problem]:
        """The first ten such values, ascending."""
        unknown = _unknown_values(facts)
        if unknown.size:
            shown = ", ".join(map(str, unknown[:10].tolist()))
            more = f" and {unknown.size - 10} more" if unknown.size > 10 else ""
            yield Problem("0, " + ", ".join(map(str, facts.labels)), shown + more)


def _unknown_values(facts: VoxelFacts) -> NDArray[Any]:
    """Finite values that are neither background nor label, ascending."""
    known, voxels = (0, *facts.labels), facts.voxels
    if voxels.dtype.kind != "f":
        # two quick passes settle the usual case: every value between the extremes is a label
        low, high = int(voxels.min()), int(voxels.max())
        if high - low <= max(known) and set(range(low, high + 1)) <= set(known):
            return voxels[:0].ravel()
    present = np.unique(voxels[np.isfinite(voxels)])
    return present[~np.isin(present, known)]


def _words(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _voxels(shape: tuple[int, ...]) -> int:
    total = 1
    for size in shape:
        total *= max(0, size)
    return total


FOLDER_CHECKS: tuple[type[Check[FolderFacts]], ...] = (CaseMissing, FileExtra, FileNotRegular)
READ_CHECKS: tuple[type[ReadCheck], ...] = (
    FileDenied,
    NotGzip,
    GzipTruncated,
    GzipDamaged,
    NotNifti,
    FileTooLong,
)
HEADER_CHECKS: tuple[type[Check[HeaderFacts]], ...] = (
    NotThreeD,
    TooManyVoxels,
    ShapeDiffers,
    SpacingDiffers,
    OriginDiffers,
    DirectionDiffers,
    NoOrientation,
    FormsDisagree,
    VoxelTypeWrong,
    Scaled,
)
VOXEL_CHECKS: tuple[type[Check[VoxelFacts]], ...] = (NotFinite, LabelUnknown)
