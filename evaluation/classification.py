"""Patient-level classification. The positive class is always LLN-positive.

Reference left, prediction right. Every figure is in the task file; here is its arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from evaluation.intervals import Estimate, bootstrapped, divide, no_estimate, proportion

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Weights = NDArray[np.int32]

CHUNK_CELLS = 1 << 24
"""Largest number of cells of a temporary matrix."""


class Counts(NamedTuple):
    """The 2x2 table."""

    tp: int
    fn: int
    fp: int
    tn: int


def counts(reference: Bools, prediction: Bools) -> Counts:
    """Count the four outcomes; both arguments have shape (patients,).

    Raises:
        ValueError: the shapes differ.
    """
    cells = _cells(reference, prediction).sum(axis=0)
    result = Counts(*(int(cell) for cell in cells))
    assert sum(result) == reference.size, "every patient is one of the four"
    return result


def _cells(reference: Bools, prediction: Bools) -> NDArray[np.int32]:
    """Indicator of (tp, fn, fp, tn), shape (patients, 4)."""
    if reference.shape != prediction.shape:
        raise ValueError(f"shapes differ: {reference.shape} and {prediction.shape}")
    both = (
        reference & prediction,
        reference & ~prediction,
        ~reference & prediction,
        ~reference & ~prediction,
    )
    return np.column_stack(both).astype(np.int32)


def accuracy(table: Counts, *, level: float) -> Estimate:
    """(TP + TN) / patients; Wilson interval; undefined without a patient."""
    return proportion(successes=table.tp + table.tn, trials=sum(table), level=level, what="patient")


def sensitivity(table: Counts, *, level: float) -> Estimate:
    """TP / (TP + FN); Wilson interval; undefined without a positive patient."""
    trials = table.tp + table.fn
    return proportion(successes=table.tp, trials=trials, level=level, what="positive patient")


def specificity(table: Counts, *, level: float) -> Estimate:
    """TN / (TN + FP); Wilson interval; undefined without a negative patient."""
    trials = table.tn + table.fp
    return proportion(successes=table.tn, trials=trials, level=level, what="negative patient")


def ppv(table: Counts, *, level: float) -> Estimate:
    """TP / (TP + FP); Wilson interval; undefined without a positive call."""
    trials = table.tp + table.fp
    return proportion(successes=table.tp, trials=trials, level=level, what="positive call")


def npv(table: Counts, *, level: float) -> Estimate:
    """TN / (TN + FN); Wilson interval; undefined without a negative call."""
    trials = table.tn + table.fn
    return proportion(successes=table.tn, trials=trials, level=level, what="negative call")


PROPORTIONS: dict[str, Callable[..., Estimate]] = {
    "accuracy": accuracy,
    "sensitivity": sensitivity,
    "specificity": specificity,
    "ppv": ppv,
    "npv": npv,
}
"""Figures with a Wilson interval, by metric id."""


def _balanced_accuracy(cells: Floats) -> Floats:
    tp, fn, fp, tn = cells.T
    halves = (divide(tp, tp + fn) + divide(tn, tn + fp)) / 2
    return np.asarray(halves, dtype=np.float64)


def _f1(cells: Floats) -> Floats:
    tp, fn, fp, _ = cells.T
    return divide(2 * tp, 2 * tp + fp + fn)


def _mcc(cells: Floats) -> Floats:
    tp, fn, fp, tn = cells.T
    margins = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return divide(tp * tn - fp * fn, np.sqrt(margins))


TABLE_STATISTICS: dict[str, tuple[Callable[[Floats], Floats], str]] = {
    "balanced_accuracy": (_balanced_accuracy, "patients of one class only"),
    "f1": (_f1, "no positive patient and no positive call"),
    "mcc": (_mcc, "a margin of the 2x2 table is 0"),
}
"""Functions of the (tables, 4) counts by metric id, and why they may have no value."""


def table_statistic(
    metric: str, reference: Bools, prediction: Bools, *, weights: Weights, level: float
) -> Estimate:
    """A figure of the 2x2 table with a patient bootstrap.

    balanced_accuracy: (sensitivity + specificity) / 2, source Brodersen et al. 2010.
    f1: 2 TP / (2 TP + FP + FN). mcc: (TP TN - FP FN) / sqrt(product of the four margins).

    Args:
        metric: a key of `TABLE_STATISTICS`.
        reference: shape (patients,).
        prediction: shape (patients,).
        weights: resamples, shape (resamples, patients).
        level: of the interval.
    """
    function, reason = TABLE_STATISTICS[metric]
    cells = _cells(reference, prediction)
    value = float(function(cells.sum(axis=0, keepdims=True).astype(np.float64))[0])
    if math.isnan(value):
        return no_estimate(reason, n=reference.size)
    draws = function((weights @ cells).astype(np.float64))
    return bootstrapped(value, draws, n=reference.size, level=level)


def auroc(reference: Bools, probability: Floats, *, weights: Weights, level: float) -> Estimate:
    """Chance that a positive patient has the higher probability, ties one half; higher is better.

    The Mann-Whitney statistic over (positives x negatives). One class only: undefined.
    Source: Hanley and McNeil, Radiology 1982.

    Args:
        reference: shape (patients,).
        probability: shape (patients,); only the order counts.
        weights: resamples, shape (resamples, patients).
        level: of the interval.
    """
    positives, negatives = int(reference.sum()), int((~reference).sum())
    if not positives or not negatives:
        return no_estimate("patients of one class only", n=reference.size)
    ranks = rankdata(probability)[reference].sum()
    value = (ranks - positives * (positives + 1) / 2) / (positives * negatives)
    draws = _auroc_draws(reference, probability, weights=weights)
    return bootstrapped(float(value), draws, n=reference.size, level=level)


def _auroc_draws(reference: Bools, probability: Floats, *, weights: Weights) -> Floats:
    """AUROC of each resample, from weights cumulated in the order of the probabilities."""
    order = np.argsort(probability, kind="stable")
    starts = np.unique(probability[order], return_index=True)[1]
    rows = max(1, CHUNK_CELLS // order.size)
    draws = [
        _auroc_of(weights[start : start + rows, order], reference[order], starts=starts)
        for start in range(0, len(weights), rows)
    ]
    return np.concatenate(draws)


def _auroc_of(weights: Weights, reference: Bools, *, starts: NDArray[np.intp]) -> Floats:
    """Sum over values v of P(v) * (N(below v) + N(v) / 2), over P * N, for each row."""
    positive = np.add.reduceat(weights * reference, starts, axis=1).astype(np.float64)
    negative = np.add.reduceat(weights * ~reference, starts, axis=1).astype(np.float64)
    below = np.cumsum(negative, axis=1) - negative / 2
    wins = (positive * below).sum(axis=1)
    return divide(wins, positive.sum(axis=1) * negative.sum(axis=1))
