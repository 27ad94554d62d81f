"""Looking for whatever tells who a patient is in every file of a cohort folder."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from schema.errors import UnreadableFileError, UsageError
from schema.finding import Finding
from tasks.checks.identifiers import (
    IDENTIFIER_CHECKS,
    AgeAbove,
    CellLikeIdentifier,
    ColumnUnknown,
    DicomInCohort,
    FileNotOfCohort,
    GzipField,
    HeaderExtension,
    HeaderText,
    HiddenBytes,
    KeyInCohort,
    KnownIdentifier,
    NameLikeIdentifier,
    PictureInCohort,
    Seen,
    SystemFile,
)
from tasks.files import is_folder, read_bytes, read_table
from tasks.identifier_forms import Needle, found_in, looks_like, needles
from tasks.layout import (
    CLINICAL,
    CLINICAL_COLUMNS,
    COHORT_MANIFEST,
    IMAGES,
    MASK_TASKS,
    READER_COLUMNS,
    READERS,
)
from tasks.pseudonyms import KeyFile
from tasks.tables import rows_by_column
from tasks.volume_container import LIMIT_BYTES, look_into

VOLUME = ".nii.gz"
VOLUME_FOLDERS = (IMAGES, *(task.value for task in MASK_TASKS))
COLUMNS = {CLINICAL: CLINICAL_COLUMNS, READERS: READER_COLUMNS}
TEXT_FILES = (COHORT_MANIFEST, *COLUMNS, "README.md", "LICENSE", "sealed.json")
"""May lie at the top of a cohort; their text is searched."""
SYSTEM = (".ds_store", "thumbs.db", "desktop.ini", ".directory", "__macosx")
PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")
OLDEST = 89


class Searched(NamedTuple):
    """What a search looked at and found."""

    files: int
    size: int
    findings: tuple[Finding, ...]


def search(folder: Path, *, key: KeyFile | None) -> Iterator[tuple[int, tuple[Finding, ...]]]:
    """Search file after file; yields the size of each and its findings.

    Args:
        folder: a cohort's.
        key: to look for what it knows; None to look for forms alone.

    Raises:
        UsageError: no folder.
    """
    if not is_folder(folder):
        raise UsageError(f"{folder}: no folder")
    sought = () if key is None else needles(key)
    for path in paths_below(folder):
        where = path.relative_to(folder).as_posix()
        yield path.lstat().st_size, tuple(_of_file(path, where=where, sought=sought))


def paths_below(folder: Path) -> list[Path]:
    """Everything that is no folder, hidden files too; links are not followed."""
    found = [
        Path(top) / name
        for top, folders, names in os.walk(folder)
        for name in (*names, *(each for each in folders if (Path(top) / each).is_symlink()))
    ]
    return sorted(found)


def _of_file(path: Path, *, where: str, sought: tuple[Needle, ...]) -> Iterator[Finding]:
    yield from _of_known(where.encode(errors="surrogateescape"), sought, where, place="its name")
    if path.is_symlink() or not path.is_file():
        seen = (Seen("a file", "a link or a special file"),)
        yield from FileNotOfCohort.findings(seen, where=where)
        return
    folder, _, name = where.rpartition("/")
    if folder in VOLUME_FOLDERS and name.endswith(VOLUME) and not name.startswith("."):
        yield from _of_name(name.removesuffix(VOLUME), where=where)
        yield from _of_volume(path, where=where, sought=sought)
        return
    content = read_bytes(path, limit=LIMIT_BYTES)
    yield from _of_known(content, sought, where, place="its content")
    if where in TEXT_FILES:
        yield from _of_text(path, where=where, content=content)
    else:
        yield from _stranger(content, where=where)


def _of_known(
    content: bytes, sought: tuple[Needle, ...], where: str, *, place: str, text: bool = True
) -> Iterator[Finding]:
    """Known identifiers in some bytes; one finding a patient and place."""
    told = set()
    for needle in found_in(content, sought, text=text):
        if needle.whose not in told:
            told.add(needle.whose)
            check = KnownIdentifier if needle.whose else KeyInCohort
            of = f"one of {needle.whose}" if needle.whose else "the salt"
            seen = Seen("nothing that the key knows", f"{of}, {needle.form}, in {place}")
            yield from check.findings((seen,), where=where)


def _of_name(case_id: str, *, where: str) -> Iterator[Finding]:
    forms = looks_like(case_id)
    seen = tuple(Seen("an id that tells nothing", f"one that looks like {each}") for each in forms)
    yield from NameLikeIdentifier.findings(seen, where=where)


def _of_volume(path: Path, *, where: str, sought: tuple[Needle, ...]) -> Iterator[Finding]:
    packed = read_bytes(path, limit=LIMIT_BYTES)
    yield from _of_known(packed, sought, where, place="its packed bytes", text=False)
    try:
        container = look_into(path)
    except UnreadableFileError as error:
        seen = (Seen("a volume that can be searched", str(error)),)
        yield from FileNotOfCohort.findings(seen, where=where)
        return
    for check, names in (
        (HeaderText, container.texts),
        (HeaderExtension, container.extensions),
        (GzipField, container.gzip),
        (HiddenBytes, container.spare),
    ):
        yield from check.findings(tuple(Seen("nothing", name) for name in names), where=where)
    yield from _of_known(container.content, sought, where, place="its bytes", text=False)


def _stranger(content: bytes, *, where: str) -> Iterator[Finding]:
    """A file that belongs to no cohort: what it is."""
    parts = where.lower().split("/")
    if any(each in SYSTEM or each.startswith("._") for each in parts):
        check: type[FileNotOfCohort | SystemFile | DicomInCohort | PictureInCohort] = SystemFile
    elif content[128:132] == b"DICM":
        check = DicomInCohort
    elif content.startswith(PICTURES):
        check = PictureInCohort
    else:
        check = FileNotOfCohort
    yield from check.findings((Seen("files of a cohort alone", "this one"),), where=where)


def _of_text(path: Path, *, where: str, content: bytes) -> Iterator[Finding]:
    if where in COLUMNS:
        yield from _of_table(path, where=where, columns=COLUMNS[where])
    elif where == COHORT_MANIFEST:
        lines = content.decode("utf-8", "replace").splitlines()
        for number, line in enumerate(lines, start=1):
            yield from _of_cell(line, where=where, place=f"line {number}")


def _of_table(path: Path, *, where: str, columns: Sequence[str]) -> Iterator[Finding]:
    try:
        table = read_table(path)
    except UnreadableFileError as error:
        seen = (Seen("a table that can be searched", str(error)),)
        yield from FileNotOfCohort.findings(seen, where=where)
        return
    unknown = sum(name not in columns for name in table.columns)
    if unknown or any(len(row.cells) != len(table.columns) for row in table.rows):
        got = f"{unknown} more columns, or cells without one"
        yield from ColumnUnknown.findings((Seen("columns of the contract", got),), where=where)
    for row in table.rows:
        for index, cell in enumerate(row.cells):
            yield from _of_cell(cell, where=where, place=f"line {row.line}, column {index + 1}")
    for line, cells in rows_by_column(table):
        if _age(cells.get("age", "")) > OLDEST:
            seen = (Seen(f"at most {OLDEST}, or 90", "more", where=f"line {line}"),)
            yield from AgeAbove.findings(seen, where=where)


def _of_cell(cell: str, *, where: str, place: str) -> Iterator[Finding]:
    seen = tuple(Seen("nothing of that form", each, where=place) for each in looks_like(cell))
    yield from CellLikeIdentifier.findings(seen, where=where)


def _age(cell: str) -> float:
    """Years; 90 stands for all above 89."""
    try:
        return 0.0 if float(cell) == OLDEST + 1 else float(cell)
    except ValueError:
        return 0.0


def report(searched: Searched, *, key: KeyFile | None) -> str:
    """What was looked for and what was found, as Markdown without any value."""
    counts = Counter(each.code for each in searched.findings)
    known = "not given" if key is None else f"{len(key.patients)} patients"
    rows = (f"| {each.code} | {each.title()} | {counts[each.code]} |" for each in IDENTIFIER_CHECKS)
    return "\n".join(
        (
            "# Search for identifiers",
            "",
            f"{searched.files} files, {searched.size} bytes. Key: {known}.",
            "",
            "| code | what is looked for | found |",
            "|---|---|---|",
            *rows,
            "",
            "Not looked for: text or a face in the image itself, a rare combination of age, centre",
            "and outcome, a name written as plain words that the key does not know.",
            "",
        )
    )
