"""Distribution of a per-case overlap over the cohort, one row per label."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from evaluation.figures.axes import Axis, Frame, Scale, bottom_axis, percent_ticks, vertical_grid
from evaluation.figures.numerals import counted, percent
from evaluation.figures.plot import Absent, Plot, Table
from evaluation.figures.svg import box, diamonds, dots, group, line, picture, text
from schema.label import Label, LabelMap
from schema.result import CaseScore

WIDTH, LEFT, RIGHT, TOP, ROW_HEIGHT = 860.0, 224.0, 842.0, 12.0, 46.0
BOX_HEIGHT, STRIP_HEIGHT = 18.0, 34.0
LEGEND = (
    "A dot is a patient. The box spans the quartiles, its line is the median, the whiskers reach "
    "the 5th and the 95th centile, the diamond is the mean."
)
LEGEND_OF_FEW = "A diamond is a patient; there are too few for quartiles."
FEWEST_FOR_A_BOX = 5
"""Fewer patients than this are shown one by one, without quartiles."""
SMALL_DOT, LARGE_DOT, MANY = 3.2, 5.0, 150
"""Diameters of a dot, and the number of patients beyond which it is the small one."""
GOLDEN = 0.6180339887498949
"""Multiples of the golden ratio, modulo 1, spread evenly: a jitter without randomness."""


class Spread(NamedTuple):
    """Order statistics of one label; all None but `n` when nobody has a value."""

    n: int
    mean: float
    low: float
    quartile_1: float
    median: float
    quartile_3: float
    high: float


class Row(NamedTuple):
    """One label and its values over the cohort, ascending."""

    label: Label
    values: NDArray[np.float64]


def spread_of(values: NDArray[np.float64]) -> Spread:
    """Mean, 5th and 95th centile, quartiles and median of at least one value."""
    low, first, median, third, high = np.percentile(values, (5, 25, 50, 75, 95))
    mean = float(values.mean())
    return Spread(
        len(values), mean, float(low), float(first), float(median), float(third), float(high)
    )


def dice_rows(cases: Sequence[CaseScore], label_map: LabelMap) -> tuple[Row, ...]:
    """Per-case Dice of every label that has a value in at least one case."""
    rows = (Row(label, _values(cases, label.name)) for label in label_map.labels)
    return tuple(row for row in rows if row.values.size)


def _values(cases: Sequence[CaseScore], scope: str) -> NDArray[np.float64]:
    found = [
        each.value
        for case in cases
        for each in case.values
        if (each.metric, each.scope) == ("dice", scope) and each.value is not None
    ]
    return np.sort(np.array(found, dtype=np.float64))


def dice_distribution(
    cases: Sequence[CaseScore], label_map: LabelMap, *, identity: str
) -> Plot | Absent:
    """Draw the Dice of every case, by label, in the label's colour.

    Args:
        cases: of one task.
        label_map: of the same task.
        identity: unique within the page.
    """
    rows = dice_rows(cases, label_map)
    title = "Dice of every patient, by label"
    if not rows:
        return Absent(title=title, reason="no case has a Dice value")
    return Plot(
        identity=identity,
        title=title,
        caption=_caption(cases, rows),
        svg=_picture(rows, identity=identity, title=title),
        table=_table(rows),
        wide=True,
    )


def _caption(cases: Sequence[CaseScore], rows: Sequence[Row]) -> str:
    failed = sum(case.status == "failed" for case in cases)
    few = all(len(row.values) < FEWEST_FOR_A_BOX for row in rows)
    legend = LEGEND_OF_FEW if few else LEGEND
    if not failed:
        return legend
    verb = "counts" if failed == 1 else "count"
    return f"{legend} {counted(failed, 'failed case')} {verb} as 0, drawn at the left edge."


def _picture(rows: Sequence[Row], *, identity: str, title: str) -> Markup:
    bottom = TOP + len(rows) * ROW_HEIGHT
    frame = Frame(
        Scale(low=0.0, high=1.0, start=LEFT, end=RIGHT),
        Scale(low=0.0, high=1.0, start=bottom, end=TOP),
    )
    return picture(
        vertical_grid(frame, percent_ticks()),
        *(_row(row, frame.x, y=TOP + (i + 0.5) * ROW_HEIGHT) for i, row in enumerate(rows)),
        bottom_axis(frame, percent_ticks(), title="Dice (%)"),
        width=WIDTH,
        height=bottom + 42,
        identity=identity,
        title=title,
        description=" ".join(_sentence(row) for row in rows),
    )


def _row(row: Row, x: Axis, *, y: float) -> Markup:
    name, fill = text(row.label.title, x=LEFT - 14, y=y + 4, anchor="end"), row.label.colour
    points = _jittered(row.values, x, y=y)
    if len(points) < FEWEST_FOR_A_BOX:
        return group([name, diamonds(points, radius=5, css="pair-positive", fill=fill)])
    size = SMALL_DOT if len(points) > MANY else LARGE_DOT
    strip = dots(points, css="case", stroke=fill, stroke_width=size)
    return group([name, strip, _box(spread_of(row.values), x, y=y, fill=fill)])


def _jittered(values: NDArray[np.float64], x: Axis, *, y: float) -> list[tuple[float, float]]:
    return [
        (x(float(value)), y + ((index * GOLDEN) % 1.0 - 0.5) * STRIP_HEIGHT)
        for index, value in enumerate(values)
    ]


def _box(spread: Spread, x: Axis, *, y: float, fill: str) -> Markup:
    first, third, median = x(spread.quartile_1), x(spread.quartile_3), x(spread.median)
    half = BOX_HEIGHT / 2
    size = {"x": first, "y": y - half, "width": third - first, "height": BOX_HEIGHT}
    return group(
        [
            line(x1=x(spread.low), y1=y, x2=first, y2=y, css="whisker"),
            line(x1=third, y1=y, x2=x(spread.high), y2=y, css="whisker"),
            box(**size, css="box-back"),
            box(**size, css="box", fill=fill),
            line(x1=median, y1=y - half, x2=median, y2=y + half, css="median"),
            diamonds([(x(spread.mean), y)], radius=4.5, css="mean"),
        ]
    )


def _sentence(row: Row) -> str:
    spread = spread_of(row.values)
    return (
        f"{row.label.title}: median {percent(spread.median)}, quartiles "
        f"{percent(spread.quartile_1)} and {percent(spread.quartile_3)}, n {spread.n}."
    )


def _table(rows: Sequence[Row]) -> Table:
    return Table(
        headers=(
            "Label",
            "Patients",
            "Mean",
            "5th centile",
            "1st quartile",
            "Median",
            "3rd quartile",
            "95th centile",
        ),
        rows=tuple(_table_row(row.label.title, spread_of(row.values)) for row in rows),
    )


def _table_row(title: str, spread: Spread) -> tuple[str, ...]:
    return (title, str(spread.n), *(percent(value) for value in spread[1:]))
