"""Kaplan-Meier curves with their number at risk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

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

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 520.0, 126.0, 502.0, 54.0, 270.0
ROW_NAMES = LEFT - 20.0
LEGEND_STEP, RISK_TOP, RISK_STEP = 18.0, 334.0, 18.0
MONTHS_PER_TICK = (12, 24, 36, 60, 120)
MOST_TICKS = 9


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


def kaplan_meier(panel: Panel) -> Plot:
    """Draw the curves of one panel, from the MRI to the last month anybody is followed."""
    return Plot(
        identity=panel.identity,
        title=panel.title,
        caption=f"{panel.caption}{_grid_words(panel.curves)}",
        svg=_picture(panel),
        table=_table(panel),
    )


def _grid_words(curves: Sequence[SurvivalCurve]) -> str:
    steps = {b - a for curve in curves for a, b in pairwise(curve.months)}
    if len(steps) != 1:
        return ""
    step = min(steps)
    return f" The curve is kept every {'month' if step == 1 else f'{step:g} months'}."


def months_shown(curves: Sequence[SurvivalCurve], *, end: float) -> tuple[float, ...]:
    """Months under the axis: of the grid, so that every number at risk is exact.

    Multiples of a year where the grid has them, otherwise evenly chosen points of the grid.

    Args:
        curves: at least one.
        end: last month of the axis.
    """
    common = set.intersection(*(set(curve.months) for curve in curves))
    grid = [month for month in sorted(common) if month <= end]
    for step in MONTHS_PER_TICK:
        chosen = tuple(month for month in grid if month % step == 0)
        if 2 <= len(chosen) <= MOST_TICKS:
            return chosen
    stride = max(1, -(-len(grid) // MOST_TICKS))
    return tuple(grid[::stride])


def _last_month(curves: Sequence[SurvivalCurve]) -> float:
    """The last month of the longest curve; 0 when nobody is followed."""
    return max((month for curve in curves for month in _followed(curve)), default=0.0)


def _followed(curve: SurvivalCurve) -> tuple[float, ...]:
    """Months up to the first one at which nobody is at risk any more, that one included."""
    if curve.n == 0:
        return ()
    at_risk = sum(count > 0 for count in curve.at_risk)
    return curve.months[: at_risk + 1]


def _end(panel: Panel) -> float:
    return max(_last_month(panel.curves), panel.rules.horizon_months)


def _frame(panel: Panel) -> Frame:
    return Frame(
        Scale(low=0.0, high=_end(panel), start=LEFT, end=RIGHT),
        Scale(low=0.0, high=1.0, start=BOTTOM, end=TOP),
    )


def _picture(panel: Panel) -> Markup:
    frame, months = _frame(panel), months_shown(panel.curves, end=_end(panel))
    ticks = [Tick(month, f"{month:g}") for month in months]
    return picture(
        left_axis(frame, percent_ticks(), title=f"{panel.rules.title} (%)"),
        *(_band(curve, frame) for curve in panel.curves),
        *(_line(curve, frame) for curve in panel.curves),
        bottom_axis(frame, ticks, title="Months since MRI"),
        _horizon(panel, frame),
        *_legend(panel),
        *_at_risk(panel, frame, months),
        width=WIDTH,
        height=RISK_TOP + (len(panel.curves) + 0.6) * RISK_STEP,
        identity=panel.identity,
        title=f"Kaplan-Meier curves: {panel.title}",
        description=f"{' '.join(map(_summary, panel.curves))} {panel.caption}",
    )


def _steps(
    months: Sequence[float], levels: Sequence[float], frame: Frame
) -> Iterator[tuple[float, float]]:
    """Corners of a step function that starts at 1 and falls at the given months."""
    height = frame.y(1.0)
    yield frame.x(0.0), height
    for month, level in zip(months, levels, strict=False):
        yield frame.x(month), height
        height = frame.y(level)
        yield frame.x(month), height


def _line(curve: SurvivalCurve, frame: Frame) -> Markup:
    corners = _steps(_followed(curve), curve.survival, frame)
    return path([_polyline(corners)], css=f"curve {curve.group.value}")


def _band(curve: SurvivalCurve, frame: Frame) -> Markup:
    months = _followed(curve)
    upper = list(_steps(months, curve.high, frame))
    lower = list(_steps(months, curve.low, frame))
    return path([_polyline([*upper, *reversed(lower)]), "z"], css=f"band {curve.group.value}")


def _polyline(corners: Iterable[tuple[float, float]]) -> str:
    points = (f"{number(x)} {number(y)}" for x, y in corners)
    return "M" + "L".join(point for point, _ in groupby(points))


def _horizon(panel: Panel, frame: Frame) -> Markup:
    x = frame.x(panel.rules.horizon_months)
    words = f"{panel.rules.horizon_months:g} months"
    return group(
        [
            line(x1=x, y1=TOP, x2=x, y2=BOTTOM, css="threshold"),
            text(words, x=x - 5, y=BOTTOM - 7, anchor="end", css="small halo"),
        ]
    )


def _legend(panel: Panel) -> list[Markup]:
    return [
        group(
            [
                line(x1=LEFT, y1=y, x2=LEFT + 30, y2=y, css=f"curve {curve.group.value}"),
                text(_summary(curve), x=LEFT + 40, y=y + 4),
            ]
        )
        for curve, y in zip(
            panel.curves, (10 + LEGEND_STEP * i for i in range(len(panel.curves))), strict=False
        )
    ]


def _summary(curve: SurvivalCurve) -> str:
    return (
        f"{called(curve.group)}: {counted(curve.n, 'patient')}, {counted(curve.events, 'event')}."
    )


def _at_risk(panel: Panel, frame: Frame, months: Sequence[float]) -> list[Markup]:
    heading = text("Number at risk", x=ROW_NAMES, y=RISK_TOP, anchor="end", css="axis-title")
    rows = [
        _risk_row(curve, frame, months, y=RISK_TOP + (index + 1) * RISK_STEP)
        for index, curve in enumerate(panel.curves)
    ]
    return [heading, *rows]


def _risk_row(curve: SurvivalCurve, frame: Frame, months: Sequence[float], *, y: float) -> Markup:
    counts = dict(zip(curve.months, curve.at_risk, strict=True))
    name = text(called(curve.group), x=ROW_NAMES, y=y, anchor="end", css=curve.group.value)
    numbers = [
        text(str(counts[month]), x=frame.x(month), y=y, anchor="middle", css="tick")
        for month in months
    ]
    return group([name, *numbers])


def _table(panel: Panel) -> Table:
    months = sorted({*months_shown(panel.curves, end=_end(panel)), panel.rules.horizon_months})
    return Table(
        headers=("Group", "Month", "At risk", "Survival", "95 % CI"),
        rows=tuple(
            _table_row(curve, month)
            for curve in panel.curves
            for month in months
            if month in curve.months
        ),
    )


def _table_row(curve: SurvivalCurve, month: float) -> tuple[str, ...]:
    index = curve.months.index(month)
    low, high = percent(curve.low[index]), percent(curve.high[index])
    known = (percent(curve.survival[index]), f"{low} {DASH} {high}")
    estimates = known if month in _followed(curve) else (DASH, DASH)
    return (called(curve.group), f"{month:g}", str(curve.at_risk[index]), *estimates)
