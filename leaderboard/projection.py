"""From a private result to what the public may know of it. Pure.

Of a cohort that is not hidden everything in the result is public; its curves leave out the months
in which nothing happens (`leaderboard.thinning`). Of a hidden one a figure is shown only by a rule
of its metric (`leaderboard.figure_rules`), and a metric without a rule is withheld:

- a figure made of a table of counts, when every cell of that table may be shown;
- a mean over patients or nodes, when it is of enough of them;
- a figure of survival, when the numbers of events behind it may be shown;
- a ranking key always: it is what the board is for. Where its table is withheld it is rounded until
  the table cannot be worked out from it (`leaderboard.key_tables`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from leaderboard.figure_rules import RATERS, RULES, may_show_number, why_withheld
from leaderboard.hidden_result import HiddenResult
from leaderboard.key_tables import step_of
from leaderboard.rounding import rounded, rounded_interval, rounded_p, shown_step
from leaderboard.thinning import thinned, thinned_curve
from schema.entry import PublicAgreement, PublicCurve, PublicFigure, PublicMatrix, PublicTask
from schema.result import Figure, Matrix, PairAgreement, TaskResult
from schema.statistics import Subgroup
from schema.task import Task
from schema.terms import Split, Status, TaskId

WHY_NO_VALUE = MappingProxyType(
    {
        Status.UNDEFINED: "the formula has no value here",
        Status.NOT_APPLICABLE: "the question does not arise here",
        Status.SEPARATED: "the likelihood has no finite maximum",
        Status.TOO_FEW: "fewer observations or events than the task file asks for",
        Status.INVALID: "what was handed in for it does not pass the gate",
        Status.WITHHELD: "withheld",
    }
)
"""In place of the scorer's own words, which may tell counts."""
NO_INTERVAL = "the scorer gives none"


def public_tasks(
    results: Iterable[TaskResult], *, tasks: Mapping[TaskId, Task], split: Split, least: int
) -> tuple[PublicTask, ...]:
    """What may be shown of every task of a result.

    Args:
        results: as scored, private.
        tasks: the task files.
        split: of the cohort; nothing is withheld unless it is hidden.
        least: counts from 1 to below it are small.
    """
    return tuple(
        _of_hidden(HiddenResult(result, tasks[result.task], least))
        if split is Split.HIDDEN
        else _of_open(result, tasks[result.task])
        for result in results
    )


def _of_open(result: TaskResult, task: Task) -> PublicTask:
    """Everything, each part by its own model; curves lose the months in which nothing happens."""
    statistics = result.statistics
    horizons = {rules.outcome: rules.horizon_months for rules in task.outcomes}
    return PublicTask(
        task=result.task,
        task_version=result.task_version,
        task_digest=result.task_digest,
        coverage=result.coverage,
        figures=tuple(PublicFigure(**dict(each)) for each in result.figures),
        matrices=tuple(PublicMatrix(**dict(each)) for each in result.matrices),
        agreement=tuple(PublicAgreement(**dict(each)) for each in result.agreement),
        survival=tuple(
            PublicCurve(**dict(thinned_curve(each, horizons=[horizons[each.outcome]])))
            for each in result.survival
        ),
        subgroups=statistics.subgroups if statistics else (),
        statistics=thinned(statistics.model_copy(update={"subgroups": ()})) if statistics else None,
        short_axis=result.short_axis,
        froc=result.froc,
    )


def _of_hidden(hidden: HiddenResult) -> PublicTask:
    """What the rules leave. Tables of patients, single errors and single nodes stay private."""
    result, numbers = hidden.result, _Numbers(hidden)
    return PublicTask(
        task=result.task,
        task_version=result.task_version,
        task_digest=result.task_digest,
        coverage=result.coverage,
        figures=tuple(_figure(each, hidden=hidden, numbers=numbers) for each in result.figures),
        matrices=tuple(_matrix(each, hidden=hidden) for each in result.matrices),
        agreement=tuple(_agreement(each, hidden=hidden) for each in result.agreement),
        survival=hidden.curves,
        subgroups=tuple(_subgroup(each, hidden=hidden) for each in hidden.subgroups),
    )


@dataclass(frozen=True)
class _Numbers:
    """Numbers of patients or nodes that are shown: none may be a few more than another."""

    hidden: HiddenResult
    _shown: set[int] = field(default_factory=set)

    def of(self, figure: Figure) -> int | None:
        """The number a figure is of, or None where it would tell too much."""
        decided = may_show_number(self.hidden, figure)
        if decided is not None:
            return figure.n if decided else None
        others = {0, self.hidden.result.coverage.cases, *self._shown}
        if any(self.hidden.is_small(abs(figure.n - other)) for other in others):
            return None
        self._shown.add(figure.n)
        return figure.n


def _figure(figure: Figure, *, hidden: HiddenResult, numbers: _Numbers) -> PublicFigure:
    key = (figure.metric, figure.scope)
    reason = None if key in hidden.task.ranking.ranked_figures else why_withheld(hidden, figure)
    if reason is not None:
        return PublicFigure(
            metric=figure.metric,
            scope=figure.scope,
            value=None,
            status=Status.WITHHELD,
            reason=reason,
            n=None,
        )
    if figure.value is None:
        return PublicFigure(
            metric=figure.metric,
            scope=figure.scope,
            value=None,
            status=figure.status,
            reason=WHY_NO_VALUE[figure.status],
            n=numbers.of(figure),
        )
    step = step_of(figure, figure.value, hidden=hidden)
    return PublicFigure(
        metric=figure.metric,
        scope=figure.scope,
        value=rounded(figure.value, step=step),
        status=figure.status,
        interval=rounded_interval(figure.interval, step=step),
        interval_reason=None if figure.interval_reason is None else NO_INTERVAL,
        n=numbers.of(figure),
        p_value=None if figure.p_value is None else rounded_p(figure.p_value),
        rounded_to=step,
    )


def _subgroup(group: Subgroup, *, hidden: HiddenResult) -> Subgroup:
    """A group whose table may be shown: its figures with a value, rounded."""
    figures = tuple(
        each.model_copy(
            update={
                "value": rounded(each.value, step=step),
                "interval": rounded_interval(each.interval, step=step),
                "interval_reason": None if each.interval_reason is None else NO_INTERVAL,
                "p_value": None if each.p_value is None else rounded_p(each.p_value),
            }
        )
        for each in group.figures
        if each.value is not None and each.metric in RULES
        for step in [shown_step(hidden.task.metric(each.metric))]
    )
    return group.model_copy(update={"figures": figures})


def _matrix(matrix: Matrix, *, hidden: HiddenResult) -> PublicMatrix:
    return PublicMatrix(
        id=matrix.id,
        title=matrix.title,
        rows=matrix.rows,
        columns=matrix.columns,
        cells=hidden.shown[matrix.id],
    )


def _agreement(pair: PairAgreement, *, hidden: HiddenResult) -> PublicAgreement:
    if (pair.first, pair.second) not in hidden.pairs:
        return PublicAgreement(
            first=pair.first,
            second=pair.second,
            value=None,
            status=Status.WITHHELD,
            reason=RATERS,
            n=None,
        )
    reason = None if pair.value is not None else WHY_NO_VALUE[pair.status]
    return PublicAgreement(**{**dict(pair), "reason": reason})
