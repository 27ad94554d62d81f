"""What came of an import: one table of everything doubtful, and a page to read."""

from __future__ import annotations

import html
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from schema.finding import Finding
from tasks.files import write_table, write_text
from tasks.importing.case import CaseOutcome
from tasks.importing.state import CaseRecord

FINDINGS = "findings.csv"
PAGE = "import.html"
COLUMNS = ("case_id", "code", "title", "where", "expected", "got", "fix", "left_out")
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1c1c1c; margin: 2rem auto; padding: 0 1rem;
  max-width: 75rem; }
table { border-collapse: collapse; width: 100%; margin: 0.5rem 0 2rem; }
th, td { text-align: left; vertical-align: top; padding: 0.4rem 0.8rem;
  border-bottom: 1px solid #d6d6d6; overflow-wrap: anywhere; }
th { border-bottom: 2px solid #1c1c1c; white-space: nowrap; }
td:first-child { white-space: nowrap; overflow-wrap: normal; }
.found td:nth-child(2) { white-space: nowrap; overflow-wrap: normal; }
.found td:nth-child(3) { min-width: 14rem; }
.left { color: #a0200f; font-weight: 600; }
@media print { body { margin: 0; } }
"""


def write_report(
    folder: Path, outcomes: Sequence[CaseOutcome], *, findings: Sequence[Finding]
) -> None:
    """Write `findings.csv` and `import.html`; same import, same bytes.

    Args:
        folder: outside of the cohort: paths and texts may tell who the patients are.
        outcomes: one a case.
        findings: all of them.
    """
    rows = [_row(finding) for finding in findings]
    write_table(folder / FINDINGS, columns=COLUMNS, rows=rows)
    records = [outcome.record for outcome in outcomes]
    write_text(folder / PAGE, "".join(_page(records, findings=findings)))


def _row(finding: Finding) -> list[str]:
    return [
        finding.case_id or "",
        finding.code,
        finding.title,
        finding.where,
        finding.expected,
        finding.got,
        finding.fix,
        "yes" if finding.case_id is not None and finding.fails_case else "no",
    ]


def _page(records: Sequence[CaseRecord], *, findings: Sequence[Finding]) -> Iterator[str]:
    imported = sum(record.imported for record in records)
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield f"<title>Import</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
    yield "<h1>Import</h1>\n"
    yield f"<p>{imported} of {len(records)} studies with a case id were imported. "
    yield "This page may tell who the patients are: keep it where the key file is.</p>\n"
    yield from _findings(findings)
    yield from _studies(records)
    yield "</main>\n</body>\n</html>\n"


def _findings(findings: Sequence[Finding]) -> Iterator[str]:
    yield "<h2>What is doubtful</h2>\n"
    if not findings:
        yield "<p>Nothing.</p>\n"
        return
    counts = Counter((finding.code, finding.title) for finding in findings)
    yield _table(
        ("code", "what", "how often"), ([*what, str(n)] for what, n in sorted(counts.items()))
    )
    head = ("case", "code", "where", "what is wrong and how to mend it")
    yield _table(head, (_cells(finding) for finding in findings), kind="found")


def _cells(finding: Finding) -> list[str]:
    lines = (f"expected: {finding.expected}", f"got: {finding.got}", finding.fix)
    words = "\n".join((finding.title, *lines))
    return [finding.case_id or "\N{EN DASH}", finding.code, finding.where, words]


def _studies(records: Sequence[CaseRecord]) -> Iterator[str]:
    yield "<h2>Studies</h2>\n"
    head = ("case", "imported", "series", "masks turned without loss")
    yield _table(head, (_study(record) for record in records))


def _study(record: CaseRecord) -> list[str]:
    stands = "yes" if record.imported else "left out"
    return [record.case_id, stands, record.series or "none", ", ".join(record.turned) or "none"]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], *, kind: str = "plain") -> str:
    """Texts as a table, every one of them escaped."""
    names = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in head)
    lines = "".join(
        "<tr>" + "".join(f"<td>{_cell(cell)}</td>" for cell in row) + "</tr>\n" for row in rows
    )
    top = f'<table class="{kind}">\n<thead><tr>{names}</tr></thead>'
    return f"{top}\n<tbody>\n{lines}</tbody>\n</table>\n"


def _cell(text: str) -> str:
    first, *rest = html.escape(text).split("\n")
    if rest:
        return "<br>".join((f"<strong>{first}</strong>", *rest))
    return f'<span class="left">{first}</span>' if text == "left out" else first
