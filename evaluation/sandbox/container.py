"""From a container's specification to the engine's arguments. Pure.

Every hardening flag is here and nowhere else; `docs/sandbox.md` says why each is set.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from schema.execution import Mode
from schema.task import Limits
from schema.terms import TaskId

CONTRACT_VERSION = "1.2.0"
"""Of what a container meets: paths, variables, flags. A change of it is another run."""

INPUT, OUTPUT, WEIGHTS, SCRATCH = "/input", "/output", "/model", "/tmp"  # noqa: S108

NOBODY = 65532
"""User and group of the container when the organiser is root: no account has it."""
LOG_FILES, LOG_FILE_BYTES = 2, 1 << 20
ENTRIES_AT_LEAST, ENTRIES_PER_CASE = 64, 8
"""Room for temporary names beside the three answers of a case."""
MIB = 1 << 20
NANO = 1_000_000_000


class User(NamedTuple):
    """Whom the container runs as."""

    uid: int
    gid: int


class Quota(NamedTuple):
    """What /output may hold at any moment."""

    total_bytes: int
    entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSpec:
    """One container.

    Attributes:
        image: digest of the image; its own entrypoint and command are run.
        volumes: paths that the image declares as volumes.
        inputs: folder that holds `t2w` with the images of its cases and nothing else.
        output: empty folder that it may write to.
        weights: folder of weights, or None.
        cases: how many cases it is given.
        tasks: those that it is to answer.
        mode: whether it is one of many containers or has all cases.
        limits: of the tasks.
        gpus: how many it gets; 0 where the engine has none.
        user: whom it runs as.
        labels: by which it is found and removed.
    """

    image: str
    volumes: tuple[str, ...] = ()
    inputs: Path
    output: Path
    weights: Path | None = None
    cases: int
    tasks: tuple[TaskId, ...]
    mode: Mode
    limits: Limits
    gpus: int = 0
    user: User
    labels: Mapping[str, str]

    @property
    def seconds(self) -> int:
        """Wall clock until it is killed."""
        return self.limits.seconds_per_case * self.cases

    @property
    def quota(self) -> Quota:
        """Of all its cases together."""
        return Quota(
            total_bytes=self.limits.output_mib * self.cases * MIB,
            entries=ENTRIES_AT_LEAST + ENTRIES_PER_CASE * self.cases,
        )

    @property
    def scratch_mib(self) -> int:
        """Size of /tmp, and of the largest file anywhere.

        RLIMIT_FSIZE holds for shared memory too, so that a limit as low as the output quota would
        kill a model that hands arrays from one process to another. The quota itself is watched.
        """
        return max(self.limits.output_mib, self.limits.shared_memory_mib)


def container_user() -> User:
    """A user that is not root and whose files the organiser can read and remove."""
    if os.geteuid() == 0:
        return User(NOBODY, NOBODY)
    return User(os.geteuid(), os.getegid())


def container_arguments(spec: ContainerSpec, *, cpus: int, system_calls: str) -> dict[str, Any]:
    """Keyword arguments of `containers.create`.

    Args:
        spec: the container.
        cpus: processors of the engine's host.
        system_calls: the filter of system calls, as text.
    """
    return {
        "image": spec.image,
        "labels": dict(spec.labels),
        "environment": environment(spec, cpus=cpus),
        "mounts": _mounts(spec),
        "tmpfs": _memory_folders(spec),
        **_isolation(spec, system_calls=system_calls),
        **_resources(spec, cpus=cpus),
        "log_config": {
            "type": "json-file",
            "config": {"max-size": str(LOG_FILE_BYTES), "max-file": str(LOG_FILES)},
        },
        "device_requests": _devices(spec),
    }


def environment(spec: ContainerSpec, *, cpus: int) -> dict[str, str]:
    """Every variable that a container is given: its limits, and a home that it can write to."""
    limits = {f"LLN_{name.upper()}": str(value) for name, value in spec.limits}
    return limits | {
        "HOME": SCRATCH,
        "LLN_CONTRACT": CONTRACT_VERSION,
        "LLN_MODE": spec.mode.value,
        "LLN_TASKS": ",".join(spec.tasks),
        "LLN_CASES": str(spec.cases),
        "LLN_SECONDS": str(spec.seconds),
        "LLN_CPUS": str(_processors(spec, cpus=cpus)),
        "LLN_GPUS": str(spec.gpus),
    }


def _processors(spec: ContainerSpec, *, cpus: int) -> int:
    # the engine refuses more processors than the host has
    return min(spec.limits.cpus, cpus)


def _mounts(spec: ContainerSpec) -> list[dict[str, Any]]:
    # dictionaries, not "source:target" texts: a path may hold a colon, and none is made up
    mounts = [
        _bind(spec.inputs, target=INPUT, read_only=True),
        _bind(spec.output, target=OUTPUT, read_only=False),
    ]
    if spec.weights is not None:
        mounts.append(_bind(spec.weights, target=WEIGHTS, read_only=True))
    return mounts


def _bind(source: Path, *, target: str, read_only: bool) -> dict[str, Any]:
    return {"Type": "bind", "Source": str(source), "Target": target, "ReadOnly": read_only}


def _memory_folders(spec: ContainerSpec) -> dict[str, str]:
    """Scratch space, and every volume of the image: on the host's disk it would have no quota."""
    options = f"rw,nosuid,nodev,mode=1777,size={spec.scratch_mib}m"
    taken = {mount["Target"] for mount in _mounts(spec)}
    return {path: options for path in (SCRATCH, *spec.volumes) if path not in taken}


def _isolation(spec: ContainerSpec, *, system_calls: str) -> dict[str, Any]:
    return {
        "user": f"{spec.user.uid}:{spec.user.gid}",
        "network_mode": "none",
        "ipc_mode": "private",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges", f"seccomp={system_calls}"],
        "init": True,
        # what an image asks to be run beside its command, and a proxy's password from the host
        "healthcheck": {"test": ["NONE"]},
        "use_config_proxy": False,
    }


def _resources(spec: ContainerSpec, *, cpus: int) -> dict[str, Any]:
    memory = spec.limits.memory_mib * MIB
    return {
        "mem_limit": memory,
        "memswap_limit": memory,
        "nano_cpus": _processors(spec, cpus=cpus) * NANO,
        "pids_limit": spec.limits.processes,
        "shm_size": spec.limits.shared_memory_mib * MIB,
        "ulimits": [
            _ulimit("fsize", spec.scratch_mib * MIB),
            _ulimit("core", 0),
        ],
    }


def _ulimit(name: str, value: int) -> dict[str, Any]:
    return {"Name": name, "Soft": value, "Hard": value}


def _devices(spec: ContainerSpec) -> list[dict[str, Any]]:
    if not spec.gpus:
        return []
    return [{"Driver": "nvidia", "Count": spec.gpus, "Capabilities": [["gpu"]]}]
