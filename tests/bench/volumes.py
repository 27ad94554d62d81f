"""Masks to time with: six ellipsoids for compartments, twelve small ones for nodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schema.terms import NodeClass, Region, Side, TaskId
from tasks.specification import label_map, positivity_rules

SPACING_MM = (0.6, 0.6, 3.0)
SIDE_PLACES = {Side.RIGHT: 0.3, Side.LEFT: 0.7}
REGION_PLACES = {Region.EI: 0.3, Region.OB: 0.5, Region.II: 0.7}
COMPARTMENT_RADII = (0.07, 0.08, 0.35)
"""Shares of the grid: six such ellipsoids fill 4.9 % of it."""
NODE_DIAMETERS_MM = (4.0, 12.0)
NODE_PLACES = (-0.5, 0.5)
"""Of the two nodes of a compartment, along its long axis."""
LARGEST_NODE = (0.45, 0.45, 0.2)
"""Semi-axes of a node as shares of its compartment's: on a small grid nodes are smaller."""

Bytes = NDArray[np.uint8]
Size = tuple[int, int, int]


class Pair(NamedTuple):
    """One mask of the reference and one of the prediction, axes (i, j, k), i fastest."""

    reference: Bytes
    prediction: Bytes


class Masks(NamedTuple):
    """What one patient has."""

    compartments: Pair
    nodes: Pair


class Ellipsoid(NamedTuple):
    """A label where it lies: centre and semi-axes in voxels."""

    label: int
    centre: NDArray[np.float64]
    radii: NDArray[np.float64]


def draw_masks(size: Size, *, seed: int) -> Masks:
    """Draw reference and prediction of both mask tasks; same seed, same voxels."""
    rng = np.random.default_rng(seed)
    compartments = list(_compartments(size))
    nodes = list(_nodes(compartments, rng=rng))
    found = [_perturbed(node, rng=rng, shift=1) for node in nodes[1:]]
    spurious = nodes[-1]._replace(centre=compartments[0].centre)
    return Masks(
        compartments=Pair(
            painted(compartments, size=size),
            painted([_perturbed(each, rng=rng, shift=4) for each in compartments], size=size),
        ),
        nodes=Pair(painted(nodes, size=size), painted([*found, spurious], size=size)),
    )


def _compartments(size: Size) -> Iterator[Ellipsoid]:
    for (region, side), label in label_map(TaskId.COMPARTMENTS).compartments.items():
        centre = np.array((SIDE_PLACES[side], REGION_PLACES[region], 0.5)) * size
        yield Ellipsoid(label, centre, np.array(COMPARTMENT_RADII) * size)


def _nodes(compartments: Sequence[Ellipsoid], *, rng: np.random.Generator) -> Iterator[Ellipsoid]:
    """Two nodes in each compartment; the class goes by the drawn diameter."""
    labels, threshold_mm = label_map(TaskId.NODES).node_classes, positivity_rules().short_axis_mm
    for compartment in compartments:
        for place in NODE_PLACES:
            diameter_mm = rng.uniform(*NODE_DIAMETERS_MM)
            node_class = NodeClass.POSITIVE if diameter_mm >= threshold_mm else NodeClass.NEGATIVE
            yield Ellipsoid(
                labels[node_class],
                np.round(compartment.centre + compartment.radii * (0, 0, place)),
                np.minimum(
                    diameter_mm / 2 / np.array(SPACING_MM), compartment.radii * LARGEST_NODE
                ),
            )


def _perturbed(each: Ellipsoid, *, rng: np.random.Generator, shift: int) -> Ellipsoid:
    """Shifted by 1 to `shift` voxels in plane and 0 or 1 slice, scaled by at most 5 %."""
    steps = np.append(rng.integers(1, shift, 2, endpoint=True), rng.integers(0, 1, endpoint=True))
    signs = rng.choice((-1, 1), 3)
    return Ellipsoid(
        each.label, each.centre + signs * steps, each.radii * rng.uniform(0.95, 1.05, 3)
    )


def painted(ellipsoids: Sequence[Ellipsoid], *, size: Size) -> Bytes:
    """Paint ellipsoids into an empty mask; the first one keeps what it has."""
    mask = np.zeros(size, dtype=np.uint8, order="F")
    for each in ellipsoids:
        low = np.clip(np.floor(each.centre - each.radii), 0, size).astype(int)
        high = np.clip(np.ceil(each.centre + each.radii) + 1, 0, size).astype(int)
        box = tuple(slice(start, stop) for start, stop in zip(low, high, strict=True))
        axes = np.ogrid[box]
        far = sum(
            ((axis - middle) / radius) ** 2
            for axis, middle, radius in zip(axes, each.centre, each.radii, strict=True)
        )
        mask[box][(far <= 1) & (mask[box] == 0)] = each.label
    return mask


def size_name(size: Size) -> str:
    """`320x320x32`."""
    return "x".join(map(str, size))
