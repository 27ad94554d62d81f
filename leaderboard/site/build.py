"""The site as files: pages, style, script and downloads, by path."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import TypeAdapter

from leaderboard.site.entry_sheets import entry_sheets
from leaderboard.site.inputs import Leaderboard
from leaderboard.site.pages import bodies, document, single_document, static
from leaderboard.site.rows import board_table
from leaderboard.site.sheets import (
    Sheet,
    board_bibtex,
    board_sheet,
    entry_bibtex,
    figure_sheet,
    ledger_sheet,
    pair_sheet,
    scheme_sheet,
)
from schema.base import EntryId
from tasks.files import canonical_json

SINGLE = "leaderboard.html"
STATIC = ("board.css", "board.js")
MANY = ("data/pairs-", "data/figures-", "data/tables/")
"""Begins the paths of tables of which there are many, or which are long."""
_ENTRY_ID: TypeAdapter[str] = TypeAdapter(EntryId)


def build(found: Leaderboard, *, single: bool = False) -> dict[str, str]:
    """Every file of the site by its path; the same input gives the same bytes.

    Args:
        found: what to show.
        single: one HTML file that holds everything, instead of a folder.

    Raises:
        pydantic.ValidationError: an entry's id could not be a file's name.
    """
    for entry in found.entries:
        _ENTRY_ID.validate_python(entry.id)
    offered = downloads(found)
    if single:
        return {SINGLE: single_document(found, downloads=within_one_file(offered))}
    pages = {body.page.file: document(found, body) for body in bodies(found)}
    robots = {"robots.txt": "User-agent: *\nDisallow: /\n"} if found.board.draft else {}
    styled = {f"static/{name}": static(name) for name in STATIC}
    return dict(sorted({**pages, **styled, **offered, **robots}.items()))


def downloads(found: Leaderboard) -> dict[str, str]:
    """Every file that a reader may take away."""
    tables = {path: text for sheet in _sheets(found) for path, text in sheet.files().items()}
    of_entries = {
        path: text
        for each in found.entries
        for offered in entry_sheets(found, each)
        for path, text in offered.files().items()
    }
    entries = {
        f"data/entries/{each.id}.json": canonical_json(each.model_dump(mode="json"))
        for each in found.entries
    }
    cited = {f"data/entries/{each.id}.bib": entry_bibtex(found, each) for each in found.entries}
    standings = {
        f"data/standings-{task}.json": canonical_json(each.model_dump(mode="json"))
        for task, each in found.standings.items()
    }
    whole = board_bibtex(found) + "".join(cited.values())
    return {**tables, **of_entries, **entries, **cited, **standings, "data/leaderboard.bib": whole}


def within_one_file(offered: Mapping[str, str]) -> dict[str, str]:
    """What the single file carries: pairs and tables of entries in one format instead of three."""
    return {
        path: text
        for path, text in offered.items()
        if not path.startswith(MANY) or path.endswith(".csv")
    }


def _sheets(found: Leaderboard) -> Iterable[Sheet]:
    for task_id in found.task_order:
        yield board_sheet(found, task_id, board_table(found, task_id))
        yield from (
            each
            for each in (pair_sheet(found, task_id), scheme_sheet(found, task_id))
            if each is not None
        )
    yield ledger_sheet(found)
    yield from (figure_sheet(found, each) for each in found.entries)
