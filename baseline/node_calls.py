"""From probabilities to masks: which voxels are a compartment, which are a node, and of what class.

Pure. Label values, connectivity and the measuring of nodes are the task files' and `tasks`'.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cc3d
import numpy as np
from numpy.typing import NDArray

from schema.terms import NodeClass, TaskId
from tasks.geometry import Geometry
from tasks.node_measurement import Node, NodeMap, NodeParts, measure_nodes_of_task
from tasks.specification import label_map, node_rules

Floats = NDArray[np.float32]
Mask = NDArray[np.uint8]

LIKELIER_THAN_NOT = 0.5


class NodeCall(NamedTuple):
    """One predicted node and how sure the networks are of it and of its class."""

    node: Node
    positive_probability: float
    """Of this node being positive, given that it is a node."""
    node_probability: float
    """Of being a node, of either class: the mean over its voxels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Everything found in one volume.

    Attributes:
        compartments: label values of the task, (i, j, k).
        nodes: label values of the task, (i, j, k).
        parts: where each node is.
        calls: of every node, in the order of its number.
    """

    compartments: Mask
    nodes: Mask
    parts: NodeParts
    calls: tuple[NodeCall, ...]


def compartment_names() -> tuple[str, ...]:
    """Names of the compartments in the order of their label values."""
    return tuple(label.name for label in label_map(TaskId.COMPARTMENTS).labels)


def node_names() -> tuple[str, ...]:
    """Names of the node classes in the order of their label values."""
    return tuple(label.name for label in label_map(TaskId.NODES).labels)


def names_of_part(part: str) -> tuple[str, ...]:
    """Labels that one set of networks answers for: `joint` for all, else those of its mask."""
    names = {"compartments": compartment_names(), "nodes": node_names()}
    return names.get(part, (*compartment_names(), *node_names()))


def find(
    *,
    compartments: Mapping[str, Floats],
    nodes: Mapping[str, Floats],
    geometry: Geometry,
    exclusive: bool,
    minimum_node_ml: float,
) -> Findings:
    """Turn the probabilities of one volume into masks and measured nodes.

    Args:
        compartments: probability of each compartment by its name, each (i, j, k).
        nodes: probability of each node class by its name, each (i, j, k).
        geometry: the grid.
        exclusive: see `compartment_mask`.
        minimum_node_ml: smaller nodes are dropped.
    """
    places = compartment_mask(compartments, exclusive=exclusive)
    mask = node_mask(nodes, smallest_voxels=_voxels(minimum_node_ml, geometry=geometry))
    found = measure_nodes_of_task(mask, geometry=geometry, compartments=places)
    return Findings(compartments=places, nodes=mask, parts=found.parts, calls=_calls(found, nodes))


def _voxels(volume_ml: float, *, geometry: Geometry) -> int:
    # a volume of 3 voxels is not to become 4 for a rounding error
    return max(1, math.ceil(volume_ml / geometry.voxel_ml - 1e-6))


def compartment_mask(probabilities: Mapping[str, Floats], *, exclusive: bool) -> Mask:
    """The likeliest compartment of each voxel, where it is likely enough.

    Likely enough is: likelier than the background where labels exclude each other (softmax), above
    one half where each has a head of its own (sigmoid). Of equally likely ones the smaller label
    value is taken.

    Args:
        probabilities: of each compartment by its name, each of shape (i, j, k).
        exclusive: whether they and the background sum to 1.
    """
    labels = label_map(TaskId.COMPARTMENTS).labels
    shape = next(iter(probabilities.values())).shape
    best, mask = np.zeros(shape, dtype=np.float32), np.zeros(shape, dtype=np.uint8)
    total = np.zeros(shape, dtype=np.float32)
    for label in labels:  # ascending, and only a greater probability takes over
        probability = probabilities[label.name]
        total += probability
        better = probability > best
        mask[better] = label.value
        np.maximum(best, probability, out=best)
    limit = 1 - total if exclusive else LIKELIER_THAN_NOT
    mask[best <= limit] = 0
    return mask


def node_mask(probabilities: Mapping[str, Floats], *, smallest_voxels: int) -> Mask:
    """Nodes, each of one class.

    The classes exclude each other, so their probabilities sum to that of a node: a node of doubtful
    class is still a node. A voxel is part of one where the sum is above one half. Voxels that touch
    as the task file says are one node, its class the one with the greatest mean probability over
    its voxels; of equal ones the positive.

    Args:
        probabilities: of each class by the name of its label, each of shape (i, j, k).
        smallest_voxels: a node of fewer is dropped.
    """
    labels = sorted(
        label_map(TaskId.NODES).labels, key=lambda label: label.node_class is NodeClass.POSITIVE
    )
    likely = np.sum([probabilities[label.name] for label in labels], axis=0) > LIKELIER_THAN_NOT
    part = cc3d.connected_components(
        likely, connectivity=node_rules().connectivity, out_dtype=np.uint32
    )
    sizes = np.bincount(part.ravel(), minlength=1)
    means = np.stack([_means(probabilities[label.name], part, sizes) for label in labels])
    # argmax takes the first of equals: the positive class, which is last, goes first
    winners = len(labels) - 1 - means[::-1].argmax(axis=0)
    values = np.array([label.value for label in labels], dtype=np.uint8)[winners]
    values[(sizes < smallest_voxels) | (np.arange(sizes.size) == 0)] = 0
    mask: Mask = values[part]
    return mask


def _means(
    values: Floats, part: NDArray[np.uint32], sizes: NDArray[np.int_]
) -> NDArray[np.float64]:
    """Mean of some values over each part."""
    sums = np.bincount(part.ravel(), weights=values.ravel(), minlength=sizes.size)
    return np.asarray(sums / np.maximum(sizes, 1), dtype=np.float64)


def _calls(found: NodeMap, probabilities: Mapping[str, Floats]) -> tuple[NodeCall, ...]:
    """Every node, measured as the scorer does and placed by the *predicted* compartments."""
    sizes = np.bincount(found.part.ravel(), minlength=len(found.nodes) + 1)
    means = {
        label.node_class: _means(probabilities[label.name][found.box], found.part, sizes)
        for label in label_map(TaskId.NODES).labels
    }
    positive = means[NodeClass.POSITIVE]
    either = positive + means[NodeClass.NEGATIVE]
    share = positive / np.maximum(either, np.finfo(np.float64).tiny)
    sure = np.minimum(either, 1.0)  # single precision may leave a sum above 1
    return tuple(
        NodeCall(node, float(share[node.number]), float(sure[node.number])) for node in found.nodes
    )


def most_suspicious(calls: Sequence[NodeCall]) -> NodeCall | None:
    """The node likeliest to be positive, the larger of equals; None when there is no node."""
    return max(
        calls,
        key=lambda call: (call.positive_probability, call.node.short_axis_mm),
        default=None,
    )
