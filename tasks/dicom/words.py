"""Words that tell what a series is, in the names that vendors and hospitals give it.

Free text may hold a patient's name, so it is never shown: a reason names the word of this list that
was found. A word is matched whole, between anything that is no letter and no digit, without regard
to case: `t2_tse_tra`, `AX T2 FRFSE` and `sT2W/TSE` all hold T2.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import cache
from typing import NamedTuple


class Meaning(StrEnum):
    """What a word says about a series."""

    T2 = "T2-weighted"
    DIFFUSION = "diffusion"
    OTHER_WEIGHTING = "another weighting"
    SINGLE_SHOT = "single-shot"
    FAT_SUPPRESSED = "fat-suppressed"
    CONTRAST = "after contrast agent, or dynamic"
    LOCALIZER = "a localiser or a calibration"
    COMPUTED = "computed from other images"


class Word(NamedTuple):
    """One word or a family of spellings.

    Attributes:
        shown: how it is called in a reason.
        pattern: a regular expression for the whole word, lower case.
        meaning: what it says.
        vendor: whose word it is; `any` when everybody's.
    """

    shown: str
    pattern: str
    meaning: Meaning
    vendor: str = "any"


WORDS: tuple[Word, ...] = (
    Word(
        "T2",
        r"(?:ax|tra|oax|s|e)?t2w?(?:i|tse|fse|frfse|blade|space|cube|propeller|hr)?",
        Meaning.T2,
    ),
    Word("DWI", r"[der]?dwi?(?:bs)?\d*", Meaning.DIFFUSION),
    Word("diffusion", r"diff(?:usion)?\d*", Meaning.DIFFUSION),
    Word("DTI", r"dti|ivim", Meaning.DIFFUSION),
    Word("ADC", r"e?adc|dadc", Meaning.DIFFUSION),
    Word("trace", r"tracew?", Meaning.DIFFUSION),
    Word("b-value", r"b=?\d{2,4}[a-z]?|bval(?:ue)?s?", Meaning.DIFFUSION),
    Word("EPI", r"(?:ss|rs|ms)?epi|ep(?:se|fid)?2d\w*|ep", Meaning.DIFFUSION),
    Word("RESOLVE", r"resolve|zoomit", Meaning.DIFFUSION, "Siemens"),
    Word("T1", r"(?:ax|tra|oax|s|e)?t1w?(?:i|tse|fse)?", Meaning.OTHER_WEIGHTING),
    Word("PD", r"pdw?", Meaning.OTHER_WEIGHTING),
    Word("T2*", r"t2w?star|medic|me[23]d\w*|merge|swi|swan|venc", Meaning.OTHER_WEIGHTING),
    Word("FLAIR", r"flair", Meaning.OTHER_WEIGHTING),
    Word(
        "VIBE",
        r"vibe|starvibe|twist|flash\w*|fl[23]d\w*|tfl\w*|mprage",
        Meaning.OTHER_WEIGHTING,
        "Siemens",
    ),
    Word("LAVA", r"lava|f?spgr|bravo|disco|vibrant", Meaning.OTHER_WEIGHTING, "GE"),
    Word("THRIVE", r"e?thrive|t?ffe|tfe", Meaning.OTHER_WEIGHTING, "Philips"),
    Word("Quick 3D", r"quick3ds?|tigre", Meaning.OTHER_WEIGHTING, "Canon, Fujifilm"),
    Word(
        "balanced", r"trufi\w*|tfi\w*|fiesta|b?tfe|bffe|balanced|true?ssfp", Meaning.OTHER_WEIGHTING
    ),
    Word("angiography", r"tof|mra|angio|mrv", Meaning.OTHER_WEIGHTING),
    Word("HASTE", r"haste\w*|h[23]d\w*", Meaning.SINGLE_SHOT, "Siemens"),
    Word("SSFSE", r"ssfse\w*|mrcp\w*", Meaning.SINGLE_SHOT, "GE"),
    Word("SSTSE", r"ssh?|ssh?tse|single ?shot", Meaning.SINGLE_SHOT, "Philips"),
    Word("FASE", r"fase\w*", Meaning.SINGLE_SHOT, "Canon"),
    Word("FS", r"(?:t[12]w?)?(?:fs|f ?sat|fat ?sat\w*|fat ?sup\w*)", Meaning.FAT_SUPPRESSED),
    Word("SPAIR", r"(?:t[12]w?)?(?:spair|spir)|proset", Meaning.FAT_SUPPRESSED),
    Word("STIR", r"(?:t2w?)?stir|tirm|tseir\w*", Meaning.FAT_SUPPRESSED),
    Word("Dixon", r"[mq]?dixon|ideal|flex|water|fat", Meaning.FAT_SUPPRESSED),
    Word(
        "contrast agent",
        r"gd|gad\w*|ce|dce|[a-z0-9]*\+ ?c|contrast|km|post ?(?:gd|gad|contrast|con)",
        Meaning.CONTRAST,
    ),
    Word("dynamic", r"dyn\w*|perf\w*|wash ?(?:in|out)", Meaning.CONTRAST),
    Word(
        "localiser",
        r"loc|locs|locali[sz]ers?|\w*scout\w*|survey|topogram|pilot|3 ?pl(?:ane)?",
        Meaning.LOCALIZER,
    ),
    Word("calibration", r"cal|calib\w*|asset|ref ?scan|coil ?survey|shim", Meaning.LOCALIZER),
    Word("reformat", r"(?:3d)?mpr|m?mip|minip|reformat\w*", Meaning.COMPUTED),
    Word(
        "subtraction",
        r"sub|subtract\w*|synth\w*|fus(?:ed|ion)|calc\w*|color|colour",
        Meaning.COMPUTED,
    ),
)
"""In the order in which they are looked for."""

ABSENT = re.compile(
    r"\b(?:no|non|not|without|w/o)[\s_-]*(?:fat[\s_-]?sat|fs|gd|contrast)\b|\bnofs\b"
)
"""`T2 without FS` holds no FS."""


def words_in(text: str) -> tuple[Word, ...]:
    """The words found in a free text, in the order of the list."""
    plain = ABSENT.sub(" ", text.lower().replace("_", " ").replace("t2*", "t2star"))
    return tuple(word for word in WORDS if _compiled(word.pattern).search(plain))


def first_word(text: str, meaning: Meaning) -> Word | None:
    """The first word of a meaning, or None."""
    return next((word for word in words_in(text) if word.meaning is meaning), None)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z0-9])(?:{pattern})(?![a-z0-9])")
