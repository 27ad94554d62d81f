"""Checks of a DICOM folder, of the choice of a series and of the chosen stack: codes from LLN300.

A finding that does not fail its case is a note: the volume was read, and this should be known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from tasks.checks.base import Check, Problem
from tasks.dicom.choice import Breach, described, in_numbers
from tasks.dicom.frames import Frame
from tasks.dicom.series import STRAY_FRAMES, Stack
from tasks.dicom.stack import (
    EVEN_TOLERANCE,
    SHEAR_TOLERANCE_MM,
    SQUARE_TOLERANCE,
    Arrangement,
    Placed,
)

SHOWN = 10
"""Places named in one message; the rest is counted."""


class FileDamaged(Check[str]):
    """A DICOM file is damaged, too large, deflated or may not be opened.

    It was left aside. If it belongs to the series, copy it again or export the study again, not
    deflated.
    """

    code = "LLN300"
    fails_case = False

    @staticmethod
    def find(facts: str) -> Iterator[Problem]:
        """The facts are the reader's complaint."""
        yield Problem("a readable DICOM file", facts)


class TreeTooLarge(Check[tuple[str, str]]):
    """A folder holds more files or deeper folders than are read.

    Point to the folder of one study.
    """

    code = "LLN301"

    @staticmethod
    def find(facts: tuple[str, str]) -> Iterator[Problem]:
        """The facts are what is read and what was found."""
        yield Problem(*facts)


class NoImage(Check[int]):
    """A folder holds no DICOM image.

    Point to the folder of the exported study. Files without the mark DICM at byte 128, hidden files
    and links are not read.
    """

    code = "LLN302"

    @staticmethod
    def find(facts: int) -> Iterator[Problem]:
        """The facts are how many files were left aside."""
        yield Problem("at least one DICOM image", f"none; {facts} other files")


class SeriesRefused(Check[tuple[Stack, tuple[Breach, ...]]]):
    """A series is no axial high-resolution T2 series, and no other was one either.

    If it is the one after all, name it: `series` takes the UID shown here.
    """

    code = "LLN303"

    @staticmethod
    def find(facts: tuple[Stack, tuple[Breach, ...]]) -> Iterator[Problem]:
        """All its breaches in one problem."""
        stack, breaches = facts
        wanted = "; ".join(breach.rule.wanted() for breach in breaches)
        got = "; ".join(breach.got for breach in breaches)
        yield Problem(wanted, f"{in_numbers(stack)}: {got}", where=stack.name)


class SeriesAmbiguous(Check[tuple[Stack, ...]]):
    """Several series qualify equally as the axial high-resolution T2 one.

    Look at them and name one: `series` takes a UID shown here, with `#2` for the second part of a
    series that holds several stacks.
    """

    code = "LLN304"

    @staticmethod
    def find(facts: tuple[Stack, ...]) -> Iterator[Problem]:
        """All of them in one problem."""
        yield Problem("one series", "; ".join(map(described, facts)))


class SeriesFacts(NamedTuple):
    """A series that was asked for by name, and those that are there."""

    asked: str
    names: tuple[str, ...]


class SeriesUnknown(Check[SeriesFacts]):
    """The series that was named is not in the folder.

    Take one of the UIDs shown here.
    """

    code = "LLN305"

    @staticmethod
    def find(facts: SeriesFacts) -> Iterator[Problem]:
        """The names that are there."""
        shown = ", ".join(facts.names[:SHOWN])
        more = len(facts.names) - SHOWN
        yield Problem(
            f"one of {shown}{f' and {more} more' if more > 0 else ''}",
            "another name",
        )


class SeveralPatients(Check[int]):
    """A folder holds images of several patients.

    Point to the folder of one, or name the series.
    """

    code = "LLN306"

    @staticmethod
    def find(facts: int) -> Iterator[Problem]:
        """The facts are how many."""
        if facts > 1:
            yield Problem("one patient", f"{facts} patients")


class ChosenAgainstRules(Check[tuple[Stack, tuple[Breach, ...]]]):
    """The series that was named breaks a rule of the choice.

    It was taken because it was named; make sure that it is an axial T2-weighted one.
    """

    code = "LLN307"
    fails_case = False

    @staticmethod
    def find(facts: tuple[Stack, tuple[Breach, ...]]) -> Iterator[Problem]:
        """Each rule."""
        stack, breaches = facts
        for breach in breaches:
            yield Problem(breach.rule.wanted(), breach.got, where=stack.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Repeat:
    """Frames at one place, and whether their pixels are the same; None when that is not known."""

    place: Placed
    same: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StackFacts:
    """A stack, the rest of its series, and what is known of its order and its decoding.

    Attributes:
        stack: the chosen one.
        series: every stack of its series, the chosen one too.
        arrangement: its slices in order; None when a place is not known.
        repeats: places that hold more than one frame.
        undecodable: transfer syntax UIDs of the stack that no installed decoder reads, with what to
            install.
        byte_limit: of the pixels of a stack.
    """

    stack: Stack
    series: tuple[Stack, ...]
    arrangement: Arrangement | None
    repeats: tuple[Repeat, ...]
    undecodable: tuple[tuple[str, str], ...]
    byte_limit: int


class StackCheck(Check[StackFacts]):
    """A check of all frames of a stack."""

    @classmethod
    def frames(
        cls, frames: Sequence[Frame], *, expected: str, got: Callable[[Frame], str | None]
    ) -> Iterator[Problem]:
        """One problem for each thing that is wrong, with how many frames have it and the first."""
        found: dict[str, list[Frame]] = {}
        for frame in frames:
            if (complaint := got(frame)) is not None:
                found.setdefault(complaint, []).append(frame)
        for complaint, those in found.items():
            count = f"{complaint} in {len(those)} of {len(frames)} slices"
            yield Problem(expected, count, where=those[0].where)


class PatientsMixed(StackCheck):
    """One series holds images of two patients.

    Export the study again; two patients' files carry one series UID, and no slice of it can be
    trusted.
    """

    code = "LLN310"

    @staticmethod
    def find(facts: StackFacts) -> Iterator[Problem]:
        """More than one ID or name; neither is shown."""
        patients = {frame.instance.patient for each in facts.series for frame in each.frames}
        if len(patients) > 1:
            yield Problem("one patient", f"{len(patients)} patients", where=facts.stack.name)


class FramesNotDescribed(StackCheck):
    """A multi-frame file does not say where its frames lie.

    Export it as an enhanced MR image with functional groups for every frame, or as single frames.
    """

    code = "LLN311"

    @staticmethod
    def find(facts: StackFacts) -> Iterator[Problem]:
        """No functional groups, or not as many as frames."""
        for frame in facts.stack.frames:
            instance = frame.instance
            if instance.shapeless and frame.index == 0:
                got = f"{instance.frame_count} frames, {instance.grouped_frames or 0} described"
                yield Problem("as many frames as are described", got, where=instance.where)


class GeometryMissing(StackCheck):
    """A slice does not say where it lies.

    Export the series again with Image Position (Patient), Image Orientation (Patient) and Pixel
    Spacing; a secondary capture or a screenshot has none of them.
    """

    code = "LLN312"

    @staticmethod
    def find(facts: StackFacts) -> Iterator[Problem]:
        """Every such frame of the series: one without an orientation is in no stack."""
        frames = [frame for each in facts.series for frame in each.frames]
        expected = "position, orientation and pixel spacing, as finite numbers"
        yield from StackCheck.frames(frames, expected=expected, got=GeometryMissing.missing)

    @staticmethod
    def missing(frame: Frame) -> str | None:
        """What a frame lacks."""
        facts = (
            ("position", frame.position_mm),
            ("orientation", frame.orientation),
            ("pixel spacing", frame.spacing_mm),
        )
        names = [name for name, value in facts if value is None]
        return f"no {', no '.join(names)}" if names else None


class SlicesMixed(StackCheck):
    """A series holds a few slices of another size, spacing or orientation.

    They belong to no stack of their own. Remove them if they are strays (an added overview image),
    or export the series again: a slice of this stack may have been changed.
    """

    code = "LLN313"

    @staticmethod
    def find(facts: StackFacts) -> Iterator[Problem]:
        """Parts of the series with fewer frames than make a stack."""
        for other in facts.series:
            strays = other is not facts.stack and len(other.frames) < STRAY_FRAMES
            if strays and all(GeometryMissing.missing(each) is None for each in other.frames):
                got = f"{len(other.frames)} that differ in {SlicesMixed.difference(facts, other)}"
                yield Problem("slices of one kind", got, where=other.first.where)

    @staticmethod
    def difference(facts: StackFacts, other: Stack) -> str:
        """In what the strays differ."""
        one, two = facts.stack, other
        size = (one.instance.pixels.rows, one.instance.pixels.columns)
        facts_of = (
            ("size", size != (two.instance.pixels.rows, two.instance.pixels.columns)),
            ("pixel spacing", one.first.spacing_mm != two.first.spacing_mm),
            ("orientation", one.first.orientation != two.first.orientation),
        )
        return ", ".join(name for name, differs in facts_of if differs) or "image type or echo"


class FramesOfReferenceMixed(StackCheck):
    """The slices of a stack do not share one frame of reference.

    Their positions cannot be compared: the patient was moved, or two examinations were merged.
    Export the series again, or name another.
    """

    code = "LLN314"

    @staticmethod
    def find(facts: StackFacts) -> Iterator[Problem]:
        """More than one Frame of Reference UID."""
        found = {frame.instance.frame_of_reference_uid for frame in facts.stack.frames}
        if len(found) > 1:
            got = f"{len(found)} frames of reference"
            yield Problem("one frame of reference", got, where=facts.stack.name)


class ArrangementCheck(StackCheck):
    """A check of the slices in order; nothing is said where a place is not known."""

    @classmethod
    def where(cls, facts: StackFacts, index: int) -> str:
        """The file of the slice at a place."""
        assert facts.arrangement is not None
        return facts.arrangement.frames[index].where


class AxesNotSquare(ArrangementCheck):
    """The rows and columns of a slice are not at right angles or not of unit length.

    Export the series again: Image Orientation (Patient) is damaged.
    """

    code = "LLN315"

    @staticmethod
    def find(facts: StackFacts) -> Iterator[Problem]:
        """How far off."""
        if facts.arrangement and facts.arrangement.squareness > SQUARE_TOLERANCE:
            got = f"off by {facts.arrangement.squareness:.3g}"
            yield Problem(
                f"off by at most {SQUARE_TOLERANCE:g}", got, where=facts.stack.first.where
            )


class StackSheared(ArrangementCheck):
    """The slices do not lie on a line along their normal.

    A tilted gantry, or slices shifted against each other. The voxels of such a stack are no boxes;
    have it resampled by the scanner's software, or name another series.
    """

    code = "LLN316"

    @staticmethod
    def find(facts: StackFacts) -> Iterator[Problem]:
        """The slice that lies farthest beside the line."""
        if facts.arrangement and (worst := facts.arrangement.beside_mm.max()) > SHEAR_TOLERANCE_MM:
            index = int(facts.arrangement.beside_mm.argmax())
            yield Problem(
                f"at most {SHEAR_TOLERANCE_MM:g} mm beside the line",
                f"{worst:.2f} mm",
                where=ArrangementCheck.where(facts, index),
            )


class SliceRepeated(ArrangementCheck):
    """Two slices lie at one place with different pixels.

    Two acquisitions share a series. Export one of them, or separate them before.
    """

    code = "LLN317"

    @staticmethod
    def find(facts: StackFacts) -> Iterator[Problem]:
        """Each such place."""
        for repeat in facts.repeats:
            if not repeat.same:
                known = "with different pixels" if repeat.same is False else "not compared"
                got = f"{len(repeat.place.frames)} slices, {known}"
                yield Problem("one slice at a place", got, where=repeat.place.frames[1].where)


class SliceCopied(ArrangementCheck):
    """Two slices lie at one place with the same pixels.

    The first by file name was taken and the copies were left aside.
    """

    code = "LLN318"
    fails_case = False

    @staticmethod
    def find(facts: StackFacts) -> Iterator[Problem]:
        """All of them in one problem."""
        copies = [repeat.place.frames[1] for repeat in facts.repeats if repeat.same]
        if copies:
            got = f"{len(copies)} places with copies"
            yield Problem("one slice at a place", got, where=copies[0].where)


class SliceMissing(ArrangementCheck):
    """A slice is missing between two others.

    Copy or export the series again, complete.
    """

    code = "LLN319"

    @staticmethod
    def find(facts: StackFacts) -> Iterator[Problem]:
        """Each gap that is a whole number of the usual ones."""
        if facts.arrangement is None:
            return
        usual = facts.arrangement.usual_gap_mm
        for index, gap in enumerate(facts.arrangement.gaps_mm):
            if (missing := _missing(gap, usual=usual)) > 0:
                words = "slice" if missing == 1 else "slices"
                got = f"{gap:.2f} mm: {missing} {words} missing after this one"
                where = ArrangementCheck.where(facts, index)
                yield Problem(f"{usual:.2f} mm to the next slice", got, where=where)


class SlicesUneven(ArrangementCheck):
    """The slices are not evenly spaced.

    Stacks with different gaps were joined, or a position is wrong. Export the series again, or name
    another.
    """

    code = "LLN320"

    @staticmethod
    def find(facts: StackFacts) -> Iterator[Problem]:
        """Gaps that differ from the usual one and are no multiple of it, the first ones named."""
        if facts.arrangement is None or len(facts.arrangement.places) < 2:
            return
        usual, gaps = facts.arrangement.usual_gap_mm, facts.arrangement.gaps_mm
        wrong = [
            index
            for index, gap in enumerate(gaps)
            if abs(gap - usual) > EVEN_TOLERANCE * usual and not _missing(gap, usual=usual)
        ]
        if wrong:
            shown = ", ".join(f"{gaps[index]:.2f}" for index in wrong[:SHOWN])
            got = f"{len(wrong)} of {len(gaps)} gaps differ: {shown} mm"
            where = ArrangementCheck.where(facts, wrong[0])
            yield Problem(f"{usual:.2f} mm between all slices", got, where=where)


class OneSlice(ArrangementCheck):
    """A stack has one slice only.

    Its thickness does not tell how far the next one lies; name a series with several.
    """

    code = "LLN321"

    @staticmethod
    def find(facts: StackFacts) -> Iterator[Problem]:
        """A single place."""
        if facts.arrangement and len(facts.arrangement.places) == 1:
            yield Problem("several slices", "1 slice", where=facts.stack.first.where)


class Coloured(StackCheck):
    """A slice is in colour.

    Name a series of the scanner: colour images are made by software, to look at.
    """

    code = "LLN330"

    @staticmethod
    def find(facts: StackFacts) -> Iterator[Problem]:
        """More than one sample a pixel, or a palette."""

        def got(frame: Frame) -> str | None:
            pixels = frame.instance.pixels
            grey = pixels.samples == 1 and pixels.photometric.startswith("MONOCHROME")
            return None if grey else "colour"

        yield from StackCheck.frames(facts.stack.frames, expected="grey values", got=got)


class DarkIsHigh(StackCheck):
    """High values of a slice mean dark (MONOCHROME1).

    No scanner stores a signal so, and a program has turned the values or only their display: have
    it written as MONOCHROME2.
    """

    code = "LLN331"

    @staticmethod
    def find(facts: StackFacts) -> Iterator[Problem]:
        """Photometric Interpretation MONOCHROME1."""

        def got(frame: Frame) -> str | None:
            dark = frame.instance.pixels.photometric == "MONOCHROME1"
            return "MONOCHROME1" if dark else None

        yield from StackCheck.frames(facts.stack.frames, expected="MONOCHROME2", got=got)


class PixelsNotWhole(StackCheck):
    """A slice stores its pixels in a way that makes no sense.

    Export the series again; 8, 16 or 32 bits are read, of which the lowest ones count, signed or
    not.
    """

    code = "LLN332"

    @staticmethod
    def find(facts: StackFacts) -> Iterator[Problem]:
        """Bits allocated, stored and high bit that do not fit."""

        def got(frame: Frame) -> str | None:
            pixels = frame.instance.pixels
            allocated, stored, high = pixels.bits_allocated, pixels.bits_stored, pixels.high_bit
            sound = allocated in {8, 16, 32} and 1 <= stored <= allocated and high == stored - 1
            return None if sound else f"{allocated} bits, {stored} stored, high bit {high}"

        expected = "8, 16 or 32 bits, the stored ones lowest"
        yield from StackCheck.frames(facts.stack.frames, expected=expected, got=got)


class RescaleUnusable(StackCheck):
    """A slice rescales its values by nothing.

    Export the series again: Rescale Slope and Intercept must be finite, the slope not 0.
    """

    code = "LLN333"

    @staticmethod
    def find(facts: StackFacts) -> Iterator[Problem]:
        """A slope of 0, or no numbers."""

        def got(frame: Frame) -> str | None:
            return None if frame.slope and frame.intercept is not None else "another one"

        expected = "a finite, non-zero slope and a finite intercept"
        yield from StackCheck.frames(facts.stack.frames, expected=expected, got=got)


class PixelsTooMany(StackCheck):
    """A stack claims more pixels than are read.

    Check the header: no axial stack of a pelvis is that large. Nothing was decompressed.
    """

    code = "LLN334"

    @staticmethod
    def find(facts: StackFacts) -> Iterator[Problem]:
        """Bytes of all frames, not compressed."""
        claimed = sum(frame.instance.pixels.frame_bytes for frame in facts.stack.frames)
        if claimed > facts.byte_limit:
            expected = f"at most {facts.byte_limit} bytes"
            yield Problem(expected, f"{claimed} bytes", where=facts.stack.name)


class Undecodable(StackCheck):
    """A slice is compressed in a way that nothing installed can read.

    Install what is named here, or export the series uncompressed (Explicit VR Little Endian).
    """

    code = "LLN335"

    @staticmethod
    def find(facts: StackFacts) -> Iterator[Problem]:
        """Each transfer syntax."""
        missing = dict(facts.undecodable)

        def got(frame: Frame) -> str | None:
            return missing.get(frame.instance.transfer_syntax)

        expected = "a transfer syntax that can be decoded"
        yield from StackCheck.frames(facts.stack.frames, expected=expected, got=got)


class Lossy(StackCheck):
    """A slice was compressed with loss.

    It was read. Small nodes and their borders may have changed; use the original where it exists.
    """

    code = "LLN336"
    fails_case = False

    @staticmethod
    def find(facts: StackFacts) -> Iterator[Problem]:
        """Lossy Image Compression 01."""

        def got(frame: Frame) -> str | None:
            return "lossy" if frame.instance.lossy else None

        yield from StackCheck.frames(facts.stack.frames, expected="no loss", got=got)


class PixelsDamaged(Check[str]):
    """The pixels of a slice are missing or damaged.

    Copy or export the file again.
    """

    code = "LLN337"
    expected: ClassVar[str] = "as many sound pixels as the header says"

    @staticmethod
    def find(facts: str) -> Iterator[Problem]:
        """The facts are the decoder's complaint."""
        yield Problem(PixelsDamaged.expected, facts)


def _missing(gap: float, *, usual: float) -> int:
    """How many slices are missing in a gap; 0 when it is no multiple of the usual one."""
    if usual <= 0:
        return 0
    whole = round(gap / usual)
    return whole - 1 if whole > 1 and abs(gap / usual - whole) <= EVEN_TOLERANCE * whole else 0


STACK_CHECKS: tuple[type[Check[StackFacts]], ...] = (
    PatientsMixed,
    FramesNotDescribed,
    GeometryMissing,
    SlicesMixed,
    FramesOfReferenceMixed,
    AxesNotSquare,
    StackSheared,
    SliceRepeated,
    SliceCopied,
    SliceMissing,
    SlicesUneven,
    OneSlice,
    Coloured,
    DarkIsHigh,
    PixelsNotWhole,
    RescaleUnusable,
    PixelsTooMany,
    Undecodable,
    Lossy,
)


def dicom_checks() -> tuple[type[Check[Any]], ...]:
    """Every check of DICOM input, in the order of their codes."""
    return (
        FileDamaged,
        TreeTooLarge,
        NoImage,
        SeriesRefused,
        SeriesAmbiguous,
        SeriesUnknown,
        SeveralPatients,
        ChosenAgainstRules,
        *STACK_CHECKS,
        PixelsDamaged,
    )
