"""Runs a Grand Challenge algorithm image as the platform would, without any network at all.

    python3 probe.py my-algorithm --case cases/one --case cases/two --out answers

A case is a folder as the platform mounts it: `inputs.json` and `images/<name>/<file>`. The image is
sealed: no network, read-only root, no capabilities, no new privileges, not root, the system calls
of the kit's sandbox, limits on memory and processes. A server is called from a second container
that shares its network namespace, so that not even a network between the two is needed. One JSON
line a case goes to standard output.

Exit code 0: every case is answered. 1: one is not, or differently the second time. 2: the run could
not be finished.
Needs Python 3.10 and the `docker` command. `docs/grand-challenge.md` describes it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
SIDECAR = HERE / "sidecar.py"
FILTER = HERE.parents[1] / "evaluation" / "sandbox" / "seccomp.json"
"""The system calls that the kit's sandbox lets through."""
LABEL = "org.grand-challenge.api-method"
NOBODY = 65532
HEALTHY, ANSWERED = 200, 201
HEALTH_TIMEOUT_SECONDS = 10

SEALED = (
    "--network=none",
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    f"--security-opt=seccomp={FILTER}",
    "--log-opt=max-size=1m",
)
"""Of both containers."""


class ProbeError(Exception):
    """Nothing can be said about the image."""


class Result(NamedTuple):
    """What became of a case: an HTTP status or an exit code, and what was said."""

    answered: bool
    status: int
    said: str
    seconds: float


Answers = Generator[tuple[Path, Result], None, None]


class Stage(NamedTuple):
    """The two folders that are mounted."""

    input: Path
    output: Path

    def fill(self, case: Path) -> None:
        """Only this case in /input, and nothing in /output."""
        for folder in self:
            for entry in folder.iterdir():
                _remove(entry)
        shutil.copytree(case, self.input, dirs_exist_ok=True)
        for path in (self.input, *self.input.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)

    def collect(self, target: Path) -> None:
        """Copy the outputs: folders and plain files, no links."""
        for path in sorted(self.output.rglob("*")):
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                raise ProbeError(f"{path.relative_to(self.output)} is no plain file")
        _remove(target)
        shutil.copytree(self.output, target)


def main() -> int:
    """Read the arguments and do what they say; returns the exit code."""
    options = _arguments()
    # a container is removed however this ends
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        results = [
            _reported(case, result=result, number=number)
            for number, (case, result) in enumerate(_answers(options))
        ]
    except (ProbeError, OSError, subprocess.SubprocessError) as error:
        print(f"probe: {error}", file=sys.stderr)  # noqa: T201
        return 2
    same = not options.repeat or _same(options.out / "0", options.out / str(len(results) - 1))
    if not same:
        print("probe: the first case is answered differently at the end", file=sys.stderr)  # noqa: T201
    return 0 if same and all(result.answered for result in results) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="probe.py", description=__doc__.partition("\n")[0])
    parser.add_argument("image", help="the algorithm")
    parser.add_argument("--case", type=Path, action="append", required=True, dest="cases")
    parser.add_argument("--out", type=Path, required=True, help="gets a folder a case: 0, 1, ...")
    parser.add_argument("--repeat", action="store_true", help="the first case again at the end")
    parser.add_argument("--sidecar", default="python:3.11-slim", help="a trusted Python image")
    parser.add_argument("--ready", type=float, default=150.0, help="seconds to become healthy")
    parser.add_argument("--seconds", type=float, default=600.0, help="of one case")
    parser.add_argument("--memory-mib", type=int, default=16384)
    parser.add_argument("--processes", type=int, default=256)
    parser.add_argument("--gpus", help="as docker run --gpus")
    parser.add_argument("--model", type=Path, help="folder of weights, at /opt/ml/model")
    return parser.parse_args()


def _reported(case: Path, *, result: Result, number: int) -> Result:
    line = {"number": number, "case": case.name, **result._asdict()}
    print(json.dumps(line), flush=True)  # noqa: T201
    return result


def _same(one: Path, other: Path) -> bool:
    return _contents(one) == _contents(other)


def _contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def _answers(options: argparse.Namespace) -> Answers:
    """Every case, in order, in one server or in a container each."""
    cases = [*options.cases, *options.cases[: int(options.repeat)]]
    labels = json.loads(
        _docker("image", "inspect", "--format={{json .Config.Labels}}", options.image)
    )
    answer = _invoke if (labels or {}).get(LABEL) == "invoke" else _execute
    with _stage() as stage, contextlib.closing(answer(options, cases, stage)) as answers:
        for number, (case, result) in enumerate(answers):
            stage.collect(options.out / str(number))
            yield case, result


def _execute(options: argparse.Namespace, cases: Sequence[Path], stage: Stage) -> Answers:
    """One container a case."""
    for case in cases:
        stage.fill(case)
        with _container(options, stage=stage) as name:
            begin = time.monotonic()
            code = _exit_code(name, seconds=options.seconds)
            seconds = round(time.monotonic() - begin, 3)
            yield case, Result(code == 0, code, _last_line(name), seconds)


def _invoke(options: argparse.Namespace, cases: Sequence[Path], stage: Stage) -> Answers:
    """All cases in one container."""
    with _container(options, stage=stage) as name:
        health = {"timeout": HEALTH_TIMEOUT_SECONDS, "wait": options.ready}
        status, _ = _call(options.sidecar, name, "GET", "/health", **health)
        if status != HEALTHY:
            raise ProbeError(f"never healthy, the last status is {status}; {_last_words(name)}")
        for case in cases:
            stage.fill(case)
            begin = time.monotonic()
            status, said = _call(options.sidecar, name, "POST", "/invoke", timeout=options.seconds)
            seconds = round(time.monotonic() - begin, 3)
            yield case, Result(status == ANSWERED, status, said, seconds)


@contextlib.contextmanager
def _stage() -> Iterator[Stage]:
    with tempfile.TemporaryDirectory(prefix="lln-probe-") as folder:
        stage = Stage(Path(folder, "input"), Path(folder, "output"))
        for each in stage:
            each.mkdir()
        # written by whichever user the container has; the folder around it is this user's alone
        stage.output.chmod(0o777)
        yield stage


@contextlib.contextmanager
def _container(options: argparse.Namespace, *, stage: Stage) -> Iterator[str]:
    """The algorithm, started; removed whatever happens."""
    name = f"lln-probe-{uuid.uuid4().hex}"
    flags = (*SEALED, *_limits(options), *_mounts(options, stage=stage))
    try:
        _docker("run", "--detach", f"--name={name}", "--init", *flags, options.image)
        yield name
    finally:
        subprocess.run(["docker", "rm", "--force", name], capture_output=True, check=False)  # noqa: S603, S607


def _limits(options: argparse.Namespace) -> Iterator[str]:
    yield f"--user={_user()}"
    yield f"--memory={options.memory_mib}m"
    yield f"--memory-swap={options.memory_mib}m"
    yield f"--pids-limit={options.processes}"
    # the platform shares half of the memory
    yield f"--shm-size={options.memory_mib // 2}m"
    if options.gpus:
        yield f"--gpus={options.gpus}"


def _user() -> str:
    """Not root, and whoever has to remove what the container wrote."""
    return f"{os.getuid()}:{os.getgid()}" if os.getuid() else f"{NOBODY}:{NOBODY}"


def _mounts(options: argparse.Namespace, *, stage: Stage) -> Iterator[str]:
    yield f"--mount=type=bind,source={stage.input},target=/input,readonly"
    yield f"--mount=type=bind,source={stage.output},target=/output"
    yield "--tmpfs=/tmp:rw,nosuid,nodev,mode=1777"
    if options.model:
        yield f"--mount=type=bind,source={options.model.resolve()},target=/opt/ml/model,readonly"


def _call(
    image: str, name: str, method: str, path: str, *, timeout: float, wait: float = 0.0
) -> tuple[int, str]:
    """One request, from a container that has the algorithm's network namespace and nothing else."""
    shared = [flag for flag in SEALED if not flag.startswith("--network")]
    command = ["docker", "run", "--rm", "--interactive", f"--network=container:{name}", *shared]
    command += [f"--user={_user()}", "--memory=256m", "--pids-limit=32", "--entrypoint=python3"]
    command += [image, "-I", "-", method, path, str(timeout), str(wait)]
    done = subprocess.run(  # noqa: S603
        command, input=SIDECAR.read_bytes(), capture_output=True, check=False
    )
    if done.returncode:
        why = done.stderr.decode().strip()
        raise ProbeError(f"the sidecar cannot run: {why}; {_last_words(name)}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer["status"], answer["body"]


def _exit_code(name: str, *, seconds: float) -> int:
    try:
        return int(_docker("wait", name, seconds=seconds))
    except subprocess.TimeoutExpired:
        _docker("kill", name)
        return int(_docker("wait", name))


def _last_line(name: str) -> str:
    """Of standard error: what the platform shows."""
    done = subprocess.run(["docker", "logs", name], capture_output=True, check=False)  # noqa: S603, S607
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1][:300] if lines else ""


def _last_words(name: str) -> str:
    return f"the algorithm's last line: {_last_line(name) or 'none'}"


def _docker(*arguments: str, seconds: float | None = None) -> str:
    done = subprocess.run(  # noqa: S603
        ["docker", *arguments],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )
    if done.returncode:
        raise ProbeError(f"docker {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
