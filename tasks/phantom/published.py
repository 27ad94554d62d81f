"""The published validation cohort in numbers: Table 1 by node status, hazard ratios of Table 2.

Source: Qiao G, Feng L, Li Z, et al. Deep learning based on MRI for assessing the prognostic value
of lateral lymph nodes in rectal cancer. Front Oncol 2025, doi 10.3389/fonc.2025.1681939.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Table1Column:
    """One column of Table 1: how many of `patients` have each finding.

    Attributes:
        patients: patients with this node status.
        age_mean_years: mean age.
        age_sd_years: sample standard deviation of age.
        female: women.
        cea_known: patients whose carcinoembryonic antigen was measured.
        cea_abnormal: of these, patients above 5 ng/mL.
        location_low: low tumours.
        location_middle: middle tumours.
        location_high: high tumours. Table 1 prints middle and high as one; its p-value and the
            intervals of Table 2 fit three levels, and this split of them only.
        mrT4: T4, against T1 to T3.
        mrN2: N2, against N0 and N1.
        mrTD: tumour deposits.
        mrCRM: circumferential resection margin involved.
        mrEMVI: extramural vascular invasion.
    """

    patients: int
    age_mean_years: float
    age_sd_years: float
    female: int
    cea_known: int
    cea_abnormal: int
    location_low: int
    location_middle: int
    location_high: int
    mrT4: int  # noqa: N815
    mrN2: int  # noqa: N815
    mrTD: int  # noqa: N815
    mrCRM: int  # noqa: N815
    mrEMVI: int  # noqa: N815


NEGATIVE = Table1Column(
    patients=390,
    age_mean_years=55.3,
    age_sd_years=11.2,
    female=117,
    cea_known=388,
    cea_abnormal=162,
    location_low=191,
    location_middle=183,
    location_high=16,
    mrT4=59,
    mrN2=122,
    mrTD=71,
    mrCRM=115,
    mrEMVI=102,
)
"""Patients whom the published model called negative."""

POSITIVE = Table1Column(
    patients=90,
    age_mean_years=52.6,
    age_sd_years=12.7,
    female=28,
    cea_known=90,
    cea_abnormal=43,
    location_low=55,
    location_middle=30,
    location_high=5,
    mrT4=19,
    mrN2=46,
    mrTD=30,  # printed beside 70 (66.7 %) without deposits; 66.7 % of 90 is 60
    mrCRM=41,
    mrEMVI=38,
)
"""Patients whom the published model called positive."""

DFS_HAZARD_RATIOS: Mapping[str, float] = MappingProxyType(
    {"sex": 0.56, "cea": 1.44, "mrTD": 3.88, "mrCRM": 1.23, "mrEMVI": 1.00}
)
"""Table 2, multivariable, disease-free survival: women against men, abnormal against normal, ..."""

OS_HAZARD_RATIOS: Mapping[str, float] = MappingProxyType(
    {"cea": 1.58, "mrTD": 4.06, "mrCRM": 2.30, "mrEMVI": 0.86}
)
"""Table 2, multivariable, overall survival. Sex is not in that model."""
