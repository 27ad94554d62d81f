"""Confusion matrices whose margins are explicit, so that they reconcile with the cohort."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.classification import Counts
from evaluation.intervals import Estimate, proportion

POSITIVE, NEGATIVE = "positive", "negative"
UNSTATED = "unstated"
"""Positive, but the category is not given."""
MISSED = "missed"
"""Positive in the reference, negative in the prediction."""
SPURIOUS = "spurious"
"""Negative in the reference, positive in the prediction."""


class CategoryMatrix(NamedTuple):
    """Reference in rows, prediction in columns.

    Rows are the categories, then `unstated`, then `spurious`; columns the categories, then
    `unstated`, then `missed`. The last cell holds the patients that are negative in both, so that
    the whole sums to the patients.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[int, ...], ...]


def status_matrix(table: Counts) -> CategoryMatrix:
    """The 2x2 table as rows of the reference and columns of the prediction, positive first."""
    names = (POSITIVE, NEGATIVE)
    return CategoryMatrix(names, names, ((table.tp, table.fn), (table.fp, table.tn)))


def category_matrix(
    reference: Sequence[str | None],
    prediction: Sequence[str | None],
    *,
    reference_positive: NDArray[np.bool_],
    prediction_positive: NDArray[np.bool_],
    categories: Sequence[str],
) -> CategoryMatrix:
    """Sort every patient by the category of the dominant node on either side.

    Args:
        reference: category of each patient, None where it is not given.
        prediction: the same for the prediction.
        reference_positive: shape (patients,); the category of a negative patient is not looked at.
        prediction_positive: shape (patients,).
        categories: every category there is.

    Raises:
        ValueError: lengths differ, or a category is not one of `categories`.
    """
    rows, columns = (*categories, UNSTATED, SPURIOUS), (*categories, UNSTATED, MISSED)
    cells = np.zeros((len(rows), len(columns)), dtype=int)
    for row, column in zip(
        _names(reference, reference_positive, categories=categories, otherwise=SPURIOUS),
        _names(prediction, prediction_positive, categories=categories, otherwise=MISSED),
        strict=True,
    ):
        cells[rows.index(row), columns.index(column)] += 1
    assert cells.sum() == reference_positive.size, "every patient is in one cell"
    assert cells[:-1].sum() == reference_positive.sum(), "every positive patient is in a row"
    assert cells[:, :-1].sum() == prediction_positive.sum(), "every positive call is in a column"
    return CategoryMatrix(rows, columns, tuple(tuple(map(int, row)) for row in cells))


def _names(
    given: Sequence[str | None],
    positive: NDArray[np.bool_],
    *,
    categories: Sequence[str],
    otherwise: str,
) -> list[str]:
    """Row or column of each patient; the category of a negative one is not looked at."""
    stated = [each for each, is_positive in zip(given, positive, strict=True) if is_positive]
    if unknown := set(stated) - {*categories, None}:
        raise ValueError(f"no such category: {sorted(map(str, unknown))}")
    return [
        (each or UNSTATED) if is_positive else otherwise
        for each, is_positive in zip(given, positive, strict=True)
    ]


def accuracy_of_both_positive(matrix: CategoryMatrix, *, level: float) -> Estimate:
    """Right category among patients positive with a category on both sides; Wilson interval."""
    block = _block(matrix)
    trials = int(block.sum())
    return proportion(
        successes=int(np.trace(block)),
        trials=trials,
        level=level,
        what="patient with a category on both sides",
    )


def accuracy_of_reference_positive(matrix: CategoryMatrix, *, level: float) -> Estimate:
    """Right category among all reference positives with a category; missed counts as wrong."""
    block = _block(matrix)
    trials = sum(map(sum, matrix.cells[: len(block)]))
    return proportion(
        successes=int(np.trace(block)),
        trials=trials,
        level=level,
        what="reference positive with a category",
    )


def _block(matrix: CategoryMatrix) -> NDArray[np.int64]:
    """The square of stated categories."""
    size = len(matrix.rows) - 2
    return np.array(matrix.cells, dtype=np.int64).reshape(len(matrix.rows), -1)[:size, :size]
