"""What goes into a container: copies of the images of its cases, and a folder of weights.

A copy, because the cohort's own files may be unreadable to the container's user, and because then
no path of the cohort is ever mounted.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from evaluation.sandbox.container import User
from schema.errors import CohortError, SandboxError, Unreadable, UnreadableFileError, Unrunnable
from tasks.cohort import Cohort
from tasks.files import digest_bytes, read_bytes, write_bytes
from tasks.layout import IMAGES, mask_name

READ_ONLY, LISTED = 0o444, 0o755


def digest_images(cohort: Cohort) -> dict[str, str]:
    """Digest of each case's image.

    Raises:
        CohortError: an image is missing or no plain file.
    """
    return {case_id: digest_bytes(_read(cohort, case_id)) for case_id in cohort.manifest.cases}


def digest_inputs(images: Mapping[str, str]) -> str:
    """One digest of the case ids and their images, whatever their order."""
    lines = "".join(f"{case_id}\0{images[case_id]}\n" for case_id in sorted(images))
    return digest_bytes(lines.encode())


def stage(cohort: Cohort, *, cases: Sequence[str], images: Mapping[str, str], folder: Path) -> None:
    """Copy the images of some cases into `folder`, readable to anybody.

    Raises:
        SandboxError: an image is not the one that the run began with.
        CohortError: as `digest_images`.
    """
    for case_id in cases:
        content, target = _read(cohort, case_id), folder / IMAGES / mask_name(case_id)
        if digest_bytes(content) != images[case_id]:
            message = f"{cohort.image(case_id)}: the image changed while the run went on"
            raise SandboxError(message, kind=Unrunnable.INPUT_CHANGED)
        write_bytes(target, content)
        target.chmod(READ_ONLY)
    for each in (folder, folder / IMAGES):
        each.chmod(LISTED)


def _read(cohort: Cohort, case_id: str) -> bytes:
    try:
        return _whole(cohort.image(case_id))
    except (UnreadableFileError, OSError) as error:
        raise CohortError(f"{cohort.image(case_id)}: {error}") from error


def _whole(path: Path) -> bytes:
    return read_bytes(path, limit=path.lstat().st_size)


def digest_file(path: Path) -> str:
    """Digest of a plain file.

    Raises:
        UnreadableFileError: it is missing, a link or special.
    """
    try:
        return digest_bytes(_whole(path))
    except FileNotFoundError as error:
        raise UnreadableFileError("no such file", kind=Unreadable.MISSING) from error


def image_bytes(cohort: Cohort, cases: Sequence[str]) -> int:
    """How much room the copies of some cases take."""
    return sum(cohort.image(case_id).stat().st_size for case_id in cases)


def digest_weights(folder: Path, *, user: User) -> str:
    """Digest of the names and contents of a folder of weights, links by where they point.

    Raises:
        SandboxError: the container's user could not read all of it.
    """
    total = hashlib.sha256()
    for path in (folder, *sorted(_below(folder))):
        total.update(os.fsencode(path.relative_to(folder)) + b"\0")
        total.update(_content(path, user=user) + b"\n")
    return "sha256:" + total.hexdigest()


def _below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        yield from (Path(parent, name) for name in (*folders, *files))


def _content(path: Path, *, user: User) -> bytes:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return os.fsencode(path.readlink())
    is_folder = stat.S_ISDIR(status.st_mode)
    if not (is_folder or stat.S_ISREG(status.st_mode)):
        raise _unusable(path, "is no file, folder or link", fix="remove it")
    needed = 0o005 if is_folder else 0o004
    if status.st_uid == user.uid:
        needed <<= 6
    if status.st_mode & needed != needed:
        raise _unusable(
            path, f"cannot be read by the container's user {user.uid}", fix="chmod -R a+rX"
        )
    if is_folder:
        return b""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest().encode()


def _unusable(path: Path, what: str, *, fix: str) -> SandboxError:
    return SandboxError(f"{path} {what}: {fix}", kind=Unrunnable.NO_WEIGHTS)
