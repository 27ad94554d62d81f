"""The verbs that turn a training into a model and a model into answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from schema.errors import UsageError
from tasks.commands import AS_JSON, FOLDER, refuse_full

if TYPE_CHECKING:
    from baseline.dicom_input import DicomCase
    from baseline.model_folder import ModelManifest
    from baseline.prediction import Case, Outcome
    from baseline.segmentation_object import Algorithm

FILE = click.Path(path_type=Path, dir_okay=False)
DEVICE = click.option(
    "--device",
    default="auto",
    show_default=True,
    type=click.Choice(["auto", "cpu", "cuda"]),
    help="auto: a GPU where there is one.",
)
FOLDS = click.option("--folds", metavar="0,1,...", help="Which folds.  [default: all there are]")


@click.command()
@click.option("--model", required=True, type=FOLDER, help="A model folder.")
@click.option("--images", type=FOLDER, help="<case>.nii.gz, or a cohort folder.")
@click.option("--dicom", type=FOLDER, help="Instead: DICOM files, nested as they come.")
@click.option("--series", multiple=True, help="With --dicom: take this series of its study.")
@click.option("--seg", is_flag=True, help="With --dicom: also dicom-seg/<case>.dcm.")
@click.option("--out", required=True, type=FOLDER, help="A new or empty folder.")
@FOLDS
@DEVICE
@AS_JSON
def predict(
    model: Path,
    images: Path | None,
    dicom: Path | None,
    series: tuple[str, ...],
    seg: bool,
    out: Path,
    folds: str | None,
    device: str,
    as_json: bool,
) -> None:
    """Answer a folder of T2-weighted volumes; the result is a submission.

    With --dicom the axial high-resolution T2 series of every study is chosen by rule, and said
    why. A volume that cannot be answered is named and left out. Exit code 0: every volume was
    answered. 1: some were not. 2: nothing was run.

    \b
    Example: lln baseline predict --model out/model --images out/cohort --out out/answers
    """
    from baseline import prediction
    from baseline.model_folder import parse_folds, read_model
    from baseline.networks import choose_device
    from tasks.files import toml_text, write_text
    from tasks.layout import SUBMISSION_MANIFEST
    from tasks.terminal import progress

    refuse_full(out)
    _refuse_unclear(images=images, dicom=dicom, dicom_only=bool(series) or seg)
    source = _Source(images=images, dicom=dicom, series=series, seg=seg)
    found = read_model(model, folds=parse_folds(folds))
    total, cases = _cases(source, out=out, made_by=found.manifest)
    predictor = prediction.Predictor.of(found, device=choose_device(device))
    outcomes = []
    with progress("Predicting", total=total) as step:
        for outcome in prediction.answer_all(cases, predictor=predictor, out=out):
            outcomes.append(outcome)
            step()
    write_text(out / SUBMISSION_MANIFEST, toml_text(prediction.submission(found.manifest)))
    _show(outcomes, out=out, as_json=as_json)
    raise SystemExit(1 if any(each.failure is not None for each in outcomes) else 0)


class _Source(NamedTuple):
    """Where the volumes come from."""

    images: Path | None
    dicom: Path | None
    series: tuple[str, ...]
    seg: bool


def _refuse_unclear(*, images: Path | None, dicom: Path | None, dicom_only: bool) -> None:
    if (images is None) == (dicom is None):
        raise UsageError("give either --images or --dicom")
    if dicom is None and dicom_only:
        raise UsageError("--series and --seg go with --dicom")


def _cases(
    source: _Source, *, out: Path, made_by: ModelManifest
) -> tuple[int | None, Iterator[Case]]:
    """How many cases where that is known, and the cases."""
    from baseline.images import volumes_in
    from baseline.prediction import cases_in

    if source.images is not None:
        volumes = volumes_in(source.images)
        return len(volumes), cases_in(volumes)
    assert source.dicom is not None, "one of the two was given"
    from baseline.dicom_input import dicom_cases
    from baseline.segmentation_object import Algorithm

    algorithm = Algorithm(made_by.name, made_by.version) if source.seg else None
    studies = dicom_cases(source.dicom, series=source.series)
    return None, _told(studies, out=out, algorithm=algorithm)


def _told(
    studies: Iterable[DicomCase], *, out: Path, algorithm: Algorithm | None
) -> Iterator[Case]:
    """A case for each study, once it was said which series was taken and why."""
    from baseline.dicom_prediction import case_of, notes_of
    from tasks.terminal import plain

    for study in studies:
        for note in notes_of(study):
            click.echo(plain(note), err=True)
        yield case_of(study, out=out, algorithm=algorithm)


def _show(outcomes: list[Outcome], *, out: Path, as_json: bool) -> None:
    from tasks.files import canonical_json
    from tasks.terminal import plain

    failed = [each for each in outcomes if each.failure is not None]
    for each in failed:
        click.echo(plain(f"not answered: {each.case_id}: {each.failure}"), err=True)
    if as_json:
        data = {"out": str(out), "cases": [each._asdict() for each in outcomes]}
        click.echo(canonical_json(data), nl=False)
    else:
        click.echo(f"{len(outcomes) - len(failed)} of {len(outcomes)} cases answered: {out}")


@click.command()
@click.argument("training", nargs=-1, required=True, type=FOLDER)
@click.option("--out", required=True, type=FOLDER, help="A new or empty folder.")
@click.option("--cohort", type=FOLDER, help="The cohort trained on: calibrates the probability.")
@click.option("--splits", type=FILE, help="splits_final.json, where it is not beside the results.")
@click.option(
    "--checkpoint",
    default="final",
    show_default=True,
    type=click.Choice(["final", "best"]),
    help="Of each fold: the last, or the best on its held-out cases.",
)
@click.option("--name", default="baseline-nnunet", show_default=True)
@click.option("--version", default="0.1.0", show_default=True, help="Of the model.")
@click.option("--licence", default="Apache-2.0", show_default=True, help="Of the weights.")
@FOLDS
@DEVICE
def export(
    training: tuple[Path, ...],
    out: Path,
    cohort: Path | None,
    splits: Path | None,
    checkpoint: str,
    name: str,
    version: str,
    licence: str,
    folds: str | None,
    device: str,
) -> None:
    """Make a model folder of one joint TRAINING, or of one of compartments and one of nodes.

    One of the two may be joint: then it answers for the other's mask.

    With --cohort every case is predicted by the networks that have not seen it, and probability
    and decision threshold are fitted to that; without, they stay as the networks give them.

    \b
    Example: lln baseline export out/work/nnUNet_results/Dataset803_LLNJoint \\
      --cohort out/cohort --out out/model
    """
    from baseline import export as exporting
    from baseline.calibration import uncalibrated
    from baseline.model_folder import parse_folds
    from baseline.networks import choose_device
    from baseline.training_output import read_trainings
    from tasks.cohort import read_cohort
    from tasks.terminal import progress

    refuse_full(out)
    on, wanted = choose_device(device), parse_folds(folds)
    trainings = read_trainings(training, checkpoint=f"checkpoint_{checkpoint}.pth", folds=wanted)
    if cohort is None:
        smallest = exporting.SMALLEST_NODE_ML
        rules = uncalibrated(reason="no cohort was given at export", minimum_node_ml=smallest)
    else:
        seen = read_cohort(cohort)
        unseen = exporting.unseen_cases(trainings, cohort=seen, splits=splits)
        with progress("Predicting held-out cases", total=len(unseen)) as step:
            rules = exporting.calibrated(
                trainings, cohort=seen, unseen=unseen, device=on, on_case=step
            )
    naming = exporting.Naming(name=name, version=version, licence=licence)
    exporting.export_model(trainings, calibration=rules, naming=naming, out=out)
    click.echo(out)
