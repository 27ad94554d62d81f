"""How the learning rate falls and when a training ends. Pure.

Progress is the larger of two shares: epochs done, and, where a training is bounded in time, minutes
spent. The rate is `start * (1 - progress) ** 0.9`, nnU-Net's polynomial, so that a training that
runs out of time has come down to a small rate all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

POWER = 0.9


class Ending(StrEnum):
    """Why a training stopped."""

    EPOCHS = "epochs"
    """All of them are done."""
    TIME = "time"
    """Another epoch would have gone over the bound."""
    PAUSED = "paused"
    """As many epochs as this call was to do; it can go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """When to stop before the last epoch; None for never.

    Attributes:
        seconds: of training in all, earlier calls included.
        pause_after: epochs of this call.
    """

    seconds: float | None = None
    pause_after: int | None = None


def progress(*, epoch: int, epochs: int, spent_seconds: float, bounds: Bounds) -> float:
    """Share of the training that is done when an epoch begins, 0 to less than 1."""
    by_epochs = epoch / epochs
    by_time = 0.0 if bounds.seconds is None else spent_seconds / bounds.seconds
    return min(max(by_epochs, by_time), 1.0 - 1e-3)


def learning_rate(start: float, *, progress: float) -> float:
    """The rate of an epoch."""
    return float(start * (1.0 - progress) ** POWER)


def ending_before(
    *, epoch: int, begun_at: int, spent_seconds: float, bounds: Bounds
) -> Ending | None:
    """Whether a training stops before an epoch.

    Args:
        epoch: the one that would begin.
        begun_at: the first epoch of this call; it is always done.
        spent_seconds: on the epochs before, earlier calls included.
        bounds: when to stop.
    """
    if epoch == begun_at:
        return None
    if bounds.seconds is not None and spent_seconds * (epoch + 1) / epoch > bounds.seconds:
        return Ending.TIME
    if bounds.pause_after is not None and epoch - begun_at >= bounds.pause_after:
        return Ending.PAUSED
    return None
