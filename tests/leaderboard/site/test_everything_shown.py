"""Whatever number an entry's file holds is on its page, or it is said here why it is not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from evaluation.figures.numerals import MINUS
from leaderboard.site.build import build
from leaderboard.site.inputs import Leaderboard
from schema.entry import Entry
from schema.statistics import Statistics
from schema.task import Metric, Unit
from schema.terms import TaskId
from tests.evaluation.html_page import Page
from tests.leaderboard.site import examples
from tests.leaderboard.site.written import own_board, site

FOLDER = "tasks.statistics.groupings"
CURVE = "drawn as a curve; its values at whole years and at the horizon are in the table behind it"
EXEMPT = {
    **{f"{FOLDER}.groups.{name}": CURVE for name in ("survival", "low", "high", "at_risk")},
    **{f"tasks.survival.{name}": CURVE for name in ("survival", "low", "high", "at_risk")},
    f"{FOLDER}.months": "the months of a curve: its axis",
    "tasks.survival.months": "the months of a curve: its axis",
    "tasks.coverage.scored": "the cases less the failed ones, both of which are told",
    "tasks.figures.rounded_to": "how many digits are left, which is what the reader sees",
}
"""Numbers that are not on the page as numbers, and why."""

Words = Callable[[float], str]


def fixed(decimals: int, *, times: float = 1.0) -> Words:
    return lambda value: plain(f"{value * times:.{decimals}f}")


def plain(shown: str) -> str:
    """With the true minus sign and no negative zero."""
    return shown.removeprefix("-") if float(shown) == 0 else shown.replace("-", MINUS)


def p_value(value: float) -> str:
    return "0.001" if value < 0.0005 else f"{value:.3f}"


WHOLE, SHARE, RATIO, INDEX = fixed(0), fixed(1, times=100), fixed(2), fixed(3)
LENGTH, GIBIBYTE = fixed(2), fixed(1, times=1 / 1024)


def general(value: float) -> str:
    return plain(f"{value:g}")


COX = "tasks.statistics.cox"
BASELINE = "tasks.statistics.baseline"
FORMATS: dict[str, Words] = {
    "attempt": WHOLE,
    "suppress_below": lambda value: f"{value - 1:.0f}",
    "cohort.cases": WHOLE,
    "cohort.centres": WHOLE,
    "provenance.seed": WHOLE,
    "provenance.resamples": WHOLE,
    "resources.seconds_per_case": fixed(1),
    "resources.seconds_per_case_most": fixed(1),
    "resources.peak_memory_mib": GIBIBYTE,
    "resources.gpu_memory_mib": GIBIBYTE,
    "tasks.coverage.cases": WHOLE,
    "tasks.coverage.failed": WHOLE,
    "tasks.matrices.cells": WHOLE,
    "tasks.agreement.value": INDEX,
    "tasks.survival.n": WHOLE,
    "tasks.survival.events": WHOLE,
    "tasks.froc.value": SHARE,
    "tasks.froc.sensitivity": SHARE,
    "tasks.froc.false_positives_per_case": general,
    **{f"tasks.short_axis.{name}.value": LENGTH for name in ("bias", "lower", "upper")},
    "tasks.subgroups.positives": WHOLE,
    f"{BASELINE}.sizes": WHOLE,
    f"{BASELINE}.left_out": WHOLE,
    f"{BASELINE}.rows.counts": WHOLE,
    f"{BASELINE}.rows.missing": WHOLE,
    f"{BASELINE}.rows.standardised_difference": RATIO,
    **{
        f"{BASELINE}.rows.spreads.{name}": fixed(1)
        for name in ("mean", "standard_deviation", "median", "low_quartile", "high_quartile")
    },
    f"{COX}.univariable.value": RATIO,
    f"{COX}.multivariable.value": RATIO,
    f"{COX}.events_per_variable": fixed(1),
    "tasks.statistics.added_value.value": INDEX,
    "tasks.statistics.added_value.c_with": INDEX,
    "tasks.statistics.added_value.c_without": INDEX,
    "tasks.statistics.added_value.likelihood_ratio": RATIO,
    f"{FOLDER}.horizons_months": lambda value: f"{value / 12:g}",
    f"{FOLDER}.median_follow_up_months": fixed(1),
    f"{FOLDER}.groups.median_follow_up_months": fixed(1),
    f"{FOLDER}.groups.at_horizons.value": SHARE,
    f"{FOLDER}.comparisons.value": RATIO,
    f"{FOLDER}.comparisons.observed": WHOLE,
    f"{FOLDER}.comparisons.expected": fixed(1),
    **{
        f"tasks.statistics.reader_range.{name}": INDEX
        for name in ("value", "lowest", "highest", "model")
    },
    "tasks.statistics.calibration.value": SHARE,
    "tasks.statistics.calibration.mean_probability": SHARE,
    "tasks.statistics.decision_curve.threshold": fixed(0, times=100),
    "tasks.statistics.decision_curve.model": INDEX,
    "tasks.statistics.decision_curve.treat_all": INDEX,
}
"""How the number at each place of the file is written; a new place fails until it is here."""

UNTOLD_AT_ZERO = (
    f"{FOLDER}.left_out",
    f"{COX}.left_out",
    f"{BASELINE}.left_out",
    "tasks.coverage.failed",
)
"""Told when there are any."""


def leaves(found: Any, path: str = "", style: Words | None = None) -> Iterator[tuple[str, str]]:
    """Every number as its place, without indices, and how it should be written."""
    if isinstance(found, dict):
        own = style_of(found, path) or style
        for name, part in found.items():
            yield from leaves(part, f"{path}.{name}".removeprefix("."), own)
    elif isinstance(found, list):
        for part in found:
            yield from leaves(part, path, style)
    elif is_number(found) and path not in EXEMPT and (found or path not in UNTOLD_AT_ZERO):
        yield path, words_for(path, style)(found)


def is_number(found: Any) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool)


def style_of(found: dict[str, Any], path: str) -> Words | None:
    """Of a figure: its metric's; of anything else that has a value: that of its place."""
    if "metric" in found:
        metric = METRICS[found["metric"]]
        return of_metric(metric)
    return FORMATS.get(f"{path}.value")


METRICS = {metric.id: metric for task in examples.TASKS.values() for metric in task.metrics}


def of_metric(metric: Metric) -> Words:
    times = 100.0 if metric.unit is Unit.FRACTION else 1.0
    written = fixed(metric.decimals, times=times)
    if not metric.id.endswith(("log_rank", "mcnemar")):
        return written
    least = f"{10.0**-metric.decimals:.{metric.decimals}f}"
    return lambda value: least if float(written(value)) == 0 else written(value)


def words_for(path: str, style: Words | None) -> Words:
    last = path.rpartition(".")[2]
    if last == "level":
        return fixed(0, times=100)
    if last in {"n", "events", "left_out"} or ".failures." in path:
        return WHOLE
    if last.endswith("p_value"):
        return p_value
    if last in {"value", "low", "high"} and style is not None:
        return style
    assert path in FORMATS, f"{path}: say how the page writes it, or why it does not"
    return FORMATS[path]


def numbers_of(html: str) -> set[str]:
    """Every number that a reader sees, those of pictures and their descriptions too."""
    text = Page(re.sub(r"<script.*?</script>", "", html, flags=re.DOTALL)).text
    return set(re.findall(rf"{MINUS}?\d+(?:\.\d+)?(?:e[+\-]\d+)?", text))


@pytest.mark.parametrize("entry", ["paper-2025", "oracle", "baseline-nnunet", "empty", "reader-r1"])
def test_every_number_of_an_entry_is_on_its_page(entry: str) -> None:
    seen = numbers_of(site("own")[f"entries/{entry}.html"])
    found = list(leaves(own_board().by_id[entry].model_dump(mode="json")))

    assert len(found) > 500
    assert [each for each in found if each[1] not in seen] == []


@pytest.mark.parametrize("entry", ["team-00", "team-01"])
def test_every_number_of_an_entry_of_a_hidden_cohort_is_on_its_page(entry: str) -> None:
    found = examples.of_many()
    seen = numbers_of(build(found)[f"entries/{entry}.html"])
    numbers = list(leaves(found.by_id[entry].model_dump(mode="json")))

    assert len(numbers) > 100
    assert [each for each in numbers if each[1] not in seen] == []


def changed(entry: Entry, **parts: Any) -> Leaderboard:
    """The leaderboard with other statistics of one entry."""
    tasks = tuple(
        each.model_copy(update={"statistics": each.statistics.model_copy(update=parts)})
        if each.statistics
        else each
        for each in entry.tasks
    )
    other = entry.model_copy(update={"tasks": tasks})
    whole = own_board()
    return Leaderboard.of(
        board=whole.board,
        entries=[other],
        standings=(),
        ledger=whole.ledger,
        tasks=whole.tasks,
    )


def statistics_of(entry: Entry) -> Statistics:
    found = entry.task(TaskId.POSITIVITY).statistics
    assert found is not None
    return found


def test_numbers_that_nothing_else_has_are_on_the_page_once_the_file_has_them() -> None:
    # the walk above could meet a number by chance; these cannot be met so
    paper = own_board().by_id["paper-2025"]
    found = statistics_of(paper)
    first = found.groupings[0]
    comparison = first.comparisons[0].model_copy(
        update={"expected": (7001.4, 7002.6), "observed": (7003, 7004), "value": 70.05}
    )
    grouping = first.model_copy(update={"comparisons": (comparison,)})
    row = found.baseline.rows[0] if found.baseline else None
    assert found.baseline is not None
    assert row is not None
    baseline = found.baseline.model_copy(
        update={"rows": (row.model_copy(update={"standardised_difference": 70.06}),)}
    )
    parts = {
        "groupings": (grouping,),
        "baseline": baseline,
        "added_value": (found.added_value[0].model_copy(update={"c_with": 0.7007}),),
        "reader_range": found.reader_range.model_copy(update={"lowest": 0.7008}),
    }

    seen = numbers_of(build(changed(paper, **parts))["entries/paper-2025.html"])

    assert {"7001.4", "7002.6", "7003", "7004", "70.05", "70.06", "0.701"} <= seen
    assert not {"7001.4", "7002.6", "70.05", "70.06"} & numbers_of(
        site("own")["entries/paper-2025.html"]
    )


def test_every_exemption_has_a_number_that_it_exempts() -> None:
    dumped = [
        each.model_dump(mode="json") for each in (*own_board().entries, *examples.of_many().entries)
    ]
    paths = {path for each in dumped for path in places(each)}

    assert set(EXEMPT) - paths <= {"tasks.figures.rounded_to"}  # of rounded keys only


def places(found: Any, path: str = "") -> Iterator[str]:
    if isinstance(found, dict):
        for name, part in found.items():
            yield from places(part, f"{path}.{name}".removeprefix("."))
    elif isinstance(found, list):
        for part in found:
            yield from places(part, path)
    elif found is not None:
        yield path
