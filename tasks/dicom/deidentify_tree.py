"""A folder of DICOM files without its patients: a new tree, named by case ids."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from schema.errors import UnreadableFileError
from schema.finding import Finding
from tasks.checks.base import Check
from tasks.checks.deidentification import (
    FileNotCleaned,
    IssuersDiffer,
    KindNotWritten,
    NotGrey,
    PatientUnknown,
    TextInPixels,
)
from tasks.dicom.deidentify import (
    METHOD,
    OPTIONS,
    WRITTEN_KINDS,
    Dates,
    Source,
    deidentified,
    patient_of,
    read_source,
)
from tasks.dicom.tree import DicomTree, ReadingLimits, read_tree
from tasks.files import write_bytes
from tasks.pseudonyms import KeyFile, with_patients

READING_LIMITS = ReadingLimits(files=2_000_000)


class Options(NamedTuple):
    """How a tree is de-identified.

    Attributes:
        dates: what becomes of the dates of a study.
        pixels_looked_at: somebody looked at images that say they hold text, and they hold none.
    """

    dates: Dates = "remove"
    pixels_looked_at: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Deidentified:
    """What came of a tree.

    Attributes:
        key: with every patient of the tree.
        written: how many files.
        findings: files left out, and why; they name paths of the source and stay private.
        counts: how many attributes were kept, replaced, emptied, removed.
    """

    key: KeyFile
    written: int
    findings: tuple[Finding, ...]
    counts: Counter[str]


def read_dicom(folder: Path) -> DicomTree:
    """Read the headers of a tree.

    Raises:
        FolderError: no folder, or too large a one.
    """
    return read_tree(folder, limits=READING_LIMITS)


def files_of(tree: DicomTree) -> tuple[str, ...]:
    """Paths of the files that hold an image, each once, in order."""
    return tuple(sorted({frame.instance.where for frame in tree.frames}))


def deidentify_tree(
    tree: DicomTree, *, out: Path, key: KeyFile, options: Options, step: Callable[[], None]
) -> Deidentified:
    """Write a tree without its patients.

    Args:
        tree: as read.
        out: folder to write into.
        key: its salt makes ids, UIDs and shifts.
        options: see there.
        step: called after each file.

    Raises:
        UsageError: two patients would share a case id.
    """
    found = [*tree.findings, *_skipped(tree)]
    ambiguous = _ambiguous(tree)
    texts: dict[str, set[str]] = defaultdict(set)
    counts: Counter[str] = Counter()
    names: set[str] = set()
    for where in files_of(tree):
        source = _source(tree.folder, where, found)
        if source is not None and (refused := _refusal(source, ambiguous, options)) is not None:
            check, got = refused
            found += check.findings(got, where=where)
        elif source is not None:
            cleaned = deidentified(source, salt=key.salt_bytes, dates=options.dates)
            if cleaned.name in names:
                found += FileNotCleaned.findings("an image that came before", where=where)
            else:
                write_bytes(out / cleaned.name, cleaned.content)
                names.add(cleaned.name)
                counts += cleaned.counts
            texts[source.patient_id] |= source.also
        step()
    return Deidentified(
        key=with_patients(key, texts), written=len(names), findings=tuple(found), counts=counts
    )


def _source(folder: Path, where: str, found: list[Finding]) -> Source | None:
    try:
        return read_source(folder / where, where=where)
    except UnreadableFileError as error:
        found += FileNotCleaned.findings(str(error), where=where)
        return None


def _skipped(tree: DicomTree) -> Iterator[Finding]:
    """DICOM files without an image; anything else in the folder is no DICOM and not told of."""
    for each in tree.skipped:
        if each.reason == "DICOM without an image":
            yield from KindNotWritten.findings("no image", where=each.where)


def _ambiguous(tree: DicomTree) -> frozenset[str]:
    """Patient IDs that several issuers gave."""
    issuers: dict[str, set[str]] = defaultdict(set)
    for where in files_of(tree):
        patient_id, issuer = patient_of(tree.folder / where)
        issuers[patient_id].add(issuer)
    return frozenset(each for each, of in issuers.items() if len(of - {""}) > 1)


def _refusal(
    source: Source, ambiguous: frozenset[str], options: Options
) -> tuple[type[Check[str]], str] | None:
    """Why a file is left out, and what was found; None when it is not."""
    if source.kind not in WRITTEN_KINDS or source.pixels is None:
        return KindNotWritten, "another kind of object"
    if source.pixels.ndim != 3:
        return NotGrey, "several values a pixel"
    if not source.patient_id:
        return PatientUnknown, "nothing"
    if source.patient_id in ambiguous:
        return IssuersDiffer, "several"
    if source.burned_in and not options.pixels_looked_at:
        return TextInPixels, "YES"
    return None


def report(result: Deidentified, *, options: Options) -> str:
    """What was done, as Markdown: it names no file, no patient and no value.

    Args:
        result: of a tree.
        options: with which it was made.
    """
    reasons = Counter((each.code, each.title) for each in result.findings)
    patients = len(result.key.patients)
    return "\n".join(
        (
            "# De-identification of DICOM files",
            "",
            f"Method: {METHOD}.",
            "",
            *(f"- {code} {meaning}" for code, meaning in OPTIONS[options.dates]),
            "",
            f"Files written: {result.written}. Patients in the key: {patients}.",
            "",
            "| attributes | count |",
            "|---|---|",
            *(f"| {name} | {count} |" for name, count in sorted(result.counts.items())),
            "",
            "| left out | files |",
            "|---|---|",
            *(f"| {code} {title} | {count} |" for (code, title), count in sorted(reasons.items())),
            "",
            "Pixels were not changed and not searched: text drawn into an image is not found here.",
            _looked_at(options),
            "",
        )
    )


def _looked_at(options: Options) -> str:
    if options.pixels_looked_at:
        return "Whoever ran this said that images which declare such text were looked at."
    return "Images that declare such text were left out."
