"""The site in a real Chromium: opened from a disk, with and without script, by keyboard, by axe."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, ViewportSize

from schema.entry import Entry
from tests.browsers import audit, browser, watch
from tests.leaderboard.site.written import own_board, pages, single_file, site, write

__all__ = ["browser"]

pytestmark = pytest.mark.browser

WIDE, PHONE = (1280, 900), (360, 740)
SMALL_BOARD = ("index.html", "compare.html", "stability.html")
AUDITED = ("index.html", "compare.html", "stability.html", "method.html", "ledger.html")


class Visit:
    """A page in a browser, and everything that went wrong while it was open."""

    def __init__(self, context: BrowserContext, folder: Path) -> None:
        self.folder, self.troubles = folder, list[str]()
        context.route("**/*", self._guard)
        self.page: Page = context.new_page()
        watch(self.page, self.troubles)

    def _guard(self, route: Route) -> None:
        if route.request.url.startswith(self.folder.as_uri()):
            route.continue_()
        else:
            self.troubles.append(f"request: {route.request.url}")
            route.abort()

    def open(self, path: str) -> Page:
        """Open a page of the folder."""
        self.page.goto(f"{self.folder.as_uri()}/{path}")
        return self.page


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("sites")
    made = {
        name: write(site(name), root / name) for name in ("none", "one", "three", "many", "own")
    }
    single = write({"leaderboard.html": single_file("three")}, root / "single")
    return {**made, "single": single}


@pytest.fixture
def visit(browser: Browser, folders: dict[str, Path]) -> Iterator[Any]:
    """Open a page; at the end nothing may have gone wrong in any of them."""
    opened: list[tuple[BrowserContext, Visit]] = []

    def begin(name: str, path: str, *, size: tuple[int, int] = WIDE, **options: Any) -> Page:
        viewport = ViewportSize(width=size[0], height=size[1])
        context = browser.new_context(viewport=viewport, **options)
        opened.append((context, Visit(context, folders[name])))
        return opened[-1][1].open(path)

    yield begin
    troubles = [trouble for _, each in opened for trouble in each.troubles]
    for context, _ in opened:
        context.close()
    assert troubles == []


BOARD = '[data-board="positivity"]'
ROWS = f"{BOARD} tbody tr:not(.divider)"


def models(page: Page, rows: str = ROWS) -> list[str]:
    """Names of the rows that are shown, in their order."""
    shown = [row for row in page.locator(rows).all() if row.is_visible()]
    return [row.locator("th a").inner_text() for row in shown]


READ_ROWS = "rows => rows.map(row => [...row.children].map(cell => cell.textContent))"


# --- without script ----------------------------------------------------------


@pytest.mark.parametrize("path", ["index.html", "stability.html", "entries/team-01.html"])
def test_the_tables_are_the_same_with_and_without_script(visit: Any, path: str) -> None:
    without = visit("many", path, java_script_enabled=False)
    rows = without.locator("table tr").evaluate_all(READ_ROWS)

    assert visit("many", path).locator("table tr").evaluate_all(READ_ROWS) == rows
    assert len(rows) > 10


def test_without_script_the_board_is_final_and_no_control_is_shown(visit: Any) -> None:
    plain = visit("many", "index.html", java_script_enabled=False)

    assert plain.locator(".tools:visible, #theme:visible, thead button").count() == 0
    assert plain.locator(f"{BOARD} tbody.in tr").count() == 10


# --- sorting, filtering, columns, address ------------------------------------


def test_a_header_sorts_both_ways_and_then_lets_go(visit: Any) -> None:
    page = visit("many", "index.html")
    written = models(page)
    head = page.locator(f'{BOARD} th[data-c="specificity-all"]')

    head.locator("button").click()
    best_first = models(page)
    assert head.get_attribute("aria-sort") == "descending"
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    worst_first = models(page)
    head.locator("button").click()

    assert page.locator(f"{BOARD} [aria-sort]").count() == 1
    assert models(page) == written
    values = page.locator(f'{BOARD} tbody.in td[data-t="Specificity"]').evaluate_all(
        "cells => cells.map(cell => Number(cell.dataset.v))"
    )
    assert len(set(values)) > 5
    assert best_first[:10] != worst_first[:10]


@pytest.mark.parametrize("clicks", [1, 2])
def test_no_value_stands_last_whichever_way(visit: Any, clicks: int) -> None:
    page = visit("many", "index.html")
    for _ in range(clicks):
        page.locator(f'{BOARD} th[data-c="auroc-all"] button').click()

    last = page.locator(f"{BOARD} tbody.in tr").last
    assert "no value" in last.inner_text()


def test_ranks_do_not_change_with_the_order(visit: Any) -> None:
    page = visit("many", "index.html")
    rank = f"{BOARD} tbody.in tr"
    read = (
        "rows => Object.fromEntries(rows.map("
        "row => [row.querySelector('th a').textContent, row.children[0].textContent]))"
    )
    before = page.locator(rank).evaluate_all(read)
    page.locator(f'{BOARD} th[data-c="seconds"] button').click()

    assert page.locator(rank).evaluate_all(read) == before


def test_unranked_rows_stay_below_whatever_is_sorted(visit: Any) -> None:
    page = visit("many", "index.html")
    below = set(models(page, f"{BOARD} tbody.not tr:not(.divider)"))
    page.locator(f'{BOARD} th[data-c="balanced_accuracy-all"] button').click()

    assert set(models(page)[-len(below) :]) == below


def test_the_list_is_filtered_by_words_and_by_who_ran_it(visit: Any) -> None:
    page = visit("many", "index.html")
    page.locator(f"{BOARD} .find").fill("haldane seg")
    assert models(page) == ["SegResNet 1"]
    assert page.locator(f"{BOARD} .said").inner_text() == "1 of 15 entries shown"
    page.locator(f"{BOARD} .find").fill("")
    page.locator(f"{BOARD} .only-verified").check()

    assert "Swin UNETR 1" not in models(page)
    assert len(models(page)) == page.locator(f"{BOARD} .badge.verified").count()


def test_the_address_keeps_order_filter_and_columns(visit: Any) -> None:
    page = visit("many", "index.html")
    page.locator(f'{BOARD} th[data-c="auroc-all"] button').click()
    page.locator(f"{BOARD} .find").fill("lab")
    page.locator(f"{BOARD} .columns summary").click()
    page.locator(f'{BOARD} .choose input[value="memory"]').uncheck()
    address, shown = page.url, models(page)
    again = visit("many", f"index.html#{address.partition('#')[2]}")

    assert address.endswith("#v1;h.positivity=memory;q.positivity=lab;s.positivity=auroc-all")
    assert models(again) == shown
    assert not again.locator(f'{BOARD} th[data-c="memory"]').is_visible()
    assert again.locator('[data-board="nodes"] th[data-c="memory"]').is_visible()


def test_the_address_of_the_page_as_written_has_no_state(visit: Any) -> None:
    page = visit("many", "index.html")
    page.locator(f"{BOARD} .find").fill("lab")
    page.locator(f"{BOARD} .find").fill("")

    assert page.url.endswith("index.html")


@pytest.mark.parametrize(
    "state",
    ["v1;s.positivity=nothing", "v1;=;x", "v1;q.positivity=%E0%A4%A", "v2;s.positivity=auroc-all"],
)
def test_an_address_that_makes_no_sense_changes_nothing(visit: Any, state: str) -> None:
    assert models(visit("many", f"index.html#{state}")) == models(visit("many", "index.html"))


def test_the_board_is_sorted_by_keyboard_alone(visit: Any) -> None:
    page = visit("many", "index.html")
    button = page.locator(f'{BOARD} th[data-c="cases"] button')
    button.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Space")

    assert page.locator(f'{BOARD} th[data-c="cases"]').get_attribute("aria-sort") == "descending"
    assert models(page)[0] == "MedNeXt 1"  # the one entry with failed cases


# --- comparing ---------------------------------------------------------------


def test_two_entries_are_chosen_compared_and_kept_in_the_address(visit: Any) -> None:
    page = visit("many", "compare.html")
    page.locator("select.first").select_option("team-00")
    page.locator("select.second").select_option("team-05")
    text = page.locator(".compared").inner_text()
    again = visit("many", f"compare.html#{page.url.partition('#')[2]}")

    assert again.locator(".compared").inner_text() == text
    assert "LLN positivity: paired tests" in text
    assert "not told apart" in text or "differ" in text


def test_without_script_neighbours_are_compared_and_the_rest_is_linked(visit: Any) -> None:
    page = visit("many", "compare.html", java_script_enabled=False)

    assert page.locator("#compare-neighbours tbody tr").count() == 9 * (3 + 3 + 2)
    assert not page.locator(".chooser").is_visible()


def test_a_link_into_a_closed_part_opens_it(visit: Any) -> None:
    page = visit("many", "compare.html")
    page.locator("#compare-neighbours tbody th a").first.click()

    page.wait_for_selector("details.against[open]")


# --- the single file ---------------------------------------------------------


def test_the_single_file_shows_one_page_at_a_time(visit: Any) -> None:
    page = visit("single", "leaderboard.html")
    assert [each.get_attribute("id") for each in page.locator(".page:visible").all()] == ["boards"]
    page.get_by_role("link", name="Stability", exact=True).click()
    assert [each.get_attribute("id") for each in page.locator(".page:visible").all()] == [
        "stability"
    ]
    page.get_by_role("link", name="Boards", exact=True).click()
    page.locator(f"{BOARD} tbody th a").first.click()

    assert page.locator(".page:visible").count() == 1
    assert page.locator(".page:visible h1").inner_text() != "How stable the ranking is"
    page.go_back()
    page.locator(f'{BOARD} th[data-c="auroc-all"] button').click()
    assert page.locator(f'{BOARD} [aria-sort="descending"]').count() == 1


def test_the_single_file_hands_out_the_same_tables(visit: Any) -> None:
    page = visit("single", "leaderboard.html")
    with page.expect_download() as taken:
        page.locator('a[download="board-positivity.csv"]').click()

    assert taken.value.path().read_text() == site("three")["data/board-positivity.csv"]


def test_the_single_file_compares(visit: Any) -> None:
    page = visit("single", "leaderboard.html#compare")
    page.locator("select.first").select_option("team-01")
    text = page.locator(".compared").inner_text()
    again = visit("single", f"leaderboard.html#{page.url.partition('#')[2]}")

    assert again.locator(".compared").inner_text() == text
    assert again.locator(".page:visible").count() == 1


# --- looks -------------------------------------------------------------------


@pytest.mark.parametrize("path", [*AUDITED, "entries/team-01.html", "entries/barred.html"])
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_no_page_scrolls_sideways(visit: Any, path: str, width: int) -> None:
    page = visit("many", path, size=(width, 800))
    for details in page.locator("details").all():
        details.evaluate("part => { part.open = true; }")

    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [360, 1280])
def test_a_page_with_every_clinical_table_and_figure_does_not_scroll_sideways(
    visit: Any, width: int
) -> None:
    page = visit("own", "entries/paper-2025.html", size=(width, 800))
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")

    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_theme_is_changed_and_remembered(visit: Any) -> None:
    page = visit("one", "index.html", color_scheme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.locator("#theme").click()
    dark = page.evaluate(paper)
    page.reload()

    assert page.evaluate(paper) == dark != light
    assert visit("one", "index.html", color_scheme="dark").evaluate(paper) == dark


def test_what_is_out_is_struck_through_and_says_why(visit: Any) -> None:
    page = visit("many", "index.html")
    row = page.locator(f"{BOARD} tr.out").first

    assert (
        row.locator("th a").evaluate("a => getComputedStyle(a).textDecorationLine")
        == "line-through"
    )
    assert "The container held labels of the test set." in row.inner_text()


# --- accessibility -----------------------------------------------------------


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", [*AUDITED, "entries/team-01.html", "entries/barred.html"])
def test_axe_finds_nothing(visit: Any, path: str, scheme: str) -> None:
    assert audit(visit("many", path, color_scheme=scheme), scheme=scheme) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_among_every_clinical_table_and_figure(visit: Any, scheme: str) -> None:
    page = visit("own", "entries/paper-2025.html", color_scheme=scheme)
    assert audit(page, scheme=scheme) == []


def test_everything_of_an_entry_can_be_taken_away(visit: Any, folders: dict[str, Path]) -> None:
    page = visit("own", "entries/paper-2025.html")
    address = page.locator('a[download="paper-2025.json"]').get_attribute("href")
    taken = (folders["own"] / "entries" / address).read_text(encoding="utf-8")

    assert Entry.model_validate_json(taken) == own_board().by_id["paper-2025"]


@pytest.mark.parametrize("name", ["none", "one", "three"])
def test_axe_finds_nothing_on_small_boards(visit: Any, name: str) -> None:
    # the other pages say the same of three entries as of many
    for path in pages(name) if name == "none" else SMALL_BOARD:
        assert audit(visit(name, path)) == [], path


@pytest.mark.parametrize("path", ["index.html", "entries/team-01.html"])
def test_axe_finds_nothing_on_a_phone(visit: Any, path: str) -> None:
    assert audit(visit("many", path, size=PHONE)) == []


def test_axe_finds_nothing_in_the_single_file(visit: Any) -> None:
    assert audit(visit("single", "leaderboard.html")) == []


def test_axe_would_find_something(visit: Any) -> None:
    page = visit("one", "index.html")
    page.evaluate(
        "document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=\"data:,\">')"
    )

    assert any(each.startswith("image-alt") for each in audit(page))
