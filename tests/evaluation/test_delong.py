"""AUROC by DeLong and average precision, by hand and against scikit-learn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score

from evaluation.delong import auroc_delong, average_precision
from evaluation.intervals import resample_weights

NORMAL, ABNORMAL = (33, 6, 6, 11, 2), (3, 2, 2, 11, 33)
"""Ratings 1 to 5 of 58 normal and 51 abnormal images: Hanley and McNeil, Radiology 1982, Table I,
https://doi.org/10.1148/radiology.143.1.7063747; Stata's example data `hanley`.
"""


def test_area_of_hanley_and_mcneils_ratings() -> None:
    reference = np.repeat([False, True], [sum(NORMAL), sum(ABNORMAL)])
    ratings = np.concatenate([np.repeat(np.arange(5.0), n) for n in (NORMAL, ABNORMAL)])

    found = auroc_delong(reference, ratings, level=0.95)

    # they print an area of 0.893. The manual of Stata, [R] roctab, has DeLong's error and interval:
    # 0.8932, 0.0307, 0.83295 to 0.95339, https://www.stata.com/manuals/rroctab.pdf
    assert found.value == pytest.approx(0.8932, abs=5e-5)
    assert found.interval is not None
    assert found.interval[:2] == pytest.approx((0.83295, 0.95339), abs=5e-6)
    assert found.value is not None
    assert (found.value - found.interval.low) / 1.959964 == pytest.approx(0.0307, abs=5e-5)


def test_error_of_hanley_and_mcneils_ratings_by_counting_pairs() -> None:
    reference = np.repeat([False, True], [sum(NORMAL), sum(ABNORMAL)])
    ratings = np.concatenate([np.repeat(np.arange(5.0), n) for n in (NORMAL, ABNORMAL)])
    above = ratings[reference][:, None] - ratings[~reference][None]
    wins = (above > 0) + 0.5 * (above == 0)
    shares = (wins.mean(axis=1), wins.mean(axis=0))
    error = math.sqrt(sum(each.var(ddof=1) / each.size for each in shares))

    interval = auroc_delong(reference, ratings, level=0.95).interval

    assert interval is not None
    expected = (wins.mean() - 1.959964 * error, wins.mean() + 1.959964 * error)
    assert interval[:2] == pytest.approx(expected, abs=1e-6)


def test_interval_by_hand() -> None:
    # positives .9 .6 .4 and negatives .5 .3: placements of the positives 1, 1, 1/2, of the
    # negatives 2/3, 1; area 5/6; variances 1/12 and 1/18, so 1/36 + 1/36 = 1/18
    reference = np.array([True, True, True, False, False])
    probability = np.array([0.9, 0.6, 0.4, 0.5, 0.3])

    found = auroc_delong(reference, probability, level=0.5)

    assert found.value == pytest.approx(5 / 6)
    assert found.interval is not None
    assert found.interval.low == pytest.approx(5 / 6 - 0.6744898 / math.sqrt(18))
    assert found.interval.high == pytest.approx(5 / 6 + 0.6744898 / math.sqrt(18))
    wide = auroc_delong(reference, probability, level=0.95).interval
    assert wide is not None
    assert wide.high == 1


def test_one_class_or_one_patient_of_a_class_has_no_interval() -> None:
    probability = np.array([0.2, 0.4, 0.9])

    assert auroc_delong(np.ones(3, dtype=bool), probability, level=0.95).value is None
    alone = auroc_delong(np.array([False, False, True]), probability, level=0.95)
    assert (alone.value, alone.interval) == (1, None)
    assert alone.interval_reason == "one patient of a class: the variance is not known"


@st.composite
def answers(draw: st.DrawFn) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    row = st.tuples(st.booleans(), st.integers(0, 5))
    table = draw(st.lists(row, min_size=2, max_size=20))
    reference = np.array([positive for positive, _ in table])
    reference[:2] = True, False
    return reference, np.array([value / 5 for _, value in table])


@given(answers())
@settings(deadline=None, max_examples=50)
def test_values_are_scikit_learns(given: tuple[NDArray[np.bool_], NDArray[np.float64]]) -> None:
    reference, probability = given
    size = reference.size
    weights = resample_weights(
        strata=np.zeros(size, dtype=int), resamples=100, rng=np.random.default_rng(0)
    )

    precision = average_precision(reference, probability, weights=weights, level=0.95)

    assert auroc_delong(reference, probability, level=0.95).value == pytest.approx(
        roc_auc_score(reference, probability)
    )
    assert precision.value == pytest.approx(average_precision_score(reference, probability))


def test_precision_of_a_resample_is_that_of_its_patients() -> None:
    rng = np.random.default_rng(3)
    reference, probability = rng.random(40) < 0.3, np.round(rng.random(40), 1)
    weights = resample_weights(strata=np.zeros(40, dtype=int), resamples=200, rng=rng)

    found = average_precision(reference, probability, weights=weights, level=0.9)

    draws = [
        average_precision_score(np.repeat(reference, drawn), np.repeat(probability, drawn))
        for drawn in weights
    ]
    assert found.interval is not None
    assert found.interval[:2] == pytest.approx(np.quantile(draws, [0.05, 0.95]))
