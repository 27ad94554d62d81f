"""What an import remembers outside of the cohort: one record a case, so that it can go on.

A record is written after the files of its case and names their digests. A case whose inputs, rules
and files are those of its record is done; anything else is done again.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydantic import ValidationError

from schema.base import CaseId, Digest, Frozen
from schema.errors import UnreadableFileError, UsageError
from schema.finding import Finding
from tasks.files import canonical_json, digest_bytes, list_folder, read_bytes, read_text, write_text
from tasks.layout import COHORT_MANIFEST, COHORT_NAMES, IMAGES, MASK_TASKS, mask_name

RECORDS = "cases"
MARK = "import.json"
LOCK = "lock"
VOLUME_FOLDERS = (IMAGES, *(task.value for task in MASK_TASKS))
VOLUME_LIMIT_BYTES = 4 << 30


class CaseRecord(Frozen):
    """One case of an import: what it was made from, what came of it, what was wrong."""

    case_id: CaseId
    inputs: Digest
    """Of everything that it depends on."""
    imported: bool
    series: str
    """Which series was taken and why; empty when none was."""
    turned: tuple[str, ...]
    """Masks whose axes were exchanged or reversed, without loss."""
    findings: tuple[Finding, ...]
    outputs: dict[str, Digest]
    """Path below the cohort to the digest of its content."""


def is_within(path: Path, folder: Path) -> bool:
    """Whether a path lies in a folder, or is that folder."""
    return path.resolve().is_relative_to(folder.resolve())


@contextmanager
def opened(work: Path, *, out: Path) -> Iterator[None]:
    """Claim the two folders for one import.

    Raises:
        UsageError: the work folder lies inside of the cohort, another import runs on it, it belongs
            to another cohort, or the cohort folder holds what no import wrote.
    """
    if is_within(work, out):
        raise UsageError(f"{work}: what tells who the patients are may not lie inside of {out}")
    work.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(work / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UsageError(f"{work}: another import is at work there") from error
        _claim(work, out=out)
        yield
    finally:
        os.close(descriptor)


def _claim(work: Path, *, out: Path) -> None:
    mark, whose = work / MARK, str(out.resolve())
    if mark.exists():
        if json.loads(read_text(mark)).get("out") != whose:
            raise UsageError(f"{work} belongs to the import of another folder: name another --work")
    elif out.exists() and any(out.iterdir()):
        raise UsageError(f"{out} is not empty and no import of {work}: name another folder")
    else:
        write_text(mark, canonical_json({"out": whose}))
    out.mkdir(parents=True, exist_ok=True)
    strangers = sorted(entry.name for entry in out.iterdir() if entry.name not in COHORT_NAMES)
    if strangers := [name for name in strangers if not name.endswith(".tmp")]:
        raise UsageError(f"{out} holds {', '.join(strangers)}, which no import wrote")
    # until it is written again nobody takes what is there for a whole cohort
    (out / COHORT_MANIFEST).unlink(missing_ok=True)
    _sweep(out)


def _sweep(out: Path) -> None:
    """Remove what writers left that were killed."""
    for folder in (out, *(out / name for name in VOLUME_FOLDERS)):
        for path in folder.glob(".*.tmp"):
            path.unlink(missing_ok=True)


def read_record(work: Path, case_id: str) -> CaseRecord | None:
    """The record of a case; None when there is none that can be read."""
    try:
        return CaseRecord.model_validate_json(read_text(_path(work, case_id)))
    except (UnreadableFileError, ValidationError):
        return None


def write_record(work: Path, record: CaseRecord) -> None:
    """Write a record, atomically; the files of its case are there already."""
    write_text(_path(work, record.case_id), canonical_json(record.model_dump(mode="json")))


def _path(work: Path, case_id: str) -> Path:
    return work / RECORDS / f"{case_id}.json"


def is_done(record: CaseRecord | None, *, inputs: str, out: Path) -> bool:
    """Whether a record is about these inputs, and every file of it is as it was written."""
    if record is None or record.inputs != inputs:
        return False
    return all(digest_of(out / name) == digest for name, digest in record.outputs.items())


def digest_of(path: Path) -> str | None:
    """Digest of a file's content; None when it cannot be read."""
    try:
        return digest_bytes(read_bytes(path, limit=VOLUME_LIMIT_BYTES))
    except UnreadableFileError:
        return None


def remove_outputs(out: Path, case_id: str) -> None:
    """Remove the volumes of a case."""
    for folder in VOLUME_FOLDERS:
        (out / folder / mask_name(case_id)).unlink(missing_ok=True)


def forget_others(work: Path, *, out: Path, kept: Sequence[str]) -> None:
    """Remove the records and the volumes of cases that are no longer imported."""
    for entry in list_folder(work / RECORDS):
        case_id = entry.name.removesuffix(".json")
        if case_id not in kept:
            remove_outputs(out, case_id)
            (work / RECORDS / entry.name).unlink()
