"""Figures of the 2x2 table and the AUROC."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    f1_score,
    matthews_corrcoef,
    precision_score,
    recall_score,
    roc_auc_score,
)

from evaluation import classification
from evaluation.classification import (
    PROPORTIONS,
    TABLE_STATISTICS,
    Counts,
    auroc,
    counts,
    sensitivity,
    specificity,
    table_statistic,
)
from evaluation.intervals import Estimate, resample_weights
from schema.terms import Status

LEVEL = 0.95
PAPER = Counts(tp=45, fn=16, fp=44, tn=375)
"""The one table on 480 patients with the paper's three percentages."""

Bools = NDArray[np.bool_]


def answers(table: Counts) -> tuple[Bools, Bools]:
    """Reference and prediction of patients that make this table."""
    reference = np.repeat([True, True, False, False], table)
    prediction = np.repeat([True, False, True, False], table)
    return reference, prediction


def each_once(size: int) -> NDArray[np.int32]:
    return np.ones((1, size), dtype=np.int32)


def resampled(size: int, *, resamples: int, seed: int = 0) -> NDArray[np.int32]:
    rng = np.random.default_rng(seed)
    return resample_weights(strata=np.zeros(size, dtype=int), resamples=resamples, rng=rng)


def figure(metric: str, table: Counts) -> Estimate:
    """Any figure of the 2x2 table, each patient once."""
    if metric in PROPORTIONS:
        return PROPORTIONS[metric](table, level=LEVEL)
    reference, prediction = answers(table)
    weights = each_once(reference.size)
    return table_statistic(metric, reference, prediction, weights=weights, level=LEVEL)


# --- counts ---


def test_missed_positive_is_a_false_negative_and_called_negative_a_false_positive() -> None:
    reference = np.array([True, True, True, True, False, False, False])
    prediction = np.array([True, False, False, False, True, True, False])
    assert counts(reference, prediction) == Counts(tp=1, fn=3, fp=2, tn=1)


def test_counts_of_nobody_are_zero() -> None:
    nobody = np.zeros(0, dtype=bool)
    assert counts(nobody, nobody) == Counts(0, 0, 0, 0)


@pytest.mark.parametrize("shape", [(2,), (3, 1), (1,), ()])
def test_shapes_that_differ_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        counts(np.ones(3, dtype=bool), np.ones(shape, dtype=bool))


# --- the paper's table ---


@pytest.mark.parametrize(
    ("metric", "value", "low", "high", "n"),
    [
        # 420/480
        ("accuracy", 0.8750, 0.8424, 0.9016, 480),
        # 45/61
        ("sensitivity", 0.7377, 0.6156, 0.8316, 61),
        # 375/419
        ("specificity", 0.8950, 0.8620, 0.9208, 419),
        # 45/89
        ("ppv", 0.5056, 0.4037, 0.6071, 89),
        # 375/391
        ("npv", 0.9591, 0.9346, 0.9747, 391),
    ],
)
def test_proportions_of_the_papers_table(
    metric: str, value: float, low: float, high: float, n: int
) -> None:
    estimate = PROPORTIONS[metric](PAPER, level=LEVEL)
    assert estimate.value == pytest.approx(value, abs=5e-5)
    assert estimate.interval is not None
    assert estimate.interval.low == pytest.approx(low, abs=5e-5)
    assert estimate.interval.high == pytest.approx(high, abs=5e-5)
    assert estimate.interval.method == "wilson"
    assert estimate.n == n


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        # (45/61 + 375/419) / 2 = (.737705 + .894988) / 2
        ("balanced_accuracy", 0.816346),
        # 2·45 / (2·45 + 44 + 16) = 90/150
        ("f1", 0.6),
        # (45·375 - 44·16) / sqrt(89·61·419·391) = 16171 / sqrt(889 427 641) = 16171 / 29823.27
        ("mcc", 0.542228),
    ],
)
def test_table_statistics_of_the_papers_table(metric: str, value: float) -> None:
    reference, prediction = answers(PAPER)
    weights = resampled(480, resamples=300)
    estimate = table_statistic(metric, reference, prediction, weights=weights, level=LEVEL)
    assert estimate.value == pytest.approx(value, abs=1e-6)
    assert estimate.interval is not None
    assert estimate.interval.low < value < estimate.interval.high
    assert estimate.interval.method == "bootstrap"
    assert estimate.n == 480


def test_positive_class_is_lln_positive_so_that_the_papers_two_names_are_swapped() -> None:
    # the paper prints "sensitivity 89.50 %, specificity 73.77 %"; that is this table with the
    # LLN-negative patients as the positive class
    found = sensitivity(PAPER, level=LEVEL).value, specificity(PAPER, level=LEVEL).value
    assert found == pytest.approx((45 / 61, 375 / 419), abs=1e-12)
    assert found != pytest.approx((0.8950, 0.7377), abs=0.1)
    reference, prediction = answers(PAPER)
    negated = counts(~reference, ~prediction)
    as_printed = sensitivity(negated, level=LEVEL).value, specificity(negated, level=LEVEL).value
    assert as_printed == pytest.approx((0.8950, 0.7377), abs=5e-5)


def test_predictive_values_divide_by_the_calls_and_not_by_the_patients() -> None:
    # exchanging reference and prediction exchanges fn and fp: ppv becomes 45/61, npv 375/419
    swapped = counts(*reversed(answers(PAPER)))
    assert swapped == Counts(tp=45, fn=44, fp=16, tn=375)
    assert PROPORTIONS["ppv"](swapped, level=LEVEL).value == pytest.approx(45 / 61)
    assert PROPORTIONS["npv"](swapped, level=LEVEL).value == pytest.approx(375 / 419)


# --- oracle ---

ORACLES: dict[str, Callable[[Bools, Bools], float]] = {
    "accuracy": accuracy_score,
    "sensitivity": recall_score,
    "specificity": lambda a, b: float(recall_score(a, b, pos_label=False)),
    "ppv": precision_score,
    "npv": lambda a, b: float(precision_score(a, b, pos_label=False)),
    "balanced_accuracy": balanced_accuracy_score,
    "f1": f1_score,
    "mcc": matthews_corrcoef,
}

FULL_TABLES = st.builds(
    Counts,
    tp=st.integers(0, 40),
    fn=st.integers(0, 40),
    fp=st.integers(0, 40),
    tn=st.integers(0, 40),
).filter(lambda table: (table.tp and table.tn) or (table.fn and table.fp))
"""Tables with patients and calls of both classes, for which every figure exists."""


def test_every_figure_has_an_oracle() -> None:
    assert set(ORACLES) == {*PROPORTIONS, *TABLE_STATISTICS}


@given(FULL_TABLES)
@settings(deadline=None, max_examples=40)
def test_figures_agree_with_scikit_learn(table: Counts) -> None:
    reference, prediction = answers(table)
    for metric, oracle in ORACLES.items():
        expected = oracle(reference, prediction)
        assert figure(metric, table).value == pytest.approx(expected, abs=1e-12), metric


@given(FULL_TABLES)
@settings(deadline=None, max_examples=40)
def test_exchanging_the_classes_keeps_the_symmetric_figures(table: Counts) -> None:
    mirrored = Counts(tp=table.tn, fn=table.fp, fp=table.fn, tn=table.tp)
    for metric in ("accuracy", "balanced_accuracy", "mcc"):
        expected = figure(metric, table).value
        assert figure(metric, mirrored).value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("metric", sorted(TABLE_STATISTICS))
def test_draws_of_a_table_statistic_are_those_of_the_copied_patients(metric: str) -> None:
    reference, prediction = answers(Counts(tp=6, fn=3, fp=4, tn=9))
    for row in resampled(22, resamples=25, seed=5):
        estimate = table_statistic(metric, reference, prediction, weights=row[None], level=LEVEL)
        expected = ORACLES[metric](np.repeat(reference, row), np.repeat(prediction, row))
        # one resample: both bounds are its draw
        assert estimate.interval is not None
        assert estimate.interval.low == pytest.approx(expected, abs=1e-12)
        assert estimate.interval.high == pytest.approx(expected, abs=1e-12)


# --- figures that do not exist ---

NO_PATIENTS = Counts(0, 0, 0, 0)
ONLY_POSITIVES = Counts(tp=3, fn=2, fp=0, tn=0)
ONLY_NEGATIVES = Counts(tp=0, fn=0, fp=2, tn=3)
NO_POSITIVE_CALL = Counts(tp=0, fn=3, fp=0, tn=4)
NO_NEGATIVE_CALL = Counts(tp=3, fn=0, fp=4, tn=0)
ALL_TRULY_NEGATIVE = Counts(tp=0, fn=0, fp=0, tn=5)
ONE_CLASS, MARGIN = "patients of one class only", "a margin of the 2x2 table is 0"


@pytest.mark.parametrize(
    ("metric", "table", "reason", "n"),
    [
        ("accuracy", NO_PATIENTS, "no patient", 0),
        ("sensitivity", NO_PATIENTS, "no positive patient", 0),
        ("sensitivity", ONLY_NEGATIVES, "no positive patient", 0),
        ("specificity", NO_PATIENTS, "no negative patient", 0),
        ("specificity", ONLY_POSITIVES, "no negative patient", 0),
        ("ppv", NO_PATIENTS, "no positive call", 0),
        ("ppv", NO_POSITIVE_CALL, "no positive call", 0),
        ("npv", NO_PATIENTS, "no negative call", 0),
        ("npv", NO_NEGATIVE_CALL, "no negative call", 0),
        ("balanced_accuracy", NO_PATIENTS, ONE_CLASS, 0),
        ("balanced_accuracy", ONLY_POSITIVES, ONE_CLASS, 5),
        ("balanced_accuracy", ONLY_NEGATIVES, ONE_CLASS, 5),
        ("f1", NO_PATIENTS, "no positive patient and no positive call", 0),
        ("f1", ALL_TRULY_NEGATIVE, "no positive patient and no positive call", 5),
        ("mcc", NO_PATIENTS, MARGIN, 0),
        ("mcc", ONLY_POSITIVES, MARGIN, 5),
        ("mcc", ONLY_NEGATIVES, MARGIN, 5),
        ("mcc", NO_POSITIVE_CALL, MARGIN, 7),
        ("mcc", NO_NEGATIVE_CALL, MARGIN, 7),
    ],
)
def test_figure_without_a_value_says_why(metric: str, table: Counts, reason: str, n: int) -> None:
    assert figure(metric, table) == Estimate(None, None, n, Status.UNDEFINED, reason)


@pytest.mark.parametrize(
    ("metric", "table", "value"),
    [
        ("accuracy", NO_POSITIVE_CALL, 4 / 7),
        ("sensitivity", NO_POSITIVE_CALL, 0.0),
        ("specificity", NO_NEGATIVE_CALL, 0.0),
        ("ppv", ONLY_NEGATIVES, 0.0),
        ("npv", ONLY_POSITIVES, 0.0),
        ("balanced_accuracy", NO_POSITIVE_CALL, 0.5),
        ("balanced_accuracy", NO_NEGATIVE_CALL, 0.5),
        # 2 TP = 0 over 2 TP + FP + FN = 3
        ("f1", NO_POSITIVE_CALL, 0.0),
        ("f1", ONLY_NEGATIVES, 0.0),
        # every answer wrong: (0 - 2·2) / sqrt(2·2·2·2) = -1
        ("mcc", Counts(tp=0, fn=2, fp=2, tn=0), -1.0),
    ],
)
def test_bad_answer_is_a_value_and_not_an_absent_one(
    metric: str, table: Counts, value: float
) -> None:
    estimate = figure(metric, table)
    assert estimate.status is Status.OK
    assert estimate.value == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize("metric", sorted(TABLE_STATISTICS))
def test_figure_absent_from_most_resamples_has_no_interval(metric: str) -> None:
    # the first and third resample hold true negatives only, where no table statistic exists
    reference, prediction = answers(Counts(tp=1, fn=0, fp=0, tn=1))
    weights = np.array([[0, 2], [1, 1], [0, 2]], dtype=np.int32)
    estimate = table_statistic(metric, reference, prediction, weights=weights, level=LEVEL)
    assert estimate.value == 1.0
    assert estimate.interval is None
    assert estimate.interval_reason == "undefined in 67 % of the resamples"


# --- AUROC ---


def area(
    reference: Bools, probability: NDArray[np.float64], *, weights: NDArray[np.int32] | None = None
) -> Estimate:
    weights = each_once(reference.size) if weights is None else weights
    return auroc(reference, probability, weights=weights, level=LEVEL)


def test_area_by_hand_counts_a_tie_one_half() -> None:
    # positives .8 and .4, negatives .4 and .1: .8 wins twice, .4 ties once and wins once:
    # 3.5 of 4 pairs
    estimate = area(np.array([True, False, True, False]), np.array([0.8, 0.4, 0.4, 0.1]))
    assert estimate.value == pytest.approx(0.875)
    assert estimate.n == 4


@pytest.mark.parametrize(
    ("probability", "value"),
    [([0.1, 0.2, 0.8, 0.9], 1.0), ([0.9, 0.8, 0.2, 0.1], 0.0), ([0.5] * 4, 0.5)],
)
def test_higher_probability_of_the_positives_is_better(
    probability: list[float], value: float
) -> None:
    reference = np.array([False, False, True, True])
    assert area(reference, np.array(probability)).value == pytest.approx(value)


def test_area_of_a_yes_or_no_is_the_balanced_accuracy() -> None:
    reference, prediction = answers(PAPER)
    assert area(reference, prediction.astype(float)).value == pytest.approx(0.816346, abs=1e-6)


@st.composite
def scored_patients(draw: st.DrawFn) -> tuple[Bools, NDArray[np.float64]]:
    """Patients of both classes; few distinct probabilities, so that most examples have ties."""
    patient = st.tuples(st.booleans(), st.integers(0, 6))
    rows = [
        (True, draw(st.integers(0, 6))),
        (False, draw(st.integers(0, 6))),
        *draw(st.lists(patient, max_size=25)),
    ]
    reference, score = zip(*rows, strict=True)
    return np.array(reference), np.array(score) / 7


@given(scored_patients())
@settings(deadline=None, max_examples=40)
def test_area_agrees_with_scikit_learn(patients: tuple[Bools, NDArray[np.float64]]) -> None:
    assert area(*patients).value == pytest.approx(roc_auc_score(*patients), abs=1e-12)


@given(scored_patients())
@settings(deadline=None, max_examples=40)
def test_only_the_order_of_the_probabilities_counts(
    patients: tuple[Bools, NDArray[np.float64]],
) -> None:
    reference, probability = patients
    value = area(reference, probability).value
    assert value is not None
    assert area(reference, np.exp(5 * probability)).value == pytest.approx(value, abs=1e-12)
    assert area(reference, -probability).value == pytest.approx(1 - value, abs=1e-12)
    assert area(~reference, probability).value == pytest.approx(1 - value, abs=1e-12)


@given(scored_patients(), st.integers(0, 2**32 - 1))
@settings(deadline=None, max_examples=20)
def test_draws_of_the_area_agree_with_weighted_scikit_learn(
    patients: tuple[Bools, NDArray[np.float64]], seed: int
) -> None:
    reference, probability = patients
    for row in resampled(reference.size, resamples=5, seed=seed):
        estimate = area(reference, probability, weights=row[None])
        if not row[reference].any() or not row[~reference].any():
            assert estimate.interval_reason == "undefined in 100 % of the resamples"
            continue
        expected = roc_auc_score(reference, probability, sample_weight=row)
        assert estimate.interval is not None
        assert estimate.interval.low == pytest.approx(expected, abs=1e-12)
        assert estimate.interval.high == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("cells", [1, 13, 40, 1000])
def test_size_of_the_chunks_does_not_change_a_draw(
    monkeypatch: pytest.MonkeyPatch, cells: int
) -> None:
    rng = np.random.default_rng(2)
    reference, probability = rng.random(13) < 0.4, rng.integers(0, 5, 13) / 5
    weights = resampled(13, resamples=60)
    whole = classification._auroc_draws(reference, probability, weights=weights)
    monkeypatch.setattr(classification, "CHUNK_CELLS", cells)
    chunked = classification._auroc_draws(reference, probability, weights=weights)
    assert whole.shape == (60,)
    assert np.array_equal(chunked, whole, equal_nan=True)


@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize("size", [0, 1, 4])
def test_area_of_one_class_is_undefined(size: int, *, positive: bool) -> None:
    estimate = area(np.full(size, positive), np.linspace(0, 1, size))
    assert estimate == Estimate(None, None, size, Status.UNDEFINED, ONE_CLASS)


def test_area_absent_from_most_resamples_has_no_interval() -> None:
    weights = np.array([[2, 0], [0, 2], [1, 1]], dtype=np.int32)
    estimate = area(np.array([True, False]), np.array([0.9, 0.2]), weights=weights)
    assert estimate.value == 1.0
    assert estimate.interval is None
    assert estimate.interval_reason == "undefined in 67 % of the resamples"
