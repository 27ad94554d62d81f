"""Cox, added value, survival: every kind of row, written by hand."""

from __future__ import annotations

from evaluation.tables.cox_models import added_value_sheet, cox_sheet
from evaluation.tables.discrimination import concordance_sheet
from evaluation.tables.survival import survival_sheet
from schema.figure import Estimated, Figure, Interval
from schema.result import Coverage, TaskResult
from schema.statistics import (
    AddedValue,
    CoxTable,
    GroupComparison,
    GroupSurvival,
    HazardRow,
    SurvivalGrouping,
)
from schema.task import IntervalMethod
from schema.terms import Outcome, Status, TaskId
from tasks.specification import load_tasks
from tests.evaluation.sample_results import DIGEST
from tests.evaluation.tables.plain_cells import plain, plain_rows

TASK = load_tasks()[TaskId.POSITIVITY]
PERIOD = 36.0, 60.0


def wald(low: float, high: float) -> Interval:
    return Interval(low=low, high=high, level=0.95, method=IntervalMethod.WALD)


def hazard(covariate: str, value: float | None, **more: object) -> HazardRow:
    given: dict[str, object] = {
        "covariate": covariate,
        "title": covariate.upper(),
        "contrast": "Yes against No",
        "value": value,
        "status": Status.OK if value is not None else Status.TOO_FEW,
        "reason": None if value is not None else "4 events, fewer than 5",
        "n": 20,
        "events": 9,
    }
    return HazardRow.model_validate(given | more)


def cox_table(**more: object) -> CoxTable:
    given: dict[str, object] = {
        "outcome": Outcome.DFS,
        "univariable": (
            hazard("td", 2.0, interval=wald(1.004, 3.996), p_value=0.0489),
            hazard("crm", 9.5, interval=wald(1.2, 75.0), p_value=0.0321, penalised=True),
            hazard("sex", 3.0, interval_reason="a bound lies past a million", p_value=0.6),
            hazard("age", None),
        ),
        "multivariable": (
            hazard("td", 1.5, interval=wald(0.7, 3.2), p_value=0.0004, proportional_p_value=0.0123),
        ),
        "n": 18,
        "events": 9,
        "left_out": 2,
        "events_per_variable": 9.0,
        "proportional_p_value": 0.0123,
        "warnings": ("mrTD: the hazards may not be proportional", "few events"),
    }
    return CoxTable.model_validate(given | more)


def test_table_2_row_by_row() -> None:
    sheet = cox_sheet(cox_table(), task=TASK)

    assert sheet.id == "table-2-dfs"
    assert plain_rows(sheet) == [
        (
            "TD: Yes against No",
            "20 (9)",
            "2.00 (1.00--4.00)",
            "0.049",
            "--",
            "1.50 (0.70--3.20)",
            "<0.001",
            "0.012",
        ),
        (
            "CRM: Yes against No",
            "20 (9)",
            "9.50 (1.20--75.00) †",
            "0.032",
            "--",
            "not entered",
            "--",
            "--",
        ),
        (
            "SEX: Yes against No",
            "20 (9)",
            "3.00 (no interval)",
            "0.600",
            "--",
            "not entered",
            "--",
            "--",
        ),
        (
            "AGE: Yes against No",
            "20 (9)",
            "not computable (4 events, fewer than 5)",
            "--",
            "--",
            "not entered",
            "--",
            "--",
        ),
    ]


def test_notes_of_table_2_say_what_the_model_rests_on() -> None:
    notes = cox_sheet(cox_table(), task=TASK).notes

    assert (
        "Multivariable model: 18 patients, 9 events, 9.0 events a covariate; 2 patients left out, "
        "a covariate not being known; PH p of the whole model 0.012."
    ) in notes
    assert "mrTD: the hazards may not be proportional." in notes
    assert "Few events." in notes
    assert "No interval: a bound lies past a million." in notes
    assert sum("Firth" in note for note in notes) == 1


def test_firth_is_named_only_where_a_row_was_penalised() -> None:
    plain = cox_table(univariable=(hazard("td", 2.0, interval=wald(1.0, 4.0), p_value=0.05),))

    assert not any("Firth" in note for note in cox_sheet(plain, task=TASK).notes)


def test_added_value_with_and_without_a_test() -> None:
    told = AddedValue(
        value=-0.0026,
        status=Status.OK,
        interval=Interval(low=-0.03, high=0.0, level=0.95, method=IntervalMethod.BOOTSTRAP),
        n=18,
        outcome=Outcome.DFS,
        covariates=("mr_td", "sex"),
        c_without=0.7191,
        c_with=0.7164,
        likelihood_ratio=None,
        p_value=None,
    )
    missing = AddedValue(
        value=None,
        status=Status.NOT_APPLICABLE,
        reason="no clinical covariate entered the multivariable model",
        n=18,
        outcome=Outcome.OS,
        covariates=(),
        c_without=None,
        c_with=None,
        likelihood_ratio=None,
        p_value=None,
    )

    sheet = added_value_sheet([told, missing], task=TASK)

    gain = "-0.003 (-0.030 to 0.000)"
    why = "not computable (no clinical covariate entered the multivariable model)"
    assert plain_rows(sheet) == [
        ("DFS", "18", "mrTD and Sex", "0.719", "0.716", gain, "--", "--"),
        ("OS", "18", "none", "--", "--", why, "--", "--"),
    ]
    assert "No likelihood ratio test where a model needed Firth's penalty." in sheet.notes


def at(value: float | None, *, n: int) -> Estimated:
    if value is None:
        reason = "nobody was followed for 60 months"
        return Estimated(value=None, status=Status.UNDEFINED, reason=reason, n=n)
    limits = Interval(
        low=value - 0.1, high=value + 0.1, level=0.95, method=IntervalMethod.ASYMPTOTIC
    )
    return Estimated(value=value, status=Status.OK, interval=limits, n=n)


def group(label: str, n: int, *values: float | None) -> GroupSurvival:
    column = (1.0,) * bool(n)
    return GroupSurvival(
        label=label,
        n=n,
        events=n // 2,
        median_follow_up_months=float(n) if n > 2 else None,
        survival=column,
        low=column,
        high=column,
        at_risk=(n,) * bool(n),
        at_horizons=tuple(at(value, n=n) for value in values),
    )


def compared(first: str, second: str, value: float) -> GroupComparison:
    return GroupComparison(
        value=value,
        status=Status.OK,
        interval=wald(value / 2, value * 2),
        n=12,
        first=first,
        second=second,
        p_value=0.0304,
        observed=(3, 4),
        expected=(2.5, 4.5),
    )


SIZE = SurvivalGrouping(
    id="size",
    title="Short axis",
    outcome=Outcome.OS,
    months=(0.0,),
    horizons_months=PERIOD,
    groups=(
        group("LLN negative", 10, 0.8, 0.755),
        group("< 7 mm", 2, 0.5, None),
        group("≥ 7 mm", 0, None, None),
    ),
    comparisons=(compared("< 7 mm", "LLN negative", 2.5), compared("≥ 7 mm", "< 7 mm", 1.25)),
    p_value=None,
    median_follow_up_months=30.04,
    left_out=1,
)


def test_survival_row_by_row() -> None:
    sheet = survival_sheet([SIZE], task=TASK)

    nobody = "not computable (nobody was followed for 60 months)"
    assert sheet.id == "survival-os"
    assert plain(sheet.columns[4]) == "3-year survival, % (95 % CI)"
    assert plain_rows(sheet) == [
        ("Short axis", "", "", "", "", "", "", ""),
        (
            "LLN negative",
            "10",
            "5",
            "10.0",
            "80.0 (70.0--90.0)",
            "75.5 (65.5--85.5)",
            "1 (reference)",
            "--",
        ),
        (
            "< 7 mm",
            "2",
            "1",
            "not reached",
            "50.0 (40.0--60.0)",
            nobody,
            "2.50 (1.25--5.00)",
            "0.030",
        ),
        ("≥ 7 mm", "0", "0", "nobody", nobody, nobody, "--", "--"),
        ("≥ 7 mm against < 7 mm", "12", "7", "--", "--", "--", "1.25 (0.62--2.50)", "0.030"),
        ("All groups", "12", "6", "30.0", "--", "--", "--", "--"),
    ]
    assert [row.heading for row in sheet.rows] == [True, *[False] * 5]
    assert sheet.notes[-1] == "Short axis: 1 patient in no group, not known."


def result(*figures: Figure) -> TaskResult:
    return TaskResult(
        task=TaskId.POSITIVITY,
        task_version="1.0.0",
        task_digest=DIGEST,
        coverage=Coverage(cases=20, scored=20, failed=0, failures={}),
        figures=figures,
    )


def c_index(outcome: str, scope: str, value: float | None, **more: object) -> Figure:
    given: dict[str, object] = {
        "metric": f"{outcome}_c_index",
        "scope": scope,
        "value": value,
        "status": Status.OK,
        "n": 20,
    }
    return Figure.model_validate(given | more)


def test_the_reference_stands_left_of_the_model() -> None:
    limits = Interval(low=0.5, high=0.75, level=0.95, method=IntervalMethod.BOOTSTRAP)
    unknown = {"status": Status.NOT_APPLICABLE, "reason": "the cohort records no follow-up"}
    sheet = concordance_sheet(
        result(
            c_index("dfs", "status", 0.6, interval=limits),
            c_index("dfs", "consensus", 0.625, interval_reason="too few resamples"),
            c_index("os", "status", None, **unknown),
        ),
        task=TASK,
    )

    assert sheet is not None
    assert plain_rows(sheet) == [
        ("Disease-free survival", "", "", "", "", ""),
        ("Harrell's C", "20", "0.625 (no interval)", "0.600 (0.500--0.750)", "--", "--"),
    ]
    assert "No interval: too few resamples." in sheet.notes


def test_without_follow_up_there_is_no_table_of_discrimination() -> None:
    unknown = {"status": Status.NOT_APPLICABLE, "reason": "the cohort records no follow-up"}

    assert concordance_sheet(result(), task=TASK) is None
    assert concordance_sheet(result(c_index("os", "status", None, **unknown)), task=TASK) is None
