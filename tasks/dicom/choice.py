"""Which stack is the axial high-resolution T2 one: by rule, with a reason for each that is not.

First every rule must hold. Of those that are left the longest are kept, since compartments reach
from the bifurcation of the common iliac vessels to the inguinal ligament, and of these the finest.
If more than one is then left, nothing is chosen: whoever can look at the images decides.
"""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np

from tasks.dicom.series import Stack
from tasks.dicom.words import Meaning, first_word

MODALITIES = frozenset(
    (
        "CR",
        "CT",
        "DX",
        "ES",
        "KO",
        "MG",
        "NM",
        "OT",
        "PR",
        "PT",
        "RF",
        "RTDOSE",
        "SC",
        "SEG",
        "US",
        "XA",
    )
)
"""Those that a reason names; anything else may be free text in the wrong place."""


class ChoiceLimits(NamedTuple):
    """The numbers of the rules.

    They are wide enough for the T2 protocols of rectal cancer guidelines (2D turbo spin echo, 3 mm)
    and for a full-pelvis stack of 5 mm, and narrow enough to leave out everything else that a
    pelvic examination holds. They are a judgement, not a measurement.
    """

    echo_time_ms: tuple[float, float] = (70.0, 200.0)
    repetition_time_ms: float = 1500.0
    """At least."""
    tilt_degrees: float = 35.0
    """At most, from the body's long axis."""
    pixel_mm: float = 1.0
    """At most."""
    slice_step_mm: float = 6.0
    """At most, from slice to slice."""
    field_mm: float = 150.0
    """At least, along rows and columns: both side walls are to be seen."""
    slices: int = 15
    """At least."""
    length_margin: float = 0.2
    """Stacks shorter than the longest by no more than this share count as equally long."""
    fineness_margin: float = 0.1
    """Pixels larger than the smallest by no more than this share count as equally fine."""


CHOICE_LIMITS = ChoiceLimits()


@dataclass(frozen=True, slots=True)
class SeriesRule(ABC):
    """A property that the series must have; the docstring is its help, as for a check."""

    limits: ChoiceLimits

    @classmethod
    def title(cls) -> str:
        """First line of the docstring, without the full stop."""
        return inspect.cleandoc(cls.__doc__ or "").partition("\n")[0].rstrip(".")

    @classmethod
    def help(cls) -> str:
        """The rest of the docstring, as one paragraph."""
        return " ".join(inspect.cleandoc(cls.__doc__ or "").partition("\n")[2].split())

    @abstractmethod
    def wanted(self) -> str:
        """What a series must have, in words."""

    @abstractmethod
    def breach(self, stack: Stack) -> str | None:
        """What a stack has instead, in words; None when the rule holds."""


class IsMagneticResonance(SeriesRule):
    """It is a magnetic resonance series.

    By Modality.
    """

    def wanted(self) -> str:
        """MR."""
        return "modality MR"

    def breach(self, stack: Stack) -> str | None:
        """Another modality, or none."""
        modality = stack.instance.modality
        if modality == "MR":
            return None
        return f"modality {modality}" if modality in MODALITIES else "another modality, or none"


class IsOriginal(SeriesRule):
    """It was acquired, not computed.

    By Image Type (Frame Type of an enhanced file): ORIGINAL, PRIMARY, no reformat, projection, map
    or phase image; by the words of its names.
    """

    NOT: ClassVar[tuple[str, ...]] = (
        "MPR",
        "PROJECTION IMAGE",
        "MIN_IP",
        "MIP",
        "ADC",
        "PHASE",
        "P",
        "PHASE MAP",
        "I",
        "R",
        "REFORMATTED",
        "SUBTRACTION",
        "LOCALIZER",
        "DIFFUSION",
        "MOSAIC",
        "TRACEW",
    )

    def wanted(self) -> str:
        """Original, primary, magnitude."""
        return "Image Type ORIGINAL, PRIMARY, of magnitude"

    def breach(self, stack: Stack) -> str | None:
        """The value that speaks against it."""
        kinds = stack.first.image_type
        if kinds[:2] != ("ORIGINAL", "PRIMARY"):
            known = [kind for kind in kinds[:2] if kind in {"DERIVED", "SECONDARY", "MIXED"}]
            return f"Image Type {', '.join(known)}" if known else "Image Type not stated"
        against = next((kind for kind in kinds[2:] if kind in IsOriginal.NOT), None)
        if against is not None:
            return f"Image Type {against}"
        return _word(stack, Meaning.COMPUTED)


class IsNoLocalizer(SeriesRule):
    """It is no localiser and no calibration.

    By the words of its names.
    """

    def wanted(self) -> str:
        """No such word."""
        return "no word for a localiser or a calibration"

    def breach(self, stack: Stack) -> str | None:
        """The word."""
        return _word(stack, Meaning.LOCALIZER)


class IsNoDiffusion(SeriesRule):
    """It is not diffusion-weighted.

    By a b-value above 0, an echo-planar sequence, and the words of its names.
    """

    def wanted(self) -> str:
        """No diffusion."""
        return "no diffusion weighting"

    def breach(self, stack: Stack) -> str | None:
        """What shows it."""
        if (stack.first.b_value or 0.0) > 0:
            return f"b-value {stack.first.b_value:g}"
        if "EP" in stack.first.sequence:
            return "an echo-planar sequence"
        return _word(stack, Meaning.DIFFUSION)


class IsSpinEcho(SeriesRule):
    """It is a turbo spin echo.

    By Scanning Sequence (Echo Pulse Sequence of an enhanced file) where it is stated: spin echo, no
    gradient echo; no single shot and no balanced or gradient echo by the words of its names.
    """

    def wanted(self) -> str:
        """Spin echo."""
        return "a multi-shot spin echo"

    def breach(self, stack: Stack) -> str | None:
        """What shows another sequence."""
        if "GR" in stack.first.sequence:
            return "a gradient echo"
        return _word(stack, Meaning.SINGLE_SHOT)


class IsT2Weighted(SeriesRule):
    """It is T2-weighted.

    By echo time and repetition time where both are stated, otherwise by a word of its names; no
    word may speak for another weighting.
    """

    def wanted(self) -> str:
        """Times, or the word."""
        low, high = self.limits.echo_time_ms
        echo, repetition = f"echo time {low:g} to {high:g} ms", self.limits.repetition_time_ms
        times = f"{echo}, repetition time from {repetition:g} ms"
        return f"{times}; where these are not stated, T2 in a name"

    def breach(self, stack: Stack) -> str | None:
        """The time that is wrong, or the word, or that there is neither."""
        echo, repetition = stack.first.echo_time_ms, stack.first.repetition_time_ms
        if (other := _word(stack, Meaning.OTHER_WEIGHTING)) is not None:
            return other
        if echo is None or repetition is None:
            named = first_word(stack.instance.text, Meaning.T2) is not None
            return None if named else "no echo and repetition time, and no T2 in a name"
        low, high = self.limits.echo_time_ms
        if not low <= echo <= high:
            return f"echo time {echo:g} ms"
        return (
            None
            if repetition >= self.limits.repetition_time_ms
            else f"repetition time {repetition:g} ms"
        )


class IsNotFatSuppressed(SeriesRule):
    """Its fat is not suppressed.

    By Scan Options, Spectrally Selected Suppression, an inversion pulse, and the words of its
    names.
    """

    def wanted(self) -> str:
        """No suppression."""
        return "no fat suppression"

    def breach(self, stack: Stack) -> str | None:
        """What shows it."""
        if stack.first.fat_suppressed:
            return "fat suppression by its parameters"
        if "IR" in stack.first.sequence:
            return "an inversion recovery"
        return _word(stack, Meaning.FAT_SUPPRESSED)


class IsBeforeContrast(SeriesRule):
    """No contrast agent was given for it.

    By Contrast/Bolus Agent and the words of its names.
    """

    def wanted(self) -> str:
        """No agent."""
        return "no contrast agent"

    def breach(self, stack: Stack) -> str | None:
        """What shows it."""
        return (
            "a contrast agent is stated" if stack.first.contrast else _word(stack, Meaning.CONTRAST)
        )


class IsAxial(SeriesRule):
    """Its slices lie across the body.

    By Image Orientation (Patient), not by a word; a stack tilted to lie across the rectum is axial.
    """

    def wanted(self) -> str:
        """The angle."""
        return f"a normal at most {self.limits.tilt_degrees:g} degrees off the body's long axis"

    def breach(self, stack: Stack) -> str | None:
        """The angle."""
        tilt = tilt_degrees(stack)
        if tilt is None:
            return "no orientation"
        return None if tilt <= self.limits.tilt_degrees else f"a normal {tilt:.0f} degrees off"


class IsFine(SeriesRule):
    """Its pixels are small.

    By Pixel Spacing, the larger of the two.
    """

    def wanted(self) -> str:
        """The size."""
        return f"pixels of at most {self.limits.pixel_mm:g} mm"

    def breach(self, stack: Stack) -> str | None:
        """The size."""
        pixel = pixel_mm(stack)
        if pixel is None:
            return "no pixel spacing"
        return None if pixel <= self.limits.pixel_mm else f"pixels of {pixel:.2f} mm"


class IsWide(SeriesRule):
    """It shows both side walls of the pelvis.

    By the field of view: pixels times spacing, the smaller of the two.
    """

    def wanted(self) -> str:
        """The width."""
        return f"a field of view of at least {self.limits.field_mm:g} mm"

    def breach(self, stack: Stack) -> str | None:
        """The width."""
        if stack.first.spacing_mm is None:
            return None  # the rule about pixels has it
        pixels, (between_rows, between_columns) = stack.instance.pixels, stack.first.spacing_mm
        width = min(pixels.rows * between_rows, pixels.columns * between_columns)
        return None if width >= self.limits.field_mm else f"a field of view of {width:.0f} mm"


class HasSlices(SeriesRule):
    """It has enough slices, close enough to each other.

    By the places of its slices, each counted once.
    """

    def wanted(self) -> str:
        """How many and how far apart."""
        return (
            f"at least {self.limits.slices} slices, at most {self.limits.slice_step_mm:g} mm apart"
        )

    def breach(self, stack: Stack) -> str | None:
        """How many, or how far apart."""
        offsets = stack.offsets_mm
        if offsets is None:
            return "no positions"
        if len(offsets) < self.limits.slices:
            return f"{len(offsets)} slices"
        step = float(np.median(np.diff(offsets)))
        return None if step <= self.limits.slice_step_mm else f"slices {step:.1f} mm apart"


SERIES_RULES: tuple[type[SeriesRule], ...] = (
    IsMagneticResonance,
    IsOriginal,
    IsNoLocalizer,
    IsNoDiffusion,
    IsSpinEcho,
    IsT2Weighted,
    IsNotFatSuppressed,
    IsBeforeContrast,
    IsAxial,
    IsFine,
    IsWide,
    HasSlices,
)


class Breach(NamedTuple):
    """A rule that a stack does not keep."""

    rule: SeriesRule
    got: str


class Judged(NamedTuple):
    """A stack and every rule that it does not keep; none when it qualifies."""

    stack: Stack
    breaches: tuple[Breach, ...]


class Choice(NamedTuple):
    """What the rules make of the stacks of a folder.

    Attributes:
        judged: every stack.
        best: those that qualify and that no other surpasses; one when the choice is clear.
    """

    judged: tuple[Judged, ...]
    best: tuple[Stack, ...]


def choose(stacks: Sequence[Stack], *, limits: ChoiceLimits = CHOICE_LIMITS) -> Choice:
    """Judge every stack, and keep the best of those that qualify."""
    judged = tuple(Judged(stack, breaches(stack, limits=limits)) for stack in stacks)
    fit = [each.stack for each in judged if not each.breaches]
    longest = _near_best(fit, value=length_mm, margin=limits.length_margin)
    # the finest have the smallest pixels: compare how many fit into a millimetre
    finest = _near_best(
        longest, value=lambda each: 1 / (pixel_mm(each) or math.inf), margin=limits.fineness_margin
    )
    return Choice(judged, tuple(finest))


def breaches(stack: Stack, *, limits: ChoiceLimits) -> tuple[Breach, ...]:
    """Every rule that a stack does not keep."""
    found = ((rule, rule.breach(stack)) for rule in (each(limits) for each in SERIES_RULES))
    return tuple(Breach(rule, got) for rule, got in found if got is not None)


def _near_best(
    stacks: Sequence[Stack], *, value: Callable[[Stack], float], margin: float
) -> list[Stack]:
    """Stacks whose value falls short of the greatest by no more than a share of it."""
    best = max(map(value, stacks), default=0.0)
    return [stack for stack in stacks if value(stack) >= best * (1.0 - margin)]


def tilt_degrees(stack: Stack) -> float | None:
    """Angle between the slices' normal and the body's long axis."""
    normal = stack.normal
    if normal is None:
        return None
    return math.degrees(math.acos(min(1.0, abs(float(normal[2])))))


def pixel_mm(stack: Stack) -> float | None:
    """The larger of the two pixel spacings."""
    return None if stack.first.spacing_mm is None else max(stack.first.spacing_mm)


def length_mm(stack: Stack) -> float:
    """From the first slice to the last, along the normal; 0 when it is unknown."""
    offsets = stack.offsets_mm
    return 0.0 if offsets is None else float(offsets[-1] - offsets[0])


def described(stack: Stack) -> str:
    """A stack in words that hold nothing but its UID and numbers."""
    return f"series {stack.name} ({in_numbers(stack)})"


def in_numbers(stack: Stack) -> str:
    """How many slices, how long, how fine and how tilted a stack is."""
    offsets, pixel, tilt = stack.offsets_mm, pixel_mm(stack), tilt_degrees(stack)
    facts = [f"{len(stack.frames) if offsets is None else len(offsets)} slices"]
    facts += [f"{length_mm(stack):.0f} mm long"] if offsets is not None else []
    facts += [f"pixels of {pixel:.2f} mm"] if pixel is not None else []
    facts += [f"{tilt:.0f} degrees off axial"] if tilt is not None else []
    return ", ".join(facts)


def _word(stack: Stack, meaning: Meaning) -> str | None:
    found = first_word(stack.instance.text, meaning)
    return None if found is None else f"a word for {found.shown} in a name"
