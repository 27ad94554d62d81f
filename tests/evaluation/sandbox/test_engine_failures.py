"""What goes wrong on the organiser's side is never the model's fault. No engine is needed."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError
from requests.exceptions import ConnectionError as EngineGone

import evaluation.sandbox.docker_runner
from evaluation.sandbox.diagnosis import diagnose
from evaluation.sandbox.docker_runner import DockerRunner, connect, memory_bytes
from evaluation.sandbox.graphics import card_name, memory_by_process_mib
from schema.errors import SandboxError, Unrunnable
from schema.execution import FailureCode
from tests.evaluation.sandbox.test_container import spec

INFO = {"ServerVersion": "24.0.7", "NCPU": 4, "MemTotal": 8 << 30, "Runtimes": {"runc": {}}}


class FakeContainer:
    """Runs for some polls; each of its methods may fail."""

    def __init__(self, **failing: Exception) -> None:
        self.failing, self.status, self.removed = failing, "running", 0
        self.polls = 2
        self.attrs = {"State": {"ExitCode": 0, "OOMKilled": False}}

    def _do(self, name: str) -> None:
        if name in self.failing:
            raise self.failing[name]

    def start(self) -> None:
        self._do("start")

    def reload(self) -> None:
        self._do("reload")
        self.polls -= 1
        self.status = "running" if self.polls > 0 else "exited"

    def kill(self, **_: Any) -> None:
        self._do("kill")

    def wait(self, **_: Any) -> None:
        self._do("wait")

    def stats(self, **_: Any) -> dict[str, Any]:
        self._do("stats")
        return {"memory_stats": {"usage": 3 << 20}}

    def logs(self, **_: Any) -> bytes:
        self._do("logs")
        return b"log"

    def remove(self, **_: Any) -> None:
        self.removed += 1
        self._do("remove")


def runner_of(container: FakeContainer, **info: Any) -> DockerRunner:
    created = SimpleNamespace(create=lambda **_: container)
    return DockerRunner(SimpleNamespace(info=lambda: {**INFO, **info}, containers=created))


def program(folder: Path, script: str) -> None:
    """A stand-in for NVIDIA's tool, which only a machine with a card has."""
    tool = folder / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation.sandbox.docker_runner, "POLL_SECONDS", 0.0)


def test_a_container_that_ends_is_read_and_removed(tmp_path: Path) -> None:
    container = FakeContainer()
    outcome = runner_of(container).run(spec(output=tmp_path))

    assert (outcome.exit_code, outcome.engine_error, outcome.log) == (0, None, b"log")
    assert container.removed == 1


@pytest.mark.parametrize("step", ["start", "reload", "logs"])
@pytest.mark.parametrize("error", [EngineGone("gone"), APIError("500 server error")])
def test_an_engine_that_fails_at_any_step_is_infrastructure(
    tmp_path: Path, step: str, error: Exception
) -> None:
    container = FakeContainer(**{step: error})
    outcome = runner_of(container).run(spec(output=tmp_path))

    assert diagnose(outcome, memory_mib=100) is FailureCode.INFRASTRUCTURE
    assert container.removed == 1


@pytest.mark.parametrize("step", ["stats", "remove"])
def test_a_reading_or_a_removal_that_fails_costs_no_answer(tmp_path: Path, step: str) -> None:
    container = FakeContainer(**{step: EngineGone("gone")})
    outcome = runner_of(container).run(spec(output=tmp_path))

    assert diagnose(outcome, memory_mib=100) is None


@pytest.mark.parametrize("step", ["none", "kill"])
def test_a_disk_that_runs_full_stops_the_container_and_blames_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    usage = SimpleNamespace(free=1 << 20)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    container = FakeContainer(**{step: APIError("409 not running")})
    outcome = runner_of(container).run(spec(output=tmp_path))

    assert diagnose(outcome, memory_mib=100) is FailureCode.INFRASTRUCTURE
    assert "nearly full" in (outcome.engine_error or "")


def test_a_gpu_is_given_where_the_engine_has_a_runtime_for_it() -> None:
    container = FakeContainer()

    assert runner_of(container).gpus(1) == 0
    assert runner_of(container, Runtimes={"nvidia": {}, "runc": {}}).gpus(1) == 1


def test_an_unread_gpu_says_why(tmp_path: Path) -> None:
    outcome = runner_of(FakeContainer()).run(spec(output=tmp_path, gpus=1))

    assert outcome.gpu_memory_mib is None
    assert outcome.gpu_memory_reason == (
        "nvidia-smi on this host told of no GPU memory of the container's processes"
    )


class OnCards(FakeContainer):
    """Runs until its processes were asked for a second time."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.read_twice = 0, threading.Event()

    def top(self, *, ps_args: str) -> dict[str, Any]:
        assert ps_args == "-eo pid"
        self.asked += 1
        if self.asked == 2:
            self.read_twice.set()
        return {"Titles": ["PID"], "Processes": [["4711"], ["4712"], ["4713"]]}

    def reload(self) -> None:
        self.read_twice.wait(timeout=20)
        super().reload()


def test_gpu_memory_is_the_most_that_the_container_s_own_processes_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """4711 holds 1000 MiB of one card and 24 of another, 4712 512; 99 is somebody else's."""
    monkeypatch.setattr(evaluation.sandbox.docker_runner, "READING_SECONDS", 0.01)
    program(tmp_path, "printf '4711, 1000\\n4711, 24\\n99, 70000\\n4712, 512\\n'")
    monkeypatch.setenv("PATH", str(tmp_path))
    outcome = runner_of(OnCards()).run(spec(output=tmp_path, gpus=1))

    assert (outcome.gpu_memory_mib, outcome.gpu_memory_reason) == (1536.0, None)


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("printf '1, 10\\n\\n2, 20\\n1, 5\\n'", {1: 15.0, 2: 20.0}),
        ("exit 0", {}),
        ("echo '1, [N/A]'", None),
        ("echo 'No devices were found'", None),
        ("exit 9", None),
    ],
)
def test_memory_of_cards_is_told_by_process_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, expected: dict[int, float] | None
) -> None:
    program(tmp_path, script)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert memory_by_process_mib() == expected


@pytest.mark.parametrize(
    ("script", "name"),
    [
        ("echo 'NVIDIA A100-SXM4-40GB'; echo second", "NVIDIA A100-SXM4-40GB"),
        ("exit 9", None),
        ("exit 0", None),
    ],
)
def test_the_card_is_named_by_its_own_tool(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, name: str | None
) -> None:
    program(tmp_path, script)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert card_name() == name


def test_without_the_tool_there_is_no_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    assert card_name() is None


def test_an_engine_that_does_not_answer_says_how_to_start_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")

    with pytest.raises(SandboxError, match="systemctl start docker") as refused, connect():
        pass
    assert refused.value.kind is Unrunnable.NO_ENGINE


@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        ({}, 0),
        ({"memory_stats": {}}, 0),
        ({"memory_stats": {"usage": 50, "max_usage": 90, "stats": {"total_inactive_file": 5}}}, 90),
        ({"memory_stats": {"usage": 50, "stats": {"inactive_file": 20}}}, 30),
    ],
)
def test_memory_is_read_from_either_generation_of_cgroups(
    reading: dict[str, object], expected: int
) -> None:
    assert memory_bytes(reading) == expected
