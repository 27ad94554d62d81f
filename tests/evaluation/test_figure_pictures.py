"""The report's pictures hold what the data hold, where it belongs."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.figures.agreement import heat_map
from evaluation.figures.confusion import confusion, without_unstated
from evaluation.figures.distribution import dice_distribution, spread_of
from evaluation.figures.node_lengths import limits_of_agreement, node_lengths
from evaluation.figures.node_pairs import pair_differences, pair_scatter
from evaluation.figures.node_sizes import bin_edges, size_histogram
from evaluation.figures.numerals import percent
from evaluation.figures.plot import Absent, Plot
from evaluation.figures.status import status_counts
from evaluation.figures.survival import Panel, kaplan_meier, months_shown
from schema.result import CaseScore, Matrix, SurvivalCurve
from schema.terms import NodeClass, Outcome, TaskId
from tasks.specification import label_map, load_tasks
from tests.evaluation import sample_cases, sample_results
from tests.evaluation.html_page import parsed

POSITIVITY = load_tasks()[TaskId.POSITIVITY]
COLOURS = {NodeClass.NEGATIVE: "#2980b9", NodeClass.POSITIVE: "#f1c40f"}


def drawn(plot: Plot | Absent) -> ET.Element:
    """The picture, parsed: it must be well-formed XML."""
    assert isinstance(plot, Plot)
    return parsed(plot.svg)


def words(root: ET.Element, css: str) -> list[str]:
    """Every text of a class, in order."""
    return [node.text or "" for node in root.iter("text") if node.get("class") == css]


def shapes(root: ET.Element, css: str) -> list[ET.Element]:
    """Every shape whose class is exactly this."""
    return [node for node in root.iter() if node.get("class") == css]


# --- confusion matrices ------------------------------------------------------


@pytest.mark.parametrize(
    "matrix",
    [
        sample_results.STATUS_MATRIX,
        sample_results.REGION_MATRIX,
        sample_results.SIZE_MATRIX,
        sample_results.NODE_MATRIX,
    ],
    ids=lambda matrix: matrix.id,
)
def test_the_cells_hold_the_counts_and_the_row_shares(matrix: Matrix) -> None:
    plot = confusion(matrix, identity="m", unit="patient", swatches={})
    shown = without_unstated(matrix)
    counts = [count for row in shown.cells for count in row]
    if counts[-1] == 0 and "spurious" in shown.rows:
        counts.pop()
    assert words(drawn(plot), "count") == [str(count) for count in counts]
    first = shown.cells[0][0]
    assert words(drawn(plot), "small")[0] == percent(first / sum(shown.cells[0]))
    assert [row[-1] for row in plot.table.rows] == [str(sum(row)) for row in shown.cells]


def test_unstated_is_hidden_only_where_it_is_empty() -> None:
    assert without_unstated(sample_results.REGION_MATRIX).rows == ("EI", "OB", "II", "spurious")
    kept = without_unstated(sample_results.SIZE_MATRIX)
    assert (kept.rows, kept.columns) == (
        ("< 7 mm", "≥ 7 mm", "spurious"),
        ("< 7 mm", "≥ 7 mm", "unstated", "missed"),
    )
    assert kept.total == sample_results.SIZE_MATRIX.total


def test_every_agreeing_cell_is_framed_and_the_others_are_not() -> None:
    root = drawn(confusion(sample_results.REGION_MATRIX, identity="m", unit="patient", swatches={}))
    # three regions and the corner of the patients in neither
    assert len(shapes(root, "cell agree")) == 4
    assert len(shapes(root, "cell")) == 12


def test_a_corner_that_cannot_occur_is_left_out() -> None:
    root = drawn(confusion(sample_results.NODE_MATRIX, identity="m", unit="node", swatches={}))
    assert len(words(root, "count")) == 8


def test_regions_carry_their_own_colour_on_both_axes() -> None:
    colours = {"EI": "#8e44ad", "OB": "#27ae60", "II": "#c0392b"}
    root = drawn(
        confusion(sample_results.REGION_MATRIX, identity="m", unit="patient", swatches=colours)
    )
    assert [bar.get("fill") for bar in shapes(root, "swatch")] == [*colours.values()] * 2


def test_shade_grows_with_the_row_share() -> None:
    root = drawn(confusion(sample_results.STATUS_MATRIX, identity="m", unit="patient", swatches={}))
    # half of 45/61, 16/61, 44/419 and 375/419
    assert [bar.get("fill-opacity") for bar in shapes(root, "shade")] == [
        "0.37",
        "0.13",
        "0.05",
        "0.45",
    ]


def test_status_counts_do_not_depend_on_the_order_of_rows_and_columns() -> None:
    turned = Matrix(
        id="status",
        title="Status",
        rows=("negative", "positive"),
        columns=("negative", "positive"),
        cells=((375, 44), (16, 45)),
    )
    assert (
        status_counts([turned])
        == status_counts([sample_results.STATUS_MATRIX])
        == (45, 16, 44, 375)
    )
    assert status_counts([sample_results.REGION_MATRIX]) is None


# --- agreement ---------------------------------------------------------------


def test_the_heat_map_holds_every_pair_twice_and_a_blank_diagonal() -> None:
    pairs = sample_results.agreement()
    root = drawn(heat_map(pairs, identity="raters"))
    shown = sorted(words(root, "count"))
    expected = ["\u2013" if pair.value is None else f"{pair.value:.2f}" for pair in pairs]
    assert shown == sorted(expected * 2)
    assert len(shapes(root, "void")) == 5


def test_an_agreement_without_a_value_keeps_its_reason_in_the_table() -> None:
    table = heat_map(sample_results.agreement(), identity="raters").table
    assert table.rows[-1][:2] == (
        "R2 and R3",
        "not computable: both raters use one and the same single class",
    )


# --- survival ----------------------------------------------------------------


def panel(*curves: SurvivalCurve) -> Panel:
    return Panel(identity="km", rules=POSITIVITY.outcomes[0], curves=curves, caption="")


def small_curve(**changes: object) -> SurvivalCurve:
    """Four patients: one event in the first year, one in the second, nobody after 24 months."""
    columns: dict[str, object] = {
        "months": (0.0, 12.0, 24.0, 36.0),
        "survival": (1.0, 0.75, 0.375, 0.375),
        "low": (1.0, 0.3, 0.1, 0.1),
        "high": (1.0, 0.9, 0.7, 0.7),
        "at_risk": (4, 3, 1, 0),
    }
    return SurvivalCurve.model_validate(
        {
            "outcome": Outcome.DFS,
            "scope": "model",
            "group": NodeClass.POSITIVE,
            "n": 4,
            "events": 2,
            **columns,
            **changes,
        }
    )


def test_a_curve_is_a_step_function_from_one() -> None:
    root = drawn(kaplan_meier(panel(small_curve())))
    path = next(
        node.get("d") for node in root.iter("path") if node.get("class") == "curve positive"
    )
    # x: 126 to 502 px over 36 months, 125.3 px a year; y: 270 px at 0 and 54 px at 1,
    # so 0.75 lies at 108 and 0.375 at 189
    assert path == "M126 54H251.3V108H376.7V189H502"


def test_numbers_at_risk_stand_below_their_ticks() -> None:
    root = drawn(kaplan_meier(panel(*sample_results.curves()[:2])))
    ticks = [node for node in root.iter("text") if node.get("class") == "tick"]
    marks = [node for node in ticks if node.get("y") == "287"]
    rows = [node for node in ticks if node.get("y") in {"352", "370"}]
    assert [node.text for node in marks] == [str(12 * year) for year in range(9)]
    assert [node.get("x") for node in rows] == [node.get("x") for node in marks] * 2
    yearly = [str(count) for curve in sample_results.curves()[:2] for count in curve.at_risk[::4]]
    assert [node.text for node in rows] == yearly


def test_ticks_are_points_of_the_grid_even_without_whole_years() -> None:
    odd = small_curve(months=(0.5, 1.5, 7.3, 9.9))
    assert months_shown([odd], end=36.0) == (0.5, 1.5, 7.3, 9.9)


def test_no_survival_is_given_where_nobody_is_followed() -> None:
    late = small_curve(at_risk=(4, 1, 0, 0))
    rows = kaplan_meier(panel(late)).table.rows
    assert [row[3] for row in rows] == ["100.0\u00a0%", "75.0\u00a0%", "37.5\u00a0%", "\u2013"]


# --- distributions -----------------------------------------------------------


def test_order_statistics_of_a_label() -> None:
    # of 0.0, 0.1 ... 1.0 every centile is its own value: q-th centile = q / 100
    shown = spread_of(np.linspace(0, 1, 11))
    assert shown == pytest.approx((11, 0.5, 0.05, 0.25, 0.5, 0.75, 0.95))


def test_every_compartment_is_drawn_in_its_colour_with_one_dot_a_patient() -> None:
    labels = label_map(TaskId.COMPARTMENTS)
    cases = tuple(sample_cases.compartment_cases(n=20, failed=(3,)))
    plot = dice_distribution(cases, labels, identity="dice")
    strips = shapes(drawn(plot), "dots case")
    assert [strip.get("stroke") for strip in strips] == [label.colour for label in labels.labels]
    assert [(strip.get("d") or "").count("M") for strip in strips] == [20] * 6
    assert isinstance(plot, Plot)
    assert "1 failed case counts as 0" in plot.caption


def test_without_any_value_there_is_no_distribution() -> None:
    absent = dice_distribution([], label_map(TaskId.COMPARTMENTS), identity="dice")
    assert isinstance(absent, Absent)


@given(st.lists(st.floats(0.5, 200), min_size=1, max_size=40))
def test_bins_hold_every_node_once(lengths_mm: list[float]) -> None:
    values = np.array(lengths_mm)
    edges = bin_edges(values)
    assert np.histogram(values, edges)[0].sum() == values.size
    assert values.max() < edges[-1]
    assert np.allclose(edges, np.round(edges))
    assert len(edges) <= 27


def two_cases() -> tuple[CaseScore, ...]:
    """Two matched pairs, 8.0 against 9.0 mm and 5.0 against 8.0 mm, one missed, one spurious."""
    first, second = (
        sample_cases.dice_case(TaskId.NODES, index, {"any": 0.5}) for index in range(2)
    )
    return (
        first.model_copy(
            update={
                "reference_nodes": (
                    sample_cases.node(1, 8.0, matched=2),
                    sample_cases.node(2, 4.0, matched=None),
                ),
                "prediction_nodes": (
                    sample_cases.node(1, 6.0, matched=None),
                    sample_cases.node(2, 9.0, matched=1),
                ),
            }
        ),
        second.model_copy(
            update={
                "reference_nodes": (sample_cases.node(1, 5.0, matched=1),),
                "prediction_nodes": (sample_cases.node(1, 8.0, matched=1),),
            }
        ),
    )


def test_matched_nodes_are_paired_within_their_case() -> None:
    lengths = node_lengths(two_cases())
    assert lengths.pairs.tolist() == [[8.0, 9.0], [5.0, 8.0]]
    assert lengths.of_class(NodeClass.POSITIVE).tolist() == [[8.0, 9.0]]
    assert (lengths.reference.size, lengths.prediction.size) == (3, 3)


def test_limits_of_agreement() -> None:
    # differences 1 and 3: mean 2, sample standard deviation sqrt(2), 1.96 sqrt(2) = 2.7719
    limits = limits_of_agreement(np.array([1.0, 3.0]))
    assert limits == pytest.approx((2 - 2.7719, 2.0, 2 + 2.7719), abs=1e-4)
    assert limits_of_agreement(np.array([1.0])) is None


def test_matched_nodes_are_counted_by_the_side_of_the_threshold() -> None:
    lengths = node_lengths(two_cases())
    plot = pair_scatter(lengths, identity="s", threshold_mm=7.0, colours=COLOURS)
    assert isinstance(plot, Plot)
    # 8 to 9 stays above 7 mm, 5 to 8 crosses it upwards
    assert [row[1] for row in plot.table.rows] == ["0", "1", "0", "1"]
    assert len(shapes(drawn(plot), "threshold")) == 2


def test_differences_are_prediction_minus_reference_against_their_mean() -> None:
    root = drawn(pair_differences(node_lengths(two_cases()), identity="d", colours=COLOURS))
    # x: 0 to 10 mm over 60 to 380 px; y: -5 to 5 mm over 380 to 34 px
    # 8.0 and 9.0 mm: mean 8.5 at 332 px, difference 1 at 172.4 px (the diamond starts 5 px above)
    # 5.0 and 8.0 mm: mean 6.5 at 268 px, difference 3 at 103.2 px
    assert (shapes(root, "pair-positive")[0].get("d") or "").startswith("M332 167.4l")
    assert shapes(root, "dots pair")[0].get("d") == "M268 103.2h0"


def test_the_threshold_is_drawn_at_its_place_in_the_histogram() -> None:
    root = drawn(size_histogram(node_lengths(two_cases()), identity="h", threshold_mm=7.0))
    # bins from 4 to 10 mm over 60 to 844 px: 7 mm is half way
    assert [line.get("x1") for line in shapes(root, "threshold")] == ["452"]
    assert len(shapes(root, "bar reference")) + len(shapes(root, "bar prediction")) == 3 + 3 + 2


def test_charts_of_pairs_say_when_nothing_was_matched() -> None:
    lengths = node_lengths([])
    for absent in (
        size_histogram(lengths, identity="h", threshold_mm=7.0),
        pair_scatter(lengths, identity="s", threshold_mm=7.0, colours=COLOURS),
        pair_differences(lengths, identity="d", colours=COLOURS),
    ):
        assert isinstance(absent, Absent)
