"""Case ids, and the key file that says whose they are: it stays outside of the cohort."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from schema.base import CaseId
from schema.errors import UnreadableFileError, UsageError
from schema.finding import Finding
from tasks.files import read_table, write_table
from tasks.importing.checks import CaseIdUnusable, Doubt
from tasks.importing.studies import Study, number_of
from tasks.pseudonyms import case_naming, new_key, read_key, with_patients, write_key
from tasks.tables import rows_by_column

CaseNaming = Callable[[Study], str]
"""Gives a study its case id; the same study gets the same one every time."""

KEY_COLUMNS = ("case_id", "key", "study_uid")
PREFIX = "case-"
_CASE_ID = TypeAdapter(CaseId)


def numbered(studies: Sequence[Study], *, known: Mapping[str, str]) -> CaseNaming:
    """`case-0001` and so on, in an order that tells nothing of the patients.

    Args:
        studies: all that get one.
        known: study UID to case id, from an earlier import: those are kept, new studies get the
            next numbers.
    """
    taken = [int(match[1]) for name in known.values() if (match := _numbered(name))]
    names, number = dict(known), max(taken, default=0)
    for uid in sorted((study.uid for study in studies if study.uid not in known), key=number_of):
        number += 1
        names[uid] = f"{PREFIX}{number:04d}"
    return lambda study: names[study.uid]


def _numbered(name: str) -> re.Match[str] | None:
    return re.fullmatch(rf"{PREFIX}(\d+)", name)


def salted(path: Path, *, studies: Sequence[Study]) -> CaseNaming:
    """Pseudonyms of the studies' keys under the key file of `tasks.pseudonyms`, made when absent.

    Raises:
        UsageError: it is no key file, others may read it, or two keys share a pseudonym.
    """
    keys = {study.key: () for study in studies if study.key.strip()}
    key = with_patients(read_key(path) or new_key(), keys)
    write_key(path, key)
    return case_naming(key)


def from_study(study: Study) -> str:
    """The key itself: for studies that were de-identified before."""
    return study.key


def naming_of(
    case_ids: str, *, studies: Sequence[Study], known: Mapping[str, str], salt: Path | None
) -> CaseNaming:
    """The naming that a mapping asks for.

    Args:
        case_ids: `CaseRules.case_ids`.
        studies: all that get a case id.
        known: study UID to case id, from an earlier import.
        salt: the key file, for `salted`.

    Raises:
        UsageError: a key file is needed and not given, or cannot be used.
    """
    if case_ids == "from-study":
        return from_study
    if case_ids == "salted":
        if salt is None:
            raise UsageError('the mapping says case_ids = "salted": give --salt FILE')
        return salted(salt, studies=studies)
    return numbered(studies, known=known)


def named(
    studies: Sequence[Study], *, case_id_of: CaseNaming
) -> tuple[dict[str, Study], list[Finding]]:
    """Studies by their case id, in its order, and those whose case id cannot be used."""
    names = [(study, case_id_of(study)) for study in studies]
    counts = Counter(name.casefold() for _, name in names)
    usable: dict[str, Study] = {}
    findings: list[Finding] = []
    for study, name in sorted(names, key=lambda pair: pair[1]):
        if not _is_case_id(name):
            doubt = Doubt("letters, digits, - and _, at most 64", "another text")
            findings += CaseIdUnusable.findings(doubt, where=study.where)
        elif counts[name.casefold()] > 1:
            doubt = Doubt("a case id of its own", f"{counts[name.casefold()]} studies with one")
            findings += CaseIdUnusable.findings(doubt, where=study.where)
        else:
            usable[name] = study
    return usable, findings


def _is_case_id(name: str) -> bool:
    try:
        _CASE_ID.validate_python(name)
    except ValidationError:
        return False
    return True


def read_key_file(path: Path) -> dict[str, str]:
    """Study UID to case id of an earlier import; empty when there is no such file.

    Raises:
        UsageError: there is a file, and it is no key file.
    """
    if not path.exists():
        return {}
    try:
        table = read_table(path)
    except UnreadableFileError as error:
        raise UsageError(f"{path}: no key file: {error}") from error
    if table.columns != KEY_COLUMNS:
        raise UsageError(f"{path}: expected the columns {', '.join(KEY_COLUMNS)} of a key file")
    return {cells["study_uid"]: cells["case_id"] for _, cells in rows_by_column(table)}


def write_key_file(path: Path, cases: Mapping[str, Study], *, known: Mapping[str, str]) -> None:
    """Write case id, key and study UID of every case; only its owner may read it.

    Lines of an earlier import whose studies are not there this time are kept, so that a number is
    never given twice.
    """
    rows = {study.uid: (name, study.key, study.uid) for name, study in cases.items()}
    gone = {uid: (name, "", uid) for uid, name in known.items() if uid not in rows}
    write_table(path, columns=KEY_COLUMNS, rows=sorted((gone | rows).values()))
    path.chmod(0o600)
