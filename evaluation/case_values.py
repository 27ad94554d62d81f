"""Per-case values and the cohort's figures made from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from evaluation.intervals import Estimate, ratio_of_sums
from evaluation.overlap import Score
from schema.figure import Estimated
from schema.result import CaseScore, CaseValue, Figure, Interval
from schema.task import IntervalMethod, Metric, Task
from schema.terms import Status


def case_value(metric: str, scope: str, score: Score) -> CaseValue:
    """A per-case score under its metric's name."""
    if score.value is not None:
        return measured(metric, scope, score.value)
    return CaseValue(
        metric=metric, scope=scope, value=None, status=score.status, reason=score.reason
    )


def measured(metric: str, scope: str, value: float) -> CaseValue:
    """A per-case value that always exists."""
    return CaseValue(metric=metric, scope=scope, value=float(value), status=Status.OK)


def mean_score(scores: Iterable[Score]) -> Score:
    """Mean of the scores that have a value; not applicable when none has."""
    values = [score.value for score in scores if score.value is not None]
    if not values:
        return Score(None, Status.NOT_APPLICABLE, "no label has a value")
    return Score(float(np.mean(values)), Status.OK, None)


def failed_case(
    *,
    case_id: str,
    task: Task,
    codes: Sequence[str],
    scopes: dict[str, tuple[str, ...]],
    more: Sequence[CaseValue] = (),
) -> CaseScore:
    """A case without a valid prediction: the declared worst value of every per-case metric.

    Args:
        case_id: the case.
        task: for the worst values.
        codes: of the findings that failed it.
        scopes: of each per-case metric.
        more: values that do not depend on the prediction.
    """
    values = [
        measured(metric, scope, worst_of(task.metric(metric)))
        for metric, names in scopes.items()
        for scope in names
    ]
    return CaseScore(
        case_id=case_id,
        task=task.id,
        status="failed",
        codes=tuple(codes),
        values=(*values, *more),
    )


def worst_of(metric: Metric) -> float:
    """The declared worst value.

    Raises:
        ValueError: a descriptive metric has none.
    """
    if metric.worst is None:
        raise ValueError(f"{metric.id} has no direction and no worst value")
    return metric.worst


def column(
    cases: Sequence[CaseScore], metric: str, scope: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One per-case metric over the cohort: values (0 where undefined) and 1 where defined."""
    found = [_find(case, metric, scope) for case in cases]
    values = np.array([0.0 if value is None else value for value in found])
    defined = np.array([0.0 if value is None else 1.0 for value in found])
    return values, defined


def _find(case: CaseScore, metric: str, scope: str) -> float | None:
    for each in case.values:
        if each.metric == metric and each.scope == scope:
            return each.value
    raise KeyError((case.case_id, metric, scope))


def mean_figure(
    cases: Sequence[CaseScore],
    *,
    metric: str,
    scope: str,
    weights: NDArray[np.int32],
    level: float,
) -> Figure:
    """Mean over the patients in whom the value is defined, with a patient bootstrap."""
    values, defined = column(cases, metric, scope)
    estimate = ratio_of_sums(values * defined, defined, weights=weights, level=level)
    return figure(metric, scope, estimate)


def figure(metric: str, scope: str, estimate: Estimate, *, p_value: float | None = None) -> Figure:
    """An estimate under its metric's name."""
    return Figure(
        metric=metric,
        scope=scope,
        value=estimate.value,
        status=estimate.status,
        reason=estimate.reason,
        interval=interval(estimate),
        interval_reason=estimate.interval_reason,
        n=estimate.n,
        p_value=p_value,
    )


def estimated(estimate: Estimate) -> Estimated:
    """An estimate as it is stored where its name stands beside it."""
    return Estimated(
        value=estimate.value,
        status=estimate.status,
        reason=estimate.reason,
        interval=interval(estimate),
        interval_reason=estimate.interval_reason,
        n=estimate.n,
    )


def interval(estimate: Estimate) -> Interval | None:
    """An estimate's interval as it is stored."""
    if estimate.interval is None:
        return None
    low, high, level, method = estimate.interval
    return Interval(low=low, high=high, level=level, method=IntervalMethod(method))
