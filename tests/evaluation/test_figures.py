"""The report's figures: numbers, scales, elements and the table of figures."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.figures.agreement import heat_map
from evaluation.figures.axes import Scale, round_ticks, spread
from evaluation.figures.headline import headline
from evaluation.figures.numerals import (
    Style,
    counted,
    decimal,
    p_value,
    percent,
    quote,
    share_of,
    value_words,
)
from evaluation.figures.summary import Summary
from evaluation.figures.svg import element, picture, text
from evaluation.figures.whisker import whisker
from schema.result import Figure, Interval
from schema.task import IntervalMethod
from schema.terms import Status, TaskId
from tasks.specification import load_tasks
from tests.evaluation import sample_results as sample
from tests.evaluation.html_page import parsed
from tests.evaluation.sample_edges import HOSTILE

POSITIVITY = load_tasks()[TaskId.POSITIVITY]


def figure_of(value: float | None, *, low: float = 0.0, high: float = 1.0) -> Figure:
    """A sensitivity."""
    if value is None:
        return sample.missing_figure(POSITIVITY.metric("sensitivity"), "all", reason="no positive")
    interval = Interval(low=low, high=high, level=0.95, method=IntervalMethod.WILSON)
    return Figure(
        metric="sensitivity", scope="all", value=value, status=Status.OK, interval=interval, n=61
    )


# --- numbers -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "decimals", "shown"),
    [(0.0, 2, "0.00"), (-0.001, 2, "0.00"), (-0.21, 2, "\u22120.21"), (12.345, 1, "12.3")],
)
def test_decimal_has_a_true_minus_and_no_negative_zero(
    value: float, decimals: int, shown: str
) -> None:
    assert decimal(value, decimals) == shown


def test_a_fraction_is_shown_in_per_cent_with_its_interval() -> None:
    # 45 / 61 = 0.73770; Wilson's interval of it is 0.6158 to 0.8316
    shown = quote(figure_of(45 / 61, low=0.6158, high=0.8316), POSITIVITY.metric("sensitivity"))
    assert str(shown) == "73.77\u00a0% (95\u00a0%\u00a0CI 61.58\u201383.16\u00a0%)"
    assert percent(45 / 61) == "73.8\u00a0%"


def test_an_interval_with_a_minus_sign_is_written_with_to() -> None:
    metric = load_tasks()[TaskId.NODES].metric("short_axis_bias_mm")
    shown = quote(sample.figure(metric, "matched"), metric)
    assert shown.interval == "\u22120.34 to \u22120.08\u00a0mm"


def test_a_value_that_cannot_be_computed_is_said_with_its_reason() -> None:
    shown = quote(figure_of(None), POSITIVITY.metric("sensitivity"))
    assert str(shown) == "not computable (no positive)"


def test_a_value_without_an_interval_says_why() -> None:
    shown = quote(
        sample.worst_figure(POSITIVITY.metric("accuracy"), "all"), POSITIVITY.metric("accuracy")
    )
    assert str(shown) == "0.00\u00a0% (no interval: every patient has the same value)"


@pytest.mark.parametrize(
    ("metric", "value", "shown"),
    [
        ("dfs_log_rank", 0.0004, "< 0.001"),
        ("dfs_log_rank", 0.0, "< 0.001"),
        ("dfs_log_rank", 0.0006, "0.001"),
        ("mcnemar", 0.00001, "< 0.0001"),
        ("brier", 0.0, "0.000"),
    ],
)
def test_a_p_value_never_reads_zero(metric: str, value: float, shown: str) -> None:
    definition = POSITIVITY.metric(metric)
    style = Style(definition.unit, definition.decimals)
    assert value_words(value, definition, style) == shown


def test_a_share_of_nothing_is_a_dash() -> None:
    assert share_of(0, 0) == "\u2013"


def test_p_values_are_never_zero() -> None:
    assert [p_value(p) for p in (0.0, 0.0004, 0.0006, 0.049)] == [
        "p < 0.001",
        "p < 0.001",
        "p = 0.001",
        "p = 0.049",
    ]


def test_one_is_singular() -> None:
    assert [counted(n, "patient") for n in (0, 1, 2)] == ["0 patients", "1 patient", "2 patients"]


# --- scales ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("high", "ticks"),
    [
        (100.0, (0, 20, 40, 60, 80, 100)),
        (7.0, (0, 2, 4, 6)),
        (0.3, (0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3)),
    ],
)
def test_ticks_are_round(high: float, ticks: tuple[float, ...]) -> None:
    assert round_ticks(0.0, high) == pytest.approx(ticks)


@given(st.floats(-1e3, 1e3), st.floats(1e-3, 1e4), st.integers(min_value=2, max_value=14))
def test_ticks_lie_within_the_range_and_are_evenly_spaced(
    low: float, length: float, most: int
) -> None:
    ticks = round_ticks(low, low + length, most=most)
    slack = 1e-6 * length
    assert len(ticks) <= most + 1
    assert all(low - slack <= tick <= low + length + slack for tick in ticks)
    steps = np.diff(ticks)
    assert np.allclose(steps, steps[0] if steps.size else 0.0)


def test_a_scale_maps_its_ends_to_its_pixels() -> None:
    scale = Scale(low=0.0, high=4.0, start=100.0, end=20.0)
    assert [scale(value) for value in (0.0, 1.0, 4.0)] == [100.0, 80.0, 20.0]


@given(st.lists(st.floats(0, 500), min_size=1, max_size=8), st.floats(0, 40))
def test_labels_are_pushed_apart_and_the_middle_one_stays(
    positions: list[float], gap: float
) -> None:
    ordered = sorted(positions)
    placed = spread(ordered, gap=gap)
    assert placed[len(ordered) // 2] == ordered[len(ordered) // 2]
    assert all(b - a >= gap - 1e-9 for a, b in pairwise(placed))


# --- elements ----------------------------------------------------------------


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_text_stays_text_inside_a_picture(hostile: str) -> None:
    svg = picture(
        text(hostile, x=0, y=0),
        element("rect", fill=hostile),
        width=10,
        height=10,
        identity="p",
        title=hostile,
        description=hostile,
    )
    root = parsed(svg)
    assert {node.tag for node in root.iter()} == {"svg", "title", "desc", "text", "rect"}
    assert [root.findtext(tag) for tag in ("title", "desc", "text")] == [hostile] * 3
    assert [node.get("fill") for node in root.iter("rect")] == [hostile]


def test_a_picture_is_named_and_described_by_its_own_elements() -> None:
    root = parsed(heat_map(sample.agreement(), identity="raters").svg)
    named = (root.get("aria-labelledby") or "").split()
    assert root.get("role") == "img"
    assert [
        node.get("id") for node in (root.find("title"), root.find("desc")) if node is not None
    ] == named


# --- table of figures --------------------------------------------------------


def test_a_whisker_spans_the_interval_on_the_range_of_the_metric() -> None:
    figure = figure_of(0.5, low=0.25, high=0.75)
    root = parsed(whisker(figure, POSITIVITY.metric("sensitivity")))
    bar = next(node for node in root if node.get("class") == "interval")
    # 0 to 1 over 6 to 126 px
    assert (bar.get("x1"), bar.get("x2")) == ("36", "96")


def test_an_unbounded_metric_and_a_missing_value_have_no_whisker() -> None:
    ratio = POSITIVITY.metric("dfs_hazard_ratio")
    assert whisker(sample.figure(ratio, "model"), ratio) == ""
    assert whisker(figure_of(None), POSITIVITY.metric("sensitivity")) == ""


def test_a_metric_is_one_group_even_where_its_figures_lie_apart() -> None:
    task = load_tasks()[TaskId.NODES]
    result = sample.task_result(TaskId.NODES)
    scrambled = result.model_copy(
        update={"figures": tuple(sorted(result.figures, key=lambda figure: figure.scope))}
    )
    groups = headline(scrambled, task)
    assert [group.metric.id for group in groups] == [metric.id for metric in task.metrics]
    assert sum(len(group.rows) for group in groups) == len(result.figures)


def test_only_the_figures_that_order_the_board_are_marked() -> None:
    rows = {
        (group.metric.id, row.scope)
        for group in headline(sample.task_result(TaskId.POSITIVITY), POSITIVITY)
        for row in group.rows
        if row.ranked
    }
    assert rows == {(key, "All patients") for key in POSITIVITY.ranking.keys}


def test_the_summary_knows_what_always_negative_would_score() -> None:
    summary = Summary(result=sample.task_result(TaskId.POSITIVITY), task=POSITIVITY)
    # 419 of 480; the model is right in 45 + 375 = 420
    assert summary.always_negative == "87.3\u00a0%"
    assert summary.above_always_negative == 1


# --- figures without an interval -----------------------------------------------


def test_a_p_value_has_a_dash_for_its_interval_and_no_whisker() -> None:
    metric = POSITIVITY.metric("dfs_log_rank")
    figure = Figure(
        metric="dfs_log_rank",
        scope="model",
        value=0.16,
        status=Status.OK,
        interval_reason="a p value has no interval",
        n=48,
    )

    assert quote(figure, metric).interval == "\u2013"
    assert whisker(figure, metric) == ""
