"""Matrices, agreement and survival of an entry as the report draws them, where counts allow it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from evaluation.figures.agreement import heat_map
from evaluation.figures.captions import CALLERS, called, swatches
from evaluation.figures.confusion import confusion, heading
from evaluation.figures.numerals import quote
from evaluation.figures.plot import Absent, Plot, Table
from evaluation.figures.survival import Panel, kaplan_meier
from leaderboard.site.cells import WITHHELD, as_figure
from leaderboard.site.pictures import strict
from schema.entry import PublicAgreement, PublicCurve, PublicMatrix, PublicTask
from schema.result import Matrix, PairAgreement, SurvivalCurve
from schema.task import OutcomeRules, Task
from schema.terms import NodeClass, Outcome, TaskId

SMALL = "a group of so few patients may not be told of"
A_WITHHELD_NUMBER = "a withheld number of"


@dataclass(frozen=True, slots=True, kw_only=True)
class PartTable:
    """A matrix of which some cells are withheld: numbers only."""

    title: str
    caption: str
    table: Table


Picture = Plot | Absent | PartTable


def pictures_of(
    public: PublicTask, *, tasks: Mapping[TaskId, Task], prefix: str
) -> tuple[Picture, ...]:
    """Everything that can be drawn of one task.

    Args:
        public: what may be shown.
        tasks: every task; regions take their colours from the compartments.
        prefix: begins every identity, unique within the page.
    """
    return (
        *(_matrix(each, public.task, tasks, prefix) for each in public.matrices),
        *_agreement(public, prefix),
        *_survival(public, tasks[public.task], prefix),
    )


def _matrix(
    matrix: PublicMatrix, task: TaskId, tasks: Mapping[TaskId, Task], prefix: str
) -> Picture:
    unit = "node" if task is TaskId.NODES else "patient"
    if any(cell is None for row in matrix.cells for cell in row):
        return _with_gaps(matrix, unit=unit)
    return strict(
        confusion(
            Matrix.model_construct(**matrix.model_dump()),
            identity=f"{prefix}-matrix-{matrix.id}",
            unit=unit,
            swatches=swatches(tasks, of=task),
        )
    )


def _with_gaps(matrix: PublicMatrix, *, unit: str) -> PartTable:
    return PartTable(
        title=matrix.title,
        caption=(
            f"Counts of {unit}s, reference in rows, prediction in columns. A withheld cell is so "
            "small, or would so plainly give a small one away, that it is not published."
        ),
        table=Table(
            headers=("Reference", *(heading(name) for name in matrix.columns)),
            rows=tuple(
                (heading(name), *(WITHHELD if cell is None else str(cell) for cell in cells))
                for name, cells in zip(matrix.rows, matrix.cells, strict=True)
            ),
        ),
    )


def _agreement(public: PublicTask, prefix: str) -> Iterator[Picture]:
    if public.agreement:
        pairs = [_as_pair(each) for each in public.agreement]
        yield strict(heat_map(pairs, identity=f"{prefix}-agreement"))


def _as_pair(pair: PublicAgreement) -> PairAgreement:
    """The same for the heat map, which prints n as it is."""
    n = WITHHELD if pair.n is None else pair.n
    return PairAgreement.model_construct(**{**pair.model_dump(), "interval": pair.interval, "n": n})


def _survival(public: PublicTask, task: Task, prefix: str) -> Iterator[Picture]:
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
    if not any(curve.months for curve in curves):
        return Absent(title=f"{rules.title} by {CALLERS.get(scope, scope)}", reason=SMALL)
    return strict(
        kaplan_meier(
            Panel(
                identity=identity,
                rules=rules,
                curves=[_drawable(each) for each in curves],
                caption=f"{_survival_words(public, task, rules, scope)}The band is the 95 % "
                "confidence interval of the curve, which ends where too few are at risk to be "
                "told of.",
            )
        )
    )


def _drawable(curve: PublicCurve) -> SurvivalCurve:
    """The curve up to the last month with a count at risk; the legend prints n and events."""
    known = next((i for i, count in enumerate(curve.at_risk) if count is None), len(curve.at_risk))
    columns = ("months", "survival", "low", "high", "at_risk")
    cut = {name: getattr(curve, name)[:known] for name in columns}
    counts = {
        name: A_WITHHELD_NUMBER if value is None else value
        for name, value in (("n", curve.n), ("events", curve.events))
    }
    return SurvivalCurve.model_construct(**{**curve.model_dump(), **cut, **counts})


def _survival_words(public: PublicTask, task: Task, rules: OutcomeRules, scope: str) -> str:
    figures = {(each.metric, each.scope): each for each in public.figures}
    words = []
    ratio = figures.get((f"{rules.outcome}_hazard_ratio", scope))
    if ratio is not None:
        said = quote(as_figure(ratio), task.metric(ratio.metric))
        words.append(f"Hazard ratio of positive against negative: {said}. ")
    for group in NodeClass:
        at = figures.get((f"{rules.outcome}_at_horizon", f"{scope}_{group.value}"))
        if at is not None:
            said = quote(as_figure(at), task.metric(at.metric))
            words.append(f"At {rules.horizon_months:g} months, {called(group)}: {said}. ")
    return "".join(words)
