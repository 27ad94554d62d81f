"""Attacks that look around or ask for what should be refused, and leave the container alive."""

from __future__ import annotations

import os
import platform
import socket
import stat
import struct
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

from evaluation.sandbox.hostile import kernel
from evaluation.sandbox.hostile.bounds import FOLDER_TIMES, MIB, OPEN_FOLDER, ROOT_PYTHON, VOLUME
from evaluation.sandbox.hostile.report import attempts, limit, say, told, went_through

SEARCHED_BYTES = 8 << 20
SHARED_MEMORY = "/dev/shm"  # noqa: S108
SCRATCH = "/tmp"  # noqa: S108
WRITABLE = (SCRATCH, "/output", SHARED_MEMORY, "/dev/mqueue", VOLUME)
OURS = b"evaluation.sandbox.hostile"
LEFTOVER = "leftover"
CONNECT_SECONDS = 0.5

ENGINE_SOCKETS = (
    "/var/run/docker.sock",
    "/run/docker.sock",
    "/run/containerd/containerd.sock",
    "/run/podman/podman.sock",
)
FILES = (
    "/etc/passwd",
    "/etc/hosts",
    "/etc/hostname",
    "/etc/resolv.conf",
    "/sbin/docker-init",
    "/dev/mem",
    "/dev/kmsg",
    "/proc/sysrq-trigger",
    "/proc/sys/kernel/core_pattern",
    "/proc/sys/kernel/hostname",
    "/proc/sys/vm/drop_caches",
    "/sys/kernel/uevent_helper",
    "/sys/kernel/mm/ksm/run",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/pids/pids.max",
    "/sys/fs/cgroup/pids.max",
)
"""Opened for writing; nothing is ever written."""


def look() -> None:
    """Run every attack of this module; one that breaks down reports that."""
    for name, probe in PROBES.items():
        try:
            facts = probe()
        except Exception as error:  # noqa: BLE001 - the doctor has to hear of it
            facts = {"error": repr(error)[:200]}
        say(name, **facts)


def leftovers() -> None:
    """Report what an earlier container left, and leave something for the next."""
    known = {"compartments", "nodes"}
    places = [Path(each) for each in (SCRATCH, SHARED_MEMORY, VOLUME, "/dev/mqueue")]
    found = [str(place / LEFTOVER) for place in places if (place / LEFTOVER).exists()]
    found += [str(each) for each in Path("/output").iterdir() if each.name not in known]
    say("finds-leftovers", **went_through(found, tried=len(places) + 1))
    for place in places:
        try:
            (place / LEFTOVER).write_text("left")
        except OSError:
            continue


# --- what can be seen -----------------------------------------------------------------


@cache
def _tree() -> tuple[Path, ...]:
    """Everything that can be listed, the kernel's own file systems left out."""
    return tuple(_below(Path("/")))


def _below(root: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(root):
        if parent == str(root):
            folders[:] = [name for name in folders if name not in {"proc", "sys"}]
        yield from (Path(parent, name) for name in (*folders, *files))


def labels() -> dict[str, object]:
    """Search names, links and contents for the canary."""
    token = told()["token"].encode()
    found = [str(path) for path in _tree() if token in os.fsencode(path) or token in _content(path)]
    return went_through(found, tried=len(_tree()))


def _content(path: Path) -> bytes:
    """The beginning of a file or the target of a link; of the image's own old files, nothing."""
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            return os.fsencode(path.readlink())
        own = status.st_dev == Path("/").stat().st_dev and status.st_ctime < told()["since"]
        if own or not stat.S_ISREG(status.st_mode):
            return b""
        with path.open("rb") as file:
            return _unpacked(file.read(SEARCHED_BYTES))
    except OSError:
        return b""


def _unpacked(content: bytes) -> bytes:
    """A content, and what is packed in it."""
    try:
        return content + zlib.decompressobj(31).decompress(content, SEARCHED_BYTES)
    except zlib.error:
        return content


def cohort_path() -> dict[str, object]:
    """Search the list of mounts for the cohort's folder."""
    names = ("mountinfo", "mounts", "mountstats")
    lines = [line for name in names for line in Path("/proc/self", name).read_bytes().splitlines()]
    token = told()["token"].encode()
    return went_through([os.fsdecode(each) for each in lines if token in each], tried=len(lines))


def surroundings() -> dict[str, object]:
    """Search the variables of every process for the one that the doctor has in its own."""
    token = told()["token"].encode()
    texts = {"own": "\0".join(f"{key}={value}" for key, value in os.environ.items()).encode()}
    texts |= {str(path): _read(path) for path in Path("/proc").glob("[0-9]*/environ")}
    return went_through([name for name, text in texts.items() if token in text], tried=len(texts))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def processes() -> dict[str, object]:
    """List processes that are not the submission's."""
    found = {path.parent.name: _read(path) for path in Path("/proc").glob("[0-9]*/cmdline")}
    strangers = [
        f"{pid} {os.fsdecode(words)}".strip() for pid, words in found.items() if OURS not in words
    ]
    return went_through(strangers, tried=len(found))


def init() -> dict[str, object]:
    """Trace process 1; it is a gain where it may do more than the submission."""
    ours, init_s = _status("self"), _status("1")
    same = all(ours[key] == init_s[key] for key in ("Uid", "CapPrm", "CapEff", "NoNewPrivs"))
    facts = attempts({"process 1 traced": kernel.trace_init})
    return {**facts, "same": same, **({"got": [], "number": 0} if same else {})}


def _status(process: str) -> dict[str, str]:
    lines = Path("/proc", process, "status").read_text(encoding="utf-8").splitlines()
    return {key: value.strip() for key, _, value in (line.partition(":") for line in lines)}


# --- the network ----------------------------------------------------------------------


def sockets() -> dict[str, object]:
    """Connect to the doctor, which listens on each of its addresses."""
    return attempts(
        {f"{host}:{port}": partial(_connect, host, port) for host, port in told()["listeners"]}
    )


def _connect(host: str, port: int) -> None:
    with socket.create_connection((host, port), timeout=CONNECT_SECONDS) as connection:
        connection.sendall(told()["nonce"].encode())


def raw_sockets() -> dict[str, object]:
    """Open sockets that send any packet."""
    families = {"IPv4": socket.AF_INET, "IPv6": socket.AF_INET6, "packet": socket.AF_PACKET}
    calls = {
        name: partial(socket.socket, family, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        for name, family in families.items()
    }
    return attempts(calls)


def hypervisor() -> dict[str, object]:
    """Open a socket to the machine that runs this one, if this one is virtual."""
    opened = partial(socket.socket, kernel.HYPERVISOR_SOCKETS, socket.SOCK_STREAM)
    calls: dict[str, Callable[[], object]] = {"vsock": opened}
    if platform.machine() == kernel.WITH_32_BITS:
        calls["vsock as 32-bit program"] = kernel.hypervisor_socket_of_32_bits
    return attempts(calls)


def names() -> dict[str, object]:
    """Ask every resolver that the container was given, and for the name that engines give hosts."""
    calls: dict[str, Callable[[], object]] = {
        f"answer of {server}": partial(_ask, server) for server in _resolvers()
    }
    calls["host.docker.internal"] = partial(socket.getaddrinfo, "host.docker.internal", 80)
    return attempts(calls)


def _resolvers() -> list[str]:
    words = [line.split() for line in _read(Path("/etc/resolv.conf")).decode().splitlines()]
    return [each[1] for each in words if each[:1] == ["nameserver"] and len(each) > 1]


def _ask(server: str) -> None:
    """Any answer is one: no name below .invalid exists."""
    question = struct.pack(">6H", 1, 0x0100, 1, 0, 0, 0) + b"\3lln\7invalid\0" + b"\0\1\0\1"
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as asked:
        asked.settimeout(CONNECT_SECONDS)
        asked.connect((server, 53))
        asked.send(question)
        asked.recv(512)


def interfaces() -> dict[str, object]:
    """List the network's interfaces."""
    found = [name for _, name in socket.if_nameindex()]
    return went_through([name for name in found if name != "lo"], tried=len(found))


def engine() -> dict[str, object]:
    """Look for any socket, and connect to those of container engines."""
    calls: dict[str, Callable[[], object]] = {
        path: partial(_connect_local, path) for path in (*ENGINE_SOCKETS, *_socket_files())
    }
    listed = _read(Path("/proc/net/unix")).decode(errors="replace").splitlines()
    abstract = [line.split()[-1] for line in listed[1:] if "@" in line.split()[-1]]
    return attempts(calls | {path: partial(_connect_local, path) for path in abstract[:32]})


def _connect_local(path: str) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect("\0" + path[1:] if path.startswith("@") else path)


def _socket_files() -> Iterator[str]:
    for path in _tree():
        try:
            if stat.S_ISSOCK(path.lstat().st_mode):
                yield str(path)
        except OSError:
            continue


# --- writing and privileges -----------------------------------------------------------


def outside() -> dict[str, object]:
    """Make a file in every folder that can be seen, and open files that should not be written."""
    folders = [Path("/"), *(path for path in _tree() if path.is_dir() and not path.is_symlink())]
    others = [path for path in folders if not str(path).startswith(WRITABLE)]
    if Path(OPEN_FOLDER) not in others:
        # the one that anybody may write to: there it is the read-only root alone that refuses
        return {"error": f"the image has no {OPEN_FOLDER}"}
    made = [str(folder) for folder in (*others, Path("/sys"), Path("/proc/sys")) if _makes(folder)]
    files = [*map(Path, FILES), *Path("/input").rglob("*.gz"), *Path("/model").iterdir()]
    opened = [str(path) for path in files if _opens(path)]
    return went_through(made + opened, tried=len(others) + len(files))


def _makes(folder: Path) -> bool:
    path = folder / "made-by-doctor"
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        path.unlink()
    except OSError:
        return False
    return True


def _opens(path: Path) -> bool:
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


def devices() -> dict[str, object]:
    """Make the host's memory and disks as files."""
    kinds = {"memory": (stat.S_IFCHR, 1, 1), "disk": (stat.S_IFBLK, 8, 0)}
    return attempts(
        {
            f"{name} in {folder}": partial(_make_device, Path(folder, f"device-{name}"), *kind)
            for name, kind in kinds.items()
            for folder in (SCRATCH, "/output", SHARED_MEMORY)
        }
    )


def _make_device(path: Path, kind: int, major: int, minor: int) -> None:
    os.mknod(path, kind | 0o600, os.makedev(major, minor))
    path.unlink()


def root() -> dict[str, object]:
    """Become root, by asking and by a program of root's with the set-user bit."""
    if not Path(ROOT_PYTHON).stat().st_mode & stat.S_ISUID:
        return {"error": f"{ROOT_PYTHON} has lost its set-user bit"}
    return attempts(
        {
            "setuid": lambda: os.setuid(0),
            "setgid": lambda: os.setgid(0),
            "setgroups": lambda: os.setgroups([0]),
            "set-user program": _run_as_root,
        }
    )


def _run_as_root() -> None:
    code = "import os; print(os.geteuid())"
    done = subprocess.run(  # noqa: S603 - its own program
        [ROOT_PYTHON, "-ISc", code], capture_output=True, text=True, check=True
    )
    if done.stdout.strip() != "0":
        raise PermissionError(1, done.stdout)


def privileges() -> dict[str, object]:
    """Read what the kernel says that this process may do."""
    status = _status("self")
    sets = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
    found = [f"{key} {status[key]}" for key in sets if int(status.get(key, "0"), 16)]
    found += [] if status.get("NoNewPrivs") == "1" else ["new privileges may be gained"]
    found += [] if status.get("Seccomp") == "2" else ["no filter of system calls"]
    found += ["it is root"] if "0" in status["Uid"].split() else []
    return went_through(found, tried=len(sets) + 3)


def kernel_calls() -> dict[str, object]:
    """Make calls that change the machine or leave the container."""
    return attempts(
        {
            "mount": kernel.mount_memory,
            "umount": kernel.unmount_input,
            "unshare user": kernel.unshare(kernel.NEW_USER),
            "unshare mounts": kernel.unshare(kernel.NEW_NAMESPACE),
            "unshare network": kernel.unshare(kernel.NEW_NETWORK),
            "chroot": lambda: os.chroot("/"),
            "open by handle": kernel.open_by_handle,
            "host name": kernel.set_host_name,
            "keyring": kernel.read_keyring,
            "io_uring": kernel.queue_calls,
            "userfaultfd": kernel.stop_kernel_copies,
        }
    )


def kernel_log() -> dict[str, object]:
    """Read the kernel's messages."""
    return attempts(
        {
            "klogctl": kernel.read_kernel_log,
            "/dev/kmsg": lambda: os.read(os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK), 1),
            "/proc/kmsg": lambda: os.read(os.open("/proc/kmsg", os.O_RDONLY | os.O_NONBLOCK), 1),
        }
    )


def clock() -> dict[str, object]:
    """Set the clock to what it shows."""
    return attempts({"clock": lambda: time.clock_settime(time.CLOCK_REALTIME, time.time())})


# --- folders in memory ----------------------------------------------------------------


def fill(folder: str, *, allowed_mib: int) -> dict[str, object]:
    """Write into a folder until it is full; what was written is removed."""
    block, paths = bytes(MIB), []
    stopped = "nothing"
    try:
        for number in range(allowed_mib * FOLDER_TIMES):
            path = Path(folder, f"fill-{number}")
            path.write_bytes(block)
            paths.append(path)
    except OSError as error:
        stopped = error.strerror or "an error"
    for path in Path(folder).glob("fill-*"):
        path.unlink()
    return {"reached": len(paths), "allowed": allowed_mib, "stopped": stopped}


def _scratch_mib() -> int:
    return max(limit("OUTPUT_MIB"), limit("SHARED_MEMORY_MIB"))


PROBES: dict[str, Callable[[], dict[str, object]]] = {
    "reads-labels": labels,
    "learns-cohort-path": cohort_path,
    "reads-environment": surroundings,
    "sees-processes": processes,
    "takes-over-init": init,
    "opens-sockets": sockets,
    "opens-raw-sockets": raw_sockets,
    "reaches-hypervisor": hypervisor,
    "resolves-names": names,
    "sees-interfaces": interfaces,
    "reaches-engine": engine,
    "writes-outside": outside,
    "makes-devices": devices,
    "becomes-root": root,
    "holds-privileges": privileges,
    "enters-kernel": kernel_calls,
    "reads-kernel-log": kernel_log,
    "sets-clock": clock,
    "fills-tmp": lambda: fill(SCRATCH, allowed_mib=_scratch_mib()),
    "fills-volume": lambda: fill(VOLUME, allowed_mib=_scratch_mib()),
    "fills-shared-memory": lambda: fill(SHARED_MEMORY, allowed_mib=limit("SHARED_MEMORY_MIB")),
}
