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

from evaluation.figures.captions import INTERVALS, capital, in_running_text
from evaluation.figures.clinical import Chapter, clinical_chapters
from evaluation.figures.first_looks import FirstLook, first_looks
from evaluation.figures.gallery import gallery
from evaluation.figures.glossary import GLOSSARY
from evaluation.figures.headline import MetricRows, definition_anchor, headline
from evaluation.figures.numerals import SUFFIX as UNIT_SUFFIX
from evaluation.figures.numerals import Style, bare, counted, share_of
from evaluation.figures.plot import Absent, Plot
from evaluation.figures.summary import Summary
from evaluation.methods_paragraph import methods_paragraphs
from evaluation.sheet import Sheet
from evaluation.tables.clinical import clinical_sheets
from schema.finding import Finding
from schema.result import CaseScore, Result, TaskResult
from schema.task import Metric, Task
from schema.terms import Split, TaskId

READING_ORDER = (TaskId.POSITIVITY, TaskId.NODES, TaskId.COMPARTMENTS)
PLACES = {
    "table-1": "clinical-patients",
    "table-2": "clinical-hazard-ratios",
    "added-value": "clinical-hazard-ratios",
    "survival-": "clinical-survival-numbers",
    "concordance": "clinical-foretelling",
    "subgroups": "clinical-subgroups",
    "agreement-": TaskId.POSITIVITY.value,
    "calibration": TaskId.POSITIVITY.value,
    "decision-curve": TaskId.POSITIVITY.value,
    "froc": TaskId.NODES.value,
    "short-axis": TaskId.NODES.value,
}
"""In which part of the page a table stands, by the beginning of its id."""
OTHERS = "other-tables"
"""Where a table stands that has no place of its own."""
REPEATED = ("calibration", "decision-curve", "froc", "short-axis", "subgroups")
"""Tables of numbers that a figure beside them shows: folded on the screen."""


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
    sheets: tuple[Sheet, ...]
    first_looks: tuple[FirstLook, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A chapter of the clinical section with its tables."""

    chapter: Chapter
    sheets: tuple[Sheet, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinical:
    """The clinical section: what the answers say of the patients' course."""

    task: Task
    parts: tuple[Part, ...]
    metrics: tuple[MetricRows, ...]


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
    placed = _placed(
        clinical_sheets(result, tasks=tasks), scored=[each.task for each in result.tasks]
    )
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            result=result,
            hidden=result.cohort.split is Split.HIDDEN,
            sections=[
                _section(each, tasks, cases, titles, placed)
                for each in _from_patient_to_voxel(result)
            ],
            clinical=_clinical(result, tasks, placed),
            other_sheets=placed.get(OTHERS, ()),
            methods=methods_paragraphs(result, tasks=tasks),
            finding_groups=_grouped(findings),
        )
    )


def _placed(sheets: Sequence[Sheet], *, scored: Sequence[TaskId]) -> dict[str, tuple[Sheet, ...]]:
    """Tables by the part of the page in which they stand."""
    found: dict[str, tuple[Sheet, ...]] = {}
    for sheet in sheets:
        known = (place for start, place in PLACES.items() if sheet.id.startswith(start))
        place = next(known, OTHERS)
        # the short axes of dominant nodes stand with the patients where no nodes were outlined
        if place == TaskId.NODES.value and TaskId.NODES not in scored:
            place = TaskId.POSITIVITY.value
        found[place] = (*found.get(place, ()), sheet)
    return found


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
        "in_running_text": in_running_text,
        "prose": prose,
        "share_of": share_of,
        "worst": worst_value,
    }
    environment.globals |= {
        "GLOSSARY": GLOSSARY,
        "INTERVALS": INTERVALS,
        "REPEATED": REPEATED,
        "definition_anchor": definition_anchor,
    }
    return environment


def _section(
    result: TaskResult,
    tasks: Mapping[TaskId, Task],
    cases: Sequence[CaseScore],
    titles: Mapping[str, str],
    placed: Mapping[str, tuple[Sheet, ...]],
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
        metrics=tuple(each for each in headline(result, task) if not _of_prognosis(each, task)),
        plots=gallery(result, tasks=tasks, cases=own),
        sheets=placed.get(task.id.value, ()),
        first_looks=first_looks(own, task),
    )


def _of_prognosis(group: MetricRows, task: Task) -> bool:
    """Whether a metric belongs to an outcome rather than to the answers themselves."""
    return any(group.metric.id.startswith(f"{rules.outcome}_") for rules in task.outcomes)


def _clinical(
    result: Result, tasks: Mapping[TaskId, Task], placed: Mapping[str, tuple[Sheet, ...]]
) -> Clinical | None:
    """The clinical section; None when the positivity task was not scored."""
    own = next((each for each in result.tasks if each.task is TaskId.POSITIVITY), None)
    if own is None:
        return None
    task = tasks[own.task]
    parts = (
        Part(chapter=chapter, sheets=placed.get(chapter.id, ()))
        for chapter in clinical_chapters(own, task)
    )
    return Clinical(
        task=task,
        parts=tuple(part for part in parts if part.chapter.plots or part.sheets),
        metrics=tuple(each for each in headline(own, task) if _of_prognosis(each, task)),
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
