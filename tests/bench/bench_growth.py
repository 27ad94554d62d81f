"""Whole evaluations in processes of their own: how time and memory grow."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from pytest_benchmark.fixture import BenchmarkFixture

from tests.bench.contestants import GROWTH, KIT, in_rounds
from tests.bench.folders import Crowds, Folders
from tests.bench.sizes import Step

ROOT = Path(__file__).parents[2]
ROUNDS = 3


def bench_growth(
    benchmark: BenchmarkFixture, crowds: Crowds, smallest: Folders, step: Step
) -> None:
    folders = crowds.of(step.cases)
    runs: list[dict[str, Any]] = []

    def run() -> None:
        runs.append(evaluated(folders, warm_up=smallest, step=step))

    benchmark.group = GROWTH
    in_rounds(benchmark, run, rounds=1 if benchmark.disabled else ROUNDS)
    benchmark.extra_info.update(
        step._asdict(),
        group=GROWTH,
        size=step.name,
        contestant=KIT,
        seconds=min(run["seconds"] for run in runs),
        peak_mb=max(run["peak_mb"] for run in runs),
    )

    # any number of processes, and any number of times, gives the same result
    digests = crowds.digests.setdefault(step.cases, set())
    digests |= {digest for run in runs for digest in run["digests"]}
    assert len(digests) == 1


def evaluated(folders: Folders, *, warm_up: Folders, step: Step) -> dict[str, Any]:
    """Seconds, megabytes and digests of the results, as the process itself saw them."""
    words = [*map(str, (*folders, *warm_up)), str(step.submissions), str(step.jobs)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.timed_evaluation", *words],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found
