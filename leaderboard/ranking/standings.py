"""The standings of one board, from its contenders. Same input in any order, same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from evaluation.intervals import percentile_interval
from leaderboard.ranking.board import Comparison, RankedBoard, rank_board
from leaderboard.ranking.contender import Contender, manifest_of, unranked_reason
from leaderboard.ranking.pair_tests import kind_of_test
from leaderboard.ranking.ranks import costs, mid_ranks, min_ranks
from leaderboard.ranking.resampling import patient_weights
from leaderboard.ranking.scores import Key, key_scores
from leaderboard.ranking.stability import (
    first_shares,
    rank_intervals,
    rank_shares,
    tau_b,
    tau_interval,
)
from schema.result import Interval
from schema.standings import PairTest, SchemeRanks, Standing, Standings
from schema.task import IntervalMethod, Task

Floats = NDArray[np.float64]
TOP = 3
SAME_FIGURE = 1e-9


class Origin(NamedTuple):
    """What the standings say they were made from."""

    task_digest: str
    kit_version: str
    cohort_digest: str
    entries_digest: str


def standings(
    *,
    task: Task,
    contenders: Sequence[Contender],
    centres: Sequence[str] | None,
    origin: Origin,
) -> Standings:
    """Rank the contenders of one task's board.

    Args:
        task: with the ranking, the seed and the number of resamples.
        contenders: in any order.
        centres: of each case of the manifest, in its order; None without centres.
        origin: digests and versions.

    Raises:
        ValueError: contenders repeat, or have different manifests; a public figure is not the one
            that the cases give; a key cannot be computed from cases.
    """
    # one thread: sums then have the same last digits on every machine, and small ones are faster
    with threadpool_limits(limits=1):
        return _standings(task=task, contenders=contenders, centres=centres, origin=origin)


def _standings(
    *, task: Task, contenders: Sequence[Contender], centres: Sequence[str] | None, origin: Origin
) -> Standings:
    ordered = sorted(contenders, key=lambda each: each.id)
    cases = manifest_of(ordered)
    reasons = {each.id: unranked_reason(each, ranking=task.ranking) for each in ordered}
    ranked = [each for each in ordered if reasons[each.id] is None]
    weights = patient_weights(cases, centres=centres if cases else None, rules=task.resampling)
    board = _board(ranked, task=task, weights=weights) if ranked else None
    ids = [each.id for each in ranked]
    placed = list(_placed(board, ids=ids, task=task)) if board else []
    placed.sort(key=lambda each: (each.rank, each.entry))
    leader = next((each for each in ranked if placed and each.id == placed[0].entry), None)
    beside = (
        _beside(each, reasons[each.id] or "", leader=leader, task=task, weights=weights)
        for each in ordered
        if reasons[each.id] is not None
    )
    return Standings(
        task=task.id,
        task_version=task.version,
        **origin._asdict(),
        scheme=task.ranking.scheme,
        seed=task.resampling.seed,
        resamples=task.resampling.resamples,
        swaps=board.swaps if board else 0,
        cases=len(cases),
        standings=(*placed, *beside),
        pairs=tuple(_pair_tests(board, ids=ids, level=task.resampling.level)) if board else (),
        schemes=tuple(_schemes(board, ids=ids, task=task)) if board else (),
    )


def _board(ranked: Sequence[Contender], *, task: Task, weights: Floats) -> RankedBoard:
    keys = [_key(ranked, task=task, figure=figure) for figure in task.ranking.ranked_figures]
    compared = [_key(ranked, task=task, figure=each) for each in task.ranking.compared_figures]
    board = rank_board(
        keys, compared, ranking=task.ranking, weights=weights, seed=task.resampling.seed
    )
    for each in board.comparisons:
        _check_figures(ranked, each)
    return board


def _key(contenders: Sequence[Contender], *, task: Task, figure: tuple[str, str]) -> Key:
    metric, scope = figure
    cases = [each.cases for each in contenders if each.cases is not None]
    scores = key_scores(cases, metric=metric, scope=scope)
    return Key(metric=task.metric(metric), scope=scope, scores=scores)


def _check_figures(ranked: Sequence[Contender], comparison: Comparison) -> None:
    """The public figure is what the cases give.

    Raises:
        ValueError: it is not.
    """
    figure = comparison.key.metric.id, comparison.key.scope
    for contender, computed in zip(ranked, comparison.figures[0], strict=True):
        public = contender.figures.get(figure)
        if public is not None and not abs(public - computed) <= SAME_FIGURE * max(1, abs(public)):
            raise ValueError(
                f"{contender.id}: {figure[0]} ({figure[1]}) is {public:.12g} in its result, "
                f"but its cases give {computed:.12g}: they are not of one evaluation"
            )


# --- the ranked -------------------------------------------------------------------------------


def _placed(board: RankedBoard, *, ids: Sequence[str], task: Task) -> Iterator[Standing]:
    own, level = board.ranks[task.ranking.scheme], task.resampling.level
    ranks, drawn = own[0], own[1:]
    low, high = rank_intervals(drawn, level=level)
    first, shares = first_shares(drawn), rank_shares(drawn)
    leader = min(range(len(ids)), key=lambda index: (ranks[index], ids[index]))
    figures = board.comparisons[0].figures
    for index, entry in enumerate(ids):
        difference = figures[:, index] - figures[:, leader]
        yield Standing(
            entry=entry,
            ranked=True,
            rank=int(ranks[index]),
            interval=_interval(float(low[index]), float(high[index]), level=level),
            first=float(first[index]),
            top_three=float((drawn[:, index] <= TOP).mean()),
            tested_ranks=board.tested_ranks[index],
            letters=board.letters[index],
            aggregate=float(board.aggregates[task.ranking.scheme][0, index]),
            difference=_value(difference[0]),
            difference_interval=_percentiles(difference, level=level),
            shares=tuple(map(float, shares[index])),
        )


def _interval(low: float, high: float, *, level: float) -> Interval:
    return Interval(low=low, high=high, level=level, method=IntervalMethod.BOOTSTRAP)


def _value(number: float) -> float | None:
    return None if np.isnan(number) else float(number)


def _percentiles(values: Floats, *, level: float) -> Interval | None:
    """Interval of a difference: found in row 0, drawn in the others."""
    if np.isnan(values[0]):
        return None
    found, _ = percentile_interval(values[1:], level=level)
    return None if found is None else _interval(found.low, found.high, level=level)


# --- beside them ------------------------------------------------------------------------------


def _beside(
    each: Contender, reason: str, *, leader: Contender | None, task: Task, weights: Floats
) -> Standing:
    """One without a rank; with its difference to the first where both were scored by patient."""
    difference = np.full(len(weights), np.nan)
    if leader is not None and each.cases is not None:
        key = _key([each, leader], task=task, figure=task.ranking.ranked_figures[0])
        own, first = key.scores.figures(weights).T
        difference = own - first
    return Standing(
        entry=each.id,
        ranked=False,
        unranked_reason=reason,
        rank=None,
        aggregate=None,
        difference=_value(difference[0]),
        difference_interval=_percentiles(difference, level=task.resampling.level),
    )


# --- pairs and schemes ------------------------------------------------------------------------


def _pair_tests(board: RankedBoard, *, ids: Sequence[str], level: float) -> Iterator[PairTest]:
    for comparison in board.comparisons:
        key, tested = comparison.key, comparison.tested
        for at, (first, second) in enumerate(zip(*board.pairs, strict=True)):
            yield PairTest(
                first=ids[first],
                second=ids[second],
                metric=key.metric.id,
                scope=key.scope,
                test=kind_of_test(key),
                exact=bool(tested.exact[at]),
                difference=_value(comparison.differences[0, at]),
                interval=_percentiles(comparison.differences[:, at], level=level),
                p_value=float(tested.p_value[at]),
                p_holm=float(comparison.p_holm[at]),
            )


def _schemes(board: RankedBoard, *, ids: Sequence[str], task: Task) -> Iterator[SchemeRanks]:
    primary = board.ranks[task.ranking.scheme][0]
    for scheme in task.ranking.schemes:
        ranks, drawn = board.ranks[scheme][0], board.ranks[scheme][1:]
        yield SchemeRanks(
            scheme=scheme,
            ranks=dict(zip(ids, map(int, ranks), strict=True)),
            tau_to_primary=_value(tau_b(primary, ranks[None, :])[0]),
            tau=tau_interval(tau_b(ranks, drawn), level=task.resampling.level),
        )


# --- from public figures alone ----------------------------------------------------------------


def ranks_by_figures(
    figures: Mapping[str, Mapping[tuple[str, str], float | None]], *, task: Task
) -> dict[str, int]:
    """The ranks of `mean_then_rank`, which anybody can compute from public figures.

    Args:
        figures: of each ranked entry by (metric, scope); None or absent for one without a value.
        task: with the ranking.
    """
    ids = sorted(figures)
    if not ids:
        return {}
    by_key = [
        _key_ranks(figures, ids=ids, task=task, key=key) for key in task.ranking.ranked_figures
    ]
    ranks = min_ranks(np.mean(by_key, axis=0))
    return dict(zip(ids, map(int, ranks), strict=True))


def _key_ranks(
    figures: Mapping[str, Mapping[tuple[str, str], float | None]],
    *,
    ids: Sequence[str],
    task: Task,
    key: tuple[str, str],
) -> Floats:
    found = [figures[each].get(key) for each in ids]
    values = np.array([np.nan if value is None else value for value in found])
    return mid_ranks(costs(values, metric=task.metric(key[0])))
