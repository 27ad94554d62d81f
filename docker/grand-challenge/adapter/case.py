"""One case: the platform's /input, the model under the neutral contract, the platform's /output."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import metaimage
import nifti
from answers import collected
from failures import Failure, Kind
from images import LIMIT_BYTES, Image, ImageError
from settings import Settings
from sockets import find_image
from submission import Folders, run_model

CASE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""The kit's rule for names of cases."""
HEADER_ROOM = 1 << 20


class Mounts(NamedTuple):
    """What the platform mounts."""

    input: Path
    output: Path


def run_case(settings: Settings, mounts: Mounts) -> None:
    """Answer the case that lies in /input; nothing is written unless every answer stands.

    Raises:
        Failure: there is no answer.
    """
    file = find_image(mounts.input, slug=settings.socket)
    case_id = _case_id(file)
    with tempfile.TemporaryDirectory(prefix="lln-", ignore_cleanup_errors=True) as scratch:
        folders = Folders.below(Path(scratch))
        image = _stage(file, target=folders.input / "t2w" / f"{case_id}.nii.gz")
        run_model(settings, folders)
        outputs = collected(settings, folder=folders.output, case_id=case_id, grid=image.grid)
    _write(outputs, folder=mounts.output)


def _case_id(file: Path) -> str:
    """The file's own name, which on the platform is a random one, where the kit's rule allows."""
    name = file.name.partition(".")[0]
    return name if CASE_ID.fullmatch(name) else "case"


def _stage(file: Path, *, target: Path) -> Image:
    """Write the image as NIfTI; returns it."""
    content = _read(file)
    is_nifti = file.name.endswith(".nii.gz")
    try:
        image = nifti.read(content) if is_nifti else metaimage.read(content)
    except ImageError as error:
        raise Failure(Kind.IMAGE_DAMAGED, f"the image: {error}") from error
    target.parent.mkdir()
    target.write_bytes(content if is_nifti else nifti.written(image))
    return image


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            content = stream.read(LIMIT_BYTES + HEADER_ROOM)
    except OSError as error:
        raise Failure(Kind.IMAGE_MISSING, "the image cannot be read") from error
    if len(content) == LIMIT_BYTES + HEADER_ROOM:
        raise Failure(Kind.IMAGE_UNSUPPORTED, "the image is larger than 2 GiB")
    return content


def _write(outputs: Mapping[str, bytes], *, folder: Path) -> None:
    try:
        for path, content in outputs.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
    except OSError as error:
        raise Failure(Kind.OUTPUT, "the outputs cannot be written") from error
