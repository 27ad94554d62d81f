"""How large everything is, by `--volumes`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from tests.bench.volumes import Size

TINY = (48, 40, 12)


class Step(NamedTuple):
    """One size of the growth table."""

    cases: int
    submissions: int = 1
    jobs: int = 1

    @property
    def name(self) -> str:
        return f"{self.cases} cases, {self.submissions} submissions, {self.jobs} processes"


class Volumes(NamedTuple):
    """How large everything is."""

    sizes: tuple[Size, ...]
    steps: tuple[Step, ...]
    phantoms: int
    """Patients that growth copies; 0 to take the ellipsoids."""
    figure_patients: int
    concordance_patients: tuple[int, ...]


CHOICES: Mapping[str, Volumes] = MappingProxyType(
    {
        "tiny": Volumes(
            sizes=(TINY,),
            steps=(Step(4), Step(4, jobs=2)),
            phantoms=0,
            figure_patients=24,
            concordance_patients=(24,),
        ),
        "full": Volumes(
            sizes=((320, 320, 32), (512, 512, 40)),
            steps=(
                *(Step(cases) for cases in (12, 48, 480)),
                Step(480, jobs=2),
                *(Step(48, submissions=submissions) for submissions in (3, 10)),
            ),
            phantoms=12,
            figure_patients=480,
            concordance_patients=(480, 5000),
        ),
    }
)
