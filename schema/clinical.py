"""How the clinical columns become covariates and prognosis is analysed: part of a task file."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schema.base import Frozen, Line, Slug
from schema.terms import Region

MODEL_STATUS = "model_status"
"""The covariate that is the model's call, beside those of the clinical table."""
CENTRE = "centre"
"""The subgroups by centre, beside those by covariate."""

Share = Annotated[float, Field(gt=0, lt=1)]
ClinicalColumn = Literal["age", "sex", "cea", "location", "mrT", "mrN", "mrTD", "mrCRM", "mrEMVI"]


class CovariateRules(Frozen):
    """One clinical covariate: a number, or two categories of which one is the reference."""

    id: Slug
    title: Line
    column: ClinicalColumn
    """Of `clinical.csv`."""
    reference: tuple[Line, ...] = ()
    """Values of the reference category; none for a number."""
    reference_label: Line | None = None
    exposed: tuple[Line, ...] = ()
    """Values of the other category."""
    exposed_label: Line | None = None

    @model_validator(mode="after")
    def _two_categories_or_a_number(self) -> Self:
        parts = (self.reference, self.reference_label, self.exposed, self.exposed_label)
        if len({bool(part) for part in parts}) != 1:
            raise ValueError("give values and labels of both categories, or none for a number")
        if set(self.reference) & set(self.exposed):
            raise ValueError("a value is of the reference or of the other category, not both")
        return self

    @property
    def is_number(self) -> bool:
        """Whether it is used as it stands."""
        return not self.reference


class ClinicalRules(Frozen):
    """What the clinical tables show."""

    covariates: Annotated[tuple[CovariateRules, ...], Field(min_length=1)]
    subgroups: tuple[Slug, ...]
    """Covariates, or `centre`, by which the patients are split."""
    minimum_patients: Annotated[int, Field(ge=1)]
    """A subgroup of fewer is named, and its figures are not computed."""
    region_groups: tuple[tuple[Region, ...], ...]
    """Regions of the dominant node whose patients are compared."""
    calibration_bins: Annotated[int, Field(ge=2)]
    decision_thresholds: tuple[Share, ...]
    """Probabilities at which the net benefit is told."""

    @model_validator(mode="after")
    def _named_covariates_exist(self) -> Self:
        ids = [each.id for each in self.covariates]
        if len({*ids, MODEL_STATUS, CENTRE}) != len(ids) + 2:
            raise ValueError("covariates must not repeat, nor be model_status or centre")
        if unknown := set(self.subgroups) - {*ids, CENTRE}:
            raise ValueError(f"subgroups names unknown covariates: {sorted(unknown)}")
        return self


class PrognosisRules(Frozen):
    """How survival is analysed, for every outcome."""

    horizons_months: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)]
    """Where survival, AUC and Brier score are told; the last ends the integrated Brier score."""
    truncation_months: Annotated[float, Field(gt=0)]
    """Uno's C counts events before it."""
    entry_p_value: Share
    """A covariate enters the multivariable model with a univariable p value below this."""
    clinically_relevant: tuple[Slug, ...]
    """Covariates that enter whatever their p value."""
    joint_strata: tuple[Slug, ...]
    """Covariates whose categories are crossed with the model's status."""
    events_per_variable: Annotated[float, Field(gt=0)]
    """A multivariable model with fewer is told with a warning."""
    violation_p_value: Share
    """A test of proportional hazards below this is told with a warning."""

    @model_validator(mode="after")
    def _horizons_ascend(self) -> Self:
        if any(later <= earlier for earlier, later in pairwise(self.horizons_months)):
            raise ValueError("horizons_months must ascend")
        return self
