"""The gate for `nodes.csv`: whether each line is sound, and which node of the mask it speaks of.

The table may be left out. A fault in it fails no case; it only leaves the FROC uncomputed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from schema.errors import Unreadable, UnreadableFileError
from schema.finding import Finding
from schema.submission import NodePrediction
from schema.terms import TaskId
from tasks.checks.node_table import (
    NODE_ROW_CHECKS,
    NODE_TABLE_CHECKS,
    POINT_CHECKS,
    NodeColumnsWrong,
    NodeLinesTooMany,
    NodeTableUnreadable,
    Point,
    PointFacts,
    most_bytes,
)
from tasks.checks.positivity_table import TableFacts
from tasks.files import read_table
from tasks.geometry import Geometry, Triple
from tasks.inspection import run_checks
from tasks.layout import NODE_TABLE
from tasks.node_measurement import NodeParts
from tasks.node_points import nodes_at
from tasks.tables import Table, parse_rows

SHOWN = 3
"""Most places that a finding names."""


class NodeLine(NamedTuple):
    """A sound line and its number."""

    number: int
    said: NodePrediction

    @property
    def place_mm(self) -> Triple:
        """LPS."""
        return self.said.x_mm, self.said.y_mm, self.said.z_mm


class NodeTable(NamedTuple):
    """A table as read.

    Attributes:
        given: whether there is one.
        lines: of each case whose lines are all sound; a case without any line has an empty tuple.
        findings: on the table itself, before any mask is looked at.
    """

    given: bool
    lines: dict[str, tuple[NodeLine, ...]]
    findings: tuple[Finding, ...]


NO_TABLE = NodeTable(given=False, lines={}, findings=())


class InspectedPoints(NamedTuple):
    """Probabilities of the nodes of one case by their number, and what is wrong with the lines."""

    probabilities: dict[int, float]
    findings: tuple[Finding, ...]


def inspect_node_table(folder: Path, *, cases: tuple[str, ...]) -> NodeTable:
    """Read and check `nodes.csv` of a submission; a table that is not there is no fault."""
    try:
        table = read_table(folder / NODE_TABLE, limit=most_bytes(cases=len(cases)))
    except UnreadableFileError as error:
        if error.kind is Unreadable.MISSING:
            return NO_TABLE
        found = run_checks((NodeTableUnreadable,), str(error), where=NODE_TABLE, task=TaskId.NODES)
        return NodeTable(given=True, lines={}, findings=found)
    facts = TableFacts(table=table, cases=cases)
    for check in (NodeColumnsWrong, NodeLinesTooMany):
        if found := run_checks((check,), facts, where=NODE_TABLE, task=TaskId.NODES):
            return NodeTable(given=True, lines={}, findings=found)
    return _inspect_rows(table, cases=cases)


def _inspect_rows(table: Table, *, cases: tuple[str, ...]) -> NodeTable:
    """The lines of each case; none of a case with a broken one, so that a fault is told once."""
    facts = TableFacts(table=table, cases=cases)
    findings = [*run_checks(NODE_TABLE_CHECKS, facts, where=NODE_TABLE, task=TaskId.NODES)]
    lines: dict[str, list[NodeLine]] = {case_id: [] for case_id in cases}
    rows = parse_rows(table, NodePrediction)
    broken = set(cases) if len(rows) < len(table.rows) else set()
    for row in rows:
        case_id = row.cells["case_id"]
        listed = case_id if case_id in lines else None
        where = f"{NODE_TABLE}:line {row.line}"
        findings += run_checks(NODE_ROW_CHECKS, row, where=where, task=TaskId.NODES, case_id=listed)
        if listed is not None and row.model is None:
            broken.add(listed)
        elif listed is not None and row.model is not None:
            lines[listed].append(NodeLine(row.line, row.model))
    sound = {case_id: tuple(each) for case_id, each in lines.items() if case_id not in broken}
    return NodeTable(given=True, lines=sound, findings=tuple(findings))


def inspect_points(
    lines: Sequence[NodeLine], *, parts: NodeParts, geometry: Geometry, case_id: str
) -> InspectedPoints:
    """Find the node of each line of one case, and the nodes that have none.

    Args:
        lines: sound ones, in their order.
        parts: the predicted nodes of the case.
        geometry: of its image.
        case_id: the case.
    """
    at = nodes_at([line.place_mm for line in lines], parts=parts, geometry=geometry)
    points = tuple(
        Point(line.number, line.place_mm, int(node)) for line, node in zip(lines, at, strict=True)
    )
    left = np.setdiff1d(np.arange(1, int(parts.part.max(initial=0)) + 1), at)
    facts = PointFacts(
        points=points,
        left=tuple(islice(_places(left, parts=parts, geometry=geometry), SHOWN)),
        left_count=left.size,
    )
    findings = run_checks(POINT_CHECKS, facts, where=NODE_TABLE, task=TaskId.NODES, case_id=case_id)
    said = {int(node): line.said.probability for line, node in zip(lines, at, strict=True) if node}
    return InspectedPoints(said, findings)


def _places(
    numbers: Sequence[int] | np.ndarray, *, parts: NodeParts, geometry: Geometry
) -> Iterator[Triple]:
    """The first voxel of each node, LPS."""
    start = [side.start for side in parts.box]
    for number in numbers:
        voxel = np.argwhere(parts.part == number)[0] + start
        x, y, z = (geometry.lps_affine @ (*voxel, 1.0))[:3].tolist()
        yield x, y, z
