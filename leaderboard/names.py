"""Names that strangers give: may they be shown, whose are they, and what is a safe id. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator

INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Unicode categories of what nobody sees: zero widths, tags, bidi, private use."""
DRESSED = ("<wide>", "<narrow>", "<font>", "<circle>", "<square>", "<compat>")
"""Unicode's words for a letter or digit that is another one in a costume; superscripts may be."""
SCRIPTS = ("LATIN", "GREEK", "CYRILLIC", "ARMENIAN", "CHEROKEE")
"""Scripts with letters that look alike: one word is of one of them."""
MARKS = 2
"""Combining marks in a row that a name may have."""
ID_LENGTH = 64


def name_problems(name: str) -> Iterator[str]:
    """Why a name must not be shown: it would not look like what it is."""
    if hidden := sorted({f"U+{ord(each):04X}" for each in name if _category(each) in INVISIBLE}):
        yield f"invisible characters {', '.join(hidden)}"
    if unicodedata.normalize("NFC", name) != name:
        yield "characters that are not composed (NFC)"
    if any(map(_is_dressed, name)):
        yield "letters that are dressed up (full width, mathematical, ligatures)"
    for word in re.findall(r"[^\W\d_]+", name):
        found = sorted({script for each in word for script in _scripts(each)})
        if len(found) > 1:
            yield f"letters of {' and '.join(each.title() for each in found)} in one word"
    if name != " ".join(name.split()):
        yield "blanks at an end, in a row, or of another kind than the space"
    if re.search(rf"[^\W\d_]?{_MARK}{{{MARKS + 1},}}", _marked(name)):
        yield f"more than {MARKS} marks on one letter"


_MARK = "\u0300"


def _marked(name: str) -> str:
    """The name decomposed, every combining mark as the same one."""
    decomposed = unicodedata.normalize("NFD", name)
    return "".join(_MARK if _category(each) in ("Mn", "Me") else each for each in decomposed)


def _is_dressed(character: str) -> bool:
    is_word = _category(character)[0] in "LN"
    return is_word and unicodedata.decomposition(character).startswith(DRESSED)


def _category(character: str) -> str:
    return unicodedata.category(character)


def _scripts(character: str) -> tuple[str, ...]:
    name = unicodedata.name(character, "")
    return tuple(script for script in SCRIPTS if name.startswith(script + " "))


def team_key(team: str) -> str:
    """What a team is known by: capitals, width and blanks make no second team."""
    return " ".join(unicodedata.normalize("NFKC", team).casefold().split())


def new_id(team: str, model: str, *, taken: Collection[str]) -> str:
    """An id of an entry that is not taken: letters and digits of team and model, a number after."""
    plain = unicodedata.normalize("NFKD", f"{team}-{model}").encode("ascii", "ignore").decode()
    base = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[: ID_LENGTH - 5].strip("-")
    base = base or "entry"
    numbered = (base, *(f"{base}-{number}" for number in range(2, len(taken) + 3)))
    return next(each for each in numbered if each not in taken)
