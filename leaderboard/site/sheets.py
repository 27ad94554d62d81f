"""Tables as files: CSV, JSON and LaTeX of the same rows, and BibTeX.

Whatever an entrant wrote is text in each of them: a spreadsheet gets no formula, LaTeX no command.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass

from evaluation.figures.captions import scope_title
from evaluation.figures.numerals import SUFFIX, decimal
from evaluation.sheet_formats import guarded, latex
from leaderboard.site.inputs import Leaderboard, figure_of, task_of
from leaderboard.site.rows import BoardTable, Row
from leaderboard.site.stability import SCHEMES, ordered_schemes
from schema.entry import Entry
from schema.task import Metric, Unit
from schema.terms import TaskId
from tasks.files import canonical_json

Value = str | int | float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One column.

    Attributes:
        name: in CSV and JSON.
        title: in LaTeX; empty leaves the column out there.
        decimals: of a number in LaTeX; None prints it in full.
        scale: a number is multiplied by it in LaTeX.
    """

    name: str
    title: str = ""
    decimals: int | None = None
    scale: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table: what it is of, its columns, its rows."""

    name: str
    caption: str
    fields: tuple[Field, ...]
    rows: tuple[tuple[Value, ...], ...]

    def files(self) -> dict[str, str]:
        """The table as CSV, JSON and LaTeX, by path."""
        stem = f"data/{self.name}"
        return {
            f"{stem}.csv": csv_text(self),
            f"{stem}.json": json_text(self),
            f"{stem}.tex": latex_text(self),
        }


def csv_text(sheet: Sheet) -> str:
    """Comma-separated values; text that a spreadsheet would compute begins with an apostrophe."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(field.name for field in sheet.fields)
    writer.writerows([_cell(value) for value in row] for row in sheet.rows)
    return target.getvalue()


def _cell(value: Value) -> Value:
    """A cell of one line: an unseen sign, a lone carriage return too, is a space."""
    if isinstance(value, str):
        return guarded("".join(each if each.isprintable() else " " for each in value))
    return "" if value is None else value


def json_text(sheet: Sheet) -> str:
    """One object a row."""
    names = [field.name for field in sheet.fields]
    return canonical_json([dict(zip(names, row, strict=True)) for row in sheet.rows])


def latex_text(sheet: Sheet) -> str:
    """A table for booktabs."""
    shown = [index for index, field in enumerate(sheet.fields) if field.title]
    fields = [sheet.fields[index] for index in shown]
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        rf"\caption{{{latex(sheet.caption)}}}",
        rf"\begin{{tabular}}{{{''.join('l' for _ in fields)}}}",
        r"\toprule",
        " & ".join(latex(field.title) for field in fields) + r" \\",
        r"\midrule",
        *(
            " & ".join(_latex_value(row[index], sheet.fields[index]) for index in shown) + r" \\"
            for row in sheet.rows
        ),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _latex_value(value: Value, field: Field) -> str:
    if value is None:
        return "--"
    if isinstance(value, str):
        return latex(value)
    if isinstance(value, int) or field.decimals is None:
        return latex(f"{value:g}")
    return latex(decimal(value * field.scale, field.decimals))


def board_sheet(found: Leaderboard, task_id: TaskId, table: BoardTable) -> Sheet:
    """The table of a board, every figure with its interval."""
    task = found.tasks[task_id]
    return Sheet(
        name=f"board-{task_id}",
        caption=f"{found.board.title}: {task.title}",
        fields=(*BOARD_FIELDS, *_figure_fields(table), *PROVENANCE_FIELDS),
        rows=tuple(_board_row(each, table, task_id) for each in (*table.ranked, *table.others)),
    )


BOARD_FIELDS = (
    Field(name="rank", title="Rank"),
    Field(name="rank_low", title="from"),
    Field(name="rank_high", title="to"),
    Field(name="letters", title="Tie"),
    Field(name="entry"),
    Field(name="team", title="Team"),
    Field(name="model", title="Model"),
    Field(name="kind", title="Kind"),
    Field(name="run_by"),
    Field(name="unranked_reason"),
    Field(name="p_first", title="P(first)", decimals=2),
    Field(name="p_top_three"),
    Field(name="difference"),
    Field(name="difference_low"),
    Field(name="difference_high"),
    Field(name="cases"),
    Field(name="failed", title="Failed"),
)
PROVENANCE_FIELDS = (
    Field(name="seconds_per_case"),
    Field(name="peak_memory_mib"),
    Field(name="submitted"),
    Field(name="attempt"),
    Field(name="cohort_digest"),
    Field(name="image_digest"),
    Field(name="result_digest"),
)


def _figure_fields(table: BoardTable) -> Iterable[Field]:
    for column in table.columns:
        name, metric = "_".join(column.key), column.metric
        title = f"{metric.title} {column.arrow}"
        yield Field(name=name, title=title, decimals=metric.decimals, scale=_scale(metric))
        yield Field(name=f"{name}_low", title="low", decimals=metric.decimals, scale=_scale(metric))
        yield Field(
            name=f"{name}_high", title="high", decimals=metric.decimals, scale=_scale(metric)
        )
        yield Field(name=f"{name}_reason")


def _scale(metric: Metric) -> float:
    return 100.0 if metric.unit is Unit.FRACTION else 1.0


def _board_row(row: Row, table: BoardTable, task_id: TaskId) -> tuple[Value, ...]:
    return (*_standing_values(row), *_figure_values(row, table, task_id), *_provenance_values(row))


def _standing_values(row: Row) -> tuple[Value, ...]:
    entry, standing = row.entry, row.standing
    interval = standing.interval if standing else None
    difference = standing.difference_interval if standing else None
    return (
        standing.rank if standing else None,
        interval.low if interval else None,
        interval.high if interval else None,
        standing.letters if standing else "",
        entry.id,
        entry.manifest.team,
        entry.manifest.model,
        entry.kind.value,
        entry.run_by,
        row.reason,
        standing.first if standing else None,
        standing.top_three if standing else None,
        standing.difference if standing else None,
        difference.low if difference else None,
        difference.high if difference else None,
        row.coverage.cases,
        row.coverage.failed,
    )


def _figure_values(row: Row, table: BoardTable, task_id: TaskId) -> Iterable[Value]:
    for column in table.columns:
        figure = figure_of(row.entry, task_id, column.key)
        interval = figure.interval if figure else None
        yield figure.value if figure else None
        yield interval.low if interval else None
        yield interval.high if interval else None
        yield (figure.reason or "") if figure else "not given"


def _provenance_values(row: Row) -> tuple[Value, ...]:
    entry, used = row.entry, row.entry.resources
    return (
        used.seconds_per_case if used else None,
        used.peak_memory_mib if used else None,
        entry.submitted.isoformat(),
        entry.attempt,
        entry.cohort.digest,
        row.image,
        entry.result_digest,
    )


def pair_sheet(found: Leaderboard, task_id: TaskId) -> Sheet | None:
    """Every paired test of a board; None when there is none."""
    standings = found.standings.get(task_id)
    if standings is None or not standings.pairs:
        return None
    names = ("first", "second", "metric", "scope", "test", "difference", "low", "high")
    return Sheet(
        name=f"pairs-{task_id}",
        caption=f"{found.board.title}: paired tests, {found.tasks[task_id].title}",
        fields=tuple(Field(name=name, title=name) for name in (*names, "p_value", "p_holm")),
        rows=tuple(
            (
                each.first,
                each.second,
                each.metric,
                each.scope,
                each.test,
                each.difference,
                each.interval.low if each.interval else None,
                each.interval.high if each.interval else None,
                each.p_value,
                each.p_holm,
            )
            for each in standings.pairs
        ),
    )


def scheme_sheet(found: Leaderboard, task_id: TaskId) -> Sheet | None:
    """Ranks under every scheme; None when there is none."""
    standings, ranked = found.standings.get(task_id), found.ranked(task_id)
    if standings is None or not standings.schemes:
        return None
    schemes = ordered_schemes(standings)
    return Sheet(
        name=f"schemes-{task_id}",
        caption=f"{found.board.title}: ranks by scheme, {found.tasks[task_id].title}",
        fields=(
            Field(name="entry", title="Entry"),
            *(Field(name=each.scheme.value, title=SCHEMES[each.scheme][0]) for each in schemes),
        ),
        rows=tuple(
            (each.entry, *(scheme.ranks.get(each.entry) for scheme in schemes)) for each in ranked
        ),
    )


def ledger_sheet(found: Leaderboard) -> Sheet:
    """Every line of the ledger."""
    return Sheet(
        name="ledger",
        caption=f"{found.board.title}: ledger",
        fields=(
            Field(name="number", title="No."),
            Field(name="at_utc", title="Time (UTC)"),
            Field(name="event", title="Event"),
            Field(name="entry", title="Entry"),
            Field(name="kind"),
            Field(name="team", title="Team"),
            Field(name="reason", title="Reason"),
            Field(name="digest"),
            Field(name="previous"),
        ),
        rows=tuple(
            (
                each.number,
                each.at_utc.isoformat(),
                each.event.value,
                each.entry,
                each.kind.value,
                each.team,
                each.reason,
                each.digest,
                each.previous,
            )
            for each in found.ledger
        ),
    )


def figure_sheet(found: Leaderboard, entry: Entry) -> Sheet:
    """Every figure of an entry."""
    return Sheet(
        name=f"figures-{entry.id}",
        caption=f"{entry.manifest.team}: {entry.manifest.model}",
        fields=(
            Field(name="task", title="Task"),
            Field(name="metric", title="Metric"),
            Field(name="scope", title="Of"),
            Field(name="unit", title="Unit"),
            Field(name="value", title="Value"),
            Field(name="low", title="low"),
            Field(name="high", title="high"),
            Field(name="n", title="n"),
            Field(name="p_value"),
            Field(name="status"),
            Field(name="reason"),
        ),
        rows=tuple(
            row for task_id in found.task_order for row in _figure_rows(found, entry, task_id)
        ),
    )


def _figure_rows(found: Leaderboard, entry: Entry, task_id: TaskId) -> Iterable[tuple[Value, ...]]:
    task, public = found.tasks[task_id], task_of(entry, task_id)
    for each in public.figures if public else ():
        metric, interval = task.metric(each.metric), each.interval
        yield (
            task_id.value,
            metric.title,
            scope_title(each.scope, task),
            SUFFIX[metric.unit].strip() and metric.unit.value,
            each.value,
            interval.low if interval else None,
            interval.high if interval else None,
            each.n,
            each.p_value,
            each.status.value,
            each.reason,
        )


def entry_bibtex(found: Leaderboard, entry: Entry) -> str:
    """How to cite one entry."""
    fields = {
        "author": f"{{{latex(entry.manifest.team)}}}",
        "title": f"{{{latex(entry.manifest.model)}}}",
        "howpublished": latex(f"Entry {entry.id} of {found.board.title}, {found.board.organiser}"),
        "year": f"{entry.submitted.year}",
        "note": latex(f"Attempt {entry.attempt}, result {entry.result_digest}"),
    }
    return _bibtex(f"lln-{entry.id}", fields)


def board_bibtex(found: Leaderboard) -> str:
    """How to cite the leaderboard."""
    fields = {
        "author": f"{{{latex(found.board.organiser)}}}",
        "title": f"{{{latex(found.board.title)}}}",
        "year": f"{found.board.opened.year}",
        "note": latex(
            f"Cohort {found.board.cohort_name}, evaluator {found.board.kit_version}, "
            f"{len(found.entries)} entries"
        ),
    }
    return _bibtex("lln-leaderboard", fields)


def _bibtex(key: str, fields: dict[str, str]) -> str:
    body = "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items())
    return f"@misc{{{key},\n{body}}}\n"
