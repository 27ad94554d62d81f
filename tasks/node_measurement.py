"""What a node is, and its short axis, volume and region: one definition for everybody.

The scorer, the phantom, the simulated submission and the baseline all measure nodes here. Arrays
are indexed (i, j, k); distances are in patient millimetres.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt

from schema.cohort import DominantNode
from schema.terms import NodeClass, Region, Side, TaskId
from tasks.calipers import VOXEL, greatest_calipers, greatest_short_axis_mm, outline
from tasks.geometry import Geometry
from tasks.label_pass import Box, foreground_box
from tasks.specification import label_map, node_rules


class Place(NamedTuple):
    """Where a node lies; side is None outside every compartment."""

    region: Region | Literal["outside"]
    side: Side | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One measured node.

    Attributes:
        number: its number within the case, from 1, in the order in which its first voxel is stored.
        node_class: negative or positive.
        short_axis_mm: see `short_axis_mm`.
        volume_ml: voxels times voxel volume.
        voxels: number of voxels.
        place: region and side by the reference compartments.
    """

    number: int
    node_class: NodeClass
    short_axis_mm: float
    volume_ml: float
    voxels: int
    place: Place


class NodeParts(NamedTuple):
    """The nodes of one mask, told apart.

    Attributes:
        box: where they lie.
        part: number of the node at every voxel of the box, 0 between nodes.
    """

    box: Box
    part: NDArray[np.uint32]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeMap:
    """Every node of one mask.

    Attributes:
        shape: of the mask.
        box: where its nodes lie.
        part: number of the node at every voxel of the box, 0 between nodes.
        nodes: in the order of their numbers, so that `nodes[n - 1].number == n`.
    """

    shape: tuple[int, ...]
    box: Box
    part: NDArray[np.uint32]
    nodes: tuple[Node, ...]

    @property
    def parts(self) -> NodeParts:
        """Where each node is, without its measurements."""
        return NodeParts(self.box, self.part)

    @property
    def numbers(self) -> NDArray[np.uint32]:
        """The numbers over the whole mask."""
        whole = np.zeros(self.shape, dtype=np.uint32, order="F")
        whole[self.box] = self.part
        return whole

    def within(self, box: Box) -> NDArray[np.uint32]:
        """The numbers over a box that holds every node."""
        inner = tuple(
            slice(own.start - outer.start, own.stop - outer.start)
            for own, outer in zip(self.box, box, strict=True)
        )
        numbers = np.zeros([side.stop - side.start for side in box], dtype=np.uint32, order="F")
        if self.nodes:
            numbers[inner] = self.part
        return numbers


def measure_nodes(
    mask: NDArray[Any],
    *,
    geometry: Geometry,
    compartments: NDArray[Any],
    node_labels: Mapping[NodeClass, int],
    compartment_labels: Mapping[tuple[Region, Side], int],
    connectivity: int,
    reach_mm: float,
) -> NodeMap:
    """Tell the nodes of a mask apart and measure each.

    Args:
        mask: node labels, shape (i, j, k), integers; values that are no node label are background.
        geometry: the grid of both masks.
        compartments: the *reference* compartments, same shape, for a prediction's nodes too.
        node_labels: voxel value of each node class.
        compartment_labels: voxel value of each compartment.
        connectivity: 6, 18 or 26; a node is a connected component of one class.
        reach_mm: see `place_of`.
    """
    box, numbers = _told_apart(mask, values=node_labels.values(), connectivity=connectivity)
    part = mask[box]
    classes = {value: node_class for node_class, value in node_labels.items()}
    nodes = []
    for number, within in enumerate(_boxes(numbers), start=1):
        inside = numbers[within] == number
        voxels = int(np.count_nonzero(inside))
        nodes.append(
            Node(
                number=number,
                node_class=classes[int(part[within][inside][0])],
                short_axis_mm=short_axis_mm(inside, geometry=geometry),
                volume_ml=voxels * geometry.voxel_ml,
                voxels=voxels,
                place=place_of(
                    inside,
                    box=_shifted(within, by=box),
                    compartments=compartments,
                    labels=compartment_labels,
                    spacing_mm=geometry.spacing_mm,
                    reach_mm=reach_mm,
                ),
            )
        )
    return NodeMap(shape=mask.shape, box=box, part=numbers, nodes=tuple(nodes))


def _told_apart(mask: NDArray[Any], *, values: Iterable[int], connectivity: int) -> NodeParts:
    box = foreground_box(mask)
    part = _only(mask[box], values=values)
    numbers = cc3d.connected_components(part, connectivity=connectivity, out_dtype=np.uint32)
    return NodeParts(box, numbers)


def node_parts_of_task(mask: NDArray[Any]) -> NodeParts:
    """The nodes of a mask by the labels and rules of the task files, told apart and not measured.

    They have the numbers that `measure_nodes_of_task` gives them.
    """
    labels = label_map(TaskId.NODES).node_classes.values()
    return _told_apart(mask, values=labels, connectivity=node_rules().connectivity)


def _boxes(numbers: NDArray[np.uint32]) -> list[Box]:
    """Where each component lies, in the order of the numbers."""
    boxes: list[Box] = cc3d.statistics(numbers)["bounding_boxes"][1:] if numbers.size else []
    return boxes


def _shifted(box: Box, *, by: Box) -> Box:
    """A box within another in the indices of the whole."""
    i, j, k = (
        slice(outer.start + inner.start, outer.start + inner.stop)
        for inner, outer in zip(box, by, strict=True)
    )
    return i, j, k


def _only(mask: NDArray[Any], *, values: Iterable[int]) -> NDArray[np.uint8]:
    """The mask in one byte a voxel, other values 0."""
    kept = np.zeros(mask.shape, dtype=np.uint8, order="F")
    for value in values:
        kept[mask == value] = value
    return kept


def short_axis_mm(inside: NDArray[np.bool_], *, geometry: Geometry) -> float:
    """Short axis of one node in mm, 0 for an empty mask.

    On each axial slice: the longest diameter of the outline, then the caliper width perpendicular
    to it (of several equally long diameters, the one that gives the smallest width). The node's
    short axis is that of the slice where it is greatest. The outline is the convex hull of the
    voxel centres, each widened by a quarter of a voxel along the two in-plane axes, which leaves no
    systematic error (`tasks.calipers`). Over 6,000 ellipses up to 2.5 times as long as wide,
    half of them along the grid, 99 % of the errors were below 0.8 of an in-plane voxel and none
    above 1.4: where several diameters of the outline are nearly longest, the grid chooses.

    Args:
        inside: the node, any box that holds it, indexed (i, j, k).
        geometry: grid that the box is cut from; only spacing and slice axis are used.
    """
    slices, (row_mm, column_mm) = _axial(inside, geometry=geometry)
    return float(greatest_short_axis_mm(slices, row_mm, column_mm))


def _axial(
    inside: NDArray[np.bool_], *, geometry: Geometry
) -> tuple[NDArray[np.bool_], tuple[float, float]]:
    """A node slice by slice in C order, and the distances between rows and between columns."""
    axis = geometry.slice_axis
    row_mm, column_mm = np.delete(np.asarray(geometry.spacing_mm), axis).tolist()
    return np.ascontiguousarray(np.moveaxis(inside, axis, 0)), (row_mm, column_mm)


class Segment(NamedTuple):
    """A straight line between two places of a grid, in voxels (i, j, k); centres are whole."""

    start: NDArray[np.float64]
    end: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeAxes:
    """Where a node's short axis is taken.

    Attributes:
        slice_index: along the grid's slice axis.
        longest: the longest diameter of the outline on that slice.
        short: as long as the short axis, square to the longest diameter, half-way between the two
            corners that the calipers touch.
        longest_mm: length of the longest diameter.
        short_axis_mm: see `short_axis_mm`.
    """

    slice_index: int
    longest: Segment
    short: Segment
    longest_mm: float
    short_axis_mm: float


def node_axes(node_map: NodeMap, node: Node, *, geometry: Geometry) -> NodeAxes:
    """End points of the measurement that gave a node's short axis.

    Args:
        node_map: what `measure_nodes` found.
        node: one of its nodes.
        geometry: of the mask.
    """
    inside = node_map.part == node.number
    slices, spacing_mm = _axial(inside, geometry=geometry)
    width, where, first, second = greatest_calipers(slices, *spacing_mm)
    corners = outline(slices[where]) / VOXEL * spacing_mm
    ends = corners[[first, second]]
    longest_mm = float(np.hypot(*(ends[1] - ends[0])))
    along = (ends[1] - ends[0]) / longest_mm
    across = np.array([-along[1], along[0]])
    touched = corners[[np.argmin(corners @ across), np.argmax(corners @ across)]]
    middle = along * (touched @ along).mean()
    short = middle + np.outer(touched @ across, across)
    axis = geometry.slice_axis
    start = np.array([side.start for side in node_map.box], dtype=np.float64)

    def placed(points_mm: NDArray[np.float64]) -> Segment:
        return Segment(*(start + np.insert(points_mm / spacing_mm, axis, where, axis=1)))

    return NodeAxes(
        slice_index=where + int(start[axis]),
        longest=placed(ends),
        short=placed(short),
        longest_mm=longest_mm,
        short_axis_mm=float(width),
    )


def place_of(
    inside: NDArray[np.bool_],
    *,
    box: Box,
    compartments: NDArray[Any],
    labels: Mapping[tuple[Region, Side], int],
    spacing_mm: Sequence[float],
    reach_mm: float,
) -> Place:
    """Region and side of a node: the compartment that holds most of its voxels.

    Equal shares go to the smaller label. A node that touches none belongs to the compartment whose
    nearest voxel centre is nearest to one of its own, when that is within `reach_mm`; else it is
    `outside`.

    Args:
        inside: the node within `box`.
        box: where the node lies in the full grid.
        compartments: reference compartments over the full grid.
        labels: voxel value of each compartment.
        spacing_mm: of the grid.
        reach_mm: how far to look.
    """
    places = {value: Place(*key) for key, value in labels.items()}
    under = np.bincount(compartments[box][inside].ravel(), minlength=max(places) + 1)
    held = {value: int(under[value]) for value in sorted(places)}
    best = max(held, key=held.__getitem__)
    if held[best]:
        return places[best]
    nearest = _nearest_label(
        inside, box=box, compartments=compartments, spacing_mm=spacing_mm, reach_mm=reach_mm
    )
    return places.get(nearest, Place("outside", None))


def _nearest_label(
    inside: NDArray[np.bool_],
    *,
    box: Box,
    compartments: NDArray[Any],
    spacing_mm: Sequence[float],
    reach_mm: float,
) -> int:
    """Label of the nearest foreground voxel within reach, 0 when there is none."""
    wide, core = _widened(box, shape=compartments.shape, spacing_mm=spacing_mm, reach_mm=reach_mm)
    around = compartments[wide]
    outside_node = np.ones(around.shape, dtype=bool)
    outside_node[core] = ~inside
    distance = distance_transform_edt(outside_node, sampling=spacing_mm)
    distance[around == 0] = np.inf
    flat = int(np.argmin(distance))
    return int(around.flat[flat]) if distance.flat[flat] <= reach_mm else 0


def _widened(
    box: Box, *, shape: tuple[int, ...], spacing_mm: Sequence[float], reach_mm: float
) -> tuple[Box, Box]:
    """The box grown by the reach within the grid, and the old box in the new one's indices."""
    grown, core = [], []
    for side, size, spacing in zip(box, shape, spacing_mm, strict=True):
        margin = int(np.ceil(reach_mm / spacing))
        start = max(0, side.start - margin)
        grown.append(slice(start, min(size, side.stop + margin)))
        core.append(slice(side.start - start, side.stop - start))
    return (grown[0], grown[1], grown[2]), (core[0], core[1], core[2])


def dominant_node(nodes: Sequence[Node]) -> Node | None:
    """The positive node with the largest short axis (first of equals); None when there is none."""
    positive = [node for node in nodes if node.node_class is NodeClass.POSITIVE]
    return max(positive, key=lambda node: node.short_axis_mm, default=None)


def as_dominant_node(node: Node | None) -> DominantNode:
    """A patient's answer from the dominant node; a place outside every compartment stays empty."""
    if node is None:
        return DominantNode(positive=0)
    region = None if node.place.region == "outside" else node.place.region
    return DominantNode(
        positive=1,
        region=region,
        side=node.place.side,
        short_axis_mm=round(node.short_axis_mm, 1),
    )


def measure_nodes_of_task(
    mask: NDArray[Any], *, geometry: Geometry, compartments: NDArray[Any]
) -> NodeMap:
    """`measure_nodes` with the labels and rules of the task files."""
    rules = node_rules()
    return measure_nodes(
        mask,
        geometry=geometry,
        compartments=compartments,
        node_labels=label_map(TaskId.NODES).node_classes,
        compartment_labels=label_map(TaskId.COMPARTMENTS).compartments,
        connectivity=rules.connectivity,
        reach_mm=rules.reach_mm,
    )
