"""What is shown of a result: everything of a public cohort, nothing small of a hidden one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from leaderboard.figure_rules import NO_RULE, RULES, SINGLE_NODES
from leaderboard.hidden_result import HiddenResult
from leaderboard.key_tables import step_of
from leaderboard.projection import public_tasks
from schema.board import LEAST_COUNT
from schema.entry import PublicTask
from schema.result import (
    Coverage,
    Figure,
    Interval,
    Matrix,
    Result,
    TaskResult,
)
from schema.statistics import Froc, Statistics, Subgroup
from schema.task import IntervalMethod, Metric
from schema.terms import NodeClass, Split, Status, TaskId
from tasks.specification import load_tasks, task_digest
from tests.leaderboard import attacker
from tests.leaderboard.conftest import Made

TASKS = load_tasks()
STATUS = ("positive", "negative")


def result_of(made: Made, team: str) -> TaskResult:
    text = made.results[team].read_text(encoding="utf-8")
    return Result.model_validate_json(text).task(TaskId.POSITIVITY)


def shown(result: TaskResult, *, split: Split = Split.HIDDEN) -> PublicTask:
    (task,) = public_tasks([result], tasks=TASKS, split=split, least=LEAST_COUNT)
    return task


def task_result(
    task: TaskId, *figures: Figure, matrices: tuple[Matrix, ...] = (), cases: int = 200
) -> TaskResult:
    return TaskResult(
        task=task,
        task_version=TASKS[task].version,
        task_digest=task_digest(task),
        coverage=Coverage(cases=cases, scored=cases, failed=0, failures={}),
        figures=figures,
        matrices=matrices,
    )


def figure(metric: str, scope: str, value: float, *, n: int = 200) -> Figure:
    interval = Interval(
        low=value - 0.0312345, high=value + 0.0312345, level=0.95, method=IntervalMethod.BOOTSTRAP
    )
    return Figure(metric=metric, scope=scope, value=value, status=Status.OK, interval=interval, n=n)


def status(tp: int, fn: int, fp: int, tn: int) -> Matrix:
    return Matrix(
        id="status", title="LLN status", rows=STATUS, columns=STATUS, cells=((tp, fn), (fp, tn))
    )


@pytest.mark.parametrize("split", [Split.PUBLIC, Split.TRAIN])
def test_of_a_cohort_that_is_not_hidden_everything_is_shown(public: Made, split: Split) -> None:
    result = result_of(public, "Beta")

    found = shown(result, split=split)

    assert [each.value for each in found.figures] == [each.value for each in result.figures]
    assert [each.cells for each in found.matrices] == [each.cells for each in result.matrices]
    assert [each.n for each in found.agreement] == [each.n for each in result.agreement]
    for before, after in zip(result.survival, found.survival, strict=True):
        points = dict(zip(before.months, before.survival, strict=True))
        assert [points[month] for month in after.months] == list(after.survival)
        assert set(after.survival) == set(before.survival)
    assert all(each.rounded_to is None for each in found.figures)
    assert result.statistics is not None
    assert found.subgroups == result.statistics.subgroups
    assert found.statistics is not None
    assert found.short_axis == result.short_axis


def test_of_a_hidden_one_whose_tables_are_large_the_figures_are_shown_as_rounded(
    hidden: Made,
) -> None:
    result, found = result_of(hidden, "Alpha"), shown(result_of(hidden, "Alpha"))

    assert found.matrices[0].cells == ((22, 8), (12, 78))
    for name in ("accuracy", "sensitivity", "specificity", "ppv", "npv", "balanced_accuracy"):
        exact, public = result.figure(name, "all"), found.figure(name, "all")
        assert exact.value is not None
        assert public.value == round(exact.value, 4)
        assert (public.n, public.rounded_to) == (exact.n, 0.0001)
    assert found.statistics is None
    assert found.short_axis == ()
    assert found.froc is None


def test_one_small_count_closes_everything_made_of_its_table(hidden: Made) -> None:
    found = shown(result_of(hidden, "Beta"))  # 3 positive patients are missed

    assert {cell for row in found.matrices[0].cells for cell in row} == {None}
    assert {cell for each in found.matrices for row in each.cells for cell in row} == {None}
    closed = {each.metric for each in found.figures if each.status is Status.WITHHELD}
    assert {"accuracy", "sensitivity", "specificity", "ppv", "npv", "f1", "mcc"} <= closed
    assert {"kappa", "gwet_ac1", "mcnemar", "region_accuracy", "size_accuracy"} <= closed
    assert all(each.value is None and each.n is None for each in found.agreement)
    assert {each.scope for each in found.survival} == {"consensus"}
    assert found.subgroups == ()


def test_a_ranking_key_is_shown_although_its_table_is_not_and_without_its_number(
    hidden: Made,
) -> None:
    found = shown(result_of(hidden, "Beta"))

    key = found.figure("balanced_accuracy", "all")
    assert key.value is not None
    assert key.interval is not None
    assert key.n is None


@pytest.mark.parametrize(
    ("counts", "least"),
    [
        ((23, 3, 20, 154), LEAST_COUNT),
        ((60, 1, 44, 375), LEAST_COUNT),
        ((97, 3, 2, 98), LEAST_COUNT),
        ((26, 0, 4, 170), LEAST_COUNT),
        ((48, 4, 7, 421), LEAST_COUNT),
        ((25, 1, 4, 170), 2),  # nearly perfect: a key that left five values would say nothing
    ],
)
def test_the_table_cannot_be_told_from_its_key(
    counts: tuple[int, int, int, int], least: int
) -> None:
    tp, fn, fp, tn = counts
    exact = (tp / (tp + fn) + tn / (tn + fp)) / 2
    result = task_result(
        TaskId.POSITIVITY,
        figure("balanced_accuracy", "all", exact, n=sum(counts)),
        matrices=(status(*counts),),
        cases=sum(counts),
    )

    key = shown(result).figures[0]

    # all that is known: the reference's two totals, and the key as it is shown
    right = np.indices((tp + fn + 1, fp + tn + 1)).reshape(2, -1)
    values = (right[0] / (tp + fn) + right[1] / (fp + tn)) / 2
    assert key.value is not None
    assert key.rounded_to is not None
    agrees = np.abs(values - key.value) <= key.rounded_to / 2 + 1e-12
    if min(fn, tp) in range(1, LEAST_COUNT):
        assert len(set(right[0][agrees])) >= least
    if min(fp, tn) in range(1, LEAST_COUNT):
        assert len(set(right[1][agrees])) >= least


def test_an_exact_key_would_tell_the_table() -> None:
    # 61 and 419 have no common divisor: one pair of counts gives each balanced accuracy
    tp, tn = np.indices((62, 420)).reshape(2, -1)
    values = tp * 419 + tn * 61

    assert (values == 60 * 419 + 375 * 61).sum() == 1


def test_a_pooled_key_of_nodes_hides_how_many_were_matched() -> None:
    cells = ((140, 8, 2), (7, 33, 1), (12, 4, 0))
    matrix = Matrix(
        id="node_class",
        title="Nodes by class",
        rows=(*map(str, NodeClass), "spurious"),
        columns=(*map(str, NodeClass), "missed"),
        cells=cells,
    )
    matched, missed, spurious = 188, 3, 16
    exact = 2 * matched / (2 * matched + missed + spurious)
    key = figure("detection_f1", "any", exact, n=2 * matched + missed + spurious)
    hits = 2 * 33 / (41 + 45)
    second = figure("detection_f1", "positive", hits, n=86)
    result = task_result(TaskId.NODES, key, second, matrices=(matrix,))

    found = shown(result)

    for each, reference, beside in ((found.figures[0], 191, 16), (found.figures[1], 41, 12)):
        assert each.value is not None
        assert each.rounded_to is not None
        assert each.n is None
        possible = np.arange(reference + 1)
        values = 2 * possible / (reference + possible + beside)
        agrees = np.abs(values - each.value) <= each.rounded_to / 2 + 1e-12
        assert agrees.sum() >= 2


def test_the_matrix_of_nodes_is_suppressed_and_its_figures_go_with_it() -> None:
    cells = ((140, 8, 20), (7, 33, 9), (12, 4, 0))
    matrix = Matrix(
        id="node_class",
        title="Nodes by class",
        rows=(*map(str, NodeClass), "spurious"),
        columns=(*map(str, NodeClass), "missed"),
        cells=cells,
    )
    result = task_result(
        TaskId.NODES,
        figure("detection_sensitivity", "any", 188 / 217, n=217),
        figure("short_axis_error_mm", "matched", 0.91, n=188),
        figure("class_accuracy", "matched", 173 / 188, n=188),
        figure("aggregate_dice", "any", 0.81, n=180),
        matrices=(matrix,),
    )

    found = shown(result)

    assert [each.status for each in found.figures] == [
        Status.WITHHELD,
        Status.OK,
        Status.WITHHELD,
        Status.OK,
    ]
    assert [each.n for each in found.figures] == [None, None, None, 180]
    rows, columns = attacker.known_margins(cells, unknown_rows=(), unknown_columns=())
    public = found.matrices[0].cells
    for place, each in attacker.ranges(public, rows=rows, columns=columns, total=233).items():
        assert each.values >= LEAST_COUNT, place


def test_a_metric_without_a_rule_is_withheld() -> None:
    unheard = TASKS[TaskId.COMPARTMENTS].metric("dice").model_copy(update={"id": "new_metric"})
    task = TASKS[TaskId.COMPARTMENTS].model_copy(update={"metrics": (unheard,)})
    result = task_result(TaskId.COMPARTMENTS, figure("new_metric", "macro", 0.8))

    (found,) = public_tasks(
        [result], tasks={TaskId.COMPARTMENTS: task}, split=Split.HIDDEN, least=LEAST_COUNT
    )

    assert (found.figures[0].value, found.figures[0].reason) == (None, NO_RULE)


def test_neither_the_curve_of_single_nodes_nor_its_mean_is_shown() -> None:
    rates, shares = (0.125, 8.0), (0.5, 0.75)
    curve = Froc(value=0.625, status=Status.OK, false_positives_per_case=rates, sensitivity=shares)
    result = task_result(TaskId.NODES, figure("froc", "any", 0.625, n=217))

    found = shown(result.model_copy(update={"froc": curve}))

    assert (found.figures[0].value, found.figures[0].n) == (None, None)
    assert found.figures[0].reason == SINGLE_NODES
    assert found.froc is None


def test_a_matrix_that_no_rule_knows_is_withheld() -> None:
    matrix = status(45, 16, 44, 375).model_copy(update={"id": "new_matrix"})

    found = shown(task_result(TaskId.POSITIVITY, matrices=(matrix,), cases=480))

    assert found.matrices[0].cells == ((None, None), (None, None))


def test_every_metric_of_the_task_files_has_a_rule() -> None:
    metrics = {metric.id for task in TASKS.values() for metric in task.metrics}

    assert metrics - set(RULES) == set()


def test_the_scorers_words_are_not_repeated() -> None:
    told = Figure(
        metric="brier",
        scope="all",
        value=None,
        status=Status.TOO_FEW,
        reason="3 events, fewer than 10",
        n=200,
    )
    half = figure("auroc", "all", 0.8).model_copy(
        update={"interval": None, "interval_reason": "undefined in 7 % of the resamples"}
    )

    found = shown(task_result(TaskId.POSITIVITY, told, half))

    texts = [str(each.reason) + str(each.interval_reason) for each in found.figures]
    assert not any(character.isdigit() for text in texts for character in text)


@pytest.mark.parametrize(
    ("n", "value", "number"),
    [(3, None, None), (5, 0.8, 5), (200, 0.8, 200), (197, 0.8, None), (195, 0.8, 195)],
)
def test_a_mean_of_too_few_is_withheld_and_so_is_a_number_that_tells_of_few(
    n: int, value: float | None, number: int | None
) -> None:
    found = shown(task_result(TaskId.COMPARTMENTS, figure("dice", "ei_right", 0.8, n=n)))

    assert (found.figures[0].value, found.figures[0].n) == (value, number)


def test_two_numbers_that_differ_by_few_are_not_both_shown() -> None:
    figures = [figure("dice", f"label_{n}", 0.8, n=n) for n in (150, 147, 140)]

    found = shown(task_result(TaskId.NODES, *figures))

    assert [each.n for each in found.figures] == [150, None, 140]


@pytest.mark.parametrize(("swaps", "is_shown"), [(0, True), (2, False), (5, True), (198, False)])
def test_a_share_is_shown_when_those_it_counts_and_the_others_may_be(
    swaps: int, *, is_shown: bool
) -> None:
    found = shown(task_result(TaskId.COMPARTMENTS, figure("side_swap", "all", swaps / 200)))

    assert (found.figures[0].value is not None) is is_shown


def group(level: str, tp: int, fn: int, fp: int, tn: int) -> Subgroup:
    return Subgroup(
        dimension="sex",
        title="Sex",
        level=level,
        n=tp + fn + fp + tn,
        positives=tp + fn,
        figures=(
            figure("sensitivity", "all", tp / (tp + fn), n=tp + fn),
            figure("specificity", "all", tn / (tn + fp), n=tn + fp),
            figure("unheard_of", "all", 0.5),
        ),
    )


@pytest.mark.parametrize(
    ("men", "levels"),
    [
        ((53, 30, 40, 120), ["women", "men"]),  # nobody is in neither
        ((47, 24, 34, 114), ["women", "men"]),  # six of each in neither
        ((51, 30, 40, 120), []),  # two patients are in neither: nothing may be told of them
        ((100, 3, 40, 120), []),
    ],
)
def test_a_dimension_is_shown_when_every_group_and_the_rest_may_be(
    men: tuple[int, int, int, int], levels: list[str]
) -> None:
    women = (50, 30, 40, 120)
    whole = (103, 60, 80, 240) if men[0] != 100 else (150, 33, 80, 240)
    result = task_result(TaskId.POSITIVITY, matrices=(status(*whole),), cases=sum(whole))
    parts: dict[str, Any] = {"subgroups": (group("women", *women), group("men", *men))}
    statistics = Statistics.model_construct(**parts)

    found = shown(result.model_copy(update={"statistics": statistics})).subgroups

    assert [each.level for each in found] == levels
    for each in found:
        assert [one.metric for one in each.figures] == ["sensitivity", "specificity"]
        assert all(one.value == round(one.value or 0.0, 4) for one in each.figures)


def test_p_values_keep_two_digits() -> None:
    exact = figure("brier", "all", 0.123456).model_copy(update={"p_value": 0.0123456})

    found = shown(task_result(TaskId.POSITIVITY, exact)).figures[0]

    assert (found.value, found.p_value) == (0.123, 0.012)


def test_a_survival_figure_of_few_events_is_withheld_with_its_point(hidden: Made) -> None:
    found = shown(result_of(hidden, "Alpha"))

    for curve in found.survival:
        scope = f"{curve.scope}_{curve.group}"
        months = {each.outcome: each.horizon_months for each in TASKS[TaskId.POSITIVITY].outcomes}
        point = found.figure(f"{curve.outcome}_at_horizon", scope)
        assert (point.value is not None) == (months[curve.outcome] in curve.months)


def metric_named(metric: str) -> Metric:
    return next(each for task in TASKS.values() for each in task.metrics if each.id == metric)


def test_a_step_is_a_multiple_of_what_is_shown() -> None:
    result = task_result(TaskId.POSITIVITY, matrices=(status(97, 3, 2, 98),))
    hidden_result = HiddenResult(result, TASKS[TaskId.POSITIVITY], LEAST_COUNT)

    step = step_of(figure("balanced_accuracy", "all", 0.975), 0.975, hidden=hidden_result)

    digits = metric_named("balanced_accuracy").decimals + 2
    assert math.isclose(step * 10**digits, round(step * 10**digits))


def test_suppression_never_adds_anything(hidden: Made) -> None:
    for team in hidden.results:
        exact: dict[Any, Any] = {
            (each.metric, each.scope): each for each in result_of(hidden, team).figures
        }
        for each in shown(result_of(hidden, team)).figures:
            own = exact[each.metric, each.scope]
            if each.value is not None:
                assert each.rounded_to is not None
                assert abs(each.value - own.value) <= each.rounded_to / 2 + 1e-9
            assert each.n in (None, own.n)
