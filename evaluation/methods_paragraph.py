"""The methods section of a manuscript, told from what was run: plain paragraphs, no markup.

A method stands here only where the result holds a value that it gave.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from evaluation.figures.captions import scope_title
from evaluation.figures.numerals import SPACE, counted, percent
from evaluation.figures.status import status_counts
from evaluation.figures.summary import MODEL
from evaluation.tables.cells import (
    horizon_end,
    listed,
    outcome_rules,
    short_name,
)
from evaluation.tables.cox_models import covariate_titles
from evaluation.tables.patients import TESTS, used_tests
from schema.figure import Estimated, Figure
from schema.result import Result, TaskResult
from schema.statistics import CoxTable, HazardRow, Statistics
from schema.task import IntervalMethod, OutcomeRules, Task
from schema.terms import Outcome, Reader, Status, TaskId

PAPER = (
    "Qiao G, Feng L, Li Z, et al. Deep learning based on MRI for assessing the prognostic value of "
    "lateral lymph nodes in rectal cancer. Front Oncol 2025. doi:10.3389/fonc.2025.1681939"
)
"""Where the question comes from; as in CITATION.cff."""
DIGITS = 12
"""Of a digest, in running text."""
NAMES = (
    "AUROC",
    "Brier",
    "Cohen's",
    "Dice",
    "Fleiss'",
    "Gwet's",
    "Hausdorff",
    "Matthews",
    "McNemar",
    "Uno's",
)
"""First words of titles that keep their capital within a sentence."""
INTERVALS = {
    IntervalMethod.WILSON: "Wilson score intervals",
    IntervalMethod.ASYMPTOTIC: "intervals from asymptotic standard errors",
    IntervalMethod.WALD: "Wald intervals",
    IntervalMethod.BOOTSTRAP: "percentile bootstrap intervals",
}
ANSWERS = {
    TaskId.POSITIVITY: "counted as the wrong call",
    TaskId.NODES: "counted with every node missed and one spurious node of each class",
    TaskId.COMPARTMENTS: "counted with the worst value of every figure",
}
"""How a patient without a usable answer counts, by task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A result and what defines it.

    Attributes:
        result: as scored.
        tasks: the definition of each of its tasks.
    """

    result: Result
    tasks: Mapping[TaskId, Task]

    def scored(self, task_id: TaskId) -> TaskResult | None:
        """The result of one task, None where it was not entered."""
        return next((each for each in self.result.tasks if each.task is task_id), None)

    @property
    def statistics(self) -> Statistics | None:
        """The clinical statistics, where there are any."""
        scored = self.scored(TaskId.POSITIVITY)
        return scored.statistics if scored else None

    @property
    def positivity(self) -> Task:
        """The task of the clinical statistics."""
        return self.tasks[TaskId.POSITIVITY]

    def valued(self, metric: str) -> tuple[Figure, ...]:
        """Figures of a metric of the positivity task that have a value."""
        scored = self.scored(TaskId.POSITIVITY)
        figures = scored.figures if scored else ()
        return tuple(f for f in figures if f.metric == metric and f.value is not None)


def methods_paragraphs(result: Result, *, tasks: Mapping[TaskId, Task]) -> tuple[str, ...]:
    """Paragraphs in the order of a methods section; the same result gives the same words.

    Args:
        result: as scored.
        tasks: the definition of every task of the result.

    Raises:
        KeyError: `tasks` lacks a task of the result.
    """
    run = Run(result=result, tasks=tasks)
    told = (" ".join(sentences(run)) for sentences in PARAGRAPHS)
    return tuple(paragraph for paragraph in told if paragraph)


def methods_text(result: Result, *, tasks: Mapping[TaskId, Task]) -> str:
    """The paragraphs as plain text, a blank line between them, as `methods.txt` holds them."""
    paragraphs = methods_paragraphs(result, tasks=tasks)
    return "\n\n".join(each.replace(SPACE, " ") for each in paragraphs) + "\n"


def _data(run: Run) -> Iterator[str]:
    cohort, manifest = run.result.cohort, run.result.submission
    scored = run.scored(TaskId.POSITIVITY)
    counts = status_counts(scored.matrices) if scored else None
    share = ""
    if counts is not None and counts.total:
        share = f", {counts.positive} ({percent(counts.positive / counts.total)}) of them positive"
    centres = counted(cohort.centres, "centre")
    yield (
        f"The model {manifest.model} ({manifest.team}) was evaluated on the "
        f"{counted(cohort.cases, 'patient')} of the {cohort.split.value} cohort "
        f'"{cohort.name}", from {centres}{share} by the reference standard.'
    )
    if scored is not None:
        yield from _reference(run, scored)
    if any(run.scored(task) for task in (TaskId.NODES, TaskId.COMPARTMENTS)):
        yield "The reference standard of outlines is the annotated masks."


def _reference(run: Run, scored: TaskResult) -> Iterator[str]:
    readers = _readers(scored)
    each = f"; {listed(readers)} also read on their own" if readers else ""
    yield f"The reference standard of the status is the consensus of the readers{each}."
    rules = run.positivity.positivity
    if rules is not None:
        features = counted(rules.malignant_features, "malignant feature")
        yield (
            f"A node is positive with a short axis of {rules.short_axis_mm:g}{SPACE}mm or more, or "
            f"below it with at least {features}; a patient with at least one positive node."
        )


def _readers(scored: TaskResult) -> tuple[str, ...]:
    named = {name for pair in scored.agreement for name in (pair.first, pair.second)}
    return tuple(sorted(named - {MODEL, Reader.CONSENSUS.value}))


def _answers(run: Run) -> Iterator[str]:
    if run.result.tasks:
        yield "The list of cases fixed before scoring is the denominator of every figure."
    for each in run.result.tasks:
        failed, title = each.coverage.failed, run.tasks[each.task].title
        rule = ANSWERS[each.task]
        if failed:
            yield (
                f"{title}: {counted(failed, 'patient')} without a usable answer, {rule} and not "
                "left out."
            )
        else:
            yield f"{title}: every patient had a usable answer; one without is {rule}."


def _figures(run: Run) -> Iterator[str]:
    for each in run.result.tasks:
        task = run.tasks[each.task]
        keys = [_key(task, metric, scope) for metric, scope in task.ranking.ranked_figures]
        noun = "figure" if len(keys) == 1 else "figures"
        yield f"{task.title}: the primary {noun} {_is(keys)} {listed(keys)}."
    yield from _masks(run)
    yield from _intervals(run)


def _is(words: Sequence[str]) -> str:
    return "is" if len(words) == 1 else "are"


def _key(task: Task, metric: str, scope: str) -> str:
    of = "" if scope == "all" else f" ({scope_title(scope, task)})"
    return in_sentence(task.metric(metric).title) + of


def in_sentence(title: str) -> str:
    """A title as it stands within a sentence: a name or an abbreviation keeps its capital."""
    first = title.split(" ", maxsplit=1)[0].rstrip(",")
    keeps = first in NAMES or not first[1:].islower()
    return title if keeps else title[:1].lower() + title[1:]


def _masks(run: Run) -> Iterator[str]:
    nodes, compartments = run.scored(TaskId.NODES), run.scored(TaskId.COMPARTMENTS)
    rules = run.tasks[TaskId.NODES].nodes if nodes else None
    if rules is not None:
        yield (
            f"A node is a component of one class ({rules.connectivity} neighbours); nodes were "
            "paired one to one so that the number of pairs is greatest, and then their overlap, "
            f"with an intersection over union of at least {rules.matching_iou:g}."
        )
    mask = run.tasks[TaskId.COMPARTMENTS].mask if compartments else None
    if mask is not None:
        yield (
            f"The normalised surface Dice of compartments tolerates "
            f"{mask.surface_tolerance_mm:g}{SPACE}mm."
        )


def _intervals(run: Run) -> Iterator[str]:
    found = [figure.interval for figure in _all_figures(run) if figure.interval]
    for level in sorted({each.level for each in found}):
        parts = [
            f"{words} for {', '.join(titles)}"
            for method, words in INTERVALS.items()
            if (titles := _titles_by(run, method, level=level))
        ]
        yield f"Intervals at {percent(level, 0)}: {'; '.join(parts)}."
    if any(each.method is IntervalMethod.BOOTSTRAP for each in found):
        used = run.result.provenance
        yield (
            f"The bootstrap drew patients with replacement within their centre, {used.resamples:,} "
            f"times (seed {used.seed})."
        )


def _all_figures(run: Run) -> Iterator[Figure]:
    return (figure for task in run.result.tasks for figure in task.figures)


def _titles_by(run: Run, method: IntervalMethod, *, level: float) -> tuple[str, ...]:
    """Titles of the metrics with an interval of that method and level, both outcomes at once."""
    outcomes: dict[str, list[str]] = {}
    for task in run.result.tasks:
        for figure in task.figures:
            interval = figure.interval
            if interval is not None and (interval.method, interval.level) == (method, level):
                outcome, title = _of_outcome(run.tasks[task.task].metric(figure.metric).title)
                outcomes.setdefault(title, []).append(outcome)
    return tuple(
        in_sentence(f"{'/'.join(dict.fromkeys(names))} {_without_comma(title)}".strip())
        for title, names in outcomes.items()
    )


def _of_outcome(title: str) -> tuple[str, str]:
    """`DFS hazard ratio` as `DFS` and the rest; no outcome and all of another title."""
    first, _, rest = title.partition(" ")
    return (first, rest) if first in set(map(short_name, Outcome)) else ("", title)


def _without_comma(title: str) -> str:
    """`AUROC, DeLong` as `AUROC (DeLong)`, to stand in a list."""
    what, comma, whose = title.partition(", ")
    return f"{what} ({whose})" if comma else title


def _agreement(run: Run) -> Iterator[str]:
    if run.valued("kappa"):
        yield "Agreement on the status was measured by Cohen's kappa, worded after Landis and Koch."
    rules = run.positivity.positivity if run.valued("weighted_kappa") else None
    if rules is not None:
        yield (
            "Weighted kappa had linear weights over negative, positive below and positive from "
            f"{rules.short_axis_mm:g}{SPACE}mm."
        )
    if run.valued("gwet_ac1"):
        yield "Gwet's AC1 was added because kappa falls where positives are rare."
    if run.valued("mcnemar"):
        raters = [_rater(each.scope, run) for each in run.valued("mcnemar")]
        yield f"The model was compared with {listed(raters)} by McNemar's exact test."
    if run.valued("fleiss_kappa"):
        yield "Fleiss' kappa was computed over the patients whom every reader read."
    if run.statistics is not None and run.statistics.reader_range.verdict is not None:
        yield (
            "The model's mean kappa with the readers was set against the range of the readers' "
            "kappas with each other."
        )


def _rater(scope: str, run: Run) -> str:
    title = scope_title(scope, run.positivity)
    return f"the {title}" if scope == Reader.CONSENSUS.value else title


def _probability(run: Run) -> Iterator[str]:
    if run.valued("auroc_delong"):
        yield "The area under the ROC curve also has DeLong's interval."
    if run.valued("calibration_slope") or run.valued("calibration_intercept"):
        yield "Calibration was tested by logistic recalibration (slope, and intercept at slope 1)."
    found = run.statistics
    if found is not None and found.decision_curve:
        thresholds = [each.threshold for each in found.decision_curve]
        yield (
            f"Net benefit was computed at thresholds from {percent(min(thresholds), 0)} to "
            f"{percent(max(thresholds), 0)}, without choosing one: the calls are the model's own."
        )


def _short_axes(run: Run) -> Iterator[str]:
    scopes = {
        each.scope
        for task in run.result.tasks
        for each in task.short_axis
        if each.bias.value is not None
    }
    if scopes:
        yield "Short axes were compared after Bland and Altman, prediction less reference."
    nodes = run.scored(TaskId.NODES)
    if nodes is not None and nodes.froc is not None and nodes.froc.value is not None:
        yield "Detection by the probability of nodes was described by a free-response ROC."


def _baseline(run: Run) -> Iterator[str]:
    table = run.statistics.baseline if run.statistics else None
    if table is None:
        return
    tests = [TESTS[name] for name in used_tests(table)]
    if any(row.standardised_difference is not None for row in table.rows):
        tests.append("standardised differences")
    if tests:
        yield (
            "Patients whom the model called positive and negative were compared at baseline: "
            f"{'; '.join(tests)}."
        )


def _survival(run: Run) -> Iterator[str]:
    found = run.statistics
    if found is None or not found.groupings:
        return
    outcomes = dict.fromkeys(each.outcome for each in found.groupings)
    titles = [
        f"{in_sentence(outcome_rules(run.positivity, outcome).title)} ({short_name(outcome)})"
        for outcome in outcomes
    ]
    verb = _was(titles)
    yield (
        f"{listed(titles)[:1].upper()}{listed(titles)[1:]} {verb} estimated by Kaplan-Meier, with "
        "intervals from Greenwood's variance of log(-log S)."
    )
    if any(each.p_value is not None for each in found.groupings):
        yield "Groups were compared by the log-rank test."
    if any(pair.value is not None for each in found.groupings for pair in each.comparisons):
        yield (
            "Hazard ratios of two groups are log-rank ratios of observed to expected events, their "
            "intervals from a variance of 1/E1 + 1/E2 of the logarithm."
        )
    if any(each.median_follow_up_months is not None for each in found.groupings):
        yield "Median follow-up is by reverse Kaplan-Meier."


def _was(words: Sequence[str]) -> str:
    return "was" if len(words) == 1 else "were"


def _cox(run: Run) -> Iterator[str]:
    tables = run.statistics.cox if run.statistics else ()
    rows = [row for table in tables for row in _rows(table)]
    if not any(row.value is not None for row in rows):
        return
    yield (
        "Cox models with Efron's ties were fitted to each covariate alone, in the patients in whom "
        "it is known; p values are Wald's."
    )
    yield from _multivariable(run, tables)
    if any(row.proportional_p_value is not None for row in rows):
        yield "Proportional hazards were tested on scaled Schoenfeld residuals."
    if any(row.penalised and row.value is not None for row in rows):
        yield "Where the likelihood had no finite maximum, Firth's penalised one was used."
    if any(row.status is Status.TOO_FEW for row in rows):
        few = (f"{rules.minimum_events} for {short_name(rules.outcome)}" for rules in _rules(run))
        yield f"No ratio was computed from fewer events than {listed(tuple(few))}."


def _rows(table: CoxTable) -> tuple[HazardRow, ...]:
    return (*table.univariable, *table.multivariable)


def _rules(run: Run) -> Iterable[OutcomeRules]:
    return run.positivity.outcomes


def _multivariable(run: Run, tables: Sequence[CoxTable]) -> Iterator[str]:
    fitted = [
        table for table in tables if any(row.value is not None for row in table.multivariable)
    ]
    prognosis = run.positivity.prognosis
    if not fitted or prognosis is None:
        return
    relevant = covariate_titles(prognosis.clinically_relevant, task=run.positivity)
    always = f", or named as clinically relevant ({listed(relevant)})," if relevant else ""
    yield (
        f"Those with a univariable p below {prognosis.entry_p_value:g}{always} entered a "
        "multivariable model of the patients in whom all of them are known."
    )


def _added_value(run: Run) -> Iterator[str]:
    added = run.statistics.added_value if run.statistics else ()
    if any(each.likelihood_ratio is not None for each in added):
        yield (
            "What the model's status adds to the clinical covariates was tested by the likelihood "
            "ratio of nested Cox models."
        )
    if any(each.value is not None for each in added):
        again = ", refitted in each resample" if _has_interval(added) else ""
        yield f"The gain in Harrell's C compares the same two models{again}."


def _has_interval(found: Iterable[Estimated]) -> bool:
    return any(each.interval is not None for each in found)


def _horizons(run: Run) -> Iterator[str]:
    rules = run.positivity.prognosis if run.scored(TaskId.POSITIVITY) else None
    if rules is None:
        return
    ends = listed([horizon_end(month) for month in rules.horizons_months])
    if _of_outcomes(run, "c_index"):
        yield "Discrimination of survival was measured by Harrell's C."
    if _of_outcomes(run, "uno_c_index"):
        yield f"Uno's C counted events within {horizon_end(rules.truncation_months)}."
    if _of_outcomes(run, "auc"):
        yield f"Time-dependent AUCs are cumulative/dynamic, at {ends}."
    if _of_outcomes(run, "brier"):
        yield f"Brier scores of a Cox model's predicted survival were computed at {ends}."
    if _of_outcomes(run, "integrated_brier"):
        end = horizon_end(rules.horizons_months[-1])
        yield f"The integrated Brier score runs to {end}."


def _of_outcomes(run: Run, metric: str) -> bool:
    return any(run.valued(f"{outcome.value}_{metric}") for outcome in Outcome)


def _subgroups(run: Run) -> Iterator[str]:
    found = run.statistics.subgroups if run.statistics else ()
    told = [each for each in found if any(f.value is not None for f in each.figures)]
    rules = run.positivity.clinical if told else None
    if rules is not None:
        titles = tuple(dict.fromkeys(in_sentence(each.title) for each in told))
        yield (
            f"Subgroups by {listed(titles)} of at least {rules.minimum_patients} patients were "
            "described, not tested against each other."
        )


def _multiplicity(run: Run) -> Iterator[str]:
    found = run.statistics
    of_tables = [row.p_value for table in (found.cox if found else ()) for row in _rows(table)]
    tests = [figure.p_value for figure in _all_figures(run)] + of_tables
    tests += [row.p_value for row in found.baseline.rows] if found and found.baseline else []
    if run.valued("mcnemar") or any(each is not None for each in tests):
        yield "P values are two-sided and not adjusted for the number of tests."


def _software(run: Run) -> Iterator[str]:
    used = run.result.provenance
    libraries = listed([f"{name} {version}" for name, version in sorted(used.libraries.items())])
    yield f"Everything was computed by the LLN challenge kit {used.kit_version} with {libraries}."
    files = [
        f"{run.tasks[each.task].title} {each.task_version} ({short_digest(each.task_digest)})"
        for each in run.result.tasks
    ]
    if files:
        yield f"Task files: {listed(files)}."
    image = f", container image {short_digest(used.image_digest)}" if used.image_digest else ""
    yield (
        f"Cohort {short_digest(used.cohort_digest)}, submission "
        f"{short_digest(used.submission_digest)}{image}; the first {DIGITS} digits, in full in "
        "result.json."
    )
    yield f"The task follows: {PAPER}."


def short_digest(digest: str) -> str:
    """`sha256:` and the first digits."""
    algorithm, _, digits = digest.partition(":")
    return f"{algorithm}:{digits[:DIGITS]}"


def _together(*parts: Callable[[Run], Iterator[str]]) -> Callable[[Run], Iterator[str]]:
    """Several parts of one paragraph."""
    return lambda run: (sentence for part in parts for sentence in part(run))


PARAGRAPHS: tuple[Callable[[Run], Iterator[str]], ...] = (
    _together(_data, _answers),
    _figures,
    _together(_agreement, _probability, _short_axes),
    _baseline,
    _together(_survival, _cox, _added_value, _horizons),
    _together(_subgroups, _multiplicity),
    _software,
)
"""What each paragraph is made of, in order."""
