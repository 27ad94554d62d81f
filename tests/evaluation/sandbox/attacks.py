"""What runs in the test image: the case's name says what it tries.

A try that the sandbox must stop without stopping the model ends with an answer when it was stopped
and with exit code 9 when it was not. Nothing is imported but the standard library.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

MIB = 1 << 20
OUTPUT, IMAGES = Path("/output"), Path("/input/t2w")
FAILED_TO_STOP = 9
COLUMNS = "case_id,probability,positive,region,side,short_axis_mm"
NODE_COLUMNS = "case_id,x_mm,y_mm,z_mm,probability"


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def answers(case: str) -> None:
    for task in ("compartments", "nodes"):
        (OUTPUT / task / f"{case}.nii.gz").write_bytes(b"zeros")
    (OUTPUT / "positivity.csv").write_text(f"{COLUMNS}\n{case},0.1,0,,,\n")
    (OUTPUT / "nodes.csv").write_text(f"{NODE_COLUMNS}\n{case},1,2,3,0.5\n{case},4,5,6,0.7\n")


def must_be_refused(*tries: Callable[[], object]) -> None:
    for each in tries:
        try:
            got = each()
        except OSError as error:
            say("refused:", error)
        else:
            say("NOT refused:", got)
            sys.exit(FAILED_TO_STOP)


def fill(folder: Path) -> None:
    """Write 40 MiB in files that are small enough each."""
    for number in range(10):
        (folder / str(number)).write_bytes(bytes(4 * MIB))


def must_hold(**facts: bool) -> None:
    if failed := [name for name, holds in facts.items() if not holds]:
        say("does not hold:", failed)
        sys.exit(FAILED_TO_STOP)


def exits(_case: str) -> None:
    raise SystemExit(3)


def sleeps(_case: str) -> None:
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    time.sleep(3600)


def eats_memory(_case: str) -> None:
    held = []
    while True:
        held.append(bytearray(8 * MIB))


def child_eats_memory(case: str) -> None:
    """The child is killed, and the parent says so in its own way."""
    child = os.fork()
    if child == 0:
        eats_memory(case)
    _, status = os.waitpid(child, 0)
    sys.exit(128 + os.WTERMSIG(status))


def fills_output(_case: str) -> None:
    for number in range(10**6):
        (OUTPUT / str(number)).write_bytes(bytes(MIB // 4))


def fills_one_file(_case: str) -> None:
    with (OUTPUT / "nodes" / "big").open("wb") as file:
        while True:
            file.write(bytes(MIB))


def makes_entries(_case: str) -> None:
    for number in range(10**7):
        (OUTPUT / "nodes" / str(number)).mkdir()


def links(case: str) -> None:
    answers(case)
    mask = OUTPUT / "nodes" / f"{case}.nii.gz"
    mask.unlink()
    mask.symlink_to("/etc/passwd")


def hard_links(case: str) -> None:
    answers(case)
    mask = OUTPUT / "nodes" / f"{case}.nii.gz"
    mask.unlink()
    mask.hardlink_to(OUTPUT / "compartments" / f"{case}.nii.gz")


def pipes(case: str) -> None:
    answers(case)
    mask = OUTPUT / "nodes" / f"{case}.nii.gz"
    mask.unlink()
    os.mkfifo(mask)


def says_nothing(_case: str) -> None:
    """Ends well without an answer."""


def answers_another(case: str) -> None:
    answers(case)
    (OUTPUT / "positivity.csv").write_text(f"{COLUMNS}\nsomebody,0.1,0,,,\n")


def forks(case: str) -> None:
    children: list[int] = []
    try:
        while len(children) < 10_000:
            child = os.fork()
            if child == 0:
                time.sleep(60)
                os._exit(0)
            children.append(child)
    except OSError as error:
        say("refused after", len(children), error)
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    must_hold(few=len(children) < int(os.environ["LLN_PROCESSES"]))
    answers(case)


def floods_log(case: str) -> None:
    block = b"\x1b]0;title\x07\x1b[31mred\x1b[2J" * 50_000
    for _ in range(100 * MIB // len(block)):
        os.write(1, block)
    say("\nlast words")
    answers(case)


def writes_outside(case: str) -> None:
    targets = ("/x", "/etc/x", "/usr/x", "/var/x", "/input/x", "/input/t2w/x", "/proc/sys/kernel/x")
    must_be_refused(*(lambda path=path: Path(path).write_bytes(b"x") for path in targets))
    must_be_refused(lambda: (IMAGES / f"{case}.nii.gz").write_bytes(b"x"))
    must_be_refused(lambda: fill(Path("/tmp")))  # noqa: S108
    answers(case)


def opens_sockets(case: str) -> None:
    must_be_refused(
        lambda: socket.create_connection(("1.1.1.1", 53), timeout=2),
        lambda: socket.create_connection(("172.17.0.1", 22), timeout=2),
        lambda: socket.getaddrinfo("example.org", 80),
        lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP),
    )
    must_hold(loopback_only=[each.name for each in Path("/sys/class/net").iterdir()] == ["lo"])
    answers(case)


def reads_labels(case: str) -> None:
    inputs = [path.relative_to("/input").as_posix() for path in Path("/input").rglob("*")]
    secret = ("readers.csv", "clinical.csv", "cohort.toml")
    found = [
        name
        for top in ("/input", "/output", "/mnt", "/srv", "/home", "/root", "/data", "/tmp")  # noqa: S108
        for _, _, names in os.walk(top)
        for name in names
        if name in secret
    ]
    must_hold(
        one_image=sorted(inputs) == ["t2w", f"t2w/{case}.nii.gz"],
        nothing_else=not found,
        no_secret="SECRET" not in os.environ,
        engine_hidden=not Path("/var/run/docker.sock").exists(),
    )
    answers(case)


def gains_rights(case: str) -> None:
    status = dict(
        line.split(":\t", 1)
        for line in Path("/proc/self/status").read_text().splitlines()
        if ":\t" in line
    )
    must_hold(
        nobody=os.getuid() == os.geteuid() != 0,
        no_capability=int(status["CapBnd"], 16) == int(status["CapEff"], 16) == 0,
        no_new_privileges=status["NoNewPrivs"] == "1",
        filtered=status["Seccomp"] == "2",
    )
    must_be_refused(
        lambda: os.setuid(0),
        lambda: os.chroot("/tmp"),  # noqa: S108
        lambda: os.mknod("/tmp/device", 0o20666, os.makedev(1, 5)),  # noqa: S108
        lambda: os.setgroups([0]),
    )
    answers(case)


def fills_volume(case: str) -> None:
    """The image declares /data a volume: on the host's disk, unless the sandbox sees to it."""
    must_be_refused(lambda: fill(Path("/data")))
    answers(case)


def reads_weights(case: str) -> None:
    weights = Path("/model/fold_0/model.pt")
    must_hold(there=weights.read_bytes() == b"weights")
    must_be_refused(lambda: weights.write_bytes(b"x"), lambda: Path("/model/x").write_bytes(b"x"))
    answers(case)


def main() -> None:
    for image in sorted(IMAGES.iterdir()):
        case = image.name.removesuffix(".nii.gz")
        say("case", case)
        time.sleep(float(os.environ.get("LINGER", "0")))
        globals().get(case, answers)(case)


main()
