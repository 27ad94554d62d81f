"""A cohort of 480 constructed patients that satisfies the paper's tables: no patient is in it.

`tasks/replica/constructed.csv` was found by simulated annealing: statuses of the model and of the
consensus, eight binary covariates, times and events, with the margins of the paper's Table 1, 99
recurrences and 44 deaths, and the hazard ratios of Table 2. Here it is completed, from one seed, so
that the paper's other figures hold where they are determined:

- age: mean and standard deviation of Table 1 in either group, exchanged within the groups until the
  hazard ratios of Table 2 are met;
- two patients without CEA (226 + 162 = 388 of 390): the two followed for the shortest time;
- region and short axis of the dominant node: the matrices of Figures 2C and 2D that fit the
  published percentages (34 of 44 and 16 of 20; 33 of 44 and 15 of 24), and events observed and
  expected that give the hazard ratios of Figure 4;
- three readers: a senior one (R3) with a kappa of 0.64 with the model, and two whose errors the
  paper does not tell; where all three agree, the consensus is what they say.

The probability is the call itself, centre and side are no figure of the paper.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from random import Random
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schema.cohort import ClinicalRow, ReaderRow
from schema.submission import PositivityPrediction
from schema.terms import Reader, Region, Side, Split, TaskId
from tasks.files import read_table, toml_text, write_models, write_text
from tasks.layout import (
    CLINICAL,
    CLINICAL_COLUMNS,
    COHORT_MANIFEST,
    POSITIVITY_COLUMNS,
    READER_COLUMNS,
    READERS,
    SUBMISSION_MANIFEST,
)
from tasks.paper_cohort import DOI
from tasks.specification import label_map, load_tasks, positivity_rules
from tasks.tables import rows_by_column

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

SOURCE = "constructed.csv"
DRAW = 480
"""Starts the generator of everything that is drawn."""
CENTRE = "SYSU6 and YNCH"
AGES = {False: (55.3, 11.2), True: (52.6, 12.7)}
"""Mean and standard deviation by the model's call: Table 1."""
AGE_Z = {"dfs": 0.962, "os": -0.207}
"""Score statistics of age: the p values .336 and .836 of Table 2, above and below 1."""
AGE_EXCHANGES = 6000
WITHOUT_CEA = 2
TINY = 1e-3


class Sizes(NamedTuple):
    """Counts of one of Figures 2C and 2D among the 44 patients with both: reference, prediction."""

    both_first: int
    only_reference_first: int
    only_prediction_first: int
    neither_first: int


REGIONS = Sizes(18, 6, 4, 16)
"""First is internal iliac. 34 of 44 right; 16 of 20 obturator or external iliac right."""
SHORT_AXES = Sizes(18, 2, 9, 15)
"""First is at or above the threshold. 33 of 44 right; 15 of 24 below it right."""


class Events(NamedTuple):
    """Events of the first group of Figure 4 among 89 positive calls, and how many are expected."""

    dfs: int
    dfs_expected: float
    os: int
    os_expected: float


REGION_EVENTS = Events(19, 16.02, 9, 7.38)
"""HR 1.539 (0.7401-3.200) and 1.613 (0.5650-4.607), inverted to whole numbers of events."""
SHORT_AXIS_EVENTS = Events(20, 12.79, 11, 6.78)
"""HR 2.815 (1.352-5.859) and 3.9 (1.367-11.12)."""


class Reading(NamedTuple):
    """Positive readings among true positives, false negatives, false positives, true negatives."""

    tp: int
    fn: int
    fp: int
    tn: int


READINGS = {
    Reader.R1: Reading(38, 11, 14, 10),
    Reader.R2: Reading(40, 11, 9, 5),
    Reader.R3: Reading(42, 7, 11, 2),
}
"""R3 and the model: 435 of 480 calls equal less 1, kappa 0.643."""


class Source(NamedTuple):
    """The constructed columns, each of shape (480,)."""

    columns: Mapping[str, Floats]

    def flag(self, name: str) -> Bools:
        """A column of 0 and 1."""
        return np.asarray(self.columns[name] == 1, dtype=bool)

    @property
    def called(self) -> Bools:
        """The model's status."""
        return self.flag("dlLLN")

    @property
    def positive(self) -> Bools:
        """The consensus."""
        return self.flag("mrLLN")


def read_source(path: Path) -> Source:
    """Read the constructed table."""
    rows = [cells for _, cells in rows_by_column(read_table(path))]
    names = [name for name in rows[0] if name != "case_id"]
    return Source({name: np.array([float(row[name]) for row in rows]) for name in names})


class Places(NamedTuple):
    """Of each patient: 1 for a dominant node of the first kind, 0 for the second, None unstated."""

    reference: list[int | None]
    prediction: list[int | None]


class Completed(NamedTuple):
    """Everything that the source lacks."""

    ages: list[float]
    without_cea: frozenset[int]
    regions: list[tuple[Region | None, Region | None]]
    short_axes_mm: list[tuple[float | None, float | None]]
    sides: list[Side]
    readings: dict[Reader, Bools]


def complete(source: Source, *, rng: Random) -> Completed:
    """Complete the source; the same generator gives the same cohort."""
    unstated = _unstated(source)
    regions = _places(source, unstated, REGIONS, REGION_EVENTS, rng=rng)
    sizes = _places(source, unstated, SHORT_AXES, SHORT_AXIS_EVENTS, rng=rng)
    return Completed(
        ages=_ages(source, rng=rng),
        without_cea=_without_cea(source),
        regions=[_regions(*each, rng=rng) for each in zip(*regions, strict=True)],
        short_axes_mm=[_short_axes(*each, rng=rng) for each in zip(*sizes, strict=True)],
        sides=[rng.choice(list(Side)) for _ in source.called],
        readings=_readings(source, rng=rng),
    )


def _without_cea(source: Source) -> frozenset[int]:
    free = ~source.called & ~source.flag("cea_abnormal") & ~source.flag("dfs_event")
    patients = np.flatnonzero(free)
    order = np.argsort(source.columns["dfs_months"][patients], kind="stable")
    return frozenset(int(each) for each in patients[order[:WITHOUT_CEA]])


# --- age ---


def _ages(source: Source, *, rng: Random) -> list[float]:
    """Ages of the published mean and spread in either group, exchanged to meet the ratios."""
    ages = np.zeros(source.called.size)
    for called, (mean, spread) in AGES.items():
        members = np.flatnonzero(source.called == called)
        drawn = np.array([max(-2.4, min(2.4, rng.gauss(0, 1))) for _ in members])
        drawn = (drawn - drawn.mean()) / drawn.std(ddof=1)
        ages[members] = np.round(mean + spread * drawn, 1)
    groups = [np.flatnonzero(source.called == called).tolist() for called in AGES]
    targets = [(_risk_sets(source, outcome), z) for outcome, z in AGE_Z.items()]
    return _exchanged(ages, groups, lambda each: _distance(each, targets), rng=rng)


class RiskSets(NamedTuple):
    """Who is at risk, shape (events, patients), and who fails, shape (events,)."""

    at_risk: NDArray[np.int64]
    failing: NDArray[np.intp]


def _risk_sets(source: Source, outcome: str) -> RiskSets:
    months = source.columns[f"{outcome}_months"]
    failing = np.flatnonzero(source.flag(f"{outcome}_event"))
    return RiskSets((months[None] >= months[failing, None]).astype(np.int64), failing)


def _distance(ages: Floats, targets: Sequence[tuple[RiskSets, float]]) -> float:
    """How far the score statistics of Cox's model are from those wanted.

    Sums are of tenths of years, as whole numbers, so that every machine finds the same ages.
    """
    tenths = np.rint(10 * ages).astype(np.int64)
    total = 0.0
    for (at_risk, failing), wanted in targets:
        count = at_risk.sum(axis=1)
        means = (at_risk @ tenths) / count
        variances = (at_risk @ tenths**2) / count - means**2
        z = math.fsum(tenths[failing] - means) / math.sqrt(math.fsum(variances))
        total += abs(z - wanted)
    return total


def _exchanged(
    ages: Floats,
    groups: Sequence[list[int]],
    distance: Callable[[Floats], float],
    *,
    rng: Random,
) -> list[float]:
    """Exchange two patients' ages within a group wherever that leads nearer."""
    nearest = distance(ages)
    for _ in range(AGE_EXCHANGES):
        if nearest < TINY:
            break
        first, second = rng.sample(rng.choice(groups), 2)
        ages[[first, second]] = ages[[second, first]]
        found = distance(ages)
        if found < nearest:
            nearest = found
        else:
            ages[[first, second]] = ages[[second, first]]
    return [float(age) for age in ages]


# --- the dominant node ---


def _unstated(source: Source) -> int:
    """The true positive whose node the model does not state: 44 of the 45 have both.

    He recurs and lives, because Figure 4 counts 29 of the 30 recurrences and all 14 deaths.
    """
    found = source.positive & source.called & source.flag("dfs_event") & ~source.flag("os_event")
    return int(np.flatnonzero(found)[0])


def _places(source: Source, unstated: int, sizes: Sizes, events: Events, *, rng: Random) -> Places:
    """Kind of the dominant node on either side, with the counts and events asked for."""
    stated = source.called.copy()
    stated[unstated] = False
    true = [int(each) for each in np.flatnonzero(stated & source.positive)]
    false = [int(each) for each in np.flatnonzero(stated & ~source.positive)]
    wanted = sizes.both_first + sizes.only_prediction_first
    first = _first_group(source, true, false, wanted=wanted, events=events, rng=rng)
    prediction: list[int | None] = [None] * source.called.size
    for each in (*true, *false):
        prediction[each] = int(each in first)
    reference: list[int | None] = [None] * source.called.size
    inside = rng.sample([each for each in true if each in first], wanted)
    outside = rng.sample([each for each in true if each not in first], len(true) - wanted)
    for place, each in enumerate(inside):
        reference[each] = int(place < sizes.both_first)
    for place, each in enumerate(outside):
        reference[each] = int(place < sizes.only_reference_first)
    for missed in np.flatnonzero(source.positive & ~stated):
        reference[int(missed)] = int(rng.random() < 0.5)
    return Places(reference, prediction)


def _first_group(
    source: Source,
    true: list[int],
    false: list[int],
    *,
    wanted: int,
    events: Events,
    rng: Random,
) -> set[int]:
    """Patients of the first group, `wanted` of them true positives, with the events asked for.

    The expected events of a group are the sum of its patients' cumulative hazards of the whole, so
    that this is a search for a subset with four sums: by exchange, from many starts.
    """
    everybody = [*true, *false]
    shares = np.array([_share(source, everybody, outcome) for outcome in ("dfs", "os")])
    table = np.stack([shares[0, 0], shares[0, 1], shares[1, 0], shares[1, 1]], axis=1)
    target = np.array(events)
    best, nearest = set(true[:wanted]), float("inf")
    while nearest > 4 * TINY:
        inside = {*rng.sample(range(len(true)), wanted)}
        inside |= {each for each in range(len(true), len(everybody)) if rng.random() < 0.5}
        found = _nearer(inside, table, target, true=len(true), rng=rng)
        if found < nearest:
            best, nearest = {everybody[each] for each in inside}, found
    return best


def _share(source: Source, patients: list[int], outcome: str) -> tuple[Floats, Floats]:
    """Event, and cumulative hazard among these patients at his own time, of each."""
    months = source.columns[f"{outcome}_months"][patients]
    event = source.flag(f"{outcome}_event")[patients]
    moments, deaths = np.unique(months[event], return_counts=True)
    at_risk = (months[None] >= moments[:, None]).sum(axis=1)
    hazard = np.concatenate([[0.0], np.cumsum(deaths / at_risk)])
    return event.astype(np.float64), hazard[np.searchsorted(moments, months, side="right")]


def _nearer(inside: set[int], table: Floats, target: Floats, *, true: int, rng: Random) -> float:
    """Exchange members of a group while that leads nearer to its four sums; the distance left.

    A true positive changes places with a true positive, any other patient comes or goes.
    """
    sums = table[sorted(inside)].sum(axis=0)
    nearest = float(abs(sums - target).sum())
    for _ in range(3000):
        out = rng.choice(sorted(inside))
        new = rng.randrange(len(table))
        if new in inside or (out < true) != (new < true):
            continue
        drop, add = rng.choice([(True, True), (True, False), (False, True)])
        if out < true:
            drop = add = True
        changed = sums - drop * table[out] + add * table[new]
        found = float(abs(changed - target).sum())
        if found < nearest:
            nearest, sums = found, changed
            inside -= {out} if drop else set()
            inside |= {new} if add else set()
    return nearest


def _regions(
    reference: int | None, prediction: int | None, *, rng: Random
) -> tuple[Region | None, Region | None]:
    """Internal iliac, or one of the others; where both are others they are the same."""
    other = Region.OB if rng.random() < 0.75 else Region.EI

    def region(first: int | None) -> Region | None:
        if first is None:
            return None
        return Region.II if first else other

    return region(reference), region(prediction)


def _short_axes(
    reference: int | None, prediction: int | None, *, rng: Random
) -> tuple[float | None, float | None]:
    """Short axes in mm on the sides of the threshold that are asked for, near each other."""
    near = reference is not None and prediction is not None and reference != prediction
    threshold = positivity_rules().short_axis_mm
    size = rng.uniform(0.1, 1.0) if near else rng.uniform(0.1, 3.0)

    def short_axis(large: int | None) -> float | None:
        if large is None:
            return None
        moved = max(0.1, size + rng.gauss(0, 0.3))
        return round(threshold + moved if large else threshold - moved, 1)

    return short_axis(reference), short_axis(prediction)


# --- readers ---


def _readings(source: Source, *, rng: Random) -> dict[Reader, Bools]:
    """Readers with the counts asked for, whose unanimous readings are the consensus."""
    cells = [
        np.flatnonzero((source.positive == positive) & (source.called == called)).tolist()
        for positive, called in ((True, True), (True, False), (False, True), (False, False))
    ]
    while True:
        found = {
            reader: _reading(cells, counts, size=source.called.size, rng=rng)
            for reader, counts in READINGS.items()
        }
        readings = np.stack(list(found.values()))
        unanimous = readings.all(axis=0) | ~readings.any(axis=0)
        if (readings[0] == source.positive)[unanimous].all():
            return found


def _reading(cells: Sequence[list[int]], counts: Reading, *, size: int, rng: Random) -> Bools:
    positive = np.zeros(size, dtype=bool)
    for patients, count in zip(cells, counts, strict=True):
        positive[rng.sample(patients, count)] = True
    return positive


# --- files ---


def write_replica(*, out: Path) -> None:
    """Write the cohort into a folder, and the model's calls into `submission/` below it."""
    with as_file(files("tasks").joinpath("replica", SOURCE)) as path:
        source = read_source(path)
    completed = complete(source, rng=Random(DRAW))  # noqa: S311 - a cohort, not a secret
    cases = [f"REPLICA-{number + 1:03d}" for number in range(source.called.size)]
    clinical = [_clinical(case, row, source, completed) for row, case in enumerate(cases)]
    calls = [_call(case, row, source, completed) for row, case in enumerate(cases)]
    readings = [
        each for row, case in enumerate(cases) for each in _rows(case, row, source, completed)
    ]
    write_models(out / CLINICAL, clinical, columns=CLINICAL_COLUMNS)
    write_models(out / READERS, readings, columns=READER_COLUMNS)
    write_text(out / COHORT_MANIFEST, toml_text(_cohort(cases)))
    folder = out / "submission"
    output = load_tasks()[TaskId.POSITIVITY].output
    write_models(folder / output, calls, columns=POSITIVITY_COLUMNS)
    write_text(folder / SUBMISSION_MANIFEST, toml_text(_submission()))


def _clinical(case_id: str, row: int, source: Source, completed: Completed) -> ClinicalRow:
    def bit(name: str) -> int:
        return int(source.columns[name][row])

    cea = None if row in completed.without_cea else ("normal", "abnormal")[bit("cea_abnormal")]
    return ClinicalRow.model_validate(
        {
            "case_id": case_id,
            "centre": CENTRE,
            "age": completed.ages[row],
            "sex": ("male", "female")[bit("female")],
            "cea": cea,
            "location": ("low", "middle_high")[bit("location_middle_high")],
            "mrT": ("T1-T3", "T4")[bit("mrT4")],
            "mrN": ("N0-N1", "N2")[bit("mrN2")],
            **{name: bit(name) for name in ("mrTD", "mrCRM", "mrEMVI")},
            **{
                f"{outcome}_months": float(source.columns[f"{outcome}_months"][row])
                for outcome in ("dfs", "os")
            },
            **{f"{outcome}_event": bit(f"{outcome}_event") for outcome in ("dfs", "os")},
        }
    )


def _call(case_id: str, row: int, source: Source, completed: Completed) -> PositivityPrediction:
    called = bool(source.called[row])
    region, short_axis = completed.regions[row][1], completed.short_axes_mm[row][1]
    return PositivityPrediction(
        case_id=case_id,
        probability=float(called),
        positive=int(called),
        region=region,
        side=completed.sides[row] if region else None,
        short_axis_mm=short_axis,
    )


def _rows(case_id: str, row: int, source: Source, completed: Completed) -> list[ReaderRow]:
    """The three readers, of whom only the status is known, and the consensus."""
    readers = [
        ReaderRow(case_id=case_id, reader=reader, positive=int(positive[row]))
        for reader, positive in completed.readings.items()
    ]
    region = completed.regions[row][0]
    consensus = ReaderRow(
        case_id=case_id,
        reader=Reader.CONSENSUS,
        positive=int(source.positive[row]),
        region=region,
        side=completed.sides[row] if region else None,
        short_axis_mm=completed.short_axes_mm[row][0],
    )
    return [*readers, consensus]


def _cohort(cases: list[str]) -> dict[str, object]:
    return {
        "name": "Replica of the paper's validation cohort",
        "licence": "CC0-1.0",
        "split": Split.PUBLIC.value,
        "label_map_version": label_map(TaskId.COMPARTMENTS).version,
        "centres": [CENTRE],
        "tasks": [TaskId.POSITIVITY.value],
        "cases": cases,
        "description": "Constructed so that the paper's tables hold; no patient is in it.",
    }


def _submission() -> dict[str, object]:
    return {
        "team": "Qiao et al. 2025",
        "model": "nnU-Net, replica",
        "tasks": [TaskId.POSITIVITY.value],
        "description": "Constructed calls; the probability is the call itself.",
        "url": DOI,
    }
