"""Whether ranks can be what they are by the figures that everybody sees. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from leaderboard.ranking.ranks import costs
from leaderboard.ranking.standings import ranks_by_figures
from schema.entry import Entry, PublicFigure
from schema.standings import Standings
from schema.task import Scheme, Task
from schema.terms import Split

Floats = NDArray[np.float64]
SLACK = 1e-9


def rank_problems(
    standings: Standings, entries: Mapping[str, Entry], *, task: Task, split: Split
) -> Iterator[tuple[str, str]]:
    """How the ranks of `mean_then_rank` contradict the public figures: (expected, got).

    On a cohort that is not hidden they are computed again. On a hidden one the figures are rounded:
    then one entry is before another wherever no figures that round to these say otherwise.
    """
    given = {each.scheme: each.ranks for each in standings.schemes}.get(Scheme.MEAN_THEN_RANK)
    if not given:
        return
    figures = {
        entry_id: {(f.metric, f.scope): f for f in entries[entry_id].task(task.id).figures}
        for entry_id in given
    }
    if split is Split.HIDDEN:
        yield from _contradictions(given, figures, task=task)
        return
    values = {
        entry_id: {key: figure.value for key, figure in found.items()}
        for entry_id, found in figures.items()
    }
    again = ranks_by_figures(values, task=task)
    for entry_id in sorted(given):
        if again[entry_id] != given[entry_id]:
            yield f"{entry_id}: rank {again[entry_id]} by its figures", f"rank {given[entry_id]}"


def _contradictions(
    given: Mapping[str, int],
    figures: Mapping[str, Mapping[tuple[str, str], PublicFigure]],
    *,
    task: Task,
) -> Iterator[tuple[str, str]]:
    ids = sorted(given)
    ranges = [
        _rank_range([figures[each].get(key) for each in ids], key, task=task)
        for key in task.ranking.ranked_figures
    ]
    best = np.mean([low for low, _ in ranges], axis=0)
    worst = np.mean([high for _, high in ranges], axis=0)
    for i, j in np.argwhere(worst[:, None] < best[None, :] - SLACK).tolist():
        if given[ids[i]] >= given[ids[j]]:
            yield f"{ids[i]} before {ids[j]} by their figures", "not before"


def _rank_range(
    found: list[PublicFigure | None], key: tuple[str, str], *, task: Task
) -> tuple[Floats, Floats]:
    """Smallest and largest rank by one key that the rounding leaves open."""
    values = np.array([np.nan if f is None or f.value is None else f.value for f in found])
    half = np.array([(f.rounded_to or 0.0) / 2 if f is not None else 0.0 for f in found])
    ends = np.stack([costs(values + side * half, metric=task.metric(key[0])) for side in (-1, 1)])
    low, high = ends.min(axis=0) - SLACK, ends.max(axis=0) + SLACK
    surely_better = (high[None, :] < low[:, None]).sum(axis=1)
    surely_worse = (low[None, :] > high[:, None]).sum(axis=1)
    return 1.0 + surely_better, float(len(found)) - surely_worse
