"""The record of an experiment: what was trained, on what, where, how it went. Frozen, no files."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean
from typing import Annotated

from pydantic import Field

from baseline.datasets import Variant
from baseline.presets import Training
from baseline.schedule import Ending
from schema.base import CaseId, Count, Digest, Frozen, Line, Slug

Seconds = Annotated[float, Field(ge=0)]


class LabelOverlap(Frozen):
    """One label in one patient, in voxels of the image."""

    label: Slug
    reference_voxels: Count
    answer_voxels: Count
    common_voxels: Count

    @property
    def dice(self) -> float | None:
        """None where both are empty: there was nothing to find, and nothing was found."""
        total = self.reference_voxels + self.answer_voxels
        return None if total == 0 else 2 * self.common_voxels / total


class CaseAnswer(Frozen):
    """A held-out patient."""

    case_id: CaseId
    labels: tuple[LabelOverlap, ...]


class Curves(Frozen):
    """A value an epoch; None where it is undefined."""

    train_loss: tuple[float | None, ...]
    validation_loss: tuple[float | None, ...]
    pseudo_dice: tuple[tuple[float | None, ...], ...]
    """Of each label: Dice over the held-out patches of an epoch taken together."""
    learning_rate: tuple[float, ...]
    epoch_seconds: tuple[Seconds, ...]


class FoldRecord(Frozen):
    """How the training of one fold went."""

    fold: Count
    train_cases: Count
    held_out_cases: Count
    epochs: Count
    """Finished."""
    ending: Ending
    iterations: Count
    """Steps of the optimiser."""
    images_per_second: float | None
    """Patches seen in training a second of whole epochs, validation patches not counted."""
    peak_gpu_bytes: Count | None
    """None without a GPU."""
    curves: Curves
    held_out: tuple[CaseAnswer, ...] | None
    """None when the held-out patients were not answered."""

    @property
    def seconds(self) -> float:
        """Duration of all epochs."""
        return sum(self.curves.epoch_seconds)


class Host(Frozen):
    """What it ran on. It names no machine and no user."""

    system: Line
    processor: Line
    processors: Count
    device: Line
    python: Line


class Commit(Frozen):
    """Where the code stood."""

    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None
    modified: bool | None
    """Whether files that are tracked differed from it."""
    reason: Line | None = None
    """Why there is no commit."""


class Experiment(Frozen):
    """`experiment.json`."""

    variant: Variant
    dataset: Line
    cohort: Line
    cohort_digest: Digest
    """Of the cohort folder that was converted."""
    splits_digest: Digest
    plans_digest: Digest
    training: Training
    spacing_mm: tuple[float, float, float]
    patch_size: tuple[int, int, int]
    batch_size: Count
    architecture: Line
    features: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...]
    labels: tuple[Slug, ...]
    """In the order of output channels."""
    commit: Commit
    versions: dict[str, Line]
    host: Host
    threads: Count
    folds: tuple[FoldRecord, ...]


def mean_dice(answers: Sequence[CaseAnswer], *, label: str) -> float | None:
    """Mean over patients, those left out in whom reference and answer are both empty."""
    found = [
        overlap.dice
        for answer in answers
        for overlap in answer.labels
        if overlap.label == label and overlap.dice is not None
    ]
    return fmean(found) if found else None
