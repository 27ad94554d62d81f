"""A hospital's folders as people leave them: nested studies, masks of several tools, a spreadsheet.

One patient's key is the Patient ID of the DICOM files, the folder of the masks and a column of the
spreadsheet.
"""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk  # noqa: N813 - its own example's name
from click.testing import CliRunner, Result
from numpy.typing import NDArray

from tasks.geometry import Geometry
from tasks.import_commands import import_cohort, labels, propose_mapping
from tasks.terminal import Verbs
from tests.tasks.dicom.dicom_writer import ROOT, T2, Series, grid, write_series

SIZE = (168, 164, 16)
COLUMNS = (
    "ID",
    "Sex",
    "Age",
    "MRI",
    "Recurrence",
    "Last seen",
    "Dead",
    "LLN",
    "Node",
    "Side",
    "mm",
)
LABELS = {
    "1": "external_iliac_inguinal_right",
    "2": "external_iliac_inguinal_left",
    "3": "obturator_right",
    "4": "obturator_left",
    "5": "internal_iliac_right",
    "6": "internal_iliac_left",
}
NODES = {"1": "negative_node", "2": "positive_node"}

verbs = Verbs(
    commands={"import": import_cohort, "propose-mapping": propose_mapping, "labels": labels}
)
"""As lln.py has them."""


def key_of(number: int) -> str:
    return f"PAT{number:03d}"


def study_of(number: int) -> str:
    return f"{ROOT}.{number}"


def series_of(number: int, *, geometry: Geometry | None = None) -> Series:
    """The T2 series of a patient: a grid and values of his own."""
    lies = geometry or grid(size=SIZE, origin_mm=(-101.25 + number, -88.5, 33.125 - number))
    rng = np.random.default_rng(number)
    values = rng.integers(0, 4000, lies.size[::-1]).astype(np.uint16)
    named = replace(T2, study=study_of(number), patient=key_of(number))
    tags = {**T2.tags, "AccessionNumber": f"ACC{number}"}
    return replace(named, geometry=lies, values=values, tags=tags)


def compartments(size: tuple[int, int, int] = SIZE) -> NDArray[np.uint8]:
    """Six boxes of different sizes, indexed (i, j, k): right at small i, left at large."""
    mask = np.zeros(size, dtype=np.uint8)
    for label in range(1, 7):
        region, left = (label - 1) // 2, label % 2 == 0
        i = 100 + 12 * region if left else 20 + 12 * region
        mask[i : i + 11, 30 + label : 60, 2 : 3 + 2 * label] = label
    return mask


def nodes(size: tuple[int, int, int] = SIZE, *, positive: bool = True) -> NDArray[np.uint8]:
    """A small node in the right obturator compartment, and a large one in the left."""
    mask = np.zeros(size, dtype=np.uint8)
    mask[35:38, 40:43, 3:5] = 1
    if positive:
        mask[113:121, 40:50, 3:8] = 2
    return mask


def image_of(array: NDArray[Any], geometry: Geometry) -> Any:
    """An array indexed (i, j, k) as a SimpleITK image."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(array.transpose(2, 1, 0)))
    image.SetSpacing(geometry.spacing_mm)
    image.SetOrigin(geometry.origin_mm)
    image.SetDirection(geometry.direction)
    return image


def write_mask(
    path: Path,
    array: NDArray[Any],
    geometry: Geometry,
    *,
    flip: tuple[bool, ...] = (False,) * 3,
    permute: tuple[int, ...] = (0, 1, 2),
) -> None:
    """Write a mask with SimpleITK, its axes exchanged and reversed but every voxel in its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.PermuteAxes(image_of(array, geometry), list(permute))
    sitk.WriteImage(sitk.Flip(image, list(flip)), str(path), True)


def is_positive(number: int) -> bool:
    return number % 2 == 0


def row_of(number: int) -> dict[str, str]:
    """A patient's line; every second one is positive, every third has recurred and died."""
    positive, recurred = is_positive(number), number % 3 == 0
    return {
        "ID": key_of(number),
        "Sex": "F" if positive else "M",
        "Age": str(50 + number),
        "MRI": "01.03.2019",
        "Recurrence": "01.03.2020" if recurred else "",
        "Last seen": "01.03.2021",
        "Dead": "yes" if recurred else "no",
        "LLN": "pos" if positive else "neg",
        "Node": "obturator" if positive else "",
        "Side": "left" if positive else "",
        "mm": "10.5" if positive else "",
    }


class Hospital:
    """Folders below `root`: dicom, masks, patients.csv, import.toml."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.dicom, self.masks = root / "pacs", root / "outlines"
        self.table, self.mapping = root / "patients.csv", root / "import.toml"
        self.out, self.work = root / "cohort", root / "cohort-import"
        self.rows: list[dict[str, str]] = []

    def admit(self, *numbers: int) -> Hospital:
        """Patients about whom everything is sound."""
        for number in numbers:
            series = series_of(number)
            write_series(self.dicom / f"export{number % 2}" / f"st{number}" / "t2", series)
            self.outline(number, series.geometry)
            self.rows.append(row_of(number))
        return self.written()

    def outline(self, number: int, geometry: Geometry) -> None:
        folder = self.masks / key_of(number)
        write_mask(folder / "compartments.nii.gz", compartments(geometry.size), geometry)
        drawn = nodes(geometry.size, positive=is_positive(number))
        write_mask(folder / "nodes.nrrd", drawn, geometry)

    def written(self, **changes: str) -> Hospital:
        """Write the spreadsheet and the mapping."""
        with self.table.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(self.rows)
        self.mapping.write_text(mapping_text(**changes), encoding="utf-8")
        return self

    def edit(self, old: str, new: str) -> None:
        """Exchange a text that occurs once in the mapping."""
        text = self.mapping.read_text(encoding="utf-8")
        assert text.count(old) == 1, old
        self.mapping.write_text(text.replace(old, new), encoding="utf-8")

    def command(self, *more: str) -> list[str]:
        return [
            "import",
            *("--dicom", str(self.dicom), "--masks", str(self.masks)),
            *("--table", str(self.table), "--mapping", str(self.mapping)),
            *("--out", str(self.out), "--jobs", "1", *more),
        ]

    def run(self, *more: str) -> Result:
        return CliRunner().invoke(verbs, self.command(*more))

    def found(self, *more: str) -> list[dict[str, Any]]:
        """Import, and give back the findings."""
        ran = self.run("--json", *more)
        assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
        assert ran.exit_code in {0, 1}, ran.stderr
        findings: list[dict[str, Any]] = json.loads(ran.stdout)["findings"]
        return findings

    def files(self) -> dict[str, bytes]:
        """Every file of the cohort."""
        return {
            path.relative_to(self.out).as_posix(): path.read_bytes()
            for path in sorted(self.out.rglob("*"))
            if path.is_file()
        }


def inline(table: dict[str, Any]) -> str:
    """A TOML inline table of strings and lists."""
    return "{ " + ", ".join(f"{json.dumps(k)} = {json.dumps(v)}" for k, v in table.items()) + " }"


def mapping_text(*, more: str = "") -> str:
    compartments_ = inline({value: [name] for value, name in LABELS.items()})
    nodes_ = inline({value: [name] for value, name in NODES.items()})
    return f"""
[cohort]
name = "North"
licence = "CC-BY-4.0"
split = "train"
tasks = ["compartments", "nodes", "positivity"]
centre = "North"

[cases]
match = "patient-id"

[[masks]]
file = "{{key}}/compartments*"
labels = {compartments_}

[[masks]]
file = "{{key}}/nodes*"
labels = {nodes_}

[table]
key = "ID"

[clinical]
sex = {{ column = "Sex", values = {{ M = "male", F = "female" }} }}
age = {{ column = "Age" }}
dfs_event = {{ column = "Recurrence", values = {{ "" = "0", "*" = "1" }} }}
os_months = {{ column = "Last seen", start = "MRI", date_format = "%d.%m.%Y" }}
os_event = {{ column = "Dead", values = {{ yes = "1", no = "0" }} }}

[clinical.dfs_months]
column = "Recurrence"
otherwise = "Last seen"
start = "MRI"
date_format = "%d.%m.%Y"

[readers.consensus]
positive = {{ column = "LLN", values = {{ pos = "1", neg = "0" }} }}
region = {{ column = "Node", values = {{ obturator = "OB" }} }}
side = {{ column = "Side" }}
short_axis_mm = {{ column = "mm", unit = "mm" }}
{more}
"""


def shifted_mask(hospital: Hospital, number: int, *, by: int) -> None:
    """A patient's nodes outlined again, so many voxels further to the left."""
    drawn = np.roll(nodes(positive=is_positive(number)), by, axis=0)
    write_mask(hospital.masks / key_of(number) / "nodes.nrrd", drawn, series_of(number).geometry)
