"""Sites of invented leaderboards, made once and written where a browser can open them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from leaderboard.board_folder import read_contents
from leaderboard.site.build import build
from leaderboard.site.folder import leaderboard_of
from leaderboard.site.inputs import Leaderboard
from tests.leaderboard.site import examples

RESULTS = Path(__file__).parents[3] / "leaderboard" / "results"


@cache
def own_board() -> Leaderboard:
    """The kit's own board: real results, the replica of the published cohort among them."""
    return leaderboard_of(read_contents(RESULTS))


BUILDERS: dict[str, Callable[[], Leaderboard]] = {
    "own": own_board,
    "none": examples.of_none,
    "one": examples.of_one,
    "three": examples.of_three,
    "many": examples.of_many,
}


@cache
def site(name: str) -> dict[str, str]:
    """The files of an example's site."""
    return build(BUILDERS[name]())


@cache
def single_file(name: str) -> str:
    """The same in one file."""
    (text,) = build(BUILDERS[name](), single=True).values()
    return text


def pages(name: str) -> list[str]:
    """Paths of an example's pages."""
    return [path for path in site(name) if path.endswith(".html")]


def write(files: dict[str, str], folder: Path) -> Path:
    """Put the files into a folder."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder
