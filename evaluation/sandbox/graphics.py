"""The host's graphics card, as NVIDIA's own tool names it."""

from __future__ import annotations

import shutil
import subprocess

from evaluation.sandbox.log import one_line

SECONDS = 10


def card_name() -> str | None:
    """Name of the first card, None without one."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    command = [tool, "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command
            command, capture_output=True, text=True, timeout=SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    names = done.stdout.splitlines()
    return one_line(names[0]) if names else None
