"""The baseline's container answers like any entrant's: in the sandbox, sealed, by a known model."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from docker.errors import ImageNotFound
from numpy.typing import NDArray

from baseline.datasets import Variant
from evaluation.gate import check_submission
from evaluation.sandbox.campaign import run as run_campaign
from evaluation.sandbox.docker_runner import connect
from evaluation.sandbox.plan import Options, prepare
from schema.execution import ExecutionRecord, Mode
from schema.submission import SubmissionManifest
from schema.task import Limits
from schema.terms import TaskId
from tasks.cohort import Cohort, read_cohort
from tasks.files import read_header, read_voxels
from tasks.layout import MASK_TASKS, mask_name
from tests.baseline.coded_cohorts import encode_images
from tests.baseline.tiny_models import hand_set_part, write_tiny_model
from tests.containers import DOCKER, ROOT, base_image, built, require_engine, run, run_sealed

__all__ = ["base_image"]
pytestmark = [pytest.mark.docker, pytest.mark.slow]

CODE = ("schema", "tasks", "baseline", "lln.py", "pyproject.toml", "constraints.txt")
TEXTS = ("README.md", "LICENSE", ".dockerignore")
ABSENT = (
    *("docker", "evaluation", "leaderboard", "lln", "pip", "pytest", "hypothesis", "playwright"),
    *("highdicom", "lifelines", "matplotlib", "sklearn", "timm", "torchvision"),
)
LIMITS = Limits(
    seconds_per_case=180,
    memory_mib=4096,
    shared_memory_mib=64,
    cpus=2,
    processes=128,
    gpus=0,
    output_mib=16,
)
"""Less than the tasks give, so that what the image needs is seen to be little."""


def context_with_wheel(folder: Path) -> Path:
    """The kit, and beside it this environment's torch where that is made for processors alone.

    Its wheel is taken from wherever this environment's pip found it: no index reached from inside
    a build need have it. Where pip does not find it again, PyTorch's own index is asked.
    """
    for name in (*CODE, *TEXTS):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, folder / name)
    (folder / "docker").mkdir()
    for path in DOCKER.glob("baseline*"):
        shutil.copy(path, folder / "docker")
    if version("torch").endswith("+cpu"):
        pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps")
        wheel = (f"--dest={folder / 'docker' / 'wheels'}", f"torch=={version('torch')}")
        subprocess.run([*pip, *wheel], check=False, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def baseline_image(base_image: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The baseline for a processor, without weights."""
    folder = tmp_path_factory.mktemp("context")
    try:
        return built(
            "lln-test-baseline",
            context=context_with_wheel(folder),
            dockerfile=DOCKER / "baseline.Dockerfile",
            base=base_image,
            of=[*(ROOT / name for name in (*CODE, *TEXTS)), *DOCKER.glob("baseline*")],
        )
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reads the reference masks out of an image that holds their joint code."""
    part = hand_set_part(Variant.JOINT, resampled=False)
    return write_tiny_model(tmp_path_factory.mktemp("tiny") / "model", {"joint": part})


@pytest.fixture(scope="module")
def baked_image(baseline_image: str, model: Path) -> Iterator[str]:
    """The baseline with that model in it."""
    tag = "lln-test-baseline-baked:1"
    dockerfile = f"--file={DOCKER / 'baseline-weights.Dockerfile'}"
    base = f"--build-arg=BASELINE={baseline_image}"
    run(
        "docker", "build", "--quiet", "--network=none", dockerfile, base, f"--tag={tag}", str(model)
    )
    yield tag
    with suppress(ImageNotFound):  # another run's tests may have removed it
        require_engine().images.remove(tag, force=True)


@pytest.fixture(scope="module")
def coded(built_folders: Path, tmp_path_factory: pytest.TempPathFactory) -> Cohort:
    """Four patients on oblique grids, whose images hold the code."""
    folder = tmp_path_factory.mktemp("coded") / "cohort"
    return read_cohort(encode_images(shutil.copytree(built_folders / "cohort", folder)))


def answered(image: str, *, cohort: Cohort, out: Path, weights: Path | None) -> ExecutionRecord:
    """What `lln submission run` does."""
    with connect() as runner:
        planned = prepare(
            runner=runner,
            image=image,
            cohort=cohort,
            manifest=SubmissionManifest(team="Kit", model="Baseline", tasks=tuple(TaskId)),
            out=out,
            # one patient alone, then the others together: networks are loaded twice, not four times
            options=Options(weights=weights, mode=Mode.BATCH, limits=LIMITS, use_gpus=False),
        )
        return run_campaign(planned, runner=runner)


def logs(out: Path) -> str:
    return "\n".join(path.read_text() for path in sorted((out / "run").rglob("*log.txt")))


@pytest.mark.parametrize("where", ["mounted", "baked"])
def test_a_known_model_answers_what_it_must(
    baseline_image: str, baked_image: str, model: Path, coded: Cohort, tmp_path: Path, where: str
) -> None:
    out, is_mounted = tmp_path / "answers", where == "mounted"

    record = answered(
        baseline_image if is_mounted else baked_image,
        cohort=coded,
        out=out,
        weights=model if is_mounted else None,
    )

    assert record.summary().ok == len(coded.manifest.cases), logs(out)
    assert [each for step in check_submission(out, cohort=coded) for each in step] == []
    for case_id in coded.manifest.cases:
        for task in MASK_TASKS:
            found, expected = voxels(out / task / mask_name(case_id)), coded.mask(task, case_id)
            assert np.array_equal(found > 0, voxels(expected) > 0), (case_id, task)
            if task is TaskId.COMPARTMENTS:
                assert np.array_equal(found, voxels(expected)), case_id


def voxels(path: Path) -> NDArray[np.uint8]:
    return read_voxels(path, header=read_header(path)).astype(np.uint8)


def asked(image: str, code: str, *, options: Sequence[str] = ()) -> str:
    """What a line of Python prints in the image."""
    done = run_sealed(image, "-c", code, mounts={}, options=["--entrypoint=python", *options])
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_it_holds_prediction_and_nothing_else(baseline_image: str) -> None:
    code = f"from importlib.util import find_spec; print([n for n in {ABSENT} if find_spec(n)])"

    assert asked(baseline_image, code) == "[]"
    assert asked(baseline_image, "import torch; print(torch.version.cuda)") == "None"
    assert require_engine().images.get(baseline_image).attrs["Size"] < 1.9e9


def test_it_says_what_it_was_built_from_and_is_not_root(
    baseline_image: str, baked_image: str
) -> None:
    for image in (baseline_image, baked_image):
        config = require_engine().images.get(image).attrs["Config"]
        labels = {name.rpartition(".")[2]: value for name, value in config["Labels"].items()}

        assert (labels["version"], labels["revision"]) == ("1.2.3", "0123abc")
        assert config["User"] == "10001:10001"


def test_what_models_use_passes_the_filter_of_system_calls(baseline_image: str) -> None:
    profile = ROOT / "evaluation" / "sandbox" / "seccomp.json"
    program = Path(__file__).with_name("what_models_use.py")
    limits = ("--shm-size=64m", "--pids-limit=128", "--init")
    done = run_sealed(
        baseline_image,
        "/program.py",
        mounts={program: "/program.py:ro"},
        options=["--entrypoint=python", f"--security-opt=seccomp={profile}", *limits],
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split()[-1] == "groups"


def test_without_a_model_it_says_so(baseline_image: str, coded: Cohort) -> None:
    done = run_sealed(baseline_image, mounts={coded.folder / "t2w": "/input/t2w:ro"})

    assert done.returncode == 2
    assert "/model" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_thread_is_made_for_each_processor_that_the_sandbox_gives(baseline_image: str) -> None:
    done = run_sealed(
        baseline_image,
        "-c",
        'cat "$(command -v baseline)" | sed "s/^exec .*/exec env/" > /tmp/env && sh /tmp/env',
        mounts={},
        options=["--entrypoint=sh", "--env=LLN_CPUS=3"],
    )

    assert {"OMP_NUM_THREADS=3", "NUMBA_NUM_THREADS=3"} <= set(done.stdout.splitlines())


def test_a_kind_of_torch_that_there_is_not_is_refused(base_image: str, tmp_path: Path) -> None:
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copyfile(ROOT / name, tmp_path / name)
    (tmp_path / "docker").mkdir()
    shutil.copy(DOCKER / "baseline-requirements", tmp_path / "docker")
    done = subprocess.run(
        [
            *("docker", "build", "--network=none", "--build-arg=TORCH=gpu"),
            *(f"--build-arg=BASE_IMAGE={base_image}", str(tmp_path)),
            f"--file={DOCKER / 'baseline.Dockerfile'}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "TORCH=gpu: expected cpu or cuda" in done.stdout + done.stderr
