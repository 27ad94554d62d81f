"""Whether the model's probabilities are right, and what acting on them would gain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evaluation.figures.numerals import bare, decimal, percent
from evaluation.sheet import Row, Sheet
from evaluation.tables.cells import (
    INDEX,
    SHARE,
    AnyTask,
    estimate,
    figures_of,
    interval_words,
    style_of,
)
from schema.statistics import CalibrationBin, NetBenefit
from schema.task import Task

OF_PROBABILITIES = ("calibration_slope", "calibration_intercept", "brier")


def calibration_sheet(
    bins: Sequence[CalibrationBin], *, scored: AnyTask, task: Task
) -> Sheet | None:
    """Observed shares by neighbouring probabilities; None without a bin."""
    if not bins:
        return None
    return Sheet(
        id="calibration",
        title="Calibration of the model's probability",
        columns=(
            "Patients",
            f"Observed positive, % ({interval_words(task)})",
            "Mean probability of the model, %",
        ),
        rows=tuple(
            Row(cells=(str(each.n), estimate(each, SHARE), bare(each.mean_probability, SHARE)))
            for each in bins
        ),
        notes=(
            "Each row holds patients of neighbouring probabilities.",
            *_summary(scored, task),
        ),
    )


def _summary(scored: AnyTask, task: Task) -> Iterator[str]:
    figures = figures_of(scored)
    for name in OF_PROBABILITIES:
        found = figures.get((name, "all"))
        if found is not None:
            metric = task.metric(name)
            yield f"{metric.title}: {estimate(found, style_of(metric))}."


def decision_sheet(curve: Sequence[NetBenefit]) -> Sheet | None:
    """Net benefit by threshold; None without a threshold."""
    if not curve:
        return None
    return Sheet(
        id="decision-curve",
        title="Decision curve: net benefit by the probability from which one acts",
        columns=("Threshold", "Acting on nobody", "Acting on everybody", "Acting on the model"),
        rows=tuple(
            Row(cells=(percent(each.threshold, 0), *map(_benefit, _strategies(each))))
            for each in curve
        ),
        notes=(
            (
                "Net benefit = TP/n - FP/n x threshold/(1 - threshold): true positives a patient, "
                "less the false ones at the odds of the threshold (Vickers and Elkin, Med Decis "
                "Making 2006)."
            ),
        ),
    )


def _strategies(each: NetBenefit) -> tuple[float, float, float]:
    return 0.0, each.treat_all, each.model


def _benefit(value: float) -> str:
    return decimal(value, INDEX.decimals)
