from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from numpy.typing import NDArray

from baseline.node_calls import (
    NodeCall,
    compartment_mask,
    compartment_names,
    find,
    most_suspicious,
    node_mask,
    node_names,
)
from schema.terms import NodeClass, Region, Side, TaskId
from tasks.geometry import Geometry
from tasks.specification import label_map

SIZE = (12, 10, 6)
GRID = Geometry.from_affine(np.diag([2.0, 2.0, 4.0, 1.0]), size=SIZE)  # 0.016 ml a voxel
NEGATIVE, POSITIVE = node_names()
CLASSES = label_map(TaskId.NODES).node_classes

Floats = NDArray[np.float32]


def empty(names: tuple[str, ...]) -> dict[str, Floats]:
    return {name: np.zeros(SIZE, dtype=np.float32) for name in names}


def nodes(negative: Floats | float, positive: Floats | float) -> dict[str, Floats]:
    found = empty(node_names())
    found[NEGATIVE][:], found[POSITIVE][:] = negative, positive
    return found


def one_voxel(**values: float) -> dict[str, Floats]:
    """Probabilities of a volume of one voxel, compartments by region and side."""
    labels = label_map(TaskId.COMPARTMENTS).labels
    keys = {label.name: f"{label.region}_{label.side}" for label in labels}
    return {
        name: np.full((1, 1, 1), values.get(key, 0.0), dtype=np.float32)
        for name, key in keys.items()
    }


def label_of(region: Region, side: Side) -> int:
    return label_map(TaskId.COMPARTMENTS).compartments[region, side]


@pytest.mark.parametrize(
    ("probabilities", "exclusive", "expected"),
    [
        # sigmoid heads: the greatest, when it is above one half
        ({"OB_right": 0.8, "II_right": 0.9}, False, (Region.II, Side.RIGHT)),
        ({"OB_right": 0.51}, False, (Region.OB, Side.RIGHT)),
        ({"OB_right": 0.5}, False, None),
        ({"OB_right": 0.4, "II_right": 0.4}, False, None),
        # equal: the smaller label value
        ({"EI_left": 0.7, "OB_right": 0.7}, False, (Region.EI, Side.LEFT)),
        # softmax: the greatest of seven, the background among them
        ({"OB_right": 0.4, "II_right": 0.35}, True, (Region.OB, Side.RIGHT)),
        ({"OB_right": 0.4, "II_right": 0.1}, True, None),
        ({}, True, None),
    ],
)
def test_a_voxel_is_the_likeliest_compartment_where_likely_enough(
    probabilities: Mapping[str, float],
    exclusive: bool,  # noqa: FBT001 - a case of the table
    expected: tuple[Region, Side] | None,
) -> None:
    mask = compartment_mask(one_voxel(**probabilities), exclusive=exclusive)

    assert mask.tolist() == [[[0 if expected is None else label_of(*expected)]]]


def test_a_node_has_one_class_by_the_mean_over_its_voxels() -> None:
    # three voxels, likelier positive in two of them, but surer of negative in the third:
    # mean negative (0.4 + 0.4 + 0.9) / 3 = 0.567, mean positive (0.5 + 0.5 + 0.1) / 3 = 0.367
    found = nodes(0.0, 0.0)
    found[NEGATIVE][3:6, 4, 2] = (0.4, 0.4, 0.9)
    found[POSITIVE][3:6, 4, 2] = (0.5, 0.5, 0.1)

    mask = node_mask(found, smallest_voxels=1)

    assert mask[3:6, 4, 2].tolist() == [CLASSES[NodeClass.NEGATIVE]] * 3
    assert np.count_nonzero(mask) == 3


def test_a_node_of_doubtful_class_is_a_node() -> None:
    # neither class reaches one half; together they do
    mask = node_mask(nodes(0.3, 0.35), smallest_voxels=1)

    assert (mask == CLASSES[NodeClass.POSITIVE]).all()


def test_equally_likely_classes_make_a_positive_node() -> None:
    assert (node_mask(nodes(0.4, 0.4), smallest_voxels=1) == CLASSES[NodeClass.POSITIVE]).all()


def test_exactly_one_half_is_no_node() -> None:
    assert not node_mask(nodes(0.25, 0.25), smallest_voxels=1).any()


def test_voxels_that_share_a_corner_are_one_node() -> None:
    found = nodes(0.0, 0.0)
    found[NEGATIVE][2, 2, 2] = 0.9
    found[POSITIVE][3, 3, 3] = 0.95  # one node: 0.45 against 0.475
    found[NEGATIVE][7, 7, 1] = 0.9

    mask = node_mask(found, smallest_voxels=1)

    assert mask[2, 2, 2] == mask[3, 3, 3] == CLASSES[NodeClass.POSITIVE]
    assert mask[7, 7, 1] == CLASSES[NodeClass.NEGATIVE]


@pytest.mark.parametrize(("minimum_ml", "kept"), [(0.0, 2), (0.048, 2), (0.049, 1), (0.2, 0)])
def test_nodes_below_the_limit_are_dropped(minimum_ml: float, kept: int) -> None:
    # three voxels are 0.048 ml, four are 0.064 ml
    found = nodes(0.0, 0.0)
    found[NEGATIVE][1:4, 1, 1] = 0.9
    found[NEGATIVE][7:9, 7:9, 4] = 0.9

    findings = find(
        compartments=empty(compartment_names()),
        nodes=found,
        geometry=GRID,
        exclusive=False,
        minimum_node_ml=minimum_ml,
    )

    assert len(findings.calls) == kept
    assert np.count_nonzero(findings.nodes) == {2: 7, 1: 4, 0: 0}[kept]


def test_nodes_are_measured_and_placed_by_the_predicted_compartments() -> None:
    compartments, found = empty(compartment_names()), nodes(0.0, 0.0)
    name = next(
        label.name
        for label in label_map(TaskId.COMPARTMENTS).labels
        if (label.region, label.side) == (Region.II, Side.LEFT)
    )
    compartments[name][6:] = 0.9
    found[NEGATIVE][8, 3:8, 2] = 0.2
    found[POSITIVE][8, 3:8, 2] = 0.6

    findings = find(
        compartments=compartments,
        nodes=found,
        geometry=GRID,
        exclusive=False,
        minimum_node_ml=0.0,
    )

    (call,) = findings.calls
    assert call.node.node_class is NodeClass.POSITIVE
    assert call.node.place == (Region.II, Side.LEFT)
    assert call.node.voxels == 5
    # 0.6 / (0.6 + 0.2): positive, given that it is a node
    assert call.positive_probability == pytest.approx(0.75)
    # 0.6 + 0.2, in each of its voxels: of either class
    assert call.node_probability == pytest.approx(0.8)
    # a row of voxels of 2 mm: the outline passes a quarter of one outside the centres, either side
    assert call.node.short_axis_mm == pytest.approx(1.0)


def test_nothing_found_is_two_empty_masks() -> None:
    findings = find(
        compartments=empty(compartment_names()),
        nodes=empty(node_names()),
        geometry=GRID,
        exclusive=True,
        minimum_node_ml=0.1,
    )

    assert not findings.compartments.any()
    assert not findings.nodes.any()
    assert findings.calls == ()
    assert findings.nodes.shape == findings.compartments.shape == SIZE


def test_each_node_keeps_its_own_probability() -> None:
    found = nodes(0.0, 0.0)
    for place, share in ((1, 0.9), (5, 0.1), (9, 0.6)):
        found[POSITIVE][place, 1:3, 1] = share * 0.8
        found[NEGATIVE][place, 1:3, 1] = (1 - share) * 0.8

    calls = find(
        compartments=empty(compartment_names()),
        nodes=found,
        geometry=GRID,
        exclusive=False,
        minimum_node_ml=0.0,
    ).calls

    assert [round(call.positive_probability, 6) for call in calls] == [0.9, 0.1, 0.6]
    suspect = most_suspicious(calls)
    assert suspect is not None
    assert suspect.node.number == calls[0].node.number


def test_a_node_is_as_likely_as_its_voxels_are_on_average_and_never_above_one() -> None:
    found = nodes(0.0, 0.0)
    found[POSITIVE][1, 1:3, 1], found[NEGATIVE][1, 1:3, 1] = (0.5, 0.6), (0.2, 0.1)
    found[POSITIVE][5, 1:3, 1], found[NEGATIVE][5, 1:3, 1] = 0.7, np.float32(0.3) + 1e-6

    calls = find(
        compartments=empty(compartment_names()),
        nodes=found,
        geometry=GRID,
        exclusive=False,
        minimum_node_ml=0.0,
    ).calls

    assert [call.node_probability for call in calls] == [pytest.approx(0.7), 1.0]


def test_of_equally_suspicious_nodes_the_larger_is_taken() -> None:
    found = nodes(0.0, 0.0)
    found[POSITIVE][1:3, 1:3, 1] = 0.9
    found[POSITIVE][5:9, 5:9, 1] = 0.9

    calls: tuple[NodeCall, ...] = find(
        compartments=empty(compartment_names()),
        nodes=found,
        geometry=GRID,
        exclusive=False,
        minimum_node_ml=0.0,
    ).calls

    suspect = most_suspicious(calls)
    assert suspect is not None
    assert suspect.node.voxels == 16
    assert most_suspicious(()) is None
