"""Scenes as SVG: outlines as paths, measurements as lines and text, in millimetres."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tasks.pictures.raster import jpeg_bytes, png_bytes
from tasks.pictures.scene import Overlay, Points, Ruler, Scene

BUDGET_BYTES = 4_000_000
"""Of all slices of a page, before base64 makes a third more of it."""
JPEG_QUALITIES = (90, 75, 60)
SHRUNK = (0.7, 0.5, 0.35, 0.25)


class Line(NamedTuple):
    """A straight line in mm of the picture."""

    x1: str
    y1: str
    x2: str
    y2: str


class Measurement(NamedTuple):
    """A measured node, ready to be written."""

    longest: Line
    short: Line
    x: str
    y: str
    text: str
    colour: str


class Path(NamedTuple):
    """The outline of one label."""

    d: str
    colour: str
    title: str


class Drawing(NamedTuple):
    """One set of masks on one slice."""

    paths: tuple[Path, ...]
    measurements: tuple[Measurement, ...]


def drawing(overlay: Overlay) -> Drawing:
    """Outlines and measurements of one slice as numbers in text, to a hundredth of a millimetre."""
    paths = (
        Path("".join(map(_closed, shape.loops)), shape.label.colour, shape.label.title)
        for shape in overlay.shapes
    )
    return Drawing(tuple(paths), tuple(map(_measurement, overlay.rulers)))


def _closed(loop: Points) -> str:
    return "M" + "L".join(f"{_number(x)},{_number(y)}" for x, y in loop) + "Z"


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _measurement(ruler: Ruler) -> Measurement:
    ends = np.concatenate([ruler.longest, ruler.short])
    return Measurement(
        longest=_line(ruler.longest),
        short=_line(ruler.short),
        x=_number(float(ends[:, 0].mean())),
        y=_number(float(ends[:, 1].max())),
        text=ruler.text,
        colour=ruler.colour,
    )


def _line(ends: Points) -> Line:
    x1, y1, x2, y2 = map(_number, ends.ravel().tolist())
    return Line(x1, y1, x2, y2)


def slice_images(scenes: Sequence[Scene]) -> list[str]:
    """The slices as data URIs, as sharp as the budget allows: PNG, else JPEG, else smaller."""
    greys = [scene.grey for scene in scenes]
    for media, contents in _attempts(greys):
        encoded = _within(contents)
        if encoded is not None:
            return [f"data:{media};base64,{base64.b64encode(each).decode()}" for each in encoded]
    raise AssertionError("a slice at a quarter of its size fits")


def _attempts(greys: Sequence[NDArray[np.uint8]]) -> Iterator[tuple[str, Iterator[bytes]]]:
    yield "image/png", map(png_bytes, greys)
    for quality in JPEG_QUALITIES:
        yield "image/jpeg", (_jpeg(grey, quality=quality, share=1.0) for grey in greys)
    for share in SHRUNK:
        yield "image/jpeg", (_jpeg(grey, quality=60, share=share) for grey in greys)
    tiny = 1 / max(1.0, len(greys) ** 0.5)
    yield "image/jpeg", (_jpeg(grey, quality=40, share=tiny * SHRUNK[-1]) for grey in greys)


def _jpeg(grey: NDArray[np.uint8], *, quality: int, share: float) -> bytes:
    rows, columns = grey.shape
    size = (max(1, round(columns * share)), max(1, round(rows * share)))
    return jpeg_bytes(grey, quality=quality, size=size)


def _within(contents: Iterator[bytes]) -> list[bytes] | None:
    """All of them, or None as soon as they exceed the budget."""
    kept, total = [], 0
    for each in contents:
        kept.append(each)
        total += len(each)
        if total > BUDGET_BYTES:
            return None
    return kept
