"""Attacks that use up what there is, each up to a bound of its own."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from evaluation.sandbox.hostile.bounds import (
    FLOOD_MIB,
    HANG_TIMES,
    MAY_FLOOD,
    MEMORY_TIMES,
    MIB,
    MOST_ENTRIES,
    MOST_FORKS,
    OUTPUT_TIMES,
    PROBE_MIB,
)
from evaluation.sandbox.hostile.report import limit, say, told, write_all

CHILD_SECONDS = 30
MEMORY_STEP_MIB = 8
REPORT_EVERY = 16
LINES = (b"x" * 1023 + b"\n") * 64
"""Of 64 KiB."""
SPARE_SECONDS = 4

ESCAPES = (
    b"\x1b]0;title\x07\x1b]52;c;bG9vdA==\x07\x1b[2J\x1b[31mred\x1b[0m\x1bP1$r\x1b\\\x9b2J\x08\x08"
    b"\r\x00\x7f\xe2\x80\xae\x1b]8;;http://localhost\x1b\\link\x1b]8;;\x1b\\"
)
"""Sets the title and the clipboard, clears, colours, asks, goes back, turns text, links."""


def forks() -> None:
    """Fork until refused. Each child ends by itself."""
    reached, stopped = 0, "nothing"
    for _ in range(MOST_FORKS):
        try:
            child = os.fork()
        except OSError as error:
            stopped = error.strerror or "an error"
            break
        if child == 0:
            _wait()
        reached += 1
        if reached % REPORT_EVERY == 0:
            say("forks", reached=reached, stopped="nothing")
    say("forks", reached=reached, stopped=stopped)


def _wait() -> None:
    signal.alarm(CHILD_SECONDS)
    signal.pause()
    os._exit(0)


def memory() -> None:
    """Take memory and write to all of it."""
    kept = []
    for reached in range(0, limit("MEMORY_MIB") * MEMORY_TIMES, MEMORY_STEP_MIB):
        say("fills-memory", reached=reached)
        kept.append(b"\1" * (MEMORY_STEP_MIB * MIB))
    say("fills-memory", reached=len(kept) * MEMORY_STEP_MIB)


def output() -> None:
    """Write one file as large as it gets, then more of them, then wait to be stopped."""
    most = limit("OUTPUT_MIB") * OUTPUT_TIMES
    written = 0
    say("fills-output", asked=most)
    for number in range(OUTPUT_TIMES):
        written += _write_large(Path(f"/output/compartments/large-{number}"), most - written)
    _outstay()


def _write_large(path: Path, most_mib: int) -> int:
    with path.open("wb", buffering=0) as file:
        for written in range(most_mib):
            try:
                file.write(bytes(MIB))
            except OSError:
                return written
    return most_mib


def entries() -> None:
    """Write many empty files, then wait to be stopped."""
    say("fills-output-entries", asked=MOST_ENTRIES)
    for number in range(MOST_ENTRIES):
        Path(f"/output/nodes/small-{number}").touch()
    _outstay()


def hang() -> None:
    """Sleep, whatever signal comes, until long after the deadline."""
    ignored = set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
    say("ignores-sigterm", ignored=len(ignored))
    say("sleeps-for-ever", asked=_outstaying())
    _outstay()


def _outstaying() -> int:
    return limit("SECONDS") * HANG_TIMES


def _outstay() -> None:
    end = time.monotonic() + _outstaying()
    while time.monotonic() < end:
        time.sleep(0.1)


def probe_log() -> None:
    """Print a little more than a log may hold, and what a terminal would obey."""
    _print(PROBE_MIB)
    nonce = told()["nonce"].encode()
    write_all(b"\nBEFORE-" + nonce + ESCAPES + b"AFTER-" + nonce + b"\n")
    say("escapes-terminal")
    say("floods-log", reached=PROBE_MIB)


def flood_log() -> None:
    """Print a gigabyte, if the engine was seen to bound the log of the probe."""
    if Path("/model", MAY_FLOOD).exists():
        say("floods-log", reached=_print(FLOOD_MIB))


def _print(most_mib: int) -> int:
    """Print as much as there is time for; returns how many MiB."""
    end = time.monotonic() + limit("SECONDS") - SPARE_SECONDS
    for printed in range(most_mib):
        if time.monotonic() > end:
            return printed
        for _ in range(MIB // len(LINES)):
            write_all(LINES)
    return most_mib
