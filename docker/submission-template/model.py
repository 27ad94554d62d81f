"""What training leaves behind, in one file: the atlas and the two rules."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from atlas import Atlas
from rules import Rule

NAME = "atlas.npz"
FULL = 255.0
"""A probability of 1, kept in one byte."""


class Model(NamedTuple):
    """Everything that prediction needs."""

    atlas: Atlas
    is_node: Rule
    is_positive: Rule


def save(model: Model, path: Path) -> None:
    """Write a model; the same model gives the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    atlas = model.atlas
    rules = {
        f"{name}_{part}": values
        for name, rule in (("node", model.is_node), ("positive", model.is_positive))
        for part, values in rule._asdict().items()
    }
    np.savez_compressed(
        path,
        image=atlas.image.astype(np.float16),
        seen=np.rint(atlas.seen * FULL).astype(np.uint8),
        prior=np.rint(atlas.prior * FULL).astype(np.uint8),
        **rules,
    )


def load(path: Path) -> Model:
    """Read a model; nothing in the file is executed."""
    with np.load(path, allow_pickle=False) as kept:
        atlas = Atlas(
            kept["image"].astype(np.float32),
            kept["seen"].astype(np.float32) / np.float32(FULL),
            kept["prior"].astype(np.float32) / np.float32(FULL),
        )
        node, positive = (
            Rule(*(kept[f"{name}_{part}"] for part in Rule._fields))
            for name in ("node", "positive")
        )
    return Model(atlas, node, positive)
