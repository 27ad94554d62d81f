"""Folds: by patient, each held out once, stratified, the same for the same seed."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baseline.errors import TrainingError, Untrainable
from baseline.folds import Stratum, stratified_folds

STRATA = st.lists(
    st.builds(
        Stratum, st.sampled_from(["North", "South", None]), st.sampled_from([True, False, None])
    ),
    min_size=5,
    max_size=60,
).map(lambda found: {f"case_{number:03d}": each for number, each in enumerate(found)})


@given(strata=STRATA, seed=st.integers(0, 2**32), folds=st.integers(2, 5))
def test_every_patient_is_held_out_exactly_once(
    strata: dict[str, Stratum], seed: int, folds: int
) -> None:
    found = stratified_folds(strata, folds=folds, seed=seed)

    assert len(found) == folds
    assert sorted(case for fold in found for case in fold.held_out) == sorted(strata)
    for fold in found:
        assert set(fold.train) | set(fold.held_out) == set(strata)
        assert set(fold.train) & set(fold.held_out) == set()


@given(strata=STRATA, seed=st.integers(0, 2**32))
def test_folds_differ_by_one_patient_at_most_in_all_and_in_each_stratum(
    strata: dict[str, Stratum], seed: int
) -> None:
    found = stratified_folds(strata, seed=seed)
    sizes = [len(fold.held_out) for fold in found]
    counts = [Counter(strata[case] for case in fold.held_out) for fold in found]

    assert max(sizes) - min(sizes) <= 1
    for stratum in set(strata.values()):
        here = [count[stratum] for count in counts]
        assert max(here) - min(here) <= 1


def test_a_hundred_patients_are_split_eighty_to_twenty() -> None:
    strata = {f"c{number}": Stratum("North", number < 20) for number in range(100)}

    for fold in stratified_folds(strata, seed=7):
        assert (len(fold.train), len(fold.held_out)) == (80, 20)
        assert sum(strata[case].positive is True for case in fold.held_out) == 4  # 20 over 5 folds


def test_the_seed_decides_and_the_order_of_the_cohort_does_not() -> None:
    strata = {f"c{number}": Stratum("North", None) for number in range(20)}
    turned = dict(reversed(strata.items()))

    assert stratified_folds(strata, seed=3) == stratified_folds(turned, seed=3)
    assert stratified_folds(strata, seed=3) != stratified_folds(strata, seed=4)


@pytest.mark.parametrize(("patients", "folds"), [(4, 5), (0, 5), (3, 1)])
def test_too_few_patients_are_refused_with_the_way_out(patients: int, folds: int) -> None:
    strata = {f"c{number}": Stratum(None, None) for number in range(patients)}

    with pytest.raises(TrainingError, match=f"{folds} folds of {patients} patients") as error:
        stratified_folds(strata, folds=folds, seed=1)

    assert error.value.kind is Untrainable.TOO_FEW_CASES
    assert "--folds" in str(error.value)


def test_four_patients_make_four_folds() -> None:
    strata = {f"c{number}": Stratum(None, None) for number in range(4)}

    assert [len(fold.held_out) for fold in stratified_folds(strata, folds=4, seed=1)] == [1] * 4
