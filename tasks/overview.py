"""The overview of a cohort: a strip of slices for each case, and a page that shows them all.

It shows the reference standard: of a hidden cohort it is the organiser's alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from schema.finding import Finding
from schema.terms import Reader
from tasks.case_reading import Image
from tasks.checks.plausibility import NOTES
from tasks.cohort import Cohort
from tasks.files import write_bytes, write_text
from tasks.pictures.legend import labels_of_tasks, legend
from tasks.pictures.orientation import Orientation
from tasks.pictures.pages import template
from tasks.pictures.raster import Style, beside, panel, png_bytes
from tasks.pictures.scene import Drawn, scenes, slices_to_look_at

PAGE = "index.html"
STRIPS = "strips"
STRIP_HEIGHT_PX = 280
SLICES_BESIDE_NODES = 3
MOST_SLICES = 10


class Finds(NamedTuple):
    """How many cases one check found something in."""

    code: str
    title: str
    cases: int
    note: bool


class Row(NamedTuple):
    """One case of the page."""

    case_id: str
    centre: str
    reading: str
    strip: str | None
    findings: tuple[Finding, ...]


def strip(image: Image, masks: Drawn) -> bytes:
    """One PNG of a case: the slice on which each node is measured, and some between.

    Args:
        image: of the case.
        masks: its reference.
    """
    orientation = Orientation.of(image.geometry)
    measured = len({axes.slice_index for axes in masks.axes})
    most = min(measured + SLICES_BESIDE_NODES, MOST_SLICES)
    seen = scenes(
        image.voxels,
        orientation=orientation,
        reference=masks,
        prediction=None,
        labels=labels_of_tasks(),
        wanted=slices_to_look_at([masks], orientation=orientation, most=most),
    )
    panels = []
    for scene in seen:
        style = Style(pixel_mm=scene.size_mm[1] / STRIP_HEIGHT_PX, stroke_px=1, text_px=12)
        panels.append(panel(scene, overlay=scene.reference, dashed=False, style=style))
    return png_bytes(beside(panels))


def write_strip(folder: Path, *, case_id: str, picture: bytes) -> None:
    """Write the strip of one case."""
    write_bytes(folder / STRIPS / f"{case_id}.png", picture)


def write_page(folder: Path, *, cohort: Cohort, findings: Sequence[Finding]) -> Path:
    """Write the page over the strips that are there; returns its path."""
    with_strip = {
        case_id
        for case_id in cohort.manifest.cases
        if (folder / STRIPS / f"{case_id}.png").is_file()
    }
    rows = [_row(cohort, case_id, findings, with_strip) for case_id in cohort.manifest.cases]
    write_text(folder / PAGE, page(cohort, rows=rows, findings=findings))
    return folder / PAGE


def page(cohort: Cohort, *, rows: Sequence[Row], findings: Sequence[Finding]) -> str:
    """The page as HTML: no script, no network."""
    listed = set(cohort.manifest.cases)
    return template("overview.html.j2").render(
        manifest=cohort.manifest,
        rows=rows,
        finds=_finds(findings),
        of_cohort=[each for each in findings if each.case_id not in listed],
        notes=NOTES,
        legend=legend(labels_of_tasks()),
        strip_height_px=STRIP_HEIGHT_PX,
        sound=sum(not row.findings for row in rows),
    )


def _row(cohort: Cohort, case_id: str, findings: Sequence[Finding], with_strip: set[str]) -> Row:
    clinical = cohort.clinical.get(case_id)
    return Row(
        case_id=case_id,
        centre="" if clinical is None else clinical.centre,
        reading=_reading(cohort, case_id),
        strip=f"{STRIPS}/{case_id}.png" if case_id in with_strip else None,
        findings=tuple(each for each in findings if each.case_id == case_id),
    )


def _reading(cohort: Cohort, case_id: str) -> str:
    """The consensus in words."""
    said = cohort.readers.get(Reader.CONSENSUS, {}).get(case_id)
    if said is None:
        return ""
    size = None if said.short_axis_mm is None else f"{said.short_axis_mm:g} mm"
    node = " ".join(str(each) for each in (said.region, said.side, size) if each is not None)
    status = "positive" if said.positive else "negative"
    return f"{status}: {node}" if node else status


def _finds(findings: Sequence[Finding]) -> list[Finds]:
    """Every code that was found in a case, ascending."""
    titles: Mapping[str, str] = {each.code: each.title for each in findings}
    cases = Counter(code for code, _ in {(each.code, each.case_id) for each in findings})
    found = {each.code for each in findings if each.case_id is not None}
    return [Finds(code, titles[code], cases[code], code in NOTES) for code in sorted(found)]
