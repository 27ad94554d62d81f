"""Checks of a submission's manifest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from schema.terms import TaskId
from tasks.checks.base import Check, Problem


class ManifestUnreadable(Check[str]):
    """submission.toml is missing or no TOML.

    Put a file `submission.toml` into the submission folder, for example: team = "Lyon",
    model = "nnU-Net", tasks = ["compartments", "nodes", "positivity"].
    """

    code = "LLN001"

    @staticmethod
    def find(facts: str) -> Iterator[Problem]:
        """The facts are the reader's complaint."""
        yield Problem("a TOML file", facts)


class ManifestInvalid(Check[tuple[tuple[str, str], ...]]):
    """submission.toml breaks its contract.

    Correct the field named here; schema/json/SubmissionManifest.json lists every field.
    """

    code = "LLN002"

    @staticmethod
    def find(facts: tuple[tuple[str, str], ...]) -> Iterator[Problem]:
        """The facts are (field, complaint)."""
        for field, complaint in facts:
            yield Problem("a field as the schema says", complaint, where=field)


class TaskFacts(NamedTuple):
    """The tasks that a submission enters and those that a cohort has a reference for."""

    entered: tuple[TaskId, ...]
    offered: tuple[TaskId, ...]


class TaskNotOffered(Check[TaskFacts]):
    """A task that the submission enters is not in the cohort.

    It is not scored here. Name only tasks of the cohort in submission.toml, or use a cohort that
    has a reference standard for it.
    """

    code = "LLN003"
    fails_case = False

    @staticmethod
    def find(facts: TaskFacts) -> Iterator[Problem]:
        """Every such task."""
        for task in facts.entered:
            if task not in facts.offered:
                yield Problem("one of " + ", ".join(facts.offered), task.value, where="tasks")
