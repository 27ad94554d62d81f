"""A mapping that leaves something open, or names what the kit does not have, imports nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from schema.errors import FolderError
from schema.finding import Finding
from tasks.importing.mapping import columns_of, key_by, read_mapping
from tests.tasks.importing.hospital import Hospital, mapping_text


def refused(tmp_path: Path, *, old: str = "", new: str = "", more: str = "") -> list[Finding]:
    """The findings about a sound mapping in which one text was exchanged."""
    path = tmp_path / "import.toml"
    text = mapping_text(more=more)
    assert text.count(old) == 1 or not old
    path.write_text(text.replace(old, new) if old else text, encoding="utf-8")
    with pytest.raises(FolderError, match="nothing was imported") as error:
        read_mapping(path)
    return list(error.value.findings)


def test_a_sound_mapping_is_read(tmp_path: Path) -> None:
    path = tmp_path / "import.toml"
    path.write_text(mapping_text(), encoding="utf-8")

    mapping = read_mapping(path)

    assert mapping.cohort.name == "North"
    assert columns_of(mapping)["Last seen"] == "clinical.os_months.column"
    assert columns_of(mapping)["MRI"] == "clinical.os_months.start"


def test_every_question_mark_is_named(tmp_path: Path) -> None:
    text = mapping_text().replace('"CC-BY-4.0"', '"?"').replace('["positive_node"]', '"?"')
    text = text.replace('M = "male"', 'M = "?"')
    path = tmp_path / "import.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(FolderError) as error:
        read_mapping(path)

    assert [(each.code, each.where) for each in error.value.findings] == [
        ("LLN402", "import.toml:clinical.sex.values.M"),
        ("LLN402", "import.toml:cohort.licence"),
        ("LLN402", "import.toml:masks.1.labels.2"),
    ]


def test_a_question_mark_may_be_a_cell_of_the_spreadsheet(tmp_path: Path) -> None:
    text = mapping_text().replace('key = "ID"', 'key = "ID"\nunknown = ["?"]')
    path = tmp_path / "import.toml"
    path.write_text(text.replace('M = "male"', '"?" = "", M = "male"'), encoding="utf-8")

    mapping = read_mapping(path)

    assert mapping.table is not None
    assert mapping.table.unknown == ("?",)


def test_nothing_is_written_by_a_mapping_that_is_open(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path).admit(1)
    hospital.edit('"CC-BY-4.0"', '"?"')

    ran = hospital.run()

    assert ran.exit_code == 2
    assert "LLN402" in ran.stderr
    assert not hospital.out.exists()
    assert not hospital.work.exists()


@pytest.mark.parametrize(
    ("old", "new", "code", "where", "expected", "got"),
    [
        ("[cohort]", "[cohort", "LLN400", "", "a TOML file", "at line 2, column 8"),
        ('split = "train"', 'split = "test"', "LLN401", ":cohort.split", "schema says", "'train'"),
        ('"negative_node"', '"lymph_node"', "LLN403", ":masks.1.labels.1", "one of", "lymph_node"),
        (
            '["negative_node"]',
            '["negative_node", "positive_node"]',
            "LLN403",
            ":masks.1.labels.1",
            "at most one label of each task",
            "negative_node, positive_node",
        ),
        (
            '{ column = "mm", unit = "mm" }',
            '{ column = "mm", unit = "days" }',
            "LLN403",
            ":readers.consensus.short_axis_mm",
            "one of mm, cm",
            "days",
        ),
        (
            '{ column = "Last seen", start = "MRI", date_format = "%d.%m.%Y" }',
            '{ column = "Last seen" }',
            "LLN403",
            ":clinical.os_months",
            "a unit or a start",
            "neither",
        ),
        (
            'sex = { column = "Sex", values = { M = "male", F = "female" } }',
            'sex = { column = "Sex", unit = "years" }',
            "LLN403",
            ":clinical.sex",
            "no unit and no start: it is no number",
            "years",
        ),
        (
            '{ column = "mm", unit = "mm" }',
            '{ column = "mm", start = "MRI" }',
            "LLN403",
            ":readers.consensus.short_axis_mm",
            "no start: it is no time",
            "a start",
        ),
        (
            'key = "ID"',
            'key = "ID"\npattern = "([A-Z"',
            "LLN403",
            ":table.pattern",
            "a regular expression",
            "unterminated",
        ),
        (
            'match = "patient-id"',
            'match = "patient-id"\npattern = ".+"',
            "LLN403",
            ":cases.pattern",
            "a group in parentheses for the key",
            "no group",
        ),
    ],
)
def test_what_does_not_fit_is_named(
    tmp_path: Path, old: str, new: str, code: str, where: str, expected: str, got: str
) -> None:
    (finding,) = refused(tmp_path, old=old, new=new)

    assert (finding.code, finding.where) == (code, f"import.toml{where}")
    assert expected in finding.expected
    assert got in finding.got


def test_a_task_with_masks_needs_a_file_with_its_labels(tmp_path: Path) -> None:
    text = mapping_text()
    head, tail = text.split('[[masks]]\nfile = "{key}/nodes*"', 1)
    path = tmp_path / "import.toml"
    path.write_text(head + tail.split("\n", 2)[2], encoding="utf-8")
    with pytest.raises(FolderError) as error:
        read_mapping(path)

    (finding,) = error.value.findings
    assert finding.expected == "a file with labels of nodes"


def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    hospital = Hospital(tmp_path).admit(1)
    hospital.edit('column = "Dead"', 'column = "Tot"')

    ran = hospital.run()

    assert ran.exit_code == 2
    words = " ".join(ran.stderr.split())
    assert "clinical.os_event.column" in words
    assert "'Tot'" in words


def test_a_missing_mapping_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(FolderError) as error:
        read_mapping(tmp_path / "import.toml")

    assert "propose-mapping" in error.value.findings[0].fix


@pytest.mark.parametrize(
    ("pattern", "text", "key"),
    [
        ("(.+)", " PAT 7 ", "PAT 7"),
        ("PAT0*([0-9]+)", "PAT007", "7"),
        ("PAT([0-9]+)", "PAT7b", None),
        ("(.*)", "  ", None),
    ],
)
def test_a_key_is_the_first_group_of_the_whole_text(
    pattern: str, text: str, key: str | None
) -> None:
    assert key_by(pattern, text) == key
