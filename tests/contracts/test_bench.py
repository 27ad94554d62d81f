"""The benchmark runs, everybody in it who is installed, and its page says what was measured."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from tests.bench.contestants import (
    CONCORDANCE,
    DISTRIBUTIONS,
    FIELD,
    FLOOR_FASTEST,
    FLOOR_ISAL,
    FULL_CASE,
    GROWTH,
    KIT,
    LIFELINES,
    MEDPY,
    MONAI,
    NNUNET,
    OVERLAP,
    SKSURV,
    SURFACE,
    SURFACE_DISTANCE,
    installed,
)
from tests.bench.sizes import CHOICES
from tests.bench.table import page, three_digits

ROOT = Path(__file__).parents[2]
SIZE, PATIENTS = "320x320x32", "480 patients"


# --- the run --------------------------------------------------------------------------


def bench(*options: str) -> str:
    words = ["-o", "python_files=bench_*.py", "-o", "python_functions=bench_*", "-p", "no:xdist"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "tests/bench", *words, "--volumes", "tiny", *options],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_every_benchmark_runs_once_on_tiny_volumes() -> None:
    ran = bench("--benchmark-disable")

    found = re.search(r"(\d+) passed", ran)
    assert found is not None, ran
    steps = len(CHOICES["tiny"].steps)
    assert int(found[1]) == steps + sum(len(installed(group)) for group in FIELD)


def test_a_peer_that_is_not_installed_is_not_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.bench.contestants.version", _version_without("medpy"))

    assert MEDPY not in installed(SURFACE)
    assert SURFACE_DISTANCE in installed(SURFACE)


def _version_without(absent: str) -> Callable[[str], str]:
    def version(distribution: str) -> str:
        if distribution == absent:
            raise PackageNotFoundError(distribution)
        return "1.0"

    return version


def test_plain_pytest_collects_no_benchmark() -> None:
    assert [path.name for path in (ROOT / "tests" / "bench").glob("test_*.py")] == []


# --- the page -------------------------------------------------------------------------


def benchmark(group: str, name: str, least: float, **facts: Any) -> dict[str, Any]:
    told = {"group": group, "size": SIZE, "contestant": name, **facts}
    return {"extra_info": told, "stats": {"min": least}}


def data(*benchmarks: dict[str, Any], absent: tuple[str, ...] = ()) -> dict[str, Any]:
    """What pytest-benchmark writes, as far as the page looks at it."""
    return {
        "benchmarks": benchmarks,
        "releases": {name: None if name in absent else "1.0" for name in DISTRIBUTIONS.values()},
        "load": 0.25,
        "commit_info": {"id": "0123456789", "dirty": False},
        "datetime": "2025-06-01T12:34:56+00:00",
        "machine_info": {
            "cpu": {"brand_raw": "A processor", "count": 2},
            "machine": "x86_64",
            "python_version": "3.11.7",
            "release": "6.1",
            "system": "Linux",
        },
    }


def line(text: str, *words: str) -> str:
    """The one line with all these words."""
    (found,) = (each for each in text.splitlines() if all(word in each for word in words))
    return found


def test_a_goal_that_is_reached_is_met_and_by_how_much() -> None:
    text = page(data(benchmark(OVERLAP, KIT, 0.001), benchmark(OVERLAP, NNUNET, 0.1)))

    goal = line(text, "overlap: at least 20 times", NNUNET, SIZE)
    assert goal.endswith("| 100 | met, 5.0 times over |")


def test_a_goal_that_is_not_reached_is_missed_and_by_how_much() -> None:
    text = page(data(benchmark(OVERLAP, KIT, 0.001), benchmark(OVERLAP, MONAI, 0.075)))

    assert line(text, "overlap: at least 100", MONAI).endswith(
        "| 75.0 | **missed**, 75% of the goal |"
    )


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [(0.05, "| 5.00 | met, 2.0 times over |"), (0.2, "| 20.0 | **missed**, 50% of the goal |")],
)
def test_a_floor_is_a_limit_from_above(seconds: float, verdict: str) -> None:
    own = benchmark(FULL_CASE, KIT, seconds)
    text = page(data(own, benchmark(FULL_CASE, FLOOR_ISAL, 0.01)))

    assert line(text, "full case: at most 10 times").endswith(verdict)
    assert line(text, f"| {FLOOR_ISAL} |", three_digits(seconds / 0.01)) == (
        f"| {FLOOR_ISAL} | {three_digits(seconds / 0.01)} |"
    )
    assert line(text, f"| {FLOOR_FASTEST} | not run |")


def test_a_peer_that_is_not_installed_is_named_everywhere() -> None:
    own = benchmark(SURFACE, KIT, 0.01)
    text = page(data(own, benchmark(SURFACE, SURFACE_DISTANCE, 0.2), absent=("medpy", "monai")))

    assert line(text, "at least 300 times", MEDPY).endswith("| \N{EN DASH} | not installed |")
    assert line(text, f"| {MEDPY} | not installed |  |")
    assert line(text, "| surface-distance | 200 ms | 20.0 |")
    assert line(text, "| monai | not installed |")


def test_concordance_is_told_for_each_evaluation() -> None:
    own = benchmark(CONCORDANCE, KIT, 0.2001, size=PATIENTS, evaluations=2001)
    peer = benchmark(CONCORDANCE, LIFELINES, 0.03, size=PATIENTS, evaluations=1)
    text = page(data(own, peer, absent=("scikit-survival",)))

    assert line(text, KIT, "2,001") == f"| {PATIENTS} | {KIT} | 200 ms | 2,001 | 0.100 ms | 1.00 |"
    assert line(text, LIFELINES).endswith("| 30.0 ms | 1 | 30.0 ms | 300 |")
    assert line(text, SKSURV).endswith("| not installed |  |  |  |")


def growth(cases: int, seconds: float, peak_mb: float, *, jobs: int = 1) -> dict[str, Any]:
    facts = {"cases": cases, "submissions": 1, "jobs": jobs, "seconds": seconds}
    return benchmark(GROWTH, KIT, seconds + 5, **facts, peak_mb=peak_mb)


def test_growth_is_told_for_each_case_and_for_each_further_one() -> None:
    steps = growth(10, 1.5, 151.0), growth(110, 6.5, 161.0), growth(110, 4.0, 155.0, jobs=2)
    text = page(data(*steps))

    assert line(text, "| 10 | 1 | 1 |") == "| 10 | 1 | 1 | 1.50 | 150.0 | 151 |"
    assert line(text, "| 110 | 1 | 2 |") == "| 110 | 1 | 2 | 4.00 | 36.4 | 155 |"
    words = line(text, "From 10 to 110 cases")
    assert "costs 50.0 ms and 100 kB" in words
    assert "1.00 s and 150 MB are spent once" in words


def test_the_page_says_how_it_was_made_and_what_could_not_be_timed() -> None:
    text = page(data())

    assert "Made by `make bench`; never edit it by hand" in text
    assert "A processor, 2 cores" in text
    assert "panoptica 2.1.7" in text
    assert "MetricsReloaded is not on PyPI" in text


@pytest.mark.parametrize(("load", "is_told"), [(0.25, False), (2.35, True)])
def test_a_busy_machine_is_told(load: float, *, is_told: bool) -> None:
    text = page({**data(), "load": load})

    assert ("The machine was not quiet" in text) is is_told


def test_numbers_have_three_digits() -> None:
    assert [three_digits(each) for each in (0.0123, 0.956, 10.94, 1137.4, 100.4)] == [
        "0.0123",
        "0.956",
        "10.9",
        "1,140",
        "100",
    ]
