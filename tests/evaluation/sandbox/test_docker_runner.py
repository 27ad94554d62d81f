"""The sandbox on a real engine, against a model that tries everything."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import docker
import pytest

from evaluation.sandbox.campaign import run
from evaluation.sandbox.docker_runner import DockerRunner, cards_memory_mib, connect
from evaluation.sandbox.log import LOG_BYTES
from evaluation.sandbox.plan import LABEL, Options, prepare
from schema.errors import SandboxError, Unrunnable
from schema.execution import CaseRun, ExecutionRecord, FailureCode, Mode
from schema.submission import SubmissionManifest
from schema.task import Limits
from schema.terms import TaskId
from tasks.cohort import read_inputs
from tasks.files import digest_bytes, toml_text, write_bytes, write_text
from tests.containers import base_image, require_engine

__all__ = ["base_image"]

pytestmark = pytest.mark.docker

ATTACKS = Path(__file__).with_name("attacks.py")
TRIED = {
    # answered first, so that the run goes on; then what has to fail, with its code
    "answers": None,
    "exits": FailureCode.MODEL_EXIT,
    "sleeps": FailureCode.TIMEOUT,
    "eats_memory": FailureCode.OUT_OF_MEMORY,
    "child_eats_memory": FailureCode.OUT_OF_MEMORY,
    "fills_output": FailureCode.OUTPUT_QUOTA,
    "fills_one_file": FailureCode.OUTPUT_QUOTA,
    "makes_entries": FailureCode.OUTPUT_QUOTA,
    "links": FailureCode.CONTRACT_BREACH,
    "hard_links": FailureCode.CONTRACT_BREACH,
    "pipes": FailureCode.CONTRACT_BREACH,
    "says_nothing": FailureCode.CONTRACT_BREACH,
    "answers_another": FailureCode.CONTRACT_BREACH,
    # what is stopped without stopping the model
    "forks": None,
    "floods_log": None,
    "writes_outside": None,
    "opens_sockets": None,
    "reads_labels": None,
    "gains_rights": None,
    "fills_volume": None,
}
LIMITS = Limits(
    seconds_per_case=8,
    memory_mib=128,
    shared_memory_mib=16,
    cpus=1,
    processes=48,
    gpus=1,
    output_mib=4,
)


@pytest.fixture(scope="module")
def client() -> Iterator[docker.DockerClient]:
    with closing(require_engine()) as engine:
        yield engine


def build(folder: Path, *, base: str, tag: str, linger: str = "0") -> str:
    lines = (
        f"FROM {base}",
        "COPY attacks.py /attacks.py",
        "VOLUME /data",
        f"ENV LINGER={linger}",
        "USER root",
        'ENTRYPOINT ["python3", "-B", "/attacks.py"]',
    )
    (folder / "attacks.py").write_bytes(ATTACKS.read_bytes())
    (folder / "Dockerfile").write_text("\n".join(lines))
    command = ["docker", "build", "--quiet", "--network=none", f"--tag={tag}", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return tag


@pytest.fixture(scope="module")
def hostile_image(base_image: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    return build(tmp_path_factory.mktemp("image"), base=base_image, tag="lln-test:hostile")


@pytest.fixture(scope="module")
def slow_image(base_image: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("image")
    return build(folder, base=base_image, tag="lln-test:slow", linger="1")


def write_cohort(folder: Path, *cases: str) -> Path:
    """Images of nothing, readable to root alone, beside data that must not be seen."""
    manifest = {
        "name": "Attacks",
        "licence": "CC0-1.0",
        "split": "hidden",
        "label_map_version": "1.0.0",
        "centres": ["North"],
        "tasks": [task.value for task in TaskId],
        "cases": list(cases),
    }
    write_text(folder / "cohort.toml", toml_text(manifest))
    for case in cases:
        write_bytes(folder / "t2w" / f"{case}.nii.gz", b"image of " + case.encode())
        write_bytes(folder / "nodes" / f"{case}.nii.gz", b"label")
    write_text(folder / "readers.csv", "label")
    write_text(folder / "clinical.csv", "label")
    for path in folder.rglob("*.nii.gz"):
        path.chmod(0o600)
    return folder


class Attacked:
    """One run of every attack."""

    def __init__(self, folder: Path, image: str, runner: DockerRunner) -> None:
        self.out = folder / "out"
        planned = prepare(
            runner=runner,
            image=image,
            cohort=read_inputs(write_cohort(folder / "cohort", *TRIED)),
            manifest=SubmissionManifest(team="T", model="M", tasks=tuple(TaskId)),
            out=self.out,
            options=Options(limits=LIMITS),
        )
        self.labels = planned.labels
        self.record = run(planned, runner=runner)
        self.runs = {each.case_id: each for each in self.record.cases}

    def log(self, case: str) -> str:
        return (self.out / "run" / "cases" / case / "log.txt").read_text()


@pytest.fixture(scope="module")
def attacked(hostile_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    with pytest.MonkeyPatch.context() as patch, connect() as runner:
        patch.setenv("SECRET", "token")
        yield Attacked(tmp_path_factory.mktemp("attacked"), hostile_image, runner)


@pytest.mark.parametrize("case", TRIED)
def test_an_attack_ends_with_its_code(attacked: Attacked, case: str) -> None:
    assert attacked.runs[case].code is TRIED[case], attacked.log(case)


def test_only_answers_come_out(attacked: Attacked) -> None:
    answered = {f"{case}.nii.gz" for case, code in TRIED.items() if code is None}

    for task in ("compartments", "nodes"):
        found = list((attacked.out / task).iterdir())
        assert {path.name for path in found} == answered
        assert all(path.lstat().st_nlink == 1 and not path.is_symlink() for path in found)
        assert all(path.read_bytes() == b"zeros" for path in found)
    assert len((attacked.out / "positivity.csv").read_text().splitlines()) == len(answered) + 1
    # two lines of nodes a case
    assert len((attacked.out / "nodes.csv").read_text().splitlines()) == 2 * len(answered) + 1


def test_a_model_that_ignores_signals_is_killed_at_the_deadline(attacked: Attacked) -> None:
    assert 8 <= attacked.runs["sleeps"].seconds < 10
    assert all(run.attempts == 1 for run in attacked.record.cases)


def test_a_gigantic_log_is_cut_and_says_nothing_to_a_terminal(attacked: Attacked) -> None:
    log = attacked.log("floods_log")

    assert len(log.encode()) <= LOG_BYTES + 100
    assert "bytes left out" in log
    assert log.rstrip().endswith("last words")
    assert all(each.isprintable() or each in "\n\t" for each in log)


def test_memory_is_measured_and_the_host_is_told(attacked: Attacked) -> None:
    eater: CaseRun = attacked.runs["eats_memory"]

    assert eater.peak_memory_mib == LIMITS.memory_mib
    assert attacked.runs["sleeps"].peak_memory_mib is not None
    assert attacked.record.host.engine.startswith("Docker ")
    assert attacked.record.host.cpus >= 1


def test_no_container_and_no_scratch_is_left(
    attacked: Attacked, client: docker.DockerClient
) -> None:
    assert running(client, attacked.out.parent) == []
    assert not (attacked.out / "run" / "work").exists()


def test_a_batch_and_its_weights_are_in_one_container(
    client: docker.DockerClient, hostile_image: str, tmp_path: Path
) -> None:
    write_bytes(tmp_path / "weights" / "fold_0" / "model.pt", b"weights")
    (tmp_path / "weights" / "fold_0" / "model.pt").chmod(0o644)
    cases = ("reads_weights", "one", "two", "zero")
    runner = DockerRunner(client)
    planned = prepare(
        runner=runner,
        image=hostile_image,
        cohort=read_inputs(write_cohort(tmp_path / "cohort", *cases)),
        manifest=SubmissionManifest(team="T", model="M", tasks=(TaskId.NODES,)),
        out=tmp_path / "out",
        options=Options(limits=LIMITS, mode=Mode.BATCH, weights=tmp_path / "weights"),
    )
    record = run(planned, runner=runner)

    log = (tmp_path / "out" / "run" / "batch-log.txt").read_text()
    assert record.summary().ok == len(cases)
    assert log.splitlines() == ["case one", "case two", "case zero"]


def test_a_command_that_is_no_program_is_the_model_s_failure(
    client: docker.DockerClient, base_image: str, attacked: Attacked, tmp_path: Path
) -> None:
    container = client.containers.create(base_image)
    made = container.commit(changes='ENTRYPOINT ["/no/such/program"]')
    container.remove()
    runner = DockerRunner(client)
    planned = prepare(
        runner=runner,
        image=made.id,
        cohort=read_inputs(attacked.out.parent / "cohort"),
        manifest=SubmissionManifest(team="T", model="M", tasks=tuple(TaskId)),
        out=tmp_path / "out",
        options=Options(limits=LIMITS),
    )
    record = run(planned, runner=runner)
    client.images.remove(made.id)

    assert record.summary().failures == {FailureCode.MODEL_EXIT: 3}
    assert "no/such/program" in (tmp_path / "out/run/cases/answers/log.txt").read_text()


def test_memory_of_cards_is_told_apart_by_the_host_s_numbers_of_processes(
    client: docker.DockerClient, base_image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    container = client.containers.run(base_image, ["sleep", "60"], detach=True)
    try:
        container.reload()
        own = container.attrs["State"]["Pid"]
        tool = tmp_path / "nvidia-smi"
        tool.write_text(f"#!/bin/sh\nprintf '{own}, 300\\n1, 5000\\n'\n")
        tool.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

        assert cards_memory_mib(container) == 300.0
    finally:
        container.remove(force=True)


def test_an_image_is_found_by_name_by_id_and_in_an_archive(
    client: docker.DockerClient, hostile_image: str, slow_image: str, tmp_path: Path
) -> None:
    runner, archive = DockerRunner(client), tmp_path / "image.tar"
    image = client.images.get(hostile_image)
    image.tag("lln-test:contested")
    subprocess.run(["docker", "save", "-o", archive, "lln-test:contested"], check=True)
    client.images.get(slow_image).tag("lln-test:contested")
    found = {runner.image(name).digest for name in (hostile_image, image.id, str(archive))}
    contested = client.images.get("lln-test:contested").id
    client.images.remove("lln-test:contested")

    assert found == {image.id}
    assert runner.image(hostile_image).volumes == ("/data",)
    assert contested == client.images.get(slow_image).id, "an archive took a name away"


def test_an_image_that_is_not_there_is_refused(client: docker.DockerClient, tmp_path: Path) -> None:
    runner, archive = DockerRunner(client), tmp_path / "image.tar"
    archive.write_bytes(b"no archive")

    for reference in ("no/such:image", "Not A Name", str(archive)):
        with pytest.raises(SandboxError) as refused:
            runner.image(reference)
        assert refused.value.kind is Unrunnable.NO_IMAGE


def command(image: str, folder: Path) -> list[str]:
    return [
        *(str(Path(sys.executable).parent / "lln"), "submission", "run", image),
        *("--cohort", str(folder / "cohort"), "--manifest", str(folder / "submission.toml")),
        *("--out", str(folder / "out"), "--json"),
    ]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "terminate"])
def test_a_killed_command_leaves_nothing_that_the_next_one_repeats(
    client: docker.DockerClient, slow_image: str, tmp_path: Path, number: signal.Signals
) -> None:
    cases = ("first", "second", "third")
    write_cohort(tmp_path / "cohort", *cases)
    manifest = {"team": "T", "model": "M", "tasks": [task.value for task in TaskId]}
    write_text(tmp_path / "submission.toml", toml_text(manifest))
    folder = tmp_path / "out" / "run" / "cases"
    process = subprocess.Popen(command(slow_image, tmp_path), stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while not ((folder / "first" / "case.json").exists() and running(client, tmp_path)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(number)
    process.wait(timeout=10)
    left = running(client, tmp_path)
    record = ExecutionRecord.model_validate_json((folder.parent / "execution.json").read_text())
    committed = (folder / "first" / "case.json").stat()

    done = subprocess.run(
        command(slow_image, tmp_path), capture_output=True, text=True, check=False
    )

    assert len(left) == (number is signal.SIGKILL)
    assert [each.case_id for each in record.cases] == ["first"]
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["summary"]["ok"] == len(cases)
    assert (folder / "first" / "case.json").stat().st_mtime_ns == committed.st_mtime_ns
    assert running(client, tmp_path) == []


def running(client: docker.DockerClient, folder: Path) -> list[str]:
    """Containers that the sandbox made for that folder, whatever their state."""
    label = f"{LABEL}.folder={digest_bytes(str((folder / 'out').resolve()).encode())}"
    return [each.id for each in client.containers.list(all=True, filters={"label": label})]
