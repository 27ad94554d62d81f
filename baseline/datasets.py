"""The three nnU-Net datasets a cohort becomes: their labels, generated from the task files.

Compartments and nodes each have a dataset of their own, with nnU-Net's ordinary exclusive labels.
The joint dataset holds both masks at once. A node lies inside a compartment, so exclusive labels
would punch a hole into it; the joint dataset has a voxel value for every combination of compartment
(or none) and node class (or none), and asks nnU-Net to train on *regions*: each compartment is the
union of the values it takes part in, and so is each node class. No voxel of either mask is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schema.label import Label
from schema.terms import TaskId
from tasks.specification import label_map

FILE_ENDING = ".nii.gz"
CHANNEL = "T2w"
READER = "NibabelIOWithReorient"
"""nnU-Net's reader that turns every volume to RAS by moving voxels, without interpolation.

The labels have sides. A network tells right from left by the order of the voxels, so volumes stored
in different orders of axes must be brought into one. `SimpleITKIO` feeds them as stored, and
refuses direction cosines that are orthonormal only to the precision of a header.
"""
CONFIGURATION = "3d_fullres"
BACKGROUND = "background"
OURS = "lln"
"""Key of `dataset.json` and of plans under which the kit keeps what nnU-Net does not know."""

Mask = NDArray[np.uint8]


class Variant(StrEnum):
    """Which masks a network learns."""

    COMPARTMENTS = "compartments"
    NODES = "nodes"
    JOINT = "joint"

    @property
    def tasks(self) -> tuple[TaskId, ...]:
        """The mask tasks whose labels the dataset holds, in the order of its output channels."""
        if self is Variant.JOINT:
            return (TaskId.COMPARTMENTS, TaskId.NODES)
        return (TaskId(self.value),)

    @property
    def dataset_id(self) -> int:
        """nnU-Net's number of the dataset."""
        return {Variant.COMPARTMENTS: 801, Variant.NODES: 802, Variant.JOINT: 803}[self]

    @property
    def dataset_name(self) -> str:
        """nnU-Net's name of the dataset, which is also the name of its folders."""
        return f"Dataset{self.dataset_id}_LLN{self.value.capitalize()}"


class RegionCode(NamedTuple):
    """A voxel value for every combination of one label, or none, of each mask.

    The value is `first + second * (n + 1)`, where `n` is the number of labels of the first mask and
    both are positions in the label maps, 0 for none.
    """

    first: tuple[Label, ...]
    second: tuple[Label, ...]

    @property
    def step(self) -> int:
        """How far the values of neighbouring labels of the second mask are apart."""
        return len(self.first) + 1

    def encode(self, first: NDArray[Any], second: NDArray[Any]) -> Mask:
        """Both masks as one, same shape."""
        code = _positions(first, self.first) + self.step * _positions(second, self.second)
        return code.astype(np.uint8)

    def decode(self, code: NDArray[Any]) -> tuple[Mask, Mask]:
        """The way back: both masks, exactly."""
        second, first = np.divmod(code.astype(np.intp), self.step)
        return _values(self.first)[first], _values(self.second)[second]

    def regions(self) -> dict[str, list[int]]:
        """Every value that a label takes part in, by the label's name, in the order of channels."""
        ranks = range(len(self.second) + 1)
        found = {
            label.name: [place + self.step * rank for rank in ranks]
            for place, label in enumerate(self.first, start=1)
        }
        for rank, label in enumerate(self.second, start=1):
            found[label.name] = [place + self.step * rank for place in range(self.step)]
        return found

    def painted(self) -> list[int]:
        """nnU-Net's `regions_class_order`: the value its own export paints for each region.

        Later ones cover earlier ones: a node covers its compartment. Nothing of the kit depends on
        that map, which cannot hold both.
        """
        alone = list(range(1, self.step))
        return alone + [self.step * rank for rank in range(1, len(self.second) + 1)]


def _positions(mask: NDArray[Any], labels: Sequence[Label]) -> NDArray[np.intp]:
    found = np.zeros(mask.shape, dtype=np.intp)
    for place, label in enumerate(labels, start=1):
        found[mask == label.value] = place
    return found


def _values(labels: Sequence[Label]) -> Mask:
    return np.array([0, *(label.value for label in labels)], dtype=np.uint8)


def joint_code() -> RegionCode:
    """The code of the joint dataset: compartments first, nodes second."""
    first, second = (label_map(task).labels for task in Variant.JOINT.tasks)
    return RegionCode(first, second)


def channel_names(variant: Variant) -> tuple[str, ...]:
    """Names of the labels that have an output channel, background left out, in their order."""
    return tuple(label.name for task in variant.tasks for label in label_map(task).labels)


def encoded(variant: Variant, masks: Sequence[NDArray[Any]]) -> Mask:
    """What nnU-Net reads as the reference of a case: the mask itself, or both in one.

    Args:
        variant: which dataset.
        masks: a mask for each of its tasks, in that order.
    """
    if variant is Variant.JOINT:
        return joint_code().encode(*masks)
    return masks[0].astype(np.uint8)


def segmentation(variant: Variant, probabilities: NDArray[np.floating[Any]]) -> Mask:
    """The most likely encoded mask.

    Args:
        variant: which dataset.
        probabilities: of every channel, shape (channels, ...): softmax with the background first,
            or for the joint dataset a sigmoid for each label of `channel_names`.
    """
    if variant is not Variant.JOINT:
        values = _values(label_map(variant.tasks[0]).labels)
        found: Mask = values[probabilities.argmax(axis=0)]
        return found
    code = joint_code()
    first, second = np.split(probabilities, [len(code.first)])
    return (_likeliest(first) + code.step * _likeliest(second)).astype(np.uint8)


def _likeliest(probabilities: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
    """Position of the likeliest label where one is likelier than not, else 0."""
    return np.where(probabilities.max(axis=0) > 0.5, probabilities.argmax(axis=0) + 1, 0)


def dataset_json(
    variant: Variant, *, cases: Sequence[str], origin: dict[str, Any]
) -> dict[str, Any]:
    """nnU-Net's description of a raw dataset.

    Every file is listed: nnU-Net would otherwise search the folder with a pool of processes.

    Args:
        variant: which dataset.
        cases: their identifiers.
        origin: what else to remember about where it comes from.
    """
    labels: dict[str, Any] = {BACKGROUND: 0}
    content: dict[str, Any] = {}
    if variant is Variant.JOINT:
        labels |= joint_code().regions()
        content["regions_class_order"] = joint_code().painted()
    else:
        labels |= {label.name: label.value for label in label_map(variant.tasks[0]).labels}
    files = {
        case: {"images": [f"imagesTr/{image_name(case)}"], "label": f"labelsTr/{case}{FILE_ENDING}"}
        for case in cases
    }
    return content | {
        "channel_names": {"0": CHANNEL},
        "labels": labels,
        "numTraining": len(cases),
        "file_ending": FILE_ENDING,
        "overwrite_image_reader_writer": READER,
        "dataset": files,
        OURS: {"variant": variant.value, **origin},
    }


def image_name(case_id: str) -> str:
    """nnU-Net's file name of the first and only channel of a case."""
    return f"{case_id}_0000{FILE_ENDING}"
