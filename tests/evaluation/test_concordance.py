"""Harrell's C by hand, pair by pair, and against two other implementations."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lifelines.datasets import load_rossi
from lifelines.utils import concordance_index
from numpy.typing import NDArray

from evaluation.concordance import concordance
from evaluation.intervals import Estimate, resample_weights
from schema.terms import Status

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it pulls in solvers whose own imports may warn
    from sksurv.datasets import load_veterans_lung_cancer
    from sksurv.exceptions import NoComparablePairException
    from sksurv.metrics import concordance_index_censored

LEVEL = 0.95

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Weights = NDArray[np.int32]


class Cohort(NamedTuple):
    """Patients with a risk, or without a valid one."""

    time_months: Floats
    event: Bools
    risk: Floats
    failed: Bools

    @property
    def size(self) -> int:
        return self.time_months.size

    def take(self, order: NDArray[np.intp]) -> Cohort:
        time_months, event, risk, failed = self
        return Cohort(time_months[order], event[order], risk[order], failed[order])


def cohort_of(*patients: tuple[float, int, float]) -> Cohort:
    """Patients as (time, event, risk), none failed."""
    time_months, event, risk = np.array(patients, dtype=float).reshape(-1, 3).T
    return Cohort(time_months, event.astype(bool), risk, np.zeros(risk.size, dtype=bool))


@st.composite
def cohorts(draw: st.DrawFn, *, smallest: int = 0, largest: int = 14) -> Cohort:
    """Few distinct times and risks, so that most examples have ties of every kind."""
    patient = st.tuples(st.integers(0, 7), st.integers(0, 1), st.integers(0, 3))
    return cohort_of(*draw(st.lists(patient, min_size=smallest, max_size=largest)))


@st.composite
def partly_failed(draw: st.DrawFn, *, smallest: int = 0, largest: int = 10) -> Cohort:
    patients = draw(cohorts(smallest=smallest, largest=largest))
    mask = st.lists(st.booleans(), min_size=patients.size, max_size=patients.size)
    return patients._replace(failed=np.array(draw(mask), dtype=bool))


def simulated(size: int, *, seed: int) -> Cohort:
    """Months as whole numbers; the hazard of a third is 2.5 times that of the rest."""
    rng = np.random.default_rng(seed)
    group = rng.random(size) < 0.3
    months = rng.exponential(60 / np.where(group, 2.5, 1.0))
    censored = rng.uniform(6, 90, size)
    observed = np.ceil(np.minimum(months, censored))
    risk = group + rng.normal(size=size).round(1)
    return Cohort(observed, months <= censored, risk, np.zeros(size, dtype=bool))


def resampled(size: int, *, resamples: int, seed: int = 0) -> Weights:
    rng = np.random.default_rng(seed)
    return resample_weights(strata=np.zeros(size, dtype=int), resamples=resamples, rng=rng)


def c_index(patients: Cohort, *, weights: Weights | None = None) -> Estimate:
    time_months, event, risk, failed = patients
    if weights is None:
        weights = np.ones((1, patients.size), dtype=np.int32)
    return concordance(time_months, event, risk, failed=failed, weights=weights, level=LEVEL)


def draw_of(patients: Cohort, weights: Weights) -> float | None:
    """C in one resample, the two bounds of an interval of one draw; None where undefined."""
    estimate = c_index(patients, weights=weights[None])
    if estimate.interval is None:
        assert estimate.interval_reason == "undefined in 100 % of the resamples"
        return None
    assert estimate.interval.low == estimate.interval.high
    return estimate.interval.low


def pair_by_pair(patients: Cohort) -> float | None:
    """C from its definition, every two patients looked at; None without a comparable pair."""
    concordant, comparable = 0.0, 0
    rows = list(zip(*patients, strict=True))
    for first_time, first_event, first_risk, first_failed in rows:
        for second_time, second_event, second_risk, second_failed in rows:
            at_once = first_time == second_time and not second_event
            if first_event and (first_time < second_time or at_once):
                comparable += 1
                if not (first_failed or second_failed):
                    concordant += 0.5 * (first_risk >= second_risk)
                    concordant += 0.5 * (first_risk > second_risk)
    return concordant / comparable if comparable else None


def one_against_all(patients: Cohort, weights: Weights) -> float:
    """As `pair_by_pair`, weighted, a patient against all the others at a time."""
    time_months, event, risk, failed = patients
    twice_concordant = comparable = 0
    for one in np.flatnonzero(event):
        outlived = (time_months > time_months[one]) | ((time_months == time_months[one]) & ~event)
        twice = 2 * (risk < risk[one]) + (risk == risk[one])
        answered = ~failed & ~failed[one]
        comparable += int(weights[one]) * int(weights[outlived].sum())
        twice_concordant += int(weights[one]) * int((twice * weights)[outlived & answered].sum())
    return twice_concordant / (2 * comparable)


def copied(patients: Cohort, weights: Weights) -> Cohort:
    """Every patient as often as the resample has him."""
    return patients.take(np.repeat(np.arange(patients.size), weights))


# --- by hand --------------------------------------------------------------------------------------


def test_c_by_hand() -> None:
    # a comes before b, c, d, e: the higher risk each time, 4 of 4
    # b is censored and comes first for nobody; c comes before d (censored at c's event; risks
    # equal, 1/2) and before e (lower risk, 0); d is censored; e is last. (4 + 1/2) / 6
    patients = cohort_of((1, 1, 3), (2, 0, 2), (3, 1, 2), (3, 0, 2), (5, 1, 2.5))
    estimate = c_index(patients)
    assert estimate.value == 4.5 / 6
    assert estimate.n == 5
    # with e failed the pairs a-e and c-e count 0: (3 + 1/2) / 6
    failed = np.array([False, False, False, False, True])
    assert c_index(patients._replace(failed=failed)).value == 3.5 / 6


def test_draw_by_hand() -> None:
    # as above; a twice, b three times, c twice, d once, e never: 2 (3 + 2 + 1) pairs of a, all
    # concordant, and 2 of c with d, with equal risks. (12 + 2/2) / 14
    patients = cohort_of((1, 1, 3), (2, 0, 2), (3, 1, 2), (3, 0, 2), (5, 1, 2.5))
    weights = np.array([2, 3, 2, 1, 0], dtype=np.int32)
    assert draw_of(patients, weights) == 13 / 14


@pytest.mark.parametrize(("risks", "value"), [([3, 2, 1], 1.0), ([1, 2, 3], 0.0), ([1, 1, 1], 0.5)])
def test_earlier_event_should_have_the_higher_risk(risks: list[float], value: float) -> None:
    patients = cohort_of((1, 1, 0), (2, 1, 0), (3, 1, 0))._replace(risk=np.array(risks, float))
    assert c_index(patients).value == value


def test_censored_at_the_time_of_an_event_outlived_it() -> None:
    assert c_index(cohort_of((2, 1, 1), (2, 0, 0))).value == 1.0
    assert c_index(cohort_of((2, 0, 1), (2, 1, 0))).value == 0.0


def test_events_at_the_same_time_are_not_compared() -> None:
    estimate = c_index(cohort_of((2, 1, 1), (2, 1, 0)))
    assert estimate == Estimate(None, None, 2, Status.UNDEFINED, "no comparable pair of patients")


@pytest.mark.parametrize(
    "patients",
    [
        cohort_of(),
        cohort_of((5, 1, 1)),
        cohort_of((5, 0, 1), (6, 0, 0), (7, 0, 1)),
        cohort_of((5, 0, 1), (6, 1, 0)),
    ],
)
def test_c_without_a_comparable_pair_is_undefined(patients: Cohort) -> None:
    assert c_index(patients) == Estimate(
        None, None, patients.size, Status.UNDEFINED, "no comparable pair of patients"
    )


def test_only_the_order_of_infinite_risks_counts() -> None:
    patients = cohort_of((1, 1, np.inf), (2, 1, np.inf), (3, 1, 0.0), (4, 0, -np.inf))
    # 1-2 equal, the other five as they should be
    assert c_index(patients).value == 5.5 / 6


# --- pair by pair ---------------------------------------------------------------------------------


@given(partly_failed())
@settings(deadline=None)
def test_c_is_that_of_the_pairs(patients: Cohort) -> None:
    assert c_index(patients).value == pair_by_pair(patients)


@given(partly_failed(smallest=2), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_every_draw_of_c_is_that_of_the_copied_patients(patients: Cohort, seed: int) -> None:
    assume(c_index(patients).value is not None)
    # rows that sum to anything, all-zero rows included
    weights = np.random.default_rng(seed).integers(0, 4, (5, patients.size)).astype(np.int32)
    for row in weights:
        assert draw_of(patients, row) == pair_by_pair(copied(patients, row))


def test_interval_of_c_lies_between_the_percentiles_of_the_copied_patients() -> None:
    patients = simulated(25, seed=4)
    weights = resampled(25, resamples=60, seed=1)
    draws = [pair_by_pair(copied(patients, row)) for row in weights]
    estimate = c_index(patients, weights=weights)
    assert estimate.interval is not None
    assert estimate.interval[:2] == tuple(np.quantile(np.array(draws), [0.025, 0.975]))
    assert estimate.interval.method == "bootstrap"


@pytest.mark.parametrize("is_binary", [False, True])
def test_c_of_a_large_cohort_is_that_of_the_pairs(*, is_binary: bool) -> None:
    patients = simulated(5000, seed=3)._replace(failed=np.arange(5000) % 47 == 0)
    if is_binary:
        patients = patients._replace(risk=(patients.risk > 1).astype(float))
    weights = resampled(5000, resamples=200)
    estimate = c_index(patients, weights=weights)
    assert estimate.value == one_against_all(patients, np.ones(5000, dtype=np.int32))
    assert draw_of(patients, weights[7]) == one_against_all(patients, weights[7])
    assert estimate.interval is not None
    assert estimate.interval.low < estimate.value < estimate.interval.high


def test_pairs_are_counted_beyond_32_bits() -> None:
    # 10^10 pairs of each two; the first comes before the second rightly, the rest is wrong
    patients = cohort_of((1, 1, 2), (2, 1, 1), (3, 0, 3))
    assert draw_of(patients, np.full(3, 100_000, dtype=np.int32)) == 1 / 3


# --- failed patients ------------------------------------------------------------------------------


@given(cohorts(smallest=2), st.data())
@settings(deadline=None, max_examples=30)
def test_failing_one_more_patient_never_raises_c(patients: Cohort, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(patients.size)))
    before = c_index(patients).value
    assume(before is not None)
    for patient in order:
        patients.failed[patient] = True
        after = c_index(patients).value
        assert after is not None
        assert before is not None
        assert after <= before
        before = after
    assert before == 0.0


def test_failed_patients_need_no_risk() -> None:
    patients = simulated(30, seed=0)
    patients = patients._replace(failed=np.arange(30) % 5 == 0)
    absent = patients._replace(risk=np.where(patients.failed, np.nan, patients.risk))
    assert c_index(absent) == c_index(patients)


# --- what does not matter -------------------------------------------------------------------------


@given(cohorts(smallest=2), st.sampled_from([0.25, 7.0, 30.4375]))
@settings(deadline=None, max_examples=30)
def test_c_knows_no_unit_of_time_and_no_scale_of_risk(patients: Cohort, factor: float) -> None:
    expected = c_index(patients)
    assert c_index(patients._replace(time_months=factor * patients.time_months)) == expected
    assert c_index(patients._replace(risk=np.exp(patients.risk))) == expected


def test_order_of_the_patients_does_not_change_a_bit_of_c() -> None:
    patients = simulated(40, seed=6)._replace(failed=np.arange(40) % 11 == 0)
    order = np.random.default_rng(3).permutation(40)
    weights = resampled(40, resamples=40)
    expected = c_index(patients, weights=weights)
    assert expected.interval is not None
    # columns side by side, unlike those of the rows as drawn
    assert c_index(patients.take(order), weights=weights[:, order]) == expected


# --- others ---------------------------------------------------------------------------------------


def test_concordance_of_the_published_model_is_the_published_one() -> None:
    # R's coxph on the recidivism data of Rossi et al. 1980, Fox and Weisberg, An R Companion,
    # https://socialsciences.mcmaster.ca/jfox/Books/Companion/appendices/Appendix-Cox-Regression.pdf
    coefficients = {
        "fin": -0.37942,
        "age": -0.05744,
        "race": 0.31390,
        "wexp": -0.14980,
        "mar": -0.43370,
        "paro": -0.08487,
        "prio": 0.09150,
    }
    table = load_rossi()
    risk = table[list(coefficients)].to_numpy(dtype=float) @ np.array(list(coefficients.values()))
    rows = zip(table["week"], table["arrest"], risk, strict=True)
    # R prints "Concordance= 0.64", lifelines' own tests 0.640
    assert c_index(cohort_of(*rows)).value == pytest.approx(0.640, abs=5e-4)


def test_concordance_of_the_model_of_veteran_is_rs() -> None:
    # https://rviews.rstudio.com/2017/09/25/survival-analysis-with-r/ prints the coefficients of
    # treatment, three cell types, Karnofsky score, months, age and prior therapy, and 0.736
    table, outcome = load_veterans_lung_cancer()
    columns = (
        (table["Treatment"] == "test", 0.2946),
        (table["Celltype"] == "smallcell", 0.8616),
        (table["Celltype"] == "adeno", 1.196),
        (table["Celltype"] == "large", 0.4013),
        (table["Karnofsky_score"], -0.03282),
        (table["Months_from_Diagnosis"], 8.132e-05),
        (table["Age_in_years"], -8.706e-03),
        (table["Prior_therapy"] == "yes", 0.07159),
    )
    risk = sum(column.to_numpy(dtype=float) * coefficient for column, coefficient in columns)

    rows = zip(outcome["Survival_in_days"], outcome["Status"], risk, strict=True)
    assert c_index(cohort_of(*rows)).value == pytest.approx(0.736, abs=5e-4)


def lifelines_c(patients: Cohort) -> float:
    return float(concordance_index(patients.time_months, -patients.risk, patients.event))


def scikit_survival_c(patients: Cohort) -> float:
    return float(concordance_index_censored(patients.event, patients.time_months, patients.risk)[0])


# Lifelines 0.30 and scikit-survival 0.28 (their current sources read) treat equal times alike, and
# as this kit does: two events at one time are not compared, an event and a censored patient are,
# the event first; equal risks count one half. They differ in the tests after these two.


@given(cohorts(smallest=2, largest=30))
@settings(deadline=None)
def test_c_agrees_with_lifelines(patients: Cohort) -> None:
    value = c_index(patients).value
    if value is None:
        with pytest.raises(ZeroDivisionError):
            lifelines_c(patients)
    else:
        assert lifelines_c(patients) == value


@given(cohorts(smallest=2, largest=30))
@settings(deadline=None)
def test_c_agrees_with_scikit_survival(patients: Cohort) -> None:
    value = c_index(patients).value
    assume(value is not None)
    assert scikit_survival_c(patients) == value


def test_scikit_survival_takes_nearly_equal_risks_for_equal() -> None:
    patients = cohort_of((1, 1, 0.5 + 1e-9), (2, 0, 0.5))
    assert c_index(patients).value == lifelines_c(patients) == 1.0
    assert scikit_survival_c(patients) == 0.5


def test_scikit_survival_has_three_ways_to_say_undefined() -> None:
    with pytest.raises(ValueError, match="All samples are censored"):
        scikit_survival_c(cohort_of((1, 0, 1), (2, 0, 0)))
    with pytest.raises(NoComparablePairException):
        scikit_survival_c(cohort_of((1, 0, 1), (2, 1, 0)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of 0 / 0 unless somebody told NumPy not to
        assert np.isnan(scikit_survival_c(cohort_of((2, 1, 1), (2, 1, 0))))
