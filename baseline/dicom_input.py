"""DICOM folders as the volumes that the baseline predicts on, one for each study."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from schema.errors import FolderError
from schema.finding import Finding
from tasks.dicom.checks import NoImage
from tasks.dicom.choice import CHOICE_LIMITS, ChoiceLimits
from tasks.dicom.series import Stack, stacks_of
from tasks.dicom.tree import READING_LIMITS, DicomTree, ReadingLimits, read_tree
from tasks.dicom.volume import DicomVolume, choose_t2, convert

CASE_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class DicomCase:
    """One study: its T2 volume, or the findings for which there is none.

    Attributes:
        case_id: `study_` and twelve hexadecimal digits of the Study Instance UID's SHA-256.
        volume: None when the study has no sound and clear T2 series.
        findings: notes on the volume, or why there is none.
    """

    case_id: str
    volume: DicomVolume | None = field(repr=False)
    findings: tuple[Finding, ...]


def dicom_cases(
    folder: Path,
    *,
    series: Collection[str] = (),
    choice_limits: ChoiceLimits = CHOICE_LIMITS,
    reading_limits: ReadingLimits = READING_LIMITS,
) -> Iterator[DicomCase]:
    """Read the axial high-resolution T2 volume of every study below a folder, a study at a time.

    Args:
        folder: any nesting: studies are told apart by their UIDs, not by folders.
        series: names of series to take in the studies that have them, whatever the rules say.
        choice_limits: the numbers of the rules.
        reading_limits: how much is read at most.

    Raises:
        FolderError: the folder is none, is too large, or holds no DICOM image; or a named series is
            in no study.
    """
    tree = read_tree(folder, limits=reading_limits)
    studies = _studies(tree)
    if not studies:
        findings = (*tree.findings, *NoImage.findings(len(tree.skipped), where=""))
        raise FolderError("the folder holds no DICOM image", findings=findings)
    _refuse_unknown(series, studies=studies)
    return (
        _case(study, stacks, series=series, tree=tree, limits=choice_limits, most=reading_limits)
        for study, stacks in studies.items()
    )


def case_id_of(study_uid: str) -> str:
    """A name for a study that tells nothing but which study it is.

    A digest of a UID is no anonymisation: whoever has the UID can make it again.
    """
    return f"study_{hashlib.sha256(study_uid.encode()).hexdigest()[:CASE_DIGITS]}"


def _studies(tree: DicomTree) -> dict[str, list[Stack]]:
    """Stacks by study UID, in the order of the UIDs."""
    studies: dict[str, list[Stack]] = {}
    for stack in stacks_of(tree.frames):
        studies.setdefault(stack.instance.study_uid, []).append(stack)
    return studies


def _names(stack: Stack) -> set[str]:
    return {stack.name, stack.instance.series_uid}


def _refuse_unknown(series: Collection[str], *, studies: dict[str, list[Stack]]) -> None:
    known = {name for stacks in studies.values() for stack in stacks for name in _names(stack)}
    if unknown := sorted(set(series) - known):
        raise FolderError(f"no study holds the series {', '.join(unknown)}")


def _case(
    study_uid: str,
    stacks: list[Stack],
    *,
    series: Collection[str],
    tree: DicomTree,
    limits: ChoiceLimits,
    most: ReadingLimits,
) -> DicomCase:
    case_id = case_id_of(study_uid)
    named = next((name for stack in stacks for name in series if name in _names(stack)), None)
    try:
        chosen = choose_t2(stacks, tree=tree, series=named, limits=limits)
        volume = convert(chosen, tree=tree, byte_limit=most.stack_bytes)
    except FolderError as error:
        return DicomCase(case_id=case_id, volume=None, findings=_of_case(error.findings, case_id))
    return DicomCase(case_id=case_id, volume=volume, findings=_of_case(volume.findings, case_id))


def _of_case(findings: tuple[Finding, ...], case_id: str) -> tuple[Finding, ...]:
    return tuple(finding.model_copy(update={"case_id": case_id}) for finding in findings)
