"""The three lymph node chains of each side: their vessels, and the fat around them.

Given on the patient's left, in the frame of `tasks.phantom.pelvic_wall`.
"""

from __future__ import annotations

from schema.terms import Region
from tasks.phantom.structure import Layer, Role, Structure
from tasks.phantom.tissue import Tissue
from tasks.phantom.tubes import Knot, Tube, moved, thickened

EXTERNAL_ILIAC: Tube = (
    Knot(62, 42, -7, 13, 12),
    Knot(40, 42, -17, 14, 12.5),
    Knot(20, 44, -29, 15, 13, -35),
    Knot(0, 49, -41, 15, 13, -35),
    Knot(-20, 54, -54, 15, 11.5, -25),
    Knot(-36, 58, -63, 14, 10.5, -8),
    Knot(-62, 59, -65, 12, 10),
)
OBTURATOR: Tube = (
    Knot(46, 47, 5, 11, 10),
    Knot(25, 49, -2, 12, 13),
    Knot(0, 48, -8, 12, 16, 4),
    Knot(-20, 45, -10, 12, 18, 4),
    Knot(-44, 40, -16, 10, 15),
)
INTERNAL_ILIAC: Tube = (
    Knot(62, 40, 14, 13, 13),
    Knot(40, 45, 21, 14, 14),
    Knot(15, 48, 26, 15, 14, -20),
    Knot(0, 45, 29, 14, 15),
    Knot(-15, 42, 31, 13, 14),
    Knot(-32, 43, 31, 11, 12),
)
PATHS = {
    Region.EI: EXTERNAL_ILIAC,
    Region.OB: OBTURATOR,
    Region.II: INTERNAL_ILIAC,
}
"""The fat around each chain of vessels, on the left: what a compartment may hold."""


def _along(path: Tube, *, x: float, y: float, radius: float) -> Tube:
    """A vessel beside the middle line of a path."""
    width = min(knot.a for knot in path)
    return moved(thickened(_round(path), radius / width), x=x, y=y)


def _round(path: Tube) -> Tube:
    width = min(knot.a for knot in path)
    return tuple(knot._replace(a=width, b=width) for knot in path)


_ARTERY = (Layer(Tissue.FASCIA), Layer(Tissue.ARTERY, 0.7))
_VEIN = (Layer(Tissue.FASCIA), Layer(Tissue.VEIN, 0.7))

VESSELS = {
    Region.EI: (
        Structure(_along(EXTERNAL_ILIAC, x=4.5, y=-4, radius=4.4), _ARTERY, Role.VESSEL),
        Structure(_along(EXTERNAL_ILIAC, x=2, y=6, radius=5.4), _VEIN, Role.VESSEL),
    ),
    Region.OB: (
        Structure(_along(OBTURATOR, x=4, y=-4, radius=1.5), _ARTERY, Role.VESSEL),
        Structure(_along(OBTURATOR, x=4, y=0, radius=1.7), _VEIN, Role.VESSEL),
        Structure(_along(OBTURATOR, x=4.5, y=-8, radius=1.6), (Layer(Tissue.NERVE),), Role.VESSEL),
    ),
    Region.II: (
        Structure(_along(INTERNAL_ILIAC, x=-3, y=-5, radius=3.3), _ARTERY, Role.VESSEL),
        Structure(_along(INTERNAL_ILIAC, x=1, y=3, radius=3.8), _VEIN, Role.VESSEL),
        Structure(_along(INTERNAL_ILIAC, x=-6, y=4, radius=1.6), _VEIN, Role.VESSEL),
    ),
}
"""The vessels and nerves of each compartment, on the left."""
