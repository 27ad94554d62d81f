"""Calibration plot: what the model said against how many were positive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from evaluation.figures.axes import Frame, Scale, bottom_axis, left_axis, percent_ticks
from evaluation.figures.numerals import (
    PERCENT,
    SHARE_OF_ONE,
    counted,
    percent,
    quote_estimate,
)
from evaluation.figures.plot import Absent, Plot, Table
from evaluation.figures.svg import box, group, line, picture, text
from schema.result import Figure
from schema.statistics import CalibrationBin

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 500.0, 60.0, 484.0, 20.0, 380.0
MARK = 4.5
TITLE = "Calibration of the probability"


def calibration_plot(
    bins: Sequence[CalibrationBin], figures: Sequence[Figure], *, identity: str
) -> Plot | Absent:
    """Draw the bins with the intervals of their observed shares.

    Args:
        bins: patients of neighbouring probabilities.
        figures: of the task; slope and intercept are told where they are among them.
        identity: unique within the page.
    """
    if not bins:
        return Absent(title=TITLE, reason="no patient has a probability")
    rows = tuple(_row(each) for each in bins)
    return Plot(
        identity=identity,
        title=TITLE,
        caption=(
            "Patients in groups of neighbouring probabilities. On the diagonal as many are "
            "positive as the model said; below it the model says too much, above it too little."
        ),
        svg=_picture(bins, identity=identity, rows=rows),
        table=Table(headers=("Mean probability", "Positive", "95 % CI", "Patients"), rows=rows),
        notes=tuple(_recalibration(figures)),
    )


def _recalibration(figures: Sequence[Figure]) -> Iterator[str]:
    names = (
        ("calibration_slope", "Slope (1 is right, below 1 too extreme)"),
        ("calibration_intercept", "Intercept (0 is right, below 0 too high)"),
    )
    for metric, words in names:
        for each in figures:
            if (each.metric, each.scope) == (metric, "all"):
                yield f"{words}: {quote_estimate(each, SHARE_OF_ONE)}."


def _row(each: CalibrationBin) -> tuple[str, str, str, str]:
    quote = quote_estimate(each, PERCENT)
    shown = quote.value or f"not computable: {quote.reason}"
    return (percent(each.mean_probability), shown, quote.interval, str(each.n))


def _picture(
    bins: Sequence[CalibrationBin], *, identity: str, rows: Sequence[tuple[str, ...]]
) -> Markup:
    frame = Frame(
        Scale(low=0.0, high=1.0, start=LEFT, end=RIGHT),
        Scale(low=0.0, high=1.0, start=BOTTOM, end=TOP),
    )
    return picture(
        left_axis(frame, percent_ticks(), title="Positive by consensus (%)"),
        line(x1=LEFT, y1=BOTTOM, x2=RIGHT, y2=TOP, css="identity"),
        *(_point(frame, each) for each in bins if each.value is not None),
        bottom_axis(frame, percent_ticks(), title="Mean probability of the group (%)"),
        width=WIDTH,
        height=BOTTOM + 46,
        identity=identity,
        title="Calibration plot",
        description=" ".join(
            f"Mean probability {said}: {share} positive of {counted(int(n), 'patient')}."
            for said, share, _, n in rows
        ),
    )


def _point(frame: Frame, each: CalibrationBin) -> Markup:
    assert each.value is not None, "only values are drawn"
    x, y, limits = frame.x(each.mean_probability), frame.y(each.value), each.interval
    reach = [] if limits is None else [_upright(frame, x, limits.low, limits.high)]
    mark = box(x=x - MARK, y=y - MARK, width=2 * MARK, height=2 * MARK, css="mark solid")
    side, gap = ("end", -9) if x > (LEFT + RIGHT) / 2 else ("start", 9)
    count = text(str(each.n), x=x + gap, y=y - 7, anchor=side, css="small halo")
    return group([*reach, mark, count])


def _upright(frame: Frame, x: float, low: float, high: float) -> Markup:
    return line(x1=x, y1=frame.y(low), x2=x, y2=frame.y(high), css="reach")
