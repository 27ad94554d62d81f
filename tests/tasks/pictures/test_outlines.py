from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from tasks.pictures.outlines import outlines


def area(loop: NDArray[np.float64]) -> float:
    """Signed: a hole goes round the other way."""
    row, column = loop.T
    return float((column * np.roll(row, -1) - row * np.roll(column, -1)).sum() / 2)


def test_a_block_has_one_loop_along_its_edges() -> None:
    inside = np.zeros((5, 6), dtype=bool)
    inside[1:4, 2:5] = True
    (loop,) = outlines(inside)

    assert sorted(map(tuple, loop.tolist())) == [(0.5, 1.5), (0.5, 4.5), (3.5, 1.5), (3.5, 4.5)]


def test_an_inset_loop_keeps_within_the_shape_and_round_its_hole() -> None:
    inside = np.ones((5, 5), dtype=bool)
    inside[2, 2] = False
    outer, hole = sorted(outlines(inside, inset=0.25), key=area, reverse=True)

    assert (outer.min(), outer.max()) == (-0.25, 4.25)
    assert (hole.min(), hole.max()) == (1.25, 2.75)


def test_voxels_that_touch_at_a_corner_have_a_loop_each() -> None:
    inside = np.eye(3, dtype=bool)

    assert [len(loop) for loop in outlines(inside)] == [4, 4, 4]
    assert outlines(np.zeros((3, 3), dtype=bool)) == ()


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 0.9))
def test_the_loops_enclose_exactly_the_shape(seed: int, share: float) -> None:
    inside = np.random.default_rng(seed).random((9, 11)) < share

    assert sum(map(area, outlines(inside))) == pytest.approx(inside.sum())
    for loop in outlines(inside):
        steps = np.roll(loop, -1, axis=0) - loop
        assert ((steps == 0).sum(axis=1) == 1).all()  # along the grid, one way at a time
