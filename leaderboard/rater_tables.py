"""The 2x2 table behind a kappa, worked out from the kappa: may it be shown?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from evaluation.agreement import cohen_kappa
from leaderboard.suppression import Cells, is_free_of_small
from schema.result import Interval, PairAgreement
from schema.terms import Reader

CLOSE = 1e-9
"""A result keeps 12 digits."""
Pair = tuple[str, str]


def showable_pairs(
    pairs: Sequence[PairAgreement], *, positives: int, cases: int, least: int
) -> frozenset[Pair]:
    """Pairs of raters whose kappa may be shown: no table that it can be of has a small count.

    A pair that did not both rate every case may not: nobody can tell which table it is of.

    Args:
        pairs: every pair of a task's result.
        positives: cases that the consensus calls positive.
        cases: of the cohort.
        least: counts from 1 to below it are small.
    """
    margins = _margins(pairs, positives=positives, cases=cases)
    return frozenset(
        (pair.first, pair.second)
        for pair in pairs
        if pair.value is None or _showable(pair, margins=margins, cases=cases, least=least)
    )


def _showable(pair: PairAgreement, *, margins: Mapping[str, int], cases: int, least: int) -> bool:
    known = [margins[name] for name in (pair.first, pair.second) if name in margins]
    if not known or pair.n != cases:
        return False
    tables = list(tables_of(pair, positives=known[0]))
    return bool(tables) and all(is_free_of_small(table, least=least) for table in tables)


def _margins(pairs: Sequence[PairAgreement], *, positives: int, cases: int) -> dict[str, int]:
    """How many cases each reader calls positive, as far as one number only is possible."""
    consensus = Reader.CONSENSUS.value
    margins = {consensus: positives}
    for pair in pairs:
        if pair.second == consensus and pair.value is not None and pair.n == cases:
            found = {cells[0][0] + cells[1][0] for cells in tables_of(pair, positives=positives)}
            if len(found) == 1:
                margins[pair.first] = found.pop()
    return margins


def tables_of(pair: PairAgreement, *, positives: int) -> Iterator[Cells]:
    """Every table with that kappa, interval and number of positives of one rater.

    Rows are the rater whose positives are known, positive first.
    """
    both, only_other = np.indices((positives + 1, pair.n - positives + 1))
    other = both + only_other
    one, rest = positives, pair.n - positives
    numerator = 2.0 * (both * (rest - only_other) - (one - both) * only_other)
    denominator = one * (pair.n - other) + rest * other
    kappa = np.divide(
        numerator, denominator, out=np.full(numerator.shape, np.nan), where=denominator != 0
    )
    assert pair.value is not None, "an undefined kappa is of no table in particular"
    for a, c in np.argwhere(np.abs(kappa - pair.value) < CLOSE).tolist():
        cells = ((a, one - a), (c, rest - c))
        if pair.interval is None or _has_interval(cells, pair.interval):
            yield cells


def _has_interval(cells: Cells, interval: Interval) -> bool:
    (a, b), (c, d) = cells
    first = np.repeat([True, True, False, False], [a, b, c, d])
    second = np.repeat([True, False, True, False], [a, b, c, d])
    found = cohen_kappa(first, second, level=interval.level).estimate.interval
    return found is not None and all(
        abs(mine - given) < CLOSE
        for mine, given in ((found.low, interval.low), (found.high, interval.high))
    )
