"""Free-response ROC: nodes found against false alarms a patient, by a falling threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.intervals import BLOCK_CELLS, Estimate, bootstrapped, divide, no_estimate

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Weights = NDArray[np.int32]


class Detections(NamedTuple):
    """Every predicted node, and how many nodes there are to be found.

    Attributes:
        probability: of each predicted node, shape (nodes,).
        hit: whether it is matched with a reference node, one to one, shape (nodes,).
        patient: index of its patient, shape (nodes,).
        reference: reference nodes of each patient, shape (patients,).
    """

    probability: Floats
    hit: Bools
    patient: NDArray[np.intp]
    reference: NDArray[np.int64]


class FreeResponse(NamedTuple):
    """Sensitivities at the rates of false alarms, and their mean.

    Attributes:
        mean: with its interval; n is the number of reference nodes.
        sensitivity: at each rate; empty when there is no mean.
    """

    mean: Estimate
    sensitivity: tuple[float, ...]


def free_response(
    found: Detections, *, rates: Sequence[float], weights: Weights, level: float
) -> FreeResponse:
    """The mean of the sensitivities at some rates of false alarms, patients resampled.

    Args:
        found: predicted nodes and the number of reference nodes.
        rates: false alarms a patient.
        weights: resamples, shape (resamples, patients).
        level: of the interval.

    Returns:
        Undefined without a reference node.
    """
    nodes = int(found.reference.sum())
    if not nodes:
        return FreeResponse(no_estimate("no reference node", n=0), ())
    whole = np.ones((1, found.reference.size), dtype=np.int32)
    value = sensitivities(found, rates=rates, weights=whole)[0]
    draws = sensitivities(found, rates=rates, weights=weights).mean(axis=1)
    mean = bootstrapped(float(value.mean()), draws, n=nodes, level=level)
    return FreeResponse(mean, tuple(map(float, value)))


def sensitivities(found: Detections, *, rates: Sequence[float], weights: Weights) -> Floats:
    """The highest sensitivity that a threshold reaches with no more false alarms a patient.

    Nodes of equal probability are called together; above the highest probability none is called.
    Source: Setio et al., Med Image Anal 2017.

    Args:
        found: predicted nodes and the number of reference nodes.
        rates: false alarms a patient.
        weights: how often each patient counts, shape (rows, patients).

    Returns:
        Shape (rows, rates); NaN in a row without a reference node.
    """
    order = np.argsort(-found.probability, kind="stable")
    ranked = found._replace(
        probability=found.probability[order],
        hit=found.hit[order],
        patient=found.patient[order],
    )
    # the last node of each probability
    ends = np.flatnonzero(np.diff(ranked.probability, append=np.nan))
    rows = max(1, BLOCK_CELLS // max(1, order.size))
    blocks = [
        _of_block(ranked, ends=ends, rates=rates, weights=weights[start : start + rows])
        for start in range(0, len(weights), rows)
    ]
    return np.concatenate(blocks)


def _of_block(
    ranked: Detections, *, ends: NDArray[np.intp], rates: Sequence[float], weights: Weights
) -> Floats:
    """Sensitivities of some rows; nodes come from the highest probability to the lowest."""
    times = weights[:, ranked.patient]
    hits, alarms = (
        np.cumsum(times * kind, axis=1, dtype=np.int64)[:, ends]
        for kind in (ranked.hit, ~ranked.hit)
    )
    allowed = np.multiply.outer(weights.sum(axis=1), np.asarray(rates))
    # alarms rise with each threshold, so their number below the limit is the last threshold's place
    reached = np.stack([(alarms <= limit[:, None]).sum(axis=1) for limit in allowed.T], axis=1)
    from_none = np.pad(hits, ((0, 0), (1, 0))).astype(np.float64)
    best = np.take_along_axis(from_none, reached, axis=1)
    return divide(best, (weights @ ranked.reference).astype(np.float64)[:, None])
