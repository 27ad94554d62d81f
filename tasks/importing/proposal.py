"""A first import.toml: each guess with its reason above it, and "?" for all that is not clear."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from schema.terms import Reader, TaskId
from tasks.importing.mapping import DAYS, LENGTHS, NUMBERS, OPEN, TIMES, label_tasks
from tasks.importing.sight import (
    MaskKind,
    Matching,
    Sheet,
    mask_names,
    see_masks,
    see_matchings,
    see_sheet,
)
from tasks.importing.words import (
    COMPARTMENT_FILES,
    NODE_FILES,
    allowed_values,
    column_for,
    label_for,
    reader_for,
    says,
    unit_for,
    value_for,
)
from tasks.layout import MASK_TASKS

READER_NAMES = ("positive", "region", "side", "short_axis_mm")
Columns = Mapping[str, Sequence[str]]
"""Headers that name a column of the kit, with their different cells where they are words."""
DATES: Mapping[str, str] = {
    r"\d{4}-\d{2}-\d{2}": "%Y-%m-%d",
    r"\d{1,2}\.\d{1,2}\.\d{4}": "%d.%m.%Y",
    r"\d{1,2}/\d{1,2}/\d{4}": OPEN,
}
"""Cells that look like dates; of those with slashes nobody knows which number is the month."""
FILES = {TaskId.COMPARTMENTS: COMPARTMENT_FILES, TaskId.NODES: NODE_FILES}
NUMBER = r"-?\d+(?:[.,]\d+)?"


class Proposed(NamedTuple):
    """A mapping as text, how many guesses are in it, and how many decisions are left."""

    text: str
    guessed: int
    open: int


def propose(*, dicom: Path, masks: Path | None, table: Path | None) -> Proposed:
    """Look at the folders and propose a mapping.

    Args:
        dicom: folder of studies.
        masks: folder of masks.
        table: the spreadsheet.

    Raises:
        FolderError: a folder or the spreadsheet cannot be read at all.
    """
    sheet, names = see_sheet(table), mask_names(masks)
    matchings = see_matchings(dicom, masks=names, sheet=sheet)
    matching = _best(matchings, masks=bool(names), sheet=sheet is not None)
    every_key = [key for each in matchings for key in each.keys]
    keys = every_key if matching is None else matching.keys
    kinds = see_masks(masks, names=names, keys=keys)
    columns = _columns(sheet)
    draft = _Draft()
    _head(draft)
    _cohort(draft, kinds=kinds, columns=columns)
    _cases(draft, matchings, matching=matching)
    for kind in kinds:
        _masks(draft, kind, studies=matchings[0].studies)
    if sheet is not None:
        _table(draft, sheet, matching=matching)
        _clinical(draft, sheet, columns=columns)
        _readers(draft, sheet, columns=columns)
    return draft.done()


class _Draft:
    """Lines of TOML, with a comment above each that says why."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._guessed = 0

    def line(self, text: str = "") -> None:
        self._lines.append(text)

    def guess(self, name: str, value: str, why: str) -> None:
        """A field with a value in TOML that seems right."""
        self._guessed += 1
        self._lines += [f"# guess: {_one_line(why)}", f"{name} = {value}"]

    def ask(self, name: str, why: str, *, value: str = f'"{OPEN}"') -> None:
        """A field that somebody has to decide."""
        self._lines += [f"# open: {_one_line(why)}", f"{name} = {value}"]

    def done(self) -> Proposed:
        text = "\n".join([*self._lines, ""])
        code = "\n".join(line for line in self._lines if not line.startswith("#"))
        return Proposed(text, self._guessed, code.count(f'= "{OPEN}"'))


def _one_line(text: str) -> str:
    return " ".join(part for part in text.split() if part.isprintable())


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _inline(items: Mapping[str, str]) -> str:
    """An inline table of values that are TOML already."""
    return "{ " + ", ".join(f"{_quoted(key)} = {value}" for key, value in items.items()) + " }"


def _head(draft: _Draft) -> None:
    draft.line("# What the folders mean, for `lln cohort import`. Read every line: a guess is one.")
    draft.line(f'# Wherever "{OPEN}" stands somebody has to decide; the import refuses it.')
    draft.line("# Every field: docs/importing.md and schema/json/ImportMapping.json.")


def _cohort(draft: _Draft, *, kinds: Sequence[MaskKind], columns: Columns) -> None:
    draft.line("\n[cohort]")
    draft.ask("name", "how the cohort is called")
    draft.ask("licence", 'under which licence it may be used, for example "CC-BY-4.0"')
    draft.ask("split", '"train", "public" or "hidden"')
    tasks = [task for task in MASK_TASKS if any(_is_of(kind, task) for kind in kinds)]
    tasks += [TaskId.POSITIVITY] if any(_target(name) == "positive" for name in columns) else []
    if tasks and (TaskId.NODES not in tasks or TaskId.COMPARTMENTS in tasks):
        names = ", ".join(_quoted(task.value) for task in tasks)
        draft.guess("tasks", f"[{names}]", "by the names of mask files, labels and columns")
    else:
        draft.ask("tasks", 'a list of "compartments", "nodes", "positivity"')
    if "centre" not in {_target(name) for name in columns}:
        draft.ask("centre", "the hospital of every patient; no column seems to tell it")


def _is_of(kind: MaskKind, task: TaskId) -> bool:
    """Whether a kind of file seems to hold labels of a task."""
    known = label_tasks()
    labels = [label_for(kind.named.get(each, each)) for each in kind.labels]
    return says(kind.template, FILES[task]) or any(
        label is not None and known[label.name][0] is task for label in labels
    )


# --- keys -----------------------------------------------------------------------------


def _best(matchings: Sequence[Matching], *, masks: bool, sheet: bool) -> Matching | None:
    """The first way by which every study has its own key and everybody knows it."""
    for each in matchings:
        known = not masks or each.in_masks == each.studies
        listed = not sheet or max(each.columns.values(), default=0) == each.studies
        if each.is_unique and known and listed and (masks or sheet):
            return each
    return None


def _cases(draft: _Draft, matchings: Sequence[Matching], *, matching: Matching | None) -> None:
    draft.line("\n[cases]")
    if matching is not None:
        why = f"each of {matching.studies} studies has its own"
        why += f", {matching.in_masks} are in names of masks" if matching.in_masks else ""
        why += ", all are in one column" if matching.columns else ""
        draft.guess("match", _quoted(matching.match), why)
    else:
        seen = "; ".join(map(_seen, matchings))
        draft.ask("match", f'"patient-id", "accession-number", "folder" or "study-uid": {seen}')
    draft.line("# numbered: case-0001 and so on; salted: by a secret; from-study: the key itself")
    draft.line('case_ids = "numbered"')


def _seen(matching: Matching) -> str:
    column = max(matching.columns.values(), default=0)
    return (
        f"{matching.match}: {len(set(matching.keys))} different of {matching.studies} studies, "
        f"{matching.in_masks} in mask names, {column} in a column"
    )


# --- masks ----------------------------------------------------------------------------


def _masks(draft: _Draft, kind: MaskKind, *, studies: int) -> None:
    draft.line("\n[[masks]]")
    draft.guess("file", _quoted(kind.template), f"{kind.files} files for {studies} studies")
    if kind.by == "name":
        draft.guess("by", _quoted(kind.by), "every label seen has a name in its file")
    if kind.files < studies:
        why = 'without this file: "refuse" the study, or was nothing there, "empty"?'
        draft.ask("absent", f"{studies - kind.files} studies have none; {why}")
    if not kind.labels:
        draft.ask("labels", f"no label was seen in {kind.opened} files", value=_inline({}))
    else:
        some = [name for name, task in _tasks_of_labels() if _is_of(kind, task)]
        names = ", ".join(some or label_tasks())
        draft.line(f"# labels seen in {kind.opened} files. Each is a list of: {names}")
        draft.line("# An empty list, [], counts as background.")
        for label, count in kind.labels.items():
            _label(draft, kind, label=label, count=count)


def _label(draft: _Draft, kind: MaskKind, *, label: str, count: int) -> None:
    """By the label's name, that of ITK-SNAP's description, or the name of a file with one label."""
    name = f"labels.{_quoted(label)}"
    words = label if kind.by == "name" else kind.named.get(label, "")
    origin = "its name" if kind.by == "name" else f"ITK-SNAP's description: {words}"
    if not words and len(kind.labels) == 1:
        words, origin = Path(kind.template.replace("{key}", "")).name, "the name of the file"
        words = words.split(".")[0]
    found = label_for(words) if words else None
    if found is not None and _fits(found.name, kind=kind):
        draft.guess(name, f"[{_quoted(found.name)}]", f"by {origin}; in {count} files")
        return
    draft.ask(name, f"seen in {count} of {kind.opened} files, nothing names it")


def _fits(label: str, *, kind: MaskKind) -> bool:
    """Whether a label belongs to the task that the file's own name tells, where it tells one."""
    task, _ = label_tasks()[label]
    told = [each for each in MASK_TASKS if says(kind.template, FILES[each])]
    return not told or task in told


def _tasks_of_labels() -> list[tuple[str, TaskId]]:
    return [(name, task) for name, (task, _) in label_tasks().items()]


# --- the spreadsheet ------------------------------------------------------------------


def _table(draft: _Draft, sheet: Sheet, *, matching: Matching | None) -> None:
    draft.line("\n[table]")
    columns = {} if matching is None else matching.columns
    full = [name for name, count in columns.items() if matching and count == matching.studies]
    if len(full) == 1:
        draft.guess("key", _quoted(full[0]), "every key of a study is in this column, in no other")
    else:
        names = ", ".join(name for name in sheet.table.columns if name)
        draft.ask("key", f"the column that names the study, of: {names}")
    if len(sheet.sheets) > 1:
        draft.ask("sheet", f"one of {', '.join(sheet.sheets)}; the first was looked at")
    if not sheet.sheets:
        rules = sheet.rules
        draft.guess(
            "separator", _quoted(rules.separator), "the most frequent one in the first line"
        )
        draft.guess("decimal", _quoted(rules.decimal), "by the numbers in the cells")
        if sheet.encoding_is_clear:
            draft.guess("encoding", _quoted(rules.encoding), "it can be read as such")
        else:
            draft.ask("encoding", 'no UTF-8: "cp1252" of Western Windows, "gb18030" or "utf-16"?')
    draft.line("# cells that say that nothing is known, beside empty ones")
    draft.line("unknown = []")


def _target(header: str) -> str | None:
    return column_for(header)


def _columns(sheet: Sheet | None) -> dict[str, list[str]]:
    """Headers that name a column of the kit, with their different cells where they are words."""
    if sheet is None:
        return {}
    names = [name for name in sheet.table.columns if name and _target(name) is not None]
    return {name: sheet.words(name) for name in names}


def _clinical(draft: _Draft, sheet: Sheet, *, columns: Columns) -> None:
    draft.line("\n[clinical]")
    by_target: dict[str, list[str]] = {}
    for header in columns:
        target = _target(header)
        if target is not None and target not in READER_NAMES:
            by_target.setdefault(target, []).append(header)
    for target, headers in by_target.items():
        _column(draft, sheet, name=target, target=target, headers=headers)
    rest = [name for name in sheet.table.columns if name and name not in columns]
    draft.line(f"# columns that are used for nothing yet: {_one_line(', '.join(rest)) or 'none'}")


def _readers(draft: _Draft, sheet: Sheet, *, columns: Columns) -> None:
    by_reader: dict[Reader, dict[str, list[str]]] = {}
    for header in columns:
        target = _target(header)
        if target in READER_NAMES:
            reader = reader_for(header) or Reader.CONSENSUS
            by_reader.setdefault(reader, {}).setdefault(target, []).append(header)
    for reader, targets in by_reader.items():
        draft.line(f"\n[readers.{reader.value}]")
        if any(reader_for(header) is None for headers in targets.values() for header in headers):
            draft.line("# guess: the consensus, since no reader is named in the headers")
        for target, headers in targets.items():
            _column(draft, sheet, name=target, target=target, headers=headers)
        if "positive" not in targets:
            draft.ask("positive", "the column that says whether the patient is positive")


def _column(draft: _Draft, sheet: Sheet, *, name: str, target: str, headers: Sequence[str]) -> None:
    """One rule: the column, and what its cells mean."""
    if len(headers) > 1:
        draft.ask(name, f"several columns may be meant: {', '.join(headers)}")
        return
    (header,) = headers
    parts = {"column": _quoted(header), **_meaning(sheet, header=header, target=target)}
    text = "{ " + ", ".join(f"{key} = {value}" for key, value in parts.items()) + " }"
    draft.guess(name, text, f"by the header{_doubt(parts)}")


def _doubt(parts: Mapping[str, str]) -> str:
    doubtful = any(f'"{OPEN}"' in each for each in parts.values())
    return f'; what is "{OPEN}" is not clear' if doubtful else ""


def _meaning(sheet: Sheet, *, header: str, target: str) -> dict[str, str]:
    """What the cells of a column mean, in TOML."""
    if target in NUMBERS:
        return _number(sheet, header=header, target=target)
    if target == "cea" and _all(sheet.cells(header), NUMBER):
        opened = f'"{OPEN}"'
        return {"cut": f'{{ at_most = {opened}, low = "normal", high = "abnormal" }}'}
    if not allowed_values(target):
        return {}
    meant = {cell: value_for(cell, column=target) for cell in sheet.words(header)}
    if not meant:
        return {"values": _inline({"*": _quoted(OPEN)})}
    return {"values": _inline({cell: _quoted(value or OPEN) for cell, value in meant.items()})}


def _number(sheet: Sheet, *, header: str, target: str) -> dict[str, str]:
    """A unit, or the dates of which it is the time between."""
    cells = sheet.cells(header)
    form = next((each for pattern, each in DATES.items() if _all(cells, pattern)), None)
    if form is not None and target not in LENGTHS:
        return {"start": _quoted(OPEN), "date_format": _quoted(form)}
    kind = NUMBERS[target]
    unit = unit_for(header, among=LENGTHS if kind in LENGTHS else DAYS)
    if unit is None and target in TIMES:
        return {"unit": _quoted(OPEN)}
    if unit is None and kind in LENGTHS:
        return {"unit": _quoted(kind if header.strip() == target else OPEN)}
    return {} if unit is None else {"unit": _quoted(unit)}


def _all(cells: Iterable[str], pattern: str) -> bool:
    found = list(cells)
    return bool(found) and all(re.fullmatch(pattern, cell) for cell in found)
