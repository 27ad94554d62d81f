"""The two masks of a case from its mask files: labels of files into labels of the kit."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schema.finding import Finding
from schema.importing import MaskSource
from schema.terms import TaskId
from tasks.files import is_folder, list_folder
from tasks.importing.checks import (
    Doubt,
    MaskLabelsOverlap,
    MaskLabelUnknown,
    MaskUnreadable,
    shown,
)
from tasks.importing.mapping import KEY, label_tasks
from tasks.importing.mask_files import Layer, MaskError, MaskFile, Place, open_mask

FILES_LIMIT = 200_000
DEPTH_LIMIT = 32
_EDGE_BEFORE, _EDGE_AFTER = r"(?<![A-Za-z0-9])", r"(?![A-Za-z0-9])"


class MaskInput(NamedTuple):
    """A file of a case, what its labels mean, and where it lies below the folder of masks."""

    where: str
    source: MaskSource


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Masks:
    """What the mask files of a case say.

    Attributes:
        voxels: by task, uint8 on the image's grid; all of no use where a finding fails the case.
        turned: files whose axes were exchanged or reversed, without loss.
        findings: everything that is wrong with them.
    """

    voxels: Mapping[TaskId, NDArray[np.uint8]]
    turned: tuple[str, ...]
    findings: tuple[Finding, ...]


def files_below(folder: Path, *, below: str = "", depth: int = 0) -> Iterator[str]:
    """Regular files below a folder, in order; links and hidden names are passed over."""
    if depth > DEPTH_LIMIT:
        return
    for entry in list_folder(folder):
        where = f"{below}/{entry.name}" if below else entry.name
        if entry.regular:
            yield where
        elif is_folder(folder / entry.name):
            yield from files_below(folder / entry.name, below=where, depth=depth + 1)


def file_pattern(template: str, *, key: str | None) -> re.Pattern[str]:
    """A template of `MaskSource.file` for one key, for whole paths below the folder.

    Where `*` stands beside the key, no letter and no digit may: the key 1 is not in `12_nodes`.

    Args:
        template: with `{key}`, `*` and `**/`.
        key: None for any.
    """
    whole = r"[^/]+" if key is None else re.escape(key)
    meaning = {KEY: whole, "**/": "(?:.*/)?", "*": "[^/]*"}
    parts = [part for part in re.split(r"(\{key\}|\*\*/|\*)", template) if part]
    pattern = ""
    for number, part in enumerate(parts):
        if part == KEY and key is not None:
            pattern += _EDGE_BEFORE if parts[:number][-1:] == ["*"] else ""
            pattern += whole + (_EDGE_AFTER if parts[number + 1 : number + 2] == ["*"] else "")
        else:
            pattern += meaning.get(part, re.escape(part))
    return re.compile(pattern)


def read_masks(
    inputs: Sequence[MaskInput],
    *,
    folder: Path,
    place: Place,
    tasks: Sequence[TaskId],
    case_id: str,
) -> Masks:
    """Read and combine the mask files of one case.

    Args:
        inputs: its files.
        folder: of masks.
        place: the image that they belong to.
        tasks: those that get a mask; labels of another task are passed over.
        case_id: for findings.
    """
    made = _Combiner(place, tasks=tasks, case_id=case_id)
    for each in inputs:
        made.add(each, path=folder / each.where)
    return Masks(voxels=made.voxels, turned=tuple(made.turned), findings=tuple(made.findings))


class _Combiner:
    """Collects the labels of several files, and what is wrong with them."""

    def __init__(self, place: Place, *, tasks: Sequence[TaskId], case_id: str) -> None:
        self._place, self._case_id, self._known = place, case_id, label_tasks()
        size = place.geometry.size
        self.voxels = {task: np.zeros(size, dtype=np.uint8, order="F") for task in tasks}
        self.turned: list[str] = []
        self.findings: list[Finding] = []

    def add(self, given: MaskInput, *, path: Path) -> None:
        try:
            opened = self._opened(given, path=path)
            if opened.turned:
                self.turned.append(given.where)
            self._add(given, opened)
        except MaskError as error:
            found = error.check.findings(error.doubt, where=given.where, case_id=self._case_id)
            self.findings += found

    def _opened(self, given: MaskInput, *, path: Path) -> MaskFile:
        opened = open_mask(path, place=self._place)
        if given.source.by == "name" and not opened.named:
            expected = "segments with names: a .seg.nrrd or a DICOM SEG"
            raise MaskError(MaskUnreadable, Doubt(expected, "voxel values without names"))
        return opened

    def _add(self, given: MaskInput, opened: MaskFile) -> None:
        unknown: list[str] = []
        overlaps: dict[str, int] = {}
        for layer in opened.layers:
            for label, where in _labels(layer, by=given.source.by):
                names = given.source.labels.get(label)
                if names is None:
                    unknown.append(f"{label!r} on {np.count_nonzero(where)} voxels")
                for name in names or ():
                    if count := self._mark(name, where):
                        overlaps[name] = overlaps.get(name, 0) + count
        self._tell(given, unknown=unknown, overlaps=overlaps)

    def _mark(self, name: str, where: NDArray[np.bool_]) -> int:
        """Give voxels a label of the kit; how many of them have another one of its task."""
        task, value = self._known[name]
        if task not in self.voxels:
            return 0
        mask = self.voxels[task]
        there = mask[where]
        mask[where] = value
        return int(np.count_nonzero((there != 0) & (there != value)))

    def _tell(
        self, given: MaskInput, *, unknown: Sequence[str], overlaps: Mapping[str, int]
    ) -> None:
        where, case_id = given.where, self._case_id
        if unknown:
            doubt = Doubt("one of " + shown(list(given.source.labels)), shown(unknown))
            self.findings += MaskLabelUnknown.findings(doubt, where=where, case_id=case_id)
        if overlaps:
            got = shown(
                [f"{name} on {count} voxels of another" for name, count in overlaps.items()]
            )
            doubt = Doubt("one label of a task on each voxel", got)
            self.findings += MaskLabelsOverlap.findings(doubt, where=where, case_id=case_id)


def _labels(layer: Layer, *, by: str) -> Iterator[tuple[str, NDArray[Any]]]:
    """Each label of a layer, as the mapping spells it, and where it is."""
    for value in np.unique(layer.voxels).tolist():
        if value:
            label = layer.names.get(value, "").strip() if by == "name" else str(value)
            yield label or f"segment {value} without a name", layer.voxels == value
