"""A folder of DICOM files as one axial T2 volume with its place in the patient."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
from numpy.typing import NDArray

from schema.errors import FolderError, UnreadableFileError
from schema.finding import Finding
from tasks.dicom.checks import (
    STACK_CHECKS,
    ChosenAgainstRules,
    NoImage,
    PixelsDamaged,
    Repeat,
    SeriesAmbiguous,
    SeriesFacts,
    SeriesRefused,
    SeriesUnknown,
    SeveralPatients,
    StackFacts,
)
from tasks.dicom.choice import CHOICE_LIMITS, Choice, ChoiceLimits, choose, described
from tasks.dicom.frames import Frame
from tasks.dicom.headers import read_sources
from tasks.dicom.pixels import decoded, missing_decoder
from tasks.dicom.series import STRAY_FRAMES, Stack, stacks_of
from tasks.dicom.stack import Arrangement, arrange
from tasks.dicom.tree import READING_LIMITS, DicomTree, ReadingLimits, Skipped, read_tree
from tasks.files import digest_bytes
from tasks.geometry import Geometry

Voxels = NDArray[Any]


class Refusal(NamedTuple):
    """A series that was not taken, in words, and why."""

    series: str
    reasons: tuple[str, ...]


class Chosen(NamedTuple):
    """The stack that was taken.

    Attributes:
        stack: the stack.
        series: every stack of its series.
        reason: what it is and why it was taken.
        refused: every other stack.
        findings: notes.
    """

    stack: Stack
    series: tuple[Stack, ...]
    reason: str
    refused: tuple[Refusal, ...]
    findings: tuple[Finding, ...]


class Slice(NamedTuple):
    """Where one slice of a volume came from.

    Attributes:
        where: its file below the folder.
        frame: its frame in that file, from 0.
        sop_instance_uid: of that file.
    """

    where: str
    frame: int
    sop_instance_uid: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DicomVolume:
    """One stack as an array with its place in the patient.

    Attributes:
        voxels: indexed (i, j, k): columns, rows, slices; the stored integer type, or float32 when
            the values are rescaled. Its memory is ordered as a NIfTI file's.
        geometry: its grid in LPS; k ascends along row x column.
        series_uid: of the series.
        study_uid: of the study.
        reason: what was taken and why, in words.
        findings: notes; none of them fails the case.
        refused: every other series of the folder, and why.
        skipped: files that hold no DICOM image.
        slices: where slice k came from.
        folder: where the files lie; not shown, since its name may tell who the patient is.
    """

    voxels: Voxels = field(repr=False)
    geometry: Geometry
    series_uid: str
    study_uid: str
    reason: str
    findings: tuple[Finding, ...]
    refused: tuple[Refusal, ...] = field(repr=False)
    skipped: tuple[Skipped, ...] = field(repr=False)
    slices: tuple[Slice, ...] = field(repr=False)
    folder: Path = field(repr=False)

    def source_datasets(self) -> list[Any]:
        """The source files' whole headers as pydicom datasets, read now; they tell the patient.

        One for each slice, in the order of k; for a multi-frame source one for each file.

        Raises:
            UnreadableFileError: a file can no longer be read.
        """
        return read_sources(self.folder, tuple(dict.fromkeys(each.where for each in self.slices)))


def read_t2_volume(
    folder: Path,
    *,
    series: str | None = None,
    choice_limits: ChoiceLimits = CHOICE_LIMITS,
    reading_limits: ReadingLimits = READING_LIMITS,
) -> DicomVolume:
    """Read the axial high-resolution T2 volume of one patient from a folder of DICOM files.

    Args:
        folder: any nesting, any file names, other series and other files beside it.
        series: the UID of the series to take, whatever the rules say; with `#2` for a part of it.
        choice_limits: the numbers of the rules.
        reading_limits: how much is read at most.

    Raises:
        FolderError: nothing, or no single series qualifies, or the chosen stack is no sound volume;
            its findings hold every reason.
    """
    tree = read_tree(folder, limits=reading_limits)
    chosen = choose_t2(stacks_of(tree.frames), series=series, limits=choice_limits, tree=tree)
    return convert(chosen, tree=tree, byte_limit=reading_limits.stack_bytes)


def choose_t2(
    stacks: Sequence[Stack],
    *,
    tree: DicomTree,
    series: str | None = None,
    limits: ChoiceLimits = CHOICE_LIMITS,
) -> Chosen:
    """Choose the axial high-resolution T2 stack, or the one that was named.

    Raises:
        FolderError: as `read_t2_volume`.
    """
    if not stacks:
        _refuse(NoImage.findings(len(tree.skipped), where=""), tree=tree)
    choice = choose(stacks, limits=limits)
    if series is not None:
        return _named(choice, series=series, tree=tree)
    patients = len({frame.instance.patient for stack in stacks for frame in stack.frames})
    findings = SeveralPatients.findings(patients, where="")
    if not choice.best:
        refused = (each for each in choice.judged)
        findings += [
            each for one in refused for each in SeriesRefused.findings(one, where="series")
        ]
    elif len(choice.best) > 1:
        findings += SeriesAmbiguous.findings(choice.best, where="series")
    if findings:
        _refuse(findings, tree=tree)
    (stack,) = choice.best
    qualified = sum(not each.breaches for each in choice.judged)
    why = "it alone qualifies" if qualified == 1 else f"the best of {qualified} that qualify"
    return _chosen(stack, choice=choice, why=f"{why}, of {len(stacks)}", findings=())


def _named(choice: Choice, *, series: str, tree: DicomTree) -> Chosen:
    """The stack that was asked for by its name, or by its series' UID when that is clear."""
    found = [
        each
        for each in choice.judged
        if series in {each.stack.name, each.stack.instance.series_uid}
    ]
    # of several parts those that qualify, if any does; else those that are more than strays
    found = [each for each in found if not each.breaches] or found
    found = [each for each in found if len(each.stack.frames) >= STRAY_FRAMES] or found
    if not found:
        names = tuple(each.stack.name for each in choice.judged)
        _refuse(SeriesUnknown.findings(SeriesFacts(series, names), where="series"), tree=tree)
    if len(found) > 1:
        stacks = tuple(each.stack for each in found)
        _refuse(SeriesAmbiguous.findings(stacks, where="series"), tree=tree)
    (judged,) = found
    notes = ChosenAgainstRules.findings(judged, where="series")
    return _chosen(judged.stack, choice=choice, why="it was named", findings=notes)


def _chosen(stack: Stack, *, choice: Choice, why: str, findings: Iterable[Finding]) -> Chosen:
    refused = tuple(
        Refusal(
            described(each.stack),
            tuple(f"{breach.rule.title()}: no, {breach.got}" for breach in each.breaches)
            or ("it qualifies, but another one was taken",),
        )
        for each in choice.judged
        if each.stack is not stack
    )
    uid = stack.instance.series_uid
    series = tuple(
        each.stack
        for each in choice.judged
        if (each.stack.instance.study_uid, each.stack.instance.series_uid)
        == (stack.instance.study_uid, uid)
    )
    return Chosen(stack, series, f"{described(stack)}: {why}", refused, tuple(findings))


def convert(
    chosen: Chosen, *, tree: DicomTree, byte_limit: int = READING_LIMITS.stack_bytes
) -> DicomVolume:
    """Check the chosen stack and read its pixels.

    Raises:
        FolderError: the stack is no sound volume; its findings hold every reason. Nothing is
            decompressed before every check of the headers has passed, repeated slices apart.
    """
    stack = chosen.stack
    arrangement = arrange(stack)
    facts = StackFacts(
        stack=stack,
        series=chosen.series,
        arrangement=arrangement,
        repeats=tuple(_repeats(arrangement, folder=tree.folder, byte_limit=byte_limit)),
        undecodable=tuple(_undecodable(stack)),
        byte_limit=byte_limit,
    )
    findings = [each for check in STACK_CHECKS for each in check.findings(facts, where="")]
    if arrangement is None or any(each.fails_case for each in findings):
        _refuse(findings, tree=tree)
    voxels = _voxels(arrangement, tree=tree)
    return DicomVolume(
        voxels=voxels,
        geometry=arrangement.geometry(),
        series_uid=stack.instance.series_uid,
        study_uid=stack.instance.study_uid,
        reason=chosen.reason,
        findings=(*tree.findings, *chosen.findings, *findings),
        refused=chosen.refused,
        skipped=tree.skipped,
        slices=tuple(
            Slice(each.instance.where, each.index, each.instance.sop_instance_uid)
            for each in arrangement.frames
        ),
        folder=tree.folder,
    )


def _refuse(findings: Iterable[Finding], *, tree: DicomTree) -> NoReturn:
    raise FolderError("no T2 volume can be read", findings=(*tree.findings, *findings))


def _undecodable(stack: Stack) -> Iterator[tuple[str, str]]:
    for syntax in sorted({frame.instance.transfer_syntax for frame in stack.frames}):
        if (missing := missing_decoder(syntax)) is not None:
            yield syntax, missing


def _repeats(arrangement: Arrangement | None, *, folder: Path, byte_limit: int) -> Iterator[Repeat]:
    """Places with more than one frame, and whether these are the same."""
    places = () if arrangement is None else arrangement.places
    several = [place for place in places if len(place.frames) > 1]
    frames = [frame for place in several for frame in place.frames]
    small = sum(frame.instance.pixels.frame_bytes for frame in frames) <= byte_limit
    contents = _contents(frames, folder=folder) if small else {}
    for place in several:
        found = {contents.get(frame.where) for frame in place.frames}
        yield Repeat(place=place, same=None if None in found else len(found) == 1)


def _contents(frames: Sequence[Frame], *, folder: Path) -> dict[str, str]:
    """Digest of each frame's values and rescaling, by its name; those that decode."""
    digests = {}
    ordered = sorted(frames, key=lambda frame: frame.instance.where)
    for _, group in groupby(ordered, key=lambda frame: frame.instance.where):
        those = list(group)
        with suppress(UnreadableFileError):
            for frame, array in zip(those, decoded(folder, those), strict=True):
                scale = f"{array.dtype} {frame.slope} {frame.intercept}".encode()
                digests[frame.where] = digest_bytes(scale + array.tobytes())
    return digests


def _voxels(arrangement: Arrangement, *, tree: DicomTree) -> Voxels:
    """Decode every slice, file by file; every damaged file is told."""
    frames = arrangement.frames
    stack = np.empty(_shape(frames), dtype=_dtype(frames))
    findings: list[Finding] = []
    order = sorted(range(len(frames)), key=lambda k: (frames[k].instance.where, frames[k].index))
    for where, group in groupby(order, key=lambda k: frames[k].instance.where):
        slices = list(group)
        try:
            arrays = decoded(tree.folder, [frames[k] for k in slices])
            for k, array in zip(slices, arrays, strict=True):
                stack[k] = _rescaled(array, frame=frames[k])
        except UnreadableFileError as error:
            findings += PixelsDamaged.findings(str(error), where=where)
    if findings:
        _refuse(findings, tree=tree)
    return stack.transpose(2, 1, 0)


def _shape(frames: Sequence[Frame]) -> tuple[int, int, int]:
    pixels = frames[0].instance.pixels
    return len(frames), pixels.rows, pixels.columns


def _dtype(frames: Sequence[Frame]) -> np.dtype[Any]:
    """The smallest type that holds every slice: the stored one, or float32 once rescaled."""
    if any(frame.rescaled for frame in frames):
        return np.dtype(np.float32)
    return np.result_type(*{_stored(frame) for frame in frames})


def _stored(frame: Frame) -> np.dtype[Any]:
    pixels = frame.instance.pixels
    return np.dtype(f"{'i' if pixels.signed else 'u'}{pixels.bits_allocated // 8}")


def _rescaled(array: Voxels, *, frame: Frame) -> Voxels:
    if not frame.rescaled:
        return array
    assert frame.slope is not None
    assert frame.intercept is not None
    return array * frame.slope + frame.intercept
