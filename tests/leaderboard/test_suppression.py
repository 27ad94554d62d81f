"""No withheld count can be worked out by somebody who knows every margin that is not withheld."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leaderboard.suppression import (
    Cells,
    Withheld,
    everything,
    is_small,
    suppressed,
    withheld_margins,
)
from schema.board import LEAST_COUNT
from tests.leaderboard import attacker

PAPER = ((45, 16), (44, 375))
FEW_MISSED = ((23, 3), (20, 154))
REGIONS = (
    (14, 2, 0, 0, 6),
    (6, 27, 1, 0, 5),
    (0, 2, 12, 0, 2),
    (0, 0, 0, 0, 0),
    (13, 14, 11, 0, 340),
)
NODES = ((140, 8, 20), (7, 33, 3), (12, 4, 0))
CORNER = [(2, 2)]


@st.composite
def counts(draw: st.DrawFn) -> Cells:
    """Tables up to 4 x 4, most counts small, some zero, some large."""
    height, width = draw(st.integers(2, 4)), draw(st.integers(2, 4))
    count = st.sampled_from((0, 0, 1, 2, 3, 4, 5, 6, 9, 17, 60))
    row = st.tuples(*[count] * width)
    return draw(st.tuples(*[row] * height))


def least_known(cells: Cells, shown: Withheld) -> dict[str, set[int]]:
    """Margins nobody has: small ones and those that hide them; all columns once all is withheld."""
    table = np.array(cells)
    rows, columns = (
        withheld_margins(table.sum(axis=1 - axis), least=LEAST_COUNT) for axis in (0, 1)
    )
    return {
        "unknown_rows": set(range(len(cells))) if rows is None else set(rows),
        "unknown_columns": set(range(len(cells[0])))
        if columns is None or shown == everything(cells)
        else set(columns),
    }


def attacked(cells: Cells, shown: Withheld) -> dict[attacker.Place, attacker.Range]:
    rows, columns = attacker.known_margins(cells, **least_known(cells, shown))
    total = sum(map(sum, cells))
    return attacker.ranges(shown, rows=rows, columns=columns, total=total)


def test_a_table_without_small_counts_is_shown_whole() -> None:
    assert suppressed(PAPER, least=LEAST_COUNT) == PAPER
    assert suppressed(((0, 7), (9, 0)), least=LEAST_COUNT) == ((0, 7), (9, 0))


def test_of_two_by_two_nothing_is_left_when_one_count_is_small() -> None:
    # with all sums known any three cells give the fourth
    assert suppressed(FEW_MISSED, least=LEAST_COUNT) == everything(FEW_MISSED)


def test_as_few_cells_go_with_a_small_one_as_will_do() -> None:
    # one small cell needs a cycle through three others; by hand, in a table without any other
    # small count or zero, four cells are the fewest
    cells = ((20, 3, 30), (40, 50, 60), (70, 80, 90))

    shown = suppressed(cells, least=LEAST_COUNT)

    hidden = {(i, j) for i, row in enumerate(shown) for j, each in enumerate(row) if each is None}
    # of the two-row, two-column cycles through (0, 1) the one with the smallest other counts
    assert hidden == {(0, 1), (0, 0), (1, 0), (1, 1)}


def test_a_cell_that_is_known_elsewhere_protects_nothing() -> None:
    shown = suppressed(NODES, least=LEAST_COUNT, known=CORNER)

    assert shown[2][2] == 0
    assert shown[2][1] is None  # 4 predicted positive, spurious
    assert shown[1][2] is None  # 3 positive, missed
    assert all(each.values >= LEAST_COUNT for each in attacked(NODES, shown).values())


@pytest.mark.parametrize("cells", [FEW_MISSED, NODES, REGIONS], ids=["status", "nodes", "regions"])
def test_every_small_count_could_be_less_and_could_be_publishable(cells: Cells) -> None:
    shown = suppressed(cells, least=LEAST_COUNT, known=[(len(cells) - 1, len(cells[0]) - 1)])

    for (i, j), found in attacked(cells, shown).items():
        if is_small(cells[i][j], least=LEAST_COUNT):
            assert found.low < cells[i][j] < LEAST_COUNT <= found.high, (i, j)


@settings(max_examples=150)
@given(counts())
@example(((2, 0), (0, 0)))
@example(((1, 1), (1, 1)))
@example(((0, 3), (9, 60)))
@example(((0, 0, 0), (3, 9, 60)))
@example(((4, 0, 60), (0, 60, 60)))
def test_no_withheld_cell_of_any_table_follows_from_the_rest(cells: Cells) -> None:
    shown = suppressed(cells, least=LEAST_COUNT)

    for (i, j), found in attacked(cells, shown).items():
        assert found.low <= cells[i][j] <= found.high
        # that nobody is in a row of nobody may be known: none is no small count
        is_told = shown == everything(cells) and cells[i][j] == 0
        assert found.values >= 2 or is_told, (cells, shown, (i, j))
    small = {
        (i, j)
        for i, row in enumerate(cells)
        for j, count in enumerate(row)
        if is_small(count, least=LEAST_COUNT)
    }
    assert all(shown[i][j] is None for i, j in small)


@settings(max_examples=150)
@given(counts())
def test_a_small_count_keeps_five_values_unless_its_whole_table_is_withheld(cells: Cells) -> None:
    shown = suppressed(cells, least=LEAST_COUNT)

    for (i, j), found in attacked(cells, shown).items():
        if is_small(cells[i][j], least=LEAST_COUNT) and shown != everything(cells):
            assert found.values >= LEAST_COUNT, (cells, shown, (i, j))


def test_linear_bounds_are_those_of_trying_every_table() -> None:
    cells = ((2, 5), (6, 3), (0, 7))
    shown = suppressed(cells, least=LEAST_COUNT)
    rows, columns = attacker.known_margins(cells, **least_known(cells, shown))
    total = sum(map(sum, cells))

    every = np.array(attacker.tables(shown, rows=rows, columns=columns, total=total))

    found = attacker.ranges(shown, rows=rows, columns=columns, total=total)
    assert found
    for (i, j), each in found.items():
        values = set(every[:, i, j].tolist())
        assert values == set(range(each.low, each.high + 1))


def test_withholding_only_the_small_cell_is_seen_through() -> None:
    # the attack works: it is not that nothing can be found out
    shown = ((23, None), (20, 154))
    rows, columns = attacker.known_margins(FEW_MISSED, unknown_rows=(), unknown_columns=())

    (found,) = attacker.ranges(shown, rows=rows, columns=columns, total=200).values()

    assert found == attacker.Range(3, 3)


def test_margins_that_hide_a_small_one_depend_on_margins_alone() -> None:
    # the row of 3 is small; the next smallest, 8, hides it in every entry alike
    first = ((1, 2, 0), (3, 5, 0), (40, 20, 30))
    second = ((3, 0, 0), (0, 0, 8), (30, 30, 30))

    hidden = {
        withheld_margins(np.array(cells).sum(axis=1), least=LEAST_COUNT)
        for cells in (first, second)
    }

    assert hidden == {frozenset({0, 1})}
    for cells in (first, second):
        assert all(None in row for row in suppressed(cells, least=LEAST_COUNT)[:2])


def test_a_choice_is_the_same_every_time() -> None:
    assert len({suppressed(REGIONS, least=LEAST_COUNT, known=[(4, 4)]) for _ in range(5)}) == 1


@given(counts(), st.integers(2, 12))
def test_nothing_small_is_ever_shown_whatever_the_least_count(cells: Cells, least: int) -> None:
    shown = [each for row in suppressed(cells, least=least) for each in row]

    assert not any(0 < (each or 0) < least for each in shown)
