"""Kaplan-Meier survival of the patients split by one thing or two, and the log-rank tests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from evaluation.figures.numerals import DASH, counted, decimal
from evaluation.sheet import Row, Sheet
from evaluation.tables.cells import (
    RATIO,
    SHARE,
    AnyFigure,
    AnyTask,
    count,
    estimate,
    figures_of,
    horizon,
    interval_notes,
    interval_words,
    outcome_rules,
    p_cell,
    p_of,
)
from schema.entry import PublicCurve
from schema.result import SurvivalCurve
from schema.statistics import GroupComparison, GroupSurvival, SurvivalGrouping
from schema.task import OutcomeRules, Task
from schema.terms import NodeClass, Status

REFERENCE = "1 (reference)"
NOT_REACHED = "not reached"


def survival_sheet(groupings: Sequence[SurvivalGrouping], *, task: Task) -> Sheet:
    """Every grouping of one outcome; ratios are against the first group of each.

    Args:
        groupings: of one outcome, at least one.
        task: for its name, and the level of the intervals.
    """
    first, words = groupings[0], interval_words(task)
    months = first.horizons_months
    return Sheet(
        id=f"survival-{first.outcome.value}",
        title=f"{outcome_rules(task, first.outcome).title} (Kaplan-Meier)",
        columns=(
            "Group",
            "Patients",
            "Events",
            "Median follow-up, months",
            *(f"{horizon(month)} survival, % ({words})" for month in months),
            f"Log-rank HR ({words})",
            "Log-rank p",
        ),
        rows=tuple(row for each in groupings for row in _rows(each)),
        notes=tuple(_notes(groupings)),
    )


def _rows(found: SurvivalGrouping) -> Iterator[Row]:
    horizons = len(found.horizons_months)
    yield Row(cells=(found.title, *[""] * (5 + horizons)), heading=True)
    first = found.groups[0].label
    against = {each.first: each for each in found.comparisons if each.second == first}
    for group in found.groups:
        yield _group(group, against.get(group.label), is_first=group.label == first)
    for each in found.comparisons:
        if each.second != first:
            yield _comparison(each, horizons=horizons)
    yield _whole(found)


def _whole(found: SurvivalGrouping) -> Row:
    """Every group at once: the log-rank test of all, and how long they were followed."""
    return Row(
        cells=(
            "All groups",
            str(sum(group.n for group in found.groups)),
            str(sum(group.events for group in found.groups)),
            _follow_up(found.median_follow_up_months),
            *[DASH] * (1 + len(found.horizons_months)),
            p_cell(found.p_value),
        ),
        indented=True,
    )


def _follow_up(months: float | None) -> str:
    return NOT_REACHED if months is None else decimal(months, 1)


def _group(group: GroupSurvival, against: GroupComparison | None, *, is_first: bool) -> Row:
    ratio = (REFERENCE, DASH) if is_first else _ratio(against)
    return Row(
        cells=(
            group.label,
            str(group.n),
            str(group.events),
            _follow_up(group.median_follow_up_months) if group.n else "nobody",
            *(estimate(each, SHARE) for each in group.at_horizons),
            *ratio,
        ),
        indented=True,
    )


def _ratio(found: GroupComparison | None) -> tuple[str, str]:
    return (DASH, DASH) if found is None else (estimate(found, RATIO), p_cell(found.p_value))


def _comparison(found: GroupComparison, *, horizons: int) -> Row:
    return Row(
        cells=(
            f"{found.first} against {found.second}",
            str(found.n),
            str(sum(found.observed)),
            *[DASH] * (1 + horizons),
            *_ratio(found),
        ),
        indented=True,
    )


def _notes(groupings: Sequence[SurvivalGrouping]) -> Iterator[str]:
    yield (
        "Ratios are log-rank hazard ratios (O1/E1)/(O2/E2), above 1 means worse, against the first "
        "group of each split or as the row says."
    )
    yield "Survival with intervals from Greenwood's variance of log(-log S)."
    yield f"Follow-up by reverse Kaplan-Meier; {NOT_REACHED}: fewer than half were censored."
    yield from interval_notes(
        each for grouping in groupings for group in grouping.groups for each in group.at_horizons
    )
    yield from interval_notes(each for grouping in groupings for each in grouping.comparisons)
    for each in groupings:
        if each.left_out:
            yield f"{each.title}: {counted(each.left_out, 'patient')} in no group, not known."


class Split(NamedTuple):
    """A split that a public entry of a hidden cohort still tells of."""

    title: str
    scope: str


SPLITS = (Split("LLN status, model", "model"), Split("LLN status, consensus", "consensus"))


def public_survival_sheet(scored: AnyTask, rules: OutcomeRules, *, task: Task) -> Sheet | None:
    """Survival by status from figures and curves alone; None where no follow-up is recorded.

    For the public entry of a hidden cohort, which has no groupings.
    """
    figures, name = figures_of(scored), rules.outcome.value
    ratios = [figures.get((f"{name}_hazard_ratio", each.scope)) for each in SPLITS]
    known = [each for each in ratios if each is not None]
    if not known or all(each.status is Status.NOT_APPLICABLE for each in known):
        return None
    words = interval_words(task)
    return Sheet(
        id=f"survival-{name}",
        title=f"{rules.title} (Kaplan-Meier)",
        columns=(
            "Group",
            "Patients",
            "Events",
            f"{horizon(rules.horizon_months)} survival, % ({words})",
            f"Cox HR ({words})",
            "Log-rank p",
        ),
        rows=tuple(
            row for split in SPLITS for row in _public_rows(scored, figures, rules, split=split)
        ),
        notes=(
            "HR: hazard ratio of positive against negative, above 1 means worse.",
            "Survival with intervals from Greenwood's variance of log(-log S).",
        ),
    )


def _public_rows(
    scored: AnyTask,
    figures: Mapping[tuple[str, str], AnyFigure],
    rules: OutcomeRules,
    *,
    split: Split,
) -> Iterator[Row]:
    name, scope = rules.outcome.value, split.scope
    curves = {
        each.group: each
        for each in scored.survival
        if (each.outcome, each.scope) == (rules.outcome, scope)
    }
    yield Row(cells=(split.title, "", "", "", "", ""), heading=True)
    test = estimate(figures.get((f"{name}_hazard_ratio", scope)), RATIO)
    p_value = p_of(figures.get((f"{name}_log_rank", scope)))
    for group, ratio in ((NodeClass.NEGATIVE, (REFERENCE, DASH)), (NodeClass.POSITIVE, None)):
        survival = figures.get((f"{name}_at_horizon", f"{scope}_{group.value}"))
        yield Row(
            cells=(
                f"LLN {group.value}",
                *_sizes(curves.get(group)),
                estimate(survival, SHARE),
                *(ratio or (test, p_value)),
            ),
            indented=True,
        )


def _sizes(curve: SurvivalCurve | PublicCurve | None) -> tuple[str, str]:
    return (count(None), count(None)) if curve is None else (count(curve.n), count(curve.events))
