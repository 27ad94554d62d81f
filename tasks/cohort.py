"""A cohort folder: its layout, and reading it.

Reading checks the manifest and the tables, all problems at once. The volumes are left alone until
they are needed; `tasks.cohort_check` goes through all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from schema.cohort import ClinicalRow, CohortManifest, ReaderRow
from schema.errors import CohortError, Unreadable, UnreadableFileError
from schema.finding import Finding
from schema.terms import Reader, TaskId
from tasks.checks.cohort import (
    COHORT_TABLE_CHECKS,
    CentreUnknown,
    CohortColumnsWrong,
    CohortManifestInvalid,
    CohortManifestUnreadable,
    CohortTableFacts,
    CohortTableUnreadable,
    LabelMapDiffers,
)
from tasks.files import read_table, read_toml_model
from tasks.layout import (
    CLINICAL,
    CLINICAL_COLUMNS,
    COHORT_MANIFEST,
    IMAGES,
    READER_COLUMNS,
    READERS,
    mask_name,
)
from tasks.specification import label_map
from tasks.tables import complaints, parse_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """A cohort folder whose manifest and tables are sound.

    Attributes:
        folder: where it lies.
        manifest: its cases and tasks.
        clinical: by case; empty when the cohort has no clinical table.
        readers: by reader and case; empty when the cohort has no positivity reference.
    """

    folder: Path
    manifest: CohortManifest
    clinical: Mapping[str, ClinicalRow]
    readers: Mapping[Reader, Mapping[str, ReaderRow]]

    def image(self, case_id: str) -> Path:
        """The T2-weighted image of a case."""
        return self.folder / IMAGES / mask_name(case_id)

    def mask(self, task: TaskId, case_id: str) -> Path:
        """The reference mask of a case."""
        return self.folder / task.value / mask_name(case_id)


def read_cohort(folder: Path) -> Cohort:
    """Read a cohort's manifest and tables.

    Raises:
        CohortError: with every finding.
    """
    manifest = _read_manifest(folder)
    versions = (label_map(TaskId.COMPARTMENTS).version, manifest.label_map_version)
    findings = LabelMapDiffers.findings(versions, where=COHORT_MANIFEST)
    clinical = _read_rows(folder, manifest, CLINICAL, findings)
    readers = _read_rows(folder, manifest, READERS, findings)
    centres = (manifest.centres, tuple(row.centre for row in clinical))
    findings += CentreUnknown.findings(centres, where=CLINICAL)
    _refuse(folder, findings)
    return Cohort(
        folder=folder,
        manifest=manifest,
        clinical={row.case_id: row for row in clinical},
        readers=_by_reader(readers),
    )


def read_inputs(folder: Path) -> Cohort:
    """Read a cohort's manifest alone: what an entrant has. No label and no outcome is looked at.

    Raises:
        CohortError: with every finding.
    """
    manifest = _read_manifest(folder)
    return Cohort(folder=folder, manifest=manifest, clinical={}, readers={})


def _refuse(folder: Path, findings: list[Finding]) -> None:
    if findings:
        raise CohortError(f"{folder}: {len(findings)} findings", findings=findings)


def _read_manifest(folder: Path) -> CohortManifest:
    try:
        return read_toml_model(folder / COHORT_MANIFEST, CohortManifest)
    except UnreadableFileError as error:
        found = CohortManifestUnreadable.findings(str(error), where=COHORT_MANIFEST)
    except ValidationError as error:
        found = CohortManifestInvalid.findings(complaints(error), where=COHORT_MANIFEST)
    raise CohortError(f"{folder}: {COHORT_MANIFEST} cannot be used", findings=found)


def _read_rows(
    folder: Path, manifest: CohortManifest, name: str, findings: list[Finding]
) -> tuple[Any, ...]:
    """Rows of one table; problems go to `findings`. A table that is not needed may be absent."""
    needed = name == READERS and TaskId.POSITIVITY in manifest.tasks
    try:
        table = read_table(folder / name)
    except UnreadableFileError as error:
        if needed or error.kind is not Unreadable.MISSING:
            findings += CohortTableUnreadable.findings(str(error), where=name)
        return ()
    model: type[BaseModel] = ReaderRow if name == READERS else ClinicalRow
    facts = CohortTableFacts(
        table=table,
        parsed=parse_rows(table, model),
        columns=READER_COLUMNS if name == READERS else CLINICAL_COLUMNS,
        key=("case_id", "reader") if name == READERS else ("case_id",),
        cases=manifest.cases,
        required=frozenset(_required(manifest, name)),
    )
    findings += _table_findings(facts, name)
    return tuple(each.model for each in facts.parsed if each.model is not None)


def _required(manifest: CohortManifest, name: str) -> Iterator[tuple[str, ...]]:
    for case_id in manifest.cases:
        yield (case_id, Reader.CONSENSUS.value) if name == READERS else (case_id,)


def _table_findings(facts: CohortTableFacts, name: str) -> list[Finding]:
    """Wrong columns hide the rest: no line means what it says."""
    wrong = CohortColumnsWrong.findings(facts, where=name)
    rest = (check.findings(facts, where=name) for check in COHORT_TABLE_CHECKS)
    return wrong or [finding for found in rest for finding in found]


def _by_reader(rows: tuple[ReaderRow, ...]) -> dict[Reader, dict[str, ReaderRow]]:
    by_reader: dict[Reader, dict[str, ReaderRow]] = {}
    for row in rows:
        by_reader.setdefault(row.reader, {})[row.case_id] = row
    return {reader: by_reader[reader] for reader in Reader if reader in by_reader}
