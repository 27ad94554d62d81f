"""Matrices, agreement and survival of an entry as the report draws them, where counts allow it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from evaluation.figures.agreement import heat_map
from evaluation.figures.captions import CALLERS, called, capital, swatches
from evaluation.figures.confusion import confusion, heading
from evaluation.figures.plot import Absent, Plot, Table
from evaluation.figures.survival import Chart, strand_of, survival_plot
from evaluation.tables.cells import estimate, style_of
from leaderboard.site.cells import WITHHELD
from leaderboard.site.pictures import strict
from schema.entry import PublicAgreement, PublicCurve, PublicMatrix, PublicTask
from schema.result import Matrix, PairAgreement
from schema.task import OutcomeRules, Task
from schema.terms import NodeClass, Outcome, TaskId

SMALL = "a group of so few patients may not be told of"
UNTOLD_RATERS = "no pair of raters may be told of"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartTable:
    """A matrix of which some cells are withheld: numbers only."""

    title: str
    caption: str
    table: Table


Picture = Plot | Absent | PartTable


def matrix_pictures(
    public: PublicTask, *, tasks: Mapping[TaskId, Task], prefix: str
) -> Iterator[Picture]:
    """Every matrix: drawn when it is whole, else its numbers.

    Args:
        public: what may be shown.
        tasks: every task; regions take their colours from the compartments.
        prefix: begins every identity, unique within the page.
    """
    for matrix in public.matrices:
        unit = unit_of(public.task)
        if any(cell is None for row in matrix.cells for cell in row):
            yield _with_gaps(matrix, unit=unit)
        else:
            yield strict(
                confusion(
                    # the same fields, validated when the entry was read, and no cell is None
                    Matrix.model_construct(**dict(matrix)),
                    identity=f"{prefix}-matrix-{matrix.id}",
                    unit=unit,
                    swatches=swatches(tasks, of=public.task),
                )
            )


def unit_of(task: TaskId) -> str:
    """What the matrices of a task count."""
    return "node" if task is TaskId.NODES else "patient"


def _with_gaps(matrix: PublicMatrix, *, unit: str) -> PartTable:
    return PartTable(
        title=matrix.title,
        caption=(
            f"Counts of {unit}s, reference in rows, prediction in columns. A withheld cell is so "
            "small, or would so plainly give a small one away, that it is not published."
        ),
        table=matrix_table(matrix),
    )


def matrix_table(matrix: PublicMatrix) -> Table:
    """The counts alone."""
    return Table(
        headers=("Reference", *(heading(name) for name in matrix.columns)),
        rows=tuple(
            (heading(name), *(WITHHELD if cell is None else str(cell) for cell in cells))
            for name, cells in zip(matrix.rows, matrix.cells, strict=True)
        ),
    )


def agreement_picture(public: PublicTask, *, prefix: str) -> Iterator[Picture]:
    """The heat map of the pairs that may be told of; the others are named below it."""
    if not public.agreement:
        return
    told = [each for each in public.agreement if each.n is not None]
    if not told:
        yield Absent(title="Agreement between raters (Cohen's kappa)", reason=UNTOLD_RATERS)
        return
    # the same fields, validated when the entry was read, and n is not None
    pairs = [PairAgreement.model_construct(**dict(each)) for each in told]
    plot = heat_map(pairs, identity=f"{prefix}-agreement")
    notes = tuple(_untold(each) for each in public.agreement if each.n is None)
    yield strict(replace(plot, notes=(*plot.notes, *notes)))


def _untold(pair: PublicAgreement) -> str:
    return f"{capital(pair.first)} and {pair.second}: {WITHHELD} ({pair.reason})."


def status_curves(public: PublicTask, task: Task, *, prefix: str) -> Iterator[Picture]:
    """Survival by the model's and by the readers' status, one picture an outcome and caller."""
    rules = {each.outcome: each for each in task.outcomes}
    panels: dict[tuple[Outcome, str], list[PublicCurve]] = {}
    for curve in public.survival:
        panels.setdefault((curve.outcome, curve.scope), []).append(curve)
    for (outcome, scope), curves in panels.items():
        yield _panel(public, task, rules[outcome], curves, identity=f"{prefix}-{outcome}-{scope}")


def _panel(
    public: PublicTask,
    task: Task,
    rules: OutcomeRules,
    curves: Sequence[PublicCurve],
    *,
    identity: str,
) -> Picture:
    scope = curves[0].scope
    title = f"{rules.title} by {CALLERS.get(scope, scope)}"
    if not any(curve.months for curve in curves):
        return Absent(title=title, reason=SMALL)
    caption = (
        f"{_survival_words(public, task, rules, scope)}The band is the 95 % confidence interval of "
        "the curve, which ends where too few are at risk to be told of."
    )
    strands = [strand_of(curve) for curve in curves]
    chart = Chart(identity=identity, title=title, rules=rules, strands=strands, caption=caption)
    return strict(survival_plot(chart))


def _survival_words(public: PublicTask, task: Task, rules: OutcomeRules, scope: str) -> str:
    figures = {(each.metric, each.scope): each for each in public.figures}
    words = []
    ratio = figures.get((f"{rules.outcome}_hazard_ratio", scope))
    if ratio is not None:
        said = estimate(ratio, style_of(task.metric(ratio.metric)))
        words.append(f"Hazard ratio of positive against negative: {said}. ")
    for group in NodeClass:
        at = figures.get((f"{rules.outcome}_at_horizon", f"{scope}_{group.value}"))
        if at is not None:
            said = estimate(at, style_of(task.metric(at.metric)))
            words.append(f"At {rules.horizon_months:g} months, {called(group)}, %: {said}. ")
    return "".join(words)
