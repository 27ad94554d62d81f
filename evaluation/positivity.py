"""Scoring of the patient's status: classification, matrices, agreement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from evaluation import agreement, calibration, classification, delong, matrices
from evaluation.case_values import figure, interval, measured
from schema.cohort import ClinicalRow, DominantNode, ReaderRow
from schema.result import CaseScore, CaseValue, Figure, Matrix, PairAgreement
from schema.submission import PositivityPrediction
from schema.task import Task
from schema.terms import Reader, Region, TaskId

ALL = "all"
MODEL = "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """The reference and the model's answers, one entry a patient, in the manifest's order.

    Attributes:
        case_ids: the patients.
        reference: the consensus.
        prediction: the model's rows; None for a failed case.
        codes: of the findings that failed the case; empty for a sound one.
        readers: single readers; None where a reader did not read the case.
        clinical: None where the cohort has no row.
    """

    case_ids: tuple[str, ...]
    reference: tuple[DominantNode, ...]
    prediction: tuple[PositivityPrediction | None, ...]
    codes: tuple[tuple[str, ...], ...]
    readers: Mapping[Reader, tuple[ReaderRow | None, ...]]
    clinical: tuple[ClinicalRow | None, ...]

    @property
    def positive(self) -> NDArray[np.bool_]:
        """Consensus status, shape (patients,)."""
        return np.array([bool(row.positive) for row in self.reference])

    @property
    def failed(self) -> NDArray[np.bool_]:
        """Patients without a valid answer, shape (patients,)."""
        return np.array([row is None for row in self.prediction])

    def called(self, *, against: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The model's calls; a failed case takes the answer opposite to `against`."""
        rows = zip(self.prediction, against, strict=True)
        return np.array([not other if row is None else bool(row.positive) for row, other in rows])

    @property
    def probability(self) -> NDArray[np.float64]:
        """The model's probabilities; a failed case takes 0 if positive and 1 if negative."""
        rows = zip(self.prediction, self.positive, strict=True)
        return np.array(
            [1.0 - float(positive) if row is None else row.probability for row, positive in rows]
        )


def score_cases(answers: Answers) -> tuple[CaseScore, ...]:
    """One line a patient: both statuses, the probability, and whether the call was right."""
    rows = zip(answers.case_ids, answers.reference, answers.prediction, answers.codes, strict=True)
    return tuple(
        CaseScore(
            case_id=case_id,
            task=TaskId.POSITIVITY,
            status="failed" if prediction is None else "scored",
            codes=codes,
            values=tuple(_values(reference, prediction)),
        )
        for case_id, reference, prediction, codes in rows
    )


def _values(
    reference: DominantNode, prediction: PositivityPrediction | None
) -> Iterable[CaseValue]:
    right = prediction is not None and prediction.positive == reference.positive
    yield measured("correct", ALL, float(right))
    yield measured("reference_positive", ALL, reference.positive)
    if prediction is not None:
        yield measured("called_positive", ALL, prediction.positive)
        yield measured("probability", ALL, prediction.probability)


def figures(answers: Answers, *, task: Task, weights: NDArray[np.int32]) -> tuple[Figure, ...]:
    """Classification, agreement with each rater, region and size.

    Args:
        answers: of the whole manifest.
        task: the positivity task.
        weights: patient resamples, shape (resamples, patients).
    """
    level = task.resampling.level
    return (
        *_classification(answers, weights=weights, level=level),
        *_kappas(answers, level=level),
        *_places(answers, task=task),
    )


def _classification(
    answers: Answers, *, weights: NDArray[np.int32], level: float
) -> Iterable[Figure]:
    reference = answers.positive
    called = answers.called(against=reference)
    table = classification.counts(reference, called)
    for metric, proportion in classification.PROPORTIONS.items():
        yield figure(metric, ALL, proportion(table, level=level))
    for metric in classification.TABLE_STATISTICS:
        estimate = classification.table_statistic(
            metric, reference, called, weights=weights, level=level
        )
        yield figure(metric, ALL, estimate)
    yield from _of_probability(answers, weights=weights, level=level)


def _of_probability(
    answers: Answers, *, weights: NDArray[np.int32], level: float
) -> Iterable[Figure]:
    reference, probability = answers.positive, answers.probability
    area = classification.auroc(reference, probability, weights=weights, level=level)
    yield figure("auroc", ALL, area)
    yield figure("auroc_delong", ALL, delong.auroc_delong(reference, probability, level=level))
    precision = delong.average_precision(reference, probability, weights=weights, level=level)
    yield figure("average_precision", ALL, precision)
    error = calibration.brier(reference, probability, weights=weights, level=level)
    yield figure("brier", ALL, error)
    slope, intercept = calibration.recalibration(reference, probability, level=level)
    yield figure("calibration_slope", ALL, slope)
    yield figure("calibration_intercept", ALL, intercept)


def ratings(answers: Answers) -> dict[str, list[bool | None]]:
    """Calls of every human rater, None where a case was not read."""
    readers: dict[str, list[bool | None]] = {
        reader.value: [None if row is None else bool(row.positive) for row in rows]
        for reader, rows in answers.readers.items()
    }
    return {**readers, Reader.CONSENSUS.value: [bool(row.positive) for row in answers.reference]}


def model_against(answers: Answers, rating: Sequence[bool | None]) -> list[bool | None]:
    """The model's calls; a failed case disagrees with the rater."""
    opposed = np.array([bool(value) for value in rating])
    return list(map(bool, answers.called(against=opposed)))


def _kappas(answers: Answers, *, level: float) -> Iterable[Figure]:
    for name, rating in ratings(answers).items():
        pair = agreement.rated_by_both(rating, model_against(answers, rating))
        kappa = agreement.cohen_kappa(*pair, level=level)
        yield figure("kappa", name.lower(), kappa.estimate)


def pairwise_agreement(answers: Answers, *, level: float) -> tuple[PairAgreement, ...]:
    """Kappa of every two raters, the model last: what the heat map shows."""
    rated = ratings(answers)
    humans = [
        _pair(first, second, rated[first], rated[second], level=level)
        for first, second in combinations(rated, 2)
    ]
    model = [
        _pair(name, MODEL, rating, model_against(answers, rating), level=level)
        for name, rating in rated.items()
    ]
    return (*humans, *model)


def _pair(
    first: str,
    second: str,
    one: Sequence[bool | None],
    other: Sequence[bool | None],
    *,
    level: float,
) -> PairAgreement:
    kappa = agreement.cohen_kappa(*agreement.rated_by_both(one, other), level=level)
    return PairAgreement(
        first=first,
        second=second,
        value=kappa.estimate.value,
        status=kappa.estimate.status,
        reason=kappa.estimate.reason,
        interval=interval(kappa.estimate),
        words=kappa.words,
        n=kappa.estimate.n,
    )


def confusion_matrices(answers: Answers, *, task: Task) -> tuple[Matrix, ...]:
    """Status, region and size; each sums to the patients of the manifest."""
    table = classification.counts(answers.positive, answers.called(against=answers.positive))
    status = matrices.status_matrix(table)
    return (
        _matrix("status", "LLN status", status),
        _matrix("region", "Region of the dominant node", _region_matrix(answers)),
        _matrix("size", "Short axis of the dominant node", _size_matrix(answers, task=task)),
    )


def _matrix(matrix_id: str, title: str, matrix: matrices.CategoryMatrix) -> Matrix:
    return Matrix(
        id=matrix_id, title=title, rows=matrix.rows, columns=matrix.columns, cells=matrix.cells
    )


def _region_matrix(answers: Answers) -> matrices.CategoryMatrix:
    regions = [region.value for region in (Region.II, Region.OB, Region.EI)]
    return _category_matrix(
        answers,
        reference=[row.region for row in answers.reference],
        prediction=[row.region if row else None for row in answers.prediction],
        categories=regions,
    )


def size_classes(task: Task) -> tuple[str, str]:
    """Names of the two size classes, by the task's threshold."""
    return f"< {threshold_mm(task):g} mm", f"≥ {threshold_mm(task):g} mm"


def threshold_mm(task: Task) -> float:
    """Short axis from which a node is positive."""
    assert task.positivity is not None, "the positivity task file has a [positivity] table"
    return task.positivity.short_axis_mm


def _size_matrix(answers: Answers, *, task: Task) -> matrices.CategoryMatrix:
    def size(row: DominantNode | None) -> str | None:
        if row is None or row.short_axis_mm is None:
            return None
        return size_classes(task)[row.short_axis_mm >= threshold_mm(task)]

    return _category_matrix(
        answers,
        reference=[size(row) for row in answers.reference],
        prediction=[size(row) for row in answers.prediction],
        categories=size_classes(task),
    )


def _category_matrix(
    answers: Answers,
    *,
    reference: Sequence[str | None],
    prediction: Sequence[str | None],
    categories: Sequence[str],
) -> matrices.CategoryMatrix:
    return matrices.category_matrix(
        reference,
        prediction,
        reference_positive=answers.positive,
        prediction_positive=answers.called(against=answers.positive),
        categories=categories,
    )


def _places(answers: Answers, *, task: Task) -> Iterable[Figure]:
    level = task.resampling.level
    for metric, matrix in (
        ("region_accuracy", _region_matrix(answers)),
        ("size_accuracy", _size_matrix(answers, task=task)),
    ):
        both = matrices.accuracy_of_both_positive(matrix, level=level)
        yield figure(metric, "both_positive", both)
        reference = matrices.accuracy_of_reference_positive(matrix, level=level)
        yield figure(metric, "reference_positive", reference)
