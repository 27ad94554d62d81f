"""Kaplan-Meier curves of a grouping hold its numbers, month by month."""

from __future__ import annotations

from itertools import pairwise

import pytest

from evaluation.figures.numerals import DASH
from evaluation.figures.plot import Absent, Plot
from evaluation.figures.survival_groups import LOOKS, grouping_curves
from schema.statistics import GroupSurvival, SurvivalGrouping
from schema.terms import Outcome
from tests.evaluation import replica_report
from tests.evaluation.pictures import corners, drawn, height_at, shapes, value, words

LOOKS_OF_THE_REPLICA = [
    (name, outcome)
    for outcome in Outcome
    for name in ("model", "consensus", "region", "size", "joint_mr_td", "joint_mr_crm")
]


def curves(name: str, outcome: Outcome) -> tuple[SurvivalGrouping, Plot]:
    found = replica_report.grouping(name, outcome)
    plot = grouping_curves(found, replica_report.rules(outcome), identity="km")
    assert isinstance(plot, Plot)
    return found, plot


def groups(*found: GroupSurvival, **changes: object) -> SurvivalGrouping:
    base = replica_report.grouping("model", Outcome.DFS)
    update = {"groups": found, "comparisons": (), "p_value": None, **changes}
    return base.model_copy(update=update)


def nobody(label: str) -> GroupSurvival:
    base = replica_report.grouping("model", Outcome.DFS).groups[0]
    none: dict[str, object] = dict.fromkeys(("survival", "low", "high", "at_risk"), ())
    return base.model_copy(update={"label": label, "n": 0, "events": 0, **none})


@pytest.mark.parametrize(("name", "outcome"), LOOKS_OF_THE_REPLICA)
def test_every_curve_and_band_is_at_the_survival_of_each_month(name: str, outcome: Outcome) -> None:
    found, plot = curves(name, outcome)
    root = drawn(plot)
    axis = shapes(root, "axis")[0]
    left, right, bottom = value(axis, "x1"), value(axis, "x2"), value(axis, "y1")
    for look, group in zip(LOOKS, found.groups, strict=False):
        line = corners(next(n for n in shapes(root, f"curve {look}") if n.tag == "path"))
        band = corners(shapes(root, f"band {look}")[0])
        upper = band[: band.index(max(band, key=lambda c: c[0])) + 1]
        followed = sum(count > 0 for count in group.at_risk)
        # 96 months over the axis, 216 px from 0 to 1; a place is rounded to a tenth of a pixel
        for month in range(min(followed, 96)):
            x = left + month / 96 * (right - left)
            assert height_at(line, x) == pytest.approx(
                bottom - 216 * group.survival[month], abs=0.11
            )
            if month < 95:
                assert height_at(upper, x) == pytest.approx(
                    bottom - 216 * group.high[month], abs=0.11
                )


def test_a_curve_has_a_corner_only_where_it_falls() -> None:
    found, plot = curves("model", Outcome.OS)
    line = next(n for n in shapes(drawn(plot), "curve positive") if n.tag == "path")
    survival = found.groups[1].survival
    falls = sum(a != b for a, b in pairwise(survival))
    # the start, two a fall, the end
    assert falls < 15
    assert len(corners(line)) == 2 * falls + 2


@pytest.mark.parametrize("name", ["model", "joint_mr_emvi"])
def test_the_numbers_at_risk_stand_below_every_year(name: str) -> None:
    found, plot = curves(name, Outcome.DFS)
    ticks = [n for n in drawn(plot).iter("text") if n.get("class") == "tick"]
    by_height: dict[str, list[tuple[float, str]]] = {}
    for node in ticks:
        by_height.setdefault(node.get("y") or "", []).append((value(node, "x"), node.text or ""))
    years, *rows = [row for row in by_height.values() if len(row) == 9]
    assert [text for _, text in years] == [str(12 * year) for year in range(9)]
    for row, group in zip(rows, found.groups, strict=True):
        assert [text for _, text in row] == [str(n) for n in group.at_risk[::12]]
        assert [x for x, _ in row] == [x for x, _ in years]


def test_the_table_holds_the_interval_at_the_horizon() -> None:
    found, plot = curves("model", Outcome.DFS)
    row = next(r for r in plot.table.rows if r[:2] == ("LLN positive", "36"))
    at = found.groups[1].at_horizons[0]
    assert at.value is not None
    assert at.interval is not None
    shown = [at.value, at.interval.low, at.interval.high]
    assert [row[3], *row[4].split(f" {DASH} ")] == [f"{100 * each:.1f}\u00a0%" for each in shown]


def test_test_ratio_and_survival_are_told_below_the_curves() -> None:
    _, plot = curves("region", Outcome.OS)
    # from the result: the paper's Figure 4 has 1.613 (0.5650-4.607)
    assert plot.caption.startswith("Log-rank test of all groups: p = 0.001.")
    assert "1 patient in no group" in plot.caption
    assert (
        f"II against OB and EI: log-rank hazard ratio 1.61 (95\u00a0%\u00a0CI 0.57{DASH}4.61), "
        "p\u00a0=\u00a00.383." in plot.notes
    )
    assert plot.notes[0].startswith("At 60 months: LLN negative 84.9\u00a0%")
    assert len(plot.notes) == 4


def test_a_group_of_nobody_has_no_curve_and_nobody_at_risk() -> None:
    known = replica_report.grouping("model", Outcome.DFS).groups[0]
    plot = grouping_curves(
        groups(known, nobody("Empty")), replica_report.rules(Outcome.DFS), identity="km"
    )
    assert isinstance(plot, Plot)
    root = drawn(plot)
    assert not [each for each in shapes(root, "curve positive") if each.tag == "path"]
    assert "Empty: 0 patients, 0 events." in words(root)
    assert words(root, "tick")[-9:] == ["0"] * 9
    assert "No log-rank test" in plot.caption


def test_a_grouping_of_nobody_is_not_drawn() -> None:
    found = grouping_curves(
        groups(nobody("A"), nobody("B")), replica_report.rules(Outcome.DFS), identity="km"
    )
    assert isinstance(found, Absent)
    assert found.reason == "no patient is in any of its groups"


def test_hostile_labels_come_out_as_text() -> None:
    known = replica_report.grouping("model", Outcome.DFS).groups[0]
    hostile = "</text><script>alert(1)</script>&"
    plot = grouping_curves(
        groups(known.model_copy(update={"label": hostile})),
        replica_report.rules(Outcome.DFS),
        identity="km",
    )
    root = drawn(plot)
    assert not list(root.iter("script"))
    assert hostile in words(root, "negative")
