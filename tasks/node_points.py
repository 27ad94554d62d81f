"""A node by a place within it, as `nodes.csv` names it: from nodes to places and back. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects

from schema.submission import NodePrediction
from tasks.geometry import Geometry, Triple
from tasks.node_measurement import NodeParts

DECIMALS = 3
"""Of a place that is written: a thousandth of a millimetre leaves no voxel."""


def inner_points_mm(parts: NodeParts, *, geometry: Geometry) -> NDArray[np.float64]:
    """The voxel of each node that is nearest to its centre of mass, LPS, shape (nodes, 3).

    The centre itself may lie outside a bent node; of equally near voxels the first stored is taken.
    """
    start = np.array([side.start for side in parts.box])
    spacing_mm = np.asarray(geometry.spacing_mm)
    voxels = []
    boxes = find_objects(parts.part) if parts.part.size else ()
    for number, box in enumerate(boxes, start=1):
        inside = np.argwhere(parts.part[box] == number)
        apart_mm = (inside - inside.mean(axis=0)) * spacing_mm
        nearest = inside[np.argmin((apart_mm**2).sum(axis=1))]
        voxels.append(nearest + start + [side.start for side in box])
    return _placed(np.reshape(voxels, (-1, 3)), geometry=geometry)


def _placed(voxels: NDArray[Any], *, geometry: Geometry) -> NDArray[np.float64]:
    affine = geometry.lps_affine
    return np.asarray(voxels @ affine[:3, :3].T + affine[:3, 3])


def nodes_at(
    points_mm: Sequence[Triple], *, parts: NodeParts, geometry: Geometry
) -> NDArray[np.int64]:
    """Number of the node that holds the voxel centre nearest to each place, 0 for none.

    Args:
        points_mm: LPS, finite.
        parts: the nodes told apart.
        geometry: of the mask that they are of.
    """
    affine = geometry.lps_affine
    apart_mm = np.reshape(np.asarray(points_mm, dtype=np.float64), (-1, 3)) - affine[:3, 3]
    voxels = np.rint(np.linalg.solve(affine[:3, :3], apart_mm.T)).astype(np.int64).T
    places = voxels - [side.start for side in parts.box]
    within = ((places >= 0) & (places < parts.part.shape)).all(axis=1)
    found = np.zeros(len(places), dtype=np.int64)
    found[within] = parts.part[tuple(places[within].T)]
    return found


def node_predictions(
    case_id: str, parts: NodeParts, *, probabilities: Mapping[int, float], geometry: Geometry
) -> list[NodePrediction]:
    """The lines of `nodes.csv` of one case, in the order of the nodes' numbers.

    Args:
        case_id: the case.
        parts: the nodes of the mask that is handed in with it.
        probabilities: by the node's number, of being a lymph node.
        geometry: of that mask.
    """
    points_mm = inner_points_mm(parts, geometry=geometry).round(DECIMALS)
    return [
        NodePrediction(
            case_id=case_id,
            x_mm=float(x),
            y_mm=float(y),
            z_mm=float(z),
            probability=probabilities[number],
        )
        for number, (x, y, z) in enumerate(points_mm, start=1)
    ]
