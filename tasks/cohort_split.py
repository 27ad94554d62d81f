"""A cohort as a train, a public and a hidden cohort, by patient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from schema.errors import UnreadableFileError, UsageError
from schema.partition import SplitCase, SplitManifest, SplitStratum
from schema.terms import Reader, Split
from tasks.cohort import Cohort
from tasks.cohort_copy import LABELS, TABLES, copy_file, volumes_of, write_lines, write_manifest
from tasks.files import canonical_json, digest_bytes, digest_folder, read_table, write_text
from tasks.layout import COHORT_NAMES, IMAGES
from tasks.partition import divided, groups_of
from tasks.tables import rows_by_column

MANIFEST = "split.json"
PARTS = (Split.TRAIN, Split.PUBLIC, Split.HIDDEN)
NO_CENTRE = "not stated"


class Stratum(NamedTuple):
    """What patients are alike in."""

    centre: str
    positive: bool | None


class Division(NamedTuple):
    """Where each case goes, and how many patients of each stratum went where."""

    split_of: dict[str, Split]
    strata: tuple[SplitStratum, ...]


def shares_of(given: Mapping[Split, str]) -> dict[Split, Fraction]:
    """Shares as exact numbers: 0.1 is a tenth.

    Raises:
        UsageError: one is no number from 0 to 1, or they do not sum to 1.
    """
    try:
        shares = {part: Fraction(text) for part, text in given.items()}
    except (ValueError, ZeroDivisionError) as error:
        raise UsageError("a share is a number such as 0.6") from error
    if sum(shares.values()) != 1 or min(shares.values()) < 0:
        raise UsageError("--train, --public and --hidden must be 0 or more and sum to 1")
    return {part: share for part, share in shares.items() if share}


def read_patients(path: Path, *, cohort: Cohort) -> dict[str, str]:
    """Case to patient, from a table with the columns case_id and patient.

    Raises:
        UsageError: no such table, or it names a case twice or one that the cohort has not.
    """
    try:
        table = read_table(path)
    except UnreadableFileError as error:
        raise UsageError(f"{path}: {error}") from error
    if not {"case_id", "patient"} <= set(table.columns):
        raise UsageError(f"{path}: expected the columns case_id and patient")
    pairs = [(cells["case_id"], cells["patient"]) for _, cells in rows_by_column(table)]
    patients = dict(pairs)
    if len(patients) != len(table.rows) or not set(patients) <= set(cohort.manifest.cases):
        raise UsageError(f"{path}: each line names another case of the cohort")
    return {case: patient for case, patient in patients.items() if patient}


def division(
    cohort: Cohort,
    *,
    groups: Sequence[tuple[str, ...]],
    shares: Mapping[Split, Fraction],
    seed: int,
) -> Division:
    """Divide patients; same arguments, same division.

    Args:
        cohort: with its tables.
        groups: the cases of each patient.
        shares: of each part.
        seed: of everything drawn.
    """
    of_group = [_stratum(cohort, group) for group in groups]
    strata = sorted(set(of_group), key=lambda each: (each.centre, str(each.positive)))
    parts = list(shares)
    drawn = divided(
        [strata.index(each) for each in of_group],
        shares=list(shares.values()),
        rng=np.random.default_rng(seed),
    )
    went = [(stratum, parts[part]) for stratum, part in zip(of_group, drawn, strict=True)]
    told = tuple(
        SplitStratum(
            centre=stratum.centre,
            positive=stratum.positive,
            patients={part: went.count((stratum, part)) for part in parts},
        )
        for stratum in strata
    )
    split_of = {case: part for group, (_, part) in zip(groups, went, strict=True) for case in group}
    return Division(split_of, told)


def _stratum(cohort: Cohort, group: tuple[str, ...]) -> Stratum:
    rows = [cohort.clinical[case] for case in group if case in cohort.clinical]
    alone = cohort.manifest.centres[0] if len(cohort.manifest.centres) == 1 else NO_CENTRE
    consensus = cohort.readers.get(Reader.CONSENSUS, {})
    read = [bool(consensus[case].positive) for case in group if case in consensus]
    return Stratum(rows[0].centre if rows else alone, any(read) if read else None)


def patients_of(
    cohort: Cohort, *, images: Mapping[str, str], patients: Mapping[str, str]
) -> tuple[tuple[str, ...], ...]:
    """The cases of each patient; cases with one and the same image count as one patient's."""
    return groups_of(cohort.manifest.cases, patients=patients, images=images)


def write_split(
    cohort: Cohort,
    made: Division,
    *,
    shares: Mapping[Split, Fraction],
    seed: int,
    out: Path,
    link: bool,
) -> Iterator[str]:
    """Write the parts and split.json; yields each case as it is done.

    Args:
        cohort: that is divided.
        made: where its cases go.
        shares: of each part.
        seed: with which it was made.
        out: folder to write into.
        link: give volumes a second name instead of copying them.

    Raises:
        UsageError: a part would be empty.
        CohortError: a volume is missing, or was not written as it was read.
    """
    empty = [part.value for part in shares if part not in made.split_of.values()]
    if empty:
        raise UsageError(f"no patient is left for {', '.join(empty)}: too few patients")
    cases: dict[str, SplitCase] = {}
    for case in cohort.manifest.cases:
        part = made.split_of[case]
        lines = []
        for where in volumes_of(cohort, case, folders=(IMAGES, *LABELS)):
            digest = copy_file(cohort.folder / where, out / part.value / where, link=link)
            lines.append(f"{where}\0{digest}\n")
        cases[case] = SplitCase(split=part, digest=digest_bytes("".join(lines).encode()))
        yield case
    for part in shares:
        _write_part(cohort, part, split_of=made.split_of, out=out / part.value)
    manifest = SplitManifest(
        seed=seed,
        source=digest_folder(cohort.folder, names=COHORT_NAMES),
        shares={part: float(share) for part, share in shares.items()},
        strata=made.strata,
        cases=cases,
    )
    write_text(out / MANIFEST, canonical_json(manifest.model_dump(mode="json")))


def _write_part(cohort: Cohort, part: Split, *, split_of: Mapping[str, Split], out: Path) -> None:
    cases = tuple(case for case in cohort.manifest.cases if split_of[case] is part)
    for name in TABLES:
        write_lines(cohort, name, cases=cases, out=out)
    stated = {cohort.clinical[case].centre for case in cases if case in cohort.clinical}
    centres = tuple(each for each in cohort.manifest.centres if each in stated)
    changes = {"split": part, "cases": cases, "centres": centres or cohort.manifest.centres}
    write_manifest(cohort.manifest.model_copy(update=changes), out=out)
