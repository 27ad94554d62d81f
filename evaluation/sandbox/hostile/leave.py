"""Attacks by what is left in /output, and the honest answer that hides them."""

from __future__ import annotations

import gzip
import math
import os
import signal
import socket
import struct
import sys
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from evaluation.sandbox.hostile import bounds
from evaluation.sandbox.hostile.report import say, told

OUT = Path("/output")
MASKS = ("compartments", "nodes")
COLUMNS = "case_id,probability,positive,region,side,short_axis_mm"
HEADER_BYTES = 352
LARGEST_SIDE = 32767
DEEP, DEEPER = 8, 300
DAEMON_SECONDS = 60


def answer(cases: Sequence[str]) -> None:
    """Answer honestly: nothing found, nobody positive."""
    for case_id in cases:
        header = _header(case_id)
        mask = gzip.compress(header + bytes(math.prod(struct.unpack_from("<3h", header, 42))))
        for folder in MASKS:
            _mask(case_id, folder=folder).write_bytes(mask)
    _write_rows([f"{case_id},0.1,0,,," for case_id in cases])


def _header(case_id: str) -> bytearray:
    """The image's header, for voxels of one byte."""
    image = gzip.decompress(Path("/input/t2w", f"{case_id}.nii.gz").read_bytes())
    header = bytearray(image[:HEADER_BYTES])
    struct.pack_into("<2h", header, 70, 2, 8)
    return header


def _mask(case_id: str, *, folder: str) -> Path:
    return OUT / folder / f"{case_id}.nii.gz"


def _write_rows(rows: Sequence[str]) -> None:
    (OUT / "positivity.csv").write_text("\n".join([COLUMNS, *rows, ""]))


# --- in the place of a mask -----------------------------------------------------------


def plant(case_id: str) -> None:
    """Put something else in the place of a mask, and say whether that worked."""
    attack, how = PLANTED[case_id]
    path = _mask(case_id, folder="compartments")
    path.unlink(missing_ok=True)
    try:
        how(path)
        say(attack, planted=os.path.lexists(path))
    except OSError as error:
        say(attack, planted=False, refused=error.strerror)


def _link_passwd(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def _link_label(path: Path) -> None:
    path.symlink_to(told()["label"])


def _link_hard(path: Path) -> None:
    path.hardlink_to(_mask(bounds.HARD, folder="nodes"))


def _make_pipe(path: Path) -> None:
    os.mkfifo(path)


def _make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def _make_set_uid(path: Path) -> None:
    path.write_bytes(_mask(bounds.SET_UID, folder="nodes").read_bytes())
    path.chmod(0o6755)


PLANTED: dict[str, tuple[str, Callable[[Path], None]]] = {
    bounds.PASSWD: ("links-to-passwd", _link_passwd),
    bounds.LABEL: ("links-to-labels", _link_label),
    bounds.HARD: ("leaves-hard-link", _link_hard),
    bounds.FIFO: ("leaves-pipe", _make_pipe),
    bounds.SOCKET: ("leaves-socket", _make_socket),
    bounds.SET_UID: ("leaves-set-user-file", _make_set_uid),
}


# --- beside the masks -----------------------------------------------------------------


def names() -> None:
    """Leave files whose names are to be misread: by a terminal, a shell, another system."""
    odd = [
        b"..%2f..%2fescape",
        b"line\nbreak",
        b"\x1b[2J\x1b]0;title\x07",
        "\u202egz.iin".encode(),
        b"-rf",
        b"\xff\xfe",
        b"n" * 255,
        b"CON",
    ]
    for name in odd:
        Path(os.fsdecode(b"/output/" + name)).touch()
    Path("/output/nodes", *["deep"] * DEEP).mkdir(parents=True)
    say("leaves-odd-names", planted=True)


def depths() -> None:
    """Leave folders too deep to walk through, the first of which may not even be listed."""
    say("leaves-deep-folders", planted=True)
    top = Path("/output/nodes/deep")
    top.mkdir()
    os.chdir(top)  # a path of all names would be too long to be made at once
    for _ in range(DEEPER):
        Path("deep" * 50).mkdir()
        os.chdir("deep" * 50)
    top.chmod(0)


def closed() -> None:
    """Replace the folder of a task's answers by one of its own that nobody else may list."""
    folder = OUT / "nodes"
    for each in folder.iterdir():
        each.unlink()
    folder.rmdir()
    folder.mkdir(mode=0)
    say("closes-answer-folder", planted=True)


def rows() -> None:
    """Answer for cases that were not given, with ids that are paths and formulas."""
    _write_rows(["../../escape,0.9,1,,,", "=cmd|' /C calc'!A1,0.9,1,,,", f"{bounds.ROWS},0.1,0,,,"])
    say("answers-for-others", planted=True)


def bomb() -> None:
    """Answer with masks that grow a thousandfold: one honest in its header, one not."""
    header = _header(bounds.BOMB)
    _mask(bounds.BOMB, folder="compartments").write_bytes(_packed(header))
    struct.pack_into("<3h", header, 42, *[LARGEST_SIDE] * 3)
    _mask(bounds.BOMB, folder="nodes").write_bytes(_packed(header))
    say("answers-with-bomb", planted=True, reached=bounds.BOMB_MIB)


def _packed(header: bytearray) -> bytes:
    """A gzip file of a header and zeros without end; a block of zeros is packed once."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = packer.compress(header) + packer.flush(zlib.Z_FULL_FLUSH)
    zeros = packer.compress(bytes(bounds.MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    start = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"
    return start + head + zeros * bounds.BOMB_MIB + b"\x03\0" + struct.pack("<2I", 0, 0)


def process() -> None:
    """Leave a process behind that ignores signals, holds the log open and goes on writing."""
    say("leaves-process", planted=True)
    if os.fork() == 0:
        os.setsid()
        if os.fork():
            os._exit(0)
        code = "from evaluation.sandbox.hostile.leave import haunt; haunt()"
        words = [sys.executable, "-c", code, told()["nonce"]]
        os.execv(sys.executable, words)  # noqa: S606 - no shell is wanted
    time.sleep(1)  # long enough to be seen from outside while it is alive


def haunt() -> None:
    """What the process that stays does, for a while."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    end = time.monotonic() + DAEMON_SECONDS
    while time.monotonic() < end:
        Path("/tmp/haunted").touch()  # noqa: S108
        time.sleep(0.1)
