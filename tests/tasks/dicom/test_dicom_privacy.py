"""Nothing that is said, logged or warned of tells who the patient is.

Every value of the written series that could tell has the word CANARY in it.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import JPEG2000Lossless

from schema.errors import FolderError
from tasks.dicom.headers import read_frames
from tasks.dicom.quiet import quiet
from tasks.dicom.tree import read_tree
from tasks.dicom.volume import read_t2_volume
from tests.tasks.dicom.dicom_writer import CANARY, T2, Series, grid, write_enhanced, write_series


def everything_said(action: Callable[[], Any], caplog: pytest.LogCaptureFixture) -> str:
    """What an action returns or raises, in full, with every log line and warning."""
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            result = action()
            said = [repr(result), str(result)]
            said += [repr(getattr(result, name, "")) for name in ("refused", "skipped", "slices")]
        except FolderError as error:
            said = [str(error), repr(error), *map(repr, error.findings)]
    return "\n".join([*said, *[str(each.message) for each in warned], caplog.text])


def spoiled(dataset: Any, k: int) -> None:
    """Values that pydicom warns of, each with the canary."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset.PatientBirthDate = f"{CANARY} 1951"
        dataset.PatientSex = f"{CANARY} and longer than a code may be"
        dataset.PatientAge = f"{CANARY}Y"
        if k == 3:
            dataset.Modality = f"{CANARY}"


def garbled(dataset: Any, _k: int) -> None:
    dataset.StudyInstanceUID = f"1.2.{CANARY}"
    dataset.SeriesInstanceUID = f"1.3.{CANARY}"


@pytest.mark.parametrize(
    "series",
    [
        T2,
        T2.with_tags(EchoTime=11, SeriesDescription=f"t1 tse {CANARY}"),
        T2.with_tags(Modality=CANARY, ImageType=[CANARY, CANARY, CANARY]),
        T2.with_tags(PhotometricInterpretation=CANARY),
        replace(T2, change=spoiled),
        replace(T2, change=garbled),
        replace(T2, geometry=grid(size=(168, 164, 2))),
    ],
    ids=["chosen", "refused", "other values", "checks", "invalid values", "invalid UIDs", "short"],
)
@pytest.mark.parametrize("named", [None, T2.uid, "1.2.3"])
def test_no_message_tells_the_patient(
    tmp_path: Path, series: Series, named: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_series(tmp_path, series)
    caplog.clear()

    said = everything_said(lambda: read_t2_volume(tmp_path, series=named), caplog)

    assert said.strip()
    assert CANARY not in said
    assert "19510203" not in said


@pytest.mark.parametrize("size", range(140, 1700, 60))
def test_no_message_about_a_cut_file_tells_the_patient(
    tmp_path: Path, size: int, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_series(tmp_path)[0]
    path.write_bytes(path.read_bytes()[:size])

    assert CANARY not in everything_said(lambda: read_t2_volume(tmp_path), caplog)


def test_facts_about_a_file_do_not_show_what_identifies(tmp_path: Path) -> None:
    path = write_enhanced(tmp_path / "file")

    frames = read_frames(path, where="file")

    assert len(frames) == 16
    assert CANARY.lower() in frames[0].instance.text
    assert CANARY not in repr(frames)
    assert CANARY.lower() not in repr(frames)
    assert frames[0].instance.patient not in repr(frames)


def test_the_folder_s_own_name_is_not_shown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / f"{CANARY}_JANE"
    write_series(folder)

    assert CANARY not in everything_said(lambda: read_t2_volume(folder), caplog)
    assert CANARY not in everything_said(lambda: read_tree(folder / "missing"), caplog)
    assert CANARY not in everything_said(lambda: read_t2_volume(folder, series="1.2"), caplog)


def test_libraries_reach_no_handler_while_they_work(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with quiet():
        for name in ("pydicom", "highdicom", "highdicom.base"):
            logging.getLogger(name).error(CANARY)
    during = caplog.text
    logging.getLogger("highdicom.base").error("afterwards")

    assert during == ""
    assert capsys.readouterr().err == ""
    assert "afterwards" in caplog.text


def test_loggers_are_as_before_afterwards(tmp_path: Path) -> None:
    before = [(each.propagate, list(each.handlers)) for each in map(logging.getLogger, LIBRARIES)]
    write_series(tmp_path, replace(T2, compressed=JPEG2000Lossless))

    read_t2_volume(tmp_path)

    assert before == [
        (each.propagate, list(each.handlers)) for each in map(logging.getLogger, LIBRARIES)
    ]


LIBRARIES = ("pydicom", "highdicom")
