"""A complete, imperfect submission made from the reference standard.

It gives the default run something to score: outlines that are a little off, nodes that are missed,
invented, mis-sized or misclassed, and patient calls at a set operating point. It is no model.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import affine_transform, find_objects, gaussian_filter

from schema.cohort import DominantNode
from schema.terms import NodeClass, TaskId
from tasks.geometry import Geometry
from tasks.label_pass import Box
from tasks.node_measurement import (
    NodeMap,
    as_dominant_node,
    dominant_node,
    measure_nodes_of_task,
)
from tasks.specification import label_map

OUTLINE_SMOOTHING_MM = 2.0
OUTLINE_NOISE = (0.1, 0.5)
OUTLINE_NOISE_MM = 5.0
MISSED_SHARE = 0.15
SPURIOUS_MEAN = 0.5
CLASS_ERROR_SHARE = 0.05
SCALE_SD = 0.08
REAL_SURENESS, INVENTED_SURENESS = (3.0, 1.5), (1.5, 3.0)
"""Shapes of the beta distributions that the probabilities of nodes come from."""
BOX_MARGIN = 6


class Answer(NamedTuple):
    """What the simulated model says of one case.

    Attributes:
        compartments: labels, shape (i, j, k).
        nodes: labels, same shape.
        measured: those nodes, placed by those compartments.
        probabilities: of each being a lymph node, by its number.
        dominant: what they amount to.
    """

    compartments: NDArray[np.uint8]
    nodes: NDArray[np.uint8]
    measured: NodeMap
    probabilities: dict[int, float]
    dominant: DominantNode


def patient_calls(
    reference: NDArray[np.bool_],
    *,
    sensitivity: float,
    specificity: float,
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """Calls with the sensitivity and specificity asked for, as nearly as whole patients allow.

    Args:
        reference: LLN-positive or not, shape (patients,).
        sensitivity: share of positives to call positive.
        specificity: share of negatives to call negative.
        rng: chooses who.
    """
    calls = reference.copy()
    for status, share in ((True, sensitivity), (False, specificity)):
        members = np.flatnonzero(reference == status)
        wrong = members.size - round(share * members.size)
        calls[rng.permutation(members)[:wrong]] = not status
    return calls


def call_probability(*, called: bool, positive: bool, rng: np.random.Generator) -> float:
    """A probability on the side of 0.5 that the call is on, surer when the call is right."""
    sureness = rng.beta(2.5, 1.5) if called == positive else rng.beta(1.5, 2.5)
    return float(np.round(0.5 + (0.5 if called else -0.5) * sureness, 4))


def simulate_masks(
    *,
    compartments: NDArray[Any],
    nodes: NDArray[Any],
    geometry: Geometry,
    called: bool,
    rng: np.random.Generator,
) -> Answer:
    """Outlines and nodes of one case, and the dominant node that they amount to.

    Args:
        compartments: reference labels, shape (i, j, k).
        nodes: reference labels, same shape.
        geometry: grid of both.
        called: whether the patient is to be called positive.
        rng: source of every error.
    """
    drawn = _simulate_compartments(compartments, geometry=geometry, rng=rng)
    reference = measure_nodes_of_task(nodes, geometry=geometry, compartments=compartments)
    found = _simulate_nodes(reference, geometry=geometry, rng=rng)
    for _ in range(rng.poisson(SPURIOUS_MEAN)):
        _add_spurious(found, drawn, geometry=geometry, rng=rng)
    classes = label_map(TaskId.NODES).node_classes
    if called and not found.any():
        _add_spurious(found, drawn, geometry=geometry, rng=rng)
    if not called:
        found[found > 0] = classes[NodeClass.NEGATIVE]
    elif found.any() and not (found == classes[NodeClass.POSITIVE]).any():
        _call_largest_positive(found, geometry=geometry, compartments=drawn)
    measured = measure_nodes_of_task(found, geometry=geometry, compartments=drawn)
    dominant = as_dominant_node(dominant_node(measured.nodes))
    return Answer(
        compartments=drawn,
        nodes=found,
        measured=measured,
        probabilities=_node_probabilities(measured, nodes > 0, rng=rng),
        dominant=dominant if dominant.positive else DominantNode(positive=int(called)),
    )


def _node_probabilities(
    measured: NodeMap, reference: NDArray[np.bool_], *, rng: np.random.Generator
) -> dict[int, float]:
    """Above one half, surer of a node that touches one of the reference than of an invented one."""
    real = set(np.unique(measured.part[reference[measured.box]]).tolist())
    sureness = {
        node.number: rng.beta(*(REAL_SURENESS if node.number in real else INVENTED_SURENESS))
        for node in measured.nodes
    }
    return {number: float(np.round(0.5 + each / 2, 4)) for number, each in sureness.items()}


def _simulate_compartments(
    compartments: NDArray[Any], *, geometry: Geometry, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Each label blurred and cut again at a threshold that wanders, in some cases further."""
    drawn = np.zeros(compartments.shape, dtype=np.uint8, order="F")
    best = np.full(compartments.shape, 0.5, dtype=np.float32, order="F")
    smoothing = OUTLINE_SMOOTHING_MM / np.asarray(geometry.spacing_mm)
    amplitude = rng.uniform(*OUTLINE_NOISE)
    wander = OUTLINE_NOISE_MM / np.asarray(geometry.spacing_mm)
    for value, box in enumerate(find_objects(compartments), start=1):
        if box is None:
            continue
        wide = _widen(box, shape=compartments.shape)
        inside = (compartments[wide] == value).astype(np.float32)
        noise = gaussian_filter(rng.standard_normal(inside.shape, dtype=np.float32), wander)
        score = gaussian_filter(inside, smoothing) + amplitude * noise / max(noise.std(), 1e-6)
        better = (score > best[wide]) & (gaussian_filter(inside, smoothing) > 0.05)
        drawn[wide][better] = value
        best[wide][better] = score[better]
    return drawn


def _widen(box: Box, *, shape: tuple[int, ...]) -> Box:
    i, j, k = (
        slice(max(0, side.start - BOX_MARGIN), min(size, side.stop + BOX_MARGIN))
        for side, size in zip(box, shape, strict=True)
    )
    return i, j, k


def _simulate_nodes(
    reference: NodeMap, *, geometry: Geometry, rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Reference nodes, some missed, each a little off in place, size and sometimes class."""
    classes = label_map(TaskId.NODES).node_classes
    numbers = reference.numbers
    found = np.zeros(numbers.shape, dtype=np.uint8, order="F")
    for node, box in zip(reference.nodes, find_objects(numbers), strict=True):
        missed, swapped = rng.random() < MISSED_SHARE, rng.random() < CLASS_ERROR_SHARE
        wide = _widen(box, shape=numbers.shape)
        shape = _wobble(numbers[wide] == node.number, geometry=geometry, rng=rng)
        if not missed:
            found[wide][shape] = classes[_other(node.node_class) if swapped else node.node_class]
    return found


def _other(node_class: NodeClass) -> NodeClass:
    return NodeClass.NEGATIVE if node_class is NodeClass.POSITIVE else NodeClass.POSITIVE


def _wobble(
    inside: NDArray[np.bool_], *, geometry: Geometry, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """The node scaled about its centre and shifted by a fraction of a millimetre; never empty."""
    in_plane = np.ones(3)
    in_plane[geometry.slice_axis] = 0.0
    scale = 1.0 + in_plane * rng.normal(0.0, SCALE_SD)
    shift = in_plane * rng.normal(0.0, 0.4, size=3) / np.asarray(geometry.spacing_mm)
    centre = np.argwhere(inside).mean(axis=0)
    moved = affine_transform(
        inside.astype(np.float32), scale, offset=centre - scale * (centre + shift), order=1
    )
    result: NDArray[np.bool_] = moved > 0.5
    return result if result.any() else inside


def _add_spurious(
    found: NDArray[np.uint8],
    compartments: NDArray[np.uint8],
    *,
    geometry: Geometry,
    rng: np.random.Generator,
) -> None:
    """Draw a small ellipsoid somewhere in a compartment, in place."""
    candidates = np.argwhere(compartments > 0)
    if not candidates.size:
        return
    centre = candidates[rng.integers(len(candidates))]
    radii_mm = rng.uniform(2.0, 3.0) * np.array([1.0, rng.uniform(0.7, 1.0), 1.0])
    radii = np.maximum(radii_mm / np.asarray(geometry.spacing_mm), 0.5)
    reach = np.ceil(radii).astype(int)
    offsets = np.indices(2 * reach + 1).reshape(3, -1).T - reach
    voxels = (centre + offsets)[((offsets / radii) ** 2).sum(axis=1) <= 1.0]
    voxels = voxels[((voxels >= 0) & (voxels < found.shape)).all(axis=1)]
    found[tuple(voxels.T)] = label_map(TaskId.NODES).node_classes[NodeClass.NEGATIVE]


def _call_largest_positive(
    found: NDArray[np.uint8], *, geometry: Geometry, compartments: NDArray[np.uint8]
) -> None:
    """Relabel the node with the largest short axis as positive, in place."""
    measured = measure_nodes_of_task(found, geometry=geometry, compartments=compartments)
    largest = max(measured.nodes, key=lambda node: node.short_axis_mm)
    positive = label_map(TaskId.NODES).node_classes[NodeClass.POSITIVE]
    found[measured.numbers == largest.number] = positive
