"""The short table of the terminal: the headline figures of a result, as rows of text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from evaluation.run import Scored
from schema.result import Figure, Interval, Result
from schema.task import Metric, Task, Unit
from schema.terms import Status
from tasks.specification import load_tasks

COLUMNS = ("task", "figure", "value", "95 % interval", "n")


class Row(NamedTuple):
    """One line of the table, by `COLUMNS`."""

    task: str
    figure: str
    value: str
    interval: str
    n: str


def rows(result: Result) -> Iterator[Row]:
    """The figures that cover the whole task, and the ranked ones; not what does not arise."""
    for task_result in result.tasks:
        task = load_tasks()[task_result.task]
        for each in task_result.figures:
            if _is_headline(each, task):
                metric = task.metric(each.metric)
                yield Row(
                    task.id.value,
                    f"{metric.title} ({each.scope})".replace(" (all)", ""),
                    value_text(each, metric),
                    interval_text(each.interval, metric),
                    str(each.n),
                )


def _is_headline(each: Figure, task: Task) -> bool:
    if each.status is Status.NOT_APPLICABLE:
        return False
    ranked = zip(task.ranking.keys, task.ranking.scopes, strict=True)
    return each.scope in HEADLINE_SCOPES or (each.metric, each.scope) in ranked


HEADLINE_SCOPES = ("all", "any", "macro", "matched", "consensus", "status", "model")


def value_text(each: Figure, metric: Metric) -> str:
    """A value in its unit, or why there is none."""
    if each.value is None:
        return f"none: {each.reason}"
    return number(each.value, metric)


def interval_text(interval: Interval | None, metric: Metric) -> str:
    """An interval in its metric's unit, empty without one."""
    if interval is None:
        return ""
    scale = 100 if metric.unit is Unit.FRACTION else 1
    low, high = (f"{scale * bound:.{metric.decimals}f}" for bound in (interval.low, interval.high))
    return f"{low} to {high}"


def number(value: float, metric: Metric) -> str:
    """A number with the metric's digits, a fraction in per cent."""
    if metric.unit is Unit.FRACTION:
        return f"{100 * value:.{metric.decimals}f} %"
    unit = " mm" if metric.unit is Unit.MILLIMETRE else ""
    return f"{value:.{metric.decimals}f}{unit}"


def as_json(scored: Scored, *, out: Path) -> dict[str, Any]:
    """What `--json` prints."""
    return {
        "result": scored.result.model_dump(mode="json"),
        "findings": [finding.model_dump(mode="json") for finding in scored.findings],
        "out": str(out),
    }
