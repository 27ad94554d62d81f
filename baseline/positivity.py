"""The patient's line of `positivity.csv`. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from baseline.calibration import Calibration, features_of
from baseline.node_calls import NodeCall, most_suspicious
from schema.cohort import DominantNode
from schema.submission import PositivityPrediction
from tasks.node_measurement import as_dominant_node, dominant_node


def positivity_row(
    case_id: str, calls: Sequence[NodeCall], *, calibration: Calibration
) -> PositivityPrediction:
    """Probability, frozen decision, and the node that a positive patient is described by.

    That node is the largest one called positive; where the patient is positive and no node is, the
    one likeliest to be. A patient without any node is negative.

    Args:
        case_id: of the patient.
        calls: every node found.
        calibration: the rules frozen at export.
    """
    probability = calibration.probability(features_of(calls))
    suspect = most_suspicious(calls)
    described = DominantNode(positive=0)
    if suspect is not None and calibration.is_positive(probability):
        dominant = dominant_node([call.node for call in calls])
        described = as_dominant_node(dominant or suspect.node)
    return PositivityPrediction(case_id=case_id, probability=probability, **described.model_dump())
