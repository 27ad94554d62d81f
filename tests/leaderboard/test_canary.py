"""No marker planted in a hidden cohort is in any byte of the board made from it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from evaluation.run import RESULT, evaluate, write_evaluation
from leaderboard import filing, ranked_board
from leaderboard.board_folder import read_contents
from leaderboard.bundle import Request
from leaderboard.new_board import start
from leaderboard.site.build import build
from leaderboard.site.folder import leaderboard_of, write_site
from leaderboard.verification import Evidence, verify
from schema.terms import Split, TaskId
from tasks.cohort import Cohort, read_cohort
from tasks.files import read_text, toml_text, write_text
from tasks.layout import CLINICAL, COHORT_MANIFEST, READERS
from tests.leaderboard.canary import Sighting, forms, hide, sightings
from tests.leaderboard.cohorts import STARTED
from tests.leaderboard.conftest import DAY, NOW, OPENED, Place

SECRET_CASE, SECRET_CENTRE = "Kanarienvogel", "Zwitschertal"
AGE, MONTHS, SHORT_AXIS = "77.13579", "61.24681", "7.97531"
PROBABILITY = "0.8642097531"


@pytest.fixture(scope="session")
def planted(built_folders: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Cohort, Path]:
    """The tiny cohort of masks, hidden, with a strange case, centre, age, time and node in it."""
    folder = tmp_path_factory.mktemp("planted")
    for name in ("cohort", "submission"):
        shutil.copytree(built_folders / name, folder / name)
        for path in sorted((folder / name).rglob("North_02*")):
            path.rename(path.with_name(path.name.replace("North_02", SECRET_CASE)))
    changes = {
        "North_02": SECRET_CASE,
        "North": SECRET_CENTRE,
        SECRET_CENTRE + "_01": "North_01",
        "60.0": AGE,
        "61.0": MONTHS,
    }
    for table in (CLINICAL, READERS, COHORT_MANIFEST):
        path, text = folder / "cohort" / table, ""
        text = read_text(path)
        for before, after in changes.items():
            text = text.replace(before, after)
        write_text(path, text.replace('"public"', '"hidden"'))
    path = folder / "submission" / "positivity.csv"
    write_text(path, read_text(path).replace("North_02", SECRET_CASE).replace("0.9", PROBABILITY))
    return read_cohort(folder / "cohort"), folder / "submission"


@pytest.fixture(scope="session")
def published(planted: tuple[Cohort, Path], tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The board made from it."""
    cohort, submission = planted
    folder = tmp_path_factory.mktemp("published")
    place = Place(folder / "board", folder / "private")
    start(
        cohort,
        results=place.results,
        private=place.private,
        opened=OPENED,
        title="Test",
        organiser="Nobody",
        licence="CC0-1.0",
        attempts=3,
    )
    for team in ("Alpha", "Beta"):
        answers = shutil.copytree(submission, folder / team)
        manifest = {"team": team, "model": "Model", "tasks": [task.value for task in TaskId]}
        write_text(answers / "submission.toml", toml_text(manifest))
        if team == "Beta":
            (answers / "nodes" / f"{SECRET_CASE}.nii.gz").unlink()  # a finding names the case
        scored = evaluate(cohort, answers)
        write_evaluation(scored, out=folder / f"{team}-result", started=STARTED, seconds=1.0)
        request = Request(
            result=folder / f"{team}-result" / RESULT, submitted=DAY, predictions=answers
        )
        filing.add(request, results=place.results, private=place.private, now=NOW)
    ranked_board.rank(results=place.results, private=place.private)
    return place


def case_markers(place: Place) -> set[str]:
    """Everything in the private files that is of one case: names, centres, unusual numbers."""
    markers = {SECRET_CASE, SECRET_CENTRE, "North_01", "South_01", "South_02", AGE, MONTHS}
    markers |= {PROBABILITY, str(place.private)}
    for entry in ("alpha-model", "beta-model"):
        for line in (place.private / entry / "cases.jsonl").read_text().splitlines():
            markers |= set(_long_numbers(json.loads(line)))
    return markers


def _long_numbers(content: object) -> list[str]:
    """Numbers with so many digits that nothing else has them: volumes, diameters, surfaces."""
    if isinstance(content, dict):
        return [found for each in content.values() for found in _long_numbers(each)]
    if isinstance(content, list):
        return [found for each in content for found in _long_numbers(each)]
    text = repr(content)
    is_long = isinstance(content, float) and len(text.replace(".", "").strip("0")) >= 8
    return [text] if is_long else []


def test_what_is_planted_is_in_the_private_files(published: Place) -> None:
    # else the search below would find nothing because there is nothing
    seen = {each.marker for each in sightings(published.private, case_markers(published))}

    assert {SECRET_CASE, SECRET_CENTRE, PROBABILITY, "North_01", "South_02"} <= seen
    assert len(case_markers(published)) > 15


def test_no_marker_is_in_any_public_byte(published: Place) -> None:
    assert verify(published.results, evidence=Evidence(private=published.private)) == ()

    assert sightings(published.results, case_markers(published)) == []


@pytest.mark.parametrize("single", [False, True], ids=["folder", "single file"])
def test_no_marker_is_in_any_byte_of_the_site(
    published: Place, tmp_path: Path, *, single: bool
) -> None:
    found = leaderboard_of(read_contents(published.results))
    write_site(build(found, single=single), out=tmp_path / "site")

    assert len(list((tmp_path / "site").rglob("*.html"))) >= (1 if single else 5)
    assert sightings(tmp_path / "site", case_markers(published)) == []


def test_with_four_patients_every_count_is_withheld(published: Place) -> None:
    entry = json.loads((published.results / "beta-model.json").read_text())

    assert entry["cohort"]["split"] == Split.HIDDEN
    counts = [
        cell
        for task in entry["tasks"]
        for matrix in task["matrices"]
        for row in matrix["cells"]
        for cell in row
    ]
    assert set(counts) <= {None, 0}
    assert all(each["n"] in (None, 0) for task in entry["tasks"] for each in task["figures"])


def test_a_leak_into_an_entry_is_seen(published: Place, tmp_path: Path) -> None:
    folder = shutil.copytree(published.results, tmp_path / "board")
    path = folder / "alpha-model.json"
    path.write_text(path.read_text().replace('"Model"', f'"Model {SECRET_CASE}"'))

    seen = sightings(folder, case_markers(published))

    assert Sighting("alpha-model.json", SECRET_CASE, "plain") in seen
    assert {(each.path, each.marker) for each in seen} == {("alpha-model.json", SECRET_CASE)}


@pytest.mark.parametrize(
    "form",
    [
        "plain",
        "upper case",
        "hexadecimal",
        "base64",
        "base64 at 1",
        "base64 at 2",
        "gzip",
        "gzip in base64",
        "percent-encoded",
        "UTF-16",
    ],
)
@pytest.mark.parametrize("marker", [SECRET_CASE, AGE, "Zwitscher tal"])
def test_a_marker_is_found_in_every_form(marker: str, form: str, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_bytes(hide(marker, form))

    assert {each.marker for each in sightings(tmp_path, [marker, "nothing"])} == {marker}


def test_a_marker_in_a_files_name_is_found(tmp_path: Path) -> None:
    (tmp_path / SECRET_CASE).mkdir()

    assert "plain" in {each.form for each in sightings(tmp_path, [SECRET_CASE])}


def test_a_marker_that_chance_would_find_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="too short"):
        sightings(tmp_path, ["7.5"])
    assert len(dict(forms(SECRET_CASE))) == 9
