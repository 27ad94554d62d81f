"""CSV in the dialects of three continents and XLSX as a spreadsheet program saves it."""

from __future__ import annotations

import io
import zipfile
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from openpyxl import Workbook

from schema.errors import Unreadable, UnreadableFileError
from schema.importing import SheetRules
from tasks.importing.spreadsheet import SheetLimits, read_sheet, sheet_names
from tests.tasks.importing.hospital import COLUMNS, Hospital, row_of

RULES = SheetRules(key="ID")


def rules(**more: Any) -> SheetRules:
    return SheetRules.model_validate({"key": "ID", **more})


def refused(
    path: Path, *, of: SheetRules = RULES, limits: dict[str, int] | None = None
) -> UnreadableFileError:
    with pytest.raises(UnreadableFileError) as error:
        read_sheet(path, rules=of, limits=SheetLimits(**(limits or {})))
    return error.value


def write_xlsx(path: Path, *rows: tuple[object, ...], title: str = "Data") -> Path:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    for row in rows:
        sheet.append(row)
    book.save(path)
    return path


@pytest.mark.parametrize(
    ("encoding", "separator"),
    [("utf-8", ","), ("utf-8-sig", ";"), ("cp1252", "\t"), ("utf-16", "|")],
)
def test_a_csv_is_read_in_its_dialect(tmp_path: Path, encoding: str, separator: str) -> None:
    path = tmp_path / "t.csv"
    lines = [["ID", "Größe", ""], ["1", '"a\nb"', ""], ["", "", ""], ["2", "Ä"]]
    path.write_bytes("\r\n".join(separator.join(line) for line in lines).encode(encoding))
    stated = "utf-8" if encoding == "utf-8-sig" else encoding

    table = read_sheet(path, rules=rules(separator=separator, encoding=stated))

    assert table.columns == ("ID", "Größe")
    # the cell with a line break begins in line 2 and ends in line 3; line 4 is empty
    assert [(row.line, row.cells) for row in table.rows] == [(2, ("1", "a\nb")), (5, ("2", "Ä"))]


def test_a_header_may_lie_below_a_title(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("Patients of the North,,\n\nID,Age\n1,60\n", encoding="utf-8")

    table = read_sheet(path, rules=rules(header=3))

    assert table.columns == ("ID", "Age")
    assert [(row.line, row.cells) for row in table.rows] == [(4, ("1", "60"))]


def test_an_xlsx_says_what_its_cells_show(tmp_path: Path) -> None:
    when = datetime(2020, 3, 1, 12, 30)  # noqa: DTZ001 - a spreadsheet's dates have no zone
    path = write_xlsx(
        tmp_path / "t.xlsx",
        ("ID", "n", "x", "d", "b", "t"),
        (7, 62.0, 62.5, when, True, " text "),
        (None,) * 6,
        ("007", 1, 0.1, date(1999, 12, 31), False, None),
    )

    table = read_sheet(path, rules=rules(decimal=","))

    assert [(row.line, row.cells) for row in table.rows] == [
        (2, ("7", "62", "62,5", "2020-03-01", "true", "text")),
        (4, ("007", "1", "0,1", "1999-12-31", "false", "")),
    ]


def test_a_sheet_of_several_is_named(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    book = Workbook()
    assert book.active is not None
    book.active.title = "Notes"
    book.create_sheet("Data").append(["ID"])
    book["Data"].append([5])
    book.save(path)

    assert sheet_names(path) == ("Notes", "Data")
    assert read_sheet(path, rules=rules(sheet="Data")).rows[0].cells == ("5",)
    assert "name one as table.sheet" in str(refused(path))
    assert "no sheet 'data'" in str(refused(path, of=rules(sheet="data")))


def test_a_hospital_s_xlsx_gives_the_same_cohort_as_its_csv(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path).admit(1, 2, 3)
    assert hospital.found() == []
    files = hospital.files()
    typed = []
    for number in (1, 2, 3):
        row: dict[str, object] = dict(row_of(number))
        for name in ("MRI", "Recurrence", "Last seen"):
            text = row_of(number)[name]
            row[name] = datetime.strptime(text, "%d.%m.%Y") if text else None  # noqa: DTZ007
        row["Age"] = 50.0 + number
        row["mm"] = float(row_of(number)["mm"]) if row["mm"] else None
        typed.append(tuple(row[name] for name in COLUMNS))
    hospital.table = write_xlsx(tmp_path / "patients.xlsx", COLUMNS, *typed)

    assert hospital.found() == []
    assert hospital.files() == files


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", Unreadable.SYNTAX),
        (b"ID,ID\n1,2\n", Unreadable.SYNTAX),
        (b'ID,"a\n', Unreadable.SYNTAX),
        (b"ID,\xe4\n", Unreadable.ENCODING),
        (b"ID,a\0\n", Unreadable.ENCODING),
    ],
)
def test_a_broken_csv_is_refused(tmp_path: Path, content: bytes, kind: Unreadable) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(content)

    assert refused(path).kind is kind


@pytest.mark.parametrize(
    "limits", [{"lines": 3}, {"columns": 1}, {"cell_characters": 4}, {"file_bytes": 10}], ids=str
)
@pytest.mark.parametrize("name", ["t.csv", "t.xlsx"])
def test_a_table_is_not_read_beyond_its_limits(
    tmp_path: Path, name: str, limits: dict[str, int]
) -> None:
    rows = [("ID", "word"), ("1", "short"), ("2", "b"), ("3", "c")]
    if name.endswith("xlsx"):
        path = write_xlsx(tmp_path / name, *rows)
    else:
        path = tmp_path / name
        path.write_text("\n".join(map(",".join, rows)), encoding="utf-8")
    assert len(read_sheet(path, rules=RULES).rows) == 3

    assert refused(path, limits=limits).kind is Unreadable.TOO_LARGE


def test_an_xlsx_that_unfolds_beyond_reason_is_not_unfolded(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "t.xlsx", ("ID",), (1,))
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.xml", b"0" * (1 << 24))
    assert path.stat().st_size < 1 << 16

    assert refused(path, limits={"unzipped_bytes": 1 << 23}).kind is Unreadable.TOO_LARGE
    assert refused(path, limits={"parts": 3}).kind is Unreadable.TOO_LARGE


def test_a_damaged_xlsx_is_one_error_whatever_is_damaged(tmp_path: Path) -> None:
    path = write_xlsx(tmp_path / "t.xlsx", ("ID", "Age"), ("1", 60))
    content = path.read_bytes()
    rng = np.random.default_rng(3)
    for _ in range(60):
        damaged = bytearray(content)
        for at in rng.integers(0, len(content), 12).tolist():
            damaged[at] = int(rng.integers(256))
        path.write_bytes(damaged)
        with suppress(UnreadableFileError):  # some damage is of no consequence
            assert read_sheet(path, rules=RULES).columns


def test_entities_of_an_xlsx_are_not_unfolded(tmp_path: Path) -> None:
    source = write_xlsx(tmp_path / "s.xlsx", ("ID",), (1,)).read_bytes()
    path = tmp_path / "t.xlsx"
    laughs = "".join(
        f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "lol" * 100}">' for n in range(9)
    )
    with (
        zipfile.ZipFile(io.BytesIO(source)) as original,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as changed,
    ):
        for part in original.infolist():
            text = original.read(part)
            if part.filename == "xl/worksheets/sheet1.xml":
                root = text[text.index(b"<worksheet") :].replace(b"<v>1</v>", b"<v>&l8;</v>")
                text = f"<?xml version='1.0'?><!DOCTYPE w [{laughs}]>".encode() + root
            changed.writestr(part, text)

    assert refused(path).kind is Unreadable.CORRUPT


def test_a_password_or_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(512))

    assert "no XLSX file" in str(refused(path))
