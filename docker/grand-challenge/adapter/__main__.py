"""Runs an image of the kit's neutral contract as a Grand Challenge algorithm.

    python3 adapter exec      one case, then exit
    python3 adapter invoke    GET /health and POST /invoke on port 4743

Needs nothing but Python 3.10. `docs/grand-challenge.md` describes it.
"""

from __future__ import annotations

import argparse
import functools
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from case import Mounts, run_case
from failures import Failure, Kind
from server import Server
from settings import Settings, settings_of
from submission import check_command

PORT = 4743
"""Where the platform calls."""
TERMINATED = 128 + signal.SIGTERM

T = TypeVar("T")


def main() -> int:
    """Read the arguments and do what they say; returns the exit code."""
    # a container's first process is only ended by a signal that it handles
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    options = _arguments()
    mounts = Mounts(options.input, options.output)
    try:
        settings = _loudly(_settings)
        answer = functools.partial(_loudly, functools.partial(run_case, settings, mounts))
        if options.api == "invoke":
            Server(options.port, answer=answer).serve_forever()
        answer()
    except Failure as failure:
        return failure.kind.exit_code
    return 0


def _settings() -> Settings:
    settings = settings_of(os.environ)
    check_command(settings)
    return settings


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="adapter", description=__doc__)
    parser.add_argument("api", choices=("exec", "invoke"))
    parser.add_argument("--input", type=Path, default=Path("/input"))
    parser.add_argument("--output", type=Path, default=Path("/output"))
    parser.add_argument("--port", type=int, default=PORT)
    return parser.parse_args()


def _loudly(run: Callable[[], T]) -> T:
    """Run; what goes wrong becomes the last line of standard error.

    Raises:
        Failure: whatever went wrong.
    """
    try:
        return run()
    except Failure as failure:
        _say(failure)
        raise
    except Exception as error:
        # where it happened, for whoever reads the log; not the message, which may name a file
        traceback.print_tb(error.__traceback__)
        unforeseen = Failure(Kind.INTERNAL, f"the adapter failed: {type(error).__name__}")
        _say(unforeseen)
        raise unforeseen from error


def _say(failure: Failure) -> None:
    sys.stdout.flush()
    print(failure.line(), file=sys.stderr, flush=True)  # noqa: T201 - the platform reads it


sys.exit(main())
