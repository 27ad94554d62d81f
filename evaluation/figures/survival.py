"""Kaplan-Meier curves with their number at risk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from markupsafe import Markup

from evaluation.figures.axes import (
    Frame,
    Scale,
    Tick,
    bottom_axis,
    left_axis,
    percent_ticks,
)
from evaluation.figures.captions import CALLERS, called
from evaluation.figures.numerals import DASH, counted, percent
from evaluation.figures.plot import Plot, Table
from evaluation.figures.svg import group, line, number, path, picture, text
from schema.result import SurvivalCurve
from schema.task import OutcomeRules
from schema.terms import NodeClass

WIDTH, RIGHT, HEIGHT = 520.0, 502.0, 216.0
NARROW_LEFT, ROW_NAMES_WIDTH = 60.0, 126.0
"""Left edge of the curves: with the groups' names above their numbers at risk, or beside them."""
LONGEST_ROW_NAME = 14
"""In characters; a longer name stands above its numbers."""
LEGEND_STEP, RISK_GAP, RISK_STEP = 18.0, 64.0, 18.0
LEAST_LEGEND = 2
WITHHELD = "withheld"
UNTOLD_WORDS = f" {DASH} is a number at risk that may not be told."
MONTHS_PER_TICK = (12, 24, 36, 60, 120)
MOST_TICKS = 9


class GroupCurve(Protocol):
    """A group's curve as a result or a public entry holds it."""

    @property
    def group(self) -> NodeClass:
        """Called positive, or negative."""

    @property
    def n(self) -> int | None:
        """Its patients."""

    @property
    def events(self) -> int | None:
        """Among them."""

    @property
    def months(self) -> Sequence[float]:
        """Ascending."""

    @property
    def survival(self) -> Sequence[float]:
        """At each month."""

    @property
    def low(self) -> Sequence[float]:
        """Of its interval."""

    @property
    def high(self) -> Sequence[float]:
        """Of its interval."""

    @property
    def at_risk(self) -> Sequence[int | None]:
        """At each month."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One chart: an outcome, split by somebody's call.

    Attributes:
        identity: unique within the page.
        rules: title and horizon of the outcome.
        curves: of the groups, same outcome and scope.
        caption: hazard ratio and survival at the horizon, in words.
    """

    identity: str
    rules: OutcomeRules
    curves: Sequence[SurvivalCurve]
    caption: str

    @property
    def title(self) -> str:
        """Outcome and who made the groups."""
        scope = self.curves[0].scope
        return f"{self.rules.title} by {CALLERS.get(scope, scope)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Strand:
    """The curve of one group; None is a count that may not be told.

    Attributes:
        label: of the group.
        css: its look.
        n: patients of the group.
        events: among them.
        months: ascending from 0; none where the group is empty.
        survival: at each month.
        low: of its interval.
        high: of its interval.
        at_risk: at each month.
    """

    label: str
    css: str
    n: int | None
    events: int | None
    months: Sequence[float]
    survival: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    at_risk: Sequence[int | None]

    @property
    def followed(self) -> Sequence[float]:
        """Months up to the first one at which nobody is at risk any more, that one included."""
        if self.n == 0:
            return ()
        return self.months[: sum(count != 0 for count in self.at_risk) + 1]

    @property
    def afterwards(self) -> int | None:
        """Who is at risk after its last month: nobody, or as many as may not be told."""
        return None if None in (self.n, self.events, *self.at_risk) else 0

    @property
    def summary(self) -> str:
        """Its name and size in a sentence."""
        n = f"number of patients {WITHHELD}" if self.n is None else counted(self.n, "patient")
        events = f"events {WITHHELD}" if self.events is None else counted(self.events, "event")
        return f"{self.label}: {n}, {events}."


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Curves in one frame.

    Attributes:
        identity: unique within the page.
        title: above the picture.
        rules: title and horizon of the outcome.
        strands: at least one.
        caption: below the picture.
        notes: lines below the caption.
    """

    identity: str
    title: str
    rules: OutcomeRules
    strands: Sequence[Strand]
    caption: str
    notes: tuple[str, ...] = ()

    @property
    def stacked(self) -> bool:
        """Whether the groups' names stand above their numbers at risk."""
        return max(len(each.label) for each in self.strands) > LONGEST_ROW_NAME

    @property
    def end(self) -> float:
        """The last month shown: of the longest follow-up, at least the horizon."""
        last = (month for strand in self.strands for month in strand.followed)
        return max(max(last, default=0.0), self.rules.horizon_months)

    @property
    def months(self) -> tuple[float, ...]:
        """Months under the axis."""
        return months_shown(self.strands, end=self.end)

    @property
    def frame(self) -> Frame:
        """Where the curves lie: below a legend of one line a group."""
        left = NARROW_LEFT if self.stacked else ROW_NAMES_WIDTH
        top = LEGEND_STEP * (1 + max(LEAST_LEGEND, len(self.strands)))
        return Frame(
            Scale(low=0.0, high=self.end, start=left, end=RIGHT),
            Scale(low=0.0, high=1.0, start=top + HEIGHT, end=top),
        )


def kaplan_meier(panel: Panel) -> Plot:
    """Draw the curves of one panel, from the MRI to the last month anybody is followed."""
    return survival_plot(
        Chart(
            identity=panel.identity,
            title=panel.title,
            rules=panel.rules,
            strands=[strand_of(curve) for curve in panel.curves],
            caption=panel.caption,
        )
    )


def strand_of(curve: GroupCurve) -> Strand:
    """A group's curve in the look of its group."""
    return Strand(
        label=called(curve.group),
        css=curve.group.value,
        n=curve.n,
        events=curve.events,
        months=curve.months,
        survival=curve.survival,
        low=curve.low,
        high=curve.high,
        at_risk=curve.at_risk,
    )


def survival_plot(chart: Chart) -> Plot:
    """Draw the curves, their bands and the numbers at risk."""
    return Plot(
        identity=chart.identity,
        title=chart.title,
        caption=f"{chart.caption}{_grid_words(chart.strands)}{_untold_words(chart.strands)}",
        svg=_picture(chart),
        table=_table(chart),
        notes=chart.notes,
    )


def _grid_words(strands: Sequence[Strand]) -> str:
    steps = {b - a for strand in strands for a, b in pairwise(strand.months)}
    if len(steps) != 1:
        return ""
    step = min(steps)
    return f" The curve is kept every {'month' if step == 1 else f'{step:g} months'}."


def _untold_words(strands: Sequence[Strand]) -> str:
    untold = any(count is None for strand in strands for count in strand.at_risk)
    return UNTOLD_WORDS if untold else ""


def months_shown(
    curves: Sequence[Strand] | Sequence[SurvivalCurve], *, end: float
) -> tuple[float, ...]:
    """Months under the axis: of the grid, so that every number at risk is exact.

    Multiples of a year where the grid has them, otherwise evenly chosen points of the grid.

    Args:
        curves: at least one; those of nobody have no month.
        end: last month of the axis.
    """
    grids = [set(curve.months) for curve in curves if curve.months]
    common = set.intersection(*grids) if grids else set[float]()
    grid = [month for month in sorted(common) if month <= end]
    for step in MONTHS_PER_TICK:
        chosen = tuple(month for month in grid if month % step == 0)
        if 2 <= len(chosen) <= MOST_TICKS:
            return chosen
    stride = max(1, -(-len(grid) // MOST_TICKS))
    return tuple(grid[::stride])


def _picture(chart: Chart) -> Markup:
    frame = chart.frame
    ticks = [Tick(month, f"{month:g}") for month in chart.months]
    rows = len(chart.strands) * (2 if chart.stacked else 1)
    return picture(
        left_axis(frame, percent_ticks(), title=f"{chart.rules.title} (%)"),
        *(_band(strand, frame) for strand in chart.strands if strand.followed),
        *(_line(strand, frame) for strand in chart.strands if strand.followed),
        bottom_axis(frame, ticks, title="Months since MRI"),
        _horizon(chart, frame),
        *_legend(chart, frame),
        *_at_risk(chart, frame),
        width=WIDTH,
        height=frame.y.start + RISK_GAP + (rows + 0.6) * RISK_STEP,
        identity=chart.identity,
        title=f"Kaplan-Meier curves: {chart.title}",
        description=" ".join([*(each.summary for each in chart.strands), chart.caption]),
    )


def _steps(
    months: Sequence[float], levels: Sequence[float], frame: Frame
) -> Iterator[tuple[float, float]]:
    """Corners of a step function that starts at 1 and falls at some of the given months."""
    height = number(frame.y(1.0))
    yield frame.x(0.0), frame.y(1.0)
    for month, level in zip(months, levels, strict=False):
        if number(frame.y(level)) != height:
            yield frame.x(month), float(height)
            yield frame.x(month), frame.y(level)
            height = number(frame.y(level))
    if months:
        yield frame.x(months[-1]), float(height)


def _line(strand: Strand, frame: Frame) -> Markup:
    corners = _steps(strand.followed, strand.survival, frame)
    return path([_staircase(corners)], css=f"curve {strand.css}")


def _band(strand: Strand, frame: Frame) -> Markup:
    upper = list(_steps(strand.followed, strand.high, frame))
    lower = list(_steps(strand.followed, strand.low, frame))
    return path([_staircase([*upper, *reversed(lower)]), "z"], css=f"band {strand.css}")


def _staircase(corners: Iterable[tuple[float, float]]) -> str:
    """Path through corners of which neighbours differ in one coordinate only."""
    points = [(number(x), number(y)) for x, y in corners]
    steps = [f"M{points[0][0]} {points[0][1]}"]
    for (x0, y0), (x1, y1) in pairwise(points):
        steps += [f"H{x1}"] if x1 != x0 else []
        steps += [f"V{y1}"] if y1 != y0 else []
    return "".join(steps)


def _horizon(chart: Chart, frame: Frame) -> Markup:
    x, bottom = frame.x(chart.rules.horizon_months), frame.y.start
    words = f"{chart.rules.horizon_months:g} months"
    return group(
        [
            line(x1=x, y1=frame.y.end, x2=x, y2=bottom, css="threshold"),
            text(words, x=x - 5, y=bottom - 7, anchor="end", css="small halo"),
        ]
    )


def _legend(chart: Chart, frame: Frame) -> list[Markup]:
    left = frame.x.start
    return [
        group(
            [
                line(x1=left, y1=y, x2=left + 30, y2=y, css=f"curve {strand.css}"),
                text(strand.summary, x=left + 40, y=y + 4),
            ]
        )
        for strand, y in zip(
            chart.strands, (10 + LEGEND_STEP * i for i in range(len(chart.strands))), strict=True
        )
    ]


def _at_risk(chart: Chart, frame: Frame) -> list[Markup]:
    top = frame.y.start + RISK_GAP
    name_x, anchor = (6.0, "start") if chart.stacked else (frame.x.start - 20, "end")
    lines = 2 if chart.stacked else 1
    places = [top + (lines * index + 1) * RISK_STEP for index in range(len(chart.strands))]
    heading = text("Number at risk", x=name_x, y=top, anchor=anchor, css="axis-title")
    rows = [
        group(
            [
                text(strand.label, x=name_x, y=y, anchor=anchor, css=strand.css),
                *_risk_row(strand, frame, chart.months, y=y + RISK_STEP * (lines - 1)),
            ]
        )
        for strand, y in zip(chart.strands, places, strict=True)
    ]
    return [heading, *rows]


def _risk_row(
    strand: Strand, frame: Frame, months: Sequence[float], *, y: float
) -> Iterable[Markup]:
    counts = dict(zip(strand.months, strand.at_risk, strict=True))
    for month in months:
        count = counts.get(month, strand.afterwards)
        yield text(
            DASH if count is None else str(count),
            x=frame.x(month),
            y=y,
            anchor="middle",
            css="tick",
        )


def _table(chart: Chart) -> Table:
    months = sorted({*chart.months, chart.rules.horizon_months})
    return Table(
        headers=("Group", "Month", "At risk", "Survival", "95 % CI"),
        rows=tuple(
            _table_row(strand, month)
            for strand in chart.strands
            for month in months
            if month in strand.months
        ),
    )


def _table_row(strand: Strand, month: float) -> tuple[str, ...]:
    index = list(strand.months).index(month)
    low, high = percent(strand.low[index]), percent(strand.high[index])
    known = (percent(strand.survival[index]), f"{low} {DASH} {high}")
    estimates = known if month in strand.followed else (DASH, DASH)
    count = strand.at_risk[index]
    return (strand.label, f"{month:g}", WITHHELD if count is None else str(count), *estimates)
