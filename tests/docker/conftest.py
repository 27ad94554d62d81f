"""Phantom cohorts to learn from and be tried on, and what happens where no engine answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.phantom_cohort import write_phantom_cohort
from tests.containers import NO_ENGINE, engine, engine_is_required

LEFT_OUT = pytest.StashKey[int]()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without an engine leave the container tests out together: one line, not one each."""
    wanting = [item for item in items if item.get_closest_marker("docker")]
    if wanting and engine() is None and not engine_is_required():
        config.stash[LEFT_OUT] = len(wanting)
        config.hook.pytest_deselected(items=wanting)
        items[:] = [item for item in items if item not in wanting]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say in one line that they were left out."""
    if count := config.stash.get(LEFT_OUT, 0):
        terminalreporter.write_line(f"{NO_ENGINE}: {count} container tests were left out")


def phantom(out: Path, *, patients: int, seed: int) -> Path:
    written = write_phantom_cohort(out=out, patients=patients, seed=seed, prevalence=0.5, jobs=2)
    assert len(list(written)) == patients
    return out


@pytest.fixture(scope="session")
def phantom_cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four patients, two of them positive."""
    return phantom(tmp_path_factory.mktemp("phantom") / "cohort", patients=4, seed=2)


@pytest.fixture(scope="session")
def training_cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight other patients."""
    return phantom(tmp_path_factory.mktemp("training") / "cohort", patients=8, seed=1)
