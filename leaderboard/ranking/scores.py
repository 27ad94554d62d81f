"""A key's figure over any weighting of the patients, for all entries at once.

Two kinds of figure cover every key: a mean of ratios of sums over patients (a mean over patients, a
pooled share, the balanced accuracy), and an area under the ROC curve. Each is what the scorer
reports when every patient weighs one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from evaluation.case_values import column
from evaluation.intervals import divide
from evaluation.nodes import VOLUMES, case_counts, matched_pairs
from schema.result import CaseScore, CaseValue
from schema.task import Metric
from schema.terms import Status

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Cases = Sequence[CaseScore]
ALL = "all"


class Part(NamedTuple):
    """One ratio of sums: what each patient adds above and below, shape (patients, entries)."""

    numerator: Floats
    denominator: Floats

    def figures(self, weights: Floats) -> Floats:
        """Sum over sum for each weighting, NaN where the denominators sum to 0."""
        return divide(weights @ self.numerator, weights @ self.denominator)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratios:
    """A mean of ratios of sums over patients.

    Attributes:
        parts: the ratios.
        right_nothing: where a patient has no value because there was nothing to find and nothing
            was found, shape (patients, entries); None for a figure that no single patient has.
    """

    parts: tuple[Part, ...]
    right_nothing: Bools | None = None

    def figures(self, weights: Floats) -> Floats:
        """The figure for each row of weights (rows, patients), shape (rows, entries)."""
        figures = np.mean([part.figures(weights) for part in self.parts], axis=0)
        return np.asarray(figures, dtype=np.float64)

    def by_patient(self) -> Floats | None:
        """One value a patient, shape (patients, entries), NaN where undefined; None if pooled."""
        if self.right_nothing is None:
            return None
        return divide(self.parts[0].numerator, self.parts[0].denominator)


@dataclass(frozen=True, slots=True, kw_only=True)
class Areas:
    """Areas under the ROC curve.

    Attributes:
        positive: the reference, shape (patients,).
        probability: shape (patients, entries); only the order within an entry counts.
    """

    positive: Bools
    probability: Floats

    def figures(self, weights: Floats) -> Floats:
        """The area for each row of weights (rows, patients), shape (rows, entries).

        Weighted rank sums: positives above negatives, ties one half, over all such pairs. Exact
        for whole weights. NaN where a class has no weight.
        """
        by_patient = np.ascontiguousarray(weights.T)
        areas = [_areas(self.positive, each, weights=by_patient) for each in self.probability.T]
        return np.array(areas).reshape(-1, len(weights)).T

    def by_patient(self) -> None:
        """No single patient has an area."""


def _areas(positive: Bools, probability: Floats, *, weights: Floats) -> Floats:
    """One entry's area for each column of weights (patients, rows)."""
    order = np.argsort(probability, kind="stable")
    starts = np.unique(probability[order], return_index=True)[1]
    ordered, is_positive = weights[order], positive[order][:, None]
    above = np.add.reduceat(ordered * is_positive, starts, axis=0)
    below = np.add.reduceat(ordered * ~is_positive, starts, axis=0)
    wins = (above * (np.cumsum(below, axis=0) - below / 2)).sum(axis=0)
    return divide(wins, above.sum(axis=0) * below.sum(axis=0))


Scores = Ratios | Areas


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One figure that entries are ranked or compared by.

    Attributes:
        metric: its definition.
        scope: what it is of.
        scores: of every entry.
    """

    metric: Metric
    scope: str
    scores: Scores


def key_scores(entries: Sequence[Cases], *, metric: str, scope: str) -> Scores:
    """The columns behind one figure.

    Args:
        entries: the cases of each entry, all of one manifest; one entry or more.
        metric: id of a per-case value, of a key of `POOLED`, or `auroc`.
        scope: of it.

    Raises:
        ValueError: the scores by patient do not hold that figure.
    """
    try:
        if metric == "auroc":
            return _area_scores(entries)
        if metric in POOLED:
            return Ratios(parts=_stacked([POOLED[metric](cases, scope) for cases in entries]))
        return _mean_scores(entries, metric=metric, scope=scope)
    except KeyError as error:
        raise ValueError(f"{metric} ({scope}) cannot be ranked by: no score holds it") from error


Columns = tuple[tuple[Floats, Floats], ...]
"""Numerator and denominator of each part for one entry, shape (patients,) each."""


def _stacked(entries: Sequence[Columns]) -> tuple[Part, ...]:
    return tuple(
        Part(*(np.column_stack(side) for side in zip(*part, strict=True)))
        for part in zip(*entries, strict=True)
    )


def _mean_scores(entries: Sequence[Cases], *, metric: str, scope: str) -> Ratios:
    found = [column(cases, metric, scope) for cases in entries]
    nothing = [[_is_right_nothing(case, metric, scope) for case in cases] for cases in entries]
    return Ratios(
        parts=_stacked([((values * defined, defined),) for values, defined in found]),
        right_nothing=np.array(nothing, dtype=np.bool_).reshape(len(entries), -1).T,
    )


def _is_right_nothing(case: CaseScore, metric: str, scope: str) -> bool:
    return any(_is_of(each, metric, scope) for each in case.values if each.value is None)


def _is_of(value: CaseValue, metric: str, scope: str) -> bool:
    """Whether this is that figure, and the question did not arise."""
    named = (value.metric, value.scope) == (metric, scope)
    return named and value.status is Status.NOT_APPLICABLE


def _area_scores(entries: Sequence[Cases]) -> Areas:
    positive = column(entries[0], "reference_positive", ALL)[0] > 0
    probability = [
        [_probability(case, positive=is_positive) for case, is_positive in zip(*both, strict=True)]
        for both in ((cases, positive) for cases in entries)
    ]
    return Areas(positive=positive, probability=np.array(probability).T)


def _probability(case: CaseScore, *, positive: bool) -> float:
    """As answered; a failed case has the one that is most wrong."""
    if case.status == "failed":
        return 1.0 - float(positive)
    return float(column([case], "probability", ALL)[0][0])


# --- pooled figures: the same sums as in `evaluation`, before they are summed -----------------


def _detection(cases: Cases, scope: str) -> NDArray[np.float64]:
    """Reference nodes, found ones, predicted nodes, right ones, shape (4, patients)."""
    counts = [case_counts(case, scope=scope) for case in cases]
    return np.array(counts, dtype=np.float64).reshape(-1, 4).T


def _detection_sensitivity(cases: Cases, scope: str) -> Columns:
    reference, found, _, _ = _detection(cases, scope)
    return ((found, reference),)


def _detection_precision(cases: Cases, scope: str) -> Columns:
    _, _, prediction, right = _detection(cases, scope)
    return ((right, prediction),)


def _detection_f1(cases: Cases, scope: str) -> Columns:
    reference, found, prediction, right = _detection(cases, scope)
    return ((found + right, reference + prediction),)


def _aggregate_dice(cases: Cases, scope: str) -> Columns:
    common, reference, prediction = (column(cases, name, scope)[0] for name in VOLUMES)
    return ((2 * common, reference + prediction),)


def _short_axis_error(cases: Cases, _: str) -> Columns:
    pairs = [matched_pairs(case) for case in cases]
    errors = [sum(abs(p.short_axis_mm - r.short_axis_mm) for r, p in each) for each in pairs]
    return ((np.array(errors, dtype=np.float64), np.array([float(len(each)) for each in pairs])),)


def _class_accuracy(cases: Cases, _: str) -> Columns:
    pairs = [matched_pairs(case) for case in cases]
    same = [float(sum(r.node_class is p.node_class for r, p in each)) for each in pairs]
    return ((np.array(same), np.array([float(len(each)) for each in pairs])),)


def _status(cases: Cases) -> tuple[Floats, Floats]:
    """Whether the patient is positive, and whether the call was right; 0 or 1."""
    return column(cases, "reference_positive", ALL)[0], column(cases, "correct", ALL)[0]


def _accuracy(cases: Cases, _: str) -> Columns:
    positive, right = _status(cases)
    return ((right, np.ones_like(positive)),)


def _sensitivity(cases: Cases, _: str) -> Columns:
    positive, right = _status(cases)
    return ((right * positive, positive),)


def _specificity(cases: Cases, _: str) -> Columns:
    positive, right = _status(cases)
    return ((right * (1 - positive), 1 - positive),)


def _balanced_accuracy(cases: Cases, scope: str) -> Columns:
    return (*_sensitivity(cases, scope), *_specificity(cases, scope))


def _f1(cases: Cases, _: str) -> Columns:
    positive, right = _status(cases)
    return ((2 * right * positive, 2 * right * positive + (1 - right)),)


POOLED: dict[str, Callable[[Cases, str], Columns]] = {
    "accuracy": _accuracy,
    "aggregate_dice": _aggregate_dice,
    "balanced_accuracy": _balanced_accuracy,
    "class_accuracy": _class_accuracy,
    "detection_f1": _detection_f1,
    "detection_precision": _detection_precision,
    "detection_sensitivity": _detection_sensitivity,
    "f1": _f1,
    "sensitivity": _sensitivity,
    "short_axis_error_mm": _short_axis_error,
    "specificity": _specificity,
}
"""Figures that no single patient has, by metric id."""
