"""The clinical report of the replica: every table and curve, in reading order, from one command."""

from __future__ import annotations

import re

import pytest

from evaluation.figures.clinical import clinical_chapters
from evaluation.figures.glossary import GLOSSARY
from evaluation.figures.numerals import SPACE
from evaluation.figures.plot import Absent, Plot
from evaluation.methods_paragraph import methods_paragraphs
from evaluation.report import PLACES
from evaluation.run import evaluate
from evaluation.tables.clinical import clinical_sheets
from schema.terms import Outcome, TaskId
from tasks.cohort import read_cohort
from tasks.specification import load_tasks
from tests.evaluation import replica_report
from tests.evaluation.html_page import Page, sample_html, sample_page

MOST_BYTES = 1_000_000
PLAIN = {0x2019: "'", 0x2013: "-", 0x2212: "-", ord(SPACE): " "}


@pytest.fixture(scope="module")
def html() -> str:
    return replica_report.html()


@pytest.fixture(scope="module")
def page(html: str) -> Page:
    return Page(html)


def summary_of(html: str) -> str:
    """The words of the summary, with plain spaces, quotes and dashes."""
    part = html[html.index('<section id="summary">') :].partition("</section>")[0] + "</section>"
    return Page(part).text.translate(PLAIN)


def test_the_report_is_one_file_of_less_than_a_megabyte(html: str, page: Page) -> None:
    assert len(html.encode()) < MOST_BYTES
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert len(page.values("id")) == len(set(page.values("id")))


def test_the_parts_follow_in_reading_order(html: str) -> None:
    order = ("summary", "positivity", "clinical", "method", "definitions")
    places = [html.index(f'<section id="{name}">') for name in order]
    assert places == sorted(places)
    everything = sample_html("full")
    whole = ("summary", "positivity", "nodes", "compartments", "clinical", "method", "findings")
    places = [everything.index(f'<section id="{name}">') for name in whole]
    assert places == sorted(places)


def test_the_contents_lead_to_every_part(html: str, page: Page) -> None:
    contents = html[html.index("<nav") : html.index("</nav>")]
    targets = set(re.findall(r'href="#([^"]+)"', contents))
    sections = set(re.findall(r'<section id="([^"]+)"', html))
    chapters = set(re.findall(r'<div class="chapter" id="([^"]+)"', html)) - {"clinical-figures"}
    assert targets == sections | chapters
    assert targets <= set(page.values("id"))


def test_every_table_stands_once_in_its_place(html: str) -> None:
    sheets = clinical_sheets(replica_report.scored().result, tasks=load_tasks())
    assert {"table-1-patients", "table-2-dfs", "table-2-os"} <= {each.id for each in sheets}
    for sheet in sheets:
        assert html.count(f'<div class="sheet" id="{sheet.id}">') == 1
        assert any(sheet.id.startswith(start) for start in PLACES)
    first, second, curves = (
        html.index(f'id="{name}"')
        for name in ("table-1-patients", "table-2-dfs", "positivity-survival-dfs-model")
    )
    assert first < second < curves


def test_every_grouping_is_drawn_for_both_outcomes() -> None:
    chapters = clinical_chapters(replica_report.task_result(), replica_report.task())
    drawn = {plot.identity for each in chapters for plot in each.plots if isinstance(plot, Plot)}
    groupings = replica_report.statistics().groupings
    wanted = {f"positivity-survival-{each.outcome}-{each.id}" for each in groupings}
    assert len(wanted) == 16
    assert wanted <= drawn
    assert {f"positivity-hazard-{outcome}" for outcome in Outcome} <= drawn


def test_the_summary_says_what_a_call_means_for_the_prognosis(html: str) -> None:
    text = summary_of(html)
    assert (
        "Patients whom the model calls positive had 2.70 times the risk of recurrence or death of "
        "those it calls negative ( hazard ratio 2.70, 95 % CI 1.75-4.15 ). The whole interval lies "
        "above 1: they fared worse. Beside the clinical findings of the multivariable model it is "
        "2.16 (95 % CI 1.39-3.37)"
    ) in text
    assert "At 60 months overall survival is 61.6 % (95 % CI 40.9-76.9 %)" in text
    assert (
        "Added to Sex, CEA level, mrTD, mrCRM, mrEMVI, the model's status takes the C-index from "
        "0.719 to 0.725: a gain of 0.006 (95 % CI -0.010 to 0.039)"
    ) in text
    assert "The interval includes 0: it may add nothing." in text


def test_the_summary_says_where_the_model_lies_among_the_readers(html: str) -> None:
    assert (
        "Its mean kappa with the readers, 0.59, lies inside the range of the readers' own with "
        "each other, 0.53 to 0.63."
    ) in summary_of(html)


def test_the_methods_can_be_copied_as_they_were_written(page: Page) -> None:
    paragraphs = methods_paragraphs(replica_report.scored().result, tasks=load_tasks())
    assert len(paragraphs) > 2
    text = page.text
    for paragraph in paragraphs:
        assert " ".join(paragraph.split()) in text


@pytest.mark.parametrize("name", ["full", "one", "empty", "hidden"])
def test_every_explained_word_has_its_explanation(name: str) -> None:
    page = sample_page(name)
    explained = {value for value in page.values("id") if value.startswith("term-")}
    assert explained == {f"term-{name}" for name in GLOSSARY}
    assert set(page.values("popovertarget")) <= explained


def test_together_the_pages_use_every_explanation() -> None:
    used = {
        value for page in ("full", "one") for value in sample_page(page).values("popovertarget")
    }
    used |= set(Page(replica_report.html()).values("popovertarget"))
    assert used == {f"term-{name}" for name in GLOSSARY}


def test_without_follow_up_the_curves_are_absent_for_a_stated_reason() -> None:
    cohort = replica_report.FOLDER.parent / "paper"
    found = evaluate(read_cohort(cohort), cohort / "submission")
    result = found.result.task(TaskId.POSITIVITY)
    chapters = clinical_chapters(result, replica_report.task())
    of_course = [each for each in chapters if each.id != "clinical-subgroups"]
    absent = [plot for each in of_course for plot in each.plots if isinstance(plot, Absent)]
    assert len(absent) == sum(len(each.plots) for each in of_course) > 3
    reason = "the cohort records no follow-up for this outcome"
    assert {each.reason for each in absent} == {reason}


def test_failed_cases_are_counted_in_the_summary() -> None:
    assert "7 of 480 cases had no usable answer" in summary_of(sample_html("full"))
