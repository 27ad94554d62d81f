"""Runs the submission's own command, once a case, as a process of its own."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from failures import Failure, Kind
from settings import Settings

WEIGHTS = (Path("/opt/ml/model"), Path("/model"))
"""Where the platform unpacks an uploaded model, and where the kit's own contract has it."""


class Folders(NamedTuple):
    """What the neutral contract calls /input and /output, and where the rest may be written."""

    input: Path
    output: Path
    home: Path

    @classmethod
    def below(cls, scratch: Path) -> Folders:
        """New, empty folders."""
        folders = cls(scratch / "input", scratch / "output", scratch / "home")
        for folder in folders:
            folder.mkdir()
        return folders


def check_command(settings: Settings) -> None:
    """See that the command's program is there.

    Raises:
        Failure: it is not.
    """
    if shutil.which(settings.command[0]) is None:
        raise Failure(Kind.SETTINGS, "the program of LLN_COMMAND is not in the image")


def run_model(settings: Settings, folders: Folders) -> None:
    """Run the model and wait; nothing that it started outlives it.

    Raises:
        Failure: it did not start, failed, was killed, or took too long.
    """
    code = _exit_code(settings, folders)
    if code == -signal.SIGKILL:
        raise Failure(Kind.MODEL_KILLED, "the model was killed, most likely for memory")
    if code:
        raise Failure(Kind.MODEL_FAILED, f"the model ended with {_ending(code)}")


def _exit_code(settings: Settings, folders: Folders) -> int:
    command = _filled(settings.command, folders)
    try:
        process = subprocess.Popen(  # noqa: S603 - the command is the submission's own
            command,
            env=_environment(folders),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise Failure(Kind.MODEL_FAILED, "the model cannot be started") from error
    try:
        return process.wait(settings.seconds)
    except subprocess.TimeoutExpired as error:
        message = f"the model took longer than {settings.seconds:g} s"
        raise Failure(Kind.MODEL_TIMEOUT, message) from error
    finally:
        _end(process)


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _filled(command: tuple[str, ...], folders: Folders) -> list[str]:
    # not str.format: a command may hold braces of its own
    words = list(command)
    for name, folder in _places(folders).items():
        words = [word.replace(f"{{{name}}}", str(folder)) for word in words]
    return words


def _places(folders: Folders) -> Mapping[str, Path]:
    return {"input": folders.input, "output": folders.output, "model": _weights()}


def _weights() -> Path:
    """The first of the folders that holds anything."""
    found = (folder for folder in WEIGHTS if folder.is_dir() and any(folder.iterdir()))
    return next(found, WEIGHTS[-1])


def _environment(folders: Folders) -> dict[str, str]:
    places = {f"LLN_{name.upper()}": str(path) for name, path in _places(folders).items()}
    one_case = {"LLN_MODE": "case", "LLN_CASES": "1"}
    # what a model leaves in its home or among its temporary files is gone before the next case
    own = {"HOME": str(folders.home), "TMPDIR": str(folders.home)}
    return {**os.environ, **places, **one_case, **own}


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of the model, and collect every process that ended under our name."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    # as a container's first process this one inherits orphans; unread they would use up the limit
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
