"""Figures of a cohort with their intervals, and the one among them that compares pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from evaluation import run as scorer
from evaluation.concordance import concordance
from evaluation.gate import inspect_table
from evaluation.intervals import resample_weights
from evaluation.mask_cases import score_mask_case
from evaluation.node_table import NO_TABLE
from schema.result import CaseScore, TaskResult
from schema.terms import TaskId
from tasks.cohort import Cohort, read_cohort
from tasks.layout import MASK_TASKS
from tasks.specification import load_tasks
from tests.bench.contestants import (
    CONCORDANCE,
    FIGURES,
    KIT,
    LIFELINES,
    SKSURV,
    installed,
    timed,
)
from tests.bench.folders import Crowds, Folders
from tests.bench.peer_arrays import prepared

RESAMPLES = load_tasks()[TaskId.POSITIVITY].resampling.resamples


# --- every figure -----------------------------------------------------------------------


def bench_figures(
    benchmark: BenchmarkFixture, crowds: Crowds, few: Folders, figure_patients: int
) -> None:
    crowd = crowds.of(figure_patients)
    cohort, cases = read_cohort(crowd.cohort), read_cohort(crowd.cohort).manifest.cases
    scores = repeated(scored(few), cases=cases)
    table = inspect_table(crowd.submission, cases=cases)

    no_froc = scorer._why_no_froc(NO_TABLE, findings=())

    def run() -> list[TaskResult]:
        weights = scorer._weights(cohort)
        masks = [
            scorer._mask_result(task, cohort=cohort, cases=scores, weights=weights, no_froc=no_froc)
            for task in MASK_TASKS
        ]
        return [*masks, scorer._positivity_result(cohort, table, weights=weights)[1]]

    size = f"{len(cases)} patients"
    results = timed(benchmark, run, group=FIGURES, size=size, name=KIT, resamples=RESAMPLES)

    figures = [figure for result in results for figure in result.figures]
    benchmark.extra_info["figures"] = len(figures)
    assert len(figures) > 100


def scored(folders: Folders) -> list[CaseScore]:
    """Scores of both mask tasks of a few patients."""
    cohort = read_cohort(folders.cohort)
    return [score for case in cohort.manifest.cases for score in _score(cohort, folders, case)]


def _score(cohort: Cohort, folders: Folders, case: str) -> tuple[CaseScore, ...]:
    codes: dict[TaskId, tuple[str, ...]] = dict.fromkeys(MASK_TASKS, ())
    return score_mask_case(cohort, folders.submission, case_id=case, codes=codes).scores


def repeated(scores: list[CaseScore], *, cases: tuple[str, ...]) -> list[CaseScore]:
    """The same scores over and over under the names of more patients."""
    by_task = [[score for score in scores if score.task is task] for task in MASK_TASKS]
    return [
        mine[index % len(mine)].model_copy(update={"case_id": case})
        for mine in by_task
        for index, case in enumerate(cases)
    ]


# --- concordance ----------------------------------------------------------------------


class FollowUp(NamedTuple):
    """Times in months with one decimal, a fifth of them events, and risks."""

    time_months: NDArray[np.float64]
    event: NDArray[np.bool_]
    risk: NDArray[np.float64]


def drawn(patients: int) -> FollowUp:
    rng = np.random.default_rng(patients)
    time_months = np.round(rng.exponential(40.0, patients), 1) + 0.1
    event = rng.random(patients) < 0.2
    risk = rng.normal(size=patients) - 0.02 * time_months
    return FollowUp(time_months, event, risk)


Run = Callable[[], float]


def this_scorer(data: FollowUp) -> Run:
    size = data.time_months.size
    weights = resample_weights(
        strata=np.zeros(size, dtype=np.int64),
        resamples=RESAMPLES,
        rng=np.random.default_rng(1),
    )

    def run() -> float:
        failed = np.zeros(size, dtype=bool)
        estimate = concordance(*data, failed=failed, weights=weights, level=0.95)
        assert estimate.value is not None
        return estimate.value

    return run


def lifelines(data: FollowUp) -> Run:
    """It takes the higher score to live longer."""
    from lifelines.utils import concordance_index

    return lambda: float(concordance_index(data.time_months, -data.risk, data.event))


def sksurv(data: FollowUp) -> Run:
    from sksurv.metrics import concordance_index_censored

    return lambda: float(concordance_index_censored(data.event, data.time_months, data.risk)[0])


PREPARE: Mapping[str, Callable[[FollowUp], Run]] = MappingProxyType(
    {KIT: this_scorer, LIFELINES: lifelines, SKSURV: sksurv}
)


@pytest.mark.parametrize("name", installed(CONCORDANCE))
def bench_concordance(benchmark: BenchmarkFixture, patients: int, name: str) -> None:
    data = drawn(patients)
    run = prepared(PREPARE[name], data)
    evaluations = RESAMPLES + 1 if name == KIT else 1
    got = timed(
        benchmark,
        run,
        group=CONCORDANCE,
        size=f"{patients:,} patients",
        name=name,
        evaluations=evaluations,
    )

    assert got == pytest.approx(this_scorer(data)(), abs=1e-9)
