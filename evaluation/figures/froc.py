"""Free-response ROC of the nodes: sensitivity against false alarms a patient."""

from __future__ import annotations

from markupsafe import Markup

from evaluation.figures.axes import (
    Frame,
    LogScale,
    Scale,
    Tick,
    bottom_axis,
    left_axis,
    percent_ticks,
)
from evaluation.figures.numerals import percent
from evaluation.figures.plot import Absent, Plot, Table
from evaluation.figures.svg import dots, number, path, picture
from schema.statistics import Froc

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 500.0, 60.0, 484.0, 20.0, 320.0
TITLE = "Free-response ROC of the nodes"


def froc_curve(found: Froc, *, identity: str) -> Plot | Absent:
    """Draw the points that the result holds; why there is none, otherwise."""
    if found.value is None or not found.sensitivity:
        return Absent(title=TITLE, reason=found.reason or "the result holds no point of it")
    rows = tuple(
        (f"{rate:g}", percent(share))
        for rate, share in zip(found.false_positives_per_case, found.sensitivity, strict=True)
    )
    return Plot(
        identity=identity,
        title=TITLE,
        caption=f"Mean sensitivity over these rates of false alarms: {percent(found.value)}.",
        svg=_picture(found, identity=identity, rows=rows),
        table=Table(headers=("False alarms a patient", "Sensitivity"), rows=rows),
    )


def _picture(found: Froc, *, identity: str, rows: tuple[tuple[str, str], ...]) -> Markup:
    rates = found.false_positives_per_case
    frame = Frame(
        LogScale(low=rates[0] / 1.2, high=rates[-1] * 1.2, start=LEFT, end=RIGHT),
        Scale(low=0.0, high=1.0, start=BOTTOM, end=TOP),
    )
    points = [
        (frame.x(rate), frame.y(share))
        for rate, share in zip(rates, found.sensitivity, strict=True)
    ]
    joined = "L".join(f"{number(x)} {number(y)}" for x, y in points)
    return picture(
        left_axis(frame, percent_ticks(), title="Sensitivity (%)"),
        path([f"M{joined}"], css="curve negative"),
        dots(points, css="pair solid at"),
        bottom_axis(
            frame, [Tick(rate, f"{rate:g}") for rate in rates], title="False alarms a patient"
        ),
        width=WIDTH,
        height=BOTTOM + 46,
        identity=identity,
        title=TITLE,
        description=" ".join(f"{rate} a patient: {share}." for rate, share in rows),
    )
