"""A real Chromium for the tests: the system's own, driven by Playwright, cut off from everything.

A test module imports the fixtures it needs: `from tests.browsers import browser`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
NO_BROWSER = "no Chromium is installed"
AXE = files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8")
OF_COLOUR = ["color-contrast", "link-in-text-block"]
"""Rules of axe that depend on the scheme; they take most of the time, a cell of a table each."""
LIKE_ROWS = 4
"""Rows of a table after which the next ones are coloured as these."""


def executable() -> str | None:
    """Path of the system's Chromium."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def browser_is_required() -> bool:
    """Whether a missing browser is a failure, as in CI."""
    return os.environ.get("LLN_REQUIRE_BROWSER") == "1"


def require_executable() -> str:
    """Path of the system's Chromium; without one the test is skipped.

    Under `LLN_REQUIRE_BROWSER=1`, as in CI, it fails instead.
    """
    path = executable()
    if path is None and browser_is_required():
        pytest.fail(f"LLN_REQUIRE_BROWSER=1, but {NO_BROWSER}", pytrace=False)
    if path is None:
        pytest.skip(NO_BROWSER)
    return path


def watch(page: Page, troubles: list[str]) -> None:
    """Note whatever goes wrong in a page: a message, an error, a refused load, a dialog."""

    def on_dialog(dialog: Dialog) -> None:
        troubles.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("dialog", on_dialog)


def audit(page: Page, *, scheme: str = "light") -> list[str]:
    """What axe finds with every closed part open, a line a kind.

    Structure is the same in the dark, so it is read in the light only. For the colours, looked at
    last, tables are cut after a few rows.
    """
    page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
    page.evaluate(AXE)
    rules = {name: {"enabled": False} for name in OF_COLOUR}
    structure = [] if scheme == "dark" else _violations(page, {"rules": rules})
    page.evaluate(
        "count => document.querySelectorAll('tbody').forEach("
        "body => [...body.rows].slice(count).forEach(row => row.remove()))",
        LIKE_ROWS,
    )
    return structure + _violations(page, {"runOnly": OF_COLOUR})


def _violations(page: Page, options: dict[str, Any]) -> list[str]:
    found = page.evaluate(
        "options => axe.run(document, options)", {"resultTypes": ["violations"], **options}
    )
    assert found["passes"], "axe looked at nothing"
    return [
        f"{each['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
        for each in found["violations"]
        for node in each["nodes"][:3]
    ]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser a test module; it reaches no network."""
    path = require_executable()
    # as root a sandbox of its own cannot be made; nothing but the kit's own pages is opened
    arguments = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND", "--disable-gpu"]
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=path, args=arguments)
        yield launched
        launched.close()
