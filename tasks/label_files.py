"""The labels of a task as the files that ITK-SNAP and 3D Slicer read, from the task files."""

from __future__ import annotations

from collections.abc import Iterator

from schema.label import Label, LabelMap

ITKSNAP_SUFFIX = ".label"
SLICER_SUFFIX = ".ctbl"
RULE = "#" * 48


def itksnap_labels(labels: LabelMap) -> str:
    """Label descriptions of ITK-SNAP (Segmentation > Import Label Descriptions)."""
    head = (
        RULE,
        "# ITK-SnAP Label Description File",
        "# File format:",
        "# IDX   -R-  -G-  -B-  -A--  VIS MSH  LABEL",
        "# IDX: voxel value. R, G, B: 0 to 255. A: opacity. VIS, MSH: shown in slices, in 3-D.",
        RULE,
        _itksnap(0, (0, 0, 0), shown=0, title="Clear Label"),
    )
    lines = (_itksnap(each.value, _rgb(each), shown=1, title=each.title) for each in labels.labels)
    return "\n".join((*head, *lines, ""))


def _itksnap(value: int, rgb: tuple[int, int, int], *, shown: int, title: str) -> str:
    red, green, blue = rgb
    quoted = title.replace('"', "'")
    return (
        f'{value:5d} {red:5d} {green:4d} {blue:4d} {shown:8d} {shown:2d} {shown:2d}    "{quoted}"'
    )


def slicer_colours(labels: LabelMap) -> str:
    """A colour table of 3D Slicer (File > Add Data), names as in the task files.

    Names hold no blank, since blanks part the columns.
    """
    return "\n".join((*_slicer(labels), ""))


def _slicer(labels: LabelMap) -> Iterator[str]:
    yield f"# Color table file: {len(labels.labels) + 1} values"
    yield "0 background 0 0 0 0"
    for label in labels.labels:
        yield " ".join(map(str, (label.value, label.name, *_rgb(label), 255)))


def _rgb(label: Label) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(label.colour.removeprefix("#"))
    return red, green, blue
