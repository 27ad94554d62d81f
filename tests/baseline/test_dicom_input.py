from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from baseline.dicom_input import case_id_of, dicom_cases
from schema.errors import FolderError
from tests.tasks.dicom.dicom_writer import T2, Series, values_of, write_series


def study(number: int) -> Series:
    return replace(
        T2,
        study=f"1.2.3.{number}",
        patient=f"CANARY{number}",
        values=values_of(T2.geometry, seed=number),
    )


def test_every_study_is_a_case_however_its_files_lie(tmp_path: Path) -> None:
    # both studies' files in the same folders
    for number in (1, 2):
        write_series(tmp_path, study(number), names=f"{{0}}/{number}_{{0:02d}}".format)

    cases = {case.case_id: case for case in dicom_cases(tmp_path)}

    assert set(cases) == {case_id_of("1.2.3.1"), case_id_of("1.2.3.2")}
    for number in (1, 2):
        volume = cases[case_id_of(f"1.2.3.{number}")].volume
        assert volume is not None
        assert np.array_equal(volume.voxels, study(number).stored().transpose(2, 1, 0))


def test_a_case_name_is_the_digest_of_the_study() -> None:
    # sha256 of "1.2.3.1" begins so: printf 1.2.3.1 | sha256sum
    assert case_id_of("1.2.3.1") == "study_4974ae191ce3"


def test_a_study_without_a_sound_series_is_a_case_with_its_findings(tmp_path: Path) -> None:
    write_series(tmp_path / "a", study(1))
    write_series(tmp_path / "b", study(2).with_tags(SeriesDescription="t1_vibe", EchoTime=3))

    cases = {case.case_id: case for case in dicom_cases(tmp_path)}
    good, bad = (cases[case_id_of(f"1.2.3.{number}")] for number in (1, 2))

    assert good.volume is not None
    assert good.findings == ()
    assert bad.volume is None
    assert [(each.code, each.case_id) for each in bad.findings] == [("LLN303", bad.case_id)]


def test_a_named_series_counts_in_the_study_that_has_it(tmp_path: Path) -> None:
    for number in (1, 2):
        write_series(tmp_path / f"{number}a", study(number))
    again = replace(study(2), number=6, values=values_of(T2.geometry, seed=9))
    write_series(tmp_path / "2b", again)

    unclear = {case.case_id: case.volume for case in dicom_cases(tmp_path)}
    clear = {case.case_id: case.volume for case in dicom_cases(tmp_path, series=[again.uid])}

    assert unclear[case_id_of("1.2.3.2")] is None
    assert {volume.series_uid for volume in clear.values() if volume} == {study(1).uid, again.uid}


def test_a_name_that_no_study_has_is_refused(tmp_path: Path) -> None:
    write_series(tmp_path, study(1))

    with pytest.raises(FolderError, match=r"no study holds the series 9\.9"):
        list(dicom_cases(tmp_path, series=["9.9"]))


def test_a_folder_without_an_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("nothing")

    with pytest.raises(FolderError) as refused:
        dicom_cases(tmp_path)

    assert [each.code for each in refused.value.findings] == ["LLN302"]
