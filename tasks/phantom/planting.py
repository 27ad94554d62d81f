"""Finding each lymph node a place in its compartment, beside vessels and apart from others."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import cc3d
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, find_objects

from schema.terms import Region, Side
from tasks.phantom.lattice import Floats, Lattice
from tasks.phantom.lymph_nodes import NodePlan, PlantedNode
from tasks.specification import node_rules

Box = tuple[slice, slice, slice]

WITHIN = 0.92
"""Least share of a node's voxels that its own compartment holds."""
PROPOSALS = 1500
"""Random places proposed at once."""
TRIALS = 12
"""Proposals that are looked at voxel by voxel."""
RIM_POINTS = 12
MARGIN_VOXELS = 2
EVERYWHERE = np.ones((3, 3, 3), dtype=bool)


class Ground(NamedTuple):
    """Where nodes may be planted, all in (slice, row, column) order.

    Attributes:
        lattice: the stack.
        compartments: uint8 labels.
        vessels: bool; nodes lie beside vessels where there is room.
        labels: value of each compartment.
    """

    lattice: Lattice
    compartments: NDArray[np.uint8]
    vessels: NDArray[np.bool_]
    labels: Mapping[tuple[Region, Side], int]


class Site(NamedTuple):
    """A node that has found its place.

    Attributes:
        planted: where, and how large.
        box: the voxels around it, with a margin.
        depth: float32 over the box, 0 at the centre, 1 on the surface.
        inside: bool over the box, the node's voxels.
    """

    planted: PlantedNode
    box: Box
    depth: Floats
    inside: NDArray[np.bool_]


class _Lodging(NamedTuple):
    """A compartment that a node may go to.

    Attributes:
        region: the compartment.
        side: the patient's side.
        box: where it lies in the stack.
        beside_vessels: whether the node may not cover a vessel.
    """

    region: Region
    side: Side
    box: Box
    beside_vessels: bool


class _Proposal(NamedTuple):
    """A proposed place: centre in (slice, row, column), and the turn of the long axis."""

    centre: NDArray[np.float64]
    turn_rad: float


def find_sites(
    plans: tuple[NodePlan, ...], *, ground: Ground, rng: np.random.Generator
) -> tuple[Site, ...]:
    """A place for every plan, in the plans' order.

    A node that finds none where it was planned goes to another compartment; one that fits nowhere
    is left out.
    """
    taken = np.zeros(ground.compartments.shape, dtype=bool)
    boxes = find_objects(ground.compartments, max_label=max(ground.labels.values()))
    sites: list[Site] = []
    for plan in plans:
        tries = (
            _settle(plan, lodging, ground=ground, taken=taken, rng=rng)
            for lodging in _lodgings(plan, boxes=boxes, labels=ground.labels, rng=rng)
        )
        site = next((found for found in tries if found is not None), None)
        if site is not None:
            taken[site.box] |= site.inside
            sites.append(site)
    return tuple(sites)


def _lodgings(
    plan: NodePlan,
    *,
    boxes: list[Box | None],
    labels: Mapping[tuple[Region, Side], int],
    rng: np.random.Generator,
) -> list[_Lodging]:
    """The planned compartment, the same region's on the other side, then the other regions'.

    The other regions come in random order, the planned side first. Only a node that fits nowhere
    beside the vessels may cover one.
    """
    keys = list(itertools.product(Region, Side))
    mixed = [keys[n] for n in rng.permutation(len(keys))]
    order = sorted(mixed, key=lambda key: (key[0] != plan.region, key[1] != plan.side))
    return [
        _Lodging(region, side, box, beside)
        for beside in (True, False)
        for region, side in order
        if (box := boxes[labels[region, side] - 1]) is not None
    ]


def _settle(
    plan: NodePlan,
    lodging: _Lodging,
    *,
    ground: Ground,
    taken: NDArray[np.bool_],
    rng: np.random.Generator,
) -> Site | None:
    """The first proposed place in one compartment where the node fits."""
    proposals = _proposals(plan, lodging, ground=ground, rng=rng)
    for proposal in itertools.islice(proposals, TRIALS):
        site = _site(plan, lodging, proposal, lattice=ground.lattice)
        if site is not None and _fits(site, ground=ground, taken=taken):
            return site
    return None


def _proposals(
    plan: NodePlan, lodging: _Lodging, *, ground: Ground, rng: np.random.Generator
) -> Iterator[_Proposal]:
    """Random places whose centre, rim and poles lie in the compartment."""
    lattice = ground.lattice
    # drawn in patient space, so that the file's axis order does not matter
    ends = [[side.start, side.stop - 1] for side in lodging.box]
    corners = lattice.to_physical(np.array(list(itertools.product(*ends)), dtype=np.float64))
    points = rng.uniform(corners.min(axis=0), corners.max(axis=0), size=(PROPOSALS, 3))
    turns = rng.uniform(0.0, np.pi, size=PROPOSALS)
    centres = _snapped(lattice.to_index(points), plan=plan, lattice=lattice)
    # the centres alone first: most fail there
    good = _free(centres[:, None], lodging=lodging, ground=ground)
    centres, turns = centres[good], turns[good]
    probes = _surface_probes(plan, centres, turns, lattice=lattice)
    good = _free(probes, lodging=lodging, ground=ground)
    return itertools.starmap(_Proposal, zip(centres[good], turns[good].tolist(), strict=True))


def _snapped(
    centres: NDArray[np.float64], *, plan: NodePlan, lattice: Lattice
) -> NDArray[np.float64]:
    """Centres on slice planes, so that the greatest cross-section is seen.

    A node of hardly two voxels is centred on a voxel too, so that it cannot fall between them.
    """
    coarse = plan.short_axis_mm < 2.0 * lattice.step_mm[1:].max()
    return np.where([True, coarse, coarse], np.rint(centres), centres)


def _surface_probes(
    plan: NodePlan, centres: NDArray[np.float64], turns: NDArray[np.float64], *, lattice: Lattice
) -> NDArray[np.float64]:
    """Points of the outline and near either pole, (places, points, 3), (slice, row, column)."""
    rim = plan.outline.points(RIM_POINTS)
    cosine, sine = np.cos(turns)[:, None], np.sin(turns)[:, None]
    first, second = plane_axes(lattice)
    along = (rim[:, 0] * cosine - rim[:, 1] * sine)[..., None] * first
    across = (rim[:, 0] * sine + rim[:, 1] * cosine)[..., None] * second
    origin = lattice.to_index(np.zeros(3))
    around = centres[:, None, :] + lattice.to_index(along + across) - origin
    pole = np.array([0.8 * half_height_mm(plan, lattice) / lattice.step_mm[0], 0.0, 0.0])
    poles = centres[:, None, :] + np.stack([pole, -pole])
    return np.concatenate([around, poles], axis=1)


def _free(probes: NDArray[np.float64], *, lodging: _Lodging, ground: Ground) -> NDArray[np.bool_]:
    """Which places have every probe, (places, points, 3), in the compartment."""
    shape = np.asarray(ground.lattice.shape)
    voxels = np.rint(probes).astype(int)
    seen = ((voxels >= 0) & (voxels < shape)).all(axis=2)
    s, r, c = np.moveaxis(np.clip(voxels, 0, shape - 1), 2, 0)
    good = seen & (ground.compartments[s, r, c] == ground.labels[lodging.region, lodging.side])
    if lodging.beside_vessels:
        good &= ~ground.vessels[s, r, c]
    return np.asarray(good.all(axis=1))


def plane_axes(lattice: Lattice) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """LPS unit vectors in the slice plane: nearest to the patient's left, and to posterior."""
    normal = lattice.affine[:, 0] / lattice.step_mm[0]
    normal = normal * np.copysign(1.0, normal[2])
    first = np.array([1.0, 0.0, 0.0]) - normal[0] * normal
    first /= np.linalg.norm(first)
    return first, np.cross(normal, first)


def half_height_mm(plan: NodePlan, lattice: Lattice) -> float:
    """Semi-axis along the slice normal: never so flat that a slice could miss it."""
    return max(plan.half_height_ratio * plan.short_axis_mm / 2.0, 0.6 * float(lattice.step_mm[0]))


def _site(
    plan: NodePlan, lodging: _Lodging, proposal: _Proposal, *, lattice: Lattice
) -> Site | None:
    """The node at a proposed place; None where the stack's border would cut it."""
    height = half_height_mm(plan, lattice)
    reach = np.hypot(*plan.outline.points(RIM_POINTS * 3).T).max()
    extent = np.array([height, reach, reach]) / lattice.step_mm
    if (proposal.centre < extent).any() or (
        proposal.centre > np.array(lattice.shape) - 1 - extent
    ).any():
        return None
    low = np.maximum(np.floor(proposal.centre - extent).astype(int) - MARGIN_VOXELS, 0)
    high = np.minimum(
        np.ceil(proposal.centre + extent).astype(int) + MARGIN_VOXELS + 1, lattice.shape
    )
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    depth = _depth(plan, proposal, box=(box[0], box[1], box[2]), lattice=lattice)
    x, y, z = lattice.to_physical(proposal.centre).tolist()
    planted = PlantedNode(
        centre_mm=(x, y, z),
        semi_axes_mm=(plan.outline.long_mm, plan.outline.short_mm, height),
        short_axis_mm=plan.short_axis_mm,
        region=lodging.region,
        side=lodging.side,
        node_class=plan.node_class,
        irregular=plan.irregular,
        heterogeneous=plan.heterogeneous,
    )
    return Site(planted, (box[0], box[1], box[2]), depth, depth <= 1.0)


def _depth(plan: NodePlan, proposal: _Proposal, *, box: Box, lattice: Lattice) -> Floats:
    """Distance from the centre over the distance of the surface in that direction."""
    s, r, c = (
        np.arange(side.start, side.stop) - centre
        for side, centre in zip(box, proposal.centre, strict=True)
    )
    first, second = plane_axes(lattice)
    steps = lattice.affine[:, 1:3]
    left, back = (
        (axis @ steps[:, 0]) * r[:, None] + (axis @ steps[:, 1]) * c for axis in (first, second)
    )
    cosine, sine = np.cos(proposal.turn_rad), np.sin(proposal.turn_rad)
    u = (cosine * left + sine * back) / plan.outline.long_mm
    v = (cosine * back - sine * left) / plan.outline.short_mm
    in_plane = np.hypot(u, v) / plan.outline.radius(np.arctan2(v, u))
    through = s * lattice.step_mm[0] / half_height_mm(plan, lattice)
    return np.asarray(np.hypot(in_plane, through[:, None, None]), dtype=np.float32)


def _fits(site: Site, *, ground: Ground, taken: NDArray[np.bool_]) -> bool:
    """Whether the node lies in its compartment, clear of other nodes, and in one piece."""
    label = ground.labels[site.planted.region, site.planted.side]
    if not site.inside.any():
        return False
    if (ground.compartments[site.box][site.inside] == label).mean() < WITHIN:
        return False
    if (binary_dilation(site.inside, EVERYWHERE) & taken[site.box]).any():
        return False
    connectivity = node_rules().connectivity
    _, pieces = cc3d.connected_components(site.inside, connectivity=connectivity, return_N=True)
    return bool(pieces == 1)
