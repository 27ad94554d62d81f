"""`lln submission new`: a copy of the template under its own name."""

from __future__ import annotations

import subprocess
from importlib.metadata import PackagePath
from pathlib import Path

import pytest

from evaluation import scaffold
from evaluation.gate import read_manifest
from evaluation.scaffold import FILES, TEMPLATE, TEMPLATE_NAME, scaffold_submission
from schema.errors import UsageError

ROOT = Path(__file__).parents[2]


def test_a_submission_carries_its_own_name_everywhere(tmp_path: Path) -> None:
    scaffold_submission("my-model", out=tmp_path / "new")
    texts = {path.name: path.read_text() for path in (tmp_path / "new").iterdir()}

    assert set(texts) == set(FILES)
    assert [name for name, text in texts.items() if TEMPLATE_NAME in text] == []
    assert "IMAGE      ?= my-model" in texts["Makefile"]
    assert read_manifest(tmp_path / "new").model == "my-model"


@pytest.mark.parametrize("name", ["", "My-Model", "a b", "../up", "-x", "x-", "a--b", "x" * 65])
def test_a_name_that_cannot_name_an_image_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot name an image"):
        scaffold_submission(name, out=tmp_path / "new")

    assert not (tmp_path / "new").exists()


def test_the_list_of_files_is_the_template() -> None:
    ignored = ("__pycache__", "model", "out")
    found = {path.name for path in (ROOT / "docker" / TEMPLATE).iterdir()}

    assert found - set(ignored) == set(FILES)


def test_an_installed_kit_finds_the_template_among_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = PackagePath(f"../share/lln-challenge-kit/{TEMPLATE}/predict.py")
    installed.dist = PretendDistribution(tmp_path)  # type: ignore[assignment]
    monkeypatch.setattr(scaffold, "__file__", str(tmp_path / "site" / "evaluation" / "scaffold.py"))
    monkeypatch.setattr(scaffold, "files", lambda _name: [installed])

    assert scaffold.template_folder() == (tmp_path / "share/lln-challenge-kit" / TEMPLATE)


class PretendDistribution:
    """Files of a kit installed under some folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def locate_file(self, path: PackagePath) -> Path:
        return self.folder / "site" / path


def test_without_a_template_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaffold, "__file__", str(tmp_path / "site" / "evaluation" / "scaffold.py"))
    monkeypatch.setattr(scaffold, "files", lambda _name: None)

    with pytest.raises(UsageError, match="not installed"):
        scaffold.template_folder()


def test_the_template_needs_nothing_of_the_kit() -> None:
    code = (ROOT / "docker" / TEMPLATE).glob("*.py")
    words = "from (schema|tasks|evaluation)|import (schema|tasks|evaluation)"

    found = subprocess.run(["grep", "-nE", words, *code], capture_output=True, check=False)
    assert found.stdout == b""
