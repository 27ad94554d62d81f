"""Cox models as tables: each covariate alone, those that enter together, what the model adds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation import cox
from evaluation.case_values import interval
from evaluation.concordance import concordance_draws
from evaluation.covariates import Covariate
from evaluation.intervals import Estimate, bootstrapped, no_estimate
from evaluation.survival import HazardRatio
from schema.clinical import MODEL_STATUS, PrognosisRules
from schema.statistics import AddedValue, CoxTable, HazardRow
from schema.task import OutcomeRules
from schema.terms import Status

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Weights = NDArray[np.int32]


class Patients(NamedTuple):
    """The patients with an outcome: times and events, both of shape (patients,)."""

    time_months: Floats
    event: Bools

    def of(self, chosen: Bools) -> Patients:
        """Some of them."""
        return Patients(self.time_months[chosen], self.event[chosen])


class Model(NamedTuple):
    """A Cox model of some covariates in the patients in whom all are known."""

    covariates: tuple[Covariate, ...]
    complete: Bools
    patients: Patients
    columns: Floats
    fit: cox.CoxFit | cox.NoFit


def fit_model(patients: Patients, covariates: Sequence[Covariate], *, minimum_events: int) -> Model:
    """Fit the covariates together, on complete cases."""
    columns = np.column_stack([each.values for each in covariates])
    complete = np.asarray(np.isfinite(columns).all(axis=1), dtype=bool)
    chosen = patients.of(complete)
    columns = columns[complete]
    events = int(chosen.event.sum())
    fit: cox.CoxFit | cox.NoFit
    if events < minimum_events:
        fit = cox.NoFit(Status.TOO_FEW, f"{events} events, fewer than {minimum_events}")
    else:
        fit = cox.cox_fit(*chosen, columns)
    return Model(tuple(covariates), complete, chosen, columns, fit)


def cox_table(
    patients: Patients,
    covariates: Sequence[Covariate],
    *,
    outcome: OutcomeRules,
    rules: PrognosisRules,
    level: float,
) -> CoxTable:
    """Univariable models of all covariates, and the multivariable one of those that enter.

    A covariate enters with a univariable p value below the task file's, or where the task file
    calls it clinically relevant, if it has a ratio at all.

    Args:
        patients: with the outcome.
        covariates: of the same patients, the model's status among them.
        outcome: which outcome, and how many events a model needs.
        rules: of entry and of the warnings.
        level: of the intervals.
    """
    alone = [
        fit_model(patients, [each], minimum_events=outcome.minimum_events) for each in covariates
    ]
    univariable = tuple(row for model in alone for row in _rows(model, level=level))
    entered = entering(covariates, univariable, rules=rules)
    if not entered:
        return _without_multivariable(patients, univariable, outcome=outcome)
    model = fit_model(patients, entered, minimum_events=outcome.minimum_events)
    events = int(model.patients.event.sum())
    together = _proportional(model)
    return CoxTable(
        outcome=outcome.outcome,
        univariable=univariable,
        multivariable=_rows(model, level=level),
        n=int(model.complete.sum()),
        events=events,
        left_out=int((~model.complete).sum()),
        events_per_variable=events / len(entered),
        proportional_p_value=None if together is None else together.together,
        warnings=tuple(_warnings(model, rules=rules)),
    )


def _without_multivariable(
    patients: Patients, univariable: tuple[HazardRow, ...], *, outcome: OutcomeRules
) -> CoxTable:
    return CoxTable(
        outcome=outcome.outcome,
        univariable=univariable,
        multivariable=(),
        n=patients.event.size,
        events=int(patients.event.sum()),
        left_out=0,
        events_per_variable=None,
        proportional_p_value=None,
        warnings=("no covariate enters a multivariable model",),
    )


def entering(
    covariates: Sequence[Covariate], univariable: Sequence[HazardRow], *, rules: PrognosisRules
) -> tuple[Covariate, ...]:
    """The covariates that enter the multivariable model, in their order."""
    return tuple(
        covariate
        for covariate, row in zip(covariates, univariable, strict=True)
        if row.p_value is not None
        and (row.p_value < rules.entry_p_value or covariate.id in rules.clinically_relevant)
    )


def _rows(model: Model, *, level: float) -> tuple[HazardRow, ...]:
    proportional = _proportional(model)
    return tuple(
        _row(
            model,
            index,
            proportional_p_value=None if proportional is None else proportional.each[index],
            level=level,
        )
        for index in range(len(model.covariates))
    )


def _row(
    model: Model, index: int, *, proportional_p_value: float | None, level: float
) -> HazardRow:
    covariate, n = model.covariates[index], int(model.complete.sum())
    found = model_ratio(model, index, level=level)
    return HazardRow(
        value=found.estimate.value,
        status=found.estimate.status,
        reason=found.estimate.reason,
        interval=interval(found.estimate),
        interval_reason=found.estimate.interval_reason,
        n=n,
        covariate=covariate.id,
        title=covariate.title,
        contrast=covariate.contrast,
        events=int(model.patients.event.sum()),
        p_value=found.p_value,
        proportional_p_value=None if found.p_value is None else proportional_p_value,
        penalised=isinstance(model.fit, cox.CoxFit) and model.fit.penalised,
    )


def model_ratio(model: Model, index: int, *, level: float) -> HazardRatio:
    """Hazard ratio of one covariate of a model, or the reason for none."""
    n = int(model.complete.sum())
    if isinstance(model.fit, cox.NoFit):
        return cox.no_ratio(model.fit, n=n)
    return cox.ratio(model.fit, index, n=n, level=level)


def _proportional(model: Model) -> cox.ProportionalHazards | None:
    """None with the penalty and without a fit."""
    if isinstance(model.fit, cox.NoFit) or model.fit.penalised:
        return None
    return cox.proportional_hazards(*model.patients, model.columns, fit=model.fit)


def _warnings(model: Model, *, rules: PrognosisRules) -> list[str]:
    found = []
    per_variable = int(model.patients.event.sum()) / len(model.covariates)
    if per_variable < rules.events_per_variable:
        found.append(
            f"{per_variable:.1f} events a covariate, fewer than {rules.events_per_variable:g}: "
            "the ratios are likely too far from 1"
        )
    if isinstance(model.fit, cox.NoFit):
        return [*found, f"no multivariable model: {model.fit.reason}"]
    if model.fit.penalised:
        found.append("no finite maximum of the likelihood: Firth's penalty was used")
    proportional = _proportional(model)
    each = () if proportional is None else proportional.each
    for covariate, p_value in zip(model.covariates, each, strict=False):
        if p_value < rules.violation_p_value:
            found.append(f"{covariate.title}: the hazards may not be proportional")
    return found


def added_value(
    patients: Patients,
    covariates: Sequence[Covariate],
    *,
    entered: Sequence[str],
    outcome: OutcomeRules,
    weights: Weights,
    level: float,
) -> AddedValue:
    """What the model's status adds to the clinical covariates that entered.

    Both models are fitted to the patients in whom all these covariates are known. The likelihood
    ratio test has one degree of freedom; the gain in Harrell's C has a percentile interval over
    resampled patients, both models refitted in each.

    Args:
        patients: with the outcome.
        covariates: of the same patients, the model's status among them.
        entered: ids in the multivariable model.
        outcome: which outcome, and how many events a model needs.
        weights: resamples of these patients, shape (resamples, patients).
        level: of the interval.
    """
    clinical = [each for each in covariates if each.id in entered and each.id != MODEL_STATUS]
    status = [each for each in covariates if each.id == MODEL_STATUS]
    ids = tuple(each.id for each in clinical)
    n = patients.event.size
    if not clinical:
        reason = "no clinical covariate entered the multivariable model"
        missing = no_estimate(reason, n=n, status=Status.NOT_APPLICABLE)
        return _added(missing, outcome=outcome, ids=ids)
    needed = outcome.minimum_events
    larger = fit_model(patients, [*clinical, *status], minimum_events=needed)
    smaller = fit_model(patients, clinical, minimum_events=needed)
    for model in (larger, smaller):
        if isinstance(model.fit, cox.NoFit):
            missing = no_estimate(model.fit.reason, n=n, status=model.fit.status)
            return _added(missing, outcome=outcome, ids=ids)
    return _compared(larger, smaller, outcome=outcome, weights=weights, level=level)


def _added(
    gain: Estimate,
    *,
    outcome: OutcomeRules,
    ids: tuple[str, ...],
    without: float | None = None,
    together: float | None = None,
    test: tuple[float | None, float | None] = (None, None),
) -> AddedValue:
    return AddedValue(
        value=gain.value,
        status=gain.status,
        reason=gain.reason,
        interval=interval(gain),
        interval_reason=gain.interval_reason,
        n=gain.n,
        outcome=outcome.outcome,
        covariates=ids,
        c_without=without,
        c_with=together,
        likelihood_ratio=test[0],
        p_value=test[1],
    )


def _compared(
    larger: Model, smaller: Model, *, outcome: OutcomeRules, weights: Weights, level: float
) -> AddedValue:
    assert isinstance(larger.fit, cox.CoxFit), "checked by the caller"
    assert isinstance(smaller.fit, cox.CoxFit), "checked by the caller"
    drawn = weights.compress(larger.complete, axis=1)
    whole = np.ones((1, larger.patients.event.size), dtype=np.int32)
    values, draws = [], []
    for model in (smaller, larger):
        values.append(float(_model_concordance(model, weights=whole, refit=False)[0]))
        draws.append(_model_concordance(model, weights=drawn, refit=True))
    gain = bootstrapped(
        values[1] - values[0], draws[1] - draws[0], n=larger.patients.event.size, level=level
    )
    penalised = larger.fit.penalised or smaller.fit.penalised
    test = cox.likelihood_ratio_p(larger=larger.fit, smaller=smaller.fit)
    return _added(
        gain,
        outcome=outcome,
        ids=tuple(each.id for each in smaller.covariates),
        without=values[0],
        together=values[1],
        test=(None, None) if penalised else test,
    )


def _model_concordance(model: Model, *, weights: Weights, refit: bool) -> Floats:
    """Harrell's C of a model's risk in each resample, shape (resamples,)."""
    assert isinstance(model.fit, cox.CoxFit), "checked by the caller"
    time_months, event = model.patients
    coefficients = model.fit.coefficients[None]
    if refit:
        sets = cox.risk_sets(time_months, event)
        coefficients = cox.resampled_coefficients(
            sets, model.columns, fit=model.fit, weights=weights
        )
    patterns, inverse = np.unique(model.columns, axis=0, return_inverse=True)
    risks = (coefficients @ patterns.T)[:, inverse.reshape(-1)]
    return concordance_draws(time_months, event, risks, weights=weights)
