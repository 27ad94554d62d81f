"""A leaderboard in which every text that anybody may write is hostile.

The schema refuses much of it; here it is forced past the schema, so that the pages stand alone.
"""

from __future__ import annotations

from typing import Any

from leaderboard.site.inputs import Leaderboard
from schema.entry import Entry
from schema.ledger import Event
from tests.leaderboard.site import examples

CORPUS = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</script><script>alert(1)</script>",
    "</title></style><script>alert(1)</script>",
    "<!--<script>alert(1)",
    "javascript:alert(1)",
    "{{ 7*7 }}{% raw %}",
    '=HYPERLINK("https://evil.example")',
    "\\end{tabular}\\input{/etc/passwd}}{",
    "\u202egnitset\u2066",
    "]]><script>alert(1)</script>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\u2028<script>alert(1)</script>",
)


def hostile_entry(found: Entry, text: str) -> Entry:
    """Every text of the entry and every address in it replaced."""
    tasks = tuple(
        each.model_copy(
            update={
                "figures": tuple(
                    f.model_copy(update={"interval_reason": text, "interval": None})
                    if index % 2
                    else examples.hidden(f).model_copy(update={"reason": text})
                    for index, f in enumerate(each.figures)
                ),
                "matrices": tuple(
                    m.model_copy(update={"title": text, "rows": (text, *m.rows[1:])})
                    for m in each.matrices
                ),
                "agreement": tuple(
                    a.model_copy(update={"first": text, "words": text}) for a in each.agreement
                ),
            }
        )
        for each in found.tasks
    )
    return found.model_copy(
        update={
            "manifest": copied(
                found.manifest, text, "team", "model", "description", "url", "image"
            ),
            "paper": text,
            "cohort": copied(found.cohort, text, "name"),
            "provenance": found.provenance.model_copy(
                update={"libraries": {text: text}, "image_digest": text}
            ),
            "result_digest": text,
            "resources": found.resources and copied(found.resources, text, "gpu"),
            "tasks": tasks,
            "reporting": {"claim_7": text, "claim_14": text, "tripod_3b": text},
            "notes": (text,),
        }
    )


def copied(model: Any, text: str, *names: str) -> Any:
    """A model with some of its fields replaced, unvalidated."""
    return model.model_copy(update=dict.fromkeys(names, text))


def hostile(text: str) -> Leaderboard:
    """The leaderboard of three, in hostile words, its last entry disqualified."""
    found = examples.of_three()
    decided = examples.leaderboard(
        found.entries, decisions={found.entries[-1].id: (Event.DISQUALIFIED, "x")}
    )
    standings = [
        each.model_copy(
            update={
                "standings": tuple(
                    copied(s, text, "unranked_reason") if s.rank is None else s
                    for s in each.standings
                )
            }
        )
        for each in decided.standings.values()
    ]
    board = copied(
        found.board, text, "title", "organiser", "description", "cohort_name", "url", "licence"
    )
    return Leaderboard.of(
        board=board,
        entries=[hostile_entry(each, text) for each in found.entries],
        standings=standings,
        ledger=[copied(each, text, "team", "reason") for each in decided.ledger],
        tasks=found.tasks,
    )
