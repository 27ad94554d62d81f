"""What can go wrong, as a closed set. The platform shows the last line of standard error.

A message says what happened in words of this adapter only: no path, no file name and no text that
a model wrote, because any of them may say something about a patient.
"""

from __future__ import annotations

from enum import Enum


class Kind(Enum):
    """A code, the exit code of `exec` and the HTTP status of `invoke`."""

    INTERNAL = ("internal", 1, 500)
    SETTINGS = ("settings_invalid", 2, 500)
    INPUTS = ("inputs_invalid", 3, 422)
    IMAGE_MISSING = ("image_missing", 3, 422)
    IMAGE_AMBIGUOUS = ("image_ambiguous", 3, 422)
    IMAGE_UNSUPPORTED = ("image_unsupported", 3, 422)
    IMAGE_DAMAGED = ("image_damaged", 3, 422)
    MODEL_FAILED = ("model_failed", 4, 500)
    MODEL_TIMEOUT = ("model_timeout", 5, 504)
    MODEL_KILLED = ("model_killed", 137, 500)
    """By SIGKILL, as at the memory limit; the platform reads 137 as `memory limit exceeded`."""
    ANSWER_MISSING = ("answer_missing", 6, 502)
    ANSWER_INVALID = ("answer_invalid", 6, 502)
    OUTPUT = ("output_unwritable", 7, 500)
    BUSY = ("busy", 1, 409)
    NOT_FOUND = ("not_found", 1, 404)
    LENGTH_REQUIRED = ("length_required", 1, 411)
    BODY_TOO_LARGE = ("body_too_large", 1, 413)

    def __init__(self, code: str, exit_code: int, http_status: int) -> None:
        self.code = code
        self.exit_code = exit_code
        self.http_status = http_status


class Failure(Exception):  # noqa: N818 - it fails a case, the adapter goes on
    """A case has no answer, or a request is refused.

    Attributes:
        kind: which of the closed set.
        message: what happened, safe to show to anybody.
    """

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message

    def line(self) -> str:
        """The one line that is shown to the entrant."""
        return f"lln-adapter: {self.kind.code}: {self.message}"
