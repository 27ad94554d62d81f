"""The clinical table of a phantom cohort: findings as in the published Table 1, and outcomes.

Correlated normal scores (a Gaussian copula; Nelsen, An Introduction to Copulas, 2006) are cut at
exact ranks within the positive and the negative patients. Every count is therefore within rounding
of its published fraction, in a cohort of 48 as in one of 4,800. No patient is a real one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from schema.cohort import ClinicalRow
from tasks.phantom.published import (
    DFS_HAZARD_RATIOS,
    NEGATIVE,
    OS_HAZARD_RATIOS,
    POSITIVE,
    Table1Column,
)
from tasks.phantom.survival import Survival, draw_survival

Levels = dict[str, NDArray[np.int64]]
"""Field of a clinical row -> which of its words each patient has, shape (n,); UNKNOWN for none."""

UNKNOWN = -1

WORDS: Mapping[str, tuple[str | int, ...]] = MappingProxyType(
    {
        "sex": ("male", "female"),
        "cea": ("normal", "abnormal"),
        "location": ("low", "middle", "high"),
        "mrT": ("T1", "T2", "T3", "T4"),
        "mrN": ("N0", "N1", "N2"),
        "mrTD": (0, 1),
        "mrCRM": (0, 1),
        "mrEMVI": (0, 1),
        "pCR": (0, 1),
    }
)
"""Field -> its words, from the lowest score to the highest."""

SCORE_CORRELATIONS: Mapping[tuple[str, str], float] = MappingProxyType(
    {
        ("mrTD", "mrEMVI"): 0.62,
        ("mrCRM", "mrEMVI"): 0.39,
        ("mrTD", "mrCRM"): 0.16,
        ("cea", "mrTD"): 0.18,
        ("cea", "mrEMVI"): 0.15,
        ("mrT", "mrCRM"): 0.25,
        ("mrT", "mrEMVI"): 0.15,
        ("mrT", "pCR"): -0.20,
        ("mrN", "pCR"): -0.10,
        ("mrTD", "pCR"): -0.15,
        ("mrEMVI", "pCR"): -0.15,
    }
)
"""Correlation of the normal scores within a node status; pairs not listed are independent.

Chosen to give phi coefficients of 0.40 (deposits and vascular invasion), 0.25 (margin and vascular
invasion) and 0.10 (deposits with margin and with CEA), which the published pairs of uni- and
multivariable hazard ratios require. Those with mrT and pCR are plausible, not published.
"""

T1_T2_T3_SHARES = (0.03, 0.22, 0.75)
"""Of the patients below T4. An assumption: Table 1 prints T1 to T3 as one."""
N0_N1_SHARES = (0.55, 0.45)
"""Of the patients below N2. An assumption: Table 1 prints N0 and N1 as one."""
COMPLETE_RESPONSE_SHARES = MappingProxyType({False: 0.18, True: 0.10})
"""Node status -> pathological complete responses. An assumption: the paper prints none."""
RESPONSE_UNKNOWN_SHARE = 0.10
"""Patients without a pathology report. An assumption."""

AGE_RANGE_YEARS = (18.0, 95.0)
"""Adults; a large cohort's extreme ages are moved here."""

DFS_NODE_HAZARD_RATIO = 3.3
OS_NODE_HAZARD_RATIO = 2.9
"""Of a positive consensus, given the other factors.

Set so that, alone in a Cox model, it comes near 3.5: the published consensus has 4.31 and 3.47, the
published model 2.69 and 2.88.
"""


class Shares(NamedTuple):
    """How a factor is distributed among the patients of one node status."""

    words: tuple[float, ...]
    """Fraction of the known patients per word, in the order of WORDS; adds up to 1."""
    unknown: float = 0.0
    """Fraction of the patients whose value is unknown."""


def draw_clinical(
    *,
    case_ids: Sequence[str],
    centres: Sequence[str],
    positive: NDArray[np.bool_],
    rng: np.random.Generator,
) -> tuple[ClinicalRow, ...]:
    """Draw the clinical table of a cohort.

    Args:
        case_ids: the patients.
        centres: the centre of each; it influences nothing.
        positive: the consensus node status of each, shape (n,).
        rng: the source of every draw.

    Returns:
        One row a patient, in the order given. Times are in months. CEA is unknown in about 0.4 %
        and pCR in about 10 %. No patients give no rows; one node status may be absent.

    Raises:
        ValueError: `case_ids`, `centres` and `positive` differ in length.
    """
    if not len(case_ids) == len(centres) == positive.size:
        raise ValueError("case_ids, centres and positive must have the same length")
    levels, age_years = _draw_factors(positive, rng=rng)
    outcome = draw_survival(
        dfs_log_hazard=_log_hazard(
            levels, positive, ratios=DFS_HAZARD_RATIOS, node_ratio=DFS_NODE_HAZARD_RATIO
        ),
        os_log_hazard=_log_hazard(
            levels, positive, ratios=OS_HAZARD_RATIOS, node_ratio=OS_NODE_HAZARD_RATIO
        ),
        strata=positive,
        rng=rng,
    )
    columns = _columns(levels, age_years=age_years, outcome=outcome)
    columns |= {"case_id": list(case_ids), "centre": list(centres)}
    rows = zip(*columns.values(), strict=True)
    return tuple(ClinicalRow.model_validate(dict(zip(columns, row, strict=True))) for row in rows)


def score_correlation() -> NDArray[np.float64]:
    """The correlation matrix of the normal scores, fields in the order of WORDS, shape (9, 9)."""
    fields = list(WORDS)
    matrix = np.eye(len(fields))
    for (one, other), rho in SCORE_CORRELATIONS.items():
        row, column = fields.index(one), fields.index(other)
        matrix[row, column] = matrix[column, row] = rho
    return matrix


def shares_of(column: Table1Column, *, positive: bool) -> dict[str, Shares]:
    """The distribution of every factor for one column of Table 1."""
    return {
        "sex": _binary(column.female / column.patients),
        "cea": _binary(
            column.cea_abnormal / column.cea_known, unknown=1.0 - column.cea_known / column.patients
        ),
        "location": Shares(
            (
                column.location_low / column.patients,
                column.location_middle / column.patients,
                column.location_high / column.patients,
            )
        ),
        "mrT": _topped(T1_T2_T3_SHARES, top=column.mrT4 / column.patients),
        "mrN": _topped(N0_N1_SHARES, top=column.mrN2 / column.patients),
        "mrTD": _binary(column.mrTD / column.patients),
        "mrCRM": _binary(column.mrCRM / column.patients),
        "mrEMVI": _binary(column.mrEMVI / column.patients),
        "pCR": _binary(COMPLETE_RESPONSE_SHARES[positive], unknown=RESPONSE_UNKNOWN_SHARE),
    }


def _binary(share: float, *, unknown: float = 0.0) -> Shares:
    """A factor which `share` of the patients have."""
    return Shares((1.0 - share, share), unknown)


def _topped(below: tuple[float, ...], *, top: float) -> Shares:
    """A stage of which the highest is published and the rest is split as `below`."""
    return Shares((*(share * (1.0 - top) for share in below), top))


def _draw_factors(
    positive: NDArray[np.bool_], *, rng: np.random.Generator
) -> tuple[Levels, NDArray[np.float64]]:
    """The levels of every factor and the ages (years), each node status drawn by itself."""
    levels = {field: np.full(positive.size, UNKNOWN, dtype=np.int64) for field in WORDS}
    age_years = np.empty(positive.size, dtype=np.float64)
    for status, column in ((False, NEGATIVE), (True, POSITIVE)):
        members = np.flatnonzero(positive == status)
        age_years[members] = _ages_years(members.size, column=column, rng=rng)
        scores = rng.multivariate_normal(np.zeros(len(WORDS)), score_correlation(), members.size)
        shares = shares_of(column, positive=status)
        for field, score in zip(WORDS, scores.T, strict=True):
            levels[field][members] = _cut(score, shares=shares[field], rng=rng)
    return levels, age_years


def _ages_years(
    count: int, *, column: Table1Column, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Evenly spaced normal quantiles in random order, with the published mean and deviation."""
    quantiles = ndtri((rng.permutation(count) + 0.5) / max(1, count))
    if count > 1:
        quantiles /= quantiles.std(ddof=1)
    ages = column.age_mean_years + column.age_sd_years * quantiles
    return np.asarray(np.clip(ages, *AGE_RANGE_YEARS).round(1), dtype=np.float64)


def _cut(
    scores: NDArray[np.float64], *, shares: Shares, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Rank the known patients and give each word its share of them, lowest scores first."""
    order = rng.permutation(scores.size)
    known = order[_nearest(shares.unknown * scores.size) :]
    levels = np.full(scores.size, UNKNOWN, dtype=np.int64)
    ends = [_nearest(total * known.size) for total in itertools.accumulate(shares.words[:-1])]
    ranks = scores[known].argsort().argsort()
    levels[known] = np.searchsorted(ends, ranks, side="right")
    return levels


def _nearest(count: float) -> int:
    """The nearest integer, halves upwards."""
    return math.floor(count + 0.5)


def _log_hazard(
    levels: Levels, positive: NDArray[np.bool_], *, ratios: Mapping[str, float], node_ratio: float
) -> NDArray[np.float64]:
    """The log hazard of each patient against a negative one without any factor, shape (n,).

    An unknown value counts as the reference level, which is the commoner one.
    """
    effects = [math.log(ratio) * (levels[field] == 1) for field, ratio in ratios.items()]
    return np.asarray(sum(effects) + math.log(node_ratio) * positive, dtype=np.float64)


def _columns(
    levels: Levels, *, age_years: NDArray[np.float64], outcome: Survival
) -> dict[str, list[str | int | float | None]]:
    """The fields of the clinical rows, but for the names of case and centre."""
    words: dict[str, list[str | int | float | None]] = {
        field: [None if level == UNKNOWN else WORDS[field][level] for level in values]
        for field, values in levels.items()
    }
    numbers = {"age": age_years, **outcome._asdict()}
    return words | {field: values.tolist() for field, values in numbers.items()}
