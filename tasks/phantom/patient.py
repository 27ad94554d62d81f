"""One made-up patient: the template posed and resized, left unlike right, with its own organs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schema.terms import Region, Side
from tasks.phantom import chains, pelvic_wall
from tasks.phantom.pose import Pose, draw_pose
from tasks.phantom.structure import SIGNS, Layer, Role, Structure, on_both_sides
from tasks.phantom.tissue import Tissue
from tasks.phantom.tubes import Knot, Tube, blob, moved, thickened
from tasks.phantom.viscera import draw_viscera


class Patient(NamedTuple):
    """Everything about one patient that does not depend on how he or she is scanned.

    Attributes:
        pose: where the template lies.
        structures: what to draw, first to last; the later covers the earlier.
        paths: the fat around each chain of vessels, mirrored on the right by its side's sign.
        gains: by how much each tissue's signal departs from the usual.
    """

    pose: Pose
    structures: tuple[Structure, ...]
    paths: Mapping[tuple[Region, Side], Tube]
    gains: Mapping[Tissue, float]


def draw_patient(*, female: bool, rng: np.random.Generator) -> Patient:
    """One patient's anatomy."""
    pose = draw_pose(rng)
    offsets = {key: rng.uniform(-1.5, 1.5, size=2) for key in itertools.product(Region, Side)}
    structures = (
        *pelvic_wall.BODY,
        *_twigs(rng),
        *on_both_sides(pelvic_wall.PAIRED, rng=rng),
        *pelvic_wall.SACRUM,
        *on_both_sides(pelvic_wall.FORAMINA, rng=rng),
        *draw_viscera(female=female, rng=rng),
        *_vessels(offsets, rng=rng),
    )
    paths = {
        (region, side): moved(chains.PATHS[region], x=offset[0], y=offset[1])
        for (region, side), offset in offsets.items()
    }
    gains = {tissue: float(rng.normal(1.0, 0.04)) for tissue in Tissue}
    return Patient(pose=pose, structures=structures, paths=paths, gains=gains)


def _vessels(
    offsets: Mapping[tuple[Region, Side], NDArray[np.float64]], *, rng: np.random.Generator
) -> Iterator[Structure]:
    for (region, side), (x, y) in offsets.items():
        for vessel in chains.VESSELS[region]:
            tube = moved(thickened(vessel.tube, rng.uniform(0.85, 1.15)), x=x, y=y)
            yield vessel._replace(tube=tube, side=SIGNS[side])


def _twigs(rng: np.random.Generator) -> Iterator[Structure]:
    """Small vessels and strands here and there in the pelvic fat."""
    for _ in range(int(rng.integers(45, 65))):
        middle = Knot(
            z=rng.uniform(-60.0, 65.0),
            x=rng.uniform(-65.0, 65.0),
            y=rng.uniform(-55.0, 55.0),
            a=rng.uniform(1.5, 9.0),
            b=rng.uniform(0.6, 1.2),
            turn_deg=rng.uniform(-90.0, 90.0),
            bend=rng.uniform(-0.04, 0.04),
        )
        tissue = Tissue.VEIN if rng.random() < 0.6 else Tissue.ARTERY
        yield Structure(blob(middle, rng.uniform(2.5, 8.0)), (Layer(tissue),), Role.CONTENT)
