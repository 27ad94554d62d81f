"""The verb that examines a host."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import click

from tasks.commands import AS_JSON

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evaluation.sandbox.doctor_attacks import Judged

BASE_IMAGE = "lln-base:bookworm"
"""What docker/base-image makes."""


@click.command()
@click.option(
    "--base-image",
    default=BASE_IMAGE,
    show_default=True,
    help="A small image with python3 and a shell that the engine has.",
)
@AS_JSON
def doctor(base_image: str, as_json: bool) -> None:
    """Attack this machine's sandbox and say what held.

    Builds a hostile submission on the base image and runs it as every submission is run, on a
    cohort made for the purpose. Takes about a minute and leaves nothing behind. Exit code 0 when
    everything held, 1 when something is BROKEN, 2 when nothing could be run.

    \b
    Example: lln doctor --base-image lln-base:bookworm
    """
    import secrets
    import time

    from evaluation.sandbox.doctor import any_broken, report
    from evaluation.sandbox.interruption import terminated_in_order
    from tasks.files import canonical_json

    begun = time.monotonic()
    with terminated_in_order():
        host, attacks = _examined(base_image, tag=f"lln-doctor:{secrets.token_hex(6)}")
    if as_json:
        found = report(host=host, attacks=attacks, seconds=time.monotonic() - begun)
        click.echo(canonical_json(found), nl=False)
    else:
        _show([*host, *attacks])
    raise SystemExit(1 if any_broken([*host, *attacks]) else 0)


def _examined(base_image: str, *, tag: str) -> tuple[Sequence[Judged], Sequence[Judged]]:
    import shutil
    import tempfile

    from evaluation.sandbox import doctor
    from evaluation.sandbox.doctor_attacks import ATTACKS
    from evaluation.sandbox.doctor_host import judge_host
    from schema.errors import SandboxError, Unrunnable
    from tasks.terminal import progress

    try:
        from evaluation.sandbox.docker_runner import connect
        from evaluation.sandbox.image_build import builder
    except ImportError as error:
        message = (
            f"the Docker SDK is not installed ({error}): pip install 'lln-challenge-kit[sandbox]'"
        )
        raise SandboxError(message, kind=Unrunnable.NO_SDK) from error
    total = sum(len(suite.cases) for suite in doctor.needed(ATTACKS))
    with ExitStack() as stack:
        runner, engine = stack.enter_context(connect()), stack.enter_context(builder())
        free = shutil.disk_usage(tempfile.gettempdir()).free
        host = tuple(judge_host(engine.facts(), free_bytes=free))
        step = stack.enter_context(progress("Attacking", total=total))
        image = stack.enter_context(engine.built(doctor.HOSTILE, base_image=base_image, tag=tag))
        return host, doctor.examine(runner=runner, image=image, on_case=step)


def _show(judged: Sequence[Judged]) -> None:
    from evaluation.sandbox.doctor import COLUMNS, counts, row
    from tasks.terminal import show_table

    show_table(columns=COLUMNS, rows=[row(each) for each in judged])
    click.echo(", ".join(f"{number} {verdict}" for verdict, number in counts(judged).items()))
