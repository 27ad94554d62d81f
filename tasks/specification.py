"""The three task files, read and validated."""

from __future__ import annotations

import hashlib
import json
import tomllib
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TypeVar

from pydantic import ValidationError

from schema.errors import TaskFileError
from schema.label import LabelMap
from schema.task import MaskRules, NodeRules, PositivityRules, Task
from schema.terms import TaskId

T = TypeVar("T")


def parse_task(text: str) -> Task:
    """Read one task file.

    Raises:
        TaskFileError: the text is no TOML, or breaks the contract of `schema.task.Task`.
    """
    try:
        return Task.model_validate_json(json.dumps(tomllib.loads(text)))
    except (tomllib.TOMLDecodeError, ValidationError) as error:
        raise TaskFileError(f"task file: {error}") from error


@cache
def _text(task_id: TaskId) -> str:
    return files("tasks").joinpath(f"{task_id.value}.toml").read_text(encoding="utf-8")


@cache
def load_tasks() -> MappingProxyType[TaskId, Task]:
    """Every task by its id, as shipped."""
    return MappingProxyType({task_id: parse_task(_text(task_id)) for task_id in TaskId})


def task_digest(task_id: TaskId) -> str:
    """SHA-256 of the task file's bytes: what a result was scored against."""
    return "sha256:" + hashlib.sha256(_text(task_id).encode("utf-8")).hexdigest()


def label_map(task_id: TaskId) -> LabelMap:
    """The label map of a mask task.

    Raises:
        TaskFileError: the task has none.
    """
    return _present(load_tasks()[task_id].label_map, what=f"{task_id} label_map")


def mask_rules(task_id: TaskId) -> MaskRules:
    """What a mask of this task must look like."""
    return _present(load_tasks()[task_id].mask, what=f"{task_id} mask")


def node_rules() -> NodeRules:
    """How nodes are told apart, measured, placed and matched."""
    return _present(load_tasks()[TaskId.NODES].nodes, what="nodes")


def positivity_rules() -> PositivityRules:
    """When a node is positive."""
    return _present(load_tasks()[TaskId.POSITIVITY].positivity, what="positivity")


def _present(value: T | None, *, what: str) -> T:
    if value is None:
        raise TaskFileError(f"the task file lacks [{what}]")
    return value
