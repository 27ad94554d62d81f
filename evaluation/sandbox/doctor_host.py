"""What an engine says that it can do, judged. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from evaluation.sandbox.container import MIB
from evaluation.sandbox.doctor_attacks import Answer, Judged, Verdict, broken, held
from evaluation.sandbox.log import one_line

OLDEST = (20, 10)
"""The oldest engine that the sandbox is tested with."""
FREE_MIB = 4096
"""Room for an image of some size and a run; the sandbox asks for what it needs, run by run."""

LIMITS = {
    "host-memory-limit": ("MemoryLimit", "memory", "cgroup_enable=memory"),
    "host-swap-limit": ("SwapLimit", "swap", "swapaccount=1"),
    "host-processes-limit": ("PidsLimit", "processes", "a kernel with the pids controller"),
    "host-cpu-limit": ("CpuCfsQuota", "processor time", "a kernel with CFS bandwidth control"),
}
"""By check: field of the engine's facts, what it limits, what turns it on."""


def judge_host(facts: Mapping[str, Any], *, free_bytes: int) -> Iterator[Judged]:
    """What the engine and its host can hold.

    Args:
        facts: what the engine says of itself.
        free_bytes: on the disk where runs are written.
    """
    options = {part for each in facts.get("SecurityOptions") or () for part in each.split(",")}
    yield _judged("host-engine", "Is the engine recent enough", _engine(facts))
    yield _judged("host-cgroups", "Can the host limit containers", _cgroups(facts))
    for name, (key, what, remedy) in LIMITS.items():
        answer = (
            held("supported") if facts.get(key) else broken(f"not supported: {remedy} is needed")
        )
        yield _judged(name, f"Can {what} be limited", answer)
    yield _judged("host-seccomp", "Can system calls be filtered", _seccomp(options))
    yield _judged(
        "host-users", "Are the users of a container apart from the host's", _users(options)
    )
    yield _judged("host-disk", "Is there room", _disk(free_bytes))
    yield _judged("host-gpu", "Can a container have a GPU", _gpu(facts))


def _judged(name: str, tried: str, answer: Answer) -> Judged:
    return Judged(name, tried, answer.verdict, one_line(answer.evidence))


def _not_applicable(reason: str) -> Answer:
    return Answer(Verdict.NOT_APPLICABLE, reason)


def _engine(facts: Mapping[str, Any]) -> Answer:
    version = str(facts.get("ServerVersion", "unknown"))
    numbers = tuple(int(each) for each in re.findall(r"\d+", version)[:2])
    if numbers >= OLDEST:
        return held(version)
    return broken(f"{version}: {'.'.join(map(str, OLDEST))} or newer is needed")


def _cgroups(facts: Mapping[str, Any]) -> Answer:
    version, driver = facts.get("CgroupVersion"), facts.get("CgroupDriver")
    if driver in (None, "none"):
        return broken("the engine has no cgroup driver: no limit holds")
    return held(f"version {version or 'unknown'}, driver {driver}")


def _seccomp(options: set[str]) -> Answer:
    # the engine's own profile does not matter: every container is given the kit's
    if "name=seccomp" in options:
        return held("supported")
    return broken("not supported: a kernel and an engine with seccomp are needed")


def _users(options: set[str]) -> Answer:
    if "name=rootless" in options:
        return held("the engine itself is not root")
    if "name=userns" in options:
        return held("users are remapped")
    return _not_applicable("no user namespace: a container's user, never root, is the host's too")


def _disk(free_bytes: int) -> Answer:
    text = f"{free_bytes // MIB} MiB free, {FREE_MIB} MiB asked for"
    return held(text) if free_bytes >= FREE_MIB * MIB else broken(text)


def _gpu(facts: Mapping[str, Any]) -> Answer:
    if "nvidia" in (facts.get("Runtimes") or {}):
        return held("NVIDIA's runtime is there")
    return _not_applicable("the engine has no GPU runtime: containers run without")
