"""A new evaluator means a new board: the same predictions, scored again, nothing counted twice."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from leaderboard import filing, ranked_board
from leaderboard.board_folder import read_contents
from leaderboard.ledger import State, attempts_of, states
from leaderboard.rescoring import Outcome, rescore
from leaderboard.rescoring import Place as Pair
from leaderboard.verification import Evidence, verify
from schema.errors import UsageError
from schema.ledger import Event
from tasks.files import digest_folder
from tests.leaderboard.conftest import NOW, Made, Place

ALL = ("board.toml", "ledger.jsonl", "SHA256SUMS", "standings", "alpha-model.json")


def again(board: Place, hidden: Made, folder: Path) -> tuple[Pair, tuple[Outcome, ...]]:
    new = Pair(folder / "new", folder / "new-private")
    return new, rescore(Pair(*board), new, cohort=hidden.cohort, jobs=1, now=NOW)


def test_a_new_board_has_the_same_entries_and_the_old_one_is_untouched(
    board: Place, hidden: Made, tmp_path: Path
) -> None:
    reason = "By hand."
    filing.decide(Event.DISQUALIFIED, "beta-model", results=board.results, reason=reason, now=NOW)
    shutil.rmtree(board.private / "gamma-model")
    before = digest_folder(board.results, names=ALL)

    new, outcomes = again(board, hidden, tmp_path)

    assert digest_folder(board.results, names=ALL) == before
    assert [(each.entry, each.problem) for each in outcomes] == [
        ("alpha-model", None),
        ("beta-model", None),
        ("gamma-model", "no predictions are kept"),
    ]
    contents = read_contents(new.results)
    assert [(line.event, line.entry) for line in contents.ledger] == [
        (Event.RESCORED, "alpha-model"),
        (Event.RESCORED, "beta-model"),
        (Event.DISQUALIFIED, "beta-model"),
    ]
    assert contents.ledger[-1].reason == reason
    assert states(contents.ledger)["beta-model"] is State.DISQUALIFIED
    assert attempts_of(contents.ledger, "Alpha") == 0
    old = read_contents(board.results).entries["alpha-model"]
    # the same evaluator gives the same bytes, committed to under another secret
    kept = [
        (private / "alpha-model" / "result.json").read_bytes()
        for private in (board.private, new.private)
    ]
    assert kept[0] == kept[1]
    assert contents.entries["alpha-model"].result_digest != old.result_digest
    assert contents.entries["alpha-model"].tasks == old.tasks
    ranked_board.rank(results=new.results, private=new.private)
    assert verify(new.results, evidence=Evidence(private=new.private)) == ()


def test_predictions_that_changed_are_not_scored(
    board: Place, hidden: Made, tmp_path: Path
) -> None:
    for entry in ("beta-model", "gamma-model"):
        shutil.rmtree(board.private / entry)
    moved = shutil.copytree(hidden.submissions["Alpha"], tmp_path / "answers")
    table = moved / "positivity.csv"
    table.write_text(table.read_text().replace(",0.", ",0.1", 1))
    (board.private / "alpha-model" / "predictions.json").write_text(f'{{"folder": "{moved}"}}')

    _, outcomes = again(board, hidden, tmp_path)

    assert "not what was scored" in str(outcomes[0].problem)
    assert all(each.problem for each in outcomes)


def test_another_cohort_and_a_full_folder_are_refused(
    board: Place, hidden: Made, public: Made, tmp_path: Path
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()

    with pytest.raises(UsageError, match="not the board's cohort"):
        again(board, public, tmp_path)
    with pytest.raises(UsageError, match="not empty"):
        rescore(
            Pair(*board),
            Pair(tmp_path / "full", tmp_path / "p"),
            cohort=hidden.cohort,
            jobs=1,
            now=NOW,
        )
