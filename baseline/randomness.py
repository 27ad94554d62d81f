"""Random numbers of a training: every epoch begins from its own seed.

What an epoch draws depends on the seed of the training, the fold and the number of the epoch, and
on nothing that happened before. So a checkpoint needs no state of a generator to go on exactly, and
neither the number of patches drawn for inspection nor an interrupted epoch leaves a trace.
"""

from __future__ import annotations

import random
from typing import NamedTuple

import numpy as np
import torch

BEFORE_THE_FIRST_EPOCH = 0


class Seeds(NamedTuple):
    """Seeds of the three generators that nnU-Net and its augmentation draw from."""

    python: int
    numpy: int
    torch: int


def epoch_seeds(seed: int, *, fold: int, epoch: int | None) -> Seeds:
    """Seeds of an epoch; of the initial weights when `epoch` is None."""
    moment = BEFORE_THE_FIRST_EPOCH if epoch is None else epoch + 1
    words = np.random.SeedSequence((seed, fold, moment)).generate_state(3, dtype=np.uint32)
    python, numpy, torch_ = (int(word) for word in words)
    return Seeds(python, numpy, torch_)


def begin(seeds: Seeds) -> None:
    """Set the global generators of Python, numpy and torch."""
    random.seed(seeds.python)
    np.random.seed(seeds.numpy)  # noqa: NPY002 - the one that nnU-Net draws from
    torch.manual_seed(seeds.torch)
