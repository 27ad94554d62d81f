"""Uno's C, time-dependent AUC and Brier scores against scikit-survival and by hand."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines.datasets import load_gbsg2
from numpy.typing import NDArray
from sksurv.metrics import (
    brier_score as their_brier,
)
from sksurv.metrics import (
    concordance_index_ipcw,
    cumulative_dynamic_auc,
    integrated_brier_score,
)
from sksurv.util import Surv

from evaluation.intervals import resample_weights
from evaluation.time_dependent import (
    brier_score,
    dynamic_auc,
    integrated_errors,
    squared_errors,
    uncensored_share,
    uno_concordance,
)
from schema.terms import Status

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
LEVEL = 0.95


class Patients(NamedTuple):
    time: Floats
    event: Bools
    risk: Floats


def breast_cancer() -> Patients:
    """Months as whole numbers, so that times are tied; the risk is the number of nodes."""
    table = load_gbsg2()
    months = np.ceil(table["time"].to_numpy(dtype=float) / 30)
    nodes = table["pnodes"].to_numpy(dtype=float)
    return Patients(months, table["cens"].to_numpy(dtype=bool), nodes)


def weights_of(size: int, *, resamples: int = 200) -> NDArray[np.int32]:
    strata = np.zeros(size, dtype=int)
    return resample_weights(strata=strata, resamples=resamples, rng=np.random.default_rng(1))


def uno(patients: Patients, *, truncation: float) -> float | None:
    return uno_concordance(
        *patients,
        truncation_months=truncation,
        weights=weights_of(patients.time.size, resamples=100),
        level=LEVEL,
    ).value


def auc(patients: Patients, *, month: float) -> float | None:
    weights = weights_of(patients.time.size, resamples=100)
    return dynamic_auc(*patients, month=month, weights=weights, level=LEVEL).value


@pytest.mark.parametrize("truncation", [20.0, 40.0, 60.0])
def test_unos_c_is_scikit_survivals(truncation: float) -> None:
    patients = breast_cancer()
    outcome = Surv.from_arrays(patients.event, patients.time)

    expected = concordance_index_ipcw(outcome, outcome, patients.risk, tau=truncation)[0]

    assert uno(patients, truncation=truncation) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("month", [20.0, 36.0, 60.0])
def test_dynamic_auc_is_scikit_survivals(month: float) -> None:
    patients = breast_cancer()
    outcome = Surv.from_arrays(patients.event, patients.time)

    expected = cumulative_dynamic_auc(outcome, outcome, patients.risk, [month])[0][0]

    assert auc(patients, month=month) == pytest.approx(expected, abs=1e-12)


def test_brier_scores_are_scikit_survivals() -> None:
    patients = breast_cancer()
    outcome = Surv.from_arrays(patients.event, patients.time)
    months = np.arange(6.0, 61.0)
    survival = np.exp(-np.outer(0.002 * (1 + patients.risk / 5), months))

    errors = squared_errors(patients.time, patients.event, survival, months=months)

    assert errors is not None
    expected = their_brier(outcome, outcome, survival, months)[1]
    assert errors.mean(axis=0) == pytest.approx(expected, abs=1e-12)
    assert integrated_errors(errors, months=months).mean() == pytest.approx(
        integrated_brier_score(outcome, outcome, survival, months), abs=1e-12
    )


def test_share_not_censored_by_hand() -> None:
    # at 2 one of four is censored beside an event that came first: 1 - 1/(4 - 1); at 5 the last
    time = np.array([1.0, 2.0, 2.0, 3.0, 5.0])
    event = np.array([True, True, False, True, False])

    share = uncensored_share(time, event, at=np.array([0.0, 1.9, 2.0, 4.9, 5.0]))

    assert share == pytest.approx([1, 1, 2 / 3, 2 / 3, 0])


def test_brier_score_of_uncensored_patients_is_the_mean_squared_error() -> None:
    time, event = np.array([1.0, 2.0, 8.0, 9.0]), np.ones(4, dtype=bool)
    survival = np.array([[0.1], [0.5], [0.8], [0.4]])

    errors = squared_errors(time, event, survival, months=np.array([5.0]))

    assert errors is not None
    found = brier_score(errors[:, 0], weights=weights_of(4), level=LEVEL)
    assert found.value == pytest.approx((0.01 + 0.25 + 0.04 + 0.36) / 4)


def test_a_horizon_that_nobody_reaches_has_no_figure() -> None:
    patients = Patients(np.array([1.0, 2.0]), np.array([True, True]), np.array([1.0, 0.0]))
    weights = weights_of(2)

    found = dynamic_auc(*patients, month=3.0, weights=weights, level=LEVEL)
    early = dynamic_auc(*patients, month=0.5, weights=weights, level=LEVEL)

    assert found.status is Status.UNDEFINED
    assert found.reason == "nobody was followed for more than 3 months"
    assert early.reason == "no event by 0.5 months"
    assert squared_errors(*patients[:2], np.ones((2, 1)), months=np.array([3.0])) is None


def test_no_event_before_the_truncation_has_no_unos_c() -> None:
    patients = Patients(np.array([5.0, 9.0]), np.array([True, False]), np.array([1.0, 0.0]))

    assert uno(patients, truncation=5.0) is None
    assert uno(patients, truncation=5.1) == 1


def test_interval_is_that_of_resampled_patients() -> None:
    patients = breast_cancer()
    size = patients.time.size
    weights = weights_of(size, resamples=300)
    found = dynamic_auc(*patients, month=36.0, weights=weights, level=LEVEL)

    # each resample as the patients it is made of, pairs of two copies of one patient included
    share = uncensored_share(patients.time, patients.event, at=patients.time)
    draws = []
    for drawn in weights:
        chosen = np.repeat(np.arange(size), drawn)
        time, event, risk = patients.time[chosen], patients.event[chosen], patients.risk[chosen]
        case, control = event & (time <= 36), time > 36
        higher = risk[case, None] > risk[None, control]
        equal = risk[case, None] == risk[None, control]
        weight = 1 / share[chosen][case]
        draws.append((weight @ (higher + equal / 2)).sum() / (weight.sum() * control.sum()))
    assert found.interval is not None
    assert found.interval[:2] == pytest.approx(np.quantile(draws, [0.025, 0.975]), abs=1e-9)


@st.composite
def cohorts(draw: st.DrawFn) -> Patients:
    row = st.tuples(st.integers(1, 9), st.booleans(), st.integers(0, 3))
    time, event, risk = np.array(draw(st.lists(row, min_size=2, max_size=15)), dtype=float).T
    return Patients(time, event.astype(bool), risk)


@given(cohorts(), st.floats(0.1, 30))
@settings(deadline=None, max_examples=40)
def test_unit_of_time_changes_nothing_and_the_opposite_risk_mirrors(
    patients: Patients, scale: float
) -> None:
    stretched = patients._replace(time=patients.time * scale)
    opposite = patients._replace(risk=-patients.risk)
    for figure, month in ((uno, "truncation"), (auc, "month")):
        value = figure(patients, **{month: 6.5})
        assert figure(stretched, **{month: 6.5 * scale}) == pytest.approx(value, abs=1e-9)
        other = figure(opposite, **{month: 6.5})
        if value is not None:
            assert other == pytest.approx(1 - value, abs=1e-9)


@given(cohorts())
@settings(deadline=None, max_examples=40)
def test_without_censoring_unos_c_is_harrells(patients: Patients) -> None:
    time, event, risk = patients._replace(event=np.ones_like(patients.event))
    pairs = [(i, j) for i in range(time.size) for j in range(time.size) if time[i] < time[j]]
    won = [1.0 if risk[i] > risk[j] else 0.5 if risk[i] == risk[j] else 0.0 for i, j in pairs]

    found = uno(Patients(time, event, risk), truncation=100.0)

    assert found == (pytest.approx(np.mean(won)) if pairs else None)
