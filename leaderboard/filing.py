"""Putting a result on a board: every check at once, then entry, private files and ledger."""

from __future__ import annotations

import secrets
import statistics
from collections.abc import Callable, Sequence
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path

from evaluation.run import KIT
from leaderboard import checks, private_folder
from leaderboard.board_folder import (
    LEDGER,
    Contents,
    alone,
    commit,
    model_text,
    read_contents,
    with_line,
)
from leaderboard.bundle import FOREIGN, Bundle, Request, check_bundle, read_bundle
from leaderboard.checks import Findings
from leaderboard.ledger import BEFORE, attempts_of, entered, next_line, states
from leaderboard.names import name_problems, new_id
from leaderboard.projection import public_tasks
from leaderboard.rounding import two_digits
from schema.entry import Entry, Kind, Resources
from schema.errors import UsageError
from schema.execution import ExecutionRecord
from schema.ledger import Event, LedgerLine
from schema.submission import SubmissionManifest
from schema.terms import Split
from tasks.files import digest_bytes
from tasks.specification import load_tasks, task_digest


def add(
    request: Request,
    *,
    results: Path,
    private: Path,
    now: datetime,
    event: Event = Event.LISTED,
) -> Entry:
    """File a result.

    Args:
        request: what to file.
        results: the board's folder.
        private: where the organiser keeps what is not public.
        now: the time that the ledger gives.
        event: LISTED, or RESCORED for predictions of another board.

    Raises:
        UsageError: the folder is no board, or the private folder lies within it.
        FolderError: the result cannot be filed; it carries every finding.
    """
    private_folder.refuse_inside(private, results=results)
    with alone(results):
        contents, bundle, found = read_contents(results), read_bundle(request), Findings()
        entry_id = request.entry_id or _free_id(bundle.result.submission, contents)
        check_bundle(found, bundle, request)
        _check_origin(found, bundle, request, contents)
        _check_new(found, bundle, contents, entry_id=entry_id)
        check_names(found, bundle.result.submission)
        if event is Event.LISTED:
            team, day = bundle.result.submission.team, request.submitted
            check_attempt(found, contents, team=team, kind=request.kind, day=day)
        found.refuse(f"{request.result} was not filed")
        nonce = _nonce(bundle)
        entry = _entry(bundle, request, contents, entry_id=entry_id, nonce=nonce)
        text = model_text(entry)
        line = _line(entry, text, contents, now=now, event=event)
        private_folder.keep(private, entry_id, _private_files(bundle, request, nonce=nonce))
        commit(results, {f"{entry_id}.json": text, LEDGER: with_line(contents.ledger, line)})
    return entry


def _free_id(manifest: SubmissionManifest, contents: Contents) -> str:
    return new_id(manifest.team, manifest.model, taken=states(contents.ledger))


# --- checks against the board -------------------------------------------------------------------


def _check_origin(found: Findings, bundle: Bundle, request: Request, contents: Contents) -> None:
    """Same task files, same evaluator, same cohort."""
    result, board = bundle.result, contents.board
    for task in result.tasks:
        if task.task_digest != task_digest(task.task):
            where = f"result.json:{task.task}"
            found.add(checks.TaskFileDiffers, where, task_digest(task.task), task.task_digest)
    ours = {board.kit_version, version(KIT)}
    if ours != {result.provenance.kit_version}:
        expected, got = " and ".join(sorted(ours)), result.provenance.kit_version
        found.add(checks.EvaluatorDiffers, "result.json:provenance", expected, got)
    if result.cohort.digest != board.cohort_digest and request.kind not in FOREIGN:
        found.add(
            checks.CohortDiffers, "result.json:cohort", board.cohort_digest, result.cohort.digest
        )


def _check_new(found: Findings, bundle: Bundle, contents: Contents, *, entry_id: str) -> None:
    """Neither the id nor the answers are there already, and so not the result."""
    if entry_id in states(contents.ledger):
        found.add(checks.EntryTwice, f"{entry_id}.json", "an id that is free", entry_id)
    answers = bundle.result.provenance.submission_digest
    for other_id, other in contents.entries.items():
        if answers == other.provenance.submission_digest:
            found.add(checks.ResultTwice, f"{other_id}.json", "another result", other_id)


def check_names(found: Findings, manifest: SubmissionManifest) -> None:
    """Team and model look like what they are."""
    for label, text in (("team", manifest.team), ("model", manifest.model)):
        for problem in name_problems(text):
            found.add(checks.NameUnclear, f"submission.toml:{label}", "a plain name", problem)


def check_attempt(found: Findings, contents: Contents, *, team: str, kind: Kind, day: date) -> None:
    """Whether a team may make an attempt on that day; only submissions are limited."""
    if kind is not Kind.SUBMISSION:
        return
    board, used = contents.board, attempts_of(contents.ledger, team)
    if used >= board.attempts:
        allowed, got = f"at most {board.attempts} attempts", f"{used} used"
        found.add(checks.AttemptsUsedUp, LEDGER, allowed, got)
    if day < board.opened or (board.closes is not None and day > board.closes):
        period = f"from {board.opened} to {board.closes or 'now'}"
        found.add(checks.BoardNotOpen, "--date", period, str(day))


# --- making the entry ---------------------------------------------------------------------------


def _nonce(bundle: Bundle) -> bytes:
    is_hidden = bundle.result.cohort.split is Split.HIDDEN
    return secrets.token_bytes(private_folder.NONCE_BYTES) if is_hidden else b""


def _entry(
    bundle: Bundle, request: Request, contents: Contents, *, entry_id: str, nonce: bytes
) -> Entry:
    result, board, files = bundle.result, contents.board, bundle.files
    hidden = result.cohort.split is Split.HIDDEN
    digests = {
        name: private_folder.commitment(file.content, nonce=nonce) for name, file in files.items()
    }
    return Entry(
        id=entry_id,
        kind=request.kind,
        submitted=request.submitted,
        attempt=attempts_of(contents.ledger, result.submission.team) + 1,
        run_by=request.run_by,
        manifest=result.submission,
        paper=request.paper,
        cohort=result.cohort,
        provenance=result.provenance,
        result_digest=digests[private_folder.RESULT],
        cases_digest=digests.get(private_folder.CASES),
        suppress_below=board.suppress_below if hidden else None,
        resources=_resources(bundle.execution, hidden=hidden),
        tasks=public_tasks(
            result.tasks,
            tasks=load_tasks(),
            split=result.cohort.split,
            least=board.suppress_below,
        ),
        reporting=bundle.reporting,
        notes=request.notes,
    )


def _resources(execution: ExecutionRecord | None, *, hidden: bool) -> Resources | None:
    """Time and memory; of a hidden cohort with two digits, for a model can tell by its pace."""
    if execution is None or not execution.cases:
        return None
    shown: Callable[[float], float] = two_digits if hidden else float
    seconds = [case.seconds for case in execution.cases]
    return Resources(
        seconds_per_case=shown(statistics.median(seconds)),
        seconds_per_case_most=shown(max(seconds)),
        peak_memory_mib=_most([case.peak_memory_mib for case in execution.cases], shown=shown),
        gpu_memory_mib=_most([case.gpu_memory_mib for case in execution.cases], shown=shown),
        gpu=execution.host.gpu if execution.plan.gpus else None,
    )


def _most(values: Sequence[float | None], *, shown: Callable[[float], float]) -> float | None:
    measured = [value for value in values if value is not None]
    return shown(max(measured)) if measured else None


def _line(
    entry: Entry, text: str, contents: Contents, *, now: datetime, event: Event
) -> LedgerLine:
    return next_line(
        contents.ledger,
        at=now,
        event=event,
        entry=entry.id,
        kind=entry.kind,
        team=entry.manifest.team,
        tasks=tuple(task.task for task in entry.tasks),
        kit_version=entry.provenance.kit_version,
        cohort_digest=entry.cohort.digest,
        entry_digest=digest_bytes(text.encode()),
        result_digest=entry.result_digest,
        cases_digest=entry.cases_digest,
        image_digest=entry.manifest.image,
    )


def _private_files(bundle: Bundle, request: Request, *, nonce: bytes) -> dict[str, bytes]:
    files = {name: file.content for name, file in bundle.files.items()}
    if nonce:
        files[private_folder.NONCE] = nonce
    if request.predictions is not None:
        files[private_folder.PREDICTIONS] = private_folder.write_predictions(request.predictions)
    return files


# --- attempts that give nothing, and decisions --------------------------------------------------


def fail(
    manifest: SubmissionManifest,
    *,
    results: Path,
    reason: str,
    entry_id: str | None,
    submitted: date,
    now: datetime,
) -> LedgerLine:
    """Note an attempt that gave nothing to list. It counts.

    Raises:
        UsageError: the folder is no board.
        FolderError: the team has no attempt left, or a name cannot be shown.
    """
    with alone(results):
        contents, found = read_contents(results), Findings()
        name = entry_id or _free_id(manifest, contents)
        check_names(found, manifest)
        if name in states(contents.ledger):
            found.add(checks.EntryTwice, LEDGER, "an id that is free", name)
        team, kind = manifest.team, Kind.SUBMISSION
        check_attempt(found, contents, team=team, kind=kind, day=submitted)
        found.refuse("the attempt was not noted")
        line = next_line(
            contents.ledger,
            at=now,
            event=Event.FAILED,
            entry=name,
            kind=kind,
            team=team,
            tasks=manifest.tasks,
            image_digest=manifest.image,
            reason=reason,
        )
        commit(results, {LEDGER: with_line(contents.ledger, line)})
    return line


def decide(event: Event, entry_id: str, *, results: Path, reason: str, now: datetime) -> LedgerLine:
    """Withdraw, disqualify or reinstate an entry. Its file and its attempt stay.

    Raises:
        UsageError: the folder is no board, or the entry is not in a state for it.
    """
    with alone(results):
        lines = read_contents(results).ledger
        state = states(lines).get(entry_id)
        if state not in BEFORE[event]:
            raise UsageError(f"{entry_id} cannot be {event}: it is {state or 'not in the ledger'}")
        first = entered(lines)[entry_id]
        line = next_line(
            lines,
            at=now,
            event=event,
            entry=entry_id,
            kind=first.kind,
            team=first.team,
            reason=reason,
        )
        commit(results, {LEDGER: with_line(lines, line)})
    return line
