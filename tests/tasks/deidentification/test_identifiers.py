"""Each way of telling who a patient is, is planted once and found; sound cohorts come out clean."""

from __future__ import annotations

import base64
import gzip
import json
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

import tasks
from tasks.checks.identifiers import IDENTIFIER_CHECKS
from tasks.deidentify_commands import identifiers
from tasks.identifier_forms import forms_of, found_in, looks_like
from tasks.phantom_cohort import write_phantom_cohort
from tasks.pseudonyms import new_key, pseudonym, with_patients, write_key

PATIENT, NAME = "MRN-4711-X", "DOE^JANE"
KEY = with_patients(new_key(salt=bytes(range(32))), {PATIENT: [NAME]})
IMAGE = "t2w/PH-0001.nii.gz"


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cohorts") / "sound"
    list(write_phantom_cohort(out=folder, patients=1, seed=1, prevalence=0.5, jobs=1))
    return folder


@pytest.fixture
def cohort(sound: Path, tmp_path: Path) -> Path:
    """A copy of its own; volumes that a test does not change are links."""
    for path in sound.rglob("*"):
        there = tmp_path / "cohort" / path.relative_to(sound)
        if path.is_file():
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(path.read_bytes())
    write_key(tmp_path / "key.json", KEY)
    return tmp_path / "cohort"


def run(cohort: Path, *more: str) -> Result:
    return CliRunner().invoke(identifiers, [str(cohort), "--json", *more])


def found(cohort: Path, *more: str) -> list[str]:
    return sorted({each["code"] for each in json.loads(run(cohort, *more).stdout)["findings"]})


def with_key(cohort: Path) -> list[str]:
    return found(cohort, "--key", str(cohort.parent / "key.json"))


def test_a_phantom_is_clean(cohort: Path) -> None:
    assert with_key(cohort) == []


@pytest.mark.parametrize("name", ["replica", "paper"])
def test_committed_cohorts_are_clean(name: str, tmp_path: Path) -> None:
    """The kit's own files beside them are no cohort's, and are told as that alone."""
    here = Path(tasks.__file__).parent / name
    for file in ("cohort.toml", "clinical.csv", "readers.csv"):
        if (here / file).exists():
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / file).write_bytes((here / file).read_bytes())

    assert found(tmp_path / name) == []


Edit = Callable[[bytearray], object]


def edit_volume(cohort: Path, edit: Edit) -> None:
    content = bytearray(gzip.decompress((cohort / IMAGE).read_bytes()))
    edit(content)
    (cohort / IMAGE).write_bytes(gzip.compress(bytes(content), mtime=0))


def text_at(place: int) -> Callable[[Path], None]:
    def plant(cohort: Path) -> None:
        edit_volume(cohort, lambda content: content.__setitem__(slice(place, place + 4), b"JANE"))

    return plant


def extension(cohort: Path) -> None:
    def put(content: bytearray) -> None:
        content[348:352] = b"\1\0\0\0"
        content[352:352] = struct.pack("<2i", 32, 2) + b"header of a file".ljust(24)
        content[108:112] = struct.pack("<f", 384)

    edit_volume(cohort, put)


def packed(cohort: Path, **fields: object) -> None:
    content = gzip.decompress((cohort / IMAGE).read_bytes())
    with (cohort / IMAGE).open("wb") as file, gzip.GzipFile(fileobj=file, mode="wb", **fields) as z:  # type: ignore[call-overload]  # one field a test
        z.write(content)


def put(name: str, content: bytes) -> Callable[[Path], None]:
    def plant(cohort: Path) -> None:
        (cohort / name).parent.mkdir(parents=True, exist_ok=True)
        (cohort / name).write_bytes(content)

    return plant


def change(name: str, old: str, new: str) -> Callable[[Path], None]:
    def plant(cohort: Path) -> None:
        text = (cohort / name).read_text("utf-8")
        assert old in text
        (cohort / name).write_text(text.replace(old, new, 1), "utf-8")

    return plant


def column(cohort: Path) -> None:
    lines = (cohort / "clinical.csv").read_text("utf-8").splitlines()
    text = "\n".join(f"{line},{'name' if not k else 'x'}" for k, line in enumerate(lines))
    (cohort / "clinical.csv").write_text(text + "\n", "utf-8")


def age(cohort: Path) -> None:
    head, line = (cohort / "clinical.csv").read_text("utf-8").splitlines()
    cells = line.split(",")
    cells[head.split(",").index("age")] = "93"
    (cohort / "clinical.csv").write_text(f"{head}\n{','.join(cells)}\n", "utf-8")


def renamed(name: str) -> Callable[[Path], object]:
    return lambda cohort: (cohort / IMAGE).rename(cohort / "t2w" / f"{name}.nii.gz")


def description(text: str) -> Callable[[Path], None]:
    return change("cohort.toml", "Synthetic;", f"{text} Synthetic;")


PLANTED: dict[str, tuple[Callable[[Path], object], str]] = {
    "descrip": (text_at(148), "LLN500"),
    "aux_file": (text_at(228), "LLN500"),
    "intent_name": (text_at(328), "LLN500"),
    "db_name": (text_at(14), "LLN500"),
    "extension": (extension, "LLN501"),
    "gzip name": (lambda cohort: packed(cohort, filename="doe.nii", mtime=0), "LLN502"),
    "gzip time": (lambda cohort: packed(cohort, filename="", mtime=1_500_000_000), "LLN502"),
    "after the voxels": (lambda c: edit_volume(c, lambda b: b.extend(b"JANE")), "LLN503"),
    "another file": (put("notes.txt", b"hello"), "LLN510"),
    "hidden": (put("t2w/.secret", b"hello"), "LLN510"),
    "finder": (put(".DS_Store", b"hello"), "LLN511"),
    "fork": (put("t2w/._PH-0001.nii.gz", b"hello"), "LLN511"),
    "dicom": (put("t2w/IM0001", bytes(128) + b"DICM"), "LLN512"),
    "picture": (put("overview.jpg", b"\xff\xd8\xff\xe1Exif"), "LLN513"),
    "date as name": (renamed("20190304"), "LLN520"),
    "number as name": (renamed("P0012345"), "LLN520"),
    "column": (column, "LLN530"),
    "date": (description("From 2019-03-04."), "LLN531"),
    "day first": (description("From 4.3.2019."), "LLN531"),
    "address": (description("Ask jane@example.org."), "LLN531"),
    "uid": (description("1.2.840.113619.2.55.3.1"), "LLN531"),
    "age": (age, "LLN532"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_is_found(cohort: Path, name: str) -> None:
    plant, code = PLANTED[name]
    plant(cohort)

    assert found(cohort) == [code]


FORMS: dict[str, bytes] = {
    "plain": PATIENT.encode(),
    "lower case": PATIENT.lower().encode(),
    "name": NAME.encode(),
    "name as people write it": b"doe jane",
    "UTF-16": PATIENT.encode("utf-16-le"),
    "hexadecimal": PATIENT.encode().hex().encode(),
    "base 64": base64.b64encode(b"id:" + PATIENT.encode()),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("place", ["text", "voxels"])
def test_what_the_key_knows_is_found_in_any_form(cohort: Path, form: str, place: str) -> None:
    content = FORMS[form]
    if place == "voxels":
        edit_volume(cohort, lambda b: b.__setitem__(slice(5000, 5000 + len(content)), content))
    else:
        put("README.md", b"about " + content + b" and others")(cohort)

    assert with_key(cohort) == ["LLN533"]


def test_a_known_id_in_a_file_s_name_is_found(cohort: Path) -> None:
    renamed(PATIENT)(cohort)

    assert "LLN533" in with_key(cohort)


@pytest.mark.parametrize("content", [KEY.salt.encode(), KEY.salt_bytes])
def test_the_salt_in_a_cohort_is_found(cohort: Path, content: bytes) -> None:
    put("README.md", content)(cohort)

    assert "LLN534" in with_key(cohort)


def test_no_finding_and_no_report_shows_the_value(cohort: Path, tmp_path: Path) -> None:
    put("README.md", PATIENT.encode() + b" " + NAME.encode() + b" " + KEY.salt.encode())(cohort)
    description("jane@example.org 2019-03-04")(cohort)
    more = ("--key", str(tmp_path / "key.json"), "--report", str(tmp_path / "report.md"))

    shown = run(cohort, *more).output + (tmp_path / "report.md").read_text("utf-8")

    assert pseudonym(PATIENT, salt=KEY.salt_bytes) in shown
    for value in (PATIENT, NAME, "DOE", KEY.salt, "jane@", "2019-03-04"):
        assert value not in shown


def test_all_is_told_at_once(cohort: Path) -> None:
    for name in ("descrip", "finder", "date", "age"):
        PLANTED[name][0](cohort)

    assert found(cohort) == ["LLN500", "LLN511", "LLN531", "LLN532"]


def test_every_check_has_been_made_to_find() -> None:
    planted = {code for _, code in PLANTED.values()} | {"LLN533", "LLN534"}

    assert {check.code for check in IDENTIFIER_CHECKS} == planted


@given(st.binary(max_size=7), st.binary(max_size=7), st.text("ABCDEF0123456789-", min_size=6))
def test_base64_is_found_wherever_a_text_stands(before: bytes, after: bytes, text: str) -> None:
    content = base64.b64encode(before + text.encode() + after)

    assert found_in(content, tuple(forms_of(text, whose="x")), text=False)


@given(st.binary(min_size=32, max_size=32), st.text(min_size=1))
def test_salted_ids_look_like_nothing(salt: bytes, patient: str) -> None:
    assert looks_like(pseudonym(patient, salt=salt)) == ()
