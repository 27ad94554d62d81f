"""A name looks like what it is, and makes a safe id."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from leaderboard.names import ID_LENGTH, name_problems, new_id, team_key
from schema.base import EntryId


@pytest.mark.parametrize(
    "name",
    [
        "Radboudumc",
        "Team Österreich",
        "Ακαδημία",
        "Команда 7",
        "北京大学",
        "\u03b1-Net",
        "U²-Net",
        "nnU-Net v2 (ResEnc L)",
        "Đại học Y",
        "الفريق",
    ],
)
def test_names_of_the_world_are_taken(name: str) -> None:
    assert list(name_problems(name)) == []


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("Te\u200bam", "invisible"),  # zero-width space
        ("Team\u00ad", "invisible"),  # soft hyphen
        ("\ufeffTeam", "invisible"),
        ("Team\u2060", "invisible"),
        ("Team\U000e0041", "invisible"),  # a tag
        ("Te\u0430m", "Cyrillic and Latin"),
        ("\u03a4eam", "Greek and Latin"),
        ("\uff34eam", "dressed up"),  # full width
        ("\U0001d413eam", "dressed up"),  # mathematical bold
        ("ﬁrst", "dressed up"),
        ("Cafe\u0301", "not composed"),
        ("Team  A", "blanks"),
        (" Team", "blanks"),
        ("Team\u00a0A", "blanks"),
        ("T\u0335\u0336\u0337eam", "marks"),
    ],
)
def test_a_name_that_deceives_is_refused(name: str, says: str) -> None:
    assert any(says in each for each in name_problems(name))


def test_a_team_is_the_same_however_it_is_spelled() -> None:
    assert (
        len(
            {
                team_key(each)
                for each in ("Team A", "team a", "TEAM  A ", "\uff34\uff45\uff41\uff4d \uff21")
            }
        )
        == 1
    )
    assert team_key("Team A") != team_key("Team B")


@given(st.text(), st.text())
def test_an_id_is_always_one(team: str, model: str) -> None:
    first = new_id(team, model, taken=())
    second = new_id(team, model, taken={first})

    for each in (first, second):
        TypeAdapter(EntryId).validate_python(each)
        assert len(each) <= ID_LENGTH
    assert first != second


def test_an_id_is_made_of_the_words_that_are_there() -> None:
    assert new_id("Uniklinik Köln", "nnU-Net v2", taken=()) == "uniklinik-koln-nnu-net-v2"
    assert new_id("北京", "\u03b1", taken=()) == "entry"
    assert new_id("A", "B", taken={"a-b", "a-b-2"}) == "a-b-3"
