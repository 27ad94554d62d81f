"""Contenders of invented boards, for tests that work ranks out by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from leaderboard.ranking.contender import Contender
from leaderboard.ranking.scores import Areas, Key, Part, Ratios
from leaderboard.ranking.standings import Origin, standings
from schema.entry import Kind
from schema.result import CaseScore, CaseValue, Coverage
from schema.standings import Standing, Standings
from schema.task import Resampling, Task
from schema.terms import Status, TaskId
from tasks.specification import load_tasks

Floats = NDArray[np.float64]
COMPARTMENTS = load_tasks()[TaskId.COMPARTMENTS]
NODES = load_tasks()[TaskId.NODES]
POSITIVITY = load_tasks()[TaskId.POSITIVITY]
DIGEST = "sha256:" + "0123456789abcdef" * 4
ORIGIN = Origin(
    task_digest=DIGEST, kit_version="1.0.0", cohort_digest=DIGEST, entries_digest=DIGEST
)


def with_ranking(task: Task, **changes: object) -> Task:
    """A task with other rules of ranking and 200 resamples."""
    resampling = Resampling(resamples=200, seed=7, level=0.95)
    ranking = task.ranking.model_copy(update=changes)
    return task.model_copy(update={"ranking": ranking, "resampling": resampling})


def case_id(index: int) -> str:
    return f"case-{index:03d}"


def outlined(dice: Sequence[float | None], nsd: Sequence[float | None]) -> tuple[CaseScore, ...]:
    """Compartment cases with these macro figures; None where nothing was there and none drawn."""
    return tuple(
        CaseScore(
            case_id=case_id(index),
            task=TaskId.COMPARTMENTS,
            status="scored",
            values=(macro("dice", one), macro("nsd", other)),
        )
        for index, (one, other) in enumerate(zip(dice, nsd, strict=True))
    )


def macro(metric: str, value: float | None) -> CaseValue:
    if value is None:
        return CaseValue(
            metric=metric, scope="macro", value=None, status=Status.NOT_APPLICABLE, reason="empty"
        )
    return CaseValue(metric=metric, scope="macro", value=value, status=Status.OK)


def judged(
    reference: Sequence[int], called: Sequence[int | None], probability: Sequence[float]
) -> tuple[CaseScore, ...]:
    """Positivity cases; a call of None is a failed case."""
    rows = enumerate(zip(reference, called, probability, strict=True))
    return tuple(
        CaseScore(
            case_id=case_id(index),
            task=TaskId.POSITIVITY,
            status="failed" if call is None else "scored",
            codes=("LLN010",) if call is None else (),
            values=tuple(
                CaseValue(metric=metric, scope="all", value=float(value), status=Status.OK)
                for metric, value in (
                    ("correct", call == truth),
                    ("reference_positive", truth),
                    *((("called_positive", call), ("probability", p)) if call is not None else ()),
                )
            ),
        )
        for index, (truth, call, p) in rows
    )


def contender(
    name: str,
    cases: tuple[CaseScore, ...] | None,
    *,
    kind: Kind = Kind.SUBMISSION,
    excluded: str | None = None,
) -> Contender:
    failed = sum(case.status == "failed" for case in cases or ())
    coverage = Coverage(
        cases=len(cases or ()),
        scored=len(cases or ()) - failed,
        failed=failed,
        failures={"LLN010": failed} if failed else {},
    )
    return Contender(
        id=name, kind=kind, coverage=coverage, cases=cases, figures={}, excluded=excluded
    )


def ranked(task: Task, *contenders: Contender, centres: Sequence[str] | None = None) -> Standings:
    return standings(task=task, contenders=contenders, centres=centres, origin=ORIGIN)


def ranks_of(found: Standings) -> dict[str, int | None]:
    return {each.entry: each.rank for each in found.standings}


def standing_of(found: Standings, entry: str) -> Standing:
    (standing,) = (each for each in found.standings if each.entry == entry)
    return standing


def mean_key(values: Floats, *, task: Task = COMPARTMENTS, metric: str = "dice") -> Key:
    """A mean over patients, from (patients, entries)."""
    defined = (~np.isnan(values)).astype(np.float64)
    part = Part(np.nan_to_num(values), defined)
    scores = Ratios(parts=(part,), right_nothing=np.isnan(values))
    return Key(metric=task.metric(metric), scope="macro", scores=scores)


def pooled_key(numerator: Floats, denominator: Floats) -> Key:
    """A pooled share."""
    scores = Ratios(parts=(Part(numerator, denominator),))
    return Key(metric=NODES.metric("detection_f1"), scope="any", scores=scores)


def calls_key(positive: NDArray[np.bool_], right: Floats) -> Key:
    """The balanced accuracy of (patients, entries) right answers."""
    one = np.repeat(positive.astype(np.float64)[:, None], right.shape[1], axis=1)
    parts = (Part(right * one, one), Part(right * (1 - one), 1 - one))
    scores = Ratios(parts=parts)
    return Key(metric=POSITIVITY.metric("balanced_accuracy"), scope="all", scores=scores)


def area_key(positive: NDArray[np.bool_], probability: Floats) -> Key:
    scores = Areas(positive=positive, probability=probability)
    return Key(metric=POSITIVITY.metric("auroc"), scope="all", scores=scores)
