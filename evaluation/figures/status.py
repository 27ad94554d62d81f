"""Patients by reference and prediction, read from the status matrix."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schema.result import Matrix
from schema.terms import NodeClass

STATUS = "status"
"""Identifier of the matrix of patients by status."""


class StatusCounts(NamedTuple):
    """Patients by reference and prediction; the positive class is LLN-positive."""

    true_positive: int
    false_negative: int
    false_positive: int
    true_negative: int

    @property
    def positive(self) -> int:
        """Patients who are positive by the reference."""
        return self.true_positive + self.false_negative

    @property
    def negative(self) -> int:
        """Patients who are negative by the reference."""
        return self.false_positive + self.true_negative

    @property
    def called_positive(self) -> int:
        """Patients whom the model calls positive."""
        return self.true_positive + self.false_positive

    @property
    def called_negative(self) -> int:
        """Patients whom the model calls negative."""
        return self.false_negative + self.true_negative

    @property
    def total(self) -> int:
        """Every patient."""
        return self.positive + self.negative

    @property
    def right(self) -> int:
        """Patients with the right call."""
        return self.true_positive + self.true_negative


def status_counts(matrices: Sequence[Matrix]) -> StatusCounts | None:
    """The four counts of the status matrix; None when there is no such matrix."""
    matrix = next((each for each in matrices if each.id == STATUS), None)
    if matrix is None:
        return None
    return StatusCounts(
        *(
            matrix.cells[matrix.rows.index(row)][matrix.columns.index(column)]
            for row in (NodeClass.POSITIVE, NodeClass.NEGATIVE)
            for column in (NodeClass.POSITIVE, NodeClass.NEGATIVE)
        )
    )
