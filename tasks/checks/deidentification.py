"""Checks of DICOM files that are to be de-identified, codes from LLN540: why one is left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tasks.checks.base import Check, Problem


class TextInPixels(Check[str]):
    """The file says that text, or a face, is in its pixels.

    Look at the image. If nothing in it tells who the patient is, say so with --pixels-looked-at;
    if something does, leave it out. No pixel is ever painted over.
    """

    code = "LLN540"
    fails_case = False

    @staticmethod
    def find(facts: str) -> Iterator[Problem]:
        """The facts are what was found, without any value of the file."""
        yield Problem("Burned In Annotation that is not YES", facts)


class KindNotWritten(Check[str]):
    """The file is no MR image and no segmentation.

    Secondary captures, reports, presentation states and documents hold text that no rule can clean;
    none is needed for the tasks. Nothing is to be done.
    """

    code = "LLN541"
    fails_case = False

    @staticmethod
    def find(facts: str) -> Iterator[Problem]:
        """The facts are what was found, without any value of the file."""
        yield Problem("an MR image or a segmentation", facts)


class FileNotCleaned(Check[str]):
    """The file cannot be read, or its pixels cannot be decoded.

    Export it again, or install the decoder that is named here.
    """

    code = "LLN542"
    fails_case = False

    @staticmethod
    def find(facts: str) -> Iterator[Problem]:
        """The facts are what was found, without any value of the file."""
        yield Problem("a DICOM image that can be decoded", facts)


class PatientUnknown(Check[str]):
    """The file does not say whose it is.

    Without a Patient ID there is no case id. Export it again with one.
    """

    code = "LLN543"
    fails_case = False

    @staticmethod
    def find(facts: str) -> Iterator[Problem]:
        """The facts are what was found, without any value of the file."""
        yield Problem("a Patient ID", facts)


class IssuersDiffer(Check[str]):
    """One Patient ID was given by several issuers.

    It may stand for two patients, who would become one case. De-identify each hospital's export by
    itself, with a key of its own.
    """

    code = "LLN544"
    fails_case = False

    @staticmethod
    def find(facts: str) -> Iterator[Problem]:
        """The facts are what was found, without any value of the file."""
        yield Problem("one Issuer of Patient ID for each Patient ID", facts)


class NotGrey(Check[str]):
    """The image is in colour.

    An MR image of the task has one grey value a pixel; colour maps are computed, and often hold
    text. Nothing is to be done.
    """

    code = "LLN545"
    fails_case = False

    @staticmethod
    def find(facts: str) -> Iterator[Problem]:
        """The facts are what was found, without any value of the file."""
        yield Problem("one grey value a pixel", facts)


DEIDENTIFICATION_CHECKS: tuple[type[Check[Any]], ...] = (
    TextInPixels,
    KindNotWritten,
    FileNotCleaned,
    PatientUnknown,
    IssuersDiffer,
    NotGrey,
)
"""In the order of their codes."""
