"""Phantom cohorts to learn from and be tried on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tasks.phantom_cohort import write_phantom_cohort


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
