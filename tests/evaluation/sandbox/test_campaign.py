"""One image on one cohort: what is run, what is kept, what stops, and what goes on."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

import evaluation.sandbox.journal
from evaluation.gate import check_submission
from evaluation.sandbox.campaign import RETRY_SECONDS, run
from evaluation.sandbox.container import ContainerSpec
from evaluation.sandbox.journal import Journal, run_key
from evaluation.sandbox.lock import locked
from evaluation.sandbox.plan import Campaign, Options, largest_limits, prepare, read_manifest
from evaluation.sandbox.runner import Outcome
from schema.errors import CohortError, SandboxError, Unrunnable, UsageError
from schema.execution import CaseRun, ExecutionRecord, FailureCode, Mode
from schema.submission import SubmissionManifest
from schema.task import Limits
from schema.terms import TaskId
from tasks.cohort import read_inputs
from tasks.layout import NODE_TABLE, SUBMISSION_MANIFEST, mask_name
from tasks.specification import load_tasks
from tests.evaluation.sandbox.fake_runner import (
    DIGEST,
    ENGINE_FAILS,
    FAILS,
    FakeRunner,
    add_row,
    answer,
    answer_masks,
    ends,
    in_turn,
    with_nodes,
)

CASES = ("North_01", "North_02", "South_01", "South_02")
SMALL = Limits(
    seconds_per_case=5,
    memory_mib=64,
    shared_memory_mib=16,
    cpus=1,
    processes=32,
    gpus=0,
    output_mib=1,
)
MANIFEST = SubmissionManifest(team="Team", model="Model", tasks=tuple(TaskId))


class Crash(BaseException):
    """The process is killed here."""


class Bench(NamedTuple):
    """A cohort and a place for the run."""

    cohort: Path
    out: Path

    def plan(self, runner: FakeRunner, **changes: Any) -> Campaign:
        tasks = changes.pop("tasks", MANIFEST.tasks)
        options = {"limits": SMALL, **changes}
        return prepare(
            runner=runner,
            image="team/model",
            cohort=read_inputs(self.cohort),
            manifest=MANIFEST.model_copy(update={"tasks": tasks}),
            out=self.out,
            options=Options(**options),
        )

    def run(
        self, runner: FakeRunner, *, keep_going: bool = False, **changes: Any
    ) -> ExecutionRecord:
        planned = self.plan(runner, **changes)
        return run(planned, runner=runner, keep_going=keep_going, pause=lambda _: None)

    def masks(self, task: str = "nodes") -> list[str]:
        return sorted(path.name for path in (self.out / task).iterdir())

    def table(self) -> list[str]:
        lines = (self.out / "positivity.csv").read_text().splitlines()
        return [line.split(",")[0] for line in lines[1:]]


@pytest.fixture
def bench(cohort_folder: Path, tmp_path: Path) -> Bench:
    return Bench(cohort_folder, tmp_path / "out")


def codes(record: ExecutionRecord) -> dict[str, FailureCode | None]:
    return {each.case_id: each.code for each in record.cases}


def test_every_case_is_run_on_its_own_and_answered(bench: Bench) -> None:
    runner = FakeRunner()

    record = bench.run(runner)

    assert runner.ran == [(case_id,) for case_id in CASES]
    assert codes(record) == dict.fromkeys(CASES)
    assert bench.masks() == bench.masks("compartments") == [mask_name(each) for each in CASES]
    assert bench.table() == list(CASES)
    assert (bench.out / "nodes" / mask_name("North_02")).read_bytes() == b"maskNorth_02"


def test_the_folder_is_a_submission_of_that_image(bench: Bench) -> None:
    bench.run(FakeRunner())
    manifest = read_manifest(bench.out / SUBMISSION_MANIFEST)

    assert manifest == MANIFEST.model_copy(update={"image": DIGEST})


def test_the_gate_takes_the_folder_and_counts_the_missing_case(bench: Bench) -> None:
    cohort = read_inputs(bench.cohort)

    def right(spec: ContainerSpec, case_id: str) -> Outcome:
        for task in ("compartments", "nodes"):
            shutil.copyfile(
                bench.cohort / task / mask_name(case_id), spec.output / task / mask_name(case_id)
            )
        return answer_table(spec, case_id)

    def answer_table(spec: ContainerSpec, case_id: str) -> Outcome:
        add_row(spec.output, case_id)
        return Outcome(exit_code=0)

    bench.run(FakeRunner({**dict.fromkeys(CASES, right), "South_01": FAILS}))
    found = [each for step in check_submission(bench.out, cohort=cohort) for each in step]

    assert {each.case_id for each in found} == {"South_01"}
    assert len(found) == len(TaskId)
    assert all(each.fails_case for each in found)


def test_a_container_gets_its_image_and_nothing_else_of_the_cohort(bench: Bench) -> None:
    seen: dict[str, list[str]] = {}

    def look(spec: ContainerSpec, case_id: str) -> Outcome:
        seen[case_id] = [str(path.relative_to(spec.inputs)) for path in spec.inputs.rglob("*")]
        source = (bench.cohort / "t2w" / mask_name(case_id)).read_bytes()
        assert (spec.inputs / "t2w" / mask_name(case_id)).read_bytes() == source
        assert bench.cohort not in spec.inputs.parents
        assert list((spec.output / "nodes").iterdir()) == []
        return answer(spec, case_id)

    bench.run(FakeRunner(dict.fromkeys(CASES, look)))

    assert {case_id: sorted(names) for case_id, names in seen.items()} == {
        case_id: ["t2w", f"t2w/{mask_name(case_id)}"] for case_id in CASES
    }


def test_inputs_are_readable_to_anybody_although_the_cohort_is_not(bench: Bench) -> None:
    for path in (bench.cohort / "t2w").iterdir():
        path.chmod(0o600)
    runner = FakeRunner()
    bench.run(runner, mode=Mode.BATCH)

    assert runner.ran == [("North_01",), CASES[1:]]


def test_a_failing_case_is_absent_and_fails_no_other(bench: Bench) -> None:
    record = bench.run(FakeRunner({"North_02": FAILS}))

    assert codes(record) == dict.fromkeys(CASES) | {"North_02": FailureCode.MODEL_EXIT}
    assert mask_name("North_02") not in bench.masks()
    assert bench.table() == ["North_01", "South_01", "South_02"]
    assert record.summary().failures == {FailureCode.MODEL_EXIT: 1}


def test_an_odd_first_patient_stops_nobody(bench: Bench) -> None:
    record = bench.run(FakeRunner({"North_01": FAILS, "North_02": FAILS}))

    assert [each.status for each in record.cases] == ["failed", "failed", "ok", "ok"]


@pytest.mark.parametrize("mode", Mode)
def test_a_model_that_fails_the_first_three_is_stopped(bench: Bench, mode: Mode) -> None:
    runner = FakeRunner(dict.fromkeys(CASES, FAILS))

    record = bench.run(runner, mode=mode)

    assert runner.ran == [("North_01",), ("North_02",), ("South_01",)]
    assert record.summary().not_run == 1
    assert record.summary().failures == {FailureCode.MODEL_EXIT: 3}
    assert (bench.out / SUBMISSION_MANIFEST).exists()


def test_a_stopped_model_goes_on_when_asked_and_repeats_nothing(bench: Bench) -> None:
    behaviours = dict.fromkeys(CASES[:3], FAILS)
    bench.run(FakeRunner(behaviours))
    again, further = FakeRunner(behaviours), FakeRunner(behaviours)

    assert bench.run(again).summary().not_run == 1
    assert again.ran == []
    assert bench.run(further, keep_going=True).summary().ok == 1
    assert further.ran == [("South_02",)]


def test_the_engine_s_failure_is_tried_again_once_and_forgiven(bench: Bench) -> None:
    pauses: list[float] = []
    runner = FakeRunner({"North_02": in_turn(ENGINE_FAILS, answer)})

    record = run(bench.plan(runner), runner=runner, pause=pauses.append)

    assert runner.ran.count(("North_02",)) == 2
    assert [each.attempts for each in record.cases] == [1, 2, 1, 1]
    assert record.summary().ok == 4
    assert pauses == [RETRY_SECONDS]


def test_what_the_engine_fails_twice_is_run_again_by_the_next_command(bench: Bench) -> None:
    record = bench.run(FakeRunner({"North_02": ENGINE_FAILS}))
    mended = FakeRunner()

    assert codes(record)["North_02"] is FailureCode.INFRASTRUCTURE
    assert bench.run(mended).summary().ok == 4
    assert mended.ran == [("North_02",)]


def test_the_model_s_own_failure_is_never_tried_again(bench: Bench) -> None:
    bench.run(FakeRunner({"North_02": FAILS}))
    again = FakeRunner()

    assert bench.run(again).summary().ok == 3
    assert again.ran == []


def test_an_engine_that_fails_case_after_case_ends_the_command(bench: Bench) -> None:
    runner = FakeRunner(dict.fromkeys(CASES, ENGINE_FAILS))

    with pytest.raises(SandboxError, match="run the same command again") as refused:
        bench.run(runner)

    assert refused.value.kind is Unrunnable.ENGINE_FAILED
    assert bench.run(FakeRunner()).summary().ok == 4


def test_a_command_that_had_to_stop_leaves_a_record_of_what_was_done(bench: Bench) -> None:
    def dies(_spec: ContainerSpec, _case_id: str) -> Outcome:
        raise Crash

    with pytest.raises(Crash):
        bench.run(FakeRunner({"North_02": FAILS, "South_02": dies}))
    private = (bench.out / "run" / "execution.json").read_text()
    public = json.loads((bench.out / "run" / "summary.json").read_text())

    assert [each.case_id for each in ExecutionRecord.model_validate_json(private).cases] == [
        *CASES[:3]
    ]
    assert (public["ok"], public["failures"], public["not_run"]) == (2, {"model_exit": 1}, 1)


def test_the_engine_s_failure_hides_no_answer_of_a_dead_container(bench: Bench) -> None:
    def dies_late(spec: ContainerSpec, case_id: str) -> Outcome:
        answer(spec, case_id)
        return Outcome(engine_error="gone")

    record = bench.run(FakeRunner({"South_02": dies_late}), mode=Mode.BATCH)

    assert codes(record) == {"North_01": None} | dict.fromkeys(
        CASES[1:], FailureCode.INFRASTRUCTURE
    )


def test_a_batch_keeps_what_was_whole_when_the_model_died(bench: Bench) -> None:
    record = bench.run(FakeRunner({"South_01": FAILS}), mode=Mode.BATCH)

    assert codes(record) == dict.fromkeys(CASES) | {"South_01": FailureCode.MODEL_EXIT}


def test_a_batch_has_time_and_room_for_all_its_cases(bench: Bench) -> None:
    runner = FakeRunner()
    bench.run(runner, mode=Mode.BATCH)
    first, rest = runner.specs

    assert (first.seconds, rest.seconds) == (5, 15)
    assert rest.quota.total_bytes == 3 * first.quota.total_bytes
    assert {spec.mode for spec in runner.specs} == {Mode.BATCH}


def unfinished(spec: ContainerSpec, case_id: str) -> Outcome:
    answer_masks(spec, case_id)
    return Outcome(exit_code=0)


def test_a_model_that_ends_well_without_an_answer_breaks_the_contract(bench: Bench) -> None:
    record = bench.run(FakeRunner({"North_02": unfinished}))

    assert codes(record)["North_02"] is FailureCode.CONTRACT_BREACH
    assert record.cases[1].detail == "no positivity.csv"
    assert mask_name("North_02") not in bench.masks()


def test_tasks_that_are_not_entered_are_neither_needed_nor_kept(bench: Bench) -> None:
    record = bench.run(FakeRunner({"North_02": unfinished}), tasks=(TaskId.COMPARTMENTS,))

    assert record.summary().ok == 4
    assert set(record.cases[0].outputs) == {TaskId.COMPARTMENTS}
    assert not (bench.out / "nodes").exists()
    assert not (bench.out / "positivity.csv").exists()


def test_the_summary_and_the_record_agree_and_only_the_record_names_cases(bench: Bench) -> None:
    record = bench.run(FakeRunner({"North_02": FAILS}))
    private = (bench.out / "run" / "execution.json").read_text()
    public = (bench.out / "run" / "summary.json").read_text()

    assert ExecutionRecord.model_validate_json(private) == record
    assert record.key == run_key(record.plan)
    assert all(case_id in private and case_id not in public for case_id in CASES)
    assert "ValueError" not in private + public


def test_logs_stay_in_the_private_folder(bench: Bench) -> None:
    bench.run(FakeRunner({"North_02": FAILS}))
    folder = bench.out / "run"

    assert (folder / "cases" / "North_02" / "log.txt").read_text() == "ValueError: no\n"
    assert folder.stat().st_mode & 0o077 == 0


def crash_at(step: int) -> Callable[..., None]:
    """Let `step` calls pass; the next one never returns."""
    left = [step]

    def pass_or_die() -> None:
        if left[0] == 0:
            raise Crash
        left[0] -= 1

    return pass_or_die


STEPS = ("write_bytes", "write_table", "write_text")
"""How the journal touches the disk: masks, a row, and log, commit, record and manifest."""
WRITES = 30
"""Of four cases, one failing: plan; record and summary before the first and after each; log and
commit of each; three answers of three; table and manifest."""


def test_the_writes_are_those_counted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    for name in STEPS:
        real = getattr(evaluation.sandbox.journal, name)

        def write(path: Path, *args: Any, real: Callable[..., None] = real, **more: Any) -> None:
            written.append(path.name)
            real(path, *args, **more)

        monkeypatch.setattr(evaluation.sandbox.journal, name, write)
    bench.run(FakeRunner({"North_02": FAILS}))

    assert len(written) == WRITES
    assert written[0] == "plan.json"
    assert written[-1] == SUBMISSION_MANIFEST


def test_what_a_killed_command_left_of_a_container_is_removed(bench: Bench) -> None:
    left = bench.out / "run" / "work" / "output" / "nodes"
    left.mkdir(parents=True)
    (left / mask_name("North_01")).write_bytes(b"half")
    bench.run(FakeRunner({"North_01": FAILS}))

    assert not (bench.out / "run" / "work").exists()
    assert mask_name("North_01") not in bench.masks()


@pytest.mark.parametrize("step", range(WRITES))
def test_killed_before_any_write_the_same_command_continues(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    runner, die = FakeRunner({"North_02": FAILS}), crash_at(step)
    planned = bench.plan(runner)
    with monkeypatch.context() as patched:
        for name in STEPS:
            real = getattr(evaluation.sandbox.journal, name)

            def write(*args: Any, real: Callable[..., None] = real, **kwargs: Any) -> None:
                die()
                real(*args, **kwargs)

            patched.setattr(evaluation.sandbox.journal, name, write)
        with pytest.raises(Crash):
            run(planned, runner=runner)
    done = {case_id for case_id in CASES if Journal(bench.out).done(case_id)}
    again = FakeRunner({"North_02": FAILS})

    record = bench.run(again)

    assert not (bench.out / "run" / "work").exists()
    assert {case_id for cases in again.ran for case_id in cases} == set(CASES) - done
    assert codes(record) == dict.fromkeys(CASES) | {"North_02": FailureCode.MODEL_EXIT}
    assert bench.table() == ["North_01", "South_01", "South_02"]


def test_a_folder_under_way_is_no_submission_yet(bench: Bench) -> None:
    bench.run(FakeRunner({"North_02": ENGINE_FAILS}))

    def look(spec: ContainerSpec, case_id: str) -> Outcome:
        assert not (bench.out / SUBMISSION_MANIFEST).exists()
        return answer(spec, case_id)

    bench.run(FakeRunner({"North_02": look}))
    assert (bench.out / SUBMISSION_MANIFEST).exists()


def test_an_answer_that_was_changed_is_made_again(bench: Bench) -> None:
    bench.run(FakeRunner())
    (bench.out / "nodes" / mask_name("South_01")).write_bytes(b"better")
    (bench.out / "run" / "cases" / "South_02" / "case.json").write_text("{")
    again = FakeRunner()
    bench.run(again)

    assert again.ran == [("South_01",), ("South_02",)]
    assert (bench.out / "nodes" / mask_name("South_01")).read_bytes() == b"maskSouth_01"


def test_half_written_files_of_a_killed_command_are_removed(bench: Bench) -> None:
    bench.run(FakeRunner({"North_02": ENGINE_FAILS}))
    half = bench.out / "nodes" / f".{mask_name('North_02')}.77.tmp"
    half.write_bytes(b"ha")
    bench.run(FakeRunner())

    assert not half.exists()


def keys(bench: Bench, **changes: Any) -> str:
    return run_key(bench.plan(FakeRunner(), **changes).plan)


@given(
    name=st.sampled_from(sorted(Limits.model_fields)),
    more=st.integers(min_value=1, max_value=10**6),
)
def test_any_other_limit_is_another_run(name: str, more: int) -> None:
    plan = load_plan()
    other = SMALL.model_copy(update={name: getattr(SMALL, name) + more})

    assert run_key(plan.model_copy(update={"limits": other})) != run_key(plan)


def load_plan() -> Any:
    path = Path(__file__).parents[3] / "schema" / "examples" / "valid" / "RunPlan.one_gpu.json"
    record = ExecutionRecord.model_fields["plan"].annotation
    assert record is not None
    plan = record.model_validate_json(path.read_text())
    return plan.model_copy(update={"limits": SMALL})


@pytest.mark.parametrize(
    "change",
    [
        {"contract": "2.0.0"},
        {"image": "sha256:" + "cd" * 32},
        {"inputs": "sha256:" + "cd" * 32},
        {"weights": "sha256:" + "cd" * 32},
        {"tasks": (TaskId.NODES,)},
        {"mode": Mode.BATCH},
        {"gpus": 0},
    ],
    ids=lambda change: next(iter(change)),
)
def test_any_other_plan_is_another_run(change: dict[str, Any]) -> None:
    plan = load_plan()

    assert run_key(plan.model_copy(update=change)) != run_key(plan)
    assert run_key(plan.model_copy()) == run_key(plan)


def test_another_image_file_is_another_run_and_another_label_is_not(bench: Bench) -> None:
    before = keys(bench)
    (bench.cohort / "nodes" / mask_name("North_01")).unlink()
    (bench.cohort / "readers.csv").unlink()
    same = keys(bench)
    (bench.cohort / "t2w" / mask_name("North_01")).write_bytes(b"other")

    assert before == same != keys(bench)


def test_a_folder_keeps_to_one_plan(bench: Bench) -> None:
    bench.run(FakeRunner())

    with pytest.raises(SandboxError, match=r"another limits, mode: name another folder") as refused:
        bench.run(FakeRunner(), limits=SMALL.model_copy(update={"cpus": 2}), mode=Mode.BATCH)
    assert refused.value.kind is Unrunnable.OTHER_RUN


def test_a_folder_with_something_else_in_it_is_left_alone(bench: Bench) -> None:
    bench.out.mkdir()
    (bench.out / "mine.txt").write_text("keep")

    with pytest.raises(UsageError, match="not empty"):
        bench.run(FakeRunner())
    assert [path.name for path in bench.out.iterdir()] == ["mine.txt"]


def test_two_commands_do_not_share_a_folder(bench: Bench) -> None:
    journal = Journal(bench.out)
    journal.prepare()

    with (
        locked(journal.lock),
        pytest.raises(SandboxError, match=r"process \d+\) is run") as refused,
    ):
        bench.run(FakeRunner())
    assert refused.value.kind is Unrunnable.BUSY
    assert bench.run(FakeRunner()).summary().ok == 4


def test_a_full_disk_is_seen_before_anything_runs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = FakeRunner()
    planned = bench.plan(runner)
    usage = shutil.disk_usage(bench.cohort)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 30))

    with pytest.raises(SandboxError, match=r"1029 MiB are needed, 1024 MiB are free") as refused:
        run(planned, runner=runner)
    assert refused.value.kind is Unrunnable.DISK_FULL
    assert runner.ran == []


def test_containers_are_cleaned_before_and_after_whatever_happens(bench: Bench) -> None:
    def interrupted(_spec: ContainerSpec, _case_id: str) -> Outcome:
        raise KeyboardInterrupt

    runner = FakeRunner({"North_02": interrupted})
    with pytest.raises(KeyboardInterrupt):
        bench.run(runner)

    assert runner.cleaned == [runner.specs[0].labels] * 2
    assert not (bench.out / "run" / "work").exists()


def test_an_image_that_changes_during_the_run_stops_it(bench: Bench) -> None:
    def meddle(spec: ContainerSpec, case_id: str) -> Outcome:
        (bench.cohort / "t2w" / mask_name("South_02")).write_bytes(b"other")
        return answer(spec, case_id)

    with pytest.raises(SandboxError, match="changed while the run went on") as refused:
        bench.run(FakeRunner({"North_01": meddle}))
    assert refused.value.kind is Unrunnable.INPUT_CHANGED


def test_a_missing_image_is_the_cohort_s_fault(bench: Bench) -> None:
    (bench.cohort / "t2w" / mask_name("South_02")).unlink()

    with pytest.raises(CohortError, match="South_02"):
        bench.plan(FakeRunner())


def test_weights_are_part_of_the_plan_and_must_be_readable(bench: Bench, tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    (weights / "fold_0").mkdir(parents=True)
    (weights / "fold_0" / "model.pt").write_bytes(b"1")
    (weights / "latest").symlink_to("fold_0")
    first = keys(bench, weights=weights)
    (weights / "fold_0" / "model.pt").write_bytes(b"2")
    second = keys(bench, weights=weights)
    (weights / "fold_0" / "model.pt").chmod(0)

    assert len({first, second, keys(bench)}) == 3
    with pytest.raises(SandboxError, match=r"model\.pt cannot be read by .* chmod") as refused:
        bench.plan(FakeRunner(), weights=weights)
    assert refused.value.kind is Unrunnable.NO_WEIGHTS


def test_weights_are_files_folders_and_links(bench: Bench, tmp_path: Path) -> None:
    weights = tmp_path / "weights"
    weights.mkdir()
    os.mkfifo(weights / "pipe")

    with pytest.raises(SandboxError, match="is no file, folder or link: remove it"):
        bench.plan(FakeRunner(), weights=weights)


def test_a_lost_answer_is_made_again(bench: Bench) -> None:
    bench.run(FakeRunner())
    (bench.out / "nodes" / mask_name("South_01")).unlink()
    again = FakeRunner()
    bench.run(again)

    assert again.ran == [("South_01",)]


def node_cases(bench: Bench) -> list[str]:
    header, *lines = (bench.out / NODE_TABLE).read_text().splitlines()
    assert header == "case_id,x_mm,y_mm,z_mm,probability"
    return [line.split(",")[0] for line in lines]


@pytest.mark.parametrize("mode", Mode)
def test_lines_of_nodes_come_together_in_the_cohorts_order(bench: Bench, mode: Mode) -> None:
    counts = dict(zip(CASES, (2, 0, 3, 1), strict=True))
    record = bench.run(
        FakeRunner({case_id: with_nodes(count) for case_id, count in counts.items()}), mode=mode
    )

    assert record.summary().ok == 4
    assert node_cases(bench) == ["North_01"] * 2 + ["South_01"] * 3 + ["South_02"]
    assert all(each.node_table for each in record.cases)


def test_only_cases_with_a_node_table_have_lines(bench: Bench) -> None:
    """The gate then tells which nodes have none."""
    record = bench.run(FakeRunner({"North_02": with_nodes(1), "South_01": FAILS}))

    assert node_cases(bench) == ["North_02"]
    assert [bool(each.node_table) for each in record.cases] == [False, True, False, False]


def test_without_any_node_table_none_is_made(bench: Bench) -> None:
    bench.run(FakeRunner())

    assert not (bench.out / NODE_TABLE).exists()


def test_lines_of_nodes_that_were_changed_are_made_again(bench: Bench) -> None:
    bench.run(FakeRunner(dict.fromkeys(CASES, with_nodes(1))))
    kept = bench.out / "run" / "cases" / "South_01" / NODE_TABLE
    kept.write_text(kept.read_text().replace("0.75", "0.99"))
    again = FakeRunner()
    bench.run(again)

    # and this time the model writes none
    assert again.ran == [("South_01",)]
    assert node_cases(bench) == ["North_01", "North_02", "South_02"]


def test_a_broken_node_table_breaks_the_contract(bench: Bench) -> None:
    def linked(spec: ContainerSpec, case_id: str) -> Outcome:
        (spec.output / NODE_TABLE).symlink_to("/etc/passwd")
        return answer(spec, case_id)

    record = bench.run(FakeRunner({"North_02": linked}))

    assert codes(record)["North_02"] is FailureCode.CONTRACT_BREACH
    assert record.cases[1].detail == "nodes.csv is a symbolic link"


def test_an_entry_to_another_cohort_is_refused(bench: Bench) -> None:
    manifest = (bench.cohort / "cohort.toml").read_text().replace('  "nodes",\n', "")
    (bench.cohort / "cohort.toml").write_text(manifest)

    with pytest.raises(UsageError, match="the manifest enters nodes"):
        bench.plan(FakeRunner(), tasks=(TaskId.NODES,))


@pytest.mark.parametrize(
    ("text", "says"), [("team = ", "submission.toml"), ('team = "T"\nmodel = "M"', "tasks: Field")]
)
def test_a_wrong_manifest_says_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "submission.toml"
    path.write_text(text)

    with pytest.raises(UsageError, match=says):
        read_manifest(path)
    with pytest.raises(UsageError, match="No such file"):
        read_manifest(tmp_path / "nowhere.toml")


@given(st.sets(st.sampled_from(TaskId), min_size=1))
def test_limits_are_the_largest_of_the_tasks_entered(tasks: set[TaskId]) -> None:
    limits = largest_limits(sorted(tasks))

    for name, value in limits:
        assert value == max(getattr(load_tasks()[task].limits, name) for task in tasks)


def test_progress_counts_every_case_once(bench: Bench) -> None:
    bench.run(FakeRunner({"North_02": ENGINE_FAILS}))
    steps: list[int] = []
    runner = FakeRunner()
    run(bench.plan(runner), runner=runner, on_case=lambda: steps.append(1))

    assert sum(steps) == len(CASES)


def test_a_killed_process_is_told_from_one_that_ended(bench: Bench) -> None:
    ended = Outcome(exit_code=137, oom_killed=True, seconds=2.0, peak_memory_mib=63.0)
    record = bench.run(FakeRunner({"North_02": ends(ended)}))
    case: CaseRun = record.cases[1]

    assert (case.code, case.seconds, case.peak_memory_mib) == (
        FailureCode.OUT_OF_MEMORY,
        2.0,
        63.0,
    )
    assert case.gpu_memory_reason == "no GPU was given"
