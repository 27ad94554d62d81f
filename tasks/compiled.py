"""The one way in which a loop over voxels or patients becomes machine code.

Only loops that NumPy cannot express without temporaries are compiled, each a plain function of
arrays that reads the same to Python: `NUMBA_DISABLE_JIT=1` runs it as written.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from numba import njit

P = ParamSpec("P")
R = TypeVar("R")


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function at its first call; the machine code is kept where a folder allows it.

    Arithmetic stays exact IEEE: no reordering, so that the same input gives the same bytes.
    """
    try:
        kept: Callable[P, R] = njit(cache=True, error_model="numpy")(function)
    except RuntimeError:  # nowhere to keep it: a read-only installation without a home folder
        kept = njit(error_model="numpy")(function)
    return kept
