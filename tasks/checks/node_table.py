"""Checks of `nodes.csv`, the table of the nodes' probabilities.

It may be left out, and a fault in it fails no case: the masks are scored all the same, and the FROC
alone is not computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from schema.submission import NodePrediction
from tasks.checks.base import Check, Problem
from tasks.checks.positivity_table import CaseUnknown, RowWidth, TableFacts
from tasks.geometry import Triple
from tasks.layout import NODE_COLUMNS
from tasks.tables import Parsed

LINES_PER_CASE = 256
"""Most lines, over the number of cases: more is no answer that anybody reads."""
BYTES_PER_LINE = 128
BYTES_AT_LEAST = 1 << 16


def most_bytes(*, cases: int) -> int:
    """Of a table that is read."""
    return BYTES_AT_LEAST + BYTES_PER_LINE * LINES_PER_CASE * cases


class NodeTableUnreadable(Check[str]):
    """nodes.csv cannot be read.

    Write a comma-separated UTF-8 text file with a header line, or leave it out; the masks are
    scored without it.
    """

    code = "LLN060"
    fails_case = False

    @staticmethod
    def find(facts: str) -> Iterator[Problem]:
        """The facts are the reader's complaint."""
        yield Problem("a UTF-8 comma-separated table, or none", facts)


class NodeColumnsWrong(Check[TableFacts]):
    """nodes.csv has other columns than the task asks for.

    Write exactly these columns, once each, in any order.
    """

    code = "LLN061"
    fails_case = False

    @staticmethod
    def find(facts: TableFacts) -> Iterator[Problem]:
        """Any column missing, extra or twice."""
        if sorted(facts.table.columns) != sorted(NODE_COLUMNS):
            got = ", ".join(column[:40] for column in facts.table.columns[:20])
            yield Problem(", ".join(NODE_COLUMNS), got, where="line 1")


class NodeLinesTooMany(Check[TableFacts]):
    """nodes.csv has more lines than are read.

    Write one line for each node of the masks; leave out nodes too doubtful to be drawn.
    """

    code = "LLN062"
    fails_case = False

    @staticmethod
    def find(facts: TableFacts) -> Iterator[Problem]:
        """Once, whatever is in them."""
        most = LINES_PER_CASE * len(facts.cases)
        if len(facts.table.rows) > most:
            yield Problem(f"at most {most} lines", f"{len(facts.table.rows)} lines")


class NodeRowWidth(RowWidth):
    """A line of nodes.csv has more or fewer cells than the header.

    Write every cell; none may be left out or empty.
    """

    code = "LLN063"


class NodeCaseUnknown(CaseUnknown):
    """A line of nodes.csv names a case that is not in the cohort.

    Remove the line, or correct the case_id; letters must match in upper and lower case.
    """

    code = "LLN064"


RowFacts = Parsed[NodePrediction]


class NodeProbabilityOutside(Check[RowFacts]):
    """A probability of nodes.csv is not a number from 0 to 1.

    Write the probability that this is a lymph node, of either class: not a logit, a percentage or
    the size of the node.
    """

    code = "LLN065"
    fails_case = False

    @staticmethod
    def find(facts: RowFacts) -> Iterator[Problem]:
        """The cell, when its model complains of it."""
        if any(each.field == "probability" for each in facts.complaints):
            yield Problem("0 to 1", repr(facts.cells["probability"][:80]), where="probability")


class PlaceInvalid(Check[RowFacts]):
    """A place of nodes.csv is no number of millimetres.

    Write x_mm, y_mm and z_mm as numbers: x to the patient's left, y to posterior, z to superior
    (LPS), not indices of a voxel.
    """

    code = "LLN066"
    fails_case = False

    @staticmethod
    def find(facts: RowFacts) -> Iterator[Problem]:
        """Every such cell."""
        for field, message in facts.complaints:
            if field not in ("case_id", "probability"):
                yield Problem(message, repr(facts.cells[field][:80]), where=field)


class Point(NamedTuple):
    """A line of one case.

    Attributes:
        line: its number in the table.
        place_mm: LPS.
        node: number of the predicted node that it lies in, 0 for none.
    """

    line: int
    place_mm: Triple
    node: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PointFacts:
    """The lines of one case beside the nodes of its mask.

    Attributes:
        points: in the order of their lines.
        left: places of a few nodes without a line, LPS.
        left_count: how many there are.
    """

    points: tuple[Point, ...]
    left: tuple[Triple, ...]
    left_count: int


class PointOutsideNodes(Check[PointFacts]):
    """A line of nodes.csv lies in no node of the mask.

    Write the place of a voxel of the node, of its own mask and class, in LPS millimetres: the x and
    y of NIfTI's world (RAS) have the other sign, and the centre of a bent node may lie outside it.
    """

    code = "LLN067"
    fails_case = False

    @staticmethod
    def find(facts: PointFacts) -> Iterator[Problem]:
        """The first of a case, and how many more there are."""
        outside = [point for point in facts.points if not point.node]
        if outside:
            first, more = outside[0], _and_more(len(outside) - 1, "line")
            got = f"{_words(first.place_mm)} in none{more}"
            yield Problem("a place within a predicted node", got, where=f"line {first.line}")


class NodeTwice(Check[PointFacts]):
    """A node of the mask has more than one line in nodes.csv.

    Keep one line for each node: voxels of one class that touch, even by a corner, are one node, and
    the scorer does not choose between two answers.
    """

    code = "LLN068"
    fails_case = False

    @staticmethod
    def find(facts: PointFacts) -> Iterator[Problem]:
        """The first second line of a case, and how many more there are."""
        first: dict[int, int] = {}
        again = [
            point
            for point in facts.points
            if point.node and first.setdefault(point.node, point.line) != point.line
        ]
        if again:
            point, more = again[0], _and_more(len(again) - 1, "line")
            got = f"the node of line {first[point.node]} again{more}"
            yield Problem("one line a node", got, where=f"line {point.line}")


class NodeWithoutLine(Check[PointFacts]):
    """A node of a mask has no line in nodes.csv.

    Write one line for every node of the nodes masks, or leave the table out.
    """

    code = "LLN069"
    fails_case = False

    @staticmethod
    def find(facts: PointFacts) -> Iterator[Problem]:
        """A few nodes of a case, and how many more there are."""
        if facts.left_count:
            more = _and_more(facts.left_count - len(facts.left), "node")
            got = "none at " + ", ".join(map(_words, facts.left)) + more
            yield Problem("one line a node", got)


def _words(place_mm: Triple) -> str:
    return "(" + ", ".join(f"{value:.1f}" for value in place_mm) + ")"


def _and_more(count: int, what: str) -> str:
    return f" and {count} more {what}{'s' if count > 1 else ''}" if count else ""


NODE_TABLE_CHECKS: tuple[type[Check[TableFacts]], ...] = (NodeRowWidth, NodeCaseUnknown)
NODE_ROW_CHECKS: tuple[type[Check[RowFacts]], ...] = (NodeProbabilityOutside, PlaceInvalid)
POINT_CHECKS: tuple[type[Check[PointFacts]], ...] = (PointOutsideNodes, NodeTwice, NodeWithoutLine)
ALL_NODE_TABLE_CHECKS: tuple[type[Check[Any]], ...] = (
    NodeTableUnreadable,
    NodeColumnsWrong,
    NodeLinesTooMany,
    *NODE_TABLE_CHECKS,
    *NODE_ROW_CHECKS,
    *POINT_CHECKS,
)
"""In the order of their codes."""
