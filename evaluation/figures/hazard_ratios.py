"""Forest plot of a Cox table: every covariate alone and together with the others."""

from __future__ import annotations

from collections.abc import Iterator

from evaluation.figures.captions import sentence
from evaluation.figures.forest import Forest, ForestLine, forest, ratio_axis
from evaluation.figures.numerals import RATIO, counted, p_value
from evaluation.figures.plot import Absent, Plot
from schema.statistics import CoxTable, HazardRow
from schema.task import OutcomeRules

PENALISED = "\u2020"
ALONE, TOGETHER = "hollow", "solid"


def hazard_forest(table: CoxTable, rules: OutcomeRules, *, identity: str) -> Plot | Absent:
    """Draw the hazard ratios of one outcome.

    Args:
        table: univariable and multivariable models.
        rules: of the same outcome.
        identity: unique within the page.
    """
    title = f"{rules.title}: hazard ratios"
    if not table.univariable:
        return Absent(title=title, reason="no covariate is known of these patients")
    rows = (*table.univariable, *table.multivariable)
    return forest(
        Forest(
            identity=identity,
            title=title,
            caption=_caption(table),
            lines=tuple(_lines(table)),
            axis=ratio_axis(rows, title="Hazard ratio (95 % CI), log scale"),
            style=RATIO,
            key=(
                (ALONE, "alone (univariable)"),
                (TOGETHER, "together (multivariable)"),
            ),
            wide=True,
        )
    )


def _lines(table: CoxTable) -> Iterator[ForestLine]:
    together = {each.covariate: each for each in table.multivariable}
    for alone in table.univariable:
        yield _line(alone, mark=ALONE, label=named(alone))
        if entered := together.get(alone.covariate):
            yield _line(entered, mark=TOGETHER, label="")


def named(row: HazardRow) -> str:
    """A covariate and its contrast."""
    return f"{row.title}: {row.contrast}"


def _line(row: HazardRow, *, mark: str, label: str) -> ForestLine:
    return ForestLine(
        name=f"{named(row)}, {'alone' if mark == ALONE else 'together'}",
        label=label,
        found=row,
        n=row.n,
        p_value=row.p_value,
        mark=mark,
        note=PENALISED if row.penalised else "",
    )


def _caption(table: CoxTable) -> str:
    parts = ["Above 1: higher risk than the category named second, or by each unit more."]
    if table.multivariable:
        parts.append(
            f"Together: {counted(table.n, 'patient')}, {counted(table.events, 'event')}"
            f"{_per_variable(table)}; a covariate without a filled mark did not enter."
        )
    else:
        parts.append("There is no multivariable model.")
    if table.proportional_p_value is not None:
        tested = p_value(table.proportional_p_value)
        parts.append(f"Test of proportional hazards of the model together: {tested}.")
    if any(each.penalised for each in (*table.univariable, *table.multivariable)):
        parts.append(
            f"{PENALISED}: with Firth's penalty, because the likelihood has no finite maximum."
        )
    return " ".join([*parts, *map(sentence, table.warnings)])


def _per_variable(table: CoxTable) -> str:
    if table.events_per_variable is None:
        return ""
    return f" ({table.events_per_variable:.1f} a covariate)"
