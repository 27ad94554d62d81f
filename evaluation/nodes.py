"""Scoring of the nodes: overlap, detection, class and short axis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.case_values import column, failed_case, figure, measured
from evaluation.froc import Detections, free_response
from evaluation.intervals import Estimate, ratio_of_sums
from evaluation.mask_figures import (
    labels,
    mask_figures,
    overlap_figures,
    overlap_scopes,
    overlap_values,
    surface_values,
)
from evaluation.matching import match_nodes
from evaluation.overlap import LabelPairs, Overlap, foreground, label_pairs, overlap
from schema.result import CaseScore, CaseValue, Figure, Matrix, NodeScore
from schema.statistics import Froc
from schema.task import Task
from schema.terms import NodeClass
from tasks.geometry import Geometry
from tasks.label_pass import joined
from tasks.node_measurement import Node, NodeMap

ANY = "any"
MATCHED = "matched"
VOLUMES = ("intersection_ml", "reference_ml", "prediction_ml")
"""Auxiliary per-case values behind the aggregate Dice."""
SPURIOUS_PER_CLASS_OF_A_FAILED_CASE = 1
PROBABILITY_OF_A_FAILED_CASE = 1.0
"""Of its spurious nodes in the FROC: called at every threshold."""
NO_PROBABILITIES: Mapping[int, float] = MappingProxyType({})


class Counts(NamedTuple):
    """Nodes of one case and scope: matched, missed and spurious."""

    reference: int
    matched_reference: int
    prediction: int
    matched_prediction: int


def score_case(
    *,
    case_id: str,
    reference: NDArray[Any],
    prediction: NDArray[Any],
    reference_nodes: NodeMap,
    prediction_nodes: NodeMap,
    geometry: Geometry,
    task: Task,
    probabilities: Mapping[int, float] = NO_PROBABILITIES,
) -> CaseScore:
    """Score one case.

    Args:
        case_id: the case.
        reference: node labels, shape (i, j, k), integers.
        prediction: the same, on the same grid.
        reference_nodes: the nodes of the reference, measured.
        prediction_nodes: those of the prediction, placed by the *reference* compartments.
        geometry: grid of both.
        task: the nodes task.
        probabilities: of the predicted nodes, by their number, as far as they are known.
    """
    assert task.nodes is not None, "the nodes task file has a [nodes] table"
    pairs = label_pairs(reference, prediction, values=labels(task).values)
    box = joined((reference_nodes.box, prediction_nodes.box))
    matches = match_nodes(
        reference_nodes.within(box),
        prediction_nodes.within(box),
        reference_count=len(reference_nodes.nodes),
        prediction_count=len(prediction_nodes.nodes),
        minimum_iou=task.nodes.matching_iou,
    )
    forward = {match.reference: (match.prediction, match.iou) for match in matches}
    backward = {match.prediction: (match.reference, match.iou) for match in matches}
    volumes = _volumes(pairs, task=task, voxel_ml=geometry.voxel_ml)
    return CaseScore(
        case_id=case_id,
        task=task.id,
        status="scored",
        values=(
            *overlap_values(pairs, task=task),
            *surface_values(
                reference, prediction, pairs=pairs, spacing_mm=geometry.spacing_mm, task=task
            ),
            *volumes,
        ),
        reference_nodes=tuple(_node_score(node, forward) for node in reference_nodes.nodes),
        prediction_nodes=tuple(
            _node_score(node, backward, probability=probabilities.get(node.number))
            for node in prediction_nodes.nodes
        ),
    )


def _volumes(pairs: LabelPairs, *, task: Task, voxel_ml: float) -> list[CaseValue]:
    counts = {label.name: overlap(pairs, value=label.value) for label in labels(task).labels}
    counts[ANY] = foreground(pairs)
    return [value for scope in counts for value in _volumes_of(scope, counts[scope], voxel_ml)]


def _volumes_of(scope: str, counts: Overlap, voxel_ml: float) -> Iterable[CaseValue]:
    for name, count in zip(VOLUMES, counts, strict=True):
        yield measured(name, scope, count * voxel_ml)


def _node_score(
    node: Node, partners: dict[int, tuple[int, float]], *, probability: float | None = None
) -> NodeScore:
    partner, shared = partners.get(node.number, (None, None))
    return NodeScore(
        node=node.number,
        node_class=node.node_class,
        short_axis_mm=node.short_axis_mm,
        volume_ml=node.volume_ml,
        region=node.place.region,
        side=node.place.side,
        matched=partner,
        iou=shared,
        probability=probability,
    )


def score_failed_case(
    *, case_id: str, codes: Sequence[str], reference_nodes: NodeMap, task: Task
) -> CaseScore:
    """A case without a valid prediction: every reference node is missed."""
    scopes = overlap_scopes(task)
    missed = [
        value
        for scope in (*(label.name for label in labels(task).labels), ANY)
        for value in _volumes_of(scope, Overlap(0, 0, 0), 1.0)
        if value.metric != "reference_ml"
    ]
    present = [
        measured("reference_ml", scope, volume)
        for scope, volume in _reference_ml(reference_nodes, task=task).items()
    ]
    failed = failed_case(
        case_id=case_id,
        task=task,
        codes=codes,
        scopes=dict.fromkeys(mask_figures(task), scopes),
        more=(*missed, *present),
    )
    nodes = tuple(_node_score(node, {}) for node in reference_nodes.nodes)
    return failed.model_copy(update={"reference_nodes": nodes})


def _reference_ml(nodes: NodeMap, *, task: Task) -> dict[str, float]:
    volumes = {
        label.name: sum(n.volume_ml for n in nodes.nodes if n.node_class is label.node_class)
        for label in labels(task).labels
    }
    return {**volumes, ANY: sum(volumes.values())}


def summarise(
    cases: Sequence[CaseScore], *, task: Task, weights: NDArray[np.int32]
) -> tuple[Figure, ...]:
    """The figures of the cohort.

    Args:
        cases: every case of the manifest, in its order.
        task: the nodes task.
        weights: patient resamples, shape (resamples, cases).
    """
    level = task.resampling.level
    return (
        *_detection(cases, weights=weights, level=level),
        *_aggregate_dice(cases, task=task, weights=weights),
        *overlap_figures(cases, task=task, weights=weights),
        *_matched(cases, weights=weights, level=level),
    )


def _detection(
    cases: Sequence[CaseScore], *, weights: NDArray[np.int32], level: float
) -> Iterable[Figure]:
    counts = {
        scope: np.array([case_counts(case, scope=scope) for case in cases], dtype=np.float64).T
        for scope in (ANY, *map(str, NodeClass))
    }
    for metric in ("detection_sensitivity", "detection_precision", "detection_f1"):
        for scope, (reference, found, prediction, right) in counts.items():
            numerator, denominator = {
                "detection_sensitivity": (found, reference),
                "detection_precision": (right, prediction),
                "detection_f1": (found + right, reference + prediction),
            }[metric]
            estimate = ratio_of_sums(numerator, denominator, weights=weights, level=level)
            yield figure(metric, scope, estimate)


def case_counts(case: CaseScore, *, scope: str) -> Counts:
    """Detection counts of one case.

    Args:
        case: scored or failed.
        scope: `any`, or a class, in which case a match counts only between nodes of that class.
    """
    classes = {node.node: node.node_class for node in case.prediction_nodes}
    partners = {node.node: node.node_class for node in case.reference_nodes}
    reference = [n for n in case.reference_nodes if scope in (ANY, n.node_class)]
    prediction = [n for n in case.prediction_nodes if scope in (ANY, n.node_class)]
    found = sum(_is_hit(node, classes, scope) for node in reference)
    right = sum(_is_hit(node, partners, scope) for node in prediction)
    assert found == right, "a match has two ends"
    spurious = SPURIOUS_PER_CLASS_OF_A_FAILED_CASE * (len(NodeClass) if scope == ANY else 1)
    extra = spurious if case.status == "failed" else 0
    return Counts(len(reference), found, len(prediction) + extra, right)


def _is_hit(node: NodeScore, partners: dict[int, NodeClass], scope: str) -> bool:
    return node.matched is not None and scope in (ANY, partners[node.matched])


def _aggregate_dice(
    cases: Sequence[CaseScore], *, task: Task, weights: NDArray[np.int32]
) -> Iterable[Figure]:
    for scope in (*(label.name for label in labels(task).labels), ANY):
        common, reference, prediction = (column(cases, name, scope)[0] for name in VOLUMES)
        total = reference + prediction
        estimate = ratio_of_sums(
            2 * common,
            total,
            weights=weights,
            level=task.resampling.level,
            n=int(np.count_nonzero(total)),
        )
        yield figure("aggregate_dice", scope, estimate)


def _matched(
    cases: Sequence[CaseScore], *, weights: NDArray[np.int32], level: float
) -> Iterable[Figure]:
    pairs = [matched_pairs(case) for case in cases]
    count = np.array([len(each) for each in pairs], dtype=np.float64)
    errors = [[p.short_axis_mm - r.short_axis_mm for r, p in each] for each in pairs]
    same = [[float(r.node_class is p.node_class) for r, p in each] for each in pairs]
    for metric, values in (
        ("short_axis_error_mm", [[abs(error) for error in each] for each in errors]),
        ("short_axis_bias_mm", errors),
        ("class_accuracy", same),
    ):
        sums = np.array([sum(each) for each in values], dtype=np.float64)
        estimate = ratio_of_sums(sums, count, weights=weights, level=level)
        yield figure(metric, MATCHED, estimate)


def matched_pairs(case: CaseScore) -> list[tuple[NodeScore, NodeScore]]:
    """Matched nodes of a case as (reference, prediction)."""
    by_number = {node.node: node for node in case.prediction_nodes}
    return [
        (node, by_number[node.matched]) for node in case.reference_nodes if node.matched is not None
    ]


def froc(
    cases: Sequence[CaseScore], *, task: Task, weights: NDArray[np.int32], absent: Estimate | None
) -> tuple[Figure, Froc]:
    """The free-response ROC: its figure with the interval, and its points.

    Args:
        cases: every case of the manifest, in its order.
        task: the nodes task.
        weights: patient resamples, shape (resamples, cases).
        absent: why there is none; None where every predicted node has a probability.
    """
    assert task.nodes is not None, "the nodes task file has a [nodes] table"
    rates = task.nodes.froc_false_alarms
    mean, sensitivity = absent, tuple[float, ...]()
    if mean is None:
        mean, sensitivity = free_response(
            detections(cases), rates=rates, weights=weights, level=task.resampling.level
        )
    return figure("froc", ANY, mean), Froc(
        value=mean.value,
        status=mean.status,
        reason=mean.reason,
        false_positives_per_case=rates if sensitivity else (),
        sensitivity=sensitivity,
    )


def detections(cases: Sequence[CaseScore]) -> Detections:
    """Predicted nodes with their probabilities; a failed case has spurious ones at every threshold.

    Raises:
        ValueError: a predicted node has no probability.
    """
    spurious = (PROBABILITY_OF_A_FAILED_CASE, False)
    of_failed = [spurious] * SPURIOUS_PER_CLASS_OF_A_FAILED_CASE * len(NodeClass)
    nodes = [
        (patient, *node)
        for patient, case in enumerate(cases)
        for node in (of_failed if case.status == "failed" else map(_call, case.prediction_nodes))
    ]
    patient, probability, hit = zip(*nodes, strict=True) if nodes else ((), (), ())
    return Detections(
        probability=np.array(probability, dtype=np.float64),
        hit=np.array(hit, dtype=np.bool_),
        patient=np.array(patient, dtype=np.intp),
        reference=np.array([len(case.reference_nodes) for case in cases], dtype=np.int64),
    )


def _call(node: NodeScore) -> tuple[float, bool]:
    """A predicted node's probability and whether it is matched."""
    if node.probability is None:
        raise ValueError(f"node {node.node} has no probability")
    return node.probability, node.matched is not None


def class_matrix(cases: Sequence[CaseScore]) -> Matrix:
    """Reference class against predicted class of every node, with missed and spurious ones."""
    missed, spurious = "missed", "spurious"
    rows, columns = (*NodeClass, spurious), (*NodeClass, missed)
    cells = np.zeros((len(rows), len(columns)), dtype=int)
    for case in cases:
        for reference, prediction in matched_pairs(case):
            cells[rows.index(reference.node_class), columns.index(prediction.node_class)] += 1
        for node in case.reference_nodes:
            if node.matched is None:
                cells[rows.index(node.node_class), -1] += 1
        for node in case.prediction_nodes:
            if node.matched is None:
                cells[-1, columns.index(node.node_class)] += 1
    return Matrix(
        id="node_class",
        title="Nodes by class",
        rows=tuple(map(str, rows)),
        columns=tuple(map(str, columns)),
        cells=tuple(tuple(map(int, row)) for row in cells),
    )
