"""Entrypoint of the evaluation container: `/cohort` and `/submission` in, `/result` out.

It needs no option, shows no colour and prints JSON: the result, the findings and the folder.
Exit code 0 without findings, 1 with findings (the score stands), 2 when nothing was scored.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from evaluation import run, summary
from schema.errors import FolderError, LLNError, SubmissionError
from tasks.cohort import read_cohort
from tasks.files import canonical_json

FOUND, CANNOT_RUN = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Score one submission; returns the exit code."""
    options = _parser().parse_args(arguments)
    started, clock = datetime.now(UTC), time.perf_counter()
    try:
        cohort = read_cohort(options.cohort)
        scored = run.evaluate(cohort, options.submission, jobs=options.jobs)
        seconds = time.perf_counter() - clock
        run.write_evaluation(scored, out=options.out, started=started, seconds=seconds)
    except (LLNError, OSError) as error:
        return _refuse(error)
    sys.stdout.write(canonical_json(summary.as_json(scored, out=options.out)))
    return FOUND if scored.findings else 0


def _refuse(error: LLNError | OSError) -> int:
    findings = error.findings if isinstance(error, FolderError) else ()
    data = {"error": str(error), "findings": [each.model_dump(mode="json") for each in findings]}
    sys.stdout.write(canonical_json(data))
    return FOUND if isinstance(error, SubmissionError) else CANNOT_RUN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m evaluation", description=__doc__)
    parser.add_argument("--cohort", type=Path, default=Path("/cohort"))
    parser.add_argument("--submission", type=Path, default=Path("/submission"))
    parser.add_argument("--out", type=Path, default=Path("/result"))
    parser.add_argument("--jobs", type=int, default=1)
    return parser


if __name__ == "__main__":
    sys.exit(main())
