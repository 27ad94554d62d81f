"""A log is short, and a terminal that shows it obeys nothing in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from evaluation.sandbox.log import LOG_BYTES, clean_log, one_line
from schema.base import Line


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        (b"epoch 1\n\tloss 0.5\n", "epoch 1\n\tloss 0.5\n"),
        (b"\x1b[31mred\x1b[0m", "red"),
        (b"\x1b[2J\x1b[1;1Hgone", "gone"),
        (b"\x1b]0;title\x07after", "after"),
        (b"\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        (b"\x1b]52;c;cm0gLXJm\x07pasted", "pasted"),
        (b"\x1b]never closed\nnext", "\nnext"),
        (b"\x1bPq#0\x1b\\sixel", "sixel"),
        (b"\x1bcreset", "reset"),
        (b"\x1b(B text", " text"),
        (b"ends \x1b", "ends "),
        ("\u009b31mC1".encode(), "C1"),
        (b"50 %\r100 %\r\n", "50 %100 %\n"),
        (b"a\x00b\x08c\x7f", "abc"),
        ("abc\u202etxt.exe".encode(), "abctxt.exe"),
        ("zero\u200bwidth\u2066x\ufeff".encode(), "zerowidthx"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        ("Größe 7 µm 日本".encode(), "Größe 7 µm 日本"),
    ],
)
def test_what_a_terminal_would_obey_is_taken_out(raw: bytes, clean: str) -> None:
    assert clean_log(raw) == clean


def test_a_long_log_keeps_its_beginning_and_its_end() -> None:
    raw = b"first\n" + b"x" * (1 << 20) + b"\nlast"

    clean = clean_log(raw)

    assert clean.startswith("first\n")
    assert clean.endswith("\nlast")
    assert f"[{len(raw) - LOG_BYTES} bytes left out]" in clean
    assert len(clean.encode()) <= LOG_BYTES + 100


NASTY = st.binary() | st.text(
    st.sampled_from("\x1b[]PX^_\\0;31mH\x07\x9b\x9d\x9c\r\n\t a\u202e\u2028\u200f\x7f\x00")
).map(str.encode)


@given(NASTY)
def test_no_log_holds_a_control_character(raw: bytes) -> None:
    assert all(each.isprintable() or each in "\n\t" for each in clean_log(raw))


@given(st.text() | NASTY.map(lambda raw: raw.decode("utf-8", errors="replace")))
def test_one_line_is_a_line_of_the_contract(text: str) -> None:
    assert TypeAdapter(Line).validate_python(one_line(text))
