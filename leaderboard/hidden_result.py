"""What may be known of one task's result on a hidden cohort: tables, raters, curves. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from leaderboard.public_curves import Group, GroupCounts, group_counts, public_curve
from leaderboard.rater_tables import Pair, showable_pairs
from leaderboard.suppression import (
    Cells,
    Withheld,
    everything,
    is_free_of_small,
    is_small,
    suppressed,
)
from schema.entry import PublicCurve
from schema.result import TaskResult
from schema.statistics import Subgroup
from schema.task import Task
from schema.terms import Outcome

STATUS, REGION, SIZE, NODES = "status", "region", "size", "node_class"
"""Ids of the matrices that figures are made of."""
MODEL = "model"
NOTHING = GroupCounts(sizes=False, events=False)


@dataclass(frozen=True)
class HiddenResult:
    """One task's result, and which of its parts may be shown.

    Attributes:
        result: as scored, private.
        task: its task file.
        least: counts from 1 to below it are small.
    """

    result: TaskResult
    task: Task
    least: int

    def is_small(self, count: int) -> bool:
        """Whether a count may not be shown."""
        return is_small(count, least=self.least)

    def is_free_of_small(self, cells: Cells) -> bool:
        """Whether a table may be shown whole."""
        return is_free_of_small(cells, least=self.least)

    @cached_property
    def cells(self) -> Mapping[str, Cells]:
        """Of every matrix, private."""
        return {matrix.id: matrix.cells for matrix in self.result.matrices}

    @cached_property
    def shown(self) -> Mapping[str, Withheld]:
        """The cells of every matrix, those withheld as None.

        Region and size sort the patients of the status matrix further. When that is not shown they
        are not; when it is, the patients negative on either side are known, and hide nothing.
        A matrix of another id may be of the same patients in a way that nobody has thought of.
        """
        shown: dict[str, Withheld] = {}
        whole = self.is_free_of_small(self.cells.get(STATUS, ()))
        for name, cells in self.cells.items():
            if name not in (STATUS, REGION, SIZE, NODES) or (name != NODES and not whole):
                shown[name] = everything(cells)
            else:
                corner = (len(cells) - 1, len(cells[0]) - 1)
                shown[name] = suppressed(cells, least=self.least, known=self._known(cells, corner))
        return shown

    def _known(self, cells: Cells, corner: tuple[int, int]) -> list[tuple[int, int]]:
        """Cells that hide nothing: negative on either side; no node at all."""
        i, j = corner
        return [] if self.is_small(cells[i][j]) else [corner]

    def is_open(self, matrix: str) -> bool:
        """Whether the whole of a matrix is shown: then everything made of it may be."""
        return matrix in self.shown and self.shown[matrix] == self.cells[matrix]

    @cached_property
    def pairs(self) -> frozenset[Pair]:
        """Raters whose agreement may be shown."""
        if not self.is_open(STATUS):
            return frozenset()
        return showable_pairs(
            self.result.agreement,
            positives=sum(self.cells[STATUS][0]),
            cases=self.result.coverage.cases,
            least=self.least,
        )

    @cached_property
    def groups(self) -> Mapping[Group, GroupCounts]:
        """What may be said of the numbers behind the curves."""
        cases = self.result.coverage.cases
        found = group_counts(self.result.survival, cases=cases, least=self.least)
        return {group: NOTHING if self._is_secret(group[1]) else found[group] for group in found}

    def _is_secret(self, scope: str) -> bool:
        """The model's groups are the columns of the status matrix, and as secret as they are."""
        return scope == MODEL and not self.is_open(STATUS)

    @cached_property
    def curves(self) -> tuple[PublicCurve, ...]:
        """What is shown of the curves; a group that is secret has none."""
        return tuple(
            public_curve(curve, counts=self.groups[curve.outcome, curve.scope], least=self.least)
            for curve in self.result.survival
            if not self._is_secret(curve.scope)
        )

    @cached_property
    def months_shown(self) -> Mapping[tuple[Outcome, str], tuple[float, ...]]:
        """The months of each curve, by outcome and a scope such as `model_positive`."""
        return {
            (each.outcome, f"{each.scope}_{each.group.value}"): each.months for each in self.curves
        }

    @cached_property
    def subgroups(self) -> tuple[Subgroup, ...]:
        """Those of the dimensions all of whose groups, and the rest, have a table to be shown."""
        groups = self.result.statistics.subgroups if self.result.statistics else ()
        if not self.is_open(STATUS):
            return ()
        open_ones = {
            dimension
            for dimension in {group.dimension for group in groups}
            if self._may_show([group for group in groups if group.dimension == dimension])
        }
        return tuple(group for group in groups if group.dimension in open_ones)

    def _may_show(self, groups: Sequence[Subgroup]) -> bool:
        """Whether no group's table, nor that of the patients in none of them, has a small count."""
        tables = [_table_of(group) for group in groups]
        known = [np.array(table) for table in tables if table is not None]
        rest = np.array(self.cells[STATUS]) - sum(known)
        if len(known) != len(tables) or (rest < 0).any():
            return False
        every = [*known, rest]
        return all(self.is_free_of_small(tuple(map(tuple, each.tolist()))) for each in every)


def _table_of(group: Subgroup) -> Cells | None:
    """A group's status matrix, worked out from its figures; None where they are not there."""
    values = {each.metric: each.value for each in group.figures}
    sensitivity, specificity = values.get("sensitivity"), values.get("specificity")
    if sensitivity is None or specificity is None:
        return None
    positives, negatives = group.positives, group.n - group.positives
    found, cleared = round(sensitivity * positives), round(specificity * negatives)
    return ((found, positives - found), (negatives - cleared, cleared))
