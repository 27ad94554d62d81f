"""Every figure of both mask tasks of one patient, from files."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from evaluation.mask_cases import MaskCase, score_mask_case
from tasks.cohort import read_cohort
from tasks.layout import MASK_TASKS, mask_name
from tests.bench.contestants import FULL_CASE, installed, timed
from tests.bench.floors import FLOORS, largest_bytes
from tests.bench.folders import Folders, case_id
from tests.bench.volumes import Size, size_name


def this_scorer(folders: Folders) -> Callable[[], MaskCase]:
    return partial(
        score_mask_case,
        read_cohort(folders.cohort),
        folders.submission,
        case_id=case_id(0),
        codes=dict.fromkeys(MASK_TASKS, ()),
    )


def floor(folders: Folders, *, name: str) -> Callable[[], list[int]]:
    paths = [
        folder / task.value / mask_name(case_id(0)) for folder in folders for task in MASK_TASKS
    ]
    return partial(largest_bytes, paths, decompress=FLOORS[name])


@pytest.mark.parametrize("name", installed(FULL_CASE))
def bench_full_case(
    benchmark: BenchmarkFixture, ellipsoids: Folders, size: Size, name: str
) -> None:
    run: Callable[[], Any] = (
        floor(ellipsoids, name=name) if name in FLOORS else this_scorer(ellipsoids)
    )
    got = timed(benchmark, run, group=FULL_CASE, size=size_name(size), name=name)

    if name not in FLOORS:
        assert [score.status for score in got.scores] == ["scored"] * len(MASK_TASKS)
        assert got.findings == ()
