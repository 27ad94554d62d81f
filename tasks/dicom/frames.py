"""What a header says about a file and about each frame of it: claims, nothing believed yet."""

from __future__ import annotations

from dataclasses import dataclass, field

from tasks.geometry import Triple

Six = tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class PixelFormat:
    """How a file stores its pixels, as it claims.

    Attributes:
        rows: pixels along j.
        columns: pixels along i.
        samples: 1 for grey, 3 for colour.
        photometric: Photometric Interpretation.
        bits_allocated: bits a pixel takes up.
        bits_stored: bits of them that count.
        high_bit: the highest bit that counts.
        signed: two's complement.
    """

    rows: int
    columns: int
    samples: int
    photometric: str
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool

    @property
    def frame_bytes(self) -> int:
        """One frame, not compressed."""
        return self.rows * self.columns * self.samples * ((self.bits_allocated + 7) // 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One file that holds an image.

    Attributes:
        where: its path below the folder.
        patient: digest of the patient's ID and name, to tell two patients apart; never shown.
        text: description, protocol and sequence names in lower case; never shown as it is.
        frame_count: how many frames it claims.
        grouped_frames: how many frames its functional groups describe; None without any.
        file_bytes: size on disk.
    """

    where: str
    study_uid: str
    series_uid: str
    sop_instance_uid: str
    frame_of_reference_uid: str
    transfer_syntax: str
    modality: str
    patient: str = field(repr=False)
    text: str = field(repr=False)
    pixels: PixelFormat
    frame_count: int
    grouped_frames: int | None
    lossy: bool
    file_bytes: int

    @property
    def shapeless(self) -> bool:
        """Several frames, and nothing that says where each of them lies."""
        described = 1 if self.grouped_frames is None else self.grouped_frames
        return self.frame_count != described


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One slice: a classic file, or one frame of an enhanced one. None: not stated, or no number.

    Attributes:
        index: its number in the file, from 0.
        position_mm: LPS position of the first pixel's centre.
        orientation: LPS unit vectors along a row (i grows) and along a column (j grows).
        spacing_mm: distance between rows (j), between columns (i).
        thickness_mm: slice thickness; the distance between slices is taken from positions alone.
        slope: of the rescaling to be applied to stored values.
        intercept: of the same.
        image_type: the values of Image Type or Frame Type, upper case.
        sequence: SE, GR, EP, IR, RM, as Scanning Sequence has them; empty when not stated.
        fat_suppressed: whether a parameter (no description) says so.
        contrast: whether a contrast agent is named.
        temporal: index of the time point.
        acquisition: acquisition number.
        stack_id: of an enhanced file.
    """

    instance: Instance
    index: int
    position_mm: Triple | None
    orientation: Six | None
    spacing_mm: tuple[float, float] | None
    thickness_mm: float | None
    slope: float | None
    intercept: float | None
    image_type: tuple[str, ...]
    sequence: frozenset[str]
    echo_time_ms: float | None
    repetition_time_ms: float | None
    b_value: float | None
    fat_suppressed: bool
    contrast: bool
    temporal: int | None
    acquisition: int | None
    stack_id: str

    @property
    def where(self) -> str:
        """Its file below the folder, with the number of the frame (from 1) where there are more."""
        more = self.instance.frame_count > 1 or self.instance.grouped_frames is not None
        return f"{self.instance.where}:frame {self.index + 1}" if more else self.instance.where

    @property
    def rescaled(self) -> bool:
        """Whether slope and intercept would change the stored values."""
        return (self.slope, self.intercept) != (1.0, 0.0)
