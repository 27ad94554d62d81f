"""What PUBLIC.md says is what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from leaderboard.checks import BOARD_CHECKS, FILING_CHECKS
from leaderboard.rounding import COARSER
from schema.board import LEAST_COUNT

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "leaderboard" / "PUBLIC.md").read_text(encoding="utf-8")


def test_every_code_is_listed_with_its_title() -> None:
    listed = re.findall(r"^\| (LLN\d{3}) \| (.+) \|$", TEXT, flags=re.MULTILINE)

    assert listed == [(each.code, each.title()) for each in (*FILING_CHECKS, *BOARD_CHECKS)]


def test_every_test_that_is_named_exists() -> None:
    named = set(re.findall(r"`(test_\w+\.py)`", TEXT))

    assert named
    assert {name for name in named if not (ROOT / "tests" / "leaderboard" / name).exists()} == set()


def test_the_threshold_and_the_steps_are_those_of_the_code() -> None:
    assert f"No count from 1 to {LEAST_COUNT - 1}**" in TEXT
    assert f"`suppress_below` in `board.toml`, {LEAST_COUNT} by default" in TEXT
    *most, last = map(str, COARSER)
    assert f"rounded to {', '.join(most)} or {last}" in TEXT


@pytest.mark.parametrize(("attempts", "percent"), [(3, 57), (20, 69), (100, 86)])
def test_rounded_scores_tell_labels_as_fast_as_it_says(attempts: int, percent: int) -> None:
    rng, patients, repeats = np.random.default_rng(attempts), 60, 500
    labels = rng.integers(0, 2, (repeats, 1, patients))
    flips = rng.integers(0, 2, (repeats, attempts, patients))
    scores = np.round((flips == labels).mean(axis=2), 2)
    votes = ((2 * flips - 1) * np.sign(scores - 0.5)[:, :, None]).sum(axis=1)
    answers = votes + rng.normal(0, 0.01, votes.shape) > 0

    right = (answers == labels[:, 0]).mean()

    assert abs(100 * right - percent) < 1.5
    assert f"{percent} % after {attempts}" in TEXT.replace("has 57 % right after", "57 % after")
