"""Whose fault it was. Pure."""

from __future__ import annotations

from evaluation.sandbox.runner import Outcome
from schema.execution import FailureCode

KILLED = 137
"""Exit code of a process that SIGKILL ended: 128 + 9."""
NEARLY_ALL = 0.95
"""Share of the memory limit that a process killed for memory has reached."""


def diagnose(outcome: Outcome, *, memory_mib: int) -> FailureCode | None:
    """The code of a container's end, or None when it ended well.

    The first cause wins: a model whose worker was killed for memory may hang until the deadline,
    and is out of memory all the same.
    """
    if outcome.engine_error is not None:
        return FailureCode.INFRASTRUCTURE
    if outcome.quota_exceeded:
        return FailureCode.OUTPUT_QUOTA
    if _out_of_memory(outcome, memory_mib=memory_mib):
        return FailureCode.OUT_OF_MEMORY
    if outcome.timed_out:
        return FailureCode.TIMEOUT
    return FailureCode.MODEL_EXIT if outcome.exit_code else None


def _out_of_memory(outcome: Outcome, *, memory_mib: int) -> bool:
    """A model that loses a worker and still ends well has not failed.

    Engines miss the kernel's notice now and then: a kill that was not ours, with memory nearly all
    used, counts too.
    """
    if outcome.exit_code == 0:
        return False
    if outcome.oom_killed:
        return True
    peak = outcome.peak_memory_mib or 0.0
    killed = outcome.exit_code == KILLED and not outcome.timed_out
    return killed and peak >= NEARLY_ALL * memory_mib


def describe(outcome: Outcome, *, code: FailureCode) -> str:
    """One line for the organiser."""
    return {
        FailureCode.INFRASTRUCTURE: outcome.engine_error or "the engine failed",
        FailureCode.OUTPUT_QUOTA: "/output held more bytes or entries than allowed",
        FailureCode.OUT_OF_MEMORY: "a process was killed for memory",
        FailureCode.TIMEOUT: f"killed after {outcome.seconds:.0f} s",
    }.get(code, f"exit code {outcome.exit_code}")
