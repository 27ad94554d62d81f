"""A sheet as a spreadsheet reads it and as a manuscript sets it.

Whatever somebody else wrote is text in both: a spreadsheet gets no formula, LaTeX no command.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator

from evaluation.figures.numerals import DASH, MINUS, SPACE
from evaluation.sheet import Row, Sheet

FORMULA = re.compile(r"^[\s]*[=+\-@|%\t\r\n]")
LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    # at the start of a row the command that ends the row before would take them for its own
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    SPACE: "~",
    MINUS: "$-$",
    DASH: "--",
    "†": r"\textdagger{}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "≥": r"$\geq$",
    "≤": r"$\leq$",
    "²": r"\textsuperscript{2}",
}
FOLDER = "tables"


def sheet_files(sheet: Sheet) -> dict[str, str]:
    """The sheet as CSV and LaTeX, by path."""
    return {
        f"{FOLDER}/{sheet.id}.csv": csv_text(sheet),
        f"{FOLDER}/{sheet.id}.tex": latex_text(sheet),
    }


def csv_text(sheet: Sheet) -> str:
    """Comma-separated values, one line a row that holds anything.

    A row below a heading begins with it, `Sex: Male`, so that every line stands alone. Text that a
    spreadsheet would compute begins with an apostrophe.
    """
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerows(map(_plain, row) for row in (sheet.columns, *_lines(sheet)))
    return target.getvalue()


def _lines(sheet: Sheet) -> Iterator[tuple[str, ...]]:
    group = ""
    for row in sheet.rows:
        first, *rest = row.cells
        if row.indented:
            yield (f"{group}: {first}" if group else first, *rest)
            continue
        group = first
        if not row.heading:
            yield row.cells


def _plain(text: str) -> str:
    """A cell of one line: an unseen sign, a line break too, is a space."""
    return guarded("".join(each if each.isprintable() else " " for each in text))


def guarded(text: str) -> str:
    """Text that a spreadsheet shows and does not compute."""
    return f"'{text}" if FORMULA.match(text) else text


def latex(text: str) -> str:
    """Text in which LaTeX and BibTeX find no command and no brace of their own."""
    return "".join(LATEX.get(each, each if each.isprintable() else " ") for each in text)


def latex_text(sheet: Sheet) -> str:
    """A table for booktabs, its notes below it."""
    lines = [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        rf"\caption{{{latex(sheet.title)}}}",
        rf"\label{{tab:{sheet.id}}}",
        r"\small",
        rf"\begin{{tabular}}{{{'l' * len(sheet.columns)}}}",
        r"\toprule",
        _latex_line(sheet.columns),
        r"\midrule",
        *map(_latex_row, sheet.rows),
        r"\bottomrule",
        r"\end{tabular}",
        *_latex_notes(sheet.notes),
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def _latex_line(cells: tuple[str, ...]) -> str:
    return " & ".join(map(latex, cells)) + r" \\"


def _latex_row(row: Row) -> str:
    if row.heading:
        return rf"\multicolumn{{{len(row.cells)}}}{{l}}{{\textit{{{latex(row.cells[0])}}}}} \\"
    return (r"\quad " if row.indented else "") + _latex_line(row.cells)


def _latex_notes(notes: tuple[str, ...]) -> Iterator[str]:
    if notes:
        yield r"\par\smallskip\footnotesize"
        yield "\n".join(rf"\noindent {latex(note)}\par" for note in notes)
