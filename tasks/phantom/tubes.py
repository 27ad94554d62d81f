"""The one shape that anatomy is made of: an ellipse swept along the body axis.

A tube is given by knots, from caudal to cranial or the other way; between knots its centre, its
semi-axes, its turn and its bend follow a cubic. A blob is a tube whose ellipse shrinks to
a point at either end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from tasks.phantom.lattice import Corners, Floats

TABLE_STEP_MM = 0.25
THINNEST_MM = 0.3
TINY = np.float32(1e-3)


class Knot(NamedTuple):
    """The ellipse of a tube in one axial plane.

    Attributes:
        z: height of the plane, mm.
        x: centre, mm, away from the midline for paired structures, else to the patient's left.
        y: centre, mm, to posterior.
        a: semi-axis along the turned x, mm.
        b: semi-axis along the turned y, mm.
        turn_deg: turn of the semi-axes from x towards y.
        bend: how far the ellipse is bowed: its middle line is v = -bend * u**2, in 1/mm.
    """

    z: float
    x: float
    y: float
    a: float
    b: float
    turn_deg: float = 0.0
    bend: float = 0.0


Tube = tuple[Knot, ...]


def blob(middle: Knot, half_height: float) -> Tube:
    """An ellipsoid: its middle plane's ellipse and half its height in mm."""
    knots = []
    for angle in np.linspace(-np.pi / 2, np.pi / 2, 9):
        shrink = max(float(np.cos(angle)), 0.05)
        z = middle.z + half_height * float(np.sin(angle))
        knots.append(middle._replace(z=z, a=middle.a * shrink, b=middle.b * shrink))
    return tuple(knots)


def moved(tube: Tube, *, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Tube:
    """The tube shifted by some millimetres."""
    return tuple(k._replace(x=k.x + x, y=k.y + y, z=k.z + z) for k in tube)


def thickened(tube: Tube, factor: float) -> Tube:
    """The tube about the same middle line with its semi-axes multiplied."""
    return tuple(k._replace(a=k.a * factor, b=k.b * factor) for k in tube)


def knot_at(tube: Tube, z: float) -> Knot:
    """The tube's ellipse at one height, linear between knots."""
    heights, *columns = np.array(sorted(tube)).T
    return Knot(z, *(float(np.interp(z, heights, column)) for column in columns))


@dataclass(frozen=True, slots=True)
class Sweep:
    """A tube's ellipse at evenly spaced heights.

    Attributes:
        bottom: least height, mm.
        top: greatest height, mm.
        columns: float32, shape (7, heights): x, y, a, b, cosine, sine, bend.
    """

    bottom: float
    top: float
    columns: Floats

    @classmethod
    def of(cls, tube: Tube) -> Self:
        """Tabulate a tube."""
        knots = np.array(sorted(tube), dtype=np.float64)
        heights = np.arange(knots[0, 0], knots[-1, 0] + TABLE_STEP_MM, TABLE_STEP_MM)
        x, y, a, b, turn, bend = _spline(knots[:, 0], knots[:, 1:].T, heights)
        angle = np.deg2rad(turn)
        a, b = np.maximum(a, THINNEST_MM), np.maximum(b, THINNEST_MM)
        columns = np.array([x, y, a, b, np.cos(angle), np.sin(angle), bend], dtype=np.float32)
        return cls(float(knots[0, 0]), float(knots[-1, 0]), columns)

    def bounds(self, *, margin_mm: float) -> Corners:
        """The axis-aligned box that holds the tube and a margin around it."""
        x, y, a, b, cosine, sine, bend = self.columns.astype(np.float64)
        sag = np.abs(bend) * a**2
        reach_x = np.hypot(a * cosine, b * sine) + sag * np.abs(sine) + margin_mm
        reach_y = np.hypot(a * sine, b * cosine) + sag * np.abs(cosine) + margin_mm
        low = np.array([(x - reach_x).min(), (y - reach_y).min(), self.bottom - margin_mm])
        high = np.array([(x + reach_x).max(), (y + reach_y).max(), self.top + margin_mm])
        return low, high

    def signed_distance(self, *, x: Floats, y: Floats, z: Floats) -> Floats:
        """Approximate distance in mm from the surface, negative within; arrays of one shape.

        First-order distance to the ellipse within the axial plane, F (F - 1) / |grad F| with
        F = |(u/a, v/b)|, and exact height above or below the tube's flat ends.
        """
        bottom = np.float32(self.bottom)
        rows = ((z - bottom) * np.float32(1 / TABLE_STEP_MM)).astype(np.int32)
        rows = np.clip(rows, 0, self.columns.shape[1] - 1, out=rows)
        centre_x, centre_y, a, b, cosine, sine, bend = (c.take(rows) for c in self.columns)
        dx, dy = x - centre_x, y - centre_y
        u = dx * cosine + dy * sine
        v = dy * cosine - dx * sine
        v += bend * u * u
        p, q = u / a, v / b
        radius = np.sqrt(p * p + q * q) + TINY
        slope = np.sqrt((p / a) ** 2 + (q / b) ** 2) + TINY / np.minimum(a, b)
        ends = np.maximum(z - np.float32(self.top), bottom - z)
        return np.asarray(np.maximum((radius - 1) * radius / slope, ends))


def _spline(
    knots: NDArray[np.float64], values: NDArray[np.float64], wanted: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Cubic Hermite through values, (columns, knots), with finite-difference slopes."""
    slopes = np.gradient(values, knots, axis=1)
    n = np.clip(np.searchsorted(knots, wanted, side="right") - 1, 0, len(knots) - 2)
    width = knots[n + 1] - knots[n]
    t = np.clip((wanted - knots[n]) / width, 0.0, 1.0)
    rise = t * t * (3.0 - 2.0 * t)
    return np.asarray(
        values[:, n] * (1.0 - rise)
        + values[:, n + 1] * rise
        + slopes[:, n] * width * t * (1.0 - t) ** 2
        - slopes[:, n + 1] * width * t**2 * (1.0 - t)
    )
