"""The surroundings nnU-Net expects: folders and switches in environment variables."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

RAW = "nnUNet_raw"
PREPROCESSED = "nnUNet_preprocessed"
RESULTS = "nnUNet_results"
FOLDERS = (RAW, PREPROCESSED, RESULTS)
TRAINERS = Path(__file__).with_name("trainers")
"""Where nnU-Net finds the kit's trainer; what `nnUNet_extTrainer` names."""
PLANNING_WORKERS = 1
"""nnU-Net's planner sets as many threads as there are augmenting processes, and torch refuses 0."""


def variables(work: Path, *, workers: int, compiled: bool = False) -> dict[str, str]:
    """Environment variables for a work folder.

    Args:
        work: holds `nnUNet_raw`, `nnUNet_preprocessed` and `nnUNet_results`.
        workers: processes that augment; 0 for none.
        compiled: whether torch may compile the network on a GPU.
    """
    folders = {name: str(work.resolve() / name) for name in FOLDERS}
    return folders | {
        "nnUNet_extTrainer": str(TRAINERS),
        "nnUNet_n_proc_DA": str(workers),
        "nnUNet_def_n_proc": "1",
        "nnUNet_compile": "true" if compiled else "false",
    }


@contextmanager
def surroundings(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a while."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
