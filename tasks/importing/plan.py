"""Which files and which line of the spreadsheet belong to which study; no pixel is read here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from schema.errors import FolderError, UnreadableFileError
from schema.finding import Finding
from schema.importing import ImportMapping, MaskSource
from schema.terms import TaskId
from tasks.dicom.checks import NoImage
from tasks.dicom.segmentation import segmentation_study
from tasks.dicom.tree import DicomTree, Skipped, read_tree
from tasks.files import is_folder
from tasks.importing.checks import (
    Doubt,
    MappingUnfit,
    MaskMissing,
    MaskSeveral,
    MaskShared,
    MaskUnclaimed,
    RowMissing,
    RowTwice,
    RowUnclaimed,
    SpreadsheetUnreadable,
    shown,
)
from tasks.importing.mapping import KEY, columns_of, key_by
from tasks.importing.mask_files import MASK_SUFFIXES
from tasks.importing.masks import FILES_LIMIT, MaskInput, file_pattern, files_below
from tasks.importing.naming import CaseNaming, named
from tasks.importing.rows import CaseRows, Line, case_rows, lines_by_key
from tasks.importing.spreadsheet import read_sheet
from tasks.importing.studies import READING_LIMITS, Studies, Study, studies_of
from tasks.tables import Table

NAMES_SHOWN_LIMIT = 200
"""Files or lines without a study that get a finding each; the rest is counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What is imported.

    Attributes:
        dicom: folder of studies, nested as they come.
        masks: folder of masks; None when the mapping names none.
        table: the spreadsheet; None when the mapping has no [table].
    """

    dicom: Path
    masks: Path | None
    table: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CasePlan:
    """One study and everything that belongs to it.

    Attributes:
        case_id: its name in the cohort.
        study: its series.
        series: the one that was decided on; None when the rules choose.
        masks: its mask files.
        rows: its lines of the cohort's tables; None without a table.
        findings: what is wrong so far.
    """

    case_id: str
    study: Study
    series: str | None
    masks: tuple[MaskInput, ...]
    rows: CaseRows | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """All of it.

    Attributes:
        sources: where the files lie.
        mapping: what they mean.
        cases: in the order of their ids.
        findings: what belongs to no case.
        tree: of the DICOM folder, frames left out: the cases have them.
    """

    sources: Sources
    mapping: ImportMapping
    cases: tuple[CasePlan, ...]
    findings: tuple[Finding, ...]
    tree: DicomTree = field(repr=False)


def read_studies(sources: Sources, *, mapping: ImportMapping) -> tuple[DicomTree, Studies]:
    """Read the headers of the DICOM folder.

    Raises:
        FolderError: a folder is missing, or there is no DICOM image.
    """
    if sources.masks is not None and not is_folder(sources.masks):
        raise FolderError("no folder of masks: it is missing, a file or a link")
    tree = read_tree(sources.dicom, limits=READING_LIMITS)
    if not tree.frames:
        findings = (*tree.findings, *NoImage.findings(len(tree.skipped), where=""))
        raise FolderError("the folder holds no DICOM image", findings=findings)
    return tree, studies_of(tree, rules=mapping.cases, decisions=mapping.decisions)


def plan_import(
    sources: Sources,
    *,
    mapping: ImportMapping,
    tree: DicomTree,
    studies: Studies,
    case_id_of: CaseNaming,
) -> ImportPlan:
    """Put studies, masks and lines together.

    Args:
        sources: where the files lie.
        mapping: what they mean.
        tree: as `read_studies` gives it.
        studies: the same.
        case_id_of: gives each study its case id.

    Raises:
        FolderError: the spreadsheet cannot be read, or lacks a column of the mapping.
    """
    cases, unnamed = named(studies.studies, case_id_of=case_id_of)
    lines, table_findings = _lines(sources, mapping=mapping, studies=studies)
    finder = _MaskFinder(sources.masks, mapping=mapping)
    planned = [
        _case(name, study, mapping=mapping, finder=finder, lines=lines, table=sources.table)
        for name, study in cases.items()
    ]
    planned = [replace(case, findings=(*case.findings, *finder.shared(case))) for case in planned]
    findings = (*tree.findings, *studies.findings, *unnamed, *table_findings)
    slim = DicomTree(folder=tree.folder, frames=(), skipped=tuple[Skipped](), findings=())
    return ImportPlan(
        sources=sources,
        mapping=mapping,
        cases=tuple(planned),
        findings=(*findings, *finder.unclaimed(known=studies.left_out)),
        tree=slim,
    )


def _case(
    case_id: str,
    study: Study,
    *,
    mapping: ImportMapping,
    finder: _MaskFinder,
    lines: Mapping[str, Sequence[Line]],
    table: Path | None,
) -> CasePlan:
    masks, findings = finder.of(study, case_id=case_id)
    rows = None
    if mapping.table is not None and table is not None:
        here = lines.get(study.key, ())
        if len(here) == 1:
            rows = case_rows(here[0], case_id=case_id, mapping=mapping, where=table.name)
            findings += rows.findings
        else:
            findings += _not_one(here, case_id=case_id, where=table.name)
    decision = mapping.decisions.get(study.key)
    return CasePlan(
        case_id=case_id,
        study=study,
        series=None if decision is None else decision.series,
        masks=masks,
        rows=rows,
        findings=tuple(findings),
    )


def _not_one(lines: Sequence[Line], *, case_id: str, where: str) -> list[Finding]:
    if not lines:
        return RowMissing.findings(Doubt("one line", "none"), where=where, case_id=case_id)
    got = f"lines {shown([str(line.number) for line in lines])}"
    return RowTwice.findings(Doubt("one line", got), where=where, case_id=case_id)


# --- the spreadsheet ------------------------------------------------------------------


def _lines(
    sources: Sources, *, mapping: ImportMapping, studies: Studies
) -> tuple[dict[str, list[Line]], list[Finding]]:
    """Lines by key, and a note for each that belongs to no study."""
    if mapping.table is None:
        return {}, []
    if sources.table is None:
        raise FolderError("the mapping has a [table]: give --table FILE")
    table = _read(sources.table, mapping=mapping)
    pattern, where = mapping.table.pattern, sources.table.name
    lines = lines_by_key(table, key_of=lambda text: key_by(pattern, text), column=mapping.table.key)
    keys = {study.key for study in studies.studies} | studies.left_out
    strays = sorted(line.number for key, each in lines.items() if key not in keys for line in each)
    return lines, _strays(
        (f"{where}:line {number}" for number in strays),
        find=lambda place: RowUnclaimed.findings(Doubt("a key of a study", "another"), where=place),
    )


def _read(path: Path, *, mapping: ImportMapping) -> Table:
    """The spreadsheet with every column that the mapping names.

    Raises:
        FolderError: it cannot be read, or a column is not there.
    """
    assert mapping.table is not None
    try:
        table = read_sheet(path, rules=mapping.table)
    except UnreadableFileError as error:
        doubt = Doubt("a CSV or XLSX file", str(error))
        found = SpreadsheetUnreadable.findings(doubt, where=path.name)
        raise FolderError("the spreadsheet cannot be used", findings=found) from error
    missing = [each for each in columns_of(mapping).items() if each[0] not in table.columns]
    if missing:
        known = f"one of {', '.join(repr(name) for name in table.columns if name)}"
        found = [
            each
            for column, place in missing
            for each in MappingUnfit.findings(Doubt(known, repr(column)), where=place)
        ]
        raise FolderError("the mapping names columns that are not there", findings=found)
    return table


def _strays(places: Iterable[str], *, find: Callable[[str], list[Finding]]) -> list[Finding]:
    """A note for each of the first places, and one that counts the rest."""
    found = list(places)
    notes = [note for place in found[:NAMES_SHOWN_LIMIT] for note in find(place)]
    more = len(found) - NAMES_SHOWN_LIMIT
    return notes + (find(f"and {more} more") if more > 0 else [])


# --- masks ----------------------------------------------------------------------------


class _MaskFinder:
    """Finds the mask files of a study, and remembers which were found."""

    def __init__(self, folder: Path | None, *, mapping: ImportMapping) -> None:
        self._sources = _needed(mapping)
        self._names: list[str] = []
        for number, name in enumerate(() if folder is None else files_below(folder)):
            if number >= FILES_LIMIT:
                raise FolderError(f"the folder of masks holds more than {FILES_LIMIT} files")
            self._names.append(name)
        if self._sources and folder is None:
            raise FolderError("the mapping names mask files: give --masks DIR")
        self._by_study = _segmentations(folder, names=self._names, sources=self._sources)
        self._candidates = {
            source.file: [name for name in self._names if any_key.fullmatch(name)]
            for source in self._sources
            for any_key in (file_pattern(source.file, key=None),)
        }
        self._claims: dict[str, set[str]] = {}

    def of(self, study: Study, *, case_id: str) -> tuple[tuple[MaskInput, ...], list[Finding]]:
        """A study's files, and the findings where there is not exactly one."""
        found: list[MaskInput] = []
        findings: list[Finding] = []
        for source in self._sources:
            names = self._matching(source, study=study)
            for name in names:
                self._claims.setdefault(name, set()).add(case_id)
            if len(names) == 1:
                found.append(MaskInput(names[0], source))
            elif names:
                doubt = Doubt("one file", shown(names))
                findings += MaskSeveral.findings(doubt, where=source.file, case_id=case_id)
            elif source.absent == "refuse":
                doubt = Doubt("one file", "none")
                findings += MaskMissing.findings(doubt, where=source.file, case_id=case_id)
        return tuple(found), findings

    def _matching(self, source: MaskSource, *, study: Study) -> list[str]:
        if KEY not in source.file:
            return self._by_study.get((source.file, study.uid), [])
        pattern = file_pattern(source.file, key=study.key)
        return [name for name in self._candidates[source.file] if pattern.fullmatch(name)]

    def shared(self, case: CasePlan) -> list[Finding]:
        """Files of a case that other cases have too; known once every case was looked for."""
        found = [name for name, cases in self._claims.items() if case.case_id in cases]
        return [
            finding
            for name in sorted(found)
            if len(self._claims[name]) > 1
            for finding in MaskShared.findings(
                Doubt("one study", shown(sorted(self._claims[name]))),
                where=name,
                case_id=case.case_id,
            )
        ]

    def unclaimed(self, *, known: Iterable[str]) -> list[Finding]:
        """A note for each mask file that no study has, nor any of the other known keys."""
        patterns = [
            (source.file, file_pattern(source.file, key=key))
            for key in known
            for source in self._sources
            if KEY in source.file
        ]
        others = {
            name
            for template, pattern in patterns
            for name in self._candidates[template]
            if pattern.fullmatch(name)
        }
        strays = (
            name
            for name in self._names
            if name.lower().endswith(MASK_SUFFIXES)
            and name not in self._claims
            and name not in others
        )
        doubt = Doubt("a file of a study", "a file that fits no pattern of a study")
        return _strays(strays, find=lambda name: MaskUnclaimed.findings(doubt, where=name))


def _needed(mapping: ImportMapping) -> tuple[MaskSource, ...]:
    """Files are looked for where a task needs masks."""
    mask_tasks = set(mapping.cohort.tasks) - {TaskId.POSITIVITY}
    return mapping.masks if mask_tasks else ()


def _segmentations(
    folder: Path | None, *, names: Sequence[str], sources: Sequence[MaskSource]
) -> dict[tuple[str, str], list[str]]:
    """DICOM SEG files by pattern and study, for patterns without a key."""
    found: dict[tuple[str, str], list[str]] = {}
    for source in sources:
        if folder is None or KEY in source.file:
            continue
        pattern = file_pattern(source.file, key="")
        for name in names:
            if pattern.fullmatch(name) and (uid := segmentation_study(folder / name)) is not None:
                found.setdefault((source.file, uid), []).append(name)
    return found
