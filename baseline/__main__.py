"""Entrypoint of the baseline's container: `/input/t2w` in, `/output` out, a model at `/model`.

It needs no option, no network, no root, no shared memory and nothing to write to but `/output`.
Exit code 0: every volume was answered. 1: some were not, each named on standard error. 2: nothing
was run. The sandbox takes every complete answer, whatever the exit code.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from baseline.images import volumes_in
from baseline.model_folder import parse_folds, read_model
from schema.errors import LLNError

FAILED, CANNOT_RUN = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Answer a folder of volumes; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except (LLNError, OSError) as error:
        sys.stderr.write(f"nothing was run: {error}\n")
        return CANNOT_RUN


def _run(options: argparse.Namespace) -> int:
    volumes = volumes_in(options.input)
    model = read_model(options.model, folds=parse_folds(options.folds))
    # nnU-Net takes seconds to load: only where there is something to do
    from baseline.networks import choose_device, use_threads  # noqa: PLC0415
    from baseline.prediction import Predictor, predict  # noqa: PLC0415

    use_threads(options.threads or _cpus())
    device = choose_device(options.device)
    predictor = Predictor.of(model, device=device)
    failed = 0
    for outcome in predict(volumes, predictor=predictor, out=options.output):
        failed += outcome.failure is not None
        sys.stderr.write(f"{outcome.case_id}: {outcome.failure or 'answered'}, ")
        sys.stderr.write(f"{outcome.seconds:.1f} s on {device}\n")
    sys.stderr.write(f"{len(volumes) - failed} of {len(volumes)} cases answered\n")
    return FAILED if failed else 0


def _cpus() -> int | None:
    """What the sandbox gives; a container sees all processors of its host, and may use fewer."""
    given = os.environ.get("LLN_CPUS", "")
    return int(given) if given.isdigit() and int(given) else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m baseline", description=__doc__)
    parser.add_argument("--input", type=Path, default=Path("/input"))
    parser.add_argument("--output", type=Path, default=Path("/output"))
    parser.add_argument("--model", type=Path, default=Path("/model"))
    parser.add_argument("--folds", help="like 0,1,2; default: all of the model")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--threads", type=int, help="default: LLN_CPUS, else PyTorch's own choice")
    return parser


if __name__ == "__main__":
    sys.exit(main())
