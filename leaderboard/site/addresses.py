"""Where every page and every download is: in a folder, or all in one file."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import NamedTuple, Protocol

MEDIA_TYPES = {
    ".csv": "text/csv;charset=utf-8",
    ".json": "application/json",
    ".tex": "text/x-tex;charset=utf-8",
    ".bib": "text/x-bibtex;charset=utf-8",
}


class Page(NamedTuple):
    """One page.

    Attributes:
        id: its anchor in the single file; every anchor within the page begins with it.
        file: its path within the folder.
    """

    id: str
    file: str


BOARDS = Page("boards", "index.html")
COMPARE = Page("compare", "compare.html")
STABILITY = Page("stability", "stability.html")
METHOD = Page("method", "method.html")
LEDGER = Page("ledger", "ledger.html")


def entry_page(entry: str) -> Page:
    """The page of one entry."""
    return Page(f"entry-{entry}", f"entries/{entry}.html")


class Addresses(Protocol):
    """How one page refers to another."""

    def to(self, page: Page, anchor: str = "") -> str:
        """The address of a page, or of an anchor in it."""

    def offers(self, path: str) -> bool:
        """Whether a file is there to be taken."""

    def download(self, path: str) -> str:
        """The address of a file that is offered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InFolder:
    """Relative paths, so that the folder can be opened from a disk or served from anywhere."""

    here: Page

    @property
    def root(self) -> str:
        """The way up to the top folder."""
        return "../" * (len(PurePosixPath(self.here.file).parts) - 1)

    def to(self, page: Page, anchor: str = "") -> str:
        """The relative path; within the page itself only the anchor."""
        fragment = f"#{anchor}" if anchor else ""
        if page == self.here and fragment:
            return fragment
        return f"{self.root}{page.file}{fragment}"

    def offers(self, path: str) -> bool:
        """The folder has every file."""
        return bool(path)

    def download(self, path: str) -> str:
        """The relative path."""
        return f"{self.root}{path}"


@dataclass(frozen=True, slots=True, kw_only=True)
class InOneFile:
    """Anchors, and the downloads within the links themselves."""

    downloads: Mapping[str, str]

    def to(self, page: Page, anchor: str = "") -> str:
        """The anchor."""
        return f"#{anchor or page.id}"

    def offers(self, path: str) -> bool:
        """Whether the file carries it."""
        return path in self.downloads

    def download(self, path: str) -> str:
        """The file itself as an address."""
        content = base64.b64encode(self.downloads[path].encode()).decode("ascii")
        media_type = MEDIA_TYPES[PurePosixPath(path).suffix]
        return f"data:{media_type};base64,{content}"
