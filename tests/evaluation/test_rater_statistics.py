"""Weighted, Fleiss' and Gwet's agreement against published examples and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from statsmodels.stats.contingency_tables import mcnemar as their_mcnemar
from statsmodels.stats.inter_rater import cohens_kappa
from statsmodels.stats.inter_rater import fleiss_kappa as their_fleiss

from evaluation.agreement import cohen_kappa
from evaluation.intervals import resample_weights
from evaluation.rater_statistics import (
    codes_rated_by_both,
    fleiss_kappa,
    gwet_ac1,
    mcnemar,
    reader_range,
    weighted_kappa,
)
from schema.terms import Status

FLEISS = (
    (0, 0, 0, 0, 14),
    (0, 2, 6, 4, 2),
    (0, 0, 3, 5, 6),
    (0, 3, 9, 2, 0),
    (2, 2, 8, 1, 1),
    (7, 7, 0, 0, 0),
    (3, 2, 6, 3, 0),
    (2, 5, 3, 2, 2),
    (6, 5, 2, 1, 0),
    (0, 2, 2, 3, 7),
)
"""Fourteen raters, ten cases, five categories, kappa 0.210: the worked example of
https://en.wikipedia.org/wiki/Fleiss%27_kappa
"""


def weights_of(size: int) -> np.ndarray:
    strata = np.zeros(size, dtype=int)
    return resample_weights(strata=strata, resamples=200, rng=np.random.default_rng(1))


def pairs(*counts: int) -> tuple[np.ndarray, np.ndarray]:
    """Both positive, first only, second only, neither."""
    first = np.repeat([True, True, False, False], counts)
    return first, np.repeat([True, False, True, False], counts)


def test_ac1_of_gwets_example_is_high_where_kappa_is_below_chance() -> None:
    # the paradox of kappa that Gwet describes, https://doi.org/10.1348/000711006X126600; by hand:
    # agreement 118/125 = .944, positive 123/125 = .984 and 120/125 = .96.
    # kappa: chance .984 * .96 + .016 * .04 = .94528, (.944 - .94528) / .05472 = -.0234
    # AC1: mean .972, chance 2 * .972 * .028 = .054432, (.944 - .054432) / .945568 = .9408
    first, second = pairs(118, 5, 2, 0)

    assert gwet_ac1(first, second, level=0.95).value == pytest.approx(0.9408, abs=5e-5)
    assert cohen_kappa(first, second, level=0.95).estimate.value == pytest.approx(-0.0234, abs=5e-5)


def test_interval_of_ac1_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    truth = gwet_ac1(*pairs(3000, 600, 600, 5800), level=0.95).value
    population = np.column_stack(pairs(3000, 600, 600, 5800))
    covered = 0
    for _ in range(400):
        first, second = population[rng.integers(0, 10000, 120)].T
        interval = gwet_ac1(first, second, level=0.95).interval
        assert interval is not None
        assert truth is not None
        covered += interval.low <= truth <= interval.high
    assert 0.92 <= covered / 400 <= 0.98


def test_fleiss_kappa_of_the_worked_example() -> None:
    ratings = np.array([np.repeat(np.arange(5), row) for row in FLEISS])

    found = fleiss_kappa(ratings, categories=5, weights=weights_of(10), level=0.95)

    assert found.value == pytest.approx(0.210, abs=5e-4)
    assert found.value == pytest.approx(their_fleiss(np.array(FLEISS)))


def test_interval_of_fleiss_kappa_is_that_of_resampled_cases() -> None:
    ratings = np.array([np.repeat(np.arange(5), row) for row in FLEISS])
    weights = weights_of(10)

    found = fleiss_kappa(ratings, categories=5, weights=weights, level=0.9)

    draws = [their_fleiss(np.repeat(np.array(FLEISS), drawn, axis=0)) for drawn in weights]
    assert found.interval is not None
    assert found.interval[:2] == pytest.approx(np.quantile(draws, [0.05, 0.95]))


def test_weighted_kappa_and_its_error_are_statsmodels() -> None:
    rng = np.random.default_rng(2)
    first = rng.integers(0, 3, 200)
    second = np.clip(first + rng.integers(-1, 2, 200), 0, 2)
    table = np.zeros((3, 3), dtype=int)
    np.add.at(table, (first, second), 1)

    found = weighted_kappa(first, second, categories=3, level=0.95)

    theirs = cohens_kappa(table, wt="linear")
    assert found.value == pytest.approx(theirs.kappa)
    assert found.interval is not None
    assert found.interval[:2] == pytest.approx((theirs.kappa_low, theirs.kappa_upp))


def test_weighted_kappa_of_two_categories_is_cohens() -> None:
    first, second = (each.astype(np.intp) for each in pairs(45, 16, 44, 375))

    found = weighted_kappa(first, second, categories=2, level=0.95)

    expected = cohen_kappa(first, second, level=0.95).estimate
    assert found.value == pytest.approx(expected.value)
    assert found.interval is not None
    assert expected.interval is not None
    assert found.interval[:2] == pytest.approx(expected.interval[:2])


def test_mcnemar_of_the_paper_is_exact() -> None:
    first, second = pairs(45, 16, 44, 375)
    theirs = their_mcnemar([[45, 16], [44, 375]], exact=True)

    assert mcnemar(first, second).value == pytest.approx(theirs.pvalue)
    assert mcnemar(first, second).value == pytest.approx(3.94e-4, abs=5e-7)
    assert mcnemar(first, first).value == 1


def test_a_perfect_model_is_above_the_readers_and_a_guessing_one_below() -> None:
    rng = np.random.default_rng(3)
    truth = rng.random(150) < 0.3
    readers = np.stack([truth ^ (rng.random(150) < 0.1) for _ in range(3)])
    perfect = reader_range(readers, np.stack([truth] * 3), weights=weights_of(150), level=0.95)
    chance = np.stack([rng.random(150) < 0.3] * 3)
    wrong = reader_range(readers, chance, weights=weights_of(150), level=0.95)

    kappas = [
        cohen_kappa(readers[a], readers[b], level=0.95).estimate.value or 0
        for a, b in ((0, 1), (0, 2), (1, 2))
    ]
    assert (perfect.lowest, perfect.highest) == pytest.approx((min(kappas), max(kappas)))
    assert perfect.verdict == "above"
    assert wrong.verdict == "below"
    assert wrong.difference.interval is not None
    assert wrong.difference.interval.high < 0


def test_what_has_no_agreement_says_why() -> None:
    nobody = np.zeros(0, dtype=bool)
    same = np.zeros(5, dtype=np.intp)

    assert gwet_ac1(nobody, nobody, level=0.95).reason == "no case that all rated"
    assert mcnemar(nobody, nobody).status is Status.UNDEFINED
    assert weighted_kappa(same, same, categories=3, level=0.95).value is None
    ones = np.zeros((5, 2), dtype=np.intp)
    assert fleiss_kappa(ones, categories=2, weights=weights_of(5), level=0.95).value is None
    alone = reader_range(
        np.ones((1, 5), dtype=bool), np.ones((1, 5), dtype=bool), weights=weights_of(5), level=0.95
    )
    assert (alone.verdict, alone.difference.value) == (None, None)


def test_cases_that_one_rater_left_out_are_not_counted() -> None:
    first, second = codes_rated_by_both([0, None, 2], [1, 1, 2])

    assert (first.tolist(), second.tolist()) == ([0, 2], [1, 2])
