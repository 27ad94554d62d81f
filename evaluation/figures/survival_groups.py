"""Kaplan-Meier curves of every grouping of the patients: status, region, size, joint strata."""

from __future__ import annotations

from collections.abc import Iterator

from evaluation.figures.captions import in_running_text
from evaluation.figures.numerals import PERCENT, RATIO, SPACE, counted, p_value, quote_estimate
from evaluation.figures.plot import Absent, Plot
from evaluation.figures.survival import Chart, Strand, survival_plot
from schema.statistics import GroupComparison, GroupSurvival, SurvivalGrouping
from schema.task import OutcomeRules

LOOKS = ("negative", "positive", "third", "fourth", "fifth", "sixth")
"""Classes of the curves, in the order of the groups."""


def grouping_curves(
    grouping: SurvivalGrouping, rules: OutcomeRules, *, identity: str
) -> Plot | Absent:
    """Draw one grouping with its log-rank test, its ratios and survival at the horizon.

    Args:
        grouping: of one outcome.
        rules: of the same outcome.
        identity: unique within the page.
    """
    title = f"{rules.title} by {in_running_text(grouping.title)}"
    if not any(group.n for group in grouping.groups):
        return Absent(title=title, reason="no patient is in any of its groups")
    return survival_plot(
        Chart(
            identity=identity,
            title=title,
            rules=rules,
            strands=[
                _strand(group, grouping, css=LOOKS[index % len(LOOKS)])
                for index, group in enumerate(grouping.groups)
            ],
            caption=_caption(grouping),
            notes=(*_at_horizon(grouping, rules), *map(_ratio, grouping.comparisons)),
        )
    )


def _strand(group: GroupSurvival, grouping: SurvivalGrouping, *, css: str) -> Strand:
    return Strand(
        label=group.label,
        css=css,
        n=group.n,
        events=group.events,
        months=grouping.months if group.n else (),
        survival=group.survival,
        low=group.low,
        high=group.high,
        at_risk=group.at_risk,
    )


def _caption(grouping: SurvivalGrouping) -> str:
    parts = []
    if grouping.p_value is None:
        parts.append("No log-rank test: fewer than two groups can be compared.")
    else:
        among = "both groups" if len(grouping.groups) == 2 else "all groups"
        parts.append(f"Log-rank test of {among}: {p_value(grouping.p_value)}.")
    if grouping.median_follow_up_months is not None:
        parts.append(
            f"Median follow-up {grouping.median_follow_up_months:.1f} months (reverse "
            "Kaplan-Meier)."
        )
    if grouping.left_out:
        parts.append(
            f"{counted(grouping.left_out, 'patient')} in no group, because something is not known."
        )
    parts.append("The band is the 95 % confidence interval of the curve.")
    return " ".join(parts)


def _at_horizon(grouping: SurvivalGrouping, rules: OutcomeRules) -> Iterator[str]:
    """Survival of each group at the horizon of the outcome, where it was told."""
    if rules.horizon_months in grouping.horizons_months:
        place = grouping.horizons_months.index(rules.horizon_months)
        words = "; ".join(
            f"{group.label} {quote_estimate(group.at_horizons[place], PERCENT)}"
            for group in grouping.groups
        )
        yield f"At {rules.horizon_months:g} months: {words}."


def _ratio(found: GroupComparison) -> str:
    tested = "" if found.p_value is None else f", {p_value(found.p_value).replace(' ', SPACE)}"
    return (
        f"{found.first} against {found.second}: log-rank hazard ratio "
        f"{quote_estimate(found, RATIO)}{tested}."
    )
