"""ROC, calibration and decision curve hold the numbers of the result."""

from __future__ import annotations

import math

import numpy as np
import pytest

from evaluation.figures.calibration import calibration_plot
from evaluation.figures.decision import decision_plot
from evaluation.figures.froc import froc_curve
from evaluation.figures.plot import Absent, Plot
from evaluation.figures.roc import roc_curve, roc_points
from evaluation.figures.status import status_counts
from schema.result import CaseScore, CaseValue
from schema.statistics import CalibrationBin, Froc, NetBenefit
from schema.terms import Status, TaskId
from tests.evaluation import replica_report
from tests.evaluation.pictures import centre, corners, drawn, shapes, value, words


def patient(number: int, *, positive: bool, probability: float | None) -> CaseScore:
    told = {"reference_positive": float(positive), "probability": probability}
    values = [
        CaseValue(metric=name, scope="all", value=known, status=Status.OK)
        for name, known in told.items()
        if known is not None
    ]
    failed = probability is None
    return CaseScore(
        case_id=f"case-{number:03}",
        task=TaskId.POSITIVITY,
        status="failed" if failed else "scored",
        codes=("LLN055",) if failed else (),
        values=tuple(values),
    )


# four patients: thresholds 0.9, 0.6, 0.4, 0.1 find a positive, a negative, a positive, a negative
FOUR = [
    patient(1, positive=True, probability=0.9),
    patient(2, positive=False, probability=0.6),
    patient(3, positive=True, probability=0.4),
    patient(4, positive=False, probability=0.1),
]


def test_the_roc_curve_steps_from_patient_to_patient() -> None:
    roc = roc_points(FOUR)
    assert roc is not None
    assert roc.threshold.tolist() == [math.inf, 0.9, 0.6, 0.4, 0.1]
    assert roc.sensitivity.tolist() == [0, 0.5, 0.5, 1, 1]
    assert roc.false_alarms.tolist() == [0, 0, 0.5, 0.5, 1]


def test_a_failed_case_has_the_worst_probability() -> None:
    roc = roc_points(
        [
            *FOUR,
            patient(5, positive=True, probability=None),
            patient(6, positive=False, probability=None),
        ]
    )
    assert roc is not None
    # 1 for the failed negative one, 0 for the failed positive one
    assert roc.threshold.tolist() == [math.inf, 1, 0.9, 0.6, 0.4, 0.1, 0]
    assert roc.false_alarms[1] == pytest.approx(1 / 3)
    assert roc.sensitivity[-2:].tolist() == pytest.approx([2 / 3, 1])


def test_the_area_under_the_drawn_curve_is_the_auroc_and_the_diamond_is_the_call() -> None:
    result = replica_report.task_result()
    area = result.figure("auroc", "all")
    counts = status_counts(result.matrices)
    plot = roc_curve(replica_report.scored().cases, area=area, counts=counts, identity="r")
    root = drawn(plot)
    points = np.array(corners(shapes(root, "curve negative")[0]))
    # 424 px from 0 to 1 across, 360 px up
    x, y = (points[:, 0] - 60) / 424, (380 - points[:, 1]) / 360
    assert float(np.trapezoid(y, x)) == pytest.approx(area.value, abs=0.001)
    assert counts is not None
    top = corners(shapes(root, "mark whole")[0])[0]
    assert top == pytest.approx((60 + 424 * 45 / 419, 380 - 360 * 45 / 61 - 7), abs=0.11)
    assert isinstance(plot, Plot)
    assert ("1.000", "73.8\u00a0%", "89.3\u00a0%") in plot.table.rows


def test_without_both_classes_or_without_cases_there_is_no_roc_curve() -> None:
    alone = roc_curve(FOUR[::2], area=None, counts=None, identity="r")
    assert isinstance(alone, Absent)
    assert "one class" in alone.reason
    assert isinstance(roc_curve([], area=None, counts=None, identity="r"), Absent)


def test_every_bin_is_at_its_mean_and_its_share_with_its_interval() -> None:
    bins = replica_report.statistics().calibration
    plot = calibration_plot(bins, replica_report.task_result().figures, identity="c")
    root = drawn(plot)
    marks = [centre(mark) for mark in shapes(root, "mark solid")]
    assert marks == [
        pytest.approx((60 + 424 * b.mean_probability, 380 - 360 * (b.value or math.nan)), abs=0.11)
        for b in bins
    ]
    for reach, found in zip(shapes(root, "reach"), bins, strict=True):
        assert found.interval is not None
        ends = [380 - 360 * found.interval.low, 380 - 360 * found.interval.high]
        assert [value(reach, "y1"), value(reach, "y2")] == pytest.approx(ends, abs=0.06)
    assert isinstance(plot, Plot)
    assert [note.partition(":")[0] for note in plot.notes] == [
        "Slope (1 is right, below 1 too extreme)",
        "Intercept (0 is right, below 0 too high)",
    ]
    assert [row[3] for row in plot.table.rows] == ["390", "90"]


def test_a_bin_without_a_value_is_in_the_table_only() -> None:
    gone = CalibrationBin(
        value=None, status=Status.UNDEFINED, reason="nobody", n=0, mean_probability=0.5
    )
    plot = calibration_plot([gone], (), identity="c")
    assert isinstance(plot, Plot)
    assert not shapes(drawn(plot), "mark solid")
    assert plot.table.rows[0][1] == "not computable: nobody"
    assert isinstance(calibration_plot((), (), identity="c"), Absent)


def test_the_decision_curve_is_cut_where_it_leaves_the_axis() -> None:
    curve = [
        NetBenefit(threshold=0.1, model=0.09, treat_all=0.05),
        NetBenefit(threshold=0.2, model=0.08, treat_all=-0.15),
        NetBenefit(threshold=0.3, model=0.07, treat_all=-0.4),
    ]
    root = drawn(decision_plot(curve, identity="d"))
    # thresholds 0.1 to 0.3 over 66 to 484 px; benefit from -0.05 to 0.1 over 380 to 76 px
    model, everybody = (
        corners(next(n for n in shapes(root, f"curve {css}") if n.tag == "path"))
        for css in ("negative", "positive")
    )
    assert [x for x, _ in model] == [66.0, 275.0, 484.0]
    assert [y for _, y in model] == pytest.approx([96.3, 116.5, 136.8], abs=0.06)
    # it falls from 0.05 to -0.15 and leaves the axis half way
    assert [y for _, y in everybody] == pytest.approx([177.3, 380.0], abs=0.06)
    assert [x for x, _ in everybody] == [66.0, 170.5]
    assert isinstance(decision_plot((), identity="d"), Absent)


def test_the_replicas_decision_curve_is_its_table() -> None:
    curve = replica_report.statistics().decision_curve
    plot = decision_plot(curve, identity="d")
    assert isinstance(plot, Plot)
    assert [row[1] for row in plot.table.rows] == [f"{at.model:.3f}" for at in curve]
    assert [float(t) for t in words(drawn(plot), "tick")[-10:]] == [
        pytest.approx(100 * at.threshold) for at in curve
    ]


def test_a_froc_is_drawn_where_there_is_one_and_otherwise_its_reason_told() -> None:
    rates, shares = (0.125, 0.25, 0.5, 1.0), (0.2, 0.4, 0.6, 0.8)
    found = Froc(value=0.5, status=Status.OK, false_positives_per_case=rates, sensitivity=shares)
    root = drawn(froc_curve(found, identity="f"))
    points = corners(shapes(root, "curve negative")[0])
    assert [y for _, y in points] == pytest.approx([320 - 300 * each for each in shares], abs=0.06)
    steps = np.diff([x for x, _ in points])
    assert steps == pytest.approx([steps[0]] * 3, abs=0.11)
    none = Froc(value=None, status=Status.NOT_APPLICABLE, reason="no probability")
    absent = froc_curve(none, identity="f")
    assert isinstance(absent, Absent)
    assert absent.reason == "no probability"
