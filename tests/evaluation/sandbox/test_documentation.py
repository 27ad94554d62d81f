"""What `docs/sandbox.md` says of flags, variables and codes is what the code has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from evaluation.sandbox.container import environment
from schema.execution import FailureCode
from tests.evaluation.sandbox.test_container import arguments_of, spec

TEXT = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("flag", arguments_of(spec(), cpus=1))
def test_every_flag_has_its_reason(flag: str) -> None:
    assert re.search(rf"^\| .*`{flag}`.* \| .+ \|$", TEXT, re.MULTILINE)


def test_every_variable_is_declared_and_no_other() -> None:
    assert set(re.findall(r"`(LLN_[A-Z_]+|HOME)`", TEXT)) == set(environment(spec(), cpus=1))


def test_every_code_is_explained_and_no_other() -> None:
    explained = TEXT.split("## Codes")[1].split("## Modes")[0]

    assert re.findall(r"^\| `([a-z_]+)` \|", explained, re.MULTILINE) == list(FailureCode)
