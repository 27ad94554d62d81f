"""Brier score, recalibration, binned curve and decision curve."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy.special import expit, logit

from evaluation.calibration import brier, calibration_bins, decision_curve, recalibration
from evaluation.intervals import resample_weights
from schema.terms import Status


def test_brier_score_by_hand() -> None:
    weights = resample_weights(
        strata=np.zeros(3, dtype=int), resamples=100, rng=np.random.default_rng(0)
    )

    found = brier(
        np.array([True, False, True]), np.array([0.8, 0.4, 1.0]), weights=weights, level=0.95
    )

    assert found.value == pytest.approx((0.04 + 0.16) / 3)


@pytest.mark.parametrize("slope", [0.4, 1.0, 2.5])
def test_slope_and_intercept_are_statsmodels(slope: float) -> None:
    rng = np.random.default_rng(1)
    odds = rng.normal(-1, 1.5, 400)
    probability, reference = expit(odds), rng.random(400) < expit(0.5 + slope * odds)

    found = recalibration(reference, probability, level=0.95)

    both = sm.Logit(reference.astype(float), np.column_stack([odds, np.ones(400)])).fit(disp=0)
    family = sm.families.Binomial()
    large = sm.GLM(reference.astype(float), np.ones(400), family=family, offset=odds).fit()
    for ours, theirs in ((found.slope, both), (found.intercept, large)):
        assert ours.value == pytest.approx(theirs.params[0], abs=1e-6)
        assert ours.interval is not None
        assert ours.interval[:2] == pytest.approx(theirs.conf_int()[0], abs=1e-5)


def test_calls_without_a_probability_are_cut_and_far_too_extreme() -> None:
    # the paper's calls: logit .999 = 6.9068; log odds 45/44 and 16/375 are that far apart
    reference = np.repeat([True, False, True, False], [45, 44, 16, 375])
    called = np.repeat([1.0, 1.0, 0.0, 0.0], [45, 44, 16, 375])

    found = recalibration(reference, called, level=0.95)

    expected = (logit(45 / 89) - logit(16 / 391)) / (2 * logit(0.999))
    assert found.slope.value == pytest.approx(expected, abs=1e-6)
    assert found.intercept.value is not None


def test_what_cannot_be_recalibrated_says_why() -> None:
    reference = np.array([False, False, True, True])
    separated = recalibration(reference, np.array([0.1, 0.2, 0.7, 0.9]), level=0.95)
    constant = recalibration(reference, np.full(4, 0.3), level=0.95)
    one_class = recalibration(np.ones(4, dtype=bool), np.full(4, 0.3), level=0.95)

    assert separated.slope.status is Status.SEPARATED
    assert constant.slope.reason == "one probability for every patient"
    assert constant.intercept.value == pytest.approx(logit(0.5) - logit(0.3))
    assert one_class.intercept.reason == "patients of one class only"


def test_bins_hold_every_patient_once_and_keep_equal_probabilities_together() -> None:
    rng = np.random.default_rng(2)
    probability, reference = np.round(rng.random(97), 1), rng.random(97) < 0.5

    found = calibration_bins(reference, probability, bins=5, level=0.95)

    assert sum(each.observed.n for each in found) == 97
    means = [each.mean_probability for each in found]
    assert means == sorted(means)
    positives = [round((each.observed.value or 0) * each.observed.n) for each in found]
    assert sum(positives) == reference.sum()
    alone = calibration_bins(reference, np.zeros(97), bins=5, level=0.95)
    assert [each.observed.n for each in alone] == [97]


def test_net_benefit_by_hand() -> None:
    # 2 of 4 positive. At .2: called .9 .6 .3, TP 2, FP 1: 2/4 - 1/4 * .25; all: 1/2 - 1/2 * .25
    reference = np.array([True, True, False, False])
    probability = np.array([0.9, 0.6, 0.3, 0.1])

    low, high = decision_curve(reference, probability, thresholds=(0.2, 0.5))

    assert low == pytest.approx((0.2, 0.5 - 0.0625, 0.5 - 0.125))
    assert high == pytest.approx((0.5, 0.5, 0.0))
