"""Kaplan-Meier curves of a result that holds them by status only, without groupings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evaluation.figures.captions import called
from evaluation.figures.numerals import p_value, quote
from evaluation.figures.plot import Plot
from evaluation.figures.survival import Panel, kaplan_meier
from schema.result import Figure, SurvivalCurve, TaskResult
from schema.task import OutcomeRules, Task
from schema.terms import NodeClass


def status_panels(result: TaskResult, task: Task, rules: OutcomeRules) -> Iterator[Plot]:
    """One panel for whoever split the patients, of one outcome."""
    panels: dict[str, list[SurvivalCurve]] = {}
    for curve in result.survival:
        if curve.outcome is rules.outcome:
            panels.setdefault(curve.scope, []).append(curve)
    for scope, curves in panels.items():
        yield _panel(result, task, rules, scope, curves)


def _panel(
    result: TaskResult,
    task: Task,
    rules: OutcomeRules,
    scope: str,
    curves: Sequence[SurvivalCurve],
) -> Plot:
    return kaplan_meier(
        Panel(
            identity=f"{result.task}-survival-{rules.outcome}-{scope}",
            rules=rules,
            curves=curves,
            caption=f"{_hazard_ratio(result, task, rules, scope)}"
            f"{_at_horizon(result, task, rules, scope)}"
            "The band is the 95 % confidence interval of the curve.",
        )
    )


def _find(result: TaskResult, metric: str, scope: str) -> Figure | None:
    named = (each for each in result.figures if (each.metric, each.scope) == (metric, scope))
    return next(named, None)


def _hazard_ratio(result: TaskResult, task: Task, rules: OutcomeRules, scope: str) -> str:
    figure = _find(result, f"{rules.outcome}_hazard_ratio", scope)
    if figure is None:
        return ""
    said = quote(figure, task.metric(figure.metric))
    p = "" if figure.p_value is None else f", {p_value(figure.p_value)}"
    return f"Hazard ratio of positive against negative: {said}{p}. "


def _at_horizon(result: TaskResult, task: Task, rules: OutcomeRules, scope: str) -> str:
    found = [
        (group, figure)
        for group in NodeClass
        if (figure := _find(result, f"{rules.outcome}_at_horizon", f"{scope}_{group.value}"))
    ]
    if not found:
        return ""
    words = "; ".join(
        f"{called(group)} {quote(figure, task.metric(figure.metric))}" for group, figure in found
    )
    return f"At {rules.horizon_months:g} months: {words}. "
