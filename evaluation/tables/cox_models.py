"""Table 2: Cox models, each covariate alone and together; and what the model's status adds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evaluation.figures.numerals import DASH, counted, decimal
from evaluation.sheet import Row, Sheet
from evaluation.tables.cells import (
    INDEX,
    RATIO,
    estimate,
    interval_notes,
    interval_words,
    listed,
    outcome_rules,
    p_cell,
    sentence,
    short_name,
)
from schema.clinical import MODEL_STATUS, PrognosisRules
from schema.statistics import AddedValue, CoxTable, HazardRow
from schema.task import Task

NOT_ENTERED = "not entered"
PENALISED = "†"


def cox_sheet(table: CoxTable, *, task: Task) -> Sheet:
    """Hazard ratios of one outcome, univariable and multivariable."""
    ratio = f"HR ({interval_words(task)})"
    together = {row.covariate: row for row in table.multivariable}
    return Sheet(
        id=f"table-2-{table.outcome.value}",
        title=f"Table 2. {outcome_rules(task, table.outcome).title}: Cox models",
        columns=(
            "Covariate",
            "Patients (events)",
            f"Univariable {ratio}",
            "Univariable p",
            "Univariable PH p",
            f"Multivariable {ratio}",
            "Multivariable p",
            "Multivariable PH p",
        ),
        rows=tuple(_row(row, together.get(row.covariate)) for row in table.univariable),
        notes=tuple(_notes(table, task)),
    )


def _row(alone: HazardRow, together: HazardRow | None) -> Row:
    entered = _hazard(together) if together else (NOT_ENTERED, DASH, DASH)
    return Row(
        cells=(
            f"{alone.title}: {alone.contrast}",
            f"{alone.n} ({alone.events})",
            *_hazard(alone),
            *entered,
        )
    )


def _hazard(row: HazardRow) -> tuple[str, str, str]:
    mark = f" {PENALISED}" if _is_penalised(row) else ""
    proportional = p_cell(row.proportional_p_value)
    return f"{estimate(row, RATIO)}{mark}", p_cell(row.p_value), proportional


def _is_penalised(row: HazardRow) -> bool:
    return row.penalised and row.value is not None


def _notes(table: CoxTable, task: Task) -> Iterator[str]:
    yield "HR: hazard ratio, above 1 means worse; p of Wald's test; ties by Efron's method."
    yield "PH p: test of proportional hazards on scaled Schoenfeld residuals."
    if task.prognosis is not None:
        yield entry_rule(task, rules=task.prognosis)
    if table.multivariable:
        yield _size(table)
    yield from interval_notes((*table.univariable, *table.multivariable))
    for warning in table.warnings:
        yield sentence(warning)
    if any(map(_is_penalised, (*table.univariable, *table.multivariable))):
        yield (
            f"{PENALISED} Firth's penalised likelihood: the ordinary one has no finite maximum. "
            "Proportional hazards are not tested then."
        )


def entry_rule(task: Task, *, rules: PrognosisRules) -> str:
    """Which covariates enter the multivariable model."""
    relevant = covariate_titles(rules.clinically_relevant, task=task)
    always = f", and {listed(relevant)} if it has a ratio" if relevant else ""
    return (
        f"In the multivariable model: every covariate with a univariable p below "
        f"{rules.entry_p_value:g}{always}."
    )


def covariate_titles(ids: Sequence[str], *, task: Task) -> tuple[str, ...]:
    """Names of covariates by their ids."""
    known = {each.id: each.title for each in task.clinical.covariates} if task.clinical else {}
    return tuple({MODEL_STATUS: "LLN status of the model", **known}.get(id_, id_) for id_ in ids)


def _size(table: CoxTable) -> str:
    words = f"Multivariable model: {counted(table.n, 'patient')}, {counted(table.events, 'event')}"
    if table.events_per_variable is not None:
        words += f", {decimal(table.events_per_variable, 1)} events a covariate"
    if table.left_out:
        words += f"; {counted(table.left_out, 'patient')} left out, a covariate not being known"
    if table.proportional_p_value is not None:
        words += f"; PH p of the whole model {p_cell(table.proportional_p_value)}"
    return f"{words}."


def added_value_sheet(found: Sequence[AddedValue], *, task: Task) -> Sheet:
    """What the model's status adds to the clinical covariates, a row an outcome."""
    return Sheet(
        id="added-value",
        title="Added value of the model's LLN status over the clinical covariates",
        columns=(
            "Outcome",
            "Patients",
            "Clinical covariates",
            "Harrell's C without",
            "Harrell's C with",
            f"Gain in C ({interval_words(task)})",
            "Likelihood ratio chi-square (1 df)",
            "p",
        ),
        rows=tuple(_added_row(each, task) for each in found),
        notes=(
            (
                "Both Cox models are fitted to the patients in whom all these covariates are "
                "known, and refitted in each resample of the patients for the interval of the gain."
            ),
            (
                "C is measured in the patients to whom the models were fitted, and so favours the "
                "larger model a little."
            ),
            *_untested(found),
            *interval_notes(found),
        ),
    )


def _untested(found: Sequence[AddedValue]) -> Iterator[str]:
    if any(each.value is not None and each.likelihood_ratio is None for each in found):
        yield "No likelihood ratio test where a model needed Firth's penalty."


def _added_row(each: AddedValue, task: Task) -> Row:
    statistic = each.likelihood_ratio
    return Row(
        cells=(
            short_name(each.outcome),
            str(each.n),
            listed(covariate_titles(each.covariates, task=task)) or "none",
            *(DASH if c is None else decimal(c, INDEX.decimals) for c in _pair(each)),
            estimate(each, INDEX),
            DASH if statistic is None else decimal(statistic, 2),
            p_cell(each.p_value),
        )
    )


def _pair(each: AddedValue) -> tuple[float | None, float | None]:
    return each.c_without, each.c_with
