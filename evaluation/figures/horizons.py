"""How well a risk foretells an outcome: C-index and AUC at each horizon, and Brier scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from evaluation.figures.axes import plain_ticks
from evaluation.figures.captions import SCOPES, capital
from evaluation.figures.forest import Forest, ForestAxis, ForestLine, forest
from evaluation.figures.node_lengths import rounded_up
from evaluation.figures.numerals import SHARE_OF_ONE, SMALL_SHARE
from evaluation.figures.plot import Absent, Plot
from schema.result import Figure
from schema.task import OutcomeRules

LOW, CHANCE = 0.0, 0.5


class _Kind(NamedTuple):
    """A metric of which each scope is a line, under a heading."""

    metric: str
    heading: str


DISCRIMINATION = (
    _Kind("c_index", "Harrell's C"),
    _Kind("uno_c_index", "Uno's C"),
    _Kind("auc", "AUC at {month} months"),
)
ERRORS = (
    _Kind("brier", "Brier score at {month} months"),
    _Kind("integrated_brier", "Integrated Brier score"),
)


def discrimination(
    figures: Sequence[Figure], rules: OutcomeRules, *, identity: str
) -> Plot | Absent | None:
    """Draw C-indices and time-dependent AUCs of one outcome; None when the result has none."""
    lines = tuple(_lines(figures, rules, DISCRIMINATION))
    if not lines:
        return None
    return forest(
        Forest(
            identity=identity,
            title=f"{rules.title}: who comes to harm first",
            caption=(
                "How often the patient with the earlier event had the higher risk (C-index), or "
                "the patient with an event by a month a higher risk than one without (AUC). 0.5 is "
                "chance. A yes or no tells two groups apart, no more."
            ),
            lines=lines,
            axis=ForestAxis(
                low=LOW,
                high=1.0,
                ticks=plain_ticks(LOW, 1.0),
                title="C-index or AUC (95 % CI)",
                null=CHANCE,
            ),
            style=SHARE_OF_ONE,
        )
    )


def prediction_error(
    figures: Sequence[Figure], rules: OutcomeRules, *, identity: str
) -> Plot | Absent | None:
    """Draw the Brier scores of one outcome; None when the result has none."""
    lines = tuple(_lines(figures, rules, ERRORS))
    if not lines:
        return None
    most = max((each.found.interval.high for each in lines if each.found.interval), default=0.2)
    high = rounded_up(most or 0.2)  # every prediction may be exact
    return forest(
        Forest(
            identity=identity,
            title=f"{rules.title}: error of the predicted survival",
            caption=(
                "Mean squared error of the survival predicted from each risk; 0 is perfect. It is "
                "worth something where it lies below that of no covariate."
            ),
            lines=lines,
            axis=ForestAxis(
                low=0.0,
                high=high,
                ticks=plain_ticks(0.0, high, most=4),
                title="Brier score (95 % CI)",
                null=None,
            ),
            style=SMALL_SHARE,
        )
    )


def _lines(
    figures: Sequence[Figure], rules: OutcomeRules, kinds: Sequence[_Kind]
) -> Iterator[ForestLine]:
    before = ""
    for kind in kinds:
        own = [each for each in figures if each.metric == f"{rules.outcome}_{kind.metric}"]
        for figure in sorted(own, key=_month):
            heading = kind.heading.format(month=_month(figure))
            scope = figure.scope.removesuffix(f"_{_month(figure)}")
            yield ForestLine(
                name=f"{heading}, {SCOPES.get(scope, scope)}",
                label=capital(SCOPES.get(scope, scope)),
                heading="" if heading == before else heading,
                found=figure,
                n=figure.n,
            )
            before = heading


def _month(figure: Figure) -> int:
    """The month at the end of a scope; 0 when there is none."""
    last = figure.scope.rpartition("_")[2]
    return int(last) if last.isdecimal() else 0
