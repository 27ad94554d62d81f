"""Any change of any file of a board is found out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leaderboard import board_folder, filing, ranked_board
from leaderboard.board_folder import (
    BOARD,
    LEDGER,
    PENDING,
    SUMS,
    public_paths,
    read_contents,
    sums_text,
)
from leaderboard.checks import BOARD_CHECKS
from leaderboard.ledger import line_text, next_line, seal
from leaderboard.verification import Evidence, last_digest, verify
from schema.errors import UsageError
from schema.ledger import Event, LedgerLine
from tasks.files import canonical_json, digest_bytes, json_line
from tests.leaderboard.conftest import NOW, Place

NOTHING = Evidence()


def codes(results: Path, evidence: Evidence = NOTHING) -> set[str]:
    return {each.code for each in verify(results, evidence=evidence)}


def reseal(results: Path) -> None:
    """What a forger does who knows the format: SHA256SUMS fits again."""
    (results / SUMS).write_text(sums_text(results), encoding="utf-8")


def test_a_sound_board_verifies_with_and_without_its_private_files(
    hidden_place: Place, public_place: Place
) -> None:
    for place in (hidden_place, public_place):
        assert verify(place.results, evidence=NOTHING) == ()
        assert verify(place.results, evidence=Evidence(private=place.private)) == ()


def test_an_empty_board_is_sound(empty: Place) -> None:
    assert verify(empty.results, evidence=Evidence(private=empty.private)) == ()


def test_a_folder_that_is_no_board_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no board"):
        verify(tmp_path, evidence=NOTHING)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_flipped_bit_of_any_file_is_found(data: st.DataObject, hidden_place: Place) -> None:
    path = hidden_place.results / data.draw(st.sampled_from(public_paths(hidden_place.results)))
    content = path.read_bytes()
    position = data.draw(st.integers(0, len(content) - 1))
    flipped = bytearray(content)
    flipped[position] ^= 1 << data.draw(st.integers(0, 7))

    path.write_bytes(flipped)
    try:
        assert verify(hidden_place.results, evidence=NOTHING)
    finally:
        path.write_bytes(content)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_line_removed_repeated_or_exchanged_is_found(
    data: st.DataObject, hidden_place: Place
) -> None:
    path = hidden_place.results / data.draw(st.sampled_from(public_paths(hidden_place.results)))
    content = path.read_bytes()
    lines = content.splitlines(keepends=True)
    index = data.draw(st.integers(0, len(lines) - 1))
    other = data.draw(st.integers(0, len(lines) - 1))
    exchanged = lines.copy()
    exchanged[index], exchanged[other] = lines[other], lines[index]
    changed = data.draw(
        st.sampled_from(
            [
                lines[:index] + lines[index + 1 :],
                [*lines[:index], lines[index], *lines[index:]],
                exchanged,
                [],
            ]
        )
    )
    tampered = b"".join(changed)

    path.write_bytes(tampered)
    try:
        assert bool(verify(hidden_place.results, evidence=NOTHING)) == (tampered != content)
    except UsageError:
        assert path.name == BOARD
    finally:
        path.write_bytes(content)


def test_every_file_is_missed_when_it_is_gone(board: Place) -> None:
    for name in public_paths(board.results):
        path = board.results / name
        content = path.read_bytes()
        path.unlink()
        if name == BOARD:
            with pytest.raises(UsageError):
                verify(board.results, evidence=NOTHING)
        else:
            assert verify(board.results, evidence=NOTHING), name
        path.write_bytes(content)


@pytest.mark.parametrize("name", ["notes.txt", ".hidden", "standings/notes.md", "cases/x.json"])
def test_a_file_that_is_no_part_of_a_board_is_found(name: str, board: Place) -> None:
    (board.results / name).parent.mkdir(exist_ok=True)
    (board.results / name).write_text("case_0001")

    assert codes(board.results) == {"LLN221"}


def test_a_link_is_no_part_of_a_board(board: Place) -> None:
    moved = board.private / "alpha-model.json"
    (board.results / "alpha-model.json").rename(moved)
    (board.results / "alpha-model.json").symlink_to(moved)

    assert "LLN221" in codes(board.results)


# --- by somebody who makes SHA256SUMS fit again -------------------------------------------------


def rewrite(path: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads(path.read_text(encoding="utf-8"))
    edit(content)
    path.write_text(canonical_json(content), encoding="utf-8")


def better(entry: dict[str, Any]) -> None:
    entry["tasks"][0]["figures"][0]["value"] = 0.99


def test_a_better_figure_contradicts_the_ledger(board: Place) -> None:
    rewrite(board.results / "alpha-model.json", better)
    reseal(board.results)

    assert codes(board.results) == {"LLN224", "LLN225"}


def forged_ledger(results: Path, edit: Callable[[dict[str, Any]], object], index: int) -> None:
    """Change one line and seal it and all after it again."""
    lines = [json.loads(line) for line in (results / LEDGER).read_text().splitlines()]
    edit(lines[index])
    previous = lines[index]["previous"]
    for line in lines[index:]:
        line["previous"] = previous
        line["digest"] = previous = seal(line)
    (results / LEDGER).write_text("".join(map(json_line, lines)), encoding="utf-8")


def test_a_figure_forged_down_to_the_chain_needs_the_noted_head_or_the_private_files(
    board: Place,
) -> None:
    head = last_digest(board.results)
    rewrite(board.results / "alpha-model.json", better)
    digest = digest_bytes((board.results / "alpha-model.json").read_bytes())
    forged_ledger(board.results, lambda line: line.update(entry_digest=digest), 0)
    contents = read_contents(board.results)
    for task, standings in contents.standings.items():
        path = board.results / "standings" / f"{standings.task}.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        content["entries_digest"] = board_folder.entries_digest(contents, task)
        path.write_text(canonical_json(content), encoding="utf-8")
    reseal(board.results)

    assert codes(board.results) == set()
    assert codes(board.results, Evidence(head=head)) == {"LLN229"}
    assert codes(board.results, Evidence(private=board.private)) == {"LLN224", "LLN225"}


def test_a_line_left_out_at_the_end_is_missed_by_the_noted_head(board: Place) -> None:
    filing.decide(Event.WITHDRAWN, "beta-model", results=board.results, reason="x", now=NOW)
    ranked_board.rank(results=board.results, private=board.private)
    head = last_digest(board.results)
    assert codes(board.results, Evidence(head=head)) == set()

    texts = (board.results / LEDGER).read_text().splitlines(keepends=True)
    (board.results / LEDGER).write_text("".join(texts[:-1]))
    reseal(board.results)

    assert codes(board.results, Evidence(head=head)) == {"LLN225", "LLN229"}


def test_an_entry_that_the_ledger_does_not_know_is_found(board: Place) -> None:
    rewrite(board.results / "alpha-model.json", lambda entry: entry.update(id="delta"))
    (board.results / "alpha-model.json").rename(board.results / "delta.json")
    reseal(board.results)

    assert codes(board.results) == {"LLN224", "LLN225"}


def exchange_ranks(standings: dict[str, Any]) -> None:
    """Change who is first by `mean_then_rank`, consistently within the file."""
    for scheme in standings["schemes"]:
        if scheme["scheme"] == "mean_then_rank":
            ranks = scheme["ranks"]
            best = min(ranks, key=ranks.get)
            worst = max(ranks, key=ranks.get)
            ranks[best], ranks[worst] = ranks[worst], ranks[best]


@pytest.mark.parametrize("which", ["board", "open_board"])
def test_ranks_that_do_not_follow_from_the_figures_are_found(
    which: str, request: pytest.FixtureRequest
) -> None:
    place: Place = request.getfixturevalue(which)
    rewrite(place.results / "standings" / "positivity.json", exchange_ranks)
    reseal(place.results)

    assert codes(place.results) == {"LLN225"}


def test_standings_that_are_older_than_a_decision_are_found(board: Place) -> None:
    filing.decide(Event.WITHDRAWN, "beta-model", results=board.results, reason="x", now=NOW)
    assert codes(board.results) == {"LLN225"}

    ranked_board.rank(results=board.results, private=board.private)
    assert codes(board.results, Evidence(private=board.private)) == set()

    filing.decide(Event.REINSTATED, "beta-model", results=board.results, reason="x", now=NOW)
    assert codes(board.results) == {"LLN225"}


def test_standings_of_other_cases_are_found_with_the_private_files(board: Place) -> None:
    def surer(standings: dict[str, Any]) -> None:
        standings["standings"][0]["first"] = 1.0

    rewrite(board.results / "standings" / "positivity.json", surer)
    reseal(board.results)

    assert codes(board.results) == set()
    assert codes(board.results, Evidence(private=board.private)) == {"LLN225"}


@pytest.mark.parametrize("name", ["result.json", "cases.jsonl", "nonce"])
def test_private_files_that_changed_are_found(name: str, board: Place) -> None:
    path = board.private / "alpha-model" / name
    path.write_bytes(path.read_bytes()[:-1] + b" ")

    assert codes(board.results, Evidence(private=board.private)) == {"LLN226"}


def test_more_attempts_than_allowed_are_found(board: Place) -> None:
    lines: tuple[LedgerLine, ...] = read_contents(board.results).ledger
    for number in range(2):
        line = next_line(
            lines,
            at=NOW,
            event=Event.FAILED,
            entry=f"more-{number}",
            kind=lines[0].kind,
            team=lines[0].team,
            reason="x",
        )
        lines = (*lines, line)
    (board.results / LEDGER).write_text("".join(map(line_text, lines)), encoding="utf-8")
    reseal(board.results)

    assert codes(board.results) == {"LLN223"}


def test_a_command_that_was_interrupted_is_told_and_verify_changes_nothing(board: Place) -> None:
    (board.results / PENDING).write_text("{}")

    assert "LLN228" in codes(board.results)
    assert (board.results / PENDING).exists()


def test_every_check_has_its_own_code_and_help() -> None:
    found = [check.code for check in BOARD_CHECKS]

    assert found == sorted(set(found))
    for check in BOARD_CHECKS:
        assert check.title()
        assert check.fix()
