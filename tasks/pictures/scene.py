"""What is to be seen of a case, slice by slice, in millimetres of the picture.

x runs from the patient's right to the left, y from front to back; (0, 0) is the upper left corner
of the cropped picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schema.label import Label
from tasks.geometry import Geometry
from tasks.node_measurement import Node, NodeAxes, NodeMap, Place, Segment, node_axes
from tasks.pictures.orientation import Orientation
from tasks.pictures.outlines import Loop, outlines

MARGIN_MM = 18.0
"""Seen around the labels."""
WINDOW_PERCENTILES = (1.0, 99.5)
"""Intensities shown as black and as white, over the cropped volume."""
INSET = 0.35
"""Voxels by which an outline keeps within its label."""

Points = NDArray[np.float64]
"""Places in a picture as (x, y) in mm, shape (points, 2)."""


class Crop(NamedTuple):
    """The rows and columns of a stack that are shown, ends left out."""

    top: int
    bottom: int
    left: int
    right: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The outline of one label on one slice.

    Attributes:
        label: whose.
        loops: closed lines.
    """

    label: Label
    loops: tuple[Points, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruler:
    """The measurement of one node.

    Attributes:
        longest: both ends of the longest diameter, shape (2, 2).
        short: both ends of the short axis, shape (2, 2).
        text: its length and where the node lies.
        colour: of the node's class.
    """

    longest: Points
    short: Points
    text: str
    colour: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """What one set of masks draws on one slice."""

    shapes: tuple[Shape, ...]
    rulers: tuple[Ruler, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One slice.

    Attributes:
        grey: the image, 0 to 255, shape (rows, columns).
        spacing_mm: between rows, between columns.
        number: of the slice along the stored axis, from 1, as viewers count.
        slices: how many the volume has.
        reference: None when there is none.
        prediction: None when there is none.
    """

    grey: NDArray[np.uint8]
    spacing_mm: tuple[float, float]
    number: int
    slices: int
    reference: Overlay | None
    prediction: Overlay | None

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height."""
        rows, columns = self.grey.shape
        return columns * self.spacing_mm[1], rows * self.spacing_mm[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One set of masks, as slices, with the measurements of its nodes.

    Attributes:
        compartments: slices, rows, columns; None without such a mask.
        nodes: the same.
        axes: of every node, in the order of the node map.
        measured: the nodes.
        placed: whether there were compartments to place the nodes by.
    """

    compartments: NDArray[Any] | None
    nodes: NDArray[Any] | None
    axes: tuple[NodeAxes, ...] = ()
    measured: tuple[Node, ...] = ()
    placed: bool = True

    @property
    def masks(self) -> tuple[NDArray[Any], ...]:
        """Those that are there."""
        return tuple(mask for mask in (self.compartments, self.nodes) if mask is not None)


def drawn(
    *,
    orientation: Orientation,
    geometry: Geometry,
    compartments: NDArray[Any] | None,
    nodes: NDArray[Any] | None,
    node_map: NodeMap | None,
    placed: bool,
) -> Drawn:
    """Turn stored masks, indexed (i, j, k), and their measured nodes into slices."""
    axes = [
        (node, node_axes(node_map, node, geometry=geometry))
        for node in (() if node_map is None else node_map.nodes)
        if node_map is not None
    ]
    return Drawn(
        compartments=None if compartments is None else orientation.stack(compartments),
        nodes=None if nodes is None else orientation.stack(nodes),
        axes=tuple(each for _, each in axes),
        measured=tuple(node for node, _ in axes),
        placed=placed,
    )


def crop_around(
    masks: Iterable[NDArray[Any]], *, orientation: Orientation, margin_mm: float = MARGIN_MM
) -> Crop:
    """Rows and columns that hold every label and a margin; all of them without any label."""
    _, rows, columns = orientation.size
    seen = np.zeros((rows, columns), dtype=bool)
    for mask in masks:
        seen |= (mask != 0).any(axis=0)
    used_rows, used_columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if not used_rows.size:
        return Crop(0, rows, 0, columns)
    down, across = (int(np.ceil(margin_mm / step)) for step in orientation.spacing_mm[1:])
    top, bottom = _reach(used_rows, margin=down, size=rows)
    left, right = _reach(used_columns, margin=across, size=columns)
    return Crop(top, bottom, left, right)


def _reach(used: NDArray[np.intp], *, margin: int, size: int) -> tuple[int, int]:
    return max(0, int(used[0]) - margin), min(size, int(used[-1]) + 1 + margin)


def windowed(slices: NDArray[Any], *, crop: Crop) -> NDArray[np.uint8]:
    """The cropped image in 256 greys, dark and bright by percentiles; no number is black."""
    part = slices[:, crop.top : crop.bottom, crop.left : crop.right].astype(np.float32)
    finite = np.isfinite(part)
    if not finite.any():
        return np.zeros(part.shape, dtype=np.uint8)
    low, high = np.percentile(part[finite], WINDOW_PERCENTILES)
    with np.errstate(invalid="ignore"):
        scaled = np.clip((part - low) / max(float(high - low), 1e-6), 0, 1) * 255
    return np.where(finite, np.rint(scaled), 0).astype(np.uint8)


def scenes(
    image: NDArray[Any],
    *,
    orientation: Orientation,
    reference: Drawn | None,
    prediction: Drawn | None,
    labels: Mapping[str, Sequence[Label]],
    wanted: Sequence[int],
) -> Iterator[Scene]:
    """The slices of a case, from the head down.

    Args:
        image: indexed (i, j, k).
        orientation: of the image's grid.
        reference: its masks.
        prediction: its masks.
        labels: of `compartments` and of `nodes`.
        wanted: positions from the head.
    """
    both = [each for each in (reference, prediction) if each is not None]
    masks = [mask for each in both for mask in each.masks]
    crop = crop_around(masks, orientation=orientation)
    grey = windowed(orientation.stack(image), crop=crop)
    for position in wanted:
        of_slice = [
            None
            if each is None
            else _overlay(each, position, orientation=orientation, crop=crop, labels=labels)
            for each in (reference, prediction)
        ]
        yield Scene(
            grey=grey[position],
            spacing_mm=orientation.spacing_mm[1:],
            number=orientation.stored_slice(position) + 1,
            slices=orientation.size[0],
            reference=of_slice[0],
            prediction=of_slice[1],
        )


def _overlay(
    masks: Drawn,
    position: int,
    *,
    orientation: Orientation,
    crop: Crop,
    labels: Mapping[str, Sequence[Label]],
) -> Overlay:
    named = (("compartments", masks.compartments), ("nodes", masks.nodes))
    shapes = [
        shape
        for name, mask in named
        if mask is not None
        for shape in _shapes(
            mask[position], labels=labels[name], spacing_mm=orientation.spacing_mm[1:], crop=crop
        )
    ]
    colours = {label.node_class: label.colour for label in labels["nodes"]}
    stored = orientation.stored_slice(position)
    rulers = [
        Ruler(
            longest=_line(axes.longest, orientation=orientation, crop=crop),
            short=_line(axes.short, orientation=orientation, crop=crop),
            text=ruler_text(axes.short_axis_mm, node.place if masks.placed else None),
            colour=colours[node.node_class],
        )
        for node, axes in zip(masks.measured, masks.axes, strict=True)
        if axes.slice_index == stored
    ]
    return Overlay(shapes=tuple(shapes), rulers=tuple(rulers))


def _shapes(
    mask: NDArray[Any], *, labels: Sequence[Label], spacing_mm: tuple[float, float], crop: Crop
) -> Iterator[Shape]:
    part = mask[crop.top : crop.bottom, crop.left : crop.right]
    for label in labels:
        inside = part == label.value
        if inside.any():
            loops = outlines(inside, inset=INSET)
            yield Shape(
                label=label, loops=tuple(_points(loop, spacing_mm=spacing_mm) for loop in loops)
            )


def _points(places: Loop, *, spacing_mm: tuple[float, float]) -> Points:
    """Places (row, column) of the cropped slice as (x, y)."""
    points: Points = ((places + 0.5) * spacing_mm)[:, ::-1]
    return points


def _line(segment: Segment, *, orientation: Orientation, crop: Crop) -> Points:
    """Both ends in the picture; a measurement lies in the plane of its slice."""
    places = np.stack([orientation.place(end) for end in segment])[:, 1:]
    return _points(places - (crop.top, crop.left), spacing_mm=orientation.spacing_mm[1:])


def ruler_text(short_axis_mm: float, place: Place | None) -> str:
    """A short axis and, when known, a place in a few words: `8.2 mm OB right`."""
    words = [f"{short_axis_mm:.1f} mm", *(() if place is None else filter(None, place))]
    return " ".join(map(str, words))


def slices_to_look_at(sets: Iterable[Drawn], *, orientation: Orientation, most: int) -> list[int]:
    """Positions from the head: where each node is measured, then evenly through the labels.

    Args:
        sets: masks whose nodes and labels are to be seen; nodes of the first sets come first.
        orientation: of the grid.
        most: how many slices at most, at least 1.
    """
    sets = list(sets)
    measured = [
        orientation.stored_slice(axes.slice_index)  # its own inverse
        for each in sets
        for axes in sorted(each.axes, key=lambda axes: -axes.short_axis_mm)
    ]
    chosen = list(dict.fromkeys(measured))[:most]
    through = _through(sets, slices=orientation.size[0])
    spare = [position for position in _spread(through, most) if position not in chosen]
    return sorted([*chosen, *spare[: most - len(chosen)]])


def _through(sets: Iterable[Drawn], *, slices: int) -> NDArray[np.intp]:
    """Slices with any label; all of them when there is none."""
    used = np.zeros(slices, dtype=bool)
    for each in sets:
        for mask in each.masks:
            used |= (mask != 0).any(axis=(1, 2))
    return np.flatnonzero(used) if used.any() else np.arange(slices)


def _spread(positions: NDArray[np.intp], most: int) -> list[int]:
    """Evenly spaced ones, the middle of each of `most` equal parts, halves first."""
    count = min(most, positions.size)
    even = [int(positions[int((each + 0.5) * positions.size / count)]) for each in range(count)]
    middle = sorted(range(count), key=lambda each: (abs(each - (count - 1) / 2), each))
    return [even[each] for each in middle]
