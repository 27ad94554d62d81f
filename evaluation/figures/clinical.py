"""The clinical figures in reading order: hazard ratios, survival by group, subgroups."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from evaluation.figures.captions import capital
from evaluation.figures.hazard_ratios import hazard_forest
from evaluation.figures.horizons import discrimination, prediction_error
from evaluation.figures.plot import Absent, Plot
from evaluation.figures.subgroups import subgroup_forests
from evaluation.figures.survival_groups import grouping_curves
from evaluation.figures.survival_panels import status_panels
from schema.result import TaskResult
from schema.statistics import Statistics, SurvivalGrouping
from schema.task import OutcomeRules, Task

Drawing = Plot | Absent
BY_STATUS = ("model", "consensus")
BY_NODE = ("region", "size")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """A part of the clinical section.

    Attributes:
        id: its anchor, and where tables are put.
        title: of the chapter.
        words: what is shown, in a sentence.
        plots: in reading order.
    """

    id: str
    title: str
    words: str
    plots: tuple[Drawing, ...] = ()


BY_NODE_PART = Chapter(
    id="clinical-survival-node",
    title="Survival by region and size of the dominant node",
    words="Patients whom the model calls positive, by the region and the short axis that it gives, "
    "as in Figure 4 of the paper.",
)
STRATA_PART = Chapter(
    id="clinical-survival-strata",
    title="Survival by status within other findings",
    words="The model's status crossed with another finding on MRI, as in Supplementary Figures 2 "
    "to 5 of the paper.",
)


def clinical_chapters(result: TaskResult, task: Task) -> tuple[Chapter, ...]:
    """Every chapter of the positivity task, those without a figure too: they hold tables.

    Args:
        result: of the positivity task.
        task: its definition.
    """
    found = result.statistics
    return (
        Chapter(
            id="clinical-patients",
            title="The patients",
            words="The patients by the model's status, as in Table 1 of the paper.",
        ),
        Chapter(
            id="clinical-hazard-ratios",
            title="Hazard ratios",
            words="Which findings go with a worse prognosis, alone and together, as in Table 2 of "
            "the paper.",
            plots=tuple(_hazard_ratios(result, found, task)),
        ),
        *_survival(result, task),
        Chapter(
            id="clinical-survival-numbers",
            title="Survival in numbers",
            words="Every group of the curves above.",
        ),
        Chapter(
            id="clinical-foretelling",
            title="How well the prognosis is foretold",
            words="Whether the model's answer puts the patients into the order of their events.",
            plots=tuple(_foretelling(result, task)),
        ),
        Chapter(
            id="clinical-subgroups",
            title="Subgroups",
            words="The same figures within some of the patients.",
            plots=_subgroups(result, found, task),
        ),
    )


def _hazard_ratios(result: TaskResult, found: Statistics | None, task: Task) -> Iterator[Drawing]:
    tables = {each.outcome: each for each in found.cox} if found else {}
    for rules in task.outcomes:
        if rules.outcome in tables:
            identity = f"{result.task}-hazard-{rules.outcome}"
            yield hazard_forest(tables[rules.outcome], rules, identity=identity)
        elif reason := _reason(result, rules):
            yield Absent(title=f"{rules.title}: hazard ratios", reason=reason)


def _reason(result: TaskResult, rules: OutcomeRules) -> str:
    """Why nothing is known of an outcome; empty when nothing says so."""
    figures = [each for each in result.figures if each.metric == f"{rules.outcome}_hazard_ratio"]
    return next((each.reason for each in figures if each.reason), "")


def _survival(result: TaskResult, task: Task) -> Iterator[Chapter]:
    groupings = result.statistics.groupings if result.statistics else ()
    ids = tuple(dict.fromkeys(each.id for each in groupings))
    rest = tuple(each for each in ids if each not in (*BY_STATUS, *BY_NODE))
    by_status = tuple(_by_status(result, task, groupings))
    yield Chapter(
        id="clinical-survival-status",
        title="Survival by status",
        words="Kaplan-Meier curves by the model's and the readers' status, as in Figure 3 of the "
        "paper; below each how many patients are still followed.",
        plots=by_status,
    )
    for part in (BY_NODE_PART, STRATA_PART):
        wanted = BY_NODE if part is BY_NODE_PART else rest
        plots = tuple(_curves(result, task, groupings, wanted))
        if plots:
            yield replace(part, plots=plots)


def _by_status(
    result: TaskResult, task: Task, groupings: Sequence[SurvivalGrouping]
) -> Iterator[Drawing]:
    for rules in task.outcomes:
        own = [each for each in groupings if each.outcome is rules.outcome]
        panels = tuple(_curves(result, task, own, BY_STATUS)) or tuple(
            status_panels(result, task, rules)
        )
        yield from panels
        if not panels and (reason := _reason(result, rules)):
            yield Absent(title=f"{capital(rules.title)}: Kaplan-Meier curves", reason=reason)


def _curves(
    result: TaskResult,
    task: Task,
    groupings: Sequence[SurvivalGrouping],
    wanted: Sequence[str],
) -> Iterator[Drawing]:
    """Both outcomes of a grouping side by side."""
    rules = {each.outcome: each for each in task.outcomes}
    for name in wanted:
        for each in groupings:
            if each.id == name:
                identity = f"{result.task}-survival-{each.outcome}-{each.id}"
                yield grouping_curves(each, rules[each.outcome], identity=identity)


def _foretelling(result: TaskResult, task: Task) -> Iterator[Drawing]:
    for rules in task.outcomes:
        for draw, name in ((discrimination, "discrimination"), (prediction_error, "error")):
            identity = f"{result.task}-{name}-{rules.outcome}"
            if plot := draw(result.figures, rules, identity=identity):
                yield plot


def _subgroups(result: TaskResult, found: Statistics | None, task: Task) -> tuple[Drawing, ...]:
    if found is None or not found.subgroups:
        return ()
    return subgroup_forests(
        found.subgroups, task, everybody=result.figures, prefix=f"{result.task}-subgroup"
    )
