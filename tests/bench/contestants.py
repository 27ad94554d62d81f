"""Who is timed at what, and how one of them is timed."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from types import MappingProxyType
from typing import Any, TypeVar

from pytest_benchmark.fixture import BenchmarkFixture

KIT = "this scorer"
FLOOR_ISAL, FLOOR_FASTEST = "isal floor", "libdeflate floor"
GZIP, NIBABEL, SIMPLEITK = "Python gzip", "nibabel", "SimpleITK"
NNUNET, NNUNET_AS_READ = "nnU-Net's evaluator", "nnU-Net's evaluator on what its reader gives"
MONAI, MEDPY, SURFACE_DISTANCE = "MONAI", "medpy", "surface-distance"
LIFELINES, SKSURV = "lifelines, once", "scikit-survival, once"

DISTRIBUTIONS: Mapping[str, str] = MappingProxyType(
    {
        KIT: "lln-challenge-kit",
        FLOOR_ISAL: "isal",
        FLOOR_FASTEST: "deflate",
        NIBABEL: "nibabel",
        SIMPLEITK: "simpleitk",
        NNUNET: "nnunetv2",
        NNUNET_AS_READ: "nnunetv2",
        MONAI: "monai",
        MEDPY: "medpy",
        SURFACE_DISTANCE: "surface-distance",
        LIFELINES: "lifelines",
        SKSURV: "scikit-survival",
    }
)
"""What has to be installed; Python's own gzip always is."""

READING, OVERLAP, SURFACE = "reading", "overlap", "surface"
FULL_CASE, FIGURES, CONCORDANCE, GROWTH = "full case", "figures", "concordance", "growth"

FIELD: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        READING: (FLOOR_FASTEST, FLOOR_ISAL, KIT, NIBABEL, GZIP, SIMPLEITK),
        OVERLAP: (KIT, SIMPLEITK, NNUNET, NNUNET_AS_READ, MONAI),
        SURFACE: (KIT, SURFACE_DISTANCE, SIMPLEITK, MONAI, MEDPY),
        FULL_CASE: (FLOOR_FASTEST, FLOOR_ISAL, KIT),
        FIGURES: (KIT,),
        CONCORDANCE: (KIT, LIFELINES, SKSURV),
    }
)
"""Contestants of each group, in the order of the tables."""

SLOW = {MEDPY}
"""Tens of seconds: once and cold is enough."""
SECONDS_EACH = 4.0
MOST_ROUNDS, FEWEST_ROUNDS = 100, 5

Result = TypeVar("Result")


def release(distribution: str) -> str | None:
    """Its version; None where it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def installed(group: str) -> list[str]:
    """Contestants of a group that can be timed here."""
    return [
        name
        for name in FIELD[group]
        if name not in DISTRIBUTIONS or release(DISTRIBUTIONS[name]) is not None
    ]


def timed(
    benchmark: BenchmarkFixture,
    run: Callable[[], Result],
    *,
    group: str,
    size: str,
    name: str,
    **facts: Any,
) -> Result:
    """Time a contestant: as many rounds as fit in a few seconds after one that warms up.

    Warnings are errors here, but not those of other people's code.
    """
    benchmark.group = f"{group} {size}"
    benchmark.extra_info.update(group=group, size=size, contestant=name, **facts)
    with warnings.catch_warnings():
        if name != KIT:
            warnings.simplefilter("ignore")
        rounds = 1 if benchmark.disabled or name in SLOW else _rounds(run)
        return in_rounds(benchmark, run, rounds=rounds)


def in_rounds(benchmark: Any, run: Callable[[], Result], *, rounds: int) -> Result:
    """Call so often, one call a round, and give what the last one gave."""
    result: Result = benchmark.pedantic(run, rounds=rounds)  # it has no types
    return result


def _rounds(run: Callable[[], object]) -> int:
    """Rounds that fit, by the second of two calls: the first may compile or load."""
    run()
    seconds = min(_seconds(run), SECONDS_EACH)
    return max(FEWEST_ROUNDS, min(MOST_ROUNDS, round(SECONDS_EACH / seconds)))


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return max(time.perf_counter() - start, 1e-6)
