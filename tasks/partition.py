"""Dividing patients into parts, stratum by stratum. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp


def groups_of(
    cases: Sequence[str],
    *,
    patients: Mapping[str, str],
    images: Mapping[str, str],
) -> tuple[tuple[str, ...], ...]:
    """Cases that must stay together: of one patient, or with one image; in order.

    Args:
        cases: all of them.
        patients: case to patient; a case that is not there is a patient of its own.
        images: case to the digest of its image, where it has one.
    """
    leader = {case: case for case in cases}

    def first(case: str) -> str:
        while leader[case] != case:
            case = leader[case]
        return case

    for facts in (patients, images):
        seen: dict[str, str] = {}
        for case in cases:
            if case in facts:
                one, other = first(case), first(seen.setdefault(facts[case], case))
                leader[max(one, other)] = min(one, other)
    groups: dict[str, list[str]] = {}
    for case in cases:
        groups.setdefault(first(case), []).append(case)
    return tuple(sorted(tuple(sorted(group)) for group in groups.values()))


def apportion(
    sizes: Sequence[int], *, shares: Sequence[Fraction], rng: np.random.Generator
) -> NDArray[np.int64]:
    """How many of each stratum go to each part, shape (strata, parts).

    Every count is its exact share rounded up or down, and so is the total of every part: controlled
    rounding, which always exists (Cox, J Am Stat Assoc 1987;82:520). Among those one is drawn.

    Args:
        sizes: patients of each stratum.
        shares: of each part, summing to 1.
        rng: draws.
    """
    exact = [[size * share for share in shares] for size in sizes]
    low = np.array([[floor(each) for each in row] for row in exact], dtype=np.int64)
    room = np.array([[ceil(each) for each in row] for row in exact]) - low
    left = np.array(sizes) - low.sum(axis=1)
    totals = [sum(sizes) * share for share in shares]
    least, most = (np.array([turn(each) for each in totals]) for turn in (floor, ceil))
    strata, parts = low.shape
    rows = np.kron(np.eye(strata), np.ones(parts))
    columns = np.kron(np.ones(strata), np.eye(parts))
    drawn = milp(
        rng.random(low.size),
        integrality=np.ones(low.size),
        bounds=Bounds(0, room.reshape(-1)),
        constraints=[
            LinearConstraint(rows, left, left),
            LinearConstraint(columns, least - low.sum(axis=0), most - low.sum(axis=0)),
        ],
    )
    assert drawn.x is not None
    added: NDArray[np.int64] = np.rint(drawn.x).astype(np.int64).reshape(low.shape)
    return low + added


def divided(
    strata: Sequence[int], *, shares: Sequence[Fraction], rng: np.random.Generator
) -> NDArray[np.int64]:
    """The part of each patient.

    Args:
        strata: stratum of each patient, numbered from 0 without a gap.
        shares: of each part, summing to 1.
        rng: draws; the same one gives the same parts.
    """
    labels = np.asarray(strata, dtype=np.int64)
    counts = apportion(np.bincount(labels).tolist(), shares=shares, rng=rng)
    parts = np.empty(len(labels), dtype=np.int64)
    for stratum, row in enumerate(counts):
        members = rng.permutation(np.flatnonzero(labels == stratum))
        parts[members] = np.repeat(np.arange(len(shares)), row)
    return parts
