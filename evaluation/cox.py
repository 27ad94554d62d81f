"""Cox's proportional hazards: ordinary, and with Firth's penalty.

Own arithmetic, because the likelihood is also needed with a penalty and for thousands of resamples
at once. Ties are Efron's. Times are in months, an event is True.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import chi2

from evaluation.intervals import Estimate, Interval, no_estimate, z_score
from evaluation.survival import HazardRatio
from schema.terms import Status

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Weights = NDArray[np.int32]

ITERATIONS = 50
STEP = 1e-9
"""Of every standardised coefficient: a smaller step ends the iteration."""
FAR = 15.0
"""Of a standardised coefficient: only a likelihood without a finite maximum leads so far."""
HALVINGS = 20
LEFT = 1e-5
"""Of the penalised likelihood's gradient, at its maximum."""
NEWTON_STEPS_OF_A_RESAMPLE = 2
"""From the maximum of the whole: the second step already changes less than the resampling."""
BLOCK_CELLS = 1 << 22
"""Largest number of cells of a temporary matrix of resamples."""


class RiskSets(NamedTuple):
    """Who is at risk at each event.

    Attributes:
        shares: 1 for a patient at risk at an event, 0 for others, and 1 - l/d for those who fail
            with him, at the l-th of d events at one time (Efron). Shape (events, patients).
        failing: who fails, shape (events,).
    """

    shares: Floats
    failing: NDArray[np.intp]


class Moments(NamedTuple):
    """Of the likelihood at some coefficients: value, gradient, information, who would fail."""

    log_likelihood: float
    score: Floats
    information: Floats
    chances: Floats
    means: Floats


class CoxFit(NamedTuple):
    """A maximum of the partial likelihood.

    Attributes:
        coefficients: per unit of each covariate, shape (covariates,).
        covariance: shape (covariates, covariates).
        log_likelihood: at the maximum, without the penalty.
        null_log_likelihood: with all coefficients 0.
        penalised: whether Firth's penalty was needed.
    """

    coefficients: Floats
    covariance: Floats
    log_likelihood: float
    null_log_likelihood: float
    penalised: bool


class NoFit(NamedTuple):
    """Why there is none."""

    status: Status
    reason: str


def risk_sets(time_months: Floats, event: Bools) -> RiskSets:
    """Risk sets in the order of the events' times."""
    failing = np.flatnonzero(event)
    failing = failing[np.argsort(time_months[failing], kind="stable")]
    moments = time_months[failing]
    shares = (time_months[None] >= moments[:, None]).astype(np.float64)
    first = np.searchsorted(moments, moments, side="left")
    tied = np.searchsorted(moments, moments, side="right") - first
    gone = (np.arange(failing.size) - first) / np.maximum(tied, 1)
    together = event[None] & (time_months[None] == moments[:, None])
    return RiskSets(shares - together * gone[:, None], failing)


def moments_at(sets: RiskSets, columns: Floats, coefficients: Floats) -> Moments:
    """Efron's partial likelihood and its first two derivatives.

    At an event a patient fails with the chance share * exp(bx) / sum(share * exp(bx)). The
    gradient is the sum of x of those who fail less their expectation, the information the sum of
    the covariances.
    """
    risk = columns @ coefficients
    weighted = sets.shares * np.exp(risk - risk.max())
    totals = weighted.sum(axis=1)
    chances = weighted / totals[:, None]
    means = chances @ columns
    value = float((risk[sets.failing] - risk.max() - np.log(totals)).sum())
    score = columns[sets.failing].sum(axis=0) - means.sum(axis=0)
    squares = (columns * chances.sum(axis=0)[:, None]).T @ columns
    return Moments(value, score, squares - means.T @ means, chances, means)


def cox_fit(time_months: Floats, event: Bools, columns: Floats) -> CoxFit | NoFit:
    """Maximise the partial likelihood; where it has no finite maximum, Firth's penalised one.

    The penalty is half the logarithm of the information's determinant (Jeffreys' prior), which
    keeps every coefficient finite under separation. Intervals of a penalised fit are Wald's.
    Sources: Cox 1972; Efron 1977; Firth, Biometrika 1993; Heinze and Schemper, Biometrics 2001.

    Args:
        time_months: shape (patients,).
        event: shape (patients,).
        columns: covariates, shape (patients, covariates).

    Returns:
        The fit, or why there is none: no event, a covariate that does not vary, or covariates of
        which one is a sum of the others.
    """
    if not event.any():
        return NoFit(Status.TOO_FEW, "no event")
    centred = columns - columns.mean(axis=0)
    scales = np.sqrt((centred**2).mean(axis=0))
    if not (scales > 0).all():
        return NoFit(Status.UNDEFINED, "a covariate is the same in every patient")
    standard = centred / scales
    if np.linalg.matrix_rank(standard) < columns.shape[1]:
        return NoFit(Status.UNDEFINED, "the covariates are linearly dependent")
    sets = risk_sets(time_months, event)
    found = _maximum(sets, standard)
    penalised = found is None
    if found is None:
        found = _penalised_maximum(sets, standard)
    if found is None:
        return NoFit(Status.SEPARATED, "no finite maximum, not even of the penalised likelihood")
    return _in_units(found, sets=sets, standard=standard, scales=scales, penalised=penalised)


def _in_units(
    coefficients: Floats, *, sets: RiskSets, standard: Floats, scales: Floats, penalised: bool
) -> CoxFit:
    at = moments_at(sets, standard, coefficients)
    null = moments_at(sets, standard, np.zeros_like(coefficients))
    return CoxFit(
        coefficients=coefficients / scales,
        covariance=np.linalg.inv(at.information) / np.outer(scales, scales),
        log_likelihood=at.log_likelihood,
        null_log_likelihood=null.log_likelihood,
        penalised=penalised,
    )


def _maximum(sets: RiskSets, columns: Floats) -> Floats | None:
    """Coefficients at the maximum by Newton's method; None where there is none."""
    coefficients = np.zeros(columns.shape[1])
    for _ in range(ITERATIONS):
        at = moments_at(sets, columns, coefficients)
        if not _is_regular(at.information):
            return None
        step = np.asarray(np.linalg.solve(at.information, at.score), dtype=np.float64)
        coefficients = _ascend(sets, columns, coefficients, step)
        if np.abs(coefficients).max() > FAR:
            return None
        if np.abs(step).max() < STEP:
            return coefficients
    return None


def _is_regular(information: Floats) -> bool:
    eigenvalues = np.linalg.eigvalsh(information)
    return bool(np.isfinite(eigenvalues).all() and eigenvalues[0] > 1e-10 * eigenvalues[-1] > 0)


def _ascend(sets: RiskSets, columns: Floats, coefficients: Floats, step: Floats) -> Floats:
    """One step, halved until the likelihood does not fall."""
    before = moments_at(sets, columns, coefficients).log_likelihood
    slack = 1e-12 * max(1.0, abs(before))
    for _ in range(HALVINGS):
        if moments_at(sets, columns, coefficients + step).log_likelihood >= before - slack:
            break
        step = step / 2
    return coefficients + step


def _penalised_maximum(sets: RiskSets, columns: Floats) -> Floats | None:
    """Coefficients at the maximum of the penalised likelihood; None where the search fails."""

    def lost(coefficients: Floats) -> tuple[float, Floats]:
        at = moments_at(sets, columns, coefficients)
        if not _is_regular(at.information):
            return math.inf, np.zeros_like(coefficients)
        logarithm = float(np.linalg.slogdet(at.information)[1])
        return -at.log_likelihood - logarithm / 2, -at.score - _firth(at, columns)

    found = minimize(lost, np.zeros(columns.shape[1]), jac=True, method="BFGS", tol=1e-9)
    # it may stop short of the tolerance where rounding hides any gain
    at_rest = math.isfinite(found.fun) and np.abs(found.jac).max() < LEFT
    return np.asarray(found.x, dtype=np.float64) if at_rest else None


def _firth(at: Moments, columns: Floats) -> Floats:
    """Gradient of the penalty: half the trace of the inverse information times its derivative.

    The derivative of a covariance is the third central moment: at each event the expectation of
    (x - m) times the quadratic form of (x - m) in the inverse information.
    """
    inverse = np.linalg.inv(at.information)
    mapped = columns @ inverse
    own = (mapped * columns).sum(axis=1)
    middle = ((at.means @ inverse) * at.means).sum(axis=1)
    forms = own[None] - 2 * at.means @ mapped.T + middle[:, None]
    weighted = at.chances * forms
    moved = weighted @ columns - weighted.sum(axis=1)[:, None] * at.means
    return np.asarray(moved.sum(axis=0) / 2, dtype=np.float64)


LARGEST = math.log(1e6)
"""Of a logarithm of a hazard ratio, or of a bound, that is still told."""


def ratio(fit: CoxFit, index: int, *, n: int, level: float) -> HazardRatio:
    """Hazard ratio per unit of one covariate, Wald interval and p value.

    A ratio past a million either way is none, and a bound past it is no bound: so few events, or
    covariates so nearly the same, say nothing of either.
    """
    coefficient = float(fit.coefficients[index])
    error = math.sqrt(float(fit.covariance[index, index]))
    if abs(coefficient) > LARGEST:
        reason = "the likelihood is flat: too few events for the covariates, or nearly separated"
        return HazardRatio(no_estimate(reason, n=n, status=Status.SEPARATED), None)
    p_value = float(chi2.sf((coefficient / error) ** 2, 1))
    reach = z_score(level) * error
    if abs(coefficient) + reach > LARGEST:
        reason = "a bound lies past a million: too few events to tell"
        return HazardRatio(
            Estimate(math.exp(coefficient), None, n, interval_reason=reason), p_value
        )
    low, high = math.exp(coefficient - reach), math.exp(coefficient + reach)
    return HazardRatio(
        Estimate(math.exp(coefficient), Interval(low, high, level, "wald"), n), p_value
    )


def no_ratio(why: NoFit, *, n: int) -> HazardRatio:
    """The hazard ratio of a fit that does not exist."""
    return HazardRatio(no_estimate(why.reason, n=n, status=why.status), None)


class ProportionalHazards(NamedTuple):
    """P values of the test that the hazards stay proportional: each covariate, and all at once."""

    each: tuple[float, ...]
    together: float


def proportional_hazards(
    time_months: Floats, event: Bools, columns: Floats, *, fit: CoxFit
) -> ProportionalHazards:
    """Whether the scaled Schoenfeld residuals go with time, on the scale 1 - Kaplan-Meier.

    Source: Grambsch and Therneau, Biometrika 1994. With d events, V the covariance and r the
    residuals, the scaled ones are d V r; each covariate has
    (sum (g - mean g) r*)^2 / (d V_kk sum (g - mean g)^2), chi-square with 1 degree of freedom.
    """
    sets = risk_sets(time_months, event)
    at = moments_at(sets, columns, fit.coefficients)
    residuals = columns[sets.failing] - at.means
    scale = _lost_by(time_months, event, at=time_months[sets.failing])
    spread = scale - scale.mean()
    slope, total = spread @ residuals, float((spread**2).sum())
    events = sets.failing.size
    if total == 0:
        return ProportionalHazards((1.0,) * columns.shape[1], 1.0)
    scaled = events * fit.covariance @ slope
    each = scaled**2 / (events * np.diag(fit.covariance) * total)
    together = float(slope @ (events * fit.covariance) @ slope) / total
    p_values = tuple(float(chi2.sf(value, 1)) for value in each)
    return ProportionalHazards(p_values, float(chi2.sf(together, columns.shape[1])))


def _lost_by(time_months: Floats, event: Bools, *, at: Floats) -> Floats:
    """1 - Kaplan-Meier survival just after each time."""
    moments, deaths = np.unique(time_months[event], return_counts=True)
    at_risk = (time_months[None] >= moments[:, None]).sum(axis=1)
    survival = np.cumprod(1 - deaths / at_risk)
    return np.asarray(1 - survival[np.searchsorted(moments, at)], dtype=np.float64)


def likelihood_ratio_p(*, larger: CoxFit, smaller: CoxFit) -> tuple[float, float]:
    """Chi-square of nested fits, and its p value; degrees of freedom are the added covariates."""
    statistic = max(0.0, 2 * (larger.log_likelihood - smaller.log_likelihood))
    added = larger.coefficients.size - smaller.coefficients.size
    return statistic, float(chi2.sf(statistic, added))


def predicted_survival(
    time_months: Floats, event: Bools, columns: Floats, *, fit: CoxFit, months: Floats
) -> Floats:
    """Survival of each patient at each month, shape (patients, months).

    exp(-H(t) exp(bx)) with Breslow's cumulative hazard H, its ties split as Efron's.
    """
    sets = risk_sets(time_months, event)
    risk = np.exp((columns - columns.mean(axis=0)) @ fit.coefficients)
    steps = 1 / (sets.shares @ risk)
    hazard = np.concatenate([[0.0], np.cumsum(steps)])
    reached = np.searchsorted(time_months[sets.failing], months, side="right")
    return np.asarray(np.exp(-risk[:, None] * hazard[reached][None]), dtype=np.float64)


def resampled_coefficients(
    sets: RiskSets, columns: Floats, *, fit: CoxFit, weights: Weights
) -> Floats:
    """Coefficients of each resample, shape (resamples, covariates); NaN where there are none.

    Newton's steps from the whole cohort's maximum. The copies of a patient fail at once, their
    risk set the same (Breslow).
    """
    rows = max(1, BLOCK_CELLS // max(1, columns.shape[0]))
    blocks = [
        _refitted(sets, columns, fit=fit, weights=weights[start : start + rows].astype(np.float64))
        for start in range(0, len(weights), rows)
    ]
    return np.concatenate(blocks)


def _refitted(sets: RiskSets, columns: Floats, *, fit: CoxFit, weights: Floats) -> Floats:
    scales = columns.std(axis=0)
    standard = (columns - columns.mean(axis=0)) / scales
    found = np.tile(fit.coefficients * scales, (len(weights), 1))
    with np.errstate(all="ignore"):  # a resample that runs away ends as NaN
        for _ in range(NEWTON_STEPS_OF_A_RESAMPLE):
            found = found + _steps(sets, standard, found, weights=weights)
    found[~(np.abs(found) < FAR).all(axis=1)] = np.nan
    return np.asarray(found / scales, dtype=np.float64)


def _steps(sets: RiskSets, columns: Floats, coefficients: Floats, *, weights: Floats) -> Floats:
    """Newton's step of each resample."""
    risk = coefficients @ columns.T
    weighted = weights * np.exp(risk - risk.max(axis=1, keepdims=True))
    happened = weights[:, sets.failing]
    totals = weighted @ sets.shares.T
    hazards = np.divide(happened, totals, out=np.zeros_like(totals), where=totals > 0)
    means = np.stack([(weighted * column) @ sets.shares.T for column in columns.T], axis=2)
    means = np.divide(
        means, totals[:, :, None], out=np.zeros_like(means), where=totals[:, :, None] > 0
    )
    score = happened @ columns[sets.failing] - (happened[:, :, None] * means).sum(axis=1)
    share = weighted * (hazards @ sets.shares)
    width = columns.shape[1]
    products = (columns[:, :, None] * columns[:, None]).reshape(len(columns), -1)
    squares = (share @ products).reshape(-1, width, width)
    information = squares - (means * happened[:, :, None]).transpose(0, 2, 1) @ means
    return _solved(information, score)


def _solved(information: Floats, score: Floats) -> Floats:
    """Solutions of many systems; NaN where one is singular, or ran away a step before."""
    finite = np.asarray(np.isfinite(information).all(axis=(1, 2)), dtype=np.bool_)
    regular = finite & np.isfinite(score).all(axis=1)
    if regular.any():
        regular[regular] = np.linalg.eigvalsh(information[regular])[:, 0] > 1e-8
    steps = np.full(score.shape, np.nan)
    if regular.any():
        steps[regular] = np.linalg.solve(information[regular], score[regular][:, :, None])[:, :, 0]
    return steps
