"""Time-to-event figures: Cox hazard ratios, Kaplan-Meier, the log-rank test.

Times are in months, an event is True.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import pandas as pd
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.exceptions import ConvergenceError, ConvergenceWarning
from lifelines.statistics import logrank_test
from numpy.typing import NDArray
from scipy.linalg import LinAlgWarning

from evaluation.intervals import Estimate, Interval, no_estimate, z_score
from schema.terms import Status

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


class HazardRatio(NamedTuple):
    """A hazard ratio and its Wald p value, None when there is no ratio."""

    estimate: Estimate
    p_value: float | None


class Curve(NamedTuple):
    """Kaplan-Meier survival on a grid of months, each of shape (months,)."""

    survival: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    at_risk: tuple[int, ...]
    events: int


def hazard_ratio(
    time_months: Floats, event: Bools, group: Bools, *, minimum_events: int, level: float
) -> HazardRatio:
    """Univariable Cox hazard ratio of `group` against the rest, Efron ties, Wald interval.

    Above 1 the group fares worse. One group only, or never both at risk at an event: undefined.
    Fewer events than `minimum_events`: too few. Events such that the likelihood has no finite
    maximum: separated. Source: Cox 1972.
    """
    size = time_months.size
    if not size or group.all() or not group.any():
        return HazardRatio(no_estimate("patients of one group only", n=size), None)
    if (count := int(event.sum())) < minimum_events:
        reason = f"{count} events, fewer than {minimum_events}"
        return HazardRatio(no_estimate(reason, n=size, status=Status.TOO_FEW), None)
    if (why := _separation(time_months, event, group)) is not None:
        return HazardRatio(no_estimate(why.reason, n=size, status=why.status), None)
    return cox(time_months, event, {"group": group.astype(np.float64)}, level=level)["group"]


class NoMaximum(NamedTuple):
    """Why a likelihood has no maximum to report."""

    status: Status
    reason: str


def _separation(time_months: Floats, event: Bools, group: Bools) -> NoMaximum | None:
    """Why the partial likelihood of a binary covariate has no finite maximum; None when it has.

    It rises for ever when at each event time those who fail are in the group whenever anyone at
    risk is (then the ratio is infinite), or are outside it whenever anyone at risk is (then 0).
    When both hold, no event ever had both groups at risk, and the likelihood is flat.
    """
    never_less = never_more = True
    for moment in np.unique(time_months[event]):
        at_risk = group[time_months >= moment]
        failing = group[event & (time_months == moment)]
        never_less &= bool(failing.all()) or not at_risk.any()
        never_more &= not failing.any() or bool(at_risk.all())
    if never_less and never_more:
        reason = "the two groups are never at risk together at an event"
        return NoMaximum(Status.UNDEFINED, reason)
    if never_less or never_more:
        which = "inside" if never_less else "outside"
        reason = f"whenever both groups are at risk, every event is {which} the positive group"
        return NoMaximum(Status.SEPARATED, reason)
    return None


def cox(
    time_months: Floats, event: Bools, covariates: Mapping[str, Floats], *, level: float
) -> dict[str, HazardRatio]:
    """Multivariable Cox hazard ratios by covariate, Efron ties, Wald intervals, by lifelines.

    Args:
        time_months: shape (patients,).
        event: shape (patients,).
        covariates: numeric columns that vary, each of shape (patients,); the ratio is per unit.
        level: of the intervals.

    Returns:
        For each covariate its ratio. Where the fit does not converge, every one is separated, with
        lifelines' word for it.
    """
    # in standard deviations: the optimiser judges its columns by their variance
    scales = {name: float(np.std(column)) or 1.0 for name, column in covariates.items()}
    frame = pd.DataFrame({name: covariates[name] / scales[name] for name in covariates})
    frame = frame.assign(time_months=time_months, event=event.astype(int))
    try:
        fitter = _fit(frame, level=level)
    except FIT_FAILURES as error:
        reason = "the fit does not converge: " + str(error).strip().partition("\n")[0]
        missing = no_estimate(reason, n=time_months.size, status=Status.SEPARATED)
        return dict.fromkeys(covariates, HazardRatio(missing, None))
    return {name: _ratio(fitter, name, scale=scales[name], level=level) for name in covariates}


FIT_FAILURES = (ConvergenceError, ConvergenceWarning, LinAlgWarning, RuntimeWarning)
PRECISION = 1e-12
"""Of Newton's method: with lifelines' own the logarithm of a ratio is off by up to 0.002."""
STEP_SIZES = (0.95, 0.1)
"""First step of Newton's method: lifelines' own, and a small one for steep likelihoods."""


def _fit(frame: pd.DataFrame, *, level: float) -> CoxPHFitter:
    """A converged fit; a doubtful one counts as none."""
    *others, last = STEP_SIZES
    for step_size in others:
        with suppress(*FIT_FAILURES):
            return _fit_once(frame, level=level, step_size=step_size)
    return _fit_once(frame, level=level, step_size=last)


def _fit_once(frame: pd.DataFrame, *, level: float, step_size: float) -> CoxPHFitter:
    with warnings.catch_warnings():
        for doubt in (ConvergenceWarning, LinAlgWarning, RuntimeWarning):
            warnings.simplefilter("error", doubt)
        return CoxPHFitter(alpha=1 - level).fit(
            frame,
            duration_col="time_months",
            event_col="event",
            fit_options={"step_size": step_size, "precision": PRECISION},
        )


def _ratio(fitter: CoxPHFitter, name: str, *, scale: float, level: float) -> HazardRatio:
    """Ratio per unit of a covariate that was divided by `scale`."""
    row, half = fitter.summary.loc[name], z_score(level)
    coefficient, error = float(row["coef"]) / scale, float(row["se(coef)"]) / scale
    low, high = (math.exp(coefficient + side * half * error) for side in (-1, 1))
    interval = Interval(low, high, level, "wald")
    n = len(fitter.durations)
    return HazardRatio(Estimate(math.exp(coefficient), interval, n), float(row["p"]))


def kaplan_meier(
    time_months: Floats, event: Bools, *, grid_months: Sequence[float], level: float
) -> Curve | None:
    """Kaplan-Meier survival at each month of a grid; None without a patient.

    Interval: Greenwood's variance of log(-log S). At risk are the patients whose time is not
    before the month. Beyond the last time the last value stands, with nobody at risk.
    """
    if not time_months.size:
        return None
    fitter = KaplanMeierFitter(alpha=1 - level).fit(time_months, event)
    steps = fitter.survival_function_.index.to_numpy()
    at = np.searchsorted(steps, np.asarray(grid_months), side="right") - 1
    survival = fitter.survival_function_.iloc[at, 0].to_numpy()
    bounds = fitter.confidence_interval_.iloc[at].to_numpy()
    # log(-log S) has no variance at S = 1 and at S = 0; the bounds are then the value itself
    bounds = np.where(np.isfinite(bounds), bounds, survival[:, None])
    return Curve(
        survival=_floats(survival),
        low=_floats(bounds[:, 0]),
        high=_floats(bounds[:, 1]),
        at_risk=tuple(int((time_months >= month).sum()) for month in grid_months),
        events=int(event.sum()),
    )


def _floats(values: Floats) -> tuple[float, ...]:
    return tuple(float(min(1.0, max(0.0, value))) for value in values)


def survival_at(time_months: Floats, event: Bools, *, month: float, level: float) -> Estimate:
    """Kaplan-Meier survival at a month; undefined when nobody was followed that long."""
    curve = kaplan_meier(time_months, event, grid_months=[month], level=level)
    return survival_on_curve(curve, 0, month=month, n=time_months.size, level=level)


def survival_on_curve(
    curve: Curve | None, index: int, *, month: float, n: int, level: float
) -> Estimate:
    """Survival at one month of a curve's grid; `n` patients are behind the curve."""
    if curve is None:
        return no_estimate("no patient in this group", n=0)
    if not curve.at_risk[index]:
        return no_estimate(f"nobody was followed for {month:g} months", n=n)
    value = curve.survival[index]
    if value in (0.0, 1.0):
        reason = "everybody or nobody had the event by then: the variance is 0, not known"
        return Estimate(value, None, n, interval_reason=reason)
    return Estimate(value, Interval(curve.low[index], curve.high[index], level, "asymptotic"), n)


def log_rank(time_months: Floats, event: Bools, group: Bools) -> Estimate:
    """P value of the log-rank test that both groups survive alike; it has no interval.

    Undefined with one group only, and where at no event both groups were at risk: nobody else could
    have failed. Source: Mantel, Cancer Chemother Rep 1966.
    """
    n = time_months.size
    if not n or group.all() or not group.any():
        return no_estimate("patients of one group only", n=n)
    if not _ever_at_risk_together(time_months, event, group):
        return no_estimate("the two groups are never at risk together at an event", n=n)
    test = logrank_test(time_months[group], time_months[~group], event[group], event[~group])
    return Estimate(float(test.p_value), None, n, interval_reason="a p value has no interval")


def _ever_at_risk_together(time_months: Floats, event: Bools, group: Bools) -> bool:
    """Whether at some event both groups, and somebody who did not have it, were at risk."""
    last = min(time_months[group].max(), time_months[~group].max())
    moments = np.unique(time_months[event & (time_months <= last)])
    return any(
        (time_months >= moment).sum() > (event & (time_months == moment)).sum()
        for moment in moments
    )
