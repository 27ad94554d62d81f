"""Two and more groups' survival: observed and expected events, their ratio, follow-up."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from evaluation.intervals import Estimate, Interval, no_estimate, z_score
from schema.terms import Status

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

ROUNDING = 1e-12
"""A product that is one half in whole numbers may come out above it."""
LEAST_VARIANCE = 1e-9
"""Of events, in a direction in which they can differ at all; below it is rounding."""


class EventCounts(NamedTuple):
    """Events of a group and of the rest, as observed and as expected were they alike."""

    observed: tuple[int, int]
    expected: tuple[float, float]


def event_counts(time_months: Floats, event: Bools, group: Bools) -> EventCounts:
    """Observed and expected events: at each event time d * (at risk in the group) / (at risk)."""
    moments, deaths = np.unique(time_months[event], return_counts=True)
    at_risk = time_months[None] >= moments[:, None]
    inside = (at_risk & group[None]).sum(axis=1)
    expected = float((deaths * inside / at_risk.sum(axis=1)).sum()) if moments.size else 0.0
    total, own = int(event.sum()), int((event & group).sum())
    return EventCounts((own, total - own), (expected, total - expected))


def log_rank_ratio(counts: EventCounts, *, n: int, level: float) -> Estimate:
    """(O1/E1) / (O2/E2), interval exp(ln HR ± z sqrt(1/E1 + 1/E2)).

    The hazard ratio that goes with the log-rank test, as in the paper's figures. No event in a
    group: separated. Source: Machin, Cheung and Parmar, Survival Analysis, 2nd ed., section 3.3.
    """
    (own, others), (expected, rest) = counts
    if not own or not others:
        which = "the first group" if not own else "the second group"
        return no_estimate(f"no event in {which}", n=n, status=Status.SEPARATED)
    if expected <= 0 or rest <= 0:
        return no_estimate("the two groups are never at risk together at an event", n=n)
    value = (own / expected) / (others / rest)
    half = z_score(level) * math.sqrt(1 / expected + 1 / rest)
    interval = Interval(value * math.exp(-half), value * math.exp(half), level, "asymptotic")
    return Estimate(value, interval, n)


def log_rank_p(time_months: Floats, event: Bools, codes: NDArray[np.intp]) -> float | None:
    """P value of the log-rank test of two or more groups; None where there is nothing to test.

    The observed less the expected events of the groups over their hypergeometric covariance:
    chi-square with one degree of freedom less than groups that were ever at risk at an event.
    Source: Mantel, Cancer Chemother Rep 1966.

    Args:
        time_months: shape (patients,).
        event: shape (patients,).
        codes: group of each patient, shape (patients,).
    """
    moments = np.unique(time_months[event])
    groups = np.unique(codes)
    of_group = codes[:, None] == groups[None]
    at_risk = (time_months[None] >= moments[:, None]).astype(np.float64) @ of_group
    fails = (event[None] & (time_months[None] == moments[:, None])).astype(np.float64) @ of_group
    total, deaths = at_risk.sum(axis=1), fails.sum(axis=1)
    share = at_risk / total[:, None]
    surplus = (fails - deaths[:, None] * share).sum(axis=0)
    lone = np.maximum(total - 1, 1)
    weight = deaths * (total - deaths) / lone
    covariance = np.diag(weight @ share) - (share * weight[:, None]).T @ share
    values, directions = np.linalg.eigh(covariance)
    free = values > LEAST_VARIANCE
    if not free.any():
        return None
    along = surplus @ directions[:, free]
    return float(chi2.sf((along**2 / values[free]).sum(), free.sum()))


def median_follow_up(time_months: Floats, event: Bools) -> float | None:
    """Median time to censoring by the reverse Kaplan-Meier method, in months.

    None where less than half is ever censored. Source: Schemper and Smith, Control Clin Trials
    1996.
    """
    moments, left = np.unique(time_months[~event], return_counts=True)
    at_risk = (time_months[None] >= moments[:, None]).sum(axis=1)
    remaining = np.cumprod(1 - left / at_risk)
    reached = np.flatnonzero(remaining <= 0.5 + ROUNDING)
    return float(moments[reached[0]]) if reached.size else None
