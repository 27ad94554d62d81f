"""The clinical table's columns as covariates, coded by the task file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schema.clinical import MODEL_STATUS, CovariateRules
from schema.cohort import ClinicalRow

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


class Covariate(NamedTuple):
    """One covariate of every patient.

    Attributes:
        id: of the task file.
        title: shown.
        levels: names of the reference and of the other category; none for a number.
        values: the number, or 0 and 1; NaN where unknown. Shape (patients,).
    """

    id: str
    title: str
    levels: tuple[str, ...]
    values: Floats

    @property
    def contrast(self) -> str:
        """What the hazard ratio is of."""
        return f"{self.levels[1]} against {self.levels[0]}" if self.levels else "per unit"

    @property
    def known(self) -> Bools:
        """In whom it is known, shape (patients,)."""
        return np.isfinite(self.values)

    def of(self, patients: Bools) -> Covariate:
        """The covariate of some of the patients."""
        return self._replace(values=self.values[patients])


def clinical_covariates(
    rows: Sequence[ClinicalRow | None], *, rules: Sequence[CovariateRules]
) -> tuple[Covariate, ...]:
    """Every covariate of the task file, patients in the order of the rows."""
    return tuple(_covariate(rows, each) for each in rules)


def _covariate(rows: Sequence[ClinicalRow | None], rules: CovariateRules) -> Covariate:
    given = [None if row is None else getattr(row, rules.column) for row in rows]
    labels = (rules.reference_label, rules.exposed_label)
    levels = tuple(label for label in labels if label is not None)
    return Covariate(rules.id, rules.title, levels, np.array([_code(v, rules) for v in given]))


def _code(value: object, rules: CovariateRules) -> float:
    if value is None:
        return np.nan
    if rules.is_number:
        return float(str(value))
    if str(value) in rules.exposed:
        return 1.0
    return 0.0 if str(value) in rules.reference else np.nan


def status_covariate(called: Bools) -> Covariate:
    """The model's call as a covariate, known in every patient."""
    return Covariate(
        MODEL_STATUS, "LLN status, model", ("Negative", "Positive"), called.astype(np.float64)
    )
