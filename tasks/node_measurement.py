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
from scipy.ndimage import binary_erosion, distance_transform_edt, find_objects
from scipy.spatial import ConvexHull

from schema.cohort import DominantNode
from schema.terms import NodeClass, Region, Side, TaskId
from tasks.geometry import Geometry
from tasks.specification import label_map, node_rules

Box = tuple[slice, slice, slice]

_OUTSET_VOXELS = 0.25
"""How far the outline passes outside the outermost voxel centres, along either in-plane axis.

Measured on random ellipses of 3 to 15 mm short axis at 0.6 to 0.8 mm pixels: the outline through
the centres is 0.18 mm too narrow on average, one along the voxel edges (0.5) 0.36 to 0.44 mm too
wide, this one within 0.1 mm with a standard deviation of 0.12 to 0.17 mm.
"""
_OUTSETS = _OUTSET_VOXELS * np.array([(-1.0, 0.0), (1.0, 0.0), (0.0, -1.0), (0.0, 1.0)])


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


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeMap:
    """Every node of one mask.

    Attributes:
        numbers: array of the mask's shape, 0 outside nodes, else the node's number.
        nodes: in the order of their numbers, so that `nodes[n - 1].number == n`.
    """

    numbers: NDArray[np.uint32]
    nodes: tuple[Node, ...]


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
    numbers, count = cc3d.connected_components(
        _only(mask, values=node_labels.values()),
        connectivity=connectivity,
        return_N=True,
        out_dtype=np.uint32,
    )
    classes = {value: node_class for node_class, value in node_labels.items()}
    nodes = []
    for number, box in enumerate(find_objects(numbers, max_label=count), start=1):
        inside = numbers[box] == number
        nodes.append(
            Node(
                number=number,
                node_class=classes[int(mask[box][inside][0])],
                short_axis_mm=short_axis_mm(inside, geometry=geometry),
                volume_ml=float(np.count_nonzero(inside)) * geometry.voxel_ml,
                voxels=int(np.count_nonzero(inside)),
                place=place_of(
                    inside,
                    box=box,
                    compartments=compartments,
                    labels=compartment_labels,
                    spacing_mm=geometry.spacing_mm,
                    reach_mm=reach_mm,
                ),
            )
        )
    return NodeMap(numbers=numbers, nodes=tuple(nodes))


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
    systematic error (see `_OUTSET_VOXELS`). Over 6,000 ellipses up to 2.5 times as long as wide,
    half of them along the grid, 99 % of the errors were below 0.8 of an in-plane voxel and none
    above 1.4: where several diameters of the outline are nearly longest, the grid chooses.

    Args:
        inside: the node, any box that holds it, indexed (i, j, k).
        geometry: grid that the box is cut from; only spacing and slice axis are used.
    """
    axis = geometry.slice_axis
    spacing = np.delete(np.asarray(geometry.spacing_mm), axis)
    slices = np.moveaxis(inside, axis, 0)
    return max((_slice_short_axis_mm(each, spacing) for each in slices if each.any()), default=0.0)


def _slice_short_axis_mm(inside: NDArray[np.bool_], spacing_mm: NDArray[np.float64]) -> float:
    outline = _outline_mm(inside, spacing_mm)
    offsets = outline[:, None] - outline[None]
    lengths = np.linalg.norm(offsets, axis=2)
    longest = offsets[lengths >= lengths.max() * (1 - 1e-9)]
    normals = longest[:, ::-1] * (-1.0, 1.0) / lengths.max()
    return float(np.ptp(outline @ normals.T, axis=0).min())


def _outline_mm(inside: NDArray[np.bool_], spacing_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Corners of the convex outline in mm, shape (n, 2)."""
    rim = np.argwhere(inside & ~binary_erosion(inside))
    points = (rim[:, None] + _OUTSETS).reshape(-1, 2) * spacing_mm
    corners: NDArray[np.float64] = points[ConvexHull(points).vertices]
    return corners


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
