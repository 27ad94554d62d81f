"""The radiologists' readings of a phantom cohort: three readers who err about a given consensus.

Readers miss positives and call negatives, the same difficult patients more often than the others.
Rejection sampling keeps every pair of readers at moderate to substantial agreement (Landis and
Koch, Biometrics 1977;33:159-174) in the cohort that is drawn, not just on average.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schema.cohort import DominantNode, ReaderRow
from schema.terms import Reader, Region, Side

KAPPA_BAND = (0.5, 0.8)
"""Where Cohen's kappa of every two readers should lie."""
MAXIMUM_DRAWS = 1000
"""Draws before the one nearest to the band is taken."""
UNDEFINED_KAPPA_PENALTY = 1.0
"""The distance from the band of a pair that both call every patient alike, so has no kappa."""
DISAGREEMENT_SPREAD = (0.5, 1.5)
"""A draw multiplies each reader's disagreement by numbers in this range."""
SENIOR_MARGIN = 0.01
"""By how much the senior reader's kappa with the consensus should beat the others'."""

SHORTEST_AXIS_MM = 2.0
LONGEST_AXIS_MM = 500.0
SPURIOUS_AXIS_SD_MM = 1.0
"""Standard deviation about the threshold of the short axis of a node that is not positive."""
DIFFICULT_MARGIN_MM = 1.5
"""A positive node this far from the threshold is missed 1/e as often as one right at it."""

SPURIOUS_REGION_SHARES: Mapping[Region, float] = MappingProxyType(
    {Region.EI: 0.15, Region.OB: 0.50, Region.II: 0.35}
)
"""Where readers see nodes that are not positive. An assumption."""
MISREAD_REGION: Mapping[Region, tuple[Region, ...]] = MappingProxyType(
    {Region.EI: (Region.OB,), Region.OB: (Region.EI, Region.II), Region.II: (Region.OB,)}
)
"""The compartments a node may be mistaken for: those that border on its own."""
OTHER_SIDE: Mapping[Side, Side] = MappingProxyType({Side.RIGHT: Side.LEFT, Side.LEFT: Side.RIGHT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Seniority:
    """How well a reader reads.

    Attributes:
        disagreement: expected 1 - kappa with the consensus, before draws are rejected.
        region_error: probability of naming a neighbouring compartment.
        side_error: probability of naming the other side.
        axis_sd_mm: standard deviation of the reader's short axis about the consensus.
    """

    disagreement: float
    region_error: float
    side_error: float
    axis_sd_mm: float


SENIORITY: Mapping[Reader, Seniority] = MappingProxyType(
    {
        Reader.R1: Seniority(disagreement=0.34, region_error=0.20, side_error=0.04, axis_sd_mm=1.0),
        Reader.R2: Seniority(disagreement=0.25, region_error=0.12, side_error=0.02, axis_sd_mm=0.8),
        Reader.R3: Seniority(disagreement=0.14, region_error=0.06, side_error=0.01, axis_sd_mm=0.6),
    }
)
"""Junior, mid-level and senior. Assumptions, but for the agreement they lead to."""


class _Draw(NamedTuple):
    """The calls of the readers, shape (readers, n), and how far they are from what is wanted."""

    calls: NDArray[np.bool_]
    penalty: float


def draw_readers(
    *,
    case_ids: Sequence[str],
    consensus: Sequence[DominantNode],
    threshold_mm: float,
    rng: np.random.Generator,
) -> tuple[ReaderRow, ...]:
    """Draw three readers about a consensus.

    With at least twelve patients and three of each status, the kappa of every two readers lies in
    KAPPA_BAND, and the agreement with the consensus rises with seniority, the senior reader's being
    the highest by SENIOR_MARGIN. Smaller cohorts may not allow that; they get the nearest draw.

    Args:
        case_ids: the patients.
        consensus: the dominant node of each; the reference.
        threshold_mm: the short axis from which a node is positive by size alone.
        rng: the source of every draw.

    Returns:
        Four rows a patient, readers and consensus, sorted by case, then by reader. A node that the
        consensus puts in no compartment, or on no side, is put in none by the readers either. No
        patients give no rows.

    Raises:
        ValueError: `case_ids` and `consensus` differ in length.
    """
    if len(case_ids) != len(consensus):
        raise ValueError("case_ids and consensus must have the same length")
    calls = _draw_calls(consensus, threshold_mm=threshold_mm, rng=rng)
    cases = tuple(zip(case_ids, consensus, strict=True))
    rows = [_row(case_id, Reader.CONSENSUS, node) for case_id, node in cases]
    for reader, called in zip(SENIORITY, calls, strict=True):
        for (case_id, node), positive in zip(cases, called.tolist(), strict=True):
            seen = _read(
                node,
                positive=positive,
                seniority=SENIORITY[reader],
                threshold_mm=threshold_mm,
                rng=rng,
            )
            rows.append(_row(case_id, reader, seen))
    return tuple(sorted(rows, key=lambda row: (row.case_id, row.reader.value)))


def cohen_kappa(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float | None:
    """The agreement of two readers beyond chance, (p_o - p_e) / (1 - p_e).

    Source: Cohen, Educational and Psychological Measurement 1960;20:37-46.

    Args:
        first: the calls of one reader, shape (n,).
        second: the calls of the other, shape (n,).

    Returns:
        A number in [-1, 1]; None where both call every patient alike, or there is no patient.
    """
    count = first.size
    both_rates = int(first.sum()) * int(second.sum())
    neither_rates = (count - int(first.sum())) * (count - int(second.sum()))
    by_chance = both_rates + neither_rates
    if by_chance == count**2:
        return None
    agreed = count * int((first == second).sum())
    return (agreed - by_chance) / (count**2 - by_chance)


def _draw_calls(
    consensus: Sequence[DominantNode], *, threshold_mm: float, rng: np.random.Generator
) -> NDArray[np.bool_]:
    """The first draw without penalty, or the one with the least, shape (readers, n)."""
    reference = np.array([node.positive == 1 for node in consensus], dtype=np.bool_)
    difficulty = _difficulty(consensus, threshold_mm=threshold_mm, rng=rng)
    best = _draw_once(reference, difficulty=difficulty, rng=rng)
    for _ in range(MAXIMUM_DRAWS - 1):
        if best.penalty == 0.0:
            break
        draw = _draw_once(reference, difficulty=difficulty, rng=rng)
        best = min(best, draw, key=lambda one: one.penalty)
    return best.calls


def _difficulty(
    consensus: Sequence[DominantNode], *, threshold_mm: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """How readily each patient is misread, shape (n,), above 0: chance, and a near threshold."""
    margin_mm = np.array(
        [abs((node.short_axis_mm or threshold_mm) - threshold_mm) for node in consensus],
        dtype=np.float64,
    )
    nearness = np.exp(-np.minimum(margin_mm / DIFFICULT_MARGIN_MM, 3.0))
    return np.asarray(nearness * rng.lognormal(sigma=0.5, size=margin_mm.size), dtype=np.float64)


def _draw_once(
    reference: NDArray[np.bool_], *, difficulty: NDArray[np.float64], rng: np.random.Generator
) -> _Draw:
    """One set of calls by all readers; what they call unanimously is the consensus."""
    wrong = np.stack(
        [
            _errors(reference, difficulty=difficulty, disagreement=reader.disagreement, rng=rng)
            for reader in SENIORITY.values()
        ]
    )
    wrong[-1] &= ~wrong[:-1].all(axis=0)
    calls = reference ^ wrong
    return _Draw(calls, _distance(calls, reference=reference))


def _errors(
    reference: NDArray[np.bool_],
    *,
    difficulty: NDArray[np.float64],
    disagreement: float,
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """Whom a reader misreads, shape (n,): some positives and about as many negatives.

    With e misses and e false calls among P positives and N negatives, kappa with the reference is
    1 - e (P + N) / (P N), which is solved for e.
    """
    wrong = np.zeros(reference.size, dtype=np.bool_)
    errors_at_chance = int(reference.sum()) * int((~reference).sum()) / max(1, reference.size)
    for status in (True, False):
        members = np.flatnonzero(reference == status)
        expected = disagreement * rng.uniform(*DISAGREEMENT_SPREAD) * errors_at_chance
        count = math.floor(expected + rng.random())
        # the first arrivals of exponential clocks are a weighted sample without replacement
        arrival = rng.exponential(size=members.size) / difficulty[members]
        wrong[members[arrival.argsort()[:count]]] = True
    return wrong


def _distance(calls: NDArray[np.bool_], *, reference: NDArray[np.bool_]) -> float:
    """How far the pairs are outside the band, plus how far seniority is out of order."""
    pairs = sum(
        _outside_band(cohen_kappa(one, other)) for one, other in itertools.combinations(calls, 2)
    )
    junior, middle, senior = (cohen_kappa(reference, called) or 0.0 for called in calls)
    return (
        pairs + max(0.0, junior - middle) + max(0.0, max(junior, middle) + SENIOR_MARGIN - senior)
    )


def _outside_band(kappa: float | None) -> float:
    """The distance of a kappa from the band, 0 within it."""
    if kappa is None:
        return UNDEFINED_KAPPA_PENALTY
    lowest, highest = KAPPA_BAND
    return max(0.0, lowest - kappa, kappa - highest)


def _read(
    node: DominantNode,
    *,
    positive: bool,
    seniority: Seniority,
    threshold_mm: float,
    rng: np.random.Generator,
) -> DominantNode:
    """What a reader reports who calls this patient positive or negative."""
    if not positive:
        return DominantNode(positive=0)
    if not node.positive:
        return _spurious(threshold_mm=threshold_mm, rng=rng)
    return DominantNode(
        positive=1,
        region=_region_read(node.region, error=seniority.region_error, rng=rng),
        side=_side_read(node.side, error=seniority.side_error, rng=rng),
        short_axis_mm=_short_axis_mm(
            node.short_axis_mm or threshold_mm, sd_mm=seniority.axis_sd_mm, rng=rng
        ),
    )


def _spurious(*, threshold_mm: float, rng: np.random.Generator) -> DominantNode:
    """A node about as large as the threshold, in a plausible place."""
    shares = SPURIOUS_REGION_SHARES
    return DominantNode(
        positive=1,
        region=list(shares)[rng.choice(len(shares), p=list(shares.values()))],
        side=list(OTHER_SIDE)[rng.integers(len(OTHER_SIDE))],
        short_axis_mm=_short_axis_mm(threshold_mm, sd_mm=SPURIOUS_AXIS_SD_MM, rng=rng),
    )


def _region_read(region: Region | None, *, error: float, rng: np.random.Generator) -> Region | None:
    """The region, or with probability `error` one that borders on it."""
    if region is None or rng.random() >= error:
        return region
    neighbours = MISREAD_REGION[region]
    return neighbours[rng.integers(len(neighbours))]


def _side_read(side: Side | None, *, error: float, rng: np.random.Generator) -> Side | None:
    """The side, or with probability `error` the other one."""
    return side if side is None or rng.random() >= error else OTHER_SIDE[side]


def _short_axis_mm(centre_mm: float, *, sd_mm: float, rng: np.random.Generator) -> float:
    """A measurement with normal error, to the tenth of a millimetre."""
    drawn_mm = float(rng.normal(centre_mm, sd_mm))
    return round(min(max(drawn_mm, SHORTEST_AXIS_MM), LONGEST_AXIS_MM), 1)


def _row(case_id: str, reader: Reader, node: DominantNode) -> ReaderRow:
    """The node as a row of the readers' table."""
    return ReaderRow(
        case_id=case_id,
        reader=reader,
        positive=node.positive,
        region=node.region,
        side=node.side,
        short_axis_mm=node.short_axis_mm,
    )
