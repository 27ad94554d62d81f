"""The three task files as shipped: sound, consistent with each other, and the paper's."""

from __future__ import annotations

import colorsys
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schema.errors import TaskFileError
from schema.label import Label
from schema.task import Metric, Task, Unit
from schema.terms import Direction, NodeClass, Outcome, Region, Side, Status, TaskId
from tasks.specification import (
    label_map,
    load_tasks,
    mask_rules,
    node_rules,
    parse_task,
    positivity_rules,
    task_digest,
)

FOLDER = Path(__file__).parents[2] / "tasks"
MASK_TASKS = (TaskId.COMPARTMENTS, TaskId.NODES)
TASKS = tuple(load_tasks().values())
METRICS = [
    pytest.param(metric, id=f"{task.id}-{metric.id}") for task in TASKS for metric in task.metrics
]

HUES = {
    Region.EI: (265, 300),
    Region.OB: (100, 160),
    Region.II: (-15, 15),
    NodeClass.NEGATIVE: (195, 245),
    NodeClass.POSITIVE: (42, 65),
}
"""Purple, green, red; blue and yellow: the colours of the paper's Figure 1, in degrees."""


def text_of(task_id: TaskId) -> str:
    return (FOLDER / f"{task_id.value}.toml").read_text(encoding="utf-8")


def hue_degrees(colour: str) -> float:
    red, green, blue = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    hue, _, saturation = colorsys.rgb_to_hls(red, green, blue)
    assert saturation > 0.3, "a grey has no hue"
    return (hue * 360 + 15) % 360 - 15


def labels() -> list[Label]:
    return [label for task_id in MASK_TASKS for label in label_map(task_id).labels]


def test_there_is_one_file_for_each_task() -> None:
    assert {path.stem for path in FOLDER.glob("*.toml")} == {task_id.value for task_id in TaskId}
    assert list(load_tasks()) == list(TaskId)


@pytest.mark.parametrize("task_id", TaskId)
def test_a_shipped_task_file_is_read_as_it_stands(task_id: TaskId) -> None:
    assert parse_task(text_of(task_id)) == load_tasks()[task_id]
    assert load_tasks()[task_id].id is task_id
    assert task_digest(task_id) == (
        "sha256:" + hashlib.sha256((FOLDER / f"{task_id.value}.toml").read_bytes()).hexdigest()
    )


def test_the_loaded_tasks_cannot_be_exchanged() -> None:
    tasks: Any = load_tasks()

    with pytest.raises(TypeError):
        tasks[TaskId.NODES] = tasks[TaskId.COMPARTMENTS]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_ranked_metrics_exist_and_have_a_direction(task: Task) -> None:
    for key in (*task.ranking.keys, *task.ranking.compared):
        assert task.metric(key).direction is not Direction.NONE


@pytest.mark.parametrize("metric", METRICS)
def test_a_worst_value_is_the_worst_that_can_be(metric: Metric) -> None:
    if metric.direction is Direction.NONE:
        assert metric.worst is None
        return
    bound = metric.minimum if metric.direction is Direction.HIGHER else metric.maximum
    assert metric.worst is not None
    assert metric.worst == (metric.worst if bound is None else bound)
    assert metric.minimum is None or metric.minimum <= metric.worst
    assert metric.maximum is None or metric.worst <= metric.maximum


@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_is_bounded_as_its_unit_is(metric: Metric) -> None:
    if metric.unit is Unit.FRACTION:
        assert (metric.minimum, metric.maximum) == (0.0, 1.0)
    if metric.unit is Unit.RATIO:
        assert (metric.minimum, metric.maximum) == (0.0, None)
    if metric.minimum is not None and metric.maximum is not None:
        assert metric.minimum < metric.maximum


@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_says_what_it_is_and_where_it_is_from(metric: Metric) -> None:
    words = " ".join(metric.definition.split())

    assert words.endswith(".")
    assert len(words) > 30
    assert metric.title[0].isupper()


@pytest.mark.parametrize("task_id", MASK_TASKS)
@pytest.mark.parametrize("metric_id", ["dice", "iou"])
def test_an_empty_structure_is_scored_on_purpose(task_id: TaskId, metric_id: str) -> None:
    empty = load_tasks()[task_id].metric(metric_id).empty

    assert empty is not None
    assert empty.both_empty.status is Status.NOT_APPLICABLE
    assert (empty.prediction_empty.value, empty.reference_empty.value) == (0.0, 0.0)


def test_patients_are_resampled_alike_for_every_task() -> None:
    first, *rest = (task.resampling for task in TASKS)

    assert rest == [first, first]


def test_mask_tasks_agree_on_label_map_version_and_voxels() -> None:
    compartments, nodes = (label_map(task_id) for task_id in MASK_TASKS)

    assert compartments.version == nodes.version
    assert mask_rules(TaskId.COMPARTMENTS) == mask_rules(TaskId.NODES)


@pytest.mark.parametrize("task_id", MASK_TASKS)
def test_a_mask_may_be_stored_in_integers_that_hold_every_label(task_id: TaskId) -> None:
    for name in mask_rules(task_id).voxel_types:
        voxel_type = np.dtype(name)
        assert voxel_type.kind in "iu"
        assert max(label_map(task_id).values) <= np.iinfo(voxel_type).max


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_a_mask_task_asks_for_a_file_a_case_and_a_table_task_for_one_table(task: Task) -> None:
    is_mask = task.id in MASK_TASKS

    assert task.output == (
        f"{task.id.value}/{{case_id}}.nii.gz" if is_mask else f"{task.id.value}.csv"
    )
    assert (task.label_map is not None) == is_mask


@pytest.mark.parametrize("label", labels(), ids=lambda label: label.name)
def test_a_label_has_the_colour_of_the_figure(label: Label) -> None:
    meaning = label.region or label.node_class
    assert meaning is not None
    low, high = HUES[meaning]

    assert low <= hue_degrees(label.colour) <= high


def test_both_sides_of_a_region_have_one_colour() -> None:
    colours: dict[Region, set[str]] = {}
    for label in label_map(TaskId.COMPARTMENTS).labels:
        if label.region is not None:
            colours.setdefault(label.region, set()).add(label.colour)

    assert {region: len(found) for region, found in colours.items()} == dict.fromkeys(Region, 1)
    assert len(set.union(*colours.values())) == len(Region)


def test_every_region_is_there_on_both_sides_and_every_class_once() -> None:
    compartments, nodes = (label_map(task_id) for task_id in MASK_TASKS)

    assert compartments.compartments == {
        (Region.EI, Side.RIGHT): 1,
        (Region.EI, Side.LEFT): 2,
        (Region.OB, Side.RIGHT): 3,
        (Region.OB, Side.LEFT): 4,
        (Region.II, Side.RIGHT): 5,
        (Region.II, Side.LEFT): 6,
    }
    assert nodes.node_classes == {NodeClass.NEGATIVE: 1, NodeClass.POSITIVE: 2}
    assert len(compartments.labels) == len(compartments.compartments)
    assert len(nodes.labels) == len(nodes.node_classes)


def test_a_side_is_named_as_it_is() -> None:
    for label in label_map(TaskId.COMPARTMENTS).labels:
        assert label.side is not None
        assert label.name.endswith(f"_{label.side.value}")
        assert label.title.endswith(f", {label.side.value}")


def test_the_rules_are_those_of_the_paper() -> None:
    rules = positivity_rules()
    horizons = {
        each.outcome: each.horizon_months for each in load_tasks()[TaskId.POSITIVITY].outcomes
    }

    assert (rules.short_axis_mm, rules.malignant_features) == (7.0, 2)
    assert horizons == {Outcome.DFS: 36.0, Outcome.OS: 60.0}  # 3 and 5 years
    assert node_rules().connectivity in (6, 18, 26)


@pytest.mark.parametrize("outcome", Outcome)
def test_an_outcome_has_its_three_figures(outcome: Outcome) -> None:
    task = load_tasks()[TaskId.POSITIVITY]

    for what in ("c_index", "hazard_ratio", "at_horizon"):
        assert task.metric(f"{outcome.value}_{what}").title.startswith(outcome.name)


@pytest.mark.parametrize("lookup", [label_map, mask_rules], ids=["label_map", "mask"])
def test_a_table_task_has_nothing_of_masks(lookup: Callable[[TaskId], object]) -> None:
    with pytest.raises(TaskFileError, match="positivity"):
        lookup(TaskId.POSITIVITY)


def test_text_that_is_no_toml_is_a_task_file_error() -> None:
    with pytest.raises(TaskFileError, match="line 1"):
        parse_task("id = nodes")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('id = "nodes"', 'id = "lymph_nodes"', "compartments"),
        ("matching_iou = 0.1", "matching_iou = 1.0", "less than 1"),
        ("matching_iou = 0.1", "matching_iou = 0.1\nnoise = 1", "extra_forbidden"),
        ("matching_iou = 0.1", "matching_iou = nan", "finite"),
        ("connectivity = 26", 'connectivity = "26"', "6, 18 or 26"),
        ("value = 2", "value = 1", "unique and ascending"),
        ('keys = ["detection_f1", ', 'keys = ["hd95", ', "unknown metrics"),
        ('id = "iou"', 'id = "dice"', "metric ids must be unique"),
        ("[nodes]", "[lymph_nodes]", "lymph_nodes"),
    ],
)
def test_a_task_file_that_breaks_its_contract_is_a_task_file_error(
    old: str, new: str, says: str
) -> None:
    text = text_of(TaskId.NODES)
    assert text.count(old) == 1

    with pytest.raises(TaskFileError, match=says):
        parse_task(text.replace(old, new))
