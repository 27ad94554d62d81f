"""Wilson's interval, the patient bootstrap and ratios of sums."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import bootstrap
from statsmodels.stats.proportion import proportion_confint

from evaluation.intervals import (
    UNDEFINED_DRAWS_ALLOWED,
    Estimate,
    bootstrapped,
    divide,
    no_estimate,
    percentile_interval,
    proportion,
    ratio_of_sums,
    resample_weights,
    wilson,
    z_score,
)
from schema.terms import Status

LEVEL = 0.95


def weights_of(*rows: list[int]) -> NDArray[np.int32]:
    return np.array(rows, dtype=np.int32)


def ratio(
    numerator: list[float],
    denominator: list[float],
    *,
    weights: NDArray[np.int32],
    level: float = LEVEL,
    n: int | None = None,
) -> Estimate:
    return ratio_of_sums(
        np.array(numerator, dtype=float),
        np.array(denominator, dtype=float),
        weights=weights,
        level=level,
        n=n,
    )


def assert_well_formed(estimate: Estimate) -> None:
    """A value or a reason, never both, and only finite numbers."""
    assert (estimate.value is None) == (estimate.status is not Status.OK)
    assert (estimate.value is None) == (estimate.reason is not None)
    if estimate.value is None:
        assert estimate.interval is None
        assert estimate.interval_reason is None
        return
    assert math.isfinite(estimate.value)
    assert (estimate.interval is None) == (estimate.interval_reason is not None)
    if estimate.interval is not None:
        assert math.isfinite(estimate.interval.low)
        assert math.isfinite(estimate.interval.high)
        assert estimate.interval.low <= estimate.interval.high


# --- Wilson ---


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        # z = 1.959964, z² = 3.841459.
        # p = 45/61 = .737705, z²/n = .062975; middle .769192,
        # half z sqrt(p(1-p)/61 + z²/(4·61²)) = 1.959964·.0585676 = .114790; both over 1.062975
        (45, 61, 0.61563, 0.83161),
        # p = .894988, z²/n = .009168; middle .899572, half 1.959964·.0151584 = .029710; /1.009168
        (375, 419, 0.86196, 0.92084),
        # p = 1/2: (1/2 ± z sqrt(1/(4n) + z²/(4n²)) / (1 + z²/n)) around 1/2, z²/n = .384146:
        # half 1.959964·sqrt(.025 + .0096036) / 1.384146 = .263408
        (5, 10, 0.23659, 0.76341),
    ],
)
def test_wilson_agrees_with_the_formula_by_hand(
    successes: int, trials: int, low: float, high: float
) -> None:
    interval = wilson(successes=successes, trials=trials, level=LEVEL)
    assert interval is not None
    assert interval.low == pytest.approx(low, abs=1e-5)
    assert interval.high == pytest.approx(high, abs=1e-5)
    assert interval.level == LEVEL
    assert interval.method == "wilson"


@pytest.mark.parametrize("trials", [1, 2, 10, 61, 419, 480])
def test_wilson_without_success_starts_at_zero_exactly(trials: int) -> None:
    # p = 0: low = (z²/2n - z²/2n) / (1 + z²/n) = 0, high = (z²/n) / (1 + z²/n) = z² / (n + z²)
    interval = wilson(successes=0, trials=trials, level=LEVEL)
    assert interval is not None
    assert interval.low == 0.0
    assert interval.high == pytest.approx(3.841458821 / (trials + 3.841458821), abs=1e-9)


@pytest.mark.parametrize("trials", [1, 2, 10, 61, 419, 480])
def test_wilson_with_only_successes_ends_at_one_exactly(trials: int) -> None:
    interval = wilson(successes=trials, trials=trials, level=LEVEL)
    assert interval is not None
    assert interval.low == pytest.approx(trials / (trials + 3.841458821), abs=1e-9)
    assert interval.high == 1.0


def test_wilson_without_a_trial_does_not_exist() -> None:
    assert wilson(successes=0, trials=0, level=LEVEL) is None


@pytest.mark.parametrize(("successes", "trials"), [(-1, 4), (5, 4), (1, 0)])
def test_wilson_refuses_impossible_counts(successes: int, trials: int) -> None:
    with pytest.raises(ValueError, match=f"{successes} successes in {trials} trials"):
        wilson(successes=successes, trials=trials, level=LEVEL)


@st.composite
def successes_and_trials(draw: st.DrawFn) -> tuple[int, int]:
    trials = draw(st.integers(1, 5000))
    return draw(st.integers(0, trials)), trials


LEVELS = st.sampled_from([0.8, 0.9, 0.95, 0.99])


@given(successes_and_trials(), LEVELS)
@settings(deadline=None)
def test_wilson_agrees_with_statsmodels(counts: tuple[int, int], level: float) -> None:
    successes, trials = counts
    interval = wilson(successes=successes, trials=trials, level=level)
    low, high = proportion_confint(successes, trials, alpha=1 - level, method="wilson")
    assert interval is not None
    assert interval.low == pytest.approx(low, abs=1e-9)
    assert interval.high == pytest.approx(high, abs=1e-9)


@given(successes_and_trials(), LEVELS)
@settings(deadline=None)
def test_wilson_is_ordered_within_zero_and_one_and_holds_the_share(
    counts: tuple[int, int], level: float
) -> None:
    successes, trials = counts
    interval = wilson(successes=successes, trials=trials, level=level)
    assert interval is not None
    assert 0 <= interval.low <= successes / trials <= interval.high <= 1
    assert interval.low < interval.high


@given(successes_and_trials(), LEVELS)
@settings(deadline=None)
def test_wilson_of_the_failures_is_the_mirror_image(counts: tuple[int, int], level: float) -> None:
    successes, trials = counts
    interval = wilson(successes=successes, trials=trials, level=level)
    mirrored = wilson(successes=trials - successes, trials=trials, level=level)
    assert interval is not None
    assert mirrored is not None
    assert interval.low == pytest.approx(1 - mirrored.high, abs=1e-12)
    assert interval.high == pytest.approx(1 - mirrored.low, abs=1e-12)


# Phi(1.959964) = .975, Phi(1.644854) = .95, Phi(2.575829) = .995
@pytest.mark.parametrize(("level", "z"), [(0.95, 1.959964), (0.9, 1.644854), (0.99, 2.575829)])
def test_quantile_is_two_sided(level: float, z: float) -> None:
    assert z_score(level) == pytest.approx(z, abs=1e-6)


def test_share_carries_its_trials_and_wilsons_interval() -> None:
    estimate = proportion(successes=3, trials=4, level=0.9)
    assert estimate == Estimate(0.75, wilson(successes=3, trials=4, level=0.9), 4)
    assert_well_formed(estimate)


def test_share_without_a_trial_says_what_is_lacking() -> None:
    estimate = proportion(successes=0, trials=0, level=LEVEL, what="positive patient")
    assert estimate == Estimate(None, None, 0, Status.UNDEFINED, "no positive patient")


def test_absent_estimate_keeps_its_status_reason_and_size() -> None:
    estimate = no_estimate("2 events", n=7, status=Status.TOO_FEW)
    assert estimate == Estimate(None, None, 7, Status.TOO_FEW, "2 events")
    assert_well_formed(estimate)


# --- resamples ---


def resampled(strata: list[int], *, resamples: int, seed: int = 1) -> NDArray[np.int32]:
    rng = np.random.default_rng(seed)
    return resample_weights(strata=np.array(strata, dtype=int), resamples=resamples, rng=rng)


@given(st.lists(st.integers(-2, 3), min_size=1, max_size=30), st.integers(0, 2**32 - 1))
@settings(deadline=None)
def test_every_resample_keeps_the_size_of_every_stratum(strata: list[int], seed: int) -> None:
    weights = resampled(strata, resamples=8, seed=seed)
    assert weights.shape == (8, len(strata))
    assert weights.min() >= 0
    for code in set(strata):
        members = np.array(strata) == code
        assert (weights[:, members].sum(axis=1) == members.sum()).all()


@pytest.mark.parametrize("strata", [[0] * 12, [0, 1] * 6, [5, 5, 5, 5, -1, -1, 3, 3, 3, 3, 3, 3]])
def test_every_patient_is_drawn_sometimes_and_left_out_sometimes(strata: list[int]) -> None:
    # the chance that a patient of a stratum of two is never drawn in 400 resamples is 4^-400
    weights = resampled(strata, resamples=400)
    assert (weights.max(axis=0) >= 2).all()
    assert (weights.min(axis=0) == 0).all()
    assert weights[:, -1].sum() > 0


def test_patient_alone_in_a_stratum_is_in_every_resample_once() -> None:
    weights = resampled([7, 0, 0, 0], resamples=50)
    assert (weights[:, 0] == 1).all()


def test_multiplicities_have_the_mean_and_variance_of_draws_with_replacement() -> None:
    # multinomial(6, 1/6): mean 1, variance 6·(1/6)·(5/6) = .8333. Over 20 000 resamples the
    # standard error of the mean is sqrt(.8333/20000) = .0065; five of them are .032
    weights = resampled([0] * 6, resamples=20_000)
    assert weights.mean(axis=0) == pytest.approx(np.ones(6), abs=0.033)
    assert weights.var(axis=0) == pytest.approx(np.full(6, 5 / 6), abs=0.06)


def test_seed_decides_the_resamples() -> None:
    strata = [0, 0, 1, 1, 1, 2] * 5
    first = resampled(strata, resamples=20, seed=3)
    assert np.array_equal(first, resampled(strata, resamples=20, seed=3))
    assert not np.array_equal(first, resampled(strata, resamples=20, seed=4))
    assert first.dtype == np.int32


def test_resamples_of_nobody_are_empty_rows() -> None:
    assert resampled([], resamples=5).shape == (5, 0)


# --- percentile interval ---


@pytest.mark.parametrize(
    # 101 draws 0..100: the quantile at q is 100 q
    ("level", "low", "high"),
    [(0.95, 2.5, 97.5), (0.9, 5.0, 95.0), (0.5, 25.0, 75.0)],
)
def test_interval_lies_between_the_percentiles_whatever_the_order(
    level: float, low: float, high: float
) -> None:
    draws = np.random.default_rng(0).permutation(np.arange(101.0))
    interval, reason = percentile_interval(draws, level=level)
    assert interval is not None
    assert (interval.low, interval.high) == pytest.approx((low, high))
    assert (interval.level, interval.method, reason) == (level, "bootstrap", None)


def draws_with_undefined(undefined: int, *, of: int) -> NDArray[np.float64]:
    draws = np.arange(float(of))
    draws[:undefined] = np.nan
    return draws


@pytest.mark.parametrize(("undefined", "of"), [(0, 20), (4, 100), (99, 2000)])
def test_few_undefined_draws_are_dropped(undefined: int, of: int) -> None:
    interval, reason = percentile_interval(draws_with_undefined(undefined, of=of), level=LEVEL)
    # what is left are the integers undefined..of-1
    span = of - 1 - undefined
    assert reason is None
    assert interval is not None
    assert interval.low == pytest.approx(undefined + 0.025 * span)
    assert interval.high == pytest.approx(undefined + 0.975 * span)


@pytest.mark.parametrize(("undefined", "of"), [(1, 20), (2, 40), (5, 100), (100, 2000)])
def test_exactly_the_allowed_share_of_undefined_draws_leaves_an_interval(
    undefined: int, of: int
) -> None:
    assert undefined / of == UNDEFINED_DRAWS_ALLOWED
    interval, reason = percentile_interval(draws_with_undefined(undefined, of=of), level=LEVEL)
    assert reason is None
    assert interval is not None


@pytest.mark.parametrize(
    ("undefined", "of", "share"), [(2, 20, 10), (6, 100, 6), (101, 2000, 5), (20, 20, 100)]
)
def test_more_undefined_draws_than_allowed_leave_none_and_say_how_many(
    undefined: int, of: int, share: int
) -> None:
    draws = draws_with_undefined(undefined, of=of)
    assert percentile_interval(draws, level=LEVEL) == (
        None,
        f"undefined in {share} % of the resamples",
    )


@pytest.mark.parametrize("infinity", [math.inf, -math.inf])
def test_infinite_draw_never_becomes_a_bound(infinity: float) -> None:
    draws = np.arange(100.0)
    # four of a hundred would hold the outermost 2.5 %
    draws[:4] = infinity
    interval, _ = percentile_interval(draws, level=LEVEL)
    assert interval is not None
    assert interval[:2] == pytest.approx((4 + 0.025 * 95, 4 + 0.975 * 95))


def test_value_without_an_interval_keeps_the_value_and_says_why() -> None:
    estimate = bootstrapped(0.5, np.full(10, np.nan), n=4, level=LEVEL)
    assert estimate.value == 0.5
    assert estimate.interval is None
    assert estimate.interval_reason == "undefined in 100 % of the resamples"
    assert_well_formed(estimate)


# --- ratio of sums ---


def test_ratio_by_hand() -> None:
    # 3 patients: value (1+0+2) / (1+1+2) = 3/4. Resamples: each once (1+0+2)/(1+1+2) = 3/4;
    # first twice and last once (2+2)/(2+2) = 1; second thrice 0/3 = 0. Sorted 0, 3/4, 1:
    # the quantile at 1/4 is halfway from 0 to 3/4, at 3/4 halfway from 3/4 to 1.
    weights = weights_of([1, 1, 1], [2, 0, 1], [0, 3, 0])
    estimate = ratio([1, 0, 2], [1, 1, 2], weights=weights, level=0.5)
    assert estimate.value == pytest.approx(0.75)
    assert estimate.n == 4
    assert estimate.interval is not None
    assert estimate.interval.low == pytest.approx(0.375)
    assert estimate.interval.high == pytest.approx(0.875)
    assert_well_formed(estimate)


def test_mean_over_the_defined_leaves_the_undefined_out() -> None:
    # values .6 and .8, the third undefined: value times defined over defined = 1.4 / 2
    estimate = ratio([0.6, 0.8, 0.0], [1, 1, 0], weights=weights_of([1, 1, 1]))
    assert estimate.value == pytest.approx(0.7)
    assert estimate.n == 2


def test_observations_may_be_given() -> None:
    assert ratio([1, 2], [3, 4], weights=weights_of([1, 1]), n=2).n == 2


@pytest.mark.parametrize("patients", [0, 3])
def test_nothing_to_divide_by_is_undefined(patients: int) -> None:
    zeros = [0.0] * patients
    estimate = ratio(zeros, zeros, weights=np.ones((4, patients), dtype=np.int32))
    assert estimate.status is Status.UNDEFINED
    assert estimate.reason == "nothing to divide by: no observation"
    assert estimate.n == 0
    assert_well_formed(estimate)


def test_ratio_whose_resamples_often_lack_observations_has_no_interval() -> None:
    # the only observation is the first patient's, who is absent from two of three resamples
    weights = weights_of([2, 0], [0, 2], [0, 2])
    estimate = ratio([1, 0], [1, 0], weights=weights)
    assert estimate.value == 1.0
    assert estimate.interval is None
    assert estimate.interval_reason == "undefined in 67 % of the resamples"


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=8),
    st.integers(0, 2**32 - 1),
)
@settings(deadline=None)
def test_bootstrap_of_a_ratio_equals_copying_the_patients(
    patients: list[tuple[int, int]], seed: int
) -> None:
    columns = np.array(patients, dtype=float)
    size = len(patients)
    drawn = np.random.default_rng(seed).integers(0, size, size=(21, size))
    weights = np.array([np.bincount(row, minlength=size) for row in drawn], dtype=np.int32)
    copies = columns[drawn].sum(axis=1)
    low, high = np.quantile(copies[:, 0] / copies[:, 1], [0.025, 0.975])
    estimate = ratio_of_sums(columns[:, 0], columns[:, 1], weights=weights, level=LEVEL)
    assert estimate.interval is not None
    assert estimate.interval.low == pytest.approx(low, abs=1e-12)
    assert estimate.interval.high == pytest.approx(high, abs=1e-12)


def test_interval_of_a_ratio_resembles_scipys_percentile_bootstrap() -> None:
    rng = np.random.default_rng(11)
    trials = rng.integers(1, 6, size=80).astype(float)
    hits = rng.binomial(trials.astype(int), 0.7).astype(float)
    weights = resample_weights(strata=np.zeros(80, dtype=int), resamples=4000, rng=rng)
    estimate = ratio_of_sums(hits, trials, weights=weights, level=LEVEL)
    theirs = bootstrap(
        (hits, trials),
        lambda a, b, axis: a.sum(axis=axis) / b.sum(axis=axis),
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=4000,
        rng=np.random.default_rng(12),
    ).confidence_interval
    # the interval is about .11 wide; the Monte Carlo error of a bound is about .001
    assert estimate.interval is not None
    assert estimate.interval.low == pytest.approx(theirs.low, abs=0.006)
    assert estimate.interval.high == pytest.approx(theirs.high, abs=0.006)


@given(st.permutations(range(6)))
@settings(deadline=None)
def test_order_of_the_patients_does_not_matter(order: list[int]) -> None:
    numerator, denominator = np.array([1, 0, 2, 5, 0, 3.0]), np.array([1, 1, 4, 5, 2, 3.0])
    weights = resampled([0] * 6, resamples=50)
    estimate = ratio_of_sums(numerator, denominator, weights=weights, level=LEVEL)
    permuted = ratio_of_sums(
        numerator[order], denominator[order], weights=weights[:, order], level=LEVEL
    )
    assert estimate.interval is not None
    assert permuted.interval is not None
    assert permuted.value == pytest.approx(estimate.value, abs=1e-12)
    assert permuted.interval[:2] == pytest.approx(estimate.interval[:2], abs=1e-12)
    assert permuted.n == estimate.n


ODD_NUMERATORS = st.sampled_from([-1e6, -1.0, -0.0, 0.0, 1e-300, 1 / 3, 1.0, 7.0, 1e12])
ODD_DENOMINATORS = st.sampled_from([0.0, -0.0, 0.5, 1.0, 2.0, 1e9])


@given(
    st.lists(st.tuples(ODD_NUMERATORS, ODD_DENOMINATORS), max_size=6),
    st.integers(1, 30),
    st.integers(0, 2**32 - 1),
)
@settings(deadline=None)
def test_no_input_makes_a_ratio_that_is_not_a_number(
    patients: list[tuple[float, float]], resamples: int, seed: int
) -> None:
    columns = np.array(patients, dtype=float).reshape(-1, 2)
    # rows that sum to anything, all-zero rows included
    weights = np.random.default_rng(seed).integers(0, 3, size=(resamples, len(patients)))
    estimate = ratio_of_sums(
        columns[:, 0], columns[:, 1], weights=weights.astype(np.int32), level=LEVEL
    )
    assert_well_formed(estimate)
    assert (estimate.value is None) == (columns[:, 1].sum() == 0)


def test_quotient_by_zero_is_an_undefined_draw() -> None:
    quotient = divide(np.array([1.0, 0.0, 3.0]), np.array([0.0, 0.0, 2.0]))
    assert np.isnan(quotient[:2]).all()
    assert quotient[2] == 1.5
