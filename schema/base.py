"""What every contract model shares: frozen, strict, closed, and free of NaN and infinity."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints


class Frozen(BaseModel):
    """An immutable record that refuses unknown fields, loose types, NaN and infinity."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )


CaseId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")]
"""A case's name: ASCII letters, digits, `_` and `-`; it becomes a file name, so nothing else."""

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
"""A lower-case identifier of a metric, a label or a scope."""

EntryId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$")]
"""A leaderboard entry's name: lower-case letters, digits, hyphens; it names files and pages."""

Digest = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
"""A SHA-256 digest, algorithm first."""

FindingCode = Annotated[str, StringConstraints(pattern=r"^LLN[0-9]{3}$")]
"""The stable code of a check."""

_NUMBER = r"(0|[1-9][0-9]*)"

Version = Annotated[str, StringConstraints(pattern=rf"^{_NUMBER}\.{_NUMBER}\.{_NUMBER}$")]
"""A semantic version; no number has leading zeros."""

Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$")]
"""An sRGB colour, lower-case hexadecimal."""

# Line breaks that are no newline, and the controls that turn the direction of the text around them.
# Lone surrogates need no pattern: they are no Unicode text, and pydantic takes them for none.
_UNSEEN = r"\x7f\u0085\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
_OF_LINE = rf"\x00-\x1f{_UNSEEN}"
_OF_TEXT = rf"\x00-\x08\x0b-\x1f{_UNSEEN}"

Line = Annotated[
    str,
    StringConstraints(
        min_length=1,
        max_length=200,
        pattern=rf"^[^{_OF_LINE}]*[^\s{_OF_LINE}][^{_OF_LINE}]*$",
    ),
]
"""One line of text, not blank, without control characters of ASCII or of Unicode's bidi."""

Text = Annotated[str, StringConstraints(max_length=4000, pattern=rf"^[^{_OF_TEXT}]*$")]
"""A paragraph that may be empty; of the control characters it holds tab and newline only."""

Prose = Annotated[
    str,
    StringConstraints(max_length=4000, pattern=rf"^[^{_OF_TEXT}]*[^\s{_OF_TEXT}][^{_OF_TEXT}]*$"),
]
"""A paragraph as `Text`, not blank."""

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Millimetres = Annotated[float, Field(gt=0.0, le=500.0)]
Coordinate = Annotated[float, Field(ge=-10_000.0, le=10_000.0)]
"""Of a point in the patient, LPS, in millimetres."""
Months = Annotated[float, Field(ge=0.0, le=1200.0)]
Count = Annotated[int, Field(ge=0)]
