"""The ledger's lines seal each other, and what they say is added up."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leaderboard.ledger import (
    BEGINNING,
    State,
    attempts_of,
    chain_problems,
    entered,
    last_reason,
    line_text,
    next_line,
    states,
)
from schema.entry import Kind
from schema.errors import UsageError
from schema.ledger import Event, LedgerLine
from schema.terms import TaskId

NOW = datetime(2026, 2, 1, 12, tzinfo=UTC)
DIGEST = "sha256:" + "0" * 64
EMPTY = "sha256:" + hashlib.sha256(b"").hexdigest()


def listed(lines: tuple[LedgerLine, ...], entry: str, *, team: str = "Team") -> LedgerLine:
    return next_line(
        lines,
        at=NOW,
        event=Event.LISTED,
        entry=entry,
        kind=Kind.SUBMISSION,
        team=team,
        tasks=(TaskId.NODES,),
        kit_version="0.1.0",
        cohort_digest=DIGEST,
        entry_digest=DIGEST,
        result_digest=DIGEST,
    )


def decided(lines: tuple[LedgerLine, ...], event: Event, entry: str) -> LedgerLine:
    return next_line(
        lines,
        at=NOW,
        event=event,
        entry=entry,
        kind=Kind.SUBMISSION,
        team="Team",
        reason=f"{event} for a reason",
    )


def story() -> tuple[LedgerLine, ...]:
    """Two listed, one failed, one withdrawn, disqualified and reinstated."""
    lines: tuple[LedgerLine, ...] = ()
    for entry in ("one", "two"):
        lines = (*lines, listed(lines, entry))
    lines = (*lines, decided(lines, Event.FAILED, "three"))
    for event in (Event.WITHDRAWN, Event.DISQUALIFIED, Event.REINSTATED):
        lines = (*lines, decided(lines, event, "two"))
    return lines


def problems(texts: list[str]) -> list[str]:
    lines = tuple(LedgerLine.model_validate_json(text) for text in texts)
    return [f"{each.where}: {each.got}" for each in chain_problems(lines, texts)]


def test_a_digest_is_the_sha_256_of_the_line_without_it() -> None:
    line = listed((), "one")

    content = json.loads(line_text(line))
    digest = content.pop("digest")

    # by hand: sorted keys, one space after a colon and a comma, a newline, UTF-8
    plain = json.dumps(content, sort_keys=True, ensure_ascii=False) + "\n"
    assert digest == "sha256:" + hashlib.sha256(plain.encode()).hexdigest()
    assert line.previous == BEGINNING == EMPTY


def test_a_line_names_the_one_before() -> None:
    lines = story()

    assert [line.number for line in lines] == [1, 2, 3, 4, 5, 6]
    assert [line.previous for line in lines[1:]] == [line.digest for line in lines[:-1]]
    assert problems([line_text(line) for line in lines]) == []


@given(st.data())
def test_any_change_removal_repetition_or_exchange_breaks_the_chain(data: st.DataObject) -> None:
    texts = [line_text(line) for line in story()]
    index = data.draw(st.integers(0, len(texts) - 2))
    other = data.draw(st.integers(index + 1, len(texts) - 1))

    removed = texts[:index] + texts[index + 1 :]
    repeated = [*texts[: index + 1], texts[index], *texts[index + 1 :]]
    exchanged = texts.copy()
    exchanged[index], exchanged[other] = texts[other], texts[index]
    content = json.loads(texts[index])
    content["team"] = "Another"
    changed = [*texts[:index], json.dumps(content, sort_keys=True) + "\n", *texts[index + 1 :]]

    for tampered in (removed, repeated, exchanged, changed):
        assert problems(tampered)


def test_a_line_that_was_sealed_again_is_betrayed_by_the_next() -> None:
    lines = story()
    forged = listed(lines[:1], "two", team="Another")

    assert problems([line_text(each) for each in (lines[0], forged, *lines[2:])])


def test_a_shorter_ledger_is_a_ledger_so_that_its_head_must_be_noted() -> None:
    assert problems([line_text(line) for line in story()[:-1]]) == []


def test_the_last_event_decides_where_an_entry_stands() -> None:
    lines = story()

    assert states(lines) == {"one": State.LISTED, "two": State.LISTED, "three": State.FAILED}
    assert states(lines[:5])["two"] is State.DISQUALIFIED
    assert states(lines[:4])["two"] is State.WITHDRAWN
    assert last_reason(lines[:5], "two") == "disqualified for a reason"
    assert entered(lines) == {"one": lines[0], "two": lines[1]}


def test_what_failed_or_was_withdrawn_stays_an_attempt() -> None:
    lines = story()

    assert attempts_of(lines, "TEAM") == 3
    assert attempts_of(lines, "Another") == 0


@pytest.mark.parametrize(
    ("event", "entry"),
    [
        (Event.WITHDRAWN, "three"),
        (Event.WITHDRAWN, "nobody"),
        (Event.REINSTATED, "one"),
        (Event.FAILED, "one"),
    ],
)
def test_an_event_that_cannot_follow_is_a_break(event: Event, entry: str) -> None:
    lines = story()[:3]

    impossible = (*lines, decided(lines, event, entry))

    assert any(entry in each for each in problems([line_text(line) for line in impossible]))


def test_a_clock_that_goes_back_does_not_turn_the_order_round() -> None:
    first = listed((), "one")
    second = next_line(
        (first,),
        at=NOW - timedelta(days=1),
        event=Event.FAILED,
        entry="two",
        kind=Kind.SUBMISSION,
        team="Team",
        reason="late",
    )

    assert second.at_utc == first.at_utc


def test_a_reason_that_cannot_be_shown_is_refused_in_words() -> None:
    with pytest.raises(UsageError, match="reason"):
        next_line(
            (),
            at=NOW,
            event=Event.FAILED,
            entry="one",
            kind=Kind.SUBMISSION,
            team="Team",
            reason="\u202ereversed",
        )
