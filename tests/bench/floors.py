"""The least a scorer can do with mask files: decompress each once and look at every byte once."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

import deflate
import numpy as np
from isal import igzip

from tests.bench.contestants import FLOOR_FASTEST, FLOOR_ISAL


class Decompress(Protocol):
    """What opens the bytes of a gzip file."""

    def __call__(self, packed: bytes, /) -> Any: ...


def _by_libdeflate(packed: bytes, /) -> bytearray:
    """It needs to know the size, which is in the last four bytes."""
    (size,) = struct.unpack("<I", packed[-4:])
    content: bytearray = deflate.gzip_decompress(packed, size)
    return content


FLOORS: Mapping[str, Decompress] = MappingProxyType(
    {FLOOR_ISAL: igzip.decompress, FLOOR_FASTEST: _by_libdeflate}
)


def largest_bytes(paths: Sequence[Path], *, decompress: Decompress) -> list[int]:
    """Decompress files and find the largest byte of each: one pass over memory."""
    return [
        int(np.frombuffer(decompress(path.read_bytes()), dtype=np.uint8).max()) for path in paths
    ]
