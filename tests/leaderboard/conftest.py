"""Boards with real results on them, made once; copy them before changing anything."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NamedTuple

import pytest

from leaderboard import filing, ranked_board
from leaderboard.bundle import Request
from leaderboard.new_board import start
from schema.terms import Split
from tasks.cohort import Cohort
from tests.leaderboard.cohorts import write_answers, write_cohort, write_result

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
OPENED, DAY = date(2026, 1, 1), date(2026, 2, 1)
ERRORS = {"Alpha": (8, 12), "Beta": (3, 9), "Gamma": (11, 7)}
"""Missed and spurious positives of each team's model; Beta's 3 are too few to be told."""


class Made(NamedTuple):
    """A cohort, and what was scored on it."""

    cohort: Cohort
    submissions: dict[str, Path]
    results: dict[str, Path]
    """`result.json` of each team."""


class Place(NamedTuple):
    """A board in two folders."""

    results: Path
    private: Path


def _make(folder: Path, *, split: Split, teams: list[str]) -> Made:
    cohort = write_cohort(folder / "cohort", split=split)
    submissions, results = {}, {}
    for seed, team in enumerate(teams):
        missed, spurious = ERRORS[team]
        submissions[team] = write_answers(
            folder / f"answers-{team}",
            cohort,
            team=team,
            missed=missed,
            spurious=spurious,
            seed=seed,
        )
        results[team] = write_result(folder / f"result-{team}", cohort, submissions[team])
    return Made(cohort, submissions, results)


@pytest.fixture(scope="session")
def hidden(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A hidden cohort of 120 patients, 30 of them positive, and three teams' results."""
    return _make(tmp_path_factory.mktemp("hidden"), split=Split.HIDDEN, teams=list(ERRORS))


@pytest.fixture(scope="session")
def public(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The same patients as a public cohort, and two teams' results."""
    return _make(tmp_path_factory.mktemp("public"), split=Split.PUBLIC, teams=["Alpha", "Beta"])


def new_place(folder: Path, made: Made, *, attempts: int = 2) -> Place:
    """An empty board of the cohort."""
    place = Place(folder / "board", folder / "private")
    start(
        made.cohort,
        results=place.results,
        private=place.private,
        opened=OPENED,
        title="Test",
        organiser="Nobody",
        licence="CC0-1.0",
        attempts=attempts,
    )
    return place


def request_of(made: Made, team: str, **more: object) -> Request:
    """What files a team's result."""
    given = {"predictions": made.submissions[team], "submitted": DAY, **more}
    return Request(result=made.results[team], **given)  # type: ignore[arg-type]


def _filed(folder: Path, made: Made) -> Place:
    place = new_place(folder, made)
    for team in made.results:
        filing.add(request_of(made, team), results=place.results, private=place.private, now=NOW)
    ranked_board.rank(results=place.results, private=place.private)
    return place


@pytest.fixture(scope="session")
def hidden_place(hidden: Made, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Three ranked entries on a hidden cohort; never write to it."""
    return _filed(tmp_path_factory.mktemp("hidden-board"), hidden)


@pytest.fixture(scope="session")
def public_place(public: Made, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Two ranked entries on a public cohort; never write to it."""
    return _filed(tmp_path_factory.mktemp("public-board"), public)


@pytest.fixture
def board(hidden_place: Place, tmp_path: Path) -> Place:
    """A copy of the ranked board of the hidden cohort."""
    return _copied(hidden_place, tmp_path)


@pytest.fixture
def open_board(public_place: Place, tmp_path: Path) -> Place:
    """A copy of the ranked board of the public cohort."""
    return _copied(public_place, tmp_path)


@pytest.fixture
def empty(hidden: Made, tmp_path: Path) -> Place:
    """A board of the hidden cohort with nothing on it."""
    return new_place(tmp_path, hidden)


def _copied(place: Place, folder: Path) -> Place:
    shutil.copytree(place.results, folder / "board")
    shutil.copytree(place.private, folder / "private")
    return Place(folder / "board", folder / "private")


Damage = Callable[[Place], None]
