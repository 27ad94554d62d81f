"""A template pelvis' wall: skin, bones and muscles of a schematic supine patient, in millimetres.

The template's frame is LPS with its origin amid the pelvic cavity, 30 mm above the femoral heads'
centres. Paired structures are given on the patient's left. Knots run from cranial to caudal; their
columns are z, x, y, a, b, turn_deg, bend (see `tasks.phantom.tubes.Knot`).
"""

from __future__ import annotations

from tasks.phantom.structure import Layer, Role, Structure
from tasks.phantom.tissue import Tissue
from tasks.phantom.tubes import Knot, blob

BODY = (
    Structure(
        tube=(
            Knot(110, 0, 0, 158, 92),
            Knot(20, 0, 1, 166, 94),
            Knot(-40, 0, 0, 172, 92),
            Knot(-110, 0, 0, 168, 88),
        ),
        layers=(Layer(Tissue.SKIN), Layer(Tissue.SUBCUTANEOUS, 1.8)),
        role=Role.CONTENT,
    ),
    # what lies deep to the abdominal and gluteal wall
    Structure(
        tube=(
            Knot(110, 0, -2, 118, 68),
            Knot(20, 0, -4, 124, 69),
            Knot(-40, 0, -4, 130, 67),
            Knot(-110, 0, -2, 124, 64),
        ),
        layers=(Layer(Tissue.FAT),),
        role=Role.CONTENT,
    ),
    # natal cleft
    Structure(
        tube=(Knot(25, 0, 97, 1.5, 3), Knot(0, 0, 94, 2.4, 9), Knot(-110, 0, 88, 3, 18)),
        layers=(Layer(Tissue.SKIN), Layer(Tissue.AIR, 1.5)),
        role=Role.CONTENT,
    ),
)

_BONE = (Layer(Tissue.CORTEX), Layer(Tissue.MARROW, 1.8))
_FLESH = (Layer(Tissue.MUSCLE),)

_FEMORAL_HEAD = blob(Knot(-30, 88, -9, 23, 23), 23)

PAIRED = (
    # ilium, from the sacro-iliac joint down to the roof of the acetabulum
    Structure(
        (
            Knot(100, 70, 36, 46, 6, -58, 0.002),
            Knot(45, 75, 26, 42, 7.5, -56, 0.002),
            Knot(20, 84, -4, 31, 8.5, -54, 0.001),
            Knot(2, 84, -10, 27, 13, -62),
            Knot(-8, 84, -10, 27, 20, -75),
        ),
        _BONE,
    ),
    # acetabulum, then ischium
    Structure(
        (
            Knot(3, 84, -9, 7, 9),
            Knot(-4, 84, -9, 20, 26),
            Knot(-14, 83, -9, 25, 33),
            Knot(-40, 83, -8, 25, 31),
            Knot(-56, 66, 16, 15, 18, 20),
            Knot(-100, 60, 22, 15, 18, 20),
        ),
        _BONE,
    ),
    # upper ramus of the pubis
    Structure(
        (
            Knot(-22, 56, -42, 12, 5, 15),
            Knot(-32, 40, -47, 27, 7, 10),
            Knot(-44, 30, -49, 27, 9, 8),
            Knot(-58, 16, -48, 13, 14),
            Knot(-100, 22, -40, 12, 14),
        ),
        _BONE,
    ),
    Structure(
        _FEMORAL_HEAD,
        (Layer(Tissue.CARTILAGE), Layer(Tissue.CORTEX, 1.4), Layer(Tissue.MARROW, 2.8)),
    ),
    # iliacus and psoas
    Structure(
        (
            Knot(100, 62, -8, 30, 20, -50),
            Knot(45, 69, -14, 29, 15, -48, 0.004),
            Knot(20, 70, -29, 26, 14, -44, 0.004),
            Knot(0, 75, -42, 22, 13, -30, 0.003),
            Knot(-30, 82, -53, 18, 10, -8),
            Knot(-60, 84, -46, 15, 12),
            Knot(-100, 80, -30, 14, 12),
        ),
        _FLESH,
    ),
    # gluteus medius and minimus
    Structure(
        (
            Knot(100, 106, 22, 46, 12, -60, 0.003),
            Knot(45, 100, 24, 48, 14, -58, 0.003),
            Knot(15, 108, 4, 40, 14, -60, 0.003),
            Knot(-20, 122, -2, 32, 12, -72),
            Knot(-60, 124, 0, 18, 10, -80),
        ),
        _FLESH,
    ),
    # gluteus maximus
    Structure(
        (
            Knot(90, 60, 68, 28, 5, -22),
            Knot(50, 70, 64, 44, 8, -26, 0.002),
            Knot(20, 72, 61, 50, 11, -24, 0.003),
            Knot(-10, 70, 59, 52, 14, -22, 0.003),
            Knot(-45, 66, 58, 50, 17, -18, 0.002),
            Knot(-100, 70, 52, 40, 18, -14),
        ),
        _FLESH,
    ),
    # piriformis
    Structure(
        (
            Knot(38, 44, 50, 16, 3, -16),
            Knot(26, 52, 47, 26, 8, -17, 0.001),
            Knot(6, 62, 41, 32, 9.5, -16, 0.001),
            Knot(-8, 76, 33, 24, 6, -14),
            Knot(-14, 84, 28, 12, 2, -14),
        ),
        _FLESH,
    ),
    # obturator internus
    Structure(
        (
            Knot(10, 60, 0, 2.5, 12, 14),
            Knot(-4, 57, -3, 4.5, 24, 6, -0.002),
            Knot(-24, 54, -4, 6.5, 31, 0, -0.003),
            Knot(-50, 48, -2, 9, 34, -10, -0.003),
            Knot(-100, 46, 0, 9, 28, -10),
        ),
        _FLESH,
    ),
    # levator ani
    Structure(
        (
            Knot(-22, 36, 24, 16, 1.2, 72, 0.006),
            Knot(-40, 27, 24, 22, 1.8, 74, 0.006),
            Knot(-60, 18, 24, 24, 2.6, 78, 0.006),
            Knot(-100, 12, 24, 18, 3, 80, 0.006),
        ),
        _FLESH,
    ),
    # rectus abdominis
    Structure(
        (
            Knot(110, 30, -74, 27, 4.5, 8, -0.002),
            Knot(0, 26, -74, 24, 4.5, 7, -0.002),
            Knot(-30, 18, -70, 15, 5, 6),
            Knot(-44, 12, -66, 8, 3),
        ),
        _FLESH,
    ),
    # sartorius, and the oblique muscles above it
    Structure(
        (
            Knot(110, 98, -40, 34, 7, 40, -0.003),
            Knot(20, 102, -44, 26, 6, 38, -0.003),
            Knot(-15, 100, -54, 13, 6, 25),
            Knot(-100, 88, -62, 13, 6, 15),
        ),
        _FLESH,
    ),
    # sciatic nerve and sacral plexus
    Structure(
        (
            Knot(40, 36, 36, 4, 3, -30),
            Knot(20, 48, 33, 7, 2.6, -20),
            Knot(-5, 62, 44, 7, 3, -10),
            Knot(-100, 66, 46, 6, 3.5, -10),
        ),
        (Layer(Tissue.NERVE),),
    ),
)

SACRUM = (
    Structure(
        (
            Knot(100, 0, 46, 52, 24, 0, -0.002),
            Knot(48, 0, 56, 46, 16, 0, -0.003),
            Knot(28, 0, 62, 36, 10.5, 0, -0.004),
            Knot(8, 0, 65, 25, 7.5, 0, -0.006),
            Knot(-10, 0, 63, 13, 5, 0, -0.006),
            Knot(-24, 0, 57, 6, 3.5),
        ),
        _BONE,
    ),
    # sacral canal
    Structure(
        (Knot(100, 0, 62, 14, 6), Knot(48, 0, 65, 9, 4), Knot(20, 0, 67, 5, 2.2)),
        (Layer(Tissue.CORTEX), Layer(Tissue.FLUID, 1.2)),
        Role.CONTENT,
    ),
)

FORAMINA = tuple(
    Structure(blob(Knot(z, x, y, 4.5, 4), 5), (Layer(Tissue.FAT), Layer(Tissue.NERVE, 1.8)))
    for z, x, y in ((52, 21, 48), (28, 17, 57), (8, 13, 61))
)
"""Anterior sacral foramina, paired."""
