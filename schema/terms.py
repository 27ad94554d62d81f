"""The field's words, as closed sets. Every file and every module spells them this way."""

from __future__ import annotations

from enum import StrEnum


class Region(StrEnum):
    """A lateral compartment, side left out, as in the paper's Figure 2C."""

    EI = "EI"
    """External iliac and inguinal."""
    OB = "OB"
    """Obturator."""
    II = "II"
    """Internal iliac."""


class Side(StrEnum):
    """The patient's side, never the viewer's."""

    RIGHT = "right"
    LEFT = "left"


class NodeClass(StrEnum):
    """What a lateral lymph node is called."""

    NEGATIVE = "negative"
    POSITIVE = "positive"


class TaskId(StrEnum):
    """The three tasks of the kit; one board each."""

    COMPARTMENTS = "compartments"
    NODES = "nodes"
    POSITIVITY = "positivity"


class Split(StrEnum):
    """What a cohort may be used for."""

    TRAIN = "train"
    PUBLIC = "public"
    HIDDEN = "hidden"


class Reader(StrEnum):
    """Who read the case; the consensus is the reference standard."""

    R1 = "R1"
    R2 = "R2"
    R3 = "R3"
    CONSENSUS = "consensus"


class Outcome(StrEnum):
    """A time-to-event outcome."""

    DFS = "dfs"
    OS = "os"


class Direction(StrEnum):
    """Which way a figure is better."""

    HIGHER = "higher"
    LOWER = "lower"
    NONE = "none"
    """Descriptive: no direction is better, and nothing is ranked by it."""


class Status(StrEnum):
    """Why a figure has a value, or has none."""

    OK = "ok"
    UNDEFINED = "undefined"
    """The formula has no value here (0/0, one class only, no comparable pair)."""
    NOT_APPLICABLE = "not_applicable"
    """The question does not arise (reference and prediction both empty)."""
    SEPARATED = "separated"
    """The likelihood has no finite maximum: one group has every event, or none."""
    TOO_FEW = "too_few"
    """Fewer observations or events than the task file asks for."""
    INVALID = "invalid"
    """What was handed in for it does not pass the gate."""
    WITHHELD = "withheld"
    """Computed, but not for the public: it would tell of fewer patients than may be told of."""
