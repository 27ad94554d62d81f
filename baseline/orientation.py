"""The order of axes in which the networks see a volume, and the way back. Pure, exact, no files.

A file may store the same body in 48 orders of axes. The networks learn right from left by the
order of the voxels alone, so training and prediction bring every volume into one order first: axes
towards the patient's right, anterior and superior (RAS). Voxels are moved, never interpolated; an
oblique volume stays oblique, its axes only take the names of the directions they are nearest to.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tasks.geometry import RAS_TO_LPS, Geometry, Triple

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True, kw_only=True)
class Orientation:
    """How a stored volume becomes a canonical one.

    Attributes:
        order: stored axis that runs along right-left, anterior-posterior, superior-inferior.
        reversed_axes: whether each of these runs the other way in the file.
    """

    order: tuple[int, int, int]
    reversed_axes: tuple[bool, bool, bool]

    @classmethod
    def of(cls, geometry: Geometry) -> Orientation:
        """The orientation of a grid.

        The stored axis that is nearest to any direction of the body is given to it, then the next
        nearest to one that is left. It depends on where the axes point, not on the order in which
        they are stored, and is what nnU-Net's reader does (`nibabel.io_orientation`).
        """
        left, _, right = np.linalg.svd(RAS_TO_LPS[:3, :3] @ geometry.direction_matrix)
        cosines = left @ right  # the nearest rotation: a header's axes may be a little askew
        near = np.abs(cosines)
        order = {}
        for axis in np.argsort(-near.max(axis=0), kind="stable"):
            towards = int(near[:, axis].argmax())
            order[towards] = int(axis)
            near[towards] = 0
        i, j, k = (order[towards] for towards in range(3))
        r, a, s = (bool(cosines[towards, order[towards]] < 0) for towards in range(3))
        return cls(order=(i, j, k), reversed_axes=(r, a, s))

    def canonical(self, stored: NDArray[Scalar]) -> NDArray[Scalar]:
        """A stored array (i, j, k) as (superior, anterior, right): a view, slices first.

        The axes are those of nnU-Net's reader `NibabelIOWithReorient`, last axis of the file first.
        """
        turned: NDArray[Scalar] = stored.transpose(self.order)[self._steps]
        return turned.transpose(2, 1, 0)

    def stored(self, canonical: NDArray[Scalar]) -> NDArray[Scalar]:
        """The way back: a canonical array in the order of the file, a view."""
        turned: NDArray[Scalar] = canonical.transpose(2, 1, 0)[self._steps]
        return turned.transpose(np.argsort(self.order))

    def canonical_spacing_mm(self, geometry: Geometry) -> Triple:
        """Spacing along the axes of `canonical`."""
        right, anterior, superior = (geometry.spacing_mm[axis] for axis in self.order)
        return superior, anterior, right

    @property
    def _steps(self) -> tuple[Any, ...]:
        return tuple(slice(None, None, -1 if each else 1) for each in self.reversed_axes)
