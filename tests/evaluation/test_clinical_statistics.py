"""The tables of the clinical report on small cohorts whose answers are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lifelines import KaplanMeierFitter

from evaluation import rater_figures
from evaluation.clinical_statistics import dominant_short_axis, statistics
from evaluation.covariates import Covariate, clinical_covariates, status_covariate
from evaluation.cox_tables import Patients, added_value, cox_table
from evaluation.groupings import grouping, joint_split, place_split, status_split
from evaluation.intervals import resample_weights
from evaluation.positivity import Answers
from evaluation.prognosis import figures
from schema.clinical import MODEL_STATUS
from schema.cohort import ClinicalRow, ReaderRow
from schema.statistics import CoxTable, SurvivalGrouping
from schema.submission import PositivityPrediction
from schema.terms import Outcome, Reader, Status, TaskId
from tasks.specification import load_tasks

TASK = load_tasks()[TaskId.POSITIVITY]
CLINICAL, PROGNOSIS = TASK.clinical, TASK.prognosis
DFS = TASK.outcomes[0]
SIZE = 120
LEVEL = 0.95


def weights(size: int = SIZE) -> np.ndarray:
    strata = np.zeros(size, dtype=int)
    return resample_weights(strata=strata, resamples=200, rng=np.random.default_rng(1))


def answers(*, seed: int = 0, failed: int = 0) -> Answers:
    """A model that is right in nine of ten, statuses that go with survival, two centres."""
    rng = np.random.default_rng(seed)
    cases = tuple(f"C{number:03d}" for number in range(SIZE))
    positive = rng.random(SIZE) < 0.4
    called = positive ^ (rng.random(SIZE) < 0.1)
    months = np.round(rng.exponential(np.where(positive, 30, 90)), 1)
    censored = np.round(rng.uniform(10, 110, SIZE), 1)
    prediction = [
        PositivityPrediction(case_id=case, probability=0.8 if call else 0.1, positive=int(call))
        for case, call in zip(cases, called, strict=True)
    ]
    readers = {
        reader: tuple(
            ReaderRow(case_id=case, reader=reader, positive=int(status ^ (rng.random() < 0.1)))
            for case, status in zip(cases, positive, strict=True)
        )
        for reader in (Reader.R1, Reader.R2)
    }
    return Answers(
        case_ids=cases,
        reference=tuple(
            ReaderRow(case_id=case, reader=Reader.CONSENSUS, positive=int(status))
            for case, status in zip(cases, positive, strict=True)
        ),
        prediction=tuple(None if i < failed else row for i, row in enumerate(prediction)),
        codes=tuple(("LLN033",) if i < failed else () for i in range(SIZE)),
        readers=readers,
        clinical=tuple(
            ClinicalRow(
                case_id=case,
                centre="North" if i % 6 else "South",
                age=float(np.round(rng.normal(60, 9), 1)),
                sex="male" if rng.random() < 0.6 else "female",
                mrT="T4" if i < 10 else "T2",
                mrTD=int(rng.random() < 0.3) if i % 10 else None,
                dfs_months=float(min(months[i], censored[i])),
                dfs_event=int(months[i] <= censored[i]),
            )
            for i, case in enumerate(cases)
        ),
    )


def covariate(name: str, values: np.ndarray) -> Covariate:
    return Covariate(name, name.title(), ("no", "yes"), np.asarray(values, dtype=float))


def table_of(patients: Patients, *covariates: Covariate) -> CoxTable:
    assert PROGNOSIS is not None
    return cox_table(patients, covariates, outcome=DFS, rules=PROGNOSIS, level=LEVEL)


def simulated(size: int = 300, *, seed: int = 3) -> tuple[Patients, Covariate, Covariate]:
    """A covariate that matters and one that does not; the model's status follows neither."""
    rng = np.random.default_rng(seed)
    harm, noise = rng.random(size) < 0.4, rng.random(size) < 0.5
    time = rng.exponential(np.where(harm, 20.0, 60.0))
    censored = rng.uniform(5, 90, size)
    patients = Patients(np.minimum(time, censored), time <= censored)
    return patients, covariate("harm", harm), covariate("noise", noise)


def test_codes_of_the_clinical_table_are_those_of_the_task_file() -> None:
    assert CLINICAL is not None
    rows = [
        ClinicalRow(case_id="a", centre="N", age=61.0, sex="female", mrN="N1", mrT="T4", mrTD=1),
        ClinicalRow(case_id="b", centre="N", location="high", mrN="N2", mrCRM=0, cea="normal"),
        None,
    ]

    found = {each.id: each for each in clinical_covariates(rows, rules=CLINICAL.covariates)}

    values = {name: each.values.tolist() for name, each in found.items()}
    nothing = pytest.approx(np.nan, nan_ok=True)
    assert values["age"] == [61.0, nothing, nothing]
    assert values["sex"] == [1.0, nothing, nothing]
    assert values["mr_n"] == [0.0, 1.0, nothing]
    assert values["location"] == [nothing, 1.0, nothing]
    assert values["mr_t"] == [1.0, nothing, nothing]
    assert (values["mr_td"], values["mr_crm"]) == ([1, nothing, nothing], [nothing, 0, nothing])
    assert found["sex"].contrast == "Female against Male"
    assert found["age"].contrast == "per unit"


def test_covariates_enter_by_their_p_value_or_because_the_task_names_them() -> None:
    patients, harm, noise = simulated()
    status = status_covariate(np.arange(300) % 5 == 0)

    table = table_of(patients, harm, noise, status)

    assert [row.covariate for row in table.univariable] == ["harm", "noise", MODEL_STATUS]
    assert [row.covariate for row in table.multivariable] == ["harm", MODEL_STATUS]
    assert (table.univariable[1].p_value or 0) >= 0.1
    assert (table.univariable[2].p_value or 0) >= 0.1, "entered though not by its p value"
    assert (table.n, table.left_out, table.warnings) == (300, 0, ())
    assert table.events_per_variable == table.events / 2


def test_multivariable_model_is_of_complete_cases_and_says_how_many() -> None:
    patients, harm, noise = simulated()
    values = harm.values.copy()
    values[:7] = np.nan

    table = table_of(
        patients, harm._replace(values=values), noise, status_covariate(noise.values > 0)
    )

    assert (table.univariable[0].n, table.univariable[1].n) == (293, 300)
    assert (table.n, table.left_out) == (293, 7)


def test_separated_covariates_are_penalised_and_said_so() -> None:
    patients, harm, _ = simulated(80)
    event = patients.event & (harm.values == 1)  # nobody without it has the event

    table = table_of(Patients(patients.time_months, event), harm)

    (row,) = table.univariable
    assert row.penalised
    assert row.value is not None
    assert 5 < row.value < 1000
    assert row.proportional_p_value is None
    assert table.multivariable[0].penalised
    assert any("Firth" in warning for warning in table.warnings)


def test_few_events_are_told_and_too_few_give_no_ratio() -> None:
    patients, harm, noise = simulated(60)
    first = np.flatnonzero(patients.event)[:12]
    event = np.isin(np.arange(60), first)
    warned = table_of(
        Patients(patients.time_months, event), harm, status_covariate(noise.values > 0)
    )
    event = np.isin(np.arange(60), first[:3])
    missing = table_of(Patients(patients.time_months, event), harm)

    assert any("events a covariate, fewer than 10" in each for each in warned.warnings)
    assert missing.univariable[0].status is Status.TOO_FEW
    assert missing.univariable[0].reason == "3 events, fewer than 5"
    assert (missing.multivariable, missing.events_per_variable) == ((), None)


def test_a_status_that_tells_nothing_adds_nothing() -> None:
    patients, harm, noise = simulated()

    def added(status: np.ndarray) -> tuple[float, float, float]:
        found = added_value(
            patients,
            [harm, status_covariate(status)],
            entered=["harm", MODEL_STATUS],
            outcome=DFS,
            weights=weights(300),
            level=LEVEL,
        )
        assert found.value is not None
        assert found.interval is not None
        assert found.p_value is not None
        return found.value, found.interval.low, found.p_value

    worthless = added(noise.values > 0)
    early = patients.event & (patients.time_months < 30)
    useful = added(early ^ (np.arange(300) % 7 == 0))

    assert abs(worthless[0]) < 0.03
    assert worthless[1] < 0
    assert useful[0] > 0.05
    assert useful[1] > 0
    assert useful[2] < 1e-6


def test_nothing_is_added_to_no_clinical_covariate() -> None:
    patients, _, noise = simulated()
    found = added_value(
        patients,
        [noise, status_covariate(noise.values > 0)],
        entered=[MODEL_STATUS],
        outcome=DFS,
        weights=weights(300),
        level=LEVEL,
    )

    assert (found.value, found.status) == (None, Status.NOT_APPLICABLE)


def grouped(patients: Patients, split: object) -> SurvivalGrouping:
    return grouping(
        patients,
        split,  # type: ignore[arg-type]
        outcome=Outcome.DFS,
        months=(0.0, 12.0, 24.0),
        horizons_months=(36.0,),
        level=LEVEL,
    )


def test_curves_of_a_grouping_are_lifelines() -> None:
    patients, harm, _ = simulated()
    status = harm.values > 0

    found = grouped(patients, status_split("model", "Status", status))

    for group, members in zip(found.groups, (~status, status), strict=True):
        theirs = KaplanMeierFitter().fit(patients.time_months[members], patients.event[members])
        assert group.survival == pytest.approx(theirs.predict([0, 12, 24]).to_numpy())
        assert group.at_horizons[0].value == pytest.approx(float(theirs.predict(36)))
        assert group.n == members.sum()
    assert found.comparisons[0].p_value == found.p_value


def test_groups_by_place_leave_out_who_is_positive_without_one() -> None:
    patients, _, _ = simulated(6)
    called = np.array([False, True, True, True, False, True])
    split = place_split(
        "size", "Size", ("small", "large"), called=called, places=[1, 0, 1, None, None, 1], first=1
    )

    found = grouped(patients, split)

    assert [group.n for group in found.groups] == [2, 1, 2]
    assert found.left_out == 1
    assert [(each.first, each.second) for each in found.comparisons] == [
        ("large", "small"),
        ("small", "LLN negative"),
        ("large", "LLN negative"),
    ]


def test_joint_strata_cross_the_status_with_the_covariate() -> None:
    patients, _, _ = simulated(5)
    deposits = covariate("deposits", np.array([0, 0, 1, 1, np.nan]))

    found = grouped(patients, joint_split(deposits, np.array([False, True, False, True, True])))

    assert [group.n for group in found.groups] == [1, 1, 1, 1]
    assert found.left_out == 1
    first = found.comparisons[0]
    assert first.first == "Deposits yes, LLN positive"
    assert first.second == "Deposits no, LLN negative"


def test_a_group_of_nobody_has_no_curve() -> None:
    patients, _, _ = simulated(4)

    found = grouped(patients, status_split("model", "Status", np.zeros(4, dtype=bool)))

    assert (found.groups[1].n, found.groups[1].survival) == (0, ())
    assert found.groups[1].at_horizons[0].reason == "no patient in this group"
    assert found.comparisons[0].value is None


def test_small_subgroups_are_named_without_figures() -> None:
    found = statistics(answers(), task=TASK, weights=weights())

    by_level = {(each.dimension, each.level): each for each in found.subgroups}
    assert by_level["centre", "North"].n + by_level["centre", "South"].n == SIZE
    small = by_level["mr_t", "T4"]
    assert small.n == 10
    assert {figure.status for figure in small.figures} == {Status.TOO_FEW}
    assert {figure.reason for figure in small.figures} == {"10 patients, fewer than 20"}
    large = by_level["mr_t", "T1-T3"]
    values = {figure.metric: figure.value for figure in large.figures}
    assert values["dfs_hazard_ratio"] is not None
    assert values["os_hazard_ratio"] is None, "the cohort records no overall survival"


def test_an_outcome_that_is_not_recorded_has_no_table() -> None:
    found = statistics(answers(), task=TASK, weights=weights())

    assert [table.outcome for table in found.cox] == [Outcome.DFS]
    assert {each.outcome for each in found.groupings} == {Outcome.DFS}
    assert len(found.groupings) == 8


def test_a_cohort_without_clinical_rows_has_neither_baseline_nor_prognosis() -> None:
    bare = replace(answers(), clinical=(None,) * SIZE)

    found = statistics(bare, task=TASK, weights=weights())

    assert (found.baseline, found.cox, found.added_value, found.groupings) == (None, (), (), ())
    assert found.subgroups[0].n == 0
    reasons = {each.reason for each in figures(bare, task=TASK, weights=weights())}
    assert reasons == {"the cohort records no follow-up for this outcome"}


def test_failed_cases_are_left_out_of_the_baseline_and_make_prognosis_no_better() -> None:
    whole = statistics(answers(), task=TASK, weights=weights())
    holes = statistics(answers(failed=30), task=TASK, weights=weights())

    assert holes.baseline is not None
    assert (sum(holes.baseline.sizes), holes.baseline.left_out) == (SIZE - 30, 30)
    before, after = (each.cox[0].univariable[-1].value for each in (whole, holes))
    assert before is not None
    assert after is not None
    assert after < before
    ours = {
        failed: {
            (each.metric, each.scope): each.value
            for each in figures(answers(failed=failed), task=TASK, weights=weights())
        }
        for failed in (0, 30)
    }
    for metric in (("dfs_uno_c_index", "probability"), ("dfs_auc", "status_36")):
        assert (ours[30][metric] or 0) < (ours[0][metric] or 0)


def test_a_failed_case_disagrees_with_every_rater() -> None:
    def of(failed: int) -> dict[tuple[str, str], float | None]:
        found = rater_figures.figures(answers(failed=failed), task=TASK, weights=weights())
        return {(each.metric, each.scope): each.value for each in found}

    before, after = of(0), of(30)

    for scope in ("r1", "r2", "consensus"):
        assert (after["gwet_ac1", scope] or 0) < (before["gwet_ac1", scope] or 0)
    assert after["fleiss_kappa", "readers"] == before["fleiss_kappa", "readers"]
    assert (after["fleiss_kappa", "readers_and_model"] or 0) < (
        before["fleiss_kappa", "readers_and_model"] or 0
    )


def test_without_short_axes_there_is_no_weighted_kappa_and_no_bias() -> None:
    given = answers()
    found = rater_figures.figures(given, task=TASK, weights=weights())
    weighted = [each for each in found if each.metric == "weighted_kappa"]

    assert {each.reason for each in weighted} == {"no short axis of a positive patient"}
    assert dominant_short_axis(given, level=LEVEL).bias.value is None


def test_brier_score_of_a_useful_status_is_below_that_of_nobody() -> None:
    found = {
        (each.metric, each.scope): each.value
        for each in figures(answers(), task=TASK, weights=weights())
    }

    for scope in ("36", "60"):
        useful, nothing = (found["dfs_brier", f"{who}_{scope}"] for who in ("consensus", "nobody"))
        assert useful is not None
        assert nothing is not None
        assert useful < nothing < 0.26
    assert (found["dfs_integrated_brier", "consensus"] or 1) < 0.25
