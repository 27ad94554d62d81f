"""The report as a page: well-formed, self-contained, reproducible, safe, legible."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from evaluation.report import prose, render_report
from schema.task import Task
from schema.terms import TaskId
from tasks.specification import load_tasks
from tests.evaluation import sample_edges, sample_results
from tests.evaluation.html_page import EDGES, Page, parsed, render, sample_html, sample_page

LOADING = {"action", "background", "data", "formaction", "ping", "poster", "src", "srcset"}


@pytest.fixture(params=["full", *EDGES])
def any_html(request: pytest.FixtureRequest) -> str:
    return sample_html(request.param)


# --- the page itself ---------------------------------------------------------


def test_the_page_is_well_formed_and_its_identifiers_are_unique(any_html: str) -> None:
    page = Page(any_html)
    identifiers = page.values("id")
    assert len(identifiers) == len(set(identifiers))
    assert page.tags["h1"] == page.tags["main"] == 1


def test_every_picture_is_well_formed(any_html: str) -> None:
    pictures = re.findall(r"<svg.*?</svg>", any_html, flags=re.DOTALL)
    assert {parsed(picture).tag for picture in pictures} <= {"svg"}
    named = [picture for picture in pictures if "aria-labelledby" in picture]
    assert all("<title" in picture and "<desc" in picture for picture in named)


def test_every_link_leads_to_a_place_in_the_page_or_to_the_entrants_address(
    any_html: str,
) -> None:
    page = Page(any_html)
    targets = {f"#{identity}" for identity in page.values("id")}
    outside = set(page.values("href")) - targets
    assert all(address.startswith("https://example.org/") for address in outside)
    assert len(outside) <= 1


def test_the_page_loads_nothing_and_runs_nothing(any_html: str) -> None:
    page = Page(any_html)
    assert not {"script", "iframe", "object", "embed", "link", "img", "form", "base"} & set(
        page.tags
    )
    names = {name for _, name, _ in page.attributes}
    assert not {name for name in names if name.startswith("on")} | (names & LOADING)
    style = any_html.partition("<style>")[2].partition("</style>")[0]
    assert not re.search(r"url\(|@import|expression|//", style)
    assert not any("url(" in value for value in page.values("style") + page.values("fill"))


def test_the_content_policy_forbids_everything_but_inline_style() -> None:
    policy = next(
        value for value in sample_page("full").values("content") if "default-src" in value
    )
    assert policy.split("; ")[:3] == [
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src data:",
    ]


def test_the_same_input_gives_the_same_bytes_whatever_the_hash_seed() -> None:
    code = (
        "import hashlib; from tests.evaluation.html_page import sample_html;"
        "print(hashlib.sha256(sample_html('full').encode()).hexdigest())"
    )
    root = Path(__file__).parents[2]
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_a_task_that_is_not_defined_is_refused() -> None:
    tasks: dict[TaskId, Task] = {
        task_id: task for task_id, task in load_tasks().items() if task_id is not TaskId.NODES
    }
    with pytest.raises(KeyError):
        render_report(sample_results.full_result(), tasks=tasks, cases=(), findings=())


def test_words_between_backticks_become_code_and_nothing_else_becomes_markup() -> None:
    assert prose("scope `macro` of <b>") == "scope <code>macro</code> of &lt;b&gt;"


# --- hostile text ------------------------------------------------------------


@pytest.mark.parametrize("hostile", sample_edges.HOSTILE)
def test_hostile_text_comes_out_as_text_in_every_place(hostile: str) -> None:
    html = render(
        sample_edges.hostile_result(hostile), findings=sample_edges.hostile_findings(hostile)
    )
    harmless = render(
        sample_edges.hostile_result("harmless"), findings=sample_edges.hostile_findings("harmless")
    )
    assert Page(html).tags == Page(harmless).tags
    shown, expected = (
        "".join(Page(page).words).count(word)
        for page, word in ((html, hostile), (harmless, "harmless"))
    )
    # model twice (title and heading), team, description, cohort twice, and five times the finding
    assert shown == expected >= 10
    assert "<script" not in html


def test_an_address_with_markup_stays_one_address() -> None:
    page = Page(sample_html("hostile"))
    url = sample_edges.hostile_result().submission.url
    assert url in page.values("href")
    assert "noopener noreferrer nofollow" in page.values("rel")


def test_reading_direction_of_the_entrants_text_cannot_reach_the_page() -> None:
    html = sample_html("hostile")
    isolated = r"<bdi>.*?</bdi>|<title>.*?</title>"
    assert "\u202e" in html
    assert "\u202e" not in re.sub(isolated, "", html, flags=re.DOTALL)


# --- contrast ----------------------------------------------------------------


def palettes() -> dict[str, dict[str, str]]:
    """Colours of the light and the dark theme."""
    css = files("evaluation").joinpath("templates/report.css").read_text(encoding="utf-8")
    blocks = re.findall(r":root \{(.*?)\}", css, flags=re.DOTALL)[:2]
    light, dark = (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", block)) for block in blocks)
    return {"light": light, "dark": light | dark}


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """Contrast ratio of WCAG 2, from 1 to 21."""
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_the_contrast_of_black_on_white_is_21() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21.0)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        *((ink, "paper") for ink in ("ink", "muted", "accent", "negative", "positive", "warn")),
        *((ink, "paper") for ink in ("third", "fourth", "fifth")),
        *((ink, "panel") for ink in ("ink", "muted", "accent")),
        *((word, f"{word}-panel") for word in ("good", "warn", "bad")),
    ],
)
def test_text_keeps_the_contrast_of_wcag_aa(theme: str, ink: str, ground: str) -> None:
    colours = palettes()[theme]
    assert contrast(colours[ink], colours[ground]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_numbers_on_the_darkest_cell_keep_the_contrast_of_wcag_aa(theme: str) -> None:
    colours = palettes()[theme]
    halves = [
        (int(colours["accent"][i : i + 2], 16) + int(colours["paper"][i : i + 2], 16)) // 2
        for i in (1, 3, 5)
    ]
    blended = "#" + "".join(f"{half:02x}" for half in halves)
    assert contrast(colours["ink"], blended) >= 4.5
