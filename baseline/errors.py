"""What can stop a training before it starts; every kind has a code of its own."""

from __future__ import annotations

from enum import StrEnum

from schema.errors import LLNError


class Untrainable(StrEnum):
    """Why nothing can be converted or trained."""

    TOO_FEW_CASES = "too_few_cases"
    """Fewer cases than folds, or fewer than two."""
    NO_REFERENCE = "no_reference"
    """The cohort holds no masks of a task that the dataset is made of."""
    UNUSABLE_VOLUME = "unusable_volume"
    """An image or a mask cannot be read, or is on another grid than its image."""
    NOT_CONVERTED = "not_converted"
    """The work folder holds no such dataset."""
    NO_FOLD = "no_fold"
    """The splits have no such fold."""
    OTHER_PLAN = "other_plan"
    """A checkpoint belongs to a training with another plan, seed or dataset."""
    NO_CHECKPOINT = "no_checkpoint"
    """There is nothing to go on from."""
    IN_THE_WAY = "in_the_way"
    """A training of that fold is there, and neither to go on nor to start again was asked for."""


class TrainingError(LLNError):
    """Nothing can be converted or trained; `kind` tells why, the message says the rest."""

    def __init__(self, message: str, *, kind: Untrainable) -> None:
        super().__init__(f"[{kind.value}] {message}")
        self.kind = kind
