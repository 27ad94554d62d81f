"""The kit's own board, as it is committed."""

from __future__ import annotations

from pathlib import Path

from leaderboard.board_folder import read_contents
from leaderboard.site import build
from leaderboard.site.folder import leaderboard_of
from leaderboard.verification import Evidence, verify

BOARD = Path(__file__).parents[2] / "leaderboard" / "results"


def test_it_is_whole() -> None:
    evidence = Evidence(private=None, allowed_signers=None, head=None)
    assert verify(BOARD, evidence=evidence) == ()


def test_its_pages_show_the_baseline_the_readers_and_the_paper() -> None:
    pages = build.build(leaderboard_of(read_contents(BOARD)), single=False)
    text = pages["index.html"]
    for shown in ("baseline-nnunet", "Reader R1", "Qiao", "Reference standard"):
        assert shown in text
