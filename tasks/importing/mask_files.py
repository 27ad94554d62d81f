"""Mask files of any common writer as labels on the image's grid; a header before any voxel.

ITK-SNAP and 3D Slicer write NIfTI, NRRD and MetaImage; PACS and 3D Slicer write DICOM SEG. Files
are taken as hostile: no link is followed, no file may point to another, and no voxel is read of a
file that is not on the image's grid.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schema.errors import Unreadable, UnreadableFileError
from schema.terms import TaskId
from tasks.dicom.frames import Frame
from tasks.dicom.headers import open_regular
from tasks.dicom.segmentation import (
    BINARY,
    SegmentationHeader,
    is_dicom,
    read_segmentation,
    segment_pixels,
)
from tasks.files import NiftiHeader, read_header, read_voxels
from tasks.geometry import Difference, Geometry
from tasks.importing.checks import (
    Doubt,
    DoubtCheck,
    MaskElsewhere,
    MaskUnreadable,
    SegmentationNotBinary,
)
from tasks.importing.placement import Turn, nine, placed_on
from tasks.specification import mask_rules

NIFTI_GZ = ".nii.gz"
BY_ITK = (".nii", ".nrrd", ".mha")
MASK_SUFFIXES = (NIFTI_GZ, *BY_ITK)
LAYERS_LIMIT = 64
HEAD_BYTES = 1 << 20
NRRD_POINTER = re.compile(rb"(?im)^\s*data ?file\s*:")
META_POINTER = re.compile(rb"(?im)^\s*ElementDataFile\s*=[ \t]*(\S+)")
END_OF_NRRD_HEADER = re.compile(rb"\r?\n\r?\n")
MEGABYTES = 1 << 20
FILE_LIMIT_BYTES = 2 << 30

Array = NDArray[Any]


class MaskError(Exception):
    """A mask file that cannot be used: by which check, and why."""

    def __init__(self, check: type[DoubtCheck], doubt: Doubt) -> None:
        super().__init__(doubt.got)
        self.check, self.doubt = check, doubt


class Layer(NamedTuple):
    """Labels on the image's grid.

    Attributes:
        voxels: integers indexed (i, j, k), 0 for background.
        names: of the segments, by voxel value; empty when the file names none.
    """

    voxels: Array
    names: Mapping[int, str]


class MaskFile(NamedTuple):
    """A mask file that lies on the image's grid.

    Attributes:
        layers: read one after another.
        turned: whether axes are exchanged or reversed on the way.
        named: whether its segments have names.
    """

    layers: Iterator[Layer]
    turned: bool
    named: bool


class Place(NamedTuple):
    """The image that a mask belongs to."""

    geometry: Geometry
    frame_of_reference_uid: str
    series: str
    """Its name, for messages."""


def open_mask(path: Path, *, place: Place) -> MaskFile:
    """Open a mask file and see that it lies on the image's grid.

    Raises:
        MaskError: it cannot be read, lies elsewhere, or is a SEG that is not binary. The layers
            raise it too while they are read.
    """
    try:
        name = path.name.lower()
        if name.endswith(NIFTI_GZ):
            return _nifti(path, place=place)
        if name.endswith(BY_ITK):
            return _itk(path, place=place)
        if is_dicom(path):
            return _segmentation(path, place=place)
    except UnreadableFileError as error:
        raise _unreadable(str(error)) from error
    raise _unreadable("a file of another kind")


def mask_labels(path: Path) -> tuple[dict[int, str], tuple[int, ...]]:
    """Names of a mask's segments by value, and every value in it, wherever it lies.

    Raises:
        MaskError: as `open_mask`.
    """
    try:
        if is_dicom(path):
            header = read_segmentation(path)
            return dict(header.names), tuple(sorted({each.segment for each in header.frames}))
        if path.name.lower().endswith(NIFTI_GZ):
            voxels = _nifti_voxels(path, header=_checked(read_header(path)))
            return {}, _present(voxels)
        opened = _ItkFile.open(path)
    except UnreadableFileError as error:
        raise _unreadable(str(error)) from error
    names = {value: name for names in opened.names for value, name in names.items()}
    return names, tuple(sorted({v for layer in opened.arrays() for v in _present(layer)}))


def _present(voxels: Array) -> tuple[int, ...]:
    return tuple(int(value) for value in np.unique(_whole(voxels)) if value != 0)


def _unreadable(got: str) -> MaskError:
    return MaskError(MaskUnreadable, Doubt("a mask that can be read", got))


def _turn(mask: Geometry, *, place: Place) -> Turn:
    """How to turn a mask onto the image.

    Raises:
        MaskError: its grid is another one, with every difference.
    """
    placement = placed_on(place.geometry, mask)
    if placement.differences:
        raise MaskError(MaskElsewhere, _elsewhere(placement.differences, place=place))
    return placement.turn


def _elsewhere(found: tuple[Difference, ...], *, place: Place) -> Doubt:
    wanted = "; ".join(f"{each.name} {each.reference}" for each in found)
    got = "; ".join(f"{each.name} {each.prediction}" for each in found)
    return Doubt(f"the grid of series {place.series}, in any order of axes: {wanted}", got)


def _whole(voxels: Array) -> Array:
    """Labels as integers: ITK writes them as floats at times.

    Raises:
        MaskError: a value that is no whole number from 0 to 65535.
    """
    if voxels.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            sound = bool((np.isfinite(voxels) & (voxels == np.round(voxels))).all())
        if not sound:
            raise _unreadable("values that are no whole numbers: probabilities, not labels")
    low, high = (float(voxels.min()), float(voxels.max())) if voxels.size else (0.0, 0.0)
    if low < 0 or high > np.iinfo(np.uint16).max:
        raise _unreadable(f"labels from {low:g} to {high:g}, expected 0 to 65535")
    return voxels.astype(np.uint16)


# --- NIfTI ----------------------------------------------------------------------------


def _nifti(path: Path, *, place: Place) -> MaskFile:
    header = _checked(read_header(path))
    assert header.geometry is not None
    turn = _turn(header.geometry, place=place)

    def layers() -> Iterator[Layer]:
        yield Layer(turn.apply(_whole(_nifti_voxels(path, header=header))), {})

    return MaskFile(layers(), not turn.is_none, named=False)


def _nifti_voxels(path: Path, *, header: NiftiHeader) -> Array:
    try:
        return read_voxels(path, header=header)
    except UnreadableFileError as error:
        raise _unreadable(str(error)) from error


def _checked(header: NiftiHeader) -> NiftiHeader:
    """A header that can be believed.

    Raises:
        MaskError: no orientation, two that disagree, scaled values, or voxels that are no numbers.
    """
    limit = mask_rules(TaskId.COMPARTMENTS).tolerance.form_gap_mm
    if len(header.shape) != 3:
        raise _unreadable(f"{len(header.shape)} dimensions, expected 3")
    if header.geometry is None:
        raise _unreadable("no usable orientation: neither qform nor sform")
    if header.form_gap_mm is None or header.form_gap_mm > limit:
        raise _unreadable("a qform and an sform that place it differently")
    if header.scaled or header.dtype is None:
        raise _unreadable("scaled values, or voxels that are no plain numbers")
    if math.prod(header.shape) * header.dtype.itemsize > FILE_LIMIT_BYTES:
        raise _unreadable(f"more than {FILE_LIMIT_BYTES // MEGABYTES} MiB of voxels")
    return header


# --- NRRD, MetaImage, plain NIfTI -----------------------------------------------------


class _ItkFile(NamedTuple):
    """A file that SimpleITK reads: header known, voxels not read yet."""

    geometry: Geometry
    names: tuple[Mapping[int, str], ...]
    arrays: Callable[[], Iterator[Array]]

    @classmethod
    def open(cls, path: Path) -> _ItkFile:
        _refuse_pointers(path)
        sitk = _simpleitk()
        reader = sitk.ImageFileReader()
        reader.SetFileName(str(path))
        try:
            reader.ReadImageInformation()
        except RuntimeError as error:
            raise _unreadable(_last_line(error)) from error
        geometry, layers = _itk_geometry(reader), int(reader.GetNumberOfComponents())
        if layers > LAYERS_LIMIT or geometry.voxels * layers > FILE_LIMIT_BYTES:
            raise _unreadable(f"more than {LAYERS_LIMIT} layers, or more voxels than are read")

        def arrays() -> Iterator[Array]:
            try:
                array = sitk.GetArrayFromImage(reader.Execute())
            except RuntimeError as error:
                raise _unreadable(_last_line(error)) from error
            stacked = array if layers > 1 else array[..., None]
            for layer in range(layers):
                yield stacked[..., layer].transpose(2, 1, 0)

        return cls(geometry, _segment_names(reader, layers=layers), arrays)


def _itk(path: Path, *, place: Place) -> MaskFile:
    opened = _ItkFile.open(path)
    turn = _turn(opened.geometry, place=place)

    def layers() -> Iterator[Layer]:
        for array, names in zip(opened.arrays(), opened.names, strict=True):
            yield Layer(turn.apply(_whole(array)), names)

    return MaskFile(layers(), not turn.is_none, named=any(opened.names))


def _simpleitk() -> Any:
    try:
        import SimpleITK as sitk  # noqa: N813, PLC0415 - an extra: .nii.gz and SEG need none
    except ImportError as error:
        message = "this format needs SimpleITK: pip install 'lln-challenge-kit[import]'"
        raise UnreadableFileError(message, kind=Unreadable.SYNTAX) from error
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    return sitk


def _last_line(error: RuntimeError) -> str:
    """The last line of ITK's message, which is the reason; the rest is where in its own code."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"SimpleITK: {lines[-1][:200]}" if lines else "SimpleITK cannot read it"


def _refuse_pointers(path: Path) -> None:
    """Refuse what is no regular file, or a header that sends the reader to another file."""
    with open_regular(path) as file:
        head = file.read(HEAD_BYTES)
    name = path.name.lower()
    if name.endswith(".nrrd"):
        end = END_OF_NRRD_HEADER.search(head)
        points = end is None or NRRD_POINTER.search(head[: end.start()]) is not None
    else:
        found = META_POINTER.search(head)
        points = name.endswith(".mha") and (found is None or found[1] != b"LOCAL")
    if points:
        raise _unreadable("a header that points to another file for its voxels, or does not end")


def _itk_geometry(reader: Any) -> Geometry:
    if reader.GetDimension() != 3:
        raise _unreadable(f"{reader.GetDimension()} dimensions, expected 3")
    spacing, origin, axes = reader.GetSpacing(), reader.GetOrigin(), reader.GetDirection()
    if not all(map(math.isfinite, (*spacing, *origin, *axes))) or min(spacing) <= 0:
        raise _unreadable("no usable orientation")
    i, j, k = (int(size) for size in reader.GetSize())
    return Geometry(size=(i, j, k), spacing_mm=spacing, origin_mm=origin, direction=axes)


def _segment_names(reader: Any, *, layers: int) -> tuple[Mapping[int, str], ...]:
    """Names that 3D Slicer keeps in a .seg.nrrd, by layer and value."""
    keys = set(reader.GetMetaDataKeys())
    found: list[dict[int, str]] = [{} for _ in range(layers)]
    for key in sorted(keys):
        if (match := re.fullmatch(r"(Segment\d+)_Name", key)) is None:
            continue
        value, layer = (
            _small(reader.GetMetaData(f"{match[1]}_{part}")) if f"{match[1]}_{part}" in keys else 0
            for part in ("LabelValue", "Layer")
        )
        if value > 0 and layer < layers:
            found[layer][value] = reader.GetMetaData(key).strip()
    return tuple(found)


def _small(text: str) -> int:
    return int(text) if re.fullmatch(r"\s*\d{1,6}\s*", text) else 0


# --- DICOM SEG ------------------------------------------------------------------------


def _segmentation(path: Path, *, place: Place) -> MaskFile:
    header = read_segmentation(path)
    if header.kind != BINARY:
        raise MaskError(SegmentationNotBinary, Doubt(BINARY, header.kind or "no type"))
    if header.frame_of_reference_uid != place.frame_of_reference_uid:
        doubt = Doubt(
            f"the frame of reference of series {place.series}: {place.frame_of_reference_uid}",
            header.frame_of_reference_uid or "none",
        )
        raise MaskError(MaskElsewhere, doubt)
    for each in header.frames:
        _frame_place(each.frame, place=place)
    return MaskFile(_segments(path, header=header, place=place), turned=False, named=True)


def _segments(path: Path, *, header: SegmentationHeader, place: Place) -> Iterator[Layer]:
    """One layer for each segment that marks something."""
    try:
        for number, frames in segment_pixels(path, header):
            voxels = np.zeros(place.geometry.size, dtype=np.uint16)
            for frame, pixels in frames:
                index, turn = _frame_place(frame, place=place)
                marked = turn.apply(pixels.T[:, :, None])[:, :, 0] != 0
                voxels[:, :, index][marked] = number
            yield Layer(voxels, {number: header.names.get(number, "")})
    except UnreadableFileError as error:
        raise _unreadable(str(error)) from error


def _frame_place(frame: Frame, *, place: Place) -> tuple[int, Turn]:
    """The slice of the image (its k) on which a frame lies, and how its pixels have to be turned.

    Raises:
        MaskError: it lies on none.
    """
    image = place.geometry
    slices = image.size[2]
    stated = _frame_geometry(frame, thickness_mm=image.spacing_mm[2])
    steps = np.linalg.inv(image.lps_affine) @ (*stated.origin_mm, 1.0)
    index = int(np.clip(round(float(steps[2])), 0, slices - 1))
    origin = image.lps_affine @ (0.0, 0.0, index, 1.0)
    slab = Geometry(
        size=(image.size[0], image.size[1], 1),
        spacing_mm=image.spacing_mm,
        origin_mm=(float(origin[0]), float(origin[1]), float(origin[2])),
        direction=image.direction,
    )
    placement = placed_on(slab, stated)
    if placement.differences:
        doubt = _elsewhere(placement.differences, place=place)
        got = f"frame {frame.index + 1}: {doubt.got}"
        raise MaskError(MaskElsewhere, Doubt(f"{doubt.expected} (slice {index + 1})", got))
    return index, placement.turn


def _frame_geometry(frame: Frame, *, thickness_mm: float) -> Geometry:
    """A frame as a grid of one slice; its thickness says nothing of where it lies."""
    if frame.position_mm is None or frame.orientation is None or frame.spacing_mm is None:
        raise _unreadable(f"frame {frame.index + 1} without position, orientation or spacing")
    row, column = np.asarray(frame.orientation, dtype=np.float64).reshape(2, 3)
    axes = np.column_stack((row, column, np.cross(row, column)))
    pixels = frame.instance.pixels
    return Geometry(
        size=(pixels.columns, pixels.rows, 1),
        spacing_mm=(frame.spacing_mm[1], frame.spacing_mm[0], thickness_mm),
        origin_mm=frame.position_mm,
        direction=nine(axes),
    )
