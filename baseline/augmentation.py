"""nnU-Net's augmentation as the paper has it: turned, scaled, moved, but never mirrored.

The transforms are nnU-Net's own. What differs: no mirroring, because the labels have sides; turns
bounded, because half a turn in the slice swaps the sides as well; a shift beyond the random place
of the patch, because a patch as large as the image has no other; and the blur always computed the
same way, because nnU-Net otherwise picks the faster of two by timing them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from batchgeneratorsv2.transforms.noise.gaussian_blur import GaussianBlurTransform
from batchgeneratorsv2.transforms.spatial.mirroring import MirrorTransform
from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform


def members(transform: Any) -> Iterator[Any]:
    """A transform and all that it is composed of."""
    yield transform
    for inner in getattr(transform, "transforms", ()):
        yield from members(inner)
    if (wrapped := getattr(transform, "transform", None)) is not None:
        yield from members(wrapped)


def adapt(transform: Any, *, loaded: Sequence[int], shift: Sequence[int]) -> None:
    """Change nnU-Net's composed training transforms in place.

    Args:
        transform: composed, made without mirror axes.
        loaded: size of the patch before it is turned and cut, in voxels; of the axes that turn.
        shift: largest move along each of these axes, in voxels.

    Raises:
        ValueError: something would mirror after all.
    """
    for each in members(transform):
        if isinstance(each, MirrorTransform):
            raise ValueError("the labels have sides: nothing may be mirrored")  # noqa: TRY004
        if isinstance(each, GaussianBlurTransform):
            each.benchmark = False
        if isinstance(each, SpatialTransform):
            each.random_crop = any(shift)
            each.patch_center_dist_from_border = [
                size / 2 - reach for size, reach in zip(loaded, shift, strict=True)
            ]


def shift_in_voxels(translation_mm: float, *, spacing_mm: Sequence[float]) -> tuple[int, ...]:
    """Largest move along (slices, rows, columns): none across slices."""
    _, *in_plane = spacing_mm
    return (0, *(round(translation_mm / each) for each in in_plane))
