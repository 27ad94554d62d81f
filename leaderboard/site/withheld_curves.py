"""Kaplan-Meier curves of which some number may not be told: n, events or who is still at risk.

The report's own chart prints every number, so that it cannot draw these. Here each is a number or
None, and None is said in words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from evaluation.figures.axes import Frame, Scale, Tick, bottom_axis, left_axis, percent_ticks
from evaluation.figures.captions import called
from evaluation.figures.numerals import DASH, PERCENT, bare, counted, percent
from evaluation.figures.plot import Plot, Table
from evaluation.figures.svg import group, line, number, path, picture, text
from leaderboard.site.cells import WITHHELD
from schema.entry import PublicCurve
from schema.task import OutcomeRules

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 520.0, 126.0, 502.0, 54.0, 270.0
LEGEND_STEP, RISK_GAP, RISK_STEP = 18.0, 64.0, 18.0
UNTOLD_WORDS = f" {DASH} is a number at risk that may not be told."
YEAR_MONTHS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class WithheldPanel:
    """One chart.

    Attributes:
        identity: unique within the page.
        title: above the picture.
        rules: title and horizon of the outcome.
        curves: of the groups, at least one with a month.
        caption: below the picture.
    """

    identity: str
    title: str
    rules: OutcomeRules
    curves: Sequence[PublicCurve]
    caption: str

    @property
    def end(self) -> float:
        """The last month shown: of the longest curve, at least the horizon."""
        last = (curve.months[-1] for curve in self.curves if curve.months)
        return max(max(last, default=0.0), self.rules.horizon_months)

    @property
    def months(self) -> tuple[float, ...]:
        """Whole years of any curve, under the axis."""
        found = {month for curve in self.curves for month in curve.months}
        return tuple(sorted(month for month in found if month % YEAR_MONTHS == 0))

    @property
    def frame(self) -> Frame:
        """Where the curves lie."""
        return Frame(
            Scale(low=0.0, high=self.end, start=LEFT, end=RIGHT),
            Scale(low=0.0, high=1.0, start=BOTTOM, end=TOP),
        )


def holds_withheld(curves: Sequence[PublicCurve]) -> bool:
    """Whether some number of these curves is not told."""
    return any(None in (curve.n, curve.events, *curve.at_risk) for curve in curves)


def withheld_plot(panel: WithheldPanel) -> Plot:
    """Draw curves with the numbers that may be told."""
    return Plot(
        identity=panel.identity,
        title=panel.title,
        caption=panel.caption + (UNTOLD_WORDS if _has_untold(panel) else ""),
        svg=_picture(panel),
        table=_table(panel),
    )


def _has_untold(panel: WithheldPanel) -> bool:
    return any(count is None for curve in panel.curves for count in curve.at_risk)


def summary(curve: PublicCurve) -> str:
    """Group and size in a sentence: `LLN-positive: 20 patients, events withheld.`."""
    n = "number of patients withheld" if curve.n is None else counted(curve.n, "patient")
    events = "events withheld" if curve.events is None else counted(curve.events, "event")
    return f"{called(curve.group)}: {n}, {events}."


def _picture(panel: WithheldPanel) -> Markup:
    frame = panel.frame
    ticks = [Tick(month, f"{month:g}") for month in panel.months]
    return picture(
        left_axis(frame, percent_ticks(), title=f"{panel.rules.title} (%)"),
        *(_band(curve, frame) for curve in panel.curves if curve.months),
        *(_line(curve, frame) for curve in panel.curves if curve.months),
        bottom_axis(frame, ticks, title="Months since MRI"),
        *_legend(panel, frame),
        *_at_risk(panel, frame),
        width=WIDTH,
        height=BOTTOM + RISK_GAP + (len(panel.curves) + 0.6) * RISK_STEP,
        identity=panel.identity,
        title=f"Kaplan-Meier curves: {panel.title}",
        description=" ".join([*map(summary, panel.curves), panel.caption]),
    )


def _line(curve: PublicCurve, frame: Frame) -> Markup:
    steps = _steps(curve.months, curve.survival, frame)
    return path(["M", "L".join(steps)], css=f"curve {curve.group.value}")


def _band(curve: PublicCurve, frame: Frame) -> Markup:
    upper = list(_steps(curve.months, curve.high, frame))
    lower = list(_steps(curve.months, curve.low, frame))
    return path(["M", "L".join([*upper, *reversed(lower)]), "z"], css=f"band {curve.group.value}")


def _steps(months: Sequence[float], levels: Sequence[float], frame: Frame) -> Iterator[str]:
    """Corners of a step function that falls at the given months."""
    points = list(zip(months, levels, strict=True))
    for (_, before), (month, level) in pairwise([(0.0, 1.0), *points]):
        yield f"{number(frame.x(month))} {number(frame.y(before))}"
        yield f"{number(frame.x(month))} {number(frame.y(level))}"


def _legend(panel: WithheldPanel, frame: Frame) -> Iterator[Markup]:
    left = frame.x.start
    for index, curve in enumerate(panel.curves):
        y = 10 + LEGEND_STEP * index
        yield group(
            [
                line(x1=left, y1=y, x2=left + 30, y2=y, css=f"curve {curve.group.value}"),
                text(summary(curve), x=left + 40, y=y + 4),
            ]
        )


def _at_risk(panel: WithheldPanel, frame: Frame) -> Iterator[Markup]:
    top, name_x = BOTTOM + RISK_GAP, LEFT - 20
    yield text("Number at risk", x=name_x, y=top, anchor="end", css="axis-title")
    for index, curve in enumerate(panel.curves):
        y = top + (index + 1) * RISK_STEP
        yield text(called(curve.group), x=name_x, y=y, anchor="end", css=curve.group.value)
        for month, count in zip(curve.months, curve.at_risk, strict=True):
            shown = DASH if count is None else str(count)
            yield text(shown, x=frame.x(month), y=y, anchor="middle", css="tick")


def _table(panel: WithheldPanel) -> Table:
    return Table(
        headers=("Group", "Month", "At risk", "Survival", "95 % CI"),
        rows=tuple(
            (
                called(curve.group),
                f"{month:g}",
                WITHHELD if count is None else str(count),
                percent(survival),
                f"{bare(low, PERCENT)} to {percent(high)}",
            )
            for curve in panel.curves
            for month, count, survival, low, high in zip(
                curve.months, curve.at_risk, curve.survival, curve.low, curve.high, strict=True
            )
        ),
    )
