"""What a de-identified file keeps: attributes that place and describe the image, by what they hold.

Anything that is neither here nor in the action table is removed: a list of what may stay cannot
forget a vendor's field, a list of what must go can. Text is never kept as it stands. A term stays
when it is one that the standard or a vendor defines, a description as the words that a rule knows.
"""

from __future__ import annotations

import re

from tasks.dicom.words import WORDS, words_in

NUMBERS = frozenset(
    [
        "AcquisitionNumber",
        "BitsAllocated",
        "BitsStored",
        "Columns",
        "DiffusionBValue",
        "DimensionIndexValues",
        "EchoNumbers",
        "EchoTime",
        "EchoTrainLength",
        "EffectiveEchoTime",
        "FlipAngle",
        "FrameAcquisitionNumber",
        "HighBit",
        "ImageOrientationPatient",
        "ImagePositionPatient",
        "ImagingFrequency",
        "InStackPositionNumber",
        "InstanceNumber",
        "InversionTime",
        "MagneticFieldStrength",
        "MaximumFractionalValue",
        "NumberOfAverages",
        "NumberOfFrames",
        "NumberOfPhaseEncodingSteps",
        "PercentPhaseFieldOfView",
        "PercentSampling",
        "PixelBandwidth",
        "PixelRepresentation",
        "PixelSpacing",
        "RecommendedDisplayCIELabValue",
        "ReferencedFrameNumber",
        "ReferencedSegmentNumber",
        "RepetitionTime",
        "RescaleIntercept",
        "RescaleSlope",
        "Rows",
        "SamplesPerPixel",
        "SegmentNumber",
        "SeriesNumber",
        "SliceLocation",
        "SliceThickness",
        "SpacingBetweenSlices",
        "TemporalPositionIdentifier",
        "TemporalPositionIndex",
        "WindowCenter",
        "WindowWidth",
    ]
)
"""Kept when every value is a number."""

_YES_NO = frozenset(("YES", "NO"))
_IMAGE_TYPE = frozenset(
    [
        "ORIGINAL",
        "DERIVED",
        "PRIMARY",
        "SECONDARY",
        "M",
        "P",
        "R",
        "I",
        "ND",
        "NORM",
        "DIS2D",
        "DIS3D",
        "FM",
        "FIL",
        "MFSPLIT",
        "OTHER",
        "T2",
        "T1",
        "NONE",
        "MIXED",
        "M_SE",
        "M_FFE",
        "M_IR",
        "SE",
        "FFE",
        "IR",
        "ADC",
        "DIFFUSION",
        "TRACEW",
        "MPR",
        "PROJECTION",
        "LOCALIZER",
        "MAGNITUDE",
        "VOLUME",
    ]
)
TERMS: dict[str, frozenset[str]] = {
    "BurnedInAnnotation": frozenset(("NO",)),
    "DimensionOrganizationType": frozenset(("3D", "3D_TEMPORAL", "TILED_FULL", "TILED_SPARSE")),
    "EchoPlanarPulseSequence": _YES_NO,
    "EchoPulseSequence": frozenset(("SPIN", "GRADIENT", "BOTH")),
    "FrameType": _IMAGE_TYPE,
    "ImageType": _IMAGE_TYPE,
    "InversionRecovery": _YES_NO,
    "LossyImageCompression": frozenset(("00", "01")),
    "MRAcquisitionType": frozenset(("2D", "3D")),
    "Modality": frozenset(("MR", "SEG")),
    "PatientPosition": frozenset(("HFS", "HFP", "FFS", "FFP", "HFDR", "HFDL", "FFDR", "FFDL")),
    "PhotometricInterpretation": frozenset(("MONOCHROME1", "MONOCHROME2")),
    "RescaleType": frozenset(("US",)),
    "ScanOptions": frozenset(
        ["PER", "RG", "CG", "PPG", "FC", "PFF", "PFP", "SP", "FS", "SAT1", "SAT2"]
    ),
    "ScanningSequence": frozenset(("SE", "IR", "GR", "EP", "RM")),
    "SegmentAlgorithmType": frozenset(("AUTOMATIC", "SEMIAUTOMATIC", "MANUAL")),
    "SegmentationFractionalType": frozenset(("PROBABILITY", "OCCUPANCY")),
    "SegmentationType": frozenset(("BINARY", "FRACTIONAL", "LABELMAP")),
    "SegmentsOverlap": frozenset(("YES", "NO", "UNDEFINED")),
    "SequenceVariant": frozenset(["SK", "MTC", "SS", "TRSS", "SP", "MP", "OSP", "NONE"]),
    "SpatialLocationsPreserved": frozenset(("YES", "NO", "REORIENTED_ONLY")),
    "SpectrallySelectedSuppression": frozenset(("FAT", "WATER", "FAT_AND_WATER", "NONE")),
}
"""Kept are those of the values that are among these."""

SEQUENCES = frozenset(
    [
        "DerivationImageSequence",
        "DimensionIndexSequence",
        "DimensionOrganizationSequence",
        "FrameContentSequence",
        "MREchoSequence",
        "MRImageFrameTypeSequence",
        "MRModifierSequence",
        "MRTimingAndRelatedParametersSequence",
        "MRDiffusionSequence",
        "PerFrameFunctionalGroupsSequence",
        "PixelMeasuresSequence",
        "PixelValueTransformationSequence",
        "PlaneOrientationSequence",
        "PlanePositionSequence",
        "ReferencedInstanceSequence",
        "ReferencedSeriesSequence",
        "ReferencedImageSequence",
        "SegmentIdentificationSequence",
        "SegmentSequence",
        "SharedFunctionalGroupsSequence",
        "SourceImageSequence",
        "FrameVOILUTSequence",
    ]
)
"""Kept with the same rules inside. Two of them the table replaces by what their UIDs become."""
CODES = frozenset(
    [
        "AnatomicRegionSequence",
        "DerivationCodeSequence",
        "PurposeOfReferenceCodeSequence",
        "SegmentedPropertyCategoryCodeSequence",
        "SegmentedPropertyTypeCodeSequence",
        "SegmentedPropertyTypeModifierCodeSequence",
    ]
)
"""Kept are codes of a public dictionary, with the dictionary's meaning."""
UIDS = frozenset(["SOPClassUID", "ReferencedSOPClassUID"])
"""Kept when the standard registers them."""
POINTERS = frozenset(("DimensionIndexPointer", "FunctionalGroupPointer"))
"""Kept when they point to an attribute of the standard."""
FIXED = {
    "ContentLabel": "SEGMENTATION",
    "SegmentAlgorithmName": "REMOVED",
    "PositionReferenceIndicator": "",
}
"""Required text, replaced by one word."""
DESCRIPTIONS = frozenset(("ProtocolName", "SeriesDescription"))
"""Kept as known words: the Clean Descriptors Option."""
VENDORS = ("SIEMENS", "GE", "PHILIPS", "CANON", "TOSHIBA", "UIH", "HITACHI", "FUJIFILM")

DATES = frozenset(("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"))
"""Kept or shifted by the options for dates."""
TIMES = frozenset(("StudyTime", "SeriesTime", "AcquisitionTime", "ContentTime"))
"""Kept by the option for full dates."""
DATE = re.compile(r"(?:18|19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
TIME = re.compile(r"(?:[01]\d|2[0-3])(?:[0-5]\d(?:[0-5]\d(?:\.\d{1,6})?)?)?")
DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")

SPELT = {
    "b-value": "bval",
    "Quick 3D": "quick3d",
    "angiography": "angio",
    "contrast agent": "contrast",
    "T2*": "t2star",
}
"""Words that are not understood as they are shown."""


def known_words(description: str) -> str:
    """The words of a description that a rule knows, in one spelling each, and nothing else."""
    return " ".join(SPELT.get(word.shown, word.shown) for word in words_in(description))


def vendor_of(manufacturer: str) -> str:
    """The vendor's short name; empty for one that is not known."""
    words = re.split(r"[^A-Z]+", manufacturer.upper())
    return next((name for name in VENDORS if name in words), "")


def spellings() -> dict[str, str]:
    """How each word is written in a cleaned description."""
    return {word.shown: SPELT.get(word.shown, word.shown) for word in WORDS}
