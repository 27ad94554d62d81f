from __future__ import annotations

import hashlib
import hmac
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from schema.base import CaseId
from schema.errors import UsageError
from tasks.importing.studies import Study
from tasks.pseudonyms import (
    LONGEST_SHIFT_DAYS,
    case_naming,
    date_shift_days,
    new_key,
    pseudonym,
    read_key,
    refuse_in_cohort,
    with_patients,
    write_key,
)

SALTS = st.binary(min_size=32, max_size=32)
PATIENTS = st.text(min_size=1, max_size=40).filter(lambda text: bool(text.strip()))
FIXED = bytes(range(32))


@given(PATIENTS, SALTS)
def test_an_id_is_a_case_id_of_crockford_letters(patient: str, salt: bytes) -> None:
    case_id = pseudonym(patient, salt=salt)

    TypeAdapter(CaseId).validate_python(case_id)
    assert case_id.startswith("LLN-")
    assert len(case_id) == 12
    assert not set(case_id.removeprefix("LLN-")) & set("ILOUilou")


@given(PATIENTS, SALTS)
def test_an_id_is_the_same_each_time_and_blanks_around_do_not_count(
    patient: str, salt: bytes
) -> None:
    assert pseudonym(patient, salt=salt) == pseudonym(f" {patient}  ", salt=salt)


@given(PATIENTS, SALTS, SALTS)
def test_another_salt_gives_another_id(patient: str, one: bytes, two: bytes) -> None:
    # by chance alike once in 2^40
    assert (pseudonym(patient, salt=one) == pseudonym(patient, salt=two)) == (one == two)


@given(PATIENTS, SALTS)
def test_dates_move_back_by_one_number_of_days(patient: str, salt: bytes) -> None:
    assert 1 <= date_shift_days(patient, salt=salt) <= LONGEST_SHIFT_DAYS


def test_an_id_is_the_first_40_bits_of_the_keyed_digest() -> None:
    """By hand: five bits a character, the first ones first."""
    digest = hmac.new(FIXED, b"case\x00MRN1", hashlib.sha256).digest()
    bits = "".join(f"{byte:08b}" for byte in digest[:5])
    letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    expected = "".join(letters[int(bits[i : i + 5], 2)] for i in range(0, 40, 5))

    assert pseudonym("MRN1", salt=FIXED) == f"LLN-{expected}"


def test_two_keys_have_two_salts() -> None:
    assert new_key().salt != new_key().salt


def test_a_key_is_read_as_it_was_written_and_is_its_owner_s(tmp_path: Path) -> None:
    key = with_patients(new_key(), {"MRN1": ["DOE^JANE"], "MRN2": []})
    before = os.umask(0)
    try:
        write_key(tmp_path / "key.json", key)
    finally:
        os.umask(before)

    assert read_key(tmp_path / "key.json") == key
    assert stat.S_IMODE((tmp_path / "key.json").stat().st_mode) == 0o600


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    write_key(tmp_path / "key.json", new_key())
    (tmp_path / "key.json").chmod(0o640)

    with pytest.raises(UsageError, match="others may read it"):
        read_key(tmp_path / "key.json")


def test_a_key_whose_ids_are_of_another_salt_is_refused_without_a_value(tmp_path: Path) -> None:
    key = with_patients(new_key(), {"CANARY1": ["CANARY2"]})
    path = tmp_path / "key.json"
    write_key(path, key)
    path.write_text(path.read_text("utf-8").replace(key.salt, new_key().salt), "utf-8")

    with pytest.raises(UsageError) as refused:
        read_key(path)

    assert "CANARY" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_nothing_of_a_key_is_shown() -> None:
    key = with_patients(new_key(), {"CANARY1": ["CANARY2"]})

    assert key.salt not in repr(key)
    assert "CANARY" not in repr(key)


def test_a_patient_keeps_id_and_names_of_earlier_runs() -> None:
    first = with_patients(new_key(), {"MRN1": ["one"]})
    second = with_patients(first, {"MRN1 ": ["two"], "MRN2": []})

    assert set(first.patients) < set(second.patients)
    assert second.patients[pseudonym("MRN1", salt=second.salt_bytes)].also == ("one", "two")


def test_two_patients_with_one_id_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.pseudonyms.pseudonym", lambda _patient, **_: "LLN-00000000")

    with pytest.raises(UsageError, match="two patients would share"):
        with_patients(new_key(), {"MRN1": [], "MRN2": []})


def test_a_patient_without_an_id_is_refused() -> None:
    with pytest.raises(UsageError, match="without an id"):
        with_patients(new_key(), {"  ": []})


def test_a_key_inside_of_a_cohort_is_refused(tmp_path: Path) -> None:
    (tmp_path / "cohort").mkdir()
    (tmp_path / "cohort" / "cohort.toml").touch()
    (tmp_path / "link").symlink_to(tmp_path / "cohort")

    for place in ("cohort/key.json", "cohort/t2w/key.json", "link/key.json"):
        with pytest.raises(UsageError, match="may not lie inside"):
            refuse_in_cohort(tmp_path / place)
    refuse_in_cohort(tmp_path / "key.json")


def test_an_import_gets_the_same_id_as_the_files() -> None:
    key = new_key(salt=FIXED)

    named = case_naming(key)(Study(uid="1.2", key="MRN1", stacks=()))

    assert named == pseudonym("MRN1", salt=FIXED)
