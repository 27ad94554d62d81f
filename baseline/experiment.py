"""The record of an experiment on disk, beside the weights.

`fold_<k>/fold.json` and `fold_<k>/curves.png` are written when a fold is done; `experiment.json`
and `experiment.md` above them are made of all folds that are there.
"""

from __future__ import annotations

import json
import math
import platform
import subprocess
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib
import torch

from baseline.curves import draw_curves
from baseline.datasets import CONFIGURATION, OURS, channel_names
from baseline.environment import PREPROCESSED, RAW
from baseline.planning import read_plans
from baseline.record import (
    CaseAnswer,
    Commit,
    Curves,
    Experiment,
    FoldRecord,
    Host,
    mean_dice,
)
from baseline.training import Order
from tasks.files import canonical_json, digest_bytes, read_bytes, read_text, write_bytes, write_text

LIBRARIES = (
    "lln-challenge-kit",
    "nnunetv2",
    "torch",
    "batchgeneratorsv2",
    "dynamic-network-architectures",
    "numpy",
    "scipy",
    "nibabel",
)
KIT = Path(__file__).resolve().parents[1]
FOLD = "fold.json"
CURVES = "curves.png"


def fold_record(trainer: Any, *, order: Order, held_out: Sequence[CaseAnswer] | None) -> FoldRecord:
    """What a trainer that is done has to tell."""
    train, out = trainer.do_split()
    curves = _curves(trainer.logger)
    schedule = order.training.recipe.schedule
    epochs = len(curves.epoch_seconds)
    seconds = sum(curves.epoch_seconds)
    patches = epochs * schedule.iterations * trainer.batch_size
    return FoldRecord(
        fold=int(trainer.fold),
        train_cases=len(train),
        held_out_cases=len(out),
        epochs=epochs,
        ending=trainer.ending,
        iterations=epochs * schedule.iterations,
        images_per_second=patches / seconds if seconds > 0 else None,
        peak_gpu_bytes=_peak_gpu_bytes(order.machine.device),
        curves=curves,
        held_out=None if held_out is None else tuple(held_out),
    )


def _peak_gpu_bytes(device: str) -> int | None:
    return int(torch.cuda.max_memory_allocated()) if device == "cuda" else None


def _curves(logger: Any) -> Curves:
    def values(key: str) -> list[Any]:
        return list(logger.get_value(key, step=None))

    ended = values("epoch_end_timestamps")
    done = len(ended)
    begun = values("epoch_start_timestamps")[:done]
    return Curves(
        train_loss=_numbers(values("train_losses")[:done]),
        validation_loss=_numbers(values("val_losses")[:done]),
        pseudo_dice=tuple(_numbers(each) for each in values("dice_per_class_or_region")[:done]),
        learning_rate=tuple(float(rate) for rate in values("lrs")[:done]),
        epoch_seconds=tuple(end - start for start, end in zip(begun, ended, strict=True)),
    )


def _numbers(values: Sequence[Any]) -> tuple[float | None, ...]:
    """Python numbers; None for what is undefined."""
    return tuple(float(value) if math.isfinite(value) else None for value in values)


def with_kept_answers(record: FoldRecord, *, order: Order) -> FoldRecord:
    """A record with the held-out answers of before, when nothing was trained or answered since.

    To look at a finished training again must not lose what it answered.
    """
    path = order.fold_folder(record.fold) / FOLD
    if record.held_out is not None or not path.is_file():
        return record
    before = FoldRecord.model_validate_json(read_text(path))
    if before.epochs != record.epochs:
        return record
    return record.model_copy(update={"held_out": before.held_out})


def write_fold(record: FoldRecord, *, order: Order) -> None:
    """Write a fold's record and its curves."""
    folder = order.fold_folder(record.fold)
    write_text(folder / FOLD, canonical_json(record.model_dump(mode="json")))
    title = f"{order.variant.value}, {order.training.preset}, fold {record.fold}"
    picture = draw_curves(record.curves, title=title, labels=channel_names(order.variant))
    write_bytes(folder / CURVES, picture)


def write_experiment(order: Order) -> Path:
    """Write `experiment.json` and `experiment.md` of all folds there; returns the folder."""
    experiment = describe(order, folds=tuple(_folds(order.model_folder)))
    folder = order.model_folder
    write_text(folder / "experiment.json", canonical_json(experiment.model_dump(mode="json")))
    write_text(folder / "experiment.md", as_markdown(experiment))
    return folder


def _folds(folder: Path) -> Iterator[FoldRecord]:
    for path in sorted(folder.glob(f"fold_*/{FOLD}")):
        yield FoldRecord.model_validate_json(read_text(path))


def describe(order: Order, *, folds: tuple[FoldRecord, ...]) -> Experiment:
    """The whole record."""
    prepared = order.work / PREPROCESSED / order.variant.dataset_name
    origin = json.loads(read_text(prepared / "dataset.json"))[OURS]
    plans = read_plans(order.work, variant=order.variant, training=order.training)
    plan = plans["configurations"][CONFIGURATION]
    network = plan["architecture"]
    splits = order.work / RAW / order.variant.dataset_name / "splits_final.json"
    return Experiment(
        variant=order.variant,
        dataset=order.variant.dataset_name,
        cohort=origin["cohort"],
        cohort_digest=origin["cohort_digest"],
        splits_digest=digest_bytes(read_bytes(splits)),
        plans_digest=digest_bytes(canonical_json(plans).encode()),
        training=order.training,
        spacing_mm=tuple(plan["spacing"]),
        patch_size=tuple(plan["patch_size"]),
        batch_size=plan["batch_size"],
        architecture=network["network_class_name"],
        features=tuple(network["arch_kwargs"]["features_per_stage"]),
        strides=tuple(tuple(each) for each in network["arch_kwargs"]["strides"]),
        labels=channel_names(order.variant),
        commit=commit_of(KIT),
        versions={name: version(name) for name in LIBRARIES},
        host=host(order.machine.device),
        threads=order.machine.threads,
        folds=folds,
    )


def host(device: str) -> Host:
    """What this machine is, without its name."""
    gpu = torch.cuda.get_device_name() if device == "cuda" else "cpu"
    return Host(
        system=platform.platform(),
        processor=_processor(),
        processors=joblib.cpu_count(),
        device=gpu,
        python=platform.python_version(),
    )


def _processor() -> str:
    """The model's name where Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine() or "unknown"


def commit_of(folder: Path) -> Commit:
    """The commit a folder is checked out at, or why there is none."""
    try:
        head = _git(folder, "rev-parse", "--verify", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except FileNotFoundError:
        return Commit(commit=None, modified=None, reason="git is not installed")
    except subprocess.CalledProcessError as error:
        reason = (error.stderr.strip().splitlines() or ["git failed"])[0][:200]
        return Commit(commit=None, modified=None, reason=reason)
    return Commit(commit=head.strip(), modified=bool(changed.strip()))


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(  # noqa: S603 - fixed arguments
        ["git", "-C", str(folder), *arguments],  # noqa: S607 - whichever git the user has
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


def as_markdown(experiment: Experiment) -> str:
    """The record for people."""
    recipe = experiment.training.recipe
    commit = experiment.commit
    where = commit.commit or f"none ({commit.reason})"
    lines = [
        f"# {experiment.dataset}, preset `{experiment.training.preset}`",
        "",
        f"{recipe.title}. A research model trained on the cohort named below; no medical device.",
        "",
        "| | |",
        "|---|---|",
        f"| cohort | {experiment.cohort} |",
        f"| cohort digest | `{experiment.cohort_digest}` |",
        f"| seed | {experiment.training.seed} |",
        f"| code | {where}{', with changes' if commit.modified else ''} |",
        f"| spacing | {_times(experiment.spacing_mm)} mm |",
        f"| patch, batch | {_times(experiment.patch_size)}, {experiment.batch_size} |",
        f"| network | {experiment.architecture.rsplit('.', 1)[-1]} |",
        f"| filters | {', '.join(map(str, experiment.features))} |",
        f"| loss | {recipe.loss.dice:g} Dice + {recipe.loss.cross_entropy:g} cross-entropy |",
        f"| processor | {experiment.host.processor}, {experiment.threads} threads |",
        f"| device | {experiment.host.device} |",
        *(f"| {name} | {number} |" for name, number in experiment.versions.items()),
        "",
        "## Folds",
        "",
        *_fold_table(experiment),
        "",
        "## Dice of held-out patients",
        "",
        *_dice_table(experiment),
        "",
        *(f"![fold {each.fold}](fold_{each.fold}/{CURVES})" for each in experiment.folds),
    ]
    return "\n".join(lines) + "\n"


def _times(values: Sequence[float]) -> str:
    return " x ".join(f"{value:g}" for value in values)


def _fold_table(experiment: Experiment) -> Iterator[str]:
    epochs = experiment.training.recipe.schedule.epochs
    yield "| fold | train / held out | epochs | ended by | minutes | patches/s | peak GPU memory |"
    yield "|---|---|---|---|---|---|---|"
    for fold in experiment.folds:
        pace = "" if fold.images_per_second is None else f"{fold.images_per_second:.2f}"
        peak = "" if fold.peak_gpu_bytes is None else f"{fold.peak_gpu_bytes / 2**30:.1f} GiB"
        cells = (
            f"{fold.fold}",
            f"{fold.train_cases} / {fold.held_out_cases}",
            f"{fold.epochs} of {epochs}",
            fold.ending.value,
            f"{fold.seconds / 60:.1f}",
            pace,
            peak,
        )
        yield f"| {' | '.join(cells)} |"


def _dice_table(experiment: Experiment) -> Iterator[str]:
    answered = [fold for fold in experiment.folds if fold.held_out is not None]
    yield "| label | " + " | ".join(f"fold {fold.fold}" for fold in answered) + " | all |"
    yield "|---" * (len(answered) + 2) + "|"
    everyone = [answer for fold in answered for answer in fold.held_out or ()]
    for label in experiment.labels:
        means = [mean_dice(fold.held_out or (), label=label) for fold in answered]
        cells = [*means, mean_dice(everyone, label=label)]
        shown = " | ".join("n/a" if value is None else f"{value:.3f}" for value in cells)
        yield f"| {label} | {shown} |"


__all__ = [
    "as_markdown",
    "commit_of",
    "describe",
    "fold_record",
    "host",
    "with_kept_answers",
    "write_experiment",
    "write_fold",
]
