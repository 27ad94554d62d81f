"""Every error the kit raises on purpose.

    LLNError                  base: message says what, where, expected, got, how to fix
    |-- UsageError            the command line asks for something that cannot be done
    |-- TaskFileError         a task file breaks its own contract
    |-- FolderError           a folder cannot be used; carries every finding
    |   |-- CohortError       a cohort's
    |   `-- SubmissionError   a submission's: it cannot be scored at all
    |-- SandboxError          containers cannot be run at all; `kind` tells why
    `-- UnreadableFileError   one file cannot be read; `kind` tells how

A bad submission is no error: it is data, a tuple of findings (`schema.finding`). This module
imports nothing, so that anything may import it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from functools import partial
from typing import Any


class LLNError(Exception):
    """Base of every error the kit raises on purpose."""


class UsageError(LLNError):
    """The command line asks for something that cannot be done."""


class TaskFileError(LLNError):
    """A task file breaks its own contract."""


class FolderError(LLNError):
    """A folder cannot be used; `findings` holds every reason that has a code."""

    def __init__(self, message: str, *, findings: Sequence[Any] = ()) -> None:
        super().__init__(message)
        self.findings = tuple(findings)


class CohortError(FolderError):
    """A cohort folder cannot be used."""


class SubmissionError(FolderError):
    """A submission folder cannot be used at all."""


class Unrunnable(StrEnum):
    """Why no container could be run."""

    NO_SDK = "no_sdk"
    """The Python package `docker` is not installed."""
    NO_ENGINE = "no_engine"
    NO_IMAGE = "no_image"
    """The engine does not have it, or it says nothing to run."""
    NO_WEIGHTS = "no_weights"
    """The folder of weights cannot be read by the container's user."""
    DISK_FULL = "disk_full"
    BUSY = "busy"
    """Another command works on the same folder."""
    OTHER_RUN = "other_run"
    """The folder holds the run of another plan."""
    INPUT_CHANGED = "input_changed"
    """An image is no longer the one that the run began with."""
    ENGINE_FAILED = "engine_failed"
    """It failed one container after another."""


class SandboxError(LLNError):
    """Containers cannot be run at all; `kind` tells why, the message says the rest."""

    def __init__(self, message: str, *, kind: Unrunnable) -> None:
        super().__init__(message)
        self.kind = kind


class Unreadable(StrEnum):
    """How a file failed to be read."""

    MISSING = "missing"
    NOT_REGULAR = "not_regular"
    """A symbolic link, directory, device, socket or pipe where a file should be."""
    TOO_LARGE = "too_large"
    NOT_GZIP = "not_gzip"
    TRUNCATED = "truncated"
    CORRUPT = "corrupt"
    """The gzip checksum does not match."""
    NOT_NIFTI = "not_nifti"
    TRAILING = "trailing"
    """More bytes than the header declares."""
    ENCODING = "encoding"
    SYNTAX = "syntax"
    DENIED = "denied"


class UnreadableFileError(LLNError):
    """One file cannot be read; `kind` tells how, the message says the rest."""

    def __init__(self, message: str, *, kind: Unreadable) -> None:
        super().__init__(message)
        self.kind = kind

    def __reduce__(self) -> tuple[Any, ...]:
        """Survive the way back from a worker process."""
        return partial(UnreadableFileError, kind=self.kind), self.args
