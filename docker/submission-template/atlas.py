"""An atlas of the pelvis: the usual image, where the compartments usually lie, and how to fit it.

The atlas lives on a regular lattice in its own frame: LPS axes, the origin where the middle of the
stack usually is. It is laid on a patient by an affine map (rotation, size and shear about the
middle) that makes the usual image most like the patient's.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, gaussian_filter, map_coordinates

from volumes import Floats, Points, Volume

STEP_MM = 3.0
HALF_MM = (96.0, 96.0, 66.0)
"""Half the lattice's extent along (x, y, z)."""
LABELS = 6
"""Compartments: 1 to 6, see the README."""
LEAST_SEEN = 0.3
"""Share of the training patients that must have shown a point for a fit to use it."""
STILL_MM = 0.02
"""A step that moves no point further ends a stage."""
COARSE_MM = 2.0
"""Voxels are averaged to about this size before the atlas is fitted."""
SMOOTH_MM = 12.0
"""Signal is taken relative to its surroundings of this width, so that the coil does not matter."""
ROUNDS = 25
STAGES = ((6.0, 2), (3.0, 2), (1.5, 1))
"""Blur in mm and lattice stride of each stage of the fit: the coarse shape first."""
TURN_MM = 50.0
"""At this distance a turn moves a point as far as a shift of the same number does."""
EVERYWHERE = np.ones((3, 3, 3), dtype=bool)


class Atlas(NamedTuple):
    """What is known before a patient is seen.

    Attributes:
        image: the usual relative signal, shape (x, y, z).
        seen: share of the training patients whose stack reached a point, same shape.
        prior: probability of each compartment, shape (labels, x, y, z).
    """

    image: Floats
    seen: Floats
    prior: Floats


class Pose(NamedTuple):
    """Where the atlas lies in a patient: `matrix @ point + shift`, both in mm."""

    matrix: NDArray[np.float64]
    shift: NDArray[np.float64]

    def to_patient(self, points: Points) -> Points:
        """LPS points of atlas points, shape (3, ...)."""
        moved = np.tensordot(self.matrix, points, axes=1)
        return np.asarray(moved + self.shift.reshape(3, *[1] * (points.ndim - 1)))

    def to_atlas(self, points_mm: Points) -> Points:
        """Atlas points of LPS points, shape (3, ...)."""
        centred = points_mm - self.shift.reshape(3, *[1] * (points_mm.ndim - 1))
        return np.asarray(np.tensordot(np.linalg.inv(self.matrix), centred, axes=1))


def lattice() -> Points:
    """Every lattice point in the atlas frame, shape (3, x, y, z), in mm."""
    axes = [np.arange(-half, half + STEP_MM / 2, STEP_MM) for half in HALF_MM]
    return np.asarray(np.meshgrid(*axes, indexing="ij"))


def on_lattice(values: Floats, points: Points) -> Floats:
    """Linear interpolation of lattice values at atlas points, shape (3, ...); 0 outside."""
    half = np.array(HALF_MM).reshape(3, *[1] * (points.ndim - 1))
    found = map_coordinates(values, (points + half) / STEP_MM, order=1, cval=0.0)
    return np.asarray(found, dtype=np.float32)


def first_guess(image: Volume) -> Pose:
    """The atlas in the middle of the stack, upright."""
    return Pose(np.eye(3), image.centre_mm)


def relative_signal(image: Volume) -> Volume:
    """Signal over that of its surroundings, less one, between -1 and 1, on a coarser grid."""
    coarse = image.coarser(COARSE_MM)
    around = gaussian_filter(coarse.voxels, SMOOTH_MM / coarse.spacing_mm, truncate=2.5)
    level = np.maximum(around, max(0.1 * float(np.percentile(around, 95)), 1e-6))
    return Volume(np.clip(coarse.voxels / level - 1.0, -1.0, 1.0), coarse.affine)


def fit(atlas: Atlas, image: Volume) -> Pose:
    """Lay the atlas on an image, from coarse to fine."""
    relative, pose = relative_signal(image), first_guess(image)
    for blur_mm, stride in STAGES:
        smooth = gaussian_filter(relative.voxels, blur_mm / relative.spacing_mm, truncate=3.0)
        wanted = gaussian_filter(atlas.image, blur_mm / STEP_MM)
        places = _places(wanted, atlas.seen, stride=stride)
        pose = _fit_stage(places, moving=Volume(smooth, relative.affine), pose=pose)
    return pose


class _Places(NamedTuple):
    """Lattice points that a fit looks at.

    Attributes:
        points: (3, n), in the atlas frame.
        wanted: (n,), what the image should show there.
        slope: (3, n), how that changes, per mm.
        weight: (n,), share of the training patients who showed it.
    """

    points: Points
    wanted: Floats
    slope: Floats
    weight: Floats


def _places(wanted: Floats, seen: Floats, *, stride: int) -> _Places:
    use = np.zeros(seen.shape, dtype=bool)
    use[::stride, ::stride, ::stride] = True
    use &= seen > LEAST_SEEN
    slope = [np.gradient(wanted, STEP_MM, axis=axis)[use] for axis in range(3)]
    return _Places(lattice()[:, use], wanted[use], np.stack(slope), seen[use])


def _fit_stage(places: _Places, *, moving: Volume, pose: Pose) -> Pose:
    """Gauss-Newton steps on the twelve numbers of an affine map, least squares of the signal."""
    count = places.points.shape[1]
    lever = np.concatenate([places.points / TURN_MM, np.ones((1, count))])
    columns = (places.slope[:, None] * lever[None]).reshape(12, count)
    for _ in range(ROUNDS):
        found = moving.at(pose.to_patient(places.points))
        known = np.isfinite(found)
        rows = columns[:, known] * places.weight[known]
        normal = rows @ columns[:, known].T
        damping = 1e-3 * np.trace(normal) / 12 * np.eye(12) + 1e-9 * np.eye(12)
        difference = places.wanted[known] - found[known]
        change = np.linalg.solve(normal + damping, rows @ difference).reshape(3, 4)
        # a step is taken in the atlas frame, before the pose
        turn = np.eye(3) + change[:, :3] / TURN_MM
        pose = Pose(pose.matrix @ turn, pose.shift + pose.matrix @ change[:, 3])
        if np.abs(change).max() < STILL_MM:
            break
    return _sound(pose, guess=moving)


def _sound(pose: Pose, *, guess: Volume) -> Pose:
    """The pose, or the first guess where the image led it to something no pelvis could be."""
    stretch = np.linalg.svd(pose.matrix, compute_uv=False)
    shift_mm = np.linalg.norm(pose.shift - guess.centre_mm)
    sound = stretch.min() > 0.6 and stretch.max() < 1.6 and shift_mm < 80.0
    return pose if sound else first_guess(guess)


def placed_prior(atlas: Atlas, image: Volume, *, pose: Pose) -> Floats:
    """Probability of each compartment at every voxel, shape (labels, x, y, z)."""
    points = pose.to_atlas(image.points_mm())
    # nearly every voxel is far from any compartment: those are told by the nearest lattice point
    possible = binary_dilation(atlas.prior.any(axis=0), EVERYWHERE)
    edge = np.array(possible.shape).reshape(3, 1, 1, 1) - 1
    nearest = np.rint((points + np.array(HALF_MM).reshape(3, 1, 1, 1)) / STEP_MM).astype(int)
    near = possible[tuple(np.clip(nearest, 0, edge))]
    placed = np.zeros((LABELS, *near.shape), dtype=np.float32)
    placed[:, near] = [on_lattice(each, points[:, near]) for each in atlas.prior]
    return placed


def compartments(prior: Floats) -> NDArray[np.uint8]:
    """The likeliest label where any compartment is likelier than none."""
    likeliest = prior.argmax(axis=0).astype(np.uint8) + np.uint8(1)
    return np.where(prior.sum(axis=0) > 0.5, likeliest, 0).astype(np.uint8)


def brought(image: Volume, mask: Volume, *, pose: Pose) -> Atlas:
    """One patient's image and compartments on the lattice; `seen` is 1 within the stack."""
    there = pose.to_patient(lattice())
    signal = relative_signal(image).at(there)
    known = np.isfinite(signal)
    prior = [
        Volume(mask.voxels == value, mask.affine).at(there, outside=0.0)
        for value in range(1, LABELS + 1)
    ]
    return Atlas(np.nan_to_num(signal), known.astype(np.float32), np.stack(prior))


def average(patients: Iterable[Atlas]) -> Atlas:
    """The atlas of training patients, each brought to the lattice."""
    shape, count = lattice().shape[1:], 0
    image: Floats = np.zeros(shape, np.float32)
    seen: Floats = np.zeros(shape, np.float32)
    prior: Floats = np.zeros((LABELS, *shape), np.float32)
    for patient in patients:
        image += patient.image
        seen += patient.seen
        prior += patient.prior
        count += 1
    often: Floats = np.maximum(seen, np.float32(1))
    return Atlas(image / often, seen / np.float32(count), prior / often)
