"""What the networks are asked to learn: labels of the task files, both masks in one, no loss."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from nnunetv2.utilities.label_handling.label_handling import LabelManager

from baseline.datasets import (
    Variant,
    channel_names,
    dataset_json,
    encoded,
    joint_code,
    segmentation,
)
from schema.terms import TaskId
from tasks.specification import label_map

SHAPE = (4, 3, 2)
COMPARTMENTS = arrays(np.uint8, SHAPE, elements=st.integers(0, 6))
NODES = arrays(np.uint8, SHAPE, elements=st.integers(0, 2))


def described(variant: Variant) -> dict[str, Any]:
    return dataset_json(variant, cases=("B_2", "A_1"), origin={"cohort": "Tiny"})


def manager(variant: Variant) -> LabelManager:
    """nnU-Net's own reading of the file, after a round trip through JSON."""
    content = json.loads(json.dumps(described(variant)))
    return LabelManager(content["labels"], content.get("regions_class_order"))


@given(compartments=COMPARTMENTS, nodes=NODES)
def test_both_masks_come_back_from_the_joint_one_voxel_by_voxel(
    compartments: np.ndarray[Any, np.dtype[np.uint8]], nodes: np.ndarray[Any, np.dtype[np.uint8]]
) -> None:
    first, second = joint_code().decode(joint_code().encode(compartments, nodes))

    np.testing.assert_array_equal(first, compartments)
    np.testing.assert_array_equal(second, nodes)


def test_the_joint_values_are_those_worked_out_by_hand() -> None:
    # 6 compartments: a step of 7. Compartment 3 with node class 2: 3 + 7 * 2 = 17; class 1 outside
    # every compartment: 0 + 7 * 1 = 7; compartment 6 without a node: 6.
    compartments = np.array([3, 0, 6, 0], dtype=np.uint8)
    nodes = np.array([2, 1, 0, 0], dtype=np.uint8)

    assert joint_code().encode(compartments, nodes).tolist() == [17, 7, 6, 0]


@given(compartments=COMPARTMENTS, nodes=NODES)
def test_nnunet_trains_each_region_on_exactly_the_voxels_of_its_label(
    compartments: np.ndarray[Any, np.dtype[np.uint8]], nodes: np.ndarray[Any, np.dtype[np.uint8]]
) -> None:
    code = joint_code().encode(compartments, nodes)
    regions = manager(Variant.JOINT).foreground_regions
    masks = {TaskId.COMPARTMENTS: compartments, TaskId.NODES: nodes}
    wanted = [
        masks[task] == label.value
        for task in Variant.JOINT.tasks
        for label in label_map(task).labels
    ]

    assert len(regions) == len(wanted) == len(channel_names(Variant.JOINT))
    for region, mask in zip(regions, wanted, strict=True):
        np.testing.assert_array_equal(np.isin(code, region), mask)


def test_every_value_of_the_joint_mask_is_declared() -> None:
    values = {place + 7 * rank for place in range(7) for rank in range(3)}

    assert set(manager(Variant.JOINT).all_labels) == values


@pytest.mark.parametrize("variant", [Variant.COMPARTMENTS, Variant.NODES])
def test_single_datasets_keep_the_labels_of_the_task_file(variant: Variant) -> None:
    labels = {label.name: label.value for label in label_map(TaskId(variant.value)).labels}

    assert described(variant)["labels"] == {"background": 0, **labels}
    assert "regions_class_order" not in described(variant)
    assert not manager(variant).has_regions


def test_the_labels_follow_the_task_files(monkeypatch: pytest.MonkeyPatch) -> None:
    two = label_map(TaskId.NODES)
    renamed = two.model_copy(
        update={"labels": (two.labels[0].model_copy(update={"name": "quiet", "value": 4}),)}
    )
    monkeypatch.setattr("baseline.datasets.label_map", lambda _task: renamed)

    assert described(Variant.NODES)["labels"] == {"background": 0, "quiet": 4}


@pytest.mark.parametrize("variant", list(Variant))
def test_what_nnunet_must_know_is_in_the_file(variant: Variant) -> None:
    content = described(variant)

    assert content["channel_names"] == {"0": "T2w"}
    assert content["file_ending"] == ".nii.gz"
    assert content["overwrite_image_reader_writer"] == "NibabelIOWithReorient"
    assert content["numTraining"] == 2
    assert content["dataset"]["A_1"] == {
        "images": ["imagesTr/A_1_0000.nii.gz"],
        "label": "labelsTr/A_1.nii.gz",
    }
    assert content["lln"] == {"variant": variant.value, "cohort": "Tiny"}


def test_probabilities_of_the_joint_network_become_both_masks() -> None:
    # three voxels: compartment 2 (0.9 beats 0.6) with a positive node; a negative node (0.8) where
    # no compartment is likelier than not; nothing at all
    probabilities = np.zeros((8, 3), dtype=np.float32)
    probabilities[:, 0] = (0.6, 0.9, 0, 0, 0, 0, 0.1, 0.7)
    probabilities[:, 1] = (0.5, 0.2, 0, 0, 0, 0, 0.8, 0.4)
    probabilities[:, 2] = 0.49

    first, second = joint_code().decode(segmentation(Variant.JOINT, probabilities))

    assert first.tolist() == [2, 0, 0]
    assert second.tolist() == [2, 1, 0]


def test_probabilities_of_an_exclusive_network_become_its_mask() -> None:
    # background, negative, positive
    probabilities = np.array([[0.5, 0.1, 0.2], [0.3, 0.2, 0.7], [0.2, 0.7, 0.1]])

    assert segmentation(Variant.NODES, probabilities).tolist() == [0, 2, 1]


def test_a_single_mask_is_encoded_as_itself() -> None:
    nodes = np.array([0, 1, 2], dtype=np.int32)

    assert encoded(Variant.NODES, [nodes]).tolist() == [0, 1, 2]
    assert encoded(Variant.NODES, [nodes]).dtype == np.uint8
