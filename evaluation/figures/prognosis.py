"""What the summary says of the prognosis: ratios, survival, and what the model adds."""

from __future__ import annotations

from dataclasses import dataclass

from evaluation.figures.captions import EVENTS
from evaluation.figures.numerals import (
    PERCENT,
    RATIO,
    SMALL_SHARE,
    Quote,
    decimal,
    p_value,
    quote_estimate,
)
from schema.clinical import MODEL_STATUS
from schema.figure import Estimated
from schema.result import Figure, TaskResult
from schema.statistics import AddedValue, CoxTable
from schema.task import OutcomeRules, Task

ADDS = ("it may add nothing", "it adds to them", "it takes away from them")


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """What the model's status adds to the clinical covariates.

    Attributes:
        covariates: their titles.
        without: C-index of the covariates alone.
        together: with the model's status.
        gain: their difference.
        test: p value of the likelihood-ratio test, as text; empty when there is none.
        verdict: what the interval of the gain says.
    """

    covariates: tuple[str, ...]
    without: str
    together: str
    gain: Quote
    test: str
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prognosis:
    """One outcome of one result, asked in the words of the template.

    Attributes:
        result: of the positivity task.
        task: its definition.
        rules: of the outcome.
    """

    result: TaskResult
    task: Task
    rules: OutcomeRules

    @property
    def events(self) -> str:
        """What ends the survival."""
        return EVENTS[self.rules.outcome]

    def ratio(self, scope: str) -> Quote | None:
        """The hazard ratio of positive against negative by somebody's call."""
        figure = self._figure(f"{self.rules.outcome}_hazard_ratio", scope)
        return None if figure is None else quote_estimate(figure, RATIO)

    @property
    def verdict(self) -> str:
        """What the interval of the model's ratio says."""
        figure = self._figure(f"{self.rules.outcome}_hazard_ratio", "model")
        words = ("the two groups may not differ", "they fared worse", "they fared better")
        return "" if figure is None else _against(figure, null=1.0, words=words)

    @property
    def adjusted(self) -> Quote | None:
        """The model's ratio beside the other covariates of the multivariable model."""
        table = self._cox
        rows = table.multivariable if table and len(table.multivariable) > 1 else ()
        return next(
            (quote_estimate(row, RATIO) for row in rows if row.covariate == MODEL_STATUS), None
        )

    def survival(self, scope: str) -> Quote | None:
        """Survival of a group at the horizon of the outcome."""
        figure = self._figure(f"{self.rules.outcome}_at_horizon", scope)
        return None if figure is None else quote_estimate(figure, PERCENT)

    @property
    def missing(self) -> str:
        """Why nothing is known of the outcome; empty when something is."""
        named = (
            ("hazard_ratio", "model"),
            ("hazard_ratio", "consensus"),
            ("at_horizon", "model_positive"),
            ("at_horizon", "model_negative"),
        )
        figures = [self._figure(f"{self.rules.outcome}_{name}", scope) for name, scope in named]
        reasons = {figure.reason for figure in figures if figure is not None}
        return reasons.pop() or "" if len(reasons) == 1 else ""

    @property
    def added(self) -> Added | None:
        """What the model adds; None where that cannot be told."""
        found = next((each for each in self._added if each.outcome is self.rules.outcome), None)
        if found is None or found.value is None or None in (found.c_without, found.c_with):
            return None
        assert found.c_without is not None, "checked above"
        assert found.c_with is not None, "checked above"
        return Added(
            covariates=tuple(map(self._covariate, found.covariates)),
            without=decimal(found.c_without, 3),
            together=decimal(found.c_with, 3),
            gain=quote_estimate(found, SMALL_SHARE),
            test="" if found.p_value is None else p_value(found.p_value),
            verdict=_against(found, null=0.0, words=ADDS),
        )

    def _covariate(self, name: str) -> str:
        rules = self.task.clinical.covariates if self.task.clinical else ()
        return next((each.title for each in rules if each.id == name), name)

    @property
    def _added(self) -> tuple[AddedValue, ...]:
        return self.result.statistics.added_value if self.result.statistics else ()

    @property
    def _cox(self) -> CoxTable | None:
        tables = self.result.statistics.cox if self.result.statistics else ()
        return next((each for each in tables if each.outcome is self.rules.outcome), None)

    def _figure(self, metric: str, scope: str) -> Figure | None:
        named = (f for f in self.result.figures if (f.metric, f.scope) == (metric, scope))
        return next(named, None)


def _against(found: Figure | Estimated, *, null: float, words: tuple[str, str, str]) -> str:
    """What it means that the interval holds, lies above or lies below where nothing differs."""
    limits = found.interval
    if limits is None:
        return ""
    if limits.low <= null <= limits.high:
        return f"The interval includes {null:g}: {words[0]}."
    side, meaning = ("above", words[1]) if limits.low > null else ("below", words[2])
    return f"The whole interval lies {side} {null:g}: {meaning}."
