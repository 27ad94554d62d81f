"""Somebody who knows the rules and the totals, and works out what is withheld.

Written apart from what it attacks: it enumerates or bounds whole tables, and knows nothing of how
cells were chosen.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.optimize import linprog

Shown = Sequence[Sequence[int | None]]
Cells = Sequence[Sequence[int]]
Place = tuple[int, int]


class Range(NamedTuple):
    """What a withheld count can be, as far as anybody can tell."""

    low: int
    high: int

    @property
    def values(self) -> int:
        return self.high - self.low + 1


def known_margins(
    cells: Cells, *, unknown_rows: Collection[int], unknown_columns: Collection[int]
) -> tuple[dict[int, int], dict[int, int]]:
    """Row and column sums that the attacker has, from other entries or from their own answers."""
    table = np.array(cells)
    rows = {i: int(table[i].sum()) for i in range(len(table)) if i not in unknown_rows}
    columns = {j: int(table[:, j].sum()) for j in range(table.shape[1]) if j not in unknown_columns}
    return rows, columns


def ranges(
    shown: Shown, *, rows: dict[int, int], columns: dict[int, int], total: int
) -> dict[Place, Range]:
    """Smallest and largest value of each withheld cell, by linear programming.

    A table with fixed sums is a network: its extreme points are whole.
    """
    height, width = len(shown), len(shown[0])
    bounds = [(0, None) if each is None else (each, each) for row in shown for each in row]
    equations, sums = [np.ones(height * width)], [total]
    for i, value in rows.items():
        equation = np.zeros((height, width))
        equation[i] = 1
        equations.append(equation.ravel())
        sums.append(value)
    for j, value in columns.items():
        equation = np.zeros((height, width))
        equation[:, j] = 1
        equations.append(equation.ravel())
        sums.append(value)
    found = {}
    for i, j in product(range(height), range(width)):
        if shown[i][j] is None:
            ends = []
            for sign in (1.0, -1.0):
                cost = np.zeros(height * width)
                cost[i * width + j] = sign
                solved = linprog(cost, A_eq=np.array(equations), b_eq=sums, bounds=bounds)
                assert solved.status == 0, "the true table is a solution"
                ends.append(round(solved.x[i * width + j]))
            found[i, j] = Range(*ends)
    return found


def tables(
    shown: Shown, *, rows: dict[int, int], columns: dict[int, int], total: int
) -> list[tuple[tuple[int, ...], ...]]:
    """Every table that agrees with what is shown, by trying them all; for small ones."""
    hidden = [(i, j) for i, row in enumerate(shown) for j, each in enumerate(row) if each is None]
    found = []
    for values in product(range(total + 1), repeat=len(hidden)):
        guess = [[0 if each is None else each for each in row] for row in shown]
        for (i, j), value in zip(hidden, values, strict=True):
            guess[i][j] = value
        table = np.array(guess)
        if (
            table.sum() == total
            and all(table[i].sum() == value for i, value in rows.items())
            and all(table[:, j].sum() == value for j, value in columns.items())
        ):
            found.append(tuple(map(tuple, guess)))
    return found
