"""A board on disk: read whole, changed whole, by one command at a time.

    board.toml                what the board is of
    <entry>.json              one file an entry
    ledger.jsonl              every attempt and decision
    standings/<task>.json     who stands where
    SHA256SUMS                of all of these, as `sha256sum --check` reads it
    SHA256SUMS.sig            optional signature

Everything in it is public. A change is first written down as a whole (`.pending.json`, public
content only) and then carried out; a command that finds one completes it before it does anything.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from leaderboard.ledger import line_text
from schema.board import Board
from schema.entry import Entry
from schema.errors import FolderError, UnreadableFileError, UsageError
from schema.ledger import LedgerLine
from schema.standings import Standings
from schema.terms import TaskId
from tasks.files import (
    canonical_json,
    digest_bytes,
    is_folder,
    list_folder,
    read_text,
    read_toml_model,
    write_text,
)
from tasks.tables import complaints

BOARD, LEDGER, STANDINGS = "board.toml", "ledger.jsonl", "standings"
SUMS, SIGNATURE, PENDING = "SHA256SUMS", "SHA256SUMS.sig", ".pending.json"

Model = TypeVar("Model", bound=BaseModel)
Changes = Mapping[str, str | None]
"""New text of each file by its path below the folder; None removes it."""


class Contents(NamedTuple):
    """A board, read and valid file by file."""

    board: Board
    entries: dict[str, Entry]
    entry_digests: dict[str, str]
    ledger: tuple[LedgerLine, ...]
    standings: dict[TaskId, Standings]


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the board; wait for whoever holds it, then complete what was interrupted.

    The kernel lets go of the lock however the process ends.

    Raises:
        UsageError: the folder is no board.
    """
    if not is_folder(folder) or not (folder / BOARD).is_file():
        raise UsageError(f"{folder} is no board: `lln leaderboard new` starts one")
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        complete(folder)
        yield
    finally:
        os.close(descriptor)


def commit(folder: Path, changes: Changes) -> None:
    """Change several files as one; hold the board meanwhile. A signature that was, is no more."""
    whole = {**changes, SUMS: _sums_after(folder, changes), SIGNATURE: None}
    write_text(folder / PENDING, canonical_json(whole))
    complete(folder)


def complete(folder: Path) -> None:
    """Carry out the change that is written down, if one is; again does no harm."""
    path = folder / PENDING
    if not path.exists():
        return
    for name, text in json.loads(read_text(path)).items():
        if text is None:
            (folder / name).unlink(missing_ok=True)
        elif not _is(folder / name, text):
            write_text(folder / name, text)
    path.unlink()


def _is(path: Path, text: str) -> bool:
    return path.exists() and read_text(path) == text


def public_paths(folder: Path) -> tuple[str, ...]:
    """Every file of the board, hidden ones and links too, by its path below the folder, sorted."""
    return tuple(
        sorted(
            path.relative_to(folder).as_posix()
            for path in folder.rglob("*")
            if path.is_symlink() or not path.is_dir()
        )
    )


def is_entry_path(path: str) -> bool:
    """Whether a path below the folder is that of an entry."""
    return "/" not in path and path.endswith(".json") and not path.startswith(".")


def is_board_path(path: str) -> bool:
    """Whether a path below the folder may be there."""
    standings = {f"{STANDINGS}/{task.value}.json" for task in TaskId}
    return path in {BOARD, LEDGER, SUMS, SIGNATURE, *standings} or is_entry_path(path)


def sums_text(folder: Path) -> str:
    """What SHA256SUMS should say of the files as they are."""
    return _sums_after(folder, {})


def _sums_after(folder: Path, changes: Changes) -> str:
    """SHA256SUMS once the changes are made."""
    there = {each for each in public_paths(folder) if is_board_path(each)}
    gone = {name for name, text in changes.items() if text is None}
    left = sorted((there | set(changes)) - gone - {SUMS, SIGNATURE})
    return "".join(f"{_hexadecimal(folder, name, changes.get(name))}  {name}\n" for name in left)


def _hexadecimal(folder: Path, name: str, text: str | None) -> str:
    content = (folder / name).read_bytes() if text is None else text.encode()
    return digest_bytes(content).partition(":")[2]


def model_text(model: BaseModel) -> str:
    """A model as its file holds it."""
    return canonical_json(model.model_dump(mode="json"))


def read_model(path: Path, model: type[Model]) -> Model:
    """A JSON file as its model.

    Raises:
        FolderError: it cannot be read, breaks the contract, or is not written as the kit does.
    """
    try:
        text = read_text(path)
        found = model.model_validate_json(text)
    except UnreadableFileError as error:
        raise FolderError(f"{path}: {error}") from error
    except ValidationError as error:
        raise FolderError(f"{path}: {said(error)}") from error
    return found


def said(error: ValidationError) -> str:
    """What a model refused, on one line, without what it was given."""
    return "; ".join(f"{field}: {message}".lstrip(": ") for field, message in complaints(error))


def read_board(folder: Path) -> Board:
    """`board.toml`.

    Raises:
        FolderError: it cannot be read or breaks its contract.
    """
    try:
        return read_toml_model(folder / BOARD, Board)
    except UnreadableFileError as error:
        raise FolderError(f"{folder / BOARD}: {error}") from error
    except ValidationError as error:
        raise FolderError(f"{folder / BOARD}: {said(error)}") from error


def read_ledger(folder: Path) -> tuple[LedgerLine, ...]:
    """Every line; none where there is no ledger yet.

    Raises:
        FolderError: a line breaks its contract.
    """
    return tuple(_ledger_line(text, number) for number, text in enumerate(ledger_texts(folder), 1))


def ledger_texts(folder: Path) -> tuple[str, ...]:
    """The lines as they stand, each with its newline.

    Raises:
        FolderError: the ledger cannot be read.
    """
    if not (folder / LEDGER).exists():
        return ()
    try:
        return tuple(each + "\n" for each in read_text(folder / LEDGER).split("\n") if each)
    except UnreadableFileError as error:
        raise FolderError(f"{folder / LEDGER}: {error}") from error


def _ledger_line(text: str, number: int) -> LedgerLine:
    try:
        return LedgerLine.model_validate_json(text)
    except ValidationError as error:
        raise FolderError(f"{LEDGER} line {number}: {said(error)}") from error


def with_line(lines: tuple[LedgerLine, ...], line: LedgerLine) -> str:
    """The ledger's text with one line more."""
    return "".join(map(line_text, (*lines, line)))


def read_contents(folder: Path) -> Contents:
    """The whole board.

    Raises:
        FolderError: a file cannot be read or breaks its contract.
    """
    names = [each.name for each in list_folder(folder) if is_entry_path(each.name)]
    entries = {name.removesuffix(".json"): read_model(folder / name, Entry) for name in names}
    boards = [each.name for each in list_folder(folder / STANDINGS) if each.name.endswith(".json")]
    standings = [read_model(folder / STANDINGS / name, Standings) for name in boards]
    return Contents(
        board=read_board(folder),
        entries=entries,
        entry_digests={
            each: digest_bytes((folder / f"{each}.json").read_bytes()) for each in entries
        },
        ledger=read_ledger(folder),
        standings={each.task: each for each in standings},
    )


def entries_digest(contents: Contents, task: TaskId) -> str:
    """What standings are made from: SHA-256 over lines `<digest>  <id>`, in the order of ids."""
    on_board = [
        entry_id
        for entry_id, entry in sorted(contents.entries.items())
        if any(each.task is task for each in entry.tasks)
    ]
    text = "".join(f"{contents.entry_digests[each]}  {each}\n" for each in on_board)
    return digest_bytes(text.encode())
