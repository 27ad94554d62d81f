"""Two mask files to arrays in memory."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from numpy.typing import NDArray
from pytest_benchmark.fixture import BenchmarkFixture

from schema.terms import TaskId
from tasks.files import NIFTI_HEADER_BYTES, read_header, read_voxels
from tasks.layout import mask_name
from tests.bench.contestants import GZIP, KIT, NIBABEL, READING, SIMPLEITK, installed, timed
from tests.bench.floors import FLOORS, largest_bytes
from tests.bench.folders import Folders, case_id
from tests.bench.volumes import Masks, Size, size_name

Read = Callable[[Path], NDArray[Any]]


def this_scorer(path: Path) -> NDArray[Any]:
    return read_voxels(path, header=read_header(path))


def python_gzip(path: Path) -> NDArray[Any]:
    """It knows nothing of the header: the voxels as they lie."""
    content = gzip.decompress(path.read_bytes())
    return np.frombuffer(content, dtype=np.uint8, offset=NIFTI_HEADER_BYTES + 4)


def nibabel(path: Path) -> NDArray[Any]:
    voxels: NDArray[Any] = np.asanyarray(nib.load(path).dataobj)
    return voxels


def simpleitk(path: Path) -> NDArray[Any]:
    import SimpleITK as sitk  # noqa: N813 - its own documentation's name

    voxels: NDArray[Any] = sitk.GetArrayFromImage(sitk.ReadImage(path))
    return voxels


READERS: Mapping[str, Read] = MappingProxyType(
    {KIT: this_scorer, GZIP: python_gzip, NIBABEL: nibabel, SIMPLEITK: simpleitk}
)


def read_all(paths: Sequence[Path], *, read: Read) -> list[NDArray[Any]]:
    return [read(path) for path in paths]


def mask_files(folders: Folders) -> list[Path]:
    return [folder / TaskId.COMPARTMENTS.value / mask_name(case_id(0)) for folder in folders]


@pytest.mark.parametrize("name", installed(READING))
def bench_reading(
    benchmark: BenchmarkFixture, ellipsoids: Folders, masks: Masks, size: Size, name: str
) -> None:
    paths = mask_files(ellipsoids)
    run: Callable[[], Sequence[Any]] = (
        partial(largest_bytes, paths, decompress=FLOORS[name])
        if name in FLOORS
        else partial(read_all, paths, read=READERS[name])
    )
    got = timed(benchmark, run, group=READING, size=size_name(size), name=name)

    if name in READERS:
        for voxels, mask in zip(got, masks.compartments, strict=True):
            assert np.count_nonzero(voxels) == np.count_nonzero(mask)
