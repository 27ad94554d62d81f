"""Checks that nothing in a cohort folder tells who a patient is, codes from LLN500.

The facts of each are (where, what was found), without the value itself: a finding may be shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from tasks.checks.base import Check, Problem


class Seen(NamedTuple):
    """Something that may tell who a patient is."""

    expected: str
    got: str
    where: str = ""
    """Within the file."""


class _Seen(Check[tuple[Seen, ...]]):
    """What was seen is a problem."""

    fails_case = False

    @staticmethod
    def find(facts: tuple[Seen, ...]) -> Iterator[Problem]:
        """One problem each."""
        for each in facts:
            yield Problem(each.expected, each.got, where=each.where)


class HeaderText(_Seen):
    """A text field of a NIfTI header is not empty.

    Converters write patient names, times and paths there. Write the file again without it; an
    import by the kit leaves all of them empty.
    """

    code = "LLN500"


class HeaderExtension(_Seen):
    """A NIfTI file has header extensions.

    They may hold a whole DICOM header or a comment. Write the file again without them.
    """

    code = "LLN501"


class GzipField(_Seen):
    """A gzip header names a file, a time, a comment or has an extra field.

    gzip keeps the name and the date of the file that it packed. Pack it again with `gzip -n`.
    """

    code = "LLN502"


class HiddenBytes(_Seen):
    """A volume holds bytes that are no header and no voxel.

    Nothing reads them, and anything may be in them. Write the file again.
    """

    code = "LLN503"


class FileNotOfCohort(_Seen):
    """A file that is no part of a cohort lies in its folder.

    It would be published with it. Remove it.
    """

    code = "LLN510"


class SystemFile(_Seen):
    """A file of an operating system or a tool lies in the folder.

    .DS_Store, Thumbs.db and resource forks hold names and pictures of other files. Remove it.
    """

    code = "LLN511"


class DicomInCohort(_Seen):
    """A DICOM file lies in the cohort folder.

    Its header tells who the patient is. Remove it; `lln cohort deidentify` makes one that may be
    handed over.
    """

    code = "LLN512"


class PictureInCohort(_Seen):
    """A picture lies in the cohort folder.

    It may show a name, and its own metadata may hold one. Remove it.
    """

    code = "LLN513"


class NameLikeIdentifier(_Seen):
    """A case id looks like a patient id, a date or a name.

    Give salted case ids: `lln cohort import` with case_ids = "salted", or a key of
    `lln cohort deidentify`.
    """

    code = "LLN520"


class ColumnUnknown(_Seen):
    """A table has a column that is not of the contract.

    Remove it.
    """

    code = "LLN530"


class CellLikeIdentifier(_Seen):
    """A cell or a text looks like a date, an address, a UID, a number of a patient or a name.

    Replace dates by months from the MRI, remove anything else.
    """

    code = "LLN531"


class AgeAbove(_Seen):
    """An age is above 89 years.

    So few people are that old that it tells who they are. Write 90 for all of them.
    """

    code = "LLN532"


class KnownIdentifier(_Seen):
    """A text by which the hospital knows a patient is in the cohort.

    Remove it; the finding names the new case id of that patient, not the text.
    """

    code = "LLN533"


class KeyInCohort(_Seen):
    """The key, or its salt, is in the cohort.

    Whoever has it knows who is who. Move it out, make a new key, and give all cases new ids: the
    old ones can no longer be trusted.
    """

    code = "LLN534"


IDENTIFIER_CHECKS: tuple[type[Check[Any]], ...] = (
    HeaderText,
    HeaderExtension,
    GzipField,
    HiddenBytes,
    FileNotOfCohort,
    SystemFile,
    DicomInCohort,
    PictureInCohort,
    NameLikeIdentifier,
    ColumnUnknown,
    CellLikeIdentifier,
    AgeAbove,
    KnownIdentifier,
    KeyInCohort,
)
"""In the order of their codes."""
