"""Compact letter displays: known ones, and the property that defines them."""

from __future__ import annotations

import re
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.ranking.letters import letters


def tokens(text: str) -> set[str]:
    return set(re.findall("[a-z][0-9]*", text))


@pytest.mark.parametrize(
    ("entries", "different", "expected"),
    [
        (0, [], ()),
        (1, [], ("a",)),
        (3, [], ("a", "a", "a")),
        (2, [(0, 1)], ("a", "b")),
        # the ends differ, the middle one does not from either
        (3, [(0, 2)], ("a", "ab", "b")),
        (3, [(0, 1), (0, 2), (1, 2)], ("a", "b", "c")),
        # Piepho 2004, by insert and absorb: {0 1 2 3} split by 0-2: {1 2 3} {0 1 3}; by 0-3:
        # {1 2 3} and {0 1} ({1 3} is absorbed); by 1-3: {2 3} {1 2} and {0 1}.
        (4, [(0, 2), (0, 3), (1, 3)], ("a", "ab", "bc", "c")),
        # no interval: 1 and 2 differ, and so do 0 and 3; the rest does not
        (4, [(1, 2), (0, 3)], ("ab", "ac", "bd", "cd")),
    ],
)
def test_known_displays(
    entries: int, different: list[tuple[int, int]], expected: tuple[str, ...]
) -> None:
    assert letters(entries, different=different) == expected


@given(st.data())
def test_two_share_a_letter_exactly_when_they_do_not_differ(data: st.DataObject) -> None:
    entries = data.draw(st.integers(0, 9))
    pairs = list(combinations(range(entries), 2))
    different = data.draw(st.sets(st.sampled_from(pairs))) if pairs else set()

    found = letters(entries, different=different)

    assert all(found)
    for one, other in pairs:
        share = bool(tokens(found[one]) & tokens(found[other]))
        assert share == ((one, other) not in different)


@given(st.data())
def test_the_order_and_direction_of_the_pairs_do_not_matter(data: st.DataObject) -> None:
    pairs = data.draw(st.lists(st.sampled_from(list(combinations(range(6), 2))), unique=True))
    turned = [(other, one) for one, other in reversed(pairs)]

    assert letters(6, different=pairs) == letters(6, different=turned)


def test_after_z_letters_are_numbered() -> None:
    everybody = letters(28, different=combinations(range(28), 2))

    assert everybody[0] == "a"
    assert everybody[25:] == ("z", "a2", "b2")


def test_no_letter_is_left_that_says_nothing() -> None:
    # a ring of six where only opposite ones differ has 8 largest sets; every pair stands in few
    found = letters(6, different=[(0, 3), (1, 4), (2, 5)])
    every = sorted(set().union(*map(tokens, found)))

    for dropped in every:
        kept = [tokens(each) - {dropped} for each in found]
        told_apart = [
            (one, other)
            for one, other in combinations(range(6), 2)
            if other - one != 3 and not kept[one] & kept[other]
        ]
        assert told_apart, dropped
