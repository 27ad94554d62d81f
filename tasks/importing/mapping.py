"""Reading import.toml: nothing in it may be open, and every name in it must be one of the kit's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from schema.errors import FolderError, UnreadableFileError
from schema.finding import Finding
from schema.importing import ColumnRule, ImportMapping
from schema.terms import TaskId
from tasks.files import read_toml
from tasks.importing.checks import (
    Doubt,
    MappingInvalid,
    MappingUndecided,
    MappingUnfit,
    MappingUnreadable,
)
from tasks.layout import MASK_TASKS
from tasks.specification import label_map
from tasks.tables import complaints

OPEN: Final = "?"
"""What a value is that nobody has decided."""
KEY: Final = "{key}"
LIMIT_BYTES = 1 << 20

TIMES = frozenset(("dfs_months", "os_months"))
NUMBERS: Mapping[str, str] = {
    "dfs_months": "months",
    "os_months": "months",
    "age": "years",
    "short_axis_mm": "mm",
}
"""The kit's columns of numbers and their units."""
DAYS: Mapping[str, float] = {"days": 1, "weeks": 7, "months": 365.25 / 12, "years": 365.25}
LENGTHS: Mapping[str, float] = {"mm": 1.0, "cm": 10.0}


def read_mapping(path: Path) -> ImportMapping:
    """Read a mapping.

    Raises:
        FolderError: it cannot be read, leaves something open, breaks its contract or names what the
            task files do not have; its findings say so, all at once.
    """
    name = path.name
    try:
        content = read_toml(path, limit=LIMIT_BYTES)
        text = json.dumps(content, default=str)
    except (UnreadableFileError, ValueError, RecursionError) as error:
        doubt = Doubt("a TOML file", str(error))
        raise _unusable(MappingUnreadable.findings(doubt, where=name)) from error
    if found := MappingUndecided.findings(sorted(_open_fields(content)), where=name):
        raise _unusable(found)
    try:
        mapping = ImportMapping.model_validate_json(text)
    except ValidationError as error:
        found = MappingInvalid.findings(complaints(error), where=name)
        raise _unusable(found) from error
    if found := [each for doubt in _misfits(mapping) for each in _as_findings(*doubt, name=name)]:
        raise _unusable(found)
    return mapping


def _unusable(findings: list[Finding]) -> FolderError:
    return FolderError("the mapping cannot be used; nothing was imported", findings=findings)


def _as_findings(field: str, doubt: Doubt, *, name: str) -> list[Finding]:
    return MappingUnfit.findings(doubt, where=f"{name}:{field}")


def _open_fields(content: Mapping[str, Any], *, above: str = "") -> Iterator[str]:
    """Fields whose value is a question mark; one in a list is a word like any other."""
    for key, value in content.items():
        field = f"{above}.{key}" if above else key
        if value == OPEN:
            yield field
        elif isinstance(value, dict):
            yield from _open_fields(value, above=field)
        elif isinstance(value, list):
            for number, each in enumerate(value):
                if isinstance(each, dict):
                    yield from _open_fields(each, above=f"{field}.{number}")


Misfit = tuple[str, Doubt]


def _misfits(mapping: ImportMapping) -> Iterator[Misfit]:
    """What is wrong by the task files, field by field."""
    yield from _labels(mapping)
    yield from _patterns(mapping)
    for field, target, rule in rules_of(mapping):
        yield from _unit(field, rule, target=target)


def label_tasks() -> dict[str, tuple[TaskId, int]]:
    """Every label of the kit by its name: the task it belongs to, and its value there."""
    return {
        label.name: (task, label.value) for task in MASK_TASKS for label in label_map(task).labels
    }


def _labels(mapping: ImportMapping) -> Iterator[Misfit]:
    known = label_tasks()
    given: set[TaskId] = set()
    for number, source in enumerate(mapping.masks):
        for label, names in source.labels.items():
            field = f"masks.{number}.labels.{label}"
            given |= {known[name][0] for name in names if name in known}
            if unknown := sorted(set(names) - set(known)):
                yield field, Doubt("one of " + ", ".join(known), ", ".join(unknown))
            tasks = [known[name][0] for name in names if name in known]
            if len(set(tasks)) != len(tasks):
                yield field, Doubt("at most one label of each task", ", ".join(names))
    for task in MASK_TASKS:
        if task in mapping.cohort.tasks and task not in given:
            yield "masks", Doubt(f"a file with labels of {task.value}", "none")


def _patterns(mapping: ImportMapping) -> Iterator[Misfit]:
    patterns = [("cases.pattern", mapping.cases.pattern)]
    if mapping.table is not None:
        patterns.append(("table.pattern", mapping.table.pattern))
    for field, pattern in patterns:
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            yield field, Doubt("a regular expression", str(error))
            continue
        if groups < 1:
            yield field, Doubt("a group in parentheses for the key", "no group")


def _unit(field: str, rule: ColumnRule, *, target: str) -> Iterator[Misfit]:
    """Numbers have units that fit, times always say theirs, and nothing else has one."""
    kind = NUMBERS.get(target)
    if kind is None:
        if rule.unit is not None or rule.start is not None:
            yield field, Doubt("no unit and no start: it is no number", rule.unit or "a start")
        return
    fitting = LENGTHS if kind in LENGTHS else DAYS
    if rule.unit is not None and rule.unit not in fitting:
        yield field, Doubt("one of " + ", ".join(fitting), rule.unit)
    if rule.start is not None and kind in LENGTHS:
        yield field, Doubt("no start: it is no time", "a start")
    if target in TIMES and rule.unit is None and rule.start is None:
        yield field, Doubt("a unit or a start", "neither")


def key_by(pattern: str, text: str) -> str | None:
    """The first group of a pattern that fits a whole text; None where it does not, or is empty."""
    found = re.fullmatch(pattern, text.strip())
    return (found[1] or "").strip() or None if found else None


def columns_of(mapping: ImportMapping) -> dict[str, str]:
    """Every column of the spreadsheet that the mapping names, with the first field that does."""
    named: dict[str, str] = {}
    if mapping.table is not None:
        named[mapping.table.key] = "table.key"
    for field, _, rule in rules_of(mapping):
        for part in ("column", "otherwise", "start"):
            if (column := getattr(rule, part)) is not None:
                named.setdefault(column, f"{field}.{part}")
    return named


def rules_of(mapping: ImportMapping) -> Iterator[tuple[str, str, ColumnRule]]:
    """Every rule of a column: the field of the mapping, the kit's column, the rule."""
    for target, rule in mapping.clinical.items():
        yield f"clinical.{target}", target, rule
    for reader, rules in mapping.readers.items():
        for name, rule in rules.items():
            yield f"readers.{reader.value}.{name}", name, rule
