"""Case ids that tell nothing of the patient, and the key that makes them.

An id is the HMAC-SHA256 of the hospital's patient id under a random salt, in the letters and digits
of Crockford's base 32 (no I, L, O, U). Without the salt nobody can tell whose it is, nor try a list
of patient ids against it. The key file holds the salt and who is who: it never lies in a cohort.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator

from schema.base import CaseId, Frozen
from schema.errors import Unreadable, UnreadableFileError, UsageError
from tasks.files import canonical_json, read_text, write_text
from tasks.layout import COHORT_MANIFEST
from tasks.tables import complaints

if TYPE_CHECKING:
    from tasks.importing.studies import Study

SALT_BYTES = 32
PREFIX = "LLN-"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ID_CHARACTERS = 8
"""40 bits: among 10,000 patients two alike have a chance of 1 in 20,000, and that is refused."""
LONGEST_SHIFT_DAYS = 3650
PRIVATE_MODE = 0o600


class KnownPatient(Frozen):
    """How the hospital knows one patient."""

    patient_id: Annotated[str, Field(min_length=1, repr=False)]
    also: Annotated[tuple[str, ...], Field(repr=False)] = ()
    """Other texts that tell who it is, such as the name and accession numbers."""


class KeyFile(Frozen):
    """The key: the salt, and the patients that have a case id. Whoever has it knows who is who."""

    salt: Annotated[
        str, StringConstraints(pattern=rf"^[0-9a-f]{{{2 * SALT_BYTES}}}$"), Field(repr=False)
    ]
    """Hexadecimal."""
    patients: dict[CaseId, KnownPatient] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _ids_are_of_this_salt(self) -> Self:
        for case_id, patient in self.patients.items():
            if case_id != pseudonym(patient.patient_id, salt=bytes.fromhex(self.salt)):
                raise ValueError("a case id is not that of its patient under this salt")
        return self

    @property
    def salt_bytes(self) -> bytes:
        """The salt itself."""
        return bytes.fromhex(self.salt)


def new_key(*, salt: bytes | None = None) -> KeyFile:
    """A key without patients; its salt comes from the system's source of randomness."""
    return KeyFile(salt=(secrets.token_bytes(SALT_BYTES) if salt is None else salt).hex())


def pseudonym(patient_id: str, *, salt: bytes) -> str:
    """The case id of a patient: the same one for the same salt, `LLN-7K3F9Q2B`.

    Blanks around the id do not count: DICOM pads text with them.
    """
    number = int.from_bytes(_keyed(salt, "case", patient_id.strip())[:5], "big")
    digits = (number >> 5 * place & 31 for place in reversed(range(ID_CHARACTERS)))
    return PREFIX + "".join(CROCKFORD[digit] for digit in digits)


def date_shift_days(patient_id: str, *, salt: bytes) -> int:
    """By how many days every date of a patient moves back: 1 to 3,650, one number a patient."""
    number = int.from_bytes(_keyed(salt, "days", patient_id.strip())[:8], "big")
    return 1 + number % LONGEST_SHIFT_DAYS


def keyed_digest(text: str, *, salt: bytes) -> bytes:
    """32 bytes that stand for a UID, the same ones each time under one salt."""
    return _keyed(salt, "uid", text)


def _keyed(salt: bytes, purpose: str, text: str) -> bytes:
    """What the digest is for goes into it, so that one use tells nothing of another."""
    return hmac.new(salt, f"{purpose}\0{text}".encode(), hashlib.sha256).digest()


def with_patients(key: KeyFile, texts: Mapping[str, Collection[str]]) -> KeyFile:
    """The key with more patients, or with more of what a known one is called.

    Args:
        key: not changed.
        texts: by patient id, what else tells who it is.

    Raises:
        UsageError: no patient id, or another patient has the same case id.
    """
    patients = dict(key.patients)
    for patient_id, also in texts.items():
        plain = patient_id.strip()
        if not plain:
            raise UsageError("a patient without an id gets no case id")
        case_id = pseudonym(plain, salt=key.salt_bytes)
        known = patients.get(case_id, KnownPatient(patient_id=plain))
        if known.patient_id != plain:
            raise UsageError(f"two patients would share the case id {case_id}: begin a new key")
        more = tuple(sorted({*known.also, *(text.strip() for text in also if text.strip())}))
        patients[case_id] = KnownPatient(patient_id=plain, also=more)
    return KeyFile(salt=key.salt, patients=patients)


def case_naming(key: KeyFile) -> Callable[[Study], str]:
    """What an import asks for: a study's case id. Its key has to be the hospital's patient id."""
    return lambda study: pseudonym(study.key, salt=key.salt_bytes)


def refuse_in_cohort(path: Path, *, outside: tuple[Path, ...] = ()) -> None:
    """Stop before a key lies where it may be published.

    Args:
        path: of the key file.
        outside: folders that may not hold it, whether or not they are cohorts yet.

    Raises:
        UsageError: it lies in one of them, or in any folder of a cohort.
    """
    place = path.resolve()
    cohorts = [each for each in place.parents if (each / COHORT_MANIFEST).exists()]
    for folder in (*outside, *cohorts):
        if place.is_relative_to(folder.resolve()):
            raise UsageError(f"the key file {path} may not lie inside of {folder}: name another")


def read_key(path: Path) -> KeyFile | None:
    """Read a key file; None when there is none.

    Raises:
        UsageError: it is no key file, or others may read it.
    """
    try:
        text = read_text(path)
    except UnreadableFileError as error:
        if error.kind is Unreadable.MISSING:
            return None
        raise UsageError(f"{path}: no key file: {error}") from error
    if path.stat().st_mode & 0o077:
        raise UsageError(f"{path}: others may read it: chmod 600, and ask who has")
    try:
        return KeyFile.model_validate_json(text)
    except ValidationError as error:
        # pydantic's own text shows values: here only the fields are named
        fields = ", ".join(
            sorted({each.field.partition(".")[0] or "the file" for each in complaints(error)})
        )
        raise UsageError(f"{path}: no key file: wrong in {fields}") from None


def write_key(path: Path, key: KeyFile) -> None:
    """Write a key file, atomically, that its owner alone may read, from its first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    before = os.umask(0o077)
    try:
        write_text(path, canonical_json(key.model_dump(mode="json")))
    finally:
        os.umask(before)
    path.chmod(PRIVATE_MODE)
