"""An import that was stopped goes on, repeats nothing, and ends with the same bytes."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from schema.errors import UsageError
from tasks.cohort import read_cohort
from tasks.files import canonical_json
from tasks.importing.state import CaseRecord, opened, read_record
from tests.tasks.importing.hospital import Hospital, key_of, series_of, shifted_mask

ROOT = Path(__file__).parents[3]
PATIENTS = (1, 2, 3, 4)
COMMAND = "from tests.tasks.importing.hospital import verbs; verbs()"


@pytest.fixture(scope="module")
def admitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hospital of four; copied, never imported."""
    return Hospital(tmp_path_factory.mktemp("admitted") / "h").admit(*PATIENTS).root


@pytest.fixture
def hospital(admitted: Path, tmp_path: Path) -> Hospital:
    return Hospital(shutil.copytree(admitted, tmp_path / "h"))


def times(hospital: Hospital) -> dict[str, int]:
    """When each volume was written."""
    volumes = hospital.out.glob("*/*.nii.gz")
    return {path.relative_to(hospital.out).as_posix(): path.stat().st_mtime_ns for path in volumes}


def records(hospital: Hospital) -> list[Path]:
    return sorted((hospital.work / "cases").glob("*.json"))


def start(hospital: Hospital) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, *hospital.command()],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_an_import_that_is_killed_goes_on_and_ends_with_the_same_bytes(
    hospital: Hospital, admitted: Path, tmp_path: Path
) -> None:
    whole = Hospital(shutil.copytree(admitted, tmp_path / "whole"))
    assert whole.found() == []
    running = start(hospital)
    until = time.monotonic() + 120
    while not records(hospital) and running.poll() is None and time.monotonic() < until:
        time.sleep(0.002)
    os.kill(running.pid, signal.SIGKILL)
    running.wait()
    done = {path.stem for path in records(hospital)}
    before = {name: at for name, at in times(hospital).items() if Path(name).name[:9] in done}
    assert done
    assert before

    assert hospital.found() == []

    assert hospital.files() == whole.files()
    assert {name: times(hospital)[name] for name in before} == before
    keys = [each.work / "key.csv" for each in (hospital, whole)]
    assert keys[0].read_bytes() == keys[1].read_bytes()
    assert not list(hospital.out.rglob(".*.tmp"))


@pytest.mark.parametrize("jobs", ["2", "3"])
def test_any_number_of_jobs_gives_the_same_bytes(
    hospital: Hospital, admitted: Path, tmp_path: Path, jobs: str
) -> None:
    alone = Hospital(shutil.copytree(admitted, tmp_path / "alone"))
    alone.found()

    hospital.found("--jobs", jobs)

    assert hospital.files() == alone.files()
    for name in ("findings.csv", "import.html", "key.csv"):
        assert (hospital.work / name).read_bytes() == (alone.work / name).read_bytes()


def test_a_second_call_repeats_nothing(hospital: Hospital) -> None:
    hospital.found()
    before, files = times(hospital), hospital.files()

    ran = hospital.run()

    assert "4 of them as they were before" in ran.stdout
    assert times(hospital) == before
    assert hospital.files() == files


def test_only_what_changed_is_done_again(hospital: Hospital) -> None:
    hospital.found()
    before = times(hospital)
    shifted_mask(hospital, 3, by=1)  # one voxel along i, the header as it was

    assert hospital.found() == []

    changed = {name for name, at in times(hospital).items() if before[name] != at}
    assert len({Path(name).name for name in changed}) == 1
    assert len(changed) == 3


def test_a_decision_about_one_study_does_not_repeat_the_others(hospital: Hospital) -> None:
    hospital.found()
    before = times(hospital)
    hospital.edit(
        "[readers.consensus]",
        f"[decisions.{key_of(3)}]\nleave_out = true\n[readers.consensus]",
    )

    assert [each["code"] for each in hospital.found()] == ["LLN414"]

    after = times(hospital)
    assert len(after) == len(before) - 3
    assert all(before[name] == at for name, at in after.items())
    assert len(read_cohort(hospital.out).manifest.cases) == 3


def test_a_volume_that_was_changed_by_hand_is_written_again(hospital: Hospital) -> None:
    hospital.found()
    files = hospital.files()
    victim = next(hospital.out.glob("nodes/*.nii.gz"))
    victim.write_bytes(b"something else")

    hospital.found()

    assert hospital.files() == files


def test_a_case_that_becomes_doubtful_leaves_the_cohort(hospital: Hospital) -> None:
    hospital.found()
    for mask in (hospital.masks / key_of(2)).iterdir():
        mask.unlink()

    assert [each["code"] for each in hospital.found()] == ["LLN420", "LLN420"]

    assert len(times(hospital)) == 9
    assert len(read_cohort(hospital.out).manifest.cases) == 3


def test_new_studies_get_new_numbers_and_old_ones_keep_theirs(
    hospital: Hospital, tmp_path: Path
) -> None:
    hospital.found()
    before = (hospital.work / "key.csv").read_text(encoding="utf-8").splitlines()
    more = Hospital(tmp_path / "h")
    more.rows = _rows(hospital)
    more.admit(5)

    assert more.found() == []

    after = (hospital.work / "key.csv").read_text(encoding="utf-8").splitlines()
    assert after[: len(before)] == before
    assert after[-1].startswith(f"case-0005,{key_of(5)},")


def _rows(hospital: Hospital) -> list[dict[str, str]]:
    with hospital.table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_key_file_is_its_owner_s_alone(hospital: Hospital) -> None:
    hospital.found()

    assert (hospital.work / "key.csv").stat().st_mode & 0o077 == 0


def test_leftovers_of_a_killed_writer_are_swept(hospital: Hospital) -> None:
    hospital.found()
    files = hospital.files()
    (hospital.out / "t2w" / ".case-0001.nii.gz.4711.tmp").write_bytes(b"half")
    (hospital.out / ".cohort.toml.4711.tmp").write_bytes(b"half")

    hospital.found()

    assert hospital.files() == files


def test_two_imports_do_not_work_on_one_folder(hospital: Hospital) -> None:
    with opened(hospital.work, out=hospital.out):
        ran = hospital.run()

    assert ran.exit_code == 2
    assert "another import is at work" in ran.stderr


def test_records_belong_to_one_cohort_folder(hospital: Hospital, tmp_path: Path) -> None:
    hospital.found()

    with (
        pytest.raises(UsageError, match="another folder"),
        opened(hospital.work, out=tmp_path / "other"),
    ):
        pass


def test_a_record_that_cannot_be_read_is_no_record(hospital: Hospital) -> None:
    hospital.found()
    files = hospital.files()
    records(hospital)[0].write_text("{", encoding="utf-8")

    assert read_record(hospital.work, records(hospital)[0].stem) is None
    assert hospital.found() == []
    assert hospital.files() == files


def test_a_record_is_canonical_json(hospital: Hospital) -> None:
    hospital.found()
    for path in records(hospital):
        text = path.read_text(encoding="utf-8")
        record = CaseRecord.model_validate_json(text)
        assert canonical_json(record.model_dump(mode="json")) == text
        assert record.series.startswith("series ")
        assert series_of(1).uid.rpartition(".")[0][:-1] in record.series
