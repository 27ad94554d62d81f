"""What a board says: order, certainty, figures and why there are none, checklists, tables."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.sheet_formats import latex
from leaderboard.site.cells import cell_of, difference_text, style_of
from leaderboard.site.certainty import certainty, letters_of
from leaderboard.site.checklists import AUTOMATIC, checklists, guidelines
from leaderboard.site.comparison import pair_row, pairs_of
from leaderboard.site.inputs import Leaderboard
from leaderboard.site.pages import attempts_by_team, https
from leaderboard.site.rows import FURTHER, board_table, probability
from leaderboard.site.sheets import Field, Sheet, csv_text, entry_bibtex
from leaderboard.site.stability import SCHEMES, stability_plots, tau_rows
from schema.ledger import Event
from schema.task import Scheme
from schema.terms import TaskId
from tests.evaluation.html_page import Page
from tests.leaderboard.site import examples
from tests.leaderboard.site.written import site

POSITIVITY = TaskId.POSITIVITY
AUROC = examples.TASKS[POSITIVITY].metric("auroc")
ACCURACY = examples.TASKS[POSITIVITY].metric("accuracy")


# --- order -------------------------------------------------------------------


def test_ranked_rows_come_in_the_order_of_the_standings_and_the_others_below() -> None:
    found = examples.of_many()
    table = board_table(found, POSITIVITY)
    expected = [each.entry for each in found.standings[POSITIVITY].standings if each.ranked]

    assert [row.entry.id for row in table.ranked] == expected
    assert [row.entry.id for row in table.others] == [
        "reader-1",
        "paper",
        "always-negative",
        "barred",
        "gone",
    ]
    assert all(row.reason for row in table.others)


def test_an_entry_that_is_in_no_standings_is_shown_and_said_to_be() -> None:
    found = examples.of_three()
    without = Leaderboard.of(
        board=found.board, entries=found.entries, standings=(), ledger=(), tasks=found.tasks
    )
    table = board_table(without, POSITIVITY)

    assert table.ranked == ()
    assert {row.reason for row in table.others} == {"not in the standings yet"}


def test_a_reinstated_entry_is_in_again() -> None:
    found = examples.of_many()
    out = found.by_id["gone"]
    lines = [*found.ledger]
    lines.append(examples.ledger_line(lines, out, Event.REINSTATED, reason="A misunderstanding."))
    again = Leaderboard.of(
        board=found.board,
        entries=found.entries,
        standings=found.standings.values(),
        ledger=lines,
        tasks=found.tasks,
    )

    assert set(found.decisions) == {"gone", "barred"}
    assert set(again.decisions) == {"barred"}


@pytest.mark.parametrize("task_id", TaskId)
def test_what_is_shown_beside_the_keys_is_defined_by_the_task(task_id: TaskId) -> None:
    for metric, _ in FURTHER[task_id]:
        assert examples.TASKS[task_id].metric(metric).direction.value != "none"


def test_attempts_are_counted_by_team_and_only_of_submissions() -> None:
    used = dict(attempts_by_team(examples.of_many()))

    assert used["Haldane Lab"] == 2  # one entry, one failed attempt
    assert used["Ferrow Group"] == 1
    assert "Organiser" not in used
    assert "Readers" not in used


# --- certainty ---------------------------------------------------------------


def sentences(name: str) -> str:
    builder = {"none": examples.of_none, "one": examples.of_one, "many": examples.of_many}[name]
    return " ".join(certainty(builder(), POSITIVITY))


def test_the_first_place_is_put_into_words() -> None:
    assert sentences("none") == "No entry is ranked yet."
    assert "is the only ranked entry" in sentences("one")
    said = sentences("many")
    assert said.startswith("Organiser: nnU-Net reference is first in 62\u00a0% of 1000 resamples")
    assert "its rank interval is 1 to 3 of 10" in said
    assert "2 of the other 9 cannot be told apart" in said


def with_standings(**change: object) -> Leaderboard:
    """Three entries whose standings are changed alike."""
    found = examples.of_three()
    standings = [
        each.model_copy(
            update={"standings": tuple(s.model_copy(update=change) for s in each.standings)}
        )
        for each in found.standings.values()
    ]
    return Leaderboard.of(
        board=found.board,
        entries=found.entries,
        standings=standings,
        ledger=found.ledger,
        tasks=found.tasks,
    )


def test_a_shared_first_place_is_said_to_be_shared() -> None:
    assert certainty(with_standings(rank=1), POSITIVITY)[0].startswith(
        "3 entries share the first place"
    )


def test_a_group_without_any_difference_is_no_order() -> None:
    assert (
        "read the ranked entries as one group"
        in certainty(with_standings(letters="a"), POSITIVITY)[1]
    )


def test_letters_after_z_are_whole_letters() -> None:
    standing = examples.of_three().ranked(POSITIVITY)[0]
    assert letters_of(standing.model_copy(update={"letters": "bza2a10"})) == {
        "b",
        "z",
        "a2",
        "a10",
    }


def test_no_certainty_is_claimed_from_resamples() -> None:
    assert [probability(each) for each in (0.0, 0.004, 0.62, 0.999, 1.0)] == [
        "0\u00a0%",
        "< 1\u00a0%",
        "62\u00a0%",
        "> 99\u00a0%",
        "100\u00a0%",
    ]


# --- figures -----------------------------------------------------------------


def test_a_figure_has_the_decimals_of_its_task() -> None:
    figure = examples.entry(0).task(POSITIVITY).figure("auroc", "all")
    cell = cell_of(figure.model_copy(update={"value": 0.87149}), AUROC)

    assert cell.text == "0.871"
    assert cell.sort == 0.87149


def test_a_figure_that_was_rounded_for_the_public_shows_no_more_digits() -> None:
    figure = examples.entry(0).task(POSITIVITY).figure("accuracy", "all")
    coarse = figure.model_copy(update={"value": 0.85, "rounded_to": 0.05, "interval": None})
    fine = figure.model_copy(update={"value": 0.875, "rounded_to": 0.005, "interval": None})

    assert cell_of(coarse, ACCURACY).text == "85\u00a0%"
    assert cell_of(fine, ACCURACY).text == "87.5\u00a0%"
    assert style_of(figure, ACCURACY).decimals == 2


def test_no_value_and_withheld_are_two_words_and_both_have_a_reason() -> None:
    figure = examples.entry(0).task(POSITIVITY).figure("auroc", "all")
    undefined = cell_of(examples.undefined(figure), AUROC)
    withheld = cell_of(examples.hidden(figure), AUROC)

    assert (undefined.text, withheld.text) == ("no value", "withheld")
    assert undefined.reason == "the reference has one class only"
    assert "fewer patients" in withheld.reason
    assert undefined.sort is withheld.sort is None
    assert cell_of(None, AUROC).text == "not given"


def test_a_difference_has_a_sign() -> None:
    assert difference_text(0.0123, AUROC, interval=None)[0] == "+0.012"
    assert difference_text(-0.0123, AUROC, interval=None)[0] == "\u22120.012"
    assert difference_text(0.00001, AUROC, interval=None)[0] == "0.000"
    assert difference_text(None, AUROC, interval=None)[0] == "no value"


def test_a_pair_is_turned_so_that_it_is_about_the_entry() -> None:
    found = examples.of_three()
    test = found.standings[POSITIVITY].pairs[0]
    task = found.tasks[POSITIVITY]
    straight, turned = pair_row(test, task), pair_row(test, task, of=test.second)

    assert (turned.first, turned.second) == (test.second, test.first)
    assert straight.difference == "+0.80"
    assert turned.difference == "\u22120.80"
    assert straight.interval == "\u22121.20 to 2.80"
    assert turned.interval == "\u22122.80 to 1.20"
    assert len(pairs_of(found, POSITIVITY, test.first)) == 2 * 3  # two opponents, three figures


# --- stability ---------------------------------------------------------------


def test_every_scheme_has_words() -> None:
    assert set(SCHEMES) == set(Scheme)


def test_the_schemes_begin_with_that_of_the_board() -> None:
    rows = tau_rows(examples.of_three().standings[POSITIVITY])

    assert [row.primary for row in rows] == [True, *[False] * 5]
    assert rows[0].resampled == "0.85 (0.71 to 0.95)"


def test_a_board_of_one_has_no_pictures_of_stability() -> None:
    assert stability_plots(examples.of_one(), POSITIVITY) == ()


def test_the_map_of_pairs_counts_both_ways() -> None:
    plots = stability_plots(examples.of_many(), POSITIVITY)
    maps = [each for each in plots if each.title.startswith("Who differs")]
    assert len(maps) == 3
    rows = maps[0].table.rows  # type: ignore[union-attr]
    better, worse = (sum(int(row[index]) for row in rows) for index in (1, 2))
    # p = 4 * 0.6 * 0.4 ** distance is below 0.05 from a distance of five on: 5 + 4 + 3 + 2 + 1
    assert better == worse == 15


# --- checklists --------------------------------------------------------------


@pytest.mark.parametrize(
    ("identity", "items", "rows"), [("claim", 44, 44), ("tripod", 27, 52), ("stard", 40, 48)]
)
def test_a_guideline_has_all_its_items(identity: str, items: int, rows: int) -> None:
    (guideline,) = [each for each in guidelines() if each.id == identity]
    numbers = [each.number for each in guideline.items]

    assert len(set(numbers)) == len(numbers) == rows
    assert {int(re.sub(r"\D", "", each)) for each in numbers} == set(range(1, items + 1))
    assert guideline.url.startswith("https://doi.org/")


def test_every_automatic_answer_is_asked_for_and_known() -> None:
    asked = {item.auto for guideline in guidelines() for item in guideline.items if item.auto}
    assert asked == set(AUTOMATIC)


def test_an_item_is_answered_by_the_kit_by_the_entrant_or_not_reported() -> None:
    found = examples.of_three()
    claim = checklists(found, found.by_id["team-00"])[0]
    answers = {each.item.number: each for each in claim.answers}

    assert "180 patients of 3 centres" in answers["21"].kit
    assert answers["25"].entrant == "Five folds, 1000 epochs, no mirroring."
    assert not answers["44"].reported
    html = site("three")["entries/team-00.html"]
    assert html.count("NOT REPORTED</strong>") == sum(
        not answer.reported
        for each in checklists(found, found.by_id["team-00"])
        for answer in each.answers
    )


# --- tables to take away -----------------------------------------------------


def test_the_csv_of_a_board_holds_what_the_page_shows() -> None:
    found = examples.of_many()
    rows = list(csv.DictReader(io.StringIO(site("many")["data/board-positivity.csv"])))
    table = board_table(found, POSITIVITY)

    assert [row["entry"] for row in rows] == [
        row.entry.id for row in (*table.ranked, *table.others)
    ]
    assert [row["rank"] for row in rows[:3]] == ["1", "2", "3"]
    assert float(rows[0]["balanced_accuracy_all"]) == table.ranked[0].figures[0].sort
    assert rows[2]["sensitivity_all"] == ""
    assert "fewer patients" in rows[2]["sensitivity_all_reason"]


def test_csv_and_json_agree() -> None:
    for path, text in site("three").items():
        if path.endswith(".csv"):
            rows = list(csv.DictReader(io.StringIO(text)))
            loaded = json.loads(site("three")[path.removesuffix("csv") + "json"])
            if isinstance(loaded, dict):  # a table of words
                assert [*rows[0]] == loaded["columns"]
                loaded = [
                    dict(zip(loaded["columns"], e["cells"], strict=True)) for e in loaded["rows"]
                ]
            assert len(rows) == len(loaded)
            assert not rows or set(rows[0]) == set(loaded[0])


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", " =1", "\t=1", "|x", "%x"])
def test_text_that_a_spreadsheet_would_compute_is_guarded(text: str) -> None:
    sheet = Sheet(
        name="x", caption="x", fields=(Field(name="a"), Field(name="b")), rows=((text, -1.5),)
    )
    (_, row) = csv.reader(io.StringIO(csv_text(sheet)))

    assert row == [f"'{text}".replace("\t", " "), "-1.5"]


@given(st.lists(st.text(), min_size=1, max_size=6))
def test_any_text_stays_in_its_row_and_its_cell(texts: list[str]) -> None:
    fields = tuple(Field(name=f"c{index}") for index in range(len(texts)))
    sheet = Sheet(name="x", caption="x", fields=fields, rows=(tuple(texts), tuple(texts)))

    written = csv_text(sheet)
    _, *rows = csv.reader(io.StringIO(written, newline=""))

    assert len(written.splitlines()) == 3
    assert [len(row) for row in rows] == [len(texts)] * 2
    for cell, text in zip(rows[0], texts, strict=True):
        shown = "".join(each if each.isprintable() else " " for each in text)
        assert cell in {shown, f"'{shown}"}


def test_latex_prints_what_was_written() -> None:
    assert latex(r"50 % of {a_b} & \x") == (
        r"50 \% of \textbraceleft{}a\_b\textbraceright{} \& \textbackslash{}x"
    )


def test_an_entry_can_be_cited() -> None:
    found = examples.of_three()
    cited = entry_bibtex(found, found.by_id["team-00"])

    assert cited.startswith("@misc{lln-team-00,\n  author = {{Ferrow Group}},\n")
    assert "year = {2025}" in cited


# --- pages -------------------------------------------------------------------


def test_only_https_becomes_a_link() -> None:
    assert https("https://example.org") == "https://example.org"
    assert https("javascript:alert(1)") == https("http://x") == https(None) == ""


def test_an_empty_leaderboard_says_so_plainly() -> None:
    text = Page(site("none")["index.html"]).text

    assert "There are no entries yet." in text
    assert text.count("No entry has been filed for this task.") == 3


def test_the_method_page_defines_every_figure_of_every_task() -> None:
    text = "".join(Page(site("none")["method.html"]).text.split())
    for task in examples.TASKS.values():
        for metric in task.metrics:
            assert "".join(metric.definition.replace("`", "").split()) in text
        assert f"seed{task.resampling.seed}" in text
        assert f"{100 * task.ranking.minimum_coverage:g}%ofthecases" in text


def test_failures_are_in_the_words_of_the_check() -> None:
    text = Page(re.sub(r"<script.*?</script>", "", site("three")["entries/team-01.html"])).text

    assert "LLN011" in text
    assert ": 4 cases" in text


def test_an_entry_of_another_cohort_is_said_to_be() -> None:
    assert "Another test set." in site("many")["entries/paper.html"]
    assert "Another test set." not in site("many")["entries/reader-1.html"]


def test_a_matrix_with_withheld_cells_is_shown_as_numbers() -> None:
    html = site("many")["entries/team-01.html"]

    assert "entry-team-01-positivity-matrix-status" in html  # whole: drawn
    assert "entry-team-01-positivity-matrix-region" not in html  # with gaps: a table
    assert html.count(">withheld<") >= 5


def test_the_clinical_tables_of_a_public_cohort_are_shown() -> None:
    rows = Page(re.sub(r"<script.*?</script>", "", site("three")["entries/team-00.html"])).rows
    shown = [[cell.replace("\u00a0", " ") for cell in row] for row in rows]
    ratio = ("2.70 (1.80\u20133.60)", "<0.001", "\u2013")

    assert ["North", "90", "12", "87.50 (84.20\u201390.20)"] in shown
    assert ["Model status: positive against negative", "180 (99)", *ratio, *ratio] in shown
    assert [row[:5] for row in shown if row[0] == "positive" and row[1] == "40"] == [
        ["positive", "40", "20", "40.0", "60.0 (50.0\u201370.0)"]
    ]
    assert ["10 %", "0.000", "0.030", "0.060"] in shown  # net benefit
    assert ["60", "10.0 (5.0\u201315.0)", "12.0"] in shown  # calibration
    assert ["0.125", "50.0"] in shown  # free-response
    assert [row[1] for row in shown if row[0] == "Matched nodes"] == ["180"]


def test_the_clinical_figures_of_a_public_cohort_are_drawn_with_their_numbers() -> None:
    html = site("three")["entries/team-00.html"]

    for name in (
        "calibration",
        "decision",
        "hazard-dfs",
        "survival-os-mr_emvi",
        "subgroup-accuracy-all",
        "agreement",
    ):
        assert f'<figure id="entry-team-00-positivity-{name}"' in html
    for name in ("limits", "froc"):
        assert f'<figure id="entry-team-00-nodes-{name}"' in html


def test_a_hidden_cohort_shows_subgroups_and_no_other_clinical_table() -> None:
    html = site("many")["entries/team-01.html"]

    assert "North" in html
    assert 'id="entry-team-01-positivity-subgroup-accuracy-all"' in html
    for title in ("Cox models", "Decision curve", "Free-response", "limits of agreement"):
        assert title not in html
