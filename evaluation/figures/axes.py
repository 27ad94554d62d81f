"""Scales, round ticks and the axes of a chart."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

from evaluation.figures.numerals import MINUS
from evaluation.figures.svg import group, line, text

TICK_PX = 5.0
LABEL_PX = 12.0
"""Cap height plus descent of a tick label."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A linear map from `low`..`high` in data to `start`..`end` in pixels."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Pixel of a value; values outside the range land outside."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogScale:
    """As `Scale`, equal ratios at equal distances; `low` and every value are above 0."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """Pixel of a value; values outside the range land outside."""
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.end - self.start)


Axis = Scale | LogScale


class Tick(NamedTuple):
    """A mark on an axis."""

    value: float
    label: str


class Frame(NamedTuple):
    """The plotting area: `x` runs from left to right, `y` from bottom to top."""

    x: Axis
    y: Scale


def round_step(span: float, *, most: int = 6) -> float:
    """Smallest of 1, 2 or 5 times a power of ten that cuts `span` into at most `most` parts."""
    power = 10.0 ** math.floor(math.log10(span / most))
    return next(power * each for each in (1, 2, 5, 10) if span / (power * each) <= most + 1e-9)


def round_ticks(low: float, high: float, *, most: int = 6) -> tuple[float, ...]:
    """Round values within `low`..`high`, evenly spaced."""
    step = round_step(high - low, most=most)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return tuple(round(index * step, 10) for index in range(first, last + 1))


def plain_ticks(low: float, high: float, *, most: int = 6) -> tuple[Tick, ...]:
    """Round ticks labelled with their value."""
    values = round_ticks(low, high, most=most)
    return tuple(Tick(value, f"{value:g}".replace("-", MINUS)) for value in values)


def percent_ticks(step: int = 20) -> tuple[Tick, ...]:
    """Ticks of 0 to 1, labelled 0 to 100."""
    return tuple(Tick(value / 100, str(value)) for value in range(0, 101, step))


def bottom_axis(frame: Frame, ticks: Sequence[Tick], *, title: str) -> Markup:
    """The x axis with its ticks, labels and title."""
    x, y = frame.x, frame.y.start
    marks = [line(x1=x(t.value), y1=y, x2=x(t.value), y2=y + TICK_PX, css="axis") for t in ticks]
    labels = [
        text(t.label, x=x(t.value), y=y + TICK_PX + LABEL_PX, anchor="middle", css="tick")
        for t in ticks
    ]
    middle = (x.start + x.end) / 2
    name = text(title, x=middle, y=y + 2 * LABEL_PX + 12, anchor="middle", css="axis-title")
    return group([line(x1=x.start, y1=y, x2=x.end, y2=y, css="axis"), *marks, *labels, name])


def left_axis(frame: Frame, ticks: Sequence[Tick], *, title: str, away: float = 40) -> Markup:
    """The y axis with grid lines, labels and a turned title `away` pixels to its left."""
    x, y = frame.x, frame.y
    grid = [line(x1=x.start, y1=y(t.value), x2=x.end, y2=y(t.value), css="grid") for t in ticks]
    labels = [
        text(t.label, x=x.start - 8, y=y(t.value) + 4, anchor="end", css="tick") for t in ticks
    ]
    middle = (y.start + y.end) / 2
    name = text(title, x=x.start - away, y=middle, anchor="middle", css="axis-title", turned=True)
    return group([*grid, *labels, name])


def vertical_grid(frame: Frame, ticks: Iterable[Tick]) -> Markup:
    """Grid lines at the ticks of the x axis."""
    x, y = frame.x, frame.y
    return group(
        line(x1=x(t.value), y1=y.start, x2=x(t.value), y2=y.end, css="grid") for t in ticks
    )


def spread(positions: Sequence[float], *, gap: float) -> tuple[float, ...]:
    """Ascending positions pushed apart so that neighbours are at least `gap` away.

    The middle one stays where it is, so that labels stay beside their lines.
    """
    middle = len(positions) // 2
    placed = list(positions)
    for index in range(middle + 1, len(placed)):
        placed[index] = max(placed[index], placed[index - 1] + gap)
    for index in range(middle - 1, -1, -1):
        placed[index] = min(placed[index], placed[index + 1] - gap)
    return tuple(placed)
