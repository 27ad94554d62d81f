"""Scenes in pixels: RGB arrays, and their encoding as PNG or JPEG.

Lines keep their exact colours (no smoothing), so that a colour in the picture is the task file's.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from tasks.pictures.legend import Key
from tasks.pictures.scene import Overlay, Points, Ruler, Scene, Shape

RGB = NDArray[np.uint8]
"""A picture, shape (rows, columns, 3)."""

SCALE_BAR_MM = 20.0
DASH_PX = (6.0, 4.0)
GAP_PX = 6
PAPER, INK, MARK, HALO = "#ffffff", "#1a1a1a", "#ffffff", "#000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How large and how thick.

    Attributes:
        pixel_mm: millimetres to a pixel, the same across and down.
        stroke_px: width of an outline.
        text_px: size of the letters.
    """

    pixel_mm: float
    stroke_px: int
    text_px: int


def panel(
    scene: Scene,
    *,
    overlay: Overlay | None,
    dashed: bool,
    style: Style,
    caption: str = "",
) -> RGB:
    """One slice with one set of outlines, R and L marks, a scale bar and its number."""
    width, height = (max(1, round(mm / style.pixel_mm)) for mm in scene.size_mm)
    grey = Image.fromarray(scene.grey).resize((width, height), Image.Resampling.BICUBIC)
    image = grey.convert("RGB")
    draw = ImageDraw.Draw(image)
    if overlay is not None:
        for shape in overlay.shapes:
            _draw_shape(draw, shape, dashed=dashed, style=style)
        _draw_rulers(draw, overlay.rulers, size=(width, height), style=style)
    _draw_marks(draw, scene, size=(width, height), style=style, caption=caption)
    return np.asarray(image)


def _pixels(points: Points, *, style: Style) -> list[tuple[float, float]]:
    """Places in mm as places between pixel centres; a pixel begins half before its centre."""
    return [(float(x), float(y)) for x, y in points / style.pixel_mm - 0.5]


def _draw_shape(draw: ImageDraw.ImageDraw, shape: Shape, *, dashed: bool, style: Style) -> None:
    for loop in shape.loops:
        corners = _pixels(loop, style=style)
        lines = _dashes([*corners, corners[0]]) if dashed else [[*corners, *corners[:2]]]
        for line in lines:
            rounded = [(round(x), round(y)) for x, y in line]
            draw.line(rounded, fill=shape.label.colour, width=style.stroke_px)


def _dashes(line: Sequence[tuple[float, float]]) -> Iterator[list[tuple[float, float]]]:
    """A line cut into dashes that run on round its corners."""
    left, on, dash = DASH_PX[0], True, [line[0]]
    for start, end in pairwise(line):
        length, done = float(np.hypot(end[0] - start[0], end[1] - start[1])), 0.0
        while length - done > left:
            done += left
            share = done / length
            here = (start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1]))
            if on:
                yield [*dash, here]
            on, dash = not on, [here]
            left = DASH_PX[0] if on else DASH_PX[1]
        left -= length - done
        dash = [*dash, end]
    if on and len(dash) > 1:
        yield dash


def _draw_rulers(
    draw: ImageDraw.ImageDraw, rulers: Sequence[Ruler], *, size: tuple[int, int], style: Style
) -> None:
    taken: list[tuple[float, float, float, float]] = []
    for ruler in rulers:
        longest, short = (_pixels(line, style=style) for line in (ruler.longest, ruler.short))
        if style.stroke_px > 1:  # in a small picture a halo would hide the node
            draw.line(short, fill=HALO, width=style.stroke_px + 2)
        draw.line(longest, fill=ruler.colour, width=1)
        draw.line(short, fill=MARK, width=style.stroke_px)
        places = np.array([*longest, *short])
        taken.append(_draw_label(draw, ruler.text, places, size=size, style=style, taken=taken))


def _draw_label(
    draw: ImageDraw.ImageDraw,
    text: str,
    places: NDArray[Any],
    *,
    size: tuple[int, int],
    style: Style,
    taken: Sequence[tuple[float, float, float, float]],
) -> tuple[float, float, float, float]:
    """Write below a node, lower still where another text stands; returns the box that it takes."""
    font = _font(style)
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font, stroke_width=2)
    width, height = right - left, bottom - top
    x = min(max(1.0, places[:, 0].mean() - width / 2), size[0] - width - 1)
    y = min(places[:, 1].max() + 4, size[1] - height - 1)
    while any(_touch((x, y, x + width, y + height), box) for box in taken):
        y += 1
    draw.text((x - left, y - top), text, font=font, fill=MARK, stroke_width=2, stroke_fill=HALO)
    return x, y, x + width, y + height


def _touch(
    one: tuple[float, float, float, float], other: tuple[float, float, float, float]
) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _draw_marks(
    draw: ImageDraw.ImageDraw,
    scene: Scene,
    *,
    size: tuple[int, int],
    style: Style,
    caption: str,
) -> None:
    font, (width, height) = _font(style), size
    written: dict[str, Any] = {
        "font": font,
        "fill": MARK,
        "stroke_width": 2,
        "stroke_fill": HALO,
    }
    draw.text((4, height / 2), "R", anchor="lm", **written)
    draw.text((width - 5, height / 2), "L", anchor="rm", **written)
    number = f"{scene.number}/{scene.slices}"
    draw.text((4, 3), " ".join(filter(None, (caption, number))), anchor="la", **written)
    bar = min(SCALE_BAR_MM / style.pixel_mm, width - 10)
    foot = height - 6
    draw.line([(5, foot), (5 + bar, foot)], fill=HALO, width=4)
    draw.line([(6, foot), (4 + bar, foot)], fill=MARK, width=2)
    draw.text((5, foot - 4), f"{SCALE_BAR_MM:g} mm", anchor="ls", **written)


def _font(style: Style) -> Any:  # Pillow gives another class where it was built without FreeType
    return ImageFont.load_default(style.text_px)


def beside(pictures: Sequence[RGB]) -> RGB:
    """Pictures in a row on white, aligned at the top."""
    height = max(picture.shape[0] for picture in pictures)
    width = sum(picture.shape[1] for picture in pictures) + GAP_PX * (len(pictures) - 1)
    sheet = np.full((height, width, 3), 255, dtype=np.uint8)
    left = 0
    for picture in pictures:
        rows, columns, _ = picture.shape
        sheet[:rows, left : left + columns] = picture
        left += columns + GAP_PX
    return sheet


def below(pictures: Sequence[RGB]) -> RGB:
    """Pictures one below another on white, aligned at the left."""
    turned = beside([np.swapaxes(picture, 0, 1) for picture in pictures])
    return np.ascontiguousarray(np.swapaxes(turned, 0, 1))


def text_lines(lines: Sequence[str], *, width: int, text_px: int) -> RGB:
    """Lines of text on white; one that is too wide goes on in the next line."""
    font = ImageFont.load_default(text_px)
    wrapped = [part for line in lines for part in _wrapped(line, font=font, width=width)]
    image = Image.new("RGB", (width, max(1, len(wrapped)) * (text_px + 6)), PAPER)
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(wrapped):
        draw.text((0, number * (text_px + 6) + 2), line, font=font, fill=INK)
    return np.asarray(image)


def _wrapped(line: str, *, font: Any, width: int) -> Iterator[str]:
    held = ""
    for word in line.split():
        longer = f"{held} {word}".strip()
        if held and font.getlength(longer) > width:
            yield held
            longer = word
        held = longer
    yield held


def legend_lines(keys: Sequence[Key], *, width: int, text_px: int) -> RGB:
    """Swatches and titles on white, as many to a line as fit."""
    font: Any = ImageFont.load_default(text_px)
    swatch, height = 2 * text_px, text_px + 8
    places, x, y = [], 0.0, 0
    for key in keys:
        wide = swatch + 6 + font.getlength(key.title) + 18
        if x and x + wide > width:
            x, y = 0.0, y + height
        places.append((x, y))
        x += wide
    image = Image.new("RGB", (width, y + height), PAPER)
    draw = ImageDraw.Draw(image)
    for key, (left, top) in zip(keys, places, strict=True):
        middle = top + height / 2
        draw.rectangle((left, middle - 3, left + swatch, middle + 2), fill=key.colour)
        draw.text((left + swatch + 6, middle), key.title, font=font, fill=INK, anchor="lm")
    return np.asarray(image)


def png_bytes(picture: RGB | NDArray[np.uint8]) -> bytes:
    """A grey or RGB picture as PNG; same input, same bytes."""
    return _encoded(picture, kind="PNG", optimize=True)


def jpeg_bytes(grey: NDArray[np.uint8], *, quality: int, size: tuple[int, int]) -> bytes:
    """A grey picture as JPEG of a given width and height in pixels."""
    image = Image.fromarray(grey)
    if image.size != size:
        image = image.resize(size, Image.Resampling.BICUBIC)
    return _encoded(np.asarray(image), kind="JPEG", quality=quality, optimize=True)


def _encoded(picture: NDArray[np.uint8], *, kind: str, **options: Any) -> bytes:
    content = io.BytesIO()
    Image.fromarray(picture).save(content, format=kind, **options)
    return content.getvalue()
