"""Discrimination and error at a horizon, weighted for censoring (inverse probability).

Uno's C, the cumulative/dynamic AUC, the Brier score and its integral. Times are in months, an event
is True, a higher risk means an earlier event. Where patients are resampled the distribution of the
censoring is that of the whole cohort.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evaluation.intervals import Estimate, bootstrapped, divide, no_estimate, ratio_of_sums

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Weights = NDArray[np.int32]


def uncensored_share(time_months: Floats, event: Bools, *, at: Floats) -> Floats:
    """Chance not to be censored by each time: Kaplan-Meier of the censoring, events first.

    Shape of `at`. Where an event and a censoring fall on one time, the event came first.
    """
    moments, left = np.unique(time_months[~event], return_counts=True)
    at_risk = (time_months[None] >= moments[:, None]).sum(axis=1)
    failed = (event[None] & (time_months[None] == moments[:, None])).sum(axis=1)
    survival = np.concatenate([[1.0], np.cumprod(1 - left / (at_risk - failed))])
    return np.asarray(survival[np.searchsorted(moments, at, side="right")], dtype=np.float64)


def uno_concordance(
    time_months: Floats,
    event: Bools,
    risk: Floats,
    *,
    truncation_months: float,
    weights: Weights,
    level: float,
) -> Estimate:
    """Uno's C: as Harrell's, each pair weighted by 1/G(t)^2 of its event's time t < truncation.

    G is the chance not to be censored; so C does not depend on how long patients were followed.
    Ties in risk count one half. No comparable pair: undefined. Source: Uno et al., Stat Med 2011.
    """
    size = time_months.size
    cases = np.flatnonzero(event & (time_months < truncation_months))
    outlived = time_months[None] > time_months[cases, None]
    outlived |= ~event[None] & (time_months[None] == time_months[cases, None])
    inverse = _inverse_share(time_months, event, at=time_months[cases])
    if inverse is None or not outlived.any():
        return no_estimate("no comparable pair of patients before the truncation", n=size)
    return _pair_share(risk, cases, outlived * (inverse**2)[:, None], weights=weights, level=level)


def dynamic_auc(
    time_months: Floats, event: Bools, risk: Floats, *, month: float, weights: Weights, level: float
) -> Estimate:
    """Chance that who had the event by the month has a higher risk than who outlived it.

    Cumulative cases weighted by 1/G(t), dynamic controls; ties one half. No case or no control:
    undefined. Sources: Heagerty et al. 2000; Uno et al. 2007; Hung and Chiang 2010.
    """
    size = time_months.size
    cases = np.flatnonzero(event & (time_months <= month))
    controls = time_months > month
    inverse = _inverse_share(time_months, event, at=time_months[cases])
    if not cases.size:
        return no_estimate(f"no event by {month:g} months", n=size)
    if inverse is None or not controls.any():
        return no_estimate(f"nobody was followed for more than {month:g} months", n=size)
    pairs = controls[None] * inverse[:, None]
    return _pair_share(risk, cases, pairs, weights=weights, level=level)


def _inverse_share(time_months: Floats, event: Bools, *, at: Floats) -> Floats | None:
    """1/G at each time; None where a G is 0."""
    share = uncensored_share(time_months, event, at=at)
    return 1 / share if (share > 0).all() else None


def _pair_share(
    risk: Floats, cases: NDArray[np.intp], pairs: Floats, *, weights: Weights, level: float
) -> Estimate:
    """Weighted share of (case, other) pairs in which the case has the higher risk."""
    other = risk[cases, None]
    won = pairs * ((other > risk[None]) + 0.5 * (other == risk[None]))
    drawn = weights.astype(np.float64)
    chosen = drawn[:, cases]
    draws = divide(((chosen @ won) * drawn).sum(axis=1), ((chosen @ pairs) * drawn).sum(axis=1))
    return bootstrapped(float(won.sum() / pairs.sum()), draws, n=risk.size, level=level)


def squared_errors(
    time_months: Floats, event: Bools, survival: Floats, *, months: Floats
) -> Floats | None:
    """Weighted squared error of each patient's survival at each month, shape as `survival`.

    S^2 / G(t) after an event at t by the month, (1 - S)^2 / G(month) for who outlived it, else 0.
    None where nobody was followed beyond the last month. Source: Graf et al., Stat Med 1999.

    Args:
        time_months: shape (patients,).
        event: shape (patients,).
        survival: shape (patients, months).
        months: shape (months,), ascending.
    """
    if not (time_months > months[-1]).any():
        return None
    at_own = uncensored_share(time_months, event, at=time_months)
    at_month = uncensored_share(time_months, event, at=months)
    case = event[:, None] & (time_months[:, None] <= months[None])
    outlived = time_months[:, None] > months[None]
    own = np.where(case, at_own[:, None], 1.0)
    return np.asarray(
        case * survival**2 / own + outlived * (1 - survival) ** 2 / at_month[None],
        dtype=np.float64,
    )


def brier_score(errors: Floats, *, weights: Weights, level: float) -> Estimate:
    """Mean of one month's squared errors, shape (patients,); 0 is perfect, lower is better."""
    return ratio_of_sums(errors, np.ones_like(errors), weights=weights, level=level)


def integrated_errors(errors: Floats, *, months: Floats) -> Floats:
    """Each patient's squared error averaged over the months by the trapezium rule."""
    area = np.trapezoid(errors, months, axis=1)
    return np.asarray(area / (months[-1] - months[0]), dtype=np.float64)
