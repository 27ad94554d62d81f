"""Pelvic organs: mesorectum, rectum and tumour, bladder, genital organs, bowel.

Templates lie in the frame of `tasks.phantom.pelvic_wall`; every patient's own are drawn from them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from tasks.phantom.structure import Layer, Role, Structure, on_both_sides
from tasks.phantom.tissue import Tissue
from tasks.phantom.tubes import Knot, Tube, blob, knot_at, moved, thickened

MESORECTUM = Structure(
    (
        Knot(90, 8, 0, 28, 20),
        Knot(60, 4, 10, 35, 23, 0, 0.002),
        Knot(40, 1, 19, 38, 24, 0, 0.003),
        Knot(20, 0, 28, 38, 24, 0, 0.003),
        Knot(0, 0, 32, 34, 23, 0, 0.004),
        Knot(-20, 0, 33, 28, 18, 0, 0.004),
        Knot(-36, 0, 32, 18, 13),
        Knot(-44, 0, 33, 13, 10),
    ),
    (Layer(Tissue.FASCIA), Layer(Tissue.FAT, 1.0)),
)

RECTUM: Tube = (
    Knot(100, 22, -24, 14, 13),
    Knot(60, 12, 2, 15, 13, 20),
    Knot(40, 4, 15, 16, 14, 10),
    Knot(20, -4, 26, 17, 14),
    Knot(0, 3, 32, 17, 14),
    Knot(-20, 0, 34, 16, 13),
    Knot(-38, 0, 32, 12, 10),
    Knot(-55, 0, 36, 11, 12),
    Knot(-100, 0, 52, 10, 13),
)

BLADDER = Knot(-12, 0, -38, 35, 23)
"""Middle plane; height and filling vary."""

SEMINAL_VESICLE = Structure(
    blob(Knot(-19, 16, -4, 17, 4.5, 14, -0.004), 9),
    (Layer(Tissue.FASCIA), Layer(Tissue.FLUID, 1.0)),
)

PROSTATE = (
    Structure(blob(Knot(-46, 0, -17, 24, 18), 19), (Layer(Tissue.FASCIA), Layer(Tissue.GLAND, 1))),
    Structure(
        blob(Knot(-44, 0, -21, 17, 12), 15),
        (Layer(Tissue.FASCIA), Layer(Tissue.PROSTATE, 0.8)),
        Role.CONTENT,
    ),
)

UTERUS = (
    # vagina
    Structure(
        (Knot(-20, 0, -6, 15, 5), Knot(-60, 0, 4, 14, 4), Knot(-90, 0, 8, 12, 4)),
        (Layer(Tissue.BOWEL_WALL), Layer(Tissue.MUCOSA, 2.4)),
    ),
    Structure(
        (
            Knot(36, 2, -26, 4, 3),
            Knot(28, 2, -22, 24, 15),
            Knot(14, 1, -15, 27, 16),
            Knot(-6, 0, -9, 18, 11),
            Knot(-24, 0, -7, 16, 9),
        ),
        (Layer(Tissue.FASCIA), Layer(Tissue.MYOMETRIUM, 1.0)),
    ),
    # junctional zone, then the cavity
    Structure(
        (Knot(26, 2, -22, 12, 6), Knot(14, 1, -15, 15, 7), Knot(-22, 0, -7, 8, 4.5)),
        (Layer(Tissue.RECTAL_MUSCLE), Layer(Tissue.FLUID, 3.2)),
        Role.CONTENT,
    ),
)


def draw_viscera(*, female: bool, rng: np.random.Generator) -> Iterator[Structure]:
    """One patient's organs, first to last: the later covers the earlier."""
    yield from _bowel(rng)
    yield from _genital(female=female, rng=rng)
    yield from _bladder(rng)
    yield from _mesorectum(rng)


def _genital(*, female: bool, rng: np.random.Generator) -> Iterator[Structure]:
    if female:
        x, y = rng.uniform(-3.0, 3.0, size=2)
        yield from (each._replace(tube=moved(each.tube, x=x, y=y / 2)) for each in UTERUS)
        return
    yield from on_both_sides((SEMINAL_VESICLE,), rng=rng)
    size = rng.uniform(0.85, 1.15)
    yield from (each._replace(tube=thickened(each.tube, size)) for each in PROSTATE)


def _bladder(rng: np.random.Generator) -> Iterator[Structure]:
    """A bladder, more or less full: the fuller, the higher and the wider."""
    fill = rng.uniform(0.8, 1.08)
    middle = BLADDER._replace(x=rng.uniform(-3.0, 3.0), z=BLADDER.z + 14.0 * (fill - 1.0))
    tube = thickened(blob(middle, 27.0 * fill), fill)
    wall_mm = rng.uniform(2.2, 3.4)
    yield Structure(tube, (Layer(Tissue.BLADDER_WALL), Layer(Tissue.URINE, wall_mm)))


def _bowel(rng: np.random.Generator) -> Iterator[Structure]:
    """Loops of small bowel above the bladder, amid mesenteric fat."""
    for z, y, x in itertools.product((20.0, 37.0, 54.0), (-57.0, -36.0, -14.0), (-27.0, 0.0, 27.0)):
        dx, dy, dz = rng.uniform(-4.0, 4.0, size=3)
        if z < 30.0 and y > -20.0:
            continue  # the bladder's dome, or the uterus
        inwards = 1.0 - 0.009 * (y + 57.0)
        middle = Knot(
            z=z + 1.5 * dz,
            x=inwards * x + dx,
            y=y + dy,
            a=rng.uniform(10.0, 15.0) * inwards,
            b=rng.uniform(7.5, 11.0),
            turn_deg=rng.uniform(-50.0, 50.0),
            bend=rng.uniform(-0.03, 0.03),
        )
        content = Tissue.BOWEL_CONTENT if rng.random() < 0.7 else Tissue.STOOL
        yield Structure(
            blob(middle, rng.uniform(10.0, 15.0)),
            (Layer(Tissue.BOWEL_WALL), Layer(content, rng.uniform(1.4, 2.2))),
        )


def _mesorectum(rng: np.random.Generator) -> Iterator[Structure]:
    """Mesorectal fat in its fascia, the rectum with its tumour, small vessels and nodes."""
    size = rng.uniform(0.94, 1.04)
    yield MESORECTUM._replace(tube=thickened(MESORECTUM.tube, size))
    yield from _mesorectal_dots(rng)
    rectum = moved(RECTUM, x=rng.uniform(-3.0, 3.0), y=rng.uniform(-2.0, 2.0))
    wall_mm = rng.uniform(3.0, 4.2)
    layers = (
        Layer(Tissue.RECTAL_MUSCLE),
        Layer(Tissue.MUCOSA, 1.8),
        Layer(Tissue.STOOL, wall_mm),
    )
    yield Structure(rectum, layers)
    yield _gas(rectum, wall_mm=wall_mm)
    yield _tumour(rectum, rng=rng)


def _gas(rectum: Tube, *, wall_mm: float) -> Structure:
    """Gas rises to the anterior part of the lumen of a supine patient."""
    knots = tuple(
        k._replace(y=k.y - 0.3 * k.b, a=k.a - wall_mm - 2.5, b=0.62 * k.b - wall_mm + 1.0)
        for k in rectum
        if k.z > -30
    )
    return Structure(knots, (Layer(Tissue.AIR),), Role.CONTENT)


def _tumour(rectum: Tube, *, rng: np.random.Generator) -> Structure:
    """A crescent of thickened wall around part of the lumen, at the back or the sides."""
    wall = knot_at(rectum, rng.uniform(-18.0, 22.0))
    angle = rng.uniform(-0.2, np.pi + 0.2)
    middle = Knot(
        z=wall.z,
        x=wall.x + 0.72 * wall.a * np.cos(angle),
        y=wall.y + 0.72 * wall.b * np.sin(angle),
        a=rng.uniform(12.0, 15.0),
        b=rng.uniform(6.5, 9.0),
        turn_deg=np.rad2deg(angle) - 90.0,
        bend=0.018,
    )
    return Structure(blob(middle, rng.uniform(13.0, 20.0)), (Layer(Tissue.TUMOUR),), Role.CONTENT)


def _mesorectal_dots(rng: np.random.Generator) -> Iterator[Structure]:
    """Superior rectal vessels and small mesorectal nodes, which no label covers."""
    for _ in range(int(rng.integers(14, 24))):
        angle, out = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(0.7, 0.88)
        z = float(rng.uniform(-25.0, 60.0))
        radius = float(rng.uniform(0.9, 2.0))
        vessel = rng.random() < 0.7
        x, y = 34.0 * out * np.cos(angle), 28.0 + 22.0 * out * np.sin(angle)
        middle = Knot(z, x, y, radius, radius)
        tissue = Tissue.VEIN if vessel else Tissue.LYMPHOID
        half_height = rng.uniform(6.0, 14.0) if vessel else 1.5 * radius
        yield Structure(blob(middle, half_height), (Layer(tissue),), Role.CONTENT)
