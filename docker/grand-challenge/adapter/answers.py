"""From the answers of the neutral contract to the outputs that the platform collects."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import metaimage
import nifti
from failures import Failure, Kind
from images import UINT8, Grid, Image, ImageError, as_uint8, difference
from settings import Settings

HIGHEST = {"compartments": 6, "nodes": 2}
"""The largest label of each mask, as in the kit's task files."""
COLUMNS = ("case_id", "probability", "positive", "region", "side", "short_axis_mm")
WORDS = {"region": ("EI", "OB", "II"), "side": ("right", "left")}
RANGES = {"probability": (0.0, 1.0), "short_axis_mm": (1e-9, 500.0)}
LIMIT_BYTES = 64 << 20
"""Of one answer file, compressed, as in the kit's task files."""


def collected(settings: Settings, *, folder: Path, case_id: str, grid: Grid) -> dict[str, bytes]:
    """The content of every output file by its path below /output.

    Args:
        settings: which tasks are answered, and where their outputs go.
        folder: where the model wrote.
        case_id: the name that the model knew the case by.
        grid: of the platform's own image, which the masks are given.

    Raises:
        Failure: an answer is missing or breaks the contract.
    """
    outputs = {}
    for task in settings.tasks:
        path = settings.paths[task]
        if task == "positivity":
            content = _content(folder / "positivity.csv", task=task)
            outputs[path] = _positivity(content, case_id=case_id)
        else:
            content = _content(folder / task / f"{case_id}.nii.gz", task=task)
            outputs[f"{path}/{case_id}.mha"] = _mask(content, task=task, grid=grid)
    return outputs


def _content(path: Path, *, task: str) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(LIMIT_BYTES + 1)
    except OSError as error:
        raise Failure(Kind.ANSWER_MISSING, f"{task}: the model wrote no answer") from error
    if len(content) > LIMIT_BYTES:
        raise Failure(Kind.ANSWER_INVALID, f"{task}: the answer is too large")
    return content


def _mask(content: bytes, *, task: str, grid: Grid) -> bytes:
    try:
        mask = nifti.read(content)
        labels = as_uint8(mask)
    except ImageError as error:
        raise Failure(Kind.ANSWER_INVALID, f"{task}: {error}") from error
    wrong = difference(grid, mask.grid)
    if wrong:
        raise Failure(Kind.ANSWER_INVALID, f"{task}: the {wrong} is not that of the image")
    if labels.translate(None, bytes(range(HIGHEST[task] + 1))):
        raise Failure(Kind.ANSWER_INVALID, f"{task}: a label is above {HIGHEST[task]}")
    # the grid as the platform stated it, not as it came back through single precision
    return metaimage.written(Image(grid, UINT8, labels))


def _positivity(content: bytes, *, case_id: str) -> bytes:
    """The case's row as a JSON object; what does not apply is null."""
    row = _row(content, case_id=case_id)
    values = {name: _value(name, row[name]) for name in COLUMNS[1:]}
    node = [values[name] for name in ("region", "side", "short_axis_mm")]
    if values["positive"] is False and any(value is not None for value in node):
        raise _invalid("a negative patient has no region, side or short axis")
    return json.dumps(values, indent=2).encode("ascii") + b"\n"


def _row(content: bytes, *, case_id: str) -> Mapping[str, str]:
    try:
        text = content.decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _invalid("the table is no CSV") from error
    if len(rows) != 1 or None in rows[0] or None in rows[0].values():
        raise _invalid("the table has to be one complete row")
    row = {name.strip(): cell.strip() for name, cell in rows[0].items()}
    if sorted(row) != sorted(COLUMNS):
        raise _invalid(f"the columns have to be {','.join(COLUMNS)}")
    if row["case_id"] != case_id:
        raise _invalid("the row is that of another case")
    return row


def _value(name: str, text: str) -> Any:
    if name == "positive":
        if text not in {"0", "1"}:
            raise _invalid("positive has to be 0 or 1")
        return text == "1"
    if name in WORDS:
        if text and text not in WORDS[name]:
            raise _invalid(f"{name} has to be empty or one of {', '.join(WORDS[name])}")
        return text or None
    return _number(name, text)


def _number(name: str, text: str) -> float | None:
    if not text and name == "short_axis_mm":
        return None
    try:
        number = float(text)
    except ValueError as error:
        raise _invalid(f"{name} is no number") from error
    lowest, highest = RANGES[name]
    if not lowest <= number <= highest:
        raise _invalid(f"{name} is not between {lowest:g} and {highest:g}")
    return number


def _invalid(what: str) -> Failure:
    return Failure(Kind.ANSWER_INVALID, f"positivity: {what}")
