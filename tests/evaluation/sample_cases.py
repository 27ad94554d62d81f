"""Synthetic per-case scores and nodes to draw. Nothing here was measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from schema.result import CaseScore, CaseValue, NodeScore
from schema.terms import NodeClass, Region, Side, Status, TaskId
from tasks.specification import label_map

PATIENTS = 480
LABELS = tuple(label.name for label in label_map(TaskId.COMPARTMENTS).labels)
NODE_LABELS = tuple(label.name for label in label_map(TaskId.NODES).labels)


def case_id(index: int) -> str:
    """The name of a case."""
    return f"case_{index + 1:04d}"


def compartment_cases(*, failed: Sequence[int] = (), n: int = PATIENTS) -> Iterator[CaseScore]:
    """Cases with a Dice of every compartment."""
    rng = np.random.default_rng(5)
    for index in range(n):
        values = dict(zip(LABELS, rng.beta((9, 9, 14, 14, 11, 8), 2), strict=True))
        yield dice_case(TaskId.COMPARTMENTS, index, values, is_failed=index in failed)


def dice_case(
    task: TaskId, index: int, values: dict[str, float], *, is_failed: bool = False
) -> CaseScore:
    """One case with the Dice of its labels and their mean; 0 where it failed."""
    shown = {scope: 0.0 if is_failed else float(value) for scope, value in values.items()}
    shown["macro"] = sum(shown.values()) / len(shown)
    return CaseScore(
        case_id=case_id(index),
        task=task,
        status="failed" if is_failed else "scored",
        codes=("LLN011",) if is_failed else (),
        values=tuple(
            CaseValue(metric="dice", scope=scope, value=value, status=Status.OK)
            for scope, value in shown.items()
        ),
    )


def node_cases(*, n: int = PATIENTS) -> Iterator[CaseScore]:
    """Cases with none to four reference nodes, most of them matched."""
    rng = np.random.default_rng(11)
    for index in range(n):
        values = dict(zip(NODE_LABELS, rng.beta((3, 4), 2), strict=True))
        reference, prediction = node_lists(rng)
        case = dice_case(TaskId.NODES, index, values)
        yield case.model_copy(update={"reference_nodes": reference, "prediction_nodes": prediction})


def node_lists(rng: np.random.Generator) -> tuple[tuple[NodeScore, ...], tuple[NodeScore, ...]]:
    """Nodes of one case: about three quarters matched, a few spurious."""
    reference: list[NodeScore] = []
    prediction: list[NodeScore] = []
    for number in range(1, int(rng.integers(0, 5)) + 1):
        length = float(rng.lognormal(1.55, 0.38))
        partner = len(prediction) + 1 if rng.random() < 0.75 else None
        reference.append(node(number, length, matched=partner))
        if partner is not None:
            measured = max(1.2, length + float(rng.normal(-0.2, 0.8)))
            prediction.append(node(partner, measured, matched=number))
    if rng.random() < 0.3:
        prediction.append(node(len(prediction) + 1, float(rng.lognormal(1.4, 0.3)), matched=None))
    return tuple(reference), tuple(prediction)


def node(number: int, length_mm: float, *, matched: int | None) -> NodeScore:
    """A node that is positive from 7 mm."""
    return NodeScore(
        node=number,
        node_class=NodeClass.POSITIVE if length_mm >= 7 else NodeClass.NEGATIVE,
        short_axis_mm=length_mm,
        volume_ml=length_mm**3 / 2000,
        region=tuple(Region)[number % 3],
        side=tuple(Side)[number % 2],
        matched=matched,
        iou=None if matched is None else 0.6,
    )


def full_cases() -> tuple[CaseScore, ...]:
    """The cases of the mask tasks."""
    return (*compartment_cases(failed=range(40, 47)), *node_cases())
