"""The tables that a ranking key could be of: is it rounded enough to hide the one it is of?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from leaderboard.hidden_result import NODES, STATUS, HiddenResult
from leaderboard.rounding import hiding_step, shown_step
from leaderboard.suppression import Cells
from schema.result import Figure
from schema.terms import NodeClass


def step_of(figure: Figure, value: float, *, hidden: HiddenResult) -> float:
    """The step to round a figure to: the digits shown, and coarser for a key whose table is not."""
    finest = shown_step(hidden.task.metric(figure.metric))
    tables = KEY_TABLES.get(figure.metric)
    if tables is None or tables.matrix not in hidden.cells or hidden.is_open(tables.matrix):
        return finest
    possible = tables.of(hidden, hidden.cells[tables.matrix], figure.scope)
    return hiding_step(
        value,
        finest=finest,
        possible=possible.values,
        counts=possible.counts,
        least=hidden.least,
    )


class Possible(NamedTuple):
    """Tables that cannot be told apart by what is known beside a key.

    Attributes:
        values: the key's value in each, shape (tables,).
        counts: the counts to be hidden in each, shape (tables, counts).
    """

    values: NDArray[np.float64]
    counts: NDArray[np.int64]


class KeyTables(NamedTuple):
    """Which tables a ranking key could be of, for somebody who knows the reference's margins."""

    matrix: str
    of: Callable[[HiddenResult, Cells, str], Possible]


def _balanced_accuracy_tables(hidden: HiddenResult, cells: Cells, _scope: str) -> Possible:
    """Every pair of right positive and right negative calls; those beside a small one hide."""
    positives, negatives = (sum(row) for row in cells)
    right = np.indices((positives + 1, negatives + 1)).reshape(2, -1)
    values = (right[0] / max(positives, 1) + right[1] / max(negatives, 1)) / 2
    rows = [index for index, row in enumerate(cells) if any(map(hidden.is_small, row))]
    return Possible(values, right[rows].T)


def _detection_f1_tables(hidden: HiddenResult, cells: Cells, scope: str) -> Possible:
    """Every number of matched nodes, with the unmatched predicted ones as they are."""
    table, failed = np.array(cells), hidden.result.coverage.failed
    if scope in set(NodeClass):
        index = list(NodeClass).index(NodeClass(scope))
        reference, hits, extra = table[index].sum(), table[index, index], failed
        beside = table[:, index].sum() - hits
    else:
        reference, hits, extra = table[:-1].sum(), table[:-1, :-1].sum(), len(NodeClass) * failed
        beside = table[:, :-1].sum() - hits
    matched = np.arange(int(reference) + 1)
    total = np.maximum(reference + matched + beside + extra, 1)
    return Possible(2 * matched / total, matched[:, None])


KEY_TABLES: Mapping[str, KeyTables] = MappingProxyType(
    {
        "balanced_accuracy": KeyTables(STATUS, _balanced_accuracy_tables),
        "detection_f1": KeyTables(NODES, _detection_f1_tables),
    }
)
