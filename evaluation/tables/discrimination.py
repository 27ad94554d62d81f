"""How well a call or a probability orders the patients by their outcome, and foretells it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from evaluation.sheet import Row, Sheet
from evaluation.tables.cells import (
    AnyFigure,
    AnyTask,
    count,
    estimate,
    figures_of,
    horizon_end,
    interval_notes,
    interval_words,
    style_of,
)
from schema.task import OutcomeRules, Task
from schema.terms import Status

RISKS = {
    "consensus": "Consensus",
    "status": "Model, status",
    "probability": "Model, probability",
    "nobody": "No covariate",
}
"""Whose risk, by scope: the reference first."""

Figures = Mapping[tuple[str, str], AnyFigure]


class Line(NamedTuple):
    """A row: its title, its metric, and what stands behind the name of the risk in its scopes."""

    title: str
    metric: str
    ending: str = ""


def concordance_sheet(scored: AnyTask, *, task: Task) -> Sheet | None:
    """C-indices, time-dependent AUC and Brier scores; None where no outcome was followed."""
    figures = figures_of(scored)
    outcomes = [rules for rules in task.outcomes if _is_told(figures, _lines(rules, task))]
    if not outcomes:
        return None
    return Sheet(
        id="concordance",
        title=f"Discrimination and prediction error of survival ({interval_words(task)})",
        columns=("Figure", "Patients", *RISKS.values()),
        rows=tuple(row for rules in outcomes for row in _rows(figures, rules, task)),
        notes=(
            *_notes(task),
            *interval_notes(
                each
                for rules in outcomes
                for line in _lines(rules, task)
                for each in _of(figures, line)
            ),
        ),
    )


def _lines(rules: OutcomeRules, task: Task) -> Sequence[Line]:
    name = rules.outcome.value
    months = task.prognosis.horizons_months if task.prognosis else ()
    return (
        Line("Harrell's C", f"{name}_c_index"),
        Line("Uno's C", f"{name}_uno_c_index"),
        *(Line(f"AUC at {horizon_end(m)}", f"{name}_auc", f"_{m:.0f}") for m in months),
        *(Line(f"Brier score at {horizon_end(m)}", f"{name}_brier", f"_{m:.0f}") for m in months),
        Line("Integrated Brier score", f"{name}_integrated_brier"),
    )


def _of(figures: Figures, line: Line) -> Iterable[AnyFigure | None]:
    return (figures.get((line.metric, risk + line.ending)) for risk in RISKS)


def _is_told(figures: Figures, lines: Iterable[Line]) -> bool:
    found = [each for line in lines for each in _of(figures, line) if each is not None]
    return any(each.status is not Status.NOT_APPLICABLE for each in found)


def _rows(figures: Figures, rules: OutcomeRules, task: Task) -> Iterator[Row]:
    yield Row(cells=(rules.title, "", *("" for _ in RISKS)), heading=True)
    for line in _lines(rules, task):
        found = list(_of(figures, line))
        known = [each for each in found if each is not None]
        if known:
            style = style_of(task.metric(line.metric))
            cells = (estimate(each, style) for each in found)
            yield Row(cells=(line.title, count(known[0].n), *cells), indented=True)


def _notes(task: Task) -> Iterator[str]:
    yield "C and AUC: higher is better, 0.5 is chance. Brier scores: lower is better."
    yield (
        "No covariate: the Kaplan-Meier estimate of all patients, which orders nobody and so has "
        "neither C nor AUC."
    )
    if task.prognosis is not None:
        end = horizon_end(task.prognosis.horizons_months[-1])
        yield (
            f"Uno's C counts events within {horizon_end(task.prognosis.truncation_months)}; the "
            f"integrated Brier score is over {end}. All but Harrell's C is weighted by the inverse "
            "probability of censoring."
        )
