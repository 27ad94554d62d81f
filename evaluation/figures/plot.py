"""What every figure of the report is: a picture, its caption, the numbers behind it."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Plain text in rows; the first cell of a row names it."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One figure.

    Attributes:
        identity: unique within the page.
        title: above the picture.
        caption: below it, in plain words.
        svg: the picture.
        table: the numbers it was drawn from.
        wide: needs the whole width of the page.
        notes: lines below the caption, such as one a comparison.
    """

    identity: str
    title: str
    caption: str
    svg: Markup
    table: Table
    wide: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """A figure that cannot be drawn, and why."""

    title: str
    reason: str
