"""The table behind a kappa is found from the kappa, and a kappa of a small count is not shown."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from evaluation.agreement import cohen_kappa
from leaderboard.rater_tables import showable_pairs, tables_of
from leaderboard.suppression import Cells
from schema.result import Interval, PairAgreement
from schema.task import IntervalMethod
from schema.terms import Status

LEVEL = 0.95
PAPER = ((45, 16), (44, 375))


def pair_of(cells: Cells, *, first: str, second: str) -> PairAgreement:
    """What the scorer gives for a table, first rater in rows, positive first."""
    (a, b), (c, d) = cells
    one = np.repeat([True, True, False, False], [a, b, c, d])
    other = np.repeat([True, False, True, False], [a, b, c, d])
    kappa = cohen_kappa(one, other, level=LEVEL)
    found = kappa.estimate.interval
    return PairAgreement(
        first=first,
        second=second,
        value=None if kappa.estimate.value is None else float(f"{kappa.estimate.value:.12g}"),
        status=kappa.estimate.status,
        reason=kappa.estimate.reason,
        interval=None
        if found is None
        else Interval(
            low=float(f"{found.low:.12g}"),
            high=float(f"{found.high:.12g}"),
            level=LEVEL,
            method=IntervalMethod.ASYMPTOTIC,
        ),
        words=kappa.words,
        n=a + b + c + d,
    )


def test_the_papers_kappa_has_one_table() -> None:
    pair = pair_of(PAPER, first="consensus", second="model")

    assert pair.value is not None
    assert round(pair.value, 3) == 0.529
    assert list(tables_of(pair, positives=61)) == [PAPER]


@given(st.tuples(*[st.integers(0, 30)] * 4).filter(lambda cells: sum(cells) > 0))
def test_the_table_itself_is_among_those_found(cells: tuple[int, int, int, int]) -> None:
    a, b, c, d = cells
    pair = pair_of(((a, b), (c, d)), first="consensus", second="model")

    if pair.value is not None:
        assert ((a, b), (c, d)) in list(tables_of(pair, positives=a + b))


def shown(**tables: Cells) -> frozenset[tuple[str, str]]:
    """Pairs shown of 480 patients, 61 of them positive by the consensus; `first_second` names."""
    pairs = [
        pair_of(cells, first=n.split("_")[0], second=n.split("_")[1]) for n, cells in tables.items()
    ]
    return showable_pairs(pairs, positives=61, cases=480, least=5)


def test_a_kappa_is_shown_when_no_count_of_its_table_is_small() -> None:
    # rows of R1_consensus are R1's calls: 55 + 20 = 75 positive; 61 by the consensus
    found = shown(
        R1_consensus=((55, 20), (6, 399)), consensus_model=PAPER, R1_model=((50, 25), (39, 366))
    )

    assert found == {("R1", "consensus"), ("consensus", "model"), ("R1", "model")}


def test_a_kappa_of_a_small_count_is_not_shown() -> None:
    # 4 patients are positive by the consensus and negative by R1
    assert shown(R1_consensus=((57, 18), (4, 401)), consensus_model=PAPER) == {
        ("consensus", "model")
    }


def test_a_reader_whose_positives_are_not_known_is_not_shown_with_others() -> None:
    # without the pair of R2 and the consensus nobody can say which table R2 and R3 have
    assert shown(R2_R3=((50, 20), (10, 400)), consensus_model=PAPER) == {("consensus", "model")}


def test_raters_who_did_not_both_read_every_case_are_not_shown() -> None:
    assert shown(consensus_model=((45, 16), (44, 300))) == frozenset()


def test_an_undefined_kappa_is_shown_as_such() -> None:
    pair = pair_of(((0, 0), (0, 480)), first="R1", second="R2")

    assert pair.status is Status.UNDEFINED
    assert showable_pairs([pair], positives=61, cases=480, least=5) == {("R1", "R2")}
