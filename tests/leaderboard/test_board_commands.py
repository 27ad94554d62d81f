"""The verbs of a board, from its start to its verification."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from leaderboard import commands
from leaderboard.board_folder import read_board, read_contents
from schema.ledger import Event
from tasks.terminal import Verbs
from tests.leaderboard.conftest import Made, Place

VERBS = {
    "new": commands.new_board,
    "add": commands.add,
    "fail": commands.fail,
    "rank": commands.rank,
    "withdraw": commands.withdraw,
    "disqualify": commands.disqualify,
    "reinstate": commands.reinstate,
    "verify": commands.verify,
    "sign": commands.sign,
    "rescore": commands.rescore,
}
GROUP = Verbs("leaderboard", commands=dict(VERBS))


def lln(*arguments: object) -> Result:
    return CliRunner().invoke(GROUP, [str(each) for each in arguments], catch_exceptions=False)


def folders(place: Place) -> tuple[object, ...]:
    return "--results", place.results, "--private", place.private


def test_a_board_from_its_start_to_its_verification(hidden: Made, tmp_path: Path) -> None:
    place = Place(tmp_path / "board", tmp_path / "private")
    started = lln(
        "new", "--cohort", hidden.cohort.folder, *folders(place), "--title", "LLN",
        "--organiser", "A Hospital", "--licence", "CC-BY-4.0", "--attempts", 1,
        "--opened", "2026-01-01", "--closes", "2026-12-31",
    )  # fmt: skip
    added = lln(
        "add", hidden.results["Alpha"], *folders(place), "--date", "2026-02-01",
        "--note", "One.", "--note", "Two.", "--json",
    )  # fmt: skip
    failed = lln(
        "fail", hidden.submissions["Beta"] / "submission.toml", "--results", place.results,
        "--reason", "No case was answered.", "--date", "2026-02-02",
    )  # fmt: skip
    ranked = lln("rank", *folders(place))
    verified = lln("verify", *folders(place), "--json")

    for each in (started, added, failed, ranked, verified):
        assert each.exit_code == 0, each.output
    assert str(read_board(place.results).closes) == "2026-12-31"
    assert json.loads(added.stdout)["notes"] == ["One.", "Two."]
    assert failed.stdout == "2 failed beta-model\n"
    assert "alpha-model" in ranked.stdout
    assert json.loads(verified.stdout) == {"findings": []}


def test_what_cannot_be_filed_is_told_in_full_and_leaves_with_2(board: Place, hidden: Made) -> None:
    refused = lln("add", hidden.results["Alpha"], *folders(board), "--date", "2025-01-01")

    assert refused.exit_code == 2
    assert "LLN208" in refused.stderr
    assert "LLN210" in refused.stderr
    assert "was not filed" in refused.stderr


@pytest.mark.parametrize(
    ("verbs", "last"),
    [
        (["withdraw"], Event.WITHDRAWN),
        (["disqualify"], Event.DISQUALIFIED),
        (["withdraw", "reinstate"], Event.REINSTATED),
    ],
)
def test_decisions_are_lines_with_a_reason(verbs: list[str], last: Event, board: Place) -> None:
    for verb in verbs:
        done = lln(verb, "alpha-model", "--results", board.results, "--reason", "A reason.")
        assert done.exit_code == 0, done.output

    line = read_contents(board.results).ledger[-1]
    assert (line.event, line.reason) == (last, "A reason.")


def test_a_decision_that_cannot_be_leaves_with_2(board: Place) -> None:
    done = lln("reinstate", "alpha-model", "--results", board.results, "--reason", "x")

    assert done.exit_code == 2
    assert "it is listed" in done.stderr


def test_verify_shows_the_head_and_leaves_with_1_when_something_is_wrong(board: Place) -> None:
    sound = lln("verify", "--results", board.results)
    head = sound.stdout.split()[-3]
    noted = lln("verify", "--results", board.results, "--head", head)
    (board.results / "notes.txt").touch()
    found = lln("verify", "--results", board.results)
    nothing = lln("verify", "--results", board.private)

    assert head == read_contents(board.results).ledger[-1].digest
    assert [each.exit_code for each in (sound, noted, found, nothing)] == [0, 0, 1, 2]
    assert "LLN221" in found.stderr


@pytest.mark.parametrize("name", VERBS)
def test_every_verb_shows_an_example_of_itself(name: str) -> None:
    text = VERBS[name].get_help(click.Context(VERBS[name]))

    assert f"Example: lln leaderboard {name}" in text
