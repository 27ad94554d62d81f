"""The front door, verb by verb, as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from lln import main
from schema.export import json_schemas
from tasks.layout import mask_name

SCREEN_LINES, SCREEN_COLUMNS = 24, 80


def lln(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def verbs(group: click.Group = main, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from verbs(command, (*path, name))
        else:
            yield (*path, name)


def test_help_fits_a_screen() -> None:
    lines = lln("--help").stdout.splitlines()

    assert len(lines) <= SCREEN_LINES
    assert max(map(len, lines)) <= SCREEN_COLUMNS


@pytest.mark.parametrize("verb", list(verbs()), ids=" ".join)
def test_every_verb_has_an_example_of_itself(verb: tuple[str, ...]) -> None:
    assert f"Example: lln {' '.join(verb)}" in lln(*verb, "--help").stdout


def test_the_verbs_are_the_documented_ones() -> None:
    assert {" ".join(verb) for verb in verbs()} >= {
        "cohort phantom",
        "cohort check",
        "submission simulate",
        "submission check",
        "evaluate",
        "schema export",
    }


def test_evaluate_prints_a_table_and_where_the_report_is(
    cohort_folder: Path, submission_folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    got = lln(
        "evaluate", "--cohort", cohort_folder, "--submission", submission_folder, "--out", out
    )

    assert got.exit_code == 0
    assert "Sensitivity" in got.stdout
    assert got.stdout.splitlines()[-1] == f"report: {(out / 'report.html').resolve()}"
    assert (out / "report.html").exists()


def test_stdout_is_json_and_nothing_else_under_json(
    cohort_folder: Path, submission_folder: Path, tmp_path: Path
) -> None:
    (submission_folder / "nodes" / mask_name("North_01")).unlink()
    options = ("--cohort", cohort_folder, "--submission", submission_folder)
    got = lln("evaluate", *options, "--out", tmp_path / "out", "--json", "--jobs", "1")

    printed = json.loads(got.stdout)
    assert got.exit_code == 1
    assert [finding["code"] for finding in printed["findings"]] == ["LLN010"]
    assert printed["result"] == json.loads((tmp_path / "out" / "result.json").read_text())


def test_check_shows_every_finding_and_exits_with_1(
    cohort_folder: Path, submission_folder: Path
) -> None:
    (submission_folder / "nodes" / mask_name("North_01")).unlink()
    (submission_folder / "compartments" / mask_name("South_02")).write_bytes(b"no gzip")
    got = lln("submission", "check", submission_folder, "--cohort", cohort_folder)

    assert got.exit_code == 1
    assert got.stdout == "2 findings\n"
    for text in ("LLN010", "LLN020", "North_01", "South_02"):
        assert text in got.stderr


def test_check_needs_no_label_of_the_cohort(cohort_folder: Path, submission_folder: Path) -> None:
    for name in ("readers.csv", "clinical.csv"):
        (cohort_folder / name).unlink()
    for task in ("nodes", "compartments"):
        for mask in (cohort_folder / task).iterdir():
            mask.unlink()
    got = lln("submission", "check", submission_folder, "--cohort", cohort_folder, "--json")

    assert got.exit_code == 0, got.stderr
    assert json.loads(got.stdout) == {"findings": []}


def test_hostile_names_reach_the_terminal_without_control_characters(
    cohort_folder: Path, submission_folder: Path
) -> None:
    (submission_folder / "nodes" / "\x1b[31m[bold]evil.nii.gz").write_bytes(b"")
    got = lln("submission", "check", submission_folder, "--cohort", cohort_folder)

    assert "LLN011" in got.stderr
    assert "\x1b[31m" not in got.stderr
    assert "evil" in got.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate",),
        ("no-such-verb",),
        ("cohort", "phantom", "--patients", "0", "--out", "x"),
        ("evaluate", "--cohort", "nowhere", "--submission", "nowhere", "--out", "out"),
    ],
)
def test_what_cannot_run_exits_with_2_and_says_why(arguments: tuple[str, ...]) -> None:
    got = lln(*arguments)

    assert got.exit_code == 2
    assert "rror" in got.stderr
    assert "Traceback" not in got.stderr


def test_a_full_folder_is_not_written_into(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    got = lln("cohort", "phantom", "--patients", "1", "--out", tmp_path)

    assert got.exit_code == 2
    assert "not empty" in got.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_cohort_check_accepts_a_sound_cohort_and_names_a_fault(cohort_folder: Path) -> None:
    assert lln("cohort", "check", cohort_folder).exit_code == 0
    (cohort_folder / "t2w" / mask_name("South_01")).unlink()
    got = lln("cohort", "check", cohort_folder, "--json")

    assert got.exit_code == 1
    assert [each["code"] for each in json.loads(got.stdout)["findings"]] == ["LLN110"]


def test_schema_export_writes_every_model(tmp_path: Path) -> None:
    assert lln("schema", "export", "--out", tmp_path).exit_code == 0
    assert {path.stem for path in tmp_path.iterdir()} == set(json_schemas())


def test_metrics_are_printed_from_the_task_files() -> None:
    assert "### `dice` Dice" in lln("tasks", "metrics").stdout


def test_the_installed_command_answers() -> None:
    command = [str(Path(sys.executable).parent / "lln"), "--version"]
    got = subprocess.run(command, capture_output=True, text=True, check=True)

    assert "version" in got.stdout


def test_a_result_that_cannot_be_written_exits_with_2_and_no_traceback(
    cohort_folder: Path, submission_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    options = ("--cohort", cohort_folder, "--submission", submission_folder)
    got = lln("evaluate", *options, "--out", tmp_path / "file" / "out", "--jobs", "1")

    assert got.exit_code == 2
    assert "error: " in got.stderr
    assert "Traceback" not in got.stderr
