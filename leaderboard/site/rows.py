"""The rows of a board, in their final order: ranked ones first, then the others, marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from evaluation.figures.axes import Scale
from evaluation.figures.captions import ARROWS, scope_title
from evaluation.figures.numerals import SUFFIX, Style, bare, decimal, percent
from leaderboard.site.bars import score_bar, shared_scale
from leaderboard.site.cells import Cell, cell_of, difference_text
from leaderboard.site.inputs import Leaderboard, figure_of, keys_of, task_of
from schema.entry import Entry, Kind
from schema.ledger import Event, LedgerLine
from schema.result import Coverage, Interval
from schema.standings import Standing
from schema.task import Metric, Unit
from schema.terms import TaskId

FURTHER: dict[TaskId, tuple[tuple[str, str], ...]] = {
    TaskId.POSITIVITY: (("sensitivity", "all"), ("specificity", "all")),
    TaskId.NODES: (("detection_sensitivity", "any"), ("detection_precision", "any")),
    TaskId.COMPARTMENTS: (("nsd", "macro"), ("hd95_mm", "macro")),
}
"""What a clinician asks next, beside the figures that order the board."""
USUAL = {"all", "any", "macro"}
"""Scopes that need no mention: everybody, either class, the mean over labels."""
KINDS = {
    Kind.SUBMISSION: "",
    Kind.BASELINE: "baseline",
    Kind.CONTROL: "control",
    Kind.HUMAN: "human reader",
    Kind.PAPER: "published paper",
}
DIGITS_OF_A_DIGEST = 12
SHORT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One figure of the board's table.

    Attributes:
        key: metric and scope.
        metric: its definition.
        title: of the metric, with the scope where it is not the usual one.
        scope: in words.
        arrow: which way is better.
        direction: the same in words.
        orders: whether the board is ordered by it.
    """

    key: tuple[str, str]
    metric: Metric
    title: str
    scope: str
    arrow: str
    direction: str
    orders: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """A mark on an entry: a sign, a word, and what the word means."""

    css: str
    sign: str
    word: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One entry on one board.

    Attributes:
        entry: what was filed.
        standing: where it stands; None when the standings do not know it.
        decision: why it is out; None when it is in.
        badges: what it is.
        reason: why it has no rank; empty when it has one.
        figures: one cell a column.
        bar: the primary figure as a picture.
        coverage: cases answered and failed.
    """

    entry: Entry
    standing: Standing | None
    decision: LedgerLine | None
    badges: tuple[Badge, ...]
    reason: str
    figures: tuple[Cell, ...]
    bar: Markup
    coverage: Coverage
    difference: tuple[str, str]

    @property
    def rank(self) -> str:
        """The rank; empty when there is none."""
        rank = self.standing.rank if self.standing else None
        return "" if rank is None else f"{rank:g}"

    @property
    def rank_interval(self) -> str:
        """The interval of the rank as text; empty when there is none."""
        interval = self.standing.interval if self.standing else None
        return "" if interval is None else rank_span(interval)

    @property
    def first(self) -> str:
        """How often it is first among the resamples."""
        first = self.standing.first if self.standing else None
        return "" if first is None else probability(first)

    @property
    def image(self) -> str | None:
        """Digest of the image that made the answers, when one did."""
        return self.entry.provenance.image_digest or self.entry.manifest.image


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardTable:
    """The table of one task.

    Attributes:
        ranked: in the order of their ranks.
        others: shown beside them, by kind and id.
        scale: ends of the pictures' scale as text; empty without pictures.
    """

    columns: tuple[Column, ...]
    ranked: tuple[Row, ...]
    others: tuple[Row, ...]
    scale: tuple[str, str] | None


def columns_of(found: Leaderboard, task_id: TaskId) -> tuple[Column, ...]:
    """The figures shown of a task: those that order the board, then the further ones."""
    task = found.tasks[task_id]
    keys = keys_of(task)
    known = {metric.id for metric in task.metrics}
    further = [key for key in FURTHER[task_id] if key[0] in known and key not in keys]
    return tuple(_column(found, task_id, key) for key in (*keys, *further))


def _column(found: Leaderboard, task_id: TaskId, key: tuple[str, str]) -> Column:
    task = found.tasks[task_id]
    metric = task.metric(key[0])
    arrow, direction = ARROWS[metric.direction]
    return Column(
        key=key,
        metric=metric,
        title=metric.title if key[1] in USUAL else f"{metric.title}, {scope_title(key[1], task)}",
        scope=scope_title(key[1], task),
        arrow=arrow,
        direction=direction,
        orders=key in keys_of(task),
    )


def board_table(found: Leaderboard, task_id: TaskId) -> BoardTable:
    """Every entry of a task."""
    columns = columns_of(found, task_id)
    ranked = [each.entry for each in found.ranked(task_id)]
    known = [each for each in ranked if each in found.by_id]
    others = [
        entry.id
        for entry in found.entries
        if task_of(entry, task_id) is not None and entry.id not in known
    ]
    primary = columns[0]
    scale = shared_scale(
        (figure_of(found.by_id[each], task_id, primary.key) for each in (*known, *others)),
        primary.metric,
    )
    others.sort(key=lambda each: (_kind_order(found, each), each))
    return BoardTable(
        columns=columns,
        ranked=tuple(_row(found, task_id, each, columns, scale) for each in known),
        others=tuple(_row(found, task_id, each, columns, scale) for each in others),
        scale=None if scale is None else _ends(scale, primary.metric),
    )


def row_of(found: Leaderboard, task_id: TaskId, entry: Entry) -> Row:
    """The row of one entry, without its picture, which needs the others' scale."""
    return _row(found, task_id, entry.id, columns_of(found, task_id), None)


def _kind_order(found: Leaderboard, entry: str) -> tuple[bool, int]:
    """Readers, the paper and controls before entries that are out."""
    order = (Kind.HUMAN, Kind.PAPER, Kind.CONTROL, Kind.BASELINE, Kind.SUBMISSION)
    return entry in found.decisions, order.index(found.by_id[entry].kind)


def _ends(scale: Scale, metric: Metric) -> tuple[str, str]:
    style = Style(metric.unit, 0 if metric.unit is Unit.FRACTION else metric.decimals)
    return bare(scale.low, style), bare(scale.high, style) + SUFFIX[metric.unit]


def _row(
    found: Leaderboard,
    task_id: TaskId,
    entry_id: str,
    columns: Sequence[Column],
    scale: Scale | None,
) -> Row:
    entry, standing = found.by_id[entry_id], found.standing(task_id, entry_id)
    public, decision = task_of(entry, task_id), found.decisions.get(entry_id)
    assert public is not None, "only entries of the task have a row"
    primary = figure_of(entry, task_id, columns[0].key)
    return Row(
        entry=entry,
        standing=standing,
        decision=decision,
        badges=badges_of(entry, decision=decision),
        reason=unranked_reason(standing, decision=decision),
        figures=tuple(cell_of(figure_of(entry, task_id, c.key), c.metric) for c in columns),
        bar=score_bar(primary, scale, best=_best(found, task_id, columns[0])),
        coverage=public.coverage,
        difference=_difference(standing, columns[0].metric),
    )


def _best(found: Leaderboard, task_id: TaskId, column: Column) -> float | None:
    """The primary figure of the first entry."""
    for standing in found.ranked(task_id):
        entry = found.by_id.get(standing.entry)
        figure = figure_of(entry, task_id, column.key) if entry else None
        return figure.value if figure else None
    return None


def _difference(standing: Standing | None, metric: Metric) -> tuple[str, str]:
    if standing is None or standing.difference is None:
        return "", ""
    return difference_text(standing.difference, metric, interval=standing.difference_interval)


def unranked_reason(standing: Standing | None, *, decision: LedgerLine | None) -> str:
    """Why an entry has no rank, in words; empty when it has one."""
    if decision is not None:
        return f"{decision.event.value}: {decision.reason or 'no reason given'}"
    if standing is None:
        return "not in the standings yet"
    return "" if standing.rank is not None else standing.unranked_reason or "not ranked"


def badges_of(entry: Entry, *, decision: LedgerLine | None) -> tuple[Badge, ...]:
    """What an entry is, who ran it, and whether it is out."""
    badges = []
    if decision is not None:
        badges.append(_out_badge(decision))
    if word := KINDS[entry.kind]:
        badges.append(Badge(css=entry.kind.value, sign="◆", word=word, meaning=_MEANING[word]))
    if entry.kind in {Kind.SUBMISSION, Kind.BASELINE}:
        badges.append(VERIFIED if entry.run_by == "organiser" else SELF_REPORTED)
    return tuple(badges)


_MEANING = {
    "baseline": "the reference model of the organiser, ranked like any other",
    "control": "an end of the scale, no model: never ranked",
    "human reader": "a reader, shown for comparison: never ranked",
    "published paper": "figures of a publication, shown for comparison: never ranked",
}
VERIFIED = Badge(
    css="verified", sign="✓", word="verified", meaning="the organiser ran the container"
)
SELF_REPORTED = Badge(
    css="self-reported",
    sign="○",
    word="self-reported",
    meaning="the entrant ran the model and handed in its answers",
)


def _out_badge(decision: LedgerLine) -> Badge:
    words = {Event.WITHDRAWN: "withdrawn", Event.DISQUALIFIED: "disqualified"}
    return Badge(css="out", sign="✕", word=words[decision.event], meaning=decision.reason or "")


def rank_span(interval: Interval) -> str:
    """`1 to 3`."""
    return f"{interval.low:g} to {interval.high:g}"


def probability(value: float) -> str:
    """A share of resamples; no certainty is claimed from a finite number of them."""
    if 0 < value < 0.01:
        return "< 1\u00a0%"
    if 0.99 < value < 1:
        return "> 99\u00a0%"
    return percent(value, 0)


def short_digest(digest: str | None, *, digits: int = SHORT) -> str:
    """The first digits of a digest, without the algorithm's name."""
    return "" if digest is None else digest.removeprefix("sha256:")[:digits]


def seconds_text(entry: Entry) -> str:
    """Median seconds per case; empty when the organiser did not run the model."""
    used = entry.resources
    return (
        ""
        if used is None
        else decimal(used.seconds_per_case, 1 if used.seconds_per_case < 100 else 0)
    )


def memory_text(entry: Entry) -> str:
    """Greatest memory in GiB; empty when it was not measured."""
    used = entry.resources
    if used is None or used.peak_memory_mib is None:
        return ""
    return decimal(used.peak_memory_mib / 1024, 1)
