"""What looks like an identifier in a text, and the forms a known one may be written in. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tasks.pseudonyms import CROCKFORD, ID_CHARACTERS, PREFIX, KeyFile

FORMS: Mapping[str, re.Pattern[str]] = {
    "a date": re.compile(
        r"(?<!\d)(?:(?:19|20)\d{2}([-./]?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])"
        r"|(?:0?[1-9]|[12]\d|3[01])[-./](?:0?[1-9]|1[0-2])[-./](?:19|20)\d{2}"
        r"|(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d|3[01])/(?:19|20)\d{2})(?!\d)"
    ),
    "an e-mail address": re.compile(r"[\w.+-]+@[\w-]+\.\w+"),
    "a DICOM UID": re.compile(r"(?<![\d.])[0-2](?:\.\d+){5,}"),
    "a number of six or more digits": re.compile(r"(?<![\d.])\d{6,}(?![\d.])"),
    "a name in DICOM's form": re.compile(r"[^\W\d_]{2,}\^[^\W\d_]*"),
}
"""By what it looks like."""
SALTED = re.compile(rf"{PREFIX}[{CROCKFORD}]{{{ID_CHARACTERS}}}|case-[0-9a-f]{{12}}")
"""Ids of the kit: random digits among them mean nothing."""
SHORTEST_IN_BYTES, SHORTEST_IN_TEXT = 6, 3
"""Characters of a known identifier; shorter ones would be found in any file by chance."""


class Needle(NamedTuple):
    """One form of one known identifier."""

    content: bytes
    form: str
    whose: str
    """The new case id."""


def looks_like(text: str) -> tuple[str, ...]:
    """What a text holds, by its form; nothing for an id of the kit."""
    plain = SALTED.sub(" ", text)
    return tuple(name for name, pattern in FORMS.items() if pattern.search(plain))


def needles(key: KeyFile) -> tuple[Needle, ...]:
    """All forms of everything by which the hospital knows its patients, and of the salt."""
    found = [
        needle
        for case_id, patient in sorted(key.patients.items())
        for text in (patient.patient_id, *patient.also)
        for needle in forms_of(text, whose=case_id)
    ]
    return (*found, *forms_of(key.salt, whose=""), Needle(key.salt_bytes, "bytes", ""))


def forms_of(text: str, *, whose: str) -> Iterator[Needle]:
    """A text plain, in both cases, as UTF-16, in hexadecimal and in base 64 at any offset."""
    for each in sorted({text, text.lower(), text.upper(), *_of_a_name(text)}):
        raw = each.encode()
        yield Needle(raw, "plain", whose)
        if len(raw) >= SHORTEST_IN_BYTES:
            yield Needle(each.encode("utf-16-le"), "UTF-16", whose)
            yield Needle(raw.hex().encode(), "hexadecimal", whose)
            yield Needle(raw.hex().upper().encode(), "hexadecimal", whose)
            yield from (Needle(part, "base 64", whose) for part in _in_base64(raw))


def _of_a_name(text: str) -> Iterator[str]:
    """`DOE^JANE` as people and files write it."""
    parts = [part for part in text.split("^") if part]
    if len(parts) > 1:
        for joint in ("_", " ", ", ", "-"):
            yield joint.join(parts)
            yield joint.join(parts).lower()


def _in_base64(raw: bytes) -> Iterator[bytes]:
    """The characters that do not depend on what stands before and after, at each of 3 offsets."""
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + raw)
        first = -(-8 * offset // 6)
        last = (offset + len(raw)) * 8 // 6
        yield encoded[first:last]


def found_in(content: bytes, sought: tuple[Needle, ...], *, text: bool) -> tuple[Needle, ...]:
    """The needles in some bytes; short ones only in a text, as a word of their own."""
    found = []
    for needle in sought:
        if len(needle.content) >= SHORTEST_IN_BYTES:
            hit = needle.content in content
        elif text and len(needle.content) >= SHORTEST_IN_TEXT:
            word = rb"(?<![A-Za-z0-9.])" + re.escape(needle.content) + rb"(?![A-Za-z0-9.])"
            hit = re.search(word, content) is not None
        else:
            hit = False
        if hit:
            found.append(needle)
    return tuple(found)
