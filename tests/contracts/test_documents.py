"""What the documents say is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from lln import main
from schema.terms import NodeClass, Region, Side, TaskId
from tasks.checks import COHORT_CHECKS, SUBMISSION_CHECKS
from tasks.definitions import generated, with_definitions
from tasks.layout import (
    NODE_COLUMNS,
    NODE_TABLE,
    POSITIVITY_COLUMNS,
    SUBMISSION_MANIFEST,
    SUBMISSION_NAMES,
)
from tasks.specification import label_map, load_tasks

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
SCORING = (ROOT / "evaluation" / "README.md").read_text(encoding="utf-8")


def test_the_generated_definitions_are_up_to_date() -> None:
    assert with_definitions(SCORING, generated=generated()) == SCORING, "run `make docs`"


def test_every_metric_and_every_check_is_defined() -> None:
    for task in load_tasks().values():
        for metric in task.metrics:
            assert f"### `{metric.id}` {metric.title}" in SCORING
    for check in (*SUBMISSION_CHECKS, *COHORT_CHECKS):
        assert f"| {check.code} | {check.title()} |" in SCORING


def test_a_document_without_the_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="two marks"):
        with_definitions("no marks here", generated="x")


def test_every_command_of_the_readme_exists() -> None:
    commands = re.findall(
        r"^\.venv/bin/lln ([a-z ]+?)(?: [^a-z]| out|$)", README, flags=re.MULTILINE
    )

    assert len(commands) > 5
    for words in commands:
        found: click.Command = main
        for word in words.split():
            if isinstance(found, click.Group):  # what follows a verb is its argument
                found = found.commands[word]
        assert not isinstance(found, click.Group), words


def test_every_target_of_the_readme_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    for target in re.findall(r"^make ([a-z]+)", README, flags=re.MULTILINE):
        assert f"\n{target}:" in makefile


def test_the_readme_shows_the_labels_and_columns_of_the_task_files() -> None:
    compartments = label_map(TaskId.COMPARTMENTS).compartments
    nodes = label_map(TaskId.NODES).node_classes

    for region in Region:
        right, left = (compartments[region, side] for side in (Side.RIGHT, Side.LEFT))
        assert f"({region.value}) | {right} | {left} |" in README
    for node_class in NodeClass:
        assert f"{nodes[node_class]} {node_class.value} node" in README
    assert ",".join(POSITIVITY_COLUMNS) in README
    assert ",".join(NODE_COLUMNS) in README


def test_the_layout_and_the_task_files_name_the_same_outputs() -> None:
    outputs = {task.output.split("/")[0] for task in load_tasks().values()}

    # the table of nodes is no task's answer: it may be left out
    assert outputs == set(SUBMISSION_NAMES) - {SUBMISSION_MANIFEST, NODE_TABLE}


def test_the_changelog_names_the_version_of_the_package() -> None:
    version = re.search(
        r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), flags=re.MULTILINE
    )

    assert version is not None
    assert f"## {version[1]}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"version: {version[1]}" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
