"""All folds of a training, one after the other: prepare, train, answer the held-out, record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from baseline.experiment import (
    fold_record,
    with_kept_answers,
    write_experiment,
    write_fold,
)
from baseline.held_out import answer_held_out
from baseline.planning import prepare
from baseline.record import CaseAnswer
from baseline.schedule import Ending
from baseline.training import (
    Order,
    Start,
    refuse_other_plan,
    refuse_unknown_folds,
    refuse_what_is_there,
    settings,
    splits,
    train_fold,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """What is wanted of a training.

    Attributes:
        folds: which; all of them when empty.
        start: what to do with folds that are there.
        validate: whether held-out patients are answered when a fold is done.
        probabilities: whether those of held-out patients are kept.
    """

    folds: tuple[int, ...]
    start: Start = Start.FRESH
    validate: bool = True
    probabilities: bool = False


def campaign(order: Order, plan: Campaign) -> Iterator[str]:
    """Do it; yields a line about each step that is done.

    Raises:
        TrainingError: before anything is trained, when what is asked cannot be done.
    """
    prepared = sum(1 for _ in prepare(order.work, variant=order.variant, training=order.training))
    yield f"prepared {prepared} cases" if prepared else "cases are prepared already"
    folds = plan.folds or tuple(range(len(splits(order.work, variant=order.variant))))
    refuse_unknown_folds(order, folds)
    refuse_other_plan(order, folds)
    refuse_what_is_there(order, folds, start=plan.start)
    for fold in dict.fromkeys(folds):
        with settings(order):
            trainer = train_fold(order, fold, start=plan.start)
            answers = _answers(trainer, plan)
            record = fold_record(trainer, order=order, held_out=answers)
        record = with_kept_answers(record, order=order)
        write_fold(record, order=order)
        write_experiment(order)
        yield f"fold {fold}: {record.epochs} epochs, ended by {record.ending.value}"


def _answers(trainer: Any, plan: Campaign) -> tuple[CaseAnswer, ...] | None:
    """Answers for the held-out, once a fold is done."""
    if not plan.validate or trainer.ending is Ending.PAUSED:
        return None
    return tuple(answer_held_out(trainer, probabilities=plan.probabilities))
