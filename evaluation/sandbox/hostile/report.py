"""How the submission reports, and how it tries what should be refused."""

from __future__ import annotations

import errno
import json
import os
import signal
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from evaluation.sandbox.hostile.bounds import PLAN, REPORT

ATTEMPT_SECONDS = 2
SHOWN, SHOWN_CHARACTERS = 8, 120
DONE = "done"


@cache
def told() -> Mapping[str, Any]:
    """What the doctor told: in hexadecimal, so that no search finds the plan itself."""
    text = Path("/model", PLAN).read_text(encoding="ascii")
    plan: Mapping[str, Any] = json.loads(bytes.fromhex(text))
    return plan


def limit(name: str) -> int:
    """A limit that the sandbox tells every container."""
    return int(os.environ[f"LLN_{name}"])


def say(attack: str, **facts: object) -> None:
    """Report, in one write: another process may be printing."""
    line = json.dumps({"attack": attack, **facts})
    write_all(f"\n{REPORT} {told()['nonce']} {line}\n".encode())


def write_all(text: bytes) -> None:
    """Write to standard output past every buffer."""
    while text:
        text = text[os.write(1, text) :]


def went_through(found: list[str], *, tried: int) -> dict[str, object]:
    """Facts of a search: what was found, the first few, and how much was looked at."""
    shown = [ascii(each)[1:-1][:SHOWN_CHARACTERS] for each in found[:SHOWN]]
    return {"got": shown, "number": len(found), "tried": tried}


def attempts(calls: Mapping[str, Callable[[], object]]) -> dict[str, object]:
    """Facts of calls that should all be refused."""
    ends = {name: attempt(call) for name, call in calls.items()}
    found = went_through([name for name, end in ends.items() if end == DONE], tried=len(ends))
    return {**found, "refused": sorted({end for end in ends.values() if end != DONE})}


def attempt(call: Callable[[], object]) -> str:
    """How a call ends. A child makes it: what goes through there changes nothing here."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(ATTEMPT_SECONDS)
        os.write(writer, _end(call).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        end = pipe.read().decode()
    os.waitpid(child, 0)
    return end or "no answer"


def _end(call: Callable[[], object]) -> str:
    try:
        call()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, type(error).__name__)
    except Exception as error:  # noqa: BLE001 - whatever it was, the call did not go through
        return type(error).__name__
    return DONE
