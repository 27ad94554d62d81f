"""Finding lymph nodes: dark blobs in the fat near the compartments, judged by what they look like.

A classical detector, in millimetres throughout: differences of Gaussians propose blobs, a region is
grown from each, and two logistic rules, learned in training, say whether it is a node and whether
the node is positive.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import (
    binary_erosion,
    binary_fill_holes,
    gaussian_filter,
    label,
    maximum_filter,
)
from scipy.spatial import ConvexHull

from rules import Rule
from volumes import Floats, Volume

NEGATIVE, POSITIVE = 1, 2
"""Labels of the answer."""

DIAMETERS_MM = (3.0, 4.2, 6.0, 8.5, 12.0)
STEP = 1.4
"""Between the scales, and between the two Gaussians of a difference."""
POSITIVE_MM = 7.0
"""A node of this short axis is positive by the task's definition, whatever it looks like."""
BY_SIZE = 0.95
"""How sure a measured size is."""
FAINTEST = 0.06
"""Least response of a blob, as a share of the fat's signal."""
DARKEST, BRIGHTEST = 0.2, 0.85
"""Signal of a blob's centre over that of fat."""
NEAR = 0.15
"""Least probability of a compartment where a blob may lie."""
FAT_MM = 10.0
"""Fat is taken to be even within this width."""
MARGIN = (12, 12, 1)
"""Voxels around the compartments that are looked at too."""
EVERYWHERE = np.ones((3, 3, 3), dtype=bool)

Box = tuple[slice, slice, slice]


class Candidate(NamedTuple):
    """A dark region that may be a node.

    Attributes:
        box: where it lies.
        inside: its voxels, shape of the box.
        features: what the rule for "is a node" sees.
        short_axis_mm: see `short_axis_mm`.
        looks: what the rule for "is positive though small" sees.
    """

    box: Box
    inside: NDArray[np.bool_]
    features: tuple[float, ...]
    short_axis_mm: float
    looks: tuple[float, ...]


class Found(NamedTuple):
    """A node of the answer."""

    candidate: Candidate
    node_probability: float
    positive_probability: float


class Drawn(NamedTuple):
    """A node of the mask, as the scorer tells nodes apart.

    Attributes:
        voxel: one of its voxels.
        node_probability: of the likeliest candidate in it.
    """

    voxel: tuple[int, int, int]
    node_probability: float


class Field(NamedTuple):
    """The part of a stack where nodes are looked for.

    Attributes:
        ratio: signal over that of the fat around.
        prior: probability of any compartment, same shape.
        spacing_mm: along each axis.
    """

    ratio: Floats
    prior: Floats
    spacing_mm: NDArray[np.float64]


def relative_to_fat(
    voxels: NDArray[Any], *, near: NDArray[np.bool_], spacing_mm: NDArray[np.float64]
) -> Floats:
    """Signal over that of the fat around: about 1 in fat, less in vessels, muscle and nodes."""
    signal = voxels.astype(np.float32)
    fat = float(np.percentile(signal[near], 75)) if near.any() else 1.0
    is_fat = ((signal > 0.75 * fat) & (signal < 1.35 * fat)).astype(np.float32)
    width = FAT_MM / spacing_mm
    share = gaussian_filter(is_fat, width, truncate=2.5)
    level = gaussian_filter(signal * is_fat, width, truncate=2.5) / np.maximum(share, 1e-3)
    return np.asarray(signal / np.where(share > 0.02, np.maximum(level, 1.0), max(fat, 1.0)))


def candidates(image: Volume, *, prior: Floats) -> list[Candidate]:
    """Every dark blob near the compartments, each region once.

    Args:
        image: the T2-weighted stack.
        prior: probability of any compartment, same shape.
    """
    box = _box(prior > NEAR / 2, margin=MARGIN)
    if box is None:
        return []
    chance, spacing_mm = prior[box], image.spacing_mm
    ratio = relative_to_fat(image.voxels[box], near=chance > NEAR, spacing_mm=spacing_mm)
    field = Field(ratio, chance, spacing_mm)
    seen: set[tuple[int, ...]] = set()
    found = []
    for centre, diameter_mm, response in _blobs(field):
        grown = _grow(ratio, centre=centre, diameter_mm=diameter_mm, spacing_mm=spacing_mm)
        if grown is None:
            continue
        where, inside = grown
        key = (*(edge for side in where for edge in (side.start, side.stop)), int(inside.sum()))
        if key not in seen:
            seen.add(key)
            described = _described(field, where, inside, response=response)
            found.append(described._replace(box=_shifted(where, by=box)))
    return found


def _shifted(box: Box, *, by: Box) -> Box:
    """A box within another, in the indices of the whole."""
    i, j, k = (
        slice(outer.start + inner.start, outer.start + inner.stop)
        for inner, outer in zip(box, by, strict=True)
    )
    return i, j, k


def _box(mask: NDArray[np.bool_], *, margin: tuple[int, int, int]) -> Box | None:
    if not mask.any():
        return None
    sides = []
    for axis, more in enumerate(margin):
        other = tuple(each for each in range(3) if each != axis)
        along = np.flatnonzero(mask.any(axis=other))
        sides.append(slice(max(0, int(along[0]) - more), int(along[-1]) + 1 + more))
    return sides[0], sides[1], sides[2]


def _blobs(field: Field) -> Iterator[tuple[tuple[int, int, int], float, float]]:
    """Centre, diameter and response of every dark blob, the strongest response first."""
    sigmas = np.array(DIAMETERS_MM) / (2.0 * np.sqrt(2.5))
    clipped = np.minimum(field.ratio, 1.1)
    smooth = [
        gaussian_filter(clipped, sigma / field.spacing_mm, truncate=3.0)
        for sigma in (*sigmas, sigmas[-1] * STEP)
    ]
    response = np.stack([wide - narrow for narrow, wide in itertools.pairwise(smooth)])
    # a place is proposed once for every scale that peaks there: which one fits best shows later
    peak = response == maximum_filter(response, size=(1, 3, 3, 3))
    peak &= (response > FAINTEST) & (field.prior > NEAR)
    order = np.argsort(-response[peak], kind="stable")
    for scale, x, y, z in np.argwhere(peak)[order].tolist():
        yield (x, y, z), DIAMETERS_MM[scale], float(response[scale, x, y, z])


def _grow(
    ratio: Floats,
    *,
    centre: tuple[int, int, int],
    diameter_mm: float,
    spacing_mm: NDArray[np.float64],
) -> tuple[Box, NDArray[np.bool_]] | None:
    """The region about a blob's centre whose signal is nearer to the centre's than to the fat's.

    None where the centre is as bright as fat, or as black as an artery or bone.
    """
    reach = np.ceil(diameter_mm / spacing_mm).astype(int)
    low = np.maximum(np.array(centre) - reach, 0)
    high = np.minimum(np.array(centre) + reach + 1, ratio.shape)
    around = ratio[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
    offsets = [
        (np.arange(a, b) - c) * step
        for a, b, c, step in zip(low, high, centre, spacing_mm, strict=True)
    ]
    x, y, z = np.meshgrid(*offsets, indexing="ij")
    distance = np.sqrt(x**2 + y**2 + z**2)
    level = float(np.median(around[distance <= max(0.25 * diameter_mm, 0.9)]))
    dark = (around < (1.0 + level) / 2.0) & (distance <= diameter_mm)
    at = tuple(np.array(centre) - low)
    if not (DARKEST < level < BRIGHTEST and dark[at]):
        return None
    numbers, _ = label(dark)
    inside = _filled(numbers == numbers[at])
    box = _box(inside, margin=(0, 0, 0))
    assert box is not None
    i, j, k = (
        slice(int(a) + side.start, int(a) + side.stop) for a, side in zip(low, box, strict=True)
    )
    return (i, j, k), inside[box]


def _filled(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The region without holes in any slice."""
    slices = [binary_fill_holes(inside[..., k]) for k in range(inside.shape[2])]
    return np.stack(slices, axis=2)


def _described(field: Field, box: Box, inside: NDArray[np.bool_], *, response: float) -> Candidate:
    """A grown region with its measurements."""
    values = field.ratio[box][inside]
    outline = measure_outline(inside, spacing_mm=field.spacing_mm)
    core = binary_erosion(inside, EVERYWHERE[..., 1:2])
    mottle = field.ratio[box][core] if core.sum() > 5 else values
    height_mm = inside.shape[2] * field.spacing_mm[2]
    roundness = outline.short_mm / outline.long_mm
    features = (
        float(np.log(inside.sum() * field.spacing_mm.prod())),
        response,
        float(np.median(values)),
        float(values.std()),
        float(np.log(height_mm / outline.long_mm)),
        roundness,
        outline.solidity,
        float(field.prior[box][inside].mean()),
        *_beyond(field.ratio, box, inside),
    )
    looks = (outline.short_mm, outline.solidity, roundness, float(mottle.std()))
    return Candidate(box, inside, features, outline.short_mm, looks)


def _beyond(ratio: Floats, box: Box, inside: NDArray[np.bool_]) -> tuple[float, float]:
    """Darkest signal of the slices above and below the region: a vessel goes on, a node ends."""
    x, y, z = box
    found = []
    for footprint, k in ((inside[..., 0], z.start - 1), (inside[..., -1], z.stop)):
        known = 0 <= k < ratio.shape[2]
        found.append(float(ratio[x, y, k][footprint].mean()) if known else 1.0)
    return min(found), max(found)


class Outline(NamedTuple):
    """The widest slice of a region.

    Attributes:
        short_mm: caliper width perpendicular to the longest diameter, greatest over the slices.
        long_mm: longest diameter of that slice.
        solidity: its area over that of its convex hull.
    """

    short_mm: float
    long_mm: float
    solidity: float


def measure_outline(inside: NDArray[np.bool_], *, spacing_mm: NDArray[np.float64]) -> Outline:
    """Measure a region slice by slice, the voxels a quarter of a voxel wider on each side."""
    widest = Outline(0.0, 1e-3, 1.0)
    for k in range(inside.shape[2]):
        corners = np.argwhere(inside[..., k])[:, None] + np.array(
            [(0.25, 0.0), (-0.25, 0.0), (0.0, 0.25), (0.0, -0.25)]
        )
        if not corners.size:
            continue
        points = corners.reshape(-1, 2) * spacing_mm[:2]
        hull = ConvexHull(points)
        edge = points[hull.vertices]
        between = edge[:, None] - edge[None]
        lengths = np.hypot(between[..., 0], between[..., 1])
        first, second = np.unravel_index(lengths.argmax(), lengths.shape)
        across = between[first, second][::-1] * (-1.0, 1.0) / lengths[first, second]
        short = float(np.ptp(edge @ across))
        if short > widest.short_mm:
            area = inside[..., k].sum() * spacing_mm[0] * spacing_mm[1]
            widest = Outline(short, float(lengths.max()), float(area / hull.volume))
    return widest


def choose(
    proposed: list[Candidate], *, is_node: Rule, is_positive: Rule, least: float = 0.5
) -> list[Found]:
    """The candidates that are likelier nodes than not, none upon another, the likeliest first."""
    if not proposed:
        return []
    chances = is_node.probability(np.array([each.features for each in proposed]))
    learned = is_positive.probability(np.array([each.looks for each in proposed]))
    large = np.array([each.short_axis_mm >= POSITIVE_MM for each in proposed])
    positive = np.where(large, BY_SIZE, learned)
    chosen: list[Found] = []
    for n in np.argsort(-chances, kind="stable").tolist():
        if chances[n] < least:
            break
        if not any(overlap(proposed[n], each.candidate) for each in chosen):
            chosen.append(Found(proposed[n], float(chances[n]), float(positive[n])))
    return chosen


def overlap(first: Candidate, second: Candidate) -> bool:
    """Whether two regions share a voxel."""
    common = [
        (max(a.start, b.start), min(a.stop, b.stop))
        for a, b in zip(first.box, second.box, strict=True)
    ]
    if any(low >= high for low, high in common):
        return False
    parts = (
        each.inside[
            tuple(
                slice(low - side.start, high - side.start)
                for (low, high), side in zip(common, each.box, strict=True)
            )
        ]
        for each in (first, second)
    )
    one, other = parts
    return bool((one & other).any())


def drawn(found: list[Found], *, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """The answer's mask."""
    mask = np.zeros(shape, dtype=np.uint8)
    for each in found:
        value = POSITIVE if each.positive_probability >= 0.5 else NEGATIVE
        mask[each.candidate.box][each.candidate.inside] = value
    return mask


def told_apart(mask: NDArray[np.uint8], found: list[Found]) -> list[Drawn]:
    """The nodes of the answer's mask: voxels of one class that touch, even by a corner, are one.

    Args:
        mask: from `drawn`.
        found: what was drawn.
    """
    nodes: dict[tuple[int, int], Drawn] = {}
    numbers = {value: label(mask == value, EVERYWHERE)[0] for value in (NEGATIVE, POSITIVE)}
    for each in sorted(found, key=lambda each: -each.node_probability):
        x, y, z = (np.argwhere(each.candidate.inside)[0] + _start(each.candidate.box)).tolist()
        value = int(mask[x, y, z])
        # the likeliest of candidates that touch comes first, and stands for all of them
        key = value, int(numbers[value][x, y, z])
        nodes.setdefault(key, Drawn((x, y, z), each.node_probability))
    return list(nodes.values())


def _start(box: Box) -> list[int]:
    return [side.start for side in box]
