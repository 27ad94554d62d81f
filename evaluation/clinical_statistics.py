"""The tables of the clinical report: baseline, Cox, Kaplan-Meier, calibration, subgroups."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from evaluation import baseline_table, bland_altman, calibration, classification, delong
from evaluation.case_values import estimated, figure
from evaluation.covariates import Covariate, clinical_covariates, status_covariate
from evaluation.cox_tables import Patients, added_value, cox_table, fit_model, model_ratio
from evaluation.groupings import (
    Split,
    grouping,
    joint_split,
    place_split,
    status_split,
)
from evaluation.intervals import Estimate, no_estimate
from evaluation.positivity import MODEL, Answers, size_classes, threshold_mm
from evaluation.prognosis import CONSENSUS, GRID_MONTHS, FollowUp, follow_up, statuses
from evaluation.rater_figures import reader_range
from schema.clinical import CENTRE, ClinicalRules, PrognosisRules
from schema.cohort import DominantNode
from schema.figure import Figure
from schema.statistics import (
    AddedValue,
    BaselineRow,
    BaselineTable,
    CalibrationBin,
    CoxTable,
    LimitsOfAgreement,
    NetBenefit,
    Spread,
    Statistics,
    Subgroup,
    SurvivalGrouping,
)
from schema.task import OutcomeRules, Task
from schema.terms import Status

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Weights = NDArray[np.int32]


def clinical_rules(task: Task) -> tuple[ClinicalRules, PrognosisRules]:
    """The two tables of the task file that this module obeys."""
    assert task.clinical is not None, "the positivity task file has a [clinical] table"
    assert task.prognosis is not None, "the positivity task file has a [prognosis] table"
    return task.clinical, task.prognosis


def statistics(answers: Answers, *, task: Task, weights: Weights) -> Statistics:
    """Every table.

    Args:
        answers: of the whole manifest.
        task: the positivity task.
        weights: patient resamples, shape (resamples, patients).
    """
    rules, _ = clinical_rules(task)
    covariates = clinical_covariates(answers.clinical, rules=rules.covariates)
    level = task.resampling.level
    followed = [
        (outcome, data)
        for outcome in task.outcomes
        for data in [follow_up(answers, outcome)]
        if data.known.any()
    ]
    prognosis = [
        _prognosis(answers, covariates, outcome, data, task=task, weights=weights)
        for outcome, data in followed
    ]
    return Statistics(
        baseline=_baseline(answers, covariates),
        cox=tuple(table for table, _ in prognosis),
        added_value=tuple(added for _, added in prognosis),
        groupings=tuple(
            each
            for outcome, data in followed
            for each in _groupings(answers, covariates, outcome, data, task=task)
        ),
        reader_range=reader_range(answers, weights=weights, level=level),
        calibration=_calibration(answers, bins=rules.calibration_bins, level=level),
        decision_curve=_decision_curve(answers, thresholds=rules.decision_thresholds),
        subgroups=tuple(_subgroups(answers, covariates, task=task)),
    )


def _prognosis(
    answers: Answers,
    covariates: Sequence[Covariate],
    outcome: OutcomeRules,
    data: FollowUp,
    *,
    task: Task,
    weights: Weights,
) -> tuple[CoxTable, AddedValue]:
    _, rules = clinical_rules(task)
    level = task.resampling.level
    patients = Patients(data.time_months, data.event)
    called = statuses(answers, data)[MODEL]
    mine = [*(each.of(data.known) for each in covariates), status_covariate(called)]
    table = cox_table(patients, mine, outcome=outcome, rules=rules, level=level)
    added = added_value(
        patients,
        mine,
        entered=[row.covariate for row in table.multivariable],
        outcome=outcome,
        weights=weights.compress(data.known, axis=1),
        level=level,
    )
    return table, added


def _groupings(
    answers: Answers,
    covariates: Sequence[Covariate],
    outcome: OutcomeRules,
    data: FollowUp,
    *,
    task: Task,
) -> Iterable[SurvivalGrouping]:
    _, rules = clinical_rules(task)
    for split in _splits(answers, covariates, data, task=task):
        yield grouping(
            Patients(data.time_months, data.event),
            split,
            outcome=outcome.outcome,
            months=GRID_MONTHS,
            horizons_months=rules.horizons_months,
            level=task.resampling.level,
        )


def _splits(
    answers: Answers, covariates: Sequence[Covariate], data: FollowUp, *, task: Task
) -> Iterable[Split]:
    clinical, prognosis = clinical_rules(task)
    status = statuses(answers, data)
    rows = [row for row, known in zip(answers.prediction, data.known, strict=True) if known]
    yield status_split("model", "LLN status, model", status[MODEL])
    yield status_split("consensus", "LLN status, consensus", status[CONSENSUS])
    yield place_split(
        "region",
        "Region of the dominant node, model",
        [" and ".join(group) for group in clinical.region_groups],
        called=status[MODEL],
        places=[_region_group(row, rules=clinical) for row in rows],
        first=0,
    )
    yield place_split(
        "size",
        "Short axis of the dominant node, model",
        size_classes(task),
        called=status[MODEL],
        places=[_size_group(row, task=task) for row in rows],
        first=1,
    )
    for each in covariates:
        if each.id in prognosis.joint_strata:
            yield joint_split(each.of(data.known), status[MODEL])


def _region_group(row: DominantNode | None, *, rules: ClinicalRules) -> int | None:
    if row is None or row.region is None:
        return None
    found = [place for place, group in enumerate(rules.region_groups) if row.region in group]
    return found[0] if found else None


def _size_group(row: DominantNode | None, *, task: Task) -> int | None:
    if row is None or row.short_axis_mm is None:
        return None
    return int(row.short_axis_mm >= threshold_mm(task))


def _baseline(answers: Answers, covariates: Sequence[Covariate]) -> BaselineTable | None:
    """Table 1: the patients by the model's call; None without a clinical row."""
    if not any(row is not None for row in answers.clinical):
        return None
    called = answers.called(against=answers.positive)
    groups = (~called & ~answers.failed, called & ~answers.failed)
    return BaselineTable(
        groups=("LLN negative", "LLN positive"),
        sizes=tuple(int(group.sum()) for group in groups),
        left_out=int(answers.failed.sum()),
        rows=tuple(_baseline_row(each, groups) for each in covariates),
    )


def _baseline_row(covariate: Covariate, groups: Sequence[Bools]) -> BaselineRow:
    values = [covariate.values[group & covariate.known] for group in groups]
    counts = np.array([[int((each == code).sum()) for each in values] for code in (0, 1)])
    found = (
        baseline_table.compare_counts(counts)
        if covariate.levels
        else baseline_table.compare_means(values[0], values[1])
    )
    return BaselineRow(
        covariate=covariate.id,
        title=covariate.title,
        levels=covariate.levels,
        counts=tuple(tuple(map(int, row)) for row in counts) if covariate.levels else (),
        spreads=() if covariate.levels else tuple(map(_spread, values)),
        missing=tuple(int((group & ~covariate.known).sum()) for group in groups),
        p_value=found.p_value,
        test=found.test,
        standardised_difference=found.difference,
    )


def _spread(values: Floats) -> Spread:
    if not values.size:
        return Spread(
            n=0,
            mean=None,
            standard_deviation=None,
            median=None,
            low_quartile=None,
            high_quartile=None,
        )
    low, middle, high = (float(each) for each in np.quantile(values, [0.25, 0.5, 0.75]))
    return Spread(
        n=values.size,
        mean=float(values.mean()),
        standard_deviation=float(values.std(ddof=1)) if values.size > 1 else None,
        median=middle,
        low_quartile=low,
        high_quartile=high,
    )


def _calibration(answers: Answers, *, bins: int, level: float) -> tuple[CalibrationBin, ...]:
    found = calibration.calibration_bins(
        answers.positive, answers.probability, bins=bins, level=level
    )
    return tuple(
        CalibrationBin(**dict(estimated(each.observed)), mean_probability=each.mean_probability)
        for each in found
    )


def _decision_curve(answers: Answers, *, thresholds: Sequence[float]) -> tuple[NetBenefit, ...]:
    found = calibration.decision_curve(answers.positive, answers.probability, thresholds=thresholds)
    return tuple(NetBenefit(**each._asdict()) for each in found)


def dominant_short_axis(answers: Answers, *, level: float) -> LimitsOfAgreement:
    """Bland-Altman of the dominant nodes' short axes, of patients positive on both sides."""
    pairs = [
        (reference.short_axis_mm, prediction.short_axis_mm)
        for reference, prediction in zip(answers.reference, answers.prediction, strict=True)
        if prediction is not None
        and reference.short_axis_mm is not None
        and prediction.short_axis_mm is not None
    ]
    return short_axis_limits(pairs, scope="dominant", level=level)


def short_axis_limits(
    pairs: Sequence[tuple[float, float]], *, scope: str, level: float
) -> LimitsOfAgreement:
    """Bland-Altman of (reference, prediction) pairs of short axes in mm."""
    columns = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    found = bland_altman.limits_of_agreement(columns[:, 0], columns[:, 1], level=level)
    bias, lower, upper = map(estimated, found)
    return LimitsOfAgreement(scope=scope, bias=bias, lower=lower, upper=upper)


def _subgroups(
    answers: Answers, covariates: Sequence[Covariate], *, task: Task
) -> Iterable[Subgroup]:
    rules, _ = clinical_rules(task)
    for dimension in rules.subgroups:
        for title, level, members in _levels(answers, covariates, dimension):
            yield Subgroup(
                dimension=dimension,
                title=title,
                level=level,
                n=int(members.sum()),
                positives=int((answers.positive & members).sum()),
                figures=tuple(_subgroup_figures(answers, members, task=task)),
            )


def _levels(
    answers: Answers, covariates: Sequence[Covariate], dimension: str
) -> Iterable[tuple[str, str, Bools]]:
    """Title, level and members of each subgroup of a dimension."""
    if dimension == CENTRE:
        centres = np.array([row.centre if row else "" for row in answers.clinical])
        for name in np.unique(centres[centres != ""]):
            yield "Centre", str(name), np.asarray(centres == name, dtype=bool)
    for each in covariates:
        if each.id == dimension:
            for code, level in enumerate(each.levels):
                yield each.title, level, np.asarray(each.values == code, dtype=bool)


def _subgroup_figures(answers: Answers, members: Bools, *, task: Task) -> Iterable[Figure]:
    rules, _ = clinical_rules(task)
    level, n = task.resampling.level, int(members.sum())
    few = n < rules.minimum_patients
    missing = no_estimate(
        f"{n} patients, fewer than {rules.minimum_patients}", n=n, status=Status.TOO_FEW
    )
    reference = answers.positive[members]
    table = classification.counts(reference, answers.called(against=answers.positive)[members])
    for metric in ("accuracy", "sensitivity", "specificity"):
        found = classification.PROPORTIONS[metric](table, level=level)
        yield figure(metric, "all", missing if few else found)
    area = delong.auroc_delong(reference, answers.probability[members], level=level)
    yield figure("auroc_delong", "all", missing if few else area)
    for outcome in task.outcomes:
        ratio, p_value = _subgroup_ratio(answers, members, outcome, level=level)
        yield figure(
            f"{outcome.outcome.value}_hazard_ratio",
            MODEL,
            missing if few else ratio,
            p_value=None if few else p_value,
        )


def _subgroup_ratio(
    answers: Answers, members: Bools, outcome: OutcomeRules, *, level: float
) -> tuple[Estimate, float | None]:
    data = follow_up(answers, outcome)
    mine = members[data.known]
    patients = Patients(data.time_months, data.event).of(mine)
    called = status_covariate(statuses(answers, data)[MODEL][mine])
    model = fit_model(patients, [called], minimum_events=outcome.minimum_events)
    found = model_ratio(model, 0, level=level)
    return found.estimate, found.p_value
