"""What of the standings may be shown of a hidden cohort: nothing sharper than the figures. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from leaderboard.rounding import rounded, rounded_interval, rounded_p
from schema.entry import Entry, PublicFigure
from schema.result import Interval
from schema.standings import PairTest, Standing, Standings
from schema.task import Task
from schema.terms import Split

AGGREGATE_STEP = 0.01
"""Of a mean rank: its sum over the patients is a whole number that many digits would tell."""


def public_standings(
    standings: Standings, *, entries: Mapping[str, Entry], task: Task, split: Split
) -> Standings:
    """Standings with every difference made of the public figures.

    Ranks are of the exact figures. A difference is that of the two figures as they are shown, so
    that it adds nothing to them; a pair one of whose figures is withheld is left out.

    Args:
        standings: as computed.
        entries: by id, as they are public.
        task: its task file.
        split: of the board's cohort; nothing is changed unless it is hidden.
    """
    if split is not Split.HIDDEN:
        return standings
    primary = task.ranking.ranked_figures[0]
    leader = next((each.entry for each in standings.standings if each.ranked), None)
    figures = _figures(standings, entries)
    return standings.model_copy(
        update={
            "standings": tuple(
                _standing(
                    each,
                    own=figures.get((each.entry, *primary)),
                    first=None if leader is None else figures.get((leader, *primary)),
                )
                for each in standings.standings
            ),
            "pairs": tuple(_pairs(standings.pairs, figures)),
        }
    )


Figures = Mapping[tuple[str, str, str], PublicFigure]


def _figures(standings: Standings, entries: Mapping[str, Entry]) -> Figures:
    """Figures that have a value, by entry, metric and scope."""
    return {
        (entry_id, figure.metric, figure.scope): figure
        for entry_id, entry in entries.items()
        for task in entry.tasks
        if task.task is standings.task
        for figure in task.figures
        if figure.value is not None
    }


def _standing(each: Standing, *, own: PublicFigure | None, first: PublicFigure | None) -> Standing:
    has_difference = each.difference is not None
    difference, interval = _difference(own, first, each.difference_interval)
    aggregate = None if each.aggregate is None else rounded(each.aggregate, step=AGGREGATE_STEP)
    return each.model_copy(
        update={
            "aggregate": aggregate,
            "difference": difference if has_difference else None,
            "difference_interval": interval if has_difference else None,
        }
    )


def _pairs(pairs: tuple[PairTest, ...], figures: Figures) -> Iterator[PairTest]:
    for pair in pairs:
        first = figures.get((pair.first, pair.metric, pair.scope))
        second = figures.get((pair.second, pair.metric, pair.scope))
        if first is not None and second is not None:
            difference, interval = _difference(first, second, pair.interval)
            yield pair.model_copy(
                update={
                    "difference": difference,
                    "interval": interval,
                    "p_value": rounded_p(pair.p_value),
                    "p_holm": rounded_p(pair.p_holm),
                }
            )


def _difference(
    first: PublicFigure | None, second: PublicFigure | None, interval: Interval | None
) -> tuple[float | None, Interval | None]:
    """First minus second as they are shown, and the interval to the coarser of their steps."""
    if first is None or second is None or first.value is None or second.value is None:
        return None, None
    step = max(first.rounded_to or 0.0, second.rounded_to or 0.0)
    difference = float(f"{first.value - second.value:.9g}")
    return difference, rounded_interval(interval, step=step) if step else interval
