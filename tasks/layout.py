"""Names of the files and columns of a cohort folder and of a submission folder."""

from __future__ import annotations

from schema.cohort import ClinicalRow
from schema.submission import NodePrediction
from schema.terms import TaskId

COHORT_MANIFEST = "cohort.toml"
CLINICAL = "clinical.csv"
READERS = "readers.csv"
IMAGES = "t2w"
SUBMISSION_MANIFEST = "submission.toml"

MASK_TASKS = (TaskId.COMPARTMENTS, TaskId.NODES)
"""Tasks answered by a mask; its folder is named after the task, on either side."""

CLINICAL_COLUMNS = tuple(ClinicalRow.model_fields)
READER_COLUMNS = ("case_id", "reader", "positive", "region", "side", "short_axis_mm")
POSITIVITY_COLUMNS = ("case_id", "probability", "positive", "region", "side", "short_axis_mm")
NODE_TABLE = "nodes.csv"
"""Beside the masks of the nodes task; may be left out."""
NODE_COLUMNS = tuple(NodePrediction.model_fields)

COHORT_NAMES = (COHORT_MANIFEST, CLINICAL, READERS, IMAGES, *MASK_TASKS)
"""Everything that makes a cohort what it is."""
SUBMISSION_NAMES = (SUBMISSION_MANIFEST, "positivity.csv", NODE_TABLE, *MASK_TASKS)
"""Everything that makes a submission what it is."""


def mask_name(case_id: str) -> str:
    """File name of an image or a mask."""
    return f"{case_id}.nii.gz"
