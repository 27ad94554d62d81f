"""Whether a board is what it claims to be: recomputed from its files, nothing believed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel, ValidationError

from leaderboard import checks, private_folder
from leaderboard.board_folder import (
    BOARD,
    LEDGER,
    PENDING,
    SIGNATURE,
    STANDINGS,
    SUMS,
    Contents,
    entries_digest,
    is_board_path,
    is_entry_path,
    ledger_texts,
    model_text,
    public_paths,
    read_contents,
    read_ledger,
    said,
    sums_text,
)
from leaderboard.checks import BoardCheck, Findings
from leaderboard.ledger import attempts_of, chain_problems, entered, states
from leaderboard.projection import public_tasks
from leaderboard.public_ranks import rank_problems
from leaderboard.ranked_board import OUT, split_of, standings_of
from leaderboard.signature import signature_problem
from schema.entry import Entry, Kind
from schema.errors import FolderError, UnreadableFileError, UsageError
from schema.finding import Finding
from schema.ledger import LedgerLine
from schema.standings import Standings
from schema.terms import TaskId
from tasks.files import is_folder, read_text
from tasks.specification import load_tasks, task_digest


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a board is held against, beside itself.

    Attributes:
        private: the organiser's folder, to recompute entries and standings from.
        allowed_signers: who may sign, in OpenSSH's format.
        head: digest of a ledger line that somebody noted: it must still be there.
    """

    private: Path | None = None
    allowed_signers: Path | None = None
    head: str | None = None


@dataclass
class _Board:
    """A board under examination."""

    folder: Path
    found: Findings = field(default_factory=Findings)

    def note(self, check: type[BoardCheck], where: str, expected: str, got: str) -> None:
        """One more problem."""
        self.found.add(check, where, expected, got)


def verify(results: Path, *, evidence: Evidence) -> tuple[Finding, ...]:
    """Everything that is wrong with a board; nothing is changed, nothing waited for.

    Raises:
        UsageError: the folder is no board.
    """
    if not is_folder(results) or not (results / BOARD).exists():
        raise UsageError(f"{results} is no board: it has no {BOARD}")
    board = _Board(results)
    _check_paths(board)
    _check_sums(board)
    _check_texts(board)
    _check_signature(board, evidence)
    try:
        contents = read_contents(results)
    except FolderError as error:
        if not board.found.found:
            board.note(checks.BoardFileUnreadable, results.name, "a board", str(error))
        return tuple(board.found.found)
    _check_ledger(board, contents, head=evidence.head)
    _check_entries(board, contents)
    _check_standings(board, contents)
    if evidence.private is not None:
        _check_private(board, contents, evidence.private)
    return tuple(board.found.found)


def last_digest(results: Path) -> str:
    """Digest of the ledger's last line: note it, and nobody can rewrite what is before it."""
    lines = read_ledger(results)
    return lines[-1].digest if lines else "none yet"


# --- files --------------------------------------------------------------------------------------


def _check_paths(board: _Board) -> None:
    for path in public_paths(board.folder):
        if path == PENDING:
            board.note(checks.CommandInterrupted, path, "no such file", "one")
        elif not is_board_path(path) or (board.folder / path).is_symlink():
            board.note(checks.BoardFileUnknown, path, "a file of a board", "another one, or a link")


def _check_sums(board: _Board) -> None:
    try:
        text = read_text(board.folder / SUMS)
    except UnreadableFileError as error:
        board.note(checks.SumsDiffer, SUMS, "a list of digests", str(error))
        return
    listed, there = text.splitlines(), sums_text(board.folder).splitlines()
    for line in sorted(set(listed) ^ set(there)):
        _, _, name = line.partition("  ")
        got = f"{'listed' if line in listed else 'found'} {line[:16]}"
        board.note(checks.SumsDiffer, name or SUMS, "the same digest listed and found", got)
    if listed != there and set(listed) == set(there):
        board.note(checks.SumsDiffer, SUMS, "one line a file, sorted by name", "another order")
    elif text.splitlines(keepends=True) != [line + "\n" for line in listed]:
        board.note(checks.SumsDiffer, SUMS, "lines that end in a newline", "other ends")


def _check_texts(board: _Board) -> None:
    """Every JSON file keeps its model's contract and is written as the kit writes it."""
    for path in public_paths(board.folder):
        is_standings = path.startswith(f"{STANDINGS}/") and is_board_path(path)
        if is_standings or is_entry_path(path):
            _check_text(board, path, Standings if is_standings else Entry)


def _check_text(board: _Board, path: str, model: type[BaseModel]) -> None:
    try:
        text = read_text(board.folder / path)
        found = model.model_validate_json(text)
    except UnreadableFileError as error:
        board.note(checks.BoardFileUnreadable, path, f"a {model.__name__}", str(error))
    except ValidationError as error:
        board.note(checks.BoardFileUnreadable, path, f"a {model.__name__}", said(error))
    else:
        if model_text(found).encode() != (board.folder / path).read_bytes():
            board.note(checks.BoardFileUnreadable, path, "canonical JSON", "another spelling")


def _check_signature(board: _Board, evidence: Evidence) -> None:
    if evidence.allowed_signers is None and not (board.folder / SIGNATURE).exists():
        return
    problem = signature_problem(results=board.folder, allowed_signers=evidence.allowed_signers)
    if problem is not None:
        board.note(checks.SignatureInvalid, SIGNATURE, "a good signature", problem)


# --- ledger and entries -------------------------------------------------------------------------


def _check_ledger(board: _Board, contents: Contents, *, head: str | None) -> None:
    lines = contents.ledger
    for problem in chain_problems(lines, ledger_texts(board.folder)):
        board.note(checks.ChainBroken, f"{LEDGER}:{problem.where}", problem.expected, problem.got)
    if head is not None and head not in {line.digest for line in lines}:
        last = lines[-1].digest if lines else "no line"
        board.note(checks.HeadUnknown, LEDGER, head, f"the last line is {last}")
    for team in sorted({line.team for line in lines if line.kind is Kind.SUBMISSION}):
        mine = [line for line in lines if line.kind is Kind.SUBMISSION]
        if (used := attempts_of(mine, team)) > contents.board.attempts:
            allowed = f"at most {contents.board.attempts} attempts"
            board.note(checks.ChainBroken, f"{LEDGER}:{team}", allowed, f"{used} attempts")


def _check_entries(board: _Board, contents: Contents) -> None:
    listed = entered(contents.ledger)
    for missing in sorted(set(listed) - set(contents.entries)):
        board.note(checks.EntryDiffers, f"{missing}.json", "the file that the ledger lists", "none")
    for extra in sorted(set(contents.entries) - set(listed)):
        board.note(checks.EntryDiffers, f"{extra}.json", "a line in the ledger", "none")
    for entry_id in sorted(set(contents.entries) & set(listed)):
        for expected, got in _differences(entry_id, contents, listed[entry_id]):
            board.note(checks.EntryDiffers, f"{entry_id}.json", expected, got)


def _differences(entry_id: str, contents: Contents, line: LedgerLine) -> Iterator[tuple[str, str]]:
    entry = contents.entries[entry_id]
    if contents.entry_digests[entry_id] != line.entry_digest:
        yield str(line.entry_digest), contents.entry_digests[entry_id]
    says = (
        entry.id,
        entry.kind,
        entry.manifest.team,
        tuple(task.task for task in entry.tasks),
        entry.provenance.kit_version,
        entry.cohort.digest,
        entry.result_digest,
        entry.cases_digest,
        entry.manifest.image,
    )
    listed = (
        line.entry,
        line.kind,
        line.team,
        line.tasks,
        line.kit_version,
        line.cohort_digest,
        line.result_digest,
        line.cases_digest,
        line.image_digest,
    )
    if says != listed:
        yield f"what line {line.number} of the ledger says", "something else"
    if entry.provenance.kit_version != contents.board.kit_version:
        yield f"evaluator {contents.board.kit_version}", entry.provenance.kit_version
    hides = entry.suppress_below
    if hides is not None and hides != contents.board.suppress_below:
        yield f"counts below {contents.board.suppress_below} withheld", f"below {hides}"


# --- standings ----------------------------------------------------------------------------------


def _check_standings(board: _Board, contents: Contents) -> None:
    for task_id in TaskId:
        on_board = {
            entry_id
            for entry_id, entry in contents.entries.items()
            if any(each.task is task_id for each in entry.tasks)
        }
        where = f"{STANDINGS}/{task_id.value}.json"
        found = contents.standings.get(task_id)
        if found is None and on_board:
            board.note(checks.StandingsDiffer, where, "standings", "none")
        elif found is not None:
            for expected, got in _standing_problems(found, contents, on_board=on_board):
                board.note(checks.StandingsDiffer, where, expected, got)


def _standing_problems(
    found: Standings, contents: Contents, *, on_board: set[str]
) -> Iterator[tuple[str, str]]:
    origin = {
        "task_digest": task_digest(found.task),
        "kit_version": contents.board.kit_version,
        "cohort_digest": contents.board.cohort_digest,
        "entries_digest": entries_digest(contents, found.task),
    }
    for name, expected in origin.items():
        if getattr(found, name) != expected:
            yield f"{name} {expected}", getattr(found, name)
    if {each.entry for each in found.standings} != on_board:
        yield "the entries on this board", "others"
        return
    now = states(contents.ledger)
    for each in found.standings:
        reason = OUT.get(now[each.entry]) if each.entry in now else None
        if each.ranked and reason is not None:
            yield f"{each.entry}: {reason}", "ranked"
        if not each.ranked and reason is None and each.unranked_reason in OUT.values():
            yield f"{each.entry}: listed", each.unranked_reason or ""
    yield from rank_problems(
        found,
        contents.entries,
        task=load_tasks()[found.task],
        split=split_of(contents),
    )


# --- private files ------------------------------------------------------------------------------


def _check_private(board: _Board, contents: Contents, private: Path) -> None:
    sound = True
    for entry in contents.entries.values():
        for name, expected in _kept(entry).items():
            got = _digest(private, entry.id, name)
            if got != expected:
                sound = False
                board.note(checks.PrivateDiffers, f"{entry.id}/{name}", str(expected), got)
    if not sound:
        return
    try:
        _check_public_part(board, contents, private)
        made = standings_of(contents, private=private)
    except (FolderError, UsageError) as error:
        board.note(checks.PrivateDiffers, private.name, "files to recompute from", str(error))
        return
    for task_id, standings in made.items():
        path = board.folder / STANDINGS / f"{task_id.value}.json"
        if path.exists() and path.read_text(encoding="utf-8") != model_text(standings):
            where = f"{STANDINGS}/{path.name}"
            board.note(checks.StandingsDiffer, where, "what the cases give", "something else")


def _kept(entry: Entry) -> Mapping[str, str]:
    kept = {private_folder.RESULT: entry.result_digest}
    if entry.cases_digest is not None:
        kept[private_folder.CASES] = entry.cases_digest
    return kept


def _digest(private: Path, entry_id: str, name: str) -> str:
    try:
        nonce = private_folder.nonce_of(private, entry_id)
        content = private_folder.read_private(private / entry_id / name)
        return private_folder.commitment(content, nonce=nonce)
    except FolderError as error:
        return str(error)


def _check_public_part(board: _Board, contents: Contents, private: Path) -> None:
    """The public part of every entry follows from its result."""
    for entry in contents.entries.values():
        result = private_folder.kept_result(private, entry.id)
        public = public_tasks(
            result.tasks,
            tasks=load_tasks(),
            split=result.cohort.split,
            least=contents.board.suppress_below,
        )
        again = entry.model_copy(update={"tasks": public})
        same = model_text(again) == model_text(entry) and (
            result.submission,
            result.cohort,
            result.provenance,
        ) == (entry.manifest, entry.cohort, entry.provenance)
        if not same:
            where = f"{entry.id}.json"
            board.note(checks.EntryDiffers, where, "what its result gives", "something else")
