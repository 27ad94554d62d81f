"""Short axis of matched nodes: prediction against reference, and their difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from evaluation.figures.axes import (
    Frame,
    Scale,
    bottom_axis,
    left_axis,
    plain_ticks,
    spread,
)
from evaluation.figures.node_lengths import (
    Lengths,
    Limits,
    limits_of_agreement,
    rounded_up,
    threshold_words,
    upright,
)
from evaluation.figures.numerals import MINUS, SPACE, counted, decimal, share_of
from evaluation.figures.plot import Absent, Plot, Table
from evaluation.figures.svg import diamonds, dots, group, line, picture, text
from schema.terms import NodeClass

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 500.0, 60.0, 484.0, 34.0, 380.0
LABELLED_RIGHT = 380.0
"""Right edge of the differences chart: its lines are named beside it."""
NO_PAIR = "no reference node was matched with a predicted one"

Colours = Mapping[NodeClass, str]


def pair_scatter(
    lengths: Lengths, *, identity: str, threshold_mm: float | None, colours: Colours
) -> Plot | Absent:
    """Draw prediction against reference of every matched pair.

    Args:
        lengths: of the nodes of the cohort.
        identity: unique within the page.
        threshold_mm: short axis from which a node is positive; None draws no line.
        colours: of the two classes.
    """
    title = "Short axis of matched nodes"
    if not lengths.pairs.size:
        return Absent(title=title, reason=NO_PAIR)
    table = _crossings(lengths.pairs, threshold_mm)
    return Plot(
        identity=identity,
        title=title,
        caption=(
            f"{counted(len(lengths.pairs), 'matched pair')}; on the diagonal both sizes agree."
            f"{threshold_words(threshold_mm)}"
        ),
        svg=_scatter(lengths, identity, threshold_mm, colours, words=_sentences(table)),
        table=table,
    )


def _scatter(
    lengths: Lengths, identity: str, threshold_mm: float | None, colours: Colours, *, words: str
) -> Markup:
    end = rounded_up(float(lengths.pairs.max()))
    frame = _frame((0.0, end), (0.0, end), right=RIGHT)
    ticks = plain_ticks(0.0, end)
    return picture(
        left_axis(frame, ticks, title="Prediction (mm)"),
        line(x1=LEFT, y1=BOTTOM, x2=RIGHT, y2=TOP, css="identity"),
        *_markers(lengths, frame, colours, differences=False),
        bottom_axis(frame, ticks, title="Reference (mm)"),
        *upright(frame, threshold_mm),
        *_across(frame, threshold_mm),
        *_key(colours),
        width=WIDTH,
        height=BOTTOM + 42,
        identity=identity,
        title="Scatter plot of the short axis of matched nodes",
        description=words,
    )


def _frame(x: tuple[float, float], y: tuple[float, float], *, right: float) -> Frame:
    return Frame(
        Scale(low=x[0], high=x[1], start=LEFT, end=right),
        Scale(low=y[0], high=y[1], start=BOTTOM, end=TOP),
    )


def _across(frame: Frame, at: float | None) -> list[Markup]:
    if at is None or not frame.y.low <= at <= frame.y.high:
        return []
    y = frame.y(at)
    return [line(x1=frame.x.start, y1=y, x2=frame.x.end, y2=y, css="threshold")]


def _markers(
    lengths: Lengths, frame: Frame, colours: Colours, *, differences: bool
) -> list[Markup]:
    negative, positive = (
        _points(lengths.of_class(node_class), frame, differences=differences)
        for node_class in NodeClass
    )
    return [
        dots(negative, css="pair", stroke=colours[NodeClass.NEGATIVE]),
        diamonds(positive, radius=5, css="pair-positive", fill=colours[NodeClass.POSITIVE]),
    ]


def _points(
    pairs: NDArray[np.float64], frame: Frame, *, differences: bool
) -> list[tuple[float, float]]:
    x, y = (pairs.mean(axis=1), pairs[:, 1] - pairs[:, 0]) if differences else pairs.T
    return [(frame.x(float(a)), frame.y(float(b))) for a, b in zip(x, y, strict=True)]


def _key(colours: Colours) -> list[Markup]:
    return [
        dots([(LEFT + 8, 10)], css="pair solid", stroke=colours[NodeClass.NEGATIVE]),
        text("Negative in the reference", x=LEFT + 20, y=14),
        diamonds(
            [(LEFT + 208, 10)], radius=5, css="pair-positive", fill=colours[NodeClass.POSITIVE]
        ),
        text("Positive in the reference", x=LEFT + 220, y=14),
    ]


def _crossings(pairs: NDArray[np.float64], threshold_mm: float | None) -> Table:
    """Matched pairs by the side of the threshold on which each end lies."""
    headers = ("Matched pairs", "Pairs", "Share")
    n = len(pairs)
    if threshold_mm is None:
        return Table(headers=headers, rows=(("all", str(n), share_of(n, n)),))
    reference, prediction = (pairs >= threshold_mm).T
    named = {
        "both below": ~reference & ~prediction,
        "reference below, prediction at or above": ~reference & prediction,
        "reference at or above, prediction below": reference & ~prediction,
        "both at or above": reference & prediction,
    }
    return Table(
        headers=headers,
        rows=tuple(
            (f"{name} {threshold_mm:g}{SPACE}mm", str(count), share_of(count, n))
            for name, count in ((name, int(which.sum())) for name, which in named.items())
        ),
    )


def _sentences(table: Table) -> str:
    return " ".join(f"{name}: {count} ({share})." for name, count, share in table.rows)


def pair_differences(lengths: Lengths, *, identity: str, colours: Colours) -> Plot | Absent:
    """Draw Bland and Altman's chart of the matched pairs.

    Args:
        lengths: of the nodes of the cohort.
        identity: unique within the page.
        colours: of the two classes.
    """
    title = "Difference in short axis (Bland-Altman)"
    if not lengths.pairs.size:
        return Absent(title=title, reason=NO_PAIR)
    limits = limits_of_agreement(lengths.pairs[:, 1] - lengths.pairs[:, 0])
    table = _limits_table(limits, n=len(lengths.pairs))
    return Plot(
        identity=identity,
        title=title,
        caption=(
            "Prediction minus reference against the mean of the two; above 0 the prediction is too "
            "large. The outer lines hold about 95 % of the pairs."
            if limits
            else "One pair only: no limits of agreement."
        ),
        svg=_differences(lengths, identity, limits, colours, words=_described(table)),
        table=table,
    )


def _differences(
    lengths: Lengths, identity: str, limits: Limits | None, colours: Colours, *, words: str
) -> Markup:
    frame = _differences_frame(lengths.pairs, limits)
    ticks = plain_ticks(frame.y.low, frame.y.high)
    return picture(
        left_axis(frame, ticks, title=f"Prediction {MINUS} reference (mm)"),
        *_markers(lengths, frame, colours, differences=True),
        *_named_limits(frame, limits),
        bottom_axis(frame, plain_ticks(0.0, frame.x.high), title="Mean of the two (mm)"),
        *_key(colours),
        width=WIDTH,
        height=BOTTOM + 42,
        identity=identity,
        title="Bland-Altman chart of the short axis of matched nodes",
        description=words,
    )


def _differences_frame(pairs: NDArray[np.float64], limits: Limits | None) -> Frame:
    widest = float(np.abs(pairs[:, 1] - pairs[:, 0]).max())
    ends = (widest, *(abs(value) for value in limits or ()), 1.0)
    half = rounded_up(max(ends))
    longest = rounded_up(float(pairs.mean(axis=1).max()))
    return _frame((0.0, longest), (-half, half), right=LABELLED_RIGHT)


def _named_limits(frame: Frame, limits: Limits | None) -> list[Markup]:
    if limits is None:
        return []
    names = (f"{MINUS}1.96 SD", "Bias", "+1.96 SD")
    heights = [frame.y(value) for value in limits]
    labels = spread(heights[::-1], gap=30)[::-1]
    return [
        group(
            [
                line(x1=frame.x.start, y1=y, x2=frame.x.end, y2=y, css=css),
                text(name, x=frame.x.end + 8, y=label - 3, css="small"),
                text(f"{decimal(value, 2)}{SPACE}mm", x=frame.x.end + 8, y=label + 11, css="small"),
            ]
        )
        for name, value, y, label, css in zip(
            names, limits, heights, labels, ("limit", "bias", "limit"), strict=True
        )
    ]


def _limits_table(limits: Limits | None, *, n: int) -> Table:
    headers = ("Matched nodes", "Value")
    rows: Sequence[tuple[str, str]] = ()
    if limits is not None:
        names = ("Lower limit of agreement", "Bias", "Upper limit of agreement")
        rows = [(name, f"{decimal(v, 2)}{SPACE}mm") for name, v in zip(names, limits, strict=True)]
    return Table(headers=headers, rows=(("Pairs", str(n)), *rows))


def _described(table: Table) -> str:
    return " ".join(f"{name}: {value}." for name, value in table.rows)
