"""What the plausibility checks of a cohort look at, from arrays and tables. Pure.

Arrays are indexed (i, j, k); positions are LPS millimetres.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import fisher_exact

from schema.cohort import ClinicalRow, DominantNode
from schema.label import Label
from schema.terms import Side
from tasks.checks.plausibility import (
    CentreFacts,
    CompartmentFacts,
    ImageFacts,
    LabelPlace,
    LocatedNode,
    NodeFacts,
    OtherCohortFacts,
    TwiceFacts,
)
from tasks.geometry import Geometry
from tasks.label_pass import foreground_box
from tasks.node_measurement import NodeMap
from tasks.pictures.orientation import Orientation

Floats = NDArray[np.float64]


def compartment_facts(
    mask: NDArray[Any], *, geometry: Geometry, labels: Sequence[Label]
) -> CompartmentFacts:
    """Where every compartment of a mask lies, to the right or the left of the midline.

    The midline is half-way between the centroids of a region's two sides, the middle one of the
    regions; without a region that has both, half-way across the grid.
    """
    across = _x_by_label(mask, geometry=geometry, labels=labels)
    midline = _midline_mm(across, geometry=geometry, labels=labels)
    return CompartmentFacts(
        places=tuple(
            LabelPlace(label, x.size, _beyond(x, side=label.side, midline_mm=midline))
            for label, x in zip(labels, across, strict=True)
        ),
        midline_mm=midline,
    )


def _x_by_label(mask: NDArray[Any], *, geometry: Geometry, labels: Sequence[Label]) -> list[Floats]:
    """LPS x of every voxel of every label."""
    box = foreground_box(mask)
    part = mask[box]
    voxels = np.nonzero(part)
    values = part[voxels]
    row = geometry.lps_affine[0]
    x = np.full(values.size, row[3])
    for indices, side, step in zip(voxels, box, row[:3], strict=True):
        x += (indices + side.start) * step
    return [x[values == label.value] for label in labels]


def _midline_mm(across: Sequence[Floats], *, geometry: Geometry, labels: Sequence[Label]) -> float:
    by_region: dict[Any, list[float]] = {}
    for label, x in zip(labels, across, strict=True):
        if x.size:
            by_region.setdefault(label.region, []).append(float(x.mean()))
    halves = [sum(pair) / 2 for pair in by_region.values() if len(pair) == 2]
    middle = geometry.lps_affine[0] @ [*((size - 1) / 2 for size in geometry.size), 1.0]
    return median(halves) if halves else float(middle)


def _beyond(x: Floats, *, side: Side | None, midline_mm: float) -> int:
    """Voxels on the other side; the patient's left is where x is greater."""
    wrong = x > midline_mm if side is Side.RIGHT else x < midline_mm
    return int(np.count_nonzero(wrong))


def node_facts(
    node_map: NodeMap, *, consensus: DominantNode | None, threshold_mm: float, reach_mm: float
) -> NodeFacts:
    """The measured nodes of a mask and where each is."""
    return NodeFacts(
        nodes=tuple(LocatedNode(node, _centre(node_map, node.number)) for node in node_map.nodes),
        consensus=consensus,
        threshold_mm=threshold_mm,
        reach_mm=reach_mm,
    )


def _centre(node_map: NodeMap, number: int) -> tuple[int, int, int]:
    where = np.argwhere(node_map.part == number).mean(axis=0)
    i, j, k = (round(at) + side.start for at, side in zip(where, node_map.box, strict=True))
    return int(i), int(j), int(k)


def image_facts(voxels: NDArray[Any]) -> ImageFacts:
    """The extremes of an image."""
    low, high = float(voxels.min()), float(voxels.max())
    return ImageFacts((low, high) if np.isfinite([low, high]).all() else None)


def image_digest(voxels: NDArray[Any], *, geometry: Geometry) -> str:
    """SHA-256 of an image as it is seen, the same in any storage order and voxel type.

    Values are compared as 32-bit floats. Spacing and position do not count: one image exported
    twice may differ in either.
    """
    seen = Orientation.of(geometry).stack(voxels)
    total = hashlib.sha256(repr(seen.shape).encode("ascii"))
    for each in seen:
        total.update(np.ascontiguousarray(each, dtype="<f4").data)
    return "sha256:" + total.hexdigest()


def images_twice(digests: Mapping[str, str]) -> Iterator[TwiceFacts]:
    """Groups of cases with one digest."""
    cases: dict[str, list[str]] = {}
    for case_id, digest in digests.items():
        cases.setdefault(digest, []).append(case_id)
    yield from (TwiceFacts(tuple(group)) for group in cases.values() if len(group) > 1)


def shared_with(
    digests: Mapping[str, str],
    *,
    cases: Iterable[str],
    other: str,
    other_digests: Mapping[str, str],
    other_cases: Iterable[str],
) -> OtherCohortFacts:
    """What two cohorts share.

    Args:
        digests: of this cohort's images, by case, those that could be read.
        cases: every case of this cohort.
        other: the other cohort in words.
        other_digests: of its images.
        other_cases: every case of it.
    """
    twins = {digest: case_id for case_id, digest in other_digests.items()}
    images = tuple(
        (case_id, twins[digest]) for case_id, digest in digests.items() if digest in twins
    )
    there, paired = set(other_cases), {case_id for case_id, _ in images}
    names = tuple(case_id for case_id in cases if case_id in there and case_id not in paired)
    return OtherCohortFacts(other=other, images=images, names=names)


def centre_facts(
    *,
    centres: Sequence[str],
    clinical: Mapping[str, ClinicalRow],
    consensus: Mapping[str, DominantNode] | None,
) -> tuple[CentreFacts, ...]:
    """Patients and positives of every centre; nothing without a clinical table."""
    if not clinical:
        return ()
    members = {
        centre: [case_id for case_id, row in clinical.items() if row.centre == centre]
        for centre in centres
    }
    positive = None
    if consensus is not None:
        positive = {
            centre: sum(consensus[case_id].positive for case_id in cases if case_id in consensus)
            for centre, cases in members.items()
        }
    return tuple(
        CentreFacts(
            name=centre,
            patients=len(cases),
            positive=None if positive is None else positive[centre],
            cohort=len(clinical),
            p_value=_p_value(centre, members=members, positive=positive),
        )
        for centre, cases in members.items()
    )


def _p_value(
    centre: str, *, members: Mapping[str, Sequence[str]], positive: Mapping[str, int] | None
) -> float | None:
    """Fisher's exact test of one centre against the rest, times the number of centres."""
    if positive is None or len(members) < 2:
        return None
    here, called = len(members[centre]), positive[centre]
    rest, others = sum(map(len, members.values())) - here, sum(positive.values()) - called
    table = ((called, here - called), (others, rest - others))
    return min(1.0, float(fisher_exact(table).pvalue) * len(members))
