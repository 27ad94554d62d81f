"""Volumes of the benchmark, by `--volumes`, and what its JSON says beside the times."""

from __future__ import annotations

import os
from typing import Any

import pytest

from tests.bench.contestants import DISTRIBUTIONS, release
from tests.bench.folders import Crowds, Folders, write_ellipsoids, write_phantoms
from tests.bench.sizes import CHOICES, TINY, Volumes
from tests.bench.volumes import Masks, Size, draw_masks, size_name

PATIENTS = 2
"""In each folder of ellipsoids."""
LOAD = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--volumes", choices=tuple(CHOICES), default="full", help="benchmark sizes")


def pytest_configure(config: pytest.Config) -> None:
    """Whoever else works on the machine is seen before the run adds its own load."""
    config.stash[LOAD] = os.getloadavg()[0]


def chosen(config: pytest.Config) -> Volumes:
    return CHOICES[config.getoption("--volumes")]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Sizes and steps are known once the option is read."""
    volumes = chosen(metafunc.config)
    if "size" in metafunc.fixturenames:
        metafunc.parametrize("size", volumes.sizes, ids=size_name, scope="session")
    if "step" in metafunc.fixturenames:
        metafunc.parametrize("step", volumes.steps, ids=[step.name for step in volumes.steps])
    if "patients" in metafunc.fixturenames:
        metafunc.parametrize("patients", volumes.concordance_patients)


@pytest.fixture(scope="session")
def masks(size: Size) -> Masks:
    """Masks of one patient, in memory."""
    return draw_masks(size, seed=1)


@pytest.fixture(scope="session")
def ellipsoids(size: Size, tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """The same masks in a cohort folder and a submission folder."""
    folder = tmp_path_factory.mktemp(size_name(size))
    return write_ellipsoids(folder, size=size, patients=PATIENTS)


@pytest.fixture(scope="session")
def smallest(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """A cohort that is scored in no time, to warm up with."""
    folder = tmp_path_factory.mktemp("smallest")
    return write_ellipsoids(folder, size=TINY, patients=PATIENTS)


@pytest.fixture(scope="session")
def few(
    request: pytest.FixtureRequest, smallest: Folders, tmp_path_factory: pytest.TempPathFactory
) -> Folders:
    """The patients that larger cohorts repeat."""
    patients = chosen(request.config).phantoms
    if not patients:
        return smallest
    return write_phantoms(tmp_path_factory.mktemp("phantoms"), patients=patients)


@pytest.fixture(scope="session")
def crowds(few: Folders, tmp_path_factory: pytest.TempPathFactory) -> Crowds:
    """Cohorts of any number of patients."""
    return Crowds(few, tmp_path_factory.mktemp("crowds"))


@pytest.fixture
def figure_patients(request: pytest.FixtureRequest) -> int:
    """Patients of the cohort whose figures are timed."""
    return chosen(request.config).figure_patients


def pytest_benchmark_update_json(config: pytest.Config, output_json: dict[str, Any]) -> None:
    """What was installed, None for a peer that was not, and how busy the machine was before."""
    output_json["releases"] = {name: release(name) for name in sorted({*DISTRIBUTIONS.values()})}
    output_json["load"] = config.stash[LOAD]
