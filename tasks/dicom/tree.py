"""Every DICOM file below a folder, whatever its name and however deep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from schema.errors import FolderError, Unreadable, UnreadableFileError
from schema.finding import Finding
from tasks.dicom.checks import FileDamaged, TreeTooLarge
from tasks.dicom.frames import Frame
from tasks.dicom.headers import has_mark, read_frames
from tasks.files import is_folder, list_folder

DIRECTORY = "DICOMDIR"
LOST = frozenset(
    (Unreadable.CORRUPT, Unreadable.TRUNCATED, Unreadable.TOO_LARGE, Unreadable.DENIED)
)
"""Ways of being unreadable in which a slice may have been lost."""


class ReadingLimits(NamedTuple):
    """How much is read at most."""

    files: int = 200_000
    depth: int = 32
    file_bytes: int = 2 << 30
    stack_bytes: int = 2 << 30
    """Of the pixels of one stack, not compressed."""


READING_LIMITS = ReadingLimits()


class Skipped(NamedTuple):
    """A file that is left aside, and why."""

    where: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomTree:
    """What a folder holds.

    Attributes:
        folder: where it was found; not shown, since its name may tell who the patient is.
        frames: every frame of every image, files in the order of their paths.
        skipped: files that hold no DICOM image.
        findings: DICOM files that are damaged; none of them stops the reading.
    """

    folder: Path = field(repr=False)
    frames: tuple[Frame, ...]
    skipped: tuple[Skipped, ...]
    findings: tuple[Finding, ...]


def read_tree(folder: Path, *, limits: ReadingLimits = READING_LIMITS) -> DicomTree:
    """Read the header of every DICOM file below a folder; no pixel.

    Links are not followed; names that begin with a dot and DICOMDIR are passed over.

    Raises:
        FolderError: the folder is none, or holds more files or deeper folders than the limits say.
    """
    if not is_folder(folder):
        raise FolderError("no folder of DICOM files: it is missing, a file or a link")
    frames: list[Frame] = []
    skipped: list[Skipped] = []
    findings: list[Finding] = []
    for each in _paths(folder, limits=limits):
        if isinstance(each, Skipped):
            skipped.append(each)
            continue
        try:
            found = _read(folder / each, where=each, limits=limits)
        except UnreadableFileError as error:
            if error.kind in LOST:
                findings += FileDamaged.findings(str(error), where=each)
            skipped.append(Skipped(each, str(error)))
            continue
        frames += found
        if not found:
            skipped.append(Skipped(each, "DICOM without an image"))
    return DicomTree(
        folder=folder, frames=tuple(frames), skipped=tuple(skipped), findings=tuple(findings)
    )


def _paths(folder: Path, *, limits: ReadingLimits) -> Iterator[str | Skipped]:
    """Paths below the folder, in order."""
    for number, each in enumerate(_walk(folder, below="", depth=0, limits=limits)):
        if number >= limits.files:
            raise _too_large(f"at most {limits.files} files", "more files")
        yield each


def _walk(
    folder: Path, *, below: str, depth: int, limits: ReadingLimits
) -> Iterator[str | Skipped]:
    if depth > limits.depth:
        raise _too_large(f"folders at most {limits.depth} deep", "a deeper one")
    try:
        entries = list_folder(folder)
    except UnreadableFileError as error:
        yield Skipped(below, str(error))
        return
    for entry in entries:
        where = f"{below}/{entry.name}" if below else entry.name
        if is_folder(folder / entry.name):
            yield from _walk(folder / entry.name, below=where, depth=depth + 1, limits=limits)
        elif not entry.regular:
            yield Skipped(where, "a link or a special file")
        elif entry.name.upper() == DIRECTORY:
            yield Skipped(where, "a DICOM directory")
        else:
            yield where


def _too_large(expected: str, got: str) -> FolderError:
    finding = TreeTooLarge.findings((expected, got), where="")
    return FolderError("the folder of DICOM files is too large", findings=finding)


def _read(path: Path, *, where: str, limits: ReadingLimits) -> tuple[Frame, ...]:
    if not has_mark(path):
        raise UnreadableFileError("no DICOM file: no mark at byte 128", kind=Unreadable.SYNTAX)
    if path.lstat().st_size > limits.file_bytes:
        message = f"larger than {limits.file_bytes} bytes"
        raise UnreadableFileError(message, kind=Unreadable.TOO_LARGE)
    return read_frames(path, where=where)
