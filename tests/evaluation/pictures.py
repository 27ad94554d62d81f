"""A drawn picture read back: shapes and words by class, places and steps as numbers."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from bisect import bisect_right

from evaluation.figures.plot import Absent, Plot
from tests.evaluation.html_page import parsed

STEP = re.compile(r"([MHVL])(-?[\d.]+)(?: (-?[\d.]+))?")


def drawn(plot: Plot | Absent | None) -> ET.Element:
    """The picture, parsed: it must be well-formed XML."""
    assert isinstance(plot, Plot)
    return parsed(plot.svg)


def words(root: ET.Element, css: str = "") -> list[str]:
    """Every text of a class, in order; without a class the texts that have none."""
    return [node.text or "" for node in root.iter("text") if node.get("class", "") == css]


def shapes(root: ET.Element, css: str) -> list[ET.Element]:
    """Every shape whose class is exactly this."""
    return [node for node in root.iter() if node.get("class") == css]


def value(node: ET.Element, name: str) -> float:
    """An attribute as a number."""
    return float(node.get(name) or "nan")


def centre(mark: ET.Element) -> tuple[float, float]:
    """Middle of a box."""
    return (
        value(mark, "x") + value(mark, "width") / 2,
        value(mark, "y") + value(mark, "height") / 2,
    )


def corners(path: ET.Element) -> list[tuple[float, float]]:
    """Corners of a path of absolute straight lines."""
    found: list[tuple[float, float]] = []
    for command, first, second in STEP.findall(path.get("d") or ""):
        x, y = found[-1] if found else (0.0, 0.0)
        ends = {"H": (float(first), y), "V": (x, float(first))}
        found.append(ends[command] if command in ends else (float(first), float(second)))
    return found


def height_at(staircase: list[tuple[float, float]], x: float) -> float:
    """Where a step function is at `x`, after any step there."""
    return staircase[bisect_right([corner[0] for corner in staircase], x + 0.06) - 1][1]
