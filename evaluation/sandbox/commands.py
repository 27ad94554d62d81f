"""The verb that runs a submission's container."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tasks.commands import AS_JSON, FOLDER

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from evaluation.sandbox.runner import Runner
    from schema.execution import ExecutionRecord


@click.command()
@click.argument("image")
@click.option("--cohort", required=True, type=FOLDER, help="Images suffice; no label is read.")
@click.option(
    "--manifest",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="The entrant's submission.toml.",
)
@click.option("--out", required=True, type=FOLDER, help="A new folder, or one to continue.")
@click.option(
    "--mode",
    default="case",
    show_default=True,
    type=click.Choice(["case", "batch"]),
    help="A container for each case, or one for all.",
)
@click.option("--model", type=FOLDER, help="Weights, mounted read-only at /model.")
@click.option(
    "--gpus",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "none"]),
    help="As many as the tasks allow, where the engine has them.",
)
@click.option("--keep-going", is_flag=True, help="Run every case although the first three failed.")
@AS_JSON
def run_submission(
    image: str,
    cohort: Path,
    manifest: Path,
    out: Path,
    mode: str,
    model: Path | None,
    gpus: str,
    keep_going: bool,
    as_json: bool,
) -> None:
    """Run a submission's image on a cohort, sealed off.

    IMAGE is a name, an id, or the path of a docker save archive. OUT becomes a folder for
    lln evaluate; OUT/run is private. A run that was cut off goes on when the same command is given
    again. Exit code 0 when every case was answered, 1 when some were not, 2 when nothing was run.

    \b
    Example: lln submission run team/model:1 --cohort out/cohort \\
        --manifest submission.toml --out out/submission
    """
    from evaluation.sandbox import campaign, plan
    from evaluation.sandbox.interruption import terminated_in_order
    from schema.execution import Mode
    from tasks.cohort import read_inputs
    from tasks.terminal import progress

    entry, inputs = plan.read_manifest(manifest), read_inputs(cohort)
    with terminated_in_order(), _engine() as runner:
        planned = plan.prepare(
            runner=runner,
            image=image,
            cohort=inputs,
            manifest=entry,
            out=out,
            options=plan.Options(mode=Mode(mode), weights=model, use_gpus=gpus == "auto"),
        )
        with progress("Running cases", total=len(planned.cases)) as step:
            record = campaign.run(planned, runner=runner, keep_going=keep_going, on_case=step)
    _show(record, out=out, as_json=as_json)
    summary = record.summary()
    raise SystemExit(0 if summary.ok == summary.cases else 1)


def _engine() -> AbstractContextManager[Runner]:
    from schema.errors import SandboxError, Unrunnable

    try:
        from evaluation.sandbox.docker_runner import connect
    except ImportError as error:
        message = (
            f"the Docker SDK is not installed ({error}): pip install 'lln-challenge-kit[sandbox]'"
        )
        raise SandboxError(message, kind=Unrunnable.NO_SDK) from error
    return connect()


def _show(record: ExecutionRecord, *, out: Path, as_json: bool) -> None:
    """The summary: counts and codes, no case by name."""
    from evaluation.sandbox.journal import RECORD, RUN
    from tasks.files import canonical_json
    from tasks.terminal import show_table

    summary = record.summary()
    if as_json:
        data = {"summary": summary.model_dump(mode="json"), "out": str(out.resolve())}
        click.echo(canonical_json(data), nl=False)
        return
    rows = [("answered", str(summary.ok))]
    rows += [(code.value, str(count)) for code, count in summary.failures.items()]
    rows += [("not run", str(summary.not_run))] if summary.not_run else []
    show_table(columns=("cases", "number"), rows=rows)
    if summary.not_run:
        click.echo(
            "stopped: the model failed every case so far; --keep-going runs the rest", err=True
        )
    click.echo(f"record (private): {(out / RUN / RECORD).resolve()}")
    click.echo(f"submission: {out.resolve()}")
