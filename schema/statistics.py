"""The tables of the clinical report, as computed: aggregates only, no patient."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schema.base import Count, Frozen, Line, Months, Probability, Slug
from schema.figure import Estimated, Figure, Valued
from schema.terms import Outcome

Positive = Annotated[float, Field(ge=0)]


class HazardRow(Estimated):
    """One covariate's hazard ratio, a row of a Cox model; above 1 means worse."""

    covariate: Slug
    title: Line
    contrast: Line
    """Which category against which, or of what unit."""
    events: Count
    p_value: Probability | None = None
    """Wald's."""
    proportional_p_value: Probability | None = None
    """Of the test that the ratio does not change with time; None with the penalty."""
    penalised: bool = False
    """Firth's penalty was needed: the likelihood has no finite maximum."""

    @model_validator(mode="after")
    def _p_value_is_of_a_ratio(self) -> Self:
        of_ratio = (self.p_value, self.proportional_p_value)
        if self.value is None and any(each is not None for each in of_ratio):
            raise ValueError("without a hazard ratio no p value")
        return self


class CoxTable(Frozen):
    """Univariable and multivariable Cox models of one outcome."""

    outcome: Outcome
    univariable: tuple[HazardRow, ...]
    """Each covariate alone, in the patients in whom it is known."""
    multivariable: tuple[HazardRow, ...]
    """Those that entered, together, in the patients in whom all of them are known."""
    n: Count
    """Patients of the multivariable model."""
    events: Count
    left_out: Count
    """Patients with this outcome of whom a covariate of the multivariable model is not known."""
    events_per_variable: Positive | None
    proportional_p_value: Probability | None
    """Of the multivariable model as a whole."""
    warnings: tuple[Line, ...]

    @model_validator(mode="after")
    def _events_are_of_patients(self) -> Self:
        if self.events > self.n:
            raise ValueError("a model has no more events than patients")
        return self


class AddedValue(Estimated):
    """What the model's status adds to the clinical covariates: the gain in Harrell's C."""

    outcome: Outcome
    covariates: tuple[Slug, ...]
    """The clinical covariates that entered the multivariable model."""
    c_without: Probability | None
    c_with: Probability | None
    likelihood_ratio: Positive | None
    """Chi-square with one degree of freedom."""
    p_value: Probability | None


class GroupSurvival(Frozen):
    """Kaplan-Meier survival of one group, on the months of its grouping; no curve of nobody."""

    label: Line
    n: Count
    events: Count
    median_follow_up_months: Months | None
    """Reverse Kaplan-Meier; None when fewer than half are censored."""
    survival: tuple[Probability, ...]
    low: tuple[Probability, ...]
    high: tuple[Probability, ...]
    at_risk: tuple[Count, ...]
    at_horizons: tuple[Estimated, ...]
    """Survival at each horizon of the grouping."""

    @model_validator(mode="after")
    def _columns_are_of_one_length(self) -> Self:
        columns = (self.survival, self.low, self.high, self.at_risk)
        if len({len(column) for column in columns}) != 1:
            raise ValueError("every column of a group has the same length")
        if self.events > self.n:
            raise ValueError("a group has no more events than patients")
        return self


class GroupComparison(Estimated):
    """Two groups: the log-rank hazard ratio of the first against the second.

    (O1/E1) / (O2/E2), interval exp(ln HR ± z sqrt(1/E1 + 1/E2)).
    """

    first: Line
    second: Line
    p_value: Probability | None
    """Of the log-rank test."""
    observed: tuple[Count, Count]
    expected: tuple[Positive, Positive]


class SurvivalGrouping(Frozen):
    """Patients split by one thing, for one outcome."""

    id: Slug
    title: Line
    outcome: Outcome
    months: tuple[Months, ...]
    horizons_months: tuple[Months, ...]
    groups: tuple[GroupSurvival, ...]
    comparisons: tuple[GroupComparison, ...]
    p_value: Probability | None
    """Of the log-rank test of all groups."""
    median_follow_up_months: Months | None
    left_out: Count
    """Patients with this outcome who belong to no group: something of them is not known."""

    @model_validator(mode="after")
    def _groups_fit(self) -> Self:
        for group in self.groups:
            if len(group.survival) != len(self.months) * bool(group.n):
                raise ValueError("a group has one survival a month of its grouping")
            if len(group.at_horizons) != len(self.horizons_months):
                raise ValueError("a group has one survival a horizon of its grouping")
        return self


class Spread(Frozen):
    """A number's distribution in one group."""

    n: Count
    mean: float | None
    standard_deviation: Positive | None
    median: float | None
    low_quartile: float | None
    high_quartile: float | None


class BaselineRow(Frozen):
    """One covariate in both groups: a spread for each, or counts by level."""

    covariate: Slug
    title: Line
    levels: tuple[Line, ...] = ()
    counts: tuple[tuple[Count, ...], ...] = ()
    """Of each level, one count a group."""
    spreads: tuple[Spread, ...] = ()
    """One a group, of a number."""
    missing: tuple[Count, ...]
    """Patients of each group in whom it is not known."""
    p_value: Probability | None
    test: Line
    """Name of the test, or why there is none."""
    standardised_difference: float | None

    @model_validator(mode="after")
    def _counts_or_spreads(self) -> Self:
        if bool(self.counts) == bool(self.spreads) or len(self.counts) != len(self.levels):
            raise ValueError("a row has counts, one a level, or spreads")
        columns = [len(row) for row in self.counts] or [len(self.spreads)]
        if any(each != len(self.missing) for each in columns):
            raise ValueError("a row has one entry a group")
        return self


class BaselineTable(Frozen):
    """The patients by the model's status."""

    groups: tuple[Line, ...]
    sizes: tuple[Count, ...]
    left_out: Count
    """Patients whom the model did not answer."""
    rows: tuple[BaselineRow, ...]

    @model_validator(mode="after")
    def _one_size_a_group(self) -> Self:
        if len(self.groups) != len(self.sizes):
            raise ValueError("a baseline table has one size a group")
        if any(len(row.missing) != len(self.groups) for row in self.rows):
            raise ValueError("every row of a baseline table has its groups")
        return self


class CalibrationBin(Estimated):
    """Patients of neighbouring probabilities: the share that is positive."""

    mean_probability: Probability


class NetBenefit(Frozen):
    """At a threshold: acting on the model, and on everybody; acting on nobody is 0."""

    threshold: Annotated[float, Field(gt=0, lt=1)]
    model: float
    treat_all: float


class ReaderRange(Estimated):
    """The model's mean kappa with the readers less the readers' mean kappa with each other."""

    lowest: Annotated[float, Field(ge=-1, le=1)] | None
    """Kappa of the two readers who agree least."""
    highest: Annotated[float, Field(ge=-1, le=1)] | None
    model: Annotated[float, Field(ge=-1, le=1)] | None
    """The model's mean kappa with the readers."""
    verdict: Literal["below", "inside", "above"] | None
    """Where `model` lies to the range of the readers' own kappas."""


class LimitsOfAgreement(Frozen):
    """Bland and Altman's figures of prediction less reference, in mm."""

    scope: Slug
    """`matched` nodes, or `dominant` nodes of patients positive on both sides."""
    bias: Estimated
    lower: Estimated
    upper: Estimated


class Froc(Valued):
    """Free-response ROC of nodes: mean sensitivity at 1/8 to 8 false alarms a patient.

    The value is that of the figure `froc`, which has the interval.
    """

    false_positives_per_case: tuple[Positive, ...] = ()
    sensitivity: tuple[Probability, ...] = ()
    """The highest that a threshold reaches with no more false alarms than that."""

    @model_validator(mode="after")
    def _one_sensitivity_a_point(self) -> Self:
        if len(self.false_positives_per_case) != len(self.sensitivity):
            raise ValueError("a FROC has one sensitivity a point")
        return self


class Subgroup(Frozen):
    """The model in some of the patients, a line of the forest plot."""

    dimension: Slug
    title: Line
    level: Line
    n: Count
    positives: Count
    figures: tuple[Figure, ...]

    @model_validator(mode="after")
    def _positives_are_patients(self) -> Self:
        if self.positives > self.n:
            raise ValueError("a subgroup has no more positives than patients")
        return self


class Statistics(Frozen):
    """Everything behind the tables and curves of the clinical report."""

    baseline: BaselineTable | None
    cox: tuple[CoxTable, ...]
    added_value: tuple[AddedValue, ...]
    groupings: tuple[SurvivalGrouping, ...]
    reader_range: ReaderRange
    calibration: tuple[CalibrationBin, ...]
    decision_curve: tuple[NetBenefit, ...]
    subgroups: tuple[Subgroup, ...]
