"""A tiny cohort on disk and a perfect submission for it, fresh for every test that damages them."""

from __future__ import annotations

import gzip
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import settings
from numpy.typing import NDArray

from schema.cohort import ClinicalRow, DominantNode, ReaderRow
from schema.submission import PositivityPrediction
from schema.terms import Reader, TaskId
from tasks.cohort import Cohort, read_cohort
from tasks.files import toml_text, write_models, write_nifti, write_text
from tasks.geometry import RAS_TO_LPS, Geometry
from tasks.layout import (
    CLINICAL,
    CLINICAL_COLUMNS,
    COHORT_MANIFEST,
    IMAGES,
    POSITIVITY_COLUMNS,
    READER_COLUMNS,
    READERS,
    SUBMISSION_MANIFEST,
    mask_name,
)
from tasks.node_measurement import as_dominant_node, dominant_node, measure_nodes_of_task
from tasks.specification import label_map
from tests.browsers import NO_BROWSER, browser_is_required, executable
from tests.containers import NO_ENGINE, engine, engine_is_required

# no deadline: the first example that meets a compiled loop compiles it; speed is a benchmark's.
# `kit` draws the same examples every time: whether a commit passes is no draw of lots.
# `explore` draws new ones.
settings.register_profile("kit", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("LLN_EXAMPLES", "kit"))

LEFT_OUT = pytest.StashKey[dict[str, int]]()
"""How many tests were left out, by the reason."""

SIZE = (24, 20, 8)
CENTRES = ("North", "South")
SPACING_MM = {"North": (1.5, 1.5, 4.0), "South": (2.0, 2.0, 4.5)}
TILT_DEGREES = {"North": (5.0, 15.0), "South": (-3.0, -10.0)}
"""Of the slices, about the long axis of the body and about the line from hip to hip."""

Voxel = tuple[int, int, int]


class Ball(NamedTuple):
    """A node: label, centre and radius in voxels."""

    label: int
    centre: Voxel
    radius: float


class Patient(NamedTuple):
    """What a case holds; the centre says which grid."""

    case_id: str
    centre: str
    nodes: tuple[Ball, ...]
    dfs: tuple[float, int]
    os: tuple[float, int]


# i runs to the patient's left: labels 1, 3, 5 (right) lie at small i, 2, 4, 6 (left) at large i.
PATIENTS = (
    Patient(
        "North_01",
        "North",
        (Ball(2, (17, 10, 3), 2.5), Ball(1, (5, 4, 4), 1.5)),
        (11.0, 1),
        (30.0, 1),
    ),
    Patient("North_02", "North", (), (61.0, 0), (61.0, 0)),
    Patient(
        "South_01",
        "South",
        (Ball(2, (6, 15, 4), 2.2), Ball(1, (9, 15, 4), 1.0), Ball(2, (18, 5, 2), 1.0)),
        (14.5, 1),
        (44.0, 0),
    ),
    Patient("South_02", "South", (Ball(1, (18, 15, 5), 1.2),), (70.0, 0), (80.0, 0)),
)


def _rotation(degrees: tuple[float, float]) -> NDArray[np.float64]:
    about_z, about_x = np.deg2rad(degrees)
    (cz, cx), (sz, sx) = np.cos((about_z, about_x)), np.sin((about_z, about_x))
    turn = np.array([(cz, -sz, 0.0), (sz, cz, 0.0), (0.0, 0.0, 1.0)])
    tilt = np.array([(1.0, 0.0, 0.0), (0.0, cx, -sx), (0.0, sx, cx)])
    matrix: NDArray[np.float64] = turn @ tilt
    return matrix


def _grid(centre: str) -> Geometry:
    lps = np.eye(4)
    lps[:3, :3] = _rotation(TILT_DEGREES[centre]) * SPACING_MM[centre]
    lps[:3, 3] = (-18.25, -40.5, 12.75)
    return Geometry.from_affine(RAS_TO_LPS @ lps, size=SIZE)


def _compartments() -> NDArray[np.uint8]:
    """Six boxes: external iliac in front, obturator, internal iliac behind, on either side."""
    mask = np.zeros(SIZE, dtype=np.uint8)
    for label, front, back in ((1, 2, 7), (3, 8, 12), (5, 13, 18)):
        mask[2:11, front:back, 1:7] = label
        mask[14:22, front:back, 1:7] = label + 1
    return mask


def _nodes(balls: Sequence[Ball]) -> NDArray[np.uint8]:
    mask = np.zeros(SIZE, dtype=np.uint8)
    i, j, k = np.indices(SIZE)
    for ball in balls:
        ci, cj, ck = ball.centre
        inside = (i - ci) ** 2 + (j - cj) ** 2 + (2 * (k - ck)) ** 2 <= ball.radius**2
        mask[inside & (mask == 0)] = ball.label
    return mask


def _write_case(folder: Path, patient: Patient) -> DominantNode:
    """Write image and masks of one case; returns what they say about the patient."""
    geometry, compartments, nodes = _grid(patient.centre), _compartments(), _nodes(patient.nodes)
    rng = np.random.default_rng(len(patient.nodes))
    image = rng.integers(0, 900, SIZE).astype(np.int16)
    name = mask_name(patient.case_id)
    write_nifti(folder / IMAGES / name, image, geometry=geometry)
    write_nifti(folder / TaskId.COMPARTMENTS.value / name, compartments, geometry=geometry)
    write_nifti(folder / TaskId.NODES.value / name, nodes, geometry=geometry)
    measured = measure_nodes_of_task(nodes, geometry=geometry, compartments=compartments)
    return as_dominant_node(dominant_node(measured.nodes))


def _write_manifest(folder: Path) -> None:
    manifest = {
        "name": "Tiny",
        "licence": "CC0-1.0",
        "split": "public",
        "label_map_version": label_map(TaskId.COMPARTMENTS).version,
        "centres": list(CENTRES),
        "tasks": [task.value for task in TaskId],
        "cases": [patient.case_id for patient in PATIENTS],
    }
    write_text(folder / COHORT_MANIFEST, toml_text(manifest))


def _write_cohort(folder: Path) -> list[DominantNode]:
    answers = [_write_case(folder, patient) for patient in PATIENTS]
    clinical = [
        ClinicalRow(
            case_id=patient.case_id,
            centre=patient.centre,
            age=60.0,
            sex="female",
            mrT="T3",
            dfs_months=patient.dfs[0],
            dfs_event=patient.dfs[1],
            os_months=patient.os[0],
            os_event=patient.os[1],
        )
        for patient in PATIENTS
    ]
    readers = [
        ReaderRow(case_id=patient.case_id, reader=reader, **answer.model_dump())
        for patient, answer in zip(PATIENTS, answers, strict=True)
        for reader in Reader
    ]
    _write_manifest(folder)
    write_models(folder / CLINICAL, clinical, columns=CLINICAL_COLUMNS)
    write_models(folder / READERS, readers, columns=READER_COLUMNS)
    return answers


def _write_submission(folder: Path, *, cohort: Path, answers: Sequence[DominantNode]) -> None:
    for task in (TaskId.COMPARTMENTS, TaskId.NODES):
        shutil.copytree(cohort / task.value, folder / task.value)
    predictions = [
        PositivityPrediction(
            case_id=patient.case_id,
            probability=0.9 if answer.positive else 0.1,
            **answer.model_dump(),
        )
        for patient, answer in zip(PATIENTS, answers, strict=True)
    ]
    write_models(folder / "positivity.csv", predictions, columns=POSITIVITY_COLUMNS)
    manifest = {"team": "Team", "model": "Perfect", "tasks": [task.value for task in TaskId]}
    write_text(folder / SUBMISSION_MANIFEST, toml_text(manifest))


@pytest.fixture(scope="session")
def built_folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`cohort` and `submission`, written once; copy them, never write to them."""
    folder = tmp_path_factory.mktemp("built")
    answers = _write_cohort(folder / "cohort")
    _write_submission(folder / "submission", cohort=folder / "cohort", answers=answers)
    return folder


@pytest.fixture
def cohort_folder(built_folders: Path, tmp_path: Path) -> Path:
    """A tiny cohort of four cases (one without nodes) from two centres, oblique grids."""
    return shutil.copytree(built_folders / "cohort", tmp_path / "cohort")


@pytest.fixture
def submission_folder(built_folders: Path, tmp_path: Path) -> Path:
    """A perfect submission to `cohort_folder`."""
    return shutil.copytree(built_folders / "submission", tmp_path / "submission")


@pytest.fixture
def cohort(cohort_folder: Path) -> Cohort:
    """The tiny cohort, read."""
    return read_cohort(cohort_folder)


@pytest.fixture(scope="session")
def edit_gzip() -> Callable[[Path, Callable[[bytearray], object]], None]:
    """Change the decompressed bytes of a file in place and compress it again."""

    def edit(path: Path, change: Callable[[bytearray], object]) -> None:
        content = bytearray(gzip.decompress(path.read_bytes()))
        change(content)
        path.write_bytes(gzip.compress(bytes(content), compresslevel=1, mtime=0))

    return edit


@pytest.fixture
def no_blocking() -> Iterator[None]:
    """Turn a call that hangs for 20 s into a failure."""

    def fail(_signal: int, _frame: FrameType | None) -> None:
        raise AssertionError("the call blocked")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(20)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what cannot run here."""
    left_out = config.stash.setdefault(LEFT_OUT, {})
    for marker, words in _missing().items():
        wanting = [item for item in items if item.get_closest_marker(marker)]
        if wanting:
            left_out[words] = len(wanting)
            config.hook.pytest_deselected(items=wanting)
            items[:] = [item for item in items if item not in wanting]
    if hasattr(config, "workeroutput"):
        config.workeroutput["left_out"] = left_out


def _missing() -> dict[str, str]:
    """Markers whose tests cannot run here, and why."""
    missing = {}
    if engine() is None and not engine_is_required():
        missing["docker"] = NO_ENGINE
    if executable() is None and not browser_is_required():
        missing["browser"] = NO_BROWSER
    return missing


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What a process of several left out; each of them collects everything."""
    node.config.stash[LEFT_OUT] = getattr(node, "workeroutput", {}).get("left_out", {})


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say in one line each what was left out: one line, not one a test."""
    for words, count in config.stash.get(LEFT_OUT, {}).items():
        terminalreporter.write_line(f"{words}: {count} tests were left out")
