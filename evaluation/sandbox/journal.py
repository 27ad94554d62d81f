"""A run on disk: content-addressed, written case by case, continued by the same command.

    OUT/submission.toml               written last; taken away while a run goes on
    OUT/<task>/<case>.nii.gz          masks of the cases that are done
    OUT/positivity.csv                their rows, in the cohort's order
    OUT/nodes.csv                     the same, if any of them has such rows
    OUT/run/                          private
        plan.json                     what was asked; its digest is the run's key
        execution.json                the record, as of the last container that ended
        summary.json                  what may be shown of it
        cases/<case>/case.json        the commit: a case counts as done when this file is there
        cases/<case>/log.txt, positivity.csv, nodes.csv
        work/                         the container's folders, gone when it is

Answers are written first and `case.json` last, each by a rename: whatever the moment of a crash,
a case is done with all its answers, or not done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from evaluation.sandbox.collect import Collected, answer_name, read_answer
from evaluation.sandbox.inputs import digest_file
from evaluation.sandbox.scratch import remove_folder
from schema.errors import SandboxError, UnreadableFileError, Unrunnable, UsageError
from schema.execution import CaseRun, ExecutionRecord, RunPlan
from schema.submission import SubmissionManifest
from schema.terms import TaskId
from tasks.files import (
    canonical_json,
    digest_bytes,
    read_table,
    read_text,
    toml_text,
    write_bytes,
    write_table,
    write_text,
)
from tasks.layout import (
    MASK_TASKS,
    NODE_COLUMNS,
    NODE_TABLE,
    POSITIVITY_COLUMNS,
    SUBMISSION_MANIFEST,
)

RUN, PLAN, RECORD, SUMMARY = "run", "plan.json", "execution.json", "summary.json"
CASE, LOG, LOCK = "case.json", "log.txt", "lock"
PRIVATE = 0o700


def run_key(plan: RunPlan) -> str:
    """What a run is known by: another plan, another key."""
    return digest_bytes(_json(plan).encode())


def _json(model: BaseModel) -> str:
    return canonical_json(model.model_dump(mode="json"))


@dataclass(frozen=True, slots=True)
class Journal:
    """The run in a folder; hold its lock while it is used."""

    out: Path

    @property
    def folder(self) -> Path:
        """The private part."""
        return self.out / RUN

    @property
    def lock(self) -> Path:
        """The file that one command at a time holds."""
        return self.folder / LOCK

    @property
    def work(self) -> Path:
        """Where a container's folders are made."""
        return self.folder / "work"

    def prepare(self) -> None:
        """Make the folder, closed to other users.

        Raises:
            UsageError: it holds something that is no run.
        """
        strange = self.out.exists() and any(each.name != RUN for each in self.out.iterdir())
        if strange and not (self.folder / PLAN).exists():
            message = f"{self.out} is not empty: name another folder, or remove it first"
            raise UsageError(message)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(PRIVATE)

    def begin(self, plan: RunPlan) -> None:
        """Continue the run of a plan, or begin it.

        Raises:
            SandboxError: the folder holds the run of another plan.
        """
        path = self.folder / PLAN
        if path.exists():
            self._refuse_other(RunPlan.model_validate_json(read_text(path)), plan)
        write_text(path, _json(plan))
        (self.out / SUBMISSION_MANIFEST).unlink(missing_ok=True)
        remove_folder(self.work)

    def _refuse_other(self, before: RunPlan, now: RunPlan) -> None:
        fields = [name for name, value in before if value != getattr(now, name)]
        if fields:
            message = (
                f"{self.out} holds a run with another {', '.join(fields)}: "
                "name another folder, or remove this one first"
            )
            raise SandboxError(message, kind=Unrunnable.OTHER_RUN)

    def done(self, case_id: str) -> CaseRun | None:
        """A case's run if it is committed and its answers are the ones committed."""
        try:
            run = CaseRun.model_validate_json(read_text(self._of_case(case_id) / CASE))
            kept = {self.answer(task, case_id): each for task, each in run.outputs.items()}
            if run.node_table is not None:
                kept[self._node_table(case_id)] = run.node_table
            if any(digest_file(path) != digest for path, digest in kept.items()):
                return None
        except (UnreadableFileError, ValidationError):
            return None
        return run

    def answer(self, task: TaskId, case_id: str) -> Path:
        """Where a case's answer is kept: a mask in its place, a row of the table on its own."""
        name = answer_name(task, case_id)
        return self.out / name if task in MASK_TASKS else self._of_case(case_id) / name

    def forget(self, case_id: str) -> None:
        """Remove all of a case, the commit first."""
        (self._of_case(case_id) / CASE).unlink(missing_ok=True)
        answers = (self.answer(task, case_id) for task in TaskId)
        for path in (*answers, self._node_table(case_id)):
            path.unlink(missing_ok=True)
            for half in path.parent.glob(f".{path.name}.*.tmp"):
                half.unlink()  # of a write that was killed

    def keep(
        self, found: Collected, *, case_id: str, tasks: Sequence[TaskId], output_mib: int
    ) -> dict[TaskId, str]:
        """Copy a case's answers out; returns their digests. Nothing is committed yet."""
        for task in tasks:
            target = self.answer(task, case_id)
            if task in MASK_TASKS:
                content = read_answer(found.masks[case_id][task], output_mib=output_mib)
                write_bytes(target, content)
            else:
                cells = found.rows[case_id]
                row = [cells[column] for column in POSITIVITY_COLUMNS]
                write_table(target, columns=POSITIVITY_COLUMNS, rows=[row])
        return {task: digest_file(self.answer(task, case_id)) for task in tasks}

    def keep_node_table(self, found: Collected, *, case_id: str) -> str | None:
        """Copy a case's lines of the node table out; returns their digest, None without a table."""
        if found.node_rows is None:
            return None
        target = self._node_table(case_id)
        rows = [[cells[column] for column in NODE_COLUMNS] for cells in found.node_rows[case_id]]
        write_table(target, columns=NODE_COLUMNS, rows=rows)
        return digest_file(target)

    def commit(self, run: CaseRun) -> None:
        """Make a case done."""
        write_text(self._of_case(run.case_id) / CASE, _json(run))

    def write_log(self, text: str, *, cases: Sequence[str]) -> None:
        """Keep a container's log, once for all of its cases."""
        several = len(cases) > 1
        folder = self.folder if several else self._of_case(cases[0])
        write_text(folder / (f"batch-{LOG}" if several else LOG), text)

    def note(self, record: ExecutionRecord) -> None:
        """Write the record as it stands, and what may be shown of it."""
        write_text(self.folder / RECORD, _json(record))
        write_text(self.folder / SUMMARY, _json(record.summary()))

    def finish(self, record: ExecutionRecord, *, manifest: SubmissionManifest) -> None:
        """Write what makes the folder a submission: the manifest last of all."""
        tasks = record.plan.tasks
        answered = [each for each in record.cases if each.status == "ok"]
        for task in set(tasks) & set(MASK_TASKS):
            (self.out / task.value).mkdir(exist_ok=True)
        if TaskId.POSITIVITY in tasks:
            tables = [self.answer(TaskId.POSITIVITY, each.case_id) for each in answered]
            joined = self.out / answer_name(TaskId.POSITIVITY, "")
            _join(tables, into=joined, columns=POSITIVITY_COLUMNS)
        (self.out / NODE_TABLE).unlink(missing_ok=True)
        if any(each.node_table for each in answered):
            tables = [self._node_table(each.case_id) for each in answered if each.node_table]
            _join(tables, into=self.out / NODE_TABLE, columns=NODE_COLUMNS)
        image = {"image": record.plan.image}
        content = {**manifest.model_dump(mode="json", exclude_none=True), **image}
        write_text(self.out / SUBMISSION_MANIFEST, toml_text(content))

    def _node_table(self, case_id: str) -> Path:
        return self._of_case(case_id) / NODE_TABLE

    def _of_case(self, case_id: str) -> Path:
        return self.folder / "cases" / case_id


def _join(tables: Sequence[Path], *, into: Path, columns: Sequence[str]) -> None:
    """The lines of several tables of the same columns, one table after the other."""
    rows = [row.cells for table in tables for row in read_table(table).rows]
    write_table(into, columns=columns, rows=rows)
