"""A submission: labels every voxel by its value, so that each image has another answer.

`STANDIN` names the way in which it goes wrong.
"""

from __future__ import annotations

import argparse
import gzip
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from array import array
from pathlib import Path

DATATYPE, SCALE, SROW = 70, 112, 280
UINT8 = 2
COLUMNS = "case_id,probability,positive,region,side,short_axis_mm"
SECRET = "voxels of patient 4711"  # noqa: S105


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", type=Path, default=Path("/input"))
    parser.add_argument("--output", type=Path, default=Path("/output"))
    options = parser.parse_args()
    (file,) = (options.input / "t2w").glob("*.nii.gz")
    way = os.environ.get("STANDIN", "")
    before(way, file)
    answer(file, options.output, way=way)


def before(way: str, file: Path) -> None:
    """What goes wrong before there is an answer."""
    if way == "exit":
        sys.stderr.write(f"{SECRET} {file}\n")
        sys.exit(3)
    if way == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if way == "slow":
        time.sleep(60)
    if way == "child":
        child = subprocess.Popen(["sleep", "60"])
        Path(os.environ["STANDIN_KEEP"], "pid").write_text(str(child.pid))
    if way == "keep":
        shutil.copy(file, os.environ["STANDIN_KEEP"])
    if way == "sealed":
        require_seal()
    require_nothing_left()


def require_seal() -> None:
    """Ends with an error unless there is no way out."""
    status = Path("/proc/self/status").read_text(encoding="ascii").split("\n")
    assert {"CapEff:\t0000000000000000", "NoNewPrivs:\t1"} <= set(status)
    assert os.getuid() != 0
    assert os.listdir("/sys/class/net") == ["lo"]  # noqa: PTH208
    for action in (reach_out, lambda: Path("/etc/owned").write_text("x")):
        try:
            action()
        except OSError:
            continue
        sys.exit("not sealed")


def reach_out() -> None:
    socket.create_connection(("192.0.2.1", 80), timeout=1).close()


def require_nothing_left() -> None:
    """Ends with an error where an earlier case left something in the home folder."""
    mark = Path(os.environ["HOME"], "mark")
    if mark.exists():
        sys.exit("an earlier case is still here")
    if "LLN_CASES" in os.environ:
        mark.touch()


def answer(file: Path, output: Path, *, way: str) -> None:
    content = bytearray(gzip.decompress(file.read_bytes()))
    case_id = file.name.removesuffix(".nii.gz")
    for task, labels in (("compartments", 7), ("nodes", 3)):
        if way != f"no_{task}":
            mask = masked(content, labels=labels, way=way)
            (output / task).mkdir()
            (output / task / file.name).write_bytes(gzip.compress(mask, mtime=0))
    row = os.environ.get("STANDIN_ROW", "{case},0.75,1,OB,right,8.5").format(case=case_id)
    (output / "positivity.csv").write_text(f"{COLUMNS}\n{row}\n")


def masked(content: bytearray, *, labels: int, way: str) -> bytes:
    """A mask with the image's own header."""
    header = content[:352]
    (code,) = struct.unpack_from("<h", header, DATATYPE)
    typecode = {2: "B", 256: "b", 512: "H", 4: "h", 16: "f", 64: "d"}[code]
    voxels = bytes(int(value) % labels for value in array(typecode, content[352:]))
    struct.pack_into("<2h", header, DATATYPE, UINT8, 8)
    if way == "label":
        voxels = bytes([labels]) + voxels[1:]
    if way == "scaled":
        struct.pack_into("<f", header, SCALE, 2.0)
    if way.startswith("shifted"):
        (x,) = struct.unpack_from("<f", header, SROW + 12)
        struct.pack_into("<f", header, SROW + 12, x + float(way.removeprefix("shifted")))
    if way == "short":
        voxels = voxels[:-1]
    return bytes(header) + voxels


main()
