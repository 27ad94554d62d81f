"""Label files for outlining tools say what the task files say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from schema.label import LabelMap
from schema.terms import TaskId
from tasks.import_commands import labels
from tasks.label_files import itksnap_labels, slicer_colours
from tasks.layout import MASK_TASKS
from tasks.specification import label_map
from tasks.terminal import Verbs

# The format that ITK-SNAP writes: index, three colours, opacity, two switches, a quoted name.
LINE = re.compile(r'^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+([\d.]+)\s+([01])\s+([01])\s+"(.*)"$')


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))


@pytest.mark.parametrize("task", MASK_TASKS)
def test_itk_snap_gets_every_label_in_its_colour(task: TaskId) -> None:
    lines = itksnap_labels(label_map(task)).splitlines()
    found = [match for line in lines if (match := LINE.match(line))]

    assert all(line.startswith("#") or LINE.match(line) for line in lines)
    assert lines[1] == "# ITK-SnAP Label Description File"
    assert found[0].groups() == ("0", "0", "0", "0", "0", "0", "0", "Clear Label")
    assert [
        (int(each[1]), tuple(int(each[n]) for n in (2, 3, 4)), each[5], each[8])
        for each in found[1:]
    ] == [(each.value, rgb(each.colour), "1", each.title) for each in label_map(task).labels]


@pytest.mark.parametrize("task", MASK_TASKS)
def test_slicer_gets_every_label_in_its_colour(task: TaskId) -> None:
    lines = slicer_colours(label_map(task)).splitlines()

    assert lines[0].startswith("# Color table file")
    assert lines[1] == "0 background 0 0 0 0"
    assert [line.split(" ") for line in lines[2:]] == [
        [str(each.value), each.name, *map(str, rgb(each.colour)), "255"]
        for each in label_map(task).labels
    ]


def test_a_quote_in_a_title_does_not_end_it() -> None:
    label = label_map(TaskId.NODES).labels[0].model_copy(update={"title": 'a "b" c'})
    (line,) = itksnap_labels(LabelMap(version="1.0.0", labels=(label,))).splitlines()[-1:]

    match = LINE.match(line)
    assert match is not None
    assert match[8] == "a 'b' c"


def test_the_verb_writes_a_file_for_each_task_and_tool(tmp_path: Path) -> None:
    verbs = Verbs(commands={"labels": labels})
    ran = CliRunner().invoke(verbs, ["labels", "--itksnap", "--slicer", "--out", str(tmp_path)])

    assert ran.exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "compartments.ctbl",
        "compartments.label",
        "nodes.ctbl",
        "nodes.label",
    ]
    assert len(ran.stdout.splitlines()) == 4
    refused = CliRunner().invoke(verbs, ["labels"])
    assert refused.exit_code == 2
    assert "--itksnap" in refused.stderr
