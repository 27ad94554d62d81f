"""The rules of the choice, the words and the checks as Markdown, from what defines them."""

from __future__ import annotations

from collections.abc import Iterator

from tasks.definitions import check_definitions
from tasks.dicom.checks import dicom_checks
from tasks.dicom.choice import CHOICE_LIMITS, SERIES_RULES
from tasks.dicom.words import WORDS, Meaning

BEGIN = "<!-- generated from tasks/dicom; do not edit below -->"
END = "<!-- end of the generated part -->"


def dicom_definitions() -> str:
    """The generated part of docs/dicom.md."""
    return "\n".join((*_rules(), *_words(), "## Checks", "", check_definitions(dicom_checks())))


def is_of_dicom(document: str) -> bool:
    """Whether a document has this part, not that of the metrics."""
    return BEGIN in document


def with_dicom_definitions(document: str) -> str:
    """A document with the part between the two marks renewed.

    Raises:
        ValueError: the marks are not there, once each.
    """
    if document.count(BEGIN) != 1 or document.count(END) != 1:
        raise ValueError("the document needs the two marks of the generated part, once each")
    head, rest = document.split(BEGIN)
    return f"{head}{BEGIN}\n\n{dicom_definitions()}\n{END}{rest.split(END)[1]}"


def _rules() -> Iterator[str]:
    yield from ("## Rules", "", "| rule | wanted | how it is seen |", "|---|---|---|")
    for rule in SERIES_RULES:
        yield f"| {rule.title()} | {rule(CHOICE_LIMITS).wanted()} | {rule.help()} |"
    longer, finer = (f"{100 * share:g} %" for share in CHOICE_LIMITS[-2:])
    yield ""
    yield f"Of those that keep every rule the longest are kept (within {longer}), of these the"
    yield f"finest (within {finer}). If more than one is left, none is taken."
    yield ""


def _words() -> Iterator[str]:
    yield from ("## Words", "", "| word | says | whose | spellings |", "|---|---|---|---|")
    for meaning in Meaning:
        for word in WORDS:
            if word.meaning is meaning:
                pattern = word.pattern.replace("|", "\\|")
                yield f"| {word.shown} | {meaning.value} | {word.vendor} | `{pattern}` |"
    yield ""
