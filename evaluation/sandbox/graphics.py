"""The host's graphics cards, as NVIDIA's own tool tells of them."""

from __future__ import annotations

import shutil
import subprocess

from evaluation.sandbox.log import one_line

SECONDS = 10


def card_name() -> str | None:
    """Name of the first card, None without one."""
    names = _asked("--query-gpu=name", form="csv,noheader")
    return one_line(names[0]) if names else None


def memory_by_process_mib() -> dict[int, float] | None:
    """Memory of all cards that each process holds, by its number on the host.

    None without the tool, or where it does not tell (some drivers print no number).
    """
    lines = _asked("--query-compute-apps=pid,used_memory", form="csv,noheader,nounits")
    if lines is None:
        return None
    held: dict[int, float] = {}
    try:
        for process, memory in (line.split(",") for line in lines):
            held[int(process)] = held.get(int(process), 0.0) + float(memory)
    except ValueError:
        return None
    return held


def _asked(question: str, *, form: str) -> list[str] | None:
    """The tool's lines; None when it is not there, fails or takes too long."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return None
    try:
        done = subprocess.run(  # noqa: S603 - a fixed command
            [tool, question, f"--format={form}"],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return [line for line in done.stdout.splitlines() if line.strip()]
