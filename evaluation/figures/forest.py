"""Forest plots: one line an estimate, its interval across a common axis, the numbers beside it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

from evaluation.figures.axes import Frame, LogScale, Scale, Tick, bottom_axis, vertical_grid
from evaluation.figures.numerals import DASH, SUFFIX, Style, bare, p_value, quote_estimate, span
from evaluation.figures.plot import Absent, Plot, Table
from evaluation.figures.svg import box, diamonds, group, line, number, path, picture, text
from schema.figure import Estimated, Figure

NARROW, WIDE, EDGE = 560.0, 860.0, 12.0
CHARACTER_PX, SAID_PX = 7.1, 6.8
"""Width of a character of a name, and of the numbers."""
INDENT, COUNT_WIDTH, GAP, LEAST_AXIS = 14.0, 46.0, 14.0, 160.0
TOP, LINE_STEP, NEXT_STEP, AXIS_SPACE, ENDS_SPACE = 30.0, 25.0, 17.0, 46.0, 18.0
MARK, ARROW = 4.5, 5.0
RATIOS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0)
"""Ticks of an axis of ratios, of which it shows the part that is needed."""
LEAST_RATIO, MOST_RATIO = 0.5, 2.0
NOTHING = "not computable"


@dataclass(frozen=True, slots=True, kw_only=True)
class ForestLine:
    """One estimate.

    Attributes:
        name: what it is of, complete, for the table.
        label: shown beside its line; empty where the line belongs to the one above.
        found: the estimate.
        n: observations it rests on.
        p_value: shown after the interval.
        mark: `solid`, `hollow` or `whole`, the diamond of everybody.
        heading: of the group that begins with this line.
        note: a sign after the numbers, explained in the caption.
    """

    name: str
    label: str
    found: Estimated | Figure
    n: int
    p_value: float | None = None
    mark: str = "solid"
    heading: str = ""
    note: str = ""

    def said(self, style: Style) -> str:
        """Value and interval beside the line, in the unit of the axis."""
        if self.found.value is None:
            return NOTHING
        limits, sign = self.found.interval, SUFFIX[style.unit]
        around = f" ({span(limits, style).removesuffix(sign)})" if limits else ""
        tested = "" if self.p_value is None else f", {p_value(self.p_value)}"
        return f"{bare(self.found.value, style)}{around}{self.note}{tested}"


class ForestAxis(NamedTuple):
    """The axis under the lines.

    Attributes:
        low: left end.
        high: right end.
        ticks: on it.
        title: below it.
        null: where nothing differs; None draws no line.
        ends: what lies to the left and to the right of it, in words.
        logarithmic: whether equal ratios lie at equal distances.
    """

    low: float
    high: float
    ticks: tuple[Tick, ...]
    title: str
    null: float | None
    ends: tuple[str, str] = ("", "")
    logarithmic: bool = False

    def scale(self, *, start: float, end: float) -> Scale | LogScale:
        """From values to pixels."""
        kind = LogScale if self.logarithmic else Scale
        return kind(low=self.low, high=self.high, start=start, end=end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """A forest plot.

    Attributes:
        identity: unique within the page.
        title: above the picture.
        caption: below it.
        lines: from top to bottom.
        axis: under them.
        style: how values are written.
        key: marks and their meaning, above the lines.
        wide: needs the whole width of the page.
    """

    identity: str
    title: str
    caption: str
    lines: Sequence[ForestLine]
    axis: ForestAxis
    style: Style
    key: tuple[tuple[str, str], ...] = ()
    wide: bool = False

    def indent(self, of: ForestLine) -> float:
        """Of the name of a line that belongs to a group."""
        before = self.lines[: self.lines.index(of) + 1]
        return INDENT if any(each.heading for each in before) else 0.0

    @property
    def width(self) -> float:
        """Of the whole picture: enough for the names, the numbers and an axis between them."""
        needed = self.counts_at + LEAST_AXIS + 2 * GAP + self._said_width
        return max(needed, WIDE if self.wide else NARROW)

    @property
    def counts_at(self) -> float:
        """Right edge of the column of counts."""
        longest = max(len(each.label) for each in self.lines)
        return EDGE + INDENT + longest * CHARACTER_PX + COUNT_WIDTH

    @property
    def said_at(self) -> float:
        """Left edge of the numbers."""
        return self.width - self._said_width

    @property
    def _said_width(self) -> float:
        return max(len(each.said(self.style)) for each in self.lines) * SAID_PX + EDGE / 2

    @property
    def top(self) -> float:
        """Where the lines begin: below the key."""
        return TOP + (LINE_STEP if self.key else 0.0)

    @property
    def places(self) -> tuple[float, ...]:
        """Height of every line."""
        y, found = self.top, list[float]()
        for each in self.lines:
            y += LINE_STEP * bool(each.heading)
            y += LINE_STEP if each.label else NEXT_STEP
            found.append(y)
        return tuple(y - LINE_STEP / 2 for y in found)

    @property
    def frame(self) -> Frame:
        """Where the intervals lie."""
        bottom = self.places[-1] + LINE_STEP / 2
        return Frame(
            self.axis.scale(start=self.counts_at + GAP, end=self.said_at - GAP),
            Scale(low=0.0, high=1.0, start=bottom, end=self.top),
        )


def ratio_axis(found: Sequence[Estimated | Figure], *, title: str) -> ForestAxis:
    """An axis of ratios around 1 that holds every interval, or the part from 0.05 to 50."""
    ends = [end for each in found for end in _ends(each)]
    least, most = min([*ends, LEAST_RATIO]), max([*ends, MOST_RATIO])
    low = max((tick for tick in RATIOS if tick <= least), default=RATIOS[0])
    high = min((tick for tick in RATIOS if tick >= most), default=RATIOS[-1])
    return ForestAxis(
        low=low,
        high=high,
        ticks=tuple(Tick(tick, f"{tick:g}") for tick in RATIOS if low <= tick <= high),
        title=title,
        null=1.0,
        ends=("lower risk", "higher risk"),
        logarithmic=True,
    )


def _ends(found: Estimated | Figure) -> tuple[float, ...]:
    if found.value is None:
        return ()
    limits = found.interval
    return (found.value, *((limits.low, limits.high) if limits else ()))


def forest(plan: Forest) -> Plot | Absent:
    """Draw a forest plot; nothing is drawn for an estimate without a value but its reason told."""
    if all(each.found.value is None for each in plan.lines):
        reasons = dict.fromkeys(each.found.reason or "" for each in plan.lines)
        return Absent(
            title=plan.title, reason="; ".join(reasons) or "the result holds nothing of it"
        )
    return Plot(
        identity=plan.identity,
        title=plan.title,
        caption=plan.caption,
        svg=_picture(plan),
        table=_table(plan),
        wide=plan.wide,
        notes=tuple(_reasons(plan)),
    )


def _reasons(plan: Forest) -> Iterator[str]:
    for each in plan.lines:
        if each.found.value is None:
            yield f"{each.name}: {NOTHING} ({each.found.reason})."


def _picture(plan: Forest) -> Markup:
    frame, axis = plan.frame, plan.axis
    return picture(
        *_key(plan),
        text("n", x=plan.counts_at, y=plan.top - 8, anchor="end", css="axis-title"),
        vertical_grid(frame, axis.ticks),
        *_null(frame, axis),
        *(_line(plan, each, y) for each, y in zip(plan.lines, plan.places, strict=True)),
        bottom_axis(frame, axis.ticks, title=axis.title),
        *_sides(frame, axis),
        width=plan.width,
        height=frame.y.start + AXIS_SPACE + (ENDS_SPACE if any(axis.ends) else 0.0),
        identity=plan.identity,
        title=f"Forest plot: {plan.title}",
        description=" ".join(
            f"{each.name}: {quote_estimate(each.found, plan.style)}." for each in plan.lines
        ),
    )


def _key(plan: Forest) -> Iterator[Markup]:
    x = EDGE
    for mark, words in plan.key:
        yield _mark(x + MARK, 10.0, mark)
        yield text(words, x=x + 16, y=14.0, css="small")
        x += 40 + len(words) * SAID_PX


def _null(frame: Frame, axis: ForestAxis) -> list[Markup]:
    if axis.null is None:
        return []
    x = frame.x(axis.null)
    return [line(x1=x, y1=frame.y.start, x2=x, y2=frame.y.end, css="null")]


def _sides(frame: Frame, axis: ForestAxis) -> Iterator[Markup]:
    y = frame.y.start + AXIS_SPACE + 6
    for words, x, anchor in (
        (axis.ends[0], frame.x.start, "start"),
        (axis.ends[1], frame.x.end, "end"),
    ):
        if words:
            arrowed = f"\u2190 {words}" if anchor == "start" else f"{words} \u2192"
            yield text(arrowed, x=x, y=y, anchor=anchor, css="small")


def _line(plan: Forest, each: ForestLine, y: float) -> Markup:
    base = y + 4
    heads = (
        text(each.heading, x=EDGE, y=base - LINE_STEP, css="heading halo") if each.heading else ""
    )
    return group(
        [
            heads,
            text(each.label, x=EDGE + plan.indent(each), y=base),
            text(str(each.n), x=plan.counts_at, y=base, anchor="end", css="tick"),
            text(each.said(plan.style), x=plan.said_at, y=base, css="small"),
            *_estimate(plan.frame, each, y),
        ]
    )


def _estimate(frame: Frame, each: ForestLine, y: float) -> Iterator[Markup]:
    """The interval, ended by an arrow where it leaves the axis, and the value where it is on it."""
    x = frame.x
    if each.found.value is None:
        return
    if limits := each.found.interval:
        low, high = (min(max(end, x.low), x.high) for end in (limits.low, limits.high))
        yield line(x1=x(low), y1=y, x2=x(high), y2=y, css="reach")
        if limits.low < x.low:
            yield _arrow(x.start, y, step=ARROW)
        if limits.high > x.high:
            yield _arrow(x.end, y, step=-ARROW)
    if x.low <= each.found.value <= x.high:
        yield _mark(x(each.found.value), y, each.mark)


def _arrow(x: float, y: float, *, step: float) -> Markup:
    corners = ((x + step, y - ARROW), (x, y), (x + step, y + ARROW))
    points = "L".join(f"{number(a)} {number(b)}" for a, b in corners)
    return path([f"M{points}"], css="reach arrow")


def _mark(x: float, y: float, mark: str) -> Markup:
    if mark == "whole":
        return diamonds([(x, y)], radius=MARK + 2.5, css="mark whole")
    return box(x=x - MARK, y=y - MARK, width=2 * MARK, height=2 * MARK, css=f"mark {mark}")


def _table(plan: Forest) -> Table:
    tested = any(each.p_value is not None for each in plan.lines)
    return Table(
        headers=("Of", "n", "Value", "95 % CI", *(("p",) if tested else ())),
        rows=tuple(
            (
                each.name,
                str(each.n),
                *_cells(each, plan.style),
                *((_tested(each),) if tested else ()),
            )
            for each in plan.lines
        ),
    )


def _cells(each: ForestLine, style: Style) -> tuple[str, str]:
    quote = quote_estimate(each.found, style)
    if quote.value is None:
        return f"{NOTHING}: {quote.reason}", DASH
    return f"{quote.value}{each.note}", quote.interval


def _tested(each: ForestLine) -> str:
    return DASH if each.p_value is None else p_value(each.p_value).removeprefix("p = ")
