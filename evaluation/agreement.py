"""Cohen's kappa of two raters, with its interval and its word."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.intervals import Estimate, Interval, no_estimate, z_score

LANDIS_KOCH = (
    (0.0, "poor"),
    (0.20, "slight"),
    (0.40, "fair"),
    (0.60, "moderate"),
    (0.80, "substantial"),
    (math.inf, "almost perfect"),
)
"""Upper bounds and words; below 0 is poor. Source: Landis and Koch, Biometrics 1977."""


class Kappa(NamedTuple):
    """Agreement of two raters."""

    estimate: Estimate
    standard_error: float | None
    words: str | None


def cohen_kappa(first: NDArray[Any], second: NDArray[Any], *, level: float) -> Kappa:
    """(po - pe) / (1 - pe): agreement beyond chance, -1 to 1, higher is better.

    po is the share of equal ratings, pe the share expected from the margins. The interval is
    asymptotic, with the non-null standard error of Fleiss, Cohen and Everitt, Psychol Bull 1969,
    cut at -1 and 1. Without a case, or where both raters use one and the same single category,
    1 - pe is 0 and kappa is undefined.

    Args:
        first: categories, shape (cases,).
        second: categories of the other rater, same shape.
        level: of the interval.

    Raises:
        ValueError: the shapes differ.
    """
    if first.shape != second.shape:
        raise ValueError(f"shapes differ: {first.shape} and {second.shape}")
    if not first.size:
        return Kappa(no_estimate("no case that both rated", n=0), None, None)
    table = _table(first, second)
    # in whole numbers, so that chance is exactly 0 and perfect agreement exactly 1
    agreeing, by_chance = first.size * int(np.trace(table)), _by_chance(table)
    if by_chance == first.size**2:
        reason = "both raters put every case into the same category"
        return Kappa(no_estimate(reason, n=first.size), None, None)
    value = (agreeing - by_chance) / (first.size**2 - by_chance)
    error = _standard_error(table, kappa=value)
    half = z_score(level) * error
    interval = Interval(max(-1.0, value - half), min(1.0, value + half), level, "asymptotic")
    return Kappa(Estimate(value, interval, first.size), error, landis_koch(value))


def _table(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.int64]:
    """Counts of the pairs of categories, first rater in rows."""
    categories, codes = np.unique(np.concatenate([first, second]), return_inverse=True)
    size = categories.size
    pairs = codes[: first.size] * size + codes[first.size :]
    return np.bincount(pairs, minlength=size * size).reshape(size, size).astype(np.int64)


def _by_chance(table: NDArray[np.int64]) -> int:
    """Squared number of cases times the agreement expected from the margins."""
    return int(table.sum(axis=1) @ table.sum(axis=0))


def _standard_error(table: NDArray[np.int64], *, kappa: float) -> float:
    """sqrt((A + B - C) / n) / (1 - pe) of Fleiss, Cohen and Everitt."""
    n = int(table.sum())
    shares, expected = table / n, _by_chance(table) / n**2
    rows, columns = shares.sum(axis=1), shares.sum(axis=0)
    a = (np.diag(shares) * (1 - (rows + columns) * (1 - kappa)) ** 2).sum()
    crossed = shares * (columns[:, None] + rows[None]) ** 2
    b = (1 - kappa) ** 2 * (crossed.sum() - np.trace(crossed))
    c = (kappa - expected * (1 - kappa)) ** 2
    return math.sqrt(max(0.0, float(a + b - c)) / n) / (1 - expected)


def landis_koch(kappa: float) -> str:
    """The word for a kappa; the two-decimal bands are read as half-open: 0.2 is slight."""
    if kappa < 0:
        return LANDIS_KOCH[0][1]
    return next(word for bound, word in LANDIS_KOCH[1:] if kappa <= bound)


def rated_by_both(
    first: Sequence[bool | None], second: Sequence[bool | None]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The ratings of the cases that both raters rated; None is a case not rated."""
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    columns = np.array(pairs, dtype=bool).reshape(-1, 2)
    return columns[:, 0], columns[:, 1]
