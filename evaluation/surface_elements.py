"""Area of the surface that passes between eight neighbouring voxel centres.

Eight centres form a cell. Which of them are inside a mask is its code: bit 4i + 2j + k is the
centre at (i, j, k), each 0 or 1. The classical marching-cubes triangulation cuts the cell's edges
halfway (Lorensen and Cline, SIGGRAPH 1987). A code with more than four centres inside has the
surface of its complement, so that a mask and its background have the same area.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tasks.compiled import compiled

CORNERS = np.array([(i, j, k) for i in (0, 1) for j in (0, 1) for k in (0, 1)])
EDGES = tuple((a, b) for a in range(8) for b in range(a + 1, 8) if (a ^ b) in (1, 2, 4))
"""The twelve edges by the bits of their ends; a triangle names three of them by letter, from a."""

TRIANGLES = """
    1:bca 2:eda 3:bcd-dce 4:fgb 5:fga-agc 6:aed-gbf 7:fgd-ged-gce 8:hfd 9:bca-hfd 10:hfe-efa
    11:bcf-chf-ceh 12:dhb-bhg 13:dha-hca-hgc 14:aeb-egb-ehg 15:hce-gch 16:cji 17:abi-ibj
    18:eda-jic 19:edi-dji-dbj 20:jic-fgb 21:jig-ifg-iaf 22:dae-jic-gbf 23:gji-gie-fge-dfe
    24:hfd-jic 25:jib-iab-hfd 26:hfe-fae-jic 27:ehf-jef-bjf-iej 28:dhb-hgb-icj
    29:hgd-gid-iad-igj 30:cji-gae-hge-bag 32:ike 33:ike-bca 34:ika-akd 35:ikc-kbc-kdb 36:ike-gbf
    37:fga-gca-kei 38:ika-kda-gbf 39:kdf-ckf-gcf-kci 40:hfd-ike 41:cab-hfd-kei 42:hfk-fik-fai
    43:khf-kfb-ikb-cib 44:gbh-bdh-ike 45:kei-dca-dhc-hgc 46:aik-gak-hgk-bag 48:cje-ejk
    49:abe-bke-bjk 50:cja-jda-jkd 51:bkd-jkb 52:kej-ecj-fgb 53:jke-fje-afe-gjf
    54:gbf-cda-cjd-jkd 56:cje-jke-fdh 57:fdh-ake-abk-bjk 58:fac-kfc-jkc-fkh 60:cke-jkc-bdh-gbh
    64:glj 65:cab-ljg 66:eda-ljg 67:edc-dbc-ljg 68:bfj-jfl 69:caj-alj-afl 70:ljf-jbf-eda
    71:fld-lcd-ced-ljc 72:fdh-jgl 73:hfd-cab-jgl 74:aef-ehf-jgl 75:jgl-bhf-bch-ceh
    76:ljh-jdh-jbd 77:ljh-hjd-jcd-cad 78:jba-hja-eha-jhl 80:icl-lcg 81:glb-lab-lia
    82:glc-lic-dae 83:lie-ble-dbe-lbg 84:bfc-fic-fli 85:fia-fli 86:aed-ibf-lif-cbi
    88:icl-cgl-dhf 89:hfd-gab-gla-lia 90:cgi-gli-efa-ehf 92:bdc-dlc-lic-dhl 96:kei-glj
    97:bca-kei-ljg 98:dak-aik-glj 99:ljg-ibc-ikb-kdb 100:bfj-flj-eik 101:ike-lca-fla-jcl
    102:flb-ljb-akd-aik 104:ike-fdh-glj 105:jgl-hfd-bca-kei 106:glj-hik-hfi-fai
    108:ike-ldh-ljd-jbd 112:kel-egl-ecg 113:glb-bla-lka-kea 114:cga-gka-kda-glk
    116:eck-cfk-flk-fcb 120:hfd-gke-cge-lkg 128:klh 129:bca-lhk 130:dae-lhk 131:bcd-ced-lhk
    132:gbf-klh 133:cag-afg-klh 134:eda-gbf-lhk 135:lhk-fed-fge-gce 136:kld-dlf 137:kld-lfd-cab
    138:kle-lae-lfa 139:cek-fck-lfk-cfb 140:gbl-bkl-bdk 141:gca-kga-dka-lgk 142:lgb-lba-kla-eka
    144:lhk-cji 145:abi-bji-hkl 146:aed-lhk-jic 147:klh-jed-bjd-iej 148:fgb-icj-klh
    149:lhk-fji-afi-gjf 150:eda-cji-gbf-lhk 152:fdl-dkl-cji 153:kfd-lfk-iab-jib
    154:jic-kae-kla-lfa 156:jic-kgb-dkb-lgk 160:eih-hil 161:lhi-hei-bca 162:dah-alh-ail
    163:dbc-ldc-ilc-hdl 164:eih-ilh-bfg 165:fca-gcf-hei-lhi 166:fgb-lda-ila-hdl 168:eid-ifd-ilf
    169:cab-efd-eif-ilf 170:ifa-lfi 172:ile-lbe-bde-blg 176:lhj-hcj-hec 177:bja-jha-hea-hjl
    178:jlh-jhd-cjd-acd 180:gbf-clh-ech-jlc 184:lfd-cld-ecd-jlc 192:hkg-gkj 193:hkg-kjg-abc
    194:jgk-ghk-aed 195:kjh-jgh-dce-dbc 196:hkf-kbf-kjb 197:afc-fkc-kjc-kfh 198:dae-bhk-jbk-fhb
    200:fdg-djg-dkj 201:bca-jfd-kjd-gfj 202:kje-jfe-fae-jgf 204:kbd-kjb 208:ick-chk-cgh
    209:iak-agk-ghk-abg 210:eda-hic-ghc-kih 212:hkf-fkb-kib-icb 216:dkf-kcf-cgf-cki
    224:jgi-gei-ghe 225:bca-jei-jge-ghe 226:ghd-igd-aid-gij 228:hef-ejf-jbf-eij
    232:jgi-ige-gfe-fde 240:che-cgh
"""
"""Code and triangles of every cell with one to four centres inside."""


def _parsed() -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Code of every triangle, shape (triangles,), and its three edges, shape (triangles, 3)."""
    entries = [entry.split(":") for entry in TRIANGLES.split()]
    rows = [(code, triangle) for code, each in entries for triangle in each.split("-")]
    edges = [[ord(letter) - ord("a") for letter in triangle] for _, triangle in rows]
    return np.array([int(code) for code, _ in rows]), np.array(edges)


_CODES, _EDGES_OF_TRIANGLES = _parsed()
_MIDDLES = (CORNERS[[a for a, _ in EDGES]] + CORNERS[[b for _, b in EDGES]]) / 2


def element_areas_mm2(spacing_mm: Sequence[float]) -> NDArray[np.float64]:
    """Area in mm² of the surface in a cell, by its code, shape (256,), read-only.

    Args:
        spacing_mm: distance between voxel centres along (i, j, k).
    """
    return _areas_mm2(tuple(spacing_mm))


@lru_cache(maxsize=1)
def _areas_mm2(spacing_mm: tuple[float, ...]) -> NDArray[np.float64]:
    """Kept for the other labels of the same grid."""
    points = (_MIDDLES * np.asarray(spacing_mm, dtype=np.float64))[_EDGES_OF_TRIANGLES]
    first, second, third = points.transpose(1, 0, 2)
    triangles = np.linalg.norm(np.cross(second - first, third - first), axis=1) / 2
    listed = np.bincount(_CODES, weights=triangles, minlength=256)
    # the complement's area for those not listed; codes with four centres inside keep their own
    areas: NDArray[np.float64] = np.where(listed > 0, listed, listed[::-1])
    areas.setflags(write=False)
    return areas


def cell_codes(inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Code of every cell of a mask, one more along each axis than the mask.

    Args:
        inside: shape (k, j, i); beyond its borders is background.

    Returns:
        Codes of shape (k + 1, j + 1, i + 1).
    """
    padded = np.zeros([size + 2 for size in inside.shape], dtype=np.uint8)
    padded[1:-1, 1:-1, 1:-1] = inside
    return _codes(padded)


@compiled
def _codes(padded: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Codes of the cells between neighbouring rows of a padded mask."""
    slices, rows, columns = padded.shape
    codes = np.empty((slices - 1, rows - 1, columns - 1), dtype=np.uint8)
    ends = np.empty(columns, dtype=np.uint8)
    for k in range(slices - 1):
        for j in range(rows - 1):
            for i in range(columns):
                ends[i] = (
                    padded[k, j, i]
                    | padded[k + 1, j, i] << 1
                    | padded[k, j + 1, i] << 2
                    | padded[k + 1, j + 1, i] << 3
                )
            for i in range(columns - 1):
                codes[k, j, i] = ends[i] | ends[i + 1] << 4
    return codes
