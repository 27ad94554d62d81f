"""Which cases to open first: the lowest overlap, and the positive nodes that were missed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from evaluation.figures.captions import capital
from evaluation.figures.numerals import DASH, SPACE, decimal, percent
from evaluation.figures.plot import Table
from schema.result import CaseScore, NodeScore
from schema.task import Task
from schema.terms import NodeClass

LONGEST_LIST = 10


class FirstLook(NamedTuple):
    """A short list of cases."""

    title: str
    table: Table


def first_looks(cases: Sequence[CaseScore], task: Task) -> tuple[FirstLook, ...]:
    """The lists of one task that have anything on them.

    Args:
        cases: of this task only.
        task: its definition.
    """
    lists = (_lowest_dice(cases, task), _missed_positive(cases, task))
    return tuple(each for each in lists if each.table.rows)


def _lowest_dice(cases: Sequence[CaseScore], task: Task) -> FirstLook:
    scored = [case for case in cases if case.status == "scored"]
    known = [(value, case.case_id) for case in scored if (value := _mean_dice(case)) is not None]
    return FirstLook(
        f"{task.title}: lowest mean Dice of the scored cases",
        Table(
            headers=("Case", "Mean Dice"),
            rows=tuple(
                (case_id, percent(value)) for value, case_id in sorted(known)[:LONGEST_LIST]
            ),
        ),
    )


def _mean_dice(case: CaseScore) -> float | None:
    named = (each for each in case.values if (each.metric, each.scope) == ("dice", "macro"))
    return next((each.value for each in named), None)


def _missed_positive(cases: Sequence[CaseScore], task: Task) -> FirstLook:
    missed = sorted(_missed(cases), key=lambda each: (-each[1].short_axis_mm, each[0]))
    return FirstLook(
        f"{task.title}: largest positive nodes that were missed",
        Table(
            headers=("Case", "Node", "Short axis", "Region", "Side"),
            rows=tuple(_node_row(case_id, node) for case_id, node in missed[:LONGEST_LIST]),
        ),
    )


def _missed(cases: Sequence[CaseScore]) -> Iterator[tuple[str, NodeScore]]:
    for case in cases:
        for node in case.reference_nodes:
            if node.matched is None and node.node_class is NodeClass.POSITIVE:
                yield case.case_id, node


def _node_row(case_id: str, node: NodeScore) -> tuple[str, ...]:
    return (
        case_id,
        str(node.node),
        f"{decimal(node.short_axis_mm, 1)}{SPACE}mm",
        capital(node.region),
        capital(node.side) if node.side else DASH,
    )
