"""Examines a host: a hostile submission is run through the sandbox, and what held is said.

The cohort is made for the purpose, with canaries in everything that is hidden. The campaign, the
runner, the container's arguments and the gates are those of every submission; the limits are lower,
so that it is quick.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from evaluation.gate import check_submission
from evaluation.sandbox import campaign
from evaluation.sandbox.collect import answer_name
from evaluation.sandbox.container import MIB, ContainerSpec
from evaluation.sandbox.doctor_attacks import (
    ATTACKS,
    LOG_BYTES,
    Attack,
    Bomb,
    Judged,
    Report,
    Seen,
    Verdict,
)
from evaluation.sandbox.doctor_watch import Listeners, ProcessWatch
from evaluation.sandbox.hostile import bounds
from evaluation.sandbox.journal import LOG, RUN
from evaluation.sandbox.plan import Campaign, Options, prepare
from evaluation.sandbox.runner import Image, Outcome, Runner
from schema.execution import CaseRun, EngineHost, ExecutionRecord, Mode
from schema.submission import SubmissionManifest
from schema.task import Limits
from schema.terms import Split, TaskId
from tasks.cohort import Cohort, read_inputs
from tasks.files import toml_text, write_nifti, write_text
from tasks.geometry import Geometry
from tasks.layout import CLINICAL, COHORT_MANIFEST, IMAGES, MASK_TASKS, READERS, mask_name
from tasks.specification import label_map

HOSTILE = Path(__file__).parent / "hostile"
COLUMNS = ("name", "what was tried", "verdict", "evidence")
SIZE = (12, 10, 4)
SINCE_SECONDS = 60
"""Files of the image that are older hold no canary and need no search."""
SECRET = "LLN_DOCTOR_SECRET"  # noqa: S105 - a variable's name
"""Variable of the doctor's own environment that no container may see."""

LIMITS = Limits(
    seconds_per_case=8,
    memory_mib=128,
    shared_memory_mib=16,
    cpus=2,
    processes=64,
    gpus=0,
    output_mib=4,
)
LOG_SECONDS = 25
"""A gigabyte takes an engine half of that on a small machine."""


class Suite(NamedTuple):
    """Cases of one campaign."""

    name: str
    mode: Mode
    limits: Limits
    cases: tuple[str, ...]


SUITES = (
    Suite(
        "alone",
        Mode.CASE,
        LIMITS,
        (
            bounds.LOOK,
            bounds.FORKS,
            bounds.MEMORY,
            bounds.OUTPUT,
            bounds.ENTRIES,
            bounds.HANG,
            bounds.PROCESS,
            bounds.NAMES,
            bounds.DEPTHS,
            bounds.ROWS,
            bounds.BOMB,
        ),
    ),
    Suite(
        "together",
        Mode.BATCH,
        LIMITS,
        (
            bounds.HONEST,
            bounds.PASSWD,
            bounds.LABEL,
            bounds.HARD,
            bounds.FIFO,
            bounds.SOCKET,
            bounds.SET_UID,
        ),
    ),
    # on its own: what it may bring down is the whole run
    Suite("closed", Mode.CASE, LIMITS, (bounds.CLOSED,)),
    Suite(
        "log",
        Mode.CASE,
        LIMITS.model_copy(update={"seconds_per_case": LOG_SECONDS}),
        (bounds.PROBE, bounds.FLOOD),
    ),
)


def needed(attacks: Sequence[Attack]) -> tuple[Suite, ...]:
    """The suites of some attacks, without the cases that none of them needs.

    In batch mode the first case is answered honestly: else no batch is run.
    """
    cases = {case_id for attack in attacks for case_id in attack.cases}
    wanted = []
    for suite in SUITES:
        kept = {case_id for case_id in suite.cases if case_id in cases}
        if kept and suite.mode is Mode.BATCH:
            kept.add(suite.cases[0])
        wanted.append(suite._replace(cases=tuple(each for each in suite.cases if each in kept)))
    return tuple(suite for suite in wanted if suite.cases)


# --- the cohort and what the submission is told ----------------------------------------


class Stage(NamedTuple):
    """Where everything lies. The token is in what is hidden, the nonce in what is reported."""

    folder: Path
    token: str
    nonce: str

    def cohort(self, suite: str) -> Path:
        """A suite's cohort; the token is in its path."""
        return self.folder / f"cohort-{self.token}" / suite

    def out(self, suite: str) -> Path:
        """Where a suite's run is written."""
        return self.folder / "runs" / suite

    @property
    def model(self) -> Path:
        """The folder of weights, by which the submission is told what to look for."""
        return self.folder / "model"


@contextmanager
def _stage() -> Iterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="lln-doctor-") as folder:
        yield Stage(Path(folder), token=secrets.token_hex(16), nonce=secrets.token_hex(16))


@contextmanager
def _secret(token: str) -> Iterator[None]:
    os.environ[SECRET] = token
    try:
        yield
    finally:
        del os.environ[SECRET]


def write_cohort(folder: Path, *, cases: Sequence[str], token: str) -> None:
    """Write images, and in the place of everything hidden the token."""
    grid = Geometry.from_affine(np.diag([-1.0, -1.0, 4.0, 1.0]), size=SIZE)
    for case_id in cases:
        write_nifti(folder / IMAGES / mask_name(case_id), np.zeros(SIZE, np.int16), geometry=grid)
        for task in MASK_TASKS:
            write_text(folder / task.value / mask_name(case_id), f"{token} label")
    for name in (CLINICAL, READERS, f"{token}.txt"):
        write_text(folder / name, f"{token} {name}")
    manifest = {
        "name": "Canaries",
        "licence": "CC0-1.0",
        "split": Split.HIDDEN.value,
        "label_map_version": label_map(TaskId.COMPARTMENTS).version,
        "centres": ["Nowhere"],
        "tasks": [task.value for task in TaskId],
        "cases": list(cases),
    }
    write_text(folder / COHORT_MANIFEST, toml_text(manifest))


def _tell(stage: Stage, *, listeners: Sequence[tuple[str, int]]) -> None:
    """Write the plan: in hexadecimal, so that a search for the token does not find it."""
    (together,) = (suite.name for suite in SUITES if suite.mode is Mode.BATCH)
    label = stage.cohort(together) / MASK_TASKS[0].value / mask_name(bounds.LABEL)
    plan = {
        "nonce": stage.nonce,
        "token": stage.token,
        "since": time.time() - SINCE_SECONDS,
        "label": str(label),
        "listeners": listeners,
    }
    write_text(stage.model / bounds.PLAN, json.dumps(plan).encode().hex())
    stage.model.chmod(0o755)
    (stage.model / bounds.PLAN).chmod(0o644)


# --- running ---------------------------------------------------------------------------


@dataclass(slots=True)
class _Notes:
    """What is seen, as it is seen."""

    reports: dict[str, list[Report]] = field(default_factory=dict)
    runs: dict[str, CaseRun] = field(default_factory=dict)
    crashes: dict[str, str] = field(default_factory=dict)
    kept: dict[str, list[str]] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    log_bytes: int = 0
    bomb: Bomb | None = None

    def read(self, log: bytes, *, nonce: str) -> None:
        """Take the reports out of a container's log."""
        self.log_bytes = max(self.log_bytes, len(log))
        for report in reports_of(log, nonce=nonce):
            self.reports.setdefault(report["attack"], []).append(report)


def reports_of(log: bytes, *, nonce: str) -> Iterator[Report]:
    """Reports in a log; a line without the nonce is none, whoever printed it."""
    mark = f"{bounds.REPORT} {nonce} ".encode()
    for line in log.splitlines():
        if line.startswith(mark):
            yield json.loads(line[len(mark) :])


class Watched:
    """The runner of every submission, and a look at what it brings back."""

    def __init__(self, inner: Runner, *, stage: Stage, notes: _Notes, watch: ProcessWatch) -> None:
        self._inner, self._stage, self._notes, self._watch = inner, stage, notes, watch

    def host(self) -> EngineHost:
        """As the runner."""
        return self._inner.host()

    def gpus(self, wanted: int) -> int:
        """As the runner."""
        return self._inner.gpus(wanted)

    def image(self, reference: str) -> Image:
        """As the runner."""
        return self._inner.image(reference)

    def clean(self, labels: Mapping[str, str]) -> int:
        """As the runner."""
        return self._inner.clean(labels)

    def run(self, spec: ContainerSpec) -> Outcome:
        """As the runner. A log that was bounded lets the next container print more."""
        with self._watch.watching():
            outcome = self._inner.run(spec)
        self._notes.read(outcome.log, nonce=self._stage.nonce)
        if "floods-log" in self._notes.reports and self._notes.log_bytes <= LOG_BYTES:
            (self._stage.model / bounds.MAY_FLOOD).touch()
        return outcome


def examine(
    *,
    runner: Runner,
    image: str,
    attacks: Sequence[Attack] = ATTACKS,
    on_case: Callable[[], None] = lambda: None,
) -> tuple[Judged, ...]:
    """Run the hostile image through the sandbox and judge every attack.

    Args:
        runner: that runs submissions.
        image: the hostile one.
        attacks: those to judge; cases that none of them needs are not run.
        on_case: called once for each case that is done.

    Raises:
        SandboxError: nothing can be run.
    """
    notes = _Notes()
    with _stage() as stage, _secret(stage.token), Listeners() as listeners:
        watch = ProcessWatch(stage.nonce)
        watched = Watched(runner, stage=stage, notes=notes, watch=watch)
        _tell(stage, listeners=listeners.addresses)
        for suite in needed(attacks):
            _run(suite, runner=watched, image=image, stage=stage, notes=notes, on_case=on_case)
        seen = Seen(
            limits=LIMITS,
            reports=notes.reports,
            runs=notes.runs,
            crashes=notes.crashes,
            kept=notes.kept,
            shown=notes.shown,
            log_bytes=notes.log_bytes,
            callers=listeners.callers,
            survivors=watch.living(),
            witnessed=watch.witnessed,
            bomb=notes.bomb,
        )
    return tuple(attack.judge(seen) for attack in attacks)


def _run(
    suite: Suite,
    *,
    runner: Runner,
    image: str,
    stage: Stage,
    notes: _Notes,
    on_case: Callable[[], None],
) -> None:
    """One campaign, as `lln submission run` makes it."""
    folder, out = stage.cohort(suite.name), stage.out(suite.name)
    write_cohort(folder, cases=suite.cases, token=stage.token)
    planned = prepare(
        runner=runner,
        image=image,
        cohort=read_inputs(folder),
        manifest=SubmissionManifest(team="Doctor", model="Hostile", tasks=tuple(TaskId)),
        out=out,
        options=Options(mode=suite.mode, weights=stage.model, use_gpus=False, limits=suite.limits),
    )
    try:
        record = campaign.run(planned, runner=runner, keep_going=True, on_case=on_case)
    except OSError as error:  # the sandbox's own code met something that it had not expected
        notes.crashes |= dict.fromkeys(suite.cases, f"{type(error).__name__}: {error.strerror}")
        return
    _note(record, planned=planned, notes=notes)


def _note(record: ExecutionRecord, *, planned: Campaign, notes: _Notes) -> None:
    """Note what the sandbox says of each case and what it let out."""
    out = planned.out
    for run in record.cases:
        names = [answer_name(task, run.case_id) for task in MASK_TASKS]
        kept = [name for name in names if os.path.lexists(out / name)]
        notes.runs[run.case_id], notes.kept[run.case_id] = run, kept
        log = out / RUN / "cases" / run.case_id / LOG
        if log.exists():
            notes.shown[run.case_id] = log.read_text(encoding="utf-8")
    if notes.kept.get(bounds.BOMB) and bounds.BOMB in planned.cases:
        notes.bomb = open_bomb(out, cohort=planned.cohort)


def open_bomb(submission: Path, *, cohort: Cohort) -> Bomb:
    """Run the gate before scoring on what was let out of the bomb's case."""
    before = _peak_mib()
    findings = [each for step in check_submission(submission, cohort=cohort) for each in step]
    refused = frozenset(
        answer_name(each.task, bounds.BOMB)
        for each in findings
        if each.case_id == bounds.BOMB and each.task is not None and each.fails_case
    )
    return Bomb(refused=refused, grown_mib=_peak_mib() - before)


def _peak_mib() -> float:
    bytes_each = 1 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * bytes_each / MIB


# --- saying ----------------------------------------------------------------------------


def counts(judged: Sequence[Judged]) -> dict[str, int]:
    """How many there are of each verdict."""
    return {verdict.value: sum(each.verdict is verdict for each in judged) for verdict in Verdict}


def any_broken(judged: Sequence[Judged]) -> bool:
    """Whether anything did not hold."""
    return any(each.verdict is Verdict.BROKEN for each in judged)


def row(judged: Judged) -> tuple[str, ...]:
    """A line of the table; what is BROKEN says how to mend it."""
    mend = f"\n{judged.remedy}" if judged.remedy else ""
    return judged.name, judged.tried, judged.verdict.value, judged.evidence + mend


def report(*, host: Sequence[Judged], attacks: Sequence[Judged], seconds: float) -> dict[str, Any]:
    """Everything, for a program to read."""
    return {
        "host": [each._asdict() for each in host],
        "attacks": [each._asdict() for each in attacks],
        "counts": counts([*host, *attacks]),
        "seconds": round(seconds, 1),
    }
