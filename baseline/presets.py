"""Presets: what a training changes in nnU-Net's own plan. Data, read from `presets.toml`.

What a preset leaves out (None) stays as nnU-Net's planner made it.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator

from schema.base import Frozen, Line, Slug
from schema.errors import TaskFileError, UsageError
from tasks.files import read_toml_model

FILE = Path(__file__).with_name("presets.toml")

Positive = Annotated[float, Field(gt=0)]
Whole = Annotated[int, Field(ge=1)]


class Network(Frozen):
    """The U-Net. Strides and kernels follow from spacing and patch by nnU-Net's own rule."""

    stages: Annotated[int, Field(ge=2, le=8)]
    """Resolutions, the finest included."""
    base_filters: Whole
    """Filters of the finest stage; each further stage has twice as many."""
    maximum_filters: Whole
    convolutions: Whole = 2
    """Of each stage of the encoder and of the decoder."""


class Planning(Frozen):
    """What is changed in the plan."""

    planner: Literal["ExperimentPlanner", "nnUNetPlannerResEncM", "nnUNetPlannerResEncL"]
    """nnU-Net's planner; the second and third make residual encoders, for cards of 12 and 24 GB."""
    spacing_mm: tuple[Positive, Positive, Positive] | None = None
    """Between slices, rows and columns after resampling."""
    patch_size: tuple[Whole, Whole, Whole] | None = None
    """Slices, rows and columns; rounded up to what the network can halve."""
    batch_size: Whole | None = None
    network: Network | None = None


class Loss(Frozen):
    """Weights of the two parts of the loss; the paper's by default."""

    dice: Annotated[float, Field(ge=0, le=1)] = 0.7
    cross_entropy: Annotated[float, Field(ge=0, le=1)] = 0.3


class Augmentation(Frozen):
    """What is turned and moved; everything else is nnU-Net's. Nothing is ever mirrored."""

    rotation_degrees: Annotated[float, Field(ge=0, le=180)] = 30.0
    """Largest angle about each axis; nnU-Net itself turns anisotropic patches by up to 180."""
    translation_mm: Annotated[float, Field(ge=0, le=100)] = 10.0
    """Largest shift within the slice, beyond the random place of the patch."""


class Schedule(Frozen):
    """How long and how fast."""

    epochs: Whole
    iterations: Whole = 250
    """Of an epoch."""
    validation_iterations: Whole = 50
    """Patches of held-out cases looked at after each epoch."""
    optimiser: Literal["sgd", "adamw"] = "sgd"
    """`sgd` is nnU-Net's: Nesterov momentum 0.99, weight decay 3e-5; `adamw` needs fewer steps."""
    learning_rate: Positive = 0.01
    """At the start; it falls to 0 as (1 - progress) to the power of 0.9."""
    checkpoint_every: Whole = 50
    """Epochs."""
    workers: Annotated[int, Field(ge=0)] = 0
    """Processes that augment; 0 augments in the training process itself and is deterministic."""
    compiled: bool = False
    """Whether torch compiles the network on a GPU."""


class Preset(Frozen):
    """A named way to train."""

    title: Line
    planning: Planning
    schedule: Schedule
    loss: Loss = Loss()
    augmentation: Augmentation = Augmentation()


class Presets(Frozen):
    """`presets.toml`."""

    presets: dict[Slug, Preset]

    @model_validator(mode="after")
    def _there_are_some(self) -> Self:
        if not self.presets:
            raise ValueError("presets.toml holds no preset")
        return self


@cache
def load_presets() -> dict[str, Preset]:
    """Every preset by its name, as shipped.

    Raises:
        TaskFileError: the file breaks its contract.
    """
    try:
        return dict(read_toml_model(FILE, Presets).presets)
    except ValidationError as error:
        raise TaskFileError(f"{FILE.name}: {error}") from error


def preset(name: str) -> Preset:
    """A preset by its name.

    Raises:
        UsageError: there is none of that name.
    """
    presets = load_presets()
    if name not in presets:
        raise UsageError(f"--preset {name}: expected one of {', '.join(presets)}")
    return presets[name]


class Changes(Frozen):
    """What a command line changes in a preset; None leaves it."""

    epochs: Whole | None = None
    iterations: Whole | None = None
    batch_size: Whole | None = None

    def applied(self, to: Preset) -> Preset:
        """The preset with the changes."""
        wanted = {"epochs": self.epochs, "iterations": self.iterations}
        timed = {name: value for name, value in wanted.items() if value is not None}
        sized = {} if self.batch_size is None else {"batch_size": self.batch_size}
        return to.model_copy(
            update={
                "schedule": to.schedule.model_copy(update=timed),
                "planning": to.planning.model_copy(update=sized),
            }
        )


class Training(Frozen):
    """All that a trainer needs to know beyond nnU-Net's plan; it travels inside the plans file."""

    preset: Slug
    """Name of the preset that the recipe started from."""
    recipe: Preset
    """The preset with what the command line changed."""
    seed: Annotated[int, Field(ge=0)]
