"""Agreement of the model with each rater, and of the readers with each other, as figures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from evaluation import agreement, rater_statistics
from evaluation.case_values import estimated, figure
from evaluation.intervals import no_estimate
from evaluation.positivity import Answers, model_against, ratings, threshold_mm
from schema.cohort import DominantNode
from schema.result import Figure
from schema.statistics import ReaderRange
from schema.task import Task
from schema.terms import Reader

Bools = NDArray[np.bool_]
Weights = NDArray[np.int32]

NEGATIVE, SMALL, LARGE = range(3)
CLASSES = 3


def figures(answers: Answers, *, task: Task, weights: Weights) -> tuple[Figure, ...]:
    """AC1, McNemar's test and weighted kappa with each rater; Fleiss' kappa of all.

    Args:
        answers: of the whole manifest.
        task: the positivity task.
        weights: patient resamples, shape (resamples, patients).
    """
    level = task.resampling.level
    return (
        *_pairs(answers, level=level),
        *_weighted(answers, task=task),
        *_fleiss(answers, weights=weights, level=level),
    )


def _pairs(answers: Answers, *, level: float) -> Iterable[Figure]:
    rated = {
        name.lower(): agreement.rated_by_both(rating, model_against(answers, rating))
        for name, rating in ratings(answers).items()
    }
    for name, pair in rated.items():
        yield figure("gwet_ac1", name, rater_statistics.gwet_ac1(*pair, level=level))
    for name, pair in rated.items():
        yield figure("mcnemar", name, rater_statistics.mcnemar(*pair))


def _weighted(answers: Answers, *, task: Task) -> Iterable[Figure]:
    raters: dict[str, Sequence[DominantNode | None]] = {
        reader.value: rows for reader, rows in answers.readers.items()
    }
    raters[Reader.CONSENSUS.value] = answers.reference
    for name, rows in raters.items():
        first = [_size_code(row, task=task) for row in rows]
        second = [
            _opposite(code) if row is None else _size_code(row, task=task)
            for row, code in zip(answers.prediction, first, strict=True)
        ]
        pair = rater_statistics.codes_rated_by_both(first, second)
        estimate = rater_statistics.weighted_kappa(
            *pair, categories=CLASSES, level=task.resampling.level
        )
        if any(row is not None and row.positive for row in rows) and not pair[0].any():
            estimate = no_estimate("no short axis of a positive patient", n=pair[0].size)
        yield figure("weighted_kappa", name.lower(), estimate)


def _size_code(row: DominantNode | None, *, task: Task) -> int | None:
    """Negative, small or large; None where not read, or positive without a short axis."""
    if row is None:
        return None
    if not row.positive:
        return NEGATIVE
    if row.short_axis_mm is None:
        return None
    return LARGE if row.short_axis_mm >= threshold_mm(task) else SMALL


def _opposite(code: int | None) -> int | None:
    if code is None:
        return None
    return LARGE if code == NEGATIVE else NEGATIVE


def _read_by_all(answers: Answers) -> tuple[Bools, Bools]:
    """Readers' calls of the cases that all of them read, (readers, cases); and which cases."""
    calls = [ratings(answers)[reader.value] for reader in answers.readers]
    size = len(answers.case_ids)
    by_all = np.array(
        [bool(calls) and all(each[case] is not None for each in calls) for case in range(size)]
    )
    called = np.array([[bool(call) for call in each] for each in calls], dtype=bool)
    return called.reshape(-1, size)[:, by_all], by_all


def _fleiss(answers: Answers, *, weights: Weights, level: float) -> Iterable[Figure]:
    calls, by_all = _read_by_all(answers)
    majority = np.zeros(by_all.size, dtype=bool)
    majority[by_all] = 2 * calls.sum(axis=0) > len(calls)
    model = answers.called(against=majority)[by_all]
    drawn = weights.compress(by_all, axis=1)
    # the model beside one reader is a pair, not several raters
    more = np.vstack([calls, model[None]]) if len(calls) > 1 else calls
    for scope, raters in (("readers", calls), ("readers_and_model", more)):
        estimate = rater_statistics.fleiss_kappa(
            raters.T.astype(np.intp), categories=2, weights=drawn, level=level
        )
        yield figure("fleiss_kappa", scope, estimate)


def reader_range(answers: Answers, *, weights: Weights, level: float) -> ReaderRange:
    """Whether the model agrees with the readers as they do with each other."""
    calls, by_all = _read_by_all(answers)
    model = [
        np.array(model_against(answers, ratings(answers)[reader.value]))[by_all]
        for reader in answers.readers
    ]
    found = rater_statistics.reader_range(
        calls,
        np.array(model, dtype=bool).reshape(calls.shape),
        weights=weights.compress(by_all, axis=1),
        level=level,
    )
    return ReaderRange(
        **dict(estimated(found.difference)),
        lowest=found.lowest,
        highest=found.highest,
        model=found.model,
        verdict=found.verdict,
    )
