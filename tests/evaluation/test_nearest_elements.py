"""Looking outward and transforming the whole box find the same elements at the same distances."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy.spatial import cKDTree

import evaluation.nearest_elements
from evaluation.nearest_elements import Elements, nearest_elements

SHAPES = st.tuples(*[st.integers(1, 6)] * 3)
SPACINGS = st.tuples(*[st.floats(0.3, 5.0)] * 3)


@st.composite
def two_surfaces(draw: st.DrawFn) -> tuple[NDArray[Any], NDArray[Any]]:
    """Codes of two boxes, few cells of which hold an element; the second box has one at least."""
    shape = draw(SHAPES)
    codes = st.sampled_from([0, 0, 0, 255, 255, 1, 128, 254])
    first, second = (draw(arrays(np.uint8, shape, elements=codes)) for _ in range(2))
    second.flat[draw(st.integers(0, second.size - 1))] = 7
    return first, second


def by_a_tree(own: NDArray[Any], other: NDArray[Any], steps: tuple[float, ...]) -> Elements:
    """The same by a search tree over the places of the elements."""
    places, others = (np.argwhere((codes > 0) & (codes < 255)) * steps for codes in (own, other))
    distances = cKDTree(others).query(places.reshape(-1, 3))[0]
    return Elements(own[(own > 0) & (own < 255)], np.asarray(distances, dtype=np.float64))


@pytest.mark.parametrize("rows_per_cell", [0, 32], ids=["transform", "outward"])
@settings(max_examples=150, deadline=None)
@given(two_surfaces(), SPACINGS)
def test_the_nearest_element_is_found_either_way(
    rows_per_cell: int,
    surfaces: tuple[NDArray[Any], NDArray[Any]],
    spacing_mm: tuple[float, float, float],
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluation.nearest_elements, "ROWS_PER_CELL", rows_per_cell)
        found = nearest_elements(*surfaces, spacing_mm=spacing_mm)
    expected = by_a_tree(*surfaces, spacing_mm)

    np.testing.assert_array_equal(found.codes, expected.codes)
    np.testing.assert_allclose(found.distances_mm, expected.distances_mm, rtol=1e-12)


def test_surfaces_far_apart_are_left_to_the_transform(monkeypatch: pytest.MonkeyPatch) -> None:
    # two sheets 400 slices apart: the whole box lies between them, 32 rows a cell are not enough
    own, other = (np.zeros((401, 60, 2), dtype=np.uint8) for _ in range(2))
    own[0], other[400] = 1, 1
    called: list[str] = []
    transform = evaluation.nearest_elements._transformed

    def counted(*arguments: Any, **options: Any) -> Elements:
        called.append("transform")
        return transform(*arguments, **options)

    monkeypatch.setattr(evaluation.nearest_elements, "_transformed", counted)
    near = nearest_elements(own, own, spacing_mm=(1.0, 1.0, 1.0))
    assert called == []
    monkeypatch.setattr(evaluation.nearest_elements, "ROWS_PER_CELL", 1)
    far = nearest_elements(own, other, spacing_mm=(1.0, 1.0, 1.0))

    assert called == ["transform"]
    assert set(near.distances_mm.tolist()) == {0.0}
    assert set(far.distances_mm.tolist()) == {400.0}
