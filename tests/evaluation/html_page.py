"""A page as a browser reads it, and the sample pages that more than one module reads."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import Counter
from functools import cache
from html.parser import HTMLParser

from evaluation.report import render_report
from schema.finding import Finding
from schema.result import CaseScore, Result
from schema.terms import Split, TaskId
from tasks.specification import load_tasks
from tests.evaluation import sample_cases, sample_edges, sample_results

EDGES = ("empty", "hidden", "one", "hostile", "no_task")
VOID = {"br", "hr", "img", "input", "link", "meta"}
LOADING = {"action", "background", "data", "formaction", "ping", "poster", "src", "srcset"}


class Page(HTMLParser):
    """The page as a browser reads it; fails on a tag that is not closed in its turn."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str, str]] = []
        self.words: list[str] = []
        self.table_rows: list[list[str]] = []
        self.feed(html)
        self.close()
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.table_rows.append([])
        if tag in {"td", "th"}:
            self.table_rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if "style" in self.open:
            return
        self.words.append(data)
        if self.open and {"td", "th"} & set(self.open):
            self.table_rows[-1][-1] += data

    @property
    def rows(self) -> list[list[str]]:
        """Every row of every table, cell by cell."""
        return [[" ".join(cell.split()) for cell in row] for row in self.table_rows]

    @property
    def text(self) -> str:
        """Everything that is read, with single spaces."""
        return " ".join(" ".join(self.words).split())

    def values(self, attribute: str) -> list[str]:
        """Every value of an attribute."""
        return [value for _, name, value in self.attributes if name == attribute]


def parsed(svg: str) -> ET.Element:
    """A picture as XML; raises when it is not well-formed."""
    return ET.fromstring(svg)  # noqa: S314 - our own pictures


def render(
    result: Result, *, cases: tuple[CaseScore, ...] = (), findings: tuple[Finding, ...] = ()
) -> str:
    """The report with the tasks as shipped."""
    return render_report(result, tasks=load_tasks(), cases=cases, findings=findings)


@cache
def sample_html(name: str) -> str:
    """The full sample, or one at the edges."""
    full, positivity = sample_results.full_result(), TaskId.POSITIVITY
    hidden = sample_results.result(sample_results.task_result(positivity), split=Split.HIDDEN)
    pages = {
        "full": (full, sample_cases.full_cases(), sample_edges.findings()),
        "empty": (sample_edges.empty_submission_result(), (), sample_edges.findings(n=480)),
        "hidden": (hidden, (), ()),
        "one": (sample_edges.one_patient_result(), sample_edges.one_patient_cases(), ()),
        "hostile": (sample_edges.hostile_result(), (), sample_edges.hostile_findings()),
        "no_task": (full.model_copy(update={"tasks": ()}), (), ()),
    }
    result, cases, findings = pages[name]
    return render(result, cases=cases, findings=findings)


@cache
def sample_page(name: str) -> Page:
    """The same, parsed."""
    return Page(sample_html(name))
