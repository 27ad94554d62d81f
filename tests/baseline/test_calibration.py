from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_curve

from baseline.calibration import (
    Calibration,
    Features,
    calibrate,
    features_of,
    fit_logistic,
    uncalibrated,
    youden_threshold,
)
from baseline.node_calls import NodeCall
from schema.terms import NodeClass, Region, Side
from tasks.node_measurement import Node, Place
from tasks.specification import positivity_rules


def call(probability: float, short_axis_mm: float) -> NodeCall:
    node = Node(
        number=1,
        node_class=NodeClass.POSITIVE if probability >= 0.5 else NodeClass.NEGATIVE,
        short_axis_mm=short_axis_mm,
        volume_ml=0.2,
        voxels=20,
        place=Place(Region.OB, Side.LEFT),
    )
    return NodeCall(node, probability, node_probability=0.9)


def patients(
    number: int, *, seed: int, turned: float = 1.0
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Features and status drawn from a curve of weights 0.8 and 2, or of their negatives."""
    rng = np.random.default_rng(seed)
    features = np.column_stack([rng.normal(-1, 2, number), rng.uniform(-1, 1.5, number)])
    odds = turned * (features @ [0.8, 2.0] - 0.3)
    return features, rng.random(number) < 1 / (1 + np.exp(-odds))


@pytest.mark.parametrize(("number", "seed"), [(24, 1), (60, 2), (400, 3), (5000, 4)])
def test_the_curve_is_scikit_learn_s(number: int, seed: int) -> None:
    features, status = patients(number, seed=seed)

    intercept, *weights = fit_logistic(features, status)

    peer = LogisticRegression(C=1.0, tol=1e-10, max_iter=10_000).fit(features, status)
    assert (peer.coef_ > 0).all()  # else the two would rightly differ
    assert intercept == pytest.approx(peer.intercept_[0], abs=1e-4)
    assert weights == pytest.approx(peer.coef_[0], abs=1e-4)


def test_many_patients_give_the_curve_they_were_drawn_from() -> None:
    features, status = patients(50_000, seed=5)

    assert fit_logistic(features, status) == pytest.approx((-0.3, 0.8, 2.0), abs=0.1)


def test_a_feature_that_points_the_wrong_way_gets_no_weight() -> None:
    features, status = patients(400, seed=6, turned=-1.0)

    intercept, suspicion, size = fit_logistic(features, status)

    assert (suspicion, size) == (0.0, 0.0)
    # nothing but the prevalence is left
    assert 1 / (1 + np.exp(-intercept)) == pytest.approx(status.mean(), abs=1e-5)


@settings(max_examples=30)
@given(
    st.integers(0, 10_000),
    st.tuples(st.floats(-5, 5), st.floats(-1, 2)),
    st.tuples(st.floats(0, 5), st.floats(0, 2)),
)
def test_more_suspicious_or_larger_is_never_less_likely(
    seed: int, low: tuple[float, float], more: tuple[float, float]
) -> None:
    features, status = patients(40, seed=seed)
    status[:5], status[5:10] = True, False
    rule = calibrate([Features(*each) for each in features], status.tolist(), minimum_node_ml=0.0)

    before = rule.probability(Features(*low))
    after = rule.probability(Features(low[0] + more[0], low[1] + more[1]))

    assert 0 <= before <= after <= 1


def test_patients_that_can_be_told_apart_give_a_finite_curve_and_are_said_to() -> None:
    separated = [Features(-3.0, -0.5)] * 8 + [Features(3.0, 0.8)] * 6
    rule = calibrate(separated, [False] * 8 + [True] * 6, minimum_node_ml=0.02)

    assert rule.separable
    assert rule.method == "logistic"
    assert 0 < rule.suspicion < 3
    assert rule.out_of_fold is not None
    assert (rule.out_of_fold.true_positive, rule.out_of_fold.true_negative) == (6, 8)
    # the penalty holds the probabilities away from 0 and 1
    assert 0.01 < rule.probability(separated[0]) < rule.threshold
    assert rule.threshold < rule.probability(separated[-1]) < 0.99


@pytest.mark.parametrize("positive", [0, 4, 26, 30])
def test_too_few_of_either_kind_fit_no_curve(positive: int) -> None:
    features, _ = patients(30, seed=7)
    status = [number < positive for number in range(30)]

    rule = calibrate([Features(*each) for each in features], status, minimum_node_ml=0.02)

    assert rule.method == "node_probability"
    assert (rule.intercept, rule.suspicion, rule.size) == (0.0, 1.0, 0.0)
    assert (rule.threshold, rule.threshold_rule) == (0.5, "half")
    assert f"{positive} positive and {30 - positive} negative patients" in rule.reason


def test_five_of_either_kind_are_enough() -> None:
    features, _ = patients(10, seed=8)

    rule = calibrate([Features(*each) for each in features], [True, False] * 5, minimum_node_ml=0.0)

    assert rule.method == "logistic"


def test_nobody_at_all_is_no_error() -> None:
    rule = calibrate([], [], minimum_node_ml=0.0)

    assert rule.method == "node_probability"
    assert rule.out_of_fold is None


@pytest.mark.parametrize("seed", range(5))
def test_the_threshold_has_the_greatest_youden_index(seed: int) -> None:
    rng = np.random.default_rng(seed)
    status = rng.random(80) < 0.3
    probabilities = np.clip(rng.normal(0.3 + 0.3 * status, 0.2), 0, 1).round(2).astype(np.float64)

    threshold = youden_threshold(probabilities, status)

    called = probabilities >= threshold
    index = called[status].mean() - called[~status].mean()
    false_rate, true_rate, _ = roc_curve(status, probabilities)
    assert index == pytest.approx((true_rate - false_rate).max())


def test_the_threshold_lies_halfway_between_two_patients() -> None:
    # 0.2 and 0.4 negative, 0.6 and 0.8 positive: 0.5 alone is right for all
    assert youden_threshold(
        np.array([0.2, 0.4, 0.6, 0.8]), np.array([False, False, True, True])
    ) == pytest.approx(0.5)
    # below 0.9 and above 0.1 either cut loses one of two: the one nearer to one half is taken
    assert youden_threshold(
        np.array([0.1, 0.2, 0.7, 0.9]), np.array([False, True, False, True])
    ) == pytest.approx(0.8)


def test_where_all_are_equally_likely_the_threshold_is_one_half() -> None:
    assert youden_threshold(np.full(6, 0.3), np.array([True, False] * 3)) == 0.5


def test_the_figures_out_of_fold_are_those_of_the_frozen_rule() -> None:
    features, status = patients(200, seed=9)
    found = [Features(*each) for each in features]

    rule = calibrate(found, status.tolist(), minimum_node_ml=0.0)

    probabilities = np.array([rule.probability(each) for each in found])
    called = np.array([rule.is_positive(each) for each in probabilities])
    assert rule.out_of_fold is not None
    assert rule.out_of_fold.model_dump() == {
        "true_positive": int((called & status).sum()),
        "false_positive": int((called & ~status).sum()),
        "false_negative": int((~called & status).sum()),
        "true_negative": int((~called & ~status).sum()),
        "brier": pytest.approx(brier_score_loss(status, probabilities), abs=1e-6),
    }


def test_features_are_those_of_the_likeliest_node() -> None:
    threshold_mm = positivity_rules().short_axis_mm
    calls = [call(0.2, 3 * threshold_mm), call(0.8, 1.5 * threshold_mm), call(0.8, threshold_mm)]

    # log(0.8 / 0.2), and half a threshold above it
    assert features_of(calls) == pytest.approx((np.log(4), 0.5))


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ([], (np.log(1 / 99), -1.0)),
        ([call(0.0, 4.0)], (np.log(1 / 99), 4 / positivity_rules().short_axis_mm - 1)),
        ([call(1.0, 400.0)], (np.log(99), 2.0)),
    ],
    ids=["no node", "never positive", "huge"],
)
def test_features_are_held_within_bounds(
    calls: list[NodeCall], expected: tuple[float, float]
) -> None:
    assert features_of(calls) == pytest.approx(expected)


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.5, 60)), max_size=5))
def test_no_patient_is_below_one_without_a_node(nodes: list[tuple[float, float]]) -> None:
    without, found = features_of([]), features_of([call(*each) for each in nodes])

    assert found.suspicion >= without.suspicion
    assert found.size >= without.size


def test_without_a_curve_the_probability_is_the_node_s() -> None:
    rule = uncalibrated(reason="a test", minimum_node_ml=0.01)

    assert rule.probability(features_of([call(0.73, 9.0)])) == pytest.approx(0.73, abs=1e-6)
    assert rule.probability(features_of([])) == pytest.approx(0.01, abs=1e-6)


def test_the_file_comes_back_as_it_was() -> None:
    features, status = patients(60, seed=10)
    rule = calibrate([Features(*each) for each in features], status.tolist(), minimum_node_ml=0.02)

    assert Calibration.model_validate_json(rule.model_dump_json()) == rule


@pytest.mark.parametrize(
    "change",
    [{"suspicion": -0.1}, {"threshold": 1.0}, {"threshold_rule": "youden"}, {"version": 2}],
)
def test_rules_that_could_not_have_been_frozen_are_refused(change: dict[str, object]) -> None:
    rule = uncalibrated(reason="a test", minimum_node_ml=0.01).model_dump()

    with pytest.raises(ValidationError):
        Calibration(**(rule | change))
