"""What each tissue looks like on T2-weighted turbo spin echo."""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple


class Tissue(Enum):
    """A kind of signal."""

    AIR = auto()
    SKIN = auto()
    SUBCUTANEOUS = auto()
    FAT = auto()
    FASCIA = auto()
    MUSCLE = auto()
    CORTEX = auto()
    MARROW = auto()
    CARTILAGE = auto()
    NERVE = auto()
    URINE = auto()
    BLADDER_WALL = auto()
    RECTAL_MUSCLE = auto()
    MUCOSA = auto()
    STOOL = auto()
    TUMOUR = auto()
    BOWEL_WALL = auto()
    BOWEL_CONTENT = auto()
    PROSTATE = auto()
    GLAND = auto()
    FLUID = auto()
    MYOMETRIUM = auto()
    ARTERY = auto()
    VEIN = auto()
    LYMPHOID = auto()


class Look(NamedTuple):
    """Signal of a tissue before coil and noise.

    Attributes:
        signal: mean, arbitrary units.
        grain: relative variation from lattice point to lattice point.
        web: relative change within thin septa; fat has dark ones, muscle fatty ones.
    """

    signal: float
    grain: float
    web: float = 0.0


LOOKS = {
    Tissue.AIR: Look(8, 0.0),
    Tissue.SKIN: Look(360, 0.05),
    Tissue.SUBCUTANEOUS: Look(920, 0.05, -0.20),
    Tissue.FAT: Look(820, 0.06, -0.13),
    Tissue.FASCIA: Look(330, 0.05),
    Tissue.MUSCLE: Look(200, 0.12, 0.5),
    Tissue.CORTEX: Look(70, 0.1),
    Tissue.MARROW: Look(500, 0.1),
    Tissue.CARTILAGE: Look(430, 0.05),
    Tissue.NERVE: Look(400, 0.15),
    Tissue.URINE: Look(1330, 0.02),
    Tissue.BLADDER_WALL: Look(250, 0.06),
    Tissue.RECTAL_MUSCLE: Look(260, 0.08),
    Tissue.MUCOSA: Look(600, 0.1),
    Tissue.STOOL: Look(380, 0.25),
    Tissue.TUMOUR: Look(440, 0.13),
    Tissue.BOWEL_WALL: Look(330, 0.08),
    Tissue.BOWEL_CONTENT: Look(700, 0.2),
    Tissue.PROSTATE: Look(400, 0.2),
    Tissue.GLAND: Look(820, 0.12),
    Tissue.FLUID: Look(1050, 0.1),
    Tissue.MYOMETRIUM: Look(460, 0.12),
    Tissue.ARTERY: Look(55, 0.1),
    Tissue.VEIN: Look(300, 0.15),
    Tissue.LYMPHOID: Look(480, 0.06),
}
