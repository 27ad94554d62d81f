"""Pictures: the task files' colours at the right places, whatever the storage order."""

from __future__ import annotations

import io
from itertools import permutations, product

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from schema.label import Label
from schema.terms import NodeClass, Region, Side
from tasks.geometry import Geometry
from tasks.node_measurement import measure_nodes_of_task
from tasks.pictures.legend import labels_of_tasks, legend
from tasks.pictures.orientation import Orientation
from tasks.pictures.raster import Style, below, beside, legend_lines, panel, png_bytes, text_lines
from tasks.pictures.scene import Crop, Scene, drawn, scenes, slices_to_look_at, windowed

SIZE, SPACING_MM = (40, 30, 5), (1.0, 1.5, 4.0)
STYLE = Style(pixel_mm=0.5, stroke_px=1, text_px=12)
LABELS = labels_of_tasks()
PLACES = {(label.region, label.side): label for label in LABELS["compartments"]}
CLASSES = {label.node_class: label for label in LABELS["nodes"]}
RIGHT, LEFT = PLACES[Region.OB, Side.RIGHT], PLACES[Region.EI, Side.LEFT]
POSITIVE = CLASSES[NodeClass.POSITIVE]

Array = NDArray[np.uint8]


def stored(
    voxels: Array, *, order: tuple[int, ...], turned: tuple[bool, ...]
) -> tuple[Array, Geometry]:
    """The same body in another storage order; as written, i runs to the left, j back, k up."""
    affine = np.diag([*SPACING_MM, 1.0])
    affine[:2] *= -1
    for axis in (axis for axis in range(3) if turned[axis]):
        affine[:, 3] += affine[:, axis] * (SIZE[axis] - 1)
        affine[:, axis] *= -1
    voxels = np.transpose(np.flip(voxels, tuple(axis for axis in range(3) if turned[axis])), order)
    size = (voxels.shape[0], voxels.shape[1], voxels.shape[2])
    return np.asfortranarray(voxels), Geometry.from_affine(affine[:, [*order, 3]], size=size)


def body() -> tuple[Array, Array, Array]:
    """Image, compartments and nodes: obturator right, external iliac left, a node in the right."""
    image = np.random.default_rng(1).integers(0, 255, SIZE).astype(np.uint8)
    compartments, nodes = np.zeros(SIZE, dtype=np.uint8), np.zeros(SIZE, dtype=np.uint8)
    compartments[4:16, 8:20, 1:4] = RIGHT.value
    compartments[28:36, 3:9, 1:4] = LEFT.value
    nodes[7:13, 11:15, 2] = POSITIVE.value
    return image, compartments, nodes


def scene_of(
    *, order: tuple[int, ...] = (0, 1, 2), turned: tuple[bool, ...] = (False,) * 3
) -> Scene:
    """The slice on which the node is measured."""
    (image, geometry), (compartments, _), (nodes, _) = (
        stored(voxels, order=order, turned=turned) for voxels in body()
    )
    orientation = Orientation.of(geometry)
    masks = drawn(
        orientation=orientation,
        geometry=geometry,
        compartments=compartments,
        nodes=nodes,
        node_map=measure_nodes_of_task(nodes, geometry=geometry, compartments=compartments),
        placed=True,
    )
    (scene,) = scenes(
        image,
        orientation=orientation,
        reference=masks,
        prediction=None,
        labels=LABELS,
        wanted=slices_to_look_at([masks], orientation=orientation, most=1),
    )
    return scene


def pixels(picture: Array, label: Label) -> NDArray[np.intp]:
    """Places (row, column) of the label's exact colour."""
    rgb = [int(label.colour[at : at + 2], 16) for at in (1, 3, 5)]
    return np.argwhere((picture == rgb).all(axis=2))


def test_outlines_have_the_task_files_colours_where_the_labels_are() -> None:
    scene = scene_of()
    picture = panel(scene, overlay=scene.reference, dashed=False, style=STYLE)
    # crop: labels at i 4..35 and j 3..19 with 18 mm around, so from i 0 and j 0 to the ends
    assert picture.shape == (90, 80, 3)  # 30 x 1.5 mm and 40 x 1 mm at 0.5 mm
    right, left, node = (pixels(picture, label) for label in (RIGHT, LEFT, POSITIVE))

    # 0.35 voxel within the edge: i 4..15 is 4.35 to 15.65 mm, pixels 8 to 31; j 8..19 is 12.5 mm
    # to 29.5 mm, pixels 25 to 58
    assert (right.min(axis=0).tolist(), right.max(axis=0).tolist()) == ([25, 8], [58, 31])
    assert left[:, 1].min() > 40 > right[:, 1].max()
    assert left[:, 0].max() < right[:, 0].mean()  # the external iliac lies in front, so above
    assert node[:, 0].min() > 25
    assert node[:, 0].max() < 58


@pytest.mark.parametrize("order", list(permutations(range(3))))
@pytest.mark.parametrize("turned", list(product([False, True], repeat=3)))
def test_every_storage_order_gives_the_same_picture(
    order: tuple[int, ...], turned: tuple[bool, ...]
) -> None:
    expected, scene = scene_of(), scene_of(order=order, turned=turned)

    assert scene.spacing_mm == pytest.approx(expected.spacing_mm)
    np.testing.assert_array_equal(scene.grey, expected.grey)
    assert scene.reference is not None
    assert expected.reference is not None
    for shape, same in zip(scene.reference.shapes, expected.reference.shapes, strict=True):
        assert shape.label == same.label
        for loop, other in zip(shape.loops, same.loops, strict=True):
            np.testing.assert_allclose(loop, other)
    (ruler,), (same_ruler,) = scene.reference.rulers, expected.reference.rulers
    assert ruler.text == same_ruler.text
    # where two diameters are equally long, the storage order says which is drawn
    lengths = [np.linalg.norm(np.diff(each.short, axis=0)) for each in (ruler, same_ruler)]
    assert lengths[0] == pytest.approx(lengths[1])


@pytest.mark.parametrize(("turned", "number"), [((False,) * 3, 3), ((False, False, True), 3)])
def test_a_slice_has_its_number_in_the_file(turned: tuple[bool, ...], number: int) -> None:
    assert scene_of(turned=turned).number == number


def test_the_ruler_in_the_picture_is_as_long_as_the_short_axis() -> None:
    scene = scene_of()
    assert scene.reference is not None
    (ruler,) = scene.reference.rulers
    size = float(np.linalg.norm(np.diff(ruler.short, axis=0)))

    assert ruler.text == f"{size:.1f} mm OB right"
    assert ruler.colour == POSITIVE.colour
    picture = panel(scene, overlay=scene.reference, dashed=False, style=STYLE)
    start, end = ruler.short / STYLE.pixel_mm - 0.5
    for share in (0.1, 0.5, 0.9):
        column, row = np.rint(start + share * (end - start)).astype(int)
        assert (picture[row - 1 : row + 2, column - 1 : column + 2] == 255).all(axis=2).any()


def test_a_dashed_outline_has_gaps_and_the_same_places() -> None:
    scene = scene_of()
    solid, dashed = (
        pixels(panel(scene, overlay=scene.reference, dashed=each, style=STYLE), LEFT)
        for each in (False, True)
    )

    assert {*map(tuple, dashed.tolist())} < {*map(tuple, solid.tolist())}
    assert 0.5 < len(dashed) / len(solid) < 0.8  # 6 of 10 pixels


def test_a_pixel_is_as_wide_as_it_is_high_in_millimetres() -> None:
    picture = panel(scene_of(), overlay=None, dashed=False, style=STYLE)
    rows, columns, _ = picture.shape

    assert (rows * STYLE.pixel_mm, columns * STYLE.pixel_mm) == (30 * 1.5, 40 * 1.0)


def test_the_window_is_of_percentiles_and_what_is_no_number_is_black() -> None:
    image = np.linspace(0, 1000, 2000, dtype=np.float32).reshape(2, 10, 100)
    image[0, 0, :2] = np.nan, np.inf
    grey = windowed(image, crop=Crop(0, 10, 0, 100))

    assert grey[0, 0, :2].tolist() == [0, 0]
    assert (grey.min(), grey.max()) == (0, 255)
    # half a percent above the window, and the last half of a grey below its end
    assert (grey == 255).mean() == pytest.approx(0.005 + 0.985 * 0.5 / 255, abs=0.001)
    assert windowed(np.full((1, 2, 2), np.nan), crop=Crop(0, 2, 0, 2)).max() == 0
    assert windowed(np.full((1, 2, 2), 5), crop=Crop(0, 2, 0, 2)).max() == 0


def test_every_slice_with_a_node_is_looked_at_first_then_evenly() -> None:
    _, compartments, nodes = body()
    grid = stored(compartments, order=(0, 1, 2), turned=(False,) * 3)[1]
    orientation = Orientation.of(grid)
    masks = drawn(
        orientation=orientation,
        geometry=grid,
        compartments=compartments,
        nodes=nodes,
        node_map=measure_nodes_of_task(nodes, geometry=grid, compartments=compartments),
        placed=True,
    )

    # k = 2 of 5 is the third from the head; labels lie on k = 1, 2, 3
    assert slices_to_look_at([masks], orientation=orientation, most=1) == [2]
    assert slices_to_look_at([masks], orientation=orientation, most=9) == [1, 2, 3]
    assert slices_to_look_at([], orientation=orientation, most=9) == [0, 1, 2, 3, 4]


def test_the_legend_has_every_colour_once_and_no_side() -> None:
    keys = legend(LABELS)

    assert [key.colour for key in keys] == list(
        dict.fromkeys(label.colour for each in LABELS.values() for label in each)
    )
    assert [key.title for key in keys] == [
        "External iliac and inguinal",
        "Obturator",
        "Internal iliac",
        "Negative node",
        "Positive node",
    ]
    drawn_keys = legend_lines(keys, width=300, text_px=12)
    for label in (RIGHT, LEFT, POSITIVE):
        assert len(pixels(drawn_keys, label)) > 50


def test_pictures_are_set_beside_and_below_each_other_on_white() -> None:
    one, other = np.zeros((4, 5, 3), dtype=np.uint8), np.zeros((6, 3, 3), dtype=np.uint8)

    assert beside([one, other]).shape == (6, 5 + 6 + 3, 3)
    assert below([one, other]).shape == (4 + 6 + 6, 5, 3)
    assert beside([one, other])[5, 0].tolist() == [255, 255, 255]
    assert below([one, other])[15, 4].tolist() == [255, 255, 255]


def test_a_long_text_goes_on_in_the_next_line() -> None:
    short = text_lines(["word"], width=120, text_px=12)
    long = text_lines(["word " * 20], width=120, text_px=12)

    assert short.shape[1] == long.shape[1] == 120
    assert long.shape[0] > 3 * short.shape[0]


def test_a_png_holds_the_picture_and_is_the_same_twice() -> None:
    scene = scene_of()
    picture = panel(scene, overlay=scene.reference, dashed=False, style=STYLE)
    content = png_bytes(picture)

    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(content))), picture)
    assert png_bytes(picture) == content
