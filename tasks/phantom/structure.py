"""What anatomy is made of: a shape, its tissues from the surface inwards, and its role."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from schema.terms import Side
from tasks.phantom.tissue import Tissue
from tasks.phantom.tubes import Tube, moved, thickened

SIGNS = {Side.LEFT: 1, Side.RIGHT: -1}
"""Which way LPS x runs from the midline."""


class Layer(NamedTuple):
    """A tissue that fills a structure from some depth below its surface inwards."""

    tissue: Tissue
    depth_mm: float = 0.0


class Role(StrEnum):
    """What a structure is to the lymph node compartments."""

    ORGAN = "organ"
    """They end where it begins."""
    VESSEL = "vessel"
    """It runs within them, and nodes lie beside it."""
    CONTENT = "content"
    """It lies within an organ, or does not concern them."""


class Structure(NamedTuple):
    """One thing to draw.

    Attributes:
        tube: its shape, in the frame of the template pelvis.
        layers: its tissues from the surface inwards.
        role: what it is to the compartments.
        side: 1 when it is drawn as given (the patient's left, or the midline), -1 when mirrored.
    """

    tube: Tube
    layers: tuple[Layer, ...]
    role: Role = Role.ORGAN
    side: int = 1


def on_both_sides(
    templates: tuple[Structure, ...], *, rng: np.random.Generator
) -> Iterator[Structure]:
    """Both sides' structures, each a little off its template's place and size."""
    for template, sign in itertools.product(templates, SIGNS.values()):
        x, y, z = rng.uniform(-1.2, 1.2, size=3)
        tube = moved(thickened(template.tube, rng.uniform(0.95, 1.05)), x=x, y=y, z=2 * z)
        yield template._replace(tube=tube, side=sign)
