"""Which file of /input is the image, by the platform's `inputs.json`.

The platform has written each entry's description under `interface` and under `socket`; the newer
form says `is_image_kind`, the older one `super_kind`. `relative_path`, which is not the slug, says
where the image lies in both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from failures import Failure, Kind

LIMIT_BYTES = 1 << 20
SUPPORTED = (".mha", ".nii.gz")
PLAIN_PATH = re.compile(r"images/[A-Za-z0-9][A-Za-z0-9._-]*")

Socket = Mapping[str, Any]


def find_image(folder: Path, *, slug: str) -> Path:
    """The one image file of a case.

    Args:
        folder: what the platform mounts as /input.
        slug: of the socket that holds it; empty when there is only one image.

    Raises:
        Failure: `inputs.json` is not what it should be, or there is not exactly one image.
    """
    socket = _only_image(_sockets(folder / "inputs.json"), slug=slug)
    if socket.get("is_dicom_image_kind"):
        raise Failure(Kind.IMAGE_UNSUPPORTED, "the image input is a DICOM series; use an image")
    path = socket.get("relative_path")
    if not isinstance(path, str) or not PLAIN_PATH.fullmatch(path):
        raise Failure(Kind.INPUTS, "the image's relative_path is not of the form images/name")
    return _only_file(folder / path)


def _sockets(path: Path) -> list[Socket]:
    entries = _json(path)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise Failure(Kind.INPUTS, "inputs.json is not a list of inputs")
    sockets = [entry.get("socket", entry.get("interface")) for entry in entries]
    if not all(isinstance(socket, dict) for socket in sockets):
        raise Failure(Kind.INPUTS, "an input of inputs.json has neither `socket` nor `interface`")
    return sockets


def _json(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            content = file.read(LIMIT_BYTES + 1)
    except OSError as error:
        raise Failure(Kind.INPUTS, "inputs.json cannot be read") from error
    if len(content) > LIMIT_BYTES:
        raise Failure(Kind.INPUTS, "inputs.json is larger than 1 MiB")
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise Failure(Kind.INPUTS, "inputs.json is not JSON") from error


def _only_image(sockets: list[Socket], *, slug: str) -> Socket:
    images = [socket for socket in sockets if _is_image(socket)]
    if slug:
        images = [socket for socket in images if socket.get("slug") == slug]
    if not images:
        raise Failure(Kind.IMAGE_MISSING, "inputs.json names no such image")
    if len(images) > 1:
        message = f"inputs.json names {len(images)} images: build with LLN_GC_INPUT=slug"
        raise Failure(Kind.IMAGE_AMBIGUOUS, message)
    return images[0]


def _is_image(socket: Socket) -> bool:
    if "is_image_kind" in socket:
        return bool(socket["is_image_kind"])
    if "super_kind" in socket:
        return str(socket["super_kind"]) == "Image"
    return str(socket.get("relative_path")).startswith("images/")


def _only_file(folder: Path) -> Path:
    try:
        files = [path for path in folder.iterdir() if path.is_file()]
    except OSError as error:
        raise Failure(Kind.IMAGE_MISSING, "the folder of the image is not there") from error
    images = [path for path in files if path.name.endswith(SUPPORTED)]
    if len(images) > 1:
        raise Failure(Kind.IMAGE_AMBIGUOUS, f"{len(images)} files where one image should be")
    if images:
        return images[0]
    if files:
        # a TIFF, most likely: it does not say where in the patient its voxels lie
        message = f"the image has to be {' or '.join(SUPPORTED)}, with its place in the patient"
        raise Failure(Kind.IMAGE_UNSUPPORTED, message)
    raise Failure(Kind.IMAGE_MISSING, "the folder of the image is empty")
