"""The discretisation error that the README states, measured again on concentric balls."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation.surface import average_distance_mm, hausdorff_mm, surface_pair

README = Path(__file__).parents[2] / "evaluation" / "README.md"
PAIRS = 30
GRIDS = {
    (0.6, 0.6, 3.0): (90, 90, 20),
    (0.6, 0.6, 0.6): (90, 90, 90),
    (0.7, 0.7, 4.4): (80, 80, 14),
    (1.0, 1.0, 1.0): (54, 54, 54),
}
"""Voxel in mm, and a size that holds the largest ball; one sequence of draws runs through all."""


def ball(
    radius_mm: float,
    centre_mm: NDArray[np.float64],
    *,
    size: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
) -> NDArray[np.bool_]:
    axes = (np.arange(n) * mm - c for n, mm, c in zip(size, spacing_mm, centre_mm, strict=True))
    x, y, z = np.ix_(*axes)
    inside: NDArray[np.bool_] = x**2 + y**2 + z**2 <= radius_mm**2
    return inside


def errors_mm(
    spacing_mm: tuple[float, float, float],
    size: tuple[int, int, int],
    *,
    rng: np.random.Generator,
) -> tuple[float, float, float]:
    """Error of HD, HD95 and ASSD of one pair of concentric balls."""
    radius_mm, apart_mm = rng.uniform(8, 18), rng.uniform(0.5, 5)
    centre_mm = np.array(size) * spacing_mm / 2 + rng.uniform(-1, 1, 3) * spacing_mm
    inner, outer = (
        ball(each, centre_mm, size=size, spacing_mm=spacing_mm)
        for each in (radius_mm, radius_mm + apart_mm)
    )
    pair = surface_pair(inner, outer, spacing_mm=spacing_mm)
    assert pair is not None
    figures = (
        hausdorff_mm(pair, percent=100),
        hausdorff_mm(pair, percent=95),
        average_distance_mm(pair),
    )
    return figures[0] - apart_mm, figures[1] - apart_mm, figures[2] - apart_mm


def stated(spacing_mm: tuple[float, float, float]) -> list[float]:
    """Mean and largest error of each figure, as the README's table has them."""
    row = re.search(
        rf"^\| {' x '.join(map(str, spacing_mm))} \|(.+)\|$",
        README.read_text("utf-8"),
        re.MULTILINE,
    )
    assert row is not None
    return [float(number) for number in re.findall(r"[-+]?\d+\.\d+", row[1])]


def test_the_readme_states_the_errors_that_are_measured() -> None:
    rng = np.random.default_rng(0)
    for spacing_mm, size in GRIDS.items():
        errors = np.array([errors_mm(spacing_mm, size, rng=rng) for _ in range(PAIRS)])
        measured = np.column_stack([errors.mean(axis=0), np.abs(errors).max(axis=0)]).ravel()
        np.testing.assert_allclose(stated(spacing_mm), measured, atol=0.0051)
