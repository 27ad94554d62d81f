"""Keeping DICOM libraries from saying what they read."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager


@contextmanager
def quiet() -> Iterator[None]:
    """Silence pydicom and highdicom.

    Both put values of elements, a patient's name among them, into warnings and log lines. What is
    wrong with a file is for the checks to say, in words that name no value.
    """
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        for name in ("pydicom", "highdicom"):
            stack.enter_context(_silent(logging.getLogger(name)))
        yield


@contextmanager
def _silent(logger: logging.Logger) -> Iterator[None]:
    """Let nothing of a logger, or of those below it, reach any handler that shows it."""
    shown, handlers = logger.propagate, logger.handlers
    # without any handler Python would print a warning itself
    logger.propagate, logger.handlers = False, [logging.NullHandler()]
    try:
        yield
    finally:
        logger.propagate, logger.handlers = shown, handlers
