"""Standings: who stands where on one task's board, and how sure that is. Aggregates only."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from schema.base import Count, Digest, EntryId, Frozen, Line, Probability, Slug, Version
from schema.result import Interval
from schema.terms import TaskId

Rank = Annotated[float, Field(ge=1)]
"""1 is best; entries that are equal share the smallest rank."""


class Scheme(StrEnum):
    """How figures of patients become ranks of entries."""

    RANK_THEN_MEAN = "rank_then_mean"
    """Ranks within each patient, their mean over patients and keys, and the ranks of these."""
    RANK_THEN_MEDIAN = "rank_then_median"
    MEAN_THEN_RANK = "mean_then_rank"
    """The figures of the board, ranked; over several keys the mean of these ranks."""
    MEDIAN_THEN_RANK = "median_then_rank"
    TEST_THEN_RANK = "test_then_rank"
    """The share of other entries that an entry beats significantly."""


class Standing(Frozen):
    """One entry on one board."""

    entry: EntryId
    ranked: bool
    unranked_reason: Line | None = None
    """Why it is shown without a rank: a control, a reader, incomplete, withdrawn."""
    rank: Rank | None
    interval: Interval | None = None
    """Of the rank, over resampled patients."""
    first: Probability | None = None
    """Share of the resamples in which it is first, ties shared equally."""
    top_three: Probability | None = None
    letters: Annotated[str, Field(pattern=r"^[a-z]*$")] = ""
    """Two entries that share a letter cannot be told apart (compact letter display)."""
    aggregate: float | None
    """What the primary scheme sorts by, such as a mean rank; smaller is better."""
    difference: float | None = None
    """Primary figure minus that of the first entry, in the figure's unit."""
    difference_interval: Interval | None = None
    shares: tuple[Probability, ...] = ()
    """Share of the resamples at each rank, the first entry's rank first; ties go to the smaller."""


class PairTest(Frozen):
    """Paired test of two ranked entries on one key."""

    first: EntryId
    second: EntryId
    metric: Slug
    scope: Slug
    test: Literal["permutation", "mcnemar", "delong"]
    difference: float
    """First minus second, in the figure's unit."""
    interval: Interval | None
    p_value: Probability
    p_holm: Probability
    """Adjusted by Holm over every pair of the board."""


class SchemeRanks(Frozen):
    """The ranks by one scheme, and how stable they are."""

    scheme: Scheme
    ranks: dict[EntryId, Rank]
    tau_to_primary: Annotated[float, Field(ge=-1, le=1)] | None
    """Kendall's tau-b to the primary scheme's ranks; None with fewer than two entries."""
    tau: tuple[float, float, float] | None
    """2.5, 50 and 97.5 % points of tau-b between these ranks and those of each resample."""


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
    cases: Count
    standings: tuple[Standing, ...]
    """Ranked ones first, by rank, then the others by id."""
    pairs: tuple[PairTest, ...] = ()
    schemes: tuple[SchemeRanks, ...] = ()
