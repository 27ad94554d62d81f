"""Every page as HTML. What an entrant wrote is escaped; only our own pictures are markup."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import ChoiceLoader, Environment, PackageLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup

from evaluation.figures.captions import ARROWS, INTERVALS, SCOPES, capital
from evaluation.figures.numerals import counted
from evaluation.report import prose, worst_value
from leaderboard.ledger import attempts_of
from leaderboard.names import team_key
from leaderboard.site import addresses
from leaderboard.site.addresses import Addresses, InFolder, InOneFile, Page, entry_page
from leaderboard.site.certainty import certainty
from leaderboard.site.comparison import comparison_data, neighbours
from leaderboard.site.entry import blocks_of
from leaderboard.site.inputs import Leaderboard, keys_of
from leaderboard.site.rows import (
    KINDS,
    badges_of,
    board_table,
    memory_text,
    seconds_text,
    short_digest,
)
from leaderboard.site.sheets import entry_bibtex
from leaderboard.site.stability import SCHEMES, stability_plots, tau_rows
from schema.entry import Kind
from schema.ledger import ATTEMPTS, Event, LedgerLine
from schema.task import EmptyOutcome
from schema.terms import Status

STYLE = "board.css"
FORBID = "default-src 'none'; {rest}; img-src data:; base-uri 'none'; form-action 'none'"
NAVIGATION = (
    (addresses.BOARDS, "Boards"),
    (addresses.COMPARE, "Compare"),
    (addresses.STABILITY, "Stability"),
    (addresses.METHOD, "Method"),
    (addresses.LEDGER, "Ledger"),
)
EVENTS: Mapping[Event, str] = {
    Event.LISTED: "listed",
    Event.FAILED: "failed attempt",
    Event.RESCORED: "scored again",
    Event.WITHDRAWN: "withdrawn",
    Event.DISQUALIFIED: "disqualified",
    Event.REINSTATED: "reinstated",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The content of one page."""

    page: Page
    title: str
    html: Markup


@cache
def environment() -> Environment:
    """The templates; escaping is on whatever their names end in."""
    made = Environment(
        loader=ChoiceLoader(
            [
                PackageLoader("leaderboard"),
                PrefixLoader({"evaluation": PackageLoader("evaluation")}),
            ]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "capital": capital,
        "counted": counted,
        "prose": prose,
        "worst": worst_value,
        "https": https,
        "short": short_digest,
        "outcome": empty_outcome,
    }
    made.globals |= {
        "ARROWS": ARROWS,
        "EVENTS": EVENTS,
        "INTERVALS": INTERVALS,
        "KINDS": KINDS,
        "NAVIGATION": NAVIGATION,
        "SCHEMES": SCHEMES,
        "SCOPES": SCOPES,
        "PAGES": addresses,
        "badges_of": badges_of,
        "entry_page": entry_page,
        "keys_of": keys_of,
        "memory_text": memory_text,
        "seconds_text": seconds_text,
    }
    return made


def https(url: str | None) -> str:
    """An address that may become a link; empty when it may not."""
    return url if url is not None and url.startswith("https://") else ""


def empty_outcome(outcome: EmptyOutcome) -> str:
    """What an empty mask counts as."""
    if outcome.value is not None and outcome.status is Status.OK:
        return f"{outcome.value:g}"
    return f"no value ({outcome.status.value.replace('_', ' ')})"


def bodies(found: Leaderboard, *, single: InOneFile | None = None) -> tuple[Body, ...]:
    """Every page's content, in the order of the navigation, then the entries.

    Args:
        found: what to show.
        single: how pages refer to each other when they are all in one file.
    """
    return (
        _boards_body(found, single=single),
        _body("compare", addresses.COMPARE, "Compare", found, single, **_compare(found)),
        _body("stability", addresses.STABILITY, "Stability", found, single, boards=_stable(found)),
        _body("method", addresses.METHOD, "Method", found, single),
        _body("ledger", addresses.LEDGER, "Ledger", found, single, **_ledger(found)),
        *(
            _body(
                "entry",
                entry_page(entry.id),
                f"{entry.manifest.model}, {entry.manifest.team}",
                found,
                single,
                entry=entry,
                blocks=blocks_of(found, entry),
                decision=found.decisions.get(entry.id),
                bibtex=entry_bibtex(found, entry),
            )
            for entry in found.entries
        ),
    )


def boards_page(found: Leaderboard) -> str:
    """The first page alone."""
    return document(found, _boards_body(found, single=None))


def _boards_body(found: Leaderboard, *, single: InOneFile | None) -> Body:
    title = found.board.title
    return _body("boards", addresses.BOARDS, title, found, single, boards=_boards(found))


def _body(
    template: str,
    page: Page,
    title: str,
    found: Leaderboard,
    single: InOneFile | None,
    **context: object,
) -> Body:
    at: Addresses = single or InFolder(here=page)
    html = (
        environment()
        .get_template(f"{template}.html.j2")
        .render(found=found, board=found.board, at=at, page=page, **context)
    )
    return Body(page=page, title=title, html=Markup(html))  # noqa: S704 - rendered with escaping


def _boards(found: Leaderboard) -> list[dict[str, object]]:
    return [
        {
            "task": found.tasks[task_id],
            "table": board_table(found, task_id),
            "certainty": certainty(found, task_id),
            "standings": found.standings.get(task_id),
        }
        for task_id in found.task_order
    ]


def _compare(found: Leaderboard) -> dict[str, object]:
    return {
        "data": comparison_data(found),
        "neighbours": [
            (found.tasks[task_id], neighbours(found, task_id)) for task_id in found.task_order
        ],
    }


def _stable(found: Leaderboard) -> list[dict[str, object]]:
    return [
        {
            "task": found.tasks[task_id],
            "plots": stability_plots(found, task_id),
            "tau": tau_rows(found.standings[task_id]) if task_id in found.standings else (),
            "certainty": certainty(found, task_id),
        }
        for task_id in found.task_order
    ]


def _ledger(found: Leaderboard) -> dict[str, object]:
    return {"teams": attempts_by_team(found), "out": sorted(found.decisions.items())}


def attempts_by_team(found: Leaderboard) -> tuple[tuple[str, int], ...]:
    """How many attempts each team has made, by name; controls and readers make none."""
    names = {team_key(each.team): each.team for each in found.ledger if _is_limited(each)}
    return tuple((name, attempts_of(found.ledger, name)) for _, name in sorted(names.items()))


def _is_limited(line: LedgerLine) -> bool:
    return line.event in ATTEMPTS and line.kind is Kind.SUBMISSION


def document(found: Leaderboard, body: Body) -> str:
    """One page of the folder."""
    at = InFolder(here=body.page)
    return _shell(
        found,
        [body],
        at=at,
        policy=FORBID.format(rest="style-src 'self'; script-src 'self'"),
        style=at.download("static/board.css"),
        script=at.download("static/board.js"),
        inline=False,
    )


def single_document(found: Leaderboard, *, downloads: Mapping[str, str]) -> str:
    """Everything in one file that needs no other; the policy names the hash of what it runs."""
    at = InOneFile(downloads=downloads)
    style, script = static(STYLE), static("board.js")
    rest = f"style-src '{_hash(style)}'; script-src '{_hash(script)}'"
    return _shell(
        found,
        list(bodies(found, single=at)),
        at=at,
        policy=FORBID.format(rest=rest),
        style=Markup(style),  # noqa: S704 - our own file
        script=Markup(script),  # noqa: S704 - our own file
        inline=True,
    )


def _shell(found: Leaderboard, content: list[Body], **context: object) -> str:
    return (
        environment()
        .get_template("shell.html.j2")
        .render(found=found, board=found.board, bodies=content, **context)
    )


def static(name: str) -> str:
    """A file of the site's `static`; its style begins with that of the scorer's pictures."""
    own = files("leaderboard").joinpath("static", name).read_text(encoding="utf-8")
    if name != STYLE:
        return own
    pictures = files("evaluation").joinpath("templates", "pictures.css")
    return pictures.read_text(encoding="utf-8") + own


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
