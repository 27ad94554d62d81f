"""The model card: what a model is for, what it learned from, what it cannot do. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from baseline.calibration import Calibration
from baseline.model_folder import ModelManifest
from baseline.record import Experiment, mean_dice

INTENDED = """\
Research on lateral lymph nodes in rectal cancer: on axial T2-weighted MRI of the pelvis before
treatment it outlines the six compartments and every node, calls nodes negative or positive, and
gives each patient a probability of being LLN-positive. It is the reference entry of the LLN
challenge kit, there to be beaten.
"""
NOT_INTENDED = """\
It is **not a medical device**: not for diagnosis, staging or treatment. Not for other sequences,
planes or organs, not after treatment, and not without a radiologist's reading beside it.
"""
LIMITS = """\
- What it learned from is named under Data, and nothing is claimed beyond it. Learned from the
  synthetic phantom it knows nothing about patients.
- The reference standard of the task is radiologists' consensus, not pathology.
- Right and left are the patient's and are told apart by the image's geometry: a file with a wrong
  header gets a wrong side.
- The positive class is defined by size and form; nodes near the threshold change sides by a voxel.
- The probability is calibrated for the prevalence of the training cohort.
- Another scanner, centre or protocol may shift everything; nothing here detects that.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a card is made from.

    Attributes:
        manifest: of the model.
        calibration: frozen rules.
        origin: what the conversion noted about the cohort.
        epochs: of each fold, by part.
        records: of the experiments, where the trainings wrote them.
    """

    manifest: ModelManifest
    calibration: Calibration
    origin: Mapping[str, Any]
    epochs: Mapping[str, Mapping[int, int]]
    records: tuple[Experiment, ...]


def model_card(card: Card) -> str:
    """The card as Markdown; same input, same text."""
    manifest = card.manifest
    sections = (
        ("Intended use", INTENDED),
        ("Not intended", NOT_INTENDED),
        ("Data", _listed(_data(card))),
        ("Training", _listed(_training(card))),
        ("Rules frozen at export", _listed(_rules(card.calibration))),
        ("Performance", _listed(_performance(card))),
        ("Limits", LIMITS),
    )
    body = "\n".join(f"## {title}\n\n{text}" for title, text in sections)
    return f"# {manifest.name} {manifest.version}\n\n{body}"


def _listed(facts: Iterator[str]) -> str:
    return "".join(f"- {fact}\n" for fact in facts)


def _data(card: Card) -> Iterator[str]:
    if not card.origin:
        yield "The training does not say which cohort it used."
    for key, value in sorted(card.origin.items()):
        yield f"{key.replace('_', ' ')}: {_value(value)}"
    yield f"labels: {', '.join(card.manifest.labels)}"


def _training(card: Card) -> Iterator[str]:
    manifest = card.manifest
    yield f"licence of the weights: {_value(manifest.licence)}"
    yield f"nnU-Net {manifest.nnunet}, trainer `{manifest.trainer}`, preset `{manifest.preset}`"
    kind = "one network for both masks" if manifest.kind == "joint" else "a network for each mask"
    folds = ", ".join(str(fold) for fold in manifest.folds)
    yield f"{manifest.kind}: {kind}; folds {folds}, their probabilities averaged"
    for part, epochs in card.epochs.items():
        yield f"{part}: " + ", ".join(f"fold {fold} {n} epochs" for fold, n in epochs.items())
    for record in card.records:
        yield from (f"{record.variant.value}: {fact}" for fact in _recorded(record))


def _recorded(record: Experiment) -> Iterator[str]:
    recipe, commit = record.training.recipe, record.commit
    yield f"{recipe.title}; seed {record.training.seed}"
    yield f"loss {recipe.loss.dice:g} Dice + {recipe.loss.cross_entropy:g} cross-entropy"
    yield (
        f"{record.architecture.rsplit('.', 1)[-1]}, filters {_numbers(record.features)}; "
        f"spacing {_numbers(record.spacing_mm)} mm, patch {_numbers(record.patch_size)}, "
        f"batch {record.batch_size}"
    )
    changed = ", with changes" if commit.modified else ""
    yield f"code {commit.commit or commit.reason}{changed}; trained on {record.host.device}"
    yield f"digests: splits {record.splits_digest}, plans {record.plans_digest}"


def _rules(calibration: Calibration) -> Iterator[str]:
    yield f"probability: {calibration.method.replace('_', ' ')}; {calibration.reason}"
    if calibration.separable:
        yield "the curve tells apart all patients it was fitted to: it is held by its penalty alone"
    yield f"positive from {calibration.threshold:.6g} ({calibration.threshold_rule})"
    yield f"nodes below {calibration.minimum_node_ml:g} ml are dropped"


def _performance(card: Card) -> Iterator[str]:
    for record in card.records:
        yield from _overlap(record)
    found = card.calibration.out_of_fold
    if found is None:
        yield "No figures of the call: score it with `lln evaluate` on cases it has not seen."
        return
    positive = found.true_positive + found.false_negative
    negative = found.true_negative + found.false_positive
    yield (
        f"out of fold, {positive + negative} patients: sensitivity "
        f"{_share(found.true_positive, positive)}, specificity "
        f"{_share(found.true_negative, negative)}, Brier score {found.brier:.3f}"
    )
    if card.calibration.method == "logistic":
        yield "the curve and the threshold were chosen on these patients: a little flattering"


def _overlap(record: Experiment) -> Iterator[str]:
    """Mean Dice of the patients that each fold held out, label by label."""
    answers = [answer for fold in record.folds for answer in fold.held_out or ()]
    for label in record.labels if answers else ():
        dice = mean_dice(answers, label=label)
        value = "undefined" if dice is None else f"{dice:.3f}"
        yield f"{label}: Dice {value}, mean over {len(answers)} held-out patients of single folds"


def _numbers(values: Sequence[float]) -> str:
    return " x ".join(f"{value:g}" for value in values)


def _share(part: int, whole: int) -> str:
    return f"{part}/{whole}"


def _value(value: object) -> str:
    """One line of Markdown, whatever the value holds."""
    return " ".join(str(value).replace("`", "'").replace("<", "&lt;").split())
