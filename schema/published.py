"""Numbers of a publication, each with where it stands and what the kit makes of it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schema.base import Frozen, Line, Slug, Text


class PublishedNumber(Frozen):
    """One number as printed, and which number of a result answers it."""

    id: Slug
    what: Line
    where: Line
    """In the publication."""
    printed: Line
    value: float
    """As a number: a percentage is a fraction."""
    low: float | None = None
    high: float | None = None
    p_value: Annotated[float, Field(ge=0, le=1)] | None = None
    """As printed; "<0.001" is its bound."""
    kit: Line | None = None
    """Locator of the kit's number; `evaluation.published_numbers` reads it."""
    tolerance: Annotated[float, Field(ge=0)] | None = None
    """Largest difference that reproduces it; without one, its interval has to hold the kit's."""
    verdict: Literal["reproduced", "inconsistent", "not_determined"]
    why: Text = ""
    """Why it is not reproduced."""

    @model_validator(mode="after")
    def _interval_is_whole(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("low and high go together")
        return self

    @model_validator(mode="after")
    def _verdict_can_be_judged(self) -> Self:
        judged = self.tolerance is not None or self.low is not None
        if self.verdict == "reproduced" and (self.kit is None or not judged):
            raise ValueError("a reproduced number needs kit, and tolerance or an interval")
        if self.verdict != "reproduced" and not self.why:
            raise ValueError("a number that is not reproduced needs a reason in why")
        return self


class PublishedNumbers(Frozen):
    """Every number of one publication."""

    source: Line
    numbers: Annotated[tuple[PublishedNumber, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _numbers_are_unique(self) -> Self:
        if len({each.id for each in self.numbers}) != len(self.numbers):
            raise ValueError("numbers must not repeat an id")
        return self
