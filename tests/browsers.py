"""A real Chromium for the tests: the system's own, driven by Playwright, cut off from everything.

A test module imports the fixtures it needs: `from tests.browsers import browser`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Dialog, Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
NO_BROWSER = "no Chromium is installed"


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
