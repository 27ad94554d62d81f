"""Whether the parts of a cohort agree: one planted fault for each check, found at its place."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray

from lln import main
from schema.cohort import ClinicalRow, DominantNode
from schema.errors import CohortError
from schema.finding import Finding
from schema.terms import TaskId
from tasks.checks.plausibility import (
    NOTES,
    PLAUSIBILITY_CHECKS,
    CentreFacts,
    CentreImbalance,
    CentreSmall,
)
from tasks.cohort import read_cohort
from tasks.cohort_check import (
    check_against,
    check_images,
    check_tables,
    digest_images,
    examine_cases,
)
from tasks.cohort_facts import centre_facts, compartment_facts, image_digest
from tasks.files import read_header, read_voxels, write_nifti
from tasks.geometry import Geometry
from tasks.specification import label_map

Change = Callable[[NDArray[Any]], object]


def edit(folder: Path, name: str, change: Change) -> None:
    """Change the voxels of an image or a mask in place."""
    header = read_header(folder / name)
    assert header.geometry is not None
    voxels = read_voxels(folder / name, header=header).copy(order="F")
    change(voxels)
    write_nifti(folder / name, voxels, geometry=header.geometry)


def exchange(mask: NDArray[Any], one: int, other: int) -> None:
    right, left = mask == one, mask == other
    mask[right], mask[left] = other, one


def paint(label: int, i: slice | int, j: slice | int, k: slice | int) -> Change:
    def change(mask: NDArray[Any]) -> None:
        mask[i, j, k] = label

    return change


def replace(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    (folder / name).write_text(text.replace(old, new), encoding="utf-8")


def consensus(folder: Path, case_id: str, cells: str) -> None:
    """Write the consensus of a case anew."""
    path = folder / "readers.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    (at,) = (n for n, line in enumerate(lines) if line.startswith(f"{case_id},consensus,"))
    lines[at] = f"{case_id},consensus,{cells}"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def findings_of(folder: Path, *, other: Path | None = None) -> list[Finding]:
    """Everything that the check of a cohort finds."""
    try:
        cohort = read_cohort(folder)
    except CohortError as error:
        return list(error.findings)
    cases = list(examine_cases(cohort))
    digests = {each.case_id: each.image_digest for each in cases if each.image_digest is not None}
    found = [finding for each in cases for finding in each.findings]
    found += [*check_images(digests), *check_tables(cohort)]
    if other is not None:
        against = read_cohort(other)
        theirs = dict(digest_images(against))
        found += check_against(cohort, digests=digests, other=against, other_digests=theirs)
    return found


class Fault(NamedTuple):
    """One way to damage a cohort, and the findings that it gives: (code, where, got)."""

    plant: Callable[[Path], object]
    found: tuple[tuple[str, str, str], ...]
    case_id: str | None


def on_the_copy(folder: Path, change: Callable[[Path], object]) -> None:
    """Copy the cohort beside itself as `other` and change the copy."""
    other = folder.with_name("other")
    shutil.copytree(folder, other)
    change(other)


def rename_cases(other: Path) -> None:
    for path in (p for p in other.rglob("*") if p.is_file()):
        if path.suffix in {".toml", ".csv"}:
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace("North_0", "N").replace("South_0", "S"), encoding="utf-8")
        else:
            name = path.name.replace("North_0", "N").replace("South_0", "S")
            path.rename(path.with_name(name))


def keep_only_the_image_of_south_1(other: Path) -> None:
    rename_cases(other)
    for name in ("N1", "N2", "S2"):
        edit(other, f"t2w/{name}.nii.gz", lambda image: np.add(image, 1, out=image))


def keep_the_name_of_south_1(other: Path) -> None:
    rename_cases(other)
    for path in [*other.rglob("S1.nii.gz")]:
        path.rename(path.with_name("South_01.nii.gz"))
    for name in ("cohort.toml", "readers.csv", "clinical.csv"):
        text = (other / name).read_text(encoding="utf-8")
        (other / name).write_text(text.replace("S1", "South_01"), encoding="utf-8")
    for path in sorted((other / "t2w").iterdir()):
        edit(other, f"t2w/{path.name}", lambda image: np.add(image, 1, out=image))


def copy_image(folder: Path) -> None:
    """North_02 gets the image of North_01, in another voxel type."""
    header = read_header(folder / "t2w/North_01.nii.gz")
    assert header.geometry is not None
    voxels = read_voxels(folder / "t2w/North_01.nii.gz", header=header)
    write_nifti(folder / "t2w/North_02.nii.gz", voxels.astype(np.float32), geometry=header.geometry)


def no_compartments_near_south_2(folder: Path) -> None:
    """Its only node is left more than 5 mm from any label.

    The node is a plus of five voxels of 2 mm; its outline is 2.5 voxels wide along either axis.
    """
    edit(folder, "compartments/South_02.nii.gz", paint(0, slice(None), slice(8, None), slice(None)))


# The right external iliac compartment of the tiny cohort has 9 x 5 x 6 voxels, the left 8 x 5 x 6.
FAULTS = {
    "labels exchanged": Fault(
        lambda folder: edit(folder, "compartments/North_02.nii.gz", lambda m: exchange(m, 1, 2)),
        (
            (
                "LLN150",
                "compartments/North_02.nii.gz:external_iliac_inguinal_right",
                "240 of 240 voxels on the left",
            ),
            (
                "LLN150",
                "compartments/North_02.nii.gz:external_iliac_inguinal_left",
                "270 of 270 voxels on the right",
            ),
        ),
        "North_02",
    ),
    "a stray part": Fault(
        lambda folder: edit(folder, "compartments/North_02.nii.gz", paint(1, 20, 3, slice(1, 6))),
        (
            (
                "LLN150",
                "compartments/North_02.nii.gz:external_iliac_inguinal_right",
                "5 of 275 voxels on the left",
            ),
        ),
        "North_02",
    ),
    "a compartment is missing": Fault(
        lambda folder: edit(
            folder, "compartments/North_02.nii.gz", lambda m: np.putmask(m, m == 5, 0)
        ),
        (("LLN151", "compartments/North_02.nii.gz:internal_iliac_right", "no voxel"),),
        "North_02",
    ),
    "a node outside": Fault(
        no_compartments_near_south_2,
        (
            *(
                ("LLN151", f"compartments/South_02.nii.gz:{name}", "no voxel")
                for name in (
                    "obturator_right",
                    "obturator_left",
                    "internal_iliac_right",
                    "internal_iliac_left",
                )
            ),
            (
                "LLN152",
                "nodes/South_02.nii.gz:node 1",
                "5.0 mm short axis, centre at voxel (18, 15, 5)",
            ),
        ),
        "South_02",
    ),
    "a large negative node": Fault(
        # 6 x 5 voxels of 2 mm. Corners of the outline, in voxels from the centre: (2.75, 2) and
        # (2.5, 2.25) and their mirror images. The longest diameter joins (2.75, 2) and (-2.75, -2);
        # (-2.5, 2.25) lies (5 + 6.1875) / hypot(2.75, 2) = 3.290 off it: 4 x 3.290 mm = 13.2 mm
        lambda folder: edit(
            folder, "nodes/South_02.nii.gz", paint(1, slice(15, 21), slice(13, 18), slice(5, 6))
        ),
        (("LLN153", "nodes/South_02.nii.gz:node 1", "negative, 13.2 mm"),),
        "South_02",
    ),
    "negative with a positive node": Fault(
        lambda folder: consensus(folder, "North_01", "0,,,"),
        (("LLN154", "readers.csv:North_01/consensus", "negative by the consensus, node "),),
        "North_01",
    ),
    "positive without a positive node": Fault(
        lambda folder: consensus(folder, "South_02", "1,II,left,8.0"),
        (
            (
                "LLN154",
                "readers.csv:South_02/consensus",
                "positive by the consensus, none in the mask",
            ),
        ),
        "South_02",
    ),
    "another short axis": Fault(
        lambda folder: consensus(folder, "North_01", "1,OB,left,9.5"),
        (("LLN155", "readers.csv:North_01/consensus", "7.4 mm (node "),),
        "North_01",
    ),
    "another region": Fault(
        lambda folder: consensus(folder, "North_01", "1,II,left,7.4"),
        (("LLN156", "readers.csv:North_01/consensus", "OB left (node "),),
        "North_01",
    ),
    "another side": Fault(
        lambda folder: consensus(folder, "North_01", "1,OB,right,7.4"),
        (("LLN156", "readers.csv:North_01/consensus", "OB left (node "),),
        "North_01",
    ),
    "a blank image": Fault(
        lambda folder: edit(folder, "t2w/South_01.nii.gz", lambda image: image.fill(7)),
        (("LLN157", "t2w/South_01.nii.gz", "7 everywhere"),),
        "South_01",
    ),
    "one image twice": Fault(
        copy_image, (("LLN158", "t2w:North_02", "the image of North_01"),), "North_02"
    ),
    "a patient in two splits": Fault(
        lambda folder: on_the_copy(folder, keep_only_the_image_of_south_1),
        (("LLN159", "t2w:South_01", "the image of S1 in "),),
        "South_01",
    ),
    "a name in two splits": Fault(
        lambda folder: on_the_copy(folder, keep_the_name_of_south_1),
        (("LLN160", "t2w", "in "),),
        None,
    ),
    "a death without an event": Fault(
        lambda folder: replace(folder, "clinical.csv", "11.0,1,30.0,1", "11.0,0,30.0,1"),
        (("LLN161", "clinical.csv:North_01", "dfs_event 0, os_event 1"),),
        "North_01",
    ),
    "a centre without patients": Fault(
        lambda folder: replace(folder, "cohort.toml", '"South",', '"South", "West",'),
        (("LLN162", "clinical.csv:West", "0 patients"),),
        None,
    ),
}


def other_of(folder: Path) -> Path | None:
    other = folder.with_name("other")
    return other if other.exists() else None


def test_a_sound_cohort_has_neither_finding_nor_note(cohort_folder: Path) -> None:
    assert findings_of(cohort_folder) == []


def test_every_check_has_a_fault_here_or_a_test_of_its_own() -> None:
    planted = {code for fault in FAULTS.values() for code, _, _ in fault.found}

    assert planted == {check.code for check in PLAUSIBILITY_CHECKS} - {CentreImbalance.code}


def test_checks_have_ascending_codes_a_title_and_a_fix_and_fail_no_case() -> None:
    codes = [check.code for check in PLAUSIBILITY_CHECKS]

    assert codes == sorted(set(codes))
    for check in PLAUSIBILITY_CHECKS:
        assert check.title()
        assert check.fix().endswith((".", ".)"))
        assert not check.fails_case


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_at_its_place_and_nothing_else_is(cohort_folder: Path, name: str) -> None:
    fault = FAULTS[name]
    fault.plant(cohort_folder)
    found = findings_of(cohort_folder, other=other_of(cohort_folder))

    assert [(each.code, each.where) for each in found] == [each[:2] for each in fault.found]
    for each, (_, _, got) in zip(found, fault.found, strict=True):
        assert each.got.startswith(got)
        assert (each.case_id, each.fails_case) == (fault.case_id, False)


@pytest.mark.parametrize(
    ("new", "got"),
    [
        ("-1.0,1,30.0,1", "dfs_months"),
        ("11.0,,30.0,1", "dfs_months and dfs_event go together"),
        (",1,30.0,1", "dfs_months and dfs_event go together"),
        ("31.0,1,30.0,1", "os_months is before dfs_months"),
    ],
    ids=["negative", "time without event", "event without time", "OS before DFS"],
)
def test_survival_times_that_cannot_be_are_found_in_their_line(
    cohort_folder: Path, new: str, got: str
) -> None:
    replace(cohort_folder, "clinical.csv", "11.0,1,30.0,1", new)
    (found,) = findings_of(cohort_folder)

    assert found.code == "LLN105"
    assert found.where.startswith("clinical.csv:line 2")
    assert got in found.where + found.expected


def test_a_slip_of_the_brush_across_the_midline_is_none(cohort_folder: Path) -> None:
    # 2 of 272 voxels are below 1 %
    edit(cohort_folder, "compartments/North_02.nii.gz", paint(1, 20, 3, slice(1, 3)))

    assert findings_of(cohort_folder) == []


def test_unsided_labels_are_found_by_the_middle_of_the_image() -> None:
    grid = Geometry.from_affine(np.diag([-1.0, -1.0, 4.0, 1.0]), size=(20, 10, 4))
    mask = np.zeros(grid.size, dtype=np.uint8)
    mask[2:6, 2:8, 1:3] = mask[14:18, 2:8, 1:3] = 3  # 48 voxels on either side
    facts = compartment_facts(mask, geometry=grid, labels=label_map(TaskId.COMPARTMENTS).labels)

    assert [(place.label.value, place.voxels, place.across) for place in facts.places] == [
        (1, 0, 0),
        (2, 0, 0),
        (3, 96, 48),
        (4, 0, 0),
        (5, 0, 0),
        (6, 0, 0),
    ]
    assert facts.midline_mm == 9.5


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("turned", [(), (0,), (1, 2)])
def test_the_digest_is_of_the_image_not_of_its_storage(
    axes: tuple[int, int, int], turned: tuple[int, ...]
) -> None:
    grid = Geometry.from_affine(np.diag([-0.5, -0.6, 4.0, 1.0]), size=(12, 9, 5))
    image = np.random.default_rng(0).integers(0, 900, grid.size).astype(np.int16)
    stored, affine = np.flip(image, turned), grid.affine
    for axis in turned:
        affine[:, 3] += affine[:, axis] * (grid.size[axis] - 1)
        affine[:, axis] *= -1
    stored = np.transpose(stored, axes)
    size = (stored.shape[0], stored.shape[1], stored.shape[2])
    other = Geometry.from_affine(affine[:, [*axes, 3]], size=size)
    changed = image.copy()
    changed[3, 4, 2] += 1

    digest = image_digest(image, geometry=grid)
    assert image_digest(stored.astype(np.float64), geometry=other) == digest
    assert image_digest(changed, geometry=grid) != digest


def patients(counts: dict[str, tuple[int, int]]) -> dict[str, Any]:
    """`centre: (positive, negative)` as tables."""
    clinical, said = {}, {}
    for centre, called in counts.items():
        for status, count in zip((1, 0), called, strict=True):
            for number in range(count):
                case_id = f"{centre}-{status}-{number}"
                clinical[case_id] = ClinicalRow(case_id=case_id, centre=centre)
                said[case_id] = DominantNode(positive=status)
    return {"centres": tuple(counts), "clinical": clinical, "consensus": said}


def test_a_centre_with_another_share_of_positives_is_noted() -> None:
    # Fisher's exact test of ((10, 0), (0, 10)): 2 / C(20, 10) = 2 / 184756, times two centres
    facts = centre_facts(**patients({"A": (10, 0), "B": (0, 10)}))

    assert [each.p_value for each in facts] == pytest.approx([4 / 184756] * 2)
    for each in facts:
        (problem,) = CentreImbalance.find(each)
        assert "positive, p = 2.2e-05" in problem.got


def test_centres_alike_one_centre_and_no_consensus_are_not_noted() -> None:
    alike = centre_facts(**patients({"A": (3, 20), "B": (2, 21), "C": (4, 18)}))
    alone = centre_facts(**patients({"A": (61, 419)}))
    unread = centre_facts(**{**patients({"A": (5, 5), "B": (0, 9)}), "consensus": None})

    for facts in (*alike, *alone, *unread):
        assert list(CentreImbalance.find(facts)) == []
        assert list(CentreSmall.find(facts)) == []


@pytest.mark.parametrize(("patients_there", "noted"), [(4, True), (5, False)])
def test_a_small_centre_has_less_than_a_twentieth(patients_there: int, *, noted: bool) -> None:
    facts = CentreFacts("West", patients_there, None, 100, None)

    assert bool(list(CentreSmall.find(facts))) is noted


def check(*arguments: str | Path) -> Result:
    command = ["cohort", "check", *map(str, arguments), "--jobs", "1"]
    return CliRunner().invoke(main, command)


def test_a_note_leaves_with_0_and_a_finding_with_1(cohort_folder: Path) -> None:
    FAULTS["a death without an event"].plant(cohort_folder)
    noted = check(cohort_folder)
    listed = json.loads(check(cohort_folder, "--json").stdout)
    FAULTS["labels exchanged"].plant(cohort_folder)
    found = check(cohort_folder)

    assert (noted.exit_code, noted.stdout) == (0, "no findings, 1 note\n")
    assert "LLN161" in noted.stderr
    assert listed["findings"] == []
    assert [each["code"] for each in listed["notes"]] == ["LLN161"]
    assert (found.exit_code, found.stdout) == (1, "2 findings, 1 note\n")


def test_cohorts_are_compared_from_the_command_line(cohort_folder: Path) -> None:
    FAULTS["a patient in two splits"].plant(cohort_folder)
    shutil.rmtree(cohort_folder.with_name("other") / "nodes")
    alone = check(cohort_folder)
    (cohort_folder.with_name("other") / "t2w" / "N2.nii.gz").write_bytes(b"no gzip")
    got = json.loads(
        check(cohort_folder, "--against", cohort_folder.with_name("other"), "--json").stdout
    )

    assert alone.exit_code == 0
    # an image that cannot be compared is told, wherever it lies
    assert [each["code"] for each in got["findings"]] == ["LLN110", "LLN159"]


@pytest.mark.parametrize("folder", ["tasks/paper", "tasks/replica"])
def test_the_shipped_cohorts_have_neither_finding_nor_note(folder: str) -> None:
    root = Path(__file__).parents[2]

    assert json.loads(check(root / folder, "--json").stdout) == {"findings": [], "notes": []}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_phantom_cohort_has_neither_finding_nor_note(seed: int, tmp_path: Path) -> None:
    drawn = ["cohort", "phantom", "--patients", "6", "--seed", str(seed), "--prevalence", "0.5"]
    out = str(tmp_path / "phantom")
    assert CliRunner().invoke(main, [*drawn, "--out", out, "--jobs", "1"]).exit_code == 0

    assert json.loads(check(out, "--json").stdout) == {"findings": [], "notes": []}


def test_notes_are_those_that_a_sound_cohort_may_have() -> None:
    assert {"LLN151", "LLN160", "LLN161", "LLN162", "LLN163"} == NOTES
