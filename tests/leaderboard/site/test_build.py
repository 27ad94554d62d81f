"""The site as files: reproducible, self-contained, well-formed, light."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from leaderboard.site.build import build
from leaderboard.site.inputs import Leaderboard
from leaderboard.site.pages import boards_page, static
from tests.evaluation.html_page import LOADING, Page, parsed
from tests.leaderboard.site import examples
from tests.leaderboard.site.written import pages, single_file, site

ROOT = Path(__file__).parents[3]
EXAMPLES = ("none", "one", "three", "many")
ALL_PAGES = [(name, path) for name in ("none", "one", "three") for path in pages(name)]


def without_scripts(html: str) -> str:
    """The page without what is data or code, as the reader of tags expects it."""
    return re.sub(r"<script[^>]*>.*?</script>|<style>.*?</style>", "", html, flags=re.DOTALL)


@pytest.fixture(params=ALL_PAGES, ids=[f"{name}-{path}" for name, path in ALL_PAGES])
def any_page(request: pytest.FixtureRequest) -> tuple[str, Page]:
    name, path = request.param
    return path, Page(without_scripts(site(name)[path]))


# --- the same input, the same bytes ------------------------------------------


@pytest.mark.parametrize("single", [False, True])
def test_the_same_input_gives_the_same_bytes_whatever_its_order(*, single: bool) -> None:
    found = examples.of_three()
    shuffled = Leaderboard.of(
        board=found.board,
        entries=reversed(found.entries),
        standings=reversed(tuple(found.standings.values())),
        ledger=reversed(found.ledger),
        tasks=dict(reversed(tuple(found.tasks.items()))),
    )

    assert build(shuffled, single=single) == build(found, single=single)


def test_the_same_input_gives_the_same_bytes_whatever_the_hash_seed() -> None:
    code = (
        "import hashlib, json; from tests.leaderboard.site.written import site;"
        "print(hashlib.sha256(json.dumps(site('three')).encode()).hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


# --- the pages ---------------------------------------------------------------


def test_a_page_is_well_formed_and_its_identifiers_are_unique(any_page: tuple[str, Page]) -> None:
    _, page = any_page
    identifiers = page.values("id")
    assert len(identifiers) == len(set(identifiers))
    assert page.tags["h1"] == page.tags["main"] == 1


def test_a_page_loads_its_own_style_and_script_and_nothing_else(any_page: tuple[str, Page]) -> None:
    path, page = any_page
    up = "../" * (len(PurePosixPath(path).parts) - 1)
    loaded = [
        (tag, value)
        for tag, name, value in page.attributes
        if name in LOADING or (tag == "link" and name == "href")
    ]
    assert loaded == [("link", f"{up}static/board.css")]
    assert not {name for _, name, _ in page.attributes if name.startswith("on")}
    assert "style" not in {name for _, name, _ in page.attributes}
    assert not {"iframe", "object", "embed", "form", "base", "img"} & set(page.tags)


def test_style_and_script_load_nothing() -> None:
    assert not re.search(
        r"url\(|@import|//", static("board.css").replace("/*", "").replace("*/", "")
    )
    script = static("board.js")
    assert len(script.encode()) <= 15_000
    for word in (
        "fetch(",
        "XMLHttpRequest",
        "import(",
        "eval(",
        "innerHTML",
        "http",
        "Date",
        "random",
    ):
        assert word not in script


@pytest.mark.parametrize("name", ["none", "one", "three"])
def test_every_link_leads_somewhere(name: str) -> None:
    files = site(name)
    identifiers = {
        path: set(Page(without_scripts(files[path])).values("id")) for path in pages(name)
    }
    for path in pages(name):
        for address in Page(without_scripts(files[path])).values("href"):
            if address.startswith("https://"):
                continue
            target, _, anchor = address.partition("#")
            found = os.path.normpath(PurePosixPath(path).parent / target) if target else path
            assert found in files, f"{path}: {address}"
            assert not anchor or anchor in identifiers[found], f"{path}: {address}"


def test_every_link_of_the_single_file_leads_somewhere() -> None:
    page = Page(without_scripts(single_file("three")))
    identifiers = page.values("id")
    assert len(identifiers) == len(set(identifiers))
    addresses = [each for each in page.values("href") if not each.startswith(("https:", "data:"))]
    assert len(addresses) > 50
    assert {each.removeprefix("#") for each in addresses} <= set(identifiers)


def test_every_picture_is_named_described_and_well_formed() -> None:
    for path in pages("three"):
        for svg in re.findall(r"<svg.*?</svg>", site("three")[path], flags=re.DOTALL):
            assert parsed(svg).tag == "svg"
            assert "aria-hidden" in svg or ("<title" in svg and "<desc" in svg)


def test_a_draft_says_so_on_every_page_and_asks_search_engines_to_stay_away() -> None:
    files = build(examples.of_none(draft=True))
    for path in (each for each in files if each.endswith(".html")):
        assert '<meta name="robots" content="noindex, nofollow">' in files[path]
        assert "<strong>Draft.</strong>" in files[path]
    assert "Disallow: /" in files["robots.txt"]
    assert "robots.txt" not in site("none")
    assert "noindex" not in site("none")["index.html"]


def test_the_index_of_fifty_entries_is_light() -> None:
    found = examples.of_many(44)
    assert len(found.entries) == 50
    html = boards_page(found)
    whole = sum(len(text.encode()) for text in (html, static("board.css"), static("board.js")))
    assert html.count('class="who"') == 150
    assert whole < 500_000


def test_the_page_of_an_entry_with_every_clinical_table_and_figure_is_below_a_megabyte() -> None:
    weights = {path: len(site("own")[path].encode()) for path in pages("own")}

    assert max(weights.values()) < 1_000_000, weights


def test_every_table_of_an_entry_is_offered_in_three_formats() -> None:
    for name in ("three", "own", "many"):
        stems = {path.rpartition(".")[0] for path in site(name) if path.startswith("data/tables/")}
        for entry in {stem.split("/")[2] for stem in stems}:
            html = site(name)[f"entries/{entry}.html"]
            for stem in (each for each in stems if each.split("/")[2] == entry):
                for ending in ("csv", "json", "tex"):
                    assert f"{stem}.{ending}" in site(name)
                    assert html.count(f'href="../{stem}.{ending}"') == 1
            for guideline in ("claim", "tripod", "stard"):
                assert f"data/tables/{entry}/checklist-{guideline}" in stems
    tables = {path for path in site("own") if path.startswith("data/tables/paper-2025/positivity-")}
    assert len(tables) == 3 * len({path.rpartition(".")[0] for path in tables}) > 3 * 15


def test_an_id_that_could_not_be_a_file_is_refused() -> None:
    found = examples.of_one()
    bad = found.entries[0].model_copy(update={"id": "../escape"})
    with pytest.raises(ValueError, match="should match pattern"):
        build(
            Leaderboard.of(
                board=found.board, entries=[bad], standings=(), ledger=(), tasks=found.tasks
            )
        )
