"""The report in a real Chromium: from a disk, without network, on a phone, in the dark, by axe."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, ViewportSize

from tests.browsers import audit, browser, watch
from tests.evaluation import replica_report
from tests.evaluation.html_page import sample_html

__all__ = ["browser"]

pytestmark = pytest.mark.browser

WIDE, PHONE = (1280, 900), (390, 844)
A4_INNER_PX = 688
"""Width of the printed page within its margins: 182 mm."""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    made = {"replica": replica_report.html()}
    made |= {name: sample_html(name) for name in ("full", "one", "empty", "hostile")}
    for name, html in made.items():
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in made}


@pytest.fixture
def visit(browser: Browser, pages: dict[str, Path]) -> Iterator[Any]:
    """Open a report; at the end nothing may have gone wrong and nothing been asked for."""
    contexts: list[BrowserContext] = []
    troubles: list[str] = []

    def begin(name: str, *, size: tuple[int, int] = WIDE, **options: Any) -> Page:
        viewport = ViewportSize(width=size[0], height=size[1])
        context = browser.new_context(viewport=viewport, offline=True, **options)
        contexts.append(context)
        address = pages[name].as_uri()

        def guard(route: Route) -> None:
            if route.request.url.partition("#")[0] == address:
                route.continue_()
            else:
                troubles.append(f"request: {route.request.url}")
                route.abort()

        context.route("**/*", guard)
        page = context.new_page()
        watch(page, troubles)
        page.goto(address)
        return page

    yield begin
    for context in contexts:
        context.close()
    assert troubles == []


def too_wide(page: Page) -> list[str]:
    """What reaches beyond the window and has no box of its own to scroll in."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('body *')]
            .filter(each => !each.closest('.scroll, .unseen, .skip, [popover]'))
            .filter(each => each.getBoundingClientRect().right > innerWidth + 1)
            .map(each => each.tagName + ' ' + each.textContent.trim().slice(0, 40))"""
    )
    return found


@pytest.mark.parametrize("name", ["replica", "full", "one", "empty", "hostile"])
def test_on_a_phone_nothing_but_a_box_of_its_own_scrolls_sideways(visit: Any, name: str) -> None:
    page = visit(name, size=PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
    assert too_wide(page) == []


def test_a_wide_table_scrolls_in_its_box_by_keyboard(visit: Any) -> None:
    page = visit("replica", size=PHONE, bypass_csp=True)
    box = page.locator("#table-2-dfs .scroll")
    assert box.evaluate("each => each.scrollWidth > each.clientWidth")
    box.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("document.querySelector('#table-2-dfs .scroll').scrollLeft > 0")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["replica", "full"])
def test_axe_finds_nothing(visit: Any, name: str, scheme: str) -> None:
    page = visit(name, color_scheme=scheme, bypass_csp=True)
    assert audit(page, scheme=scheme) == []


def test_axe_would_find_a_pale_word_and_a_picture_without_words(visit: Any) -> None:
    page = visit("one", bypass_csp=True)
    page.evaluate(
        """document.querySelector('main').insertAdjacentHTML('afterbegin',
            '<p style="color: #bbb; background: #fff">pale</p><img src="data:,">')"""
    )
    assert {each.partition(":")[0] for each in audit(page)} == {"color-contrast", "image-alt"}


def test_a_word_is_explained_by_keyboard_and_the_explanation_closes(visit: Any) -> None:
    page = visit("replica", java_script_enabled=False)
    word = page.locator("button.term", has_text="hazard ratio").first
    explanation = page.locator("#term-hazard-ratio")
    assert not explanation.is_visible()
    word.focus()
    page.keyboard.press("Enter")
    assert explanation.is_visible()
    assert "How many times as high the risk" in explanation.inner_text()
    page.keyboard.press("Escape")
    assert not explanation.is_visible()


def test_a_link_of_the_contents_brings_its_part_into_view(visit: Any) -> None:
    page = visit("replica", bypass_csp=True)
    page.locator("nav a", has_text="Survival by status").first.click()
    page.wait_for_function(
        "Math.abs(document.querySelector('#clinical-survival-status')"
        ".getBoundingClientRect().top) < 60"
    )


def test_the_methods_are_selected_as_a_whole_by_one_click(visit: Any) -> None:
    page = visit("replica")
    page.locator(".copy p").first.click()
    chosen = page.evaluate("getSelection().toString()")
    paragraphs = page.locator(".copy p").all_inner_texts()
    assert len(paragraphs) > 2
    assert all(each in chosen for each in paragraphs)


@pytest.mark.parametrize("name", ["replica", "full"])
def test_the_printed_page_is_wide_enough_for_every_table(visit: Any, name: str) -> None:
    page = visit(name, size=(A4_INNER_PX, 1000))
    page.emulate_media(media="print")
    # a wider page would be printed smaller, words and all
    assert page.evaluate("document.documentElement.scrollWidth") <= A4_INNER_PX


def test_in_print_the_explanations_are_footnotes_and_folded_tables_are_open(visit: Any) -> None:
    page = visit("replica")
    page.emulate_media(media="print")
    assert page.locator("#term-hazard-ratio").is_visible()
    assert page.locator("#subgroups").bounding_box()["height"] > 100
    assert len(page.pdf()) > 100_000
