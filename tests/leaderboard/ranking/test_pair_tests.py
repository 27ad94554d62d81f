"""Paired tests: published numbers, other libraries, all swaps by hand, and chance itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from scipy.stats import kstest, permutation_test, wilcoxon
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from leaderboard.ranking import pair_tests
from leaderboard.ranking.pair_tests import (
    LEAST_SWAPS,
    all_pairs,
    compare,
    delong_covariance,
    holm,
    kind_of_test,
    swaps_for,
)
from leaderboard.ranking.scores import Areas, Key, Part, Ratios
from tests.leaderboard.ranking.boards import (
    POSITIVITY,
    Floats,
    area_key,
    calls_key,
    mean_key,
    pooled_key,
)

ONE_PAIR = all_pairs(2)


def p_of(key: Key, *, swaps: int = LEAST_SWAPS, seed: int = 1) -> float:
    tested = compare(key, pairs=ONE_PAIR, swaps=swaps, rng=np.random.default_rng(seed))
    return float(tested.p_value[0])


def is_exact(key: Key) -> bool:
    tested = compare(key, pairs=ONE_PAIR, swaps=LEAST_SWAPS, rng=np.random.default_rng(1))
    return bool(tested.exact[0])


# --- right or wrong ---------------------------------------------------------------------------


def accuracy_key(right: Floats) -> Key:
    scores = Ratios(parts=(Part(right, np.ones_like(right)),))
    return Key(metric=POSITIVITY.metric("accuracy"), scope="all", scores=scores)


def right_answers(both: int, only_first: int, only_second: int, neither: int) -> Floats:
    rows = [(1, 1)] * both + [(1, 0)] * only_first + [(0, 1)] * only_second + [(0, 0)] * neither
    return np.array(rows, dtype=np.float64)


def test_mcnemar_by_hand() -> None:
    # 5 patients right by the first only, 1 by the second only: 2 (C(6,0) + C(6,1)) / 2^6 = 14/64
    key = accuracy_key(right_answers(10, 5, 1, 3))

    assert p_of(key) == pytest.approx(14 / 64)
    assert kind_of_test(key) == "mcnemar"
    assert is_exact(key)


@given(cells=st.tuples(*[st.integers(0, 25)] * 4).filter(any))
def test_the_accuracy_s_test_is_statsmodels_exact_mcnemar(cells: tuple[int, ...]) -> None:
    both, first, second, neither = cells
    expected = mcnemar([[both, first], [second, neither]], exact=True).pvalue

    assert p_of(accuracy_key(right_answers(*cells))) == pytest.approx(min(1.0, expected))


def test_balanced_accuracy_over_all_swaps_by_hand() -> None:
    # 2 positive patients, the first right in both, the second in none: +2 of 2.
    # 4 negative patients: the first right in one where the second is wrong: +1 of 4.
    # difference / 2 = (2/2 + 1/4); swaps: sums 2X-2 of {-2 (1/4), 0 (1/2), 2 (1/4)} and +-1.
    # as far as 2/2 + 1/4: only (2, 1) and (-2, -1): 2 x 1/4 x 1/2 = 1/4
    positive = np.array([True, True, False, False, False, False])
    right = np.array([(1, 0), (1, 0), (1, 0), (1, 1), (0, 0), (1, 1)], dtype=np.float64)
    key = calls_key(positive, right)

    assert p_of(key) == pytest.approx(1 / 4)
    assert kind_of_test(key) == "permutation"
    assert is_exact(key)


def test_the_classes_weigh_by_their_size() -> None:
    # one positive patient lost, one of nine negatives won: -1/1 + 1/9. As far are all four swaps
    # whose sum is at least 8/9: -1 + 1/9, -1 - 1/9, 1 - 1/9, 1 + 1/9: every one
    positive = np.array([True, *[False] * 9])
    right = np.array([(0, 1), (1, 0), *[(1, 1)] * 8], dtype=np.float64)

    assert p_of(calls_key(positive, right)) == pytest.approx(1.0)


@given(
    positive=hnp.arrays(np.bool_, 11),
    right=hnp.arrays(np.float64, (11, 2), elements=st.sampled_from([0.0, 1.0])),
)
def test_the_test_of_calls_is_that_of_all_swaps(positive: NDArray[np.bool_], right: Floats) -> None:
    if positive.all() or not positive.any():
        assert p_of(calls_key(positive, right)) == 1.0  # no balanced accuracy, nothing to compare
        return
    key = calls_key(positive, right)
    assert isinstance(key.scores, Ratios)

    swapped = pair_tests.swap_test(
        key.scores, pairs=ONE_PAIR, swaps=0, rng=np.random.default_rng(1)
    )

    assert swapped.exact[0]
    assert p_of(key) == pytest.approx(swapped.p_value[0])


# --- means and pooled shares ------------------------------------------------------------------


def test_all_swaps_of_three_patients_by_hand() -> None:
    # differences .3 .1 .2: sums over signs .6 .4 .2 0 0 -.2 -.4 -.6: only +-.6 are as far: 2/8
    values = np.array([(0.8, 0.5), (0.6, 0.5), (0.7, 0.5), (0.5, 0.5)])

    assert p_of(mean_key(values)) == pytest.approx(2 / 8)
    assert is_exact(mean_key(values))


@given(hnp.arrays(np.float64, (8, 2), elements=st.integers(0, 20).map(lambda step: step / 20)))
def test_the_test_of_a_mean_is_scipy_s_over_all_swaps(values: Floats) -> None:
    def difference(one: Floats, other: Floats, axis: int) -> Floats:
        # whole steps: scipy compares within 1e-14, and 0.05 has no exact double
        return np.asarray(np.rint(20 * (one - other)).mean(axis=axis))

    expected = permutation_test(
        (values[:, 0], values[:, 1]), difference, permutation_type="samples", n_resamples=1000
    )

    assert p_of(mean_key(values)) == pytest.approx(expected.pvalue)


def test_a_pooled_share_over_all_swaps_by_hand() -> None:
    # hits / trials: patient 1 a 1/1, b 0/3; patient 2 a 1/2, b 1/2.
    # as found: 2/3 - 1/5; patient 1 swapped: 1/5 - 2/3. Patient 2 does not differ: 2 of 2
    same = pooled_key(np.array([(1.0, 0.0), (1.0, 1.0)]), np.array([(1.0, 3.0), (2.0, 2.0)]))
    # patient 2 now a 1/2, b 2/2: as found 2/3 - 2/5 = .267; 2 swapped: 3/3 - 1/5 = .8;
    # 1 swapped: 1/5 - 3/3; both: 2/5 - 2/3: all four are at least as far
    other = pooled_key(np.array([(1.0, 0.0), (1.0, 2.0)]), np.array([(1.0, 3.0), (2.0, 2.0)]))

    assert p_of(same) == 1.0
    assert p_of(other) == 1.0


def brute_force(key: Key) -> float:
    """All swaps of a pooled share, one by one."""
    assert isinstance(key.scores, Ratios)
    ((above, below),) = key.scores.parts
    patients = len(above)
    differences = []
    for number in range(2**patients):
        swap = np.array([number >> bit & 1 for bit in range(patients)], dtype=bool)
        top = np.where(swap[:, None], above[:, ::-1], above).sum(axis=0)
        bottom = np.where(swap[:, None], below[:, ::-1], below).sum(axis=0)
        differences.append(top[0] / bottom[0] - top[1] / bottom[1])
    found = abs(differences[0])
    return float(np.mean([abs(each) >= found - 1e-12 for each in differences]))


@given(st.data())
def test_a_pooled_share_is_swapped_with_its_denominator(data: st.DataObject) -> None:
    below = data.draw(hnp.arrays(np.int64, (6, 2), elements=st.integers(1, 5)))
    above = np.minimum(below, data.draw(hnp.arrays(np.int64, (6, 2), elements=st.integers(0, 5))))
    key = pooled_key(above.astype(float), below.astype(float))

    assert p_of(key) == pytest.approx(brute_force(key))


def many_patients(seed: int, *, shift: float, patients: int = 60) -> Key:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(patients, 1)) + rng.normal(size=(patients, 2))
    values[:, 0] += shift
    return mean_key(values)


def test_random_swaps_come_near_a_test_of_signs_and_ranks() -> None:
    key = many_patients(3, shift=0.6)
    values = key.scores.by_patient()
    assert values is not None
    peer = wilcoxon(values[:, 0], values[:, 1]).pvalue

    assert not is_exact(key)
    assert 0.3 < p_of(key) / peer < 3


def test_the_same_seed_gives_the_same_p_and_no_p_is_zero() -> None:
    key = many_patients(3, shift=9.0)

    assert p_of(key) == 1 / (LEAST_SWAPS + 1)
    assert p_of(many_patients(3, shift=0.3)) == p_of(many_patients(3, shift=0.3))
    assert p_of(many_patients(3, shift=0.3)) != p_of(many_patients(3, shift=0.3), seed=2)


def test_without_a_difference_p_is_uniform() -> None:
    p_values = [p_of(many_patients(seed, shift=0, patients=30), swaps=499) for seed in range(200)]

    assert kstest(p_values, "uniform").pvalue > 0.01


def test_a_pair_whose_figure_does_not_exist_is_not_told_apart() -> None:
    values = np.array([(0.5, np.nan), (0.7, np.nan)])

    assert p_of(mean_key(values)) == 1.0


def test_random_swaps_are_enough_for_holm() -> None:
    for entries in (2, 8, 50):
        pairs = len(all_pairs(entries).first)
        least_p = 1 / (swaps_for(pairs, alpha=0.05) + 1)
        assert holm(np.full(pairs, least_p)).max() <= 0.05 / 4 + 1e-12


# --- areas ------------------------------------------------------------------------------------

OVARIAN = """
3.0 5.8 10 0  3.2 6.3 5 1  3.9 6.8 3 1  2.8 4.8 6 0  3.2 5.8 3 1  0.9 4.0 5 0  2.5 5.7 8 0
1.6 5.6 5 1   3.8 5.7 5 1  3.7 6.7 6 1  3.2 5.4 4 1  3.8 6.6 6 1  4.1 6.6 5 1  3.6 5.7 5 1
4.3 7.0 4 1   3.6 6.7 4 0  2.3 4.4 6 1  4.2 7.6 4 0  4.0 6.6 6 0  3.5 5.8 6 1  3.8 6.8 7 1
3.0 4.7 8 0   4.5 7.4 5 1  3.7 7.4 5 1  3.1 6.6 6 1  4.1 8.2 6 1  4.3 7.0 5 1  4.3 6.5 4 1
3.2 5.1 5 1   2.6 4.7 6 1  3.3 6.8 6 0  1.7 4.0 7 0  3.7 6.1 5 1  3.3 6.3 7 1  4.2 7.7 6 1
3.5 6.2 5 1   2.9 5.7 9 0  2.1 4.8 7 1  2.8 6.2 8 0  4.0 7.0 7 1  3.3 5.7 6 1  3.7 6.9 5 1
3.6 6.6 5 1
"""
"""Albumin, total protein, K-G score, outcome: DeLong et al., Biometrics 1988."""


def ovarian() -> Areas:
    rows = np.array(OVARIAN.split(), dtype=np.float64).reshape(-1, 4)
    tests = np.column_stack([rows[:, 0], 10 - rows[:, 2], rows[:, 1]])
    return Areas(positive=rows[:, 3] == 1, probability=tests)


def test_delong_s_own_example() -> None:
    # data as SAS/STAT documents them, PROC LOGISTIC, "Comparing Receiver Operating Characteristic
    # Curves"; areas and standard errors of albumin, K-G score, total protein and contrasts with the
    # K-G score as its output is remembered, and as counting every pair of patients gives them
    scores = ovarian()
    areas, covariance = delong_covariance(scores)
    key = Key(metric=POSITIVITY.metric("auroc"), scope="all", scores=scores)
    tested = compare(key, pairs=all_pairs(3), swaps=0, rng=np.random.default_rng(1))

    assert areas == pytest.approx([0.7366, 0.7258, 0.6478], abs=5e-5)
    assert np.sqrt(np.diag(covariance)) == pytest.approx([0.0927, 0.1028, 0.1000], abs=5e-5)
    assert tested.p_value[[0, 2]] == pytest.approx([0.9102, 0.4561], abs=5e-5)
    assert not tested.exact.any()
    assert kind_of_test(key) == "delong"


def test_delong_by_hand() -> None:
    # positives 1 2, negatives 3 4. First: .9 .4 over .5 .1; shares below .9: 1, .4: 1/2;
    # shares above .5: 1/2, .1: 1. Area 3/4. Second: .9 .8 over .5 .1: all 1, no variance.
    # variance of the first: 1/8 / 2 + 1/8 / 2 = 1/8, so z = (1/4) / sqrt(1/8) = .7071, p = .4795
    positive = np.array([True, True, False, False])
    probability = np.array([(0.9, 0.9), (0.4, 0.8), (0.5, 0.5), (0.1, 0.1)])

    assert p_of(area_key(positive, probability)) == pytest.approx(0.4795, abs=5e-5)


@given(st.data())
def test_delong_s_covariance_is_that_of_every_pair_compared(data: st.DataObject) -> None:
    steps = st.integers(0, 6).map(lambda step: step / 6)
    above = data.draw(hnp.arrays(np.float64, (data.draw(st.integers(2, 6)), 3), elements=steps))
    below = data.draw(hnp.arrays(np.float64, (data.draw(st.integers(2, 6)), 3), elements=steps))
    wins = (above[:, None] > below[None]) + 0.5 * (above[:, None] == below[None])
    expected = np.cov(wins.mean(axis=1).T) / len(above) + np.cov(wins.mean(axis=0).T) / len(below)
    positive = np.repeat([True, False], [len(above), len(below)])

    areas, covariance = delong_covariance(
        Areas(positive=positive, probability=np.vstack([above, below]))
    )

    assert areas == pytest.approx(wins.mean(axis=(0, 1)))
    assert covariance == pytest.approx(expected)


def test_areas_without_variance_are_told_apart_by_signs() -> None:
    # a separates 5 positives from 20 negatives, b says the same of all: 1 and 1/2, both constant
    positive = np.arange(25) < 5
    key = area_key(positive, np.column_stack([positive.astype(float), np.full(25, 0.5)]))

    assert p_of(key) == pytest.approx(2 / 2**5)
    assert is_exact(key)


def test_equal_areas_and_one_patient_of_a_class_tell_nothing() -> None:
    positive = np.array([True, False, False])
    several = np.array([True, True, False, False])
    probability = np.array([(0.9, 0.1), (0.5, 0.5), (0.2, 0.8)])

    assert p_of(area_key(positive, probability)) == 1.0
    assert p_of(area_key(several, np.repeat([[0.9], [0.4], [0.6], [0.1]], 2, axis=1))) == 1.0
    assert p_of(area_key(np.zeros(3, dtype=bool), probability)) == 1.0


# --- many pairs -------------------------------------------------------------------------------


@settings(max_examples=20)  # the peer takes a twentieth of a second
@given(hnp.arrays(np.float64, st.integers(1, 12), elements=st.floats(0, 1)))
def test_holm_is_that_of_statsmodels(p_values: Floats) -> None:
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_holm_by_hand() -> None:
    # .01 x 3, .02 x 2, .04 x 1 but not below .04
    assert holm(np.array([0.02, 0.01, 0.04])) == pytest.approx([0.04, 0.03, 0.04])
    assert holm(np.array([])).shape == (0,)
