from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import CoxPHFitter, KaplanMeierFitter
from numpy.typing import NDArray

from schema.cohort import ClinicalRow
from tasks.phantom.clinical import draw_clinical, score_correlation, shares_of
from tasks.phantom.published import NEGATIVE, POSITIVE, Table1Column
from tasks.phantom.survival import Weibull, draw_survival, spread_evenly

PUBLISHED_POSITIVE, PUBLISHED_PATIENTS = 61, 480
FACTORS = ("sex", "cea", "mrTD", "mrCRM", "mrEMVI")


def statuses(count: int, positives: int, *, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which of `count` patients are positive, `positives` of them, in random order."""
    return rng.permutation(np.arange(count) < positives)


def draw(positive: NDArray[np.bool_], *, seed: int) -> tuple[ClinicalRow, ...]:
    """The clinical table of patients P0, P1, ..., alternately of centres A and B."""
    return draw_clinical(
        case_ids=[f"P{index}" for index in range(positive.size)],
        centres=["AB"[index % 2] for index in range(positive.size)],
        positive=positive,
        rng=np.random.default_rng(seed),
    )


def frame(count: int, *, seed: int) -> pd.DataFrame:
    """A cohort of the published prevalence, factors as 0 and 1, with the node status `lln`."""
    rng = np.random.default_rng(seed)
    positives = round(count * PUBLISHED_POSITIVE / PUBLISHED_PATIENTS)
    positive = statuses(count, positives, rng=rng)
    table = pd.DataFrame([row.model_dump() for row in draw(positive, seed=seed)])
    return table.assign(
        lln=positive.astype(int),
        sex=(table["sex"] == "female").astype(int),
        cea=(table["cea"] == "abnormal").astype(int),
    )


def tally(rows: Sequence[ClinicalRow], field: str, *words: object) -> int:
    """How many rows have one of the words in a field."""
    return sum(getattr(row, field) in words for row in rows)


@pytest.fixture(scope="module")
def large() -> pd.DataFrame:
    return frame(4800, seed=7)


def phi(table: pd.DataFrame, first: str, second: str) -> float:
    """The phi coefficient, which is Pearson's correlation of two binary columns."""
    return float(np.corrcoef(table[first], table[second])[0, 1])


def hazard_ratio(table: pd.DataFrame, outcome: str, *factors: str) -> dict[str, float]:
    columns = [f"{outcome}_months", f"{outcome}_event"]
    fitted = CoxPHFitter().fit(table[[*factors, *columns]], *columns)
    return dict(fitted.hazard_ratios_)


def test_the_same_seed_gives_the_same_table_and_another_seed_does_not() -> None:
    positive = statuses(40, 6, rng=np.random.default_rng(0))
    assert draw(positive, seed=1) == draw(positive, seed=1)
    assert draw(positive, seed=1) != draw(positive, seed=2)


def test_rows_keep_the_order_and_the_centres_given() -> None:
    rows = draw(np.zeros(3, dtype=np.bool_), seed=0)
    assert [(row.case_id, row.centre) for row in rows] == [("P0", "A"), ("P1", "B"), ("P2", "A")]


@pytest.mark.parametrize(("status", "column"), [(False, NEGATIVE), (True, POSITIVE)])
def test_the_published_group_sizes_give_the_published_counts(
    *, status: bool, column: Table1Column
) -> None:
    # As many patients as Table 1's column has: every fraction times n is the integer printed there.
    rows = draw(np.full(column.patients, status), seed=3)
    ages = [row.age for row in rows if row.age is not None]
    assert tally(rows, "sex", "female") == column.female
    assert tally(rows, "cea", "abnormal") == column.cea_abnormal
    assert tally(rows, "cea", None) == column.patients - column.cea_known
    assert tally(rows, "location", "low") == column.location_low
    assert tally(rows, "location", "middle") == column.location_middle
    assert tally(rows, "mrT", "T4") == column.mrT4
    assert tally(rows, "mrN", "N2") == column.mrN2
    assert tally(rows, "mrTD", 1) == column.mrTD
    assert tally(rows, "mrCRM", 1) == column.mrCRM
    assert tally(rows, "mrEMVI", 1) == column.mrEMVI
    assert np.mean(ages) == pytest.approx(column.age_mean_years, abs=0.05)
    assert np.std(ages, ddof=1) == pytest.approx(column.age_sd_years, abs=0.1)


@pytest.mark.parametrize("seed", range(5))
def test_a_table_of_480_has_the_expected_counts_whatever_the_seed(seed: int) -> None:
    # 419 negative and 61 positive patients times the fractions of Table 1, rounded in each group:
    # T4  419*59/390 = 63.4 -> 63, 61*19/90 = 12.9 -> 13; N2 131.1 -> 131, 31.2 -> 31;
    # TD  76.3 -> 76, 20.3 -> 20; EMVI 109.6 -> 110, 25.8 -> 26; CRM 123.6 -> 124, 27.8 -> 28;
    # female 125.7 -> 126, 19.0 -> 19.
    table = frame(480, seed=seed)
    counts = {field: int(table[field].sum()) for field in ("sex", "mrTD", "mrEMVI", "mrCRM")}
    assert counts == {"sex": 145, "mrTD": 96, "mrEMVI": 136, "mrCRM": 152}
    assert int((table["mrT"] == "T4").sum()) == 76
    assert int((table["mrN"] == "N2").sum()) == 162
    # CEA: 2.1 -> 2 of 419 unknown, 417*162/388 = 174.1 -> 174; 61*43/90 = 29.1 -> 29
    assert int(table["cea"].sum()) == 174 + 29


@given(count=st.integers(1, 60), fraction=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_any_cohort_is_valid_and_within_rounding_of_the_fractions(
    count: int, fraction: float, seed: int
) -> None:
    positive = statuses(count, round(count * fraction), rng=np.random.default_rng(seed))
    rows = draw(positive, seed=seed)
    for status, column in ((False, NEGATIVE), (True, POSITIVE)):
        group = [row for row, flag in zip(rows, positive, strict=True) if flag == status]
        for field in ("mrTD", "mrCRM", "mrEMVI"):
            wanted = getattr(column, field) / column.patients * len(group)
            assert abs(tally(group, field, 1) - wanted) <= 0.5 + 1e-9
    for row in rows:
        assert row.age is not None
        assert 18 <= row.age <= 95
        assert row.dfs_months is not None
        assert row.os_months is not None
        assert 0 < row.dfs_months <= row.os_months <= 114
        assert row.dfs_months == round(row.dfs_months, 3)
        assert (row.dfs_event, row.os_event) != (0, 1)


@pytest.mark.parametrize("positive", [[], [True], [False], [True, False], [False] * 20])
def test_degenerate_cohorts_have_a_row_a_patient(positive: list[bool]) -> None:
    assert len(draw(np.array(positive, dtype=np.bool_), seed=0)) == len(positive)


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="same length"):
        draw_clinical(
            case_ids=["P1"],
            centres=["A"],
            positive=np.zeros(2, dtype=np.bool_),
            rng=np.random.default_rng(0),
        )


def test_the_scores_have_a_positive_definite_correlation_matrix() -> None:
    assert np.linalg.eigvalsh(score_correlation()).min() > 0.05


@pytest.mark.parametrize("column", [NEGATIVE, POSITIVE])
def test_the_shares_of_every_factor_add_up_to_one(column: Table1Column) -> None:
    for shares in shares_of(column, positive=False).values():
        assert math.fsum(shares.words) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("first", "second", "lowest", "highest"),
    [
        ("mrTD", "mrEMVI", 0.35, 0.45),
        ("mrEMVI", "mrCRM", 0.19, 0.31),
        ("mrTD", "mrCRM", 0.05, 0.15),
        ("cea", "mrTD", 0.05, 0.15),
    ],
)
def test_factors_go_together_as_published(
    large: pd.DataFrame, first: str, second: str, lowest: float, highest: float
) -> None:
    assert lowest < phi(large, first, second) < highest


def test_a_complete_response_is_rarer_with_positive_nodes(large: pd.DataFrame) -> None:
    known = large[large["pCR"].notna()]
    responses = known.groupby("lln")["pCR"].mean()
    assert 0.15 <= known["pCR"].mean() <= 0.20
    assert responses[1] < responses[0]
    assert large["pCR"].isna().mean() == pytest.approx(0.10, abs=0.001)


@pytest.mark.parametrize("outcome", ["dfs", "os"])
def test_a_positive_consensus_alone_has_the_published_order_of_hazard(
    large: pd.DataFrame, outcome: str
) -> None:
    assert 2.8 < hazard_ratio(large, outcome, "lln")["lln"] < 4.3


def test_the_multivariable_ratios_are_those_the_times_were_drawn_from(large: pd.DataFrame) -> None:
    # overall survival is exactly proportional: 435 deaths, so a log ratio's error is about 0.1
    fitted = hazard_ratio(large, "os", *FACTORS, "lln")
    truth = {"sex": 1.0, "cea": 1.58, "mrTD": 4.06, "mrCRM": 2.30, "mrEMVI": 0.86, "lln": 2.9}
    for factor, ratio in truth.items():
        assert math.log(fitted[factor]) == pytest.approx(math.log(ratio), abs=0.35)


def test_events_and_follow_up_are_as_published(large: pd.DataFrame) -> None:
    assert large["dfs_event"].mean() == pytest.approx(99 / 480, abs=0.015)
    assert large["os_event"].mean() == pytest.approx(44 / 480, abs=0.012)
    assert large["os_months"].median() == pytest.approx(25.4, abs=1.0)
    assert (large["os_months"] > 36).mean() == pytest.approx(0.39, abs=0.01)
    assert 96 <= large["os_months"].max() <= 114


def test_three_year_disease_free_survival_of_negatives_is_about_eighty_per_cent(
    large: pd.DataFrame,
) -> None:
    negatives = large[large["lln"] == 0]
    curve = KaplanMeierFitter().fit(negatives["dfs_months"], negatives["dfs_event"])
    assert float(curve.predict(36.0)) == pytest.approx(0.8166, abs=0.03)


@pytest.mark.parametrize("seed", range(5))
def test_the_events_of_a_small_cohort_are_near_the_published_fraction(seed: int) -> None:
    # 48 * 99/480 = 9.9 recurrences or deaths; the even spread of quantiles keeps the count close
    assert 5 <= int(frame(48, seed=seed)["dfs_event"].sum()) <= 16


def test_weibull_times_invert_the_survival_function() -> None:
    # S(t) = exp(-h (t / scale)^k). With scale 10, k = 2, h = 4 and S = 1/e: (t/10)^2 = 1/4, t = 5.
    times = Weibull(shape=2.0, scale_months=10.0).times_months(
        survival=np.array([math.exp(-1), 1.0]), log_hazard=np.log([4.0, 4.0])
    )
    assert times == pytest.approx([5.0, 0.0])


def test_spread_quantiles_keep_the_order_within_each_stratum() -> None:
    # three of one stratum: 1/6, 3/6, 5/6 by rank; a lone one of the other: 1/2
    spread = spread_evenly(
        np.array([2.0, 9.0, -1.0, 0.5]), strata=np.array([False, True, False, False])
    )
    assert spread == pytest.approx([5 / 6, 1 / 2, 1 / 6, 3 / 6])


def test_a_huge_hazard_makes_everybody_die_at_times_above_zero() -> None:
    hazard = np.full(10, 40.0)
    outcome = draw_survival(
        dfs_log_hazard=hazard,
        os_log_hazard=hazard,
        strata=np.zeros(10, dtype=np.bool_),
        rng=np.random.default_rng(0),
    )
    assert outcome.os_event.tolist() == [1] * 10
    assert outcome.dfs_months.min() == 0.1
