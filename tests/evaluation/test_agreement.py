"""Cohen's kappa, its interval and its word."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import cohens_kappa

from evaluation.agreement import Kappa, cohen_kappa, landis_koch, rated_by_both
from evaluation.intervals import Estimate
from schema.terms import Status

LEVEL = 0.95

Table = list[list[int]]


def kappa_of(table: Table) -> Kappa:
    """Kappa of raters with this table of counts, the first rater in rows."""
    cells = np.array(table)
    rows, columns = np.indices(cells.shape)
    first, second = np.repeat(rows, cells.ravel()), np.repeat(columns, cells.ravel())
    return cohen_kappa(first, second, level=LEVEL)


# --- by hand ---


def test_kappa_of_the_papers_table() -> None:
    # po = 420/480 = .875; pe = (61·89 + 419·391)/480² = 169258/230400 = .734627;
    # kappa = .140373/.265373 = .528966
    # Fleiss, Cohen and Everitt: A = .09375 (1 - .3125·.471034)² + .78125 (1 - 1.6875·.471034)²
    #   = .068182 + .032874 = .101055
    # B = .471034² (.033333·1.058333² + .091667·.941667²) = .221873·.118620 = .026319
    # C = (.528966 - .734627·.471034)² = .182932² = .033464
    # SE = sqrt((A + B - C)/480) / .265373 = sqrt(.00019565) / .265373 = .052708
    # .528966 ± 1.959964·.052708 = .528966 ± .103306
    kappa = kappa_of([[45, 16], [44, 375]])
    assert kappa.estimate.value == pytest.approx(0.52897, abs=1e-5)
    assert kappa.standard_error == pytest.approx(0.05271, abs=1e-5)
    assert kappa.estimate.interval is not None
    assert kappa.estimate.interval.low == pytest.approx(0.4257, abs=1e-4)
    assert kappa.estimate.interval.high == pytest.approx(0.6323, abs=1e-4)
    assert kappa.estimate.interval.level == LEVEL
    assert kappa.estimate.interval.method == "asymptotic"
    assert kappa.estimate.n == 480
    assert kappa.words == "moderate"


def test_kappa_of_three_categories_by_hand() -> None:
    # n = 20, trace 12: po = .6; margins (6, 8, 6) and (8, 7, 5): pe = (48 + 56 + 30)/400 = .335
    # (.6 - .335) / (1 - .335) = .265/.665 = .398496
    kappa = kappa_of([[4, 1, 1], [2, 5, 1], [2, 1, 3]])
    assert kappa.estimate.value == pytest.approx(0.398496, abs=1e-6)
    assert kappa.words == "fair"


@pytest.mark.parametrize(
    ("table", "value"),
    [([[20, 5], [10, 15]], 0.4), ([[45, 15], [25, 15]], 0.1304), ([[25, 35], [5, 35]], 0.2593)],
)
def test_kappa_of_the_published_examples(table: Table, value: float) -> None:
    # https://en.wikipedia.org/wiki/Cohen%27s_kappa, two readers of 50 grant applications, and two
    # tables with the same agreement of 60 of 100. By hand: (.7 - .5) / .5; (.6 - .54) / .46, with
    # .54 = .6 * .7 + .4 * .3; (.6 - .46) / .54, with .46 = .6 * .3 + .4 * .7
    assert kappa_of(table).estimate.value == pytest.approx(value, abs=5e-5)


def test_categories_may_be_words() -> None:
    first, second = np.array(["a", "b", "a", "c"]), np.array(["a", "b", "b", "c"])
    # po = 3/4, pe = (2·1 + 1·2 + 1·1)/16 = 5/16: (12 - 5)/(16 - 5) = 7/11
    assert cohen_kappa(first, second, level=LEVEL).estimate.value == pytest.approx(7 / 11)


def test_raters_who_never_agree_on_even_halves_have_minus_one() -> None:
    # po = 0, pe = 1/2·1/2 + 1/2·1/2 = 1/2: -1/2 over 1/2
    kappa = kappa_of([[0, 5], [5, 0]])
    assert kappa.estimate.value == pytest.approx(-1.0, abs=1e-12)
    assert kappa.words == "poor"


@pytest.mark.parametrize(
    # po = pe: 8/15 = (5·6 + 10·9)/15², 1/2 = (2·2 + 2·2)/4², 5/9 = (3·3 + 6·6)/9²
    "table",
    [[[2, 3], [4, 6]], [[1, 1], [1, 1]], [[1, 2], [2, 4]], [[3, 2], [6, 4]]],
)
def test_agreement_that_is_exactly_chance_is_slight_and_not_poor(table: Table) -> None:
    kappa = kappa_of(table)
    assert kappa.estimate.value == pytest.approx(0.0, abs=1e-12)
    assert kappa.words == "slight"


# --- perfect agreement and the limits of the scale ---


@pytest.mark.parametrize("table", [[[1, 0], [0, 1]], [[61, 0], [0, 419]], [[1, 0], [0, 99]]])
def test_raters_who_always_agree_have_one_without_error(table: Table) -> None:
    kappa = kappa_of(table)
    assert kappa.estimate.value == pytest.approx(1.0, abs=1e-12)
    # the variance is 1 - 1: what rounding leaves of it is 1e-16, its root 1e-8
    assert kappa.standard_error == pytest.approx(0.0, abs=1e-6)
    assert kappa.estimate.interval is not None
    assert kappa.estimate.interval[:2] == pytest.approx((1.0, 1.0), abs=1e-6)
    assert kappa.words == "almost perfect"


@pytest.mark.parametrize("sizes", [(5, 1, 1, 1, 1), (1, 2, 4), (30, 20, 10)])
def test_rounding_carries_no_perfect_agreement_past_one(sizes: tuple[int, ...]) -> None:
    estimate = kappa_of(np.diag(sizes).tolist()).estimate
    assert estimate.value is not None
    assert estimate.interval is not None
    assert estimate.interval.low <= estimate.value <= estimate.interval.high <= 1.0


def test_interval_is_cut_at_one() -> None:
    # po = .9, pe = .5: kappa .8, SE .1859; .8 + 1.96·.1859 = 1.164
    estimate = kappa_of([[4, 1], [0, 5]]).estimate
    assert estimate.value == pytest.approx(0.8)
    assert estimate.interval is not None
    assert estimate.interval.low == pytest.approx(0.4356, abs=1e-4)
    assert estimate.interval.high == 1.0


def test_interval_is_cut_at_minus_one() -> None:
    # the second rater's answers reversed: po = .1, pe = .5: -.8 ± 1.96·.1859
    estimate = kappa_of([[1, 4], [5, 0]]).estimate
    assert estimate.value == pytest.approx(-0.8)
    assert estimate.interval is not None
    assert estimate.interval.low == -1.0
    assert estimate.interval.high == pytest.approx(-0.4356, abs=1e-4)


# --- kappas that do not exist ---


@pytest.mark.parametrize("size", [1, 2, 3, 7, 480])
@pytest.mark.parametrize("answer", [True, False])
def test_raters_with_one_and_the_same_category_have_none(size: int, *, answer: bool) -> None:
    ratings = np.full(size, answer)
    reason = "both raters put every case into the same category"
    absent = Estimate(None, None, size, Status.UNDEFINED, reason)
    assert cohen_kappa(ratings, ratings, level=LEVEL) == Kappa(absent, None, None)


def test_raters_with_one_category_each_but_different_ones_have_zero() -> None:
    # po = 0, pe = 1·0 + 0·1 = 0: 0/1
    kappa = cohen_kappa(np.zeros(4, dtype=bool), np.ones(4, dtype=bool), level=LEVEL)
    assert kappa.estimate.value == pytest.approx(0.0, abs=1e-12)
    assert kappa.words == "slight"


def test_raters_without_a_common_case_have_none() -> None:
    nothing = np.zeros(0, dtype=bool)
    absent = Estimate(None, None, 0, Status.UNDEFINED, "no case that both rated")
    assert cohen_kappa(nothing, nothing, level=LEVEL) == Kappa(absent, None, None)


@pytest.mark.parametrize("shape", [(2,), (1,), (3, 1)])
def test_shapes_that_differ_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="shapes differ"):
        cohen_kappa(np.ones(3), np.ones(shape), level=LEVEL)


# --- oracles and symmetries ---


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Counts of two raters over 2 to 4 categories, of which they use at least two between them."""
    size = draw(st.integers(2, 4))
    cell = st.integers(0, 12)
    table = [[draw(cell) for _ in range(size)] for _ in range(size)]
    used = [any(table[k]) or any(row[k] for row in table) for k in range(size)]
    assume(sum(used) > 1)
    return table


@given(tables())
@settings(deadline=None)
def test_kappa_and_its_error_agree_with_statsmodels(table: Table) -> None:
    kappa = kappa_of(table)
    # theirs divides 0 by 0 for the test statistic of degenerate tables, which is not looked at
    with np.errstate(divide="ignore", invalid="ignore"):
        theirs = cohens_kappa(table)
    assert kappa.estimate.value == pytest.approx(theirs.kappa, abs=1e-9)
    assert kappa.standard_error is not None
    # squared: near perfect agreement the root would turn rounding of 1e-16 into 1e-8
    assert kappa.standard_error**2 == pytest.approx(max(0.0, theirs.var_kappa), abs=1e-11)


@pytest.mark.parametrize("table", [[[45, 16], [44, 375]], [[9, 3, 1], [2, 8, 4], [0, 5, 20]]])
def test_error_agrees_with_statsmodels_to_nine_decimals(table: Table) -> None:
    assert kappa_of(table).standard_error == pytest.approx(cohens_kappa(table).std_kappa, abs=1e-9)


RATINGS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30).filter(
    lambda pairs: len({rating for pair in pairs for rating in pair}) > 1
)


@given(RATINGS)
@settings(deadline=None, max_examples=50)
def test_kappa_agrees_with_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    first, second = np.array(pairs).T
    kappa = cohen_kappa(first, second, level=LEVEL)
    assert kappa.estimate.value == pytest.approx(cohen_kappa_score(first, second), abs=1e-12)


@given(RATINGS)
@settings(deadline=None, max_examples=50)
def test_raters_may_change_places_and_categories_names(pairs: list[tuple[int, int]]) -> None:
    first, second = np.array(pairs).T
    kappa = cohen_kappa(first, second, level=LEVEL)
    renamed = np.array(["d", "a", "c", "b"])
    for other in (
        cohen_kappa(second, first, level=LEVEL),
        cohen_kappa(renamed[first], renamed[second], level=LEVEL),
    ):
        assert other.estimate.value == pytest.approx(kappa.estimate.value, abs=1e-12)
        assert other.standard_error == pytest.approx(kappa.standard_error, abs=1e-6)
        assert other.estimate.n == kappa.estimate.n == len(pairs)


@given(RATINGS)
@settings(deadline=None, max_examples=50)
def test_every_number_is_finite_and_the_interval_ordered(pairs: list[tuple[int, int]]) -> None:
    first, second = np.array(pairs).T
    kappa = cohen_kappa(first, second, level=LEVEL)
    interval = kappa.estimate.interval
    assert kappa.estimate.status is Status.OK
    assert kappa.estimate.value is not None
    assert interval is not None
    assert kappa.standard_error is not None
    assert math.isfinite(kappa.estimate.value)
    assert math.isfinite(kappa.standard_error)
    assert -1 <= interval.low <= interval.high + 1e-12 <= 1 + 1e-12


# --- words ---


@pytest.mark.parametrize(
    ("kappa", "word"),
    [
        (-1.0, "poor"),
        (-0.01, "poor"),
        (math.nextafter(0, -1), "poor"),
        (0.0, "slight"),
        (0.2, "slight"),
        (math.nextafter(0.2, 1), "fair"),
        (0.21, "fair"),
        (0.4, "fair"),
        (math.nextafter(0.4, 1), "moderate"),
        (0.41, "moderate"),
        (0.6, "moderate"),
        (math.nextafter(0.6, 1), "substantial"),
        (0.61, "substantial"),
        (0.8, "substantial"),
        (math.nextafter(0.8, 1), "almost perfect"),
        (0.81, "almost perfect"),
        (1.0, "almost perfect"),
    ],
)
def test_word_of_every_band_holds_up_to_its_upper_bound(kappa: float, word: str) -> None:
    assert landis_koch(kappa) == word


def exact_kappa(tp: int, fn: int, fp: int, tn: int) -> Fraction | None:
    """(n·trace - m) / (n² - m) in whole numbers, m the product of the margins."""
    n = tp + fn + fp + tn
    margins = (tp + fn) * (tp + fp) + (fp + tn) * (fn + tn)
    return None if n * n == margins else Fraction(n * (tp + tn) - margins, n * n - margins)


def exact_word(kappa: Fraction) -> str:
    bands = ((2, "slight"), (4, "fair"), (6, "moderate"), (8, "substantial"))
    if kappa < 0:
        return "poor"
    return next((word for tenths, word in bands if kappa <= Fraction(tenths, 10)), "almost perfect")


def test_rounding_changes_the_word_of_no_small_table() -> None:
    wrong = []
    for tp, fn, fp in product(range(11), repeat=3):
        tn = 10 - tp - fn - fp
        if tn < 0 or (exact := exact_kappa(tp, fn, fp, tn)) is None:
            continue
        if kappa_of([[tp, fn], [fp, tn]]).words != exact_word(exact):
            wrong.append((tp, fn, fp, tn))
    assert wrong == []


# --- cases rated by both ---


def test_case_that_one_rater_did_not_rate_is_left_out() -> None:
    first, second = rated_by_both([True, None, False, None, True], [False, True, False, None, None])
    assert first.tolist() == [True, False]
    assert second.tolist() == [False, False]
    assert first.dtype == second.dtype == np.bool_


@pytest.mark.parametrize("ratings", [[], [None, None]])
def test_nothing_rated_leaves_two_empty_columns(ratings: list[bool | None]) -> None:
    first, second = rated_by_both(ratings, [True] * len(ratings))
    assert first.shape == second.shape == (0,)
    assert cohen_kappa(first, second, level=LEVEL).estimate.value is None


def test_raters_of_different_cohorts_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        rated_by_both([True, False], [True])
