"""The files of one evaluation as they are handed in: read, and checked against each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from evaluation.run import LIBRARIES, coverage
from leaderboard import checks, private_folder
from leaderboard.board_folder import said
from leaderboard.checks import Findings
from schema.base import EntryId, Line, Prose, Slug
from schema.entry import Kind
from schema.errors import FolderError, UnreadableFileError
from schema.execution import ExecutionRecord
from schema.result import RESULT_SCHEMA_VERSION, CaseScore, Result, RunRecord
from schema.submission import Url
from tasks.files import digest_bytes, digest_folder, read_toml
from tasks.layout import SUBMISSION_NAMES

FOREIGN = frozenset({Kind.PAPER, Kind.HUMAN})
"""Kinds that may be of another cohort, shown for reference only."""
LIBRARY_VERSION = re.compile(r"[0-9A-Za-z.+!_-]{1,40}")
_TYPED: dict[str, TypeAdapter[Any]] = {
    "--id": TypeAdapter(EntryId),
    "--paper": TypeAdapter(Url),
    "--note": TypeAdapter(tuple[Line, ...]),
}
_REPORTING: TypeAdapter[dict[str, str]] = TypeAdapter(dict[Slug, Prose])
Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is to be filed, and what the organiser says of it.

    Attributes:
        result: `result.json`; `run.json` and `cases.jsonl` lie beside it.
        kind: what the entry is.
        run_by: who ran the model.
        submitted: when it came in.
        entry_id: its name; by default made of team and model.
        execution: the sandbox's `execution.json`, if it ran there.
        reporting: a TOML table of item ids and answers.
        answers: more of these, from an entry that is scored again.
        predictions: the folder that was scored, to score it again one day.
        paper: where it is described.
        notes: what a reader should know.
    """

    result: Path
    kind: Kind = Kind.SUBMISSION
    run_by: Literal["organiser", "entrant"] = "organiser"
    submitted: date
    entry_id: str | None = None
    execution: Path | None = None
    reporting: Path | None = None
    answers: Mapping[str, str] = field(default_factory=dict)
    predictions: Path | None = None
    paper: str | None = None
    notes: tuple[str, ...] = ()


class File(NamedTuple):
    """A file's bytes, and where they came from."""

    path: Path
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """The files of one evaluation, read.

    Attributes:
        result: with its bytes in `files`, as are the others.
        cases: None for a paper or a reader without any.
        files: by the name under which they are kept.
        reporting: answers to checklists by item.
    """

    result: Result
    run: RunRecord
    cases: tuple[CaseScore, ...] | None
    execution: ExecutionRecord | None
    files: dict[str, File]
    reporting: dict[str, str]


def read_bundle(request: Request) -> Bundle:
    """Every file that belongs to the result.

    Raises:
        FolderError: one or more cannot be read; it carries a finding for each.
    """
    found, folder, files = Findings(), request.result.parent, dict[str, File]()
    for name, path in (
        (private_folder.RESULT, request.result),
        (private_folder.RUN, folder / private_folder.RUN),
        (private_folder.CASES, folder / private_folder.CASES),
        (private_folder.EXECUTION, request.execution),
    ):
        is_needed = name != private_folder.CASES or request.kind not in FOREIGN
        if path is not None and (is_needed or path.exists()):
            _read(found, files, name=name, path=path)
    result = _parsed(found, files, private_folder.RESULT, Result)
    run = _parsed(found, files, private_folder.RUN, RunRecord)
    execution = _parsed(found, files, private_folder.EXECUTION, ExecutionRecord)
    cases = _cases(found, files)
    reporting = {**request.answers, **_reporting(found, request.reporting)}
    found.refuse(f"{request.result} was not filed")
    assert result is not None, "what cannot be read is a finding"
    assert run is not None, "the same"
    return Bundle(
        result=result,
        run=run,
        cases=cases,
        execution=execution,
        files=files,
        reporting=reporting,
    )


def _read(found: Findings, files: dict[str, File], *, name: str, path: Path) -> None:
    try:
        files[name] = File(path, private_folder.read_private(path))
    except FolderError as error:
        found.add(checks.FileUnreadable, name, "a file", str(error))


def _parsed(found: Findings, files: dict[str, File], name: str, model: type[Model]) -> Model | None:
    if name not in files:
        return None
    try:
        return model.model_validate_json(files[name].content)
    except ValidationError as error:
        found.add(checks.FileUnreadable, name, f"a {model.__name__}", said(error))
    return None


def _cases(found: Findings, files: dict[str, File]) -> tuple[CaseScore, ...] | None:
    if private_folder.CASES not in files:
        return None
    file = files[private_folder.CASES]
    try:
        return private_folder.parse_cases(file.content, where=file.path)
    except FolderError as error:
        found.add(checks.FileUnreadable, private_folder.CASES, "a CaseScore a line", str(error))
    return None


def _reporting(found: Findings, path: Path | None) -> dict[str, str]:
    if path is None:
        return {}
    try:
        return _REPORTING.validate_python(read_toml(path))
    except UnreadableFileError as error:
        found.add(checks.FileUnreadable, path.name, "a TOML file", str(error))
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False):
            where = ".".join(map(str, each["loc"]))
            found.add(checks.ReportingInvalid, path.name, each["msg"], repr(where[:80]))
    return {}


def check_bundle(found: Findings, bundle: Bundle, request: Request) -> None:
    """Note what does not fit together."""
    result = bundle.result
    if result.schema_version != RESULT_SCHEMA_VERSION:
        found.add(
            checks.FileUnreadable,
            "result.json:schema_version",
            RESULT_SCHEMA_VERSION,
            result.schema_version,
        )
    digest = digest_bytes(bundle.files[private_folder.RESULT].content)
    if bundle.run.result_digest != digest:
        found.add(checks.RecordDiffers, "run.json:result_digest", digest, bundle.run.result_digest)
    if bundle.run.provenance != result.provenance:
        found.add(checks.RecordDiffers, "run.json:provenance", "that of result.json", "another one")
    for where, expected, got in _case_problems(bundle):
        found.add(checks.CasesDiffer, where, expected, got)
    for name, text in result.provenance.libraries.items():
        if name not in LIBRARIES or not LIBRARY_VERSION.fullmatch(text):
            got = repr(f"{name} {text}"[:80])
            found.add(checks.ProvenanceStrange, "provenance.libraries", "a library's version", got)
    _check_execution(found, bundle)
    _check_predictions(found, bundle, request)
    _check_typed(found, request)


def _case_problems(bundle: Bundle) -> Iterator[tuple[str, str, str]]:
    """How `cases.jsonl` differs from the result; no case is named."""
    if bundle.cases is None:
        return
    for task in bundle.result.tasks:
        mine = [case for case in bundle.cases if case.task is task.task]
        if len({case.case_id for case in mine}) != len(mine):
            yield f"cases.jsonl:{task.task}", "every case once", "a case twice"
        elif coverage(mine) != task.coverage:
            counted = f"{task.coverage.scored} scored and {task.coverage.failed} failed"
            got = coverage(mine)
            yield f"cases.jsonl:{task.task}", counted, f"{got.scored} and {got.failed}"
    scored = {task.task for task in bundle.result.tasks}
    for other in sorted({case.task for case in bundle.cases} - scored):
        yield f"cases.jsonl:{other}", "the tasks of result.json", "another task"


def _check_execution(found: Findings, bundle: Bundle) -> None:
    if bundle.execution is None:
        return
    plan, cohort = bundle.execution.plan, bundle.result.cohort
    if plan.image != bundle.result.submission.image:
        image = str(bundle.result.submission.image)
        found.add(checks.ExecutionDiffers, "execution.json:plan.image", image, plan.image)
    if len(bundle.execution.cases) != cohort.cases:
        got = f"{len(bundle.execution.cases)} cases"
        found.add(checks.ExecutionDiffers, "execution.json:cases", f"{cohort.cases} cases", got)


def _check_predictions(found: Findings, bundle: Bundle, request: Request) -> None:
    if request.predictions is None:
        return
    expected = bundle.result.provenance.submission_digest
    got = digest_folder(request.predictions, names=SUBMISSION_NAMES)
    if got != expected:
        found.add(checks.PredictionsDiffer, str(request.predictions), expected, got)


def _check_typed(found: Findings, request: Request) -> None:
    """What the organiser typed keeps the same rules as what an entrant wrote."""
    typed = {"--id": request.entry_id, "--paper": request.paper, "--note": request.notes}
    for name, value in typed.items():
        try:
            if value is not None:
                _TYPED[name].validate_python(value)
        except ValidationError:
            found.add(checks.FileUnreadable, name, "text as the contract allows", repr(value)[:80])
