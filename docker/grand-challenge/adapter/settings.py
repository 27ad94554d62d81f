"""What the image was built with, read from its environment."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from failures import Failure, Kind

TASKS = ("compartments", "nodes", "positivity")
IMAGES = re.compile(r"images/[a-z0-9][a-z0-9-]{0,99}")
JSON = re.compile(r"[a-z0-9][a-z0-9-]{0,99}\.json")
DEFAULT_PATHS = {
    "compartments": "images/lln-compartments",
    "nodes": "images/lln-nodes",
    "positivity": "lln-positivity.json",
}


@dataclass(frozen=True)
class Settings:
    """How the model is run and where its answers go.

    Attributes:
        command: of the model; `{input}`, `{output}` and `{model}` stand for folders.
        tasks: those that the model answers.
        seconds: wall clock of the model on one case.
        socket: slug of the input that holds the T2-weighted image; empty: the only image.
        paths: relative path of each task's output socket.
    """

    command: tuple[str, ...]
    tasks: tuple[str, ...]
    seconds: float
    socket: str
    paths: Mapping[str, str]


def settings_of(environment: Mapping[str, str]) -> Settings:
    """Read the settings.

    Raises:
        Failure: one of them is missing or makes no sense.
    """
    return Settings(
        command=_command(environment.get("LLN_COMMAND", "")),
        tasks=_tasks(environment.get("LLN_TASKS") or ",".join(TASKS)),
        seconds=_seconds(environment.get("LLN_SECONDS") or "600"),
        socket=environment.get("LLN_GC_INPUT", ""),
        paths={task: _path(task, environment) for task in TASKS},
    )


def _invalid(name: str, wanted: str) -> Failure:
    return Failure(Kind.SETTINGS, f"{name} has to be {wanted}")


def _command(text: str) -> tuple[str, ...]:
    wanted = _invalid("LLN_COMMAND", "a JSON list of at least one word")
    try:
        words = json.loads(text)
    except ValueError as error:
        raise wanted from error
    if not isinstance(words, list) or not words or not all(isinstance(w, str) for w in words):
        raise wanted
    return tuple(words)


def _tasks(text: str) -> tuple[str, ...]:
    tasks = tuple(text.split(","))
    if len(set(tasks)) != len(tasks) or not set(tasks) <= set(TASKS):
        raise _invalid("LLN_TASKS", f"some of {','.join(TASKS)}")
    return tasks


def _seconds(text: str) -> float:
    wanted = _invalid("LLN_SECONDS", "a number of seconds above 0")
    try:
        seconds = float(text)
    except ValueError as error:
        raise wanted from error
    if not 0 < seconds < float("inf"):
        raise wanted
    return seconds


def _path(task: str, environment: Mapping[str, str]) -> str:
    name = f"LLN_GC_{task.upper()}"
    path = environment.get(name) or DEFAULT_PATHS[task]
    pattern, wanted = (JSON, "slug.json") if task == "positivity" else (IMAGES, "images/slug")
    if not pattern.fullmatch(path):
        raise _invalid(name, f"of the form {wanted}")
    return path
