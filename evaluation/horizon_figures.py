"""Uno's C, time-dependent AUC and Brier scores of one outcome, as figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation import cox, survival
from evaluation.case_values import figure
from evaluation.intervals import Estimate, no_estimate
from evaluation.time_dependent import (
    brier_score,
    dynamic_auc,
    integrated_errors,
    squared_errors,
    uno_concordance,
)
from schema.clinical import PrognosisRules
from schema.result import Figure

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Weights = NDArray[np.int32]

NOBODY = "nobody"
"""The scope of a prediction that knows nothing of the patient: the Kaplan-Meier estimate."""


class Risks(NamedTuple):
    """One outcome's patients, and what each scope says of their risk.

    Attributes:
        time_months: shape (patients,).
        event: shape (patients,).
        by_scope: a risk of each patient, higher is worse.
        weights: resamples of these patients, shape (resamples, patients).
    """

    time_months: Floats
    event: Bools
    by_scope: Mapping[str, Floats]
    weights: Weights


def horizon_figures(
    risks: Risks, *, name: str, rules: PrognosisRules, level: float
) -> Iterable[Figure]:
    """Every figure that looks at a horizon.

    Args:
        risks: of the patients with this outcome.
        name: of the outcome, which begins the metric's id.
        rules: horizons and truncation.
        level: of the intervals.
    """
    time_months, event, by_scope, weights = risks
    for scope, risk in by_scope.items():
        estimate = uno_concordance(
            time_months,
            event,
            risk,
            truncation_months=rules.truncation_months,
            weights=weights,
            level=level,
        )
        yield figure(f"{name}_uno_c_index", scope, estimate)
    for scope, risk in by_scope.items():
        for month in rules.horizons_months:
            area = dynamic_auc(time_months, event, risk, month=month, weights=weights, level=level)
            yield figure(f"{name}_auc", f"{scope}_{month:.0f}", area)
    for scope in (*by_scope, NOBODY):
        yield from _brier_figures(risks, scope, name=name, rules=rules, level=level)


def _brier_figures(
    risks: Risks, scope: str, *, name: str, rules: PrognosisRules, level: float
) -> Iterable[Figure]:
    last = rules.horizons_months[-1]
    grid = np.union1d(np.arange(np.ceil(last)), rules.horizons_months)
    predicted = _predicted(risks, scope, months=grid, level=level)
    for month in rules.horizons_months:
        place = np.searchsorted(grid, month)
        estimate = _mean_error(risks, predicted, grid, slice(place, place + 1), level=level)
        yield figure(f"{name}_brier", f"{scope}_{month:.0f}", estimate)
    estimate = _mean_error(risks, predicted, grid, slice(None), level=level)
    yield figure(f"{name}_integrated_brier", scope, estimate)


def _predicted(risks: Risks, scope: str, *, months: Floats, level: float) -> Floats | cox.NoFit:
    """Survival of each patient at each month, shape (patients, months)."""
    if scope == NOBODY:
        return _of_everybody(risks, months=months, level=level)
    columns = risks.by_scope[scope][:, None]
    fit = cox.cox_fit(risks.time_months, risks.event, columns)
    if isinstance(fit, cox.NoFit):
        return fit
    return cox.predicted_survival(risks.time_months, risks.event, columns, fit=fit, months=months)


def _of_everybody(risks: Risks, *, months: Floats, level: float) -> Floats:
    size = risks.event.size
    curve = survival.kaplan_meier(
        risks.time_months, risks.event, grid_months=list(months), level=level
    )
    shared = np.array(curve.survival if curve else np.ones(months.size))
    return np.tile(shared, (size, 1))


def _mean_error(
    risks: Risks, predicted: Floats | cox.NoFit, months: Floats, part: slice, *, level: float
) -> Estimate:
    """Brier score at one month, or its mean over several."""
    size, chosen = risks.event.size, months[part]
    if isinstance(predicted, cox.NoFit):
        return no_estimate(predicted.reason, n=size, status=predicted.status)
    errors = squared_errors(risks.time_months, risks.event, predicted[:, part], months=chosen)
    if errors is None:
        reason = f"nobody was followed for more than {chosen[-1]:g} months"
        return no_estimate(reason, n=size)
    column = errors[:, 0] if chosen.size == 1 else integrated_errors(errors, months=chosen)
    return brier_score(column, weights=risks.weights, level=level)
