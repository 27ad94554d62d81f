"""The verbs that turn a cohort into trained networks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from schema.errors import UsageError
from tasks.commands import FOLDER

if TYPE_CHECKING:
    from baseline.training import Start

WORK = click.option(
    "--work", required=True, type=FOLDER, help="nnU-Net's raw, preprocessed and results folders."
)
DATASETS = click.Choice(["compartments", "nodes", "joint"])


@click.command()
@click.option("--cohort", required=True, type=FOLDER, help="With its reference standard.")
@WORK
@click.option(
    "--dataset",
    "datasets",
    multiple=True,
    default=["joint"],
    show_default=True,
    type=DATASETS,
    help="Which masks a network learns; may be repeated.",
)
@click.option("--folds", default=5, show_default=True, type=click.IntRange(min=2))
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0), help="Of folds.")
def convert(cohort: Path, work: Path, datasets: tuple[str, ...], folds: int, seed: int) -> None:
    """Write a cohort as nnU-Net raw datasets with stratified folds.

    \b
    Example: lln baseline convert --cohort out/cohort --work out/nnunet --dataset joint
    """
    from baseline.conversion import convert as write
    from baseline.datasets import Variant
    from tasks.cohort import read_cohort
    from tasks.terminal import progress

    found = read_cohort(cohort)
    variants = [Variant(name) for name in dict.fromkeys(datasets)]
    with progress("Converting cases", total=len(found.manifest.cases)) as step:
        for _ in write(found, work=work, variants=variants, folds=folds, seed=seed):
            step()
    for variant in variants:
        click.echo(work / "nnUNet_raw" / variant.dataset_name)


@click.command()
@WORK
@click.option("--dataset", default="joint", show_default=True, type=DATASETS)
@click.option("--preset", default="paper", show_default=True, help="Of baseline/presets.toml.")
@click.option(
    "--fold", "folds", multiple=True, type=click.IntRange(min=0), help="Default: every fold."
)
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0))
@click.option("--epochs", type=click.IntRange(min=1), help="Instead of the preset's.")
@click.option("--iterations", type=click.IntRange(min=1), help="Of an epoch.")
@click.option("--batch-size", type=click.IntRange(min=1))
@click.option("--max-minutes", type=click.FloatRange(min=0, min_open=True), help="For each fold.")
@click.option("--pause-after", type=click.IntRange(min=1), help="Epochs of this call.")
@click.option("--resume", is_flag=True, help="Go on from the checkpoints.")
@click.option("--restart", is_flag=True, help="Remove what these folds hold.")
@click.option("--device", default="auto", type=click.Choice(["auto", "cpu", "cuda"]))
@click.option("--threads", type=click.IntRange(min=1), help="Default: all cores.")
@click.option("--workers", type=click.IntRange(min=0), help="Processes that augment.")
@click.option("--validate/--no-validate", default=True, help="Answer held-out patients.")
@click.option("--probabilities", is_flag=True, help="Keep those of held-out patients.")
def train(
    work: Path,
    dataset: str,
    preset: str,
    folds: tuple[int, ...],
    seed: int,
    epochs: int | None,
    iterations: int | None,
    batch_size: int | None,
    max_minutes: float | None,
    pause_after: int | None,
    resume: bool,
    restart: bool,
    device: str,
    threads: int | None,
    workers: int | None,
    validate: bool,
    probabilities: bool,
) -> None:
    """Plan, preprocess and train; writes nnU-Net's results folder and experiment.json.

    With --max-minutes a fold ends after the last epoch that fits, and the learning rate falls with
    the time. With --workers 0 on the CPU, the same seed gives the same weights, resumed or not.

    \b
    Example: lln baseline train --work out/nnunet --preset narrow --fold 0 --max-minutes 45
    """
    import joblib

    from baseline.campaign import Campaign, campaign
    from baseline.datasets import Variant
    from baseline.networks import choose_device
    from baseline.presets import Changes, Training
    from baseline.presets import preset as find
    from baseline.schedule import Bounds
    from baseline.training import Machine, Order

    changes = Changes(epochs=epochs, iterations=iterations, batch_size=batch_size)
    recipe = changes.applied(find(preset))
    machine = Machine(
        device=choose_device(device),
        threads=threads or joblib.cpu_count(),
        workers=recipe.schedule.workers if workers is None else workers,
    )
    order = Order(
        work=work,
        variant=Variant(dataset),
        training=Training(preset=preset, recipe=recipe, seed=seed),
        machine=machine,
        bounds=Bounds(
            seconds=None if max_minutes is None else 60 * max_minutes, pause_after=pause_after
        ),
    )
    plan = Campaign(
        folds=folds, start=_start(resume, restart), validate=validate, probabilities=probabilities
    )
    for line in campaign(order, plan):
        click.echo(line, err=True)
    click.echo(order.model_folder)


def _start(resume: bool, restart: bool) -> Start:
    from baseline.training import Start

    if resume and restart:
        raise UsageError("--resume and --restart exclude each other")
    if resume:
        return Start.RESUME
    return Start.RESTART if restart else Start.FRESH
