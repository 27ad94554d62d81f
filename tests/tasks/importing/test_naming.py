"""Case ids: stable, unique, telling nothing; and the key file that alone tells."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schema.errors import UsageError
from tasks.importing.naming import (
    from_study,
    named,
    numbered,
    read_key_file,
    salted,
    write_key_file,
)
from tasks.importing.studies import Study
from tasks.pseudonyms import pseudonym, read_key


def study(uid: str, key: str = "K") -> Study:
    return Study(uid=uid, key=key, stacks=())


uids = st.lists(st.integers(1, 10**9).map(lambda n: f"1.2.{n}"), unique=True, max_size=30)


@given(uids, st.randoms(use_true_random=False))
def test_numbers_do_not_depend_on_the_order_of_the_studies(
    found: list[str], random: object
) -> None:
    studies = [study(uid) for uid in found]
    mixed = list(studies)
    random.shuffle(mixed)  # type: ignore[attr-defined]

    one, other = numbered(studies, known={}), numbered(mixed, known={})

    assert [one(each) for each in studies] == [other(each) for each in studies]
    assert sorted(map(one, studies)) == [f"case-{n:04d}" for n in range(1, len(found) + 1)]


@given(uids, st.integers(0, 30))
def test_later_studies_leave_earlier_numbers_alone(found: list[str], cut: int) -> None:
    early = [study(uid) for uid in found[:cut]]
    first = numbered(early, known={})
    known = {each.uid: first(each) for each in early}

    second = numbered([study(uid) for uid in found], known=known)

    assert {each.uid: second(each) for each in early} == known
    names = [second(study(uid)) for uid in found]
    assert len(set(names)) == len(names)


def test_numbers_do_not_follow_the_uids() -> None:
    studies = [study(f"1.2.{number:03d}") for number in range(20)]
    name = numbered(studies, known={})

    assert [name(each) for each in studies] != sorted(map(name, studies))


def test_a_salted_id_is_the_pseudonym_of_the_key(tmp_path: Path) -> None:
    path, one = tmp_path / "key.json", study("1.2.3")
    name = salted(path, studies=[one])
    key = read_key(path)

    assert key is not None
    assert name(one) == pseudonym(one.key, salt=key.salt_bytes)
    assert set(key.patients) == {name(one)}
    assert salted(path, studies=[one, study("1.2.4", key="other")])(one) == name(one)


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    salted(path, studies=[study("1.2.3")])
    path.chmod(0o644)

    with pytest.raises(UsageError, match="others may read it"):
        salted(path, studies=[study("1.2.3")])


@pytest.mark.parametrize("key", ["Müller", "../x", "a b", "", "x" * 65])
def test_a_key_that_is_no_case_id_is_told_and_not_shown(key: str) -> None:
    cases, (finding,) = named([study("1.2.3", key)], case_id_of=from_study)

    assert cases == {}
    assert (finding.code, finding.where, finding.got) == ("LLN412", "study 1.2.3", "another text")


def test_two_studies_with_one_case_id_are_both_told() -> None:
    cases, findings = named(
        [study("1.1", "Ab"), study("1.2", "aB"), study("1.3", "c")], case_id_of=from_study
    )

    assert list(cases) == ["c"]
    assert [each.where for each in findings] == ["study 1.1", "study 1.2"]
    assert {each.got for each in findings} == {"2 studies with one"}


def test_a_key_file_comes_back_and_forgets_no_number(tmp_path: Path) -> None:
    path = tmp_path / "key.csv"
    write_key_file(path, {"case-0001": study("1.1", "Müller, K.")}, known={})
    assert read_key_file(path) == {"1.1": "case-0001"}
    assert '"Müller, K."' in path.read_text(encoding="utf-8")

    write_key_file(path, {"case-0002": study("1.2")}, known=read_key_file(path))

    assert read_key_file(path) == {"1.1": "case-0001", "1.2": "case-0002"}
    assert numbered([study("1.3")], known=read_key_file(path))(study("1.3")) == "case-0003"


def test_another_file_is_not_taken_for_a_key_file(tmp_path: Path) -> None:
    path = tmp_path / "key.csv"
    path.write_text("case,patient\n1,2\n", encoding="utf-8")

    with pytest.raises(UsageError, match="expected the columns case_id, key, study_uid"):
        read_key_file(path)
