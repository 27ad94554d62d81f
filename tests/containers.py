"""A Docker engine for the tests, and the images that they run, each built once a machine.

A test module imports the fixtures it needs: `from tests.containers import base_image`.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import docker
import pytest
from docker.errors import DockerException, ImageNotFound

ROOT = Path(__file__).parents[1]
DOCKER = ROOT / "docker"
TEMPLATE = DOCKER / "submission-template"
BASE_IMAGE = "lln-base:bookworm"

NO_ENGINE = "no Docker engine answers"

SEALED = (
    "--rm",
    "--network=none",
    "--read-only",
    "--tmpfs=/tmp",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--user=12345",
)
"""How an image of this kit is run."""


@functools.cache
def engine() -> docker.DockerClient | None:
    """A client of the engine that answers."""
    try:
        client = docker.from_env()
        client.ping()
    except DockerException:
        return None
    return client


def engine_is_required() -> bool:
    """Whether a missing engine is a failure, as in CI."""
    return os.environ.get("LLN_REQUIRE_DOCKER") == "1"


def require_engine() -> docker.DockerClient:
    """A client of the engine that answers; without one the test is skipped.

    Under `LLN_REQUIRE_DOCKER=1`, as in CI, it fails instead.
    """
    client = engine()
    if client is None and engine_is_required():
        pytest.fail(f"LLN_REQUIRE_DOCKER=1, but {NO_ENGINE}", pytrace=False)
    if client is None:
        pytest.skip(NO_ENGINE)
    return client


@pytest.fixture(scope="session")
def base_image() -> str:
    """A Debian base with Python, for machines that reach no registry.

    Building it takes root and debootstrap: where either is missing its tests are skipped, in CI
    they fail.
    """
    require_engine()
    made = subprocess.run(
        [str(DOCKER / "base-image"), BASE_IMAGE], capture_output=True, text=True, check=False
    )
    if made.returncode:
        refuse = pytest.fail if engine_is_required() else pytest.skip
        refuse(f"no base image: {made.stderr.strip()}")
    return BASE_IMAGE


@pytest.fixture(scope="session")
def evaluation_image(base_image: str) -> str:
    """The scorer's image."""
    # what .dockerignore lets through, and what decides over it
    code = ("schema", "tasks", "evaluation", "lln.py", "pyproject.toml", "constraints.txt")
    how = (".dockerignore", "docker/evaluation.Dockerfile", "docker/evaluation-entrypoint")
    inputs = [ROOT / name for name in (*code, *how, "docker/warm-up", "README.md")]
    dockerfile = DOCKER / "evaluation.Dockerfile"
    return built(
        "lln-test-evaluation", context=ROOT, dockerfile=dockerfile, base=base_image, of=inputs
    )


@pytest.fixture(scope="session")
def template_image(base_image: str) -> str:
    """The submission template's image as it is shipped, without weights."""
    dockerfile = TEMPLATE / "Dockerfile"
    return built(
        "lln-test-weightless",
        context=TEMPLATE,
        dockerfile=dockerfile,
        base=base_image,
        of=[TEMPLATE],
    )


def built(name: str, *, context: Path, dockerfile: Path, base: str, of: Sequence[Path]) -> str:
    """Build an image unless the same files made one before; returns its tag."""
    client = require_engine()
    tag = f"{name}:{digest_of(of, base=client.images.get(base).id or base)}"
    try:
        client.images.get(tag)
    except ImageNotFound:
        forget(name, client=client)
        # the package index may be reached through the host alone
        run(
            *("docker", "build", "--network=host", "--quiet", f"--tag={tag}"),
            *(f"--build-arg=BASE_IMAGE={base}", "--build-arg=VERSION=1.2.3"),
            *("--build-arg=COMMIT=0123abc", f"--file={dockerfile}", str(context)),
        )
    return tag


def forget(name: str, *, client: docker.DockerClient) -> None:
    """Untag what earlier states of the files made: each is hundreds of megabytes."""
    for image in client.images.list(name):
        for tag in (each for each in image.tags if each.startswith(f"{name}:")):
            with contextlib.suppress(DockerException):  # another session's container runs it
                client.images.remove(tag)


def digest_of(paths: Sequence[Path], *, base: str) -> str:
    """Twelve digits that change with the base image and with every byte of the files."""
    total = hashlib.sha256(base.encode())
    for path in sorted(each for root in paths for each in files_of(root)):
        total.update(f"{path.relative_to(ROOT)}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:12]


def files_of(root: Path) -> list[Path]:
    """A file, or every file below a folder that no interpreter wrote."""
    if root.is_file():
        return [root]
    return [path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts]


def run_sealed(
    image: str, *arguments: str, mounts: Mapping[Path, str], options: Sequence[str] = ()
) -> subprocess.CompletedProcess[str]:
    """Run an image without network, root or anything it may write to but its mounts."""
    volumes = [f"--volume={source}:{target}" for source, target in mounts.items()]
    return subprocess.run(
        ["docker", "run", *SEALED, *volumes, *options, image, *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def run(*command: str, folder: Path = ROOT) -> str:
    """Run a command and return what it printed; what it wrote is the failure's message."""
    # as from a shell: a make within `make check` would print the folders that it enters
    of_make = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    shell = {name: value for name, value in os.environ.items() if name not in of_make}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder, env=shell
    )
    if done.returncode:
        pytest.fail(f"{' '.join(command)}:\n{done.stdout}{done.stderr}", pytrace=False)
    return done.stdout
