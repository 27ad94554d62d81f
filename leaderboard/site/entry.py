"""The page of one entry, block by block: a new block is one template and one function here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from markupsafe import Markup

from evaluation.figures.captions import ARROWS, INTERVALS, capital, scope_title
from evaluation.figures.whisker import whisker
from leaderboard.site.cells import WITHHELD, Cell, cell_of, for_whisker, interval_words, p_text
from leaderboard.site.checklists import Checklist, checklists, other_answers
from leaderboard.site.clinical import Chapter, chapters_of
from leaderboard.site.comparison import PairRow, pairs_of
from leaderboard.site.inputs import Leaderboard, keys_of, task_of
from leaderboard.site.rows import Row, row_of
from schema.entry import Entry, PublicFigure
from schema.ledger import LedgerLine
from schema.result import Coverage
from schema.task import Metric, Task
from schema.terms import TaskId
from tasks.checks import SUBMISSION_CHECKS


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureRow:
    """One figure of the entry."""

    scope: str
    cell: Cell
    interval: str
    method: str
    n: str
    p: str
    orders: bool
    whisker: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricGroup:
    """Every figure of one metric."""

    metric: Metric
    arrow: str
    direction: str
    rows: tuple[FigureRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """How many cases failed under one code, in the words of the check."""

    code: str
    title: str
    fix: str
    cases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskBlock:
    """What the entry shows of one task."""

    task: Task
    row: Row
    board_size: int
    coverage: Coverage
    failures: tuple[Failure, ...]
    groups: tuple[MetricGroup, ...]
    chapters: tuple[Chapter, ...]
    against: tuple[PairRow, ...]


class Reporting(NamedTuple):
    """Reporting guidelines, answered, and what the entrant said beside them."""

    lists: tuple[Checklist, ...]
    others: Mapping[str, str]


class Block(NamedTuple):
    """One part of the page.

    Attributes:
        id: of its heading, after the page's own.
        title: its heading.
        template: what shows it, under the name `content`.
        make: its content, or None when the entry has nothing of the kind.
    """

    id: str
    title: str
    template: str
    make: Callable[[Leaderboard, Entry], Any]


def task_blocks(found: Leaderboard, entry: Entry) -> tuple[TaskBlock, ...]:
    """Standing, figures, pictures and paired tests of every task entered."""
    return tuple(
        _task_block(found, entry, task_id)
        for task_id in found.task_order
        if task_of(entry, task_id) is not None
    )


def _task_block(found: Leaderboard, entry: Entry, task_id: TaskId) -> TaskBlock:
    task, public = found.tasks[task_id], task_of(entry, task_id)
    assert public is not None, "asked only for tasks that were entered"
    return TaskBlock(
        task=task,
        row=row_of(found, task_id, entry),
        board_size=len(found.ranked(task_id)),
        coverage=public.coverage,
        failures=_failures(public.coverage),
        groups=_groups(public.figures, task),
        chapters=chapters_of(found, entry, task_id),
        against=pairs_of(found, task_id, entry.id),
    )


def _failures(coverage: Coverage) -> tuple[Failure, ...]:
    checks = {check.code: check for check in SUBMISSION_CHECKS}
    return tuple(
        Failure(
            code=code,
            title=checks[code].title() if code in checks else "a check of another version",
            fix=checks[code].fix() if code in checks else "",
            cases=cases,
        )
        for code, cases in sorted(coverage.failures.items())
    )


def _groups(figures: tuple[PublicFigure, ...], task: Task) -> tuple[MetricGroup, ...]:
    by_metric: dict[str, list[PublicFigure]] = {}
    for figure in figures:
        by_metric.setdefault(figure.metric, []).append(figure)
    return tuple(
        MetricGroup(
            metric=metric,
            arrow=ARROWS[metric.direction][0],
            direction=ARROWS[metric.direction][1],
            rows=tuple(_figure_row(each, metric, task) for each in by_metric[metric.id]),
        )
        for metric in task.metrics
        if metric.id in by_metric
    )


def _figure_row(figure: PublicFigure, metric: Metric, task: Task) -> FigureRow:
    return FigureRow(
        scope=capital(scope_title(figure.scope, task)),
        cell=cell_of(figure, metric),
        interval=interval_words(figure, metric),
        method=INTERVALS[figure.interval.method] if figure.interval else "",
        n=WITHHELD if figure.n is None else str(figure.n),
        p=p_text(figure.p_value),
        orders=(figure.metric, figure.scope) in keys_of(task),
        whisker=whisker(for_whisker(figure), metric),
    )


def _reporting(found: Leaderboard, entry: Entry) -> Reporting:
    return Reporting(checklists(found, entry), other_answers(entry))


def _attempts(found: Leaderboard, entry: Entry) -> tuple[LedgerLine, ...]:
    """Lines of this entry, and of every other attempt of the same team."""
    return tuple(
        each for each in found.ledger if each.entry == entry.id or each.team == entry.manifest.team
    )


def _resources(_found: Leaderboard, entry: Entry) -> Any:
    return entry.resources


def _provenance(_found: Leaderboard, entry: Entry) -> Mapping[str, str]:
    """Everything that the entry's bytes depend on."""
    provenance = entry.provenance
    libraries = ", ".join(
        f"{name} {version}" for name, version in sorted(provenance.libraries.items())
    )
    return {
        "Kit": provenance.kit_version,
        **{
            f"Task {each.task}": f"version {each.task_version}, {each.task_digest}"
            for each in entry.tasks
        },
        "Cohort": entry.cohort.digest,
        "Submission": provenance.submission_digest,
        "Container image": provenance.image_digest
        or entry.manifest.image
        or "none: the answers came as files",
        "Result": entry.result_digest,
        "Scores of single patients": entry.cases_digest or "not filed",
        "Resamples and seed": f"{provenance.resamples}, {provenance.seed}",
        "Libraries": libraries,
    }


BLOCKS = (
    Block("tasks", "Results", "entry/tasks.html.j2", task_blocks),
    Block("resources", "Time and memory", "entry/resources.html.j2", _resources),
    Block("reporting", "Reporting checklists", "entry/reporting.html.j2", _reporting),
    Block("attempts", "Attempts and decisions", "entry/attempts.html.j2", _attempts),
    Block("provenance", "Provenance", "entry/provenance.html.j2", _provenance),
)
"""In the order of the page; one without content is left out."""


def blocks_of(found: Leaderboard, entry: Entry) -> tuple[tuple[Block, Any], ...]:
    """Every block that has content, with it."""
    made = ((block, block.make(found, entry)) for block in BLOCKS)
    return tuple((block, content) for block, content in made if content)
