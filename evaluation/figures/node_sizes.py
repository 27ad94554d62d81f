"""Histogram of the short axis of every node, reference beside prediction."""

from __future__ import annotations

import math

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from evaluation.figures.axes import Frame, Scale, bottom_axis, left_axis, plain_ticks, round_step
from evaluation.figures.node_lengths import Lengths, rounded_up, threshold_words, upright
from evaluation.figures.numerals import counted
from evaluation.figures.plot import Absent, Plot, Table
from evaluation.figures.svg import box, group, picture, text

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 860.0, 60.0, 844.0, 34.0, 280.0
MOST_BINS = 24
BAR_SHARE, INSET_SHARE, GAP_SHARE = 0.42, 0.06, 0.04
"""Of the width of a bin: each bar, the space before the first, the space between the two."""
SIDES = (("reference", "Reference node"), ("prediction", "Predicted node"))

Counts = tuple[NDArray[np.int_], NDArray[np.int_]]


def bin_edges(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Edges at round millimetres around every value, about `MOST_BINS` bins at most."""
    span = max(1.0, float(values.max() - values.min()))
    width = max(1.0, round_step(span, most=MOST_BINS))
    first, last = math.floor(values.min() / width), math.floor(values.max() / width) + 1
    return width * np.arange(first, last + 1, dtype=np.float64)


def size_histogram(lengths: Lengths, *, identity: str, threshold_mm: float | None) -> Plot | Absent:
    """Draw how many nodes of each size there are.

    Args:
        lengths: of the nodes of the cohort.
        identity: unique within the page.
        threshold_mm: short axis from which a node is positive; None draws no line.
    """
    title = "Short axis of every node"
    everything = np.concatenate([lengths.reference, lengths.prediction])
    if not everything.size:
        return Absent(title=title, reason="there is no node on either side")
    edges = bin_edges(everything)
    counts = (np.histogram(lengths.reference, edges)[0], np.histogram(lengths.prediction, edges)[0])
    return Plot(
        identity=identity,
        title=title,
        caption=(
            f"{counted(lengths.reference.size, 'reference node')} (filled) and "
            f"{counted(lengths.prediction.size, 'predicted node')} (outlined)."
            f"{threshold_words(threshold_mm)}"
        ),
        svg=_picture(edges, counts, identity=identity, threshold_mm=threshold_mm),
        table=Table(
            headers=("Short axis (mm)", "Reference nodes", "Predicted nodes"),
            rows=_rows(edges, counts),
        ),
        wide=True,
    )


def _picture(
    edges: NDArray[np.float64], counts: Counts, *, identity: str, threshold_mm: float | None
) -> Markup:
    frame = _frame(edges, counts)
    bars = (_bars(frame, edges, column, side=side) for side, column in enumerate(counts))
    return picture(
        left_axis(frame, plain_ticks(0.0, frame.y.high), title="Nodes"),
        *bars,
        bottom_axis(
            frame, plain_ticks(frame.x.low, frame.x.high, most=14), title="Short axis (mm)"
        ),
        *upright(frame, threshold_mm),
        *_key(),
        width=WIDTH,
        height=BOTTOM + 42,
        identity=identity,
        title="Histogram of the short axis of reference and predicted nodes",
        description="Reference and predicted nodes by short axis in mm. "
        + "; ".join(f"{size}: {left} and {right}" for size, left, right in _rows(edges, counts)),
    )


def _frame(edges: NDArray[np.float64], counts: Counts) -> Frame:
    most = float(max(column.max() for column in counts))
    return Frame(
        Scale(low=float(edges[0]), high=float(edges[-1]), start=LEFT, end=RIGHT),
        Scale(low=0.0, high=max(5.0, rounded_up(most)), start=BOTTOM, end=TOP),
    )


def _bars(
    frame: Frame, edges: NDArray[np.float64], counts: NDArray[np.int_], *, side: int
) -> Markup:
    bin_px = frame.x(float(edges[1])) - frame.x(float(edges[0]))
    offset = (INSET_SHARE + side * (BAR_SHARE + GAP_SHARE)) * bin_px
    return group(
        box(
            x=frame.x(float(edge)) + offset,
            y=frame.y(int(count)),
            width=BAR_SHARE * bin_px,
            height=frame.y.start - frame.y(int(count)),
            css=f"bar {SIDES[side][0]}",
        )
        for edge, count in zip(edges[:-1], counts, strict=True)
        if count
    )


def _key() -> list[Markup]:
    return [
        group(
            [
                box(x=LEFT + 150 * i, y=4, width=14, height=12, css=f"bar {css}"),
                text(words, x=LEFT + 150 * i + 22, y=14),
            ]
        )
        for i, (css, words) in enumerate(SIDES)
    ]


def _rows(edges: NDArray[np.float64], counts: Counts) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (f"{low:g} to below {high:g}", str(left), str(right))
        for low, high, left, right in zip(edges[:-1], edges[1:], *counts, strict=True)
    )
