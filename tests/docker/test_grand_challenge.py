"""The Grand Challenge adapter: on the host for what it converts, in the engine for what it is."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import nibabel as nib
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from numpy.typing import NDArray

from schema.terms import TaskId
from tasks.layout import POSITIVITY_COLUMNS
from tasks.specification import load_tasks
from tests.containers import (  # noqa: F401 - a fixture among them
    DOCKER,
    ROOT,
    base_image,
    require_engine,
    run,
)

ADAPTER = DOCKER / "grand-challenge"
FIXTURES = Path(__file__).parent / "grand_challenge_fixtures"
STANDIN = FIXTURES / "standin.py"
NAME = "1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"
SIZE = (7, 6, 5)
SPACING, ORIGIN = (0.6640625, 0.7, 4.4000001), (-123.456789, 98.7654321, -312.0000123)
RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])

EXPECTED = FIXTURES.joinpath("outputs.txt").read_text(encoding="utf-8").split()
KEY_STYLES = ("socket", "interface")


def turned(*degrees: float) -> NDArray[np.float64]:
    """A rotation about z, then x."""
    (cz, cx), (sz, sx) = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    about_z = np.array([(cz, -sz, 0.0), (sz, cz, 0.0), (0.0, 0.0, 1.0)])
    about_x = np.array([(1.0, 0.0, 0.0), (0.0, cx, -sx), (0.0, sx, cx)])
    return np.asarray(about_z @ about_x)


DIRECTIONS = {
    "plain": np.eye(3),
    "oblique": turned(17.0, -23.0),
    "flipped": turned(5.0, 11.0) @ np.diag([1.0, -1.0, -1.0]),
    "mirrored": turned(-3.0, 2.0) @ np.diag([-1.0, 1.0, 1.0]),
    "sagittal": turned(4.0, 0.0) @ np.array([(0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, -1.0, 0.0)]),
}


class Mounts(NamedTuple):
    """What the platform mounts, and what the model may write to on the host."""

    input: Path
    output: Path
    scratch: Path

    def listing(self) -> list[str]:
        files = (path for path in self.output.rglob("*") if path.is_file())
        return sorted(path.relative_to(self.output).as_posix() for path in files)

    def mask(self, task: str) -> sitk.Image:
        return sitk.ReadImage(self.output / "images" / f"lln-{task}" / f"{NAME}.mha")

    def positivity(self) -> Any:
        return json.loads((self.output / "lln-positivity.json").read_text(encoding="utf-8"))


def image(*, seed: int = 0, dtype: str = "int16", direction: str = "oblique") -> sitk.Image:
    values = np.random.default_rng(seed).integers(0, 120, SIZE[::-1]).astype(dtype)
    made = sitk.GetImageFromArray(values)
    made.SetSpacing(SPACING)
    made.SetOrigin(ORIGIN)
    made.SetDirection(DIRECTIONS[direction].ravel().tolist())
    return made


def put(
    folder: Path, made: sitk.Image, *, style: str = "socket", suffix: str = ".mha", packed: int = 1
) -> None:
    """A case as the platform mounts it."""
    images = folder / "images" / "axial-t2-pelvis"
    images.mkdir(parents=True)
    sitk.WriteImage(made, images / f"{NAME}{suffix}", useCompression=bool(packed))
    shutil.copy(FIXTURES / f"inputs.{style}.json", folder / "inputs.json")
    (folder / "age-in-months.json").write_text("732")


def environment(mounts: Mounts, **settings: str) -> dict[str, str]:
    command = [sys.executable, "-S", str(STANDIN), "--input={input}", "--output={output}"]
    given = {"LLN_COMMAND": json.dumps(command), "TMPDIR": str(mounts.scratch)}
    return {"PATH": os.environ["PATH"], **given, **settings}


def words(mounts: Mounts, *arguments: str) -> list[str]:
    """The adapter's command, without what is installed beside Python."""
    where = (f"--input={mounts.input}", f"--output={mounts.output}")
    return [sys.executable, "-S", str(ADAPTER / "adapter"), *arguments, *where]


def execute(mounts: Mounts, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words(mounts, "exec"),
        env=environment(mounts, **settings),
        capture_output=True,
        text=True,
        check=False,
    )


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    return done.stderr.splitlines()[-1] if done.stderr else ""


def assert_same_grid(found: sitk.Image, wanted: sitk.Image) -> None:
    assert found.GetSize() == wanted.GetSize()
    for name in ("GetSpacing", "GetOrigin", "GetDirection"):
        got, expected = getattr(found, name)(), getattr(wanted, name)()
        assert np.abs(np.subtract(got, expected)).max() <= 1e-6, name


def assert_answered(mounts: Mounts, made: sitk.Image) -> None:
    """Both masks hold the stand-in's labels on the grid of the image."""
    assert mounts.listing() == EXPECTED
    values = sitk.GetArrayFromImage(made).astype(int)
    for task, labels in (("compartments", 7), ("nodes", 3)):
        mask = mounts.mask(task)
        assert mask.GetPixelID() == sitk.sitkUInt8
        assert_same_grid(mask, made)
        np.testing.assert_array_equal(sitk.GetArrayFromImage(mask), values % labels)


class Reply(NamedTuple):
    """A status, and the code that the body names."""

    status: int
    code: str


ANSWERED = Reply(201, "")


def call(port: int, method: str, path: str, *, body: bytes = b"", **headers: str) -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body=body or None, headers=given)
        response = connection.getresponse()
        return Reply(response.status, json.loads(response.read()).get("code", ""))
    finally:
        connection.close()


def free_port() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        port: int = made.getsockname()[1]
        return port


def wait_until_healthy(port: int) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            assert call(port, "GET", "/health") == Reply(200, "")
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    pytest.fail("the server never listened")


@contextmanager
def serving(mounts: Mounts, **settings: str) -> Iterator[int]:
    port = free_port()
    command = [*words(mounts, "invoke"), f"--port={port}"]
    with subprocess.Popen(
        command, env=environment(mounts, **settings), stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            wait_until_healthy(port)
            yield port
        finally:
            server.terminate()
            assert server.stderr is not None
            (mounts.scratch.parent / "stderr").write_text(server.stderr.read())
    assert server.returncode == 128 + signal.SIGTERM


def empty(mounts: Mounts) -> None:
    for folder in (mounts.input, mounts.output):
        shutil.rmtree(folder)
        folder.mkdir()


class Served(NamedTuple):
    """A server that all the tests of this module may ask; it keeps what the model was given."""

    mounts: Mounts
    port: int

    @property
    def given(self) -> Path:
        return self.mounts.scratch.parent / f"{NAME}.nii.gz"


def folders(parent: Path) -> Mounts:
    made = Mounts(parent / "input", parent / "output", parent / "scratch")
    for folder in made:
        folder.mkdir()
    return made


@pytest.fixture
def mounts(tmp_path: Path) -> Mounts:
    return folders(tmp_path)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    parent = tmp_path_factory.mktemp("served")
    made = folders(parent)
    with serving(made, STANDIN="keep", STANDIN_KEEP=str(parent)) as port:
        yield Served(made, port)


@pytest.fixture
def served(server: Served) -> Served:
    empty(server.mounts)
    return server


# --- one case, on the host


@pytest.mark.parametrize("style", KEY_STYLES)
def test_a_case_is_answered_whichever_key_describes_its_inputs(mounts: Mounts, style: str) -> None:
    made = image()
    put(mounts.input, made, style=style)

    done = execute(mounts)

    assert (done.returncode, done.stderr) == (0, "")
    assert_answered(mounts, made)
    assert mounts.positivity() == {
        "probability": 0.75,
        "positive": True,
        "region": "OB",
        "side": "right",
        "short_axis_mm": 8.5,
    }


@pytest.mark.parametrize("packed", [0, 1])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint16", "float32", "float64"])
def test_every_voxel_type_is_read(served: Served, dtype: str, packed: int) -> None:
    made = image(dtype=dtype)
    put(served.mounts.input, made, packed=packed)

    assert call(served.port, "POST", "/invoke") == ANSWERED
    assert_answered(served.mounts, made)


def test_a_big_endian_image_is_read(served: Served) -> None:
    made = image()
    put(served.mounts.input, made, packed=0)
    file = only_file(served.mounts.input)
    header, local, voxels = file.read_bytes().partition(b"LOCAL\n")
    swapped = np.frombuffer(voxels, dtype="<i2").astype(">i2").tobytes()
    big = header.replace(b"ByteOrderMSB = False", b"ByteOrderMSB = True")
    assert big != header
    file.write_bytes(big + local + swapped)

    assert call(served.port, "POST", "/invoke") == ANSWERED
    assert_answered(served.mounts, made)


@pytest.mark.parametrize("suffix", [".mha", ".nii.gz"])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_the_model_sees_the_image_where_it_lies_and_the_masks_lie_there_too(
    served: Served, direction: str, suffix: str
) -> None:
    made = image(direction=direction)
    put(served.mounts.input, made, suffix=suffix)

    assert call(served.port, "POST", "/invoke") == ANSWERED

    if suffix == ".nii.gz":  # its own header is in single precision
        made = sitk.ReadImage(only_file(served.mounts.input))
    assert_answered(served.mounts, made)
    assert_neutral(served.given, made)


def assert_neutral(path: Path, made: sitk.Image) -> None:
    """Two readers of NIfTI place the voxels where the image has them."""
    steps = np.reshape(made.GetDirection(), (3, 3)) * made.GetSpacing()
    lps = np.vstack([np.column_stack([steps, made.GetOrigin()]), (0.0, 0.0, 0.0, 1.0)])
    read = nib.load(path)
    np.testing.assert_allclose(read.affine, RAS_TO_LPS @ lps, atol=1e-4)
    np.testing.assert_array_equal(np.asarray(read.dataobj).T, sitk.GetArrayFromImage(made))
    again = sitk.ReadImage(path)
    np.testing.assert_allclose(again.GetOrigin(), made.GetOrigin(), atol=1e-4)
    np.testing.assert_allclose(again.GetDirection(), made.GetDirection(), atol=1e-6)


@pytest.mark.parametrize("writer", ["SimpleITK", "qform only, big-endian"])
def test_a_mask_is_read_however_its_header_places_it(mounts: Mounts, writer: str) -> None:
    made = image(direction="flipped")
    put(mounts.input, made)
    script = MODELS[writer]
    command = [sys.executable, "-c", script, "{input}", "{output}"]

    done = execute(mounts, LLN_COMMAND=json.dumps(command), LLN_TASKS="nodes")

    assert done.returncode == 0, done.stderr
    assert_same_grid(mounts.mask("nodes"), made)
    values = sitk.GetArrayFromImage(made)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(mounts.mask("nodes")), values % 3)


MODELS = {
    "SimpleITK": """
import pathlib, sys, SimpleITK as sitk
(file,) = pathlib.Path(sys.argv[1], "t2w").glob("*")
image = sitk.ReadImage(file)
mask = sitk.GetImageFromArray(sitk.GetArrayFromImage(image) % 3)
mask.CopyInformation(image)
folder = pathlib.Path(sys.argv[2], "nodes")
folder.mkdir()
sitk.WriteImage(sitk.Cast(mask, sitk.sitkInt32), folder / file.name)
""",
    "qform only, big-endian": """
import pathlib, sys, nibabel as nib, numpy as np
(file,) = pathlib.Path(sys.argv[1], "t2w").glob("*")
image = nib.load(file)
labels = (np.asarray(image.dataobj) % 3).astype(">u2")
mask = nib.Nifti1Image(labels, None, nib.Nifti1Header(endianness=">"))
mask.set_data_dtype("uint16")
mask.set_qform(image.affine, code=1)
mask.set_sform(None, code=0)
folder = pathlib.Path(sys.argv[2], "nodes")
folder.mkdir()
nib.save(mask, folder / file.name)
""",
}


def test_a_negative_patient_has_no_node(mounts: Mounts) -> None:
    put(mounts.input, image())

    done = execute(mounts, STANDIN_ROW="{case},0.25,0,,,")

    assert done.returncode == 0, done.stderr
    assert mounts.positivity() == {
        "probability": 0.25,
        "positive": False,
        "region": None,
        "side": None,
        "short_axis_mm": None,
    }


def test_only_the_tasks_entered_are_answered_and_where_the_challenge_wants_them(
    mounts: Mounts,
) -> None:
    put(mounts.input, image())

    execute(mounts, LLN_TASKS="nodes", LLN_GC_NODES="images/lymph-nodes", STANDIN="no_compartments")

    assert mounts.listing() == [f"images/lymph-nodes/{NAME}.mha"]


def test_nothing_of_a_case_is_left(mounts: Mounts, tmp_path: Path) -> None:
    put(mounts.input, image())

    execute(mounts, STANDIN="child", STANDIN_KEEP=str(tmp_path))

    assert list(mounts.scratch.iterdir()) == []
    child = int((tmp_path / "pid").read_text())
    assert not alive(child)


def alive(process: int) -> bool:
    """Whether a process still runs; one that has ended may wait to be collected."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="ascii")
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


# --- what goes wrong


Damage = Callable[[Path], object]


def without_manifest(folder: Path) -> None:
    (folder / "inputs.json").unlink()


def with_manifest(text: str) -> Damage:
    return lambda folder: (folder / "inputs.json").write_text(text)


def edited(**changes: Any) -> Damage:
    """The image's socket described otherwise."""

    def edit(folder: Path) -> None:
        entries = json.loads((folder / "inputs.json").read_text())
        entries[0]["socket"].update(changes)
        (folder / "inputs.json").write_text(json.dumps(entries))

    return edit


def with_two_images(folder: Path) -> None:
    entries = json.loads((folder / "inputs.json").read_text())
    second = json.loads(json.dumps(entries[0]))
    second["socket"]["slug"] = "axial-dwi"
    (folder / "inputs.json").write_text(json.dumps([*entries, second]))


def only_file(folder: Path) -> Path:
    (file,) = (folder / "images" / "axial-t2-pelvis").iterdir()
    return file


def without_file(folder: Path) -> None:
    only_file(folder).unlink()


def with_second_file(folder: Path) -> None:
    file = only_file(folder)
    shutil.copy(file, file.with_name("another.mha"))


def as_tiff(folder: Path) -> None:
    file = only_file(folder)
    file.rename(file.with_suffix(".tif"))


def cut(folder: Path) -> None:
    file = only_file(folder)
    file.write_bytes(file.read_bytes()[:-40])


def of_header(old: bytes, new: bytes) -> Damage:
    def edit(folder: Path) -> None:
        content = only_file(folder).read_bytes()
        assert old in content
        only_file(folder).write_bytes(content.replace(old, new, 1))

    return edit


WRONG_INPUTS: dict[str, tuple[Damage, str]] = {
    "no manifest": (without_manifest, "inputs_invalid"),
    "no JSON": (with_manifest("{"), "inputs_invalid"),
    "no list": (with_manifest("{}"), "inputs_invalid"),
    "neither key": (with_manifest('[{"value": 1}]'), "inputs_invalid"),
    "too large": (with_manifest("[" + " " * (1 << 20) + "]"), "inputs_invalid"),
    "nested": (with_manifest("[" * 100_000), "inputs_invalid"),
    "climbs out": (edited(relative_path="images/../.."), "inputs_invalid"),
    "absolute": (edited(relative_path="/etc"), "inputs_invalid"),
    "empty list": (with_manifest("[]"), "image_missing"),
    "no image": (edited(is_image_kind=False), "image_missing"),
    "no folder": (edited(relative_path="images/elsewhere"), "image_missing"),
    "empty folder": (without_file, "image_missing"),
    "two images": (with_two_images, "image_ambiguous"),
    "two files": (with_second_file, "image_ambiguous"),
    "DICOM": (edited(is_dicom_image_kind=True), "image_unsupported"),
    "TIFF": (as_tiff, "image_unsupported"),
    "cut short": (cut, "image_damaged"),
    "no MetaImage": (of_header(b"ElementDataFile", b"ElementDataElse"), "image_damaged"),
    "four dimensions": (of_header(b"NDims = 3", b"NDims = 4"), "image_damaged"),
    "unknown type": (of_header(b"MET_SHORT", b"MET_OTHER"), "image_damaged"),
    "vast": (of_header(b"DimSize = 7", b"DimSize = 70000000000"), "image_damaged"),
    "elsewhere": (of_header(b"= LOCAL", b"= /etc/passwd"), "image_damaged"),
}


@pytest.mark.parametrize("what", WRONG_INPUTS)
def test_a_wrong_input_has_a_code(served: Served, what: str) -> None:
    damage, code = WRONG_INPUTS[what]
    put(served.mounts.input, image())
    damage(served.mounts.input)

    assert call(served.port, "POST", "/invoke") == Reply(422, code)
    assert served.mounts.listing() == []


def test_a_wrong_input_ends_with_a_line_that_names_no_data(mounts: Mounts) -> None:
    put(mounts.input, image())
    cut(mounts.input)

    done = execute(mounts)

    assert done.returncode == 3
    line = "lln-adapter: image_damaged: the image: the file ends before the last voxel\n"
    assert done.stderr == line
    assert_says_nothing(done, mounts)


def test_the_image_is_named_where_there_are_several(mounts: Mounts) -> None:
    put(mounts.input, image())
    with_two_images(mounts.input)

    assert execute(mounts, LLN_GC_INPUT="axial-t2-pelvis-mri").returncode == 0


def assert_says_nothing(done: subprocess.CompletedProcess[str], mounts: Mounts) -> None:
    """No output, and no path or name of data in what the platform shows."""
    assert mounts.listing() == []
    for text in (str(mounts.input), str(mounts.scratch), NAME, "voxels of patient"):
        assert text not in last_line(done)


WRONG_MODELS = {
    "exit": (4, "model_failed: the model ended with exit code 3"),
    "killed": (137, "model_killed: the model was killed, most likely for memory"),
    "slow": (5, "model_timeout: the model took longer than 0.5 s"),
    "no_nodes": (6, "answer_missing: nodes: the model wrote no answer"),
    "label": (6, "answer_invalid: compartments: a label is above 6"),
    "scaled": (6, "answer_invalid: compartments: the values are scaled by a slope or an intercept"),
    "short": (6, "answer_invalid: compartments: the file ends before the last voxel"),
    "shifted0.02": (6, "answer_invalid: compartments: the origin is not that of the image"),
}


@pytest.mark.parametrize("way", WRONG_MODELS)
def test_a_model_that_fails_has_a_code(mounts: Mounts, way: str) -> None:
    exit_code, line = WRONG_MODELS[way]
    put(mounts.input, image())

    done = execute(mounts, STANDIN=way, LLN_SECONDS="0.5" if way == "slow" else "60")

    assert (done.returncode, last_line(done)) == (exit_code, f"lln-adapter: {line}")
    assert_says_nothing(done, mounts)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("another,0.5,0,,,", "the row is that of another case"),
        ("{case},1.5,0,,,", "probability is not between 0 and 1"),
        ("{case},nan,0,,,", "probability is not between 0 and 1"),
        ("{case},0.5,yes,,,", "positive has to be 0 or 1"),
        ("{case},0.5,1,EL,right,8", "region has to be empty or one of EI, OB, II"),
        ("{case},0.5,1,EI,right,0", "short_axis_mm is not between 1e-09 and 500"),
        ("{case},0.5,0,EI,right,8", "a negative patient has no region, side or short axis"),
        ("{case},0.5,0,,", "the table has to be one complete row"),
    ],
)
def test_a_wrong_row_has_a_complaint(mounts: Mounts, row: str, complaint: str) -> None:
    put(mounts.input, image())

    done = execute(mounts, STANDIN_ROW=row)

    assert done.returncode == 6
    assert last_line(done) == f"lln-adapter: answer_invalid: positivity: {complaint}"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LLN_COMMAND", ""),
        ("LLN_COMMAND", '"python3"'),
        ("LLN_COMMAND", '["/no/such/program"]'),
        ("LLN_TASKS", "nodes,nodes"),
        ("LLN_SECONDS", "inf"),
        ("LLN_GC_NODES", "../nodes"),
        ("LLN_GC_POSITIVITY", "images/positivity"),
    ],
)
def test_a_wrong_setting_is_named(mounts: Mounts, name: str, value: str) -> None:
    put(mounts.input, image())

    done = execute(mounts, **{name: value})

    assert done.returncode == 2
    assert last_line(done).startswith("lln-adapter: settings_invalid: ")
    assert name in last_line(done)


def test_the_adapter_holds_the_task_files_rules(mounts: Mounts) -> None:
    """The image of a submission has no kit in it: what the adapter repeats is compared here."""
    specifications = load_tasks()
    put(mounts.input, image())
    answers = (ADAPTER / "adapter" / "answers.py").read_text(encoding="utf-8")
    images = (ADAPTER / "adapter" / "images.py").read_text(encoding="utf-8")

    for task in (TaskId.COMPARTMENTS, TaskId.NODES):
        specification = specifications[task]
        assert specification.label_map is not None
        assert specification.mask is not None
        highest = max(label.value for label in specification.label_map.labels)
        assert f'"{task.value}": {highest}' in answers
        tolerance = specification.mask.tolerance
        values = (tolerance.spacing_mm, tolerance.origin_mm, tolerance.direction)
        assert "SPACING_MM, ORIGIN_MM, DIRECTION = " + ", ".join(map(words_of, values)) in images
        assert f"LIMIT_BYTES = {specification.limits.output_mib} << 20" in answers
    assert str(tuple(POSITIVITY_COLUMNS)).replace("'", '"') in answers


def test_the_page_lists_every_code_and_every_setting() -> None:
    page = (ROOT / "docs" / "grand-challenge.md").read_text(encoding="utf-8")
    kinds = (ADAPTER / "adapter" / "failures.py").read_text(encoding="utf-8")
    settings = (ADAPTER / "Dockerfile").read_text(encoding="utf-8")

    codes = re.findall(r'= \("([a-z_]+)", (\d+), (\d+)\)', kinds)
    assert len(codes) > 10
    for code, exit_code, status in codes:
        (row,) = (line for line in page.splitlines() if line.startswith(f"| `{code}` |"))
        assert set(filter(None, re.findall(r"\| (\d*)(?= \|)", row))) <= {exit_code, status}
    for name in re.findall(r"^ARG (LLN_\w+|SUBMISSION_USER)", settings, flags=re.MULTILINE):
        assert f"| `{name}` |" in page


def words_of(value: float) -> str:
    mantissa, exponent = f"{value:e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


# --- the server, on the host


def test_the_server_answers_case_after_case(mounts: Mounts) -> None:
    with serving(mounts) as port:
        for number, direction in enumerate(("plain", "oblique", "mirrored")):
            empty(mounts)
            made = image(seed=number, direction=direction)
            put(mounts.input, made, style=KEY_STYLES[number % 2])

            assert call(port, "POST", "/invoke") == ANSWERED

            assert_answered(mounts, made)
            assert list(mounts.scratch.iterdir()) == []
    assert (mounts.scratch.parent / "stderr").read_text() == ""


def test_the_server_goes_on_after_a_case_that_fails(mounts: Mounts) -> None:
    with serving(mounts) as port:
        assert call(port, "POST", "/invoke") == Reply(422, "inputs_invalid")
        put(mounts.input, image())
        assert call(port, "POST", "/invoke") == ANSWERED
    line = (mounts.scratch.parent / "stderr").read_text()
    assert line == "lln-adapter: inputs_invalid: inputs.json cannot be read\n"


def test_the_server_refuses_what_it_does_not_know(mounts: Mounts) -> None:
    put(mounts.input, image())
    with serving(mounts) as port:
        assert call(port, "GET", "/") == Reply(404, "not_found")
        assert call(port, "GET", "/invoke") == Reply(404, "not_found")
        assert call(port, "POST", "/health") == Reply(404, "not_found")
        assert mounts.listing() == []


def test_a_body_is_read_only_where_it_is_small(mounts: Mounts) -> None:
    put(mounts.input, image())
    with serving(mounts) as port:
        chunked = call(port, "POST", "/invoke", Transfer_Encoding="chunked")
        assert chunked == Reply(411, "length_required")
        assert call(port, "POST", "/invoke", Content_Length="-1") == Reply(411, "length_required")
        for length in ("4097", "9" * 5000):
            refused = call(port, "POST", "/invoke", Content_Length=length)
            assert refused == Reply(413, "body_too_large")
        assert mounts.listing() == []
        assert call(port, "POST", "/invoke", body=b"x" * 4096) == ANSWERED


def test_one_case_at_a_time(mounts: Mounts) -> None:
    put(mounts.input, image())
    with serving(mounts, STANDIN="slow", LLN_SECONDS="2") as port:
        first = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        first.request("POST", "/invoke")
        while not list(mounts.scratch.iterdir()):
            time.sleep(0.02)

        assert call(port, "POST", "/invoke") == Reply(409, "busy")
        assert call(port, "GET", "/health") == Reply(200, "")
        assert first.getresponse().status == 504
        first.close()


# --- in the engine, sealed


class Algorithms(NamedTuple):
    """The stand-in wrapped both ways, and an image that nobody has to distrust."""

    exec: str
    invoke: str
    base: str


@pytest.fixture(scope="session")
def algorithms(base_image: str) -> Algorithms:  # noqa: F811 - the fixture that is imported
    submission = "lln-test-standin"
    base = f"--build-arg=BASE_IMAGE={base_image}"
    run("docker", "build", "--quiet", base, f"--tag={submission}", str(FIXTURES))
    made = Algorithms("lln-test-gc-exec", "lln-test-gc-invoke", base_image)
    for api in ("exec", "invoke"):
        wrap, tag = str(ADAPTER / "wrap.py"), getattr(made, api)
        run(sys.executable, wrap, submission, f"--api={api}", f"--tag={tag}", "--seconds=60")
    return made


def probe(
    algorithm: str, *cases: Path, out: Path, sidecar: str, options: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    given = [f"--case={case}" for case in cases]
    limits = ("--memory-mib=512", "--processes=64", "--ready=20", f"--sidecar={sidecar}")
    script = str(ADAPTER / "probe.py")
    command = [sys.executable, script, algorithm, *given, f"--out={out}", *limits, *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def results(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.docker
def test_an_image_says_how_it_is_called_and_is_not_root(algorithms: Algorithms) -> None:
    client = require_engine()
    label = "org.grand-challenge.api-method"

    tags = (algorithms.exec, algorithms.invoke)
    executed, invoked = (client.images.get(tag).attrs["Config"] for tag in tags)

    assert label not in (executed["Labels"] or {})
    assert invoked["Labels"][label] == "invoke"
    assert executed["User"] == invoked["User"] == "65532:65532"


@pytest.mark.docker
def test_an_algorithm_is_not_wrapped_again(algorithms: Algorithms) -> None:
    wrap = [sys.executable, str(ADAPTER / "wrap.py"), algorithms.invoke, "--tag=never-made"]

    done = subprocess.run(wrap, capture_output=True, text=True, check=False)

    assert done.returncode == 2
    assert done.stderr.endswith("is a Grand Challenge algorithm already\n")


@pytest.mark.docker
@pytest.mark.parametrize("style", KEY_STYLES)
def test_a_sealed_container_answers_one_case(
    algorithms: Algorithms, tmp_path: Path, style: str
) -> None:
    made = image(direction="flipped")
    put(tmp_path / "case", made, style=style)

    done = probe(algorithms.exec, tmp_path / "case", out=tmp_path / "out", sidecar=algorithms.base)

    assert (done.returncode, done.stderr) == (0, "")
    assert_answered(Mounts(tmp_path, tmp_path / "out" / "0", tmp_path), made)


@pytest.mark.docker
def test_a_sealed_server_answers_many_cases_and_the_first_one_the_same_again(
    algorithms: Algorithms, tmp_path: Path
) -> None:
    made = [
        image(seed=number, direction=direction)
        for number, direction in enumerate(("plain", "oblique", "mirrored"))
    ]
    cases = [tmp_path / f"case{number}" for number in range(3)]
    for number, case in enumerate(cases):
        put(case, made[number], style=KEY_STYLES[number % 2])

    out = tmp_path / "out"
    done = probe(algorithms.invoke, *cases, out=out, sidecar=algorithms.base, options=("--repeat",))

    assert (done.returncode, done.stderr) == (0, "")
    assert [result["status"] for result in results(done)] == [201] * 4
    for number, each in enumerate([*made, made[0]]):
        assert_answered(Mounts(tmp_path, out / str(number), tmp_path), each)


@pytest.mark.docker
@pytest.mark.parametrize(("api", "status"), [("exec", 3), ("invoke", 422)])
def test_a_sealed_container_says_what_is_wrong_with_its_input(
    algorithms: Algorithms, tmp_path: Path, api: str, status: int
) -> None:
    put(tmp_path / "case", image())
    only_file(tmp_path / "case").unlink()

    algorithm = getattr(algorithms, api)
    done = probe(algorithm, tmp_path / "case", out=tmp_path / "out", sidecar=algorithms.base)

    (result,) = results(done)
    assert (done.returncode, result["answered"], result["status"]) == (1, False, status)
    assert "image_missing" in result["said"]


@pytest.mark.docker
def test_a_server_that_is_not_ready_is_not_healthy(algorithms: Algorithms, tmp_path: Path) -> None:
    """An image that says it is a server and sleeps instead."""
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(
        f"FROM {algorithms.base}\n"
        'LABEL org.grand-challenge.api-method="invoke"\n'
        'ENTRYPOINT ["sleep", "60"]\n'
    )
    run("docker", "build", "--quiet", "--tag=lln-test-gc-asleep", str(tmp_path))
    (tmp_path / "case").mkdir()

    done = probe(
        *("lln-test-gc-asleep", tmp_path / "case"),
        out=tmp_path / "out",
        sidecar=algorithms.base,
        options=("--ready=1",),
    )

    assert done.returncode == 2
    assert "never healthy, the last status is 0" in done.stderr


@pytest.mark.docker
def test_no_container_is_left(algorithms: Algorithms) -> None:
    client = require_engine()

    assert algorithms
    assert client.containers.list(all=True, filters={"name": "lln-probe-"}) == []
