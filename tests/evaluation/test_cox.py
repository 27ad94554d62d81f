"""Cox models by Newton's method against R's published fits, lifelines and statsmodels."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import CoxPHFitter
from lifelines.datasets import load_gbsg2, load_lung, load_rossi
from lifelines.statistics import proportional_hazard_test
from numpy.typing import NDArray
from pandas import DataFrame
from scipy.optimize import minimize
from sksurv.datasets import load_veterans_lung_cancer
from statsmodels.duration.hazard_regression import PHReg

from evaluation.cox import (
    CoxFit,
    NoFit,
    cox_fit,
    likelihood_ratio_p,
    predicted_survival,
    proportional_hazards,
    ratio,
    resampled_coefficients,
    risk_sets,
)
from evaluation.intervals import resample_weights
from schema.terms import Status

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
EXACT = {"precision": 1e-12}


class Data(NamedTuple):
    time: Floats
    event: Bools
    columns: Floats


def fitted(data: Data) -> CoxFit:
    fit = cox_fit(*data)
    assert isinstance(fit, CoxFit)
    return fit


def rossi() -> Data:
    table = load_rossi()
    names = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]
    return Data(
        table["week"].to_numpy(dtype=float),
        table["arrest"].to_numpy(dtype=bool),
        table[names].to_numpy(dtype=float),
    )


def lung(*names: str) -> Data:
    table = load_lung().dropna(subset=list(names))
    return Data(
        table["time"].to_numpy(dtype=float),
        table["status"].to_numpy(dtype=bool),
        table[list(names)].to_numpy(dtype=float),
    )


def veteran() -> Data:
    rows, outcome = load_veterans_lung_cancer()
    columns = [
        rows["Treatment"] == "test",
        rows["Celltype"] == "smallcell",
        rows["Celltype"] == "adeno",
        rows["Celltype"] == "large",
        rows["Karnofsky_score"],
        rows["Months_from_Diagnosis"],
        rows["Age_in_years"],
        rows["Prior_therapy"] == "yes",
    ]
    matrix = np.column_stack([np.asarray(column, dtype=float) for column in columns])
    return Data(outcome["Survival_in_days"].astype(float), outcome["Status"].astype(bool), matrix)


def simulated(size: int, *, seed: int) -> Data:
    rng = np.random.default_rng(seed)
    columns = np.column_stack([rng.random(size) < 0.4, rng.normal(size=size)]).astype(float)
    time = rng.exponential(np.exp(-columns @ np.array([0.8, 0.3])))
    censored = rng.exponential(1.5, size)
    # in twentieths, so that there are ties
    return Data(np.ceil(20 * np.minimum(time, censored)) / 20, time <= censored, columns)


def errors_of(fit: CoxFit) -> Floats:
    return np.sqrt(np.diag(fit.covariance))


def chi_square(fit: CoxFit) -> float:
    """The likelihood ratio test against no covariate."""
    return 2 * (fit.log_likelihood - fit.null_log_likelihood)


def test_coefficients_of_rossi_are_rs() -> None:
    # Fox and Weisberg, An R Companion to Applied Regression, appendix Cox Regression,
    # https://socialsciences.mcmaster.ca/jfox/Books/Companion/appendices/Appendix-Cox-Regression.pdf
    # all seven to four digits also in https://github.com/CamDavidsonPilon/lifelines,
    # lifelines/tests/test_estimation.py: log-likelihood -658.748, likelihood ratio test 33.27
    fit = fitted(rossi())

    expected = (-0.37942, -0.05744, 0.31390, -0.14980, -0.43370, -0.08487, 0.09150)
    assert fit.coefficients == pytest.approx(expected, abs=1e-5)
    errors = (0.19138, 0.02200, 0.30799, 0.21222, 0.38187, 0.19576, 0.02865)
    assert errors_of(fit) == pytest.approx(errors, abs=1e-5)
    assert fit.log_likelihood == pytest.approx(-658.748, abs=5e-4)
    assert chi_square(fit) == pytest.approx(33.27, abs=5e-3)


def test_ratios_of_lung_are_rs() -> None:
    # http://www.sthda.com/english/wiki/cox-proportional-hazards-model
    # coxph(Surv(time, status) ~ sex, lung): -0.5310, 0.588 (0.424 to 0.816), p 0.00149
    alone = ratio(fitted(lung("sex")), 0, n=228, level=0.95)
    assert alone.estimate.value == pytest.approx(0.588, abs=5e-4)
    assert fitted(lung("sex")).coefficients == pytest.approx([-0.5310235], abs=1e-7)
    assert alone.estimate.interval is not None
    assert alone.estimate.interval[:2] == pytest.approx((0.4237, 0.816), abs=5e-4)
    assert alone.p_value == pytest.approx(0.00149, abs=5e-6)
    # coxph(Surv(time, status) ~ age + sex + ph.ecog, lung)
    together = fitted(lung("age", "sex", "ph.ecog"))
    assert together.coefficients == pytest.approx((0.011067, -0.552612, 0.463728), abs=1e-6)
    assert errors_of(together) == pytest.approx((0.009267, 0.167739, 0.113577), abs=1e-6)
    assert chi_square(together) == pytest.approx(30.5, abs=0.05)


def test_coefficients_of_veteran_are_rs() -> None:
    # https://rviews.rstudio.com/2017/09/25/survival-analysis-with-r/
    # coxph(Surv(time, status) ~ trt + celltype + karno + diagtime + age + prior, veteran)
    fit = fitted(veteran())

    expected = (0.2946, 0.8616, 1.196, 0.4013, -0.03282, 8.132e-05, -8.706e-03, 0.07159)
    assert fit.coefficients == pytest.approx(expected, rel=5e-4)
    errors = (0.2075, 0.2753, 0.3009, 0.2827, 5.508e-03, 9.136e-03, 9.300e-03, 0.2323)
    assert errors_of(fit) == pytest.approx(errors, rel=5e-4)
    assert chi_square(fit) == pytest.approx(62.1, abs=0.05)


def german_breast_cancer(*names: str) -> Data:
    table = load_gbsg2()
    columns = {
        **{name: table[name] for name in ("age", "tsize", "pnodes", "progrec", "estrec")},
        "horTh": table["horTh"] == "yes",
        "menostat": table["menostat"] == "Post",
        "II": table["tgrade"] == "II",
        "III": table["tgrade"] == "III",
    }
    matrix = np.column_stack([columns[name].to_numpy(dtype=float) for name in names])
    return Data(table["time"].to_numpy(dtype=float), table["cens"].to_numpy(dtype=bool), matrix)


def test_ratio_of_the_german_breast_cancer_study_is_rs() -> None:
    # as R prints coxph(Surv(time, cens) ~ horTh, GBSG2) of TH.data: -0.3640, standard error 0.1250,
    # 0.6949, p 0.0036, likelihood ratio test 8.82; interval exp(-0.3640 +- 1.959964 * 0.1250)
    fit = fitted(german_breast_cancer("horTh"))
    found = ratio(fit, 0, n=686, level=0.95)

    assert fit.coefficients == pytest.approx([-0.3640], abs=5e-5)
    assert errors_of(fit) == pytest.approx([0.1250], abs=5e-5)
    assert found.estimate.value == pytest.approx(0.6949, abs=5e-5)
    assert found.p_value == pytest.approx(0.0036, abs=5e-5)
    assert found.estimate.interval is not None
    assert found.estimate.interval[:2] == pytest.approx((0.5439, 0.8878), abs=2e-4)
    assert chi_square(fit) == pytest.approx(8.82, abs=5e-3)


def test_every_coefficient_of_the_german_breast_cancer_study_is_rs() -> None:
    # Hothorn and Everitt, A Handbook of Statistical Analyses Using R, chapter Survival Analysis,
    # https://cran.r-project.org/package=HSAUR3: summary(coxph(Surv(time, cens) ~ ., GBSG2)).
    # The grade has other contrasts there, which the other coefficients do not see.
    names = ("horTh", "age", "tsize", "pnodes", "progrec", "estrec")
    fit = fitted(german_breast_cancer(*names, "menostat", "II", "III"))

    expected = (-0.346278, -0.00945924, 0.00779608, 0.0487886, -0.00221724, 0.000197311)
    assert fit.coefficients[:6] == pytest.approx(expected, rel=5e-6)
    errors = (0.129075, 0.00930059, 0.00393902, 0.00744709, 0.000573529, 0.000450368)
    assert errors_of(fit)[:6] == pytest.approx(errors, rel=5e-6)


@pytest.mark.parametrize("data", [rossi(), veteran(), simulated(150, seed=3)])
def test_fit_and_test_of_proportional_hazards_are_lifelines(data: Data) -> None:
    frame = DataFrame(data.columns).assign(time=data.time, event=data.event)
    frame.columns = frame.columns.map(str)
    theirs = CoxPHFitter().fit(frame, "time", "event", fit_options=EXACT)

    fit = fitted(data)

    assert fit.coefficients == pytest.approx(theirs.params_.to_numpy(), abs=1e-6)
    assert np.sqrt(np.diag(fit.covariance)) == pytest.approx(
        theirs.standard_errors_.to_numpy(), abs=1e-6
    )
    assert fit.log_likelihood == pytest.approx(theirs.log_likelihood_, abs=1e-6)
    tested = proportional_hazard_test(theirs, frame, time_transform="km")
    each = proportional_hazards(*data, fit=fit).each
    assert each == pytest.approx(tested.p_value, rel=1e-3)


def test_likelihood_ratio_of_nested_models() -> None:
    data = simulated(200, seed=1)
    smaller = fitted(data._replace(columns=data.columns[:, :1]))

    statistic, p_value = likelihood_ratio_p(larger=fitted(data), smaller=smaller)

    theirs = [
        PHReg(data.time, columns, status=data.event.astype(int), ties="efron").fit(disp=0).llf
        for columns in (data.columns, data.columns[:, :1])
    ]
    assert statistic == pytest.approx(2 * (theirs[0] - theirs[1]), abs=1e-6)
    assert p_value == pytest.approx(math.erfc(math.sqrt(statistic / 2)), rel=1e-9)


@pytest.mark.parametrize("outside", [1, 3, 10])
def test_penalised_ratio_by_hand(outside: int) -> None:
    # the one inside fails first and nobody else does: p = r / (r + m),
    # l* = ln p + ln(p (1 - p)) / 2, derivative (1 - p) + (1 - 2 p) / 2 = 0: p = 3/4 and r = 3 m
    size = outside + 1
    inside = np.arange(size) == 0
    fit = fitted(Data(np.where(inside, 1.0, 2.0), inside, inside.astype(float)[:, None]))

    assert fit.penalised
    assert math.exp(fit.coefficients[0]) == pytest.approx(3 * outside, rel=1e-6)


def test_penalised_fit_of_separated_covariates_maximises_the_penalised_likelihood() -> None:
    data = simulated(60, seed=4)
    first = data.columns[:, 0] == 1
    separated = data._replace(event=data.event & first)  # nobody outside has the event
    theirs = PHReg(data.time, data.columns, status=separated.event.astype(int), ties="efron")

    def lost(coefficients: Floats) -> float:
        information = -theirs.hessian(coefficients)
        return -float(theirs.loglike(coefficients) + np.linalg.slogdet(information)[1] / 2)

    best = minimize(lost, np.array([1.0, 0.0]), method="Nelder-Mead", tol=1e-10).x
    fit = fitted(separated)

    assert fit.penalised
    assert fit.coefficients == pytest.approx(best, abs=1e-3)


def test_no_fit_says_why() -> None:
    data = simulated(50, seed=2)
    one = data.columns[:, :1]
    nobody = cox_fit(data.time, np.zeros(50, dtype=bool), one)
    constant = cox_fit(data.time, data.event, np.ones((50, 1)))
    double = cox_fit(data.time, data.event, np.hstack([one, 1 - one]))

    assert nobody == NoFit(Status.TOO_FEW, "no event")
    assert constant == NoFit(Status.UNDEFINED, "a covariate is the same in every patient")
    assert double == NoFit(Status.UNDEFINED, "the covariates are linearly dependent")


@given(st.integers(0, 50), st.floats(0.01, 100))
@settings(deadline=None, max_examples=20)
def test_unit_of_time_changes_nothing_and_exchanged_groups_invert_the_ratio(
    seed: int, scale: float
) -> None:
    data = simulated(60, seed=seed)
    fit = fitted(data)
    scaled = fitted(data._replace(time=data.time * scale))
    flipped = data.columns * np.array([-1, 1]) + np.array([1, 0])

    assert scaled.coefficients == pytest.approx(fit.coefficients, rel=1e-9)
    assert fitted(data._replace(columns=flipped)).coefficients == pytest.approx(
        fit.coefficients * np.array([-1, 1]), abs=1e-7
    )


def test_predicted_survival_is_lifelines_where_no_times_are_tied() -> None:
    rng = np.random.default_rng(5)
    data = simulated(120, seed=5)
    data = data._replace(time=data.time + rng.uniform(0, 1e-3, 120))
    months = np.sort(data.time[data.event])[[0, 9, 30, 50]]
    frame = DataFrame(data.columns, columns=["a", "b"]).assign(time=data.time, event=data.event)
    theirs = CoxPHFitter().fit(frame, "time", "event", fit_options=EXACT)

    found = predicted_survival(*data, fit=fitted(data), months=months)

    expected = theirs.predict_survival_function(frame, times=list(months)).to_numpy().T
    assert found == pytest.approx(expected, abs=1e-6)


def test_resampled_coefficients_are_those_of_a_new_fit() -> None:
    data = simulated(200, seed=6)
    rng = np.random.default_rng(0)
    weights = resample_weights(strata=np.zeros(200, dtype=int), resamples=40, rng=rng)

    found = resampled_coefficients(
        risk_sets(data.time, data.event), data.columns, fit=fitted(data), weights=weights
    )

    errors = errors_of(fitted(data))
    for row, drawn in zip(found, weights, strict=True):
        copies = np.repeat(np.arange(200), drawn)
        again = fitted(Data(data.time[copies], data.event[copies], data.columns[copies]))
        # the copies' ties are Breslow's here and Efron's there
        assert (np.abs(row - again.coefficients) < 0.2 * errors).all()


def test_a_resample_without_a_maximum_has_no_coefficients() -> None:
    data = simulated(30, seed=7)
    weights = np.zeros((1, 30), dtype=np.int32)
    weights[0, np.flatnonzero(data.columns[:, 0] == 0)] = 2  # one category only

    found = resampled_coefficients(
        risk_sets(data.time, data.event), data.columns, fit=fitted(data), weights=weights
    )

    assert np.isnan(found).all()
