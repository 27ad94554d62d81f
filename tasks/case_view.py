"""One case to look at: image, reference and prediction, as a PNG or as a page with a slider."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from schema.errors import CohortError, UsageError
from schema.finding import Finding
from schema.terms import TaskId
from tasks.case_reading import Image, drawn_masks, findings_of_names, read_image, read_masks
from tasks.checks.cohort import ImageUnusable
from tasks.cohort import Cohort
from tasks.layout import IMAGES, mask_name
from tasks.pictures.legend import Key, labels_of_tasks, legend
from tasks.pictures.orientation import Orientation
from tasks.pictures.pages import template
from tasks.pictures.raster import (
    RGB,
    Style,
    below,
    beside,
    legend_lines,
    panel,
    png_bytes,
    text_lines,
)
from tasks.pictures.scene import Drawn, Scene, ruler_text, scenes, slices_to_look_at
from tasks.pictures.vector import Drawing, drawing, slice_images

MONTAGE_SLICES = 6
MONTAGE_WIDTH_PX = 520
"""Of one slice."""
TEXT_PX = 14
PRIVATE = (
    "The reference outlines are the cohort's: of a hidden cohort this picture is the organiser's."
)
MEASURED = (
    "White: the short axis, across the longest diameter (thin), on the slice where it is greatest."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """A case, read.

    Attributes:
        case_id: which.
        image: the T2-weighted image.
        reference: its masks; None when the cohort shows none, as for an entrant.
        prediction: the submission's masks that could be read; None when none could.
        findings: what is wrong with the masks that could not.
    """

    case_id: str
    image: Image
    reference: Drawn | None
    prediction: Drawn | None
    findings: tuple[Finding, ...]


def read_case_view(cohort: Cohort, case_id: str, *, submission: Path | None) -> CaseView:
    """Read what there is to see of a case.

    Raises:
        UsageError: the cohort does not list the case.
        CohortError: its image cannot be used.
    """
    if case_id not in cohort.manifest.cases:
        first = cohort.manifest.cases[0]
        raise UsageError(f"{cohort.folder} lists no case {case_id!r}; its first is {first}")
    image = read_image(cohort.image(case_id))
    if not isinstance(image, Image):
        where = f"{IMAGES}/{mask_name(case_id)}"
        found = ImageUnusable.findings(image, where=where, case_id=case_id)
        raise CohortError(f"{case_id}: the image cannot be used", findings=found)
    own = read_masks(cohort.folder, case_id=case_id, image=image.geometry)
    placing = own.by_task.get(TaskId.COMPARTMENTS)
    reference = drawn_masks(own, geometry=image.geometry, placing=placing)
    prediction, findings = None, own.findings
    if submission is not None:
        theirs = read_masks(submission, case_id=case_id, image=image.geometry)
        findings = (
            *findings,
            *findings_of_names(submission, case_id=case_id),
            *theirs.findings,
        )
        # a prediction's nodes are placed by the reference compartments, as when they are scored
        by = theirs.by_task.get(TaskId.COMPARTMENTS) if placing is None else placing
        prediction = drawn_masks(theirs, geometry=image.geometry, placing=by)
    return CaseView(
        case_id=case_id,
        image=image,
        reference=reference if reference.masks else None,
        prediction=prediction if prediction is not None and prediction.masks else None,
        findings=findings,
    )


def view_png(view: CaseView) -> bytes:
    """A montage: the slices to look at, each as it is, with the reference, with the prediction."""
    orientation = Orientation.of(view.image.geometry)
    chosen = _chosen(view, orientation=orientation, most=MONTAGE_SLICES)
    rows = [_montage_row(scene) for scene in _scenes(view, orientation=orientation, wanted=chosen)]
    width = max(row.shape[1] for row in rows)
    head = text_lines([_heading(view), *_complaints(view)], width=width, text_px=TEXT_PX)
    foot = legend_lines(_keys(view), width=width, text_px=TEXT_PX)
    words = [MEASURED] * bool(_keys(view)) + [PRIVATE] * (view.reference is not None)
    return png_bytes(below([head, *rows, foot, text_lines(words, width=width, text_px=TEXT_PX)]))


def _chosen(view: CaseView, *, orientation: Orientation, most: int) -> list[int]:
    """Slices with something to see: of the reference and the prediction alike."""
    sets = [each for each in (view.reference, view.prediction) if each is not None]
    return slices_to_look_at(sets, orientation=orientation, most=most)


def _scenes(view: CaseView, *, orientation: Orientation, wanted: list[int]) -> list[Scene]:
    return list(
        scenes(
            view.image.voxels,
            orientation=orientation,
            reference=view.reference,
            prediction=view.prediction,
            labels=labels_of_tasks(),
            wanted=wanted,
        )
    )


def _montage_row(scene: Scene) -> RGB:
    style = Style(pixel_mm=scene.size_mm[0] / MONTAGE_WIDTH_PX, stroke_px=2, text_px=TEXT_PX)
    panels = [panel(scene, overlay=None, dashed=False, style=style, caption="image")]
    named = (("reference", scene.reference), ("prediction", scene.prediction))
    for name, overlay in named:
        if overlay is not None:
            dashed = name == "prediction"
            panels.append(panel(scene, overlay=overlay, dashed=dashed, style=style, caption=name))
    return beside(panels)


def _heading(view: CaseView) -> str:
    shown = {
        (True, True): "reference (solid) and prediction (dashed)",
        (True, False): "reference",
        (False, True): "prediction (dashed), no reference",
        (False, False): "image alone",
    }[view.reference is not None, view.prediction is not None]
    return f"{view.case_id}: {shown}"


def _complaints(view: CaseView) -> list[str]:
    """Findings, a line each: a mask that is not drawn has its reason."""
    return [
        f"{each.code} {each.title} ({each.where}): expected {each.expected}, got {each.got}"
        for each in view.findings
    ]


def _keys(view: CaseView) -> tuple[Key, ...]:
    if view.reference is None and view.prediction is None:
        return ()
    return legend(labels_of_tasks())


class Slice(NamedTuple):
    """One slice on the page."""

    number: int
    image: str
    reference: Drawing | None
    prediction: Drawing | None


class Stop(NamedTuple):
    """A node to go to: on which slice of the page it is measured."""

    position: int
    text: str
    colour: str


def view_page(view: CaseView) -> str:
    """The page as HTML, everything in it: no network; without scripts every slice is shown."""
    orientation = Orientation.of(view.image.geometry)
    every = _scenes(view, orientation=orientation, wanted=list(range(orientation.size[0])))
    stops = [
        (name, _stops(masks, orientation=orientation))
        for name, masks in (("reference", view.reference), ("prediction", view.prediction))
    ]
    positions = [stop.position for _, of_masks in stops for stop in of_masks]
    first = positions[0] if positions else _middle(view, orientation=orientation)
    width, height = every[0].size_mm
    return template("view.html.j2").render(
        case_id=view.case_id,
        heading=_heading(view),
        findings=view.findings,
        notes=frozenset(),
        panels=[name for name, there in _sides(view) if there] or ["image"],
        slices=_slices(every),
        stops=stops,
        first=first,
        width=f"{width:.2f}",
        height=f"{height:.2f}",
        legend=_keys(view),
        private=PRIVATE if view.reference is not None else "",
    )


def _sides(view: CaseView) -> tuple[tuple[str, bool], ...]:
    return (
        ("reference", view.reference is not None),
        ("prediction", view.prediction is not None),
    )


def _slices(every: list[Scene]) -> list[Slice]:
    return [
        Slice(
            scene.number,
            image,
            None if scene.reference is None else drawing(scene.reference),
            None if scene.prediction is None else drawing(scene.prediction),
        )
        for scene, image in zip(every, slice_images(every), strict=True)
    ]


def _stops(masks: Drawn | None, *, orientation: Orientation) -> list[Stop]:
    """Every node, the largest first."""
    colours = {label.node_class: label.colour for label in labels_of_tasks()["nodes"]}
    pairs = [] if masks is None else list(zip(masks.measured, masks.axes, strict=True))
    return [
        Stop(
            orientation.stored_slice(axes.slice_index),
            f"{ruler_text(axes.short_axis_mm, node.place if masks.placed else None)}, "
            f"{node.node_class.value}",
            colours[node.node_class],
        )
        for node, axes in sorted(pairs, key=lambda pair: -pair[1].short_axis_mm)
        if masks is not None
    ]


def _middle(view: CaseView, *, orientation: Orientation) -> int:
    return _chosen(view, orientation=orientation, most=1)[0]
