"""Agreement, calibration, decision curve, subgroups, nodes: rows by hand."""

from __future__ import annotations

import pytest

from evaluation.tables.nodes import froc_sheet, short_axis_sheet
from evaluation.tables.probabilities import calibration_sheet, decision_sheet
from evaluation.tables.raters import model_agreement_sheet, reader_agreement_sheet
from evaluation.tables.subgroups import subgroup_sheet
from schema.entry import PublicAgreement, PublicFigure, PublicTask
from schema.figure import Estimated, Figure, Interval
from schema.result import Coverage, PairAgreement
from schema.statistics import (
    CalibrationBin,
    Froc,
    LimitsOfAgreement,
    NetBenefit,
    ReaderRange,
    Subgroup,
)
from schema.task import IntervalMethod
from schema.terms import Status, TaskId
from tasks.specification import load_tasks
from tests.evaluation.sample_results import DIGEST, pair_agreement
from tests.evaluation.tables.plain_cells import plain, plain_rows

TASK = load_tasks()[TaskId.POSITIVITY]
LIMITS = Interval(low=0.25, high=0.75, level=0.95, method=IntervalMethod.ASYMPTOTIC)


def public(*figures: PublicFigure, agreement: tuple[PublicAgreement, ...] = ()) -> PublicTask:
    return PublicTask(
        task=TaskId.POSITIVITY,
        task_version="1.0.0",
        task_digest=DIGEST,
        coverage=Coverage(cases=20, scored=20, failed=0, failures={}),
        figures=figures,
        agreement=agreement,
    )


def told(metric: str, scope: str, value: float) -> PublicFigure:
    return PublicFigure(
        metric=metric, scope=scope, value=value, status=Status.OK, interval=LIMITS, n=20
    )


def hidden(metric: str, scope: str) -> PublicFigure:
    return PublicFigure(
        metric=metric, scope=scope, value=None, status=Status.WITHHELD, reason="small", n=None
    )


def as_public(pair: PairAgreement) -> PublicAgreement:
    return PublicAgreement(**dict(pair))


def test_the_consensus_comes_first_and_what_is_withheld_reads_so() -> None:
    withheld = PublicAgreement(
        first="R1", second="model", value=None, status=Status.WITHHELD, reason="few", n=None
    )
    scored = public(
        hidden("kappa", "r1"),
        told("kappa", "consensus", 0.5),
        hidden("gwet_ac1", "r1"),
        told("gwet_ac1", "consensus", 0.6),
        hidden("mcnemar", "r1"),
        PublicFigure(metric="mcnemar", scope="consensus", value=0.0002, status=Status.OK, n=20),
        agreement=(withheld, as_public(pair_agreement("model", "consensus", value=0.5))),
    )

    sheet = model_agreement_sheet(scored, task=TASK)

    assert sheet is not None
    assert plain_rows(sheet) == [
        (
            "Consensus (reference)",
            "20",
            "0.500 (0.250--0.750)",
            "moderate",
            "--",
            "0.600 (0.250--0.750)",
            "<0.001",
        ),
        ("Reader R1", "withheld", "withheld", "withheld", "--", "withheld", "withheld"),
    ]


def range_of(verdict: str | None, model: float) -> ReaderRange:
    return ReaderRange.model_validate(
        {
            "value": 0.013,
            "status": Status.OK,
            "interval": Interval(low=-0.05, high=0.1, level=0.95, method=IntervalMethod.BOOTSTRAP),
            "n": 20,
            "lowest": 0.526,
            "highest": 0.628,
            "model": model,
            "verdict": verdict,
        }
    )


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("inside", "is 0.590, inside the readers' own range."),
        ("above", "is 0.590, above the readers' own range."),
        ("below", "is 0.590, below the readers' own range."),
    ],
)
def test_the_model_among_the_readers_in_words(verdict: str, words: str) -> None:
    pairs = [("R1", "R2", 0.526), ("R1", "consensus", 0.7), ("model", "R1", 0.6)]
    scored = public(
        told("fleiss_kappa", "readers", 0.55),
        agreement=tuple(as_public(pair_agreement(a, b, value=value)) for a, b, value in pairs),
    )

    sheet = reader_agreement_sheet(scored, reader_range=range_of(verdict, 0.59), task=TASK)

    assert sheet is not None
    assert [row.cells[0] for row in sheet.rows] == [
        "Readers with each other (Cohen)",
        "Reader R1, reader R2",
        "Readers with the consensus (Cohen)",
        "Consensus (reference), reader R1",
        "Fleiss' kappa of the readers",
    ]
    notes = plain(sheet.notes[0])
    assert words in notes
    assert "run from 0.526 to 0.628" in notes
    assert "0.013 (-0.050 to 0.100)" in notes


def test_a_model_alone_with_the_consensus_has_no_table_of_readers() -> None:
    scored = public(agreement=(as_public(pair_agreement("model", "consensus", value=0.5)),))

    assert reader_agreement_sheet(scored, reader_range=None, task=TASK) is None
    assert model_agreement_sheet(scored, task=TASK) is None


def test_observed_stands_left_of_predicted() -> None:
    bins = [
        CalibrationBin(value=0.25, status=Status.OK, interval=LIMITS, n=4, mean_probability=0.0625)
    ]

    sheet = calibration_sheet(bins, scored=public(told("brier", "all", 0.125)), task=TASK)

    assert sheet is not None
    assert plain_rows(sheet) == [("4", "25.0 (25.0--75.0)", "6.2")]
    assert plain(sheet.notes[-1]) == "Brier score: 0.125 (0.250--0.750)."
    assert calibration_sheet([], scored=public(), task=TASK) is None


def test_net_benefit_of_three_strategies() -> None:
    # 20 patients, 5 positive, threshold 1/5: 3 TP, 4 FP: 3/20 - 4/20/4 = 0.1; all: 5/20 - 15/20/4
    sheet = decision_sheet([NetBenefit(threshold=0.2, model=0.1, treat_all=0.0625)])

    assert sheet is not None
    assert plain_rows(sheet) == [("20 %", "0.000", "0.062", "0.100")]
    assert decision_sheet([]) is None


def test_a_small_subgroup_says_why_it_has_no_figure() -> None:
    few = "3 patients, fewer than 20"
    figures = (
        Figure(metric="accuracy", scope="all", value=0.875, status=Status.OK, interval=LIMITS, n=8),
        Figure(
            metric="dfs_hazard_ratio",
            scope="model",
            value=2.5,
            status=Status.OK,
            interval=LIMITS,
            n=8,
        ),
    )
    none = tuple(
        Figure(
            metric=each.metric, scope=each.scope, value=None, status=Status.TOO_FEW, reason=few, n=3
        )
        for each in figures
    )
    groups = [
        Subgroup(dimension="sex", title="Sex", level="Male", n=8, positives=2, figures=figures),
        Subgroup(dimension="sex", title="Sex", level="Female", n=3, positives=0, figures=none),
        Subgroup(dimension="sex", title="Sex", level="Other", n=9, positives=0, figures=()),
    ]

    sheet = subgroup_sheet(groups, task=TASK)

    assert sheet is not None
    assert sheet.columns[3:] == ("Accuracy, %", "DFS hazard ratio")
    assert plain_rows(sheet) == [
        ("Sex", "", "", "", ""),
        ("Male", "8", "2", "87.50 (25.00--75.00)", "2.50 (0.25--0.75)"),
        ("Female", "3", "0", f"not computable ({few})", f"not computable ({few})"),
        ("Other", "9", "0", "--", "--"),
    ]
    assert plain(sheet.notes[-1]) == "--: not told of this subgroup."


def test_limits_of_agreement_and_the_reason_for_none() -> None:
    def end(value: float) -> Estimated:
        limits = Interval(
            low=value - 0.5, high=value + 0.5, level=0.95, method=IntervalMethod.ASYMPTOTIC
        )
        return Estimated(value=value, status=Status.OK, interval=limits, n=9)

    none = Estimated(value=None, status=Status.UNDEFINED, reason="2 pairs, fewer than 3", n=2)
    found = [
        LimitsOfAgreement(scope="dominant", bias=end(-0.25), lower=end(-2.0), upper=end(1.5)),
        LimitsOfAgreement(scope="matched", bias=none, lower=none, upper=none),
    ]

    sheet = short_axis_sheet(found, task=TASK)

    assert sheet is not None
    why = "not computable (2 pairs, fewer than 3)"
    assert plain_rows(sheet) == [
        (
            "Dominant nodes of patients positive on both sides",
            "9",
            "-0.25 (-0.75 to 0.25)",
            "-2.00 (-2.50 to -1.50)",
            "1.50 (1.00--2.00)",
        ),
        ("Matched nodes", "2", why, why, why),
    ]


def test_a_froc_and_the_reason_for_none() -> None:
    curve = Froc(
        value=0.55, status=Status.OK, false_positives_per_case=(0.125, 8.0), sensitivity=(0.2, 0.9)
    )
    none = Froc(value=None, status=Status.NOT_APPLICABLE, reason="no threshold to vary")

    assert plain_rows(froc_sheet(curve)) == [
        ("0.125", "20.0"),
        ("8", "90.0"),
        ("Mean", "55.0"),
    ]
    assert plain_rows(froc_sheet(none)) == [("--", "not computable (no threshold to vary)")]
