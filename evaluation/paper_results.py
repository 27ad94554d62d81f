"""The committed cohorts that stand for the paper's patients, scored; and the paper's numbers."""

from __future__ import annotations

from importlib.resources import as_file, files

from evaluation.run import evaluate
from schema.published import PublishedNumbers
from schema.result import TaskResult
from schema.terms import TaskId
from tasks.cohort import read_cohort
from tasks.files import read_toml_model

COHORTS = ("replica", "paper")
"""Folders of `tasks`: the constructed patients, and the bare counts of the status."""


def paper_results() -> dict[str, TaskResult]:
    """Result of the positivity task of each committed cohort, by the folder's name."""
    with as_file(files("tasks")) as folder:
        return {
            name: evaluate(read_cohort(folder / name), folder / name / "submission").result.task(
                TaskId.POSITIVITY
            )
            for name in COHORTS
        }


def published_numbers() -> PublishedNumbers:
    """The paper's numbers as printed, with their verdicts."""
    with as_file(files("tasks").joinpath("replica", "published.toml")) as path:
        return read_toml_model(path, PublishedNumbers)
