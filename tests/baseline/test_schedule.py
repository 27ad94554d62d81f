"""How the learning rate falls and when a training stops."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baseline.schedule import Bounds, Ending, ending_before, learning_rate, progress

NEVER = Bounds()


def test_without_a_bound_the_rate_is_nnunets_polynomial() -> None:
    # 1000 epochs, rate 0.01: (1 - 500 / 1000) ** 0.9 = 0.5358867..., times 0.01
    share = progress(epoch=500, epochs=1000, spent_seconds=12_345.0, bounds=NEVER)

    assert share == 0.5
    assert learning_rate(0.01, progress=share) == pytest.approx(0.005358867312681466)
    assert learning_rate(0.01, progress=0.0) == 0.01


def test_with_a_bound_the_rate_falls_with_the_time() -> None:
    bounds = Bounds(seconds=600.0)

    assert progress(epoch=1, epochs=1000, spent_seconds=450.0, bounds=bounds) == 0.75
    assert progress(epoch=900, epochs=1000, spent_seconds=60.0, bounds=bounds) == 0.9


@given(
    epochs=st.integers(1, 2000),
    spent=st.floats(0, 1e6),
    seconds=st.none() | st.floats(1.0, 1e5),
    data=st.data(),
)
def test_the_rate_stays_above_zero(
    epochs: int, spent: float, seconds: float | None, data: st.DataObject
) -> None:
    epoch = data.draw(st.integers(0, epochs - 1))
    share = progress(
        epoch=epoch, epochs=epochs, spent_seconds=spent, bounds=Bounds(seconds=seconds)
    )

    assert 0.0 <= share < 1.0
    assert 0.0 < learning_rate(0.01, progress=share) <= 0.01


@pytest.mark.parametrize(
    ("epoch", "spent", "expected"),
    [
        (0, 0.0, None),
        (3, 300.0, None),  # a fourth like the first three ends at 400 s
        (4, 400.0, Ending.TIME),  # a fifth would end at 500 s
    ],
)
def test_an_epoch_begins_only_when_one_like_those_before_it_fits(
    epoch: int, spent: float, expected: Ending | None
) -> None:
    bounds = Bounds(seconds=450.0)

    assert ending_before(epoch=epoch, begun_at=0, spent_seconds=spent, bounds=bounds) is expected


def test_a_call_does_one_epoch_at_least_and_pauses_after_as_many_as_it_was_told() -> None:
    bounds = Bounds(pause_after=2)
    found = [
        ending_before(epoch=epoch, begun_at=5, spent_seconds=1.0, bounds=bounds)
        for epoch in (5, 6, 7)
    ]

    assert found == [None, None, Ending.PAUSED]
    late = ending_before(epoch=5, begun_at=5, spent_seconds=99.0, bounds=Bounds(seconds=1.0))
    assert late is None
