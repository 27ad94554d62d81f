"""Folders that a container writes to: made, measured while it runs, and removed."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

DEEPEST = 16
"""Folders within folders; whatever is deeper is more than allowed."""


class Usage(NamedTuple):
    """What a folder holds."""

    bytes: int
    entries: int


def measure(folder: Path, *, entries: int) -> Usage:
    """Bytes and entries below a folder, without following anything; stops above `entries`.

    What cannot be counted (a folder that may not be listed, or too deep) counts as too many.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        return _measure(descriptor, entries=entries, depth=0)
    finally:
        os.close(descriptor)


def _measure(descriptor: int, *, entries: int, depth: int) -> Usage:
    size = count = 0
    with os.scandir(descriptor) as found:
        for entry in found:
            inner = _measure_entry(entry, descriptor, entries=entries - count, depth=depth)
            size, count = size + inner.bytes, count + inner.entries
            if count > entries:
                break
    return Usage(size, count)


def _measure_entry(entry: os.DirEntry[str], parent: int, *, entries: int, depth: int) -> Usage:
    uncountable = Usage(0, entries + 1)
    try:
        status = entry.stat(follow_symlinks=False)
        # a sparse file is as large as it says, since it is read as such
        own = max(status.st_size, status.st_blocks * 512)
        if not stat.S_ISDIR(status.st_mode):
            return Usage(own, 1)
        if depth == DEEPEST:
            return uncountable
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        descriptor = os.open(entry.name, flags, dir_fd=parent)
    except FileNotFoundError:
        return Usage(0, 0)  # gone since it was listed: the container is still at work
    except OSError:
        return uncountable
    try:
        inner = _measure(descriptor, entries=entries - 1, depth=depth + 1)
        return Usage(inner.bytes, inner.entries + 1)
    finally:
        os.close(descriptor)


def writable_folder(path: Path) -> None:
    """Make a folder that any user may write to; whoever must not is kept out by its parent."""
    path.mkdir(parents=True)
    path.chmod(0o777)


def remove_folder(path: Path) -> None:
    """Remove a folder however deep a stranger made it and whatever its modes; it may be absent.

    Inner folders are moved up before they are entered: no path grows, nothing recurses.
    """
    if not os.path.lexists(path):
        return
    path.chmod(0o700)
    while folders := _empty(path):
        for folder in folders:
            folder.chmod(0o700)
            for inner in _empty(folder):
                inner.chmod(0o700)  # its own entry `..` is written when it moves
                inner.rename(path / uuid4().hex)
            folder.rmdir()
    path.rmdir()


def _empty(folder: Path) -> list[Path]:
    """Unlink all but folders, which are returned."""
    with os.scandir(folder) as found:
        entries = list(found)
    folders = [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    for entry in entries:
        if not entry.is_dir(follow_symlinks=False):
            os.unlink(entry.path)  # noqa: PTH108 - no Path is needed of a name that goes
    return folders
