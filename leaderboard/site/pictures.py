"""The report's pictures under a policy that allows no style attribute."""

from __future__ import annotations

import re
from dataclasses import replace

from markupsafe import Markup

from evaluation.figures.plot import Absent, Plot

_STYLE = re.compile(r' style="max-width:([\d.]+)px;min-width:[\d.]+px"')
BROAD_PX = 400.0
"""Wider pictures do not shrink below a legible width: their box scrolls instead."""


def without_style(svg: Markup) -> Markup:
    """A picture whose natural width is an attribute instead of a style."""
    return Markup(_STYLE.sub(_width, svg))  # noqa: S704 - the picture's own escaped markup


def _width(found: re.Match[str]) -> str:
    broad = ' data-broad=""' if float(found[1]) > BROAD_PX else ""
    return f' width="{found[1]}"{broad}'


def strict(plot: Plot | Absent) -> Plot | Absent:
    """The same figure with a picture that carries no style."""
    return plot if isinstance(plot, Absent) else replace(plot, svg=without_style(plot.svg))
