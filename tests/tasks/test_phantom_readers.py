from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score

from schema.cohort import DominantNode, ReaderRow
from schema.terms import Reader, Region, Side
from tasks.phantom.readers import MISREAD_REGION, cohen_kappa, draw_readers

THRESHOLD_MM = 7.0
READERS = (Reader.R1, Reader.R2, Reader.R3)


def references(count: int, positives: int, *, seed: int) -> list[DominantNode]:
    """A consensus with `positives` positive patients, nodes of 5 to 13 mm, in random order."""
    rng = np.random.default_rng(seed)
    regions, sides = tuple(Region), tuple(Side)
    return [
        DominantNode(
            positive=1,
            region=regions[rng.integers(3)],
            side=sides[rng.integers(2)],
            short_axis_mm=round(float(rng.uniform(5, 13)), 1),
        )
        if flag
        else DominantNode(positive=0)
        for flag in rng.permutation(np.arange(count) < positives)
    ]


def draw(consensus: list[DominantNode], *, seed: int) -> tuple[ReaderRow, ...]:
    return draw_readers(
        case_ids=[f"P{index:04d}" for index in range(len(consensus))],
        consensus=consensus,
        threshold_mm=THRESHOLD_MM,
        rng=np.random.default_rng(seed),
    )


def calls(rows: tuple[ReaderRow, ...], reader: Reader) -> NDArray[np.bool_]:
    return np.array([row.positive == 1 for row in rows if row.reader == reader], dtype=np.bool_)


def assert_agreement(rows: tuple[ReaderRow, ...]) -> None:
    """Every pair in 0.5 to 0.8 by another library's kappa; the senior reader nearest the truth."""
    for one, other in itertools.combinations(READERS, 2):
        assert 0.5 <= cohen_kappa_score(calls(rows, one), calls(rows, other)) <= 0.8
    reference = calls(rows, Reader.CONSENSUS)
    junior, middle, senior = (cohen_kappa_score(reference, calls(rows, r)) for r in READERS)
    assert junior <= middle < senior


def both_positive(count: int, *, seed: int) -> list[tuple[ReaderRow, DominantNode]]:
    """Readings of patients whom reader and consensus both call positive."""
    consensus = references(count, count // 2, seed=seed)
    rows = draw(consensus, seed=seed)
    nodes = {f"P{index:04d}": node for index, node in enumerate(consensus)}
    pairs = [(row, nodes[row.case_id]) for row in rows if row.reader != Reader.CONSENSUS]
    return [(row, node) for row, node in pairs if row.positive and node.positive]


@given(flags=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=2, max_size=40))
def test_kappa_equals_that_of_another_library(flags: list[tuple[bool, bool]]) -> None:
    first, second = np.array(flags, dtype=np.bool_).T
    kappa = cohen_kappa(first, second)
    if first.all() == second.all() and first.any() == second.any() and first.all() == first.any():
        assert kappa is None
    else:
        assert kappa == pytest.approx(cohen_kappa_score(first, second))


def test_kappa_of_a_table_worked_by_hand() -> None:
    # 20 both, 5 first only, 10 second only, 15 neither: p_o = 35/50 = 0.7;
    # p_e = (25 * 30 + 25 * 20) / 2500 = 0.5; kappa = (0.7 - 0.5) / (1 - 0.5) = 0.4
    first = np.repeat([True, True, False, False], [20, 5, 10, 15])
    second = np.repeat([True, False, True, False], [20, 5, 10, 15])
    assert cohen_kappa(first, second) == pytest.approx(0.4)


def test_kappa_of_nobody_is_undefined() -> None:
    assert cohen_kappa(np.zeros(0, dtype=np.bool_), np.zeros(0, dtype=np.bool_)) is None


@pytest.mark.parametrize(("count", "positives"), [(24, 3), (48, 6), (96, 12), (480, 61)])
@pytest.mark.parametrize("seed", range(12))
def test_every_two_readers_agree_moderately_to_substantially(
    count: int, positives: int, seed: int
) -> None:
    assert_agreement(draw(references(count, positives, seed=seed), seed=seed))


@given(data=st.data(), count=st.integers(12, 60), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None)
def test_agreement_holds_from_twelve_patients_with_three_of_each_status(
    data: st.DataObject, count: int, seed: int
) -> None:
    positives = data.draw(st.integers(3, count - 3))
    assert_agreement(draw(references(count, positives, seed=seed), seed=seed))


def test_what_the_readers_call_unanimously_is_the_consensus() -> None:
    rows = draw(references(480, 61, seed=5), seed=5)
    one, two, three = (calls(rows, reader) for reader in READERS)
    unanimous = (one == two) & (two == three)
    assert 0 < unanimous.sum() < 480
    assert (one == calls(rows, Reader.CONSENSUS))[unanimous].all()


def test_the_same_seed_gives_the_same_rows_and_another_seed_does_not() -> None:
    consensus = references(30, 6, seed=0)
    assert draw(consensus, seed=1) == draw(consensus, seed=1)
    assert draw(consensus, seed=1) != draw(consensus, seed=2)


def test_rows_are_sorted_by_case_then_reader_and_hold_the_consensus_as_given() -> None:
    consensus = references(3, 2, seed=0)
    rows = draw_readers(
        case_ids=["C", "A", "B"],
        consensus=consensus,
        threshold_mm=THRESHOLD_MM,
        rng=np.random.default_rng(0),
    )
    order = [(case, reader) for case in "ABC" for reader in (*READERS, Reader.CONSENSUS)]
    assert [(row.case_id, row.reader) for row in rows] == order
    kept = {row.case_id: row for row in rows if row.reader == Reader.CONSENSUS}
    for case_id, node in zip("CAB", consensus, strict=True):
        assert kept[case_id].model_dump(exclude={"case_id", "reader"}) == node.model_dump()


@pytest.mark.parametrize(("count", "positives"), [(0, 0), (1, 0), (1, 1), (2, 1), (20, 0), (9, 9)])
def test_degenerate_cohorts_have_four_rows_a_patient(count: int, positives: int) -> None:
    assert len(draw(references(count, positives, seed=0), seed=0)) == 4 * count


def test_without_a_positive_patient_nobody_calls_one() -> None:
    # misses and false calls are in proportion to P N / (P + N), which is 0 at P = 0
    assert not any(row.positive for row in draw(references(20, 0, seed=0), seed=0))


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="same length"):
        draw_readers(case_ids=["A"], consensus=[], threshold_mm=7.0, rng=np.random.default_rng(0))


def test_false_calls_are_about_as_large_as_the_threshold_and_have_a_place() -> None:
    consensus = references(400, 100, seed=3)
    rows = draw(consensus, seed=3)
    negatives = {f"P{i:04d}" for i, node in enumerate(consensus) if not node.positive}
    false = [row for row in rows if row.positive and row.case_id in negatives]
    axes_mm = [row.short_axis_mm for row in false if row.short_axis_mm is not None]
    assert len(axes_mm) == len(false) > 30
    assert np.mean(axes_mm) == pytest.approx(THRESHOLD_MM, abs=0.5)
    assert {row.region for row in false} == set(Region)
    assert {row.side for row in false} == set(Side)


@pytest.mark.parametrize(
    ("reader", "sd_mm"), [(Reader.R1, 1.0), (Reader.R2, 0.8), (Reader.R3, 0.6)]
)
def test_short_axes_scatter_about_the_consensus_by_seniority(reader: Reader, sd_mm: float) -> None:
    # about 700 readings: the relative error of a standard deviation is 1 / sqrt(2 * 700) = 2.7 %
    errors_mm = [
        (row.short_axis_mm or 0.0) - (node.short_axis_mm or 0.0)
        for row, node in both_positive(2000, seed=2)
        if row.reader == reader
    ]
    assert np.mean(errors_mm) == pytest.approx(0.0, abs=0.15)
    assert np.std(errors_mm) == pytest.approx(sd_mm, rel=0.12)


def test_places_are_mostly_the_consensus_and_mistaken_only_for_neighbours() -> None:
    pairs = both_positive(2000, seed=4)
    moved = [(row, node) for row, node in pairs if row.region != node.region]
    wrong = {reader: sum(row.reader == reader for row, _ in moved) for reader in READERS}
    assert wrong[Reader.R1] > wrong[Reader.R2] > wrong[Reader.R3] > 0
    assert len(moved) < 0.25 * len(pairs)
    assert 0 < sum(row.side != node.side for row, node in pairs) < 0.06 * len(pairs)
    for row, node in moved:
        assert node.region is not None
        assert row.region in MISREAD_REGION[node.region]


def test_short_axes_are_tenths_of_a_millimetre_and_never_below_two() -> None:
    tiny = [
        DominantNode(positive=1, region=Region.OB, side=Side.LEFT, short_axis_mm=1.5)
        for _ in range(40)
    ]
    rows = draw(tiny + references(40, 0, seed=0), seed=0)
    axes_mm = [
        row.short_axis_mm
        for row in rows
        if row.reader != Reader.CONSENSUS and row.short_axis_mm is not None
    ]
    assert min(axes_mm) == 2.0
    assert axes_mm == [round(axis_mm, 1) for axis_mm in axes_mm]


def test_a_node_without_a_place_is_read_without_one() -> None:
    nowhere = [DominantNode(positive=1, short_axis_mm=9.0) for _ in range(20)]
    readings = [row for row in draw(nowhere, seed=0) if row.positive]
    assert {(row.region, row.side) for row in readings} == {(None, None)}


def test_nodes_near_the_threshold_are_missed_more_often() -> None:
    near, far = (
        [
            DominantNode(positive=1, region=Region.II, side=Side.RIGHT, short_axis_mm=axis_mm)
            for _ in range(100)
        ]
        for axis_mm in (7.2, 12.0)
    )
    rows = draw(near + far + references(400, 0, seed=0), seed=0)
    missed_near, missed_far = (
        sum(not row.positive and first <= row.case_id < last for row in rows)
        for first, last in (("P0000", "P0100"), ("P0100", "P0200"))
    )
    assert missed_near > 3 * missed_far
