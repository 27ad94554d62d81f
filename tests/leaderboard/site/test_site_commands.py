"""`lln leaderboard build`: from a board's folder to a site's, over nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from leaderboard.board_folder import entries_digest, model_text, read_contents
from leaderboard.ledger import line_text
from leaderboard.site.folder import SUMS
from leaderboard.site_commands import build
from schema.board import Board
from tasks.files import toml_text, write_text
from tasks.terminal import Verbs
from tests.leaderboard.site import examples

VERBS = Verbs("leaderboard", commands={"build": build})


def board_toml(board: Board) -> str:
    """The board as its file holds it; dates are dates in TOML."""
    dates = {"opened": board.opened, "closes": board.closes}
    rest = board.model_dump(mode="json", exclude=set(dates), exclude_none=True)
    lines = "".join(f"{name} = {day.isoformat()}\n" for name, day in dates.items() if day)
    return toml_text(rest) + lines


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """The folder of a board of three."""
    folder, found = tmp_path / "results", examples.of_three()
    write_text(folder / "board.toml", board_toml(found.board))
    write_text(folder / "ledger.jsonl", "".join(map(line_text, found.ledger)))
    for entry in found.entries:
        write_text(folder / f"{entry.id}.json", model_text(entry))
    (folder / "standings").mkdir()
    contents = read_contents(folder)
    for task, standings in found.standings.items():
        made_from = {"entries_digest": entries_digest(contents, task)}
        text = model_text(standings.model_copy(update=made_from))
        write_text(folder / "standings" / f"{task}.json", text)
    return folder


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(VERBS, ["build", *map(str, arguments)])


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_a_site_is_written_and_its_sums_hold(results: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    done = run("--results", results, "--out", out)

    assert done.exit_code == 0, done.output
    assert done.output.strip() == str(out / "index.html")
    assert "SegResNet 1" in (out / "index.html").read_text(encoding="utf-8")
    checked = subprocess.run(
        ["sha256sum", "--check", "--quiet", SUMS], cwd=out, capture_output=True, check=False
    )
    assert (checked.returncode, checked.stdout) == (0, b"")
    assert set(files_of(out)) == {
        SUMS,
        *(line.split("  ")[1] for line in (out / SUMS).read_text().splitlines()),
    }


def test_a_second_run_changes_no_byte(results: Path, tmp_path: Path) -> None:
    out = tmp_path / "site"
    run("--results", results, "--out", out)
    before = files_of(out)

    assert run("--results", results, "--out", out).exit_code == 0
    assert files_of(out) == before


def test_what_an_earlier_site_had_and_this_one_has_not_is_removed(
    results: Path, tmp_path: Path
) -> None:
    out = tmp_path / "site"
    run("--results", results, "--out", out)
    done = run("--results", results, "--out", out, "--single-file")

    assert done.exit_code == 0, done.output
    assert set(files_of(out)) == {"leaderboard.html", SUMS}


def test_nothing_else_is_written_over(results: Path, tmp_path: Path) -> None:
    mine = tmp_path / "site" / "thesis.txt"
    write_text(mine, "mine")
    done = run("--results", results, "--out", mine.parent)

    assert done.exit_code == 2
    assert "thesis.txt, which is no part of a site" in done.output
    assert files_of(mine.parent) == {"thesis.txt": b"mine"}


def test_a_board_is_not_taken_for_an_earlier_site(results: Path) -> None:
    before = files_of(results)

    assert run("--results", results, "--out", results).exit_code == 2
    assert files_of(results) == before


def test_standings_of_other_entries_are_refused(results: Path, tmp_path: Path) -> None:
    (results / "team-01.json").unlink()
    done = run("--results", results, "--out", tmp_path / "site")

    assert done.exit_code == 2
    assert "expected those of the entries that are there" in done.output
    assert not (tmp_path / "site").exists()


def test_a_folder_that_is_no_board_is_refused(tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()

    assert run("--results", tmp_path / "nothing", "--out", tmp_path / "site").exit_code == 2
