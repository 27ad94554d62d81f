from __future__ import annotations

import gzip
import os
import shutil
import struct
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import nibabel
import numpy as np
import pytest
import SimpleITK
from numpy.typing import NDArray

from evaluation.gate import (
    check_submission,
    failures,
    image_grid,
    inspect_table,
    read_entry,
    read_manifest,
    steps,
)
from schema.errors import CohortError, SubmissionError
from schema.finding import Finding
from schema.terms import TaskId
from tasks.checks import SUBMISSION_CHECKS
from tasks.checks.base import Check
from tasks.cohort import Cohort, read_cohort
from tasks.files import (
    canonical_json,
    read_header,
    read_voxels,
    write_models,
    write_nifti,
    write_text,
)
from tasks.geometry import Geometry
from tasks.inspection import inspect_folder, inspect_mask
from tasks.layout import NODE_COLUMNS
from tasks.node_measurement import measure_nodes_of_task, node_parts_of_task
from tasks.node_points import node_predictions

Edit = Callable[[Path, Callable[[bytearray], object]], None]
CASE, MASK = "North_01", "North_01.nii.gz"
CASES = ("North_01", "North_02", "South_01", "South_02")
COMPARTMENTS, NODES, POSITIVITY = TaskId.COMPARTMENTS, TaskId.NODES, TaskId.POSITIVITY
TYPES = "one of uint8, int8, uint16, int16, uint32, int32"
# The image of North_01: turned 5 degrees about z and 15 about x, so that the rows of the direction
# matrix are (cos 5, -sin 5 cos 15, sin 5 sin 15), (sin 5, cos 5 cos 15, -cos 5 sin 15) and
# (0, sin 15, cos 15).
DIRECTION = "(0.996195, -0.084186, 0.0225576, 0.0871557, 0.96225, -0.257834, 0, 0.258819, 0.965926)"
MIRRORED = (
    "(-0.996195, -0.084186, 0.0225576, -0.0871557, 0.96225, -0.257834, 0, 0.258819, 0.965926)"
)
# Where the NIfTI-1 standard puts each field of the header, in bytes.
DIM, DATATYPE, SLOPE, QFORM_CODE, QOFFSET_X, SROW, MAGIC = 40, 70, 112, 252, 268, 280, 344


class Bench(NamedTuple):
    """What a fault may use: the submission's folder and two tools."""

    folder: Path
    edit: Edit
    patch: pytest.MonkeyPatch

    def mask(self, task: TaskId = COMPARTMENTS, case_id: str = CASE) -> Path:
        return self.folder / task.value / f"{case_id}.nii.gz"

    def put(self, offset: int, form: str, *values: float | bytes) -> None:
        """Overwrite a field of the first mask's header."""
        self.edit(self.mask(), lambda content: struct.pack_into(form, content, offset, *values))

    def rewrite(self, change: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
        """Write the first mask again with other voxels on the grid of the first."""
        rewrite(self.mask(), change)

    def regrid(self, **changes: Any) -> None:
        """Write the first mask again with the same voxels on another grid."""
        voxels, grid = load(self.mask())
        write_nifti(self.mask(), voxels, geometry=replace(grid, **changes))

    def table(self, old: str, new: str) -> None:
        """Exchange a text in positivity.csv."""
        path = self.folder / "positivity.csv"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def node_lines(self, change: Callable[[list[str]], list[str]]) -> None:
        """Write nodes.csv, six sound lines, with a change; line 1 is the header."""
        rows = []
        for case_id in CASES:
            voxels, grid = load(self.mask(NODES, case_id))
            parts = node_parts_of_task(voxels)
            sure = dict.fromkeys(range(1, int(parts.part.max(initial=0)) + 1), 0.9)
            rows += node_predictions(case_id, parts, probabilities=sure, geometry=grid)
        path = self.folder / "nodes.csv"
        write_models(path, rows, columns=NODE_COLUMNS)
        lines = change(path.read_text(encoding="utf-8").splitlines())
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def node_line(self, number: int, old: str, new: str) -> None:
        """Write nodes.csv with a text of one line exchanged."""

        def change(lines: list[str]) -> list[str]:
            assert old in lines[number - 1]
            lines[number - 1] = lines[number - 1].replace(old, new, 1)
            return lines

        self.node_lines(change)


def load(path: Path) -> tuple[NDArray[Any], Geometry]:
    header = read_header(path)
    assert header.geometry is not None
    return read_voxels(path, header=header), header.geometry


def rewrite(path: Path, change: Callable[[NDArray[Any]], NDArray[Any]]) -> None:
    voxels, grid = load(path)
    write_nifti(path, change(voxels), geometry=grid)


def check(folder: Path, cohort: Cohort) -> tuple[Finding, ...]:
    """Every finding of the whole gate."""
    try:
        return tuple(found for step in check_submission(folder, cohort=cohort) for found in step)
    except SubmissionError as error:
        return error.findings


def codes(findings: Iterable[Finding]) -> list[str]:
    return sorted(finding.code for finding in findings)


@pytest.fixture
def bench(submission_folder: Path, edit_gzip: Edit, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(submission_folder, edit_gzip, monkeypatch)


# --- one planted fault for every code -----------------------------------------------------------


class Fault(NamedTuple):
    """A way to damage a submission, and the one finding of its code that it must give."""

    plant: Callable[[Bench], object]
    where: str
    expected: str
    got: str
    task: TaskId | None = COMPARTMENTS
    case_id: str | None = CASE
    fails_case: bool = True
    companions: tuple[str, ...] = ()
    """Codes that cannot be avoided beside it."""


def make_link(bench: Bench) -> None:
    bench.mask().rename(bench.folder / "elsewhere.nii.gz")
    bench.mask().symlink_to(bench.folder / "elsewhere.nii.gz")


def deny(bench: Bench) -> None:
    opened = os.open

    def refuse(path: Any, *arguments: Any, **options: Any) -> int:
        if Path(path) == bench.mask():
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments, **options)

    bench.patch.setattr(os, "open", refuse)


def uncompress(bench: Bench) -> None:
    bench.mask().write_bytes(gzip.decompress(bench.mask().read_bytes()))


def cut(bench: Bench) -> None:
    raw = bench.mask().read_bytes()
    bench.mask().write_bytes(raw[: len(raw) // 2])


def spoil_checksum(bench: Bench) -> None:
    raw = bench.mask().read_bytes()
    # the first four of the last eight bytes are the checksum
    bench.mask().write_bytes(raw[:-8] + b"\0\0\0\0" + raw[-4:])


def not_a_number(voxels: NDArray[Any]) -> NDArray[Any]:
    spoilt = voxels.astype(np.float32)
    spoilt[0, 0, 0], spoilt[1, 1, 1], spoilt[2, 2, 2] = np.nan, np.inf, -np.inf
    return spoilt


def nine(voxels: NDArray[Any]) -> NDArray[Any]:
    voxels[0, 0, 0] = 9
    return voxels


READ = "a complete .nii.gz file"
COLUMNS = "case_id, probability, positive, region, side, short_axis_mm"
NODE_TABLE_COLUMNS = "case_id, x_mm, y_mm, z_mm, probability"

FAULTS: dict[str, Fault] = {
    "LLN001": Fault(
        lambda bench: (bench.folder / "submission.toml").unlink(),
        where="submission.toml",
        expected="a TOML file",
        got="No such file or directory",
        task=None,
        case_id=None,
    ),
    "LLN002": Fault(
        lambda bench: (bench.folder / "submission.toml").write_text(
            'team = "T"\nmodel = "M"\ntasks = ["nodes", "survival"]\n', encoding="utf-8"
        ),
        where="submission.toml:tasks.1",
        expected="a field as the schema says",
        got="Input should be 'compartments', 'nodes' or 'positivity'",
        task=None,
        case_id=None,
    ),
    "LLN010": Fault(
        lambda bench: bench.mask().unlink(),
        where=f"compartments/{MASK}",
        expected="a file",
        got="no file",
    ),
    "LLN011": Fault(
        lambda bench: shutil.copy(bench.mask(NODES), bench.mask(NODES, "North_1")),
        where="nodes/North_1.nii.gz",
        expected="<case_id>.nii.gz of a listed case",
        got="another name",
        task=NODES,
        case_id=None,
        fails_case=False,
    ),
    "LLN012": Fault(
        make_link,
        where=f"compartments/{MASK}",
        expected="a regular file",
        got="something else",
    ),
    "LLN013": Fault(deny, where=f"compartments/{MASK}", expected=READ, got="Permission denied"),
    "LLN020": Fault(uncompress, where=f"compartments/{MASK}", expected=READ, got="no gzip magic"),
    "LLN021": Fault(
        cut, where=f"compartments/{MASK}", expected=READ, got="the gzip stream ends early"
    ),
    "LLN022": Fault(
        spoil_checksum,
        where=f"compartments/{MASK}",
        expected=READ,
        got="gzip: CRC check failed 0 != ",
    ),
    "LLN023": Fault(
        lambda bench: bench.put(MAGIC, "4s", b"ni1\0"),
        where=f"compartments/{MASK}",
        expected=READ,
        got="no single-file NIfTI-1 magic",
    ),
    "LLN024": Fault(
        lambda bench: bench.edit(bench.mask(), lambda content: content.append(0)),
        where=f"compartments/{MASK}",
        expected=READ,
        got="more bytes than declared",
    ),
    "LLN030": Fault(
        lambda bench: bench.rewrite(lambda voxels: voxels[..., None]),
        where=f"compartments/{MASK}",
        expected="3 dimensions of at least 1 voxel",
        got="shape 24 x 20 x 8 x 1",
    ),
    "LLN031": Fault(
        lambda bench: bench.rewrite(lambda voxels: np.pad(voxels, ((0, 0), (0, 0), (0, 1)))),
        where=f"compartments/{MASK}",
        expected="3840 voxels, shape 24 x 20 x 8",
        got="4320 voxels, shape 24 x 20 x 9",
    ),
    "LLN032": Fault(
        lambda bench: bench.rewrite(np.transpose),
        where=f"compartments/{MASK}",
        expected="(24, 20, 8)",
        got="(8, 20, 24)",
    ),
    "LLN033": Fault(
        lambda bench: bench.regrid(spacing_mm=(1.5, 1.5, 4.25)),
        where=f"compartments/{MASK}",
        expected="(1.5, 1.5, 4)",
        got="(1.5, 1.5, 4.25)",
    ),
    "LLN034": Fault(
        lambda bench: bench.regrid(origin_mm=(-18.25, -40.0, 12.75)),
        where=f"compartments/{MASK}",
        expected="(-18.25, -40.5, 12.75)",
        got="(-18.25, -40, 12.75)",
    ),
    "LLN035": Fault(
        lambda bench: bench.regrid(direction=mirrored(load(bench.mask())[1])),
        where=f"compartments/{MASK}",
        expected=DIRECTION,
        got=MIRRORED,
    ),
    "LLN036": Fault(
        lambda bench: bench.put(QFORM_CODE, "<hh", 0, 0),
        where=f"compartments/{MASK}",
        expected="a qform or an sform",
        got="qform_code 0 and sform_code 0",
    ),
    "LLN037": Fault(
        # the sform keeps x at 18.25 in NIfTI's frame; the qform goes 30 mm further
        lambda bench: bench.put(QOFFSET_X, "<f", 48.25),
        where=f"compartments/{MASK}",
        expected="corners within 1 mm",
        got="corners up to 30 mm apart",
    ),
    "LLN038": Fault(
        lambda bench: bench.rewrite(lambda voxels: voxels.astype(np.float32)),
        where=f"compartments/{MASK}",
        expected=TYPES,
        got="float32",
    ),
    "LLN039": Fault(
        lambda bench: bench.put(SLOPE, "<ff", 2.0, 0.0),
        where=f"compartments/{MASK}",
        expected="slope 1, intercept 0",
        got="another slope or intercept",
    ),
    "LLN040": Fault(
        lambda bench: bench.rewrite(not_a_number),
        where=f"compartments/{MASK}",
        expected="finite values",
        got="3 voxels that are not finite",
        companions=("LLN038",),  # only a floating type can hold them
    ),
    "LLN041": Fault(
        lambda bench: bench.rewrite(nine),
        where=f"compartments/{MASK}",
        expected="0, 1, 2, 3, 4, 5, 6",
        got="9",
    ),
    "LLN050": Fault(
        lambda bench: (bench.folder / "positivity.csv").unlink(),
        where="positivity.csv",
        expected="a UTF-8 comma-separated table",
        got="No such file or directory",
        task=POSITIVITY,
        case_id=None,
    ),
    "LLN051": Fault(
        lambda bench: bench.table("probability", "score"),
        where="positivity.csv:line 1",
        expected=COLUMNS,
        got=COLUMNS.replace("probability", "score"),
        task=POSITIVITY,
        case_id=None,
    ),
    "LLN052": Fault(
        lambda bench: bench.table("North_02,0.1,0,,,", "North_02,0.1,0,,"),
        where="positivity.csv:line 3",
        expected="6 cells",
        got="5 cells",
        task=POSITIVITY,
        case_id=None,
        fails_case=False,
        companions=("LLN055",),  # its case has no line that can be read
    ),
    "LLN053": Fault(
        lambda bench: bench.table("South_02,0.1", "north_02,0.5,0,,,\nSouth_02,0.1"),
        where="positivity.csv:line 5",
        expected="a listed case",
        got="'north_02'",
        task=POSITIVITY,
        case_id=None,
        fails_case=False,
    ),
    "LLN054": Fault(
        lambda bench: bench.table("South_02,0.1", "North_01,0.5,0,,,\nSouth_02,0.1"),
        where=f"positivity.csv:{CASE}",
        expected="1 line",
        got="2 lines",
        task=POSITIVITY,
    ),
    "LLN055": Fault(
        lambda bench: bench.table("South_02,0.1,0,,,\n", ""),
        where="positivity.csv:South_02",
        expected="1 line",
        got="no line",
        task=POSITIVITY,
        case_id="South_02",
    ),
    "LLN056": Fault(
        lambda bench: bench.table("South_02,0.1,", "South_02,10 %,"),
        where="positivity.csv:line 5:probability",
        expected="0 to 1",
        got="'10 %'",
        task=POSITIVITY,
        case_id="South_02",
    ),
    "LLN057": Fault(
        lambda bench: bench.table("South_02,0.1,0,,,", "South_02,0.1,0,EI,,6.5"),
        where="positivity.csv:line 5",
        expected="empty cells",
        got="filled: region, short_axis_mm",
        task=POSITIVITY,
        case_id="South_02",
    ),
    "LLN058": Fault(
        lambda bench: bench.table("1,OB,left,7.4", "1,OBT,left,7.4"),
        where="positivity.csv:line 2:region",
        expected="Input should be 'EI', 'OB' or 'II'",
        got="'OBT'",
        task=POSITIVITY,
    ),
    "LLN060": Fault(
        lambda bench: (bench.folder / "nodes.csv").write_bytes(b"\xff"),
        where="nodes.csv",
        expected="a UTF-8 comma-separated table, or none",
        got="byte 0 is not UTF-8",
        task=NODES,
        case_id=None,
        fails_case=False,
    ),
    "LLN061": Fault(
        lambda bench: bench.node_line(1, "probability", "score"),
        where="nodes.csv:line 1",
        expected=NODE_TABLE_COLUMNS,
        got=NODE_TABLE_COLUMNS.replace("probability", "score"),
        task=NODES,
        case_id=None,
        fails_case=False,
    ),
    "LLN062": Fault(
        # 256 lines for each of the four cases
        lambda bench: bench.node_lines(lambda lines: [*lines, *["x"] * (1025 - 6)]),
        where="nodes.csv",
        expected="at most 1024 lines",
        got="1025 lines",
        task=NODES,
        case_id=None,
        fails_case=False,
    ),
    "LLN063": Fault(
        lambda bench: bench.node_line(2, ",0.9", ""),
        where="nodes.csv:line 2",
        expected="5 cells",
        got="4 cells",
        task=NODES,
        case_id=None,
        fails_case=False,
    ),
    "LLN064": Fault(
        lambda bench: bench.node_lines(lambda lines: [*lines, "north_02,0,0,0,0.5"]),
        where="nodes.csv:line 8",
        expected="a listed case",
        got="'north_02'",
        task=NODES,
        case_id=None,
        fails_case=False,
    ),
    "LLN065": Fault(
        lambda bench: bench.node_line(7, "0.9", "90 %"),
        where="nodes.csv:line 7:probability",
        expected="0 to 1",
        got="'90 %'",
        task=NODES,
        case_id="South_02",
        fails_case=False,
    ),
    "LLN066": Fault(
        lambda bench: bench.node_line(7, "South_02,", "South_02,left "),
        where="nodes.csv:line 7:x_mm",
        expected="Input should be a valid number, unable to parse string as a number",
        got="'left 19.451'",
        task=NODES,
        case_id="South_02",
        fails_case=False,
    ),
    "LLN067": Fault(
        lambda bench: bench.node_lines(lambda lines: [*lines, "North_02,1,-2.5,0,0.5"]),
        where="nodes.csv:line 8",
        expected="a place within a predicted node",
        got="(1.0, -2.5, 0.0) in none",
        task=NODES,
        case_id="North_02",
        fails_case=False,
    ),
    "LLN068": Fault(
        lambda bench: bench.node_lines(lambda lines: [*lines, lines[-1]]),
        where="nodes.csv:line 8",
        expected="one line a node",
        got="the node of line 7 again",
        task=NODES,
        case_id="South_02",
        fails_case=False,
    ),
    "LLN069": Fault(
        lambda bench: bench.node_lines(lambda lines: lines[:-1]),
        where="nodes.csv",
        expected="one line a node",
        # voxel (17, 15, 5) of 2 x 2 x 4.5 mm, (34, 30, 22.5) mm from the origin: turned by -10
        # degrees about x (34, 33.45, 16.95), by -3 about z (35.70, 31.63, 16.95), from the origin
        got="none at (17.5, -8.9, 29.7)",
        task=NODES,
        case_id="South_02",
        fails_case=False,
    ),
}


def mirrored(grid: Geometry) -> tuple[float, ...]:
    """Direction cosines with the first axis turned round."""
    matrix = grid.direction_matrix * (-1.0, 1.0, 1.0)
    return tuple(matrix.ravel().tolist())


def test_a_sound_submission_has_no_findings(submission_folder: Path, cohort: Cohort) -> None:
    assert check(submission_folder, cohort) == ()


OF_THE_COHORT = {"LLN003"}
"""The fault lies between submission and cohort; it has tests of its own below."""


@pytest.mark.parametrize("checked", SUBMISSION_CHECKS, ids=lambda checked: checked.code)
def test_every_check_has_a_fault_here_a_title_and_a_fix(checked: type[Check[Any]]) -> None:
    assert (checked.code in FAULTS) != (checked.code in OF_THE_COHORT)
    assert checked.title()
    assert "\n" not in checked.title()
    assert checked.fix().endswith((".", ")"))
    if checked.code in FAULTS:
        assert checked.fails_case is FAULTS[checked.code].fails_case


def test_codes_are_unique_and_ascending_and_every_fault_has_one() -> None:
    ordered = [checked.code for checked in SUBMISSION_CHECKS]
    assert ordered == sorted(set(ordered))
    assert set(FAULTS) | OF_THE_COHORT == set(ordered)


@pytest.mark.parametrize("code", FAULTS)
def test_a_fault_gives_its_own_code_with_the_exact_values(
    bench: Bench, cohort: Cohort, code: str
) -> None:
    fault = FAULTS[code]
    fault.plant(bench)
    found = check(bench.folder, cohort)
    assert codes(found) == sorted((code, *fault.companions))
    (own,) = (finding for finding in found if finding.code == code)
    assert (own.where, own.expected) == (fault.where, fault.expected)
    # the checksum that a compressor's output happens to have is nobody's business here
    assert own.got.startswith(fault.got) if code == "LLN022" else own.got == fault.got
    assert (own.task, own.case_id, own.fails_case) == (fault.task, fault.case_id, fault.fails_case)
    checks = {checked.code: checked for checked in SUBMISSION_CHECKS}
    assert (own.title, own.fix) == (checks[code].title(), checks[code].fix())


@pytest.mark.parametrize("code", FAULTS)
def test_a_fault_fails_its_own_case_and_task_and_no_other(
    bench: Bench, cohort: Cohort, code: str
) -> None:
    fault = FAULTS[code]
    fault.plant(bench)
    found = check(bench.folder, cohort)
    for task in TaskId:
        failed = failures(found, task=task, cases=CASES)
        if task is not fault.task or not (fault.fails_case or fault.companions):
            assert failed == {}
        elif code == "LLN052":
            assert failed == {"North_02": ("LLN055",)}
        elif fault.case_id is None:
            assert failed == dict.fromkeys(CASES, (code,))
        else:
            assert failed == {fault.case_id: tuple(sorted((code, *fault.companions)))}


@pytest.mark.parametrize("code", FAULTS)
def test_findings_are_the_same_without_the_reference_standard(
    bench: Bench, cohort_folder: Path, code: str
) -> None:
    """What cannot be read cannot leak: with the reference masks gone not a letter differs."""
    FAULTS[code].plant(bench)
    with_reference = check(bench.folder, read_cohort(cohort_folder))
    shutil.rmtree(cohort_folder / "compartments")
    shutil.rmtree(cohort_folder / "nodes")
    readers = cohort_folder / "readers.csv"
    lines = readers.read_text(encoding="utf-8").splitlines()[1:]
    negative = [",".join(line.split(",")[:2]) + ",0,,," for line in lines]
    readers.write_text(
        "\n".join(("case_id,reader,positive,region,side,short_axis_mm", *negative)) + "\n",
        encoding="utf-8",
    )
    assert check(bench.folder, read_cohort(cohort_folder)) == with_reference


def test_all_faults_that_do_not_hide_each_other_are_found_at_once(
    bench: Bench, cohort: Cohort
) -> None:
    bench.rewrite(lambda voxels: nine(not_a_number(voxels)))
    bench.regrid(
        spacing_mm=(1.5, 1.5, 4.25),
        origin_mm=(-18.25, -40.0, 12.75),
        direction=mirrored(load(bench.mask())[1]),
    )
    bench.put(SLOPE, "<ff", 0.5, 1.0)
    bench.put(QOFFSET_X, "<f", 48.25)
    bench.mask(NODES).rename(bench.mask(NODES, "North_1"))
    for code in ("LLN053", "LLN054", "LLN057", "LLN058"):
        FAULTS[code].plant(bench)
    assert codes(check(bench.folder, cohort)) == [
        "LLN010",
        "LLN011",
        "LLN033",
        "LLN034",
        "LLN035",
        "LLN037",
        "LLN038",
        "LLN039",
        "LLN040",
        "LLN041",
        "LLN053",
        "LLN054",
        "LLN057",
        "LLN058",
    ]


def test_two_cases_bad_in_two_ways_are_told_apart(bench: Bench, cohort: Cohort) -> None:
    rewrite(bench.mask(NODES, "North_02"), lambda voxels: np.full_like(voxels, 3))
    bench.mask(NODES, "South_01").write_bytes(b"\x1f\x8b")
    found = check(bench.folder, cohort)
    assert [(each.code, each.case_id) for each in found] == [
        ("LLN041", "North_02"),
        ("LLN021", "South_01"),
    ]
    assert failures(found, task=NODES, cases=CASES) == {
        "North_02": ("LLN041",),
        "South_01": ("LLN021",),
    }
    assert failures(found, task=COMPARTMENTS, cases=CASES) == {}


# --- mistakes that people make ------------------------------------------------------------------


def simpleitk_mask(bench: Bench) -> Any:
    """The first mask as a SimpleITK user has it: an array of labels without geometry."""
    voxels, _ = load(bench.mask())
    return SimpleITK.GetImageFromArray(voxels.transpose())


def save_simpleitk(bench: Bench, image: Any) -> None:
    SimpleITK.WriteImage(image, str(bench.mask()))


def save_nibabel(bench: Bench, voxels: NDArray[Any], *, affine: NDArray[Any] | None = None) -> None:
    _, grid = load(bench.mask())
    image = nibabel.Nifti1Image(
        voxels, grid.affine if affine is None else affine, dtype=voxels.dtype
    )
    nibabel.save(image, bench.mask())


def found_in_mask(bench: Bench, cohort: Cohort) -> dict[str, tuple[str, str]]:
    """Code to (expected, got) of the first mask; nothing else may be found."""
    found = check(bench.folder, cohort)
    assert {(each.task, each.case_id) for each in found} <= {(COMPARTMENTS, CASE)}
    return {each.code: (each.expected, each.got) for each in found}


def test_a_simpleitk_mask_with_the_images_information_passes(bench: Bench, cohort: Cohort) -> None:
    mask = simpleitk_mask(bench)
    mask.CopyInformation(SimpleITK.ReadImage(str(cohort.image(CASE))))
    save_simpleitk(bench, mask)
    assert found_in_mask(bench, cohort) == {}


def test_a_simpleitk_mask_without_the_images_information_is_told_in_numbers(
    bench: Bench, cohort: Cohort
) -> None:
    save_simpleitk(bench, simpleitk_mask(bench))
    assert found_in_mask(bench, cohort) == {
        "LLN033": ("(1.5, 1.5, 4)", "(1, 1, 1)"),
        "LLN034": ("(-18.25, -40.5, 12.75)", "(0, 0, 0)"),
        "LLN035": (DIRECTION, "(1, 0, 0, 0, 1, 0, 0, 0, 1)"),
    }


def test_a_simpleitk_array_saved_in_nibabels_order_is_a_wrong_shape(
    bench: Bench, cohort: Cohort
) -> None:
    voxels, _ = load(bench.mask())
    save_nibabel(bench, voxels.transpose().copy())
    assert found_in_mask(bench, cohort) == {"LLN032": ("(24, 20, 8)", "(8, 20, 24)")}


@pytest.mark.parametrize("stored", ["uint8", "int8", "uint16", "int16", "uint32", "int32"])
def test_every_allowed_type_passes(bench: Bench, cohort: Cohort, stored: str) -> None:
    voxels, _ = load(bench.mask())
    save_nibabel(bench, voxels.astype(stored))
    assert found_in_mask(bench, cohort) == {}


@pytest.mark.parametrize("stored", ["float32", "float64", "int64", "uint64"])
def test_any_other_type_is_named(bench: Bench, cohort: Cohort, stored: str) -> None:
    voxels, _ = load(bench.mask())
    save_nibabel(bench, voxels.astype(stored))
    assert found_in_mask(bench, cohort) == {"LLN038": (TYPES, stored)}


@pytest.mark.parametrize("stored", ["complex64", "complex128"])
def test_a_type_that_holds_no_labels_at_all_is_a_wrong_type_and_nothing_else(
    bench: Bench, cohort: Cohort, stored: str
) -> None:
    voxels, _ = load(bench.mask())
    save_nibabel(bench, voxels.astype(stored))
    assert set(found_in_mask(bench, cohort)) == {"LLN038"}


def test_probabilities_are_a_wrong_type_and_no_labels(bench: Bench, cohort: Cohort) -> None:
    voxels, _ = load(bench.mask())
    probabilities = np.where(voxels > 0, 0.75, 0.125).astype(np.float32)
    save_nibabel(bench, probabilities)
    assert found_in_mask(bench, cohort) == {
        "LLN038": (TYPES, "float32"),
        "LLN041": ("0, 1, 2, 3, 4, 5, 6", "0.125, 0.75"),
    }


def test_one_channel_for_each_class_is_not_three_dimensional(bench: Bench, cohort: Cohort) -> None:
    voxels, _ = load(bench.mask())
    save_nibabel(bench, np.stack([voxels == label for label in range(7)], -1).astype(np.uint8))
    assert found_in_mask(bench, cohort) == {
        "LLN030": ("3 dimensions of at least 1 voxel", "shape 24 x 20 x 8 x 7"),
        "LLN031": ("3840 voxels, shape 24 x 20 x 8", "26880 voxels, shape 24 x 20 x 8 x 7"),
    }


def test_white_on_black_is_an_unknown_label(bench: Bench, cohort: Cohort) -> None:
    voxels, _ = load(bench.mask())
    save_nibabel(bench, np.where(voxels > 0, 255, 0).astype(np.uint8))
    assert found_in_mask(bench, cohort) == {"LLN041": ("0, 1, 2, 3, 4, 5, 6", "255")}


def test_labels_of_the_other_task_are_unknown(bench: Bench, cohort: Cohort) -> None:
    shutil.copy(bench.mask(COMPARTMENTS), bench.mask(NODES))
    found = check(bench.folder, cohort)
    assert [(each.code, each.expected, each.got) for each in found] == [
        ("LLN041", "0, 1, 2", "3, 4, 5, 6")
    ]


def test_an_array_flipped_with_its_affine_lies_right_and_is_still_refused(
    bench: Bench, cohort: Cohort
) -> None:
    """Physically the same mask; compared voxel by voxel it would exchange right and left."""
    voxels, grid = load(bench.mask())
    flip = np.eye(4)
    flip[0, 0], flip[0, 3] = -1.0, grid.size[0] - 1
    save_nibabel(bench, voxels[::-1].copy(), affine=grid.affine @ flip)
    found = found_in_mask(bench, cohort)
    assert set(found) == {"LLN034", "LLN035"}
    assert found["LLN035"] == (DIRECTION, MIRRORED)
    # the other end of the first axis: 23 * 1.5 mm along (cos 5, sin 5, 0)
    end = np.array((-18.25, -40.5, 12.75)) + 34.5 * np.array((0.99619470, 0.08715574, 0.0))
    got = [float(number) for number in found["LLN034"][1].strip("()").split(",")]
    np.testing.assert_allclose(got, end, atol=1e-3)


def test_a_mask_resampled_to_whole_millimetres_differs_in_shape_and_spacing(
    bench: Bench, cohort: Cohort
) -> None:
    grid = load(bench.mask())[1]
    small = replace(grid, size=(18, 15, 8), spacing_mm=(2.0, 2.0, 4.0))
    write_nifti(bench.mask(), np.zeros(small.size, dtype=np.uint8), geometry=small)
    assert found_in_mask(bench, cohort) == {
        "LLN032": ("(24, 20, 8)", "(18, 15, 8)"),
        "LLN033": ("(1.5, 1.5, 4)", "(2, 2, 4)"),
    }


def test_many_unknown_values_are_cut_short(bench: Bench, cohort: Cohort) -> None:
    bench.rewrite(lambda voxels: np.arange(voxels.size, dtype=np.int16).reshape(voxels.shape) % 30)
    got = found_in_mask(bench, cohort)["LLN041"][1]
    # 7 to 29 are 23 values
    assert got == "7, 8, 9, 10, 11, 12, 13, 14, 15, 16 and 13 more"


@pytest.mark.parametrize("value", [-1, 1_234_567, 2_147_483_647])
def test_an_unknown_value_is_told_to_its_last_digit(
    bench: Bench, cohort: Cohort, value: int
) -> None:
    bench.rewrite(lambda voxels: np.where(voxels == 1, value, 0).astype(np.int32))
    assert found_in_mask(bench, cohort)["LLN041"][1] == str(value)


# --- hostile submissions ------------------------------------------------------------------------


@pytest.mark.usefixtures("no_blocking")
@pytest.mark.parametrize("kind", ["folder", "pipe", "dangling link", "link to a device"])
def test_anything_that_is_no_file_is_one_finding(bench: Bench, cohort: Cohort, kind: str) -> None:
    path = bench.mask()
    path.unlink()
    make: dict[str, Callable[[], object]] = {
        "folder": path.mkdir,
        "pipe": lambda: os.mkfifo(path),
        "dangling link": lambda: path.symlink_to("nowhere"),
        "link to a device": lambda: path.symlink_to("/dev/zero"),
    }
    make[kind]()
    found = check(bench.folder, cohort)
    assert [(each.code, each.case_id) for each in found] == [("LLN012", CASE)]


@pytest.mark.usefixtures("no_blocking")
@pytest.mark.parametrize("name", ["submission.toml", "positivity.csv"])
@pytest.mark.parametrize("kind", ["folder", "pipe", "link"])
def test_a_manifest_or_table_that_is_no_file_is_one_finding(
    bench: Bench, cohort: Cohort, name: str, kind: str
) -> None:
    path = bench.folder / name
    kept = path.rename(bench.folder / "kept")
    make: dict[str, Callable[[], object]] = {
        "folder": path.mkdir,
        "pipe": lambda: os.mkfifo(path),
        "link": lambda: path.symlink_to(kept),
    }
    make[kind]()
    assert codes(check(bench.folder, cohort)) == ["LLN001" if name[0] == "s" else "LLN050"]


def test_a_missing_folder_is_every_case_missing(bench: Bench, cohort: Cohort) -> None:
    shutil.rmtree(bench.folder / "nodes")
    found = check(bench.folder, cohort)
    assert [(each.code, each.case_id) for each in found] == [("LLN010", case) for case in CASES]


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_task_folder_that_is_no_folder_fails_every_case(
    bench: Bench, cohort: Cohort, kind: str
) -> None:
    nodes = bench.folder / "nodes"
    kept = nodes.rename(bench.folder / "kept")
    if kind == "file":
        nodes.write_bytes(b"")
    else:
        nodes.symlink_to(kept)
    found = check(bench.folder, cohort)
    assert [(each.code, each.where, each.expected) for each in found] == [
        ("LLN012", "nodes", "a folder")
    ]
    assert failures(found, task=NODES, cases=CASES) == dict.fromkeys(CASES, ("LLN012",))


def test_no_mask_is_read_through_a_linked_folder(bench: Bench, cohort: Cohort) -> None:
    """Else a link to the reference standard, or to anything, would be opened and reported on."""
    elsewhere = (bench.folder / "nodes").rename(bench.folder.parent / "elsewhere")
    (bench.folder / "nodes").symlink_to(elsewhere)
    grid = image_grid(cohort, task=NODES, case_id=CASE)
    assert inspect_mask(bench.folder, task=NODES, case_id=CASE, image=grid).voxels is None
    rewrite(elsewhere / MASK, lambda voxels: voxels + 100)
    assert inspect_mask(bench.folder, task=NODES, case_id=CASE, image=grid).findings == ()


def test_a_name_that_is_no_utf8_is_an_extra_file_that_can_be_written_about(
    bench: Bench, cohort: Cohort
) -> None:
    Path(os.fsdecode(os.fsencode(bench.folder / "nodes") + b"/\xff.nii.gz")).write_bytes(b"x")
    found = check(bench.folder, cohort)
    assert codes(found) == ["LLN011"]
    write_text(
        bench.folder.parent / "findings.json",
        canonical_json([finding.model_dump(mode="json") for finding in found]),
    )


def test_hidden_files_are_nobodys_mistake(bench: Bench, cohort: Cohort) -> None:
    (bench.folder / "nodes" / ".DS_Store").write_bytes(b"x")
    (bench.folder / "nodes" / f"._{MASK}").write_bytes(b"x")
    assert check(bench.folder, cohort) == ()


@pytest.mark.parametrize(
    "content",
    [
        "a = " + "[" * 5000 + "]" * 5000,
        "a = " + "{b = " * 2000 + "1" + "}" * 2000,
        "a = " + "1" * 5000,
        "a = 0x" + "f" * 5000,
        ".".join("a" * 3000) + " = 1",
        'team = "T"\nmodel = "M"\ntasks = [nan]\n',
        'team = "T"\nmodel = "M"\ntasks = 1979-05-27\n',
    ],
    ids=[
        "deep list",
        "deep table",
        "endless number",
        "huge number",
        "endless key",
        "nan",
        "date",
    ],
)
def test_a_hostile_manifest_is_a_submission_error(submission_folder: Path, content: str) -> None:
    (submission_folder / "submission.toml").write_text(content, encoding="utf-8")
    with pytest.raises(SubmissionError) as caught:
        read_manifest(submission_folder)
    assert {each.code for each in caught.value.findings} <= {"LLN001", "LLN002"}
    assert caught.value.findings


def test_a_manifest_that_no_field_could_fill_is_refused_unread(
    submission_folder: Path, cohort: Cohort
) -> None:
    """Parsing hostile TOML takes time that grows with its square: hours for the limit of a table.

    The longest sound manifest, a description of 4000 characters included, has about 20 kB.
    """
    path = submission_folder / "submission.toml"
    with path.open("a", encoding="utf-8") as file:
        file.write("# padding\n" * 200_000)
    assert codes(check(submission_folder, cohort)) == ["LLN001"]


def test_every_wrong_field_of_the_manifest_is_found_at_once(
    submission_folder: Path, cohort: Cohort
) -> None:
    (submission_folder / "submission.toml").write_text(
        'team = ""\ntasks = []\nurl = "http://x"\ncolour = 1\n', encoding="utf-8"
    )
    found = check(submission_folder, cohort)
    assert sorted(each.where for each in found) == [
        "submission.toml:colour",
        "submission.toml:model",
        "submission.toml:tasks",
        "submission.toml:team",
        "submission.toml:url",
    ]
    assert {each.code for each in found} == {"LLN002"}


@pytest.mark.parametrize(
    ("dimensions", "expected"),
    [
        ((3, 24, 20, 0), {"LLN030"}),
        ((3, 24, -20, 8), {"LLN030"}),
        ((3, 32767, 32767, 32767), {"LLN031"}),
        ((7, 24, 20, 8, 1, 1, 1, 1), {"LLN030"}),
        ((0,), {"LLN030"}),
    ],
)
def test_impossible_dimensions_are_told_as_such(
    bench: Bench, cohort: Cohort, dimensions: tuple[int, ...], expected: set[str]
) -> None:
    bench.put(DIM, f"<{len(dimensions)}h", *dimensions)
    assert set(found_in_mask(bench, cohort)) == expected


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_an_orientation_that_is_not_finite_is_told_as_such(
    bench: Bench, cohort: Cohort, value: float
) -> None:
    bench.put(SROW, "<f", value)
    assert found_in_mask(bench, cohort) == {
        "LLN036": ("finite orientation", "NaN, infinity or an impossible quaternion")
    }


def test_an_axis_of_length_zero_is_told_as_such(bench: Bench, cohort: Cohort) -> None:
    bench.put(QFORM_CODE, "<h", 0)
    for row in range(3):
        bench.put(SROW + 16 * row, "<f", 0.0)
    assert found_in_mask(bench, cohort) == {
        "LLN036": ("three non-zero axes", "an axis of length 0")
    }


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_mask_that_passes_can_be_measured_in_either_byte_order(
    bench: Bench, cohort: Cohort, order: str
) -> None:
    voxels, grid = load(bench.mask(NODES))
    header = nibabel.Nifti1Header(endianness=order)
    header.set_data_dtype(np.int16)
    nibabel.save(nibabel.Nifti1Image(voxels, grid.affine, header), bench.mask(NODES))
    seen = inspect_mask(bench.folder, task=NODES, case_id=CASE, image=grid)
    assert seen.findings == ()
    assert seen.voxels is not None
    np.testing.assert_array_equal(seen.voxels, voxels)
    compartments, _ = load(cohort.mask(COMPARTMENTS, CASE))
    found = measure_nodes_of_task(seen.voxels, geometry=grid, compartments=compartments)
    assert len(found.nodes) == 2


# --- the table ----------------------------------------------------------------------------------


def test_a_sound_table_gives_every_case_in_the_cohorts_order(submission_folder: Path) -> None:
    path = submission_folder / "positivity.csv"
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\r\n".join(("\ufeff" + header, *reversed(lines))), encoding="utf-8")
    found = inspect_table(submission_folder, cases=CASES)
    assert found.findings == ()
    assert tuple(found.predictions) == CASES
    assert [found.predictions[case].probability for case in CASES] == [0.9, 0.1, 0.9, 0.1]


@pytest.mark.parametrize(
    "code", [code for code, fault in FAULTS.items() if fault.task is POSITIVITY]
)
def test_a_case_that_fails_has_no_prediction_and_the_others_keep_theirs(
    bench: Bench, code: str
) -> None:
    FAULTS[code].plant(bench)
    found = inspect_table(bench.folder, cases=CASES)
    failed = failures(found.findings, task=POSITIVITY, cases=CASES)
    assert tuple(found.predictions) == tuple(case for case in CASES if case not in failed)


@pytest.mark.parametrize(
    "line", ["East_01,banana,0,,,", "East_01,0.5,0,OB,,", "East_01,0.5,2,,,", ",2,0,,,"]
)
def test_a_bad_line_of_an_unlisted_case_fails_no_listed_case(bench: Bench, line: str) -> None:
    bench.table("South_02,0.1", f"{line}\nSouth_02,0.1")
    found = inspect_table(bench.folder, cases=CASES)
    assert "LLN053" in codes(found.findings)
    assert failures(found.findings, task=POSITIVITY, cases=CASES) == {}
    assert tuple(found.predictions) == CASES


@pytest.mark.parametrize(
    "cell", ["", "nan", "inf", "-inf", "-0.01", "1.01", "0,5", "50%", "0.5.1", "None", "1e999"]
)
def test_a_probability_is_a_finite_number_from_0_to_1(bench: Bench, cell: str) -> None:
    bench.table("South_02,0.1,", f'South_02,"{cell}",')
    (found,) = inspect_table(bench.folder, cases=CASES).findings
    assert (found.code, found.got, found.case_id) == ("LLN056", repr(cell), "South_02")


@pytest.mark.parametrize("cell", ["0", "1", "1.0", "1e-3", "0.000000000001"])
def test_every_way_to_write_a_probability_is_read(bench: Bench, cell: str) -> None:
    bench.table("South_02,0.1,", f"South_02,{cell},")
    found = inspect_table(bench.folder, cases=CASES)
    assert found.findings == ()
    assert found.predictions["South_02"].probability == float(cell)


def test_a_positive_patient_may_have_no_region_side_or_size(bench: Bench) -> None:
    bench.table("1,OB,left,7.4", "1,,,")
    found = inspect_table(bench.folder, cases=CASES)
    assert found.findings == ()
    assert found.predictions[CASE].region is None


def test_every_wrong_cell_of_a_line_is_told(bench: Bench) -> None:
    bench.table("North_01,0.9,1,OB,left,7.4", "North_01,9,yes,ob,L,0")
    found = inspect_table(bench.folder, cases=CASES).findings
    assert sorted((each.code, each.where.rpartition(":")[2], each.got) for each in found) == [
        ("LLN056", "probability", "'9'"),
        ("LLN058", "positive", "'yes'"),
        ("LLN058", "region", "'ob'"),
        ("LLN058", "short_axis_mm", "'0'"),
        ("LLN058", "side", "'L'"),
    ]
    assert {each.case_id for each in found} == {CASE}


def test_a_wrong_region_of_a_negative_patient_is_both_wrong_and_too_much(bench: Bench) -> None:
    bench.table("South_02,0.1,0,,,", "South_02,0.1,0,XX,,")
    found = inspect_table(bench.folder, cases=CASES).findings
    assert codes(found) == ["LLN057", "LLN058"]


@pytest.mark.parametrize(
    ("content", "got"),
    [
        (b"\xff\xfe", "byte 0 is not UTF-8"),
        (b"case_id\0", "holds a NUL character"),
        (b"", "no header line"),
        (b'"case_id', "line 1: unexpected end of data"),
        # 2**16 bytes and 4096 for each of the four cases
        (b"x" * (65536 + 4 * 4096 + 1), "larger than 81920 bytes"),
    ],
    ids=["not UTF-8", "NUL", "empty", "open quote", "too large"],
)
def test_a_table_that_cannot_be_read_fails_every_case(
    bench: Bench, cohort: Cohort, content: bytes, got: str
) -> None:
    (bench.folder / "positivity.csv").write_bytes(content)
    found = check(bench.folder, cohort)
    assert [(each.code, each.got) for each in found] == [("LLN050", got)]
    assert len(failures(found, task=POSITIVITY, cases=CASES)) == 4


def test_a_long_cell_is_quoted_in_part_and_control_characters_are_escaped(bench: Bench) -> None:
    bench.table("South_02,0.1,", f"South_02,\x1b[31m{'x' * 500},")
    (found,) = inspect_table(bench.folder, cases=CASES).findings
    assert found.got == repr("\x1b[31m" + "x" * 75)
    assert found.got.isprintable()


# --- whose finding it is ------------------------------------------------------------------------


def finding(code: str, *, case_id: str | None, task: TaskId = NODES, fails: bool = True) -> Finding:
    return Finding(
        code=code,
        title="t",
        where="w",
        expected="e",
        got="g",
        fix="f",
        case_id=case_id,
        task=task,
        fails_case=fails,
    )


def test_failures_by_hand() -> None:
    given = [
        finding("LLN041", case_id="b"),
        finding("LLN010", case_id="b"),
        finding("LLN041", case_id="b"),
        finding("LLN011", case_id="a", fails=False),
        finding("LLN011", case_id=None, fails=False),
        finding("LLN020", case_id="a", task=COMPARTMENTS),
        finding("LLN020", case_id="unlisted"),
    ]
    assert failures(given, task=NODES, cases=("a", "b", "c")) == {"b": ("LLN010", "LLN041")}
    given.append(finding("LLN012", case_id=None))
    assert failures(given, task=NODES, cases=("a", "b", "c")) == {
        "a": ("LLN012",),
        "b": ("LLN010", "LLN012", "LLN041"),
        "c": ("LLN012",),
    }
    assert failures([], task=NODES, cases=("a",)) == {}


@pytest.mark.parametrize(
    ("submitted", "offered", "expected"),
    [
        (("positivity", "compartments"), ("nodes", "compartments", "positivity"), (0, 2)),
        (("nodes", "positivity"), ("nodes", "compartments"), (1,)),
    ],
)
def test_entered_tasks_are_those_of_both_in_the_kits_order(
    submission_folder: Path,
    cohort_folder: Path,
    submitted: tuple[str, ...],
    offered: tuple[str, ...],
    expected: tuple[int, ...],
) -> None:
    for path, names in (
        (submission_folder / "submission.toml", submitted),
        (cohort_folder / "cohort.toml", offered),
    ):
        lines = path.read_text(encoding="utf-8").partition("tasks = [")
        listed = ", ".join(f'"{name}"' for name in names)
        path.write_text(
            lines[0] + "tasks = [" + listed + "]" + lines[2].partition("]")[2], encoding="utf-8"
        )
    cohort = read_cohort(cohort_folder)
    entry = read_entry(submission_folder, cohort=cohort)
    got = entry.tasks
    assert [(each.code, each.got, each.fails_case) for each in entry.findings] == [
        ("LLN003", name, False) for name in submitted if name not in offered
    ]
    assert got == tuple(tuple(TaskId)[index] for index in expected)
    assert len(list(check_submission(submission_folder, cohort=cohort))) == steps(
        submission_folder, cohort=cohort
    )


def test_a_submission_that_enters_no_task_of_the_cohort_cannot_be_scored(
    bench: Bench, cohort_folder: Path
) -> None:
    edit = (cohort_folder / "cohort.toml").read_text(encoding="utf-8")
    (cohort_folder / "cohort.toml").write_text(
        edit.replace('  "nodes",\n', "").replace('  "positivity",\n', ""), encoding="utf-8"
    )
    (bench.folder / "submission.toml").write_text(
        'team = "T"\nmodel = "M"\ntasks = ["nodes"]\n', encoding="utf-8"
    )
    with pytest.raises(SubmissionError, match="no task of the cohort") as caught:
        read_entry(bench.folder, cohort=read_cohort(cohort_folder))
    assert [(each.code, each.where, each.expected) for each in caught.value.findings] == [
        ("LLN003", "submission.toml:tasks", "one of compartments")
    ]


def test_a_task_that_is_not_entered_is_not_looked_at(bench: Bench, cohort: Cohort) -> None:
    (bench.folder / "submission.toml").write_text(
        'team = "T"\nmodel = "M"\ntasks = ["nodes"]\n', encoding="utf-8"
    )
    shutil.rmtree(bench.folder / "compartments")
    (bench.folder / "positivity.csv").unlink()
    assert check(bench.folder, cohort) == ()


# --- the grid that masks must be on -------------------------------------------------------------


def test_the_images_grid_counts_and_without_an_image_the_references(cohort: Cohort) -> None:
    image = image_grid(cohort, task=NODES, case_id=CASE)
    cohort.image(CASE).unlink()
    assert image_grid(cohort, task=NODES, case_id=CASE) == image
    cohort.mask(NODES, CASE).unlink()
    with pytest.raises(CohortError):
        image_grid(cohort, task=NODES, case_id=CASE)


def test_a_broken_image_is_the_cohorts_fault_and_never_the_submissions(
    bench: Bench, cohort: Cohort
) -> None:
    cohort.image(CASE).write_bytes(b"broken")
    with pytest.raises(CohortError, match=CASE):
        check(bench.folder, cohort)


def test_an_image_without_orientation_is_the_cohorts_fault(
    bench: Bench, cohort: Cohort, edit_gzip: Edit
) -> None:
    edit_gzip(
        cohort.image(CASE), lambda content: struct.pack_into("<hh", content, QFORM_CODE, 0, 0)
    )
    with pytest.raises(CohortError, match=CASE):
        check(bench.folder, cohort)


def test_names_are_checked_against_the_manifest_and_not_against_the_reference_folder(
    bench: Bench, cohort: Cohort
) -> None:
    shutil.copy(cohort.mask(NODES, CASE), cohort.folder / "nodes" / "Extra.nii.gz")
    assert inspect_folder(bench.folder, task=NODES, cases=CASES) == ()
    found = inspect_folder(bench.folder, task=NODES, cases=(*CASES, "North_03"))
    assert [(each.code, each.case_id) for each in found] == [("LLN010", "North_03")]
