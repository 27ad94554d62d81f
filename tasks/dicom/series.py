"""Frames into stacks.

A series is what one acquisition made, on paper. In practice one may hold two echoes, magnitude and
phase, three orientations of a localiser, or time points. A stack is the part of a series whose
frames can be the slices of one volume.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from tasks.dicom.frames import Frame, Instance

ORIENTATION_TOLERANCE = 1e-3
"""Of any direction cosine of two slices of one stack."""
SPACING_TOLERANCE_MM = 1e-4
ECHO_TOLERANCE_MS = 0.5
SAME_PLACE_MM = 0.01
"""Two slices nearer than this lie at one place."""
STRAY_FRAMES = 3
"""Fewer frames than this are no stack of their own but strays of another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """Frames of one series that can be the slices of one volume.

    Attributes:
        part: its number in the series, from 1.
        parts: how many the series holds.
        frames: in the order of their files.
    """

    part: int
    parts: int
    frames: tuple[Frame, ...]

    @property
    def first(self) -> Frame:
        """The first frame: what all of them share can be read from it."""
        return self.frames[0]

    @property
    def instance(self) -> Instance:
        """The file of the first frame."""
        return self.first.instance

    @property
    def name(self) -> str:
        """The series' UID, with `#2` for its second part where there are several."""
        uid = self.instance.series_uid
        return f"{uid}#{self.part}" if self.parts > 1 else uid

    @property
    def normal(self) -> NDArray[np.float64] | None:
        """LPS unit vector across the slices, shape (3,); None without an orientation."""
        if self.first.orientation is None:
            return None
        along_row, along_column = np.asarray(self.first.orientation).reshape(2, 3)
        normal = np.cross(along_row, along_column)
        length = float(np.linalg.norm(normal))
        return normal / length if length > 0 else None

    @property
    def offsets_mm(self) -> NDArray[np.float64] | None:
        """Where the slices lie along the normal, ascending, each place once; None when unknown."""
        places = [frame.position_mm for frame in self.frames if frame.position_mm is not None]
        if self.normal is None or not places:
            return None
        along = np.sort(np.asarray(places) @ self.normal)
        return along[np.concatenate(([True], np.diff(along) > SAME_PLACE_MM))]


def stacks_of(frames: Iterable[Frame]) -> tuple[Stack, ...]:
    """Every stack, series by series, in the order of study UID, series UID and part."""

    def key(frame: Frame) -> tuple[str, str]:
        return frame.instance.study_uid, frame.instance.series_uid

    # sorting is stable: within a series the files keep their order
    series = (tuple(group) for _, group in groupby(sorted(frames, key=key), key=key))
    return tuple(stack for each in series for stack in _parts(each))


def _parts(frames: tuple[Frame, ...]) -> list[Stack]:
    parts: list[list[Frame]] = []
    for frame in frames:
        home = next((part for part in parts if _alike(part[0], frame)), None)
        if home is None:
            parts.append([frame])
        else:
            home.append(frame)
    whole = [tuple(each) for part in parts for each in _by_time(part)]
    return [
        Stack(part=number, parts=len(whole), frames=each)
        for number, each in enumerate(whole, start=1)
    ]


def _alike(one: Frame, other: Frame) -> bool:
    """Whether two frames of a series may be slices of one volume."""
    return (
        _label(one) == _label(other)
        and _close(one.orientation, other.orientation, limit=ORIENTATION_TOLERANCE)
        and _close(one.spacing_mm, other.spacing_mm, limit=SPACING_TOLERANCE_MM)
        and _close(_single(one.echo_time_ms), _single(other.echo_time_ms), limit=ECHO_TOLERANCE_MS)
    )


def _label(frame: Frame) -> tuple[Hashable, ...]:
    pixels = frame.instance.pixels
    return pixels.rows, pixels.columns, frame.image_type, frame.b_value, frame.stack_id


def _single(value: float | None) -> tuple[float, ...] | None:
    return None if value is None else (value,)


def _close(one: tuple[float, ...] | None, other: tuple[float, ...] | None, *, limit: float) -> bool:
    if one is None or other is None:
        return one is other
    return all(abs(a - b) <= limit for a, b in zip(one, other, strict=True))


def _by_time(frames: Sequence[Frame]) -> list[Sequence[Frame]]:
    """Time points or acquisitions apart, but only where places repeat and that is what explains it.

    Some scanners number the interleaved halves of one stack as two acquisitions: those repeat no
    place, and stay together.
    """
    if not _repeats(frames):
        return [frames]
    keys: tuple[Callable[[Frame], int | None], ...] = (
        lambda frame: frame.temporal,
        lambda frame: frame.acquisition,
    )
    for key in keys:
        values = sorted({key(frame) or 0 for frame in frames})
        parts = [[each for each in frames if (key(each) or 0) == value] for value in values]
        if len(parts) > 1 and not any(_repeats(part) for part in parts):
            return list(parts)
    return [frames]


def _repeats(frames: Sequence[Frame]) -> bool:
    """Whether two frames lie at one place."""
    places = np.asarray([each.position_mm for each in frames if each.position_mm is not None])
    if len(places) < 2:
        return False
    distance, _ = cKDTree(places).query(places, k=2)  # to itself and to the nearest other
    return bool((distance[:, 1] <= SAME_PLACE_MM).any())
