"""The filter lets a model work and refuses the rest: read as data, and tried on a real engine."""

from __future__ import annotations

import json
import platform
import subprocess
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest

from evaluation.sandbox.container import CONTRACT_VERSION
from evaluation.sandbox.system_call_filter import PROFILE, filter_text
from tasks.files import digest_bytes
from tests.containers import base_image

__all__ = ["base_image"]

ALLOW, REFUSE = "SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO"
NO_SUCH_CALL = 38
"""Linux's ENOSYS."""
NAMESPACES = {
    "CLONE_NEWNS": 0x00020000,
    "CLONE_NEWCGROUP": 0x02000000,
    "CLONE_NEWUTS": 0x04000000,
    "CLONE_NEWIPC": 0x08000000,
    "CLONE_NEWUSER": 0x10000000,
    "CLONE_NEWPID": 0x20000000,
    "CLONE_NEWNET": 0x40000000,
}
REFUSED = {
    "mounts": "fsconfig fsmount fsopen fspick mount mount_setattr move_mount open_tree pivot_root "
    "umount2",
    "namespaces": "chroot clone3 setns unshare",
    "other processes": "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace",
    "the kernel": "bpf create_module delete_module finit_module init_module iopl ioperm kexec_load "
    "kexec_file_load modify_ldt perf_event_open personality syslog userfaultfd",
    "queues that pass a filter": "io_uring_enter io_uring_register io_uring_setup",
    "keys": "add_key keyctl request_key",
    "files by number": "name_to_handle_at open_by_handle_at",
    "the machine": "acct adjtimex clock_adjtime clock_settime quotactl reboot setdomainname "
    "sethostname settimeofday swapoff swapon sync",
    "memory beyond the limits of shared memory": "mq_open msgget semget shmget",
    "users": "capset setgid setgroups setregid setresgid setresuid setreuid setuid",
    "calls of 32-bit programs": "socketcall ipc",
}
"""By what it is about, some calls that no rule may let through."""


def rules() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(filter_text())["syscalls"]
    return found


def passing(name: str) -> list[list[dict[str, Any]]]:
    """Conditions on the arguments, one of which has to hold."""
    return [rule.get("args", []) for rule in rules() if name in rule["names"] if allows(rule)]


def allows(rule: dict[str, Any]) -> bool:
    return bool(rule["action"] == ALLOW)


def holds(condition: dict[str, Any], arguments: tuple[int, ...]) -> bool:
    """What libseccomp makes of a condition."""
    value = arguments[condition["index"]]
    if condition["op"] == "SCMP_CMP_MASKED_EQ":
        return bool(value & condition["value"] == condition["valueTwo"])
    assert condition["op"] == "SCMP_CMP_EQ"
    return bool(value == condition["value"])


def passes(name: str, *arguments: int) -> bool:
    return any(all(holds(each, arguments) for each in rule) for rule in passing(name))


# --- as data -----------------------------------------------------------------------------


def test_what_no_rule_names_is_refused() -> None:
    profile = json.loads(filter_text())

    assert profile["defaultAction"] == REFUSE
    assert {rule["action"] for rule in rules()} == {ALLOW, REFUSE}
    assert all(rule["comment"] for rule in rules())


def test_calls_of_other_machines_are_none() -> None:
    # a rule on the arguments of `socket` says nothing of i386's `socketcall`: no sub-architecture
    assert json.loads(filter_text())["archMap"] == [
        {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": []},
        {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": []},
    ]


def test_a_call_is_in_one_rule_unless_its_arguments_decide() -> None:
    alone = [name for rule in rules() if "args" not in rule for name in rule["names"]]
    with_arguments = {name for rule in rules() if "args" in rule for name in rule["names"]}

    assert len(alone) == len(set(alone))
    assert with_arguments == {"clone", "mknod", "mknodat", "socket", "socketpair"}
    assert not with_arguments & set(alone)
    assert all(rule["names"] == sorted(rule["names"]) for rule in rules())


@pytest.mark.parametrize("subject", REFUSED)
def test_dangerous_calls_have_no_rule(subject: str) -> None:
    assert {name for name in REFUSED[subject].split() if passing(name)} == set()


@pytest.mark.parametrize("flag", NAMESPACES)
def test_a_process_is_made_without_a_namespace(flag: str) -> None:
    threads = 0x003D0F00  # what the C library makes a thread with

    assert passes("clone", threads)
    assert not passes("clone", threads | NAMESPACES[flag])


def test_the_c_library_is_told_that_there_is_no_clone3() -> None:
    (rule,) = (rule for rule in rules() if "clone3" in rule["names"])

    assert (rule["action"], rule["errnoRet"]) == (REFUSE, NO_SUCH_CALL)


def test_a_pipe_may_be_made_and_no_device() -> None:
    for name, before in (("mknod", (0,)), ("mknodat", (0, 0))):
        assert passes(name, *before, 0o010644, 0)
        for kind in (0o020000, 0o060000, 0o100000, 0o140000):
            assert not passes(name, *before, kind | 0o644, 0)


def test_another_filter_is_another_contract() -> None:
    profile = json.loads(filter_text())
    for rule in profile["syscalls"]:
        del rule["comment"]
    digest = digest_bytes(json.dumps(profile, sort_keys=True).encode())

    # a run that was begun under one filter must not go on under another
    assert (CONTRACT_VERSION, digest[:19]) == ("1.2.0", "sha256:9c29d0d768f2")


def test_it_is_shipped_with_the_package() -> None:
    assert (files("evaluation.sandbox") / PROFILE).is_file()


# --- on a real engine --------------------------------------------------------------------

STREAM, DATAGRAM, RAW, SEQUENCED = 1, 2, 3, 5
SOCKETS = {
    # family, type, protocol: whether there is one
    (1, STREAM, 0): True,
    (1, DATAGRAM, 0): True,
    (1, SEQUENCED, 0): True,
    (2, STREAM, 0): True,
    (2, STREAM, 6): True,
    (2, DATAGRAM, 17): True,
    (10, STREAM, 0): True,
    (10, DATAGRAM, 0): True,
    (16, RAW, 0): True,  # NETLINK_ROUTE, with which interfaces are listed
    (2, STREAM, 132): False,  # SCTP
    (2, STREAM, 262): False,  # MPTCP
    (2, DATAGRAM, 1): False,  # ICMP
    (2, DATAGRAM, 136): False,  # UDP-Lite
    (2, RAW, 1): False,
    (16, RAW, 12): False,  # NETLINK_NETFILTER
    (17, RAW, 0): False,  # AF_PACKET
    (38, SEQUENCED, 0): False,  # AF_ALG
    (40, STREAM, 0): False,  # AF_VSOCK
}
CALLS = {
    # numbers on x86_64 and aarch64, and arguments with which the kernel itself says something else
    "bpf": (321, 280, [0, 0, 0]),
    "io_uring_setup": (425, 425, [1, 0]),
    "kcmp": (312, 272, [1, 1, 99, 0, 0]),
    "keyctl": (250, 219, [-1, 0, 0]),
    "perf_event_open": (298, 241, [0, 0, -1, -1, 0]),
    "personality": (135, 92, [-1]),
    "pidfd_getfd": (438, 438, [-1, 0, 0]),
    "process_vm_readv": (310, 270, [1, 0, 0, 0, 0, 9]),
    "ptrace": (101, 117, [0, 0, 0, 0]),
    "setuid": (105, 146, [12345]),
    "shmget": (29, 194, [0, 4096, 0o1600]),
    "sync": (162, 81, []),
    "unshare": (272, 97, [0x10000000]),
    "userfaultfd": (323, 282, [1]),
}
FIELD = {"x86_64": 0, "aarch64": 1}
TRY = """
import ctypes, errno, json, socket, sys
asked, libc = json.loads(sys.argv[1]), ctypes.CDLL(None, use_errno=True)
def called(number, arguments):
    if libc.syscall(number, *map(ctypes.c_long, arguments)) >= 0:
        return "done"
    return errno.errorcode[ctypes.get_errno()]
def opened(*kind):
    try:
        socket.socket(*kind).close()
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"
print(json.dumps([[opened(*each) for each in asked[0]], [called(*each) for each in asked[1]]]))
"""


def tried(image: str, *, security: str) -> Iterator[dict[Any, str]]:
    """How each socket and each call ends under a filter."""
    here = FIELD[platform.machine()]
    calls = [(numbers[here], numbers[2]) for numbers in CALLS.values()]
    done = subprocess.run(
        [
            *("docker", "run", "--rm", "--network=none", "--cap-drop=ALL", "--user=12345"),
            *("--security-opt=no-new-privileges", f"--security-opt=seccomp={security}"),
            *(image, "python3", "-c", TRY, json.dumps([list(SOCKETS), calls])),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    sockets, ended = json.loads(done.stdout)
    yield dict(zip(SOCKETS, sockets, strict=True))
    yield dict(zip(CALLS, ended, strict=True))


@pytest.mark.docker
def test_the_engine_refuses_what_the_filter_does(base_image: str) -> None:
    profile = files("evaluation.sandbox") / PROFILE
    sockets, calls = tried(base_image, security=str(profile))
    _, without = tried(base_image, security="unconfined")

    assert {kind for kind, end in sockets.items() if end == "done"} == {
        kind for kind, there in SOCKETS.items() if there
    }
    assert {end for end in sockets.values() if end != "done"} == {"EPERM"}
    assert set(calls.values()) == {"EPERM"}, calls
    # the kernel alone would have let these through, or looked at their arguments
    assert {"io_uring_setup", "personality", "ptrace", "shmget", "sync"} <= {
        name for name, end in without.items() if end != "EPERM"
    }
