"""A board can be signed, and the signature is of that board, by that key, for that purpose."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from leaderboard import filing
from leaderboard.board_folder import SIGNATURE, SUMS
from leaderboard.signature import NAMESPACE, sign, signature_problem
from leaderboard.verification import Evidence, verify
from schema.errors import UsageError
from schema.ledger import Event
from tests.leaderboard.conftest import NOW, Place

ORGANISER = "organiser@example.org"


def keygen(*arguments: str) -> None:
    program = shutil.which("ssh-keygen")
    assert program, "CI installs openssh-client; on Debian: apt-get install openssh-client"
    subprocess.run([program, *arguments], check=True, capture_output=True, stdin=subprocess.DEVNULL)


def new_key(folder: Path, name: str) -> Path:
    keygen("-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name))
    return folder / name


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return new_key(tmp_path, "organiser")


@pytest.fixture
def signers(key: Path, tmp_path: Path) -> Path:
    public = key.with_suffix(".pub").read_text()
    path = tmp_path / "allowed_signers"
    path.write_text(f'{ORGANISER} namespaces="{NAMESPACE}" {public}')
    return path


def codes(place: Place, signers: Path | None) -> set[str]:
    evidence = Evidence(allowed_signers=signers)
    return {each.code for each in verify(place.results, evidence=evidence)}


def test_a_signed_board_verifies_by_its_signers(board: Place, key: Path, signers: Path) -> None:
    sign(results=board.results, key=key)

    assert codes(board, signers) == set()
    assert codes(board, None) == set()


def test_a_board_without_a_signature_fails_those_who_ask_for_one(
    board: Place, signers: Path
) -> None:
    assert codes(board, signers) == {"LLN227"}
    assert codes(board, None) == set()


def test_another_key_does_not_pass(board: Place, signers: Path, tmp_path: Path) -> None:
    sign(results=board.results, key=new_key(tmp_path, "stranger"))

    assert codes(board, signers) == {"LLN227"}


def test_a_signature_for_another_purpose_does_not_pass(
    board: Place, key: Path, signers: Path
) -> None:
    keygen("-Y", "sign", "-n", "file", "-f", str(key), str(board.results / SUMS))

    assert codes(board, signers) == {"LLN227"}
    assert codes(board, None) == {"LLN227"}


def test_any_change_of_the_board_takes_the_signature_away(board: Place, key: Path) -> None:
    sign(results=board.results, key=key)

    filing.decide(Event.WITHDRAWN, "beta-model", results=board.results, reason="x", now=NOW)

    assert not (board.results / SIGNATURE).exists()


def test_a_signature_of_other_sums_does_not_pass(board: Place, key: Path, signers: Path) -> None:
    sign(results=board.results, key=key)
    kept = (board.results / SIGNATURE).read_bytes()
    filing.decide(Event.WITHDRAWN, "beta-model", results=board.results, reason="x", now=NOW)
    (board.results / SIGNATURE).write_bytes(kept)

    assert "LLN227" in codes(board, signers)
    assert "LLN227" in codes(board, None)


def test_one_flipped_bit_of_the_signature_is_found(board: Place, key: Path) -> None:
    sign(results=board.results, key=key)
    path = board.results / SIGNATURE
    content = path.read_bytes()

    for position in range(0, len(content), 7):
        flipped = bytearray(content)
        flipped[position] ^= 1 << (position % 8)
        path.write_bytes(flipped)
        assert signature_problem(results=board.results, allowed_signers=None), position


def test_a_signature_spelled_otherwise_is_found(board: Place, key: Path) -> None:
    sign(results=board.results, key=key)
    path = board.results / SIGNATURE

    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))

    assert codes(board, None) == {"LLN227"}


def test_a_key_that_cannot_sign_is_told(board: Place, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did not sign"):
        sign(results=board.results, key=tmp_path / "absent")


def test_without_ssh_keygen_it_says_what_to_install(
    board: Place, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")

    with pytest.raises(UsageError, match="openssh-client"):
        sign(results=board.results, key=key)
