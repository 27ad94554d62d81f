"""`board.toml`: what a leaderboard is of, and its house rules."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self

from pydantic import Field, model_validator

from schema.base import Digest, Frozen, Line, Text, Version
from schema.submission import Url

LEAST_COUNT = 5
"""Counts from 1 to 4 tell of so few patients that they could be told apart."""


class Board(Frozen):
    """One leaderboard folder: one cohort, one evaluator version, one board a task."""

    title: Line
    organiser: Line
    description: Text = ""
    cohort_name: Line
    cohort_digest: Digest
    """Entries of another cohort are shown as reference rows only (paper, human)."""
    kit_version: Version
    """Results of another evaluator are refused: versions are never mixed on one board."""
    opened: date
    closes: date | None = None
    attempts: Annotated[int, Field(ge=1)]
    """How many attempts a team has."""
    suppress_below: Annotated[int, Field(ge=2)] = LEAST_COUNT
    """On a hidden cohort counts from 1 to below this are withheld."""
    url: Url | None = None
    licence: Line
    draft: bool = False
    """A draft says so on every page and asks search engines to stay away."""

    @model_validator(mode="after")
    def _closes_after_it_opens(self) -> Self:
        if self.closes is not None and self.closes < self.opened:
            raise ValueError("closes must not be before opened")
        return self
