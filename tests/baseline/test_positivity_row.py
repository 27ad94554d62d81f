from __future__ import annotations

import pytest

from baseline.calibration import Calibration, uncalibrated
from baseline.node_calls import NodeCall
from baseline.positivity import positivity_row
from schema.terms import NodeClass, Region, Side
from tasks.node_measurement import Node, Place

RULE = Calibration(
    method="logistic",
    reason="a test",
    intercept=-1.0,
    suspicion=0.5,
    size=2.0,
    threshold=0.4,
    threshold_rule="youden",
    minimum_node_ml=0.0,
)


def call(probability: float, short_axis_mm: float, place: Place) -> NodeCall:
    node = Node(
        number=1,
        node_class=NodeClass.POSITIVE if probability >= 0.5 else NodeClass.NEGATIVE,
        short_axis_mm=short_axis_mm,
        volume_ml=0.2,
        voxels=20,
        place=place,
    )
    return NodeCall(node, probability, node_probability=0.9)


OBTURATOR = Place(Region.OB, Side.LEFT)
ILIAC = Place(Region.II, Side.RIGHT)


def test_a_positive_patient_is_described_by_the_largest_positive_node() -> None:
    calls = [call(0.8, 8.4, OBTURATOR), call(0.6, 10.26, ILIAC), call(0.2, 14.0, OBTURATOR)]

    row = positivity_row("A-1", calls, calibration=RULE)

    # the likeliest: log(0.8 / 0.2) = 1.3863 and 8.4 / 7 - 1 = 0.2; -1 + 0.6931 + 0.4 = 0.0931
    assert row.model_dump() == {
        "case_id": "A-1",
        "probability": pytest.approx(0.523269, abs=2e-6),
        "positive": 1,
        "region": Region.II,
        "side": Side.RIGHT,
        "short_axis_mm": 10.3,
    }


def test_a_negative_patient_has_no_node_to_describe() -> None:
    row = positivity_row("A-1", [call(0.3, 5.6, ILIAC)], calibration=RULE)

    # log(0.3 / 0.7) = -0.8473 and -0.2; -1 - 0.423649 - 0.4 = -1.823649
    assert row.model_dump() == {
        "case_id": "A-1",
        "probability": pytest.approx(0.138996, abs=2e-6),
        "positive": 0,
        "region": None,
        "side": None,
        "short_axis_mm": None,
    }


def test_the_decision_is_the_threshold_s_not_the_mask_s() -> None:
    # a node that is called negative, yet makes the patient likelier positive than the threshold
    row = positivity_row("A-1", [call(0.45, 9.8, OBTURATOR)], calibration=RULE)

    # -1 + 0.5 x log(0.45 / 0.55) + 2 x 0.4 = -0.3003, a probability of 0.4255
    assert row.probability == pytest.approx(0.425475, abs=2e-6)
    assert (row.positive, row.region, row.side, row.short_axis_mm) == (
        1,
        Region.OB,
        Side.LEFT,
        9.8,
    )


def test_a_node_outside_every_compartment_has_a_size_and_no_place() -> None:
    row = positivity_row("A-1", [call(0.9, 9.8, Place("outside", None))], calibration=RULE)

    assert (row.positive, row.region, row.side, row.short_axis_mm) == (1, None, None, 9.8)


def test_a_patient_without_nodes_is_negative_whatever_the_threshold() -> None:
    low = RULE.model_copy(update={"threshold": 0.001})

    row = positivity_row("A-1", [], calibration=low)

    # -1 + 0.5 x log(0.01 / 0.99) - 2 = -5.2976
    assert row.probability == pytest.approx(0.004980, abs=2e-6)
    assert row.probability > low.threshold
    assert row.positive == 0


def test_a_probability_at_the_threshold_is_positive() -> None:
    plain = uncalibrated(reason="a test", minimum_node_ml=0.0)

    row = positivity_row("A-1", [call(0.5, 6.0, ILIAC)], calibration=plain)

    assert (row.probability, row.positive) == (0.5, 1)
