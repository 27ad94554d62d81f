"""What the summary says of one task, found in its result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from evaluation.figures.captions import scope_title
from evaluation.figures.numerals import Quote, decimal, percent, quote, quote_kappa
from evaluation.figures.prognosis import Prognosis
from evaluation.figures.status import StatusCounts, status_counts
from schema.result import Figure, PairAgreement, TaskResult
from schema.statistics import ReaderRange
from schema.task import Task, Unit
from schema.terms import Reader

READERS = {Reader.R1.value, Reader.R2.value, Reader.R3.value}
MODEL = "model"
PROSE_DECIMALS = {Unit.FRACTION: 1}
"""In running text; the tables hold every decimal of the task file."""


class Named(NamedTuple):
    """Something and its figure."""

    name: str
    quote: Quote


class Range(NamedTuple):
    """Lowest and highest kappa among the readers, as text, and how many pairs there are."""

    low: str
    high: str
    pairs: int


class Among(NamedTuple):
    """The model's mean kappa with the readers, and the range of the readers' own, as text."""

    model: str
    low: str
    high: str
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One task's result, asked in the words of the template.

    Attributes:
        result: what was scored.
        task: its definition.
    """

    result: TaskResult
    task: Task

    def figure(self, metric: str, scope: str) -> Figure | None:
        """A figure, or None when the result has none of that name."""
        named = (
            each for each in self.result.figures if (each.metric, each.scope) == (metric, scope)
        )
        return next(named, None)

    def said(self, metric: str, scope: str) -> Quote | None:
        """A figure in running text, or None when the result has none of that name."""
        figure = self.figure(metric, scope)
        if figure is None:
            return None
        definition = self.task.metric(metric)
        return quote(figure, definition, most_decimals=PROSE_DECIMALS.get(definition.unit, 2))

    def count(self, metric: str, scope: str) -> int | None:
        """How many observations a share stands for; None when it has no value."""
        figure = self.figure(metric, scope)
        if figure is None or figure.value is None:
            return None
        return round(figure.value * figure.n)

    @property
    def status(self) -> StatusCounts | None:
        """Patients by reference and prediction."""
        return status_counts(self.result.matrices)

    @property
    def always_negative(self) -> str:
        """Accuracy of calling every patient negative."""
        counts = self.status
        assert counts is not None, "asked only where there is a status matrix"
        return percent(counts.negative / counts.total) if counts.total else "not computable"

    @property
    def above_always_negative(self) -> int:
        """Right calls of the model beyond those of calling every patient negative."""
        counts = self.status
        assert counts is not None, "asked only where there is a status matrix"
        return counts.right - counts.negative

    def labels(self, metric: str) -> tuple[Named, ...]:
        """Labels that have a value, best first."""
        names = [label.name for label in self.task.label_map.labels] if self.task.label_map else []
        figures = [figure for name in names if (figure := self.figure(metric, name))]
        known = [figure for figure in figures if figure.value is not None]
        known.sort(key=lambda figure: -(figure.value or 0.0))
        definition = self.task.metric(metric)
        return tuple(
            Named(scope_title(each.scope, self.task), quote(each, definition, most_decimals=1))
            for each in known
        )

    @property
    def with_consensus(self) -> PairAgreement | None:
        """Agreement of the model with the consensus."""
        wanted = {MODEL, Reader.CONSENSUS.value}
        return next((p for p in self.result.agreement if {p.first, p.second} == wanted), None)

    def kappa(self, pair: PairAgreement) -> Quote:
        """An agreement in running text."""
        return quote_kappa(pair)

    @property
    def outcomes(self) -> tuple[Prognosis, ...]:
        """The prognosis, one an outcome."""
        return tuple(
            Prognosis(result=self.result, task=self.task, rules=rules)
            for rules in self.task.outcomes
        )

    @property
    def among_readers(self) -> Among | None:
        """Where the model lies among the readers; None where that cannot be told."""
        found = self.result.statistics.reader_range if self.result.statistics else None
        return None if found is None else _among(found)

    @property
    def between_readers(self) -> Range | None:
        """Agreement of the readers with each other; None without a pair of them."""
        values = [
            pair.value
            for pair in self.result.agreement
            if {pair.first, pair.second} <= READERS and pair.value is not None
        ]
        if not values:
            return None
        return Range(decimal(min(values), 2), decimal(max(values), 2), len(values))


def _among(found: ReaderRange) -> Among | None:
    kappas = (found.model, found.lowest, found.highest)
    if found.verdict is None or any(each is None for each in kappas):
        return None
    model, low, high = (decimal(each, 2) for each in kappas if each is not None)
    return Among(model, low, high, found.verdict)
