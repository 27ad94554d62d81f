"""What the campaign asks of whatever runs containers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from evaluation.sandbox.container import ContainerSpec
from schema.execution import EngineHost

NO_GPU = "no GPU was given"
GPU_NOT_READ = "nvidia-smi on this host told of no GPU memory of the container's processes"


class Image(NamedTuple):
    """An image that the engine has."""

    digest: str
    volumes: tuple[str, ...]
    """Paths that it declares as volumes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a container ended, before anybody is blamed.

    Attributes:
        exit_code: of its command; None only when the engine failed.
        oom_killed: the kernel killed a process of it for memory, a child perhaps.
        timed_out: it was killed at the deadline.
        quota_exceeded: /output held too much, for which it was killed if it still ran.
        engine_error: what went wrong with the engine or the host, if anything.
        seconds: wall clock from its start to its end.
        peak_memory_mib: None when it ended before the engine gave a reading.
        gpu_memory_mib: None when it was not measured.
        gpu_memory_reason: why it was not.
        log: the end of what it wrote to standard output and error.
    """

    exit_code: int | None = None
    oom_killed: bool = False
    timed_out: bool = False
    quota_exceeded: bool = False
    engine_error: str | None = None
    seconds: float = 0.0
    peak_memory_mib: float | None = None
    gpu_memory_mib: float | None = None
    gpu_memory_reason: str | None = NO_GPU
    log: bytes = b""


class Runner(Protocol):
    """Runs one container at a time and leaves none behind."""

    def host(self) -> EngineHost:
        """The machine it runs on."""
        ...

    def gpus(self, wanted: int) -> int:
        """How many of the wanted GPUs a container can be given."""
        ...

    def image(self, reference: str) -> Image:
        """The image of that name or id, or out of the archive at that path.

        Raises:
            SandboxError: there is none, or it says nothing to run.
        """
        ...

    def run(self, spec: ContainerSpec) -> Outcome:
        """Run a container to its end or its limits; whatever happens, it is removed."""
        ...

    def clean(self, labels: Mapping[str, str]) -> int:
        """Remove every container with these labels; returns how many there were."""
        ...
