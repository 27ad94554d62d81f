"""Which cells of a table of counts are withheld so that no small count can be worked out.

A count from 1 to below the least one is small. It is withheld, and other cells and margins with it,
as few as will do: somebody who knows the total, every margin that is not withheld and every cell
that is shown must still find, for each small count, a table in which it is smaller by one and one
in which it has grown by at least `least - 1`, past the threshold. Where no choice of cells gives
that, a range of `least` values is enough; where none gives that either, the whole table goes.

The choice is a mixed-integer programme: Fischetti and Salazar, Math Program 1999. A table with
fixed margins is a network, so that its real solutions have whole-number ones beside them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

Cells = tuple[tuple[int, ...], ...]
Withheld = tuple[tuple[int | None, ...], ...]
Place = tuple[int, int]


def is_small(count: int, *, least: int) -> bool:
    """Whether a count tells of somebody, and of too few."""
    return 0 < count < least


def is_free_of_small(cells: Cells, *, least: int) -> bool:
    """Whether every cell of a table may be shown."""
    return not any(is_small(count, least=least) for row in cells for count in row)


def everything(cells: Cells) -> Withheld:
    """A table of which nothing is shown."""
    return tuple(tuple(None for _ in row) for row in cells)


def suppressed(cells: Cells, *, least: int, known: Iterable[Place] = ()) -> Withheld:
    """A table with None for every cell that must not be shown.

    Args:
        cells: counts, rows by columns.
        least: counts from 1 to below it are small.
        known: cells that are told elsewhere or cannot be anything else, and so protect no other.
            They are not small.
    """
    table = np.array(cells, dtype=np.int64)
    margins = [withheld_margins(table.sum(axis=1 - axis), least=least) for axis in (0, 1)]
    if margins[0] is None or margins[1] is None:
        return everything(cells)
    problem = _Problem(
        table=table,
        known=frozenset(known),
        rows=margins[0],
        columns=margins[1],
        least=least,
    )
    if not problem.small and not problem.rows and not problem.columns:
        return cells
    for demand in ("both_sides", "range"):
        chosen = problem.solve(demand)
        if chosen is not None:
            return tuple(
                tuple(None if chosen[i, j] else count for j, count in enumerate(row))
                for i, row in enumerate(cells)
            )
    return everything(cells)


def withheld_margins(margins: NDArray[np.int64], *, least: int) -> frozenset[int] | None:
    """Margins that are small, and the smallest others that hide them; None when none can.

    It depends on the margins alone, so that it is the same for every entry where the margin is that
    of the reference: what one entry hides, another must not show.
    """
    small = [index for index, count in enumerate(margins) if is_small(int(count), least=least)]
    if not small:
        return frozenset()
    others = sorted((int(count), index) for index, count in enumerate(margins) if count >= least)
    chosen, needed = list(small), least - 1 + max(int(margins[index]) for index in small)
    while sum(int(margins[index]) for index in chosen) < max(needed, least):
        if not others:
            return None
        chosen.append(others.pop(0)[1])
    return frozenset(chosen)


class _Item(NamedTuple):
    """A count to protect: a cell, or a withheld margin."""

    axis: Literal["cell", "row", "column"]
    place: Place
    """Of a margin, its index twice."""
    up: int
    """How much more it must possibly be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Problem:
    """Which cells to withhold, for given withheld margins.

    Variables: one binary a cell (withheld?), and for each protected count and direction one
    deviation a cell and a withheld margin.
    """

    table: NDArray[np.int64]
    known: frozenset[Place]
    rows: frozenset[int]
    columns: frozenset[int]
    least: int

    @property
    def small(self) -> tuple[Place, ...]:
        return tuple(
            (int(i), int(j)) for i, j in np.argwhere((self.table > 0) & (self.table < self.least))
        )

    def _items(self) -> Iterator[_Item]:
        for place in self.small:
            yield _Item("cell", place, self.least - 1)
        for axis, indices in (("row", self.rows), ("column", self.columns)):
            sums = self.table.sum(axis=1 if axis == "row" else 0)
            for index in sorted(indices):
                up = self.least - 1 if is_small(int(sums[index]), least=self.least) else 1
                yield _Item("row" if axis == "row" else "column", (index, index), up)

    def solve(self, demand: str) -> NDArray[np.bool_] | None:
        """Withheld cells, shape of the table; None when the demand cannot be met."""
        programme = _Programme(self)
        for item in self._items():
            programme.protect(item, both_sides=demand == "both_sides")
        return programme.solution()


class _Programme:
    """The constraints, row by row."""

    def __init__(self, problem: _Problem) -> None:
        self.problem = problem
        self.shape: tuple[int, int] = (len(problem.table), len(problem.table[0]))
        self.total = int(problem.table.sum())
        self.entries: list[tuple[int, int, float]] = []
        self.low: list[float] = []
        self.high: list[float] = []
        self.variables = problem.table.size

    def _add(self, terms: Sequence[tuple[int, float]], *, low: float, high: float) -> None:
        row = len(self.low)
        self.entries += [(row, variable, factor) for variable, factor in terms]
        self.low.append(low)
        self.high.append(high)

    def _new(self, count: int) -> range:
        first = self.variables
        self.variables += count
        return range(first, self.variables)

    def protect(self, item: _Item, *, both_sides: bool) -> None:
        """Ask for another table in which the item is less, and one in which it is more."""
        less, more = self._table(item), self._table(item)
        if both_sides:
            self._add([(less, 1.0)], low=-np.inf, high=-1.0)
            self._add([(more, 1.0)], low=float(item.up), high=np.inf)
        else:
            self._add([(more, 1.0), (less, -1.0)], low=float(item.up), high=np.inf)

    def _table(self, item: _Item) -> int:
        """Another table that agrees with all that is shown; returns the item's deviation in it."""
        problem, (rows, columns) = self.problem, self.shape
        cells = self._new(problem.table.size)
        for cell, count in zip(cells, problem.table.ravel(), strict=True):
            withheld = cell - cells.start
            # a circulation through the item is made of cycles: no cell deviates more than it does
            down = float(min(int(count), item.up))
            self._add([(cell, 1.0), (withheld, down)], low=0.0, high=np.inf)
            self._add([(cell, 1.0), (withheld, -float(item.up))], low=-np.inf, high=0.0)
        of_row = {i: self._new(1)[0] for i in sorted(problem.rows)}
        of_column = {j: self._new(1)[0] for j in sorted(problem.columns)}
        for i in range(rows):
            own = [(cells[i * columns + j], 1.0) for j in range(columns)]
            self._add([*own, *_minus(of_row.get(i))], low=0.0, high=0.0)
        for j in range(columns):
            own = [(cells[i * columns + j], 1.0) for i in range(rows)]
            self._add([*own, *_minus(of_column.get(j))], low=0.0, high=0.0)
        self._add([(cell, 1.0) for cell in cells], low=0.0, high=0.0)
        if item.axis == "cell":
            return cells[item.place[0] * columns + item.place[1]]
        return (of_row if item.axis == "row" else of_column)[item.place[0]]

    def solution(self) -> NDArray[np.bool_] | None:
        """The cells to withhold: as few as possible, then those with the smallest counts."""
        size, table = self.problem.table.size, self.problem.table
        cost = np.zeros(self.variables)
        cost[:size] = 1.0 + table.ravel() / (2.0 * size * (1 + self.total))
        low, high = np.full(self.variables, -np.inf), np.full(self.variables, np.inf)
        low[:size], high[:size] = 0.0, 1.0
        for i, j in self.problem.small:
            low[i * self.shape[1] + j] = 1.0
        for i, j in self.problem.known:
            high[i * self.shape[1] + j] = 0.0
        rows, columns, factors = zip(*self.entries, strict=True)
        matrix = csr_array((factors, (rows, columns)), shape=(len(self.low), self.variables))
        found = milp(
            cost,
            constraints=LinearConstraint(matrix, self.low, self.high),
            integrality=np.arange(self.variables) < size,
            bounds=Bounds(low, high),
            options={"mip_rel_gap": 0.0},
        )
        if found.x is None:
            return None
        chosen: NDArray[np.bool_] = np.round(found.x[:size]).astype(bool).reshape(self.shape)
        return chosen


def _minus(variable: int | None) -> list[tuple[int, float]]:
    return [] if variable is None else [(variable, -1.0)]
