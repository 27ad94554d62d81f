"""Invented leaderboards to draw: none, one, three or fifty entries, with everything that happens.

Nothing here was measured. Values are spread by a fixed sequence, without a random generator.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from itertools import combinations
from typing import Any

from leaderboard.site.inputs import Leaderboard, figure_of, keys_of
from leaderboard.site.rows import FURTHER
from schema.board import Board
from schema.entry import (
    Entry,
    Kind,
    PublicAgreement,
    PublicCurve,
    PublicFigure,
    PublicMatrix,
    PublicTask,
    Resources,
)
from schema.figure import Estimated
from schema.ledger import Event, LedgerLine
from schema.result import CohortSummary, Coverage, Figure, Interval, Provenance, TaskResult
from schema.standings import PairTest, SchemeRanks, Standing, Standings
from schema.statistics import (
    CalibrationBin,
    CoxTable,
    Froc,
    GroupSurvival,
    HazardRow,
    LimitsOfAgreement,
    NetBenefit,
    ReaderRange,
    Statistics,
    Subgroup,
    SurvivalGrouping,
)
from schema.submission import SubmissionManifest
from schema.task import IntervalMethod, Metric, Scheme
from schema.terms import Direction, Outcome, Split, Status, TaskId
from tasks.specification import load_tasks
from tests.evaluation import sample_results

TASKS = load_tasks()
CASES = 180
GOLDEN = 0.6180339887498949
RESAMPLES = 1000
KIT = "0.2.0"
CITIES = ("Ferrow", "Haldane", "Ostrel", "Brimley", "Corvan", "Lindau", "Tavish", "Merrow", "Quill")
METHODS = ("nnU-Net", "SegResNet", "Swin UNETR", "MedNeXt", "Two-stage detector", "Atlas prior")


def digest(words: str) -> str:
    """A digest that depends on the words only."""
    return f"sha256:{sha256(words.encode()).hexdigest()}"


def board(*, draft: bool = False) -> Board:
    """An invented challenge."""
    return Board(
        title="Lateral lymph nodes in rectal cancer MRI",
        organiser="Institute of Invented Radiology",
        description="Find, outline and judge the lateral lymph nodes of the pelvic side wall.",
        cohort_name="Hidden test set",
        cohort_digest=digest("cohort"),
        kit_version=KIT,
        opened=date(2025, 11, 1),
        closes=date(2026, 2, 28),
        attempts=3,
        url="https://example.org/lln",
        licence="CC BY 4.0",
        draft=draft,
    )


def spread(index: int, salt: int) -> float:
    """A number from 0 to 1, evenly spread over the indices."""
    return ((index * 7 + salt * 3 + 1) * GOLDEN) % 1.0


def entry_id(index: int) -> str:
    """Of the entry at one index."""
    return f"team-{index:02d}"


def shifted(figure: PublicFigure, metric: Metric, *, by: float) -> PublicFigure:
    """A figure moved by a share of its range, its interval with it."""
    if figure.value is None or metric.direction is Direction.NONE:
        return figure
    step = by * (1.0 if metric.maximum is not None else 4.0)
    step = step if metric.direction is Direction.HIGHER else -step
    low = metric.minimum if metric.minimum is not None else -1e9
    high = metric.maximum if metric.maximum is not None else 1e9

    def moved(value: float) -> float:
        return min(max(value + step, low), high)

    interval = figure.interval
    if interval is not None:
        ends = {"low": moved(interval.low), "high": moved(interval.high)}
        interval = interval.model_copy(update=ends)
    return figure.model_copy(update={"value": moved(figure.value), "interval": interval})


def public_task(
    task_id: TaskId, *, index: int, failed: int = 0, split: Split = Split.HIDDEN
) -> PublicTask:
    """One task of one entry: better with a smaller index."""
    scored = sample_results.task_result(task_id)
    task = TASKS[task_id]
    figures = (*scored.figures, *means_over_labels(scored))
    by = -0.006 * index + 0.02 * (spread(index, len(task_id)) - 0.5)
    return PublicTask(
        task=task_id,
        task_version=task.version,
        task_digest=digest(task_id),
        coverage=coverage(failed),
        figures=tuple(
            shifted(
                PublicFigure(**each.model_dump() | {"interval": each.interval, "n": CASES}),
                task.metric(each.metric),
                by=by,
            )
            for each in figures
        ),
        matrices=tuple(
            gap(matrix) if split is Split.HIDDEN else matrix
            for matrix in (PublicMatrix(**each.model_dump()) for each in scored.matrices)
        ),
        agreement=tuple(
            PublicAgreement(**each.model_dump() | {"interval": each.interval})
            for each in scored.agreement
        ),
        survival=public_curves(scored),
        subgroups=subgroups() if task_id is TaskId.POSITIVITY else (),
        **(open_tables(task_id) if split is Split.PUBLIC else {}),
    )


def means_over_labels(scored: TaskResult) -> tuple[Figure, ...]:
    """The figures that order a board or stand on it, where the sample has none."""
    task = TASKS[scored.task]
    known = {(each.metric, each.scope) for each in scored.figures}
    wanted = (*task.ranking.ranked_figures, *FURTHER[scored.task])
    return tuple(
        sample_results.figure(task.metric(metric), scope)
        for metric, scope in dict.fromkeys(wanted)
        if (metric, scope) not in known
    )


def subgroups() -> tuple[Subgroup, ...]:
    """Two centres."""
    metric = TASKS[TaskId.POSITIVITY].metric("accuracy")
    return tuple(
        Subgroup(
            dimension="centre",
            title="Centre",
            level=level,
            n=90,
            positives=12,
            figures=(sample_results.figure(metric, "all", n=90),),
        )
        for level in ("North", "South")
    )


def estimated(value: float, half: float, *, n: int = CASES) -> dict[str, Any]:
    """A value and its interval."""
    method = IntervalMethod.ASYMPTOTIC
    interval = Interval(low=value - half, high=value + half, level=0.95, method=method)
    return {"value": value, "status": Status.OK, "interval": interval, "n": n}


def open_tables(task_id: TaskId) -> dict[str, Any]:
    """What only a public cohort may show."""
    if task_id is TaskId.NODES:
        limits = LimitsOfAgreement(
            scope="matched",
            bias=Estimated(**estimated(-0.2, 0.1)),
            lower=Estimated(**estimated(-2.1, 0.2)),
            upper=Estimated(**estimated(1.7, 0.2)),
        )
        froc = Froc(
            value=0.71,
            status=Status.OK,
            false_positives_per_case=(0.125, 1.0, 8.0),
            sensitivity=(0.5, 0.7, 0.93),
        )
        return {"short_axis": (limits,), "froc": froc}
    return {"statistics": statistics()} if task_id is TaskId.POSITIVITY else {}


def statistics() -> Statistics:
    """One table of each kind."""
    alone = HazardRow(
        **estimated(2.7, 0.9),
        covariate="model_status",
        title="Model status",
        contrast="positive against negative",
        events=99,
        p_value=0.0002,
    )
    group = GroupSurvival(
        label="positive",
        n=40,
        events=20,
        median_follow_up_months=40.0,
        survival=(1.0, 0.6),
        low=(1.0, 0.5),
        high=(1.0, 0.7),
        at_risk=(40, 20),
        at_horizons=(Estimated(**estimated(0.6, 0.1, n=40)),),
    )
    return Statistics(
        baseline=None,
        cox=(
            CoxTable(
                outcome=Outcome.DFS,
                univariable=(alone,),
                multivariable=(alone,),
                n=CASES,
                events=99,
                left_out=0,
                events_per_variable=24.0,
                proportional_p_value=0.4,
                warnings=("few events",),
            ),
        ),
        added_value=(),
        groupings=(
            SurvivalGrouping(
                id="mr_emvi",
                title="mrEMVI",
                outcome=Outcome.OS,
                months=(0.0, 36.0),
                horizons_months=(36.0,),
                groups=(group,),
                comparisons=(),
                p_value=0.02,
                median_follow_up_months=41.0,
                left_out=3,
            ),
        ),
        reader_range=ReaderRange(
            **estimated(-0.05, 0.04), lowest=0.6, highest=0.8, model=0.65, verdict="inside"
        ),
        calibration=(CalibrationBin(**estimated(0.1, 0.05, n=60), mean_probability=0.12),),
        decision_curve=(NetBenefit(threshold=0.1, model=0.06, treat_all=0.03),),
        subgroups=(),
    )


def public_curves(scored: TaskResult) -> tuple[PublicCurve, ...]:
    """The curves, ended where fewer than five are at risk."""
    curves = []
    for each in scored.survival:
        known = sum(count >= 5 for count in each.at_risk)
        names = ("months", "survival", "low", "high", "at_risk")
        cut = {name: getattr(each, name)[:known] for name in names}
        curves.append(PublicCurve(**{**each.model_dump(), **cut}))
    return tuple(curves)


def coverage(failed: int) -> Coverage:
    """Failures under two codes."""
    failures = {"LLN011": failed} if failed else {}
    return Coverage(cases=CASES, scored=CASES - failed, failed=failed, failures=failures)


def entry(
    index: int,
    *,
    kind: Kind = Kind.SUBMISSION,
    name: str | None = None,
    team: str | None = None,
    model: str | None = None,
    failed: int = 0,
    run_by: str = "organiser",
    cohort: str = "cohort",
    split: Split = Split.HIDDEN,
) -> Entry:
    """One entry to every task."""
    identity = name or entry_id(index)
    tasks = (TaskId.COMPARTMENTS, TaskId.NODES, TaskId.POSITIVITY)
    image = digest(f"image {identity}") if run_by == "organiser" else None
    return Entry.model_validate(
        {
            "id": identity,
            "kind": kind,
            "submitted": date(2025, 11, 3) + timedelta(days=index),
            "attempt": 1 + index % 3,
            "run_by": run_by,
            "manifest": SubmissionManifest(
                team=team
                or f"{CITIES[index % len(CITIES)]} {('Group', 'Lab', 'Clinic')[index % 3]}",
                model=model or f"{METHODS[index % len(METHODS)]} {1 + index // len(METHODS)}",
                tasks=tasks,
                description="Trained on the public part of the cohort.\nNo external data.",
                url=f"https://example.org/{identity}",
                image=image,
            ),
            "cohort": CohortSummary(
                name="Hidden test set" if cohort == "cohort" else "Published cohort",
                split=split,
                cases=CASES,
                centres=3,
                label_map_version="1.0.0",
                digest=digest(cohort),
            ),
            "provenance": Provenance(
                kit_version=KIT,
                libraries={"numpy": "2.4.6", "scipy": "1.16.0"},
                seed=20251111,
                resamples=2000,
                cohort_digest=digest(cohort),
                submission_digest=digest(f"submission {identity}"),
                image_digest=image,
            ),
            "result_digest": digest(f"result {identity}"),
            "cases_digest": digest(f"cases {identity}"),
            "suppress_below": 5 if split is Split.HIDDEN else None,
            "resources": resources(index) if run_by == "organiser" else None,
            "tasks": tuple(
                public_task(each, index=index, failed=failed, split=split) for each in tasks
            ),
            "reporting": {
                "claim_7": "Two hospitals, 2013 to 2023.",
                "claim_25": "Five folds, 1000 epochs, no mirroring.",
                "tripod_3b": "Adults with rectal cancer before treatment.",
            },
        }
    )


def resources(index: int) -> Resources:
    """Time and memory of the organiser's run."""
    return Resources(
        seconds_per_case=8.0 + 90 * spread(index, 5),
        seconds_per_case_most=160.0,
        peak_memory_mib=2000.0 + 9000 * spread(index, 6),
        gpu_memory_mib=None,
        gpu=None,
    )


def withheld(found: Entry, *, metric: str, scope: str, matrix: bool = False) -> Entry:
    """The entry with one figure withheld, and with withheld cells in its first matrices."""
    return found.model_copy(
        update={
            "tasks": tuple(
                each.model_copy(
                    update={
                        "figures": tuple(
                            hidden(figure)
                            if (figure.metric, figure.scope) == (metric, scope)
                            else figure
                            for figure in each.figures
                        ),
                        "matrices": tuple(gap(m) for m in each.matrices)
                        if matrix
                        else each.matrices,
                    }
                )
                for each in found.tasks
            )
        }
    )


def hidden(figure: PublicFigure) -> PublicFigure:
    """A figure that may not be told of."""
    return figure.model_copy(
        update={
            "value": None,
            "status": Status.WITHHELD,
            "reason": "it rests on fewer patients than may be told of",
            "interval": None,
            "n": None,
            "p_value": None,
        }
    )


def undefined(figure: PublicFigure) -> PublicFigure:
    """A figure that has no value."""
    return figure.model_copy(
        update={
            "value": None,
            "status": Status.UNDEFINED,
            "reason": "the reference has one class only",
            "interval": None,
            "p_value": None,
        }
    )


def gap(matrix: PublicMatrix) -> PublicMatrix:
    """Small cells withheld."""
    return matrix.model_copy(
        update={
            "cells": tuple(
                tuple(None if cell is not None and 0 < cell < 5 else cell for cell in row)
                for row in matrix.cells
            )
        }
    )


def without_value(found: Entry, *, metric: str) -> Entry:
    """The entry with every figure of a metric undefined."""
    return found.model_copy(
        update={
            "tasks": tuple(
                each.model_copy(
                    update={
                        "figures": tuple(
                            undefined(figure) if figure.metric == metric else figure
                            for figure in each.figures
                        )
                    }
                )
                for each in found.tasks
            )
        }
    )


def standings(task_id: TaskId, entries: Sequence[Entry], *, out: Sequence[str] = ()) -> Standings:
    """Entries in the order of their index; neighbours share letters."""
    ranked = [
        each
        for each in entries
        if each.kind in {Kind.SUBMISSION, Kind.BASELINE} and each.id not in out
    ]
    ranked.sort(key=lambda each: (-(primary(each, task_id) or 0.0), each.id))
    rest = [each for each in entries if each not in ranked]
    return Standings(
        task=task_id,
        task_version=TASKS[task_id].version,
        task_digest=digest(task_id),
        kit_version=KIT,
        cohort_digest=digest("cohort"),
        entries_digest=digest("entries"),
        scheme=Scheme.RANK_THEN_MEAN,
        seed=20251111,
        resamples=RESAMPLES,
        swaps=9999,
        cases=CASES,
        standings=(
            *(standing(each, i, ranked, task_id) for i, each in enumerate(ranked)),
            *(unranked(each, out=out) for each in sorted(rest, key=lambda each: each.id)),
        ),
        pairs=pairs(task_id, ranked) if len(ranked) > 1 else (),
        schemes=schemes(ranked) if len(ranked) > 1 else (),
    )


def primary(found: Entry, task_id: TaskId) -> float | None:
    """The first figure that orders the board."""
    figure = figure_of(found, task_id, keys_of(TASKS[task_id])[0])
    return figure.value if figure else None


def standing(found: Entry, index: int, ranked: Sequence[Entry], task_id: TaskId) -> Standing:
    """A rank with an interval of a few places."""
    count = len(ranked)
    low, high = max(1, index - 1), min(count, index + 3)
    raw = [0.5 ** (1.4 * abs(rank - index)) for rank in range(count)]
    shares = tuple(each / sum(raw) if each / sum(raw) > 0.002 else 0.0 for each in raw)
    best, own = primary(ranked[0], task_id), primary(found, task_id)
    difference = None if best is None or own is None else own - best
    return Standing(
        entry=found.id,
        ranked=True,
        rank=index + 1,
        tested_ranks=(max(1, index - 2), min(count, index + 4)),
        interval=Interval(low=low, high=high, level=0.95, method=IntervalMethod.BOOTSTRAP),
        first=shares[0],
        top_three=min(1.0, sum(shares[:3])),
        letters="".join(
            "abcdefghijklmnopqrstuvwxyz"[n % 26] for n in {index // 3, (index + 1) // 3}
        ),
        aggregate=1.5 + index,
        difference=None if index == 0 else difference,
        difference_interval=None
        if index == 0 or difference is None
        else Interval(
            low=difference - 0.02,
            high=difference + 0.02,
            level=0.95,
            method=IntervalMethod.BOOTSTRAP,
        ),
        shares=shares,
    )


REASONS = {
    Kind.CONTROL: "a control",
    Kind.HUMAN: "a reader",
    Kind.PAPER: "a publication, on another test set",
}


def unranked(found: Entry, *, out: Sequence[str]) -> Standing:
    """Shown beside the others."""
    reason = "withdrawn or disqualified" if found.id in out else REASONS[found.kind]
    return Standing(entry=found.id, ranked=False, unranked_reason=reason, rank=None, aggregate=None)


def pairs(task_id: TaskId, ranked: Sequence[Entry]) -> tuple[PairTest, ...]:
    """Every pair on every key; the further apart, the smaller the p value."""
    tests = []
    for (i, one), (j, other) in combinations(enumerate(ranked), 2):
        rules = TASKS[task_id].ranking
        for metric, scope in (*rules.ranked_figures, *rules.compared_figures):
            difference = 0.008 * (j - i)
            p_value = min(1.0, 0.6 * 0.4 ** (j - i))
            tests.append(
                PairTest(
                    first=one.id,
                    second=other.id,
                    metric=metric,
                    scope=scope,
                    test="permutation",
                    exact=False,
                    difference=difference,
                    interval=Interval(
                        low=difference - 0.02,
                        high=difference + 0.02,
                        level=0.95,
                        method=IntervalMethod.BOOTSTRAP,
                    ),
                    p_value=p_value,
                    p_holm=min(1.0, 4 * p_value),
                )
            )
    return tuple(tests)


def schemes(ranked: Sequence[Entry]) -> tuple[SchemeRanks, ...]:
    """Every scheme; neighbours change places under the others."""
    count = len(ranked)
    found = []
    for number, scheme in enumerate(TASKS[TaskId.POSITIVITY].ranking.schemes):
        order = list(range(count))
        for at in range(number - 1, count - 1, 3) if number else ():
            order[at], order[at + 1] = order[at + 1], order[at]
        ranks = {ranked[each].id: place + 1 for place, each in enumerate(order)}
        found.append(
            SchemeRanks(
                scheme=scheme,
                ranks=ranks,
                tau_to_primary=1.0 - 0.05 * number,
                tau=(0.71 - 0.05 * number, 0.85 - 0.05 * number, 0.95 - 0.05 * number),
            )
        )
    return tuple(found)


def ledger(
    entries: Sequence[Entry], decisions: dict[str, tuple[Event, str]]
) -> tuple[LedgerLine, ...]:
    """One line an entry, one failed attempt, then the decisions."""
    lines: list[LedgerLine] = []
    for each in entries:
        lines.append(ledger_line(lines, each, Event.LISTED, reason=None))
    if len(entries) > 2:
        lines.append(
            ledger_line(lines, entries[1], Event.FAILED, reason="The container ran out of memory.")
        )
    for each in entries:
        if each.id in decisions:
            event, reason = decisions[each.id]
            lines.append(ledger_line(lines, each, event, reason=reason))
    return tuple(lines)


def ledger_line(
    before: Sequence[LedgerLine], found: Entry, event: Event, *, reason: str | None
) -> LedgerLine:
    """The next line."""
    number = len(before) + 1
    return LedgerLine(
        number=number,
        previous=before[-1].digest if before else digest(""),
        at_utc=datetime(2025, 11, 3, 9, tzinfo=UTC) + timedelta(hours=7 * number),
        event=event,
        entry=found.id,
        kind=found.kind,
        team=found.manifest.team,
        tasks=tuple(each.task for each in found.tasks),
        kit_version=KIT,
        cohort_digest=found.cohort.digest,
        entry_digest=digest(f"entry {found.id}") if event is Event.LISTED else None,
        result_digest=found.result_digest,
        reason=reason,
        digest=digest(f"line {number}"),
    )


def leaderboard(
    entries: Sequence[Entry],
    *,
    decisions: dict[str, tuple[Event, str]] | None = None,
    draft: bool = False,
) -> Leaderboard:
    """A leaderboard of the given entries."""
    out = decisions or {}
    return Leaderboard.of(
        board=board(draft=draft),
        entries=entries,
        standings=[standings(task, entries, out=tuple(out)) for task in TaskId] if entries else (),
        ledger=ledger(entries, out),
        tasks=TASKS,
    )


def of_none(*, draft: bool = False) -> Leaderboard:
    """Nothing filed yet."""
    return leaderboard((), draft=draft)


def of_one() -> Leaderboard:
    """The baseline only."""
    return leaderboard((baseline(),))


def baseline(*, split: Split = Split.HIDDEN) -> Entry:
    """The organiser's reference model."""
    return entry(
        2,
        kind=Kind.BASELINE,
        name="baseline",
        team="Organiser",
        model="nnU-Net reference",
        split=split,
    )


def of_three() -> Leaderboard:
    """Three entries, one of them the baseline."""
    public = Split.PUBLIC
    return leaderboard(
        (entry(0, split=public), entry(1, failed=4, split=public), baseline(split=public))
    )


def beside() -> tuple[Entry, ...]:
    """What is shown without a rank."""
    return (
        entry(
            4, kind=Kind.HUMAN, name="reader-1", team="Readers", model="Reader R1", run_by="entrant"
        ),
        entry(
            6,
            kind=Kind.PAPER,
            name="paper",
            team="Qiao et al. 2025",
            model="Published model",
            run_by="entrant",
            cohort="published",
        ),
        entry(
            40, kind=Kind.CONTROL, name="always-negative", team="Controls", model="Always negative"
        ),
    )


def of_many(count: int = 9) -> Leaderboard:
    """Entries with everything that happens; five of them without a rank."""
    ranked = [
        entry(i, failed=7 if i == 3 else 0, run_by="entrant" if i % 4 == 2 else "organiser")
        for i in range(count)
    ]
    ranked[1] = withheld(ranked[1], metric="sensitivity", scope="all", matrix=True)
    ranked[-1] = without_value(ranked[-1], metric="auroc")
    out = [
        entry(count, name="gone", team="Vanished Group", model="Atlas prior 0"),
        entry(count + 1, name="barred", team="Leaky Lab", model="Lookup table"),
    ]
    decisions = {
        "gone": (Event.WITHDRAWN, "At the team's request: a mistake in its preprocessing."),
        "barred": (Event.DISQUALIFIED, "The container held labels of the test set."),
    }
    return leaderboard([*ranked, baseline(), *beside(), *out], decisions=decisions)


def of_fifty() -> Leaderboard:
    """Fifty entries in all."""
    return of_many(44)
