"""The colours of the task files and what they stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from schema.label import Label
from schema.terms import TaskId
from tasks.specification import label_map


class Key(NamedTuple):
    """One colour of the legend."""

    colour: str
    title: str


def labels_of_tasks() -> dict[str, tuple[Label, ...]]:
    """The labels of the two mask tasks, by the task's name."""
    return {task.value: label_map(task).labels for task in (TaskId.COMPARTMENTS, TaskId.NODES)}


def legend(labels: Mapping[str, Sequence[Label]]) -> tuple[Key, ...]:
    """Every colour once, with what the titles of its labels share: right and left are one."""
    titles: dict[str, list[str]] = {}
    for each in labels.values():
        for label in each:
            titles.setdefault(label.colour, []).append(label.title)
    return tuple(Key(colour, _shared(of_colour)) for colour, of_colour in titles.items())


def _shared(titles: Sequence[str]) -> str:
    heads = {title.rpartition(", ")[0] or title for title in titles}
    return heads.pop() if len(heads) == 1 else " / ".join(titles)
