"""What a stranger's program printed, made safe to keep and to look at. Pure."""

from __future__ import annotations

import re

LOG_BYTES = 64 << 10
"""Kept of a log: half from its beginning, half from its end."""
LINE_CHARACTERS = 200

# Sequences first, so that no `[31m` or window title is left of them: OSC, DCS, SOS, PM and APC up
# to their end or the line's, CSI, then any other escape of two characters.
_SEQUENCES = re.compile(
    r"(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|\x1b[ -/]*[0-~]?"
)


def clean_log(raw: bytes) -> str:
    """Printable text of at most `LOG_BYTES` and the mark where something was left out."""
    return _printable(_capped(raw).decode("utf-8", errors="replace"), keep="\n\t")


def one_line(text: str) -> str:
    """A text as one line that shows something, of at most `LINE_CHARACTERS`."""
    line = " ".join(_printable(text, keep="\n\t").split())
    return line[: LINE_CHARACTERS - 1].rstrip() or "no message"


def _capped(raw: bytes) -> bytes:
    if len(raw) <= LOG_BYTES:
        return raw
    half = LOG_BYTES // 2
    gap = f"\n[{len(raw) - LOG_BYTES} bytes left out]\n".encode()
    return raw[:half] + gap + raw[-half:]


def _printable(text: str, *, keep: str) -> str:
    """Without escape sequences, controls, and marks that turn or hide text."""
    bare = _SEQUENCES.sub("", text.replace("\r\n", "\n"))
    return "".join(each for each in bare if each.isprintable() or each in keep)
