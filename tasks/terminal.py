"""What the commands show: a progress bar and a table of findings, both on the error stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from schema.errors import FolderError, LLNError, SubmissionError
from schema.finding import Finding

SHOWN_FINDINGS = 30
WHERE_COLUMNS = 32
CANNOT_RUN = 2
FOUND = 1


class Verbs(click.Group):
    """A group of verbs that turns the kit's errors into a message and an exit code.

    0: done, nothing found. 1: done, with findings. 2: could not run: the command, the cohort.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run a verb; no traceback for an error of the kit or of the disk."""
        try:
            return super().invoke(ctx)
        except (LLNError, OSError) as error:
            if isinstance(error, FolderError):
                show_findings(error.findings)
            click.echo(f"error: {plain(str(error))}", err=True)
            ctx.exit(FOUND if isinstance(error, SubmissionError) else CANNOT_RUN)


@contextmanager
def progress(title: str, *, total: int | None) -> Iterator[Callable[[], None]]:
    """A bar on the error stream, gone when done; call the yielded function after each step.

    Without a total it only shows that something moves.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    console = Console(stderr=True)
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task(title, total=total)
        yield lambda: bar.advance(task)


def show_findings(findings: Sequence[Finding]) -> None:
    """Findings as a table on the error stream, the first ones in full."""
    console = Console(stderr=True)
    if not findings:
        return
    table = Table(title=count_of(findings), title_justify="left", show_lines=True)
    table.add_column("code", no_wrap=True)
    table.add_column("where", overflow="fold", min_width=WHERE_COLUMNS)
    table.add_column("what is wrong and how to mend it", overflow="fold")
    for each in findings[:SHOWN_FINDINGS]:
        table.add_row(plain(each.code), plain(each.where), _problem(each))
    console.print(table)
    if len(findings) > SHOWN_FINDINGS:
        rest = len(findings) - SHOWN_FINDINGS
        console.print(f"and {rest} more; --json lists all", markup=False)


def _problem(finding: Finding) -> Text:
    """Title, expected, got and fix, a line each."""
    rest = ("\nexpected: ", finding.expected, "\ngot: ", finding.got, "\n", finding.fix)
    return Text.assemble(
        (plain(finding.title).plain, "bold"), *(plain(each).plain for each in rest)
    )


def count_of(findings: Sequence[Finding]) -> str:
    """The number of findings in words."""
    return {0: "no findings", 1: "1 finding"}.get(len(findings), f"{len(findings)} findings")


def show_table(*, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Rows as a table on standard output; a first cell equal to the one above is left blank."""
    table = Table(box=SIMPLE)
    for name in columns:
        table.add_column(name, overflow="fold")
    above = ""
    for first, *rest in rows:
        table.add_row(*map(plain, ("" if first == above else first, *rest)))
        above = first
    Console().print(table)


def plain(text: str) -> Text:
    """Text without markup and without any character that a terminal would obey."""
    shown = (each if each.isprintable() or each == "\n" else "?" for each in text)
    return Text("".join(shown))
