"""Reporting guidelines: items as data, answered by the kit, by the entrant, or NOT REPORTED."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import Field

from evaluation.figures.numerals import counted
from leaderboard.site.inputs import Leaderboard
from schema.base import Frozen, Line, Prose, Slug
from schema.entry import Entry
from tasks.files import read_toml_model

FOLDER = Path(__file__).parents[1] / "reporting"
NOT_REPORTED = "NOT REPORTED"
ORDER = ("claim", "tripod", "stard")


class Item(Frozen):
    """One item of a guideline, paraphrased."""

    number: Annotated[str, Field(pattern=r"^[1-9][0-9]?[a-z]?$")]
    section: Line
    text: Prose
    auto: Slug | None = None
    """Which part of the kit answers it; None when only the entrant can."""


class Guideline(Frozen):
    """A reporting guideline."""

    id: Slug
    title: Line
    version: Line
    citation: Line
    """The publication that holds the checklist in its own words."""
    doi: Annotated[str, Field(pattern=r"^10\.[0-9]{4,9}/[-._;()/:a-z0-9]+$")]
    terms: Line
    """How its text may be used."""
    compared: Line
    """With what numbers and content of the paraphrased items were compared."""
    items: Annotated[tuple[Item, ...], Field(min_length=1)]

    @property
    def url(self) -> str:
        """Where its publication is."""
        return f"https://doi.org/{self.doi}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An item and what is known of it.

    Attributes:
        kit: the kit's answer; empty when it has none.
        entrant: the entrant's, as given; empty when there is none.
    """

    item: Item
    key: str
    kit: str
    entrant: str

    @property
    def reported(self) -> bool:
        """Whether anybody answered."""
        return bool(self.kit or self.entrant)

    @property
    def by(self) -> str:
        """Who answered; empty when nobody did."""
        said = (("kit", self.kit), ("entrant", self.entrant))
        return " and ".join(name for name, words in said if words)

    @property
    def words(self) -> str:
        """What was answered, whoever did, or that nobody did."""
        if self.kit and self.entrant:
            return f"Kit: {self.kit} Entrant: {self.entrant}"
        return self.kit or self.entrant or NOT_REPORTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Checklist:
    """A guideline, answered for one entry."""

    guideline: Guideline
    answers: tuple[Answer, ...]

    @property
    def summary(self) -> str:
        """How many items are reported, and by whom."""
        reported = sum(each.reported for each in self.answers)
        kit = sum(bool(each.kit) for each in self.answers)
        return f"{reported} of {len(self.answers)} items reported, {kit} of them by the kit"


@cache
def guidelines() -> tuple[Guideline, ...]:
    """The guidelines that the kit knows."""
    return tuple(read_toml_model(FOLDER / f"{name}.toml", Guideline) for name in ORDER)


def checklists(found: Leaderboard, entry: Entry) -> tuple[Checklist, ...]:
    """Every guideline, answered for one entry."""
    return tuple(
        Checklist(
            guideline=each,
            answers=tuple(_answer(found, entry, each, item) for item in each.items),
        )
        for each in guidelines()
    )


def other_answers(entry: Entry) -> dict[str, str]:
    """What an entrant reported under names that no guideline of the kit has."""
    known = {item_key(each, item) for each in guidelines() for item in each.items}
    return {key: words for key, words in sorted(entry.reporting.items()) if key not in known}


def item_key(guideline: Guideline, item: Item) -> str:
    """The name under which an entrant answers an item."""
    return f"{guideline.id}_{item.number}"


def _answer(found: Leaderboard, entry: Entry, guideline: Guideline, item: Item) -> Answer:
    key = item_key(guideline, item)
    kit = AUTOMATIC[item.auto](found, entry) if item.auto else None
    return Answer(item=item, key=key, kit=kit or "", entrant=entry.reporting.get(key, ""))


def _test_set(_found: Leaderboard, entry: Entry) -> str:
    cohort = entry.cohort
    return (
        f"{counted(cohort.cases, 'patient')} of {counted(cohort.centres, 'centre')}, cohort "
        f"{cohort.name} (split: {cohort.split.value}), fixed by its digest before any entry was "
        "scored."
    )


def _reference_standard(_found: Leaderboard, _entry: Entry) -> str:
    return (
        "Status of a patient: consensus of the readers. Compartments and nodes: the cohort's "
        "annotated masks. Definitions are on the method page."
    )


def _reader_variability(_found: Leaderboard, entry: Entry) -> str | None:
    pairs = [pair for task in entry.tasks for pair in task.agreement]
    if not pairs:
        return None
    return "Cohen's kappa of the readers with each other and with the model is shown above."


def _disjoint(_found: Leaderboard, entry: Entry) -> str | None:
    if entry.run_by != "organiser":
        return None
    return "At the level of patients: the container had no access to the test set before its run."


def _metrics(_found: Leaderboard, _entry: Entry) -> str:
    return "Every figure with formula, range, worst value and source is on the method page."


def _statistics(found: Leaderboard, entry: Entry) -> str:
    tests = sum(len(each.pairs) for each in found.standings.values())
    words = f"Paired tests with Holm's adjustment ({tests} on this leaderboard). " if tests else ""
    return (
        f"95 % confidence intervals, the method of each figure beside it; patients are resampled "
        f"{entry.provenance.resamples} times. {words}See the method page."
    )


def _robustness(found: Leaderboard, _entry: Entry) -> str | None:
    if not found.standings:
        return None
    return "Ranks over resampled patients and under other ranking schemes: the stability page."


def _performance(_found: Leaderboard, entry: Entry) -> str | None:
    figures = [figure for task in entry.tasks for figure in task.figures]
    with_interval = sum(figure.interval is not None for figure in figures)
    if not figures:
        return None
    return f"{len(figures)} figures, {with_interval} of them with a confidence interval, above."


def _cross_tabulation(_found: Leaderboard, entry: Entry) -> str | None:
    titles = [matrix.title for task in entry.tasks for matrix in task.matrices]
    return f"{'; '.join(titles)}: shown above." if titles else None


def _failures(_found: Leaderboard, entry: Entry) -> str:
    failed = sum(task.coverage.failed for task in entry.tasks)
    cases = sum(task.coverage.cases for task in entry.tasks)
    return f"{failed} of {cases} answers failed; each code and its meaning is shown above."


def _missing(_found: Leaderboard, _entry: Entry) -> str:
    return "No case is left out: a missing or unusable answer counts as the declared worst value."


def _cut_off(_found: Leaderboard, _entry: Entry) -> str:
    return "The yes or no is the entrant's own, frozen before scoring; the scorer tunes none."


def _blinding(_found: Leaderboard, entry: Entry) -> str | None:
    if entry.run_by != "organiser":
        return None
    return "The container was given the images only: no label, no clinical information."


def _software(_found: Leaderboard, entry: Entry) -> str:
    scorer = f"Scored by version {entry.provenance.kit_version} of the kit."
    image = entry.provenance.image_digest or entry.manifest.image
    return f"{scorer} Container image: {image}." if image else scorer


def _availability(_found: Leaderboard, entry: Entry) -> str | None:
    return f"Given by the entrant: {entry.manifest.url}" if entry.manifest.url else None


def _outputs(_found: Leaderboard, entry: Entry) -> str | None:
    if entry.cases_digest is None:
        return None
    return "The organiser keeps the scores of single patients under the digest shown below."


AUTOMATIC: Mapping[str, Callable[[Leaderboard, Entry], str | None]] = {
    "availability": _availability,
    "blinding": _blinding,
    "cross_tabulation": _cross_tabulation,
    "cut_off": _cut_off,
    "disjoint": _disjoint,
    "failures": _failures,
    "metrics": _metrics,
    "missing": _missing,
    "outputs": _outputs,
    "performance": _performance,
    "reader_variability": _reader_variability,
    "reference_standard": _reference_standard,
    "robustness": _robustness,
    "software": _software,
    "statistics": _statistics,
    "test_set": _test_set,
}
