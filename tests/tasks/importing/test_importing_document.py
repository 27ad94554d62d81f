"""docs/importing.md says what the code does: its commands, its mapping, its checks."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from tasks.definitions import check_definitions
from tasks.import_commands import import_cohort, labels, propose_mapping
from tasks.importing.checks import IMPORT_CHECKS
from tasks.importing.mapping import columns_of, read_mapping

PAGE = (Path(__file__).parents[3] / "docs" / "importing.md").read_text(encoding="utf-8")
VERBS = {
    "cohort import": import_cohort,
    "cohort propose-mapping": propose_mapping,
    "tasks labels": labels,
}
COMMANDS = re.findall(r"^lln (\w+ [\w-]+) (--.+)$", PAGE, flags=re.MULTILINE)


@pytest.mark.parametrize(("words", "options"), COMMANDS)
def test_a_command_of_the_page_is_understood(words: str, options: str) -> None:
    verb = VERBS[words]

    context = click.Context(verb)
    verb.parse_args(context, shlex.split(options))

    assert context.params["out"]


def test_every_verb_of_the_import_is_on_the_page() -> None:
    assert {words for words, _ in COMMANDS} == set(VERBS)


def test_the_mapping_of_the_page_is_sound(tmp_path: Path) -> None:
    (text,) = re.findall(r"^```toml\n(.+?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    path = tmp_path / "import.toml"
    path.write_text(text, encoding="utf-8")

    mapping = read_mapping(path)

    assert len(mapping.masks) == 2
    assert "Geburtsdatum" in columns_of(mapping)


def test_the_checks_of_the_page_are_those_of_the_code() -> None:
    part = PAGE.partition("do not edit below -->\n\n")[2].partition("\n<!-- end")[0]

    assert part == check_definitions(IMPORT_CHECKS)


def test_every_check_has_a_code_of_its_own_in_order() -> None:
    codes = [check.code for check in IMPORT_CHECKS]

    assert codes == sorted(set(codes))
    assert all("LLN400" <= code <= "LLN499" for code in codes)
    assert all(check.fix() for check in IMPORT_CHECKS)
