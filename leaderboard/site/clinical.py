"""The clinical tables of an entry: subgroups always, the others where the cohort is public."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evaluation.figures.captions import capital
from evaluation.figures.numerals import DASH, SUFFIX, Style, bare, decimal, p_value, percent, span
from evaluation.figures.numerals import level as level_of
from evaluation.figures.plot import Table
from leaderboard.site.cells import cell_of
from leaderboard.site.curves import PartTable
from schema.entry import PublicFigure, PublicTask
from schema.figure import Estimated
from schema.result import Figure
from schema.statistics import (
    CoxTable,
    Froc,
    HazardRow,
    LimitsOfAgreement,
    Statistics,
    Subgroup,
    SurvivalGrouping,
)
from schema.task import Task, Unit
from schema.terms import Outcome

RATIO = Style(Unit.RATIO, 2)
SHARE = Style(Unit.FRACTION, 1)
LENGTH = Style(Unit.MILLIMETRE, 2)
OUTCOMES = {Outcome.DFS: "Disease-free survival", Outcome.OS: "Overall survival"}


def clinical_tables(public: PublicTask, task: Task) -> tuple[PartTable, ...]:
    """Every table that the entry has, each with its caption."""
    return (
        *_subgroups(public.subgroups, task),
        *(_statistics(public.statistics) if public.statistics else ()),
        *_limits(public.short_axis),
        *_froc(public.froc),
    )


def _part(
    title: str, caption: str, headers: Sequence[str], rows: Sequence[tuple[str, ...]]
) -> PartTable:
    table = Table(headers=tuple(headers), rows=tuple(rows))
    return PartTable(title=title, caption=caption, table=table)


def estimate(found: Estimated, style: Style) -> str:
    """A value with its interval, or why there is none."""
    if found.value is None:
        return f"no value: {found.reason or 'no reason given'}"
    shown = bare(found.value, style) + SUFFIX[style.unit]
    if found.interval is None:
        return shown
    return f"{shown} ({level_of(found.interval)} {span(found.interval, style)})"


def _subgroups(groups: Sequence[Subgroup], task: Task) -> Iterator[PartTable]:
    if not groups:
        return
    keys = list(dict.fromkeys((f.metric, f.scope) for group in groups for f in group.figures))
    yield _part(
        "Subgroups",
        "Described, not tested: a difference between subgroups of this size is easily chance.",
        ("Subgroup", "Patients", "Positive", *(task.metric(metric).title for metric, _ in keys)),
        [_subgroup_row(group, keys, task) for group in groups],
    )


def _subgroup_row(group: Subgroup, keys: Sequence[tuple[str, str]], task: Task) -> tuple[str, ...]:
    figures = {(each.metric, each.scope): each for each in group.figures}
    return (
        f"{group.title}: {group.level}",
        str(group.n),
        str(group.positives),
        *(_figure(figures.get(key), task, key[0]) for key in keys),
    )


def _figure(figure: Figure | None, task: Task, metric: str) -> str:
    if figure is None:
        return DASH
    cell = cell_of(PublicFigure.model_construct(**dict(figure)), task.metric(metric))
    rest = cell.interval or cell.reason
    return f"{cell.text} ({rest})" if rest else cell.text


def _statistics(found: Statistics) -> Iterator[PartTable]:
    yield from (_cox(each) for each in found.cox)
    yield from (_grouping(each) for each in found.groupings)
    if found.calibration:
        yield _part(
            "Calibration",
            "Patients of neighbouring probabilities: what the model said, and how many were "
            "positive.",
            ("Mean probability", "Share positive", "Patients"),
            [
                (percent(each.mean_probability), estimate(each, SHARE), str(each.n))
                for each in found.calibration
            ],
        )
    if found.decision_curve:
        yield _part(
            "Decision curve",
            "Net benefit of acting on the model and of acting on everybody; acting on nobody is 0.",
            ("Threshold", "Model", "Everybody"),
            [
                (percent(each.threshold, 0), decimal(each.model, 3), decimal(each.treat_all, 3))
                for each in found.decision_curve
            ],
        )


def _cox(table: CoxTable) -> PartTable:
    together = {each.covariate: each for each in table.multivariable}
    return _part(
        f"{OUTCOMES[table.outcome]}: Cox models",
        " ".join(
            (
                f"Together: {table.n} patients, {table.events} events.",
                *(capital(each) for each in table.warnings),
            )
        ),
        ("Covariate", "Alone", "p", "Together", "p"),
        [
            (
                f"{each.title}: {each.contrast}",
                *_hazard(each),
                *_hazard(together.get(each.covariate)),
            )
            for each in table.univariable
        ],
    )


def _hazard(row: HazardRow | None) -> tuple[str, str]:
    if row is None:
        return DASH, DASH
    return estimate(row, RATIO), DASH if row.p_value is None else p_value(row.p_value)


def _grouping(found: SurvivalGrouping) -> PartTable:
    test = "" if found.p_value is None else f"Log-rank {p_value(found.p_value)}. "
    return _part(
        f"{OUTCOMES[found.outcome]} by {found.title}",
        f"{test}{found.left_out} patients are in no group.",
        (
            "Group",
            "Patients",
            "Events",
            *(f"Survival at {month:g} months" for month in found.horizons_months),
        ),
        [
            (
                group.label,
                str(group.n),
                str(group.events),
                *(estimate(each, SHARE) for each in group.at_horizons),
            )
            for group in found.groups
        ],
    )


def _limits(found: Sequence[LimitsOfAgreement]) -> Iterator[PartTable]:
    if found:
        yield _part(
            "Short axis: limits of agreement",
            "Prediction less reference, Bland and Altman.",
            ("Of", "Lower limit", "Bias", "Upper limit", "n"),
            [
                (
                    capital(each.scope),
                    *(estimate(end, LENGTH) for end in (each.lower, each.bias, each.upper)),
                    str(each.bias.n),
                )
                for each in found
            ],
        )


def _froc(found: Froc | None) -> Iterator[PartTable]:
    if found is None:
        return
    mean = f"no value: {found.reason}" if found.value is None else percent(found.value)
    yield _part(
        "Free-response ROC",
        f"Mean sensitivity: {mean}.",
        ("False alarms a patient", "Sensitivity"),
        [
            (f"{each:g}", percent(sensitivity))
            for each, sensitivity in zip(
                found.false_positives_per_case, found.sensitivity, strict=True
            )
        ],
    )
