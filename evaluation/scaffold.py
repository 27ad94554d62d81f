"""Starts a submission: a copy of the template, under its own name."""

from __future__ import annotations

import re
import shutil
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from schema.errors import UsageError
from tasks.files import read_text, write_text

TEMPLATE = "submission-template"
TEMPLATE_NAME = "lln-template"
"""The name that the template's files carry; each of its places becomes the new one."""
FILES = (
    ".dockerignore",
    ".gitignore",
    "Dockerfile",
    "Makefile",
    "README.md",
    "atlas.py",
    "lymph_nodes.py",
    "model.py",
    "predict.py",
    "requirements.txt",
    "rules.py",
    "submission.toml",
    "train.py",
    "volumes.py",
)
NAME = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
"""What may name a Docker image, and a folder anywhere."""
LONGEST_NAME = 64


def scaffold_submission(name: str, *, out: Path) -> None:
    """Copy the template into a folder, with the name filled in.

    Args:
        name: of the model, its image and its code folder: lower-case letters and digits, with
            single dots, dashes or underscores between.
        out: a new or empty folder.

    Raises:
        UsageError: the name cannot name an image.
    """
    if not NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise UsageError(
            f"{name!r} cannot name an image: lower-case letters and digits, with single dots, "
            f"dashes or underscores between, at most {LONGEST_NAME}"
        )
    source = template_folder()
    out.mkdir(parents=True, exist_ok=True)
    for file in FILES:
        write_text(out / file, read_text(source / file).replace(TEMPLATE_NAME, name))
        shutil.copymode(source / file, out / file)


def template_folder() -> Path:
    """Where the template is: beside this checkout, or among the files of the installed kit.

    Raises:
        UsageError: it is in neither place.
    """
    checkout = Path(__file__).parents[1] / "docker" / TEMPLATE
    if (checkout / FILES[0]).exists():
        return checkout
    try:
        installed = files("lln-challenge-kit") or []
    except PackageNotFoundError:
        installed = []
    for file in installed:
        if file.parts[-2:] == (TEMPLATE, "predict.py"):
            return Path(str(file.locate())).resolve().parent
    raise UsageError("the submission template is not installed: use a checkout of the kit")
