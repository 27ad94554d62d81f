"""A proposal guesses what can be seen, says why, and leaves the rest open."""

from __future__ import annotations

import json
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
import SimpleITK as sitk  # noqa: N813 - its own example's name
from click.testing import CliRunner

from schema.errors import FolderError
from schema.importing import ImportMapping
from schema.terms import Reader, TaskId
from tasks.cohort import read_cohort
from tasks.importing.mapping import read_mapping
from tasks.importing.proposal import Proposed, propose
from tasks.importing.words import column_for, label_for, reader_for, value_for
from tasks.label_files import itksnap_labels
from tasks.specification import label_map
from tests.tasks.importing.hospital import (
    Hospital,
    compartments,
    image_of,
    key_of,
    series_of,
    verbs,
)


@pytest.fixture(scope="module")
def admitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Hospital(tmp_path_factory.mktemp("admitted") / "h").admit(1, 2, 3).root


@pytest.fixture
def hospital(admitted: Path, tmp_path: Path) -> Hospital:
    return Hospital(shutil.copytree(admitted, tmp_path / "h"))


def proposal(hospital: Hospital, *, table: bool = True) -> Proposed:
    return propose(
        dicom=hospital.dicom, masks=hospital.masks, table=hospital.table if table else None
    )


def parsed(proposed: Proposed) -> dict[str, Any]:
    return tomllib.loads(proposed.text)


def test_a_proposal_is_toml_with_a_reason_above_each_guess(hospital: Hospital) -> None:
    proposed = proposal(hospital)

    lines = proposed.text.splitlines()
    fields = [number for number, line in enumerate(lines) if re.match(r'[\w."]+ = ', line)]
    assert parsed(proposed)
    for number in fields:
        if lines[number] not in {"unknown = []", 'case_ids = "numbered"'}:
            assert re.match("# (guess|open): .+", lines[number - 1]), lines[number]
    assert sum(line.startswith("# guess: ") for line in lines) >= proposed.guessed > 10
    assert proposed.open == proposed.text.replace(f'"{"?"}" stands', "").count('"?"')


def test_keys_are_found_where_all_studies_masks_and_lines_agree(hospital: Hospital) -> None:
    found = parsed(proposal(hospital))

    assert found["cases"]["match"] == "patient-id"
    assert found["table"]["key"] == "ID"
    files = [source["file"] for source in found["masks"]]
    assert sorted(files) == ["{key}/compartments.nii.gz", "{key}/nodes.nrrd"]


def test_values_without_a_name_are_left_open(hospital: Hospital) -> None:
    sources = {each["file"]: each for each in parsed(proposal(hospital))["masks"]}

    assert sources["{key}/compartments.nii.gz"]["labels"] == {str(n): "?" for n in range(1, 7)}


def test_an_open_proposal_is_refused_field_by_field(hospital: Hospital) -> None:
    proposed = proposal(hospital)
    hospital.mapping.write_text(proposed.text, encoding="utf-8")

    with pytest.raises(FolderError) as error:
        read_mapping(hospital.mapping)

    assert {each.code for each in error.value.findings} == {"LLN402"}
    assert len(error.value.findings) == proposed.open


def test_a_description_of_itk_snap_names_the_values(hospital: Hospital) -> None:
    text = itksnap_labels(label_map(TaskId.COMPARTMENTS))
    (hospital.masks / "labels.txt").write_text(text, encoding="utf-8")

    sources = {each["file"]: each for each in parsed(proposal(hospital))["masks"]}

    expected = {str(each.value): [each.name] for each in label_map(TaskId.COMPARTMENTS).labels}
    assert sources["{key}/compartments.nii.gz"]["labels"] == expected


def test_names_of_slicer_s_segments_are_recognised(hospital: Hospital) -> None:
    names = ("EI re", "EI li", "Obturator R", "Obturator L", "Hypogastric right", "Tumour")
    for number in (1, 2, 3):
        folder = hospital.masks / key_of(number)
        (folder / "compartments.nii.gz").unlink()
        image = image_of(compartments(), series_of(number).geometry)
        for value, name in enumerate(names, start=1):
            image.SetMetaData(f"Segment{value}_Name", name)
            image.SetMetaData(f"Segment{value}_LabelValue", str(value))
        sitk.WriteImage(image, str(folder / "regions.seg.nrrd"), True)

    sources = {each["file"]: each for each in parsed(proposal(hospital))["masks"]}

    labels = label_map(TaskId.COMPARTMENTS).labels
    assert sources["{key}/regions.seg.nrrd"]["by"] == "name"
    assert sources["{key}/regions.seg.nrrd"]["labels"] == {
        **{name: [label.name] for name, label in zip(names[:5], labels, strict=False)},
        "Tumour": "?",
    }


def test_a_proposal_that_is_filled_in_imports(hospital: Hospital) -> None:
    description = itksnap_labels(label_map(TaskId.COMPARTMENTS))
    (hospital.masks / "c.label").write_text(description, encoding="utf-8")
    ran = CliRunner().invoke(
        verbs,
        [
            *("propose-mapping", "--dicom", str(hospital.dicom), "--masks", str(hospital.masks)),
            *("--table", str(hospital.table), "--out", str(hospital.root / "p.toml")),
        ],
    )
    assert ran.exit_code == 0, ran.output
    hospital.mapping = hospital.root / "p.toml"
    text = hospital.mapping.read_text(encoding="utf-8")
    # ITK-SNAP's description is of compartments: what 1 and 2 mean in a file of nodes stays open
    text = text.replace('labels."1" = "?"', 'labels."1" = ["negative_node"]')
    text = text.replace('labels."2" = "?"', 'labels."2" = ["positive_node"]')
    for name, value in (("name", "N"), ("licence", "L"), ("split", "train"), ("centre", "C")):
        text = text.replace(f'{name} = "?"', f'{name} = "{value}"')
    hospital.mapping.write_text(text, encoding="utf-8")

    assert hospital.found() == []
    cohort = read_cohort(hospital.out)
    assert len(cohort.manifest.cases) == 3
    assert {row.sex for row in cohort.clinical.values()} == {"male", "female"}
    assert {row.positive for row in cohort.readers[Reader.CONSENSUS].values()} == {0, 1}


def test_a_german_sheet_is_read_and_its_words_are_proposed(hospital: Hospital) -> None:
    hospital.table.write_bytes(
        "Patient;Geschlecht;Alter;CEA;Lymphknoten;Seite;Kurzachse (mm);DFS (Tage);DFS Ereignis\r\n"
        "PAT001;männlich;61,5;3,4;nein;;;400;ja\r\n"
        "PAT002;weiblich;70;12,0;ja;rechts;8,5;900;nein\r\n"
        "PAT003;weiblich;55;1;ja;li;9;20;unklar\r\n".encode("cp1252")
    )
    found = parsed(proposal(hospital))

    table, clinical, reader = found["table"], found["clinical"], found["readers"]["consensus"]
    assert (table["separator"], table["decimal"], table["encoding"]) == (";", ",", "?")
    assert clinical["sex"]["values"] == {"männlich": "male", "weiblich": "female"}
    assert clinical["age"] == {"column": "Alter"}
    assert clinical["cea"]["cut"] == {"at_most": "?", "low": "normal", "high": "abnormal"}
    assert clinical["dfs_months"]["unit"] == "days"
    assert clinical["dfs_event"]["values"] == {"ja": "1", "nein": "0", "unklar": "?"}
    assert reader["positive"]["values"] == {"ja": "1", "nein": "0"}
    assert reader["side"]["values"] == {"rechts": "right", "li": "left"}
    assert reader["short_axis_mm"]["unit"] == "mm"


def test_a_time_without_a_unit_and_a_date_are_left_open(hospital: Hospital) -> None:
    hospital.table.write_text(
        "ID,OS,DFS\nPAT001,12,01.02.2020\nPAT002,30,15.03.2021\nPAT003,7,02.02.2022\n",
        encoding="utf-8",
    )
    clinical = parsed(proposal(hospital))["clinical"]

    assert clinical["os_months"] == {"column": "OS", "unit": "?"}
    dates = {"column": "DFS", "start": "?", "date_format": "%d.%m.%Y"}
    assert clinical["dfs_months"] == dates


def test_two_columns_for_one_thing_are_left_open(hospital: Hospital) -> None:
    hospital.table.write_text("ID,Age,Alter\nPAT001,1,2\nPAT002,1,2\nPAT003,1,2\n", "utf-8")

    assert parsed(proposal(hospital))["clinical"]["age"] == "?"


def test_keys_that_nobody_knows_are_left_open(hospital: Hospital) -> None:
    shutil.move(hospital.masks / key_of(2), hospital.masks / "somebody")
    proposed = proposal(hospital)

    assert parsed(proposed)["cases"]["match"] == "?"
    assert "patient-id: 3 different of 3 studies, 2 in mask names" in proposed.text


def test_a_mask_that_some_studies_lack_is_asked_about(hospital: Hospital) -> None:
    (hospital.masks / key_of(2) / "nodes.nrrd").unlink()
    sources = {each["file"]: each for each in parsed(proposal(hospital))["masks"]}

    assert sources["{key}/nodes.nrrd"]["absent"] == "?"
    assert "absent" not in sources["{key}/compartments.nii.gz"]


def test_without_masks_or_a_table_their_parts_are_left_out(hospital: Hospital) -> None:
    found = tomllib.loads(propose(dicom=hospital.dicom, masks=None, table=None).text)

    assert set(found) == {"cohort", "cases"}
    assert found["cohort"]["tasks"] == "?"


def test_no_patient_s_name_or_key_is_in_a_proposal(hospital: Hospital) -> None:
    text = proposal(hospital).text

    for word in ("PAT0", "CANARY", "ACC", "1.2.826"):
        assert word not in text


def test_a_proposal_does_not_write_over_a_mapping(hospital: Hospital) -> None:
    before = hospital.mapping.read_bytes()
    arguments = ["--dicom", str(hospital.dicom), "--out", str(hospital.mapping)]

    ran = CliRunner().invoke(verbs, ["propose-mapping", *arguments])

    assert ran.exit_code == 2
    assert "is there already" in ran.stderr
    assert hospital.mapping.read_bytes() == before


def test_a_header_with_any_character_stays_toml(hospital: Hospital) -> None:
    hospital.table.write_text(
        'ID,"Sex ""x""\n# evil = 1",Age\nPAT001,M,1\nPAT002,F,2\nPAT003,"a\\b",3\n', "utf-8"
    )
    found = parsed(proposal(hospital))

    assert found["clinical"]["sex"]["column"] == 'Sex "x"\n# evil = 1'
    assert "evil" not in found


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("mrT", "mrT"),
        ("MRT", None),  # German for MRI
        ("Alter bei MRT", "age"),
        ("Geschlecht", "sex"),
        ("性别", "sex"),
        ("患者年龄", "age"),
        ("EMVI (ja/nein)", "mrEMVI"),
        ("OS_status", "os_event"),
        ("DFS months", "dfs_months"),
        ("Total dose", None),
        ("Massage", None),
        ("age and sex", None),
        ("case_id", None),
    ],
)
def test_a_header_names_a_column_or_none(header: str, column: str | None) -> None:
    assert column_for(header) == column


@pytest.mark.parametrize(
    ("cell", "column", "value"),
    [
        ("W", "sex", "female"),
        ("男", "sex", "male"),
        ("t3", "mrT", "T3"),
        ("n0-n1", "mrN", "N0-N1"),
        ("+", "positive", "1"),
        ("maybe", "positive", None),
        ("obturator", "region", "OB"),
        ("tief", "location", "low"),
        ("T5", "mrT", None),
    ],
)
def test_a_cell_means_a_value_or_nothing(cell: str, column: str, value: str | None) -> None:
    assert value_for(cell, column=column) == value


def test_every_label_is_recognised_by_its_own_name_and_title() -> None:
    for task in (TaskId.COMPARTMENTS, TaskId.NODES):
        for label in label_map(task).labels:
            assert label_for(label.name) == label
            assert label_for(label.title.upper()) == label


@pytest.mark.parametrize(
    "name", ["obturator", "right", "obturator right left", "positive obturator r"]
)
def test_a_segment_that_names_half_a_label_is_not_recognised(name: str) -> None:
    assert label_for(name) is None


def test_readers_are_recognised() -> None:
    assert reader_for("LLN R1") is Reader.R1
    assert reader_for("LLN (Konsensus)") is Reader.CONSENSUS
    assert reader_for("R1 and R2") is None


def test_what_is_proposed_are_fields_of_the_contract(hospital: Hospital) -> None:
    found = parsed(proposal(hospital))

    assert set(found) <= set(ImportMapping.model_fields)
    assert json.loads(json.dumps(found)) == found
