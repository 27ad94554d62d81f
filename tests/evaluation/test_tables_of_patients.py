"""Baseline comparisons and limits of agreement, by hand and against published examples."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import chi2_contingency, fisher_exact, mannwhitneyu, ttest_ind

from evaluation.baseline_table import compare_counts, compare_means
from evaluation.bland_altman import limits_of_agreement
from schema.terms import Status

WRIGHT = (494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427)
MINI = (512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451)
"""Peak flow by two meters, l/min: Bland and Altman, Lancet 1986, Table 1, first measurements."""


@pytest.mark.parametrize(
    ("counts", "p_value"),
    [
        (((273, 62), (117, 28)), 0.836),
        (((226, 47), (162, 43)), 0.298),
        (((331, 71), (59, 19)), 0.165),
        (((288, 52), (102, 38)), 0.003),
        (((275, 49), (115, 41)), 0.003),
    ],
)
def test_p_values_of_the_papers_table_are_pearsons_without_correction(
    counts: tuple[tuple[int, int], ...], p_value: float
) -> None:
    found = compare_counts(np.array(counts))

    assert found.test == "Pearson's chi-square"
    assert found.p_value == pytest.approx(p_value, abs=6e-4)
    assert found.p_value == pytest.approx(chi2_contingency(counts, correction=False).pvalue)


def test_sparse_counts_are_compared_by_fishers_test() -> None:
    table = np.array([[8, 2], [1, 5]])

    found = compare_counts(table)

    assert found.test == "Fisher's exact"
    assert found.p_value == pytest.approx(fisher_exact(table).pvalue)


def test_standardised_difference_by_hand() -> None:
    # shares 30 % and 50 % of the second level: .2 / sqrt((.21 + .25) / 2)
    found = compare_counts(np.array([[70, 50], [30, 50]]))
    assert found.difference == pytest.approx(0.2 / math.sqrt(0.23))
    # means 2 and 4, both variances 1
    means = compare_means(np.array([1.0, 2.0, 3.0]), np.array([3.0, 4.0, 5.0]))
    assert means.difference == pytest.approx(2)


def test_large_or_normal_groups_are_compared_by_t_and_others_by_ranks() -> None:
    rng = np.random.default_rng(1)
    skewed = rng.exponential(size=20) ** 3
    normal, large = rng.normal(size=20), rng.exponential(size=60)

    by_ranks, by_t = compare_means(skewed, normal), compare_means(large, large + 1)

    assert by_ranks.test == "Mann-Whitney"
    assert by_ranks.p_value == pytest.approx(mannwhitneyu(skewed, normal).pvalue)
    assert by_t.test == "Student's t"
    assert by_t.p_value == pytest.approx(ttest_ind(large, large + 1).pvalue)


def test_what_cannot_be_compared_says_why() -> None:
    assert compare_counts(np.array([[3, 4], [0, 0]])).test == "one level or one group only"
    assert compare_counts(np.array([[3, 0], [1, 0]])).p_value is None
    assert compare_means(np.array([1.0]), np.array([1.0, 2.0])).p_value is None
    same = compare_means(np.ones(3), np.ones(4))
    assert same.test == "the same value in every patient"


def test_limits_of_agreement_of_bland_and_altman() -> None:
    # they print a mean difference of -2.1, a standard deviation of 38.8, and the interval -22.0
    # to 17.8; limits at 1.96 rather than their 2 standard deviations
    found = limits_of_agreement(np.array(MINI, float), np.array(WRIGHT, float), level=0.95)

    assert found.bias.value == pytest.approx(-2.1, abs=0.05)
    assert found.bias.interval is not None
    assert found.bias.interval[:2] == pytest.approx((-22.0, 17.8), abs=0.1)
    assert found.lower.value == pytest.approx(-2.1 - 1.96 * 38.8, abs=0.1)
    assert found.upper.value == pytest.approx(-2.1 + 1.96 * 38.8, abs=0.1)
    assert found.upper.interval is not None
    # standard error of a limit about sqrt(3 s²/n) = 16.3, t 2.12 on 16 degrees of freedom
    half = (found.upper.interval.high - found.upper.interval.low) / 2
    assert half == pytest.approx(2.12 * 16.3, rel=0.03)


def test_two_pairs_have_no_limits() -> None:
    found = limits_of_agreement(np.array([1.0, 2.0]), np.array([2.0, 2.0]), level=0.95)

    assert found.bias.status is Status.UNDEFINED
    assert found.bias.reason == "2 pairs, fewer than 3"
