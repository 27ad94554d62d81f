"""One image on one cohort: first one case, then the rest, whatever fails on the way.

The first cases are run one by one until one is answered. If the model fails three of them, the run
stops: an image that does not work would fail every case, some of them after ten minutes each. A
single odd first patient does not stop a sound model.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from evaluation.sandbox.collect import Collected, collect
from evaluation.sandbox.container import MIB, ContainerSpec, container_user
from evaluation.sandbox.diagnosis import describe, diagnose
from evaluation.sandbox.inputs import image_bytes, stage
from evaluation.sandbox.journal import Journal, run_key
from evaluation.sandbox.lock import locked
from evaluation.sandbox.log import clean_log, one_line
from evaluation.sandbox.plan import Campaign
from evaluation.sandbox.runner import Outcome, Runner
from evaluation.sandbox.scratch import remove_folder, writable_folder
from schema.errors import SandboxError, Unrunnable
from schema.execution import CaseRun, ExecutionRecord, FailureCode, Mode
from schema.terms import TaskId
from tasks.layout import MASK_TASKS

ATTEMPTS = 2
"""Of a container that the engine failed; the entrant's failures are never tried again."""
RETRY_SECONDS = 10.0
"""Until the second attempt: an engine that restarts needs some."""
FIRST_CASES = 3
"""The model may fail so many before one is answered; then the run stops."""
ENGINE_FAILURES = 3
"""So many containers in a row that the engine fails end the command; nothing is lost."""
SPARE_BYTES = 1 << 30
"""Left on the disk beside every answer still to come."""


def run(
    campaign: Campaign,
    *,
    runner: Runner,
    keep_going: bool = False,
    on_case: Callable[[], None] = lambda: None,
    pause: Callable[[float], None] = time.sleep,
) -> ExecutionRecord:
    """Run a campaign, or continue it; makes the submission folder and returns the record.

    Args:
        campaign: from `prepare`.
        runner: that runs it.
        keep_going: True to run every case although the model fails the first ones.
        on_case: called once for each case that is done, for a progress bar.
        pause: waits before a second attempt.

    Raises:
        SandboxError: another command runs on the folder, or it holds another run, or the disk is
            too full, or the engine fails case after case.
        UsageError: the folder holds something else.
    """
    journal = Journal(campaign.out)
    journal.prepare()
    with locked(journal.lock), _cleaned(runner, labels=campaign.labels):
        journal.begin(campaign.plan)
        work = _Work(campaign, journal, runner, pause)
        try:
            for _ in work.cases(keep_going=keep_going):
                on_case()
        finally:
            remove_folder(journal.work)
        journal.finish(work.record, manifest=campaign.manifest)
    return work.record


@contextmanager
def _cleaned(runner: Runner, *, labels: Mapping[str, str]) -> Iterator[None]:
    """No container of this run before it begins, and none when it has ended."""
    runner.clean(labels)
    try:
        yield
    finally:
        runner.clean(labels)


class _Ended(NamedTuple):
    """A container's end and what it left."""

    outcome: Outcome
    attempts: int
    code: FailureCode | None
    found: Collected
    shared: bool
    """Whether it had several cases."""


class _Work:
    """The cases of a campaign, done and to do."""

    def __init__(
        self,
        campaign: Campaign,
        journal: Journal,
        runner: Runner,
        pause: Callable[[float], None],
    ) -> None:
        self._campaign, self._journal, self._runner = campaign, journal, runner
        self._pause = pause
        self._engine_failures = 0
        self._started = datetime.now(UTC)
        found = {case_id: journal.done(case_id) for case_id in campaign.cases}
        self._runs = {case_id: run for case_id, run in found.items() if run is not None}

    @property
    def record(self) -> ExecutionRecord:
        """Every case that was run so far, in the cohort's order."""
        campaign = self._campaign
        cases = campaign.cases
        return ExecutionRecord(
            key=run_key(campaign.plan),
            plan=campaign.plan,
            host=campaign.host,
            started_utc=self._started,
            cohort_cases=len(cases),
            cases=tuple(self._runs[case_id] for case_id in cases if case_id in self._runs),
        )

    def cases(self, *, keep_going: bool) -> Iterator[str]:
        """Run what is left; yields each case when it is done, those done before at once."""
        left = [case_id for case_id in self._campaign.cases if case_id not in self._runs]
        self._refuse_full_disk(left)
        for case_id in left:
            self._journal.forget(case_id)
        self._journal.note(self.record)
        yield from tuple(self._runs)
        while left and (keep_going or not self._is_hopeless()):
            size = len(left) if self._may_batch() else 1
            cases, left = tuple(left[:size]), left[size:]
            self._run(cases)
            yield from cases

    def _works(self) -> bool:
        return any(run.status == "ok" for run in self._runs.values())

    def _is_hopeless(self) -> bool:
        codes = [run.code for run in self._runs.values()]
        failed = sum(code is not FailureCode.INFRASTRUCTURE for code in codes)
        return failed >= FIRST_CASES and not self._works()

    def _may_batch(self) -> bool:
        # in batch mode too the first cases are run one at a time
        known = self._works() or self._is_hopeless()
        return known and self._campaign.plan.mode is Mode.BATCH

    def _refuse_full_disk(self, left: Sequence[str]) -> None:
        """Room for all answers to come, the output of one container and copies of its images."""
        campaign = self._campaign
        at_once = len(left) if campaign.plan.mode is Mode.BATCH else 1
        answers = campaign.plan.limits.output_mib * MIB * (len(left) + at_once)
        copies = image_bytes(campaign.cohort, left[:at_once])
        needed, free = answers + copies + SPARE_BYTES, shutil.disk_usage(campaign.out).free
        if left and free < needed:
            message = (
                f"{campaign.out}: the disk is too full for {len(left)} cases: "
                f"{needed // MIB} MiB are needed, {free // MIB} MiB are free; "
                "free some, or name a folder on another disk"
            )
            raise SandboxError(message, kind=Unrunnable.DISK_FULL)

    def _run(self, cases: tuple[str, ...]) -> None:
        outcome, attempts = self._attempted(cases)
        limits = self._campaign.plan.limits
        ended = _Ended(
            outcome=outcome,
            attempts=attempts,
            code=diagnose(outcome, memory_mib=limits.memory_mib),
            found=self._collected(cases),
            shared=len(cases) > 1,
        )
        self._journal.write_log(clean_log(outcome.log), cases=cases)
        for case_id in cases:
            self._settle(self._judged(case_id, ended=ended))
        self._journal.note(self.record)
        remove_folder(self._journal.work)
        self._refuse_broken_engine(outcome)

    def _attempted(self, cases: tuple[str, ...]) -> tuple[Outcome, int]:
        """Run a container; once more if the engine failed it."""
        for attempt in range(1, ATTEMPTS):
            outcome = self._runner.run(self._spec(cases))
            if outcome.engine_error is None:
                return outcome, attempt
            self._pause(RETRY_SECONDS)
        return self._runner.run(self._spec(cases)), ATTEMPTS

    def _spec(self, cases: tuple[str, ...]) -> ContainerSpec:
        """The container of some cases, its folders made anew."""
        campaign, plan = self._campaign, self._campaign.plan
        inputs = self._journal.work / "input"
        remove_folder(self._journal.work)
        stage(campaign.cohort, cases=cases, images=campaign.images, folder=inputs)
        for folder in (self._output, *(self._output / task.value for task in MASK_TASKS)):
            writable_folder(folder)
        return ContainerSpec(
            image=plan.image,
            volumes=campaign.volumes,
            inputs=inputs,
            output=self._output,
            weights=campaign.weights,
            cases=len(cases),
            tasks=plan.tasks,
            mode=plan.mode,
            limits=plan.limits,
            gpus=plan.gpus,
            user=container_user(),
            labels=campaign.labels,
        )

    @property
    def _output(self) -> Path:
        return self._journal.work / "output"

    def _collected(self, cases: tuple[str, ...]) -> Collected:
        plan = self._campaign.plan
        return collect(
            self._output, cases=cases, tasks=plan.tasks, output_mib=plan.limits.output_mib
        )

    def _judged(self, case_id: str, *, ended: _Ended) -> CaseRun:
        """What became of a case; its answers are kept if it has all of them."""
        code, detail = self._verdict(case_id, ended=ended)
        outcome = ended.outcome
        return CaseRun(
            case_id=case_id,
            status="ok" if code is None else "failed",
            code=code,
            detail=None if code is None else one_line(detail),
            attempts=ended.attempts,
            seconds=round(outcome.seconds, 3),
            peak_memory_mib=outcome.peak_memory_mib,
            gpu_memory_mib=outcome.gpu_memory_mib,
            gpu_memory_reason=outcome.gpu_memory_reason,
            outputs={} if code else self._kept(case_id, found=ended.found),
            node_table=None
            if code
            else self._journal.keep_node_table(ended.found, case_id=case_id),
        )

    def _verdict(self, case_id: str, *, ended: _Ended) -> tuple[FailureCode | None, str]:
        """The code of a case and what it was given for.

        A container of several cases that failed has answered those that it left whole, unless the
        engine failed: then nothing that it left is believed.
        """
        breach = ended.found.breach_of(case_id, tasks=self._campaign.plan.tasks)
        whole = breach is None and ended.shared and ended.code is not FailureCode.INFRASTRUCTURE
        if ended.code is not None and not whole:
            return ended.code, describe(ended.outcome, code=ended.code)
        if breach is not None:
            return FailureCode.CONTRACT_BREACH, breach
        return None, ""

    def _kept(self, case_id: str, *, found: Collected) -> dict[TaskId, str]:
        plan = self._campaign.plan
        return self._journal.keep(
            found, case_id=case_id, tasks=plan.tasks, output_mib=plan.limits.output_mib
        )

    def _settle(self, run: CaseRun) -> None:
        """Commit a case, unless the engine failed it: then it is run again next time."""
        self._runs[run.case_id] = run
        if run.code is not FailureCode.INFRASTRUCTURE:
            self._journal.commit(run)

    def _refuse_broken_engine(self, outcome: Outcome) -> None:
        self._engine_failures = 0 if outcome.engine_error is None else self._engine_failures + 1
        if self._engine_failures == ENGINE_FAILURES:
            message = (
                f"the engine failed {ENGINE_FAILURES} times in a row: {outcome.engine_error}; "
                "nothing is lost: mend it and run the same command again"
            )
            raise SandboxError(message, kind=Unrunnable.ENGINE_FAILED)
