"""A sheet as CSV, LaTeX and HTML: what is read back is what was written, whatever it was."""

from __future__ import annotations

import csv
import io
import re
import string
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from evaluation.sheet import Row, Sheet
from evaluation.sheet_formats import csv_text, guarded, latex, latex_text, sheet_files
from tests.evaluation.html_page import Page

TEMPLATES = Path(__file__).parents[3] / "evaluation" / "templates"
NASTY = (
    '=HYPERLINK("http://x")',
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "a\nb",
    "a\r\nb",
    '"',
    ",;'",
    r"\input{/etc/passwd}",
    r"\\",
    "50 % & $x_1^2$ #~{}",
    "[2cm] *",
    "<script>alert(1)</script>",
    "{{ 7 * 7 }}",
)
COMMANDS = {
    "begin",
    "bottomrule",
    "caption",
    "end",
    "footnotesize",
    "label",
    "midrule",
    "multicolumn",
    "noindent",
    "par",
    "quad",
    "small",
    "smallskip",
    "textit",
    "toprule",
    "textasciicircum",
    "textasciigrave",
    "textasciitilde",
    "textbackslash",
    "textbar",
    "textbraceleft",
    "textbraceright",
    "textdagger",
    "textgreater",
    "textless",
    "textquotedbl",
    "textsuperscript",
    "geq",
    "leq",
    "uparrow",
    "downarrow",
}
"""Every command that a table may hold."""

TAGS = {"caption", "div", "li", "table", "tbody", "td", "th", "thead", "tr", "ul"}

words = st.one_of(st.sampled_from(NASTY), st.text(max_size=20))


def sheet_of(*rows: Row, columns: int = 2, notes: tuple[str, ...] = ()) -> Sheet:
    heads = tuple(f"Head {number}" for number in range(columns))
    return Sheet(id="a-table", title="A title", columns=heads, rows=rows, notes=notes)


@st.composite
def sheets(draw: st.DrawFn) -> Sheet:
    """Any words in every place where words may stand."""
    width = draw(st.integers(1, 4))
    line = st.tuples(*[words] * width)
    rows = draw(st.lists(st.builds(Row, cells=line, indented=st.booleans()), max_size=5))
    headings = draw(st.lists(words, max_size=2))
    rows += [Row(cells=(each, *[""] * (width - 1)), heading=True) for each in headings]
    return Sheet(
        id="nasty",
        title=draw(words),
        columns=draw(line),
        rows=tuple(draw(st.permutations(rows))),
        notes=tuple(draw(st.lists(words, max_size=3))),
    )


def read_back(sheet: Sheet) -> list[list[str]]:
    return list(csv.reader(io.StringIO(csv_text(sheet), newline="")))


def test_every_line_of_a_csv_stands_alone() -> None:
    sheet = sheet_of(
        Row(cells=("first", "0")),
        Row(cells=("Sex", ""), heading=True),
        Row(cells=("Male", "3"), indented=True),
        Row(cells=("Age, years", "0.04")),
        Row(cells=("Mean", "60\u00a0%"), indented=True),
    )

    assert read_back(sheet) == [
        ["Head 0", "Head 1"],
        ["first", "0"],
        ["Sex: Male", "3"],
        ["Age, years", "0.04"],
        ["Age, years: Mean", "60 %"],
    ]


@given(sheets())
def test_a_csv_read_back_has_the_rows_and_no_formula(sheet: Sheet) -> None:
    found = read_back(sheet)

    assert len(found) == 1 + sum(not row.heading for row in sheet.rows)
    assert {len(line) for line in found if line} <= {len(sheet.columns)}
    cells = [cell for line in found for cell in line]
    assert not any(re.match(r"\s*[=+\-@|%]", cell) for cell in cells)
    for row, line in zip((r for r in sheet.rows if not r.heading), found[1:], strict=True):
        given = ["".join(c if c.isprintable() else " " for c in cell) for cell in row.cells[1:]]
        assert [cell.removeprefix("'") for cell in line[1:]] == [g.removeprefix("'") for g in given]


@pytest.mark.parametrize("text", ["=1", " =1", "+1", "-1", "@a", "|a", "%a", "\t1", "\n1"])
def test_what_a_spreadsheet_would_compute_begins_with_an_apostrophe(text: str) -> None:
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "0.5", "<0.001", "a=1", "\u22120.2", "95 % CI", "\u2013"])
def test_what_it_would_show_stays(text: str) -> None:
    assert guarded(text) == text


def test_a_latex_table_line_by_line() -> None:
    sheet = sheet_of(
        Row(cells=("A & B", ""), heading=True),
        Row(cells=("[x]", "<0.001"), indented=True),
        Row(cells=("*", "\u22120.5 (\u22121.0 to 0.1)")),
        notes=("95\u00a0% of them.",),
    )

    assert latex_text(sheet).splitlines() == [
        r"% needs \usepackage{booktabs}",
        r"\begin{table}",
        r"\caption{A title}",
        r"\label{tab:a-table}",
        r"\small",
        r"\begin{tabular}{ll}",
        r"\toprule",
        r"Head 0 & Head 1 \\",
        r"\midrule",
        r"\multicolumn{2}{l}{\textit{A \& B}} \\",
        r"\quad {[}x{]} & \textless{}0.001 \\",
        r"{*} & $-$0.5 ($-$1.0 to 0.1) \\",
        r"\bottomrule",
        r"\end{tabular}",
        r"\par\smallskip\footnotesize",
        r"\noindent 95~\% of them.\par",
        r"\end{table}",
    ]


@given(sheets())
@example(sheet_of(Row(cells=("\\", "{"))))
def test_latex_holds_the_commands_of_a_table_and_no_other(sheet: Sheet) -> None:
    text = latex_text(sheet).partition("\n")[2]

    assert set(re.findall(r"\\([A-Za-z]+)", text)) <= COMMANDS
    # each escaped sign away, braces are balanced and nothing else is left that LaTeX would obey
    bare = re.sub(r"\\[\\&%$#_]", "", text)
    assert bare.count("{") == bare.count("}")
    assert min(bare[:end].count("{") - bare[:end].count("}") for end in range(len(bare) + 1)) == 0
    assert not re.search(r"[%#_^]", bare)
    assert bare.count("$") % 2 == 0


@given(sheets())
def test_every_row_of_a_latex_table_has_its_columns(sheet: Sheet) -> None:
    inside = latex_text(sheet).split("\\midrule\n")[1].split("\\bottomrule")[0]
    lines = inside.splitlines() if sheet.rows else []

    assert len(lines) == len(sheet.rows)
    for row, line in zip(sheet.rows, lines, strict=True):
        assert line.endswith(r" \\")
        ends = len(re.findall(r"(?<!\\)&", line))
        assert ends == (0 if row.heading else len(sheet.columns) - 1)


def test_any_printable_sign_is_escaped_to_itself_or_to_a_known_command() -> None:
    escaped = latex(string.printable)

    assert set(re.findall(r"\\([a-z]+)", escaped)) <= COMMANDS
    assert latex("Abc 123, (x): y.") == "Abc 123, (x): y."


def test_files_are_named_after_the_table() -> None:
    assert list(sheet_files(sheet_of())) == ["tables/a-table.csv", "tables/a-table.tex"]


def page_of(sheet: Sheet) -> tuple[str, Page]:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    source = '{% from "sheet.html.j2" import sheet %}{{ sheet(table) }}'
    html = environment.from_string(source).render(table=sheet)
    return html, Page(html)


def test_a_table_on_a_page_tells_rows_columns_and_groups() -> None:
    html, page = page_of(
        sheet_of(
            Row(cells=("Sex", ""), heading=True),
            Row(cells=("Male", "3"), indented=True),
            Row(cells=("Age", ""), heading=True),
            Row(cells=("Mean", "60"), indented=True),
            notes=("A note.",),
        )
    )

    assert page.tags["caption"] == 1
    assert page.tags["tbody"] == 2
    assert page.values("scope") == ["col", "col", "rowgroup", "row", "rowgroup", "row"]
    assert page.values("aria-describedby") == ["a-table-notes"]
    assert "a-table-notes" in page.values("id")
    assert page.values("aria-labelledby") == ["a-table-title"]
    assert page.rows == [["Head 0", "Head 1"], ["Sex"], ["Male", "3"], ["Age"], ["Mean", "60"]]
    assert "<tbody>\n</tbody>" not in html


@given(sheets())
def test_whatever_a_sheet_says_is_text_on_a_page(sheet: Sheet) -> None:
    html, page = page_of(sheet)

    assert set(page.tags) <= TAGS
    assert html.count("<li>") == len(sheet.notes)
    assert page.tags["tr"] == 1 + len(sheet.rows)
