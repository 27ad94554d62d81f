"""The site on disk: read from a board's folder, written over nothing but an earlier site."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from leaderboard.board_folder import Contents, entries_digest
from leaderboard.site.inputs import Leaderboard
from schema.errors import FolderError, UsageError
from tasks.files import digest_bytes, read_text, write_text
from tasks.specification import load_tasks

SUMS = "SITE-SHA256SUMS"
"""Not the name of a board's own list: a board is never taken for an earlier site."""


def leaderboard_of(contents: Contents) -> Leaderboard:
    """What to show of a board.

    Raises:
        FolderError: standings were made from other entries than those that are there.
    """
    stale = [
        task.value
        for task, standings in contents.standings.items()
        if standings.entries_digest != entries_digest(contents, task)
    ]
    if stale:
        raise FolderError(
            f"standings of {', '.join(sorted(stale))}: expected those of the entries that are "
            "there, got those of others; run `lln leaderboard verify` to see what changed"
        )
    return Leaderboard.of(
        board=contents.board,
        entries=contents.entries.values(),
        standings=contents.standings.values(),
        ledger=contents.ledger,
        tasks=load_tasks(),
    )


def write_site(files: Mapping[str, str], *, out: Path) -> None:
    """Write every file and their digests; the files of an earlier site are replaced or removed.

    Raises:
        UsageError: the folder holds a file that no earlier site put there.
    """
    earlier = _listed(out / SUMS)
    there = {each.relative_to(out).as_posix() for each in out.rglob("*") if each.is_file()}
    if foreign := sorted(there - earlier - {SUMS}):
        raise UsageError(
            f"{out} holds {foreign[0]}, which is no part of a site: name another folder, or "
            "remove what is there"
        )
    for path in sorted(there - files.keys() - {SUMS}):
        (out / path).unlink()
    for path, text in files.items():
        write_text(out / path, text)
    write_text(out / SUMS, sums_of(files))


def sums_of(files: Mapping[str, str]) -> str:
    """The digest of every file, as `sha256sum --check` reads them."""
    digests = {path: digest_bytes(text.encode()) for path, text in sorted(files.items())}
    return "".join(f"{each.removeprefix('sha256:')}  {path}\n" for path, each in digests.items())


def _listed(sums: Path) -> set[str]:
    if not sums.exists():
        return set()
    return {line.partition("  ")[2] for line in read_text(sums).splitlines()}
