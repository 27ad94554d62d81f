"""What a task file says is what is measured: change a number there and the results follow."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import tasks.specification
from evaluation.nodes import score_case
from evaluation.positivity import Answers, confusion_matrices
from schema.cohort import DominantNode
from schema.submission import PositivityPrediction
from schema.task import Task
from schema.terms import NodeClass, Region, Side, TaskId
from tasks.geometry import Geometry
from tasks.node_measurement import NodeMap, measure_nodes_of_task
from tasks.specification import load_tasks, parse_task

ROOT = Path(__file__).parents[2]
GRID = Geometry.from_affine(np.diag([-1.0, -1.0, 4.0, 1.0]), size=(24, 24, 4))
"""One millimetre in plane, i to the patient's left, slices 4 mm apart."""


def changed_task(task_id: TaskId, *, replacements: Mapping[str, str]) -> Task:
    """A task as its file would read with other numbers."""
    text = (ROOT / "tasks" / f"{task_id.value}.toml").read_text(encoding="utf-8")
    for old, new in replacements.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return parse_task(text)


@pytest.fixture
def with_task(monkeypatch: pytest.MonkeyPatch) -> Callable[[Task], None]:
    """Let a task stand in for the shipped one of the same id."""

    def install(task: Task) -> None:
        changed = MappingProxyType({**load_tasks(), task.id: task})
        monkeypatch.setattr(tasks.specification, "load_tasks", lambda: changed)

    return install


def measure(*, nodes: NDArray[Any], compartments: NDArray[Any]) -> NodeMap:
    return measure_nodes_of_task(nodes, geometry=GRID, compartments=compartments)


def empty() -> NDArray[np.uint8]:
    return np.zeros(GRID.size, dtype=np.uint8)


def covered(label: int) -> NDArray[np.uint8]:
    """One compartment over the whole grid."""
    return np.full(GRID.size, label, dtype=np.uint8)


def test_a_node_label_has_the_value_of_the_task_file(with_task: Callable[[Task], None]) -> None:
    nodes = empty()
    nodes[4:9, 4:9, 1], nodes[14:19, 14:19, 1] = 1, 9
    positive = 'value = {}, name = "positive_node"'
    with_task(changed_task(TaskId.NODES, replacements={positive.format(2): positive.format(9)}))

    classes = [node.node_class for node in measure(nodes=nodes, compartments=covered(1)).nodes]

    assert classes == [NodeClass.NEGATIVE, NodeClass.POSITIVE]


def test_a_compartment_label_has_the_value_of_the_task_file(
    with_task: Callable[[Task], None],
) -> None:
    nodes = empty()
    nodes[4:9, 4:9, 1] = 2
    left = 'value = {}, name = "internal_iliac_left"'
    before = measure(nodes=nodes, compartments=covered(60)).nodes[0].place
    with_task(changed_task(TaskId.COMPARTMENTS, replacements={left.format(6): left.format(60)}))

    after = measure(nodes=nodes, compartments=covered(60)).nodes[0].place

    assert before == ("outside", None)
    assert after == (Region.II, Side.LEFT)


def test_what_one_node_is_follows_the_task_file(with_task: Callable[[Task], None]) -> None:
    nodes = empty()
    nodes[4:9, 4:9, 1], nodes[9:14, 9:14, 1] = 2, 2  # they touch at one corner
    together = len(measure(nodes=nodes, compartments=covered(1)).nodes)
    with_task(changed_task(TaskId.NODES, replacements={"connectivity = 26": "connectivity = 6"}))

    apart = len(measure(nodes=nodes, compartments=covered(1)).nodes)

    assert (together, apart) == (1, 2)


def test_how_far_a_compartment_reaches_follows_the_task_file(
    with_task: Callable[[Task], None],
) -> None:
    nodes, compartments = empty(), empty()
    nodes[4:9, 4:9, 1], compartments[12:20, 4:9, 1] = 2, 3  # i = 8 and i = 12: 4 mm apart
    near = measure(nodes=nodes, compartments=compartments).nodes[0].place
    with_task(changed_task(TaskId.NODES, replacements={"reach_mm = 5.0": "reach_mm = 3.9"}))

    far = measure(nodes=nodes, compartments=compartments).nodes[0].place

    assert near == (Region.OB, Side.RIGHT)
    assert far == ("outside", None)


@pytest.mark.parametrize(("least_iou", "partner"), [("0.33", 1), ("0.34", None)])
def test_what_a_match_is_follows_the_task_file(least_iou: str, partner: int | None) -> None:
    reference, prediction = empty(), empty()
    reference[4:8, 4:8, 1], prediction[6:10, 4:8, 1] = 2, 2  # overlap 8, union 24: IoU 1/3
    task = changed_task(
        TaskId.NODES, replacements={"matching_iou = 0.1": f"matching_iou = {least_iou}"}
    )

    score = score_case(
        case_id="North_001",
        reference=reference,
        prediction=prediction,
        reference_nodes=measure(nodes=reference, compartments=covered(1)),
        prediction_nodes=measure(nodes=prediction, compartments=covered(1)),
        geometry=GRID,
        task=task,
    )

    assert [node.matched for node in score.reference_nodes] == [partner]


@pytest.mark.parametrize(
    ("threshold", "cells"),
    [("7.0", ((0, 0), (0, 2))), ("8.5", ((1, 0), (0, 1))), ("9.0", ((1, 0), (1, 0)))],
)
def test_the_size_classes_follow_the_task_file(
    threshold: str, cells: tuple[tuple[int, ...], ...]
) -> None:
    task = changed_task(
        TaskId.POSITIVITY, replacements={"short_axis_mm = 7.0": f"short_axis_mm = {threshold}"}
    )

    size = confusion_matrices(two_patients(), task=task)[-1]

    words = (f"< {float(threshold):g} mm", f"≥ {float(threshold):g} mm")
    assert size.rows[:2] == size.columns[:2] == words
    assert tuple(row[:2] for row in size.cells[:2]) == cells


def two_patients() -> Answers:
    """Reference and prediction positive: 8.3 and 8.3 mm, 9.6 and 8.8 mm."""
    reference, prediction = (8.3, 9.6), (8.3, 8.8)
    cases = ("North_001", "North_002")
    return Answers(
        case_ids=cases,
        reference=tuple(DominantNode(positive=1, short_axis_mm=size) for size in reference),
        prediction=tuple(
            PositivityPrediction(case_id=case_id, probability=0.9, positive=1, short_axis_mm=size)
            for case_id, size in zip(cases, prediction, strict=True)
        ),
        codes=((), ()),
        readers={},
        clinical=(None, None),
    )


def test_a_task_of_another_value_is_another_task() -> None:
    shipped = load_tasks()[TaskId.POSITIVITY]
    changed = changed_task(
        TaskId.POSITIVITY, replacements={"short_axis_mm = 7.0": "short_axis_mm = 9.0"}
    )

    assert changed_task(TaskId.POSITIVITY, replacements={}) == shipped
    assert changed != shipped
