"""`board.toml`: what a leaderboard is of, and its house rules."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from pydantic import Field

from schema.base import Digest, Frozen, Line, Text, Version
from schema.submission import Url


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
    url: Url | None = None
    licence: Line
    draft: bool = False
    """A draft says so on every page and asks search engines to stay away."""
