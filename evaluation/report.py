"""The report: one HTML file that explains a result to a radiologist.

It needs no network, no script and no font of its own, and opens from a folder. Everything the
entrant wrote is escaped; only the pictures drawn in `evaluation.figures` are markup.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from evaluation.figures.captions import INTERVALS, capital
from evaluation.figures.first_looks import FirstLook, first_looks
from evaluation.figures.gallery import gallery
from evaluation.figures.headline import MetricRows, definition_anchor, headline
from evaluation.figures.numerals import SUFFIX as UNIT_SUFFIX
from evaluation.figures.numerals import Style, bare, counted, share_of
from evaluation.figures.plot import Absent, Plot
from evaluation.figures.summary import Summary
from schema.finding import Finding
from schema.result import CaseScore, Result, TaskResult
from schema.task import Metric, Task
from schema.terms import Split, TaskId

READING_ORDER = (TaskId.POSITIVITY, TaskId.NODES, TaskId.COMPARTMENTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """How many cases failed under one code."""

    code: str
    title: str
    cases: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Everything the page shows of one task."""

    task: Task
    result: TaskResult
    summary: Summary
    failures: tuple[Failure, ...]
    metrics: tuple[MetricRows, ...]
    plots: tuple[Plot | Absent, ...]
    first_looks: tuple[FirstLook, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingGroup:
    """Every finding of one code."""

    code: str
    title: str
    fix: str
    fails_case: bool
    findings: tuple[Finding, ...]


def render_report(
    result: Result,
    *,
    tasks: Mapping[TaskId, Task],
    cases: Sequence[CaseScore],
    findings: Sequence[Finding],
) -> str:
    """Render the report; the same input gives the same bytes.

    Args:
        result: what was scored.
        tasks: the definition of every task of the result. The compartments give the colours of
            the regions and the positivity task the threshold of the short axis, where present.
        cases: per-case scores of every task; the sections that need them say so when they are
            missing.
        findings: what the checks found, in any order.

    Returns:
        A complete HTML document.

    Raises:
        KeyError: `tasks` lacks a task of the result, or a task lacks a metric of a figure.
    """
    titles = {finding.code: finding.title for finding in findings}
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            result=result,
            hidden=result.cohort.split is Split.HIDDEN,
            sections=[
                _section(each, tasks, cases, titles) for each in _from_patient_to_voxel(result)
            ],
            finding_groups=_grouped(findings),
        )
    )


def _from_patient_to_voxel(result: Result) -> list[TaskResult]:
    """The tasks in the order in which a clinician asks."""
    return sorted(result.tasks, key=lambda each: READING_ORDER.index(each.task))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("evaluation"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "capital": capital,
        "counted": counted,
        "prose": prose,
        "share_of": share_of,
        "worst": worst_value,
    }
    environment.globals |= {"INTERVALS": INTERVALS, "definition_anchor": definition_anchor}
    return environment


def _section(
    result: TaskResult,
    tasks: Mapping[TaskId, Task],
    cases: Sequence[CaseScore],
    titles: Mapping[str, str],
) -> Section:
    task = tasks[result.task]
    own = [case for case in cases if case.task is result.task]
    return Section(
        task=task,
        result=result,
        summary=Summary(result=result, task=task),
        failures=tuple(
            Failure(code=code, title=titles.get(code, ""), cases=count)
            for code, count in sorted(result.coverage.failures.items())
        ),
        metrics=headline(result, task),
        plots=gallery(result, tasks=tasks, cases=own),
        first_looks=first_looks(own, task),
    )


def worst_value(metric: Metric) -> str:
    """What a case without an answer counts as, with its unit."""
    if metric.worst is None:
        return ""
    return bare(metric.worst, Style(metric.unit, 0)) + UNIT_SUFFIX[metric.unit]


def prose(text: str) -> Markup:
    """A paragraph whose words between backticks are code; all of it is escaped."""
    return Markup("").join(
        Markup("<code>{}</code>").format(words) if index % 2 else words
        for index, words in enumerate(text.strip().split("`"))
    )


def _grouped(findings: Iterable[Finding]) -> tuple[FindingGroup, ...]:
    """Findings by code, those that fail a case first; within a code by place."""
    by_code: dict[str, list[Finding]] = {}
    for finding in findings:
        by_code.setdefault(finding.code, []).append(finding)
    groups = [_finding_group(each) for each in by_code.values()]
    return tuple(sorted(groups, key=lambda group: (not group.fails_case, group.code)))


def _finding_group(findings: Sequence[Finding]) -> FindingGroup:
    first = findings[0]
    return FindingGroup(
        code=first.code,
        title=first.title,
        fix=first.fix,
        fails_case=any(finding.fails_case for finding in findings),
        findings=tuple(sorted(findings, key=lambda each: (each.where, each.got))),
    )
