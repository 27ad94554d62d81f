"""The scorer loads what it computes with and nothing else; help loads no numbers at all."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

NEVER_IN_THE_SCORER = {
    "SimpleITK",
    "docker",
    "highdicom",
    "nnunetv2",
    "rich",
    "sklearn",
    "torch",
}
NEVER_FOR_HELP = NEVER_IN_THE_SCORER - {"rich"} | {
    "PIL",
    "cc3d",
    "deflate",
    "isal",
    "jinja2",
    "joblib",
    "lifelines",
    "matplotlib",
    "nibabel",
    "numba",
    "numpy",
    "pandas",
    "scipy",
}
NEVER_IN_THE_CONTRACT = NEVER_FOR_HELP | {"click", "rich"}

HELP_OF_EVERY_VERB = """
import click
from lln import main

def ask(command, path):
    context = click.Context(command, info_name=path)
    command.get_help(context)
    for name, child in getattr(command, "commands", {}).items():
        ask(child, name)

ask(main, "lln")
main(["--help"], standalone_mode=False)
"""


def loaded_by(code: str) -> set[str]:
    """Top-level names of every module that a fresh interpreter has loaded after the code."""
    report = "import json, sys; print(json.dumps(sorted({n.split('.')[0] for n in sys.modules})))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def imports(path: Path) -> Iterator[str]:
    """Top-level names of what a file imports anywhere, in a function too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


def test_the_scorer_loads_neither_training_nor_sandbox_nor_terminal() -> None:
    loaded = loaded_by("import evaluation.run, evaluation.__main__")

    assert loaded & NEVER_IN_THE_SCORER == set()
    assert {"evaluation", "numpy", "pydantic"} <= loaded


def test_no_module_but_those_that_talk_to_the_engine_imports_them_later() -> None:
    modules = sorted((ROOT / "evaluation").rglob("*.py"))
    found = {path: set(imports(path)) & NEVER_IN_THE_SCORER for path in modules}

    assert modules
    assert {path.relative_to(ROOT).as_posix(): names for path, names in found.items() if names} == {
        "evaluation/sandbox/docker_runner.py": {"docker"},
        "evaluation/sandbox/image_build.py": {"docker"},
    }


def test_all_of_the_sandbox_but_its_runner_loads_without_the_engine_s_sdk() -> None:
    loaded = loaded_by("import evaluation.sandbox.campaign, evaluation.sandbox.plan")

    assert loaded & NEVER_IN_THE_SCORER == set()


@pytest.mark.parametrize("code", ["import lln", HELP_OF_EVERY_VERB], ids=["import", "help"])
def test_the_front_door_opens_without_numbers(code: str) -> None:
    loaded = loaded_by(code)

    assert loaded & NEVER_FOR_HELP == set()
    assert {"click", "lln"} <= loaded


def test_the_contract_loads_pydantic_only() -> None:
    loaded = loaded_by("import schema.export")

    assert loaded & NEVER_IN_THE_CONTRACT == set()
    assert loaded & {"tasks", "evaluation", "lln"} == set()
    assert "pydantic" in loaded
