"""How two groups of patients differ at baseline: test by a stated rule, standardised difference."""

from __future__ import annotations

import math
import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2_contingency, fisher_exact, mannwhitneyu, shapiro, ttest_ind

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

NORMAL_P = 0.05
"""Shapiro-Wilk below this in a group: the means are not compared, the ranks are."""
LARGE = 50
"""From this many patients in each group means are near normal whatever the values are."""
LEAST_EXPECTED = 5.0
"""Any expected count below this: Fisher's exact test, where the table is 2x2."""


class Comparison(NamedTuple):
    """A p value with its test's name, or the reason for none; and the standardised difference."""

    p_value: float | None
    test: str
    difference: float | None


def compare_means(first: Floats, second: Floats) -> Comparison:
    """Student's t, or Mann-Whitney where a small group is not normal.

    The t test where both groups have at least 50 values, or Shapiro-Wilk gives p >= 0.05 in both;
    Mann-Whitney otherwise. Standardised difference: difference of the means over the root of the
    mean variance (Austin, Stat Med 2009); the sign is that of second less first.
    """
    if min(first.size, second.size) < 2:
        return Comparison(None, "fewer than two values in a group", None)
    spread = math.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 2)
    if not spread:
        return Comparison(None, "the same value in every patient", None)
    difference = float(second.mean() - first.mean()) / spread
    if all(map(_is_near_normal, (first, second))):
        return Comparison(float(ttest_ind(first, second).pvalue), "Student's t", difference)
    return Comparison(float(mannwhitneyu(first, second).pvalue), "Mann-Whitney", difference)


def _is_near_normal(values: Floats) -> bool:
    if values.size >= LARGE:
        return True
    if values.size < 3 or np.ptp(values) == 0:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of few or equal values: the p value stands
        return bool(shapiro(values).pvalue >= NORMAL_P)


def compare_counts(table: NDArray[np.int64]) -> Comparison:
    """Pearson's chi-square without correction, or Fisher's exact test of a sparse 2x2 table.

    Fisher's where an expected count is below 5 and there are two levels. Standardised difference
    of the last level's share: (p2 - p1) / sqrt((p1 q1 + p2 q2) / 2), for two levels only.

    Args:
        table: counts, levels in rows and the two groups in columns.
    """
    present = table[table.sum(axis=1) > 0]
    if present.shape[0] < 2 or not (table.sum(axis=0) > 0).all():
        return Comparison(None, "one level or one group only", None)
    difference = _share_difference(table) if table.shape[0] == 2 else None
    totals = present.sum(axis=1)[:, None] * present.sum(axis=0)[None]
    if present.shape[0] == 2 and (totals / present.sum()).min() < LEAST_EXPECTED:
        return Comparison(float(fisher_exact(present).pvalue), "Fisher's exact", difference)
    test = chi2_contingency(present, correction=False)
    return Comparison(float(test.pvalue), "Pearson's chi-square", difference)


def _share_difference(table: NDArray[np.int64]) -> float | None:
    first, second = (float(share) for share in table[-1] / table.sum(axis=0))
    spread = math.sqrt((first * (1 - first) + second * (1 - second)) / 2)
    return (second - first) / spread if spread else None
