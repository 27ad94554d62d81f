"""What an entrant writes is text: on every page, in every table, in every browser."""

from __future__ import annotations

import csv
import io
import json
import re
from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from leaderboard.site.build import build
from tests.browsers import browser, watch
from tests.evaluation.html_page import LOADING, Page
from tests.leaderboard.site.hostile import CORPUS, hostile
from tests.leaderboard.site.written import write

__all__ = ["browser"]

HARMLESS = "harmless"


@cache
def files(text: str) -> dict[str, str]:
    return build(hostile(text))


def structure(html: str) -> tuple[list[tuple[str, int]], set[str]]:
    """Tags with their number, and the names of attributes: what hostile text could change."""
    data = re.sub(r'(<script type="application/json"[^>]*>).*?</script>', r"\1</script>", html)
    page = Page(data)
    return sorted(page.tags.items()), {name for _, name, _ in page.attributes}


@pytest.mark.parametrize("text", CORPUS)
def test_no_text_becomes_markup(text: str) -> None:
    for path in (each for each in files(text) if each.endswith(".html")):
        tags, names = structure(files(text)[path])
        expected, expected_names = structure(files(HARMLESS)[path])
        assert (path, tags) == (path, expected)
        assert names == expected_names


@pytest.mark.parametrize("text", CORPUS)
def test_no_text_becomes_an_address(text: str) -> None:
    for path in (each for each in files(text) if each.endswith(".html")):
        page = Page(re.sub(r"<script.*?</script>", "", files(text)[path], flags=re.DOTALL))
        addresses = [v for _, name, v in page.attributes if name in LOADING | {"href"}]
        assert all(re.match(r"(https://|#|\.\./|[a-z])", each) for each in addresses), path
        assert not [
            each for each in addresses if re.match(r"(?i)(javascript|data|vbscript):", each)
        ]


@pytest.mark.parametrize("text", CORPUS)
def test_data_for_the_script_ends_where_it_should(text: str) -> None:
    html = files(text)["compare.html"]
    (found,) = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', html, re.DOTALL)

    assert not re.search(r"[<>&]", found)
    assert text in json.loads(found)["entries"][0][1]


@pytest.mark.parametrize("text", CORPUS)
def test_no_cell_of_a_csv_is_a_formula(text: str) -> None:
    for path in (each for each in files(text) if each.endswith(".csv")):
        for row in csv.reader(io.StringIO(files(text)[path])):
            for cell in row:
                assert not re.match(r"\s*[=+@\t\r]|\s*-(?!\d)", cell), (path, cell)


@pytest.mark.parametrize("text", CORPUS)
def test_no_text_is_a_command_of_latex_or_ends_a_group(text: str) -> None:
    for path in (each for each in files(text) if each.endswith((".tex", ".bib"))):
        content = files(text)[path]
        assert "\\input" not in content
        depth = 0
        for character in re.sub(r"\\[{}]", "", content):
            depth += {"{": 1, "}": -1}.get(character, 0)
            assert depth >= 0, path
        assert depth == 0, path


@pytest.mark.browser
@pytest.mark.parametrize("text", CORPUS)
def test_no_text_runs_in_a_browser(browser: Browser, tmp_path: Path, text: str) -> None:
    folder = write(files(text), tmp_path / "folder")
    write(build(hostile(text), single=True), folder)
    troubles: list[str] = []
    page = browser.new_page()
    watch(page, troubles)
    for path in sorted(folder.rglob("*.html")):
        page.goto(path.as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    page.close()

    assert troubles == []
