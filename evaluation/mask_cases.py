"""Scoring the masks of every case, in as many processes as asked.

A worker loads this module and what it imports, so nothing that only the cohort's figures need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from joblib import Parallel, delayed
from numpy.typing import NDArray

from evaluation import compartments, nodes
from evaluation.gate import failures, image_grid
from evaluation.node_table import NO_TABLE, InspectedPoints, NodeLine, NodeTable, inspect_points
from schema.errors import CohortError
from schema.finding import Finding
from schema.result import CaseScore
from schema.terms import TaskId
from tasks.cohort import Cohort
from tasks.geometry import Geometry
from tasks.inspection import inspect_mask
from tasks.layout import MASK_TASKS
from tasks.node_measurement import measure_nodes_of_task
from tasks.specification import load_tasks


class MaskCase(NamedTuple):
    """The scores of one case, one a mask task, and what the gate found."""

    scores: tuple[CaseScore, ...]
    findings: tuple[Finding, ...]


def score_masks(
    cohort: Cohort,
    submission: Path,
    *,
    tasks: Sequence[TaskId],
    names: Sequence[Finding],
    table: NodeTable = NO_TABLE,
    jobs: int,
    on_case: Callable[[], None],
) -> list[MaskCase]:
    """Score every case of the mask tasks, in the manifest's order whatever finishes first.

    Args:
        cohort: with its reference masks.
        submission: the folder with the answers.
        tasks: those to score; others than the mask tasks are passed over.
        names: findings about the folders.
        table: probabilities of the predicted nodes.
        jobs: processes; any number gives the same scores.
        on_case: called after each case.

    Raises:
        CohortError: a reference mask cannot be read.
    """
    wanted = [task for task in tasks if task in MASK_TASKS]
    if not wanted:
        return []
    cases = cohort.manifest.cases
    absent = {task: failures(names, task=task, cases=cases) for task in wanted}
    work = (
        delayed(score_mask_case)(
            _volumes_of(cohort, case_id),
            submission,
            case_id=case_id,
            codes={task: absent[task].get(case_id, ()) for task in wanted},
            lines=table.lines.get(case_id),
        )
        for case_id in cases
    )
    done = []
    for case in Parallel(n_jobs=jobs, return_as="generator")(work):
        done.append(case)
        on_case()
    return done


def _volumes_of(cohort: Cohort, case_id: str) -> Cohort:
    """What a worker needs of it: sent whole for each case, time would grow with the square."""
    manifest = cohort.manifest.model_copy(update={"cases": (case_id,)})
    return replace(cohort, manifest=manifest, clinical={}, readers={})


def score_mask_case(
    cohort: Cohort,
    submission: Path,
    *,
    case_id: str,
    codes: dict[TaskId, tuple[str, ...]],
    lines: Sequence[NodeLine] | None = None,
) -> MaskCase:
    """Score one case.

    Args:
        cohort: with its reference masks.
        submission: the folder with the answers.
        case_id: the case.
        codes: the tasks to score, and the codes they failed by already.
        lines: what the node table says of the case; None where it is not to be looked at.

    Raises:
        CohortError: a reference mask cannot be read.
    """
    grid = image_grid(cohort, task=next(iter(codes)), case_id=case_id)
    reference = {task: _reference(cohort, task, case_id, grid=grid) for task in _needed(codes)}
    scores: list[CaseScore] = []
    findings: list[Finding] = []
    for task, failed in codes.items():
        inspected = inspect_mask(submission, task=task, case_id=case_id, image=grid)
        findings += inspected.findings
        found = tuple(sorted({*failed, *(each.code for each in inspected.findings)}))
        answer = Answer(case_id, reference, inspected.voxels, found, grid)
        if task is TaskId.COMPARTMENTS:
            scores.append(_score_compartments(answer))
        else:
            score, points = _score_nodes(answer, lines=lines)
            scores.append(score)
            findings += points.findings
    return MaskCase(tuple(scores), tuple(findings))


def _needed(tasks: Iterable[TaskId]) -> tuple[TaskId, ...]:
    """Nodes are placed by the reference compartments, so they need both."""
    return MASK_TASKS if TaskId.NODES in tasks else (TaskId.COMPARTMENTS,)


def _reference(cohort: Cohort, task: TaskId, case_id: str, *, grid: Geometry) -> NDArray[Any]:
    """A reference mask.

    Raises:
        CohortError: it cannot be read, or is not on the image's grid, or holds an unknown label.
    """
    inspected = inspect_mask(cohort.folder, task=task, case_id=case_id, image=grid)
    if inspected.voxels is None:
        message = f"{cohort.mask(task, case_id)}: the reference mask cannot be used"
        raise CohortError(message, findings=inspected.findings)
    return inspected.voxels


class Answer(NamedTuple):
    """One case of one task: reference masks by task, the predicted one, and how it failed."""

    case_id: str
    reference: Mapping[TaskId, NDArray[Any]]
    prediction: NDArray[Any] | None
    codes: tuple[str, ...]
    grid: Geometry


def _score_compartments(answer: Answer) -> CaseScore:
    task = load_tasks()[TaskId.COMPARTMENTS]
    if answer.prediction is None or answer.codes:
        return compartments.score_failed_case(case_id=answer.case_id, codes=answer.codes, task=task)
    return compartments.score_case(
        case_id=answer.case_id,
        reference=answer.reference[TaskId.COMPARTMENTS],
        prediction=answer.prediction,
        spacing_mm=answer.grid.spacing_mm,
        task=task,
    )


def _score_nodes(
    answer: Answer, *, lines: Sequence[NodeLine] | None
) -> tuple[CaseScore, InspectedPoints]:
    task, places = load_tasks()[TaskId.NODES], answer.reference[TaskId.COMPARTMENTS]
    reference, grid = answer.reference[TaskId.NODES], answer.grid
    present = measure_nodes_of_task(reference, geometry=grid, compartments=places)
    if answer.prediction is None or answer.codes:
        failed = nodes.score_failed_case(
            case_id=answer.case_id, codes=answer.codes, reference_nodes=present, task=task
        )
        return failed, InspectedPoints({}, ())
    predicted = measure_nodes_of_task(answer.prediction, geometry=grid, compartments=places)
    points = InspectedPoints({}, ())
    if lines is not None:
        points = inspect_points(lines, parts=predicted.parts, geometry=grid, case_id=answer.case_id)
    score = nodes.score_case(
        case_id=answer.case_id,
        reference=reference,
        prediction=answer.prediction,
        reference_nodes=present,
        prediction_nodes=predicted,
        geometry=grid,
        task=task,
        probabilities=points.probabilities,
    )
    return score, points
