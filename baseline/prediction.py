"""A folder of T2-weighted volumes in, the answers of the container contract out.

Everything runs in this process, one case after the other, with the networks loaded once: no pool of
workers, no shared memory. A volume that cannot be answered is reported and left out; the others are
answered. What is answered is on disk before the next case begins.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter, ValidationError

from baseline.calibration import Calibration
from baseline.images import Image, read_image
from baseline.model_folder import Model, ModelManifest, Part
from baseline.networks import Ensemble, Recipe
from baseline.node_calls import (
    Findings,
    Floats,
    Mask,
    compartment_names,
    find,
    names_of_part,
    node_names,
)
from baseline.positivity import positivity_row
from schema.base import CaseId
from schema.errors import LLNError, UsageError
from schema.submission import NodePrediction, PositivityPrediction
from schema.terms import TaskId
from tasks.files import write_models, write_nifti
from tasks.layout import NODE_COLUMNS, NODE_TABLE, POSITIVITY_COLUMNS, mask_name
from tasks.node_points import node_predictions
from tasks.specification import load_tasks

TEAM = "LLN challenge kit"


class Answer(NamedTuple):
    """Everything said about one volume."""

    image: Image
    findings: Findings
    row: PositivityPrediction
    node_rows: list[NodePrediction]


class _Rows(NamedTuple):
    """The lines of both tables, of the cases answered so far."""

    patients: list[PositivityPrediction]
    nodes: list[NodePrediction]


def _nothing(_answer: Answer) -> None:
    """What is done with an answer once its masks are written."""


class Case(NamedTuple):
    """One volume to be answered."""

    case_id: str
    where: str
    """Its place, for messages."""
    read: Callable[[], Image]
    """Reads it; an error of the kit fails this case alone."""
    then: Callable[[Answer], None] = _nothing
    """Called with the answer once its masks are written."""


class Outcome(NamedTuple):
    """How one case ended."""

    case_id: str
    failure: str | None
    """Why there is no answer; None when there is one."""
    seconds: float


class Predictor:
    """A model at work."""

    def __init__(self, parts: Mapping[str, Part], *, calibration: Calibration, device: str) -> None:
        """Build the networks.

        Args:
            parts: sets of networks, of all folds that are to be asked.
            calibration: rules frozen at export.
            device: `cpu` or `cuda`.

        Raises:
            NetworkError: plans and weights do not fit, or a label of the tasks has no channel.
        """
        self._calibration = calibration
        self._ensembles = {
            name: Ensemble(
                Recipe(plans=part.plans, dataset=part.dataset),
                weights=list(part.weights.values()),
                device=device,
            )
            for name, part in parts.items()
        }

    @classmethod
    def of(cls, model: Model, *, device: str) -> Predictor:
        """The networks and rules of a model folder."""
        return cls(model.parts, calibration=model.calibration, device=device)

    def findings(self, image: Image) -> Findings:
        """Masks and nodes of one volume."""
        found: dict[str, Floats] = {}
        exclusive = False
        for part, ensemble in self._ensembles.items():
            wanted = names_of_part(part)
            probabilities = ensemble.probabilities(image, names=wanted)
            found |= dict(zip(wanted, probabilities, strict=True))
            if set(compartment_names()) <= set(wanted):
                exclusive = ensemble.recipe.exclusive
        return find(
            compartments={name: found[name] for name in compartment_names()},
            nodes={name: found[name] for name in node_names()},
            geometry=image.geometry,
            exclusive=exclusive,
            minimum_node_ml=self._calibration.minimum_node_ml,
        )

    def answer(self, case_id: str, image: Image) -> Answer:
        """Everything about one volume."""
        findings = self.findings(image)
        row = positivity_row(case_id, findings.calls, calibration=self._calibration)
        node_rows = node_predictions(
            case_id,
            findings.parts,
            probabilities={each.node.number: each.node_probability for each in findings.calls},
            geometry=image.geometry,
        )
        return Answer(image, findings, row, node_rows)


def predict(volumes: Mapping[str, Path], *, predictor: Predictor, out: Path) -> Iterator[Outcome]:
    """Answer volumes one by one; yields how each ended.

    Writes `compartments/<case>.nii.gz` and `nodes/<case>.nii.gz` on the volume's own grid, and
    `positivity.csv` and `nodes.csv` with the cases answered so far.

    Args:
        volumes: path by case.
        predictor: the model.
        out: where the answers go.
    """
    return answer_all(cases_in(volumes), predictor=predictor, out=out)


def cases_in(volumes: Mapping[str, Path]) -> Iterator[Case]:
    """A case for each file."""
    for case_id, path in volumes.items():
        yield Case(case_id, str(path), partial(read_image, path))


def answer_all(cases: Iterable[Case], *, predictor: Predictor, out: Path) -> Iterator[Outcome]:
    """Answer cases one by one, as `predict`, wherever their images come from."""
    rows = _Rows([], [])
    _write_rows(rows, out=out)
    for case in cases:
        started = time.perf_counter()
        failure = None
        try:
            answer = _answer_and_write(case, predictor=predictor, out=out)
            rows.patients.append(answer.row)
            rows.nodes.extend(answer.node_rows)
            _write_rows(rows, out=out)
        except Exception as error:  # noqa: BLE001 - one bad case must not take the others with it
            failure = f"{case.where}: {_words(error)}"
        yield Outcome(case.case_id, failure, time.perf_counter() - started)


def _answer_and_write(case: Case, *, predictor: Predictor, out: Path) -> Answer:
    _refuse_strange_name(case.case_id)
    answer = predictor.answer(case.case_id, case.read())
    geometry = answer.image.geometry
    for task, mask in masks_of(answer).items():
        write_nifti(out / task.value / mask_name(case.case_id), mask, geometry=geometry)
    case.then(answer)
    return answer


def masks_of(answer: Answer) -> dict[TaskId, Mask]:
    """The masks by task, shape (i, j, k)."""
    findings = answer.findings
    return {TaskId.COMPARTMENTS: findings.compartments, TaskId.NODES: findings.nodes}


def _refuse_strange_name(case_id: str) -> None:
    try:
        TypeAdapter(CaseId).validate_python(case_id)
    except ValidationError as error:
        raise UsageError(
            f"expected a case name of at most 64 ASCII letters, digits, _ and -, got {case_id!r}"
        ) from error


def _write_rows(rows: _Rows, *, out: Path) -> None:
    output = load_tasks()[TaskId.POSITIVITY].output
    write_models(out / output, rows.patients, columns=POSITIVITY_COLUMNS)
    write_models(out / NODE_TABLE, rows.nodes, columns=NODE_COLUMNS)


def submission(manifest: ModelManifest) -> dict[str, object]:
    """The fields of a `submission.toml` for the answers of a model."""
    return {
        "team": TEAM,
        "model": f"{manifest.name} {manifest.version}",
        "tasks": [task.value for task in TaskId],
        "description": f"nnU-Net {manifest.nnunet}, {manifest.kind}, preset {manifest.preset}",
    }


def _words(error: Exception) -> str:
    """An error of the kit speaks for itself; of another, the kind is said too."""
    return str(error) if isinstance(error, LLNError) else f"{type(error).__name__}: {error}"
