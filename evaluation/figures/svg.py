"""SVG elements as escaped markup: pure, byte-deterministic, styled by the page's classes."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape

SMALLEST_SCALE = 0.69
"""A picture shrinks with its column to this share of its natural width, then scrolls."""


def number(value: float) -> str:
    """A coordinate with at most one decimal: a tenth of a pixel is below what is seen."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


def element(tag: str, /, *children: str, **attributes: str | float) -> Markup:
    """One element; text and attribute values are escaped, markup is kept.

    Args:
        tag: its name, a literal of this package.
        children: text or other elements.
        attributes: `_` in a name stands for `-`, a trailing one is dropped (`class_`).
    """
    named = "".join(_attribute(name, value) for name, value in attributes.items())
    return Markup(f"<{tag}{named}>{''.join(map(escape, children))}</{tag}>")  # noqa: S704 - escaped


def _attribute(name: str, value: str | float) -> str:
    # plain text: Markup's own formatting takes most of a page's time
    shown = escape(value) if isinstance(value, str) else number(value)
    return f' {name.rstrip("_").replace("_", "-")}="{shown}"'


def group(shapes: Iterable[str], **attributes: str | float) -> Markup:
    """Elements drawn one after another, under common attributes."""
    return element("g", *shapes, **attributes)


def text(
    content: str, *, x: float, y: float, anchor: str = "start", css: str = "", turned: bool = False
) -> Markup:
    """One line of text.

    Args:
        content: escaped here.
        x: of the anchor.
        y: of the baseline.
        anchor: `start`, `middle` or `end`.
        css: its class.
        turned: reads upwards instead of to the right.
    """
    attributes: dict[str, str | float] = {"x": x, "y": y, "text_anchor": anchor}
    if css:
        attributes["class_"] = css
    if turned:
        attributes["transform"] = f"rotate(-90 {number(x)} {number(y)})"
    return element("text", content, **attributes)


def line(*, x1: float, y1: float, x2: float, y2: float, css: str) -> Markup:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=css)


def box(
    *, x: float, y: float, width: float, height: float, css: str, **more: str | float
) -> Markup:
    """A rectangle."""
    return element("rect", x=x, y=y, width=width, height=height, class_=css, **more)


def path(steps: Iterable[str], *, css: str, **more: str | float) -> Markup:
    """A path of absolute commands."""
    return element("path", d="".join(steps), class_=css, **more)


def dots(centres: Iterable[tuple[float, float]], *, css: str, **more: str | float) -> Markup:
    """Round dots as one path of zero length: a twentieth of the bytes of circles."""
    return path((f"M{number(x)} {number(y)}h0" for x, y in centres), css=f"dots {css}", **more)


def diamonds(
    centres: Iterable[tuple[float, float]], *, radius: float, css: str, **more: str | float
) -> Markup:
    """Diamonds as one path."""
    r = number(radius)
    step = f"l{r} {r}l-{r} {r}l-{r} -{r}z"
    return path((f"M{number(x)} {number(y - radius)}{step}" for x, y in centres), css=css, **more)


def picture(
    *shapes: str, width: float, height: float, identity: str, title: str, description: str
) -> Markup:
    """A whole picture, named and described for those who do not see it.

    Args:
        shapes: drawn in order.
        width: natural width in CSS pixels.
        height: natural height.
        identity: unique within the page; letters, digits and `-`.
        title: its accessible name.
        description: what it shows, with the numbers that matter.
    """
    size = f"max-width:{number(width)}px;min-width:{number(width * SMALLEST_SCALE)}px"
    return element(
        "svg",
        element("title", title, id=f"{identity}-title"),
        element("desc", description, id=f"{identity}-desc"),
        *shapes,
        class_="picture",
        viewBox=f"0 0 {number(width)} {number(height)}",
        role="img",
        aria_labelledby=f"{identity}-title {identity}-desc",
        style=size,
    )
