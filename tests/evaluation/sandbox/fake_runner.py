"""A runner without an engine: it answers, or does what a test wants of a case."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from evaluation.sandbox.container import ContainerSpec
from evaluation.sandbox.runner import Image, Outcome
from schema.execution import EngineHost
from tasks.layout import IMAGES, NODE_COLUMNS, NODE_TABLE, POSITIVITY_COLUMNS, mask_name

DIGEST = "sha256:" + "ab" * 32
HEADER = ",".join(POSITIVITY_COLUMNS)
WELL = Outcome(exit_code=0, seconds=1.5, peak_memory_mib=100.0)

Behaviour = Callable[[ContainerSpec, str], Outcome]


def cases_of(spec: ContainerSpec) -> list[str]:
    return sorted(path.name.removesuffix(".nii.gz") for path in (spec.inputs / IMAGES).iterdir())


def answer_masks(spec: ContainerSpec, case_id: str, *, content: bytes = b"mask") -> None:
    for task in ("compartments", "nodes"):
        (spec.output / task / mask_name(case_id)).write_bytes(content + case_id.encode())


def add_row(output: Path, case_id: str) -> None:
    table = output / "positivity.csv"
    before = table.read_text() if table.exists() else f"{HEADER}\n"
    table.write_text(f"{before}{case_id},0.25,0,,,\n")


def add_node(output: Path, case_id: str, *, nodes: int = 1) -> None:
    """Lines of the node table, which an answer need not have; none, and the header stands alone."""
    table = output / NODE_TABLE
    before = table.read_text() if table.exists() else ",".join(NODE_COLUMNS) + "\n"
    table.write_text(before + f"{case_id},1.5,-2.5,30,0.75\n" * nodes)


def answer(spec: ContainerSpec, case_id: str) -> Outcome:
    answer_masks(spec, case_id)
    add_row(spec.output, case_id)
    return WELL


def with_nodes(nodes: int) -> Behaviour:
    """Answers, the node table too, with so many lines."""

    def behave(spec: ContainerSpec, case_id: str) -> Outcome:
        add_node(spec.output, case_id, nodes=nodes)
        return answer(spec, case_id)

    return behave


def ends(outcome: Outcome) -> Behaviour:
    """Answers nothing and ends like this."""
    return lambda _spec, _case_id: outcome


FAILS = ends(Outcome(exit_code=3, seconds=0.5, log=b"ValueError: no\n"))
ENGINE_FAILS = ends(Outcome(engine_error="the engine went away"))


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """The first time the first one, and so on."""
    left = iter(behaviours)

    def behave(spec: ContainerSpec, case_id: str) -> Outcome:
        return next(left)(spec, case_id)

    return behave


class FakeRunner:
    """Behaves as told by case, else answers; remembers what it ran.

    With several cases in a container the last outcome that is not `WELL` is the container's.
    """

    def __init__(self, behaviours: Mapping[str, Behaviour] | None = None) -> None:
        self.behaviours = dict(behaviours or {})
        self.ran: list[tuple[str, ...]] = []
        self.specs: list[ContainerSpec] = []
        self.cleaned: list[Mapping[str, str]] = []
        self.digest = DIGEST

    def host(self) -> EngineHost:
        return EngineHost(platform="Linux", engine="Fake 1", cpus=8, memory_mib=32768)

    def gpus(self, wanted: int) -> int:
        return 0 * wanted

    def image(self, reference: str) -> Image:
        assert reference == "team/model"
        return Image(self.digest, ())

    def run(self, spec: ContainerSpec) -> Outcome:
        cases = cases_of(spec)
        self.ran.append(tuple(cases))
        self.specs.append(spec)
        outcomes = [self.behaviours.get(case_id, answer)(spec, case_id) for case_id in cases]
        return next((each for each in reversed(outcomes) if each != WELL), WELL)

    def clean(self, labels: Mapping[str, str]) -> int:
        self.cleaned.append(labels)
        return 0
