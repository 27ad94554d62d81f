"""Bias and limits of agreement of short axes, with their intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evaluation.figures.axes import plain_ticks
from evaluation.figures.captions import SCOPES, capital
from evaluation.figures.forest import Forest, ForestAxis, ForestLine, forest
from evaluation.figures.node_lengths import rounded_up
from evaluation.figures.numerals import LENGTH
from evaluation.figures.plot import Absent, Plot
from schema.statistics import LimitsOfAgreement

NAMES = (
    ("upper", "Upper limit of agreement"),
    ("bias", "Bias"),
    ("lower", "Lower limit of agreement"),
)
LEAST_MM = 1.0


def limits_chart(found: Sequence[LimitsOfAgreement], *, identity: str) -> Plot | Absent:
    """Draw what is told of the differences: prediction less reference, in mm.

    Args:
        found: at least one, each of its own kind of node.
        identity: unique within the page.
    """
    lines = tuple(line for each in found for line in _lines(each))
    return forest(
        Forest(
            identity=identity,
            title="Short axis: bias and limits of agreement",
            caption=(
                "Prediction less reference (Bland and Altman); above 0 the prediction is too "
                "large. About 95 % of the differences lie between the limits."
            ),
            lines=lines,
            axis=_axis(lines),
            style=LENGTH,
        )
    )


def _lines(found: LimitsOfAgreement) -> Iterator[ForestLine]:
    of = capital(SCOPES.get(found.scope, found.scope))
    for index, (name, title) in enumerate(NAMES):
        estimate = getattr(found, name)
        yield ForestLine(
            name=f"{of}, {title.lower()}",
            label=title,
            heading=of if index == 0 else "",
            found=estimate,
            n=estimate.n,
            mark="solid" if name == "bias" else "hollow",
        )


def _axis(lines: Sequence[ForestLine]) -> ForestAxis:
    """Equal room on both sides of 0."""
    limits = [each.found.interval for each in lines if each.found.interval]
    values = [each.found.value for each in lines if each.found.value is not None]
    ends = [end for each in limits for end in (each.low, each.high)]
    half = rounded_up(max([LEAST_MM, *map(abs, [*values, *ends])]))
    return ForestAxis(
        low=-half,
        high=half,
        ticks=plain_ticks(-half, half),
        title="Prediction less reference (mm)",
        null=0.0,
        ends=("too small", "too large"),
    )
