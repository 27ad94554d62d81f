"""`lln submission run`, as an organiser types it, without an engine."""

from __future__ import annotations

import builtins
import json
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import evaluation.sandbox.commands
from evaluation.sandbox.interruption import terminated_in_order
from lln import main
from schema.terms import TaskId
from tasks.files import toml_text
from tasks.layout import mask_name
from tests.evaluation.sandbox.fake_runner import (
    FAILS,
    Behaviour,
    FakeRunner,
    add_row,
    cases_of,
)

CASES = ("North_01", "North_02", "South_01", "South_02")


class Desk:
    """Where an organiser sits."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._patch = folder, monkeypatch
        manifest = {"team": "T", "model": "M", "tasks": [task.value for task in TaskId]}
        (folder / "submission.toml").write_text(toml_text(manifest))

    def run(self, *options: str, behaviours: Mapping[str, Behaviour] | None = None) -> Result:
        @contextmanager
        def engine() -> Iterator[FakeRunner]:
            yield FakeRunner(behaviours)

        self._patch.setattr(evaluation.sandbox.commands, "_engine", engine)
        return self.lln("submission", "run", "team/model", *self.paths, *options)

    @property
    def paths(self) -> tuple[str, ...]:
        names = {"cohort": "cohort", "manifest": "submission.toml", "out": "out"}
        given = [(f"--{name}", str(self.folder / path)) for name, path in names.items()]
        return tuple(word for pair in given for word in pair)

    def lln(self, *words: str) -> Result:
        return CliRunner().invoke(main, words)


@pytest.fixture
def desk(cohort_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(cohort_folder.parent, monkeypatch)


def test_a_run_in_which_all_is_answered_ends_with_0(desk: Desk) -> None:
    got = desk.run("--json")

    assert got.exit_code == 0, got.stderr
    assert json.loads(got.stdout)["summary"]["ok"] == 4
    assert json.loads(got.stdout)["out"] == str(desk.folder / "out")


def test_a_failed_case_ends_it_with_1_and_is_counted_not_named(desk: Desk) -> None:
    got = desk.run(behaviours={"North_02": FAILS})

    assert got.exit_code == 1
    assert "model_exit" in got.stdout
    assert "execution.json" in got.stdout
    assert not any(case_id in got.stdout + got.stderr for case_id in CASES)


def test_a_stopped_run_says_how_to_go_on(desk: Desk) -> None:
    stopped = desk.run(behaviours=dict.fromkeys(CASES, FAILS))
    further = desk.run("--keep-going", "--json", behaviours=dict.fromkeys(CASES, FAILS))

    assert stopped.exit_code == further.exit_code == 1
    assert "--keep-going" in stopped.stderr
    assert json.loads(further.stdout)["summary"]["failures"] == {"model_exit": 4}


def test_what_cannot_run_ends_with_2(desk: Desk) -> None:
    (desk.folder / "cohort" / "t2w" / mask_name("North_01")).unlink()
    without_image = desk.run()
    (desk.folder / "submission.toml").write_text("team =")
    without_manifest = desk.run()

    assert without_image.exit_code == without_manifest.exit_code == 2
    assert mask_name("North_01") in without_image.stderr
    assert "submission.toml" in without_manifest.stderr
    assert not (desk.folder / "out").exists()


def test_without_the_sdk_it_says_what_to_install(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def refuse(name: str, *rest: Any) -> Any:
        if name == "evaluation.sandbox.docker_runner":
            raise ModuleNotFoundError("No module named 'docker'")
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", refuse)
    got = desk.lln("submission", "run", "team/model", *desk.paths)

    assert got.exit_code == 2
    assert "pip install 'lln-challenge-kit[sandbox]'" in got.stderr


def test_evaluate_takes_the_folder_as_it_is(desk: Desk) -> None:
    def copy_reference(spec: Any, case_id: str) -> Any:
        for task in ("compartments", "nodes"):
            source = desk.folder / "cohort" / task / mask_name(case_id)
            (spec.output / task / mask_name(case_id)).write_bytes(source.read_bytes())
        add_row(spec.output, case_id)
        assert cases_of(spec) == [case_id]
        return evaluation.sandbox.runner.Outcome(exit_code=0)

    behaviours: dict[str, Behaviour] = dict.fromkeys(CASES, copy_reference)
    assert desk.run(behaviours={**behaviours, "South_02": FAILS}).exit_code == 1
    out, cohort = str(desk.folder / "out"), str(desk.folder / "cohort")
    options = ("--cohort", cohort, "--submission", out, "--out", str(desk.folder / "result"))
    got = desk.lln("evaluate", *options, "--jobs", "1", "--json")
    printed = json.loads(got.stdout)

    assert got.exit_code == 1
    assert {each["case_id"] for each in printed["findings"]} == {"South_02"}
    assert printed["result"]["submission"]["image"] == FakeRunner().digest
    assert [task["coverage"]["failed"] for task in printed["result"]["tasks"]] == [1, 1, 1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_stop_passes_every_finally(number: signal.Signals) -> None:
    before, closed = signal.getsignal(number), []

    def work() -> None:
        with terminated_in_order():
            try:
                signal.raise_signal(number)
            finally:
                closed.append(number)

    with pytest.raises(SystemExit) as left:
        work()

    assert left.value.code == 128 + number
    assert closed == [number]
    assert signal.getsignal(number) == before
