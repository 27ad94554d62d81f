"""How sure the first place of a board is, in plain words."""

from __future__ import annotations

import re
from collections.abc import Sequence

from evaluation.figures.numerals import counted
from leaderboard.site.inputs import Leaderboard
from leaderboard.site.rows import probability, rank_span
from schema.standings import Standing
from schema.terms import TaskId

EMPTY = "No entry is ranked yet."
SINGLE = (
    "is the only ranked entry, so there is nothing to compare it with and its rank says nothing."
)


def certainty(found: Leaderboard, task_id: TaskId) -> tuple[str, ...]:
    """Sentences for the reader of a board, the most important one first."""
    ranked = found.ranked(task_id)
    if not ranked:
        return (EMPTY,)
    if len(ranked) == 1:
        return (f"{found.name(ranked[0].entry)} {SINGLE}",)
    leaders = [each for each in ranked if each.rank == ranked[0].rank]
    if len(leaders) > 1:
        names = ", ".join(found.name(each.entry) for each in leaders)
        return (f"{len(leaders)} entries share the first place: {names}.", _tied(ranked))
    return _first(found, task_id, ranked)


def _first(found: Leaderboard, task_id: TaskId, ranked: Sequence[Standing]) -> tuple[str, ...]:
    leader, standings = ranked[0], found.standings[task_id]
    name = found.name(leader.entry)
    if leader.first is None or leader.interval is None:
        return (f"{name} is first; how sure that is was not computed.", _tied(ranked))
    often = f"{probability(leader.first)} of {standings.resamples} resamples"
    patients = counted(standings.cases, "patient")
    interval = f"{rank_span(leader.interval)} of {len(ranked)}"
    return (
        f"{name} is first in {often} of the {patients}; its rank interval is {interval}.",
        _tied(ranked),
    )


def _tied(ranked: Sequence[Standing]) -> str:
    leader, others = ranked[0], len(ranked) - 1
    if not leader.letters:
        return "Entries were not tested against each other."
    tied = sum(bool(letters_of(each) & letters_of(leader)) for each in ranked[1:])
    if not tied:
        return "Every other entry differs from it significantly: the first place holds."
    if tied == others:
        return (
            "No other entry differs from it significantly: read the ranked entries as one group, "
            "not as an order."
        )
    return (
        f"{tied} of the other {others} cannot be told apart from it by the first figure (they "
        "share a letter with it): among them the first place is not settled."
    )


def letters_of(standing: Standing) -> frozenset[str]:
    """The letters of an entry; after z come a2, b2 and so on."""
    return frozenset(re.findall(r"[a-z][0-9]*", standing.letters))
