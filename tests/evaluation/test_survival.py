"""Cox hazard ratios, Kaplan-Meier curves and the log-rank test."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.datasets import load_lung, load_rossi
from numpy.typing import NDArray
from pandas import DataFrame
from scipy.optimize import brentq
from scipy.stats import CensoredData, chi2, logrank
from sksurv.datasets import load_veterans_lung_cancer
from statsmodels.duration.hazard_regression import PHReg

from evaluation.intervals import Estimate
from evaluation.survival import (
    HazardRatio,
    cox,
    hazard_ratio,
    kaplan_meier,
    log_rank,
    survival_at,
)
from schema.terms import Status

LEVEL = 0.95
Z = 1.959964

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Cohort(NamedTuple):
    """Patients, each in the group or outside it."""

    time_months: Floats
    event: Bools
    group: Bools

    @property
    def size(self) -> int:
        return self.time_months.size

    def take(self, order: NDArray[np.intp]) -> Cohort:
        time_months, event, group = self
        return Cohort(time_months[order], event[order], group[order])


def cohort_of(*patients: tuple[float, int, int]) -> Cohort:
    """Patients as (time, event, group)."""
    time_months, event, group = np.array(patients, dtype=float).reshape(-1, 3).T
    return Cohort(time_months, event.astype(bool), group.astype(bool))


@st.composite
def cohorts(draw: st.DrawFn, smallest: int = 0, largest: int = 14) -> Cohort:
    """Few distinct times, so that most examples have ties of every kind."""
    patient = st.tuples(st.integers(0, 7), st.booleans(), st.booleans())
    rows = draw(st.lists(patient, min_size=smallest, max_size=largest))
    times, events, groups = np.array(rows, dtype=float).reshape(-1, 3).T
    return Cohort(times, events.astype(bool), groups.astype(bool))


def simulated(size: int, *, seed: int) -> Cohort:
    """Months as whole numbers; the group's hazard is 2.5 times that of the rest."""
    rng = np.random.default_rng(seed)
    group = rng.random(size) < 0.3
    months = rng.exponential(60 / np.where(group, 2.5, 1.0))
    censored = rng.uniform(6, 90, size)
    observed = np.ceil(np.minimum(months, censored))
    return Cohort(observed, months <= censored, group)


# --- Cox ---

ROSSI_COVARIATES = ("fin", "age", "race", "wexp", "mar", "paro", "prio")
ROSSI_COEFFICIENTS = (-0.37942, -0.05744, 0.31390, -0.14980, -0.43370, -0.08487, 0.09150)
"""R's coxph on the recidivism data of Rossi et al. 1980: Fox and Weisberg, An R Companion,
https://socialsciences.mcmaster.ca/jfox/Books/Companion/appendices/Appendix-Cox-Regression.pdf
"""


class Rossi(NamedTuple):
    time_weeks: Floats
    event: Bools
    covariates: dict[str, Floats]


@pytest.fixture(scope="module")
def rossi() -> Rossi:
    table = load_rossi()
    covariates = {name: table[name].to_numpy(dtype=float) for name in ROSSI_COVARIATES}
    return Rossi(
        table["week"].to_numpy(dtype=float), table["arrest"].to_numpy(dtype=bool), covariates
    )


@pytest.fixture(scope="module")
def rossi_ratios(rossi: Rossi) -> dict[str, HazardRatio]:
    return cox(rossi.time_weeks, rossi.event, rossi.covariates, level=LEVEL)


@pytest.mark.parametrize(
    ("covariate", "coefficient"), list(zip(ROSSI_COVARIATES, ROSSI_COEFFICIENTS, strict=True))
)
def test_multivariable_ratios_are_the_published_ones(
    rossi_ratios: dict[str, HazardRatio], covariate: str, coefficient: float
) -> None:
    estimate = rossi_ratios[covariate].estimate
    assert estimate.value is not None
    assert math.log(estimate.value) == pytest.approx(coefficient, abs=1e-5)
    assert estimate.n == 432


@pytest.mark.parametrize(
    ("covariate", "ratio", "low", "high", "p_value"),
    [
        ("fin", 0.684, 0.470, 0.996, 0.0474),
        ("age", 0.944, 0.904, 0.986, 0.0090),
        ("race", 1.369, 0.748, 2.503, 0.3081),
        ("prio", 1.096, 1.036, 1.159, 0.0014),
    ],
)
def test_multivariable_intervals_and_p_values_are_the_published_ones(
    rossi_ratios: dict[str, HazardRatio],
    covariate: str,
    ratio: float,
    low: float,
    high: float,
    p_value: float,
) -> None:
    found = rossi_ratios[covariate]
    assert found.estimate.interval is not None
    assert found.estimate.value == pytest.approx(ratio, abs=6e-4)
    assert found.estimate.interval[:2] == pytest.approx((low, high), abs=6e-4)
    assert (found.estimate.interval.level, found.estimate.interval.method) == (LEVEL, "wald")
    assert found.p_value == pytest.approx(p_value, abs=6e-5)


def test_unit_of_a_covariate_scales_its_coefficient_and_nothing_else(
    rossi: Rossi, rossi_ratios: dict[str, HazardRatio]
) -> None:
    thousands = {**rossi.covariates, "prio": rossi.covariates["prio"] / 1000}
    found = cox(rossi.time_weeks, rossi.event, thousands, level=LEVEL)
    assert found["fin"].estimate.value == pytest.approx(
        rossi_ratios["fin"].estimate.value, abs=1e-6
    )
    assert found["prio"].p_value == pytest.approx(rossi_ratios["prio"].p_value, abs=1e-6)


def test_collinear_covariates_end_in_a_status_and_not_in_a_warning() -> None:
    # the second covariate is one minus the first
    first = np.array([1.0, 1, 0, 1, 0])
    found = cox(
        np.array([7.0, 8, 7, 8, 11]),
        np.array([True, True, False, True, True]),
        {"first": first, "second": 1 - first},
        level=LEVEL,
    )
    for ratio in found.values():
        assert ratio.estimate.status is Status.SEPARATED
        assert ratio.estimate.reason
        assert ratio.p_value is None


def test_jointly_separated_covariates_have_no_ratio() -> None:
    # the sum of the two orders every event, neither does alone
    rng = np.random.default_rng(1)
    covariates = {"first": rng.normal(size=30), "second": rng.normal(size=30)}
    times = np.exp(-covariates["first"] - covariates["second"])
    found = cox(times, np.ones(30, dtype=bool), covariates, level=LEVEL)
    for ratio in found.values():
        assert ratio.estimate.value is None
        assert ratio.estimate.status is Status.SEPARATED


# --- the hazard ratio of two groups ---


class Maximum(NamedTuple):
    """Of a binary covariate's partial likelihood: coefficient and its standard error."""

    coefficient: float
    standard_error: float


def efron_terms(patients: Cohort, *, coefficient: float) -> tuple[float, float]:
    """First derivative and information of Efron's partial likelihood.

    At each event time the l-th of d failures is the group's with probability
    p = a e^b / (a e^b + c), where a and c are the numbers at risk inside and outside the group,
    less l/d of those who fail. The derivative is d1 - sum p, the information sum p (1 - p).
    """
    score = information = 0.0
    for moment in np.unique(patients.time_months[patients.event]):
        at_risk = patients.group[patients.time_months >= moment]
        failing = patients.group[patients.event & (patients.time_months == moment)]
        gone = np.arange(failing.size) / failing.size
        inside = (at_risk.sum() - gone * failing.sum()) * math.exp(coefficient)
        outside = (~at_risk).sum() - gone * (~failing).sum()
        share = inside / (inside + outside)
        score += failing.sum() - share.sum()
        information += (share * (1 - share)).sum()
    return score, information


def efron_maximum(patients: Cohort) -> Maximum | None:
    """Where the derivative is 0; None where it keeps its sign for ever.

    Far out every p is 0 or 1, so that the derivative is a whole number: 0 where it only nears 0.
    """
    far = 40.0
    if efron_terms(patients, coefficient=far)[0] > -0.5:
        return None
    if efron_terms(patients, coefficient=-far)[0] < 0.5:
        return None
    root = brentq(lambda b: efron_terms(patients, coefficient=b)[0], -far, far, xtol=1e-12)
    return Maximum(root, efron_terms(patients, coefficient=root)[1] ** -0.5)


def ratio_of(patients: Cohort, *, minimum_events: int = 1) -> HazardRatio:
    return hazard_ratio(*patients[:3], minimum_events=minimum_events, level=LEVEL)


def assert_ratio(found: HazardRatio, expected: Maximum) -> None:
    """Ratio and interval are the maximum's, to 1/200 of its standard error.

    The iteration stops when the likelihood no longer rises, which is that far from the maximum.
    """
    value, interval = found.estimate.value, found.estimate.interval
    assert value is not None, found.estimate.reason
    assert interval is not None
    error = 5e-3 * expected.standard_error
    half = Z * expected.standard_error
    logs = (math.log(interval.low), math.log(value), math.log(interval.high))
    middle = expected.coefficient
    assert logs == pytest.approx((middle - half, middle, middle + half), abs=error * (1 + Z))
    assert logs[1] == pytest.approx(middle, abs=error)


def test_ratio_without_ties_by_hand() -> None:
    # inside at 1, outside at 2, inside at 3. With r the ratio, the derivative is
    # 1 - 2r/(2r+1) - r/(r+1) = 0, so 2r² = 1 and r = .7071.
    # p = 2r/(2r+1) = .585786 and r/(r+1) = .414214: information 2·.585786·.414214 = .485281,
    # standard error 1.435500
    found = ratio_of(cohort_of((1, 1, 1), (2, 1, 0), (3, 1, 1)))
    assert found.estimate.value == pytest.approx(math.sqrt(0.5), abs=1e-3)
    assert_ratio(found, Maximum(math.log(0.5) / 2, 1.435500))
    assert found.estimate.n == 3
    assert found.estimate.interval is not None
    assert found.estimate.interval.method == "wald"
    # z = -.346574/1.435500 = -.241431, p = 2 (1 - Phi(.241431)) = .8092
    assert found.p_value == pytest.approx(0.8092, abs=1e-3)


def test_ratio_with_ties_is_efrons_and_not_breslows() -> None:
    # one inside and one outside fail at once, one outside survives:
    # 1 - r/(r+2) - r/(r+3) = 0 with Efron, so r² = 6; Breslow's 1 - 2r/(r+2) = 0 gives 2
    found = ratio_of(cohort_of((1, 1, 1), (1, 1, 0), (2, 0, 0)))
    assert found.estimate.value == pytest.approx(math.sqrt(6), abs=5e-3)


@pytest.mark.parametrize("outside", [2, 5, 9, 20, 100])
def test_one_positive_patient_who_fails_first_beside_another_has_a_finite_ratio(
    outside: int,
) -> None:
    # at the first time one of 1 inside and one of m outside fail, then the others outside:
    # 1 - r/(r+m) - r/(r+2m-1) = 0, so r² = m (2m - 1)
    rest = [(float(month), 1, 0) for month in range(2, outside + 1)]
    found = ratio_of(cohort_of((1, 1, 1), (1, 1, 0), *rest))
    assert found.estimate.status is Status.OK
    assert found.estimate.value == pytest.approx(math.sqrt(outside * (2 * outside - 1)), rel=5e-3)


def test_group_whose_every_patient_fails_late_still_has_a_ratio() -> None:
    # nobody inside is censored and everybody fails, but not always before those outside
    patients = cohort_of(
        (2, 1, 0), (4, 1, 1), (5, 1, 0), (6, 1, 1), (7, 0, 0), (8, 0, 0), (9, 1, 1), (12, 0, 0)
    )
    expected = efron_maximum(patients)
    assert expected is not None
    assert_ratio(ratio_of(patients), expected)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_ratio_agrees_with_statsmodels_and_lifelines(seed: int) -> None:
    patients = simulated(120, seed=seed)
    found = ratio_of(patients)
    group = patients.group.astype(float)
    theirs = PHReg(
        patients.time_months, group[:, None], status=patients.event.astype(int), ties="efron"
    ).fit(disp=0)
    assert_ratio(found, Maximum(float(theirs.params[0]), float(theirs.bse[0])))
    frame = DataFrame({"time": patients.time_months, "event": patients.event, "group": group})
    fitter = CoxPHFitter().fit(frame, "time", "event")
    expected = Maximum(float(fitter.params_["group"]), float(fitter.standard_errors_["group"]))
    assert_ratio(found, expected)


@given(cohorts(largest=10))
@settings(deadline=None, max_examples=25)
def test_ratio_is_the_maximum_of_the_likelihood_or_there_is_none(patients: Cohort) -> None:
    found = ratio_of(patients)
    estimate = found.estimate
    assert (estimate.value is None) == (estimate.status is not Status.OK)
    assert (estimate.value is None) == (found.p_value is None) == bool(estimate.reason)
    if patients.group.all() or not patients.group.any():
        assert estimate.status is Status.UNDEFINED
    elif not patients.event.any():
        assert estimate.status is Status.TOO_FEW
    elif (expected := efron_maximum(patients)) is None:
        flat = Status.UNDEFINED if "never at risk together" in str(estimate.reason) else None
        assert estimate.status in {Status.SEPARATED, flat}
    else:
        assert_ratio(found, expected)
        assert estimate.value is not None
        assert 1e-3 < estimate.value < 1e3


def test_unit_of_time_does_not_change_the_ratio() -> None:
    patients = simulated(80, seed=5)
    days = patients._replace(time_months=30.4375 * patients.time_months)
    first, second = ratio_of(patients).estimate, ratio_of(days).estimate
    assert first.interval is not None
    assert second.interval is not None
    assert second.value == pytest.approx(first.value, rel=1e-9)
    assert second.interval[:2] == pytest.approx(first.interval[:2], rel=1e-9)


def test_order_of_the_patients_does_not_change_the_ratio() -> None:
    patients = simulated(80, seed=5)
    permuted = patients.take(np.random.default_rng(0).permutation(80))
    first, second = ratio_of(patients).estimate, ratio_of(permuted).estimate
    assert first.interval is not None
    assert second.interval is not None
    assert second.value == pytest.approx(first.value, rel=1e-9)
    assert second.interval[:2] == pytest.approx(first.interval[:2], rel=1e-9)


def test_exchanging_the_groups_inverts_the_ratio_and_its_interval() -> None:
    patients = simulated(80, seed=5)
    first, second = ratio_of(patients), ratio_of(patients._replace(group=~patients.group))
    assert first.estimate.value is not None
    assert first.estimate.value > 1
    assert first.estimate.interval is not None
    assert second.estimate.interval is not None
    assert second.estimate.value == pytest.approx(1 / first.estimate.value, rel=1e-6)
    low, high = first.estimate.interval[:2]
    assert second.estimate.interval[:2] == pytest.approx((1 / high, 1 / low), rel=1e-6)
    assert second.p_value == pytest.approx(first.p_value, rel=1e-6)


def test_level_decides_the_width_of_the_ratios_interval() -> None:
    patients = simulated(80, seed=5)
    narrow = hazard_ratio(*patients[:3], minimum_events=1, level=0.9).estimate.interval
    wide = hazard_ratio(*patients[:3], minimum_events=1, level=0.95).estimate.interval
    assert narrow is not None
    assert wide is not None
    # half widths on the log scale are 1.644854 and 1.959964 standard errors
    assert math.log(narrow.high / narrow.low) / math.log(wide.high / wide.low) == pytest.approx(
        1.644854 / 1.959964, abs=1e-6
    )


@pytest.mark.parametrize(
    "patients",
    [cohort_of(), cohort_of((1, 1, 1), (2, 1, 1)), cohort_of((1, 1, 0), (2, 1, 0), (3, 0, 0))],
)
def test_ratio_of_one_group_only_is_undefined(patients: Cohort) -> None:
    absent = Estimate(None, None, patients.size, Status.UNDEFINED, "patients of one group only")
    assert ratio_of(patients) == HazardRatio(absent, None)


def test_ratio_needs_the_events_that_the_task_asks_for() -> None:
    patients = cohort_of((1, 1, 1), (2, 1, 0), (3, 1, 1), (4, 1, 0), (9, 0, 1), (9, 0, 0))
    absent = Estimate(None, None, 6, Status.TOO_FEW, "4 events, fewer than 5")
    assert ratio_of(patients, minimum_events=5) == HazardRatio(absent, None)
    assert ratio_of(patients, minimum_events=4).estimate.status is Status.OK


SEPARATED = {
    "nobody outside has the event": cohort_of(
        (1, 1, 1), (3, 1, 1), (4, 0, 1), (2, 0, 0), (9, 0, 0)
    ),
    # everybody has the event, and those inside all before those outside
    "both groups have events, inside first": cohort_of(
        (1, 1, 1), (2, 1, 1), (3, 1, 1), (4, 1, 0), (5, 1, 0), (6, 1, 0)
    ),
    # events of both groups with the last ones outside, when nobody inside is left
    "inside censored before the events outside": cohort_of(
        (1, 1, 1), (2, 1, 1), (3, 0, 1), (3, 0, 0), (4, 1, 0), (5, 1, 0), (6, 0, 0)
    ),
    "tied events inside": cohort_of((1, 1, 1), (1, 1, 1), (2, 0, 1), (2, 0, 0), (3, 1, 0)),
}


@pytest.mark.parametrize("patients", SEPARATED.values(), ids=SEPARATED.keys())
def test_separated_groups_have_no_ratio_in_either_direction(patients: Cohort) -> None:
    assert efron_maximum(patients) is None
    reason = "whenever both groups are at risk, every event is {} the positive group"
    n = patients.size
    inside = Estimate(None, None, n, Status.SEPARATED, reason.format("inside"))
    outside = Estimate(None, None, n, Status.SEPARATED, reason.format("outside"))
    assert ratio_of(patients) == HazardRatio(inside, None)
    assert ratio_of(patients._replace(group=~patients.group)) == HazardRatio(outside, None)


def test_one_event_on_the_other_side_ends_the_separation() -> None:
    patients = cohort_of((1, 1, 1), (2, 1, 1), (3, 1, 0), (3, 0, 1), (4, 1, 0), (6, 0, 0))
    expected = efron_maximum(patients)
    assert expected is not None
    assert_ratio(ratio_of(patients), expected)


@pytest.mark.parametrize("side", [0, 1])
def test_groups_never_at_risk_together_are_not_said_to_fail_on_one_side(side: int) -> None:
    # one group is censored before the other's first event: the likelihood does not depend on r
    other = 1 - side
    found = ratio_of(cohort_of((1, 0, other), (2, 0, other), (3, 1, side), (4, 1, side)))
    absent = Estimate(
        None,
        None,
        4,
        Status.UNDEFINED,
        "the two groups are never at risk together at an event",
    )
    assert found == HazardRatio(absent, None)


# --- Kaplan-Meier ---

FIVE = cohort_of((2, 1, 0), (3, 0, 0), (4, 1, 0), (6, 1, 0), (9, 0, 0))
"""5 at risk at 2; 3 at 4, one being censored at 3; 2 at 6; the last is censored at 9."""


def test_curve_of_five_patients_by_hand() -> None:
    grid = [0, 1.9, 2, 3, 3.9, 4, 6, 9, 12]
    curve = kaplan_meier(FIVE.time_months, FIVE.event, grid_months=grid, level=LEVEL)
    assert curve is not None
    # 4/5 = .8; .8·2/3 = .533333; .533333·1/2 = .266667; nothing after the censored time
    at_2, at_4, at_6 = 4 / 5, 4 / 5 * 2 / 3, 4 / 5 * 2 / 3 * 1 / 2
    expected = (1, 1, at_2, at_2, at_2, at_4, at_6, at_6, at_6)
    assert curve.survival == pytest.approx(expected, abs=1e-9)
    # at risk are those whose time is not before the month
    assert curve.at_risk == (5, 5, 5, 4, 3, 3, 2, 1, 0)
    assert curve.events == 3


def test_bounds_of_five_patients_by_hand() -> None:
    curve = kaplan_meier(FIVE.time_months, FIVE.event, grid_months=[1, 2, 5], level=LEVEL)
    assert curve is not None
    # S = 1 has no variance on this scale: the bounds are the value
    # S = .8: Greenwood's sum 1/(5·4) = .05, standard error of log(-log S) sqrt(.05)/.223144
    # = 1.002076; S^exp(±1.959964·1.002076) = .8^7.128016 and .8^.140291
    # S = .533333: 1/20 + 1/(3·2) = .216667, sqrt(.216667)/.628609 = .740484;
    # .533333^4.268754 and .533333^.234260
    assert curve.low == pytest.approx((1, 0.203809, 0.068332), abs=2e-6)
    assert curve.high == pytest.approx((1, 0.969180, 0.863071), abs=2e-6)


def test_curve_falls_to_zero_with_the_last_patient() -> None:
    patients = cohort_of((1, 1, 0), (2, 1, 0))
    curve = kaplan_meier(*patients[:2], grid_months=[0, 1, 2, 50], level=LEVEL)
    assert curve is not None
    assert curve.survival == pytest.approx((1, 0.5, 0, 0), abs=1e-9)
    assert (curve.low[2:], curve.high[2:]) == ((0, 0), (0, 0))
    assert curve.at_risk == (2, 2, 1, 0)


def test_curve_without_an_event_stays_at_one() -> None:
    patients = cohort_of((1, 0, 0), (2, 0, 0))
    curve = kaplan_meier(*patients[:2], grid_months=[0, 1, 9], level=LEVEL)
    assert curve is not None
    assert curve.survival == curve.low == curve.high == (1.0, 1.0, 1.0)
    assert curve.events == 0


def test_event_on_the_first_day_counts() -> None:
    patients = cohort_of((0, 1, 0), (0, 0, 0), (4, 0, 0), (4, 1, 0))
    curve = kaplan_meier(*patients[:2], grid_months=[0, 3, 4], level=LEVEL)
    assert curve is not None
    # 3/4, then 1/2 of it
    assert curve.survival == pytest.approx((0.75, 0.75, 0.375), abs=1e-9)
    assert curve.at_risk == (4, 2, 2)


def test_curve_of_nobody_does_not_exist() -> None:
    assert kaplan_meier(*cohort_of()[:2], grid_months=[0, 3], level=LEVEL) is None


def test_curve_may_be_asked_for_any_months_in_any_order() -> None:
    curve = kaplan_meier(*FIVE[:2], grid_months=[9, 2, 0], level=LEVEL)
    assert curve is not None
    assert curve.survival == pytest.approx((4 / 15, 0.8, 1), abs=1e-9)
    assert curve.at_risk == (1, 5, 5)
    nowhere = kaplan_meier(*FIVE[:2], grid_months=[], level=LEVEL)
    assert nowhere is not None
    assert nowhere.survival == nowhere.at_risk == ()


GRID = (0.0, 0.5, 1.0, 2.0, 3.5, 5.0, 7.0, 40.0)


def by_definition(patients: Cohort, month: float) -> tuple[float, float, float]:
    """Product of 1 - d/n over the event times, with S to the power exp(±z se) as bounds."""
    value, greenwood = 1.0, 0.0
    for moment in np.unique(patients.time_months[patients.event]):
        if moment <= month:
            n = int((patients.time_months >= moment).sum())
            d = int((patients.event & (patients.time_months == moment)).sum())
            value *= 1 - d / n
            greenwood += d / (n * (n - d)) if n > d else 0.0
    if value in {0.0, 1.0}:
        return value, value, value
    spread = Z * math.sqrt(greenwood) / -math.log(value)
    return value, value ** math.exp(spread), value ** math.exp(-spread)


@given(cohorts(smallest=1))
@settings(deadline=None, max_examples=25)
def test_curve_is_the_product_over_the_event_times(patients: Cohort) -> None:
    curve = kaplan_meier(*patients[:2], grid_months=GRID, level=LEVEL)
    assert curve is not None
    for index, month in enumerate(GRID):
        value, low, high = by_definition(patients, month)
        assert curve.survival[index] == pytest.approx(value, abs=1e-9)
        assert curve.low[index] == pytest.approx(low, abs=1e-6)
        assert curve.high[index] == pytest.approx(high, abs=1e-6)
        assert 0 <= curve.low[index] <= curve.high[index] <= 1
        assert curve.at_risk[index] == sum(time >= month for time in patients.time_months)
    assert list(curve.survival) == sorted(curve.survival, reverse=True)
    assert curve.events == patients.event.sum()


def test_curve_agrees_with_lifelines_on_a_larger_cohort() -> None:
    patients = simulated(150, seed=8)
    grid = [float(month) for month in range(0, 91, 3)]
    curve = kaplan_meier(*patients[:2], grid_months=grid, level=LEVEL)
    fitter = KaplanMeierFitter(alpha=1 - LEVEL).fit(*patients[:2], timeline=grid)
    bounds = fitter.confidence_interval_.to_numpy()[1:]
    assert curve is not None
    assert curve.survival == pytest.approx(fitter.survival_function_at_times(grid), abs=1e-12)
    assert curve.low[1:] == pytest.approx(bounds[:, 0], abs=1e-9)
    assert curve.high[1:] == pytest.approx(bounds[:, 1], abs=1e-9)


def greenwood(survival: float, low: float, high: float) -> float:
    """The standard error of survival, back from its bounds, which are those of log(-log S)."""
    half = (math.log(-math.log(low)) - math.log(-math.log(high))) / (2 * Z)
    return -half * survival * math.log(survival)


def test_curve_of_veteran_is_rs() -> None:
    # https://rviews.rstudio.com/2017/09/25/survival-analysis-with-r/
    # summary(survfit(Surv(time, status) ~ 1, veteran), times = c(1, 30, 60, 90 * (1:10)))
    outcome = load_veterans_lung_cancer()[1]
    days = [1, 30, 60, 90, 180, 270, 360, 450, 540, 630]

    curve = kaplan_meier(
        outcome["Survival_in_days"].astype(float),
        outcome["Status"].astype(bool),
        grid_months=days,
        level=LEVEL,
    )

    assert curve is not None
    survival = (0.985, 0.700, 0.538, 0.464, 0.222, 0.144, 0.090, 0.045, 0.036, 0.018)
    assert curve.survival == pytest.approx(survival, abs=5e-4)
    assert curve.at_risk == (137, 97, 73, 62, 27, 16, 10, 5, 4, 2)
    errors = (0.0102, 0.0392, 0.0427, 0.0428, 0.0369, 0.0319, 0.0265, 0.0194, 0.0175, 0.0126)
    found = [greenwood(*each) for each in zip(curve.survival, curve.low, curve.high, strict=True)]
    assert found == pytest.approx(errors, abs=5e-5)


def test_survival_of_lung_at_a_year_is_rs() -> None:
    # summary(survfit(Surv(time, status) ~ 1, lung), times = 365.25) as R prints it: 65 at risk,
    # 0.409, standard error 0.0358; https://www.emilyzabor.com/survival-analysis-in-r.html
    table = load_lung()
    time, event = table["time"].to_numpy(dtype=float), table["status"].to_numpy(dtype=bool)

    found = survival_at(time, event, month=365.25, level=LEVEL)
    curve = kaplan_meier(time, event, grid_months=[365.25], level=LEVEL)

    assert found.value == pytest.approx(0.409, abs=5e-4)
    assert found.interval is not None
    assert greenwood(found.value or 0, *found.interval[:2]) == pytest.approx(0.0358, abs=5e-5)
    assert curve is not None
    assert curve.at_risk == (65,)


def test_survival_at_a_month_carries_the_curves_bounds() -> None:
    estimate = survival_at(*FIVE[:2], month=4, level=LEVEL)
    assert estimate.value == pytest.approx(8 / 15, abs=1e-9)
    assert estimate.interval is not None
    assert estimate.interval[:2] == pytest.approx((0.068332, 0.863071), abs=2e-6)
    assert (estimate.interval.level, estimate.interval.method) == (LEVEL, "asymptotic")
    assert (estimate.n, estimate.status) == (5, Status.OK)


def test_survival_at_the_last_followed_month_exists_and_not_after() -> None:
    assert survival_at(*FIVE[:2], month=9, level=LEVEL).value == pytest.approx(4 / 15, abs=1e-9)
    assert survival_at(*FIVE[:2], month=9.5, level=LEVEL) == Estimate(
        None, None, 5, Status.UNDEFINED, "nobody was followed for 9.5 months"
    )
    assert survival_at(*FIVE[:2], month=60.0, level=LEVEL) == Estimate(
        None, None, 5, Status.UNDEFINED, "nobody was followed for 60 months"
    )


def test_survival_of_nobody_is_undefined() -> None:
    assert survival_at(*cohort_of()[:2], month=36.0, level=LEVEL) == Estimate(
        None, None, 0, Status.UNDEFINED, "no patient in this group"
    )


# --- log-rank ---


def test_log_rank_by_hand() -> None:
    # inside fail at 1 and 2, outside at 3 and 4. Expected inside 2/4 + 1/3 = 5/6 of 2 observed;
    # variance 1/4 + 1/3·2/3 = 17/36; (7/6)²/(17/36) = 49/17 = 2.882353 on one degree of freedom
    patients = cohort_of((1, 1, 1), (2, 1, 1), (3, 1, 0), (4, 1, 0))
    assert log_rank(*patients[:3]).value == pytest.approx(0.089555, abs=1e-6)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_log_rank_agrees_with_scipy_and_knows_no_side(seed: int) -> None:
    patients = simulated(60, seed=seed)
    sides = [
        CensoredData.right_censored(patients.time_months[side], ~patients.event[side])
        for side in (patients.group, ~patients.group)
    ]
    p_value = log_rank(*patients[:3]).value
    assert p_value == pytest.approx(logrank(*sides).pvalue, abs=1e-9)
    assert log_rank(*patients[:2], ~patients.group).value == pytest.approx(p_value, abs=1e-9)


@pytest.mark.parametrize(
    "patients",
    [
        cohort_of(),
        cohort_of((1, 1, 1), (2, 1, 1)),
        cohort_of((1, 1, 0), (2, 1, 0)),
        cohort_of((1, 0, 1), (2, 0, 0)),
    ],
)
def test_log_rank_needs_two_groups_and_an_event(patients: Cohort) -> None:
    found = log_rank(*patients[:3])
    assert (found.value, found.status) == (None, Status.UNDEFINED)
    assert found.reason


def log_rank_by_definition(patients: Cohort) -> float | None:
    """From observed less expected events in the group, with the hypergeometric variance."""
    difference = variance = 0.0
    for moment in np.unique(patients.time_months[patients.event]):
        at_risk = patients.group[patients.time_months >= moment]
        failing = patients.group[patients.event & (patients.time_months == moment)]
        n, d, share = at_risk.size, failing.size, at_risk.mean()
        difference += failing.sum() - d * share
        variance += d * share * (1 - share) * (n - d) / max(1, n - 1)
    return float(chi2.sf(difference**2 / variance, 1)) if variance else None


@given(cohorts(smallest=1, largest=10))
@settings(deadline=None, max_examples=20)
def test_log_rank_is_the_textbooks_or_says_nothing(patients: Cohort) -> None:
    p_value = log_rank(*patients[:3]).value
    expected = log_rank_by_definition(patients)
    if expected is None:
        # nobody could have failed instead of those who did
        assert p_value is None
    else:
        assert p_value == pytest.approx(expected, abs=1e-9)
