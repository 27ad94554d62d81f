"""Confusion matrices with missed and spurious patients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.classification import Counts
from evaluation.intervals import Estimate
from evaluation.matrices import (
    MISSED,
    SPURIOUS,
    UNSTATED,
    CategoryMatrix,
    accuracy_of_both_positive,
    accuracy_of_reference_positive,
    category_matrix,
    status_matrix,
)
from schema.terms import Region, Status

LEVEL = 0.95
REGIONS = tuple(region.value for region in (Region.II, Region.OB, Region.EI))
SIZES = ("below 7 mm", "7 mm and above")
SMALL, LARGE = SIZES


class Side(NamedTuple):
    """One side's answer: None is negative, otherwise the category, which may be unstated."""

    positive: bool
    category: str | None = None


NEGATIVE, BARE = Side(positive=False), Side(positive=True)

Patient = tuple[Side, Side]


def at(category: str) -> Side:
    return Side(positive=True, category=category)


def sort(patients: Sequence[Patient], *, categories: Sequence[str] = REGIONS) -> CategoryMatrix:
    reference, prediction = [p[0] for p in patients], [p[1] for p in patients]
    return category_matrix(
        [side.category for side in reference],
        [side.category for side in prediction],
        reference_positive=np.array([side.positive for side in reference], dtype=bool),
        prediction_positive=np.array([side.positive for side in prediction], dtype=bool),
        categories=categories,
    )


# --- status ---


def test_status_has_the_reference_in_rows_and_the_positives_first() -> None:
    matrix = status_matrix(Counts(tp=45, fn=16, fp=44, tn=375))
    assert matrix.rows == matrix.columns == ("positive", "negative")
    # 61 positive and 419 negative patients; 89 positive and 391 negative calls
    assert matrix.cells == ((45, 16), (44, 375))


# --- categories ---


def test_region_matrix_by_hand() -> None:
    patients = [
        (at("II"), at("II")),
        (at("II"), at("OB")),
        (at("OB"), at("OB")),
        (at("OB"), at("OB")),
        (at("EI"), BARE),
        (at("EI"), NEGATIVE),
        (at("EI"), NEGATIVE),
        (BARE, at("II")),
        (BARE, BARE),
        (BARE, NEGATIVE),
        (NEGATIVE, at("EI")),
        (NEGATIVE, BARE),
        (NEGATIVE, NEGATIVE),
        (NEGATIVE, NEGATIVE),
        (NEGATIVE, NEGATIVE),
    ]
    matrix = sort(patients)
    assert matrix.rows == ("II", "OB", "EI", "unstated", "spurious")
    assert matrix.columns == ("II", "OB", "EI", "unstated", "missed")
    assert matrix.cells == (
        (1, 1, 0, 0, 0),
        (0, 2, 0, 0, 0),
        (0, 0, 0, 1, 2),
        (1, 0, 0, 1, 1),
        (0, 0, 1, 1, 3),
    )


def test_size_matrix_by_hand() -> None:
    patients = [
        (at(SMALL), at(SMALL)),
        (at(SMALL), at(LARGE)),
        (at(SMALL), at(LARGE)),
        (at(LARGE), at(LARGE)),
        (at(LARGE), NEGATIVE),
        (NEGATIVE, at(LARGE)),
        (NEGATIVE, NEGATIVE),
    ]
    matrix = sort(patients, categories=SIZES)
    assert matrix.rows == (*SIZES, UNSTATED, SPURIOUS)
    assert matrix.columns == (*SIZES, UNSTATED, MISSED)
    assert matrix.cells == ((1, 2, 0, 0), (0, 1, 0, 1), (0, 0, 0, 0), (0, 1, 0, 1))


def test_matrix_of_nobody_is_zero() -> None:
    assert sort([]).cells == ((0,) * 5,) * 5


def test_category_of_a_negative_patient_is_not_looked_at() -> None:
    leftover = Side(positive=False, category="II")
    assert sort([(leftover, leftover)]) == sort([(NEGATIVE, NEGATIVE)])
    assert sort([(leftover, at("OB"))]) == sort([(NEGATIVE, at("OB"))])


@pytest.mark.parametrize("other", [at("II"), NEGATIVE])
@pytest.mark.parametrize("name", ["obturator", "ii"])
def test_unknown_category_is_refused_on_either_side(name: str, other: Side) -> None:
    for patient in ((at(name), other), (other, at(name))):
        with pytest.raises(ValueError, match=r"\S"):
            sort([patient])


@pytest.mark.parametrize("name", [SPURIOUS, MISSED, UNSTATED])
def test_name_of_a_margin_is_not_taken_for_a_category(name: str) -> None:
    for patient in ((at(name), at("II")), (at("II"), at(name))):
        with pytest.raises(ValueError, match=r"\S"):
            sort([patient])


@pytest.mark.parametrize("lengths", [(2, 3, 3, 3), (3, 2, 3, 3), (3, 3, 2, 3), (3, 3, 3, 2)])
def test_lengths_that_differ_are_refused(lengths: tuple[int, int, int, int]) -> None:
    reference, prediction, reference_positive, prediction_positive = lengths
    with pytest.raises(ValueError, match="argument"):
        category_matrix(
            ["II"] * reference,
            ["II"] * prediction,
            reference_positive=np.ones(reference_positive, dtype=bool),
            prediction_positive=np.ones(prediction_positive, dtype=bool),
            categories=REGIONS,
        )


SIDES = st.sampled_from([NEGATIVE, BARE, *map(at, REGIONS)])
COHORTS = st.lists(st.tuples(SIDES, SIDES), max_size=60)


@given(COHORTS)
@settings(deadline=None)
def test_margins_reconcile_with_the_cohort(patients: list[Patient]) -> None:
    matrix = sort(patients)
    rows = dict(zip(matrix.rows, map(sum, matrix.cells), strict=True))
    columns = dict(zip(matrix.columns, map(sum, zip(*matrix.cells, strict=True)), strict=True))
    references, predictions = [p[0] for p in patients], [p[1] for p in patients]
    assert sum(rows.values()) == len(patients)
    for region in REGIONS:
        assert rows[region] == references.count(at(region))
        assert columns[region] == predictions.count(at(region))
    assert rows[UNSTATED] == references.count(BARE)
    assert columns[UNSTATED] == predictions.count(BARE)
    # the margins hold the negatives; the last cell those who are negative on both sides
    assert rows[SPURIOUS] == references.count(NEGATIVE)
    assert columns[MISSED] == predictions.count(NEGATIVE)
    assert matrix.cells[-1][-1] == patients.count((NEGATIVE, NEGATIVE))
    assert min(map(min, matrix.cells)) >= 0


@given(COHORTS)
@settings(deadline=None)
def test_exchanging_the_sides_transposes_the_matrix(patients: list[Patient]) -> None:
    exchanged = sort([(prediction, reference) for reference, prediction in patients])
    assert exchanged.cells == tuple(zip(*sort(patients).cells, strict=True))


# --- accuracies ---

BY_HAND = CategoryMatrix(
    rows=(*REGIONS, UNSTATED, SPURIOUS),
    columns=(*REGIONS, UNSTATED, MISSED),
    cells=(
        (5, 1, 0, 2, 3),
        (1, 7, 2, 0, 1),
        (0, 0, 4, 1, 2),
        (9, 9, 9, 9, 9),
        (8, 8, 8, 8, 80),
    ),
)


def test_accuracy_over_both_positive_leaves_missed_and_unstated_out() -> None:
    # right 5 + 7 + 4 = 16; stated on both sides 6 + 10 + 4 = 20
    estimate = accuracy_of_both_positive(BY_HAND, level=LEVEL)
    assert estimate.value == pytest.approx(16 / 20)
    assert estimate.n == 20
    assert estimate.interval is not None
    assert estimate.interval.method == "wilson"


def test_accuracy_over_reference_positives_counts_missed_and_unstated_as_wrong() -> None:
    # right 16; reference positives with a region 11 + 11 + 7 = 29
    estimate = accuracy_of_reference_positive(BY_HAND, level=LEVEL)
    assert estimate.value == pytest.approx(16 / 29)
    assert estimate.n == 29
    assert estimate.interval is not None
    assert estimate.interval.method == "wilson"


def test_regions_of_the_paper() -> None:
    # 45 of 61 are called; one of them without a region, and 34 of the other 44 are right
    patients = [
        *[(at("OB"), at("OB"))] * 20,
        *[(at("II"), at("II"))] * 14,
        *[(at("OB"), at("II"))] * 6,
        *[(at("EI"), at("OB"))] * 4,
        (at("EI"), BARE),
        *[(at("II"), NEGATIVE)] * 16,
        *[(NEGATIVE, at("OB"))] * 44,
        *[(NEGATIVE, NEGATIVE)] * 375,
    ]
    matrix = sort(patients)
    both = accuracy_of_both_positive(matrix, level=LEVEL)
    every = accuracy_of_reference_positive(matrix, level=LEVEL)
    assert len(patients) == 480
    assert both.value == pytest.approx(0.7727, abs=5e-5)
    # Wilson, z² = 3.841459: middle .772727 + .043653 = .816380,
    # half 1.959964·sqrt(.175620/44 + .000496) = .131296; both over 1.087306
    assert both.interval is not None
    assert both.interval[:2] == pytest.approx((0.63008, 0.87158), abs=1e-5)
    assert every.value == pytest.approx(34 / 61)
    assert (both.n, every.n) == (44, 61)


def test_missed_patient_lowers_only_the_accuracy_over_reference_positives() -> None:
    patients = [(at("II"), at("II")), (at("OB"), at("II"))]
    before, after = sort(patients), sort([*patients, (at("EI"), NEGATIVE)])
    assert accuracy_of_both_positive(after, level=LEVEL) == accuracy_of_both_positive(
        before, level=LEVEL
    )
    assert accuracy_of_reference_positive(before, level=LEVEL).value == pytest.approx(1 / 2)
    assert accuracy_of_reference_positive(after, level=LEVEL).value == pytest.approx(1 / 3)


@pytest.mark.parametrize("extra", [(NEGATIVE, at("II")), (BARE, at("II")), (NEGATIVE, NEGATIVE)])
def test_patient_without_a_reference_category_changes_no_accuracy(extra: Patient) -> None:
    patients = [(at("II"), at("II")), (at("OB"), at("II")), (at("EI"), NEGATIVE)]
    for accuracy in (accuracy_of_both_positive, accuracy_of_reference_positive):
        assert accuracy(sort([*patients, extra]), level=LEVEL) == accuracy(
            sort(patients), level=LEVEL
        )


@pytest.mark.parametrize(
    "patients",
    [[], [(NEGATIVE, at("II"))], [(BARE, BARE)], [(BARE, at("II"))], [(NEGATIVE, NEGATIVE)]],
)
def test_accuracies_without_a_category_in_the_reference_are_undefined(
    patients: list[Patient],
) -> None:
    matrix = sort(patients)
    assert accuracy_of_both_positive(matrix, level=LEVEL) == Estimate(
        None, None, 0, Status.UNDEFINED, "no patient with a category on both sides"
    )
    assert accuracy_of_reference_positive(matrix, level=LEVEL) == Estimate(
        None, None, 0, Status.UNDEFINED, "no reference positive with a category"
    )


def test_missing_every_positive_is_zero_over_reference_positives_and_undefined_over_both() -> None:
    matrix = sort([(at("II"), NEGATIVE), (at("OB"), BARE)])
    assert accuracy_of_both_positive(matrix, level=LEVEL).status is Status.UNDEFINED
    assert accuracy_of_reference_positive(matrix, level=LEVEL).value == 0.0


@given(COHORTS)
@settings(deadline=None)
def test_accuracies_count_what_they_say(patients: list[Patient]) -> None:
    matrix = sort(patients)
    stated = [(a, b) for a, b in patients if a.positive and a.category]
    both = [(a, b) for a, b in stated if b.positive and b.category]
    right = sum(a == b for a, b in both)
    for estimate, trials in (
        (accuracy_of_both_positive(matrix, level=LEVEL), len(both)),
        (accuracy_of_reference_positive(matrix, level=LEVEL), len(stated)),
    ):
        assert estimate.n == trials
        assert estimate.value == (pytest.approx(right / trials) if trials else None)
