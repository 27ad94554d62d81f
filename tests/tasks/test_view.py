"""`lln view` and the overview page, as a user and as a browser see them."""

from __future__ import annotations

import gzip
import io
import os
import re
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from playwright.sync_api import Browser, Page

from lln import main
from schema.errors import CohortError, UsageError
from schema.terms import TaskId
from tasks.case_view import read_case_view, view_page, view_png
from tasks.cohort import read_inputs
from tasks.files import read_header, write_nifti
from tasks.pictures.legend import labels_of_tasks
from tasks.pictures.scene import Scene
from tasks.pictures.vector import BUDGET_BYTES, slice_images
from tasks.specification import label_map
from tasks.terminal import Verbs
from tasks.view_commands import view
from tests.browsers import browser, watch

__all__ = ["browser"]

CASE = "South_01"
SLICES = 8  # of the tiny cohort


def link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


Plant = Callable[[Path], object]
HOSTILE: dict[str, tuple[str, Plant]] = {
    "a link": ("LLN012", link),
    "no gzip": ("LLN020", lambda path: path.write_bytes(b"<script>alert(1)</script>")),
    "cut off": ("LLN021", lambda path: path.write_bytes(path.read_bytes()[:-20])),
    "a pipe": ("LLN012", pipe),
    "missing": ("LLN010", Path.unlink),
}


def run(*arguments: str | Path) -> Result:
    group = Verbs(name="lln", commands={"view": view})
    return CliRunner().invoke(group, ["view", *map(str, arguments)])


def colours(png: bytes) -> set[str]:
    """Every colour of a picture that is no grey."""
    picture = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).reshape(-1, 3)
    return {f"#{r:02x}{g:02x}{b:02x}" for r, g, b in np.unique(picture, axis=0) if not r == g == b}


def of_task(task: TaskId) -> set[str]:
    return {label.colour for label in label_map(task).labels}


def test_a_picture_has_every_colour_of_the_masks(
    cohort_folder: Path, submission_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out" / "case.png"
    got = run(CASE, "--cohort", cohort_folder, "--submission", submission_folder, "--out", out)

    assert (got.exit_code, got.stdout) == (0, f"{out}\n"), got.output
    every = of_task(TaskId.COMPARTMENTS) | of_task(TaskId.NODES)
    # beside them only what the halo of a text makes of an outline under it
    assert colours(out.read_bytes()) >= every
    Image.open(out).verify()


def test_an_entrant_s_cohort_has_no_reference_to_show(
    cohort_folder: Path, submission_folder: Path
) -> None:
    for name in ("compartments", "nodes", "readers.csv", "clinical.csv"):
        path = cohort_folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    cohort = read_inputs(cohort_folder)
    alone = read_case_view(cohort, CASE, submission=None)
    predicted = read_case_view(cohort, CASE, submission=submission_folder)

    assert (alone.reference, alone.prediction, alone.findings) == (None, None, ())
    assert colours(view_png(alone)) == set()
    assert "South_01: image alone" in view_page(alone)
    assert (predicted.reference, predicted.findings) == (None, ())
    assert "private" not in view_page(predicted)
    assert of_task(TaskId.NODES) <= colours(view_png(predicted))


def test_nodes_of_a_prediction_are_placed_by_the_reference_when_there_is_one(
    cohort_folder: Path, submission_folder: Path
) -> None:
    cohort = read_inputs(cohort_folder)
    shutil.rmtree(submission_folder / "compartments")
    scored = read_case_view(cohort, CASE, submission=submission_folder)
    for task in ("compartments", "nodes"):
        shutil.rmtree(cohort_folder / task)
    alone = read_case_view(cohort, CASE, submission=submission_folder)

    assert scored.prediction is not None
    assert [node.place.side for node in scored.prediction.measured] == [
        "left",
        "right",
        "right",
    ]
    assert scored.prediction.placed
    assert alone.prediction is not None
    assert not alone.prediction.placed
    # a size without a place: nobody said where the compartments are
    assert " mm, positive</a>" in view_page(alone)
    assert "outside" not in view_page(alone)


def test_a_task_that_was_not_entered_is_no_finding(
    cohort_folder: Path, submission_folder: Path
) -> None:
    for task in ("compartments", "nodes"):
        shutil.rmtree(submission_folder / task)
    shown = read_case_view(read_inputs(cohort_folder), CASE, submission=submission_folder)

    assert (shown.prediction, shown.findings) == (None, ())
    assert shown.reference is not None


@pytest.mark.usefixtures("no_blocking")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_broken_prediction_is_named_and_not_drawn(
    cohort_folder: Path, submission_folder: Path, tmp_path: Path, name: str
) -> None:
    code, plant = HOSTILE[name]
    plant(submission_folder / "nodes" / f"{CASE}.nii.gz")
    out = tmp_path / "case.html"
    got = run(CASE, "--cohort", cohort_folder, "--submission", submission_folder, "--out", out)
    page = out.read_text(encoding="utf-8")

    assert (got.exit_code, got.stdout) == (1, f"{out}\n")
    assert code in got.stderr
    assert f"<strong>{code}</strong>" in page
    assert "alert(1)" not in page
    shown = read_case_view(read_inputs(cohort_folder), CASE, submission=submission_folder)
    assert [each.code for each in shown.findings] == [code]
    assert shown.prediction is not None
    assert shown.prediction.nodes is None
    assert shown.prediction.compartments is not None
    assert view_png(shown).startswith(b"\x89PNG")


def test_a_linked_folder_is_not_entered(cohort_folder: Path, submission_folder: Path) -> None:
    (submission_folder / "nodes").rename(submission_folder / "kept")
    (submission_folder / "nodes").symlink_to(submission_folder / "kept")
    shown = read_case_view(read_inputs(cohort_folder), CASE, submission=submission_folder)

    assert [(each.code, each.where) for each in shown.findings] == [("LLN012", "nodes")]
    assert shown.prediction is not None
    assert shown.prediction.nodes is None


def test_a_header_that_claims_too_much_is_not_believed(
    cohort_folder: Path, submission_folder: Path
) -> None:
    path = submission_folder / "nodes" / f"{CASE}.nii.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    struct.pack_into("<3h", content, 42, 30000, 30000, 30000)
    path.write_bytes(gzip.compress(bytes(content)))
    shown = read_case_view(read_inputs(cohort_folder), CASE, submission=submission_folder)

    assert {each.code for each in shown.findings} == {"LLN031"}


def test_what_cannot_be_shown_is_said(cohort_folder: Path, tmp_path: Path) -> None:
    cohort = read_inputs(cohort_folder)
    with pytest.raises(UsageError, match=r"lists no case 'East'; its first is North_01"):
        read_case_view(cohort, "East", submission=None)
    (cohort_folder / "t2w" / f"{CASE}.nii.gz").unlink()
    with pytest.raises(CohortError) as caught:
        read_case_view(cohort, CASE, submission=None)
    assert [each.code for each in caught.value.findings] == ["LLN110"]

    wrong = run("North_01", "--cohort", cohort_folder, "--out", tmp_path / "case.pdf")
    assert wrong.exit_code == 2
    assert "end the name in .png or in .html" in wrong.stderr
    absent = run(CASE, "--cohort", cohort_folder, "--out", tmp_path / "case.png")
    assert absent.exit_code == 2
    assert "LLN110" in absent.stderr


def test_the_same_case_gives_the_same_bytes(cohort_folder: Path, submission_folder: Path) -> None:
    cohort = read_inputs(cohort_folder)
    once, again = (read_case_view(cohort, CASE, submission=submission_folder) for _ in range(2))

    assert view_png(once) == view_png(again)
    assert view_page(once) == view_page(again)


def test_the_slices_of_a_page_keep_to_their_budget() -> None:
    # noise is what compresses worst: 40 slices of 640 x 640, 16 MB as they are
    rng = np.random.default_rng(0)
    noise = [
        Scene(
            grey=rng.integers(0, 256, (640, 640), dtype=np.uint8),
            spacing_mm=(0.5, 0.5),
            number=number,
            slices=40,
            reference=None,
            prediction=None,
        )
        for number in range(40)
    ]
    images = slice_images(noise)

    assert len(images) == 40
    assert sum(map(len, images)) < BUDGET_BYTES * 4 / 3 + 40 * 64 < 6_000_000
    assert slice_images(noise[:2])[0].startswith("data:image/png;base64,")


@pytest.fixture
def page_of_case(cohort_folder: Path, submission_folder: Path, tmp_path: Path) -> Path:
    out = tmp_path / "case.html"
    got = run(CASE, "--cohort", cohort_folder, "--submission", submission_folder, "--out", out)
    assert got.exit_code == 0, got.output
    return out


def shown_slice(page: Page) -> str | None:
    figures = page.locator("figure:visible")
    assert figures.count() == 1
    return figures.first.get_attribute("data-number")


@pytest.mark.browser
def test_the_slider_works_by_keyboard_without_a_console_message(
    browser: Browser, page_of_case: Path
) -> None:
    page = browser.new_page()
    troubles: list[str] = []
    requests: list[str] = []
    watch(page, troubles)
    page.on("request", lambda request: requests.append(request.url))
    page.goto(page_of_case.as_uri())
    # the largest reference node lies on k = 4 of 8, so on slice 5; slices go from the head down
    assert shown_slice(page) == "5"
    assert page.locator("#number").inner_text() == "5"
    for key, number in (
        ("ArrowRight", "4"),
        ("ArrowDown", "3"),
        ("ArrowUp", "4"),
        ("PageDown", "1"),
    ):
        page.keyboard.press(key)
        assert shown_slice(page) == number
    page.locator("#slice").focus()
    page.keyboard.press("ArrowLeft")
    assert shown_slice(page) == "2"
    assert page.locator("#slice").get_attribute("aria-valuetext") == f"slice 2 of {SLICES}"
    page.locator(".stops a").first.click()
    assert shown_slice(page) == "5"
    assert troubles == []
    assert {url.partition(":")[0] for url in requests} <= {"file", "data"}
    page.close()


@pytest.mark.browser
def test_image_reference_and_prediction_can_each_be_hidden(
    browser: Browser, page_of_case: Path
) -> None:
    page = browser.new_page()
    page.goto(page_of_case.as_uri())
    left, right = (
        page.locator(f"figure:visible .of-{name}") for name in ("reference", "prediction")
    )
    assert left.locator("g.reference path").first.is_visible()
    assert not left.locator("g.prediction path").first.is_visible()
    assert right.locator("g.prediction path").first.is_visible()
    dashes = "node => getComputedStyle(node).strokeDasharray"
    assert right.locator("g.prediction path").first.evaluate(dashes) != "none"
    assert left.locator("g.reference path").first.evaluate(dashes) == "none"
    page.locator("#both").check()
    assert left.locator("g.prediction path").first.is_visible()
    page.locator("#reference").uncheck()
    page.locator("#measure").uncheck()
    page.locator("#image").uncheck()
    assert not left.locator("g.reference path").first.is_visible()
    assert not page.locator("figure:visible .measure text").first.is_visible()
    assert not page.locator("figure:visible image").first.is_visible()
    page.close()


@pytest.mark.browser
def test_without_scripts_every_slice_is_shown(browser: Browser, page_of_case: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_of_case.as_uri())

    assert page.locator("figure:visible").count() == SLICES
    assert not page.locator("#slider").is_visible()
    context.close()


def test_the_page_s_outlines_have_the_task_files_colours_and_the_measured_sizes(
    page_of_case: Path, cohort_folder: Path
) -> None:
    page = page_of_case.read_text(encoding="utf-8")
    shown = read_case_view(read_inputs(cohort_folder), CASE, submission=None)
    assert shown.reference is not None
    sizes = sorted(f"{axes.short_axis_mm:.1f} mm" for axes in shown.reference.axes)

    every = {label.colour for each in labels_of_tasks().values() for label in each}
    assert set(re.findall(r'<path d="[^"]*" stroke="(#[0-9a-f]{6})"', page)) == every
    # reference and prediction, each on both sides
    written = sorted(re.findall(r'class="size"[^>]*>(\d+\.\d mm)', page))
    assert written == sorted(sizes * 4)


def overview(cohort: Path, out: Path) -> Result:
    return CliRunner().invoke(
        main, ["cohort", "check", str(cohort), "--overview", str(out), "--jobs", "1"]
    )


def drop_consensus_of_south_2(cohort: Path) -> None:
    text = (cohort / "readers.csv").read_text(encoding="utf-8")
    line = "South_02,consensus,0,,,"
    assert line in text
    (cohort / "readers.csv").write_text(text.replace(line, "South_02,consensus,1,II,left,8.0"))


@pytest.mark.browser
def test_the_overview_shows_every_case_and_filters_without_a_script(
    browser: Browser, cohort_folder: Path, tmp_path: Path
) -> None:
    drop_consensus_of_south_2(cohort_folder)
    got = overview(cohort_folder, tmp_path / "overview")
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    troubles: list[str] = []
    watch(page, troubles)
    page.goto((tmp_path / "overview" / "index.html").as_uri())

    assert got.exit_code == 1
    assert "overview, private: " in got.stderr
    assert "Private" in page.locator(".private").inner_text()
    assert page.locator("article:visible").count() == 4
    page.get_by_text("LLN154: 1").click()
    assert page.locator("article:visible h2").all_inner_texts() == ["South_02"]
    assert "none in the mask" in page.locator("article:visible .findings").inner_text()
    page.get_by_text("without: 3").click()
    assert page.locator("article:visible").count() == 3
    page.locator("label[for=filter-all]").click()
    for number in range(4):
        page.locator(".strip img").nth(number).scroll_into_view_if_needed()
    page.wait_for_load_state("networkidle")
    assert page.locator(".strip img[loading=lazy]").count() == 4
    assert troubles == []
    context.close()


def test_the_strip_of_a_case_has_its_colours(cohort_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "overview"
    assert overview(cohort_folder, out).exit_code == 0
    strips = {path.stem: path.read_bytes() for path in (out / "strips").iterdir()}

    assert sorted(strips) == ["North_01", "North_02", "South_01", "South_02"]
    compartments, nodes = of_task(TaskId.COMPARTMENTS), of_task(TaskId.NODES)
    assert colours(strips["North_01"]) >= compartments | nodes
    assert colours(strips["North_02"]) >= compartments
    assert colours(strips["North_02"]) & nodes == set()


def test_a_case_without_a_picture_is_listed_and_a_full_folder_is_left_alone(
    cohort_folder: Path, tmp_path: Path
) -> None:
    (cohort_folder / "t2w" / "South_01.nii.gz").write_bytes(b"no image")
    (cohort_folder / "nodes" / "North_01.nii.gz").write_bytes(b"no mask")
    got = overview(cohort_folder, tmp_path / "overview")
    page = (tmp_path / "overview" / "index.html").read_text(encoding="utf-8")

    assert got.exit_code == 1
    assert page.count("No picture.") == 1
    assert page.count('class="strip"') == 3
    assert overview(cohort_folder, tmp_path / "overview").exit_code == 2


def test_text_of_a_cohort_is_no_markup(cohort_folder: Path, tmp_path: Path) -> None:
    for name in ("cohort.toml", "clinical.csv"):
        text = (cohort_folder / name).read_text(encoding="utf-8")
        (cohort_folder / name).write_text(re.sub("North(?!_)", "<img src=x>", text))
    assert overview(cohort_folder, tmp_path / "overview").exit_code == 0
    page = (tmp_path / "overview" / "index.html").read_text(encoding="utf-8")

    assert "&lt;img src=x&gt;" in page
    assert "<img src=x>" not in page


def test_a_cohort_of_tables_has_a_page_without_pictures(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    assert overview(root / "tasks" / "paper", tmp_path / "overview").exit_code == 0
    page = (tmp_path / "overview" / "index.html").read_text(encoding="utf-8")

    assert page.count("<article") == 480


def test_an_image_with_no_numbers_is_drawn_black(cohort_folder: Path, tmp_path: Path) -> None:
    path = cohort_folder / "t2w" / f"{CASE}.nii.gz"
    geometry = read_header(path).geometry
    assert geometry is not None
    write_nifti(path, np.full(geometry.size, np.nan, dtype=np.float32), geometry=geometry)
    got = overview(cohort_folder, tmp_path / "overview")

    assert got.exit_code == 1
    assert "LLN157" in got.stderr
    assert (tmp_path / "overview" / "strips" / f"{CASE}.png").exists()
