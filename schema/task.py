"""A task file: what is asked, how it is scored, and within which limits."""

from __future__ import annotations

import math
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schema.base import Count, Frozen, Line, Millimetres, Prose, Slug, Text, Version
from schema.clinical import MODEL_STATUS, ClinicalRules, PrognosisRules
from schema.label import LabelMap
from schema.terms import Direction, Outcome, Status, TaskId


class Unit(StrEnum):
    """Unit of a figure."""

    FRACTION = "fraction"
    """0 to 1, shown as a percentage."""
    ONE = "one"
    """Dimensionless."""
    MILLIMETRE = "mm"
    RATIO = "ratio"
    """A hazard ratio; 1 means no effect."""


class IntervalMethod(StrEnum):
    """How a figure's 95 % interval is made."""

    WILSON = "wilson"
    BOOTSTRAP = "bootstrap"
    """Percentile interval over resampled patients, within centres."""
    ASYMPTOTIC = "asymptotic"
    WALD = "wald"
    NONE = "none"
    """A figure that has no interval, such as a p value."""


class EmptyOutcome(Frozen):
    """What a per-case figure is when a mask is empty: a value, or a status and no value."""

    value: float | None = None
    status: Status = Status.OK

    @model_validator(mode="after")
    def _value_or_status(self) -> Self:
        if (self.value is None) == (self.status is Status.OK):
            raise ValueError("give either a value, or a status other than ok")
        return self


class EmptyPolicy(Frozen):
    """The table (reference empty?, prediction empty?) -> value or status."""

    both_empty: EmptyOutcome
    prediction_empty: EmptyOutcome
    """The reference is not empty, the prediction is."""
    reference_empty: EmptyOutcome
    """The reference is empty, the prediction is not."""


class Metric(Frozen):
    """One figure: its one definition."""

    id: Slug
    title: Line
    unit: Unit
    direction: Direction
    minimum: float | None = None
    """Smallest possible value; None when unbounded."""
    maximum: float | None = None
    worst: float | None = None
    """What a missing or invalid case, or a figure without a value, counts as."""
    interval: IntervalMethod
    decimals: Annotated[int, Field(ge=0, le=6)]
    """Digits shown after the point, in the unit shown (per cent for a fraction)."""
    definition: Prose
    """Formula, and what happens on empty or missing input."""
    source: Line
    empty: EmptyPolicy | None = None
    """Only for figures of masks."""

    @model_validator(mode="after")
    def _ranked_metrics_have_a_worst(self) -> Self:
        if (self.worst is None) != (self.direction is Direction.NONE):
            raise ValueError("a metric with a direction needs a worst value, one without has none")
        return self

    @model_validator(mode="after")
    def _worst_is_possible(self) -> Self:
        low = -math.inf if self.minimum is None else self.minimum
        high = math.inf if self.maximum is None else self.maximum
        if low >= high:
            raise ValueError("minimum must be below maximum")
        if self.worst is not None and not low <= self.worst <= high:
            raise ValueError("worst must be from minimum to maximum")
        return self


class Scheme(StrEnum):
    """How figures of patients become ranks of entries; formulas: `leaderboard/RANKING.md`."""

    RANK_THEN_MEAN = "rank_then_mean"
    """Ranks within each patient, their mean over patients, then over keys, and the ranks of these.

    A key that is no mean over patients (a pooled share, an area) is ranked once over the cohort.
    """
    RANK_THEN_MEDIAN = "rank_then_median"
    """The same with the median over patients."""
    MEAN_THEN_RANK = "mean_then_rank"
    """The figures of the board, ranked; over several keys the mean of these ranks."""
    MEDIAN_THEN_RANK = "median_then_rank"
    """The same with the median over patients in place of their mean."""
    TEST_THEN_RANK = "test_then_rank"
    """The share of the other entries that an entry beats significantly, mean over keys."""
    PRIMARY_KEY = "primary_key"
    """The first key's figure alone."""


class Ranking(Frozen):
    """What the board is ordered by, settled before it opens."""

    scheme: Scheme
    """Gives the ranks of the board."""
    alternatives: tuple[Scheme, ...] = ()
    """Shown beside it: how much the order owes to the scheme."""
    keys: Annotated[tuple[Slug, ...], Field(min_length=1)]
    """Metric ids; the first is primary: tie letters and the difference to the first are of it."""
    scopes: Annotated[tuple[Slug, ...], Field(min_length=1)]
    """The scope of each key, same order."""
    compared: tuple[Slug, ...] = ()
    """Metric ids that entries are compared by in pairs as well, and not ranked by."""
    compared_scopes: tuple[Slug, ...] = ()
    """The scope of each, same order."""
    minimum_coverage: Annotated[float, Field(ge=0, le=1)]
    """Least share of cases with a valid answer; below it an entry is shown without a rank."""
    alpha: Annotated[float, Field(gt=0, lt=0.5)]
    """Of the tests of pairs, after Holm."""

    @model_validator(mode="after")
    def _same_length(self) -> Self:
        if len(self.keys) != len(self.scopes):
            raise ValueError("ranking needs one scope for each key")
        if len(self.compared) != len(self.compared_scopes):
            raise ValueError("ranking needs one scope for each metric that is compared")
        return self

    @model_validator(mode="after")
    def _nothing_twice(self) -> Self:
        named = (*self.ranked_figures, *self.compared_figures)
        if len(set(named)) != len(named):
            raise ValueError("ranking must not name a metric and scope twice")
        if len(set(self.schemes)) != len(self.schemes):
            raise ValueError("ranking must not name a scheme twice")
        return self

    @property
    def ranked_figures(self) -> tuple[tuple[str, str], ...]:
        """Metric and scope of each key, the primary one first."""
        return tuple(zip(self.keys, self.scopes, strict=True))

    @property
    def compared_figures(self) -> tuple[tuple[str, str], ...]:
        """Metric and scope of what pairs are compared by as well."""
        return tuple(zip(self.compared, self.compared_scopes, strict=True))

    @property
    def schemes(self) -> tuple[Scheme, ...]:
        """The board's scheme, then the alternatives."""
        return (self.scheme, *self.alternatives)


class Limits(Frozen):
    """What a submission's container may use."""

    seconds_per_case: Annotated[int, Field(gt=0)]
    memory_mib: Annotated[int, Field(gt=0)]
    shared_memory_mib: Annotated[int, Field(gt=0)]
    cpus: Annotated[int, Field(gt=0)]
    processes: Annotated[int, Field(gt=0)]
    gpus: Count
    output_mib: Annotated[int, Field(gt=0)]
    """Of all output files together, per case."""


class GridTolerance(Frozen):
    """How far a prediction's grid may depart from its image's and still be the same grid."""

    spacing_mm: Annotated[float, Field(gt=0)]
    origin_mm: Annotated[float, Field(gt=0)]
    direction: Annotated[float, Field(gt=0)]
    """Of any direction cosine."""
    form_gap_mm: Annotated[float, Field(gt=0)]
    """Between a corner placed by the qform and by the sform of one header."""


VoxelType = Literal["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]


class MaskRules(Frozen):
    """What a mask file must look like."""

    voxel_types: Annotated[tuple[VoxelType, ...], Field(min_length=1)]
    """numpy names of the integer types a mask may be stored in."""
    tolerance: GridTolerance
    surface_tolerance_mm: Millimetres
    """How far two surfaces may lie apart and still agree."""


class NodeRules(Frozen):
    """How nodes are told apart, measured, placed and matched."""

    connectivity: Literal[6, 18, 26]
    """Voxel neighbourhood of one node: by faces, by edges too, by corners too."""
    reach_mm: Millimetres
    """A node that touches no compartment belongs to the nearest one within this distance."""
    matching_iou: Annotated[float, Field(gt=0, lt=1)]
    """Least overlap (intersection over union) of a matched pair."""
    froc_false_alarms: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)]
    """False alarms a patient at which the sensitivities of the FROC are averaged."""

    @model_validator(mode="after")
    def _false_alarms_ascend(self) -> Self:
        if any(later <= earlier for earlier, later in pairwise(self.froc_false_alarms)):
            raise ValueError("froc_false_alarms must ascend")
        return self


class PositivityRules(Frozen):
    """When a node is called positive."""

    short_axis_mm: Millimetres
    """Positive at or above this short axis."""
    malignant_features: Annotated[int, Field(ge=1)]
    """Positive below it with at least this many malignant features."""


class OutcomeRules(Frozen):
    """How one time-to-event outcome is reported."""

    outcome: Outcome
    title: Line
    horizon_months: Annotated[float, Field(gt=0)]
    """Where the survival probability is quoted."""
    minimum_events: Annotated[int, Field(ge=1)]
    """Fewer events than this and no hazard ratio is computed."""


class Resampling(Frozen):
    """The patient bootstrap."""

    resamples: Annotated[int, Field(ge=100)]
    seed: Count
    level: Annotated[float, Field(gt=0.5, lt=1)]


class Task(Frozen):
    """Everything about one task; the code repeats none of it."""

    id: TaskId
    version: Version
    title: Line
    question: Text
    output: Line
    """Where a submission puts its answer; `{case_id}` stands for the case."""
    label_map: LabelMap | None = None
    mask: MaskRules | None = None
    nodes: NodeRules | None = None
    positivity: PositivityRules | None = None
    outcomes: tuple[OutcomeRules, ...] = ()
    clinical: ClinicalRules | None = None
    prognosis: PrognosisRules | None = None
    metrics: Annotated[tuple[Metric, ...], Field(min_length=1)]
    ranking: Ranking
    resampling: Resampling
    limits: Limits

    @model_validator(mode="after")
    def _masks_have_labels(self) -> Self:
        if (self.label_map is None) != (self.mask is None):
            raise ValueError("a mask task needs label_map and mask, a table task neither")
        if self.mask is not None and "{case_id}" not in self.output:
            raise ValueError("output of a mask task needs {case_id}: there is one mask a case")
        return self

    @model_validator(mode="after")
    def _rules_are_those_of_the_task(self) -> Self:
        for task, rules in ((TaskId.NODES, self.nodes), (TaskId.POSITIVITY, self.positivity)):
            if (self.id is task) != (rules is not None):
                raise ValueError(f"the task {task.value} has a [{task.value}] table, no other has")
        return self

    @model_validator(mode="after")
    def _prognosis_is_of_the_clinical_covariates(self) -> Self:
        if (self.clinical is None) != (self.prognosis is None):
            raise ValueError("a task has both a [clinical] and a [prognosis] table, or neither")
        if self.clinical is None or self.prognosis is None:
            return self
        named = {*self.prognosis.clinically_relevant, *self.prognosis.joint_strata}
        known = {MODEL_STATUS, *(each.id for each in self.clinical.covariates)}
        if unknown := named - known:
            raise ValueError(f"prognosis names unknown covariates: {sorted(unknown)}")
        return self

    @model_validator(mode="after")
    def _outcomes_are_unique(self) -> Self:
        if len({rules.outcome for rules in self.outcomes}) != len(self.outcomes):
            raise ValueError("outcomes must not repeat")
        return self

    @model_validator(mode="after")
    def _metrics_are_unique_and_ranked_ones_exist(self) -> Self:
        ids = [metric.id for metric in self.metrics]
        if len(set(ids)) != len(ids):
            raise ValueError("metric ids must be unique")
        named = {*self.ranking.keys, *self.ranking.compared}
        if unknown := named - set(ids):
            raise ValueError(f"ranking names unknown metrics: {sorted(unknown)}")
        descriptive = {metric.id for metric in self.metrics if metric.direction is Direction.NONE}
        if undirected := named & descriptive:
            raise ValueError(f"ranking names metrics without a direction: {sorted(undirected)}")
        return self

    def metric(self, metric_id: str) -> Metric:
        """The metric of that id.

        Raises:
            KeyError: the task has no such metric.
        """
        for metric in self.metrics:
            if metric.id == metric_id:
                return metric
        raise KeyError(metric_id)
