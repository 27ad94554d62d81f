"""Whether the patient's status, the model's and the consensus', goes with survival."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation import survival
from evaluation.case_values import figure
from evaluation.concordance import concordance
from evaluation.horizon_figures import Risks, horizon_figures
from evaluation.positivity import MODEL, Answers
from schema.result import Figure, SurvivalCurve
from schema.task import OutcomeRules, Task
from schema.terms import NodeClass, Reader, Status

CONSENSUS = Reader.CONSENSUS.value
GRID_MONTHS = tuple(float(month) for month in range(97))
"""Where curves are kept: every month for eight years, as far as the paper's figures go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowUp:
    """One outcome of the patients for whom it is known, in the manifest's order.

    Attributes:
        known: which of the manifest's patients they are, shape (patients,).
        time_months: shape (known patients,).
        event: same shape.
    """

    known: NDArray[np.bool_]
    time_months: NDArray[np.float64]
    event: NDArray[np.bool_]


def follow_up(answers: Answers, rules: OutcomeRules) -> FollowUp:
    """Times and events of one outcome; patients without them are left out."""
    name = rules.outcome.value
    times = [getattr(row, f"{name}_months", None) for row in answers.clinical]
    events = [getattr(row, f"{name}_event", None) for row in answers.clinical]
    known = np.array([time is not None for time in times], dtype=bool)
    return FollowUp(
        known=known,
        time_months=np.array([time for time in times if time is not None], dtype=np.float64),
        event=np.array([bool(event) for event in events if event is not None], dtype=bool),
    )


def statuses(answers: Answers, data: FollowUp) -> Mapping[str, NDArray[np.bool_]]:
    """Status by whose answer it is, for the known patients.

    A failed case takes the answer that its outcome contradicts: negative with an event, positive
    without one.
    """
    adverse = np.zeros(data.known.size, dtype=bool)
    adverse[data.known] = data.event
    return {
        MODEL: answers.called(against=adverse)[data.known],
        CONSENSUS: answers.positive[data.known],
    }


def figures(answers: Answers, *, task: Task, weights: NDArray[np.int32]) -> tuple[Figure, ...]:
    """C-index, hazard ratio and survival at the horizon, for each outcome of the task.

    Args:
        answers: of the whole manifest.
        task: the positivity task.
        weights: patient resamples, shape (resamples, patients).
    """
    return tuple(
        each if follow_up(answers, rules).known.any() else _not_recorded(each)
        for rules in task.outcomes
        for each in (
            *_outcome(answers, rules, weights=weights, level=task.resampling.level),
            *_at_horizons(answers, rules, task=task, weights=weights),
        )
    )


def _at_horizons(
    answers: Answers, rules: OutcomeRules, *, task: Task, weights: NDArray[np.int32]
) -> Iterable[Figure]:
    assert task.prognosis is not None, "the positivity task file has a [prognosis] table"
    data = follow_up(answers, rules)
    groups = statuses(answers, data)
    # a failed case takes the probability that its outcome contradicts
    adverse = np.where(data.event, 0.0, 1.0)
    probability = np.where(answers.failed[data.known], adverse, answers.probability[data.known])
    risks = Risks(
        time_months=data.time_months,
        event=data.event,
        by_scope={
            "probability": probability,
            "status": groups[MODEL].astype(np.float64),
            CONSENSUS: groups[CONSENSUS].astype(np.float64),
        },
        weights=weights.compress(data.known, axis=1),
    )
    level = task.resampling.level
    return horizon_figures(risks, name=rules.outcome.value, rules=task.prognosis, level=level)


def _not_recorded(each: Figure) -> Figure:
    reason = "the cohort records no follow-up for this outcome"
    return each.model_copy(update={"status": Status.NOT_APPLICABLE, "reason": reason})


def _outcome(
    answers: Answers, rules: OutcomeRules, *, weights: NDArray[np.int32], level: float
) -> Iterable[Figure]:
    data, name = follow_up(answers, rules), rules.outcome.value
    groups = statuses(answers, data)
    yield from _concordance(answers, data, groups, name=name, weights=weights, level=level)
    for scope, group in groups.items():
        ratio = survival.hazard_ratio(
            data.time_months,
            data.event,
            group,
            minimum_events=rules.minimum_events,
            level=level,
        )
        yield figure(f"{name}_hazard_ratio", scope, ratio.estimate, p_value=ratio.p_value)
    for scope, group in groups.items():
        estimate = survival.log_rank(data.time_months, data.event, group)
        yield figure(f"{name}_log_rank", scope, estimate)
    for scope, group in groups.items():
        for node_class, members in _by_class(group).items():
            estimate = survival.survival_at(
                data.time_months[members],
                data.event[members],
                month=rules.horizon_months,
                level=level,
            )
            yield figure(f"{name}_at_horizon", f"{scope}_{node_class.value}", estimate)


def _by_class(group: NDArray[np.bool_]) -> dict[NodeClass, NDArray[np.bool_]]:
    return {NodeClass.NEGATIVE: ~group, NodeClass.POSITIVE: group}


def _concordance(
    answers: Answers,
    data: FollowUp,
    groups: Mapping[str, NDArray[np.bool_]],
    *,
    name: str,
    weights: NDArray[np.int32],
    level: float,
) -> Iterable[Figure]:
    failed = answers.failed[data.known]
    drawn = weights.compress(data.known, axis=1)  # rows stay side by side, unlike weights[:, known]
    for scope, risk, wrong in (
        ("probability", answers.probability[data.known], failed),
        ("status", groups[MODEL], failed),
        (CONSENSUS, groups[CONSENSUS], np.zeros_like(failed)),
    ):
        estimate = concordance(
            data.time_months,
            data.event,
            np.asarray(risk, dtype=np.float64),
            failed=wrong,
            weights=drawn,
            level=level,
        )
        yield figure(f"{name}_c_index", scope, estimate)


def survival_curves(answers: Answers, *, task: Task) -> tuple[SurvivalCurve, ...]:
    """Kaplan-Meier curves of either status, by the model and by the consensus."""
    return tuple(
        curve
        for rules in task.outcomes
        for curve in _curves(answers, rules, level=task.resampling.level)
    )


def _curves(answers: Answers, rules: OutcomeRules, *, level: float) -> Iterable[SurvivalCurve]:
    data = follow_up(answers, rules)
    for scope, group in statuses(answers, data).items():
        for node_class, members in _by_class(group).items():
            curve = survival.kaplan_meier(
                data.time_months[members],
                data.event[members],
                grid_months=GRID_MONTHS,
                level=level,
            )
            if curve is not None:
                yield SurvivalCurve(
                    outcome=rules.outcome,
                    scope=scope,
                    group=node_class,
                    n=int(members.sum()),
                    events=curve.events,
                    months=GRID_MONTHS,
                    survival=curve.survival,
                    low=curve.low,
                    high=curve.high,
                    at_risk=curve.at_risk,
                )
