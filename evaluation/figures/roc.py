"""ROC curve of the patients' probabilities, with the point at which the model decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from evaluation.figures.axes import Frame, Scale, bottom_axis, left_axis, percent_ticks
from evaluation.figures.numerals import SHARE_OF_ONE, counted, decimal, percent, quote_estimate
from evaluation.figures.plot import Absent, Plot, Table
from evaluation.figures.status import StatusCounts
from evaluation.figures.svg import diamonds, line, number, path, picture
from schema.result import CaseScore, Figure

WIDTH, LEFT, RIGHT, TOP, BOTTOM = 500.0, 60.0, 484.0, 20.0, 380.0
TITLE = "ROC curve"
MOST_ROWS = 20


class Roc(NamedTuple):
    """Points of the curve from (0, 0) to (1, 1), shape (points,) each.

    Attributes:
        threshold: a probability from which a patient is called positive; infinite for nobody.
        sensitivity: at each threshold.
        false_alarms: 1 less the specificity.
    """

    threshold: NDArray[np.float64]
    sensitivity: NDArray[np.float64]
    false_alarms: NDArray[np.float64]


def roc_points(cases: Sequence[CaseScore]) -> Roc | None:
    """Every point of the curve; None when a class is missing.

    A failed case has probability 0 when it is positive and 1 when it is negative, as for the AUROC.
    """
    values = [{value.metric: value.value for value in case.values} for case in cases]
    positive = np.array([bool(each.get("reference_positive")) for each in values], dtype=bool)
    if not positive.any() or positive.all():
        return None
    probability = np.array([_probability(each) for each in values])
    threshold = np.unique(probability)[::-1]
    called = probability >= threshold[:, None]
    return Roc(
        np.append(np.inf, threshold),
        np.append(0.0, (called & positive).sum(axis=1) / positive.sum()),
        np.append(0.0, (called & ~positive).sum(axis=1) / (~positive).sum()),
    )


def _probability(values: Mapping[str, float | None]) -> float:
    said = values.get("probability")
    return float(not values.get("reference_positive")) if said is None else said


def roc_curve(
    cases: Sequence[CaseScore],
    *,
    area: Figure | None,
    counts: StatusCounts | None,
    identity: str,
) -> Plot | Absent:
    """Draw the curve.

    Args:
        cases: of the positivity task only.
        area: the AUROC, told in the caption.
        counts: gives the point of the model's own decisions.
        identity: unique within the page.
    """
    if not cases:
        return Absent(title=TITLE, reason="no per-case scores were given")
    roc = roc_points(cases)
    if roc is None:
        return Absent(title=TITLE, reason="the patients are of one class only")
    told = "" if area is None else f"Area under it (AUROC): {quote_estimate(area, SHARE_OF_ONE)}. "
    return Plot(
        identity=identity,
        title=TITLE,
        caption=f"{told}The diamond is the model's own yes or no; the diagonal is chance. The "
        f"probabilities take {counted(len(roc.threshold) - 1, 'value')}.",
        svg=_picture(roc, counts, identity=identity, words=told),
        table=_table(roc),
    )


def _picture(roc: Roc, counts: StatusCounts | None, *, identity: str, words: str) -> Markup:
    frame = Frame(
        Scale(low=0.0, high=1.0, start=LEFT, end=RIGHT),
        Scale(low=0.0, high=1.0, start=BOTTOM, end=TOP),
    )
    points = "L".join(
        f"{number(frame.x(float(x)))} {number(frame.y(float(y)))}"
        for x, y in zip(roc.false_alarms, roc.sensitivity, strict=True)
    )
    own: list[Markup] = []
    if counts and counts.positive and counts.negative:
        false, true = (
            counts.false_positive / counts.negative,
            counts.true_positive / counts.positive,
        )
        own = [diamonds([(frame.x(false), frame.y(true))], radius=7, css="mark whole")]
    return picture(
        left_axis(frame, percent_ticks(), title="Sensitivity (%)"),
        line(x1=LEFT, y1=BOTTOM, x2=RIGHT, y2=TOP, css="identity"),
        path([f"M{points}"], css="curve negative"),
        *own,
        bottom_axis(frame, percent_ticks(), title="100 % less specificity (%)"),
        width=WIDTH,
        height=BOTTOM + 46,
        identity=identity,
        title=TITLE,
        description=f"{words}Sensitivity against false alarms at every threshold.",
    )


def _table(roc: Roc) -> Table:
    count = len(roc.threshold)
    chosen = np.unique(np.linspace(0, count - 1, min(count, MOST_ROWS)).round().astype(int))
    return Table(
        headers=("Positive from a probability of", "Sensitivity", "Specificity"),
        rows=tuple(
            (
                "nobody" if np.isinf(roc.threshold[i]) else decimal(float(roc.threshold[i]), 3),
                percent(float(roc.sensitivity[i])),
                percent(1 - float(roc.false_alarms[i])),
            )
            for i in chosen
        ),
    )
