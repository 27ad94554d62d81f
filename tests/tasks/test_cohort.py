from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from schema.errors import CohortError
from schema.finding import Finding
from schema.terms import Reader, Region, Side, Split, TaskId
from tasks.checks.cohort import COHORT_CHECKS
from tasks.cohort import Cohort, read_cohort
from tasks.cohort_check import check_volumes
from tasks.files import read_header, read_voxels, write_nifti

Edit = Callable[[Path, Callable[[bytearray], object]], None]
CASES = ("North_01", "North_02", "South_01", "South_02")
CLINICAL_HEADER = (
    "case_id,centre,age,sex,cea,location,mrT,mrN,mrTD,mrCRM,mrEMVI,pCR,"
    "dfs_months,dfs_event,os_months,os_event"
)
READERS_HEADER = "case_id,reader,positive,region,side,short_axis_mm"
IMAGE = "t2w/North_01.nii.gz"


def replace(folder: Path, name: str, old: str, new: str) -> None:
    """Exchange a text that occurs in the file."""
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")


def append(folder: Path, name: str, line: str) -> None:
    with (folder / name).open("a", encoding="utf-8") as file:
        file.write(line + "\n")


def remove_line(folder: Path, name: str, line: str) -> None:
    lines = (folder / name).read_text(encoding="utf-8").splitlines()
    lines.remove(line)
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")


def findings_of(folder: Path) -> tuple[Finding, ...]:
    """Everything that reading the cohort and checking its volumes finds."""
    try:
        cohort = read_cohort(folder)
    except CohortError as error:
        return error.findings
    return tuple(finding for step in check_volumes(cohort) for finding in step)


def flatten(image: Path) -> None:
    """Give an image a fourth dimension."""
    header = read_header(image)
    assert header.geometry is not None
    voxels = read_voxels(image, header=header)
    write_nifti(image, voxels[..., None], geometry=header.geometry)


class Fault(NamedTuple):
    """One way to damage a cohort and the one finding it gives."""

    plant: Callable[[Path], object]
    code: str
    where: str
    expected: str
    got: str
    case_id: str | None = None


FAULTS = {
    "manifest missing": Fault(
        lambda folder: (folder / "cohort.toml").unlink(),
        "LLN100",
        "cohort.toml",
        "a TOML file",
        "No such file or directory",
    ),
    "manifest no TOML": Fault(
        lambda folder: (folder / "cohort.toml").write_text("name = Tiny\n", encoding="utf-8"),
        "LLN100",
        "cohort.toml",
        "a TOML file",
        "Invalid value (at line 1, column 8)",
    ),
    "unknown split": Fault(
        lambda folder: replace(folder, "cohort.toml", '"public"', '"secret"'),
        "LLN101",
        "cohort.toml:split",
        "a field as the schema says",
        "Input should be 'train', 'public' or 'hidden'",
    ),
    "unknown field": Fault(
        lambda folder: append(folder, "cohort.toml", "patients = 4"),
        "LLN101",
        "cohort.toml:patients",
        "a field as the schema says",
        "Extra inputs are not permitted",
    ),
    "case twice in the manifest": Fault(
        lambda folder: replace(folder, "cohort.toml", '"North_02"', '"North_01"'),
        "LLN101",
        "cohort.toml",
        "a field as the schema says",
        "Value error, cases must not repeat",
    ),
    "nodes without compartments": Fault(
        lambda folder: replace(folder, "cohort.toml", '  "compartments",\n', ""),
        "LLN101",
        "cohort.toml",
        "a field as the schema says",
        "Value error, nodes are placed by the compartments: tasks needs compartments too",
    ),
    "another label map": Fault(
        lambda folder: replace(folder, "cohort.toml", '"1.0.0"', '"2.3.4"'),
        "LLN102",
        "cohort.toml:label_map_version",
        "1.0.0",
        "2.3.4",
    ),
    "readers missing": Fault(
        lambda folder: (folder / "readers.csv").unlink(),
        "LLN103",
        "readers.csv",
        "a UTF-8 comma-separated table",
        "No such file or directory",
    ),
    "clinical no text": Fault(
        lambda folder: (folder / "clinical.csv").write_bytes(b"case_id\xff\n"),
        "LLN103",
        "clinical.csv",
        "a UTF-8 comma-separated table",
        "byte 7 is not UTF-8",
    ),
    "column missing": Fault(
        lambda folder: replace(folder, "readers.csv", ",short_axis_mm", ""),
        "LLN104",
        "readers.csv:line 1",
        READERS_HEADER.replace(",", ", "),
        "case_id, reader, positive, region, side",
    ),
    "column extra": Fault(
        lambda folder: replace(folder, "clinical.csv", "os_event", "os_event,comment"),
        "LLN104",
        "clinical.csv:line 1",
        CLINICAL_HEADER.replace(",", ", "),
        CLINICAL_HEADER.replace(",", ", ") + ", comment",
    ),
    "cell": Fault(
        lambda folder: replace(folder, "clinical.csv", "60.0,female", "160,female"),
        "LLN105",
        "clinical.csv:line 2:age",
        "Input should be less than or equal to 120",
        "'160'",
    ),
    "rule across cells": Fault(
        lambda folder: replace(folder, "clinical.csv", "11.0,1,30.0,1", "11.0,1,10.0,1"),
        "LLN105",
        "clinical.csv:line 2",
        "Value error, os_months is before dfs_months",
        "this line",
    ),
    "unknown case": Fault(
        lambda folder: append(folder, "readers.csv", "East_01,R1,0,,,"),
        "LLN106",
        "readers.csv:line 18",
        "a listed case",
        "'East_01'",
    ),
    "line twice": Fault(
        lambda folder: append(folder, "readers.csv", "North_02,R3,0,,,"),
        "LLN107",
        "readers.csv:North_02/R3",
        "1 line",
        "2 lines",
    ),
    "consensus missing": Fault(
        lambda folder: remove_line(folder, "readers.csv", "South_02,consensus,0,,,"),
        "LLN108",
        "readers.csv:South_02/consensus",
        "1 line",
        "no line",
    ),
    "unknown centre": Fault(
        lambda folder: replace(folder, "clinical.csv", "North_02,North", "North_02,West"),
        "LLN109",
        "clinical.csv:centre",
        "North, South",
        "'West'",
    ),
    "image missing": Fault(
        lambda folder: (folder / IMAGE).unlink(),
        "LLN110",
        IMAGE,
        "a 3-D image with an orientation",
        "No such file or directory",
        "North_01",
    ),
    "image no image": Fault(
        lambda folder: (folder / IMAGE).write_bytes(b"dicom"),
        "LLN110",
        IMAGE,
        "a 3-D image with an orientation",
        "no gzip magic",
        "North_01",
    ),
    "image in four dimensions": Fault(
        lambda folder: flatten(folder / IMAGE),
        "LLN110",
        IMAGE,
        "a 3-D image with an orientation",
        "not 3-D, or without a finite orientation",
        "North_01",
    ),
}


def test_a_sound_cohort_has_no_findings(cohort_folder: Path) -> None:
    assert findings_of(cohort_folder) == ()


def test_every_check_of_a_cohort_has_a_fault_here() -> None:
    assert {fault.code for fault in FAULTS.values()} == {check.code for check in COHORT_CHECKS}


def test_checks_have_ascending_codes_a_title_and_a_fix() -> None:
    codes = [check.code for check in COHORT_CHECKS]
    assert codes == sorted(set(codes))
    for check in COHORT_CHECKS:
        assert check.title()
        assert check.fix().endswith(".")


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_gives_its_own_finding_and_no_other(cohort_folder: Path, name: str) -> None:
    fault = FAULTS[name]
    fault.plant(cohort_folder)
    (found,) = findings_of(cohort_folder)
    assert (found.code, found.where) == (fault.code, fault.where)
    assert (found.expected, found.got) == (fault.expected, fault.got)
    assert found.case_id == fault.case_id
    assert found.title
    assert found.fix


def test_all_faults_of_the_tables_are_found_at_once(cohort_folder: Path) -> None:
    together = (
        "another label map",
        "cell",
        "unknown case",
        "line twice",
        "consensus missing",
        "unknown centre",
    )
    for name in together:
        FAULTS[name].plant(cohort_folder)
    with pytest.raises(CohortError) as caught:
        read_cohort(cohort_folder)
    codes = [each.code for each in caught.value.findings]
    assert sorted(codes) == [FAULTS[name].code for name in sorted(together, key=code_of)]
    assert "6 findings" in str(caught.value)


def code_of(name: str) -> str:
    return FAULTS[name].code


def test_every_wrong_field_of_the_manifest_is_found_at_once(cohort_folder: Path) -> None:
    replace(cohort_folder, "cohort.toml", '"public"', '"secret"')
    replace(cohort_folder, "cohort.toml", '"1.0.0"', '"one"')
    replace(cohort_folder, "cohort.toml", '"South_02"', '"../South_02"')
    where = [finding.where for finding in findings_of(cohort_folder)]
    assert sorted(where) == [
        "cohort.toml:cases.3",
        "cohort.toml:label_map_version",
        "cohort.toml:split",
    ]


def test_both_tables_are_read_even_when_one_is_broken(cohort_folder: Path) -> None:
    FAULTS["clinical no text"].plant(cohort_folder)
    FAULTS["column missing"].plant(cohort_folder)
    assert [each.code for each in findings_of(cohort_folder)] == ["LLN103", "LLN104"]


def test_a_line_of_another_width_is_invalid_and_its_case_missing(cohort_folder: Path) -> None:
    replace(cohort_folder, "readers.csv", "North_02,consensus,0,,,", "North_02,consensus,0")
    found = findings_of(cohort_folder)
    assert [(each.code, each.expected, each.got) for each in found] == [
        ("LLN105", "6 cells", "3 cells"),
        ("LLN108", "1 line", "no line"),
    ]
    assert found[0].where == "readers.csv:line 9"


def test_several_wrong_cells_of_a_line_are_all_told(cohort_folder: Path) -> None:
    replace(cohort_folder, "readers.csv", "North_01,R1,1,OB,left,7.4", "North_01,R1,1,OO,lef,-7")
    found = findings_of(cohort_folder)
    assert [(each.code, each.where, each.got) for each in found] == [
        ("LLN105", "readers.csv:line 2:region", "'OO'"),
        ("LLN105", "readers.csv:line 2:side", "'lef'"),
        ("LLN105", "readers.csv:line 2:short_axis_mm", "'-7'"),
    ]


@pytest.mark.parametrize(
    "content",
    [
        "a = " + "[" * 5000 + "]" * 5000,
        "a = " + "1" * 5000,
        "a = 0x" + "f" * 5000,
        ".".join("a" * 3000) + " = 1",
        "name = nan\n",
        "name = 1979-05-27T07:32:00Z\n",
    ],
    ids=["deep list", "endless number", "huge number", "endless key", "nan", "date"],
)
def test_a_hostile_manifest_is_a_cohort_error(cohort_folder: Path, content: str) -> None:
    (cohort_folder / "cohort.toml").write_text(content, encoding="utf-8")
    assert {each.code for each in findings_of(cohort_folder)} <= {"LLN100", "LLN101"}


def test_a_sound_cohort_is_read_whole(cohort: Cohort) -> None:
    assert cohort.manifest.cases == CASES
    assert cohort.manifest.centres == ("North", "South")
    assert cohort.manifest.split is Split.PUBLIC
    assert tuple(cohort.clinical) == CASES
    assert cohort.clinical["South_01"].dfs_months == 14.5
    assert tuple(cohort.readers) == tuple(Reader)
    consensus = cohort.readers[Reader.CONSENSUS]
    assert tuple(consensus) == CASES
    assert [consensus[case].positive for case in CASES] == [1, 0, 1, 0]
    assert (consensus["North_01"].region, consensus["North_01"].side) == (Region.OB, Side.LEFT)


def test_paths_of_a_case_are_where_the_layout_says(cohort: Cohort) -> None:
    assert cohort.image("P1") == cohort.folder / "t2w" / "P1.nii.gz"
    assert cohort.mask(TaskId.NODES, "P1") == cohort.folder / "nodes" / "P1.nii.gz"


def test_tables_as_a_spreadsheet_saves_them_are_read(cohort_folder: Path) -> None:
    for name in ("readers.csv", "clinical.csv"):
        text = (cohort_folder / name).read_text(encoding="utf-8")
        content = "\ufeff" + text.replace("\n", "\r\n")
        (cohort_folder / name).write_bytes(content.encode("utf-8"))
    assert findings_of(cohort_folder) == ()


def test_a_cohort_may_be_without_patients_data(cohort_folder: Path) -> None:
    (cohort_folder / "clinical.csv").unlink()
    assert read_cohort(cohort_folder).clinical == {}


def test_a_cohort_of_masks_alone_needs_no_readers(cohort_folder: Path) -> None:
    replace(cohort_folder, "cohort.toml", '  "positivity",\n', "")
    (cohort_folder / "readers.csv").unlink()
    assert read_cohort(cohort_folder).readers == {}
    assert findings_of(cohort_folder) == ()


def test_only_the_consensus_must_have_read_every_case(cohort_folder: Path) -> None:
    remove_line(cohort_folder, "readers.csv", "South_02,R2,0,,,")
    cohort = read_cohort(cohort_folder)
    assert tuple(cohort.readers[Reader.R2]) == CASES[:3]


def test_a_cohort_without_mask_tasks_needs_no_volumes(cohort_folder: Path) -> None:
    replace(cohort_folder, "cohort.toml", '  "compartments",\n  "nodes",\n', "")
    (cohort_folder / IMAGE).unlink()
    (cohort_folder / "nodes" / "North_01.nii.gz").unlink()
    assert findings_of(cohort_folder) == ()


def test_an_image_whose_two_forms_disagree_is_unusable(
    cohort_folder: Path, edit_gzip: Edit
) -> None:
    # qoffset_x, byte 268 of the header: 5 mm to the side
    def move(content: bytearray) -> None:
        (before,) = struct.unpack_from("<f", content, 268)
        struct.pack_into("<f", content, 268, before + 5.0)

    edit_gzip(cohort_folder / IMAGE, move)
    found = findings_of(cohort_folder)
    assert [(each.code, each.case_id) for each in found] == [("LLN110", "North_01")]


def test_reference_masks_keep_the_rules_of_a_submissions_masks(cohort_folder: Path) -> None:
    header = read_header(cohort_folder / IMAGE)
    assert header.geometry is not None
    bad = np.full(header.shape, 9, dtype=np.uint8)
    write_nifti(cohort_folder / "nodes" / "North_01.nii.gz", bad, geometry=header.geometry)
    (cohort_folder / "compartments" / "South_01.nii.gz").unlink()
    (cohort_folder / "nodes" / "South_02.nii.gz").write_bytes(b"")
    (cohort_folder / "nodes" / "notes.txt").write_text("x", encoding="utf-8")
    found = {
        (each.code, each.task, each.where, each.case_id) for each in findings_of(cohort_folder)
    }
    assert found == {
        ("LLN010", TaskId.COMPARTMENTS, "compartments/South_01.nii.gz", "South_01"),
        ("LLN011", TaskId.NODES, "nodes/notes.txt", None),
        ("LLN021", TaskId.NODES, "nodes/South_02.nii.gz", "South_02"),
        ("LLN041", TaskId.NODES, "nodes/North_01.nii.gz", "North_01"),
    }


def test_volumes_are_checked_a_step_at_a_time(cohort: Cohort) -> None:
    # names in either mask folder, then four cases
    assert len(list(check_volumes(cohort))) == 2 + 4


def test_an_unusable_image_does_not_hide_the_other_cases(cohort_folder: Path) -> None:
    (cohort_folder / IMAGE).unlink()
    (cohort_folder / "t2w" / "South_02.nii.gz").write_bytes(b"x")
    (cohort_folder / "nodes" / "South_01.nii.gz").write_bytes(b"x")
    found = [(each.code, each.case_id) for each in findings_of(cohort_folder)]
    assert found == [("LLN110", "North_01"), ("LLN020", "South_01"), ("LLN110", "South_02")]


def test_an_image_that_ends_early_is_unusable(cohort_folder: Path) -> None:
    content = (cohort_folder / IMAGE).read_bytes()
    (cohort_folder / IMAGE).write_bytes(content[: len(content) // 2])
    found = findings_of(cohort_folder)
    assert [(each.code, each.case_id) for each in found] == [("LLN110", "North_01")]
