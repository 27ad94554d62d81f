"""Sound studies come through whole: every voxel, every place, every line."""

from __future__ import annotations

import gzip
import shutil
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from pydicom.data import get_testdata_file
from pydicom.uid import (
    UID,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from schema.terms import Reader, TaskId
from tasks.cohort import read_cohort
from tasks.cohort_check import check_volumes
from tasks.files import read_header, read_voxels
from tasks.geometry import Geometry
from tasks.phantom_cohort import write_phantom_cohort
from tasks.specification import label_map
from tests.tasks.dicom.dicom_writer import grid, write_enhanced, write_series
from tests.tasks.importing.hospital import (
    NODES,
    SIZE,
    Hospital,
    compartments,
    inline,
    is_positive,
    key_of,
    nodes,
    row_of,
    series_of,
    study_of,
    verbs,
    write_mask,
)

PLACE_MM = 1e-4


def volume(path: Path) -> tuple[NDArray[Any], Geometry]:
    header = read_header(path)
    assert header.geometry is not None
    return read_voxels(path, header=header), header.geometry


def corners(geometry: Geometry) -> NDArray[np.float64]:
    """Places of the eight corners in mm, shape (8, 3)."""
    i, j, k = (size - 1 for size in geometry.size)
    points = [(a, b, c, 1.0) for a in (0, i) for b in (0, j) for c in (0, k)]
    placed: NDArray[np.float64] = np.asarray(points) @ geometry.lps_affine.T
    return placed[:, :3]


def only_case(hospital: Hospital) -> str:
    (case_id,) = read_cohort(hospital.out).manifest.cases
    return case_id


def test_a_hospital_in_order_becomes_a_cohort_without_a_finding(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path).admit(1, 2, 3)

    assert hospital.found() == []

    cohort = read_cohort(hospital.out)
    assert [finding for step in check_volumes(cohort) for finding in step] == []
    assert len(cohort.manifest.cases) == 3
    assert cohort.manifest.tasks == tuple(TaskId)
    assert cohort.manifest.centres == ("North",)


def test_every_voxel_and_every_line_belongs_to_its_patient(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path).admit(1, 2, 3)
    assert hospital.found() == []
    cohort = read_cohort(hospital.out)
    lines = (hospital.work / "key.csv").read_text(encoding="utf-8").splitlines()
    numbers = {line.split(",")[0]: int(line.split(",")[1][3:]) for line in lines[1:]}

    assert sorted(numbers.values()) == [1, 2, 3]
    for case_id, number in numbers.items():
        series = series_of(number)
        voxels, geometry = volume(cohort.image(case_id))
        assert np.array_equal(voxels, series.stored().transpose(2, 1, 0))
        assert np.abs(corners(geometry) - corners(series.geometry)).max() < PLACE_MM
        drawn = nodes(positive=is_positive(number))
        assert np.array_equal(volume(cohort.mask(TaskId.NODES, case_id))[0], drawn)
        outlined = volume(cohort.mask(TaskId.COMPARTMENTS, case_id))[0]
        assert np.array_equal(outlined, compartments())
        assert cohort.clinical[case_id].age == 50 + number
        assert cohort.clinical[case_id].sex == ("female" if is_positive(number) else "male")
        assert cohort.readers[Reader.CONSENSUS][case_id].positive == is_positive(number)


def test_months_between_two_dates_are_counted_in_days(tmp_path: Path) -> None:
    # 1 March 2019 to 1 March 2020 is 366 days (29 February 2020), 366 / 30.4375 = 12.02;
    # to 1 March 2021 it is 731 days, 731 / 30.4375 = 24.02
    hospital = Hospital(tmp_path).admit(3)
    assert hospital.found() == []
    (row,) = read_cohort(hospital.out).clinical.values()

    assert (row.dfs_months, row.dfs_event) == (12.02, 1)
    assert (row.os_months, row.os_event) == (24.02, 1)


def test_nothing_that_tells_who_it_is_enters_the_cohort(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path).admit(1, 2)
    hospital.found()

    # of a volume its header: noise can spell any short word
    texts = {
        name: gzip.decompress(content)[:352] if name.endswith(".gz") else content
        for name, content in hospital.files().items()
    }
    everything = b"".join(name.encode() + content for name, content in texts.items())
    for word in (key_of(1), study_of(2), "CANARY", "ACC", "2019"):
        assert word.encode() not in everything


def test_a_phantom_written_as_dicom_comes_back_bit_for_bit(tmp_path: Path) -> None:
    list(write_phantom_cohort(out=tmp_path / "phantom", patients=2, seed=4, prevalence=0.5, jobs=1))
    phantom = read_cohort(tmp_path / "phantom")
    hospital = Hospital(tmp_path / "hospital")
    for number, case_id in enumerate(phantom.manifest.cases):
        voxels, geometry = volume(phantom.image(case_id))
        series = replace(series_of(number), geometry=geometry, values=voxels.transpose(2, 1, 0))
        write_series(hospital.dicom / case_id, series, order=range(geometry.size[2] - 1, -1, -1))
        for task in (TaskId.COMPARTMENTS, TaskId.NODES):
            path = hospital.masks / key_of(number) / f"{task.value}.nii.gz"
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(phantom.mask(task, case_id), path)
        hospital.rows.append(row_of(number))
    hospital.written()

    assert hospital.found() == []

    cohort = read_cohort(hospital.out)
    images = {volume(cohort.image(each))[0].tobytes(): each for each in cohort.manifest.cases}
    for case_id in phantom.manifest.cases:
        voxels, geometry = volume(phantom.image(case_id))
        found = images[voxels.tobytes()]
        assert np.abs(corners(volume(cohort.image(found))[1]) - corners(geometry)).max() < PLACE_MM
        for task in (TaskId.COMPARTMENTS, TaskId.NODES):
            imported, original = cohort.mask(task, found), phantom.mask(task, case_id)
            assert np.array_equal(volume(imported)[0], volume(original)[0])


@pytest.mark.parametrize(
    "syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless], ids=lambda uid: str(uid.name)
)
def test_compressed_slices_give_the_same_voxels(tmp_path: Path, syntax: UID) -> None:
    hospital = Hospital(tmp_path).admit(1)
    shutil.rmtree(hospital.dicom)
    write_series(hospital.dicom / "a", replace(series_of(1), compressed=syntax))

    assert hospital.found() == []
    voxels, _ = volume(read_cohort(hospital.out).image(only_case(hospital)))
    assert np.array_equal(voxels, series_of(1).stored().transpose(2, 1, 0))


def test_an_enhanced_file_with_its_frames_in_any_order_gives_the_same_voxels(
    tmp_path: Path,
) -> None:
    hospital = Hospital(tmp_path).admit(2)
    shutil.rmtree(hospital.dicom)
    order = np.random.default_rng(5).permutation(SIZE[2])
    write_enhanced(hospital.dicom / "deep" / "er" / "one", series_of(2), order=order.tolist())

    assert hospital.found() == []
    voxels, _ = volume(read_cohort(hospital.out).image(only_case(hospital)))
    assert np.array_equal(voxels, series_of(2).stored().transpose(2, 1, 0))


def test_other_series_and_other_files_of_a_study_do_not_matter(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path).admit(1)
    diffusion = replace(series_of(1), number=6).with_tags(SeriesDescription="ep2d_diff b800")
    write_series(hospital.dicom / "export1" / "dwi", diffusion)
    localiser = replace(series_of(1, geometry=grid(size=(64, 64, 3))), number=7)
    write_series(hospital.dicom / "loc", localiser.with_tags(SeriesDescription="localizer"))
    sample = get_testdata_file("CT_small.dcm")
    assert isinstance(sample, str)
    (hospital.dicom / "readme.txt").write_text("not DICOM")

    assert hospital.found() == []


def test_a_real_file_of_another_study_is_left_out_and_named(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path).admit(1)
    sample = get_testdata_file("MR_small.dcm")
    assert isinstance(sample, str)
    shutil.copy(sample, hospital.dicom / "MR_small.dcm")

    findings = hospital.found()

    # pydicom's sample: one slice of 64 x 64, patient 4MR1; no T2 series, no mask, no line
    assert {each["code"] for each in findings} == {"LLN303", "LLN420", "LLN430"}
    assert len({each["case_id"] for each in findings}) == 1
    assert len(read_cohort(hospital.out).manifest.cases) == 1


FLIPS = [(False, True, False), (True, True, False), (True, False, True)]


@pytest.mark.parametrize("suffix", ["nii.gz", "nii", "nrrd", "mha"])
@pytest.mark.parametrize("flip", FLIPS, ids=str)
def test_a_mask_of_any_format_is_turned_onto_the_image(
    tmp_path: Path, suffix: str, flip: tuple[bool, ...]
) -> None:
    hospital = Hospital(tmp_path).admit(1)
    folder, geometry = hospital.masks / key_of(1), series_of(1).geometry
    (folder / "compartments.nii.gz").unlink()
    write_mask(folder / f"compartments.{suffix}", compartments(), geometry, flip=flip)

    assert hospital.found() == []
    mask = read_cohort(hospital.out).mask(TaskId.COMPARTMENTS, only_case(hospital))
    assert np.array_equal(volume(mask)[0], compartments())
    page = (hospital.work / "import.html").read_text(encoding="utf-8")
    assert f"{key_of(1)}/compartments.{suffix}" in page


@pytest.mark.parametrize("order", list(permutations(range(3)))[1:], ids=str)
def test_a_mask_with_its_axes_exchanged_is_turned_back(
    tmp_path: Path, order: tuple[int, ...]
) -> None:
    hospital = Hospital(tmp_path).admit(2)
    path, geometry = hospital.masks / key_of(2) / "nodes.nrrd", series_of(2).geometry
    write_mask(path, nodes(), geometry, permute=order, flip=(True, False, False))

    assert hospital.found() == []
    mask = read_cohort(hospital.out).mask(TaskId.NODES, only_case(hospital))
    assert np.array_equal(volume(mask)[0], nodes())


def test_one_file_may_hold_the_labels_of_both_tasks(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path).admit(2)
    folder = hospital.masks / key_of(2)
    joint = compartments()
    joint[nodes() == 1], joint[nodes() == 2] = 11, 12
    shutil.rmtree(folder)
    write_mask(folder / "joint.nii.gz", joint, series_of(2).geometry)
    labels = {str(v): [n] for v, n in zip(range(1, 7), _compartment_names(), strict=True)}
    # a node hides its compartment in a joint file: the mapping says in which one it lies
    labels |= {
        "11": ["obturator_right", "negative_node"],
        "12": ["obturator_left", "positive_node"],
    }
    text = hospital.mapping.read_text(encoding="utf-8")
    head, tail = text.split("[[masks]]", 1)[0], "[table]" + text.split("[table]", 1)[1]
    masks = f'[[masks]]\nfile = "{{key}}/joint.nii.gz"\nlabels = {inline(labels)}\n'
    hospital.mapping.write_text(head + masks + tail, encoding="utf-8")

    assert hospital.found() == []
    cohort, case_id = read_cohort(hospital.out), only_case(hospital)
    assert np.array_equal(volume(cohort.mask(TaskId.NODES, case_id))[0], nodes())
    outlined = volume(cohort.mask(TaskId.COMPARTMENTS, case_id))[0]
    assert np.array_equal(outlined, compartments())


def _compartment_names() -> list[str]:
    return [label.name for label in label_map(TaskId.COMPARTMENTS).labels]


def test_no_file_may_mean_that_nothing_was_outlined(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path).admit(1)
    (hospital.masks / key_of(1) / "nodes.nrrd").unlink()
    hospital.edit('file = "{key}/nodes*"', 'file = "{key}/nodes*"\nabsent = "empty"')

    assert hospital.found() == []
    mask = read_cohort(hospital.out).mask(TaskId.NODES, only_case(hospital))
    assert not volume(mask)[0].any()


def test_a_label_may_count_as_background(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path).admit(2)
    hospital.edit(
        inline({v: [n] for v, n in NODES.items()}), '{ "1" = [], "2" = ["positive_node"] }'
    )

    assert hospital.found() == []
    mask = read_cohort(hospital.out).mask(TaskId.NODES, only_case(hospital))
    assert np.array_equal(volume(mask)[0], np.where(nodes() == 2, 2, 0))


@pytest.mark.parametrize("match", ["accession-number", "study-uid", "folder"])
def test_a_study_is_known_by_what_the_mapping_says(tmp_path: Path, match: str) -> None:
    hospital = Hospital(tmp_path).admit(1)
    shutil.move(hospital.dicom / "export1" / "st1", hospital.dicom / f"{key_of(1)}_t2")
    text, pattern = {
        "accession-number": ("ACC1", "(ACC[0-9])"),
        "study-uid": (study_of(1), "(.+)"),
        "folder": (key_of(1), "(PAT[0-9]+)_t2"),
    }[match]
    shutil.move(hospital.masks / key_of(1), hospital.masks / text)
    hospital.rows[0]["ID"] = text
    hospital.written()
    hospital.edit('match = "patient-id"', f'match = "{match}"\npattern = "{pattern}"')

    assert hospital.found() == []


def test_the_key_itself_may_be_the_case_id(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path).admit(1)
    hospital.edit('match = "patient-id"', 'match = "patient-id"\ncase_ids = "from-study"')

    assert hospital.found() == []
    assert only_case(hospital) == key_of(1)


def test_a_salted_case_id_follows_from_the_salt(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path).admit(1)
    hospital.edit('match = "patient-id"', 'match = "patient-id"\ncase_ids = "salted"')
    names = set()
    for path in (tmp_path / "a.json", tmp_path / "b.json", tmp_path / "a.json"):
        for folder in (hospital.out, hospital.work):
            shutil.rmtree(folder, ignore_errors=True)
        assert hospital.found("--salt", str(path)) == []
        names.add(only_case(hospital))

    assert len(names) == 2
    refused = hospital.run()
    assert refused.exit_code == 2
    assert "--salt" in refused.stderr


def test_readers_who_did_not_read_a_case_have_no_line(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path).admit(1, 2)
    hospital.written(more='[readers.R1]\npositive = { column = "Side", values = { left = "1" } }')

    assert hospital.found() == []
    cohort = read_cohort(hospital.out)
    assert [row.positive for row in cohort.readers[Reader.R1].values()] == [1]


def test_a_node_of_a_negative_patient_may_be_dropped(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path).admit(1)
    hospital.rows[0]["mm"] = "4.5"
    hospital.written()
    hospital.edit('key = "ID"', 'key = "ID"\nnegative_nodes = "drop"')

    assert hospital.found() == []
    (row,) = read_cohort(hospital.out).readers[Reader.CONSENSUS].values()
    assert row.short_axis_mm is None


def test_the_summary_says_how_many_and_where_the_report_is(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path).admit(1)

    ran = hospital.run()

    assert ran.exit_code == 0
    assert "1 of 1 studies imported" in ran.stdout
    assert (hospital.work / "import.html").is_file()


def test_series_may_be_named_whatever_the_rules_say(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path).admit(1)
    shutil.rmtree(hospital.dicom)
    write_series(hospital.dicom, series_of(1).with_tags(EchoTime=12))
    assert [each["code"] for each in _refused(hospital)] == ["LLN303"]
    more = f'[decisions.{key_of(1)}]\nseries = "{series_of(1).uid}"'
    hospital.written(more=more)

    # a note: it was taken because it was named
    assert [each["code"] for each in hospital.found()] == ["LLN307"]
    assert only_case(hospital)


def _refused(hospital: Hospital) -> list[dict[str, Any]]:
    """Import without a sound study; the findings are in the report."""
    ran = CliRunner().invoke(verbs, hospital.command("--json"))
    assert ran.exit_code == 2, ran.output
    assert not (hospital.out / "cohort.toml").exists()
    lines = (hospital.work / "findings.csv").read_text(encoding="utf-8").splitlines()[1:]
    return [{"code": line.split(",")[1]} for line in lines]
