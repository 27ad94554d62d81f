"""What the organiser keeps of every entry, outside the board: results by case, runs, predictions.

<entry>/result.json cases.jsonl run.json execution.json     copies, as they were filed
<entry>/predictions.json                                    where the predictions are kept
centres.json                                                centre of each case, for resampling
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from leaderboard.board_folder import read_model
from schema.base import CaseId, Line
from schema.errors import FolderError, UnreadableFileError, UsageError
from schema.result import CaseScore, Result
from tasks.files import canonical_json, digest_bytes, read_bytes, read_text, write_bytes, write_text

RESULT, CASES, RUN, EXECUTION = "result.json", "cases.jsonl", "run.json", "execution.json"
PREDICTIONS, NONCE, CENTRES = "predictions.json", "nonce", "centres.json"
NONCE_BYTES = 32
CLOSED = 0o700
LIMIT_BYTES = 1 << 30
"""Of a file of scores by case."""
_CENTRES: TypeAdapter[dict[CaseId, Line]] = TypeAdapter(dict[CaseId, Line])


def refuse_inside(private: Path, *, results: Path) -> None:
    """Private files never lie where everything is published.

    Raises:
        UsageError: the private folder is the board's folder or within it.
    """
    if private.resolve().is_relative_to(results.resolve()):
        raise UsageError(
            f"{private} lies within {results}, all of which is published: "
            "name a private folder elsewhere"
        )


def prepare(private: Path) -> None:
    """Make the folder, closed to other users."""
    private.mkdir(parents=True, exist_ok=True)
    private.chmod(CLOSED)


def keep(private: Path, entry_id: str, contents: Mapping[str, bytes]) -> None:
    """Put an entry's files in its place, whole or not at all.

    A place that no ledger line speaks of is what a command left that was killed before it filed.
    """
    prepare(private)
    part, place = private / f".{entry_id}.part", private / entry_id
    for leftover in (part, place):
        shutil.rmtree(leftover, ignore_errors=True)
    part.mkdir(mode=CLOSED)
    for name, content in contents.items():
        write_bytes(part / name, content)
    part.rename(place)
    descriptor = os.open(private, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_cases(path: Path) -> tuple[CaseScore, ...]:
    """`cases.jsonl`.

    Raises:
        FolderError: it cannot be read or a line breaks its contract; no case is named.
    """
    return parse_cases(read_private(path), where=path)


def read_private(path: Path) -> bytes:
    """A file's bytes.

    Raises:
        FolderError: it cannot be read.
    """
    try:
        return read_bytes(path, limit=LIMIT_BYTES)
    except UnreadableFileError as error:
        raise FolderError(f"{path}: {error}") from error


def parse_cases(content: bytes, *, where: Path) -> tuple[CaseScore, ...]:
    """The lines of `cases.jsonl`.

    Raises:
        FolderError: a line breaks its contract; no case is named.
    """
    found = []
    for number, line in enumerate(content.splitlines(), 1):
        try:
            found.append(CaseScore.model_validate_json(line))
        except ValidationError as error:
            raise FolderError(f"{where}: line {number} breaks its contract") from error
    return tuple(found)


def commitment(content: bytes, *, nonce: bytes) -> str:
    """The public digest of a private file.

    A file of few secrets, such as the status of each patient, is found from its plain digest by
    whoever can guess nearly all of it. The secret bytes before it prevent that.
    """
    return digest_bytes(nonce + content)


def nonce_of(private: Path, entry_id: str) -> bytes:
    """The secret bytes of an entry; none of a cohort that is not hidden.

    Raises:
        FolderError: they cannot be read.
    """
    path = private / entry_id / NONCE
    return read_private(path) if path.exists() else b""


def kept_result(private: Path, entry_id: str) -> Result:
    """The result of an entry.

    Raises:
        FolderError: it cannot be read.
    """
    return read_model(private / entry_id / RESULT, Result)


def write_predictions(folder: Path) -> bytes:
    """A pointer to where predictions are kept."""
    return canonical_json({"folder": str(folder.resolve())}).encode()


def predictions_of(private: Path, entry_id: str) -> Path | None:
    """Where an entry's predictions are kept; None where nobody said."""
    path = private / entry_id / PREDICTIONS
    if not path.exists():
        return None
    try:
        return Path(str(json.loads(read_text(path))["folder"]))
    except (UnreadableFileError, ValueError, KeyError) as error:
        raise FolderError(f"{path}: no pointer to a folder") from error


def write_centres(private: Path, centres: Mapping[str, str]) -> None:
    """Keep which centre each case is from; the ranking resamples patients within centres."""
    prepare(private)
    write_text(private / CENTRES, canonical_json(dict(centres)))


def centres_of(private: Path, cases: Sequence[str]) -> tuple[str, ...] | None:
    """Centre of each case; None where they are not kept.

    Raises:
        FolderError: they are kept and a case has none.
    """
    path = private / CENTRES
    if not path.exists():
        return None
    try:
        found = _CENTRES.validate_json(read_text(path))
        return tuple(found[case] for case in cases)
    except (UnreadableFileError, ValidationError, KeyError) as error:
        raise FolderError(f"{path}: not the centre of every case") from error
