"""Cohorts so small or lopsided that most statistics do not exist: each says so, none breaks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from evaluation import clinical_statistics, cox, positivity, prognosis, rater_figures
from evaluation.cox import CoxFit
from evaluation.intervals import resample_weights
from evaluation.positivity import Answers
from schema.cohort import ClinicalRow, ReaderRow
from schema.submission import PositivityPrediction
from schema.terms import Reader, Region, Side, Status, TaskId
from tasks.specification import load_tasks

TASK = load_tasks()[TaskId.POSITIVITY]
CHOICES: dict[str, tuple[Any, ...]] = {
    "sex": ("male", "female"),
    "cea": ("normal", "abnormal"),
    "location": ("low", "middle", "high"),
    "mrT": ("T1", "T2", "T3", "T4"),
    "mrN": ("N0", "N1", "N2"),
    "mrTD": (0, 1),
    "mrCRM": (0, 1),
    "mrEMVI": (0, 0, 0, 1),
}


class Draw:
    """Patients with gaps everywhere, drawn from one seed."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.cases = tuple(f"C{number}" for number in range(int(self.rng.integers(2, 40))))
        self.prevalence = self.rng.choice([0.0, 0.1, 0.4, 1.0])
        self.typical_months = self.rng.choice([5, 40, 400])

    def chance(self, share: float) -> bool:
        return bool(self.rng.random() < share)

    def node(self, *, positive: bool) -> dict[str, Any]:
        if not positive or self.chance(0.2):
            return {"positive": int(positive)}
        return {
            "positive": 1,
            "region": list(Region)[int(self.rng.integers(3))],
            "side": list(Side)[int(self.rng.integers(2))],
            "short_axis_mm": round(float(self.rng.uniform(3, 15)), 1),
        }

    def call(self, case_id: str, *, positive: bool) -> PositivityPrediction | None:
        if self.chance(0.1):
            return None
        called = positive if self.chance(0.6) else self.chance(0.5)
        probability = round(float(self.rng.random()), int(self.rng.integers(0, 3)))
        node = self.node(positive=called)
        return PositivityPrediction(case_id=case_id, probability=probability, **node)

    def clinical(self, case_id: str) -> ClinicalRow | None:
        if self.chance(0.05):
            return None
        known = {
            name: None if self.chance(0.1) else values[int(self.rng.integers(len(values)))]
            for name, values in CHOICES.items()
        }
        dfs = round(float(self.rng.exponential(self.typical_months)))
        return ClinicalRow(
            case_id=case_id,
            centre="South" if self.chance(0.3) else "North",
            age=None if self.chance(0.1) else float(self.rng.integers(30, 90)),
            dfs_months=float(min(dfs, 1200)),
            dfs_event=int(self.chance(0.5)),
            os_months=float(min(dfs + round(float(self.rng.exponential(20))), 1200)),
            os_event=int(self.chance(0.2)),
            **known,
        )

    def answers(self) -> Answers:
        positive = [self.chance(self.prevalence) for _ in self.cases]
        pairs = list(zip(self.cases, positive, strict=True))
        prediction = tuple(self.call(case, positive=status) for case, status in pairs)
        return Answers(
            case_ids=self.cases,
            reference=tuple(
                ReaderRow(case_id=case, reader=Reader.CONSENSUS, **self.node(positive=status))
                for case, status in pairs
            ),
            prediction=prediction,
            codes=tuple(("LLN033",) if row is None else () for row in prediction),
            readers={
                reader: tuple(
                    None
                    if self.chance(0.1)
                    else ReaderRow(
                        case_id=case, reader=reader, **self.node(positive=self.chance(0.4))
                    )
                    for case in self.cases
                )
                for reader in (Reader.R1, Reader.R2)
            },
            clinical=tuple(self.clinical(case) for case in self.cases),
        )


@pytest.mark.parametrize("seed", range(10))
def test_every_statistic_has_a_value_or_a_reason(seed: int) -> None:
    # the models themselves refuse NaN, infinity, and a missing value without a reason
    answers = Draw(seed).answers()
    strata = np.zeros(len(answers.case_ids), dtype=int)
    weights = resample_weights(strata=strata, resamples=100, rng=np.random.default_rng(seed))
    assert positivity.figures(answers, task=TASK, weights=weights)
    assert rater_figures.figures(answers, task=TASK, weights=weights)
    assert prognosis.figures(answers, task=TASK, weights=weights)
    statistics = clinical_statistics.statistics(answers, task=TASK, weights=weights)
    axis = clinical_statistics.dominant_short_axis(answers, level=0.95)
    for each in (statistics, axis):
        assert type(each).model_validate_json(each.model_dump_json()) == each


def flat(coefficient: float, error: float) -> CoxFit:
    return CoxFit(
        coefficients=np.array([coefficient]),
        covariance=np.array([[error**2]]),
        log_likelihood=-1.0,
        null_log_likelihood=-1.1,
        penalised=False,
    )


def test_a_bound_past_a_million_is_no_bound() -> None:
    found = cox.ratio(flat(1.0, 500.0), 0, n=20, level=0.95).estimate
    assert found.value == pytest.approx(math.e)
    assert found.interval is None
    assert found.interval_reason is not None


def test_a_ratio_past_a_million_is_none() -> None:
    found = cox.ratio(flat(-14.0, 1.0), 0, n=20, level=0.95)
    assert found.estimate.value is None
    assert found.estimate.status is Status.SEPARATED
    assert found.p_value is None


def test_a_resample_that_ran_away_has_no_coefficient() -> None:
    information = np.array([[[2.0]], [[np.nan]], [[0.0]], [[np.inf]]])
    steps = cox._solved(information, np.ones((4, 1)))
    assert steps[0, 0] == 0.5
    assert np.isnan(steps[1:]).all()
