"""A DICOM tree as studies, each with the key by which masks and spreadsheet know it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from schema.errors import UnreadableFileError
from schema.finding import Finding
from schema.importing import CaseRules, Decision
from tasks.dicom.headers import read_sources
from tasks.dicom.series import Stack, stacks_of
from tasks.dicom.tree import DicomTree, ReadingLimits
from tasks.importing.checks import (
    DecisionUnknown,
    Doubt,
    KeySeveralStudies,
    LeftOut,
    StudyWithoutKey,
    shown,
)
from tasks.importing.mapping import key_by

READING_LIMITS = ReadingLimits(files=2_000_000)
"""A whole hospital's export, not one study."""
MATCHES = {"patient-id": "PatientID", "accession-number": "AccessionNumber"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """One examination of one patient.

    Attributes:
        uid: Study Instance UID.
        key: by which masks and the spreadsheet know it; it may tell who the patient is.
        stacks: all of its series.
    """

    uid: str
    key: str = field(repr=False)
    stacks: tuple[Stack, ...] = field(repr=False)

    @property
    def where(self) -> str:
        """How findings name it before it has a case id."""
        return f"study {self.uid}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Studies:
    """Studies that have a key of their own, and what was odd.

    Attributes:
        studies: in the order of their UIDs.
        left_out: keys of the others: what belongs to them is nobody's, but no surprise.
        findings: why they are left out.
    """

    studies: tuple[Study, ...]
    left_out: frozenset[str] = field(repr=False)
    findings: tuple[Finding, ...]


def stacks_by_study(tree: DicomTree) -> dict[str, tuple[Stack, ...]]:
    """Stacks by study UID, in the order of the UIDs."""
    studies: dict[str, list[Stack]] = {}
    for stack in stacks_of(tree.frames):
        studies.setdefault(stack.instance.study_uid, []).append(stack)
    return {uid: tuple(stacks) for uid, stacks in studies.items()}


def studies_of(tree: DicomTree, *, rules: CaseRules, decisions: Mapping[str, Decision]) -> Studies:
    """Every study with its key; those without one, or with one that is not theirs alone, are told.

    Args:
        tree: of a whole folder.
        rules: how a study gets its key.
        decisions: which study counts where a key has several, and which keys are left out.
    """
    findings: list[Finding] = []
    by_key: dict[str, list[Study]] = {}
    for uid, stacks in stacks_by_study(tree).items():
        text = text_of(stacks, match=rules.match, folder=tree.folder)
        key = None if text is None else key_by(rules.pattern, text)
        if key is None:
            doubt = Doubt(f"a {rules.match} that fits {rules.pattern}", _lack(text))
            findings += StudyWithoutKey.findings(doubt, where=f"study {uid}")
        else:
            by_key.setdefault(key, []).append(Study(uid=uid, key=key, stacks=stacks))
    kept: list[Study] = []
    for key, studies in by_key.items():
        study, found = _one(studies, decision=decisions.get(key, Decision()))
        findings += found
        kept += [study] if study is not None else []
    findings += _unknown(decisions, keys=set(by_key))
    kept.sort(key=lambda study: study.uid)
    left_out = frozenset(by_key) - {study.key for study in kept}
    return Studies(studies=tuple(kept), left_out=left_out, findings=tuple(findings))


def _lack(text: str | None) -> str:
    if text is None:
        return "several folders"
    return "another text" if text else "nothing"


def text_of(stacks: Sequence[Stack], *, match: str, folder: Path) -> str | None:
    """What a study's key is read from; None when its files lie in several folders.

    It is read from the study's first file. That the others belong to the same patient is checked
    when a series is chosen.
    """
    if match == "study-uid":
        return stacks[0].instance.study_uid
    if match == "folder":
        tops = {
            frame.instance.where.partition("/")[0] for stack in stacks for frame in stack.frames
        }
        return tops.pop() if len(tops) == 1 else None
    try:
        (header,) = read_sources(folder, [stacks[0].instance.where])
        return str(header.get(MATCHES[match]) or "").strip()
    except (UnreadableFileError, ValueError):
        return ""


def _one(studies: Sequence[Study], *, decision: Decision) -> tuple[Study | None, list[Finding]]:
    """The study of a key, or why there is none."""
    first = studies[0]
    if decision.leave_out:
        doubt = Doubt("a study that is imported", "leave_out = true")
        return None, LeftOut.findings(doubt, where=shown([each.where for each in studies]))
    if decision.study is not None:
        named = [each for each in studies if each.uid == decision.study]
        if named:
            return named[0], []
        doubt = Doubt(f"one of {shown([each.uid for each in studies])}", decision.study)
        return None, KeySeveralStudies.findings(doubt, where=first.where)
    if len(studies) > 1:
        got = f"{len(studies)}: {shown([each.uid for each in studies])}"
        return None, KeySeveralStudies.findings(Doubt("one study", got), where=first.where)
    return first, []


def _unknown(decisions: Mapping[str, Decision], *, keys: set[str]) -> list[Finding]:
    missing = sorted(set(decisions) - keys)
    doubts = (Doubt("a key that a study has", repr(key)) for key in missing)
    return [
        each
        for doubt in doubts
        for each in DecisionUnknown.findings(doubt, where="mapping:decisions")
    ]


def number_of(uid: str) -> str:
    """What puts studies in an order that tells nothing of when and of whom they are."""
    return hashlib.sha256(uid.encode()).hexdigest()
