"""Forest plots put every estimate where its number says, and draw nothing without one."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.figures.forest import Forest, ForestLine, forest, ratio_axis
from evaluation.figures.hazard_ratios import hazard_forest
from evaluation.figures.horizons import discrimination, prediction_error
from evaluation.figures.limits import limits_chart
from evaluation.figures.numerals import DASH, RATIO
from evaluation.figures.plot import Absent, Plot
from evaluation.figures.subgroups import subgroup_forests
from schema.figure import Estimated, Interval
from schema.statistics import HazardRow
from schema.task import IntervalMethod
from schema.terms import Outcome, Status
from tests.evaluation import replica_report
from tests.evaluation.pictures import centre, corners, drawn, shapes, value, words


def estimate(at: float, low: float, high: float) -> Estimated:
    interval = Interval(low=low, high=high, level=0.95, method=IntervalMethod.WALD)
    return Estimated(value=at, status=Status.OK, interval=interval, n=40)


def without(reason: str) -> Estimated:
    return Estimated(value=None, status=Status.TOO_FEW, reason=reason, n=3)


def ratios(*found: Estimated, names: tuple[str, ...] = ()) -> Forest:
    shown = names or tuple(f"Line {index}" for index in range(len(found)))
    return Forest(
        identity="f",
        title="Ratios",
        caption="",
        lines=tuple(
            ForestLine(name=name, label=name, found=each, n=each.n)
            for name, each in zip(shown, found, strict=True)
        ),
        axis=ratio_axis(found, title="Hazard ratio"),
        style=RATIO,
    )


def test_a_ratio_of_1_is_on_the_line_and_equal_ratios_are_equally_far() -> None:
    root = drawn(forest(ratios(estimate(1, 0.5, 2), estimate(2, 1, 4), estimate(0.5, 0.25, 1))))
    null = value(shapes(root, "null")[0], "x1")
    one, double, half = (centre(mark)[0] for mark in shapes(root, "mark solid"))
    assert one == pytest.approx(null, abs=0.06)
    assert double - null == pytest.approx(null - half, abs=0.11)
    reach = [(value(n, "x1"), value(n, "x2")) for n in shapes(root, "reach")]
    # the interval of the second begins, that of the third ends at 1
    assert reach[1][0] == pytest.approx(null, abs=0.06)
    assert reach[2][1] == pytest.approx(null, abs=0.06)
    # 0.25 to 4 needs the ticks from 0.2 to 5
    assert [t for t in words(root, "tick") if t != "40"] == ["0.2", "0.5", "1", "2", "5"]


def test_an_interval_that_leaves_the_axis_ends_in_an_arrow() -> None:
    root = drawn(forest(ratios(estimate(3, 0.01, 4000), estimate(2, 1, 3))))
    ends = {(value(n, "x1"), value(n, "x2")) for n in shapes(root, "reach")}
    arrows = [corners(n)[1][0] for n in shapes(root, "reach arrow")]
    low, high = min(x for x, _ in ends), max(x for _, x in ends)
    assert arrows == [low, high]
    assert f"3.00 (0.01{DASH}4000.00)" in words(root, "small")


def test_nothing_is_drawn_for_an_estimate_without_a_value_and_its_reason_is_told() -> None:
    plot = forest(ratios(estimate(2, 1, 3), without("2 events, fewer than 5")))
    root = drawn(plot)
    assert isinstance(plot, Plot)
    assert len(shapes(root, "mark solid")) == len(shapes(root, "reach")) == 1
    assert "not computable" in words(root, "small")
    assert plot.notes == ("Line 1: not computable (2 events, fewer than 5).",)
    assert plot.table.rows[1][2] == "not computable: 2 events, fewer than 5"


def test_without_any_value_there_is_no_picture() -> None:
    found = forest(ratios(without("too few"), without("too few")))
    assert found == Absent(title="Ratios", reason="too few")


def test_a_hostile_name_comes_out_as_text() -> None:
    hostile = '"><script>alert(1)</script>'
    root = drawn(forest(ratios(estimate(2, 1, 3), names=(hostile,))))
    assert not list(root.iter("script"))
    assert hostile in words(root)


bounds = st.floats(min_value=0.06, max_value=40)


@given(st.lists(st.tuples(bounds, bounds, bounds).map(sorted), min_size=1, max_size=5))
def test_the_axis_of_ratios_holds_1_and_every_interval(drawn_at: list[list[float]]) -> None:
    axis = ratio_axis([estimate(m, low, high) for low, m, high in drawn_at], title="")
    assert axis.low <= 0.5
    assert axis.high >= 2
    assert all(axis.low <= low <= high <= axis.high for low, _, high in drawn_at)
    scale = axis.scale(start=0.0, end=300.0)
    for low, middle, high in drawn_at:
        assert 0 <= scale(low) <= scale(middle) <= scale(high) <= 300 + 1e-9


@pytest.mark.parametrize("outcome", Outcome)
def test_a_cox_table_is_drawn_row_by_row(outcome: Outcome) -> None:
    table = next(each for each in replica_report.statistics().cox if each.outcome is outcome)
    root = drawn(hazard_forest(table, replica_report.rules(outcome), identity="h"))
    key = 1
    for css, rows in (("mark hollow", table.univariable), ("mark solid", table.multivariable)):
        places = [centre(mark)[0] for mark in shapes(root, css)[key:]]
        null = value(shapes(root, "null")[0], "x1")
        ticks = {n.text: value(n, "x") for n in root.iter("text") if n.get("class") == "tick"}
        double = ticks["2"] - null
        assert places == pytest.approx(
            [null + double * math.log2(row.value or math.nan) for row in rows], abs=0.3
        )
    said = " ".join(words(root, "small"))
    for row in (*table.univariable, *table.multivariable):
        assert row.value is not None
        assert f"{row.value:.2f} (" in said


def test_a_penalised_ratio_is_marked_and_the_mark_explained() -> None:
    table = replica_report.statistics().cox[0]
    first = table.univariable[0].model_copy(update={"penalised": True})
    marked = table.model_copy(update={"univariable": (first, *table.univariable[1:])})
    plot = hazard_forest(marked, replica_report.rules(Outcome.DFS), identity="h")
    assert isinstance(plot, Plot)
    assert sum("†" in text for text in words(drawn(plot), "small")) == 1
    assert "†: with Firth's penalty" in plot.caption
    plain = hazard_forest(table, replica_report.rules(Outcome.DFS), identity="h")
    assert isinstance(plain, Plot)
    assert "†" not in plain.caption


def test_separated_covariates_leave_their_reason() -> None:
    table = replica_report.statistics().cox[0]
    row = table.univariable[0]
    gone = HazardRow(
        covariate=row.covariate,
        title=row.title,
        contrast=row.contrast,
        value=None,
        status=Status.SEPARATED,
        reason="no event in one group",
        n=480,
        events=0,
    )
    marked = table.model_copy(update={"univariable": (gone, *table.univariable[1:])})
    plot = hazard_forest(marked, replica_report.rules(Outcome.DFS), identity="h")
    assert isinstance(plot, Plot)
    assert plot.notes == ("Age: per unit, alone: not computable (no event in one group).",)


def test_every_subgroup_stands_under_its_split_beside_everybody() -> None:
    found, task = replica_report.task_result(), replica_report.task()
    groups = replica_report.statistics().subgroups
    plots = subgroup_forests(groups, task, everybody=found.figures, prefix="s")
    sensitivity = next(p for p in plots if isinstance(p, Plot) and "sensitivity" in p.identity)
    root = drawn(sensitivity)
    assert words(root, "heading halo") == ["Centre", "Sex", "Location", "mrT stage"]
    assert words(root) == ["All patients", *(group.level for group in groups)]
    assert len(shapes(root, "mark whole")) == 1
    axis = shapes(root, "axis")[0]
    left, right = value(axis, "x1"), value(axis, "x2")
    shares = [
        next(f.value for f in group.figures if f.metric == "sensitivity") or math.nan
        for group in groups
    ]
    assert [centre(mark)[0] for mark in shapes(root, "mark solid")] == pytest.approx(
        [left + share * (right - left) for share in shares], abs=0.11
    )
    assert len(plots) == len({f.metric for group in groups for f in group.figures})


@pytest.mark.parametrize("outcome", Outcome)
def test_concordance_and_error_hold_every_figure_of_the_outcome(outcome: Outcome) -> None:
    figures, rules = replica_report.task_result().figures, replica_report.rules(outcome)
    kinds = (
        (discrimination, ("c_index", "uno_c_index", "auc")),
        (prediction_error, ("brier", "integrated_brier")),
    )
    for draw, metrics in kinds:
        plot = draw(figures, rules, identity="h")
        assert isinstance(plot, Plot)
        own = [f for f in figures if f.metric in {f"{outcome}_{name}" for name in metrics}]
        decimals = 2 if draw is discrimination else 3
        assert sorted(row[2] for row in plot.table.rows) == sorted(
            f"{f.value:.{decimals}f}" for f in own if f.value is not None
        )
        assert len(shapes(drawn(plot), "mark solid")) == len(own) > 6
    assert discrimination((), rules, identity="h") is None
    assert prediction_error((), rules, identity="h") is None


def test_limits_of_agreement_lie_around_zero_as_told() -> None:
    (found,) = replica_report.task_result().short_axis
    plot = limits_chart([found], identity="l")
    root = drawn(plot)
    zero = value(shapes(root, "null")[0], "x1")
    two = next(value(n, "x") for n in root.iter("text") if n.text == "2")
    places = sorted(
        (centre(m)[1], centre(m)[0])
        for css in ("mark solid", "mark hollow")
        for m in shapes(root, css)
    )
    told = [found.upper.value, found.bias.value, found.lower.value]
    assert [x for _, x in places] == pytest.approx(
        [zero + (two - zero) / 2 * (each or math.nan) for each in told], abs=0.15
    )


def test_numbers_beside_the_lines_stay_within_the_picture() -> None:
    table = replica_report.statistics().cox[0]
    plot = hazard_forest(table, replica_report.rules(Outcome.DFS), identity="h")
    assert isinstance(plot, Plot)
    width = float((re.search(r'viewBox="0 0 ([\d.]+)', plot.svg) or ["", "nan"])[1])
    for node in drawn(plot).iter("text"):
        if node.get("class") == "small" and "(" in (node.text or "") and value(node, "x") > 300:
            # 7 px is more than a digit takes at 11.5 px in the widest of the page's fonts
            assert value(node, "x") + 6.8 * len(node.text or "") <= width
