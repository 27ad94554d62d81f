"""A model folder: everything that prediction needs, with a digest of every file.

    model.toml          what it is, and the digest of each file below
    MODEL_CARD.md       for people
    calibration.json    rules frozen at export
    joint/              or compartments/ and nodes/: one set of networks each
        plans.json  dataset.json  fold_0.pth ...

Digests tell a damaged or exchanged file; they do not tell who made it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from baseline.calibration import Calibration
from schema.base import Frozen, Line, Slug, Version
from schema.errors import LLNError, UnreadableFileError, UsageError
from tasks.files import (
    canonical_json,
    digest_bytes,
    read_bytes,
    read_toml_model,
    toml_text,
    write_bytes,
    write_text,
)
from tasks.tables import complaints

if TYPE_CHECKING:
    from torch import Tensor

MANIFEST, CARD, CALIBRATION = "model.toml", "MODEL_CARD.md", "calibration.json"
PLANS, DATASET = "plans.json", "dataset.json"
JOINT, PAIR = "joint", "pair"
PARTS: Mapping[str, tuple[str, ...]] = {JOINT: ("joint",), PAIR: ("compartments", "nodes")}
"""Folders of networks in a model of each kind."""

Fold = Annotated[int, Field(ge=0, le=99)]
Listed = Annotated[
    str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64} [a-z]+[a-z0-9_/]*\.(json|pth)$")
]
"""A digest and the path of the file it belongs to."""


class ModelError(LLNError):
    """A model folder cannot be used; the message names the file, and what is wrong with it."""


class ModelManifest(Frozen):
    """`model.toml`."""

    name: Line
    version: Version
    kind: Literal["joint", "pair"]
    """`joint`: one network for compartments and nodes; `pair`: one answers for each."""
    preset: Line
    trainer: Line
    licence: Line
    nnunet: Line
    """Version that trained it."""
    folds: Annotated[tuple[Fold, ...], Field(min_length=1)]
    labels: Annotated[tuple[Slug, ...], Field(min_length=1)]
    """Names of the labels that the networks tell apart."""
    files: tuple[Listed, ...]

    @model_validator(mode="after")
    def _files_are_those_of_the_kind(self) -> Self:
        expected = {CALIBRATION, *part_files(self.kind, folds=self.folds)}
        if set(self.digests) != expected or len(self.files) != len(expected):
            raise ValueError(f"files must be, once each: {', '.join(sorted(expected))}")
        return self

    @property
    def digests(self) -> dict[str, str]:
        """Digest of each file by its path."""
        return {path: digest for digest, path in (line.split(" ") for line in self.files)}


def part_files(kind: str, *, folds: Iterable[int]) -> list[str]:
    """Paths of the files of all networks of a model."""
    names = (PLANS, DATASET, *(weights_name(fold) for fold in folds))
    return [f"{part}/{name}" for part in PARTS[kind] for name in names]


def weights_name(fold: int) -> str:
    """File of one fold's weights."""
    return f"fold_{fold}.pth"


def parse_folds(text: str | None) -> tuple[int, ...] | None:
    """Fold numbers from `0,1,4`; None for all.

    Raises:
        UsageError: the text is no such list.
    """
    if text is None:
        return None
    parts = text.split(",")
    if not all(part.isascii() and part.isdigit() for part in parts):
        raise UsageError(f"--folds {text}: expected numbers with commas between, like 0,1,2")
    return tuple(int(part) for part in parts)


class Part(NamedTuple):
    """One set of networks: the same plans, one set of weights for each fold."""

    plans: dict[str, Any]
    dataset: dict[str, Any]
    weights: dict[int, dict[str, Tensor]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model folder, read and verified.

    Attributes:
        manifest: what it is.
        calibration: rules frozen at export.
        parts: sets of networks by folder name.
    """

    manifest: ModelManifest
    calibration: Calibration
    parts: Mapping[str, Part]


def read_model(folder: Path, *, folds: Sequence[int] | None = None) -> Model:
    """Read a model folder. What is used is exactly what was digested: each file is read once.

    Args:
        folder: with `model.toml`.
        folds: those wanted; all of the model when None.

    Raises:
        ModelError: a file is missing, has another digest, or is not what it should be.
    """
    manifest = _read_manifest(folder)
    wanted = tuple(manifest.folds if folds is None else folds)
    if not wanted or len(set(wanted)) != len(wanted) or not set(wanted) <= set(manifest.folds):
        raise ModelError(
            f"{folder}: expected folds of {list(manifest.folds)}, once each, got {list(wanted)}"
        )
    try:
        calibration = Calibration.model_validate_json(_verified(folder, manifest, CALIBRATION))
    except ValidationError as error:
        raise ModelError(f"{folder / CALIBRATION}: {_said(error)}") from error
    parts = {
        part: _read_part(folder, manifest, part, folds=wanted) for part in PARTS[manifest.kind]
    }
    return Model(manifest=manifest, calibration=calibration, parts=parts)


def _read_manifest(folder: Path) -> ModelManifest:
    where = folder / MANIFEST
    try:
        return read_toml_model(where, ModelManifest)
    except UnreadableFileError as error:
        raise ModelError(
            f"{where}: expected a model folder, as `lln baseline export` writes it: {error}"
        ) from error
    except ValidationError as error:
        raise ModelError(f"{where}: {_said(error)}") from error


def _said(error: ValidationError) -> str:
    return "; ".join(f"{field or 'file'}: {message}" for field, message in complaints(error))


def _read_part(folder: Path, manifest: ModelManifest, part: str, *, folds: Sequence[int]) -> Part:
    from baseline.checkpoints import read_weights  # noqa: PLC0415 - torch only when it is needed

    weights = {}
    for fold in folds:
        name = f"{part}/{weights_name(fold)}"
        weights[fold] = read_weights(_verified(folder, manifest, name), where=name)
    plans, dataset = (
        _json(_verified(folder, manifest, f"{part}/{name}"), where=f"{part}/{name}")
        for name in (PLANS, DATASET)
    )
    return Part(plans, dataset, weights)


def _json(content: bytes, *, where: str) -> dict[str, Any]:
    try:
        loaded = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{where}: no JSON: {error}") from error
    if not isinstance(loaded, dict):
        raise ModelError(f"{where}: expected a JSON object, got a {type(loaded).__name__}")
    return loaded


def _verified(folder: Path, manifest: ModelManifest, name: str) -> bytes:
    """The bytes of a file that has the digest in the manifest."""
    content = read_whole(folder / name)
    expected, got = manifest.digests[name], digest_bytes(content)
    if got != expected:
        raise ModelError(
            f"{folder / name}: expected {expected}, got {got}: the file was damaged or exchanged "
            f"since the export; copy the model folder again"
        )
    return content


def read_whole(path: Path) -> bytes:
    """A file of any size.

    Raises:
        ModelError: it is missing, a link, or may not be read.
    """
    try:
        return read_bytes(path, limit=path.lstat().st_size)
    except (UnreadableFileError, OSError) as error:
        raise ModelError(f"{path}: {error}") from error


def manifest_of(files: Mapping[str, bytes], *, facts: Mapping[str, object]) -> ModelManifest:
    """The manifest of some files.

    Args:
        files: calibration, plans, datasets and weights by path.
        facts: the manifest's other fields.

    Raises:
        ModelError: facts or files make no manifest.
    """
    listed = [f"{digest_bytes(content)} {name}" for name, content in sorted(files.items())]
    try:
        return ModelManifest.model_validate_json(json.dumps({**facts, "files": listed}))
    except ValidationError as error:
        raise ModelError(f"{MANIFEST}: {_said(error)}") from error


def write_model(
    folder: Path, manifest: ModelManifest, *, files: Mapping[str, bytes], card: str
) -> None:
    """Write a model folder, the manifest last: without it the folder is no model.

    Args:
        folder: a new or empty folder.
        manifest: of the files.
        files: by path.
        card: the model card.
    """
    for name, content in files.items():
        write_bytes(folder / name, content)
    write_text(folder / CARD, card)
    write_text(folder / MANIFEST, toml_text(manifest.model_dump(mode="json")))


def json_bytes(data: object) -> bytes:
    """Canonical JSON as bytes."""
    return canonical_json(data).encode()
