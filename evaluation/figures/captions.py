"""What scopes, regions, groups and raters are called in the report."""

from __future__ import annotations

from collections.abc import Mapping

from schema.label import LabelMap
from schema.task import IntervalMethod, Task
from schema.terms import Direction, NodeClass, Outcome, Region, TaskId

SCOPES: Mapping[str, str] = {
    "all": "all patients",
    "any": "either class",
    "both_positive": "positive in reference and prediction",
    "consensus": "consensus of the readers",
    "consensus_negative": "negative by consensus",
    "consensus_positive": "positive by consensus",
    "dominant": "dominant nodes of patients positive in both",
    "macro": "mean over labels",
    "matched": "matched nodes",
    "model": "the model's call",
    "model_negative": "negative by the model",
    "model_positive": "positive by the model",
    "negative": "negative nodes",
    "nobody": "no covariate (Kaplan-Meier)",
    "positive": "positive nodes",
    "probability": "the model's probability",
    "r1": "reader R1",
    "r2": "reader R2",
    "r3": "reader R3",
    "readers": "the readers",
    "readers_and_model": "the readers and the model",
    "reference_positive": "every positive patient of the reference",
    "status": "the model's yes or no",
}
CALLERS: Mapping[str, str] = {"model": "the model", "consensus": "consensus"}
EVENTS: Mapping[Outcome, str] = {Outcome.DFS: "recurrence or death", Outcome.OS: "death"}
"""What ends the survival of each outcome."""
INTERVALS: Mapping[IntervalMethod, str] = {
    IntervalMethod.WILSON: "Wilson score interval",
    IntervalMethod.BOOTSTRAP: "percentile bootstrap over patients",
    IntervalMethod.ASYMPTOTIC: "asymptotic standard error",
    IntervalMethod.WALD: "Wald interval",
    IntervalMethod.NONE: "no interval",
}
ARROWS: Mapping[Direction, tuple[str, str]] = {
    Direction.HIGHER: ("↑", "higher is better"),
    Direction.LOWER: ("↓", "lower is better"),
    Direction.NONE: ("", "descriptive, neither direction is better"),
}


def scope_title(scope: str, task: Task) -> str:
    """A scope in words: the title of a label, or the word for a group."""
    for label in task.label_map.labels if task.label_map else ():
        if label.name == scope:
            return label.title
    who, _, month = scope.rpartition("_")
    if month.isdecimal() and who in SCOPES:
        return f"{SCOPES[who]}, {month} months"
    return SCOPES.get(scope, scope.replace("_", " "))


def rater(name: str) -> str:
    """A rater's name with a capital."""
    return capital(name)


def in_running_text(title: str) -> str:
    """A title within a sentence: its first letter lowered unless the word is an abbreviation."""
    first = title.partition(" ")[0]
    return title if any(letter.isupper() for letter in first[1:]) else title[:1].lower() + title[1:]


def sentence(words: str) -> str:
    """The words as a sentence; an abbreviation such as mrEMVI keeps its small first letter."""
    first = words.partition(" ")[0]
    opened = words if any(letter.isupper() for letter in first[1:]) else capital(words)
    return f"{opened}."


def capital(words: str) -> str:
    """The words with their first letter raised, the rest untouched."""
    return words[:1].upper() + words[1:]


def region_titles(label_map: LabelMap) -> dict[Region, str]:
    """A region's name without its side."""
    return {
        label.region: label.title.partition(",")[0]
        for label in label_map.labels
        if label.region is not None
    }


def swatches(tasks: Mapping[TaskId, Task], *, of: TaskId) -> dict[str, str]:
    """Colour of each row or column of a matrix that is named after a label.

    Regions carry the compartments' colours everywhere; a node's class carries the nodes' colours
    in the nodes task only, where it is a label.
    """
    found: dict[str, str] = {}
    for task_id in (TaskId.COMPARTMENTS, of):
        label_map = tasks[task_id].label_map if task_id in tasks else None
        for label in label_map.labels if label_map else ():
            found[str(label.region or label.node_class)] = label.colour
    return found


def called(group: NodeClass) -> str:
    """A group of patients by their status."""
    return f"LLN-{group.value}"
