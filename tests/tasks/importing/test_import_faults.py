"""Each fault is found, named and left out; the sound patients beside it are imported."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from tasks.cohort import read_cohort
from tasks.geometry import Geometry
from tests.tasks.dicom.dicom_writer import ROOT, write_series
from tests.tasks.importing.hospital import (
    Hospital,
    compartments,
    key_of,
    nodes,
    row_of,
    series_of,
    study_of,
    write_mask,
)

FAULTY = 2
"""The patient whose matters are damaged; 1 and 3 are sound."""


class Fault(NamedTuple):
    """One way to damage the second patient's matters, and the one finding it gives."""

    plant: Callable[[Hospital], object]
    code: str
    where: str
    expected: str
    got: str
    left_out: bool = True


def folder(hospital: Hospital) -> Path:
    return hospital.masks / key_of(FAULTY)


def geometry() -> Geometry:
    return series_of(FAULTY).geometry


def cell(column: str, value: str) -> Callable[[Hospital], object]:
    def plant(hospital: Hospital) -> None:
        hospital.rows[1][column] = value
        hospital.written()

    return plant


def shifted(hospital: Hospital) -> None:
    """Half a pixel: what a resampling to the corner of a voxel does."""
    x, y, z = geometry().origin_mm
    moved = replace(geometry(), origin_mm=(x + 0.5, y, z))
    write_mask(folder(hospital) / "nodes.nrrd", nodes(), moved)


def cropped(hospital: Hospital) -> None:
    i, j, k = geometry().size
    smaller = replace(geometry(), size=(i, j, k - 1))
    write_mask(folder(hospital) / "nodes.nrrd", nodes()[:, :, :-1], smaller)


def coarser(hospital: Hospital) -> None:
    x, y, z = geometry().spacing_mm
    write_mask(folder(hospital) / "nodes.nrrd", nodes(), replace(geometry(), spacing_mm=(x, y, 5)))
    assert z == 4.0


def turned(hospital: Hospital) -> None:
    """The grid without its obliquity: a header that was lost."""
    straight = replace(geometry(), direction=(1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0))
    write_mask(folder(hospital) / "nodes.nrrd", nodes(), straight)


def unknown_label(hospital: Hospital) -> None:
    mask = compartments()
    mask[0:2, 0:3, 0] = 9
    write_mask(folder(hospital) / "compartments.nii.gz", mask, geometry())


def probabilities(hospital: Hospital) -> None:
    soft = nodes().astype(np.float32) * 0.3
    write_mask(folder(hospital) / "nodes.nrrd", soft, geometry())


def two_masks(hospital: Hospital) -> None:
    shutil.copy(folder(hospital) / "nodes.nrrd", folder(hospital) / "nodes_old.nrrd")


def overlapping(hospital: Hospital) -> None:
    """A second file of nodes on the voxels of the first."""
    for number in (1, 2, 3):
        where = hospital.masks / key_of(number)
        size = series_of(number).geometry
        write_mask(where / "more.nrrd", (nodes() == 1).astype(np.uint8), size)
    (folder(hospital) / "more.nrrd").unlink()
    write_mask(folder(hospital) / "more.nrrd", (nodes() == 2).astype(np.uint8), geometry())
    more = '[[masks]]\nfile = "{key}/more.nrrd"\nlabels = { "1" = ["negative_node"] }\n\n[table]'
    hospital.edit("[table]", more)


def two_series(hospital: Hospital) -> None:
    write_series(hospital.dicom / "again", replace(series_of(FAULTY), number=9))


def two_studies(hospital: Hospital) -> None:
    write_series(hospital.dicom / "after", replace(series_of(FAULTY), study=f"{ROOT}.77"))


def no_key(hospital: Hospital) -> None:
    shutil.rmtree(hospital.dicom / "export0" / "st2")
    write_series(hospital.dicom / "x", replace(series_of(FAULTY), patient=""))
    hospital.rows.pop(1)
    shutil.rmtree(folder(hospital))
    hospital.written()


def no_slice(hospital: Hospital) -> None:
    (hospital.dicom / "export0" / "st2" / "t2" / "IM0005").unlink()


def line_twice(hospital: Hospital) -> None:
    hospital.rows.append(hospital.rows[1])
    hospital.written()


def line_missing(hospital: Hospital) -> None:
    hospital.rows.pop(1)
    hospital.written()


def stray_mask(hospital: Hospital) -> None:
    write_mask(hospital.masks / "PAT999" / "nodes.nrrd", nodes(), geometry())


def stray_line(hospital: Hospital) -> None:
    hospital.rows.append({**hospital.rows[0], "ID": "PAT999"})
    hospital.written()


def stray_decision(hospital: Hospital) -> None:
    hospital.written(more="[decisions.PAT999]\nleave_out = true")


def left_out(hospital: Hospital) -> None:
    hospital.written(more=f"[decisions.{key_of(FAULTY)}]\nleave_out = true")


def wrong_study(hospital: Hospital) -> None:
    hospital.written(more=f'[decisions.{key_of(FAULTY)}]\nstudy = "1.2.3"')


def wrong_series(hospital: Hospital) -> None:
    hospital.written(more=f'[decisions.{key_of(FAULTY)}]\nseries = "1.2.3"')


UID = series_of(FAULTY).uid
ON_GRID = f"the grid of series {UID}, in any order of axes: "
STUDY = f"study {study_of(FAULTY)}"
NODES_FILE = f"{key_of(FAULTY)}/nodes.nrrd"
LINE = "patients.csv:line 3"

FAULTS = {
    "mask moved": Fault(
        shifted, "LLN424", NODES_FILE,
        ON_GRID + "origin (-99.25, -88.5, 31.125)", "origin (-98.75, -88.5, 31.125)",
    ),
    "mask cropped": Fault(
        cropped, "LLN424", NODES_FILE,
        ON_GRID + "shape (168, 164, 16)", "shape (168, 164, 15)",
    ),
    "mask of other slices": Fault(
        coarser, "LLN424", NODES_FILE,
        ON_GRID + "spacing (0.9375, 0.95, 4)", "spacing (0.9375, 0.95, 5)",
    ),
    "mask not oblique": Fault(
        turned, "LLN424", NODES_FILE,
        ON_GRID + f"direction ({', '.join(f'{each:.6g}' for each in geometry().direction)})",
        "direction (1, 0, 0, 0, 1, 0, 0, 0, 1)",
    ),
    "label unknown": Fault(
        unknown_label, "LLN425", f"{key_of(FAULTY)}/compartments.nii.gz",
        "one of 1, 2, 3, 4, 5, 6", "'9' on 6 voxels",
    ),
    "probabilities": Fault(
        probabilities, "LLN423", NODES_FILE,
        "a mask that can be read", "values that are no whole numbers: probabilities, not labels",
    ),
    "mask missing": Fault(
        lambda hospital: (folder(hospital) / "nodes.nrrd").unlink(),
        "LLN420", "{key}/nodes*", "one file", "none",
    ),
    "two masks": Fault(
        two_masks, "LLN421", "{key}/nodes*",
        "one file", f"{key_of(FAULTY)}/nodes.nrrd, {key_of(FAULTY)}/nodes_old.nrrd",
    ),
    "labels overlap": Fault(
        overlapping, "LLN426", f"{key_of(FAULTY)}/more.nrrd",
        "one label of a task on each voxel", "negative_node on 400 voxels of another",
    ),
    "mask damaged": Fault(
        lambda hospital: (folder(hospital) / "compartments.nii.gz").write_bytes(b"no gzip"),
        "LLN423", f"{key_of(FAULTY)}/compartments.nii.gz",
        "a mask that can be read", "no gzip magic",
    ),
    "two series": Fault(
        two_series, "LLN304", "series", "one series",
        f"series {UID} (16 slices, 60 mm long, pixels of 0.95 mm, 12 degrees off axial); "
        f"series {study_of(FAULTY)}.9 "
        "(16 slices, 60 mm long, pixels of 0.95 mm, 12 degrees off axial)",
    ),
    "two studies": Fault(
        two_studies, "LLN411", STUDY, "one study", f"2: {study_of(FAULTY)}, {ROOT}.77",
    ),
    "no key": Fault(no_key, "LLN410", STUDY, "a patient-id that fits (.+)", "nothing"),
    "slice missing": Fault(
        no_slice, "LLN319", "", "", "",
    ),
    "line missing": Fault(line_missing, "LLN430", "patients.csv", "one line", "none"),
    "line twice": Fault(line_twice, "LLN431", "patients.csv", "one line", "lines 3, 5"),
    "word unknown": Fault(
        cell("Sex", "X"), "LLN433", f"{LINE}:Sex", "one of M, F", "'X'",
    ),
    "no number": Fault(
        cell("Age", "52,5"), "LLN434", f"{LINE}:Age", "a number with '.' as decimal mark", "'52,5'",
    ),
    "no date": Fault(
        cell("MRI", "03/04/2019"), "LLN435", f"{LINE}:MRI", "a date as %d.%m.%Y", "'03/04/2019'",
    ),
    "dates reversed": Fault(
        cell("Last seen", "01.02.2019"), "LLN436", f"{LINE}:Last seen",
        "a date not before that of the start", "an earlier one",
    ),
    "value refused": Fault(
        cell("Side", "links"), "LLN437", f"{LINE}:consensus:side",
        "Input should be 'right' or 'left'", "'links'",
    ),
    "decision of an unknown study": Fault(
        wrong_study, "LLN411", STUDY, f"one of {study_of(FAULTY)}", "1.2.3",
    ),
    "decision of an unknown series": Fault(
        wrong_series, "LLN305", "series", f"one of {UID}", "another name",
    ),
    "decided to be left out": Fault(
        left_out, "LLN414", STUDY, "a study that is imported", "leave_out = true",
    ),
    "mask of nobody": Fault(
        stray_mask, "LLN422", "PAT999/nodes.nrrd",
        "a file of a study", "a file that fits no pattern of a study", left_out=False,
    ),
    "line of nobody": Fault(
        stray_line, "LLN432", "patients.csv:line 5", "a key of a study", "another", left_out=False,
    ),
    "decision about nobody": Fault(
        stray_decision, "LLN413", "mapping:decisions", "a key that a study has", "'PAT999'",
        left_out=False,
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hospital in order; copied, never changed."""
    return Hospital(tmp_path_factory.mktemp("sound") / "h").admit(1, 2, 3).root


def copy_of(sound: Path, folder: Path) -> Hospital:
    hospital = Hospital(shutil.copytree(sound, folder / "h"))
    hospital.rows = [row_of(number) for number in (1, 2, 3)]
    return hospital


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_is_found_named_and_left_out(sound: Path, tmp_path: Path, fault: Fault) -> None:
    hospital = copy_of(sound, tmp_path)
    fault.plant(hospital)

    (finding,) = hospital.found()

    assert finding["code"] == fault.code
    if fault.expected:  # the checks of a stack have tests of their own
        assert (finding["where"], finding["expected"]) == (fault.where, fault.expected)
        assert finding["got"] == fault.got
    imported = read_cohort(hospital.out).manifest.cases
    assert len(imported) == (2 if fault.left_out else 3)
    keys = (hospital.work / "key.csv").read_text(encoding="utf-8")
    names = [line.split(",")[0] for line in keys.splitlines() if key_of(FAULTY) in line]
    assert not fault.left_out or not set(names) & set(imported)
    row = (hospital.work / "findings.csv").read_text(encoding="utf-8").splitlines()
    assert len(row) == 2
    assert fault.code in row[1]


def test_all_faults_of_all_patients_are_told_at_once(sound: Path, tmp_path: Path) -> None:
    hospital = copy_of(sound, tmp_path)
    hospital.rows[0]["Sex"] = "X"
    hospital.rows[1]["Age"] = "old"
    hospital.written()
    for plant in (shifted, unknown_label, two_series):
        plant(hospital)
    shutil.rmtree(hospital.masks / key_of(3))

    found = [(each["code"], each["case_id"]) for each in _of_report(hospital)]

    # without a series there is no grid: the masks of the second patient wait for it
    assert sorted(code for code, _ in found) == ["LLN304", "LLN420", "LLN420", "LLN433", "LLN434"]


def _of_report(hospital: Hospital) -> list[dict[str, str]]:
    ran = hospital.run()
    assert ran.exit_code == 2
    lines = (hospital.work / "findings.csv").read_text(encoding="utf-8").splitlines()[1:]
    return [{"case_id": line.split(",")[0], "code": line.split(",")[1]} for line in lines]


def test_a_study_with_two_examinations_is_taken_once_somebody_says_which(
    sound: Path, tmp_path: Path
) -> None:
    hospital = copy_of(sound, tmp_path)
    two_studies(hospital)
    hospital.written(more=f'[decisions.{key_of(FAULTY)}]\nstudy = "{study_of(FAULTY)}"')

    assert hospital.found() == []
    assert len(read_cohort(hospital.out).manifest.cases) == 3


def test_a_key_that_begins_another_key_takes_nothing_of_it(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path).admit(1, 2)
    for number, name in ((1, "7"), (2, "71")):
        for mask in (hospital.masks / key_of(number)).iterdir():
            shutil.move(mask, hospital.masks / f"{name}_{mask.name}")
        shutil.rmtree(hospital.dicom / f"export{number % 2}")
        write_series(hospital.dicom / name, replace(series_of(number), patient=name))
        hospital.rows[number - 1]["ID"] = name
    hospital.written()
    hospital.edit("{key}/compartments*", "{key}*compartments*")
    hospital.edit("{key}/nodes*", "{key}*nodes*")

    assert hospital.found() == []


def test_a_file_that_fits_two_studies_is_nobody_s(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path).admit(1, 2)
    shutil.rmtree(hospital.masks / key_of(1))
    geometry = series_of(1).geometry
    both = hospital.masks / f"{key_of(1)}-{key_of(2)}"
    write_mask(both / "compartments.nii.gz", compartments(), geometry)
    write_mask(both / "nodes.nrrd", nodes(positive=False), geometry)
    shutil.rmtree(hospital.masks / key_of(2))
    hospital.edit("{key}/compartments*", "*{key}*/compartments*")
    hospital.edit("{key}/nodes*", "*{key}*/nodes*")

    found = [each["code"] for each in _of_report(hospital)]

    assert found.count("LLN428") == 4
    assert set(found) == {"LLN428", "LLN424"}


def test_the_other_folders_may_not_lie_in_the_cohort(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path).admit(1)
    for option, path in (
        ("--key", hospital.out / "key.csv"),
        ("--work", hospital.out / "work"),
        ("--work", hospital.out),
    ):
        ran = hospital.run(option, str(path))
        assert ran.exit_code == 2, option
        assert "inside" in ran.stderr
        assert not hospital.out.exists()


def test_a_folder_with_somebody_s_files_is_not_written_to(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path).admit(1)
    hospital.out.mkdir()
    (hospital.out / "thesis.docx").write_text("mine")

    ran = hospital.run()

    assert ran.exit_code == 2
    assert "is not empty" in ran.stderr
    assert [path.name for path in hospital.out.iterdir()] == ["thesis.docx"]


def test_the_page_shows_a_cell_as_text_whatever_is_in_it(sound: Path, tmp_path: Path) -> None:
    hospital = copy_of(sound, tmp_path)
    hospital.rows[1]["Sex"] = "<script>alert(1)</script>"
    hospital.written()

    assert [each["code"] for each in hospital.found()] == ["LLN433"]
    page = (hospital.work / "import.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert '<span class="left">left out</span>' in page
    assert "2 of 3 studies with a case id were imported" in page
