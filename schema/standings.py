"""Standings: who stands where on one task's board, and how sure that is. Aggregates only."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schema.base import Count, Digest, EntryId, Frozen, Line, Probability, Slug, Version
from schema.result import Interval
from schema.task import Scheme
from schema.terms import TaskId

Rank = Annotated[int, Field(ge=1)]
"""1 is best; entries that are equal share the smallest rank."""
Tau = Annotated[float, Field(ge=-1, le=1)]
"""Kendall's tau-b of two rankings; 1 is the same order."""


class Standing(Frozen):
    """One entry on one board."""

    entry: EntryId
    ranked: bool
    unranked_reason: Line | None = None
    """Why it is shown without a rank: a control, a reader, incomplete, withdrawn."""
    rank: Rank | None
    interval: Interval | None = None
    """Of the rank, over resampled patients. It describes; for a claim take `tested_ranks`."""
    first: Probability | None = None
    """Share of the resamples in which it is first, ties shared equally."""
    top_three: Probability | None = None
    """Share of the resamples in which its rank is 3 or better, ties going to the smaller rank."""
    tested_ranks: tuple[Rank, Rank] | None = None
    """Ranks by the primary key that the tests leave open: after all that are significantly better,
    before all that are significantly worse. Right for all entries at once at the board's alpha."""
    letters: Annotated[str, Field(pattern=r"^([a-z][0-9]*)*$")] = ""
    """Two entries share a letter exactly when the primary key does not tell them apart (compact
    letter display). After z come a2, b2 and so on."""
    aggregate: float | None
    """What the primary scheme sorts by, such as a mean rank; smaller is better."""
    difference: float | None = None
    """Primary figure minus that of the first entry, in the figure's unit."""
    difference_interval: Interval | None = None
    shares: tuple[Probability, ...] = ()
    """Share of the resamples at each rank, the first rank first; ties go to the smaller."""

    @model_validator(mode="after")
    def _ranked_or_a_reason(self) -> Self:
        if self.ranked != (self.rank is not None):
            raise ValueError("a ranked entry has a rank, another one has none")
        if self.ranked == (self.unranked_reason is not None):
            raise ValueError("an entry without a rank has a reason, a ranked one has none")
        return self

    @model_validator(mode="after")
    def _certainty_is_of_a_rank(self) -> Self:
        of_rank = (self.interval, self.first, self.top_three, self.tested_ranks, self.aggregate)
        if self.ranked != all(each is not None for each in of_rank):
            raise ValueError("a ranked entry has an interval, first, top_three and an aggregate")
        if not self.ranked and (
            any(each is not None for each in of_rank) or self.shares or self.letters
        ):
            raise ValueError("without a rank nothing is said of its certainty")
        return self


class PairTest(Frozen):
    """Paired test of two ranked entries on one key."""

    first: EntryId
    second: EntryId
    metric: Slug
    scope: Slug
    test: Literal["permutation", "mcnemar", "delong"]
    exact: bool
    """Over every swap of answers; otherwise by random swaps or, for DeLong, in the limit."""
    difference: float | None
    """First minus second, in the figure's unit; None when one of them has no value."""
    interval: Interval | None
    """Of the difference, over resampled patients."""
    p_value: Probability
    p_holm: Probability
    """Adjusted by Holm over every pair of the board, for this metric and scope."""

    @model_validator(mode="after")
    def _of_two_entries(self) -> Self:
        if self.first == self.second:
            raise ValueError("a pair is of two entries")
        return self

    @model_validator(mode="after")
    def _adjusted_upwards(self) -> Self:
        if self.p_holm < self.p_value:
            raise ValueError("p_holm must not be below p_value")
        return self


class SchemeRanks(Frozen):
    """The ranks by one scheme, and how stable they are."""

    scheme: Scheme
    ranks: dict[EntryId, Rank]
    tau_to_primary: Tau | None
    """To the ranks of the board's scheme; None with fewer than two entries, or all tied."""
    tau: tuple[Tau, Tau, Tau] | None
    """Low, median and high of tau-b between these ranks and those of each resample."""

    @model_validator(mode="after")
    def _tau_ascends(self) -> Self:
        if self.tau is not None and any(low > high for low, high in pairwise(self.tau)):
            raise ValueError("low, median and high of tau must ascend")
        return self


class Standings(Frozen):
    """`standings/<task>.json`: one board, complete."""

    schema_version: Version = "1.0.0"
    task: TaskId
    task_version: Version
    task_digest: Digest
    kit_version: Version
    cohort_digest: Digest
    entries_digest: Digest
    """Of the public entry files that it was made from, in the order of their ids."""
    scheme: Scheme
    seed: Count
    resamples: Count
    swaps: Count
    """Random swaps behind a permutation test that is not exact."""
    cases: Count
    standings: tuple[Standing, ...]
    """Ranked ones first, by rank and then by id; the others by id."""
    pairs: tuple[PairTest, ...] = ()
    schemes: tuple[SchemeRanks, ...] = ()
    """The board's own first."""

    @model_validator(mode="after")
    def _entries_are_unique_and_in_order(self) -> Self:
        ids = [each.entry for each in self.standings]
        if len(set(ids)) != len(ids):
            raise ValueError("standings must not repeat an entry")
        order = [(each.rank is None, each.rank or 0, each.entry) for each in self.standings]
        if order != sorted(order):
            raise ValueError("standings are in the order of rank and id, unranked ones last")
        return self

    @model_validator(mode="after")
    def _of_the_ranked(self) -> Self:
        ranks = {each.entry: each.rank for each in self.standings if each.rank is not None}
        if any(each.shares and len(each.shares) != len(ranks) for each in self.standings):
            raise ValueError("shares need one number for each ranked entry")
        if any({each.first, each.second} - set(ranks) for each in self.pairs):
            raise ValueError("pairs are of ranked entries")
        if any(set(each.ranks) != set(ranks) for each in self.schemes):
            raise ValueError("every scheme ranks the ranked entries")
        own = {each.scheme: each.ranks for each in self.schemes}.get(self.scheme)
        if own != (ranks if self.schemes else None):
            raise ValueError("the board's scheme is among the schemes, with the board's ranks")
        return self
