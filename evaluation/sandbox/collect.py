"""The gate out of a container: what it left in /output is looked at, then copied, never moved.

It runs after the container is gone, follows nothing, and takes files only that are plain, have one
name, the name of an answer, and a size within the quota.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evaluation.sandbox.container import MIB
from evaluation.sandbox.log import one_line
from schema.errors import UnreadableFileError
from schema.terms import TaskId
from tasks.checks.node_table import most_bytes
from tasks.files import read_bytes, read_table
from tasks.layout import MASK_TASKS, NODE_COLUMNS, NODE_TABLE, POSITIVITY_COLUMNS, mask_name
from tasks.specification import load_tasks
from tasks.tables import Table, rows_by_column

TABLE_BYTES_PER_CASE = 4096
TABLE_BYTES_AT_LEAST = 1 << 16
SPECIAL_BITS = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX


@dataclass(slots=True)
class Collected:
    """What a container left, sorted.

    Attributes:
        masks: files that passed, by case and task.
        rows: the line of the positivity table, by case.
        node_rows: the lines of the node table by case, every case of the container in it; None
            where the container wrote no such table, which it need not.
        breach: what fails every case, since it belongs to none.
        breaches: what fails one case.
    """

    masks: dict[str, dict[TaskId, Path]] = field(default_factory=dict)
    rows: dict[str, Mapping[str, str]] = field(default_factory=dict)
    node_rows: dict[str, list[Mapping[str, str]]] | None = None
    breach: str | None = None
    breaches: dict[str, str] = field(default_factory=dict)

    def breach_of(self, case_id: str, *, tasks: Sequence[TaskId]) -> str | None:
        """Why a case has no full answer, or None when it has one."""
        return self.breach or self.breaches.get(case_id) or self._missing(case_id, tasks=tasks)

    def _missing(self, case_id: str, *, tasks: Sequence[TaskId]) -> str | None:
        for task in tasks:
            answers = self.masks.get(case_id, {}) if task in MASK_TASKS else self.rows
            if (task if task in MASK_TASKS else case_id) not in answers:
                return f"no {answer_name(task, case_id)}"
        return None


def answer_name(task: TaskId, case_id: str) -> str:
    """Where a task's answer lies below /output and below a submission."""
    return load_tasks()[task].output.format(case_id=case_id)


def collect(
    folder: Path, *, cases: Sequence[str], tasks: Sequence[TaskId], output_mib: int
) -> Collected:
    """Look at everything in an output folder.

    Answers to tasks that were not entered are let through and left behind.

    Args:
        folder: of a container that is gone.
        cases: the cases it was given.
        tasks: those entered.
        output_mib: allowed per case.
    """
    found = Collected()
    try:
        _sort(folder, cases=cases, tasks=tasks, found=found)
    except OSError as error:  # the folder's owner may be the container's user, who closed it
        found.breach = one_line(f"/output cannot be read: {error.strerror}")
    _weigh(found, output_mib=output_mib)
    return found


def _sort(folder: Path, *, cases: Sequence[str], tasks: Sequence[TaskId], found: Collected) -> None:
    mask_folders = {task.value: task for task in MASK_TASKS}
    table = answer_name(TaskId.POSITIVITY, "")
    for entry in _entries(folder):
        if entry.name in mask_folders and entry.is_dir(follow_symlinks=False):
            _sort_masks(entry, task=mask_folders[entry.name], cases=cases, found=found)
        elif entry.name not in (table, NODE_TABLE):
            found.breach = _unexpected(entry.name)
    if TaskId.POSITIVITY in tasks and os.path.lexists(folder / table):
        _sort_rows(folder / table, cases=cases, found=found)
    if TaskId.NODES in tasks and os.path.lexists(folder / NODE_TABLE):
        _sort_node_rows(folder / NODE_TABLE, cases=cases, found=found)


def read_answer(path: Path, *, output_mib: int) -> bytes:
    """The bytes of an answer that passed the gate.

    Raises:
        UnreadableFileError: it is no longer what passed.
    """
    return read_bytes(path, limit=output_mib * MIB)


def _entries(folder: Path | os.DirEntry[str]) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        yield from sorted(entries, key=lambda entry: entry.name)


def _unexpected(name: str) -> str:
    return one_line(f"an unexpected name: {name!r}")


def _sort_masks(
    entry: os.DirEntry[str], *, task: TaskId, cases: Sequence[str], found: Collected
) -> None:
    names = {mask_name(case_id): case_id for case_id in cases}
    for each in _entries(entry):
        case_id = names.get(each.name)
        if case_id is None:
            found.breach = _unexpected(f"{entry.name}/{each.name}")
        elif fault := _fault(each.stat(follow_symlinks=False)):
            found.breaches[case_id] = f"{entry.name}/{each.name} {fault}"
        else:
            found.masks.setdefault(case_id, {})[task] = Path(each.path)


def _fault(status: os.stat_result) -> str | None:
    """Why something is no plain file of one name."""
    kind = {
        stat.S_IFLNK: "is a symbolic link",
        stat.S_IFDIR: "is a folder",
        stat.S_IFIFO: "is a pipe",
        stat.S_IFSOCK: "is a socket",
        stat.S_IFCHR: "is a device",
        stat.S_IFBLK: "is a device",
    }.get(stat.S_IFMT(status.st_mode))
    if kind is None and status.st_nlink > 1:
        kind = "is a hard link: the file has other names"
    if kind is None and status.st_mode & SPECIAL_BITS:
        kind = "has a set-user, set-group or sticky bit"
    if kind is None and not status.st_mode & stat.S_IRUSR:
        kind = "may not be read by its owner"  # who may be the organiser
    return kind


def _weigh(found: Collected, *, output_mib: int) -> None:
    for case_id, masks in found.masks.items():
        if sum(path.lstat().st_size for path in masks.values()) > output_mib * MIB:
            found.breaches[case_id] = f"more than {output_mib} MiB"


def _sort_rows(path: Path, *, cases: Sequence[str], found: Collected) -> None:
    limit = TABLE_BYTES_AT_LEAST + TABLE_BYTES_PER_CASE * len(cases)
    for cells in _rows(path, columns=POSITIVITY_COLUMNS, limit=limit, cases=cases, found=found):
        case_id = cells["case_id"]
        if case_id in found.rows:
            found.breaches[case_id] = f"{path.name} holds the case twice"
        found.rows[case_id] = cells


def _sort_node_rows(path: Path, *, cases: Sequence[str], found: Collected) -> None:
    """Lines by case; whether each speaks of a node is for the scorer to judge."""
    limit = most_bytes(cases=len(cases))
    found.node_rows = {case_id: [] for case_id in cases}
    for cells in _rows(path, columns=NODE_COLUMNS, limit=limit, cases=cases, found=found):
        found.node_rows[cells["case_id"]].append(cells)


def _rows(
    path: Path, *, columns: Sequence[str], limit: int, cases: Sequence[str], found: Collected
) -> list[dict[str, str]]:
    """The lines of a table; none, and a breach, where it cannot be used."""
    try:
        wrong = _fault(path.lstat())
        table = None if wrong else read_table(path, limit=limit)
    except UnreadableFileError as error:
        found.breach = one_line(f"{path.name}: {error}")
        return []
    if table is not None:
        wrong = _table_fault(table, columns=columns, cases=cases)
    if table is None or wrong:
        found.breach = f"{path.name} {wrong}"
        return []
    return [cells for _, cells in rows_by_column(table)]


def _table_fault(table: Table, *, columns: Sequence[str], cases: Sequence[str]) -> str | None:
    """What is wrong with the whole of a table; the values are for the scorer to judge."""
    if sorted(table.columns) != sorted(columns):
        return f"has other columns than {', '.join(columns)}"
    lines = [cells["case_id"] for _, cells in rows_by_column(table)]
    if len(lines) != len(table.rows):
        return "has a line with more or fewer cells than the header"
    if not set(lines) <= set(cases):
        return "holds a case that the container was not given"
    return None
