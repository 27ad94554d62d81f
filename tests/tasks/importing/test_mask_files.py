"""Mask files of ITK-SNAP and 3D Slicer, and files that mean harm."""

from __future__ import annotations

import gzip
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813 - its own example's name

from tasks.importing.mask_files import MaskError, Place, mask_labels, open_mask
from tasks.importing.masks import file_pattern
from tests.tasks.dicom.dicom_writer import grid
from tests.tasks.importing.hospital import image_of, write_mask

IMAGE = grid(size=(6, 5, 4))
PLACE = Place(IMAGE, "1.2.3", "1.2.3.4")


def array() -> np.ndarray:
    drawn = np.zeros(IMAGE.size, dtype=np.uint8)
    drawn[1:3, 1:3, 1:3], drawn[4, 4, 3] = 1, 2
    return drawn


def refusal(path: Path) -> tuple[str, str]:
    with pytest.raises(MaskError) as error:
        list(open_mask(path, place=PLACE).layers)
    return error.value.check.code, error.value.doubt.got


@pytest.mark.parametrize("kind", ["uint8", "int16", "uint16", "uint32", "float32", "float64"])
@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "nrrd", "mha"])
def test_labels_of_any_type_are_read(tmp_path: Path, kind: str, suffix: str) -> None:
    path = tmp_path / f"m.{suffix}"
    write_mask(path, array().astype(kind), IMAGE)

    (layer,) = open_mask(path, place=PLACE).layers

    assert np.array_equal(layer.voxels, array())
    assert layer.voxels.dtype == np.uint16


@pytest.mark.parametrize("value", [0.5, np.nan, -1.0, 70_000.0])
@pytest.mark.parametrize("suffix", ["nii.gz", "nrrd"])
def test_values_that_are_no_labels_are_refused(tmp_path: Path, value: float, suffix: str) -> None:
    drawn = array().astype(np.float32)
    drawn[0, 0, 0] = value
    path = tmp_path / f"m.{suffix}"
    write_mask(path, drawn, IMAGE)

    code, got = refusal(path)

    assert code == "LLN423"
    assert "whole numbers" in got or "expected 0 to 65535" in got


def slicer_segmentation(
    path: Path, arrays: list[np.ndarray], names: dict[tuple[int, int], str]
) -> None:
    """A .seg.nrrd as 3D Slicer writes it: layers, and a name for each (layer, value)."""
    if len(arrays) > 1:
        image = sitk.Compose([image_of(each, IMAGE) for each in arrays])
    else:
        image = image_of(arrays[0], IMAGE)
    for number, ((layer, value), name) in enumerate(names.items()):
        image.SetMetaData(f"Segment{number}_Name", name)
        image.SetMetaData(f"Segment{number}_LabelValue", str(value))
        image.SetMetaData(f"Segment{number}_Layer", str(layer))
    sitk.WriteImage(image, str(path), True)


def test_segments_of_slicer_have_names(tmp_path: Path) -> None:
    path = tmp_path / "s.seg.nrrd"
    slicer_segmentation(path, [array()], {(0, 1): "neg node", (0, 2): "pos node"})

    opened = open_mask(path, place=PLACE)

    assert opened.named
    (layer,) = opened.layers
    assert layer.names == {1: "neg node", 2: "pos node"}
    assert mask_labels(path) == ({1: "neg node", 2: "pos node"}, (1, 2))


def test_segments_of_slicer_that_overlap_lie_in_layers(tmp_path: Path) -> None:
    path = tmp_path / "s.seg.nrrd"
    below = (array() > 0).astype(np.uint8)
    slicer_segmentation(path, [below, array()], {(0, 1): "station", (1, 1): "neg", (1, 2): "pos"})

    one, two = open_mask(path, place=PLACE).layers

    assert np.array_equal(one.voxels, below)
    assert np.array_equal(two.voxels, array())
    assert (one.names, two.names) == ({1: "station"}, {1: "neg", 2: "pos"})


def test_a_mask_on_another_grid_is_refused_before_a_voxel_is_read(tmp_path: Path) -> None:
    path = tmp_path / "m.nrrd"
    write_mask(path, array(), replace(IMAGE, origin_mm=(0.0, 0.0, 0.0)))
    content = path.read_bytes()
    path.write_bytes(content[: content.index(b"\n\n") + 2])

    code, got = refusal(path)

    assert code == "LLN424"
    assert got == "origin (0, 0, 0)"


SECRET = b"a key that is nobody's business"


@pytest.mark.parametrize("field", ["data file", "datafile", "DATA FILE"])
def test_an_nrrd_may_not_point_to_another_file(tmp_path: Path, field: str) -> None:
    (tmp_path / "secret.raw").write_bytes(SECRET * 100)
    path = tmp_path / "m.nrrd"
    write_mask(path, array(), IMAGE)
    header = path.read_bytes().split(b"\n\n")[0]
    path.write_bytes(header + f"\n{field}: secret.raw\n\n".encode())

    code, got = refusal(path)

    assert code == "LLN423"
    assert "points to another file" in got


@pytest.mark.parametrize(
    "pointer",
    [
        b"ElementDataFile = secret.raw\n",
        b"Comment = LOCAL\nElementDataFile = secret.raw\n",
        b"ElementDataFile = LIST\nsecret.raw\n",
        b"",
    ],
)
def test_a_metaimage_may_not_point_to_another_file(tmp_path: Path, pointer: bytes) -> None:
    (tmp_path / "secret.raw").write_bytes(SECRET * 100)
    path = tmp_path / "m.mha"
    write_mask(path, array(), IMAGE)
    header = path.read_bytes().split(b"ElementDataFile")[0]
    path.write_bytes(header + pointer)

    assert refusal(path)[0] == "LLN423"


@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "nrrd", "mha", "dcm"])
def test_links_pipes_and_rubbish_are_refused(
    tmp_path: Path, suffix: str, no_blocking: None
) -> None:
    assert no_blocking is None
    real = tmp_path / f"real.{'nrrd' if suffix == 'dcm' else suffix}"
    write_mask(real, array(), IMAGE)
    (tmp_path / f"link.{suffix}").symlink_to(real)
    os.mkfifo(tmp_path / f"pipe.{suffix}")
    (tmp_path / f"rubbish.{suffix}").write_bytes(SECRET)
    (tmp_path / f"empty.{suffix}").write_bytes(b"")

    for name in ("link", "pipe", "rubbish", "empty", "missing"):
        code, got = refusal(tmp_path / f"{name}.{suffix}")
        assert code == "LLN423", name
        assert SECRET.decode() not in got


@pytest.mark.parametrize("suffix", ["nii", "nii.gz", "nrrd", "mha"])
def test_a_damaged_mask_is_one_error_or_a_mask(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"m.{suffix}"
    write_mask(path, array(), IMAGE)
    content = path.read_bytes()
    rng = np.random.default_rng(11)
    for _ in range(40):
        damaged = bytearray(content)
        for at in rng.integers(0, min(400, len(content)), 3).tolist():
            damaged[at] = int(rng.integers(256))
        path.write_bytes(damaged[: int(rng.integers(1, len(content) + 1))])
        code = "LLN423"
        try:
            for layer in open_mask(path, place=PLACE).layers:
                assert layer.voxels.shape == IMAGE.size
        except MaskError as error:
            code = error.check.code
        assert code in {"LLN423", "LLN424"}


def edited(path: Path, change: Any) -> None:
    content = bytearray(gzip.decompress(path.read_bytes()))
    change(content)
    path.write_bytes(gzip.compress(bytes(content)))


def test_a_nifti_whose_two_forms_disagree_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.nii.gz"
    write_mask(path, array(), IMAGE)

    def move(content: bytearray) -> None:
        content[268:272] = np.float32(77.0).tobytes()  # qoffset_x

    edited(path, move)
    code, got = refusal(path)

    assert code == "LLN423"
    assert "place it differently" in got


def test_a_nifti_that_scales_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.nii.gz"
    write_mask(path, array(), IMAGE)

    def scale(content: bytearray) -> None:
        content[112:116] = np.float32(2.0).tobytes()  # scl_slope

    edited(path, scale)

    assert "scaled" in refusal(path)[1]


def test_a_mask_of_four_dimensions_is_refused(tmp_path: Path) -> None:
    for suffix in ("nii", "nii.gz", "nrrd"):
        path = tmp_path / f"m.{suffix}"
        image = sitk.JoinSeries([image_of(array(), IMAGE)] * 2)
        sitk.WriteImage(image, str(path))
        assert refusal(path) == ("LLN423", "4 dimensions, expected 3")


@pytest.mark.parametrize(
    ("template", "key", "name", "fits"),
    [
        ("{key}/nodes.nrrd", "P1", "P1/nodes.nrrd", True),
        ("{key}/nodes.nrrd", "P1", "P12/nodes.nrrd", False),
        ("{key}*.nrrd", "1", "1_nodes.nrrd", True),
        ("{key}*.nrrd", "1", "12_nodes.nrrd", False),
        ("*{key}.nrrd", "2", "12.nrrd", False),
        ("*{key}.nrrd", "2", "P-2.nrrd", True),
        ("PAT{key}_*", "2", "PAT2_a", True),
        ("**/{key}.mha", "a", "a.mha", True),
        ("**/{key}.mha", "a", "x/y/a.mha", True),
        ("*/{key}.mha", "a", "x/y/a.mha", False),
        ("{key}.mha", "a.b", "aXb.mha", False),
        ("{key}/{key}_n.mha", "a", "a/a_n.mha", True),
        ("{key}/{key}_n.mha", "a", "a/b_n.mha", False),
    ],
)
def test_a_template_fits_whole_paths_of_one_key(
    template: str, key: str, name: str, *, fits: bool
) -> None:
    assert (file_pattern(template, key=key).fullmatch(name) is not None) is fits
