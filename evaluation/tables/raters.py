"""Agreement of the model with each rater, and of the raters with each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evaluation.figures.captions import capital
from evaluation.figures.numerals import DASH, decimal
from evaluation.figures.summary import MODEL
from evaluation.sheet import Row, Sheet
from evaluation.tables.cells import (
    INDEX,
    WITHHELD,
    AnyTask,
    count,
    estimate,
    figures_of,
    interval_notes,
    interval_words,
    p_of,
    style_of,
)
from schema.entry import PublicAgreement
from schema.result import PairAgreement
from schema.statistics import ReaderRange
from schema.task import Task
from schema.terms import Reader, Status

AnyPair = PairAgreement | PublicAgreement
KAPPAS = ("kappa", "weighted_kappa", "gwet_ac1")
CONSENSUS = Reader.CONSENSUS.value
FLEISS = "fleiss_kappa"
ALL_AT_ONCE = {
    "readers": "Fleiss' kappa of the readers",
    "readers_and_model": "Fleiss' kappa of the readers and the model",
}


def rater_title(name: str) -> str:
    """`Consensus (reference)`, `Reader R1`, `Model`."""
    if name.lower() == CONSENSUS:
        return "Consensus (reference)"
    return "Model" if name == MODEL else f"Reader {capital(name)}"


def model_agreement_sheet(scored: AnyTask, *, task: Task) -> Sheet | None:
    """The model against the consensus and each reader; None where nobody rated."""
    figures = figures_of(scored)
    # the reference first
    raters = sorted(
        (scope for metric, scope in figures if metric == "kappa"), key=lambda s: s != CONSENSUS
    )
    if not raters:
        return None
    words = interval_words(task)
    return Sheet(
        id="agreement-model",
        title="Agreement of the model with the consensus and with each reader",
        columns=(
            "Rater",
            "Patients",
            f"Cohen's kappa ({words})",
            "Landis and Koch",
            f"Weighted kappa ({words})",
            f"Gwet's AC1 ({words})",
            "McNemar p",
        ),
        rows=tuple(_model_row(scored, rater, task) for rater in raters),
        notes=(
            (
                "Of the status, positive or negative. Weighted kappa: linear weights over "
                "negative, positive with a short axis below the threshold, and positive from it."
            ),
            "McNemar: exact test that the model and the rater call as many patients positive.",
            *interval_notes(figures.get((name, rater)) for rater in raters for name in KAPPAS),
        ),
    )


def _model_row(scored: AnyTask, rater: str, task: Task) -> Row:
    figures = figures_of(scored)
    found = {name: figures.get((name, rater)) for name in KAPPAS}
    kappa, weighted, ac1 = (
        estimate(each, style_of(task.metric(name))) for name, each in found.items()
    )
    first = found["kappa"]
    return Row(
        cells=(
            rater_title(rater),
            DASH if first is None else count(first.n),
            kappa,
            _words(_pair_with_model(scored.agreement, rater)),
            weighted,
            ac1,
            p_of(figures.get(("mcnemar", rater))),
        )
    )


def _pair_with_model(pairs: Sequence[AnyPair], rater: str) -> AnyPair | None:
    named = ((each, {each.first.lower(), each.second.lower()}) for each in pairs)
    return next((each for each, names in named if names == {MODEL, rater}), None)


def _words(pair: AnyPair | None) -> str:
    if pair is None:
        return DASH
    return WITHHELD if pair.status is Status.WITHHELD else pair.words or DASH


def reader_agreement_sheet(
    scored: AnyTask, *, reader_range: ReaderRange | None, task: Task
) -> Sheet | None:
    """The readers with each other and with the consensus; None where no two of them rated.

    Args:
        scored: the positivity task.
        reader_range: the model among the readers, where it may be known.
        task: its definition.
    """
    pairs = [each for each in scored.agreement if MODEL not in (each.first, each.second)]
    if not pairs:
        return None
    with_consensus = [each for each in pairs if CONSENSUS in (each.first, each.second)]
    groups = {
        "Readers with each other": [each for each in pairs if each not in with_consensus],
        "Readers with the consensus": with_consensus,
    }
    return Sheet(
        id="agreement-readers",
        title="Agreement of the readers",
        columns=("Raters", "Patients", f"Kappa ({interval_words(task)})", "Landis and Koch"),
        rows=(
            *(row for title, each in groups.items() if each for row in _pair_rows(title, each)),
            *_at_once(scored, task),
        ),
        notes=(
            *_range_words(reader_range),
            *interval_notes(each for each in scored.figures if each.metric == FLEISS),
        ),
    )


def _pair_rows(title: str, pairs: Sequence[AnyPair]) -> Iterator[Row]:
    yield Row(cells=(f"{title} (Cohen)", "", "", ""), heading=True)
    for each in pairs:
        raters = sorted((each.first, each.second), key=lambda name: name != CONSENSUS)
        first, second = map(rater_title, raters)
        names = f"{first}, {second.replace('Reader', 'reader')}"
        cells = (names, count(each.n), estimate(each, INDEX), _words(each))
        yield Row(cells=cells, indented=True)


def _at_once(scored: AnyTask, task: Task) -> Iterator[Row]:
    figures = figures_of(scored)
    for scope, title in ALL_AT_ONCE.items():
        found = figures.get((FLEISS, scope))
        if found is not None:
            shown = estimate(found, style_of(task.metric(FLEISS)))
            yield Row(cells=(title, count(found.n), shown, DASH))


def _range_words(found: ReaderRange | None) -> Iterator[str]:
    """Where the model lies among the readers, as a sentence."""
    if found is None:
        return
    if found.verdict is None or found.lowest is None or found.highest is None:
        yield f"The model among the readers: {estimate(found, INDEX)}."
        return
    low, high = (decimal(each, INDEX.decimals) for each in (found.lowest, found.highest))
    mean = DASH if found.model is None else decimal(found.model, INDEX.decimals)
    place = "inside the" if found.verdict == "inside" else f"{found.verdict} the"
    yield (
        f"The readers' kappas with each other run from {low} to {high}; the model's mean kappa "
        f"with the readers is {mean}, {place} readers' own range. Its difference to their mean "
        f"with each other: {estimate(found, INDEX)}."
    )
