"""A submission folder's files: manifest, positivity table and node table."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from schema.base import CaseId, Coordinate, Digest, Frozen, Line, Probability, Text
from schema.cohort import DominantNode
from schema.terms import TaskId

Url = Annotated[str, StringConstraints(pattern=r"^https://[^\s<>\"']{1,300}$")]


class SubmissionManifest(Frozen):
    """`submission.toml`: who enters which tasks with what."""

    team: Line
    model: Line
    tasks: Annotated[tuple[TaskId, ...], Field(min_length=1)]
    """Each task has its own board; a task not named here is not scored."""
    description: Text = ""
    url: Url | None = None
    image: Digest | None = None
    """Digest of the container image that made the answers, when one did."""

    @model_validator(mode="after")
    def _unique(self) -> Self:
        if len(set(self.tasks)) != len(self.tasks):
            raise ValueError("tasks must not repeat")
        return self


class PositivityPrediction(DominantNode):
    """One row of `positivity.csv`: the entrant's own frozen decision and its probability."""

    case_id: CaseId
    probability: Probability
    """Of the patient being LLN-positive. The scorer tunes no threshold on it."""


class NodePrediction(Frozen):
    """One row of `nodes.csv`: how sure the entrant is of one node of the mask."""

    case_id: CaseId
    x_mm: Coordinate
    """Of any place within the node, LPS; its nearest voxel centre says which node it is."""
    y_mm: Coordinate
    z_mm: Coordinate
    probability: Probability
    """Of this being a lymph node, of either class."""
