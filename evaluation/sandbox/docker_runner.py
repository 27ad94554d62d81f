"""Runs containers on a Docker engine. The only module that imports the Docker SDK."""

from __future__ import annotations

import platform
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import docker
from docker.errors import APIError, DockerException, ImageNotFound
from docker.models.containers import Container
from docker.models.images import Image as EngineImage
from requests.exceptions import RequestException

from evaluation.sandbox.container import MIB, ContainerSpec, container_arguments
from evaluation.sandbox.graphics import card_name, memory_by_process_mib
from evaluation.sandbox.runner import GPU_NOT_READ, NO_GPU, Image, Outcome
from evaluation.sandbox.scratch import measure
from evaluation.sandbox.system_call_filter import filter_text
from schema.errors import SandboxError, Unrunnable
from schema.execution import EngineHost

POLL_SECONDS = 0.25
"""How often a container's state and output are looked at."""
READING_SECONDS = 0.5
KILL_SECONDS = 60
FLOOR_BYTES = 256 << 20
"""Free space on the disk of the outputs below which a container is stopped."""
CANNOT_START = (126, 127)
"""Exit codes of a command that is no program, or is not there."""
ENDED = ("exited", "dead")
ENGINE_ERRORS = (DockerException, RequestException)


@contextmanager
def connect() -> Iterator[DockerRunner]:
    """A runner on the engine that the environment names, until the block ends.

    Raises:
        SandboxError: none answers.
    """
    with closing(_answering()) as client:
        yield DockerRunner(client)


def _answering() -> docker.DockerClient:
    try:
        return docker.from_env()  # it asks the engine for its version
    except ENGINE_ERRORS as error:
        message = (
            f"no Docker engine answers ({error}): start it (systemctl start docker), join the "
            "group that may use it (docker), or set DOCKER_HOST"
        )
        raise SandboxError(message, kind=Unrunnable.NO_ENGINE) from error


class DockerRunner:
    """A `Runner` on a Docker engine."""

    def __init__(self, client: docker.DockerClient) -> None:
        self._client = client
        self._info: dict[str, Any] = client.info()

    def host(self) -> EngineHost:
        """The machine that the engine runs on."""
        return EngineHost(
            platform=platform.platform(),
            engine=f"Docker {self._info['ServerVersion']}",
            cpus=self._info["NCPU"],
            memory_mib=self._info["MemTotal"] // MIB,
            gpu=card_name(),
        )

    def gpus(self, wanted: int) -> int:
        """All those wanted when the engine has NVIDIA's runtime, else none."""
        return wanted if "nvidia" in self._info["Runtimes"] else 0

    def image(self, reference: str) -> Image:
        """The image of that name or id, or out of the archive at that path.

        Raises:
            SandboxError: there is none, or it says nothing to run.
        """
        archive = Path(reference)
        found = self._loaded(archive) if archive.is_file() else self._present(reference)
        config = found.attrs["Config"] or {}
        if not (config.get("Entrypoint") or config.get("Cmd")):
            message = f"{reference}: the image has neither ENTRYPOINT nor CMD: add one and rebuild"
            raise SandboxError(message, kind=Unrunnable.NO_IMAGE)
        return Image(digest=found.id, volumes=tuple(sorted(config.get("Volumes") or ())))

    def _present(self, reference: str) -> EngineImage:
        try:
            return self._client.images.get(reference)
        except (APIError, ImageNotFound) as error:
            message = (
                f"{reference}: the engine has no such image, and no file has that name: "
                "docker pull or docker build it first, or give the path of a docker save archive"
            )
            raise SandboxError(message, kind=Unrunnable.NO_IMAGE) from error

    def _loaded(self, archive: Path) -> EngineImage:
        """The one image of an archive. A name that it takes from another image is given back."""
        before = {tag: image.id for image in self._client.images.list() for tag in image.tags}
        try:
            with archive.open("rb") as file:
                images = self._client.images.load(file)
        except ENGINE_ERRORS as error:
            message = f"{archive}: no archive of docker save: {error}"
            raise SandboxError(message, kind=Unrunnable.NO_IMAGE) from error
        for tag in {tag for image in images for tag in image.tags} & before.keys():
            self._client.images.get(before[tag]).tag(tag)
        if len({image.id for image in images}) != 1:
            message = f"{archive}: {len(images)} images in one archive: save exactly one"
            raise SandboxError(message, kind=Unrunnable.NO_IMAGE)
        return images[0]

    def run(self, spec: ContainerSpec) -> Outcome:
        """Run a container to its end or its limits; whatever happens, it is removed."""
        try:
            with self._created(spec) as container:
                return self._watched(container, spec)
        except ENGINE_ERRORS as error:
            return Outcome(engine_error=str(error))

    @contextmanager
    def _created(self, spec: ContainerSpec) -> Iterator[Container]:
        cpus = self._info["NCPU"]
        arguments = container_arguments(spec, cpus=cpus, system_calls=filter_text())
        container = self._client.containers.create(**arguments)
        try:
            yield container
        finally:
            _remove(container)

    def _watched(self, container: Container, spec: ContainerSpec) -> Outcome:
        begun = time.monotonic()
        try:
            container.start()
        except APIError as error:
            return _not_started(container, error)
        with _memory_of(container) as memory, _cards_of(container, spec) as cards:
            killed_for = _wait(container, spec, deadline=begun + spec.seconds)
        state = container.attrs["State"]
        return Outcome(
            exit_code=state["ExitCode"],
            oom_killed=state["OOMKilled"],
            timed_out=killed_for == "deadline",
            quota_exceeded=killed_for == "quota" or _over_quota(spec),
            engine_error=_DISK_FULL if killed_for == "disk" else None,
            seconds=time.monotonic() - begun,
            # a container that was short of memory had all that there was
            peak_memory_mib=spec.limits.memory_mib if state["OOMKilled"] else memory.peak,
            gpu_memory_mib=cards.peak,
            gpu_memory_reason=_unread(spec) if cards.peak is None else None,
            log=container.logs(stdout=True, stderr=True),
        )

    def clean(self, labels: Mapping[str, str]) -> int:
        """Remove every container with these labels; returns how many there were."""
        wanted = [f"{name}={value}" for name, value in labels.items()]
        found = self._client.containers.list(
            all=True, filters={"label": wanted}, ignore_removed=True
        )
        for container in found:
            _remove(container)
        return len(found)


_DISK_FULL = "the disk of the output folder is nearly full"


def _remove(container: Container) -> None:
    """Kill and remove; an engine that is gone leaves it to the next start's `clean`."""
    with suppress(*ENGINE_ERRORS):
        container.remove(force=True, v=True)


def _not_started(container: Container, error: APIError) -> Outcome:
    """A command that is no program is the image's fault, anything else the engine's."""
    container.reload()
    code = container.attrs["State"]["ExitCode"]
    if code in CANNOT_START:
        return Outcome(exit_code=code, log=str(error.explanation).encode())
    return Outcome(engine_error=str(error))


def _wait(container: Container, spec: ContainerSpec, *, deadline: float) -> str | None:
    """Wait for the end, and bring it about when a limit is passed; says which."""
    while True:
        container.reload()
        if container.status in ENDED:
            return None
        if passed := _passed(spec, deadline=deadline):
            _kill(container)
            return passed
        time.sleep(POLL_SECONDS)


def _passed(spec: ContainerSpec, *, deadline: float) -> str | None:
    if _over_quota(spec):
        return "quota"
    if shutil.disk_usage(spec.output).free < FLOOR_BYTES:
        return "disk"
    return "deadline" if time.monotonic() >= deadline else None


def _over_quota(spec: ContainerSpec) -> bool:
    quota = spec.quota
    used = measure(spec.output, entries=quota.entries)
    return used.bytes > quota.total_bytes or used.entries > quota.entries


def _kill(container: Container) -> None:
    """SIGKILL at once: a model that ignores SIGTERM gains nothing."""
    with suppress(APIError):  # it ended by itself a moment ago
        container.kill(signal="SIGKILL")
    container.wait(timeout=KILL_SECONDS)
    container.reload()


class Highest:
    """Reads a figure on a thread of its own, again and again: some engines take a second."""

    def __init__(self, read: Callable[[], float | None]) -> None:
        self._read_once = read
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._peak = 0.0

    @property
    def peak(self) -> float | None:
        """The most that was ever read, None when nothing was."""
        return round(self._peak, 1) or None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()  # nobody waits for an answer that is still under way

    def _read(self) -> None:
        while not self._ended.is_set():
            try:
                reading = self._read_once()
            except Exception:  # noqa: BLE001 - a reading that fails is none, whatever the reason
                return
            self._peak = max(self._peak, reading or 0.0)
            self._ended.wait(READING_SECONDS)


def _memory_of(container: Container) -> Highest:
    return Highest(lambda: memory_bytes(container.stats(stream=False, one_shot=True)) / MIB)


def _cards_of(container: Container, spec: ContainerSpec) -> Highest:
    return Highest(lambda: cards_memory_mib(container) if spec.gpus else None)


def _unread(spec: ContainerSpec) -> str:
    return GPU_NOT_READ if spec.gpus else NO_GPU


def cards_memory_mib(container: Container) -> float | None:
    """Memory of the host's graphics cards that a running container's processes hold.

    None where NVIDIA's tool does not tell.
    """
    held = memory_by_process_mib()
    if not held:
        return None
    processes = container.top(ps_args="-eo pid")["Processes"]
    return sum(held.get(int(process[0]), 0.0) for process in processes)


def memory_bytes(reading: Mapping[str, Any]) -> int:
    """The most memory that a reading of the engine tells of, page cache that can go left out.

    Engines on cgroup v1 keep the highest mark themselves (`max_usage`, cache included), those on
    v2 tell the use of the moment.
    """
    memory = reading.get("memory_stats") or {}
    details = memory.get("stats") or {}
    cache = details.get("total_inactive_file", details.get("inactive_file", 0))
    return int(max(memory.get("max_usage", 0), memory.get("usage", 0) - cache))
