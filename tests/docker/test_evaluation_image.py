"""The scorer in its container: the same bytes as on the host, for anybody, with nothing open."""

from __future__ import annotations

import json
import re
from importlib.metadata import version
from pathlib import Path

import pytest

from evaluation.__main__ import main
from evaluation.run import RUN
from tasks.cohort import read_cohort
from tasks.simulated_submission import write_simulated_submission
from tests.containers import (
    ROOT,
    base_image,
    evaluation_image,
    require_engine,
    run,
    run_sealed,
)

__all__ = ["base_image", "evaluation_image"]
pytestmark = pytest.mark.docker

ABSENT = ("docker", "matplotlib", "pip", "pytest", "requests", "rich", "SimpleITK", "torch")
DEBUG = "--env=NUMBA_DEBUG_CACHE=1"
FILTER = ROOT / "evaluation" / "sandbox" / "seccomp.json"


@pytest.fixture(scope="module")
def submission(phantom_cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("simulated") / "submission"
    cohort = read_cohort(phantom_cohort)
    answered = write_simulated_submission(
        cohort, out=out, sensitivity=0.5, specificity=0.5, seed=1, jobs=2
    )
    assert len(list(answered)) == len(cohort.manifest.cases)
    return out


@pytest.fixture(scope="module")
def scored(
    evaluation_image: str,
    phantom_cohort: Path,
    submission: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, str]:
    """The folder that the container wrote, and what it printed."""
    out = tmp_path_factory.mktemp("scored") / "result"
    out.mkdir()
    out.chmod(0o777)
    folders = {phantom_cohort: "/cohort:ro", submission: "/submission:ro", out: "/result"}
    filtered = f"--security-opt=seccomp={FILTER}"  # as a submission's container
    done = run_sealed(evaluation_image, mounts=folders, options=[DEBUG, filtered])
    assert done.returncode == 0, done.stdout + done.stderr
    return out, done.stdout


def test_the_container_and_the_host_write_the_same_bytes(
    scored: tuple[Path, str], phantom_cohort: Path, submission: Path, tmp_path: Path
) -> None:
    folders = (f"--cohort={phantom_cohort}", f"--submission={submission}")
    assert main([*folders, f"--out={tmp_path}"]) == 0

    names = written(tmp_path)
    assert len(names) > 4
    assert written(scored[0]) == names
    for name in names:
        assert (scored[0] / name).read_bytes() == (tmp_path / name).read_bytes(), name


def written(folder: Path) -> list[str]:
    """Every file but the record of the run, which knows the time."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(str(name) for name in found if str(name) != RUN)


def test_any_user_finds_every_loop_compiled(scored: tuple[Path, str]) -> None:
    # numba says what it loads and what it had to compile; the result is printed after it
    assert "data loaded from" in scored[1]
    assert "data saved to" not in scored[1]
    assert {path.stat().st_uid for path in scored[0].iterdir()} == {12345}


def test_it_holds_the_scorer_and_nothing_else(evaluation_image: str) -> None:
    ask = f"from importlib.util import find_spec; print([n for n in {ABSENT} if find_spec(n)])"
    done = run_sealed(evaluation_image, "-c", ask, mounts={}, options=["--entrypoint=python"])

    assert done.stdout.strip() == "[]", done.stderr
    assert require_engine().images.get(evaluation_image).attrs["Size"] < 650e6


def test_it_is_pinned(evaluation_image: str) -> None:
    ask = "from importlib.metadata import distributions; print(*sorted(f'{d.name}=={d.version}' "
    ask += "for d in distributions()), sep='\\n')"
    done = run_sealed(evaluation_image, "-c", ask, mounts={}, options=["--entrypoint=python"])
    constraints = Path(__file__).parents[2] / "constraints.txt"
    pins = {canonical(line) for line in constraints.read_text().splitlines() if "==" in line}
    installed = {canonical(line) for line in done.stdout.split()}

    assert installed - pins == {f"lln-challenge-kit=={version('lln-challenge-kit')}"}


def canonical(pin: str) -> str:
    name, _, number = pin.partition("==")
    return f"{re.sub(r'[-_.]+', '-', name).lower()}=={number}"


def test_it_says_what_it_was_built_from_and_is_not_root(evaluation_image: str) -> None:
    config = require_engine().images.get(evaluation_image).attrs["Config"]
    labels = {name.rpartition(".")[2]: value for name, value in config["Labels"].items()}

    assert (labels["version"], labels["revision"]) == ("1.2.3", "0123abc")
    assert {"title", "source", "licenses"} <= labels.keys()
    assert config["User"] == "10001:10001"


def test_what_cannot_be_scored_exits_with_2_and_prints_json(evaluation_image: str) -> None:
    done = run_sealed(evaluation_image, mounts={})

    assert done.returncode == 2
    assert "cohort.toml" in json.loads(done.stdout)["error"]


def test_without_a_tmp_it_still_starts(evaluation_image: str) -> None:
    options = ("--network=none", "--read-only", "--user=12345")
    printed = run("docker", "run", "--rm", *options, evaluation_image, "--help")

    assert "--submission" in printed
