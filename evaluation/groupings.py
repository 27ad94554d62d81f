"""Kaplan-Meier survival of the patients split by one thing or two."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation import survival
from evaluation.case_values import estimated
from evaluation.covariates import Covariate
from evaluation.cox_tables import Patients
from evaluation.log_rank_ratio import (
    event_counts,
    log_rank_p,
    log_rank_ratio,
    median_follow_up,
)
from schema.statistics import GroupComparison, GroupSurvival, SurvivalGrouping
from schema.terms import Outcome

Bools = NDArray[np.bool_]
Codes = NDArray[np.intp]
NO_GROUP = -1


class Split(NamedTuple):
    """A way to split the patients.

    Attributes:
        id: of the grouping.
        title: shown.
        labels: of the groups.
        codes: group of each patient, `NO_GROUP` where not known, shape (patients,).
        pairs: groups to compare, first against second.
    """

    id: str
    title: str
    labels: tuple[str, ...]
    codes: Codes
    pairs: tuple[tuple[int, int], ...]


def status_split(split_id: str, title: str, status: Bools) -> Split:
    """Positive against negative."""
    labels = ("LLN negative", "LLN positive")
    return Split(split_id, title, labels, status.astype(np.intp), ((1, 0),))


def place_split(
    split_id: str,
    title: str,
    labels: Sequence[str],
    *,
    called: Bools,
    places: Sequence[int | None],
    first: int,
) -> Split:
    """Negative patients, and the positive ones by one of two places.

    Args:
        split_id: of the grouping.
        title: shown.
        labels: of the two places.
        called: the model's status.
        places: 0 or 1 of each patient, None where it is not stated.
        first: the place that is compared with the other.
    """
    stated = np.array([NO_GROUP if place is None else place + 1 for place in places], dtype=np.intp)
    codes = np.where(called, stated, 0)
    pairs = ((first + 1, 2 - first), (1, 0), (2, 0))
    return Split(split_id, title, ("LLN negative", *labels), codes, pairs)


def joint_split(covariate: Covariate, called: Bools) -> Split:
    """The model's status crossed with a covariate of two categories.

    Compared: both against neither, the status within each category, the covariate alone against
    neither.
    """
    labels = tuple(
        f"{covariate.title} {level}, LLN {status}"
        for level, status in product(covariate.levels, ("negative", "positive"))
    )
    codes = np.full(called.size, NO_GROUP, dtype=np.intp)
    known = covariate.known
    codes[known] = 2 * covariate.values[known].astype(np.intp) + called[known]
    title = f"{covariate.title} and LLN status"
    return Split(f"joint_{covariate.id}", title, labels, codes, ((3, 0), (1, 0), (3, 2), (2, 0)))


def grouping(
    patients: Patients,
    split: Split,
    *,
    outcome: Outcome,
    months: Sequence[float],
    horizons_months: Sequence[float],
    level: float,
) -> SurvivalGrouping:
    """Survival, follow-up, log-rank test and ratios of the groups of a split."""
    member = split.codes != NO_GROUP
    inside = patients.of(member)
    return SurvivalGrouping(
        id=split.id,
        title=split.title,
        outcome=outcome,
        months=tuple(months),
        horizons_months=tuple(horizons_months),
        groups=tuple(
            _group(
                patients.of(split.codes == code),
                label,
                months=months,
                horizons_months=horizons_months,
                level=level,
            )
            for code, label in enumerate(split.labels)
        ),
        comparisons=tuple(_comparisons(patients, split, level=level)),
        p_value=log_rank_p(*inside, split.codes[member]),
        median_follow_up_months=median_follow_up(*inside),
        left_out=int((~member).sum()),
    )


def _group(
    patients: Patients,
    label: str,
    *,
    months: Sequence[float],
    horizons_months: Sequence[float],
    level: float,
) -> GroupSurvival:
    n, count = patients.event.size, len(months)
    grid = [*months, *horizons_months]
    curve = survival.kaplan_meier(*patients, grid_months=grid, level=level)
    shown = curve or survival.Curve((), (), (), (), 0)
    horizons = (
        survival.survival_on_curve(curve, count + place, month=month, n=n, level=level)
        for place, month in enumerate(horizons_months)
    )
    return GroupSurvival(
        label=label,
        n=n,
        events=shown.events,
        median_follow_up_months=median_follow_up(*patients),
        survival=shown.survival[:count],
        low=shown.low[:count],
        high=shown.high[:count],
        at_risk=shown.at_risk[:count],
        at_horizons=tuple(map(estimated, horizons)),
    )


def _comparisons(patients: Patients, split: Split, *, level: float) -> Iterable[GroupComparison]:
    for first, second in split.pairs:
        both = patients.of(np.isin(split.codes, (first, second)))
        group = split.codes[np.isin(split.codes, (first, second))] == first
        counts = event_counts(*both, group)
        ratio = estimated(log_rank_ratio(counts, n=group.size, level=level))
        yield GroupComparison(
            **dict(ratio),
            first=split.labels[first],
            second=split.labels[second],
            p_value=log_rank_p(*both, group.astype(np.intp)),
            observed=counts.observed,
            expected=counts.expected,
        )
