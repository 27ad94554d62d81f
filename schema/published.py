"""Numbers of a publication, each with where it stands and what the kit makes of it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schema.base import Frozen, Line, Probability, Slug, Text

Verdict = Literal["reproduced", "inconsistent", "not_determined"]
"""The kit finds the number; the publication contradicts it; or neither can be shown."""
Section = Literal[
    "abstract",
    "methods",
    "results",
    "table_1",
    "table_2",
    "figure_2",
    "figure_3",
    "figure_4",
    "supplement",
    "discussion",
]
"""Part of the publication."""


class Judgement(Frozen):
    """A verdict with its reason."""

    verdict: Verdict
    why: Text = ""
    """Why it is not reproduced."""

    @model_validator(mode="after")
    def _what_is_not_reproduced_is_explained(self) -> Self:
        if self.verdict != "reproduced" and not self.why:
            raise ValueError("a number that is not reproduced needs a reason in why")
        return self


class PublishedNumber(Judgement):
    """One number as printed, and which number of a result answers it."""

    id: Slug
    what: Line
    section: Section
    where: Line
    """In the publication, to the panel or paragraph."""
    printed: Line
    """With its interval, where it has one."""
    value: float
    """As a number: a percentage is a fraction; "<0.001" is its bound."""
    low: float | None = None
    high: float | None = None
    p_printed: Line | None = None
    """The p value printed beside it."""
    p_value: Probability | None = None
    """As a number; "<0.001" is its bound."""
    cohort: Literal["replica", "paper"] = "replica"
    """Which committed cohort's result answers it: the replica, or the bare counts."""
    kit: Line | None = None
    """Locator of the kit's number; `evaluation.published_numbers` reads it."""
    tolerance: Annotated[float, Field(ge=0)] | None = None
    """Largest difference that reproduces it; without one, its interval has to hold the kit's."""
    interval: Judgement | None = None
    """Of the printed interval, beside the kit's."""
    p: Judgement | None = None
    """Of the printed p value, beside the kit's."""

    @model_validator(mode="after")
    def _parts_are_whole(self) -> Self:
        if len({each is None for each in (self.low, self.high, self.interval)}) > 1:
            raise ValueError("low, high and the verdict on the interval go together")
        if len({each is None for each in (self.p_printed, self.p_value, self.p)}) > 1:
            raise ValueError("p_printed, p_value and the verdict on p go together")
        return self

    @model_validator(mode="after")
    def _verdict_can_be_judged(self) -> Self:
        judged = self.tolerance is not None or self.low is not None or self.printed.startswith("<")
        if self.verdict == "reproduced" and (self.kit is None or not judged):
            raise ValueError("a reproduced number needs kit, and tolerance or an interval")
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
