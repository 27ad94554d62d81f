"""Evaluates in a process of its own and says how long it took and how much memory it held."""

from __future__ import annotations

import json
import re
import resource
import sys
import time
from pathlib import Path

from joblib.externals.loky import get_reusable_executor

from evaluation.run import evaluate
from tasks.cohort import read_cohort
from tasks.files import canonical_json, digest_bytes


def evaluated(cohort: str, submission: str, *, jobs: int) -> str:
    """Score a submission; returns the digest of `result.json`."""
    scored = evaluate(read_cohort(Path(cohort)), Path(submission), jobs=jobs)
    return digest_bytes(canonical_json(scored.result.model_dump(mode="json")).encode())


def peak_mb() -> float:
    """Most memory that this process or the largest of its own held at a time.

    `getrusage` of this process would not do on Linux: a process starts with the peak of the one
    that started it, here a test run with every peer loaded.
    """
    workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return max(_own_peak_kb(), _as_kb(workers)) / 1024


def _own_peak_kb() -> float:
    status = Path("/proc/self/status")
    if not status.exists():
        return _as_kb(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    found = re.search(r"^VmHWM:\s+(\d+) kB$", status.read_text(), flags=re.MULTILINE)
    assert found is not None, "Linux says how much memory a process has held"
    return float(found[1])


def _as_kb(size: float) -> float:
    """macOS counts bytes."""
    return size / 1024 if sys.platform == "darwin" else size


def main() -> None:
    """Warm up, then evaluate as often and with as many processes as asked for."""
    cohort, submission, *warm_up, submissions, jobs = sys.argv[1:]
    evaluated(*warm_up, jobs=int(jobs))
    start = time.perf_counter()
    digests = [evaluated(cohort, submission, jobs=int(jobs)) for _ in range(int(submissions))]
    seconds = time.perf_counter() - start
    if int(jobs) > 1:
        get_reusable_executor().shutdown(wait=True)  # only ended processes are counted
    print(json.dumps({"seconds": seconds, "peak_mb": peak_mb(), "digests": digests}))  # noqa: T201


if __name__ == "__main__":
    main()
