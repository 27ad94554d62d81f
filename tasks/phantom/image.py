"""The phantom: anatomy, compartments and nodes of one patient, as one scanner sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from schema.terms import NodeClass, Region, Side
from tasks.geometry import Geometry
from tasks.phantom.canvas import EDGE_MM, Canvas
from tasks.phantom.compartments import draw_compartments
from tasks.phantom.lattice import Floats, Lattice, lattice_over
from tasks.phantom.lymph_nodes import POSITIVE_COUNT, PlantedNode, plan_nodes
from tasks.phantom.patient import draw_patient
from tasks.phantom.planting import Ground, Site, find_sites
from tasks.phantom.tissue import LOOKS, Tissue

BRIGHTEST = 1600
NOISE = (16.0, 26.0)
"""Standard deviation of each channel's noise, arbitrary units."""
COIL_FALL_MM = 55.0
"""Depth at which a surface coil's share has fallen to 1/e."""
RIM_MM = 0.9
"""Thickness of a node's capsule."""
RIM_SHARE = 0.72
"""Signal of the capsule over that of the node."""
MOTTLE_MM = 1.1
"""Size of the spots in a heterogeneous node."""
MOTTLE = 0.34
"""Standard deviation of the spots, as a share of the signal."""
ATTEMPTS = 25


class PhantomVolumes(NamedTuple):
    """One made-up patient, every array of the geometry's size.

    Attributes:
        t2: T2-weighted signal, arbitrary units, int16.
        compartments: labels, filled beneath the nodes, uint8.
        nodes: labels, uint8.
        planted: the truth about every node.
    """

    t2: NDArray[np.int16]
    compartments: NDArray[np.uint8]
    nodes: NDArray[np.uint8]
    planted: tuple[PlantedNode, ...]


def draw_phantom(
    *,
    geometry: Geometry,
    positive: bool,
    compartment_labels: Mapping[tuple[Region, Side], int],
    node_labels: Mapping[NodeClass, int],
    threshold_mm: float,
    rng: np.random.Generator,
    female: bool = False,
) -> PhantomVolumes:
    """Draw one patient.

    Anatomy and nodes lie in patient space about LPS (0, 0, 0): they do not depend on the axis order
    of the grid, but for the rounding of the interpolation. Texture and noise do.

    Args:
        geometry: grid of the stack.
        positive: whether at least one node is positive; where not, none is.
        compartment_labels: voxel value of each compartment.
        node_labels: voxel value of each node class.
        threshold_mm: short axis from which a node is positive.
        rng: source of chance.
        female: draw a uterus rather than prostate and seminal vesicles.

    Raises:
        ValueError: the stack covers so little of the compartments that no positive node fits, or
            the threshold leaves no sizes on both sides of it.
    """
    lattice = lattice_over(geometry)
    body, nodes, look = (np.random.default_rng(seed) for seed in rng.integers(2**63, size=3))
    canvas = Canvas.blank(lattice, patient=draw_patient(female=female, rng=body), rng=look)
    for structure in canvas.patient.structures:
        canvas.draw(structure)
    ground = Ground(
        lattice=lattice,
        compartments=draw_compartments(canvas, labels=compartment_labels),
        vessels=canvas.vessels,
        labels=compartment_labels,
    )
    sites = _plant(ground, positive=positive, threshold_mm=threshold_mm, rng=nodes)
    for site in sites:
        _draw_node(canvas, site, rng=look)
    return PhantomVolumes(
        t2=lattice.to_file_order(_scan(canvas, rng=look)),
        compartments=lattice.to_file_order(ground.compartments),
        nodes=lattice.to_file_order(_node_mask(lattice, sites, labels=node_labels)),
        planted=tuple(site.planted for site in sites),
    )


def _plant(
    ground: Ground, *, positive: bool, threshold_mm: float, rng: np.random.Generator
) -> tuple[Site, ...]:
    """Sites of a whole plan; a plan of which no positive node fits is drawn anew."""
    for _ in range(ATTEMPTS):
        plans = plan_nodes(positive=positive, threshold_mm=threshold_mm, rng=rng)
        sites = find_sites(plans, ground=ground, rng=rng)
        found = any(site.planted.node_class is NodeClass.POSITIVE for site in sites)
        if found == positive and len(sites) >= (POSITIVE_COUNT[0] if positive else 0):
            return sites
    raise ValueError("the stack covers too little of the compartments: no positive node fits")


def _node_mask(
    lattice: Lattice, sites: tuple[Site, ...], *, labels: Mapping[NodeClass, int]
) -> NDArray[np.uint8]:
    mask = np.zeros(lattice.shape, dtype=np.uint8)
    for site in sites:
        mask[site.box][site.inside] = labels[site.planted.node_class]
    return mask


def _draw_node(canvas: Canvas, site: Site, *, rng: np.random.Generator) -> None:
    """Draw a node: even with a thin dark capsule, or mottled."""
    height_mm = (site.depth - np.float32(1)) * np.float32(site.planted.short_axis_mm / 2)
    cover = np.clip(0.5 - height_mm / np.float32(EDGE_MM), 0, 1)
    base = LOOKS[Tissue.LYMPHOID].signal * canvas.patient.gains[Tissue.LYMPHOID]
    rim = np.clip(1 + height_mm / np.float32(RIM_MM), 0, 1) * np.float32(1 - RIM_SHARE)
    target = np.float32(base * rng.uniform(0.9, 1.1)) * (1 - rim)
    if site.planted.heterogeneous:
        target = target * (1 + _mottle(canvas.lattice, site, rng=rng))
    under = canvas.signal[site.box]
    under += cover * (target - under)


def _mottle(lattice: Lattice, site: Site, *, rng: np.random.Generator) -> Floats:
    """Dark and bright spots over the node's box: relative change of signal."""
    noise = rng.standard_normal(site.depth.shape, dtype=np.float32)
    smooth = gaussian_filter(noise, sigma=MOTTLE_MM / lattice.step_mm)
    inner = smooth[site.inside]
    spread = float(inner.std()) if inner.size > 1 else 0.0
    if spread == 0.0:
        return np.zeros_like(smooth)
    return np.asarray(np.clip((smooth - inner.mean()) * np.float32(MOTTLE / spread), -0.6, 0.7))


def _scan(canvas: Canvas, *, rng: np.random.Generator) -> NDArray[np.int16]:
    """Coil sensitivity, Rician noise, integers.

    The magnitude of a complex signal with independent normal noise in either channel is Rician:
    Gudbjartsson and Patz, Magn Reson Med 1995;34:910.
    """
    shape = canvas.lattice.shape
    sigma = np.float32(rng.uniform(*NOISE))
    real = rng.standard_normal(shape, dtype=np.float32)
    real *= sigma
    real += canvas.signal * canvas.lattice.refine(_coil(canvas, rng=rng), canvas.lattice.whole())
    imaginary = rng.standard_normal(shape, dtype=np.float32)
    imaginary *= sigma
    np.multiply(real, real, out=real)
    np.multiply(imaginary, imaginary, out=imaginary)
    real += imaginary
    return np.minimum(np.sqrt(real, out=real), BRIGHTEST).astype(np.int16)


def _coil(canvas: Canvas, *, rng: np.random.Generator) -> Floats:
    """Sensitivity of an anterior and a posterior surface coil, about 1 amid the pelvis."""
    x, y, _ = canvas.points
    fall = np.float32(COIL_FALL_MM)
    front, back = rng.uniform(0.22, 0.38, size=2).astype(np.float32)
    lean = np.float32(rng.uniform(-0.06, 0.06) / 100.0)
    near_front = np.exp(-np.maximum(y + 92, 0) / fall)
    near_back = np.exp(-np.maximum(92 - y, 0) / fall)
    return np.asarray(np.float32(0.86) + front * near_front + back * near_back + lean * x)
