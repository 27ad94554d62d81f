"""What the report says: every figure, every matrix, every reason, in words a reader knows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evaluation.figures.captions import capital, scope_title
from evaluation.figures.confusion import heading, without_unstated
from evaluation.figures.numerals import DASH, quote
from evaluation.report import render_report
from evaluation.run import evaluate
from schema.terms import TaskId
from tasks.cohort import read_cohort
from tasks.specification import load_tasks
from tests.evaluation import sample_cases, sample_results
from tests.evaluation.html_page import EDGES, Page, render, sample_html, sample_page


@pytest.fixture(scope="module")
def full_page() -> Page:
    return sample_page("full")


@pytest.mark.parametrize("task_id", TaskId)
def test_every_figure_is_in_the_table_with_its_interval(task_id: TaskId, full_page: Page) -> None:
    task = load_tasks()[task_id]
    for figure in sample_results.full_result().task(task_id).figures:
        shown = quote(figure, task.metric(figure.metric))
        wanted = (capital(scope_title(figure.scope, task)), shown.value, shown.interval)
        scope, value, interval = (" ".join((words or "").split()) for words in wanted)
        assert any(
            scope in row[0] and row[1] == value and row[2].startswith(interval)
            for row in full_page.rows
            if len(row) == 4 and row[3] == str(figure.n)
        ), (figure.metric, figure.scope)


def squeezed(text: str) -> str:
    """The text without any space."""
    return "".join(text.split())


@pytest.mark.parametrize("task_id", TaskId)
def test_every_metric_is_named_linked_and_defined(task_id: TaskId, full_page: Page) -> None:
    text = squeezed(full_page.text)
    for metric in load_tasks()[task_id].metrics:
        anchor = f"define-{task_id}-{metric.id}"
        assert anchor in full_page.values("id")
        assert f"#{anchor}" in full_page.values("href")
        assert squeezed(metric.title + metric.definition.replace("`", "")) in text


@pytest.mark.parametrize("task_id", TaskId)
def test_every_matrix_is_in_the_page_as_counted(task_id: TaskId, full_page: Page) -> None:
    for matrix in sample_results.full_result().task(task_id).matrices:
        shown = without_unstated(matrix)
        for name, cells in zip(shown.rows, shown.cells, strict=True):
            counts = [str(count) for count in (*cells, sum(cells))]
            assert any(
                row[0] == heading(name) and [cell.split(" ")[0] for cell in row[1:]] == counts
                for row in full_page.rows
            ), (matrix.id, name)


def test_every_kind_of_picture_is_there() -> None:
    pictures = re.findall(r"<svg class=.picture.*?<title id=.([^ ]+?)-title", sample_html("full"))
    assert set(pictures) == {
        "positivity-matrix-status",
        "positivity-matrix-region",
        "positivity-matrix-size",
        "positivity-agreement",
        "positivity-survival-dfs-model",
        "positivity-survival-dfs-consensus",
        "positivity-survival-os-model",
        "positivity-survival-os-consensus",
        "positivity-discrimination-dfs",
        "positivity-discrimination-os",
        "positivity-error-dfs",
        "positivity-error-os",
        "nodes-matrix-node_class",
        "nodes-dice",
        "nodes-sizes",
        "nodes-pairs",
        "nodes-differences",
        "compartments-dice",
    }


def test_the_summary_tells_the_positives_and_what_always_negative_scores(full_page: Page) -> None:
    text = full_page.text
    assert "Of 480 patients, 61 (12.7 %) were LLN-positive by the consensus of the readers." in text
    assert (
        f"The model found 45 of them and missed 16: sensitivity 73.8 % (95 % CI 61.6{DASH}83.2 %)"
        in text
    )
    assert (
        f"it called 375 negative and 44 positive: specificity 89.5 % (95 % CI 86.2{DASH}92.1 %)"
        in text
    )
    assert "“negative” for every patient would score an accuracy of 87.3 % (419 of 480)" in text
    assert "1 patient fewer than the model" in text
    assert f"Left and right were exchanged in 2 patients, 0.4 % (95 % CI 0.1{DASH}1.5 %)" in text


def test_failed_cases_are_announced_with_their_code(full_page: Page) -> None:
    assert "7 of 480 cases failed." in full_page.text
    assert "LLN011 A mask is missing : 7 of 480" in full_page.text


def test_an_empty_submission_says_that_no_case_was_answered() -> None:
    text = sample_page("empty").text
    assert text.count("no case was answered.") >= 3
    assert "an accuracy of 87.3 %" in text
    assert "480 found" in text


def test_a_figure_without_a_value_is_said_with_its_reason() -> None:
    text = sample_page("one").text
    assert "Not computable: no positive patient" in text
    assert "Sensitivity is not computable (no positive patient)" in text
    assert "Of 1 patient, 0 (0.0 %) were LLN-positive" in text


@pytest.mark.parametrize("name", ["full", *EDGES])
def test_no_number_is_ever_missing_in_the_words_of_a_machine(name: str) -> None:
    text = sample_page(name).text
    assert not re.search(r"\b(nan|NaN|inf|Infinity)\b", text)
    assert not re.search(r"\bNone\b(?!: (missed|spurious))", text)


def test_without_cases_the_page_says_so_instead_of_drawing() -> None:
    page = Page(render(sample_results.full_result()))
    assert page.text.count("no per-case scores were given") == 3
    assert "Cases to look at first" not in page.text


def test_the_worst_cases_are_listed_with_failed_ones_left_out(full_page: Page) -> None:
    cases = [case for case in sample_cases.full_cases() if case.task is TaskId.COMPARTMENTS]
    lowest = min(
        (case for case in cases if case.status == "scored"),
        key=lambda case: next(v.value or 0.0 for v in case.values if v.scope == "macro"),
    )
    listed = [row[0] for row in full_page.rows]
    assert lowest.case_id in listed
    assert sample_cases.case_id(40) not in listed


def test_findings_are_grouped_by_code_with_their_fix(full_page: Page) -> None:
    assert full_page.text.count("How to fix:") == 2
    assert [row[-1] for row in full_page.rows].count("no such file") == 7


def test_a_hidden_split_is_for_the_organiser_only() -> None:
    hidden, public = sample_page("hidden").text, sample_page("empty").text
    assert "Hidden split: for the organiser only." in hidden
    assert "Hidden split" not in public
    assert "Private report." in public


def test_the_method_names_what_determines_the_bytes(full_page: Page) -> None:
    text = full_page.text
    assert "2000 resamples, seed 20251111" in text
    assert text.count(sample_results.DIGEST) == 5
    assert "lifelines 0.30.3, numpy 2.4.6, scipy 1.16.0" in text


def test_an_outcome_without_follow_up_is_said_once() -> None:
    cohort = Path(__file__).parents[2] / "tasks" / "paper"
    scored = evaluate(read_cohort(cohort), cohort / "submission")
    page = render_report(scored.result, tasks=load_tasks(), cases=(), findings=())
    summary = page[page.index('id="summary"') :].partition("</section>")[0]

    for title in ("Disease-free survival", "Overall survival"):
        reason = "the cohort records no follow-up for this outcome"
        assert (
            f'<p><strong class="lead">{title}:</strong> not computable ({reason}).</p>' in summary
        )
    assert summary.count("no follow-up") == 2
