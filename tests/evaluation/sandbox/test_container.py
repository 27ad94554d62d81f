"""Every flag of a container, written out: nothing is added or lost unseen."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.sandbox.container import (
    SCRATCH,
    ContainerSpec,
    User,
    container_arguments,
    container_user,
    environment,
)
from schema.execution import Mode
from schema.task import Limits
from schema.terms import TaskId

LIMITS = Limits(
    seconds_per_case=600,
    memory_mib=16384,
    shared_memory_mib=1024,
    cpus=4,
    processes=256,
    gpus=1,
    output_mib=64,
)
MIB = 1 << 20


def spec(**changes: Any) -> ContainerSpec:
    usual: dict[str, Any] = {
        "image": "sha256:" + "ab" * 32,
        "inputs": Path("/run/a:b/input"),
        "output": Path("/run/a:b/output"),
        "cases": 1,
        "tasks": (TaskId.COMPARTMENTS, TaskId.POSITIVITY),
        "mode": Mode.CASE,
        "limits": LIMITS,
        "user": User(65532, 65533),
        "labels": {"key": "k"},
    }
    return ContainerSpec(**{**usual, **changes})


def arguments_of(made: ContainerSpec, *, cpus: int) -> dict[str, Any]:
    return container_arguments(made, cpus=cpus, system_calls="{}")


def test_the_arguments_of_a_container_without_a_gpu() -> None:
    assert arguments_of(spec(), cpus=16) == {
        "image": "sha256:" + "ab" * 32,
        "labels": {"key": "k"},
        "environment": {
            "HOME": SCRATCH,
            "LLN_CASES": "1",
            "LLN_CONTRACT": "1.2.0",
            "LLN_CPUS": "4",
            "LLN_GPUS": "0",
            "LLN_MEMORY_MIB": "16384",
            "LLN_MODE": "case",
            "LLN_OUTPUT_MIB": "64",
            "LLN_PROCESSES": "256",
            "LLN_SECONDS": "600",
            "LLN_SECONDS_PER_CASE": "600",
            "LLN_SHARED_MEMORY_MIB": "1024",
            "LLN_TASKS": "compartments,positivity",
        },
        "mounts": [
            {"Type": "bind", "Source": "/run/a:b/input", "Target": "/input", "ReadOnly": True},
            {"Type": "bind", "Source": "/run/a:b/output", "Target": "/output", "ReadOnly": False},
        ],
        "tmpfs": {SCRATCH: "rw,nosuid,nodev,mode=1777,size=1024m"},
        "user": "65532:65533",
        "network_mode": "none",
        "ipc_mode": "private",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges", "seccomp={}"],
        "init": True,
        "healthcheck": {"test": ["NONE"]},
        "use_config_proxy": False,
        "mem_limit": 16384 * MIB,
        "memswap_limit": 16384 * MIB,
        "nano_cpus": 4_000_000_000,
        "pids_limit": 256,
        "shm_size": 1024 * MIB,
        "ulimits": [
            {"Name": "fsize", "Soft": 1024 * MIB, "Hard": 1024 * MIB},
            {"Name": "core", "Soft": 0, "Hard": 0},
        ],
        "log_config": {"type": "json-file", "config": {"max-size": "1048576", "max-file": "2"}},
        "device_requests": [],
    }


def test_weights_and_a_gpu_are_added_when_there_are_any() -> None:
    arguments = arguments_of(spec(weights=Path("/weights"), gpus=1), cpus=16)

    assert arguments["mounts"][2] == {
        "Type": "bind",
        "Source": "/weights",
        "Target": "/model",
        "ReadOnly": True,
    }
    assert arguments["device_requests"] == [
        {"Driver": "nvidia", "Count": 1, "Capabilities": [["gpu"]]}
    ]
    assert arguments["environment"]["LLN_GPUS"] == "1"


def test_a_host_with_fewer_processors_gives_what_it_has_and_says_so() -> None:
    arguments = arguments_of(spec(), cpus=2)

    assert arguments["nano_cpus"] == 2_000_000_000
    assert arguments["environment"]["LLN_CPUS"] == "2"


def test_a_volume_of_the_image_is_no_way_to_the_host_s_disk() -> None:
    found = arguments_of(spec(volumes=("/data", "/output")), cpus=1)["tmpfs"]

    assert set(found) == {SCRATCH, "/data"}
    assert found["/data"] == found[SCRATCH]


def test_nothing_of_the_host_s_environment_goes_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LLN_SECRET", "token")
    monkeypatch.setenv("HTTP_PROXY", "http://user:password@proxy")

    assert "token" not in str(arguments_of(spec(), cpus=1))
    assert "password" not in str(arguments_of(spec(), cpus=1))


def test_a_batch_has_time_and_room_for_every_case() -> None:
    batch = spec(cases=48, mode=Mode.BATCH)

    assert batch.seconds == 48 * 600
    assert batch.quota.total_bytes == 48 * 64 * MIB
    assert batch.quota.entries >= 48 * 3 + 2
    assert environment(batch, cpus=1)["LLN_SECONDS"] == str(48 * 600)


@given(
    memory=st.integers(1, 10**6),
    shared=st.integers(1, 10**5),
    output=st.integers(1, 10**5),
    cpus=st.integers(1, 512),
)
def test_no_limit_is_ever_left_open(memory: int, shared: int, output: int, cpus: int) -> None:
    limits = LIMITS.model_copy(
        update={
            "memory_mib": memory,
            "shared_memory_mib": shared,
            "output_mib": output,
            "cpus": cpus,
        }
    )
    arguments = arguments_of(spec(limits=limits), cpus=8)
    ulimits = {each["Name"]: each["Hard"] for each in arguments["ulimits"]}

    assert arguments["mem_limit"] == arguments["memswap_limit"] == memory * MIB
    assert 0 < arguments["nano_cpus"] <= 8 * 10**9
    # a file of the quota, and an array handed on in shared memory, fit
    assert ulimits["fsize"] == max(output, shared) * MIB
    assert f"size={max(output, shared)}m" in arguments["tmpfs"][SCRATCH]


@pytest.mark.parametrize(("uid", "expected"), [(0, User(65532, 65532)), (1000, User(1000, 1001))])
def test_the_user_is_never_root(monkeypatch: pytest.MonkeyPatch, uid: int, expected: User) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(os, "getegid", lambda: 1001)

    assert container_user() == expected
