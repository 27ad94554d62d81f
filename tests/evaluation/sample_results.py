"""Synthetic results to draw: 480 patients, three readers, nodes, six compartments, two outcomes.

Nothing here was measured. The status counts are the only ones that fit the paper's percentages.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from schema.result import (
    CohortSummary,
    Coverage,
    Figure,
    Interval,
    Matrix,
    PairAgreement,
    Provenance,
    Result,
    SurvivalCurve,
    TaskResult,
)
from schema.submission import SubmissionManifest
from schema.task import IntervalMethod, Metric, Unit
from schema.terms import NodeClass, Outcome, Split, Status, TaskId
from tasks.specification import load_tasks
from tests.evaluation.sample_cases import LABELS, NODE_LABELS, PATIENTS

DIGEST = "sha256:" + "0123456789abcdef" * 4
TYPICAL = {Unit.FRACTION: (0.81, 0.03), Unit.ONE: (0.58, 0.06), Unit.MILLIMETRE: (0.92, 0.11)}
"""Value and half width of the interval where nothing more is said, by unit."""
SAID = {
    ("accuracy", "all"): (420 / 480, 0.842, 0.902),
    ("sensitivity", "all"): (45 / 61, 0.616, 0.832),
    ("specificity", "all"): (375 / 419, 0.862, 0.921),
    ("ppv", "all"): (45 / 89, 0.404, 0.607),
    ("npv", "all"): (375 / 391, 0.935, 0.975),
    ("balanced_accuracy", "all"): (0.8163, 0.757, 0.873),
    ("kappa", "consensus"): (0.529, 0.426, 0.632),
    ("dfs_hazard_ratio", "model"): (2.70, 1.75, 4.15),
    ("dfs_hazard_ratio", "consensus"): (4.31, 2.71, 6.86),
    ("os_hazard_ratio", "model"): (2.87, 1.52, 5.43),
    ("os_hazard_ratio", "consensus"): (3.47, 1.79, 6.74),
    ("dfs_at_horizon", "model_positive"): (0.578, 0.462, 0.684),
    ("dfs_at_horizon", "model_negative"): (0.815, 0.765, 0.861),
    ("os_at_horizon", "model_positive"): (0.616, 0.431, 0.766),
    ("os_at_horizon", "model_negative"): (0.849, 0.781, 0.901),
    ("side_swap", "all"): (2 / 480, 0.0011, 0.0151),
    ("short_axis_bias_mm", "matched"): (-0.21, -0.34, -0.08),
    ("detection_sensitivity", "any"): (0.753, 0.722, 0.782),
    ("detection_precision", "any"): (0.839, 0.811, 0.865),
    ("detection_f1", "any"): (0.794, 0.769, 0.817),
    ("f1", "all"): (90 / 150, 0.503, 0.686),
    ("mcc", "all"): (0.541, 0.438, 0.638),
    ("auroc", "all"): (0.871, 0.823, 0.914),
    ("dice", "macro"): (0.836, 0.824, 0.847),
    ("iou", "macro"): (0.731, 0.717, 0.745),
}
"""Figures that are given, with their interval."""
SCOPES = {
    "dice": (*LABELS, "macro"),
    "iou": (*LABELS, "macro"),
    "kappa": ("consensus", "r1", "r2", "r3"),
    "region_accuracy": ("both_positive", "reference_positive"),
    "size_accuracy": ("both_positive", "reference_positive"),
    "aggregate_dice": (*NODE_LABELS, "any"),
    "c_index": ("probability", "status", "consensus"),
    "hazard_ratio": ("model", "consensus"),
    "at_horizon": ("model_negative", "model_positive", "consensus_negative", "consensus_positive"),
}


def scopes_of(metric: Metric, task: TaskId) -> tuple[str, ...]:
    """The scopes under which the scorer reports a metric."""
    if task is TaskId.NODES:
        if metric.id.startswith("detection"):
            return ("any", "negative", "positive")
        if metric.id.startswith("short_axis") or metric.id == "class_accuracy":
            return ("matched",)
        if metric.id in {"dice", "iou"}:
            return (*NODE_LABELS, "macro")
    return SCOPES.get(metric.id, SCOPES.get(metric.id.partition("_")[2], ("all",)))


def figure(metric: Metric, scope: str, *, n: int = PATIENTS) -> Figure:
    """A figure with a plausible value."""
    centre, half = TYPICAL.get(metric.unit, (1.5, 0.4))
    shift = 0.02 * (sum(map(ord, scope)) % 7)
    near = (centre + shift, centre + shift - half, centre + shift + half)
    value, low, high = SAID.get((metric.id, scope), near)
    return Figure(
        metric=metric.id,
        scope=scope,
        value=value,
        status=Status.OK,
        interval=Interval(low=low, high=high, level=0.95, method=metric.interval),
        n=n,
        p_value=0.0002 if metric.unit is Unit.RATIO else None,
    )


def missing_figure(metric: Metric, scope: str, *, reason: str) -> Figure:
    """A figure that cannot be computed."""
    return Figure(
        metric=metric.id,
        scope=scope,
        value=None,
        status=Status.UNDEFINED,
        reason=reason,
        n=0,
    )


def worst_figure(metric: Metric, scope: str) -> Figure:
    """The worst value, without an interval."""
    return Figure(
        metric=metric.id,
        scope=scope,
        value=metric.worst,
        status=Status.OK,
        interval_reason="every patient has the same value",
        n=PATIENTS,
    )


def all_figures(task_id: TaskId) -> tuple[Figure, ...]:
    """Every figure of a task."""
    task = load_tasks()[task_id]
    return tuple(
        figure(metric, scope) for metric in task.metrics for scope in scopes_of(metric, task_id)
    )


STATUS_MATRIX = Matrix(
    id="status",
    title="Status of the patient",
    rows=("positive", "negative"),
    columns=("positive", "negative"),
    cells=((45, 16), (44, 375)),
)
REGION_MATRIX = Matrix(
    id="region",
    title="Region of the dominant node",
    rows=("EI", "OB", "II", "unstated", "spurious"),
    columns=("EI", "OB", "II", "unstated", "missed"),
    cells=((3, 1, 0, 0, 3), (1, 17, 4, 0, 7), (0, 3, 16, 0, 6), (0,) * 5, (9, 21, 14, 0, 375)),
)
SIZE_MATRIX = Matrix(
    id="size",
    title="Size of the dominant node",
    rows=("< 7 mm", "≥ 7 mm", "unstated", "spurious"),
    columns=("< 7 mm", "≥ 7 mm", "unstated", "missed"),
    cells=((10, 6, 1, 9), (5, 22, 1, 7), (0,) * 4, (25, 19, 0, 375)),
)
NODE_MATRIX = Matrix(
    id="node_class",
    title="Nodes by class",
    rows=("negative", "positive", "spurious"),
    columns=("negative", "positive", "missed"),
    cells=((402, 37, 171), (21, 61, 12), (118, 39, 0)),
)


def agreement() -> tuple[PairAgreement, ...]:
    """Every pair of five raters; one pair that cannot be computed."""
    raters = ("model", "consensus", "R1", "R2", "R3")
    values = (0.529, 0.447, 0.512, 0.641, 0.702, 0.788, 0.913, 0.584, 0.623, None)
    pairs = [(a, b) for i, a in enumerate(raters) for b in raters[i + 1 :]]
    return tuple(
        pair_agreement(*pair, value=value) for pair, value in zip(pairs, values, strict=True)
    )


def pair_agreement(first: str, second: str, *, value: float | None) -> PairAgreement:
    """Agreement of two raters; None when both use one and the same single class."""
    if value is None:
        reason = "both raters use one and the same single class"
        return PairAgreement(
            first=first, second=second, value=None, status=Status.UNDEFINED, reason=reason, n=41
        )
    words = ("slight", "fair", "moderate", "substantial", "almost perfect")
    return PairAgreement(
        first=first,
        second=second,
        value=value,
        status=Status.OK,
        interval=Interval(
            low=value - 0.1,
            high=min(1.0, value + 0.1),
            level=0.95,
            method=IntervalMethod.ASYMPTOTIC,
        ),
        words=words[min(4, int(value * 5))],
        n=PATIENTS,
    )


def curve(outcome: Outcome, scope: str, group: NodeClass, *, n: int, rate: float) -> SurvivalCurve:
    """An exponential curve at a monthly rate, with loss to follow-up."""
    months = tuple(float(month) for month in range(0, 97, 3))
    survival = tuple(math.exp(-rate * month) for month in months)
    at_risk = tuple(
        int(n * math.exp(-(rate + 0.028) * month)) if month < 94 else 0 for month in months
    )
    widths = [
        1.3 * math.sqrt(s * (1 - s) / (1 + k)) for s, k in zip(survival, at_risk, strict=True)
    ]
    return SurvivalCurve(
        outcome=outcome,
        scope=scope,
        group=group,
        n=n,
        events=round(n * (1 - survival[-1]) / 2),
        months=months,
        survival=survival,
        low=tuple(max(0.0, s - w) for s, w in zip(survival, widths, strict=True)),
        high=tuple(min(1.0, s + w) for s, w in zip(survival, widths, strict=True)),
        at_risk=at_risk,
    )


def curves() -> tuple[SurvivalCurve, ...]:
    """Both outcomes, by the model and by the consensus."""
    sizes = {"model": (391, 89), "consensus": (419, 61)}
    rates = {Outcome.DFS: (0.0057, 0.0152), Outcome.OS: (0.0027, 0.0081)}
    return tuple(
        curve(outcome, scope, group, n=n, rate=rate)
        for outcome in Outcome
        for scope in ("model", "consensus")
        for group, n, rate in zip(NodeClass, sizes[scope], rates[outcome], strict=True)
    )


def full_coverage(*, failed: int = 0, n: int = PATIENTS) -> Coverage:
    """Coverage with all failures under one code."""
    return Coverage(
        cases=n, scored=n - failed, failed=failed, failures={"LLN011": failed} if failed else {}
    )


def task_result(task_id: TaskId, *, failed: int = 0, n: int = PATIENTS) -> TaskResult:
    """Everything that is scored of one task."""
    is_positivity = task_id is TaskId.POSITIVITY
    by_task = {
        TaskId.COMPARTMENTS: (),
        TaskId.NODES: (NODE_MATRIX,),
        TaskId.POSITIVITY: (STATUS_MATRIX, REGION_MATRIX, SIZE_MATRIX),
    }
    return TaskResult(
        task=task_id,
        task_version="1.0.0",
        task_digest=DIGEST,
        coverage=full_coverage(failed=failed, n=n),
        figures=all_figures(task_id),
        matrices=by_task[task_id],
        agreement=agreement() if is_positivity else (),
        survival=curves() if is_positivity else (),
    )


def manifest(*, tasks: Sequence[TaskId] = tuple(TaskId)) -> SubmissionManifest:
    """A submission of an invented team."""
    return SubmissionManifest(
        team="Example team",
        model="nnU-Net, five folds",
        tasks=tuple(tasks),
        description="Five folds without mirroring.\nA node of 7 mm or more is positive.",
        url="https://example.org/model",
    )


def result(*tasks: TaskResult, split: Split = Split.PUBLIC, n: int = PATIENTS) -> Result:
    """A result of the given tasks."""
    return Result(
        submission=manifest(tasks=[each.task for each in tasks]),
        cohort=CohortSummary(
            name="Synthetic validation cohort",
            split=split,
            cases=n,
            centres=2,
            label_map_version="1.0.0",
            digest=DIGEST,
        ),
        provenance=Provenance(
            kit_version="0.1.0",
            libraries={"scipy": "1.16.0", "numpy": "2.4.6", "lifelines": "0.30.3"},
            seed=20251111,
            resamples=2000,
            cohort_digest=DIGEST,
            submission_digest=DIGEST,
        ),
        tasks=tasks,
    )


def full_result() -> Result:
    """All three tasks; seven cases of the compartments failed."""
    return result(
        task_result(TaskId.COMPARTMENTS, failed=7),
        task_result(TaskId.NODES),
        task_result(TaskId.POSITIVITY),
    )
