"""Curves of which numbers are withheld: drawn, and no number invented for what is not told."""

from __future__ import annotations

from evaluation.figures.plot import Absent, Plot
from leaderboard.public_curves import GroupCounts, public_curve
from leaderboard.site.curves import SMALL, agreement_picture, status_curves
from schema.entry import PublicAgreement, PublicCurve, PublicTask
from schema.terms import Status, TaskId
from tests.evaluation.html_page import parsed
from tests.leaderboard.site import examples
from tests.leaderboard.test_public_curves import curve_of

TASK = examples.TASKS[TaskId.POSITIVITY]


def curves(*, sizes: bool, events: bool) -> tuple[PublicCurve, PublicCurve]:
    """A hundred patients, of whom few are positive."""
    counts = GroupCounts(sizes=sizes, events=events)
    few = curve_of([5.0] * 10 + [90.0] * 13, [True] * 10 + [False] * 13)
    many = curve_of([7.0] * 20 + [90.0] * 57, [True] * 20 + [False] * 57, group="negative")
    shown = [public_curve(each, counts=counts, least=5) for each in (many, few)]
    return shown[0], shown[1]


def public(**parts: object) -> PublicTask:
    return examples.public_task(TaskId.POSITIVITY, index=0).model_copy(update=parts)


def drawn(found: tuple[PublicCurve, ...]) -> Plot:
    (plot,) = status_curves(public(survival=found), TASK, prefix="x")
    assert isinstance(plot, Plot)
    parsed(plot.svg)
    return plot


def test_groups_whose_sizes_are_withheld_are_drawn_and_their_numbers_said_to_be_withheld() -> None:
    found = curves(sizes=False, events=False)
    plot = drawn(found)

    # both groups fall within the first year, to 57/77 and to 13/23
    assert plot.svg.count('class="curve negative"') == 2  # the line, and its sample in the legend
    assert "LLN-positive: number of patients withheld, events withheld." in plot.svg
    assert {row[2] for row in plot.table.rows} == {"withheld"}
    assert {row[3] for row in plot.table.rows} == {"100.0\u00a0%", "74.0\u00a0%", "56.5\u00a0%"}
    assert "may not be told" in plot.caption
    assert "None" not in plot.svg + plot.caption


def test_known_sizes_are_told_although_the_events_are_withheld() -> None:
    plot = drawn(curves(sizes=True, events=False))

    assert "LLN-positive: 23 patients, events withheld." in plot.svg
    assert "LLN-negative: 77 patients, events withheld." in plot.svg
    # the public's numbers at risk are rounded down to multiples of five
    assert [row[2] for row in plot.table.rows if row[0] == "LLN-positive"][:2] == ["20", "10"]
    assert "may not be told" not in plot.caption


def test_curves_of_which_everything_is_told_are_the_reports_own() -> None:
    found = curves(sizes=True, events=True)

    assert "LLN-positive: 23 patients, 10 events." in drawn(found).svg


def test_a_group_without_a_month_is_in_the_legend_and_has_no_curve() -> None:
    many, few = curves(sizes=False, events=False)
    columns = ("months", "survival", "low", "high", "at_risk")
    plot = drawn((many, few.model_copy(update=dict.fromkeys(columns, ()))))

    assert plot.svg.count('class="curve positive"') == 1
    assert "LLN-positive" in plot.svg
    assert ' d=""' not in plot.svg


def test_no_curve_at_all_is_said_to_be_of_too_few() -> None:
    columns = ("months", "survival", "low", "high", "at_risk")
    none = tuple(
        each.model_copy(update=dict.fromkeys(columns, ()))
        for each in curves(sizes=False, events=False)
    )
    (found,) = status_curves(public(survival=none), TASK, prefix="x")

    assert isinstance(found, Absent)
    assert found.reason == SMALL


def pair(first: str, *, told: bool) -> PublicAgreement:
    if told:
        return PublicAgreement(
            first=first, second="model", value=0.5, status=Status.OK, n=180, words="moderate"
        )
    return PublicAgreement(
        first=first, second="model", value=None, status=Status.WITHHELD, reason="few", n=None
    )


def test_pairs_of_raters_that_may_not_be_told_of_are_named_and_not_drawn() -> None:
    pairs = (pair("R1", told=True), pair("R2", told=False))
    (plot,) = agreement_picture(public(agreement=pairs), prefix="x")

    assert isinstance(plot, Plot)
    assert plot.notes == ("R2 and model: withheld (few).",)
    assert [row[-1] for row in plot.table.rows] == ["180"]
    assert "R2" not in plot.svg


def test_no_pair_that_may_be_told_of_is_no_heat_map() -> None:
    (found,) = agreement_picture(public(agreement=(pair("R1", told=False),)), prefix="x")

    assert isinstance(found, Absent)
