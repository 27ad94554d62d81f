"""Weights in and out of files, without ever running what a file says.

A checkpoint is a pickle, and a pickle is a program. PyTorch's `weights_only` reader builds tensors
and plain containers and refuses the rest; nothing is read in another way here.
"""

from __future__ import annotations

import io
import pickle
import warnings
import zipfile
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from schema.errors import LLNError

WEIGHTS = "network_weights"
"""Where nnU-Net keeps them in a checkpoint, and where a slim one has nothing else."""

_SCALAR = np.float64().__reduce__()[0]
ALLOWED = (
    _SCALAR,
    (_SCALAR, "numpy.core.multiarray.scalar"),  # as NumPy 1 spelled it
    np.dtype,
    *(type(np.dtype(kind)) for kind in ("f8", "f4", "i8", "i4", "?")),
)
"""What nnU-Net's log of a training holds beside plain numbers: NumPy's own, which run nothing."""


class CheckpointError(LLNError):
    """A file of weights cannot be used; the message says which and why."""


class Trained(NamedTuple):
    """What an nnU-Net checkpoint says."""

    weights: dict[str, Tensor]
    trainer: str
    configuration: str
    epoch: int


def read_weights(content: bytes, *, where: str) -> dict[str, Tensor]:
    """The weights in a slim checkpoint, on the processor.

    Args:
        content: the file.
        where: its name, for the message.

    Raises:
        CheckpointError: it holds anything but finite tensors by name.
    """
    return _weights(read_plain(content, where=where), where=where)


def read_training_checkpoint(content: bytes, *, where: str) -> Trained:
    """What is worth keeping of an nnU-Net checkpoint: no optimiser, no log.

    Raises:
        CheckpointError: it holds something that only a program could build, or is no checkpoint.
    """
    loaded = read_plain(content, where=where)
    weights = _weights(loaded, where=where)
    arguments = loaded.get("init_args")
    configuration = arguments.get("configuration") if isinstance(arguments, dict) else None
    return Trained(
        weights,
        str(loaded.get("trainer_name")),
        str(configuration),
        int(loaded.get("current_epoch") or 0),
    )


def slim_checkpoint(weights: dict[str, Tensor]) -> bytes:
    """The file of `read_weights`; same weights, same bytes."""
    kept = {name: tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    buffer = io.BytesIO()
    torch.save({WEIGHTS: kept}, buffer)
    return buffer.getvalue()


def read_plain(content: bytes, *, where: str) -> dict[str, Any]:
    """All that a checkpoint holds, on the processor.

    Args:
        content: the file.
        where: its name, for the message.

    Raises:
        CheckpointError: it holds something that only a program could build, or is no checkpoint.
    """
    try:
        with warnings.catch_warnings(), torch.serialization.safe_globals(list(ALLOWED)):
            # it warns of a pickle that it then refuses, or reads
            warnings.simplefilter("ignore", UserWarning)
            loaded = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = str(error).partition("\n")[0]
        raise CheckpointError(
            f"{where}: not loaded, it holds more than weights: {reason}"
        ) from error
    except (RuntimeError, ValueError, EOFError, LookupError, zipfile.BadZipFile) as error:
        reason = str(error).partition("\n")[0]
        raise CheckpointError(f"{where}: damaged or no checkpoint: {reason}") from error
    if not isinstance(loaded, dict):
        raise CheckpointError(f"{where}: expected a checkpoint, got a {type(loaded).__name__}")
    return loaded


def _weights(loaded: dict[str, Any], *, where: str) -> dict[str, Tensor]:
    weights = loaded.get(WEIGHTS)
    if not isinstance(weights, dict) or not weights:
        raise CheckpointError(f"{where}: expected weights under {WEIGHTS!r}, got none")
    for name, tensor in weights.items():
        if not isinstance(name, str) or not isinstance(tensor, Tensor):
            raise CheckpointError(f"{where}: expected tensors by name, got {name!r}")
        if not torch.isfinite(tensor).all():
            raise CheckpointError(f"{where}: {name} holds NaN or infinity: the training diverged")
    return weights
