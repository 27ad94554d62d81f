"""Every check the kit makes, by code."""

from __future__ import annotations

from typing import Any

from tasks.checks.base import Check
from tasks.checks.cohort import COHORT_CHECKS as FORM_CHECKS
from tasks.checks.manifest import ManifestInvalid, ManifestUnreadable, TaskNotOffered
from tasks.checks.masks import FOLDER_CHECKS, HEADER_CHECKS, READ_CHECKS, VOXEL_CHECKS
from tasks.checks.node_table import ALL_NODE_TABLE_CHECKS
from tasks.checks.plausibility import PLAUSIBILITY_CHECKS
from tasks.checks.positivity_table import ROW_CHECKS, TABLE_CHECKS, ColumnsWrong, TableUnreadable

SUBMISSION_CHECKS: tuple[type[Check[Any]], ...] = (
    ManifestUnreadable,
    ManifestInvalid,
    TaskNotOffered,
    *FOLDER_CHECKS,
    *READ_CHECKS,
    *HEADER_CHECKS,
    *VOXEL_CHECKS,
    TableUnreadable,
    ColumnsWrong,
    *TABLE_CHECKS,
    *ROW_CHECKS,
    *ALL_NODE_TABLE_CHECKS,
)
"""In the order of their codes."""
COHORT_CHECKS: tuple[type[Check[Any]], ...] = (*FORM_CHECKS, *PLAUSIBILITY_CHECKS)
"""The form of a cohort, then whether its parts agree."""

__all__ = ["COHORT_CHECKS", "SUBMISSION_CHECKS"]
